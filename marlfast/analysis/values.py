"""What strategies are worth: values, best replies, and what each agent could gain by another strategy."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.strategies import agent_number, discounted, starts, strategies
from marlfast.analysis.summary import Summarised
from marlfast.errors import choice

NUMBERS = 4_000_000     # of one array at a time; runs are taken in groups, so that memory does not grow with them
DENSE = 3_000           # states up to which linear equations are solved; beyond, values are iterated
MOST_ROUNDS = 1_000     # of policy iteration, which takes a handful; rounding must not keep it going
KNOWING = ", by a reply that knows the round"
SMALL = 1e-12           # of the greatest value: a reply counts as better only by more than this


def chunks(s, width):
    """The runs of strategies in groups, each of at most ``NUMBERS`` numbers where a run takes ``width``."""
    n = max(1, NUMBERS // max(1, width))
    for low in range(0, s.runs, n):
        yield slice(low, min(s.runs, low + n))


# -- certain play: where each state leads -----------------------------------------------------------

def joint_numbers(s):
    """Number of the joint action that pure strategies play: int64 [R, S]."""
    return sum(w * s.actions[:, :, i].astype(np.int64) for i, w in enumerate(s.model.weights))


def paths(s):
    """(next state int64 [R, S], rewards float64 [R, S, N]) of pure strategies where transitions are certain."""
    m = s.model
    at, joint = np.arange(m.size), joint_numbers(s)
    return m.successors[at * m.joint + joint].astype(np.int64), m.expected[at, joint]


def flat(then):
    """Next states [R, S] as places in an array [R * S]."""
    runs, states = then.shape
    return (then + np.arange(runs)[:, None] * states).ravel()


def _along(m, then, rewards, discount):
    """Discounted sums of rewards [R, S, N] along the paths that start in each state.

    Sums over n steps make sums over 2n: ``v_2n(s) = v_n(s) + discount**n * v_n(state after n steps)``.
    """
    runs, states, agents = rewards.shape
    v, leap, factor, n = rewards.reshape(-1, agents), flat(then), discount, 1
    while factor > 1e-20 * (1.0 - discount) and (discount < 1.0 or n < states):
        v = v + factor * v[leap]
        leap, factor, n = leap[leap], factor * factor, 2 * n
    if discount == 1.0:
        lost = ~m.terminal[leap % states]
        if lost.any():
            raise ValueError(f"discount: with 1.0 all play must end, and from state {int(lost.argmax()) % states} it "
                             f"never does in run {int(lost.argmax()) // states}; give a discount less than 1")
    return v.reshape(runs, states, agents)


# -- play with chance: one run at a time --------------------------------------------------------------

def chain(m, joint):
    """(transition probabilities as a list: from, to, weight; expected rewards [S, N]) under joint [S, J]."""
    weight = m.probabilities * joint.ravel()[m.cells]
    used = weight > 0.0
    return (m.cells[used] // m.joint, m.successors[used], weight[used]), (joint[:, :, None] * m.expected).sum(axis=1)


def dense(m, links):
    """A list of transition probabilities as an array [S, S]."""
    here, then, weight = links
    return np.bincount(here * m.size + then, weight, m.size * m.size).reshape(m.size, m.size)


def _solved(m, links, rewards, discount):
    """Values [S, ...] with ``v = rewards + discount * P v``; 0 in terminal states."""
    if discount == 1.0:
        _check_ends(m, links)
    go = ~m.terminal
    if m.size <= DENSE:
        matrix = (np.eye(m.size) - discount * dense(m, links))[np.ix_(go, go)]
        v = np.zeros_like(rewards)
        v[go] = np.linalg.solve(matrix, rewards[go])
        return v
    here, then, weight = links
    v = rewards.copy()
    columns = v.reshape(m.size, -1)
    paid = rewards.reshape(m.size, -1)
    while True:
        later = [np.bincount(here, weight * columns[then, k], m.size) for k in range(columns.shape[1])]
        new = np.where(go[:, None], paid + discount * np.stack(later, axis=1), 0.0)
        change, columns = np.abs(new - columns).max(), new
        if change <= 1e-13 * max(1.0, np.abs(columns).max()) * max(1e-3, 1.0 - discount):
            return columns.reshape(rewards.shape)


def _check_ends(m, links):
    here, then, _ = links
    ends = m.terminal.copy()
    while True:
        more = ends.copy()
        more[here[ends[then]]] = True
        if (more == ends).all():
            break
        ends = more
    if not ends.all():
        raise ValueError(f"discount: with 1.0 all play must end, and from state {int((~ends).argmax())} it never does; "
                         "give a discount less than 1")


def ahead(m, others, agent, v):
    """What an agent's actions lead to, with the others' mixtures (N arrays [S, A], the agent's own unused).

    Returns
    -------
    (rewards float64 [S, A], expected ``v`` of the next state float64 [S, A])
    """
    weight = np.ones((m.size, m.joint))
    for i in range(m.agents):
        if i != agent:
            weight = weight * others[i][:, m.digits[:, i]]
    count, own = m.actions[agent], m.digits[:, agent]
    place = (np.arange(m.size)[:, None] * count + own).ravel()
    rewards = np.bincount(place, (weight * m.expected[:, :, agent]).ravel(), m.size * count)
    next_value = np.bincount(m.cells, m.probabilities * v[m.successors], m.size * m.joint)
    then = np.bincount(place, weight.ravel() * next_value, m.size * count)
    return rewards.reshape(m.size, count), then.reshape(m.size, count)


# -- values of states and actions -----------------------------------------------------------------

def state_values(game, given, discount):
    """What each state is worth to each agent, while all go on with their strategies.

    ``V_i(s) = r_i(s, a) + discount * sum_s' P(s' | s, a) V_i(s')``, exact up to rounding: along the path where nothing
    is left to chance, else by solving the equations.

    Parameters
    ----------
    game : Game or Model
    given : Strategies, or what :func:`strategies` takes
    discount : float
        In [0, 1]. With 1 all play must end.

    Returns
    -------
    float64 [R, S, N]

    Notes
    -----
    Source: R. S. Sutton and A. G. Barto, "Reinforcement learning: an introduction" (2018), equation 4.4.
    """
    s = strategies(game, given)
    return _state_values(s, discounted(discount, below_one=False))


def _state_values(s, discount):
    m = s.model
    values = np.empty((s.runs, m.size, m.agents))
    if s.certain:
        for some in chunks(s, m.size * m.agents):
            values[some] = _along(m, *paths(s.some(some)), discount)
        return values
    for r in range(s.runs):
        values[r] = _solved(m, *chain(m, s.joint(r)), discount)
    return values


def action_values(game, given, discount, agent, continuation="frozen"):
    """What each action of one agent is worth in each state, against the others' strategies.

    ``Q_i(s, a) = r_i(s, a, a_-i) + discount * sum_s' P(s' | s, a, a_-i) V_i(s')``.

    Parameters
    ----------
    game : Game or Model
    given : Strategies, or what :func:`strategies` takes
    discount : float
        In [0, 1).
    agent : int
    continuation : {"frozen", "best"}
        What the agent does from the next step on: ``"frozen"`` goes on with its own strategy, so that V is the value of
        the strategies; ``"best"`` replies as well as can be, so that V is that of :func:`best_reply`.

    Returns
    -------
    float64 [R, S, A_i]
    """
    s = strategies(game, given)
    agent, discount = agent_number(s.model, agent), discounted(discount)
    if choice("continuation", continuation, ("frozen", "best")) == "best":
        return _best(s, agent, discount)[2]
    return _action_values(s, discount, agent, _state_values(s, discount)[:, :, agent])


def _action_values(s, discount, agent, v):
    """Action values [R, S, A] where the next state is worth ``v`` [R, S]."""
    m = s.model
    q = np.empty((s.runs, m.size, m.actions[agent]))
    if s.certain:
        for some in chunks(s, m.size * m.actions[agent]):
            q[some] = _certain_action_values(s.some(some), discount, agent, v[some])
        return q
    for r in range(s.runs):
        rewards, then = ahead(m, [s.mixture(r, i) for i in range(m.agents)], agent, v[r])
        q[r] = rewards + discount * then
    return q


def replies(s, agent):
    """Number of the joint action where one agent does each of its actions: int64 [R, S, A]."""
    m = s.model
    others = joint_numbers(s) - m.weights[agent] * s.actions[:, :, agent].astype(np.int64)
    return others[:, :, None] + m.weights[agent] * np.arange(m.actions[agent])


def _certain_action_values(s, discount, agent, v):
    m = s.model
    joint, at = replies(s, agent), np.arange(m.size)[:, None]
    then = m.successors[at * m.joint + joint] + (np.arange(s.runs) * m.size)[:, None, None]
    return m.expected[at, joint, agent] + discount * v.ravel()[then]


# -- best replies ---------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False, repr=False)
class BestReply(Summarised):
    """One agent's best strategy against the others'.

    Attributes
    ----------
    agent : int
    actions : int32 [R, S]
        The best pure strategy, by state; where several actions are as good, the one that is played, else the first.
    values : float64 [R, S]
        What each state is worth with it.
    action_values : float64 [R, S, A]
    gain : float64 [R]
        How much more it is worth than the strategy that is played, from the start.
    exact : bool
        Whether that is the solution itself, not a sample.
    knows_round : bool
        Whether the reply may depend on the round, which the strategies that are played do not see.
    """

    agent: int
    actions: np.ndarray
    values: np.ndarray
    action_values: np.ndarray
    gain: np.ndarray
    exact: bool = True
    knows_round: bool = False

    def summary(self):
        """A line of text."""
        return (f"agent {self.agent} could gain {self.gain.mean():.6g} on average over {len(self.gain)} runs "
                f"(most {self.gain.max():.6g})" + (KNOWING if self.knows_round else ""))


def best_reply(game, given, agent, discount, start=None):
    """The best strategy of one agent against the others' frozen ones, by policy iteration.

    Parameters
    ----------
    game : Game or Model
    given : Strategies, or what :func:`strategies` takes
    agent : int
    discount : float
        In [0, 1).
    start : int, int [R] or float64 [S], optional
        From where the gain is counted: a state, one per run, or a distribution. Default: the game's start.

    Returns
    -------
    BestReply

    Notes
    -----
    The agent must be able to tell the states apart; else a best reply by state is none that it could play.

    Source: R. A. Howard, "Dynamic programming and Markov processes" (1960).
    """
    s = strategies(game, given)
    agent, discount = agent_number(s.model, agent), discounted(discount)
    begin = starts(s, s.model.start if start is None else start)
    played = _state_values(s, discount)[:, :, agent]
    actions, values, q = _best(s, agent, discount)
    return BestReply(agent, actions, values, q, (begin * (values - played)).sum(axis=1), knows_round=s.model.rounds > 1)


def check_tells_apart(m, agent):
    """Refuse an agent who sees the same in two states, because replies are found state by state."""
    rows = m.seen[~m.terminal, agent].astype(np.int64)
    if m.rounds:            # a reply knows the round
        rows = rows + np.flatnonzero(~m.terminal) // m.per_round * m.rows
    if len(np.unique(rows)) < len(rows):
        order = np.argsort(rows, kind="stable")
        at = np.flatnonzero(~m.terminal)[order]
        k = int((np.diff(rows[order]) == 0).argmax())
        raise ValueError(f"agent: {agent} sees the same in states {at[k]} and {at[k + 1]}, so it could not depart from "
                         "its strategy in one of them alone; analyse a game whose states it can tell apart")


def _best(s, agent, discount):
    """(actions [R, S], values [R, S], action values [R, S, A])."""
    m = s.model
    check_tells_apart(m, agent)
    actions = np.empty((s.runs, m.size), np.int32)
    values, q = np.empty((s.runs, m.size)), np.empty((s.runs, m.size, m.actions[agent]))
    if s.certain:
        for some in chunks(s, m.size * m.actions[agent]):
            actions[some], values[some], q[some] = _best_certain(s.some(some), agent, discount)
    else:
        for r in range(s.runs):
            actions[r], values[r], q[r] = _best_of_run(s, r, agent, discount)
    return actions, values, q


def _improved(actions, q):
    """Actions with the greatest values, old ones where they are as good; and where anything has changed."""
    best = q.max(axis=-1)
    own = np.take_along_axis(q, actions[..., None].astype(np.int64), axis=-1)[..., 0]
    better = best - own > SMALL * np.abs(q).max(axis=(-2, -1))[..., None]
    return np.where(better, q.argmax(axis=-1), actions).astype(np.int32), better


def _best_certain(s, agent, discount):
    m = s.model
    actions = s.actions.copy()
    joint, at = replies(s, agent), np.arange(m.size)[:, None]
    then, rewards = m.successors[at * m.joint + joint].astype(np.int64), m.expected[at, joint, agent]
    own = actions[:, :, agent].copy()
    values, q = np.empty((s.runs, m.size)), np.empty((s.runs, m.size, m.actions[agent]))
    active = np.arange(s.runs)
    for _ in range(MOST_ROUNDS):
        if not len(active):
            break
        chosen = own[active][:, :, None].astype(np.int64)
        v = _along(m, np.take_along_axis(then[active], chosen, 2)[:, :, 0],
                   np.take_along_axis(rewards[active], chosen, 2), discount)[:, :, 0]
        places = then[active] + (np.arange(len(active)) * m.size)[:, None, None]
        q[active] = rewards[active] + discount * v.ravel()[places]
        values[active] = v
        own[active], better = _improved(own[active], q[active])
        active = active[better.any(axis=1)]
    return own, values, q


def _best_of_run(s, run, agent, discount):
    m = s.model
    mixtures = [s.mixture(run, i) for i in range(m.agents)]
    own = mixtures[agent].argmax(axis=1).astype(np.int32)
    for _ in range(MOST_ROUNDS):
        mixtures[agent] = np.eye(m.actions[agent])[own]
        joint = mixtures[0]
        for p in mixtures[1:]:
            joint = (joint[:, :, None] * p[:, None, :]).reshape(m.size, -1)
        links, rewards = chain(m, joint)
        v = _solved(m, links, rewards[:, agent], discount)
        paid, then = ahead(m, mixtures, agent, v)
        q = paid + discount * then
        own, better = _improved(own, q)
        if not better.any():
            break
    return own, v, q


@dataclass(frozen=True, eq=False, repr=False)
class Exploitability(Summarised):
    """What agents could gain, each by a best reply while the others go on as they do.

    Attributes
    ----------
    gains : float64 [R, N]
    exact : bool
        Whether that is the solution itself, not a sample.
    knows_round : bool
        Whether the replies may depend on the round, which the strategies that are played do not see.
    """

    gains: np.ndarray
    exact: bool = True
    knows_round: bool = False

    @property
    def nash_conv(self):
        """Sum of the gains over agents: float64 [R]; 0 in a Nash equilibrium."""
        return self.gains.sum(axis=1)

    @property
    def exploitability(self):
        """Mean of the gains over agents: float64 [R]."""
        return self.gains.mean(axis=1)

    def summary(self):
        """A line of text."""
        return (f"NashConv {self.nash_conv.mean():.6g} on average over {len(self.gains)} runs; gains by agent "
                + ", ".join(f"{g:.6g}" for g in self.gains.mean(axis=0)) + (KNOWING if self.knows_round else ""))


def exploitability(game, given, discount, start=None):
    """How far strategies are from a Nash equilibrium: what each agent could gain alone.

    ``NashConv = sum_i (max_pi_i V_i(pi_i, sigma_-i) - V_i(sigma))``; exploitability is the mean instead of the sum.

    Parameters
    ----------
    game, given, discount, start
        See :func:`best_reply`.

    Returns
    -------
    Exploitability

    Notes
    -----
    Source: M. Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement learning", NeurIPS 2017,
    section 3.4.
    """
    s = strategies(game, given)
    discount = discounted(discount)
    begin = starts(s, s.model.start if start is None else start)
    played = _state_values(s, discount)
    gains = np.stack([(begin * (_best(s, i, discount)[1] - played[:, :, i])).sum(axis=1)
                      for i in range(s.model.agents)], axis=1)
    return Exploitability(gains, knows_round=s.model.rounds > 1)
