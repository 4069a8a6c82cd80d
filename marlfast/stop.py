"""Stop rules: when a run is over. Each run stops by itself and says why."""
from dataclasses import dataclass

from marlfast.errors import integer, real
from marlfast.registry import Definition

__all__ = ["Episodes", "GreedyStable", "ReturnReached", "Steps"]

UNLIMITED = 2**62

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
    """After n steps."""

    name = "steps"
    n: int

    def __post_init__(self):
        self._set(n=integer("n", self.n, 1, UNLIMITED))


@dataclass(frozen=True, repr=False, eq=False)
class Episodes(Rule):
    """After n episodes."""

    name = "episodes"
    n: int

    def __post_init__(self):
        self._set(n=integer("n", self.n, 1, UNLIMITED))


@dataclass(frozen=True, repr=False, eq=False)
class GreedyStable(Rule):
    """When no agent's greedy action, in the row it visited, has changed for n consecutive steps."""

    name = "greedy_stable"
    n: int

    def __post_init__(self):
        self._set(n=integer("n", self.n, 1, UNLIMITED))


@dataclass(frozen=True, repr=False, eq=False)
class ReturnReached(Rule):
    """When the team return (mean over agents of the game's own rewards), averaged over the last
    ``window`` episodes, is at least ``value``."""

    name = "return_reached"
    value: float
    window: int = 100

    def __post_init__(self):
        self._set(value=real("value", self.value), window=integer("window", self.window, 1, 2**31 - 1))


def reason_text(code):
    """A reason in words."""
    code = int(code)
    return REASONS.get(code) or f"failed: {FAILURES.get(code - FAILED, code - FAILED)}"
