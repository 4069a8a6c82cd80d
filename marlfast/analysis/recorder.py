"""Mixed strategies as they change while training goes on."""
import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import integer
from marlfast.learners.plays import check_kind


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

    See Also
    --------
    marlfast.train : Takes it as ``callback``.
    marlfast.plotting.direction_field : Draws what it has kept over a field of directions.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> path = analysis.StrategyRecorder()
    >>> game, learner = mf.games.PrisonersDilemma(), mf.IQL(0.1, explore=mf.Boltzmann(0.5))
    >>> _ = mf.train(game, learner, steps=100, runs=3, seed=0, block=20, callback=path)
    >>> path.times.tolist(), path.strategies[0].shape
    ([20, 40, 60, 80, 100], (5, 3, 2))
    """

    def __init__(self, row=0, kind="behaviour"):
        self.row, self.kind = integer("row", row, 0), check_kind(kind)
        self._times, self._kept = [], []

    def __call__(self, session):
        if session.context.active > 1:
            raise ValueError("row: this encoder puts an observation into several rows, so that a row alone has no "
                             "strategy")
        known = session.resolved.rooms(session.arrays)["encoder"]
        if self.row >= known:
            raise ValueError(f"row: expected 0 to {known - 1}, as the tables have {known} rows now, got {self.row}")
        rows, parts = np.full((1, session.context.agents), self.row), []
        for prefix, one, context in session.experiment.learner.parts(session.context):
            start = f"learner.{prefix}"
            arrays = {name[len(start):]: a for name, a in session.arrays.items() if name.startswith(start)}
            for p in one.plays(context, arrays, self.kind):
                own = np.stack([p.chances(run, rows)[0, p.now(run, rows)] for run in range(context.runs)])
                parts.append((p.agents, own.reshape(-1, *p.counts)))
        self._times.append(int(session.arrays["steps"].max()))
        self._kept.append(parts)

    @property
    def times(self):
        """Steps of the run that is furthest, at each record: int64 [T]."""
        return np.array(self._times, np.int64)

    @property
    def strategies(self):
        """Probabilities of each agent's actions, at each record: tuple of N float64 [T, R, A_i]."""
        return tuple(np.stack(one) for one in zip(*map(_marginals, self._kept), strict=True))

    @property
    def joint(self):
        """Probabilities of joint actions, in the order of ``numpy.ndindex``: float64 [T, R, J].

        Of agents who draw together (correlated-Q) it is what they draw, and not the product of :attr:`strategies`.
        """
        return np.stack([_joint(parts) for parts in self._kept])

    def summary(self):
        return f"{len(self._times)} records" + (f", to step {self._times[-1]:,}" if self._times else "")


def _marginals(parts):
    """Probabilities float64 [R, A_i] of each agent's own actions, from (agents, float64 [R, A_i, A_k, ...]) of all."""
    found = {i: p.sum(axis=tuple(1 + q for q in range(len(agents)) if q != k))
             for agents, p in parts for k, i in enumerate(agents)}
    return [found[i] for i in sorted(found)]


def _joint(parts):
    """Probabilities float64 [R, J] of what all agents do."""
    order, joint = [], np.ones(len(parts[0][1]))
    for agents, p in parts:
        order += agents
        beside = p.reshape(len(p), *[1] * (joint.ndim - 1), *p.shape[1:])
        joint = joint.reshape(*joint.shape, *[1] * len(agents)) * beside
    return joint.transpose(0, *(1 + np.argsort(order))).reshape(len(joint), -1)
