"""A learner that plays what it knows and learns nothing more."""
from dataclasses import dataclass, fields, replace

from marlfast.errors import shown
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
        Whose arrays and policy it has.
    explore : Exploration, optional
        In place of the learner's own. Default: its policy, that is what it plays when it does not explore; of several
        actions whose values are equally great any, so that who knows nothing yet plays anything.

    See Also
    --------
    FixedPolicy : A policy given as probabilities.
    marlfast.League : Makes frozen copies as it goes.

    Examples
    --------
    >>> import marlfast as mf
    >>> team = [mf.IQL(), mf.learners.Frozen(mf.IQL())]
    >>> run = mf.train(mf.games.MatchingPennies(), team, episodes=100, seed=0)
    >>> int(run.tables(agent=0)["visits"].max()), int(run.tables(agent=1)["visits"].max())
    (100, 0)
    """

    name = "frozen"
    learner: Learner = option(kind="learner")
    explore: Exploration | None = option(None, kind="exploration")

    def __post_init__(self):
        self._set(learner=require("learner", self.learner, "learner"),
                  explore=None if self.explore is None else require("exploration", self.explore, "explore"))
        if isinstance(self.learner, (Each, Frozen)):
            raise ValueError(f"learner: expected a learner of its own, got {shown(self.learner.name)}; "
                             "give one Frozen for each")

    derived = property(lambda self: self.learner.derived)
    by_row = property(lambda self: self.learner.by_row)
    by_central = property(lambda self: self.learner.by_central)
    added = property(lambda self: self.learner.added)
    central = property(lambda self: self.learner.central)
    sparse = property(lambda self: self.learner.sparse)

    by_kernel = property(lambda self: self.learner.by_kernel)

    def __getattr__(self, name):
        if name == "begin" and "learner" in self.__dict__:      # only some have it: it forgets the episode under way
            return getattr(self.learner, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def check(self, context, rows=None):
        self.learner.check(context, rows)

    def allocate(self, context, rows):
        return self.learner.allocate(context, rows)

    def shapes(self, context, rows):
        return self.learner.shapes(context, rows)

    def grow(self, context, arrays, rows, backend):
        return self.learner.grow(context, arrays, rows, backend)

    def derive(self, context, arrays, backend):
        self.learner.derive(context, arrays, backend)

    def bounds(self):
        return self.learner.bounds()

    def _acting(self):
        """What its learner's kernels are told about exploring."""
        if self.explore is not None:
            return self.explore
        still = self.learner.exploring("policy")
        pure = isinstance(still, EpsilonGreedy) and "greedy" in self.learner.by_kernel
        return EpsilonGreedy(0.0, ties="incumbent") if pure and still.draws == 1 else \
            EpsilonGreedy(0.0, ties="random", draws=2) if pure else still

    def exploring(self, how):
        if how == "behaviour" or how == "policy" and self.explore is None:
            return None
        return super().exploring(how)

    def draws(self):
        acting = self._acting()
        return max(self.learner.draws(), acting.n_draws if isinstance(acting, Exploration) else 0)

    def discounts(self):
        return set()

    def plays(self, context, arrays, kind="policy"):
        acting, learner = self._acting(), self.learner
        if not isinstance(acting, Exploration) or "explore" not in {field.name for field in fields(learner)}:
            return learner.plays(context, arrays, "policy" if kind == "behaviour" else kind)
        own = {f"{acting.parameter}.{k}": v for k, v in acting.schedule.allocate(context.runs).items()}
        return replace(learner, explore=acting).plays(context, arrays | own, kind)

    def actions(self, context, arrays, rows):
        return self.learner.actions(context, arrays, rows)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return self.learner.bind(context, arrays, backend, max(draws or 0, self.draws()), False,
                                 self._acting() if exploration is None else exploration)
