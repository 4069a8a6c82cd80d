"""Task allocation: a team with different skills shares the work that arrives."""
import textwrap
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real, shown
from marlfast.games.base import Game
from marlfast.limits import MAX_AGENTS

CREDITS = ("team", "own")
MAX_KINDS = 64
MAX_OBSERVATIONS = 100_000


@dataclass(frozen=True, repr=False, eq=False)
class TaskAllocation(Game):
    """Agents with different skills choose among kinds of tasks that arrive; those who do the same waste work.

    Dynamics
        Tasks of each kind wait in a queue of their own; a task is ``size`` units of work. Each agent works at one kind
        or idles. An agent at kind m takes away ``skills[i, m]`` units of what waits there, and ``practice`` more if its
        last work was of that kind; work for which nothing waits is wasted. A task is finished with its last unit.
        Then a task of kind m arrives with probability ``arrivals[m]``; it is lost if ``capacity`` tasks of that
        kind wait, one that is begun among them. Idling leaves the last kind as it was.
    Observation
        How many tasks of each kind wait (0 to ``capacity``), the same for every agent; with ``sees_last`` also at
        which kind the agent itself last worked (``kinds``: none yet). One number where there are at most 100,000
        observations, kind 0 the most significant and the last kind the least; else a vector. How much of the
        task in hand is done is not seen.
    Action
        0 to ``kinds - 1``: work at that kind; ``kinds``: idle.
    Reward
        The team's profit is ``value`` for each finished task, less ``waiting`` for each task that is still there after
        the work, ``effort`` for each agent that works and ``switching`` for each that works at another kind than it
        last did. ``credit="team"``: every agent gets an equal share of it. ``credit="own"``: an agent bears its own
        costs, an equal share of ``waiting``, and is paid for the tasks finished at its kind by its part of
        the work given there in this step; together again the team's profit.
    Start
        No work has been done; the first tasks arrive as in a step.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    agents, kinds : int, optional
        At least 1 each, and at most 64 kinds. Default: those of ``skills``; without, 4 agents and 3 kinds.
    skills : int [agents, kinds], optional
        Units of work in a step, at least 0. Default: agent i finishes a task (``size``) of kind ``i % kinds`` and does
        ``size // 3`` units of others.
    arrivals : float or sequence of float [kinds]
        Probabilities.
    capacity : int
        Most tasks in a queue.
    size : int
        Units of work in a task.
    value, waiting, effort, switching : float
        At least 0.
    practice : int
        At least 0.
    credit : {"team", "own"}
        Who is paid for a finished task: all alike, or those who worked at it.
    sees_last : bool
        Whether an agent sees at which kind it last worked.
    horizon : int
        0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Drift : The article's own game.
    marlfast.rewards.Redundancy : A penalty for work done twice.

    Notes
    -----
    Work is counted in whole units and what is finished is certain, so that it can be said what the others had earned
    without an agent (difference rewards): they share the profit that remains when it idles.
    ``reward_bounds`` always hold. The lower is reached where all can work and finish nothing, the upper where each can
    work at its best kind without waste; with ``credit="own"``, where others can add just the unit that reaches into
    one more task.

    References
    ----------
    This package's own, in the spirit of "Multi-Agent Reinforcement Learning for Task Optimization: Agents
    That Improve Together" (CallSphere blog, 2026), which rewards diversity and penalises redundant work. Among its
    relatives is the task allocation of B. P. Gerkey and M. J. Mataric, "A formal analysis and taxonomy of task
    allocation in multi-robot systems", International Journal of Robotics Research 23 (2004).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.TaskAllocation(agents=3, kinds=2)
    >>> game.action_counts.tolist(), game.observations
    ([3, 3, 3], 16)
    """

    name = "task_allocation"
    integer_state = True
    agents: int | None = None
    kinds: int | None = None
    skills: np.ndarray | None = None
    arrivals: float | tuple = 0.5
    capacity: int = 3
    size: int = 3
    value: float = 1.0
    waiting: float = 0.1
    effort: float = 0.05
    switching: float = 0.0
    practice: int = 0
    credit: str = "team"
    sees_last: bool = False
    horizon: int = 100

    def __post_init__(self):
        shape = self._checked_skills()
        agents, kinds = (own if given is None else given for given, own in zip(
            (self.agents, self.kinds), shape, strict=True))
        self._set(agents=integer("agents", agents, 1, MAX_AGENTS), kinds=integer("kinds", kinds, 1, MAX_KINDS))
        if self.skills is not None and (self.agents, self.kinds) != shape:
            raise ValueError(f"skills: expected shape ({self.agents}, {self.kinds}), one row for each agent and one "
                             f"column for each kind, got {shape}; agents and kinds need not be given with it")
        for name, least in (("capacity", 1), ("size", 1), ("practice", 0)):
            self._set(**{name: integer(name, getattr(self, name), least, 2**20)})
        if self.capacity * self.size >= 2**31:
            raise ValueError(f"capacity, size: expected less than 2**31 units of work in a queue, "
                             f"got {self.capacity} tasks of {self.size}")
        for name in ("value", "waiting", "effort", "switching"):
            self._set(**{name: real(name, getattr(self, name), 0.0)})
        if not isinstance(self.sees_last, (bool, np.bool_)):
            raise TypeError(f"sees_last: expected True or False, got {shown(self.sees_last)}")
        self._set(arrivals=self._checked_arrivals(), sees_last=bool(self.sees_last),
                  credit=choice("credit", self.credit, CREDITS), **self.checked_horizon())

    def _checked_skills(self):
        """The shape that skills has, after putting them in as an array."""
        if self.skills is None:
            return 4, 3
        try:
            given = np.array(self.skills, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"skills: expected an array of whole numbers, got {shown(self.skills)}") from None
        if given.ndim != 2 or 0 in given.shape:
            raise ValueError(f"skills: expected shape (agents, kinds), at least (1, 1), got {given.shape}")
        wrong = ~((given >= 0) & (given <= 2**20) & (given == np.floor(given)))
        if wrong.any():
            at = tuple(int(k) for k in np.argwhere(wrong)[0])
            raise ValueError(f"skills{list(at)}: expected a whole number from 0 to {2**20}, got {given[at]:.12g}")
        skills = given.astype(np.int32)
        skills.flags.writeable = False
        self._set(skills=skills)
        return skills.shape

    def _checked_arrivals(self):
        if not np.iterable(self.arrivals):
            return real("arrivals", self.arrivals, 0.0, 1.0)
        arrivals = tuple(real(f"arrivals[{m}]", p, 0.0, 1.0) for m, p in enumerate(self.arrivals))
        if len(arrivals) != self.kinds:
            raise ValueError(f"arrivals: expected one probability, or one for each of the {self.kinds} kinds, "
                             f"got {len(arrivals)}")
        return arrivals

    @property
    def ends(self):
        return self.horizon > 0

    @property
    def setting(self):
        return "cooperative" if self.credit == "team" or self.agents == 1 else "mixed"

    @property
    def action_counts(self):
        return np.full(self.agents, self.kinds + 1, np.int32)

    @property
    def views(self):
        return self.agents if self.sees_last else 1

    @property
    def observations(self):
        count = (self.capacity + 1)**self.kinds * (self.kinds + 1 if self.sees_last else 1)
        return count if count <= MAX_OBSERVATIONS else None

    @property
    def features(self):
        return 1 if self.observations is not None else self.kinds + self.sees_last

    @property
    def bounds(self):
        if self.observations is not None:
            return np.zeros(1), np.full(1, self.observations - 1.0)
        high = [self.capacity] * self.kinds + [self.kinds] * self.sees_last
        return np.zeros(len(high)), np.array(high, np.float64)

    @property
    def reward_bounds(self):
        waits, skills = self.waiting * self.kinds * self.capacity / self.agents, self._skills()
        best = skills.max(axis=1).astype(np.int64) + self.practice       # units of each agent where it is best
        if self.credit == "own":
            # Who gives u of w units is paid u / w of at most as many tasks as w units can touch: most where it works
            # alone, or where the others add just what reaches into one task more.
            further = -(-(best - 1) // self.size)       # tasks of w - 1 units, which w units leave by one
            work = further * self.size + 1
            alone = np.minimum(-(-best // self.size), self.capacity)
            helped = np.where(work <= best.sum(), np.minimum(further + 1, self.capacity) * best / work, 0.0)
            high = float(np.maximum(alone, helped).max())
            return -waits - self.effort - self.switching * (self.kinds > 1), max(0.0, self.value * high - self.effort)
        # The k agents that can finish most; nobody finishes more than there is.
        done = np.sort(np.minimum(-(-best // self.size), self.capacity))[::-1].cumsum()
        done = np.minimum(done, self.kinds * self.capacity)
        profits = self.value * done - self.effort * np.arange(1, self.agents + 1)
        return (-waits - self.effort - self.switching * (self.kinds > 1),
                max(0.0, float(profits.max())) / self.agents)

    def _skills(self):
        if self.skills is not None:
            return self.skills
        skills = np.full((self.agents, self.kinds), self.size // 3, np.int32)
        skills[np.arange(self.agents), np.arange(self.agents) % self.kinds] = self.size
        return skills

    def render(self, state):
        units, last = np.asarray(state[:self.kinds]), np.asarray(state[2 * self.kinds:2 * self.kinds + self.agents])
        lines = []
        for m in range(self.kinds):
            there = " ".join(str(i) for i in np.flatnonzero(last == m)) or "nobody"
            lines += textwrap.wrap(f"kind {m}: {int(-(-units[m] // self.size))} of {self.capacity} tasks, "
                                   f"{int(units[m])} units of work; last worked there: {there}", 110,
                                   subsequent_indent="    ")
        return "\n".join(lines)

    def kernel(self, backend="cython"):
        arrivals = np.full(self.kinds, self.arrivals) if isinstance(self.arrivals, float) else np.array(self.arrivals)
        return kernels(backend, "allocation").Allocation(
            skills=np.ascontiguousarray(self._skills()), arrivals=arrivals, own=self.credit == "own",
            numbered=self.observations is not None,
            **{name: getattr(self, name) for name in ("capacity", "size", "practice", "value", "waiting", "effort",
                                                      "switching", "sees_last")})
