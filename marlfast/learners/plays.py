"""What agents play: the one answer that evaluation, analysis, policies and pictures ask learners for.

A learner gives a list of :class:`Plays`, each for one agent, or for several that one draw decides for. What it says are
probabilities of actions by the table rows that the agents see and, of an :class:`Automaton`, by what it remembers.
Runs are asked one by one, rows all at once.
"""
import numpy as np

from marlfast.errors import choice, shown

KINDS = ("policy", "behaviour", "greedy", "average")


def check_kind(kind):
    """``kind``, if it is one of :data:`KINDS`."""
    return choice("kind", kind, KINDS)


class Plays:
    """Probabilities of the actions of some agents, by the rows that they see.

    Parameters
    ----------
    agents : sequence of int
        Numbers of the agents in the game, in order.
    counts : sequence of int
        Their numbers of actions. J is the product; in a joint action's number the first agent's is the most
        significant.
    chances : callable
        ``(run, rows int64 [n, N * k]) -> float64 [n, J]``. Rows are the active ones of all agents of the game; -1: an
        observation that was never seen.
    actions : callable, optional
        ``rows -> int [R, n, agents]`` of all runs at once, for those that leave nothing to chance.

    Attributes
    ----------
    memories : int
        M: 1, as nothing is remembered.
    by_run : bool
        Whether what is remembered moves otherwise in one run than in another.
    """

    memories = 1
    forgets = True
    by_run = False
    by_reward = False

    def __init__(self, agents, counts, chances, actions=None):
        self.agents, self.counts = tuple(int(i) for i in agents), tuple(int(n) for n in counts)
        self._chances, self._actions = chances, actions

    @property
    def joint(self):
        """J, how many joint actions these agents have."""
        return int(np.prod(self.counts))

    def chances(self, run, rows, legal=None):
        """Probabilities of the joint actions of these agents.

        Parameters
        ----------
        run : int
        rows : int64 [n, N * k]
        legal : bool [n, N, A], optional
            What they may do. Default: anything. Learners that take such games have ``chances`` that take it.

        Returns
        -------
        float64 [n, M, J]
        """
        return (self._chances(run, rows) if legal is None else self._chances(run, rows, legal))[:, None]

    def actions(self, rows):
        """Actions int [R, n, agents] of all runs where nothing is left to chance; else None."""
        return None if self._actions is None else self._actions(rows)

    def begin(self, run, rows):
        """Probabilities of what is remembered when an episode begins in these rows: float64 [n, M]."""
        return np.ones((len(rows), 1))

    def now(self, run, rows):
        """What is remembered at this moment, the agents' rows int64 [1, N * k] being these: a number below M."""
        return 0

    def moves(self, run, memory, actions, rewards, rows):
        """Probabilities of what is remembered next.

        Parameters
        ----------
        run : int
        memory : int64 [n]
        actions : int [n, N]
            Of all agents of the game.
        rewards : float64 [n, N]
        rows : int64 [n, N * k]
            After the step.

        Returns
        -------
        float64 [n, M]
        """
        return np.ones((len(memory), 1))


class Automaton(Plays):
    """Agents who remember one of M things, and play by that too.

    Parameters
    ----------
    agents, counts
        As of :class:`Plays`.
    memories : int
        M.
    chances : callable
        ``(run, rows) -> float64 [n, M, J]``.
    moves, begin : callable
        As the methods of :class:`Plays`; ``begin`` may be a number, what is remembered at every start of an episode.
    now : callable
        As the method of :class:`Plays`.
    forgets : bool
        Whether every episode begins afresh; else what was remembered at the end of one is at the start of the next.
    by_run : bool
        Whether ``moves`` or ``begin`` depend on the run.
    by_reward : bool
        Whether ``moves`` depend on the rewards, beyond what actions and rows say.
    """

    def __init__(self, agents, counts, memories, chances, moves, begin=0, now=None, forgets=True, by_run=False,
                 by_reward=False):
        super().__init__(agents, counts, chances)
        self.memories, self.forgets, self.by_run, self.by_reward = int(memories), forgets, by_run, by_reward
        self._moves, self._begin, self._now = moves, begin, now

    def chances(self, run, rows):
        return self._chances(run, rows)

    def begin(self, run, rows):
        if callable(self._begin):
            return self._begin(run, rows)
        return np.tile(np.eye(self.memories)[self._begin], (len(rows), 1))

    def now(self, run, rows):
        return 0 if self._now is None else int(self._now(run, rows))

    def moves(self, run, memory, actions, rewards, rows):
        return self._moves(run, memory, actions, rewards, rows)


class Chosen:
    """Of others' :class:`Plays` some agents alone, in one run, whichever run is asked for.

    Parameters
    ----------
    plays : Plays
    agents : sequence of int
        Some of its agents; what they do together stays as it is, the others are left out.
    run : int, optional
        Default: the run that is asked for.
    """

    def __init__(self, plays, agents, run=None):
        self.plays, self.run = plays, run
        self.agents = tuple(i for i in plays.agents if i in set(agents))
        self.counts = tuple(n for i, n in zip(plays.agents, plays.counts, strict=True) if i in self.agents)
        self.memories, self.forgets, self.by_run = plays.memories, plays.forgets, plays.by_run and run is None
        self.by_reward = plays.by_reward

    joint = Plays.joint

    def _at(self, run):
        return run if self.run is None else self.run

    def chances(self, run, rows):
        p = self.plays.chances(self._at(run), rows)
        left_out = tuple(2 + k for k, i in enumerate(self.plays.agents) if i not in self.agents)
        return p.reshape(*p.shape[:2], *self.plays.counts).sum(axis=left_out).reshape(*p.shape[:2], -1)

    def actions(self, rows):
        actions = self.plays.actions(rows)
        if actions is None:
            return None
        actions = actions[:, :, [k for k, i in enumerate(self.plays.agents) if i in self.agents]]
        return actions if self.run is None else actions[self.run:self.run + 1]

    def begin(self, run, rows):
        return self.plays.begin(self._at(run), rows)

    def now(self, run, rows):
        return self.plays.now(self._at(run), rows)

    def moves(self, run, memory, actions, rewards, rows):
        return self.plays.moves(self._at(run), memory, actions, rewards, rows)


# -- what a row of values or weights comes to ------------------------------------------------------

def one_hot(actions, count):
    """Certain choices int [n] as probabilities: float64 [n, A]."""
    return np.eye(count)[np.asarray(actions, np.int64)]


def softmax(values, temperature=1.0):
    """Probabilities proportional to ``exp(values / temperature)``, along the last axis."""
    weights = np.exp((values - values.max(axis=-1, keepdims=True)) / temperature)
    return weights / weights.sum(axis=-1, keepdims=True)


def tied(values, best):
    """Every action whose value equals that of ``best`` int [n], as likely: float64 [n, A]."""
    same = values == np.take_along_axis(values, np.asarray(best, np.int64)[:, None], axis=1)
    return same / same.sum(axis=1, keepdims=True)


def by_exploration(values, best, explore, now, kind):
    """What becomes of action values: greedy, tied or Boltzmann's, and explored where ``kind`` is ``"behaviour"``.

    Parameters
    ----------
    values : float64 [n, A]
    best : int [n]
        The greedy action.
    explore : Exploration
    now : float
        Epsilon or temperature, as it is now.
    kind : {"policy", "behaviour", "greedy"}

    Returns
    -------
    float64 [n, A]
    """
    count = values.shape[1]
    if kind == "greedy":
        return one_hot(best, count)
    if explore.name == "boltzmann":
        return softmax(values, now)
    p = tied(values, best) if draws_ties(explore, kind) else one_hot(best, count)
    return mixed_in(p, now) if kind == "behaviour" else p


def mixed_in(p, epsilon):
    """Probabilities [n, A] where any action is taken with probability epsilon."""
    return (1.0 - epsilon) * p + epsilon / p.shape[1]


def draws_ties(explore, kind):
    """Whether one of several greatest values is drawn; a policy keeps to the incumbent where there is one."""
    return explore.ties == "random" and (kind == "behaviour" or not explore.keeps)


def leaves_to_chance(explore, kind):
    """Whether what is played by action values is drawn."""
    return kind != "greedy" and (explore.name == "boltzmann" or kind == "behaviour" or draws_ties(explore, kind))


def no_average(name):
    """The error for a learner that keeps no average over training."""
    return ValueError(f"kind: learner {name!r} keeps no average over training; take 'policy', or a learner that does "
                      "(fictitious_play, regret_matching, wolf_phc)")


_INSTEAD = ("use marlfast.evaluate, whose kernels play it as it is, and analysis.sampled_exploitability, or give the "
            "learner a method plays")


def asked(learner, context, arrays, kind):
    """Of a learner that says only what it does row by row: its ``probabilities``, or its ``actions``, as certain ones.

    Parameters
    ----------
    learner : Learner
    context : LearnerContext
    arrays : dict of str to ndarray
    kind : str

    Returns
    -------
    list of Plays
    """
    if kind == "average":
        raise no_average(learner.name)
    if hasattr(learner, "begin"):
        raise ValueError(f"plays: learner {learner.name!r} remembers something within an episode (it has a method "
                         f"begin), so that what it does follows from more than the rows it sees; {_INSTEAD}")
    mixed, runs = hasattr(learner, "probabilities"), max(context.runs, 1)

    def of_run(run):
        return {name: array[run:run + 1] if array.shape[:1] == (runs,) else array for name, array in arrays.items()}

    def played(agent, run, rows):
        at = context.agent_ids.index(agent)
        return np.array([int(learner.actions(context, of_run(run), row)[at]) for row in rows], np.int64)

    def chances(agent, run, rows):
        count = int(context.action_counts[agent])
        if not mixed:
            return one_hot(played(agent, run, rows), count)
        table = np.asarray(learner.probabilities(context, of_run(run), agent))[:, :count]
        own = rows.reshape(len(rows), context.agents, -1)[:, agent]
        if own.shape[1] > 1:
            raise ValueError(f"plays: learner {learner.name!r} gives probabilities by row, and this encoder puts an "
                             f"observation into {own.shape[1]} rows; {_INSTEAD}")
        own = own[:, 0]
        p = table[np.maximum(own, 0)] if len(table) > 1 else np.broadcast_to(table[0], (len(rows), count))
        p = np.where((own >= 0)[:, None] | (len(table) == 1), p, 1.0 / count)
        return one_hot(p.argmax(axis=1), count) if kind == "greedy" else p

    def actions(agent, rows):
        return np.stack([played(agent, run, rows)[:, None] for run in range(runs)])

    return [Plays((i,), (context.action_counts[i],), lambda run, rows, i=i: chances(i, run, rows),
                  None if mixed else lambda rows, i=i: actions(i, rows)) for i in context.agent_ids]


def one_kind(kind, agents):
    """The kind that is asked for of some agents, where it may differ: ``kind`` is one, or one for each agent."""
    if isinstance(kind, str):
        return check_kind(kind)
    kinds = {check_kind(kind[i]) for i in agents}
    if len(kinds) > 1:
        raise ValueError(f"kind: agents {list(agents)} have one learner, which gives one kind for all of them, got "
                         f"{shown(kind)}")
    return kinds.pop()
