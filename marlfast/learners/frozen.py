"""A learner that plays what it knows and learns nothing more."""
from dataclasses import dataclass

from marlfast.exploration import EpsilonGreedy, Exploration
from marlfast.learners.base import Each, Learner
from marlfast.registry import option, require


@dataclass(frozen=True, repr=False, eq=False)
class Frozen(Learner):
    """Another learner's policy, as it stands; it learns nothing.

    A :class:`marlfast.League` plays against such copies of past selves. It has the arrays of the learner, which never
    change. Fresh ones are those of a learner who knows nothing yet.

    Parameters
    ----------
    learner : Learner
    explore : Exploration
        In place of the learner's own. Default: greedy, ties broken at random, so that who knows nothing yet plays
        anything. Learners whose policies are mixed play them as they are.
    """

    name = "frozen"
    learner: Learner = option(kind="learner")
    explore: Exploration = option(EpsilonGreedy(0.0, ties="random"), kind="exploration")

    def __post_init__(self):
        self._set(learner=require("learner", self.learner, "learner"),
                  explore=require("exploration", self.explore, "explore"))
        if isinstance(self.learner, (Each, Frozen)):
            raise ValueError(f"learner: expected a learner of its own, got {self.learner.name!r}; "
                             "give one Frozen for each")

    derived = property(lambda self: self.learner.derived)
    by_row = property(lambda self: self.learner.by_row)
    by_central = property(lambda self: self.learner.by_central)
    central = property(lambda self: self.learner.central)
    sparse = property(lambda self: self.learner.sparse)

    def __getattr__(self, name):
        # What only some learners have: `begin` forgets the episode under way, `probabilities` are of mixed policies.
        if name in ("begin", "probabilities") and "learner" in self.__dict__:
            return getattr(self.learner, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def check(self, seats, rows=None):
        self.learner.check(seats, rows)

    def allocate(self, seats, rows):
        return self.learner.allocate(seats, rows)

    def grow(self, seats, arrays, rows, backend):
        return self.learner.grow(seats, arrays, rows, backend)

    def derive(self, seats, arrays, backend):
        self.learner.derive(seats, arrays, backend)

    def bounds(self):
        return self.learner.bounds()

    def draws(self):
        return max(self.learner.draws(), self.explore.draws)

    def discounts(self):
        return set()

    def actions(self, seats, arrays, rows):
        return self.learner.actions(seats, arrays, rows)

    def bind(self, seats, arrays, backend, draws=None, learning=True, exploration=None):
        return self.learner.bind(seats, arrays, backend, max(draws or 0, self.draws()), False,
                                 self.explore if exploration is None else exploration)
