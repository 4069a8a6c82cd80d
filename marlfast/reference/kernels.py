"""What games, encoders, rewards and learners have in common: the twin of ``src/_kernels.pyx``.

Shapes: R runs, N agents, S state variables, V views, D features, K exploration draws an agent.

Beside the methods of the compiled classes, each class here has the *stage* that the NumPy loop
calls: it works on some of the runs at once (``runs``: their numbers, int64 [n]) and returns their
statuses (int32 [n], 0 where all is well), as the compiled stages do one run at a time.
"""
import warnings

import numpy as np

from marlfast.declarations.base import check

(BAD_OBSERVATION, BAD_REWARD, BAD_ACTION, BAD_DRAW, BAD_ROW, BAD_VALUE, TABLE_FULL, NO_DRAWS, BAD_STATE,
 OWN_ERROR, NO_LEGAL, ILLEGAL) = range(1, 13)

STATUS_TEXT = {
    BAD_OBSERVATION: "an observation is not finite or lies outside what the encoder can number",
    BAD_REWARD: "a reward is not finite",
    BAD_ACTION: "an action lies outside the agent's actions",
    BAD_DRAW: "a draw lies outside [0, 1)",
    BAD_ROW: "a row lies outside the table",
    BAD_VALUE: "a learned value stopped being finite",
    TABLE_FULL: "the table has no room for a new row",
    NO_DRAWS: "the supplied draws are used up",
    BAD_STATE: "the state is not one of the game's",
    OWN_ERROR: "the game's own code failed",
    NO_LEGAL: "an agent is to act, but has no legal action",
    ILLEGAL: "an action is not legal",
}


def check_status(status, what):
    """Raise what the first non-zero status says."""
    bad = status[status != 0]
    if len(bad):
        raise ValueError(f"{what}: {STATUS_TEXT[int(bad[0])]}")


def none(mask):
    """Whether nothing is true, or not 0: ``not mask.any()`` in a tenth of its time, for a few runs."""
    return np.count_nonzero(mask) == 0


def fine(n):
    """Statuses of n runs in which all is well."""
    return np.zeros(n, np.int32)


def whole(x, n):
    """x as int64, where it is one of 0, 1, ..., n - 1; -1 elsewhere. Twin of the leaf in ``core/cells.pxd``."""
    with np.errstate(invalid="ignore"):
        return np.where((x >= 0.0) & (x < n) & (np.floor(x) == x), x, -1.0).astype(np.int64)


def pick(u, n):
    """One of 0, 1, ..., n - 1 by uniforms u; -1 where u is outside [0, 1). Twin of the leaf in ``core/cells.pxd``."""
    return np.where((u >= 0.0) & (u < 1.0), u * n, -1.0).astype(np.int64)


def allowed(actions, n):
    """Whether every action of a run is one of 0, 1, ..., n - 1: bool [runs]. Twin of the leaf in ``core/cells.pxd``."""
    return ((actions >= 0) & (actions < n)).all(axis=1)


class Game:
    """A game's functions. Twin of ``marlfast.core._kernels.Game``, whose attributes it has.

    A game writes ``stage_start``, ``stage_step``, ``stage_observe`` and, where it can,
    ``stage_counterfactual``; see those of :class:`marlfast.reference.drift.Drift`. One whose agents come and go, take
    turns or may not do everything has ``stage_present(runs, state, present [n, N])``, ``stage_to_act(runs, state,
    to_act [n, N])`` or ``stage_legal(runs, state, legal [n, N, A])``, which write bool; one with a limit that varies
    ``stage_truncated(runs, state, truncated [n])``.
    """

    stage_counterfactual = None
    # All are there, all act, all actions are allowed, and no limit is the game's own:
    stage_present = stage_to_act = stage_legal = stage_truncated = None
    max_actions = 0                                         # A, set by games that have `stage_legal`
    failures = None
    serial = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "stage_without" in vars(cls):
            warnings.warn(f"{cls.__name__}.stage_without is stage_counterfactual since marlfast 0.2",
                          DeprecationWarning, stacklevel=2)
            cls.stage_counterfactual = cls.stage_without

    def _declare(self, agents, state_size, views, features, draws):
        """Set the facts; ``draws``: uniforms and normals of a step, then of a start."""
        self.agents, self.state_size, self.views, self.features = agents, state_size, views, features
        self.step_uniforms, self.step_normals, self.start_uniforms, self.start_normals = draws

    def _raise(self, status, what):
        """Raise what the first status that is not 0 says; an exception of the game's own code as it is."""
        bad = status[status != 0]
        if len(bad) and self.failures:
            failure = self.failures[min(self.failures)]
            self.failures.clear()
            if bad[0] == OWN_ERROR:
                raise failure
        check_status(status, what)

    def step(self, state, actions, uniforms, normals, rewards, terminated):
        """One step of every run: see the compiled twin for shapes."""
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), True))
        check(actions, "actions", "int32", (n_runs, self.agents), False)
        check(uniforms, "uniforms", "float64", (n_runs, self.step_uniforms), False)
        check(normals, "normals", "float64", (n_runs, self.step_normals), False)
        check(rewards, "rewards", "float64", (n_runs, self.agents), True)
        check(terminated, "terminated", "bool", (n_runs,), True)
        self._raise(self.stage_step(np.arange(n_runs), state, actions, uniforms, normals, rewards, terminated), "step")

    def start(self, state, uniforms, normals):
        """A new episode in every run."""
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), True))
        check(uniforms, "uniforms", "float64", (n_runs, self.start_uniforms), False)
        check(normals, "normals", "float64", (n_runs, self.start_normals), False)
        self._raise(self.stage_start(np.arange(n_runs), state, uniforms, normals), "start")

    def observe(self, state, observation):
        """What the agents see."""
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), False))
        check(observation, "observation", "float64", (n_runs, self.views, self.features), True)
        self._raise(self.stage_observe(np.arange(n_runs), state, observation), "observe")

    @property
    def participation(self):
        """Which of "present", "to_act", "legal" and "truncated" it says of a state: tuple of str."""
        return tuple(name for name in ("present", "to_act", "legal", "truncated")
                     if getattr(self, f"stage_{name}") is not None)

    def present(self, state, present):
        """Who is in the game."""
        if self.stage_present is None:
            raise ValueError("present: all agents of this game are in it at all times")
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), False))
        check(present, "present", "bool", (n_runs, self.agents), True)
        self._raise(self.stage_present(np.arange(n_runs), state, present), "present")

    def to_act(self, state, to_act):
        """Who acts in the next step."""
        if self.stage_to_act is None:
            raise ValueError("to_act: all agents of this game act in each step")
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), False))
        check(to_act, "to_act", "bool", (n_runs, self.agents), True)
        self._raise(self.stage_to_act(np.arange(n_runs), state, to_act), "to_act")

    def legal(self, state, legal):
        """What they may do."""
        if self.stage_legal is None:
            raise ValueError("legal: all actions of this game are allowed at all times")
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), False))
        check(legal, "legal", "bool", (n_runs, self.agents, self.max_actions), True)
        self._raise(self.stage_legal(np.arange(n_runs), state, legal), "legal")

    def truncated(self, state, truncated):
        """Whether a limit of the game's own cuts the episode off."""
        if self.stage_truncated is None:
            raise ValueError("truncated: this game has no limit but its horizon")
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), False))
        check(truncated, "truncated", "bool", (n_runs,), True)
        self._raise(self.stage_truncated(np.arange(n_runs), state, truncated), "truncated")

    def counterfactual(self, state, actions, rewards, counterfactual):
        """The team's total reward of the last step, had agent i not been there."""
        if self.stage_counterfactual is None:
            raise ValueError("counterfactual: this game cannot say what would have happened without an agent")
        n_runs = len(check(state, "state", "float64", (-1, self.state_size), False))
        check(actions, "actions", "int32", (n_runs, self.agents), False)
        check(rewards, "rewards", "float64", (n_runs, self.agents), False)
        check(counterfactual, "counterfactual", "float64", (n_runs, self.agents), True)
        check_status(self.stage_counterfactual(np.arange(n_runs), state, actions, rewards, counterfactual),
                     "counterfactual")


class Encoder:
    """Turns observations into table rows. Twin of ``marlfast.core._kernels.Encoder``."""

    used = None
    active = 1          # k, rows that an observation is in

    @property
    def grows(self):
        """Whether rows are numbered as observations come."""
        return self.used is not None

    def _shaped(self, a):
        """Take the sizes of what was checked."""
        self.runs, self.agents, self.views, self.features, self.rows = a.R, a.n_agents, a.views, a.D, a.n_rows
        return a

    def encode(self, observation, rows):
        """Table rows [R, N * k] of an observation of every run."""
        check(observation, "observation", "float64", (self.runs, self.views, self.features), False)
        check(rows, "rows", "int32", (self.runs, self.agents * self.active), True)
        check_status(self.stage_encode(np.arange(self.runs), observation, rows), "encode")


class Reward:
    """A reward structure or a shaping component. Twin of ``marlfast.core._kernels.Reward``."""

    def _shaped(self, a):
        """Take the sizes of what was checked."""
        self.runs, self.agents, self.state_size, self.views, self.features = a.R, a.N, a.S, a.V, a.D
        return a

    def stage_begin(self, runs, rows, observation):
        return fine(len(runs))

    def begin(self, rows, observation):
        """Remember what is needed of the start of an episode (rows [R, N], observation [R, V, D])."""
        check(rows, "rows", "int32", (self.runs, self.agents), False)
        check(observation, "observation", "float64", (self.runs, self.views, self.features), False)
        check_status(self.stage_begin(np.arange(self.runs), rows, observation), "begin")

    def apply(self, rows, actions, raw, rewards, next_rows, state, observation, terminated, truncated):
        """The structure writes ``rewards``; a shaping component adds to it."""
        n_runs, n_agents = self.runs, self.agents
        check(rows, "rows", "int32", (n_runs, n_agents), False)
        check(actions, "actions", "int32", (n_runs, n_agents), False)
        check(raw, "raw", "float64", (n_runs, n_agents), False)
        check(rewards, "rewards", "float64", (n_runs, n_agents), True)
        check(next_rows, "next_rows", "int32", (n_runs, n_agents), False)
        check(state, "state", "float64", (n_runs, self.state_size), False)
        check(observation, "observation", "float64", (n_runs, self.views, self.features), False)
        check(terminated, "terminated", "bool", (n_runs,), False)
        check(truncated, "truncated", "bool", (n_runs,), False)
        check_status(self.stage_apply(np.arange(n_runs), rows, actions, raw, rewards, next_rows, state, observation,
                                      terminated), "apply")


class Learner:
    """Acts and learns. Twin of ``marlfast.core._kernels.Learner``."""

    learning = True
    moves = False       # whether it takes games that say who is there, who acts or what is legal
    active = 1          # k, rows of each agent
    central = 0         # C, rows of the whole state that follow them; 0: it reads none

    @property
    def active_rows(self):
        """W, rows of a run that it reads: k of each agent, then those of the whole state."""
        return self.agents * self.active + self.central

    def act(self, rows, draws, actions):
        """Actions of the agents that this learner controls, in every run."""
        check(rows, "rows", "int32", (self.runs, self.active_rows), False)
        check(draws, "draws", "float64", (self.runs, self.agents, self.draws), False)
        check(actions, "actions", "int32", (self.runs, self.agents), True)
        check_status(self.stage_act(np.arange(self.runs), rows, draws, actions), "act")

    def update(self, rows, actions, rewards, next_rows, terminated, changed):
        """Learn from one transition of every run."""
        n_runs, n_agents = self.runs, self.agents
        check(rows, "rows", "int32", (n_runs, self.active_rows), False)
        check(actions, "actions", "int32", (n_runs, n_agents), False)
        check(rewards, "rewards", "float64", (n_runs, n_agents), False)
        check(next_rows, "next_rows", "int32", (n_runs, self.active_rows), False)
        check(terminated, "terminated", "bool", (n_runs,), False)
        check(changed, "changed", "bool", (n_runs,), True)
        if self.learning:
            check_status(self.stage_update(np.arange(n_runs), rows, actions, rewards, next_rows, terminated, changed),
                         "update")

    def tick(self, ended):
        """Move the schedules on by one step; ``ended`` (bool [R]): an episode is over."""
        check(ended, "ended", "bool", (self.runs,), False)
        self.stage_tick(np.arange(self.runs), ended)


def row_move(actions):
    """Rows that moves go down, where the actions are 0 north, 1 south, 2 east, 3 west, 4 stand: int64. Twin of the leaf
    in ``core/cells.pxd``."""
    return (actions == 1).astype(np.int64) - (actions == 0)


def column_move(actions):
    """Columns that moves go to the right, by the same actions. Twin of the leaf in ``core/cells.pxd``."""
    return (actions == 2).astype(np.int64) - (actions == 3)
