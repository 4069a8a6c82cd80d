"""What holds for every learner: each example, in episodes of every kind, gives the same numbers however it is run.

The examples stand beside the tests of each learner: ``EXAMPLES`` in ``tests/learners/test_NAME.py``.
"""
import dataclasses
import functools
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import assert_same, differing, in_use

import marlfast as mf
from learners.example import Example
from marlfast import registry
from marlfast.backends import kernels
from marlfast.games.own import NumPyGame, _Rows
from marlfast.policy import Player, plays_of
from marlfast.session import allocate

RUNS, STEPS = 3, 40


def states(example):
    """Five states, the last of them terminal: episodes of one to four steps, ended or cut.

    The terminal state looks like the first one, so that there is something in its row to bootstrap from by mistake.
    """
    rng, joint = np.random.default_rng(4), int(np.prod(example.actions))
    transitions = rng.random((5, joint, 5)) + 0.05
    rewards = rng.normal(size=(5, joint) if example.alike else (5, joint, len(example.actions)))
    return mf.games.MarkovGame(transitions / transitions.sum(axis=2, keepdims=True), rewards, example.actions,
                               terminal=[False] * 4 + [True], horizon=4, obs=np.array([0, 1, 2, 3, 0]))


def paid(experiment, rewards):
    """What the agents of a team learn from, where the reward structure mixes what they earn."""
    if experiment.rewards.name == "individual":
        return rewards
    own, weights, team_of = experiment.rewards.parts(experiment.game)
    sums = np.zeros((len(rewards), len(weights)))
    for agent, team in enumerate(team_of):
        sums[:, team] += rewards[:, agent]
    mixed = own * rewards
    for agent, team in enumerate(team_of):
        for k in range(len(weights)):
            mixed[:, agent] += weights[team, k] * sums[:, k]
    return mixed


@functools.cache
def line(actions, alike, common):
    """A game in Python, on a line that each agent sees from where it stands (or all from the same place)."""
    n, counts = len(actions), np.array(actions)

    def step(state, actions, uniforms, normals):
        push = (actions / counts).mean(axis=1, keepdims=True) - 0.25
        state = state + 0.4 * push + 0.2 * normals
        own = np.repeat(-np.abs(state), n, axis=1) + (0.0 if alike else 0.3 * actions)
        return state, own, np.abs(state[:, 0]) > 0.9

    def observe(state):
        return state[:, :, None] if common else state[:, None] + np.arange(n)[:, None]

    return NumPyGame(step, lambda uniforms, normals: uniforms - 0.5, observe=observe, agents=n,
                     actions=actions, state_size=1, features=1, views=1 if common else n, horizon=4,
                     step_normals=1, start_uniforms=1, setting="cooperative" if alike else "mixed")


@functools.cache
def party(actions, alike, common, size, lockstep=True):
    """Agents come and go, act or wait, and may do this or that, as chance has drawn for each state.

    Without ``lockstep`` a run is stepped to the end of its block before the next one, as compiled games are.
    """
    rng, n, most = np.random.default_rng(7), len(actions), max(actions)
    successors = rng.integers(0, size, (size, *actions))
    rewards = rng.normal(size=(size, *actions, 1 if alike else n)) + np.zeros(n)
    present, to_act = rng.random((2, size, n)) < np.array([0.75, 0.6])[:, None, None]
    present[0] = True
    legal = rng.random((size, n, most)) < 0.6
    legal[..., 0] |= ~(legal & (np.arange(most) < np.array(actions)[:, None])).any(axis=2)

    def place(state):
        return state[:, 0].astype(int)

    def step(state, actions, uniforms, normals):
        at = (place(state), *np.maximum(actions, 0).T)
        return successors[at][:, None].astype(float), rewards[at], uniforms[:, 0] < 0.1

    def observe(state):
        return state[:, :, None] if common else state[:, None] + 0.5 * np.arange(n)[:, None]

    game = NumPyGame(step, lambda uniforms, normals: np.zeros((len(uniforms), 1)), observe=observe, agents=n,
                     actions=actions, state_size=1, features=1, views=1 if common else n, horizon=6, step_uniforms=1,
                     setting="cooperative" if alike else "mixed", present=lambda state: present[place(state)],
                     to_act=lambda state: to_act[place(state)], legal=lambda state: legal[place(state)])
    if not lockstep:
        game._set(_kernel=lambda backend: kernels(backend, "own").Python(
            _Rows(game), n, 1, game.views, 1, (1, 0, 0, 0), False, most))
    return game


def places(example):
    """The game on a line for an example."""
    return line(example.actions, example.alike, example.common)


def train(example, game=None, encoder=None, central=None, **options):
    central = central if any(one.central for one in example.members) else None
    return mf.train(states(example) if game is None else game, example.team, encoder=encoder, central=central,
                    teams=example.teams, **{"steps": STEPS, "runs": RUNS, "seed": 3} | options)


def half(name):
    """After how many steps to stop on the way: another number for each name, the same at every time."""
    return 1 + zlib.crc32(name.encode()) % (STEPS - 1)


def assert_goes_on(name, whole, tmp_path, begin, game=None):
    """After some steps in one backend, saved and loaded, it ends in either as if it had never stopped."""
    first = ("cython", "numpy")[half(name) % 2]
    begin(steps=half(name), backend=first).save(tmp_path / "part.npz")
    for backend in ("cython", "numpy") if first == "cython" else ("cython",):
        part = mf.load(tmp_path / "part.npz", backend=backend, game=game)
        assert part.experiment.learner == whole.experiment.learner
        assert_same(mf.train(resume=part, steps=STEPS - half(name), backend=backend), whole)


def test_every_learner_is_the_same_however_it_is_run(example, example_name, tmp_path):
    """Numbered states: both backends, threads and blocks, stopped on the way, each run alone."""
    whole = train(example, threads=1, block=STEPS)
    assert_same(train(example, backend="numpy"), whole)
    assert_same(train(example, threads=2, block=7), whole)
    assert_goes_on(example_name, whole, tmp_path, functools.partial(train, example))
    alone = mf.train(whole.experiment.of_run(1).replace(first_run=1, runs=1))
    one = mf.Result(alone.experiment, {name: array[1:2] for name, array in whole.arrays.items()})
    assert differing(alone, one) == []
    learned = {name for name, array in in_use(whole).items() if name.startswith("learner.")
               and array.tobytes() != in_use(train(example, steps=1))[name].tobytes()}
    assert learned or not example.learns
    assert registry.from_dict("learner", example.team.to_dict()) == example.team


def test_every_learner_says_the_shapes_of_its_arrays(example):
    """Without making them; what an experiment or a file asks for is refused by them."""
    for game, encoder in ((states(example), None), (places(example), mf.Rounding(2))):
        if encoder is not None and example.numbered:
            continue
        known = mf.Experiment(game, example.team, encoder=encoder, teams=example.teams, steps=1, runs=RUNS,
                              central=mf.Rounding(1) if encoder and any(one.central for one in example.members)
                              and not example.common else None).resolved
        made = allocate(known, "numpy")
        said = known.shapes(game.kernel("numpy").state_size)
        assert {name: (array.shape, array.dtype.name) for name, array in made.items()} == {
            name: (tuple(map(int, one.shape)), one.dtype) for name, one in said.items()}


def test_every_learner_numbers_its_rows_as_they_come(example, example_name, tmp_path, monkeypatch):
    """Tables that grow several times, of observations and of states, in a game that is stepped for all runs at once."""
    if example.numbered:
        pytest.skip("what it is given is a number for each row")
    allocate = mf.Rounding.allocate
    monkeypatch.setattr(mf.Rounding, "allocate", lambda self, game, runs, rows=None: allocate(self, game, runs,
                                                                                              rows or 16))
    game, options = places(example), {"encoder": mf.Rounding(2), "central": mf.Rounding(1)}
    if example.common:
        options["central"] = None
    whole = train(example, game, **options)
    assert whole.used.min() > 32        # there was room for 16, then for 32
    assert_same(train(example, game, backend="numpy", **options), whole)
    assert_goes_on(example_name, whole, tmp_path, functools.partial(train, example, game, **options), game)


def test_every_learner_takes_agents_that_come_and_go_or_says_that_it_does_not(example, example_name, tmp_path):
    """Turns, leaving and masks: both backends, runs in lockstep or not, blocks, threads, stopped on the way."""
    size = 4 if example.numbered else 8
    facts = example.actions, example.alike, example.common or example.numbered, size
    game, encoder = party(*facts), mf.Grid(0, 4, 4) if example.numbered else mf.Rounding(1)
    if not all(one.moves for one in example.members):
        with pytest.raises(ValueError, match="does not take"):
            train(example, game, encoder, None if facts[2] else mf.Rounding(1))
        return
    options = {"encoder": encoder, "central": None if facts[2] else mf.Rounding(1)}
    whole = train(example, game, threads=1, block=STEPS, **options)
    assert_same(train(example, game, backend="numpy", **options), whole)
    assert_same(train(example, game, threads=2, block=7, **options), whole)
    alone = party(*facts, False)
    assert_same(train(example, alone, block=5, **options), whole)
    assert_same(train(example, alone, backend="numpy", **options), whole)
    assert_goes_on(example_name, whole, tmp_path, functools.partial(train, example, game, **options), game)


def test_where_all_act_and_may_do_anything_saying_so_changes_no_number(example):
    if not all(one.moves for one in example.members):
        pytest.skip("it does not take games that say so")
    if example.numbered:
        pytest.skip("what it is given is a number for each row")
    game, n = places(example), len(example.actions)
    told = dataclasses.replace(game, present=lambda state: np.ones((len(state), n), bool),
                               legal=lambda state: np.ones((len(state), n, max(example.actions)), bool))
    options = {"encoder": mf.Grid(-1, 1, 5), "central": None if example.common else mf.Grid(-1, 1, 5)}
    one, other = train(example, game, **options), train(example, told, **options)
    assert not set(one.arrays) - set(other.arrays)
    a, b = in_use(one), in_use(other)
    # What follows the end of the game is not looked at where agents may have left.
    assert [name for name in a if a[name].tobytes() != b[name].tobytes()] == []


def test_every_sparse_learner_takes_several_rows(example, example_name, tmp_path):
    """Observations in four tiles, states in two."""
    if not example.team.sparse or example.numbered:
        pytest.skip("takes one row")
    game, options = places(example), {"encoder": mf.Tiles(4, -1.0, 3.0, 3), "central": mf.Tiles(2, -1.0, 1.0, 3)}
    whole = train(example, game, **options)
    assert_same(train(example, game, backend="numpy", **options), whole)
    assert_goes_on(example_name, whole, tmp_path, functools.partial(train, example, game, **options), game)


def test_every_learner_can_be_stepped_by_hand(example, backend):
    """An environment and a team do what training does, in episodes that end at once, later, or at the time limit."""
    game, ends = states(example), set()
    length = STEPS if backend == "cython" else 9
    trained = train(example, game, backend=backend, steps=length)
    env = game.env(runs=RUNS, seed=3, backend=backend)
    team = example.team.team(game, runs=RUNS, seed=3, backend=backend, teams=example.teams)
    obs, steps = env.reset(), np.zeros(RUNS, int)
    for _ in range(length):
        actions = team.act(obs)
        next_obs, rewards, terminated, truncated = env.step(actions)
        team.update(obs, actions, paid(trained.experiment, rewards), next_obs, terminated, truncated)
        ended, steps = terminated | truncated, steps + 1
        ends |= {("cut" if cut else "at once" if n == 1 else "later") for n, cut in zip(
            steps[ended], truncated[ended], strict=True)}
        steps[ended] = 0
        obs = env.reset(ended) if ended.any() else next_obs
    assert ends == {"at once", "later", "cut"} or length < STEPS
    for name, array in team.arrays.items():
        assert array.tobytes() == trained.arrays[f"learner.{name}"].tobytes(), name


def test_every_learner_plays_what_it_learned(example):
    """Frozen, both backends play alike, and nothing is learned."""
    run = train(example)
    before = {name: array.tobytes() for name, array in run.arrays.items()}
    games = [mf.evaluate(states(example), run, episodes=9, seed=1, backend=backend) for backend in ("cython", "numpy")]
    assert games[0].returns.tobytes() == games[1].returns.tobytes()
    assert games[0].lengths.tolist() == games[1].lengths.tolist()
    assert {name: array.tobytes() for name, array in run.arrays.items()} == before


def test_every_learner_is_written_as_tables_or_says_why_not(example):
    """What a policy that stands alone says is what its learners play, in every row and in one never seen."""
    for game, encoder in ((states(example), None),) if example.numbered else (
            (states(example), None), (places(example), mf.Rounding(1))):
        run = train(example, game, encoder, mf.Rounding(1) if encoder and not example.common else None)
        for kind in ("policy", "behaviour"):
            policy = run.policy(1, kind=kind)
            if isinstance(policy.alone, str):
                assert "remember" in policy.alone or "together" in policy.alone
                continue
            player = Player(plays_of(policy, kind), game.agents, 1, 0)
            obs = run.rows[1] if game.observations is None else np.arange(4.0)[:, None]
            for one in [*obs[:6], *([np.full(game.features, 7.0)] if encoder else [])]:
                one = np.tile(one, (game.views, 1))
                for ours, theirs in zip(policy.alone.probabilities(one), player.chances(policy._rows(one)[None]),
                                        strict=True):
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-15)


# -- what many learners have: sharing, exploration ---------------------------------------------------

KINDS = {name: cls for name, cls in registry.names("learner").items() if cls.__module__.startswith("marlfast.")}


def first_example(learner_examples, name):
    """The first example in which a class of learners leads all agents."""
    return next((one for examples in learner_examples.values() for one in examples.values()
                 if not isinstance(one.learner, list) and one.team.name == name), None)


SHARING = [name for name, cls in KINDS.items() if "share" in cls.__dataclass_fields__]
EXPLORING = [name for name, cls in KINDS.items() if "explore" in cls.__dataclass_fields__]


@pytest.mark.parametrize("name", SHARING)
def test_every_learner_that_shares_has_one_table_own_tables_and_some(learner_examples, name, tmp_path):
    example, cls = first_example(learner_examples, name), KINDS[name]
    for share in ("all", "team", (0, 1, 0)):
        options = {"neighbours": "others"} if "neighbours" in cls.__dataclass_fields__ else {}
        shared = Example(cls(share=share, **options), (2, 2, 2), example.alike, [[0, 1, 2]] if example.alike else
                         [[0, 2], [1]])
        whole = train(shared)
        part = train(shared, backend="numpy", steps=half(f"{name}{share}"))
        part.save(tmp_path / "part.npz")
        assert_same(mf.train(resume=mf.load(tmp_path / "part.npz"), steps=STEPS - int(part.steps[0])), whole)
        tables = {"all": 1, "team": len(shared.teams), (0, 1, 0): 2}[share]
        assert any(array.ndim >= 3 and tables in array.shape[2:] for key, array in whole.arrays.items()
                   if key.startswith("learner."))


@pytest.mark.parametrize("name", EXPLORING)
def test_every_learner_explores_in_every_way(learner_examples, exploration_examples, name, tmp_path):
    example, cls = first_example(learner_examples, name), KINDS[name]
    if example is None:
        example = Example(None)
    taken = 0
    for explore in exploration_examples.values():
        try:
            learner = dataclasses.replace(example.learner or cls(mf.IQL()), explore=explore)
        except (TypeError, ValueError) as error:
            assert "explore" in str(error)      # some draw from a policy of their own
            continue
        one = dataclasses.replace(example, learner=learner)
        try:
            whole = train(one, steps=30)
        except ValueError as error:
            assert "explore" in str(error)
            continue
        assert_same(train(one, steps=30, backend="numpy", block=30), whole)
        taken += 1
    assert taken


@settings(max_examples=8)
@given(st.data())
def test_any_learners_in_one_team(learner_examples, data):
    """Agents with learners of their own, whatever their numbers of actions, and however episodes end."""
    choices = [example.learner[0] for examples in learner_examples.values() for example in examples.values()
               if isinstance(example.learner, list) and not isinstance(example.learner[0], tuple)]
    choices += [example.learner for examples in learner_examples.values() for example in examples.values()
                if not isinstance(example.learner, list)]
    actions = tuple(data.draw(st.sampled_from([(3, 3), (3, 3, 3), (3, 1), (2, 4, 3), (9, 3)])))
    horizon, terminal = data.draw(st.sampled_from([1, 4])), data.draw(st.booleans())
    rng, joint = np.random.default_rng(data.draw(st.integers(0, 99))), int(np.prod(actions))
    game = mf.games.MarkovGame(rng.dirichlet(np.ones(3), (3, joint)), rng.normal(size=(3, joint, len(actions))),
                               actions, terminal=[False, False, terminal], horizon=horizon)
    context = mf.learners.base.LearnerContext(game, mf.rewards.individual(), runs=RUNS)
    team = []
    for agent in range(len(actions)):
        one = data.draw(st.sampled_from(choices))
        try:
            one.check(dataclasses.replace(context, agent_ids=(agent,)), 3)
        except ValueError:
            one = mf.IQL(0.3)       # it does not fit this agent
        team.append(one)
    results = [mf.train(game, learners=team, steps=25, runs=RUNS, seed=9, backend=backend)
               for backend in ("cython", "numpy")]
    assert_same(*results)


# -- bad values ------------------------------------------------------------------------------------

HOSTILE = [object(), "no such thing", float("nan"), float("inf"), -1, 1.5, [object()], {"name": 3}, [], [0.1, "x"]]


@pytest.mark.parametrize("name", KINDS)
def test_bad_values_of_every_argument_are_refused_by_its_name(learner_examples, name):
    """Whatever is no value of an argument is refused in one sentence that names it; what is taken can be written."""
    cls = KINDS[name]
    good = next(one for examples in learner_examples.values() for example in examples.values()
                for one in (example.team, *example.members) if type(one) is cls)
    for field in dataclasses.fields(cls):
        refused = 0
        for value in HOSTILE:
            try:
                taken = dataclasses.replace(good, **{field.name: value})
            except (TypeError, ValueError) as error:
                assert field.name in str(error) and "\n" not in str(error), (field.name, value, str(error))
                refused += 1
            else:
                assert registry.from_dict("learner", taken.to_dict()) == taken
        assert refused >= 3, field.name


# -- nothing is left out -----------------------------------------------------------------------------

def test_every_learner_has_examples_of_all_its_kinds(learner_examples):
    """Every registered learner has an example; one that fits agents with different numbers of actions shows it."""
    shown = {}
    for examples in learner_examples.values():
        for example in examples.values():
            for one in (example.team, *example.members):
                shown.setdefault(one.name, []).append(example)
    assert set(KINDS) - set(shown) == set()
    for name, examples in shown.items():
        # Of a game that wants the same numbers of each: those who copy, those whose actions are averaged over.
        if name not in ("tit_for_tat", "mean_field_q", "mean_field_ac"):
            assert any(len(set(example.actions)) > 1 for example in examples), name
