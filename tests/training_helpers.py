"""What the tests of training share: comparing results bit for bit, and drawing random experiments."""
import inspect

import numpy as np
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import kernels

_RECORDS = ("returns", "shaped_returns", "lengths", "agent_lengths")
_DERIVED = ("encoder.table", "central.table")       # follow from the others


def in_use(result):
    """All arrays of a result, cut to what is in use: two equal results have equal ones, whatever room they had."""
    known = result.experiment.resolved
    rows, used = known.by_row, known.used(result.arrays)
    record_every = result.experiment.record_every
    entries = int(result.arrays["episodes"].max()) // record_every + 1 if record_every else 0
    cut = {}
    for name, array in result.arrays.items():
        if name in _DERIVED:
            continue
        if name in rows:
            array = array[:, :used[rows[name]]]
        elif name in _RECORDS:
            array = array[:, :entries]
            # An entry that was not begun is zero, whether there is room for it or not.
            array = np.concatenate([array, np.zeros((len(array), entries - array.shape[1], *array.shape[2:]),
                                                    array.dtype)], axis=1)
        cut[name] = np.ascontiguousarray(array)
    return cut


def differing(one, other):
    """Names of the arrays in which two results differ in any bit."""
    a, b = in_use(one), in_use(other)
    names = sorted(set(a) ^ set(b))
    return names + [name for name in sorted(set(a) & set(b))
                    if a[name].shape != b[name].shape or a[name].dtype != b[name].dtype
                    or a[name].tobytes() != b[name].tobytes()]


def assert_same(one, other):
    """Two results are equal in every bit of every array, and stopped for the same reasons."""
    assert differing(one, other) == []
    assert one.stop_reason == other.stop_reason


def part_of(result, first, last):
    """Runs first to last - 1 of a result."""
    experiment = result.experiment.replace(runs=last - first, first_run=result.experiment.first_run + first)
    return mf.Result(experiment, {name: array[first:last] for name, array in result.arrays.items()})


def random_markov(seed, actions, states=3, certain=False, horizon=5, terminal=False, start="any"):
    """A Markov game with random rewards; the same for the same arguments.

    Parameters
    ----------
    certain : bool
        Each joint action leads to one state. Else to each with some probability, sometimes 0.
    terminal : bool
        The last state is terminal (with at least two states).
    start : {"any", "first"}
    """
    rng = np.random.default_rng(seed)
    joint = int(np.prod(actions))
    if certain:
        transitions = np.eye(states)[rng.integers(states, size=(states, joint))]
        if terminal and not horizon:
            transitions[:, -1] = np.eye(states)[-1]     # else the end may be out of reach, which is refused
    else:
        transitions = rng.random((states, joint, states)) * (rng.random((states, joint, states)) < 0.7) + 1e-3
        transitions /= transitions.sum(axis=2, keepdims=True)
    rewards = rng.normal(size=(states, joint, len(actions)))
    last = np.zeros(states, bool)
    last[-1] = terminal and states > 1
    begin = None
    if start == "any":
        begin = rng.random(states) * ~last
        begin /= begin.sum()
    return mf.games.MarkovGame(transitions, rewards, actions, start=begin, terminal=last, horizon=horizon)


def constant_draws(values):
    """Supplied draws that are the same for every run: ``values`` [steps, ...], its last record from then on."""
    values = np.asarray(values, float)

    def draws(run, first, n):
        return values[np.minimum(np.arange(first, first + n), len(values) - 1)]
    return draws


def actions_as_draws(actions, counts, extra=0):
    """Exploration draws that make agents (which always explore) take ``actions`` [steps, N]."""
    actions = np.asarray(actions)
    u = np.zeros((*actions.shape, 2 + extra))
    u[:, :, 1] = (actions + 0.5) / np.asarray(counts)
    return constant_draws(u)


def stream_draws(game, learner, seed):
    """The streams that training itself would read, as supplied draws."""
    kernel, k = game.kernel("numpy"), learner.draws()

    def stream(run, name, first, n, n_draws):
        return mf.draws.stream(seed, run, name, first * n_draws, n * n_draws).reshape(n, n_draws)

    def both(run, first, n, what, uniforms, normals):
        return np.concatenate([stream(run, f"{what}_uniforms", first, n, uniforms),
                               stream(run, f"{what}_normals", first, n, normals)], axis=1)

    return {
        "explore": lambda run, first, n: stream(run, "explore", first, n, game.agents * k).reshape(n, game.agents, k),
        "dynamics": lambda run, first, n: both(run, first, n, "step", kernel.step_uniforms, kernel.step_normals),
        "start": lambda run, first, n: both(run, first, n, "start", kernel.start_uniforms, kernel.start_normals),
    }


# -- random experiments --------------------------------------------------------------------------

def reals(least, most):
    """Some numbers between two, their ends among them."""
    return st.one_of(st.sampled_from([least, most]), st.floats(least, most, allow_nan=False, allow_subnormal=False))


@st.composite
def schedules(draw, least, most):
    """A number, or a schedule of any kind, with values in [least, most]."""
    low = draw(reals(least, most))
    high = draw(reals(low, most))
    per = draw(st.sampled_from(["step", "episode"]))
    kind = draw(st.sampled_from(["number", "constant", "linear", "exponential", "harmonic", "table"]))
    if kind == "number":
        return low
    if kind == "constant":
        return mf.schedules.Constant(high)
    if kind == "linear":
        ends = draw(st.permutations([low, high]))
        return mf.schedules.Linear(*ends, duration=draw(st.integers(1, 30)), per=per)
    if kind == "exponential":
        return mf.schedules.Exponential(high, draw(reals(0.0, 1.0)), minimum=low, per=per)
    if kind == "harmonic":
        return mf.schedules.Harmonic(high, draw(reals(0.0, 3.0)), minimum=low, per=per)
    return mf.schedules.Table(draw(st.lists(reals(low, high), min_size=1, max_size=5)), per=per)


@st.composite
def explorations(draw):
    if draw(st.booleans()):
        return mf.Boltzmann(draw(schedules(0.01, 10.0)))
    rule = {"ties": draw(st.sampled_from(["first", "random"])), "strict": draw(st.booleans())}
    if draw(st.booleans()):
        epsilon = draw(reals(0.0, 1.0))
        return mf.EpsilonGreedy(epsilon, decay=draw(reals(0.0, 1.0)), minimum=draw(reals(0.0, epsilon)),
                                per=draw(st.sampled_from(["step", "episode"])), **rule)
    return mf.EpsilonGreedy(draw(schedules(0.0, 1.0)), **rule)


@st.composite
def games(draw):
    kind = draw(st.sampled_from(["drift", "markov", "certain", "matrix"]))
    horizon = draw(st.sampled_from([0, 1, 2, 7]))
    if kind == "drift":
        return mf.games.Drift(
            agents=draw(st.integers(1, 5)), state_size=draw(st.integers(1, 3)), actions=draw(st.integers(1, 5)),
            horizon=horizon, noise=draw(st.sampled_from([0.0, 0.1, 3.0])),
            push=draw(st.sampled_from([0.05, -0.3, 0.0])), bonus_below=draw(st.sampled_from([None, 0, 3])))
    actions = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    seed = draw(st.integers(0, 1000))
    if kind == "matrix":
        rng = np.random.default_rng(seed)
        payoffs = [rng.normal(size=actions) for _ in range(draw(st.sampled_from([1, len(actions)])))]
        return mf.games.MatrixGame(*payoffs, horizon=horizon)
    return random_markov(seed, actions, states=draw(st.integers(1, 4)), certain=kind == "certain", horizon=horizon,
                         terminal=draw(st.booleans()), start=draw(st.sampled_from(["any", "first"])))


@st.composite
def encoders(draw, game):
    if game.observations is not None:
        return None
    if draw(st.booleans()):
        return mf.Rounding(draw(st.integers(-1, 2)))
    if draw(st.booleans()):
        return mf.Grid(-1.0, 1.5, draw(st.integers(1, 4)))
    bins = draw(st.lists(st.integers(1, 4), min_size=game.features, max_size=game.features))
    return mf.Grid([-1.0 - d for d in range(game.features)], [0.5] * game.features, bins)


@st.composite
def partitions(draw, agents):
    """Teams: every agent in exactly one."""
    number = draw(st.lists(st.integers(0, 2), min_size=agents, max_size=agents))
    return [[i for i in range(agents) if number[i] == k] for k in sorted(set(number))]


@st.composite
def structures(draw, game):
    n = game.agents
    kinds = ["individual", "cooperative", "mixed", "matrix"]
    kinds += ["competitive"] * (n > 1) + ["difference"] * (game.name == "drift")
    kind = draw(st.sampled_from(kinds))
    if kind == "mixed":
        return mf.rewards.mixed(draw(partitions(n)))
    if kind == "matrix":
        return mf.rewards.matrix(np.random.default_rng(draw(st.integers(0, 99))).normal(size=(n, n)))
    return getattr(mf.rewards, kind)()


def _sum_of_features(centres):
    """A potential that a caller might write."""
    return 0.3 * centres.sum(axis=1)


@st.composite
def shapings(draw, game, encoder):
    parts = []
    if draw(st.booleans()):
        parts.append(mf.rewards.Diversity(draw(reals(-1.0, 1.0))))
    if draw(st.booleans()):
        parts.append(mf.rewards.Redundancy(draw(reals(-1.0, 1.0))))
    if draw(st.booleans()):
        discount = draw(st.sampled_from([None, 0.5, 1.0]))
        dense = encoder is None or not encoder.grows
        kind = draw(st.sampled_from(["table", "per agent", "callable", "distance"] if dense else ["distance"]))
        if kind == "distance":
            d = game.features
            target = draw(st.sampled_from([0.25, [0.5] * d]))
            weights = draw(st.sampled_from([1.0, [0.1 * (k + 1) for k in range(d)]]))
            potential = mf.rewards.Distance(target, weights, order=draw(st.sampled_from([1, 2])))
        elif kind == "callable":
            potential = _sum_of_features
        else:
            rows = game.observations if encoder is None else encoder.rows(game)
            shape = rows if kind == "table" else (game.agents, rows)
            potential = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)
        parts.append(mf.rewards.PotentialBased(potential, discount=discount))
    return draw(st.permutations(parts))


@st.composite
def learners(draw, game, structure, encoder):
    counts = game.action_counts.tolist()
    shares = ["none"]
    if len(set(counts)) == 1:
        shares.append("all")
        if structure.teams:
            shares.append("team")
    # As few tables as agents with the same number of actions allow.
    kinds = list(dict.fromkeys(counts))
    shares.append([kinds.index(n) for n in counts])
    share = draw(st.sampled_from(shares))
    tables = {"none": game.agents, "all": 1, "team": len(structure.teams or ())}.get(share) if isinstance(share, str) \
        else len(kinds)
    shapes = [(), (game.max_actions,), (tables, game.max_actions)]
    if encoder is None or not encoder.grows:
        rows = game.observations if encoder is None else encoder.rows(game)
        shapes.append((rows, tables, game.max_actions))
    shape = draw(st.sampled_from(shapes))
    initial = draw(st.sampled_from([0.0, -0.0, 1.0, -2.5])) if shape == () else \
        np.random.default_rng(draw(st.integers(0, 99))).integers(-2, 3, size=shape) / 2.0
    return mf.IQL(draw(schedules(0.0, 1.0)), discount=draw(st.sampled_from([0.0, 0.5, 0.95, 1.0])),
                  explore=draw(explorations()), share=share, initial_q=initial)


@st.composite
def stop_rules(draw):
    rules = []
    if draw(st.booleans()):
        rules.append(mf.GreedyStable(draw(st.integers(1, 40))))
    if draw(st.booleans()):
        rules.append(mf.ReturnReached(draw(reals(-3.0, 1.0)), window=draw(st.integers(1, 5))))
    if draw(st.booleans()):
        rules.append(draw(st.sampled_from([mf.Steps(31), mf.Episodes(4)])))
    return draw(st.permutations(rules))


@st.composite
def experiments(draw, saved=False):
    """Any experiment that takes few steps.

    Parameters
    ----------
    saved : bool
        Only experiments that can be written to a file (no potential given as a function).
    """
    game = draw(games())
    encoder, structure = draw(encoders(game)), draw(structures(game))
    shaping = draw(shapings(game, encoder))
    if saved:
        shaping = [part for part in shaping if getattr(part, "potential", None) is not _sum_of_features]
    runs = draw(st.integers(1, 4))
    return mf.Experiment(
        game, draw(learners(game, structure, encoder)), encoder=encoder, rewards=structure, shaping=shaping,
        episodes=draw(st.sampled_from([None, 1, 6, 12])), steps=draw(st.integers(1, 90)), runs=runs,
        seed=draw(st.sampled_from([0, 1, 12345, 2**64 - 1])), stop=draw(stop_rules()),
        record_every=draw(st.sampled_from([0, 1, 3])), first_run=draw(st.sampled_from([0, 5, 2**32 - runs])))


def by_name(make, *arguments):
    """What ``make`` of a twin or a compiled kernel gives, by the names of its arguments, in their order."""
    twin = kernels("numpy", make.__module__.rpartition(".")[2].removeprefix("_"))
    return make(**dict(zip(inspect.signature(getattr(twin, make.__name__)).parameters, arguments, strict=False)))


def encoder_for(game, places):
    """An encoder by which any game is learned: None where observations are numbers, else one that rounds them."""
    if hasattr(game, "without_history"):
        return mf.History(game.k, encoder_for(game.without_history, places), actions=game.actions)
    return None if game.observations is not None else mf.Rounding(places)
