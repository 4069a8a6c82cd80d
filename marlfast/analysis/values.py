"""What strategies are worth: values, best replies, and what each agent could gain by another strategy."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.strategies import agent_number, discounted, game_start, starts, strategies
from marlfast.analysis.summary import Summarised
from marlfast.errors import choice, integer

NUMBERS = 4_000_000     # of one array at a time; runs are taken in groups, so that memory does not grow with them
DENSE = 3_000           # states up to which linear equations are solved; beyond, values are iterated
MAX_ROUNDS = 1_000     # of policy iteration, which takes a handful; rounding must not keep it going
KNOWING = ", by a reply that knows the round"
SMALL = 1e-12           # of the greatest value: a reply counts as better only by more than this
MAX_WORK = 2 * 10**10  # numbers that backward induction may look at: some minutes
DEVIATIONS = ("correlated", "coarse")


def chunks(s, width):
    """The runs of strategies in groups, each of at most ``NUMBERS`` numbers where a run takes ``width``."""
    n = max(1, NUMBERS // max(1, width))
    for low in range(0, s.runs, n):
        yield slice(low, min(s.runs, low + n))


def rounds(s, horizon):
    """T, rounds that are played; 0: play goes on until the game itself is over (of which its last round is a part).

    ``horizon``: None (0), or a number.
    """
    m = s.model
    if horizon is None:
        return 0
    horizon = integer("horizon", horizon, 0)
    work = horizon * s.runs * (m.size * m.agents if s.certain else len(m.successors) + m.size * m.joint)
    if work > MAX_WORK:
        raise ValueError(f"horizon: {horizon:,} rounds of {s.runs:,} runs with {m.size:,} states and "
                         f"{len(m.successors):,} outcomes are {work:,} numbers to look at, more than {MAX_WORK:,}; "
                         "take fewer rounds or runs, or horizon=0 with a discount")
    return horizon


# -- certain play: where each state leads -----------------------------------------------------------

def joint_numbers(s):
    """Number of the joint action that pure strategies play: int64 [R, S]."""
    return sum(w * s.actions[:, :, i].astype(np.int64) for i, w in enumerate(s.model.weights))


def paths(s):
    """(next state int64 [R, S], rewards float64 [R, S, N]) of pure strategies where transitions are certain."""
    m = s.model
    at, joint = np.arange(m.size), joint_numbers(s)
    return m.successors[at * m.joint + joint].astype(np.int64), m.expected[at, joint]


def flat(successor):
    """Next states [R, S] as places in an array [R * S]."""
    runs, states = successor.shape
    return (successor + np.arange(runs)[:, None] * states).ravel()


def _along(m, successor, rewards, discount):
    """Discounted sums of rewards [R, S, N] along the paths that start in each state.

    Sums over n steps make sums over 2n: ``v_2n(s) = v_n(s) + discount**n * v_n(state after n steps)``.
    """
    runs, states, agents = rewards.shape
    v, leap, factor, n = rewards.reshape(-1, agents), flat(successor), discount, 1
    while factor > 1e-20 * (1.0 - discount) and (discount < 1.0 or n < states):
        v = v + factor * v[leap]
        leap, factor, n = leap[leap], factor * factor, 2 * n
    if discount == 1.0:
        lost = ~m.terminal[leap % states]
        if lost.any():
            raise ValueError(f"discount: with 1.0 all play must end, and from state {int(lost.argmax()) % states} it "
                             f"never does in run {int(lost.argmax()) // states}; give a discount less than 1, or a "
                             "horizon")
    return v.reshape(runs, states, agents)


# -- play with chance: one run at a time --------------------------------------------------------------

def chain(m, joint, outcomes=None):
    """(transition probabilities as a list: from, to, weight; expected rewards [S, N]) under joint [S, J].

    ``outcomes``: probabilities of the model's outcomes, where a run has its own.
    """
    weight = (m.probabilities if outcomes is None else outcomes) * joint.ravel()[m.cells]
    used = weight > 0.0
    return (m.cells[used] // m.joint, m.successors[used], weight[used]), (joint[:, :, None] * m.expected).sum(axis=1)


def dense(m, links):
    """A list of transition probabilities as an array [S, S]."""
    here, successor, weight = links
    return np.bincount(here * m.size + successor, weight, m.size * m.size).reshape(m.size, m.size)


def solved(m, links, rewards, discount):
    """Values [S, ...] with ``v = rewards + discount * P v``; 0 in terminal states."""
    if discount == 1.0:
        _check_ends(m, links)
    go = ~m.terminal
    if m.size <= DENSE:
        matrix = (np.eye(m.size) - discount * dense(m, links))[np.ix_(go, go)]
        v = np.zeros_like(rewards)
        v[go] = np.linalg.solve(matrix, rewards[go])
        return v
    here, successor, weight = links
    v = rewards.copy()
    columns = v.reshape(m.size, -1)
    paid = rewards.reshape(m.size, -1)
    while True:
        later = [np.bincount(here, weight * columns[successor, k], m.size) for k in range(columns.shape[1])]
        new = np.where(go[:, None], paid + discount * np.stack(later, axis=1), 0.0)
        change, columns = np.abs(new - columns).max(), new
        if change <= 1e-13 * max(1.0, np.abs(columns).max()) * max(1e-3, 1.0 - discount):
            return columns.reshape(rewards.shape)


def must_end(m, links):
    """From which states play comes to an end, with probability 1 if that is true of all: bool [S]."""
    here, successor, _ = links
    ends = m.terminal.copy()
    while True:
        more = ends.copy()
        more[here[ends[successor]]] = True
        if (more == ends).all():
            return ends
        ends = more


def _check_ends(m, links):
    ends = must_end(m, links)
    if not ends.all():
        raise ValueError(f"discount: with 1.0 all play must end, and from state {int((~ends).argmax())} it never does; "
                         "give a discount less than 1, or a horizon")


def ahead(m, against, agent, v, outcomes=None):
    """What an agent's actions lead to, where the others act as ``against`` [S, J] says, whatever its own action.

    Returns
    -------
    (rewards float64 [S, A], expected ``v`` of the next state float64 [S, A])
    """
    count, own = m.actions[agent], m.digits[:, agent]
    place = (np.arange(m.size)[:, None] * count + own).ravel()
    rewards = np.bincount(place, (against * m.expected[:, :, agent]).ravel(), m.size * count)
    successor = np.bincount(place, against.ravel() * _next(m, v, outcomes), m.size * count)
    return rewards.reshape(m.size, count), successor.reshape(m.size, count)


def _next(m, v, outcomes):
    """Expected ``v`` [S] of the state after each cell: float64 [S * J]."""
    return np.bincount(m.cells, (m.probabilities if outcomes is None else outcomes) * v[m.successors],
                       m.size * m.joint)


# -- values of states and actions -----------------------------------------------------------------

def state_values(game, given, discount, horizon=None):
    """What each state is worth to each agent, while all go on with their strategies.

    ``V_i(s) = r_i(s, a) + discount * sum_s' P(s' | s, a) V_i(s')``, exact up to rounding: along the path where nothing
    is left to chance, else by solving the equations; with a horizon by backward induction.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    discount : float
        In [0, 1]. With 1 all play must end, or have a horizon.
    horizon : int, optional
        Rounds that are left to play, whatever the game says. Default: until the game is over, a last round included
        where that is its end and no time limit (:class:`Model`); else without end.

    Returns
    -------
    float64 [R, S, N]
        What each state is worth, by run and agent.

    See Also
    --------
    action_values : What one agent's actions are worth.
    expected_return : From the start of an episode.

    References
    ----------
    R. S. Sutton and A. G. Barto, "Reinforcement learning: an introduction" (2018), equation 4.4.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.PrisonersDilemma(memory=1, start="uniform", horizon=0)
    >>> tit_for_tat = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])    # after CC, CD, DC, DD
    >>> analysis.state_values(game, tit_for_tat, discount=0.5)[0, :, 0].round(3).tolist()
    [6.0, 6.667, 3.333, 2.0]
    """
    s = strategies(game, given)
    return _state_values(s, discounted(discount), rounds(s, horizon))


def _state_values(s, discount, horizon=0):
    m = s.model
    values = np.empty((s.runs, m.size, m.agents))
    if horizon:
        for run in range(s.runs):
            for round_values in backwards(s, run, discount, horizon):
                values[run] = round_values
        return values
    if s.certain:
        for some in chunks(s, m.size * m.agents):
            values[some] = _along(m, *paths(s.some(some)), discount)
        return values
    for r in range(s.runs):
        values[r] = solved(m, *chain(m, s.joint(r), s.outcomes(r)), discount)
    return values


def backwards(s, run, discount, horizon):
    """Values [S, N] of one run with 1, 2, ... ``horizon`` rounds to play."""
    m = s.model
    if s.certain:
        successor, rewards = (part[0] for part in paths(s.some([run])))
        v = rewards
    else:
        (here, successor, weight), rewards = chain(m, s.joint(run), s.outcomes(run))
        v = rewards
    for t in range(horizon):
        if t and s.certain:
            v = rewards + discount * v[successor]
        elif t:
            v = rewards + discount * np.stack([np.bincount(here, weight * v[successor, i], m.size)
                                               for i in range(v.shape[1])], axis=1)
        yield v


def action_values(game, given, discount, agent, continuation="frozen", horizon=None):
    """What each action of one agent is worth in each state, against the others' strategies.

    ``Q_i(s, a) = r_i(s, a, a_-i) + discount * sum_s' P(s' | s, a, a_-i) V_i(s')``. Where the others' actions are
    correlated with the agent's own, theirs are taken whatever it is told.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    discount : float
        In [0, 1]. With 1 all play must end, or have a horizon.
    agent : int
        Whose actions.
    continuation : {"frozen", "best"}
        What the agent does from the next step on: ``"frozen"`` goes on with its own strategy, so that V is the value of
        the strategies; ``"best"`` replies as well as can be, so that V is that of :func:`best_reply`.
    horizon : int, optional
        See :func:`state_values`.

    Returns
    -------
    float64 [R, S, A_i]
        What each action is worth, by run and state.

    See Also
    --------
    state_values : What states are worth.
    best_reply : The best of the actions, everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.PrisonersDilemma(memory=1, start="uniform", horizon=0)
    >>> tit_for_tat = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])    # after CC, CD, DC, DD
    >>> analysis.action_values(game, tit_for_tat, discount=0.5, agent=0)[0, 0].round(3).tolist()
    [6.0, 6.667]
    """
    s = strategies(game, given)
    agent, discount, horizon = agent_number(s.model, agent), discounted(discount), rounds(s, horizon)
    if choice("continuation", continuation, ("frozen", "best")) == "best":
        return _best(s, agent, discount, horizon, "coarse")[2]
    later = np.zeros((s.runs, s.model.size)) if horizon == 1 else _state_values(
        s, discount, max(horizon - 1, 0))[:, :, agent]
    return _action_values(s, discount, agent, later)


def _action_values(s, discount, agent, v):
    """Action values [R, S, A] where the next state is worth ``v`` [R, S]."""
    m = s.model
    q = np.empty((s.runs, m.size, m.actions[agent]))
    if s.certain:
        for some in chunks(s, m.size * m.actions[agent]):
            q[some] = _certain_action_values(s.some(some), discount, agent, v[some])
        return q
    for r in range(s.runs):
        rewards, successor = ahead(m, s.against(r, agent), agent, v[r], s.outcomes(r))
        q[r] = rewards + discount * successor
    return q


def told_values(s, run, discount, agent, v):
    """What each action is worth after each that the agent is told, times how likely it is told that: [S, A, A]."""
    m = s.model
    value = m.expected[:, :, agent] + discount * _next(m, v, s.outcomes(run)).reshape(m.size, m.joint)
    told, value = (np.moveaxis(array.reshape(m.size, *m.actions), 1 + agent, 1).reshape(m.size, m.actions[agent], -1)
                   for array in (s.joint(run), value))
    return told @ value.transpose(0, 2, 1)


def replies(s, agent):
    """Number of the joint action where one agent does each of its actions: int64 [R, S, A]."""
    m = s.model
    others = joint_numbers(s) - m.weights[agent] * s.actions[:, :, agent].astype(np.int64)
    return others[:, :, None] + m.weights[agent] * np.arange(m.actions[agent])


def _certain_action_values(s, discount, agent, v):
    m = s.model
    joint, at = replies(s, agent), np.arange(m.size)[:, None]
    successor = m.successors[at * m.joint + joint] + (np.arange(s.runs) * m.size)[:, None, None]
    return m.expected[at, joint, agent] + discount * v.ravel()[successor]


# -- best replies ---------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False, repr=False)
class BestReply(Summarised):
    """One agent's best strategy against the others'.

    Attributes
    ----------
    agent : int
        Who replies.
    actions : int32 [R, S], or [R, S, A] of correlated strategies
        The best pure strategy, by state; where several actions are as good, the one that is played, else the first.
        Where strategies are correlated: what to do in place of each action that the agent is told. With a horizon: in
        the first round.
    values : float64 [R, S]
        What each state is worth with it.
    action_values : float64 [R, S, A], or [R, S, A, A] of correlated strategies
        Of correlated strategies: after each action that the agent is told, times how likely it is told that.
    gain : float64 [R]
        How much more it is worth than the strategy that is played, from the start.
    exact : bool
        Whether that is the solution itself, not a sample.
    knows_round : bool
        Whether the reply may depend on the round, which the strategies that are played do not see.
    kind : str
        Which of what learners play it answers: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    best_reply : Finds it.
    """

    agent: int
    actions: np.ndarray
    values: np.ndarray
    action_values: np.ndarray
    gain: np.ndarray
    exact: bool = True
    knows_round: bool = False
    kind: str = "policy"
    left_out: np.ndarray | None = None

    def summary(self):
        gain = self.kept(self.gain)
        return (f"agent {self.agent} could gain {gain.mean():.6g} on average over {self.of_runs(len(self.gain))} "
                f"(most {gain.max():.6g}){KNOWING if self.knows_round else ''}")


def best_reply(game, given, agent, discount, start=None, horizon=None, deviations="correlated"):
    """The best strategy of one agent against the others' frozen ones.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    agent : int
        Who replies.
    discount : float
        In [0, 1]. With 1 play must end, whatever the agent does, or have a horizon.
    start : int, int [R] or float64 [S], optional
        From where the gain is counted: a state, one per run, or a distribution. Default: the game's start.
    horizon : int, optional
        See :func:`state_values`. The reply then knows the round, and is found by backward induction; else by policy
        iteration.
    deviations : {"correlated", "coarse"}
        Of strategies that one draw decides for several agents: the agent hears what it is to do, and replies to that;
        or it replies without having heard it. All else is the same either way.

    Returns
    -------
    BestReply
        Of each run.

    See Also
    --------
    exploitability : What all agents could gain, in one number.
    nash_test : Whether strategies are best replies already.

    Notes
    -----
    The agent must be able to tell the game's states apart; else a best reply by state is none that it could play. What
    other agents remember it is taken to know: it follows from what was played, as in tit for tat. Where it does not
    (goals that a coordinator draws), the gain is an upper bound.

    References
    ----------
    R. A. Howard, "Dynamic programming and Markov processes" (1960); R. J. Aumann, "Correlated equilibrium as an
    expression of Bayesian rationality", Econometrica 55 (1987).

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> game = games.RockPaperScissors()
    >>> reply = analysis.best_reply(game, [[[0.5, 0.25, 0.25]], [[0.0, 0.5, 0.5]]], agent=0, discount=1.0)
    >>> game.action_names[reply.actions[0, 0]], reply.gain.tolist()
    ('scissors', [0.5])
    """
    s = strategies(game, given)
    agent, discount, horizon = agent_number(s.model, agent), discounted(discount), rounds(s, horizon)
    choice("deviations", deviations, DEVIATIONS)
    begin = game_start(s) if start is None else starts(s, start)
    played = _state_values(s, discount, horizon)[:, :, agent]
    actions, values, q = _best(s, agent, discount, horizon, deviations)
    return BestReply(agent, actions, values, q, (begin * (values - played)).sum(axis=1), True, _knows(s, horizon),
                     s.kind, s.left_out)


def _knows(s, horizon):
    """Whether a reply knows which of several rounds it is."""
    return max(horizon, s.model.alone.rounds) > 1


def check_tells_apart(m, agent):
    """Refuse an agent who sees the same in two of the game's states, because replies are found state by state."""
    go = np.flatnonzero(~m.terminal)
    if m.place is not None:
        go = go[np.unique(m.place[go], return_index=True)[1]]
    rows, places = m.obs[go, agent].astype(np.int64), go if m.place is None else m.place[go]
    if m.alone.rounds:              # a reply knows the round
        rows = rows + places // m.alone.per_round * m.rows
    if len(np.unique(rows)) < len(rows):
        order = np.argsort(rows, kind="stable")
        at = places[order]
        k = int((np.diff(rows[order]) == 0).argmax())
        raise ValueError(f"agent: {agent} sees the same in states {at[k]} and {at[k + 1]}, so it could not depart from "
                         "its strategy in one of them alone; analyse a game whose states it can tell apart")


def _best(s, agent, discount, horizon=0, deviations="correlated"):
    """(actions [R, S], values [R, S], action values [R, S, A]); of correlated deviations [R, S, A] and [R, S, A, A]."""
    m, told = s.model, s.correlated and deviations == "correlated"
    check_tells_apart(m, agent)
    if discount == 1.0 and not horizon:
        for r in range(s.runs):
            _check_always_ends(s, r, agent)
    shape = (s.runs, m.size, *(m.actions[agent],) * told)
    actions, values = np.empty(shape, np.int32), np.empty((s.runs, m.size))
    q = np.empty((*shape, m.actions[agent]))
    if s.certain and not horizon:
        for some in chunks(s, m.size * m.actions[agent]):
            actions[some], values[some], q[some] = _best_certain(s.some(some), agent, discount)
        return actions, values, q
    solve = _best_backwards if horizon else _best_told if told else _best_of_run
    for r in range(s.runs):
        actions[r], values[r], q[r] = solve(s, r, agent, discount, *((horizon, told) if horizon else ()))
    return actions, values, q


def _check_always_ends(s, run, agent):
    """Refuse discount 1 where the agent could keep play going for ever."""
    m = s.model
    weight = s.outcomes(run) * s.against(run, agent).ravel()[m.cells]
    used = weight > 0.0
    move = (m.cells[used] // m.joint) * m.actions[agent] + m.digits[m.cells[used] % m.joint, agent]
    successor, stays = m.successors[used], ~m.terminal
    while True:
        leaves = np.zeros(m.size * m.actions[agent], bool)
        leaves[move[~stays[successor]]] = True
        fewer = stays & ~leaves.reshape(m.size, -1).all(axis=1)
        if (fewer == stays).all():
            break
        stays = fewer
    if stays.any():
        raise ValueError(f"discount: with 1.0 play must end whatever agent {agent} does, and from state "
                         f"{int(stays.argmax())} it need not; give a discount less than 1, or a horizon")


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
    successor, rewards = m.successors[at * m.joint + joint].astype(np.int64), m.expected[at, joint, agent]
    own = actions[:, :, agent].copy()
    values, q = np.empty((s.runs, m.size)), np.empty((s.runs, m.size, m.actions[agent]))
    active = np.arange(s.runs)
    for _ in range(MAX_ROUNDS):
        if not len(active):
            break
        chosen = own[active][:, :, None].astype(np.int64)
        v = _along(m, np.take_along_axis(successor[active], chosen, 2)[:, :, 0],
                   np.take_along_axis(rewards[active], chosen, 2), discount)[:, :, 0]
        places = successor[active] + (np.arange(len(active)) * m.size)[:, None, None]
        q[active] = rewards[active] + discount * v.ravel()[places]
        values[active] = v
        own[active], better = _improved(own[active], q[active])
        active = active[better.any(axis=1)]
    return own, values, q


def _best_of_run(s, run, agent, discount):
    m, against, outcomes = s.model, s.against(run, agent), s.outcomes(run)
    own = s.mixture(run, agent).argmax(axis=1).astype(np.int32)
    for _ in range(MAX_ROUNDS):
        joint = against * np.eye(m.actions[agent])[own][:, m.digits[:, agent]]
        links, rewards = chain(m, joint, outcomes)
        v = solved(m, links, rewards[:, agent], discount)
        paid, successor = ahead(m, against, agent, v, outcomes)
        q = paid + discount * successor
        own, better = _improved(own, q)
        if not better.any():
            break
    return own, v, q


def _best_told(s, run, agent, discount):
    """What to do in place of each action that the agent is told: [S, A], values [S], and [S, A, A]."""
    m, count = s.model, s.model.actions[agent]
    told = np.moveaxis(s.joint(run).reshape(m.size, *m.actions), 1 + agent, 1).reshape(m.size, count, -1)
    own = np.tile(np.arange(count, dtype=np.int32), (m.size, 1))
    for _ in range(MAX_ROUNDS):
        joint = (np.eye(count)[own].transpose(0, 2, 1) @ told).reshape(
            m.size, count, *(n for i, n in enumerate(m.actions) if i != agent))
        links, rewards = chain(m, np.moveaxis(joint, 1, 1 + agent).reshape(m.size, -1), s.outcomes(run))
        v = solved(m, links, rewards[:, agent], discount)
        q = told_values(s, run, discount, agent, v)
        own, better = _improved(own, q)
        if not better.any():
            break
    return own, v, q


def _best_backwards(s, run, agent, discount, horizon, told):
    """The same with so many rounds to play, which the reply knows; what is said is of the first."""
    m, v, outcomes = s.model, np.zeros(s.model.size), s.outcomes(run)
    against = None if told else s.against(run, agent)
    for _ in range(horizon):
        if told:
            q = told_values(s, run, discount, agent, v)
            v = q.max(axis=2).sum(axis=1)
        else:
            paid, successor = ahead(m, against, agent, v, outcomes)
            q = paid + discount * successor
            v = q.max(axis=1)
    played = np.tile(np.arange(m.actions[agent]), (m.size, 1)) if told else s.mixture(run, agent).argmax(axis=1)
    return _improved(played.astype(np.int32), q)[0], v, q


@dataclass(frozen=True, eq=False, repr=False)
class Exploitability(Summarised):
    """What agents could gain, each by a best reply while the others go on as they do.

    Attributes
    ----------
    gains : float64 [R, N]
        Of each agent.
    exact : bool
        Whether that is the solution itself, not a sample.
    knows_round : bool
        Whether the replies may depend on the round, which the strategies that are played do not see.
    deviations : str or None
        Of strategies that one draw decides for several agents: "correlated" or "coarse".
    kind : str
        Which of what learners play it is: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    exploitability : Makes it.
    """

    gains: np.ndarray
    exact: bool = True
    knows_round: bool = False
    deviations: str | None = None
    kind: str = "policy"
    left_out: np.ndarray | None = None

    @property
    def nash_conv(self):
        """Sum of the gains over agents: float64 [R]; 0 in a Nash (or correlated) equilibrium."""
        return self.gains.sum(axis=1)

    @property
    def exploitability(self):
        """Mean of the gains over agents: float64 [R]."""
        return self.gains.mean(axis=1)

    def summary(self):
        what = "NashConv" if self.deviations is None else f"{self.deviations} regret, all agents together,"
        gains = self.kept(self.gains)
        return (f"{what} {gains.sum(axis=1).mean():.6g} on average over {self.of_runs(len(self.gains))}; gains "
                "by agent " + ", ".join(f"{g:.6g}" for g in gains.mean(axis=0)) + (KNOWING if self.knows_round else ""))


def exploitability(game, given, discount, start=None, horizon=None, deviations="correlated"):
    """How far strategies are from a Nash equilibrium: what each agent could gain alone.

    ``NashConv = sum_i (max_pi_i V_i(pi_i, sigma_-i) - V_i(sigma))``; exploitability is the mean instead of the sum.
    Strategies that one draw decides for several agents are judged as a distribution of joint actions: what could an
    agent gain that hears what it is to do (0 in a correlated equilibrium), or before it hears it (in a coarse one)?

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    discount : float
        In [0, 1]. With 1 play must end, whatever an agent does, or have a horizon.
    start : int, int [R] or float64 [S], optional
        From where gains are counted: a state, one per run, or a distribution. Default: the game's start.
    horizon : int, optional
        Rounds to play, see :func:`state_values`. Replies then know the round.
    deviations : {"correlated", "coarse"}
        Of strategies that one draw decides for several agents, see :func:`best_reply`.

    Returns
    -------
    Exploitability
        Of each run and agent.

    See Also
    --------
    best_reply : The reply itself.
    nash_test : Where something could be gained.

    References
    ----------
    M. Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement learning", NeurIPS 2017,
    section 3.4.

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> given = [[[0.5, 0.25, 0.25]], [[0.0, 0.5, 0.5]]]
    >>> found = analysis.exploitability(games.RockPaperScissors(), given, discount=1.0)
    >>> found.gains.tolist(), found.nash_conv.tolist()
    ([[0.5, 0.25]], [0.75])
    """
    s = strategies(game, given)
    discount, horizon = discounted(discount), rounds(s, horizon)
    choice("deviations", deviations, DEVIATIONS)
    begin = game_start(s) if start is None else starts(s, start)
    played = _state_values(s, discount, horizon)
    gains = np.stack([(begin * (_best(s, i, discount, horizon, deviations)[1] - played[:, :, i])).sum(axis=1)
                      for i in range(s.model.agents)], axis=1)
    return Exploitability(gains, True, _knows(s, horizon), deviations if s.correlated else None, s.kind,
                          s.left_out)
