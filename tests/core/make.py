"""Short ways to make arrays and kernels for the tests of single kernels."""
import numpy as np

from marlfast.backends import kernels

EXPECTED, DISTRIBUTED, HYSTERETIC, FREQUENCY = range(4)        # rules of ``OneStep``
# Where the kernels stand that derive from Q-learning's.
MODULE_OF = {"QLearning": "q_learning", "OneStep": "one_step", "DoubleQ": "one_step", "Traces": "multi_step",
             "Episodes": "multi_step"}


def schedule(schedules, value, runs=1, kind=0, per_episode=False, final=0.0, rate=0.0, table=()):
    """A schedule kernel over arrays of its own; ``value`` is a number or one per run."""
    value = np.array(np.broadcast_to(np.asarray(value, np.float64), runs))
    return schedules.Schedule(kind, per_episode, value.copy(), np.full(runs, final), np.full(runs, rate),
                              np.array(table, np.float64), value, np.zeros(runs, np.int64))


def _apart(q, gap):
    """Copies of q and zeros for greedy and visits, each with gaps between its cells."""
    def spread(array):
        wide = np.full((*array.shape[:3], array.shape[3] + gap), 77, array.dtype)
        view = wide[..., :array.shape[3]]
        view[...] = array
        return view

    none = np.zeros((*q.shape[:3], 1), np.int32)
    return spread(q), spread(none)[..., 0], spread(none)[..., 0]


def _packed(q):
    """The same in one piece of memory, each cell's values, greedy action and visits side by side."""
    n_actions = q.shape[3]
    memory = np.zeros((*q.shape[:3], n_actions + 1))
    memory[..., :n_actions] = q
    halves = memory.view(np.int32)
    return memory[..., :n_actions], halves[..., 2 * n_actions], halves[..., 2 * n_actions + 1]


def modules(backend, packed=False):
    """``module(name)`` of a backend; with ``packed``, :class:`Tables` lie in one piece of memory."""
    def module(name):
        return kernels(backend, name)

    module.packed = packed
    return module


class Tables:
    """A Q-learning kernel and its arrays, which a test may look at and change.

    Parameters
    ----------
    module : callable
        ``module(name)``: kernels of a backend. Where it has a true attribute ``packed``, the arrays lie in one piece
        of memory, as learners have them; else apart.
    q : array [R, rows, T, A]
    table_of, actions, agent_ids : sequences of int
        Defaults: a table each for T agents, all A actions, every agent.
    gap : int
        Unused places between the cells of every array; filled with what no test expects.
    """

    def __init__(self, module, q, table_of=None, actions=None, agent_ids=None, discount=0.5, rate=0.5, exploration=0.0,
                 kind=0,
                 strict=True, ties=False, draws=None, learning=True, gap=0):
        q = np.array(q, np.float64, order="C")
        runs, rows, tables, n_actions = q.shape
        self.table_of = np.arange(tables, dtype=np.int32) if table_of is None else np.array(table_of, np.int32)
        agents = len(self.table_of)
        self.actions = np.full(agents, n_actions, np.int32) if actions is None else np.array(actions, np.int32)
        self.agent_ids = np.arange(agents, dtype=np.int32) if agent_ids is None else np.array(agent_ids, np.int32)
        self.q, self.greedy, self.visits = _packed(q) if getattr(module, "packed", False) else _apart(q, gap)
        # Actions of a cell: those of the agents that share its table.
        self.cell_actions = np.full(tables, n_actions, np.int32)
        self.cell_actions[self.table_of] = self.actions
        flat = np.zeros(self.greedy.size, np.int32)
        module("q_learning").find_greedy(q.reshape(-1, n_actions), np.tile(self.cell_actions, runs * rows), flat)
        self.greedy[:] = flat.reshape(self.greedy.shape)
        self.discount = np.array(np.broadcast_to(np.asarray(discount, np.float64), runs))
        self.rate, self.exploration = (value if hasattr(value, "tick") else schedule(module("schedules"), value, runs)
                                       for value in (rate, exploration))
        draws = draws or (1 if kind else 3 if int(ties) & 1 else 2)
        # What Q-learning's kernel takes, and so all that derive from it.
        self.common = {
            "q": self.q, "greedy": self.greedy, "visits": self.visits, "table_of": self.table_of,
            "n_actions": self.actions, "agent_ids": self.agent_ids, "discount": self.discount, "rate": self.rate,
            "exploration": self.exploration, "kind": kind, "strict": strict, "ties": int(ties), "draws": draws,
            "learning": learning}
        self.kernel = module("q_learning").QLearning(**self.common)
        self.shape = runs, agents

    def act(self, rows, draws):
        """Actions int32 [R, N]; agents that are not controlled keep -9."""
        actions = np.full(self.shape, -9, np.int32)
        self.kernel.act(np.array(rows, np.int32), np.array(draws, np.float64), actions)
        return actions

    def update(self, rows, actions, rewards, next_rows, terminated=None):
        """Learn; returns where a greedy action changed."""
        changed = np.zeros(self.shape[0], bool)
        terminated = np.zeros(self.shape[0], bool) if terminated is None else np.array(terminated, bool)
        self.kernel.update(np.array(rows, np.int32), np.array(actions, np.int32), np.array(rewards, np.float64),
                           np.array(next_rows, np.int32), terminated, changed)
        return changed


class Learning(Tables):
    """A kernel of ``one_step`` or ``multi_step`` and its arrays; those of :class:`Tables`, and ``own``.

    Parameters
    ----------
    what : str
        Name of the class.
    second : float, optional
        The second rate of rules that have one.
    length : int
        Room for eligible cells, or for the steps of an episode.
    """

    def __init__(self, module, what, q, rule=EXPECTED, second=None, length=4, on_policy=True, accumulate=False,
                 cutoff=0.01, decay=0.0, first=None, other=None, **options):
        options = {"rate": 0.25} | options
        super().__init__(module, q, **options)
        runs, agents, make = len(self.q), len(self.table_of), {}
        draws = self.kernel.draws + (what == "DoubleQ")
        if what == "OneStep":
            if second is not None and not hasattr(second, "tick"):
                second = schedule(module("schedules"), second, runs)
            make = {"rule": rule, "second": second}
        elif what == "DoubleQ":
            one, two = (Tables(module, self.q if q is None else q, self.table_of, self.actions) for q in (first, other))
            make = {"first": one.q, "first_greedy": one.greedy, "second": two.q, "second_greedy": two.greedy,
                    "coins": np.zeros((runs, agents), np.int32)}
        elif what == "Traces":
            make = {"on_policy": on_policy, "accumulate": accumulate, "cutoff": cutoff,
                    "decay": np.array(np.broadcast_to(decay, runs), float),
                    "cells": np.zeros((runs, agents, length, 2), np.int32),
                    "eligibility": np.zeros((runs, agents, length)), "eligible": np.zeros((runs, agents), np.int32),
                    "waiting": np.zeros((runs, agents, 4), np.int32) if on_policy else None,
                    "waiting_reward": np.zeros((runs, agents)) if on_policy else None,
                    "late": np.zeros(runs, np.int32) if on_policy else None}
        elif what == "Episodes":
            make = {"cells": np.zeros((runs, agents, length, 2), np.int32), "rewards": np.zeros((runs, agents, length)),
                    "known": np.zeros((runs, agents), np.int32), "last": np.zeros((runs, agents), np.int32),
                    "late": np.zeros(runs, np.int32)}
        self.own = make
        self.kernel = getattr(module(MODULE_OF[what]), what)(
            **self.common | {"draws": draws, "learning": True}, **make)

    def step(self, row, action, reward, next_row, terminated=False, ended=False):
        """One step of one run and one agent, with the tick that follows; whether a greedy action changed."""
        changed = self.update([[row]], [[action]], [[reward]], [[next_row]], [terminated])
        self.kernel.tick(np.array([terminated or ended]))
        return bool(changed[0])

    def arrays(self):
        """Copies of all arrays."""
        mine = {"q": self.q, "greedy": self.greedy, "visits": self.visits}
        return {name: array.copy() for name, array in (mine | self.own).items() if isinstance(array, np.ndarray)}


class Transitions:
    """What a reward kernel is given for R runs of a game; ``apply`` returns what the agents learn from."""

    def __init__(self, game, runs):
        self.runs, self.agents = runs, game.agents
        shape = runs, game.agents
        self.arrays = {
            "rows": np.zeros(shape, np.int32), "actions": np.zeros(shape, np.int32), "raw": np.zeros(shape),
            "rewards": np.zeros(shape), "next_rows": np.zeros(shape, np.int32),
            "state": np.zeros((runs, game.state_size)), "observation": np.zeros((runs, game.views, game.features)),
            "terminated": np.zeros(runs, bool), "truncated": np.zeros(runs, bool)}

    def apply(self, reward, **values):
        for name, value in values.items():
            self.arrays[name][...] = value
        reward.apply(**self.arrays)
        return self.arrays["rewards"].tolist()


# -- good arguments of every kernel, for tests that spoil one of them ----------------------------
# Two runs of two agents; 3 state variables, 4 rows, 3 actions.
R, N, S, ROWS, A = 2, 2, 3, 4, 3


def ints(*shape):
    return np.zeros(shape, np.int32)


def longs(*shape):
    return np.zeros(shape, np.int64)


def flags(*shape):
    return np.zeros(shape, bool)


def drift(module):
    return module("drift").Drift(N, S, 0.1, 0.5, 0.25, 1)


def markov_arguments(certain):
    """Two states and four joint actions; by chance: two outcomes each, which pay what the outcome says."""
    return {"actions": np.array([2, 2], np.int32), "first": None if certain else 2 * np.arange(9),
            "successors": ints(8) if certain else np.tile(np.array([0, 1], np.int32), 8),
            "sums": None if certain else np.tile([0.5, 2.0], 8), "rewards": np.ones((8 if certain else 16, N)),
            "start": np.array([0.5, 2.0]), "terminal": flags(2), "obs": None if certain else ints(2, N)}


def markov(module):
    return module("markov").Markov(**markov_arguments(False))


def rounding_arguments():
    return {"n_agents": N, "views": N, "scale": 10.0, "keys": longs(R, 4, 2), "table": ints(R, 8), "used": longs(R)}


def grid_arguments():
    return {"n_runs": R, "n_agents": N, "views": 1, "low": np.zeros(S), "scale": np.ones(S), "bins": longs(S) + 2}


def schedule_arguments():
    return {"kind": 4, "per_episode": False, "start": np.ones(R), "final": np.ones(R), "rate": np.ones(R),
            "table": np.ones(3), "value": np.ones(R), "ticks": longs(R)}


def learning_arguments(module, **changes):
    constant = schedule(module("schedules"), 0.5, R)
    return {"q": np.zeros((R, ROWS, N, A)), "greedy": ints(R, ROWS, N), "visits": ints(R, ROWS, N),
            "table_of": np.arange(N, dtype=np.int32), "n_actions": ints(N) + A,
            "agent_ids": np.arange(N, dtype=np.int32), "discount": np.ones(R), "rate": constant,
            "exploration": constant, "kind": 0, "strict": True, "ties": 0, "draws": 2, "learning": True} | changes


def loop_arrays():
    return {"state": np.zeros((R, S)), "observation": np.zeros((R, 1, S)), "rows": ints(R, N), "steps": longs(R),
            "episodes": longs(R), "episode_steps": longs(R), "episode_return": np.zeros((R, N)),
            "episode_shaped": np.zeros((R, N)), "returns": np.zeros((R, 8, N)), "shaped_returns": np.zeros((R, 8, N)),
            "lengths": longs(R, 8), "stable": longs(R), "recent": np.zeros((R, 3)), "recent_sum": np.zeros(R),
            "reason": ints(R), "run_numbers": np.arange(R), "fault": longs(R) - 1}


def loop_arguments(module):
    """All that a loop takes but its arrays, and the learner's tables: 8 rows, as the grid has."""
    game = drift(module)
    tables = Tables(module, np.zeros((R, 8, N, A)), exploration=0.5)
    return {"game": game, "encoder": module("encoders").Grid(**grid_arguments()), "central": None,
            "rewards": [module("rewards").Mix(R, game, 1.0, np.zeros((0, 0)), ints(N))], "learners": [tables.kernel],
            "horizon": 3, "horizon_ends": False, "record_every": 1, "max_steps": 100, "max_episodes": 100,
            "max_stable": 100, "stable_after": longs(R), "min_return": 1e9,
            "seeds": np.ones(R, np.uint64), "purpose": 0, "supplied": {}}, tables


def made_loop(module, arrays=None, **changes):
    arguments, tables = loop_arguments(module)
    arrays = loop_arrays() if arrays is None else arrays
    return module("loop").Loop(**arguments | arrays | changes), arrays, tables


def env_arguments(module, game=None):
    game = game or drift(module)
    return {"game": game, "action_counts": ints(N) + A, "horizon": 5, "horizon_ends": False,
            "state": np.zeros((R, game.state_size)),
            "observation": np.zeros((R, 1, game.features)), "rewards": np.zeros((R, N)), "terminated": flags(R),
            "truncated": flags(R), "steps": longs(R), "starts": longs(R), "episode_steps": longs(R),
            "run_numbers": np.arange(R), "seeds": np.ones(R, np.uint64), "purpose": 0}


def made_env(module, game=None):
    arguments = env_arguments(module, game)
    return module("env").Env(**arguments), arguments


def transition(features=S, state_size=S):
    return {"rows": ints(R, N), "actions": ints(R, N), "raw": np.ones((R, N)), "rewards": np.ones((R, N)),
            "next_rows": ints(R, N), "state": np.ones((R, state_size)), "observation": np.ones((R, 1, features)),
            "terminated": flags(R), "truncated": flags(R)}
