"""Kernels called directly with what they cannot take: a clear error, alike in both backends, and nothing changed."""
import numpy as np
import pytest

from marlfast.backends import BACKENDS, kernels

from .make import (
    ROWS,
    A,
    N,
    R,
    S,
    Tables,
    drift,
    env_arguments,
    flags,
    grid_arguments,
    ints,
    learning_arguments,
    longs,
    loop_arguments,
    loop_arrays,
    made_env,
    made_loop,
    markov,
    markov_arguments,
    rounding_arguments,
    schedule,
    schedule_arguments,
    transition,
)

# -- every array argument of every kernel --------------------------------------------------------
# What is declared (marlfast/declarations) is spoilt in test_declarations.py.
# name: (module -> callable, module -> arguments, arguments that are written, (argument, axis) of any length).

def _game_step(size, uniforms, normals):
    return {"state": np.zeros((R, size)), "actions": ints(R, N), "uniforms": np.zeros((R, uniforms)),
            "normals": np.zeros((R, normals)), "rewards": np.zeros((R, N)), "terminated": flags(R)}


class _Still:
    """A player in whose game nothing ever happens."""

    def start(self, runs, uniforms, normals):
        return np.zeros((len(runs), S))

    def step(self, runs, state, actions, uniforms, normals):
        return state, np.zeros((len(runs), N)), np.zeros(len(runs), bool)

    def observe(self, runs, state):
        return np.zeros((len(runs), N, 1))


def _played(module):
    return module("own").Python(_Still(), N, S, N, 1, (1, 2, 1, 2), True)


CALLS = {
    "Drift.step": (lambda m: drift(m).step, lambda m: _game_step(S, 0, S), ("state", "rewards", "terminated"), ()),
    "Drift.start": (lambda m: drift(m).start, lambda m: {
        "state": np.zeros((R, S)), "uniforms": np.zeros((R, 0)), "normals": np.zeros((R, S))}, ("state",), ()),
    "Drift.observe": (lambda m: drift(m).observe, lambda m: {
        "state": np.zeros((R, S)), "observation": np.zeros((R, 1, S))}, ("observation",), ()),
    "Drift.counterfactual": (lambda m: drift(m).counterfactual, lambda m: {
        "state": np.zeros((R, S)), "actions": ints(R, N), "rewards": np.zeros((R, N)),
        "counterfactual": np.zeros((R, N))},
        ("counterfactual",), ()),
    "Markov.step": (lambda m: markov(m).step, lambda m: _game_step(1, 1, 0), ("state", "rewards", "terminated"), ()),
    "Markov.start": (lambda m: markov(m).start, lambda m: {
        "state": np.zeros((R, 1)), "uniforms": np.zeros((R, 1)), "normals": np.zeros((R, 0))}, ("state",), ()),
    "Markov.observe": (lambda m: markov(m).observe, lambda m: {
        "state": np.zeros((R, 1)), "observation": np.zeros((R, N, 1))}, ("observation",), ()),
    "Markov, certain": (lambda m: m("markov").Markov, lambda m: markov_arguments(True), (), ()),
    "Markov, by chance": (lambda m: m("markov").Markov, lambda m: markov_arguments(False), (), ()),
    "Python.step": (lambda m: _played(m).step, lambda m: _game_step(S, 1, 2), ("state", "rewards", "terminated"), ()),
    "Python.start": (lambda m: _played(m).start, lambda m: {
        "state": np.zeros((R, S)), "uniforms": np.zeros((R, 1)), "normals": np.zeros((R, 2))}, ("state",), ()),
    "Python.observe": (lambda m: _played(m).observe, lambda m: {
        "state": np.zeros((R, S)), "observation": np.zeros((R, N, 1))}, ("observation",), ()),
    "Compiled": (lambda m: m("own").Compiled, lambda m: {
        "step": 1, "start": 1, "observe": 0, "parameters": np.ones(3), "agents": N, "state_size": S, "views": 1,
        "features": S, "draws": (0, 0, 0, 0), "repeat": None, "functions": None}, (), (("parameters", 0),)),
    "Discrete.encode": (lambda m: m("encoders").Discrete(R, N, N, 5).encode, lambda m: {
        "observation": np.zeros((R, N, 1)), "rows": ints(R, N)}, ("rows",), ()),
    "Grid.encode": (lambda m: m("encoders").Grid(**grid_arguments()).encode, lambda m: {
        "observation": np.zeros((R, 1, S)), "rows": ints(R, N)}, ("rows",), ()),
    "Rounding.encode": (lambda m: m("encoders").Rounding(**rounding_arguments()).encode, lambda m: {
        "observation": np.zeros((R, N, 2)), "rows": ints(R, N)}, ("rows",), ()),
    "Mix.apply": (lambda m: m("rewards").Mix(R, drift(m), 1.0, np.ones((1, 1)), ints(N)).apply,
                  lambda m: transition(), ("rewards",), ()),
    "Difference.apply": (lambda m: m("rewards").Difference(R, drift(m)).apply, lambda m: transition(),
                         ("rewards",), ()),
    "Diversity.apply": (lambda m: m("rewards").Diversity(R, drift(m), A, 0.2).apply, lambda m: transition(),
                        ("rewards",), ()),
    "Redundancy.apply": (lambda m: m("rewards").Redundancy(R, drift(m), A, 0.2).apply, lambda m: transition(),
                         ("rewards",), ()),
    "PotentialTable.begin": (lambda m: m("rewards").PotentialTable(R, drift(m), 0.9, np.ones((1, ROWS))).begin,
                             lambda m: {"rows": ints(R, N), "observation": np.zeros((R, 1, S))}, (), ()),
    "PotentialTable.apply": (lambda m: m("rewards").PotentialTable(R, drift(m), 0.9, np.ones((1, ROWS))).apply,
                             lambda m: transition(), ("rewards",), ()),
    "PotentialDistance.apply": (
        lambda m: m("rewards").PotentialDistance(R, drift(m), 0.9, np.ones(S), np.ones(S), 2).apply,
        lambda m: transition(), ("rewards",), ()),
    "Schedule.tick": (lambda m: m("schedules").Schedule(**schedule_arguments()).tick, lambda m: {"ended": flags(R)},
                      (), ()),
    "QLearning.act": (lambda m: m("q_learning").QLearning(**learning_arguments(m)).act, lambda m: {
        "rows": ints(R, N), "draws": np.zeros((R, N, 2)), "actions": ints(R, N)}, ("actions",), ()),
    "QLearning.update": (lambda m: m("q_learning").QLearning(**learning_arguments(m)).update, lambda m: {
        "rows": ints(R, N), "actions": ints(R, N), "rewards": np.ones((R, N)), "next_rows": ints(R, N),
        "terminated": flags(R), "changed": flags(R)}, ("changed",), ()),
    "QLearning.tick": (lambda m: m("q_learning").QLearning(**learning_arguments(m)).tick, lambda m: {"ended": flags(R)},
                       (), ()),
    "philox4x32": (lambda m: m("draws").philox4x32, lambda m: {
        "counter": np.zeros(4, np.uint32), "key": np.zeros(2, np.uint32)}, (), ()),
    "fill": (lambda m: m("draws").fill, lambda m: {
        "seed": 1, "stream": 0, "runs": longs(R), "first": longs(R), "out": np.zeros((R, 5)), "normal": False},
        ("out",), (("out", 1),)),
    "exp": (lambda m: m("draws").exp, lambda m: {"x": np.ones(3), "out": np.zeros(3)}, ("out",), ()),
    "log": (lambda m: m("draws").log, lambda m: {"x": np.ones(3), "out": np.zeros(3)}, ("out",), ()),
    "Loop.advance": (lambda m: made_loop(m)[0].advance, lambda m: {"lo": 0, "hi": R, "target": longs(R) + 1}, (), ()),
    "Env.reset": (lambda m: made_env(m)[0].reset, lambda m: {"which": ~flags(R)}, (), ()),
    "Env.step": (lambda m: _begun(m).step, lambda m: {"actions": ints(R, N), "which": ~flags(R)}, (), ()),
}


def _begun(module):
    env, _ = made_env(module)
    env.reset(~flags(R))
    return env


OTHER_DTYPE = {"float64": np.float32, "int32": np.int64, "int64": np.int32, "bool": np.uint8, "uint32": np.int32}


def corruptions():
    """(call, argument, how, the changed array) of everything that can be wrong with an array."""
    module = modules("numpy")
    for call, (_, arguments, written, free) in CALLS.items():
        for name, array in arguments(module).items():
            if not isinstance(array, np.ndarray):
                continue
            wrong = {"a list": array.tolist(), "None": None, "a number": array.dtype.type(1).item(),
                     "another dtype": array.astype(OTHER_DTYPE[array.dtype.name]), "objects": array.astype(object),
                     "another axis": array[None].copy(), "no axis": np.zeros((), array.dtype)}
            if array.dtype.itemsize > 1:
                wrong["another byte order"] = array.astype(array.dtype.newbyteorder())
            for axis in range(array.ndim):
                if (name, axis) not in free:
                    shape = [n + (k == axis) for k, n in enumerate(array.shape)]
                    wrong[f"longer in axis {axis}"] = np.resize(array, shape).astype(array.dtype) if array.size \
                        else np.zeros(shape, array.dtype)
            if array.size and len(array) > 1:
                wrong["backwards"] = np.ascontiguousarray(array[::-1])[::-1]
                wrong["every second"] = np.repeat(array, 2, axis=0)[::2]
            if name in written:
                wrong["read-only"] = array.copy()
                wrong["read-only"].flags.writeable = False
            if name == "obs" or (call, name) == ("Env.step", "which"):
                del wrong["None"]           # means that the state's number is observed; that all runs are stepped
            for how, value in wrong.items():
                yield pytest.param(call, name, value, id=f"{call}-{name}-{how}")


def modules(backend):
    return lambda name: kernels(backend, name)


def snapshot(arguments):
    return {name: value.tobytes() for name, value in arguments.items() if isinstance(value, np.ndarray)}


def test_the_good_arguments_are_good():
    """What the next test spoils works unspoilt, in both backends."""
    for backend in BACKENDS:
        for call, (target, arguments, *_) in CALLS.items():
            module = modules(backend)
            assert target(module)(**arguments(module)) is not NotImplemented, call


@pytest.mark.parametrize("call, name, value", list(corruptions()))
def test_an_unfit_array_is_refused(call, name, value):
    errors = []
    for backend in BACKENDS:
        module = modules(backend)
        target, arguments, *_ = CALLS[call]
        given = arguments(module) | {name: value}
        before = snapshot(given)
        with pytest.raises((TypeError, ValueError)) as caught:
            target(module)(**given)
        assert snapshot(given) == before
        errors.append((caught.type, str(caught.value)))
    # The number of runs is the length of the first array: another may be the one that does not fit.
    named = errors[0][1].partition(":")[0]
    longer = isinstance(value, np.ndarray) and value.ndim > 0
    assert named == name or longer and named in {*arguments(modules("numpy")), "encoder"}, errors
    assert errors[0] == errors[1]


# -- what arrays contain -------------------------------------------------------------------------

BEYOND = [-1, 2**31 - 1, -(2**31)]
BAD_ACTION, BAD_ROW = "an action lies outside the agent's actions", "a row lies outside the table"


def refused(message, function, *watched):
    """The function raises ValueError with this message and leaves the watched arrays as they were."""
    before = [array.tobytes() for array in watched]
    with pytest.raises(ValueError) as caught:
        function()
    assert str(caught.value) == message
    assert [array.tobytes() for array in watched] == before


@pytest.fixture(params=[False, True], ids=["apart", "packed"])
def layout(request, backend):
    """As ``module``; tables lie apart, or in one piece, for which the kernels have a faster way."""
    def found(name):
        return kernels(backend, name)

    found.packed = request.param
    return found


def one_run(module, actions=(A, A), **options):
    """Tables of one run of two agents; the first greatest action of every cell is 1."""
    q = np.zeros((1, ROWS, N, options.pop("n_actions", A)))
    q[..., 1] = 1.0
    return Tables(module, q, actions=actions, **options)


@pytest.mark.parametrize("row", [*BEYOND, ROWS])
@pytest.mark.parametrize("options", [{}, {"ties": 1}, {"kind": 1, "exploration": 1.0}], ids=str)
def test_acting_in_a_row_outside_the_table(layout, row, options):
    t = one_run(layout, **options)
    draws = np.full((1, N, t.kernel.draws), 0.5)
    refused(f"act: {BAD_ROW}", lambda: t.act([[0, row]], draws), t.q, t.greedy, t.visits)
    assert (t.act([[0, ROWS - 1]], draws) >= 0).all()


@pytest.mark.parametrize("greedy", [*BEYOND, 2, A])
@pytest.mark.parametrize("options", [{}, {"ties": 1}, {"kind": 1, "exploration": 1.0}], ids=str)
def test_acting_on_a_corrupted_greedy_action(layout, greedy, options):
    # The second agent has 2 of the 3 actions: 2 is outside too.
    t = one_run(layout, actions=(A, 2), **options)
    t.greedy[0, 0, 1] = greedy
    refused(f"act: {BAD_ACTION}", lambda: t.act([[0, 0]], np.full((1, N, t.kernel.draws), 0.5)), t.q, t.greedy)


@pytest.mark.parametrize("draw", [1.0, 2.0, -0.5, -1e-9, 1e300, -1e300, np.inf, -np.inf, np.nan])
def test_an_exploring_draw_outside_the_unit_interval(layout, draw):
    t = one_run(layout, exploration=1.0)
    refused("act: a draw lies outside [0, 1)", lambda: t.act([[0, 0]], [[[0.5, 0.5], [0.5, draw]]]), t.q, t.greedy)


@pytest.mark.parametrize("kind, options", [
    ("actions", {"actions": [[0, a]]}) for a in (*BEYOND, 2, A)] + [
    ("rows", {"rows": [[0, r]]}) for r in (*BEYOND, ROWS)] + [
    ("rows", {"next_rows": [[0, r]]}) for r in (*BEYOND, ROWS)], ids=str)
@pytest.mark.parametrize("terminated", [False, True])
def test_learning_from_what_lies_outside(layout, kind, options, terminated):
    t = one_run(layout, actions=(A, 2), agent_ids=[1])
    given = {"rows": [[0, 0]], "actions": [[0, 0]], "rewards": [[1.0, 1.0]], "next_rows": [[0, 0]]} | options
    refused(f"update: {BAD_ACTION if kind == 'actions' else BAD_ROW}",
            lambda: t.update(**given, terminated=[terminated]), t.q, t.greedy, t.visits)


def test_agents_before_the_one_at_fault_have_learned_and_those_after_have_not(layout):
    # Agents learn in order: the fault of agent 1 stops it and agent 2, in both backends.
    t = Tables(layout, np.zeros((1, 1, 3, 2)))
    with pytest.raises(ValueError, match="^update: an action lies"):
        t.update([[0] * 3], [[0, 2, 0]], [[1.0] * 3], [[0] * 3])
    assert t.q[0, 0, :, 0].tolist() == [0.5, 0.0, 0.0] and t.visits.ravel().tolist() == [1, 0, 0]


@pytest.mark.parametrize("n_actions", [A, 12])
@pytest.mark.parametrize("greedy", [*BEYOND, 2, 12])
def test_bootstrapping_from_a_corrupted_greedy_action(layout, greedy, n_actions):
    t = one_run(layout, actions=(2, 2), n_actions=n_actions)
    t.greedy[0, 1, 0] = greedy
    refused(f"update: {BAD_ACTION}", lambda: t.update([[0, 0]], [[0, 0]], [[1.0, 1.0]], [[1, 1]]), t.q, t.greedy,
            t.visits)


@pytest.mark.parametrize("n_actions", [A, 12])
@pytest.mark.parametrize("greedy", [-1, "n_actions"])
@pytest.mark.parametrize("action", [0, 1])
def test_writing_where_the_greedy_action_is_corrupted(layout, greedy, n_actions, action):
    # The greatest value is read at the greedy action: outside the cell that would be another cell's, or none.
    t = one_run(layout, actions=(n_actions, n_actions), n_actions=n_actions)
    t.greedy[0, 1, 0] = n_actions if greedy == "n_actions" else greedy
    refused(f"update: {BAD_ACTION}", lambda: t.update([[1, 1]], [[action] * 2], [[1.0, 1.0]], [[0, 0]], [True]),
            t.q, t.greedy, t.visits)


@pytest.mark.parametrize("actions", [[0, 3], [A + 1, 1], [-1, 1]])
def test_find_greedy_of_impossible_counts(module, actions):
    greedy = ints(2) - 5
    refused(f"n_actions: expected 1 to {A} actions, got {min(actions)} to {max(actions)}",
            lambda: module("q_learning").find_greedy(np.zeros((2, A)), np.array(actions, np.int32), greedy), greedy)


@pytest.mark.parametrize("n_actions", [1, 2, 3, 4, 5, 8, 9, 12])
def test_find_greedy_of_undefined_values_is_an_action_and_alike(n_actions):
    # A NaN cannot be ordered; what comes out must still be one of the actions, and the same in both backends.
    q = np.array([[np.nan] * n_actions, [np.nan] + [1.0] * (n_actions - 1), [1.0] * (n_actions - 1) + [np.nan],
                  [np.nan if a % 2 else float(a) for a in range(n_actions)],
                  [float(a) if a % 2 else np.nan for a in range(n_actions)]])
    got = []
    for backend in BACKENDS:
        greedy = ints(len(q)) - 5
        kernels(backend, "q_learning").find_greedy(q, ints(len(q)) + n_actions, greedy)
        got.append(greedy.tolist())
    assert 0 <= min(got[0]) and max(got[0]) < n_actions
    assert got[0] == got[1]


@pytest.mark.parametrize("name", ["Diversity", "Redundancy"])
@pytest.mark.parametrize("actions", [A, 64, 65, 200])
@pytest.mark.parametrize("beyond", [-1, "actions", 2**31 - 1, -(2**31)])
def test_counting_actions_outside(module, name, actions, beyond):
    reward = getattr(module("rewards"), name)(R, drift(module), actions, 0.2)
    t = transition()
    t["actions"][0] = [0, actions if beyond == "actions" else beyond]
    refused(f"apply: {BAD_ACTION}", lambda: reward.apply(**t), t["rewards"][:1], t["actions"])


@pytest.mark.parametrize("row", [*BEYOND, ROWS])
@pytest.mark.parametrize("tables", [1, N])
def test_a_potential_of_a_row_outside(module, row, tables):
    reward = module("rewards").PotentialTable(R, drift(module), 0.9, np.ones((tables, ROWS)))
    t = transition()
    t["next_rows"][1, 1] = row
    with pytest.raises(ValueError, match=f"^apply: {BAD_ROW}$"):
        reward.apply(**t)
    with pytest.raises(ValueError, match=f"^begin: {BAD_ROW}$"):
        reward.begin(t["next_rows"], t["observation"])


@pytest.mark.parametrize("name, value, message", [
    ("table_of", [0, 2], "table_of: expected tables 0 to 1, got 0 to 2"),
    ("table_of", [-1, 0], "table_of: expected tables 0 to 1, got -1 to 0"),
    ("n_actions", [3, 4], "n_actions: expected 1 to 3 actions, got 3 to 4"),
    ("n_actions", [0, 3], "n_actions: expected 1 to 3 actions, got 0 to 3"),
    ("agent_ids", [2], "agent_ids: expected at least one agent from 0 to 1, got 2 to 2"),
    ("agent_ids", [-1], "agent_ids: expected at least one agent from 0 to 1, got -1 to -1"),
    ("agent_ids", [], "agent_ids: expected at least one agent from 0 to 1, got none"),
    ("kind", 3, "kind: expected 0 to 2, got 3"),
    ("kind", -1, "kind: expected 0 to 2, got -1"),
    ("draws", 1, "draws: expected at least 2, got 1"),
    ("draws", -3, "draws: expected at least 2, got -3"),
])
def test_impossible_learners(module, name, value, message):
    value = np.array(value, np.int32) if isinstance(value, list) else value
    with pytest.raises(ValueError) as caught:
        module("q_learning").QLearning(**learning_arguments(module) | {name: value})
    assert str(caught.value) == message


def test_ties_and_boltzmann_need_their_draws(module):
    for changes, needed in (({"ties": 1, "draws": 2}, 3), ({"kind": 1, "draws": 0}, 1)):
        with pytest.raises(ValueError, match=f"^draws: expected at least {needed}, got {needed - 1}$"):
            module("q_learning").QLearning(**learning_arguments(module, **changes))


def test_schedules_of_other_runs(module):
    other = schedule(module("schedules"), 0.5, R + 1)
    for name in ("rate", "exploration"):
        with pytest.raises(ValueError, match=f"^{name}: expected {R} runs, got {R + 1}$"):
            module("q_learning").QLearning(**learning_arguments(module, **{name: other}))


@pytest.mark.parametrize("shape", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_empty_tables(module, shape):
    with pytest.raises(ValueError, match="^q: expected "):
        module("q_learning").QLearning(**learning_arguments(module, q=np.zeros(shape)))


@pytest.mark.parametrize("changes, message", [
    ({"kind": 6}, "kind: expected 0 to 5, got 6"), ({"kind": -1}, "kind: expected 0 to 5, got -1"),
    ({"table": np.zeros(0)}, "table: expected at least one value, got none"),
    ({"ticks": longs(R) - 1}, "ticks: expected at least 0, got -1"),
    ({name: np.zeros(0) for name in ("start", "final", "rate", "value")} | {"ticks": longs(0)},
     "start: expected at least one run, got shape (0,)"),
])
def test_impossible_schedules(module, changes, message):
    with pytest.raises(ValueError) as caught:
        module("schedules").Schedule(**schedule_arguments() | changes)
    assert str(caught.value) == message


VIEWS = "n_agents, views, features: expected at least 1, and views 1 or n_agents, got {}, {}, {}"


@pytest.mark.parametrize("agents, views", [(0, 1), (-1, 1), (3, 2), (2, 0), (2, -1)])
def test_impossible_views(module, agents, views):
    encoders = module("encoders")
    for features, make in ((1, lambda: encoders.Discrete(R, agents, views, 5)),
                           (S, lambda: encoders.Grid(**grid_arguments() | {"n_agents": agents, "views": views})),
                           (2, lambda: encoders.Rounding(**rounding_arguments() | {
                               "n_agents": agents, "views": views}))):
        with pytest.raises(ValueError) as caught:
            make()
        assert str(caught.value) == VIEWS.format(agents, views, features)


@pytest.mark.parametrize("runs", [0, -1])
def test_encoders_of_no_runs(module, runs):
    for make in (lambda: module("encoders").Discrete(runs, N, 1, 5),
                 lambda: module("encoders").Grid(**grid_arguments() | {"n_runs": runs})):
        with pytest.raises(ValueError, match=f"^n_runs: expected at least 1, got {runs}$"):
            make()


@pytest.mark.parametrize("runs", [0, -1])
def test_rewards_of_no_runs(module, runs):
    rewards, game = module("rewards"), drift(module)
    for make in (lambda: rewards.Mix(runs, game, 1.0, np.zeros((0, 0)), ints(N)),
                 lambda: rewards.Difference(runs, game), lambda: rewards.Diversity(runs, game, A, 0.1),
                 lambda: rewards.Redundancy(runs, game, A, 0.1),
                 lambda: rewards.PotentialTable(runs, game, 0.9, np.ones((1, 3))),
                 lambda: rewards.PotentialDistance(runs, game, 0.9, np.ones(S), np.ones(S), 1)):
        with pytest.raises(ValueError, match=f"^n_runs: expected at least 1, got {runs}$"):
            make()


@pytest.mark.parametrize("make, message", [
    (lambda m: m("encoders").Discrete(R, N, 1, 0), "n_rows: expected 1 to 2**31 - 1, got 0"),
    (lambda m: m("encoders").Discrete(R, N, 1, 2**31), "n_rows: expected 1 to 2**31 - 1, got 2147483648"),
    (lambda m: m("encoders").Grid(**grid_arguments() | {"bins": longs(S)}), "bins: expected at least 1, got 0"),
    (lambda m: m("encoders").Grid(**grid_arguments() | {"bins": longs(S) + 2**11}),
     "bins: 8589934592 cells are more than the 2**31 - 1 that can be numbered"),
    (lambda m: m("encoders").Grid(**grid_arguments() | {"bins": longs(S) + 2**62}),
     f"bins: {2**186} cells are more than the 2**31 - 1 that can be numbered"),
    (lambda m: m("rewards").Mix(R, drift(m), 1.0, np.ones((2, 2)), ints(N) + 2),
     "team_of_agent: expected teams 0 to 1"),
    (lambda m: m("rewards").Mix(R, drift(m), 1.0, np.ones((2, 2)), ints(N) - 1),
     "team_of_agent: expected teams 0 to 1"),
    (lambda m: m("rewards").Mix(R, drift(m), 1.0, np.ones((2, 3)), ints(N)),
     "weights: expected shape (2, 2), got (2, 3)"),
    (lambda m: m("rewards").Diversity(R, drift(m), 0, 0.2), "n_actions: expected at least 1, got 0"),
    (lambda m: m("rewards").Redundancy(R, drift(m), -1, 0.2), "n_actions: expected at least 1, got -1"),
    (lambda m: m("rewards").PotentialTable(R, drift(m), 0.9, np.ones((3, 4))),
     "table: expected shape (1 or 2, n_rows), got (3, 4)"),
    (lambda m: m("rewards").PotentialTable(R, drift(m), 0.9, np.ones((1, 0))),
     "table: expected shape (1 or 2, n_rows), got (1, 0)"),
    (lambda m: m("rewards").PotentialDistance(R, drift(m), 0.9, np.ones(S), np.ones(S), 3),
     "order: expected 1 or 2, got 3"),
    (lambda m: m("drift").Drift(0, 1, 0.1, 0.1, 0.1, 1), "agents, state_size: expected at least 1, got 0, 1"),
    (lambda m: m("drift").Drift(1, -1, 0.1, 0.1, 0.1, 1), "agents, state_size: expected at least 1, got 1, -1"),
    (lambda m: m("markov").Markov(**markov_arguments(True) | {"actions": ints(0)}),
     "actions: expected at least one agent, got none"),
    (lambda m: m("markov").Markov(**markov_arguments(True) | {"actions": np.array([2, 0], np.int32)}),
     "actions: agent 1 needs at least 1 action, got 0"),
    (lambda m: m("markov").Markov(**markov_arguments(True) | {"successors": ints(8) + 2}),
     "successors: expected states from 0 to 1"),
    (lambda m: m("markov").Markov(**markov_arguments(False) | {"successors": ints(16) - 1}),
     "successors: expected states from 0 to 1"),
    (lambda m: m("markov").Markov(**markov_arguments(True) | {"start": np.zeros(0)}),
     "start: expected at least one state, got none"),
    *[(lambda m, first=first: m("markov").Markov(**markov_arguments(False) | {"first": np.array(first)}),
       "first: expected numbers that rise from 0 to 16, an outcome for every cell") for first in (
        [0, 2, 4, 6, 8, 10, 12, 14, 15], [1, 2, 4, 6, 8, 10, 12, 14, 16], [0, 2, 4, 4, 8, 10, 12, 14, 16],
        [0, 2, 1, 6, 8, 10, 12, 14, 16], [0, 2, 4, 6, 8, 10, 12, 99, 16], [0, 2, 4, 6, 8, 10, 12, -(2**62), 16])],
    (lambda m: m("markov").Markov(**markov_arguments(True) | {"sums": np.ones(8)}),
     "first: expected an array, as sums is one, or None for both"),
    (lambda m: m("markov").Markov(**markov_arguments(False) | {"rewards": np.ones((9, N))}),
     "rewards: expected a row for each of 16 outcomes or 8 cells, got 9"),
    (lambda m: m("markov").Markov(**markov_arguments(False) | {"obs": ints(2, 3)}),
     "obs: expected 1 or 2 columns, got 3"),
    (lambda m: m("markov").Markov(**markov_arguments(False) | {"obs": ints(2, 0)}),
     "obs: expected 1 or 2 columns, got 0"),
    (lambda m: m("markov").Markov(**markov_arguments(False) | {"movers": ints(2) + N}),
     "movers: expected agents from 0 to 1, got 2 to 2"),
    # The number of joint actions is greater than 2**63.
    (lambda m: m("markov").Markov(np.array([2**31 - 1] * 2 + [3], np.int32), None, ints(1), None, np.ones((1, 3)),
                                  np.ones(1), flags(1), None),
     f"successors: expected shape ({(2**31 - 1)**2 * 3},), got (1,)"),
])
def test_impossible_parameters(module, make, message):
    with pytest.raises(ValueError) as caught:
        make(module)
    assert str(caught.value) == message


# -- the hash table of rounding ------------------------------------------------------------------

@pytest.mark.parametrize("changes, message", [
    ({"table": ints(R, 4)}, "table: expected slots a power of two greater than 4 rows, got 4"),
    ({"table": ints(R, 6)}, "table: expected slots a power of two greater than 4 rows, got 6"),
    ({"table": ints(R, 0)}, "table: expected slots a power of two greater than 4 rows, got 0"),
    ({"used": np.array([0, 5])}, "used: expected 0 to 4 rows in use, got 0 to 5"),
    ({"used": np.array([-1, 0])}, "used: expected 0 to 4 rows in use, got -1 to 0"),
    ({"table": ints(R, 8) + 1}, "table: expected row numbers in use, plus 1"),
    ({"table": ints(R, 8) - 1}, "table: expected row numbers in use, plus 1"),
    # One more than is in use in the second run.
    ({"table": np.array([[2] + [0] * 7] * 2, np.int32), "used": np.array([2, 1])},
     "table: expected row numbers in use, plus 1"),
    # No slot is empty: a search would never end.
    ({"table": ints(R, 8) + 1, "used": longs(R) + 1}, "table: expected row numbers in use, plus 1"),
    ({"keys": longs(0, 4, 2), "table": ints(0, 8), "used": longs(0)},
     "keys: expected at least one run and 1 to 2**31 - 2 rows, got 0, 4"),
    ({"keys": longs(R, 0, 2)}, "keys: expected at least one run and 1 to 2**31 - 2 rows, got 2, 0"),
    ({"keys": longs(R, 4, 0)}, VIEWS.format(N, N, 0)),
])
def test_impossible_hash_tables(module, changes, message):
    with pytest.raises(ValueError) as caught:
        module("encoders").Rounding(**rounding_arguments() | changes)
    assert str(caught.value) == message


# -- draws ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed, stream", [(-1, 0), (2**64, 0), (0, -1), (0, 2**32)])
def test_seeds_and_streams_outside(module, seed, stream):
    out = np.full((1, 3), 7.0)
    with pytest.raises(OverflowError):
        module("draws").fill(seed, stream, longs(1), longs(1), out, False)
    assert (out == 7.0).all()


@pytest.mark.parametrize("runs, first, message", [
    ([0, -1], [0, 0], "runs: expected run numbers from 0 to 2**32 - 1, got -1"),
    ([2**32, 0], [0, 0], "runs: expected run numbers from 0 to 2**32 - 1, got 4294967296"),
    ([0, 0], [0, -1], "first: expected positions from 0 to 2**62 - 1, got -1"),
    ([0, 0], [2**62, 0], f"first: expected positions from 0 to 2**62 - 1, got {2**62}"),
])
def test_runs_and_positions_outside(module, runs, first, message):
    out = np.full((2, 3), 7.0)
    refused(message, lambda: module("draws").fill(0, 0, np.array(runs), np.array(first), out, False), out)


# -- the loop ------------------------------------------------------------------------------------

@pytest.mark.parametrize("lo, hi", [(-1, 1), (0, R + 1), (2, 1), (R + 1, R + 1), (-2, -1), (0, 2**40)])
def test_ranges_of_runs_outside(module, lo, hi):
    loop, arrays, tables = made_loop(module)
    message = f"lo, hi: expected 0 <= lo <= hi <= {R}, got {lo}, {hi}"
    watched = [*arrays.values(), tables.q]
    refused(message, lambda: loop.begin(lo, hi), *watched)
    refused(message, lambda: loop.advance(lo, hi, longs(R) + 5), *watched)


def test_an_empty_range_does_nothing(module):
    loop, arrays, tables = made_loop(module)
    before = {name: array.tobytes() for name, array in arrays.items()}
    for lo in range(R + 1):
        assert loop.begin(lo, lo) == 0 and loop.advance(lo, lo, longs(R) + 5) == 0
    assert {name: array.tobytes() for name, array in arrays.items()} == before and not tables.q.any()


def test_a_range_leaves_the_other_runs_alone(module):
    loop, arrays, tables = made_loop(module)
    loop.begin(0, R)
    before = {name: array[0].tobytes() for name, array in arrays.items()}
    loop.advance(1, 2, longs(R) + 7)
    assert {name: array[0].tobytes() for name, array in arrays.items()} == before
    assert arrays["steps"].tolist() == [0, 7] and not tables.visits[0].any() and tables.visits[1].sum() == 7 * N


@pytest.mark.parametrize("name, value, message", [
    ("steps", -1, "steps: expected at least 0, got -1"), ("episodes", -2, "episodes: expected at least 0, got -2"),
    ("episode_steps", -1, "episode_steps: expected at least 0, got -1"),
    ("run_numbers", -1, "run_numbers: expected 0 to 4294967295, got -1 to 0"),
    ("run_numbers", 2**32, "run_numbers: expected 0 to 4294967295, got 0 to 4294967296"),
])
def test_impossible_counts(module, name, value, message):
    arrays = loop_arrays()
    arrays[name][1] = value
    with pytest.raises(ValueError) as caught:
        made_loop(module, arrays)
    assert str(caught.value) == message


def test_no_target(module):
    loop, arrays, _ = made_loop(module)
    before = [array.tobytes() for array in arrays.values()]
    with pytest.raises(TypeError, match="^target: expected a NumPy array of int64, got NoneType$"):
        loop.advance(0, R, None)
    assert [array.tobytes() for array in arrays.values()] == before


@pytest.mark.parametrize("changes, message", [
    ({"horizon": -1}, "horizon: expected at least 0, got -1"),
    ({"record_every": -1}, "record_every: expected at least 0, got -1"),
    ({"rewards": []}, "rewards: expected a list of 1 to 64 kernels, got 0"),
    ({"learners": []}, "learners: expected a list of 1 to 64 kernels, got 0"),
])
def test_impossible_loops(module, changes, message):
    with pytest.raises(ValueError) as caught:
        made_loop(module, **changes)
    assert str(caught.value) == message


def test_parts_made_for_another_game_or_number_of_runs(module):
    larger = module("drift").Drift(N + 1, S, 0.1, 0.5, 0.25, 1)
    good, tables = loop_arguments(module)
    others = Tables(module, np.zeros((R, 8, N, A)), exploration=0.5, draws=3).kernel
    grid = module("encoders").Grid(**grid_arguments() | {"n_runs": R + 1})
    diversity = module("rewards").Diversity
    for changes, message in (
            ({"encoder": grid}, "encoder: expected 2 runs, got 3"),
            ({"encoder": module("encoders").Discrete(R, N, 1, 5)}, "encoder: made for other agents or observations"),
            ({"game": larger}, "encoder: made for other agents"),
            ({"rewards": [*good["rewards"], diversity(R, larger, A, 0.1)]},
             r"rewards\[1\]: made for another game"),
            ({"rewards": [diversity(R + 1, drift(module), A, 0.1)]}, r"rewards\[0\]: expected 2 runs, got 3"),
            ({"learners": [tables.kernel, others]}, r"learners\[1\]: made for another number of agents or draws"),
            ({"learners": [tables.kernel] * 65}, "learners: expected a list of 1 to 64 kernels, got 65"),
            ({"rewards": good["rewards"] * 65}, "rewards: expected a list of 1 to 64 kernels, got 65")):
        with pytest.raises(ValueError, match=f"^{message}"):
            made_loop(module, **changes)


@pytest.mark.parametrize("supplied, message", [
    ({"explorations": (np.zeros((R, 5, 4)), longs(R))}, "supplied: unknown streams ['explorations']; expected"),
    ({"explore": (np.zeros((R, 5, 5)), longs(R))}, "explore: expected shape (2, -1, 4), got (2, 5, 5)"),
    ({"explore": (np.zeros((R + 1, 5, 4)), longs(R))}, "explore: expected shape (2, -1, 4), got (3, 5, 4)"),
    ({"step_normals": (np.zeros((R, 5, S)), longs(R + 1))}, "step_normals (first): expected shape (2,), got (3,)"),
])
def test_impossible_supplied_draws(module, supplied, message):
    with pytest.raises(ValueError) as caught:
        made_loop(module, supplied=supplied)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("first", [5, -5, 2**62, -(2**62)])
def test_supplied_draws_that_do_not_reach(module, first):
    """A run whose draws are elsewhere pauses; nothing outside the array is read."""
    loop, arrays, _ = made_loop(module, supplied={"explore": (np.full((R, 4, 2 * N), 0.5), np.array([first, 0]))})
    loop.begin(0, R)
    assert loop.advance(0, R, longs(R) + 6) == 4
    assert arrays["steps"].tolist() == [0, 4] and arrays["reason"].tolist() == [0, 0]


def _spoil_rows(arrays, tables):
    arrays["rows"][0, 1] = 99


def _spoil_greedy(arrays, tables):
    tables.greedy[0] = -1


def _spoil_state(arrays, tables):
    arrays["state"][0, 0] = np.nan


def _spoil_values(arrays, tables):
    tables.q[0], tables.greedy[0] = np.inf, 0


def _spoil_other_variable(arrays, tables):
    arrays["state"][0, 1] = np.inf


@pytest.mark.parametrize("spoil, status, steps", [
    (_spoil_rows, 5, 0), (_spoil_greedy, 3, 0), (_spoil_state, 2, 0), (_spoil_values, 6, 1),
    (_spoil_other_variable, 1, 1),
])
def test_a_run_that_cannot_go_on_fails_alone(spoil, status, steps):
    """It is marked with its status, the other run goes on, and both backends leave the same arrays."""
    after = []
    for backend in BACKENDS:
        explore = np.full((R, 20, 2 * N), 0.75), longs(R)       # never explores
        loop, arrays, tables = made_loop(modules(backend), supplied={"explore": explore})
        loop.begin(0, R)
        spoil(arrays, tables)
        assert loop.advance(0, R, longs(R) + 8) == 0
        assert arrays["reason"].tolist() == [64 + status, 0]
        assert arrays["steps"].tolist() == [steps, 8]
        assert arrays["fault"].tolist() == [0 if status == 2 else -1, -1]
        # A failed run does nothing more.
        before = [a[0].tobytes() for a in arrays.values()]
        assert loop.advance(0, R, longs(R) + 9) == 0
        assert [a[0].tobytes() for a in arrays.values()] == before
        after.append([a.tobytes() for a in (*arrays.values(), tables.q, tables.visits)])
    assert after[0] == after[1]


# -- the environment -----------------------------------------------------------------------------

@pytest.mark.parametrize("action", [*BEYOND, A])
def test_an_env_refuses_actions_outside_and_steps_no_run(module, action):
    env, arrays = made_env(module)
    env.reset(~flags(R))
    actions = ints(R, N)
    actions[1, 1] = action
    refused(f"actions[1, 1]: expected 0 to {A - 1}, got {action}", lambda: env.step(actions),
            *(a for a in arrays.values() if isinstance(a, np.ndarray)))


def test_an_env_steps_only_what_was_begun_and_is_not_over(module):
    env, arrays = made_env(module)
    arrays = [a for a in arrays.values() if isinstance(a, np.ndarray)]
    message = "run {}: its episode is over, or was never begun; call reset first"
    refused(message.format(0), lambda: env.step(ints(R, N)), *arrays)
    env.reset(np.array([True, False]))
    refused(message.format(1), lambda: env.step(ints(R, N)), *arrays)
    env.reset(np.array([False, True]))
    for _ in range(5):
        env.step(ints(R, N))
    refused(message.format(0), lambda: env.step(ints(R, N)), *arrays)


@pytest.mark.parametrize("name, value, message", [
    ("horizon", -1, "horizon: expected at least 0, got -1"),
    ("steps", np.array([0, -1]), "steps: expected at least 0, got -1"),
    ("starts", np.array([-3, 0]), "starts: expected at least 0, got -3"),
    ("episode_steps", np.array([0, -1]), "episode_steps: expected at least 0, got -1"),
    ("run_numbers", np.array([0, 2**32]), "run_numbers: expected 0 to 4294967295, got 0 to 4294967296"),
    ("run_numbers", np.array([-1, 0]), "run_numbers: expected 0 to 4294967295, got -1 to 0"),
    ("state", np.zeros((0, S)), f"state: expected at least one run, got shape (0, {S})"),
])
def test_impossible_envs(module, name, value, message):
    with pytest.raises(ValueError) as caught:
        module("env").Env(**env_arguments(module) | {name: value})
    assert str(caught.value) == message
