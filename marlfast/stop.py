"""Stop rules: when a run is over. Each run stops by itself and says why."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real
from marlfast.registry import Definition
from marlfast.schedules import schedules_of

__all__ = ["Episodes", "GreedyStable", "ReturnReached", "Steps"]

UNLIMITED = 2**62
PARAMETERS = ("epsilon", "temperature")       # of explorations

# The loop's reasons; a failed run has 64 + its status.
RUNNING, STEPS, EPISODES, GREEDY_STABLE, RETURN_REACHED = range(5)
REASONS = {RUNNING: "running", STEPS: "steps", EPISODES: "episodes", GREEDY_STABLE: "greedy stable",
           RETURN_REACHED: "return reached"}
FAILED = 64
FAILURES = {1: "observation", 2: "reward", 3: "action", 4: "draw", 5: "row", 6: "value", 7: "table full", 8: "draws",
            9: "state", 10: "own code"}
DIVERGED = FAILED + 6


class Rule(Definition):
    kind = "stop rule"


@dataclass(frozen=True, repr=False, eq=False)
class Steps(Rule):
    """Ends a run after n steps.

    Parameters
    ----------
    n : int
        At least 1.

    See Also
    --------
    Episodes : Counts episodes.
    train : Takes ``steps`` as well.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.IQL(), stop=mf.Steps(100), seed=0)
    >>> run.steps.tolist(), run.stop_reason
    ([100], ['steps'])
    """

    name = "steps"
    n: int

    def __post_init__(self):
        self._set(n=integer("n", self.n, 1, UNLIMITED))


@dataclass(frozen=True, repr=False, eq=False)
class Episodes(Rule):
    """Ends a run after n episodes.

    Parameters
    ----------
    n : int
        At least 1.

    See Also
    --------
    Steps : Counts steps.
    train : Takes ``episodes`` as well.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.IQL(), stop=mf.Episodes(100), seed=0)
    >>> run.episodes.tolist(), run.stop_reason
    ([100], ['episodes'])
    """

    name = "episodes"
    n: int

    def __post_init__(self):
        self._set(n=integer("n", self.n, 1, UNLIMITED))


@dataclass(frozen=True, repr=False, eq=False)
class GreedyStable(Rule):
    """Ends a run when no agent's greedy action, in the row it visited, has changed for n consecutive steps.

    The step in which one changes is the first of the n, as in the program of Calvano et al. (2020).

    Parameters
    ----------
    n : int
        At least 1.
    after : int or float, optional
        Count from here on: an int is a number of steps; a float a level of exploration (epsilon, or a temperature),
        to which that of every agent must have fallen, by a schedule of steps.

    See Also
    --------
    ReturnReached : Looks at what is earned.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.IQL(), stop=mf.GreedyStable(500), seed=0)
    >>> run.stop_reason
    ['greedy stable']
    """

    name = "greedy_stable"
    n: int
    after: int | float | None = None

    def __post_init__(self):
        self._set(n=integer("n", self.n, 1, UNLIMITED))
        if isinstance(self.after, (float, np.floating)):
            self._set(after=real("after", self.after, 0.0))
        elif self.after is not None:
            self._set(after=integer("after", self.after, 0, UNLIMITED))

    def uncounted(self, learner):
        """Find the steps that do not count.

        Parameters
        ----------
        learner : Learner
            Whose exploration ``after`` may be about.

        Returns
        -------
        int or int64 [R]
            One for each run, where they differ in their exploration.
        """
        if not isinstance(self.after, float):
            return self.after or 0
        found = [(where, one) for where, one in schedules_of(learner) if where.endswith(PARAMETERS)]
        if not found:
            raise ValueError(f"after: learner {learner.name!r} explores by no schedule; give a number of steps")
        steps = 0
        for where, one in found:
            if one.waits_for_ends:
                raise ValueError(f"after: {where} changes per episode; give a number of steps, such as after=100_000")
            ticks = one.reaches(self.after)
            if not np.isfinite(ticks).all():
                raise ValueError(f"after: {where} never falls to {self.after}; its least value is {one.bounds()[0]}")
            steps = np.maximum(steps, ticks)
        return np.asarray(steps).astype(np.int64)


@dataclass(frozen=True, repr=False, eq=False)
class ReturnReached(Rule):
    """Ends a run when the team return, averaged over the last episodes, is at least a value.

    The team return is the mean over agents of the game's own rewards, added up over an episode. Where what agents earn
    adds up to 0, it is always 0: take another rule.

    Parameters
    ----------
    value : float
        To be reached.
    window : int
        Over how many episodes is averaged, at least 1.

    See Also
    --------
    GreedyStable : Looks at what is learned.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.IQL(), stop=mf.ReturnReached(0.9), seed=0)
    >>> run.stop_reason
    ['return reached']
    """

    name = "return_reached"
    value: float
    window: int = 100

    def __post_init__(self):
        self._set(value=real("value", self.value), window=integer("window", self.window, 1, 2**31 - 1))


def reason_text(code):
    """A reason in words."""
    code = int(code)
    return REASONS.get(code) or f"failed: {FAILURES.get(code - FAILED, code - FAILED)}"
