"""What a learner's tests say of it, so that every general test can try it: ``EXAMPLES`` in its file, by name."""
from dataclasses import dataclass

import marlfast as mf


@dataclass(frozen=True)
class Example:
    """A learner, and whom it is tried with.

    Parameters
    ----------
    learner : Learner or list
        Of the whole team; or the learners of each agent; or pairs of a learner and its agents.
    actions : tuple of int
        Numbers of actions of the agents.
    alike : bool
        All agents earn the same; a learner who trusts that they do needs it.
    teams : list of list of int, optional
    numbered : bool
        Only for numbered observations, as what it is given is a number for each row.
    common : bool
        All agents must see the same.
    learns : bool
        Whether its arrays, where it has any, change.
    """

    learner: object
    actions: tuple = (3, 3)
    alike: bool = False
    teams: tuple | None = None
    numbered: bool = False
    common: bool = False
    learns: bool = True

    @property
    def team(self):
        """One learner of the whole team."""
        return mf.learners.Each.of(self.learner) if isinstance(self.learner, list) else self.learner

    @property
    def members(self):
        """All learners that it shows, those within others left out."""
        return self.team.learners if isinstance(self.team, mf.learners.Each) else (self.team,)
