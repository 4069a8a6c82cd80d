"""What happens after one agent departs from its strategy for a while."""
from dataclasses import dataclass, replace

import numpy as np

from marlfast.analysis.cycles import occupied
from marlfast.analysis.model import endless
from marlfast.analysis.strategies import agent_number, discounted, strategies
from marlfast.analysis.summary import Summarised
from marlfast.analysis.values import action_values, ahead, chain, paths, replies
from marlfast.errors import integer, shown

BEST, STATIC = "best", "static"


@dataclass(frozen=True, eq=False, repr=False)
class Deviation(Summarised):
    """Play after a forced deviation: T steps, the first of which deviate. Each run's mean over where it began.

    Attributes
    ----------
    agent : int
        Who deviates.
    periods : int
        For how many steps.
    actions : float64 [R, T, N]
        Mean action, or mean of the numbers that actions stand for (``numbers``).
    rewards : float64 [R, T, N]
        Mean (expected) reward.
    before_actions, before_rewards : float64 [R, N]
        The same means without the deviation.
    back : bool [R]
        Whether play is in the states of before after T steps, wherever it began.
    exact : bool
        True: followed step by step, or with chance by its probabilities, not sampled.
    kind : str
        Which of what learners play it is: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    deviation : Makes it.
    limit_cycles : Where play ends without it.
    """

    agent: int
    periods: int
    actions: np.ndarray
    rewards: np.ndarray
    before_actions: np.ndarray
    before_rewards: np.ndarray
    back: np.ndarray
    exact: bool = True
    kind: str = "policy"
    left_out: np.ndarray | None = None

    @property
    def mean_actions(self):
        """Mean over runs that are not left out: float64 [T, N]."""
        return self.kept(self.actions).mean(axis=0)

    @property
    def mean_rewards(self):
        """Mean over runs that are not left out: float64 [T, N]."""
        return self.kept(self.rewards).mean(axis=0)

    def gain(self, discount):
        """Say what the deviation brings each agent, in T steps.

        Parameters
        ----------
        discount : float
            In [0, 1].

        Returns
        -------
        float64 [R, N]
            The discounted sum of the differences to play without it.
        """
        weights = discounted(discount) ** np.arange(self.rewards.shape[1])
        return ((self.rewards - self.before_rewards[:, None]) * weights[:, None]).sum(axis=1)

    def summary(self):
        mine, others = self.mean_actions[:, self.agent], np.delete(self.mean_actions, self.agent, axis=1)
        path = " ".join(f"{x:.4g}" for x in mine[:6])
        said = f"agent {self.agent} deviates for {self.periods}: its mean actions {path}"
        if others.size:
            said += "; the others' " + " ".join(f"{x:.4g}" for x in others.mean(axis=1)[:6])
        return f"{said}; back in {self.kept(self.back).mean():.3f} of {self.of_runs(len(self.back))}"


def deviation(game, given, agent, action=STATIC, periods=1, length=15, start=None, numbers=None, discount=None):
    """Force one agent to deviate from where play ends, let all strategies go on, and watch.

    Play begins in every state of the limit cycle in turn (with chance: in every state with the share of time that is
    spent there), and each run's means over these beginnings are returned.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    agent : int
        Who deviates.
    action : int, "static" or "best"
        What to: an action; in every state the best reply of the moment, which looks at the next reward alone; or the
        best action if all go on with their strategies from then on (needs ``discount``), by :func:`action_values`.
    periods : int
        For how many steps.
    length : int
        T, how many steps to watch, ``periods`` among them.
    start : int, int [R] or float64 [S], optional
        Where the way to the cycle begins, as in :func:`long_run`, with the same default.
    numbers : float64 [N, A], optional
        What actions stand for, such as prices; means are taken of these. Default: the actions' numbers.
    discount : float, optional
        In [0, 1); with ``action="best"``.

    Returns
    -------
    Deviation
        Mean actions and rewards of each run, step by step.

    See Also
    --------
    limit_cycles : Where play ends without a deviation.
    nash_test : Whether deviations pay.

    References
    ----------
    E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020), figures on impulse responses.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.PrisonersDilemma(memory=1, start="uniform", horizon=0)
    >>> grim = np.array([[0, 0], [1, 1], [1, 1], [1, 1]])       # after CC, CD, DC, DD
    >>> answer = analysis.deviation(game, grim, agent=0, action=1, length=3, start=0)
    >>> answer.mean_actions.tolist(), answer.back.tolist()
    ([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], [False])
    >>> answer.gain(0.9).round(2).tolist()
    [[-1.42, -6.42]]
    """
    s = strategies(endless(game), given)
    m = s.model
    agent = agent_number(m, agent)
    length = integer("length", length, 1)
    periods = integer("periods", periods, 1, length)
    numbers = _numbers(m, numbers)
    departs = _departing(s, agent, action, discount)
    if s.certain:
        return _followed(s, departs, agent, periods, length, start, numbers)
    return _expected(s, departs, agent, periods, length, start, numbers)


def _lasting(s, start):
    """Where the long run is spent: float64 [R, S]; refused where it is spent after the end."""
    occupancy = occupied(s, start)
    if (occupancy[:, s.model.terminal] > 0.0).any():
        raise ValueError(f"deviation: play of {s.model.game.name!r} comes to an end, so there is no lasting play to "
                         "deviate from; compare state_values and action_values instead")
    return occupancy


def _numbers(m, numbers):
    """What each agent's actions stand for: N float64 arrays [A_i]."""
    if numbers is None:
        return [np.arange(n, dtype=np.float64) for n in m.actions]
    try:
        given = [np.asarray(part, np.float64) for part in numbers]
    except (TypeError, ValueError):
        raise ValueError(f"numbers: expected a number for each action of each agent, got {shown(numbers)}") from None
    if len(given) != m.agents or any(part.ndim != 1 or len(part) < n
                                     for part, n in zip(given, m.actions, strict=False)):
        raise ValueError(f"numbers: expected a number for each action of each agent, {m.actions}, "
                         f"got shapes {[part.shape for part in given]}")
    return [part[:n] for part, n in zip(given, m.actions, strict=True)]


def _departing(s, agent, action, discount):
    """What the deviating agent does in each state: int [R, S]."""
    m = s.model
    if action == BEST and isinstance(action, str):
        if discount is None:
            raise ValueError("discount: action='best' needs one, as what is best depends on it")
        return action_values(m, s, discount, agent, horizon=0).argmax(axis=2)
    if action == STATIC and isinstance(action, str):
        if s.pure:
            return m.expected[np.arange(m.size)[:, None], replies(s, agent), agent].argmax(axis=2)
        zero = np.zeros(m.size)
        return np.stack([ahead(m, s.against(r, agent), agent, zero)[0].argmax(axis=1) for r in range(s.runs)])
    if isinstance(action, str):
        raise ValueError(f"action: expected an action's number, 'static' or 'best', got {shown(action)}")
    return np.full((s.runs, m.size), integer("action", action, 0, m.actions[agent] - 1))


def _followed(s, departs, agent, periods, length, start, numbers):
    """Step by step, from every state of the cycles."""
    m, occupancy = s.model, _lasting(s, start)
    deviant = s.actions.copy()
    deviant[:, :, agent] = departs
    plans = [(actions, *paths(replace(s, actions=actions))) for actions in (deviant, s.actions)]
    run, at = np.nonzero(occupancy)
    share = occupancy[run, at][:, None]

    def means(actions, rewards):
        """Of what is played and paid at the places where play is: float64 [R, N] twice."""
        played, paid = np.zeros((s.runs, m.agents)), np.zeros((s.runs, m.agents))
        stands_for = np.stack([numbers[i][actions[run, at, i]] for i in range(m.agents)], axis=1)
        np.add.at(played, run, share * stands_for)
        np.add.at(paid, run, share * rewards[run, at])
        return played, paid

    before = means(s.actions, plans[1][2])
    steps = []
    for t in range(length):
        actions, successor, rewards = plans[0 if t < periods else 1]
        steps.append(means(actions, rewards))
        at = successor[run, at]
    back = np.ones(s.runs, bool)
    back[run[occupancy[run, at] == 0.0]] = False
    played, paid = (np.stack(part, axis=1) for part in zip(*steps, strict=True))
    return Deviation(agent, periods, played, paid, *before, back, kind=s.kind, left_out=s.left_out)


def _expected(s, departs, agent, periods, length, start, numbers):
    """By probabilities, from where the long run is spent."""
    m, occupancy = s.model, _lasting(s, start)
    actions, rewards = np.zeros((s.runs, length, m.agents)), np.zeros((s.runs, length, m.agents))
    before_actions, before_rewards = np.zeros((s.runs, m.agents)), np.zeros((s.runs, m.agents))
    back = np.zeros(s.runs, bool)
    for r in range(s.runs):
        departing = s.against(r, agent) * np.eye(m.actions[agent])[departs[r]][:, m.digits[:, agent]]
        plans = [(joint, *chain(m, joint, s.outcomes(r))) for joint in (departing, s.joint(r))]

        def means(joint, at):
            """Mean of what actions stand for, of each agent."""
            share = at @ joint
            return [share @ numbers[i][m.digits[:, i]] for i in range(m.agents)]

        at = occupancy[r]
        before_rewards[r] = at @ plans[1][2]
        before_actions[r] = means(plans[1][0], at)
        for t in range(length):
            joint, (here, successor, weight), paid = plans[0 if t < periods else 1]
            actions[r, t] = means(joint, at)
            rewards[r, t] = at @ paid
            at = np.bincount(successor, at[here] * weight, m.size)
        back[r] = not (at[occupancy[r] == 0.0] > 0.0).any()
    return Deviation(agent, periods, actions, rewards, before_actions, before_rewards, back, kind=s.kind,
                     left_out=s.left_out)
