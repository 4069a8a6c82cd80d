"""What can come of each state and joint action, as arrays."""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marlfast.errors import integer, shown
from marlfast.memory import check_memory
from marlfast.registry import Definition


def array_of(name, value, ndim, dtype=np.float64):
    """A read-only array of its own, of ``ndim`` dimensions (one or several numbers; None: any) and finite numbers."""
    wanted = ndim if isinstance(ndim, tuple) else (ndim,)
    said = " or ".join(map(str, wanted))
    try:
        array = np.array(value, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: expected an array of {np.dtype(dtype).name}, got {shown(value)}") from None
    if ndim is not None and array.ndim not in wanted:
        raise ValueError(f"{name}: expected {said} dimensions, got {array.ndim} (shape {array.shape})")
    if dtype is np.float64 and not np.isfinite(array).all():
        at = _first(~np.isfinite(array))
        raise ValueError(f"{name}{list(at)}: expected a finite number, got {array[at]}")
    array.flags.writeable = False
    return array


def numbers_below(name, value, ndim, n, dtype):
    """A read-only array of its own of whole numbers from 0 to n - 1."""
    try:
        array = np.array(value)
    except (TypeError, ValueError, OverflowError):
        array = np.array(None)
    if array.dtype.kind == "f" and (array == np.floor(array)).all():
        array = array.astype(np.int64) if array.size == 0 or np.abs(array).max() < 2.0**62 else array
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected an array of whole numbers, got {shown(value)}")
    wanted = ndim if isinstance(ndim, tuple) else (ndim,)
    if array.ndim not in wanted:
        raise ValueError(f"{name}: expected {' or '.join(map(str, wanted))} dimensions, got {array.ndim} "
                         f"(shape {array.shape})")
    outside = (array < 0) | (array >= n)
    if outside.any():
        at = _first(outside)
        raise ValueError(f"{name}{list(at)}: expected 0 to {n - 1}, got {array[at]}")
    array = array.astype(dtype)
    array.flags.writeable = False
    return array


def _first(where):
    """Index of the first true entry."""
    return tuple(int(k) for k in np.argwhere(where)[0])


class Table(NamedTuple):
    """The outcomes of all cells, one cell after another; cell ``state * J + joint action``.

    Attributes
    ----------
    first : int64 [S * J + 1]
        First outcome of each cell; the last entry is K, how many there are.
    successors : int32 [K]
    probabilities : float64 [K]
    rewards : float64 [K, N] or [S * J, N]
        Of each outcome, or of each cell.
    """

    first: np.ndarray
    successors: np.ndarray
    probabilities: np.ndarray
    rewards: np.ndarray

    @property
    def own(self):
        """Whether each outcome has rewards of its own."""
        return len(self.rewards) == len(self.successors)

    @property
    def certain(self):
        """Whether every cell has one outcome."""
        return len(self.successors) == len(self.first) - 1

    def sums(self):
        """Running sums of the probabilities, cell by cell: float64 [K].

        They reach past 1 at a cell's last outcome, so that rounding cannot draw beyond it.
        """
        sums, counts = self.probabilities.copy(), np.diff(self.first)
        for k in range(1, counts.max()):
            at = self.first[:-1][counts > k] + k
            sums[at] += sums[at - 1]
        sums[self.first[1:] - 1] = 2.0
        return sums

    def reachable(self, start, happens):
        """States that can be entered from some, themselves among them, by outcomes that can happen [K]: bool [S]."""
        reached = start.copy()
        joint = (len(self.first) - 1) // len(start)
        frontier = np.flatnonzero(start)
        while len(frontier):
            low, high = self.first[frontier * joint], self.first[(frontier + 1) * joint]
            count = high - low
            at = np.repeat(low - np.cumsum(count) + count, count) + np.arange(count.sum())
            found = np.unique(self.successors[at[happens[at]]])
            found = found[~reached[found]]
            reached[found] = True
            frontier = found
        return reached


@dataclass(frozen=True, repr=False, eq=False)
class Outcomes(Definition):
    """Transitions of a :class:`MarkovGame` in few numbers: a list of what can come of each state and joint action.

    Entry k says: in ``state[k]`` the joint action ``joint[k]`` leads to ``successor[k]`` with ``probability[k]``.
    What is not listed is impossible. The order does not matter.

    Parameters
    ----------
    states : int
        S, how many there are.
    state : int [K]
        Where it happens.
    joint : int [K]
        Number of the joint action, the first agent's action the most significant.
    successor : int [K]
        Where it controls.
    probability : float64 [K], optional
        Those of one state and joint action sum to 1 (within 1e-8). Default: 1 each.
    rewards : float64 [K] or [K, N], optional
        What this outcome pays, to all agents or to each. Outcomes may then lead to the same state and pay
        differently: this is how rewards are made random. Without it the game's ``rewards`` count.

    See Also
    --------
    MarkovGame : Takes them as ``transitions``.

    Notes
    -----
    An outcome listed twice is refused, rather than added up. Those of probability 0 are left out.

    Examples
    --------
    >>> from marlfast import games
    >>> chance = games.Outcomes(2, state=[0, 0, 0], joint=[0, 1, 1], successor=[0, 0, 1], probability=[1.0, 0.9, 0.1])
    >>> game = games.MarkovGame(chance, [[0.0, 1.0], [0.0, 0.0]], actions=[2], terminal=[False, True])
    >>> game.observations
    2
    """

    kind = "transitions"
    name = "outcomes"
    states: int
    state: np.ndarray
    joint: np.ndarray
    successor: np.ndarray
    probability: np.ndarray | None = None
    rewards: np.ndarray | None = None

    def __post_init__(self):
        states = integer("states", self.states, 1, 2**31 - 1)
        state = numbers_below("state", self.state, 1, states, np.int64)
        joint = numbers_below("joint", self.joint, 1, 2**62, np.int64)
        successor = numbers_below("successor", self.successor, 1, states, np.int32)
        probability = np.ones(len(state)) if self.probability is None else self.probability
        probability = array_of("probability", probability, 1)
        lengths = {"state": len(state), "joint": len(joint), "successor": len(successor),
                   "probability": len(probability)}
        if self.rewards is not None:
            rewards = array_of("rewards", self.rewards, (1, 2))
            lengths["rewards"] = len(rewards)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"outcomes: expected arrays of one length, got {lengths}")
        if not len(state):
            raise ValueError("outcomes: expected at least one, got none")
        if (probability < 0).any():
            k, = _first(probability < 0)
            raise ValueError(f"probability[{k}]: expected a probability, got {probability[k]}")
        # In the order of dense arrays, so that the same draw means the same whichever way a game is given.
        order = np.lexsort((successor, joint, state))
        order = order[probability[order] > 0]
        values = {"state": state, "joint": joint, "successor": successor, "probability": probability}
        if self.rewards is not None:
            values["rewards"] = rewards
        else:
            same = np.flatnonzero(np.all([values[n][order][1:] == values[n][order][:-1]
                                          for n in ("state", "joint", "successor")], axis=0))
            if len(same):
                k = order[same[0]]
                raise ValueError(f"transitions[{state[k]}, {joint[k]}]: state {successor[k]} is listed twice; "
                                 "add the probabilities up")
        values = {name: np.ascontiguousarray(array[order]) for name, array in values.items()}
        for array in values.values():
            array.flags.writeable = False
        self._set(states=states, **values)
        self._check_sums()

    def _check_sums(self):
        edges = np.flatnonzero((np.diff(self.state) != 0) | (np.diff(self.joint) != 0)) + 1
        starts = np.concatenate([[0], edges]).astype(np.int64)
        sums = np.add.reduceat(self.probability, starts) if len(self.state) else np.zeros(0)
        wrong = np.abs(sums - 1.0) > 1e-8
        if wrong.any():
            k = starts[wrong.argmax()]
            raise ValueError(f"transitions[{self.state[k]}, {self.joint[k]}]: expected probabilities that sum to 1, "
                             f"got {sums[wrong][0]:.12g}")

    def table(self, joint, terminal, rewards, agents):
        """Give the outcomes as a :class:`Table`, for ``joint`` joint actions.

        Terminal states need no outcomes; what is missing there leads back to itself and pays nothing.

        Parameters
        ----------
        joint : int
            J, how many joint actions there are.
        terminal : bool [S]
            States in which the game is over.
        rewards : float64 [S, joint, N] or None
            None: the outcomes' own.
        agents : int
            N.

        Returns
        -------
        Table
            Cell by cell.
        """
        if self.joint.max(initial=0) >= joint:
            k = int((self.joint >= joint).argmax())
            raise ValueError(f"transitions[{self.state[k]}, {self.joint[k]}]: expected joint actions 0 to {joint - 1}")
        check_memory(f"transitions: {self.states} states with {joint} joint actions", 8 * self.states * joint,
                     "take fewer states or actions")
        cell = self.state * joint + self.joint
        counts = np.bincount(cell, minlength=self.states * joint)
        missing = np.flatnonzero(counts == 0)
        lost = missing[~terminal[missing // joint]]
        if len(lost):
            raise ValueError(f"transitions[{lost[0] // joint}, {lost[0] % joint}]: no outcome is listed; each joint "
                             "action needs one in every state that is not terminal")
        if rewards is None:
            paid = self.rewards if self.rewards.ndim == 2 else np.repeat(self.rewards[:, None], agents, axis=1)
        successors, probabilities = self.successor, self.probability
        if len(missing):
            order = np.argsort(np.concatenate([cell, missing]), kind="stable")
            successors = np.concatenate([successors, (missing // joint).astype(np.int32)])[order]
            probabilities = np.concatenate([probabilities, np.ones(len(missing))])[order]
            if rewards is None:
                paid = np.concatenate([paid, np.zeros((len(missing), agents))])[order]
        first = np.concatenate([[0], np.cumsum(np.maximum(counts, 1))])
        return Table(first, successors, probabilities,
                     paid if rewards is None else rewards.reshape(-1, agents))


def of_dense(transitions, rewards):
    """A :class:`Table` of transitions [S, J, S] and rewards [S, J, N] or [S, J, S, N]."""
    states, joint, _ = transitions.shape
    cells = transitions.reshape(states * joint, states)
    # A row may sum to a little more than 1: what has probability 1 is certain nevertheless.
    certain = cells == 1.0
    cell, successors = np.nonzero(np.where(certain.any(axis=1)[:, None], certain, cells > 0))
    agents = rewards.shape[-1]
    paid = rewards.reshape(states * joint, -1, agents)
    paid = paid[:, 0] if rewards.ndim == 3 else paid[cell, successors]
    first = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=states * joint))])
    return Table(first, successors.astype(np.int32), cells[cell, successors], np.ascontiguousarray(paid))


def of_successors(successors, rewards):
    """A :class:`Table` of successors [S, J] and rewards [S, J, N]."""
    return Table(np.arange(successors.size + 1), successors.ravel(), np.ones(successors.size),
                 rewards.reshape(successors.size, -1))


def of_sparse(matrix, joint):
    """:class:`Outcomes` of a matrix [S * J, S] of SciPy, or of anything else with ``tocsr`` and ``tocoo``."""
    rows, states = matrix.shape
    if rows != states * joint or states < 1:
        raise ValueError(f"transitions: expected a sparse matrix of shape (S * {joint}, S), S at least 1, "
                         f"got {tuple(matrix.shape)}")
    entries = matrix.tocsr().tocoo()        # entries given twice are added up, as SciPy means them
    row = np.asarray(entries.row, np.int64)
    return Outcomes(states, row // joint, row % joint, entries.col, entries.data)
