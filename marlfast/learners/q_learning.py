"""Independent Q-learning."""
from dataclasses import dataclass
from typing import Any

from marlfast.exploration import EpsilonGreedy, Exploration
from marlfast.initial import initial_field
from marlfast.learners.tabular import Tabular
from marlfast.registry import option
from marlfast.schedules import Schedule


@dataclass(frozen=True, repr=False, eq=False)
class IQL(Tabular):
    """Independent Q-learning: each agent learns action values of its own, as if it were alone.

    ``q[row, a] += learning_rate * (reward + discount * max q[next row] - q[row, a])``; nothing is
    bootstrapped from a terminal state, a truncated episode bootstraps from its true successor.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for ``discount`` and in the exploration.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team of the reward structure,
        or the table of each agent. Agents who share learn in agent order.
    initial_q : float, array or InitialValues
        Initial action values, broadcast to (rows, tables, actions); with an encoder that numbers rows as
        it goes, to (tables, actions). With an axis more, the first is the run. Or drawn: see :mod:`marlfast.initial`.
        Where an observation is in several rows (:class:`marlfast.Tiles`), each begins with its share, so that their sum
        has this value.

    See Also
    --------
    ExpectedSARSA : Looks ahead by what the agent really does.
    HystereticQ : For teams, whose members explore.
    CentralQ : One table over joint actions.

    References
    ----------
    C. J. C. H. Watkins, "Learning from delayed rewards", PhD thesis, Cambridge (1989); C. J. C. H. Watkins and P.
    Dayan, "Q-learning", Machine Learning 8 (1992), equation 1; M. Tan, "Multi-agent reinforcement learning: independent
    vs. cooperative agents", ICML 1993 (independent learners).

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.PrisonersDilemma(horizon=10)
    >>> run = mf.train(game, mf.IQL(0.1, discount=0.9), episodes=500, runs=3, seed=0)
    >>> game.action_names[run.policy(0)(0)[0]], run.q.shape
    ('defect', (3, 1, 2, 2))
    """

    name = "iql"
    also = ("q", "q_learning", "independent_q_learning", "independent_q")
    sparse = True
    moves = True
    counts_visits = True
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(1.0, decay=0.995, minimum=0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()

    def lanes(self, context):
        return self._side_by_side(context)
