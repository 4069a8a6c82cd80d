"""Games in normal form, played once or again and again."""
import itertools
import math
import textwrap
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real, shown
from marlfast.games.base import MAX_NAMED, Game, checked_names
from marlfast.games.outcomes import array_of
from marlfast.memory import check_memory
from marlfast.renamed import attribute

MAKING = 8                      # most arrays of the payoffs' size that there are while they are made
MAX_NUMBERED = 2**31 - 1        # observations, and joint actions, that can be numbered
MAX_AGENTS = 30        # with two actions each, 31 have more joint actions than that
STARTS = ("empty", "uniform")


@dataclass(frozen=True, repr=False, eq=False)
class NormalForm(Game):
    """Base of games in normal form: all choose at once, and are paid by what all have chosen.

    A game of one's own gives ``matrices`` and, where chance has a part in the payoffs, ``chances``; all else follows.

    Dynamics
        Rounds. The state is what was played in the last ``memory`` of them.
    Observation
        The number of that history, the same for every agent. The joint actions, whose own numbers have the first
        agent's action as the most significant, are its digits, the most recent the least significant: with memory 1
        and 15 actions ``15 * a0 + a1``. Where episodes start without a history, those shorter than ``memory`` follow:
        first the empty one, then those of one round, ...
    Action
        0 to ``action_counts[i] - 1`` for agent i.
    Reward
        The payoff of the joint action, in one of its outcomes, which is drawn.
    Start
        No history, any full one with equal chances, or a given one: see ``start``.
    End
        Truncated after ``horizon`` rounds; it never terminates.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered. 0: a single state.
    start : {"empty", "uniform"} or sequence
        ``"empty"``: an episode begins without a history. ``"uniform"``: one of the histories of ``memory`` rounds,
        equally likely. Otherwise a history: ``memory`` joint actions, the oldest first, or a single joint action
        that was played in every round of it.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    MatrixGame : Given by its payoffs.
    marlfast.analysis.equilibria : What players of one round would do.

    References
    ----------
    D. Fudenberg and J. Tirole, "Game theory", MIT Press (1991), chapters 1 and 5.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from marlfast import games
    >>> @dataclass(frozen=True, repr=False, eq=False)
    ... class Deadlock(games.NormalForm):
    ...     def matrices(self):
    ...         return [[[1, 0], [3, 2]], [[1, 3], [0, 2]]]
    >>> Deadlock(horizon=5).pure_equilibria()
    [(1, 1)]
    """

    integer_state = True
    features = 1
    labels = attribute("labels", "action_names")
    memory: int = field(default=0, kw_only=True)
    start: Any = field(default="empty", kw_only=True)
    horizon: int = field(default=1, kw_only=True)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if isinstance(cls.__dict__.get("labels"), tuple):
            warnings.warn("labels is action_names since marlfast 0.2", DeprecationWarning, stacklevel=2)
            cls.action_names = cls.__dict__["labels"]

    def matrices(self):
        """Give the payoffs as :class:`MatrixGame` takes them.

        Returns
        -------
        sequence of float64 [A_0, ..., A_{N-1}] or [A_0, ..., A_{N-1}, K]
            An array per agent, or a single one that all share.
        """
        raise NotImplementedError

    def chances(self):
        """Give the probabilities of outcomes as :class:`MatrixGame` takes them.

        Returns
        -------
        float64 [K] or [A_0, ..., A_{N-1}, K], or None
            None: payoffs have no axis of outcomes.
        """
        return None

    def __post_init__(self):
        memory = integer("memory", self.memory, 0, MAX_NUMBERED)
        self._set(memory=memory, **self.checked_horizon())
        self._set_table(self.matrices(), self.chances())
        self._set(start=self._checked_start())
        self._check_memory()
        if memory and self.start == "empty" and self.horizon == 1:
            raise ValueError(f"horizon: with memory={memory} and no history at the start, an episode of 1 round has "
                             "nothing to remember; give more rounds, or 0 for no limit")

    # -- payoffs --------------------------------------------------------------------------------

    def _set_table(self, matrices, chances):
        """Check the payoffs and lay out all that is paid for a joint action side by side."""
        arrays, chances = check_payoffs(matrices, chances)
        counts = arrays[0].shape if chances is None else arrays[0].shape[:-1]
        agents, outcomes = len(counts), 1 if chances is None else arrays[0].shape[-1]
        rewards = room(counts, outcomes)
        for i in range(agents):
            rewards[:, :, i] = arrays[i if len(arrays) > 1 else 0].reshape(-1, outcomes)
        rewards.flags.writeable = False
        if chances is not None:
            chances = chances if chances.ndim == 1 else chances.reshape(-1, outcomes)
        self._set(_counts=counts, _rewards=rewards, _chances=chances)

    @property
    def agents(self):
        return len(self._counts)

    @property
    def action_counts(self):
        return np.array(self._counts, np.int32)

    @cached_property
    def setting(self):
        r = self._rewards
        if all((r[:, :, i] == r[:, :, 0]).all() for i in range(1, self.agents)):
            return "cooperative"
        return "competitive" if self.agents == 2 and (r[:, :, 0] + r[:, :, 1] == 0.0).all() else "mixed"

    @cached_property
    def reward_bounds(self):
        return float(self._rewards.min()), float(self._rewards.max())

    @cached_property
    def expected(self):
        """Expected payoffs: float64 [A_0, ..., A_{N-1}, N]."""
        expected = self._rewards[:, 0]
        if self._chances is not None:
            expected = sum(self._chances[..., k, None] * self._rewards[:, k] for k in range(self._rewards.shape[1]))
        return expected.reshape(*self._counts, self.agents)

    def pure_equilibria(self, tolerance=1e-9):
        """Find the Nash equilibria in pure actions of a single round.

        Parameters
        ----------
        tolerance : float
            Payoffs that differ by at most so much of the greatest one are equal: they are sums that are rounded.

        Returns
        -------
        list of tuple of int
            Joint actions, in order.
        """
        best = np.ones(self._counts, bool)
        for i in range(self.agents):
            own = self.expected[..., i]
            best &= own >= own.max(axis=i, keepdims=True) - real("tolerance", tolerance, 0.0) * np.abs(own).max()
        return [tuple(joint) for joint in np.argwhere(best).tolist()]

    def against_random(self, discount=0.0):
        """Say what each action is worth while all others act at random: initial values for a learner.

        Parameters
        ----------
        discount : float
            In [0, 1): the payoff of every later round is the same.

        Returns
        -------
        float64 [N, A]
            Mean payoff of each agent's actions over those of the others, divided by ``1 - discount``; 0 where an
            agent has fewer actions.
        """
        discount = _endless(discount)
        values = np.zeros((self.agents, self.max_actions))
        for i, n in enumerate(self._counts):
            own = np.moveaxis(self.expected[..., i], i, 0).reshape(n, -1)
            values[i, :n] = own.cumsum(axis=1)[:, -1] / own.shape[1] / (1.0 - discount)     # in order: the same bits
        return values

    def against_fixed(self, actions, discount=0.0):
        """What each action is worth if everybody plays a fixed one from then on: initial values for a learner.

        Parameters
        ----------
        actions : sequence of int [N], or int [N, N]
            What everybody plays for ever; or, in row i, what agent i takes everybody to play, itself included.
        discount : float
            In [0, 1).

        Returns
        -------
        float64 [N, A]
            ``r_i(a, others' actions) + discount / (1 - discount) * r_i(actions)``; 0 where an agent has fewer actions.
        """
        discount = _endless(discount)
        beliefs = self._beliefs("actions", actions)
        values = np.zeros((self.agents, self.max_actions))
        for i, n in enumerate(self._counts):
            values[i, :n] = self._replies(i, beliefs[i]) + discount / (1.0 - discount) * self._paid(i, beliefs[i])
        return values

    def against_grim_trigger(self, cooperate, punish, discount=0.0):
        """What each action is worth if everybody plays grim trigger from then on: initial values for a learner.

        As long as everybody has cooperated, in all rounds that are remembered, everybody cooperates; else punishes, and
        so for ever. What an agent does now is its own choice.

        Parameters
        ----------
        cooperate, punish : sequence of int [N], or int [N, N]
            As ``actions`` of :meth:`against_fixed`.
        discount : float
            In [0, 1).

        Returns
        -------
        float64 [observations, N, A]
            0 where an agent has fewer actions.
        """
        discount = _endless(discount)
        if not self.memory:
            raise ValueError("memory: grim trigger looks at the last round; give the game memory=1 or more")
        kind, harsh = self._beliefs("cooperate", cooperate), self._beliefs("punish", punish)
        values, after = np.zeros((self.observations, self.agents, self.max_actions)), discount / (1.0 - discount)
        for i, n in enumerate(self._counts):
            if (kind[i] == harsh[i]).any():
                raise ValueError("punish: expected another action than to cooperate for everybody, got "
                                 f"{shown(punish)}")
            spoilt = after * self._paid(i, harsh[i])
            values[:, i, :n] = self._replies(i, harsh[i]) + spoilt
            loyal = self._replies(i, kind[i]) + spoilt
            loyal[kind[i, i]] = self._paid(i, kind[i]) / (1.0 - discount)
            least = 0 if self.start == "empty" else self.memory
            for rounds in range(least, self.memory + 1):
                values[self.number([tuple(kind[i].tolist())] * rounds), i, :n] = loyal
        return values

    def _beliefs(self, name, actions):
        """What each agent takes everybody to play: int64 [N, N]."""
        given = list(actions) if np.iterable(actions) and not isinstance(actions, str) else []
        rows = given if given and all(map(np.iterable, given)) else [given] * self.agents
        if len(rows) != self.agents:
            raise ValueError(f"{name}: expected an action of each of {self.agents} agents, got {shown(actions)}")
        return np.array([self._checked(row, name) for row in rows], np.int64)

    def _replies(self, agent, actions):
        """What an agent's actions are paid in one round while the others play theirs: float64 [A]."""
        at = tuple(slice(None) if i == agent else int(a) for i, a in enumerate(actions))
        return self.expected[(*at, agent)]

    def _paid(self, agent, actions):
        return float(self.expected[(*map(int, actions), agent)])

    # -- histories ------------------------------------------------------------------------------

    def _check_memory(self):
        """Refuse more histories than can be numbered, before anything of that size is made."""
        joint, agents, most = len(self._rewards), self.agents, self.max_actions
        if joint > 1 and self.memory > 10_000:
            histories = f"{joint:,}**{self.memory:,}"
            needs = f"{histories} x {8 * agents * most}"
        else:
            count = self._histories + self._shorter
            if count <= MAX_NUMBERED:
                return
            histories, needs = _large(count), _large(8 * count * agents * most)
        raise ValueError(f"memory: {self.memory} rounds of {joint:,} joint actions are {histories} observations, more "
                         f"than the {MAX_NUMBERED:,} that can be numbered (a table for {agents} agents x {most} "
                         f"actions would "
                         f"take {needs} bytes); remember fewer rounds")

    @cached_property
    def _histories(self):
        """How many histories of full length there are."""
        return len(self._rewards) ** self.memory

    @cached_property
    def _nodes(self):
        """How many shorter ones there are: nodes of a tree, see ``core/matrix.pxd``."""
        joint = len(self._rewards)
        return (self._histories - 1) // (joint - 1) if joint > 1 else self.memory

    @property
    def _shorter(self):
        """How many shorter ones have numbers."""
        return self._nodes if self.start == "empty" else 0

    @property
    def observations(self):
        return self._histories + self._shorter

    def _checked_start(self):
        start = self.start
        if isinstance(start, str):
            return choice("start", start, STARTS)
        try:
            rounds = tuple(start)
        except TypeError:
            raise TypeError(f"start: expected 'empty', 'uniform' or a history, got {shown(start)}") from None
        if not self.memory:
            raise ValueError("start: with memory=0 nothing is remembered; leave start out, or give memory")
        if rounds and all(np.iterable(joint) for joint in rounds):
            if len(rounds) != self.memory:
                raise ValueError(f"start: expected {self.memory} joint actions (memory), the oldest first, "
                                 f"got {len(rounds)}")
            return tuple(self._checked(joint, f"start[{k}]") for k, joint in enumerate(rounds))
        return self._checked(rounds, "start")

    def _checked(self, joint, where):
        """A joint action as a tuple of whole numbers."""
        joint = tuple(joint) if np.iterable(joint) else ()
        if len(joint) != self.agents:
            raise ValueError(f"{where}: expected an action of each of {self.agents} agents, got {shown(joint)}")
        return tuple(integer(f"{where}[{i}]", a, 0, self._counts[i] - 1) for i, a in enumerate(joint))

    def joint(self, actions):
        """Number joint actions, the first agent's action the most significant.

        Parameters
        ----------
        actions : int [..., N]
            Of all agents.

        Returns
        -------
        int64 [...]
            Below J.
        """
        actions = np.asarray(actions)
        if actions.shape[-1:] != (self.agents,):
            raise ValueError(f"actions: expected a last axis of {self.agents} agents, got shape {actions.shape}")
        if ((actions < 0) | (actions >= self.action_counts)).any():
            raise ValueError(f"actions: expected 0 to {[n - 1 for n in self._counts]}, "
                             f"got {actions.min()} to {actions.max()}")
        joint = np.zeros(actions.shape[:-1], np.int64)
        for i, n in enumerate(self._counts):
            joint = joint * n + actions[..., i]
        return joint

    def number(self, history):
        """Find the observation after a history.

        Parameters
        ----------
        history : sequence of joint actions
            The oldest first: ``memory`` of them; or fewer, where episodes start without a history.

        Returns
        -------
        int
            Its number.
        """
        rounds = [int(self.joint(self._checked(joint, f"history[{k}]"))) for k, joint in enumerate(history)]
        least = 0 if self.start == "empty" else self.memory
        if not least <= len(rounds) <= self.memory:
            raise ValueError(f"history: expected {f'{least} to ' if least < self.memory else ''}{self.memory} joint "
                             f"actions, got {len(rounds)}")
        joints, node = len(self._rewards), 0
        for joint in rounds:
            node = node * joints + 1 + joint
        return node - self._nodes if len(rounds) == self.memory else node + self._histories

    def history(self, observation):
        """Find the joint actions behind an observation.

        Parameters
        ----------
        observation : int
            Its number.

        Returns
        -------
        list of tuple of int
            The oldest first.
        """
        number, joints = integer("observation", observation, 0, self.observations - 1), len(self._rewards)
        node = number + self._nodes if number < self._histories else number - self._histories
        rounds = []
        while node:
            node, joint = divmod(node - 1, joints)
            rounds.append(tuple(int(a) for a in np.unravel_index(joint, self._counts)))
        return rounds[::-1]

    def render(self, state):
        if not self.memory:
            return "nothing is remembered"
        rounds = self.history(state[0])
        if not rounds:
            return "no round yet"
        last = [self._called(joint) for joint in rounds[-20:]]
        text = textwrap.fill("played: " + ", then ".join(last), 100)
        return text if len(rounds) <= 20 else f"{text} (the last 20 of {len(rounds)} rounds)"

    def _called(self, joint):
        return " ".join(self.names_of_actions(i)[a] for i, a in enumerate(joint))

    def names_of_observations(self):
        if self.state_names is not None or not self.memory or self.observations > MAX_NAMED:
            return super().names_of_observations()
        histories = map(self.history, range(self.observations))
        return ["; ".join(map(self._called, rounds)) or "start" for rounds in histories]

    # -- playing --------------------------------------------------------------------------------

    @property
    def ends(self):
        return self.horizon > 0

    def kernel(self, backend="cython"):
        if self.start == "uniform":
            begin = -1 if self._histories > 1 else 0
        elif self.start == "empty":
            begin = self._histories if self._shorter else 0
        else:
            nested = isinstance(self.start[0], tuple)
            begin = 0 if len(self._rewards) == 1 else self.number(self.start if nested else [self.start] * self.memory)
        running = None if self._chances is None else running_sums(self._chances)
        return kernels(backend, "matrix").Repeated(self.action_counts, self._rewards, running, self.memory,
                                                     self.start == "empty", begin)


@dataclass(frozen=True, init=False, repr=False, eq=False)
class MatrixGame(NormalForm):
    """A game in normal form, given by its payoffs.

    Dynamics
        Rounds. The state is what was played in the last ``memory`` of them.
    Observation
        The number of that history, the same for every agent: see :class:`NormalForm`.
    Action
        0 to ``A_i - 1`` for agent i.
    Reward
        Agent i's entry of its array at the joint action; with ``probabilities`` one of the K numbers there.
    Start
        No history, any full one with equal chances, or a given one: see ``start``.
    End
        Truncated after ``horizon`` rounds; it never terminates.

    Parameters
    ----------
    *arrays : float64 [A_0, ..., A_{N-1}] or [A_0, ..., A_{N-1}, K]
        Payoffs: one array per agent, or a single one that all share. With ``probabilities`` they have a last axis: what
        is paid in each of the K outcomes of the joint action.
    payoffs : sequence of float64 [A_0, ..., A_{N-1}] or [A_0, ..., A_{N-1}, K], optional
        The same by name, as a sequence.
    probabilities : float64 [K] or [A_0, ..., A_{N-1}, K], optional
        Of the outcomes, the same for all joint actions or for each of them; they sum to 1 (within 1e-8).
    memory : int
        How many rounds are remembered, see :class:`NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    action_names : sequence of str, or one for each agent, optional
        What actions are called, in pictures and texts.

    See Also
    --------
    NormalForm : A class of such games, told by few parameters.
    MarkovGame : Of several states.

    References
    ----------
    J. von Neumann and O. Morgenstern, "Theory of games and economic behavior" (1944).

    Examples
    --------
    >>> from marlfast.games.matrix import MatrixGame
    >>> dilemma = MatrixGame([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> dilemma.agents, dilemma.setting, dilemma.pure_equilibria()
    (2, 'mixed', [(1, 1)])
    """

    name = "matrix"
    measures = ("optimum", "exploitability")
    payoffs: np.ndarray
    probabilities: np.ndarray | None = None
    action_names: tuple | None = field(default=None, kw_only=True)

    def __init__(self, *arrays, payoffs=None, probabilities=None, memory=0, start="empty", horizon=1,
                 at_horizon=None, action_names=None):
        if arrays and payoffs is not None:
            raise TypeError("payoffs: given twice, by place and by name")
        self._set(payoffs=arrays if payoffs is None else payoffs, probabilities=probabilities, memory=memory,
                  start=start, horizon=horizon, at_horizon=at_horizon, action_names=action_names)
        self.__post_init__()

    def __post_init__(self):
        arrays, probabilities = check_payoffs(self.payoffs, self.probabilities)
        payoffs = np.stack(arrays)
        payoffs.flags.writeable = False
        self._set(payoffs=payoffs, probabilities=probabilities)
        super().__post_init__()
        self._set(action_names=checked_names(self))

    def matrices(self):
        return self.payoffs

    def chances(self):
        return self.probabilities


def _endless(discount):
    """A discount with which what is paid for ever has a sum."""
    if not 0.0 <= real("discount", discount) < 1.0:
        raise ValueError(f"discount: expected at least 0 and less than 1, got {discount}")
    return float(discount)


def check_payoffs(payoffs, probabilities):
    """Payoffs (a sequence of one array or one per agent) and probabilities as arrays of the right shapes."""
    try:
        given = list(payoffs)
    except TypeError:
        raise TypeError(f"payoffs: expected an array per agent, got {shown(payoffs)}") from None
    if not given:
        raise ValueError("payoffs: expected an array per agent, got none")
    arrays = [array_of("payoffs" if len(given) == 1 else f"payoffs[{k}]", p, None) for k, p in enumerate(given)]
    shape = arrays[0].shape
    counts = shape if probabilities is None else shape[:-1]
    if len(counts) < 1 or 0 in shape:
        wanted = "" if probabilities is None else ", and one of outcomes"
        raise ValueError(f"payoffs: expected one axis per agent with at least one action{wanted}, got shape {shape}")
    if len(counts) > MAX_AGENTS:
        raise ValueError(f"payoffs: expected at most {MAX_AGENTS} agents, got {len(counts)} (shape {shape})")
    if len(arrays) not in (1, len(counts)) or any(a.shape != shape for a in arrays):
        raise ValueError(f"payoffs: expected {len(counts)} arrays of shape {shape} (one axis per agent), "
                         f"got {[a.shape for a in arrays]}")
    if probabilities is None:
        return arrays, None
    return arrays, _check_probabilities(array_of("probabilities", probabilities, None), shape)


def _check_probabilities(p, shape):
    if p.shape not in (shape, shape[-1:]):
        raise ValueError(f"probabilities: expected shape {shape[-1:]} or {shape}, as the payoffs have, got {p.shape}")
    if (p < 0).any():
        at = tuple(np.argwhere(p < 0)[0].tolist())
        raise ValueError(f"probabilities{list(at)}: expected a probability, got {p[at]}")
    sums = p.sum(axis=-1)
    if (np.abs(sums - 1.0) > 1e-8).any():
        at = tuple(np.argwhere(np.abs(sums - 1.0) > 1e-8)[0].tolist())
        raise ValueError(f"probabilities{list(at) if at else ''}: expected a sum of 1, got {sums[at]:.12g}")
    return p


def check_room(counts, outcomes=1):
    """Refuse so many joint actions as cannot be numbered, with the size of their payoffs; returns that in words.

    Parameters
    ----------
    counts : sequence of int [N]
        Actions of each agent; J is their product.
    outcomes : int
        K.
    """
    joint, agents = math.prod(counts), len(counts)
    size = (f"payoffs: {_large(joint)} joint actions x {outcomes} outcomes x {agents} agents are "
            f"{_large(8 * joint * outcomes * agents)} bytes")
    if joint > MAX_NUMBERED:
        raise ValueError(f"{size}, and only {MAX_NUMBERED:,} joint actions can be numbered; take fewer agents or "
                         f"actions")
    return size


def room(counts, outcomes=1):
    """Memory for the rewards of all joint actions, float64 [J, K, N]; an error with the size where there is not enough.

    Parameters as for :func:`check_room`.
    """
    size, shape = check_room(counts, outcomes), (math.prod(counts), outcomes, len(counts))
    check_memory(f"{size}; they and what they are made of", MAKING * 8 * math.prod(shape),
                 "take fewer agents or actions")
    return np.empty(shape)


def _large(n):
    """A whole number, in words that stay short."""
    return f"{n:,}" if n < 10**30 else f"about 10**{(n.bit_length() - 1) * math.log10(2.0):.0f}"


def running_sums(probabilities):
    """Running sums that reach past 1 at the last possible outcome, so that rounding cannot draw an impossible one."""
    sums = np.cumsum(probabilities, axis=-1)
    width = probabilities.shape[-1]
    last = width - 1 - (probabilities[..., ::-1] > 0).argmax(axis=-1)
    sums[np.arange(width) >= last[..., None]] = 2.0
    return sums


def per_agent(name, value, agents, check):
    """One number, or a sequence of one per agent, as a tuple of ``agents`` numbers, each of which passes ``check``."""
    if not isinstance(value, str) and np.iterable(value):
        value = tuple(value)
        if len(value) != agents:
            raise ValueError(f"{name}: expected one number, or one for each of {agents} agents, got {len(value)}")
        return tuple(check(f"{name}[{i}]", v) for i, v in enumerate(value))
    return tuple(itertools.repeat(check(name, value), agents))
