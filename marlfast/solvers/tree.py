"""A game in extensive form: every history, and what each player can tell apart."""
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from marlfast.backends import at_hand, kernels
from marlfast.declarations.extensive import ARRAYS, levels_of
from marlfast.errors import flag, integer


@dataclass(frozen=True, eq=False, repr=False)
class Tree:
    """A game in extensive form, as arrays: H histories, I information sets, N players, E slots.

    Histories are numbered level by level, from the empty one. A slot is an action of an information set; a policy is a
    probability for each slot, and those of one set stand side by side.

    Attributes
    ----------
    game : str
        Its name.
    players : int
        N.
    player : int32 [H]
        Who moves; -1: chance; -2: the game is over.
    parent, first, count : int32 [H]
        The history before it (-1: none), its first successor and how many it has.
    info : int32 [H]
        Information set of who moves; -1: nobody's.
    slot : int32 [H]
        Slot of the move that led there; -1: it was chance's.
    chance : float64 [H]
        Probability of that move, where it was chance's; else 1.
    returns : float64 [H, N]
        What all earn, added up, where the game is over; else 0.
    owner : int32 [I]
        Whose information set it is.
    begin : int32 [I + 1]
        Its first slot.
    last : int32 [I]
        Slot of its owner's move before it; -1: it has not moved yet.
    actions : int32 [E]
        The game's number of each slot's action.
    rows : int32 [I] or None
        What its owner observes there, where the game numbers observations.

    See Also
    --------
    tree : Makes it of a game.
    cfr : Solves it.

    References
    ----------
    H. W. Kuhn, "Extensive games and the problem of information", Contributions to the Theory of Games II (1953).

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> tree = solvers.tree(games.MatchingPennies())
    >>> tree
    Tree(matching_pennies: 2 players, 7 histories, 2 information sets)
    >>> tree.values(tree.uniform()).tolist()
    [0.0, 0.0]
    """

    game: str
    players: int
    player: np.ndarray
    parent: np.ndarray
    first: np.ndarray
    count: np.ndarray
    info: np.ndarray
    slot: np.ndarray
    chance: np.ndarray
    returns: np.ndarray
    owner: np.ndarray
    begin: np.ndarray
    last: np.ndarray
    actions: np.ndarray
    rows: np.ndarray | None = None
    _kernels: dict = field(default_factory=dict)

    def __post_init__(self):
        self.kernel()       # which checks the arrays

    def kernel(self, backend=None):
        """Make what computes in it, once.

        Parameters
        ----------
        backend : {"cython", "numpy"}, optional
            Which. Default: the one in use.

        Returns
        -------
        object
            An ``Extensive`` of that backend.
        """
        backend = at_hand() if backend is None else backend
        if backend not in self._kernels:
            arrays = {name: getattr(self, name) for name in ARRAYS}
            self._kernels[backend] = kernels(backend, "extensive").Extensive(self.players, arrays)
        return self._kernels[backend]

    @property
    def histories(self):
        """H."""
        return len(self.player)

    @property
    def sets(self):
        """I, number of information sets."""
        return len(self.owner)

    @property
    def slots(self):
        """E, actions of all information sets together."""
        return len(self.actions)

    @cached_property
    def set_of_slot(self):
        """Information set of each slot: int32 [E]."""
        return np.repeat(np.arange(self.sets, dtype=np.int32), np.diff(self.begin))

    @property
    def depth(self):
        """The most moves, chance's among them, that a play has."""
        return len(levels_of(self.first, self.count)) - 1

    @cached_property
    def zero_sum(self):
        """Whether two play, and one loses what the other earns."""
        return self.players == 2 and bool(np.abs(self.returns.sum(axis=1)).max() <= 1e-9 * max(
            1.0, np.abs(self.returns).max()))

    def uniform(self):
        """Give the policy that takes all actions alike.

        Returns
        -------
        float64 [E]
            By slot.
        """
        return 1.0 / np.diff(self.begin)[self.set_of_slot].astype(np.float64)

    def policy(self, given):
        """Check a policy.

        Parameters
        ----------
        given : float64 [E]
            By slot; those of a set add up to 1.

        Returns
        -------
        float64 [E]
            A copy.
        """
        policy = np.array(given, np.float64)
        if policy.shape != (self.slots,):
            raise ValueError(f"policy: expected a number for each of {self.slots} slots, got shape {policy.shape}")
        sums = np.bincount(self.set_of_slot, policy, self.sets)
        wrong = ~(np.abs(sums - 1.0) < 1e-9)
        low = np.flatnonzero(~(policy >= 0.0))
        if len(low):
            raise ValueError(f"policy[{low[0]}]: expected a probability, got {policy[low[0]]}")
        if wrong.any():
            at = int(wrong.argmax())
            raise ValueError(f"policy: those of information set {at} add up to {sums[at]:.6g}, not to 1")
        return policy

    def of_rows(self, given, strict=False):
        """Make a policy of what is played in each row of a table.

        Parameters
        ----------
        given : sequence of float64 [rows, A]
            Of each player, probabilities of its actions by what it observes. Those of actions that are not allowed are
            left out, and the rest made to add up to 1; where nothing is left, all allowed ones are alike.
        strict : bool
            Refuse such rows instead.

        Returns
        -------
        float64 [E]
            By slot.
        """
        if self.rows is None:
            raise ValueError(f"of_rows: the observations of game {self.game!r} are not numbered, so they say no row; "
                             "give probabilities by slot")
        strict = flag("strict", strict)
        if len(given) != self.players:
            raise ValueError(f"of_rows: expected one table for each of {self.players} players, got {len(given)}")
        policy = np.empty(self.slots)
        for i, table in enumerate(given):
            mine = self.owner[self.set_of_slot] == i
            row, action = self.rows[self.set_of_slot[mine]], self.actions[mine]
            table = np.asarray(table, np.float64)
            if mine.any() and (table.ndim != 2 or table.shape[0] <= row.max() or table.shape[1] <= action.max()):
                raise ValueError(f"of_rows: player {i}: expected at least {row.max() + 1} rows of {action.max() + 1} "
                                 f"actions, got shape {table.shape}")
            policy[mine] = table[row, action]
        sums = np.bincount(self.set_of_slot, policy, self.sets)[self.set_of_slot]
        if strict and (np.abs(sums - 1.0) > 1e-9).any():
            at = int(self.set_of_slot[np.abs(sums - 1.0).argmax()])
            raise ValueError(f"of_rows: those of information set {at} add up to {sums[self.begin[at]]:.6g}, not to 1")
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(sums > 0.0, policy / sums, self.uniform())

    def to_rows(self, policy):
        """Make tables by what is observed of a policy, such as :class:`marlfast.learners.FixedPolicy` takes.

        Parameters
        ----------
        policy : float64 [E]
            By slot.

        Returns
        -------
        list of float64 [rows, A]
            Of each player; 0 for actions that are not allowed, all alike in rows that no information set has.
        """
        policy = self.policy(policy)
        if self.rows is None:
            raise ValueError(f"to_rows: the observations of game {self.game!r} are not numbered")
        shape = int(self.rows.max(initial=-1)) + 1, int(self.actions.max(initial=-1)) + 1
        tables = [np.full(shape, 1.0 / shape[1]) for _ in range(self.players)]
        for i, table in enumerate(tables):
            mine = self.owner[self.set_of_slot] == i
            row, action = self.rows[self.set_of_slot[mine]], self.actions[mine]
            apart = np.unique(self.rows[self.owner == i])
            if len(apart) < (self.owner == i).sum():
                raise ValueError(f"to_rows: player {i} remembers more than it observes: {(self.owner == i).sum()} "
                                 f"information sets, {len(apart)} observations")
            table[row] = 0.0
            table[row, action] = policy[mine]
        return tables

    def values(self, policy):
        """Say what each player earns on average.

        Parameters
        ----------
        policy : float64 [E]
            What all play.

        Returns
        -------
        float64 [N]
            Expected returns.
        """
        values = np.empty(self.players)
        self.kernel().values(self.policy(policy), values)
        return values

    def best_reply(self, policy, player):
        """Find a best reply over information sets.

        Parameters
        ----------
        policy : float64 [E]
            What the others play.
        player : int
            Who replies.

        Returns
        -------
        (float64 [E], float)
            The policy with the player's part exchanged for its reply (the first of the best actions of each set), and
            what the player then earns.
        """
        player = integer("player", player, 0, self.players - 1)
        chosen = self.policy(policy)
        value = self.kernel().best_reply(player, chosen.copy(), chosen)
        return chosen, value

    def nash_conv(self, policy):
        """Say what all players together could gain by replying best.

        Parameters
        ----------
        policy : float64 [E]
            What all play.

        Returns
        -------
        float
            At least 0 but for rounding; 0: a Nash equilibrium.
        """
        policy = self.policy(policy)
        return float(sum(self.best_reply(policy, i)[1] for i in range(self.players)) - self.values(policy).sum())

    def exploitability(self, policy):
        """Say what a player could gain by replying best, on average over players.

        Parameters
        ----------
        policy : float64 [E]
            What all play.

        Returns
        -------
        float
            ``nash_conv`` divided by N.
        """
        return self.nash_conv(policy) / self.players

    def reaches(self, policy):
        """Say how likely each player itself makes its information sets.

        Parameters
        ----------
        policy : float64 [E]
            By slot.

        Returns
        -------
        float64 [I]
            Products of the probabilities of its own moves before.
        """
        policy, reach = self.policy(policy), np.ones(self.sets)
        for i, e in enumerate(self.last.tolist()):
            if e >= 0:
                reach[i] = reach[self.set_of_slot[e]] * policy[e]
        return reach

    def mixture(self, policies, weights):
        """Make one policy that does what drawing one of several before the game does (Kuhn's theorem).

        Parameters
        ----------
        policies : sequence of float64 [E]
            By slot.
        weights : float64 [N, K]
            Of each player, how likely it takes each of the K.

        Returns
        -------
        float64 [E]
            By slot; alike in sets that nobody makes likely.
        """
        weights = np.asarray(weights, np.float64)
        if weights.shape != (self.players, len(policies)):
            raise ValueError(f"weights: expected shape {(self.players, len(policies))}, got {weights.shape}")
        total = np.zeros(self.slots)
        for k, policy in enumerate(policies):
            own = weights[self.owner, k] * self.reaches(policy)
            total += own[self.set_of_slot] * policy
        sums = np.bincount(self.set_of_slot, total, self.sets)[self.set_of_slot]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(sums > 0.0, total / sums, self.uniform())

    def __repr__(self):
        return (f"Tree({self.game}: {self.players} players, {self.histories:,} histories, {self.sets:,} information "
                "sets)")
