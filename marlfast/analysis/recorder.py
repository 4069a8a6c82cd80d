"""Mixed strategies as they change while training goes on."""
import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import integer
from marlfast.learners.plays import check_kind
from marlfast.policy import plays_of


class StrategyRecorder(Summarised):
    """A ``callback`` of :func:`marlfast.train` that keeps every agent's strategy in one table row, block by block.

    Give ``train`` a ``block``, which is then the number of steps between two of its records.

    Parameters
    ----------
    row : int
        Of the tables. Games in normal form without memory have row 0 only.
    kind : {"behaviour", "policy", "greedy", "average"}
        What is recorded: see :func:`strategies`. Default: what is played in training, exploration included.

    Attributes
    ----------
    times : int64 [T]
        Steps of the run that is furthest.
    strategies : tuple of N float64 [T, R, A_i]
        Probabilities of actions; of those who remember something, by what they remember at that time.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> path = analysis.StrategyRecorder()
    >>> game, learner = mf.games.PrisonersDilemma(), mf.IQL(0.1, explore=mf.Boltzmann(0.5))
    >>> _ = mf.train(game, learner, steps=100, runs=3, block=20, callback=path)
    >>> path.times.tolist(), path.strategies[0].shape
    ([20, 40, 60, 80, 100], (5, 3, 2))
    """

    def __init__(self, row=0, kind="behaviour"):
        self.row, self.kind = integer("row", row, 0), check_kind(kind)
        self._times, self._kept = [], []

    def __call__(self, session):
        if session.seats.active > 1:
            raise ValueError("row: this encoder puts an observation into several rows, so that a row alone has no "
                             "strategy")
        self._times.append(int(session.arrays["steps"].max()))
        found = [None] * session.game.agents
        for prefix, one, seats in session.experiment.learner.parts(session.seats):
            start = f"learner.{prefix}"
            arrays = {name[len(start):]: a for name, a in session.arrays.items() if name.startswith(start)}
            for i in seats.leads:
                found[i] = _mixture(one, seats, arrays, i, self.row)
        self._kept.append(found)

    @property
    def times(self):
        return np.array(self._times, np.int64)

    @property
    def strategies(self):
        return tuple(np.stack(one) for one in zip(*self._kept, strict=True))

    @property
    def joint(self):
        """Probabilities of joint actions, in the order of ``numpy.ndindex``: float64 [T, R, J]."""
        first, *others = self.strategies
        for one in others:
            first = (first[..., :, None] * one[..., None, :]).reshape(*first.shape[:2], -1)
        return first

    def summary(self):
        """A line of text."""
        return f"{len(self._times)} records" + (f", to step {self._times[-1]:,}" if self._times else "")
