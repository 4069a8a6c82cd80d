"""What kernels of games in extensive form take: the arrays of :class:`marlfast.solvers.Tree`, checked once for both."""
import numpy as np

from marlfast.declarations.base import check

CHANCE, OVER = -1, -2

# The arrays of a tree, their dtype and axes: H histories, N players, I information sets, E slots.
ARRAYS = {"player": ("int32", "H"), "parent": ("int32", "H"), "first": ("int32", "H"), "count": ("int32", "H"),
          "info": ("int32", "H"), "slot": ("int32", "H"), "chance": ("float64", "H"), "returns": ("float64", "HN"),
          "owner": ("int32", "I"), "begin": ("int32", "J"), "last": ("int32", "I")}


def _refuse(bad, name, what):
    if np.any(bad):
        at = int(np.argmax(bad))
        raise ValueError(f"{name}[{at}]: {what}")


def checked(players, given):
    """A tree's arrays as they are kept, with what follows from them, or an error that names the first one that is none.

    Parameters
    ----------
    players : int
        N.
    given : dict of str to array
        As ``ARRAYS`` says.

    Returns
    -------
    dict of str to array
        Copies, which nobody else writes to, and ``set_of_slot``, ``order`` and ``classes``; and ``depth``, an int.
    """
    if players < 1:
        raise ValueError(f"players: expected at least 1, got {players}")
    histories, sets = len(given["player"]), len(given["owner"])
    lengths = {"H": histories, "I": sets, "J": sets + 1, "N": players}
    tree = {name: check(given[name], name, dtype, tuple(lengths[axis] for axis in axes), False).copy()
            for name, (dtype, axes) in ARRAYS.items()}
    if not histories:
        raise ValueError("player: expected at least one history")
    player, parent, first, count = (tree[name].astype(np.int64) for name in ("player", "parent", "first", "count"))
    info, slot, begin = (tree[name].astype(np.int64) for name in ("info", "slot", "begin"))
    owner, last = tree["owner"].astype(np.int64), tree["last"].astype(np.int64)
    _refuse((player < OVER) | (player >= players), "player", f"expected -2 to {players - 1}")
    _refuse((count == 0) != (player == OVER), "count", "expected 0 where the game is over, and nowhere else")
    there = count > 0
    if (count < 0).any() or count.sum() != histories - 1 or (first[there] != 1 + np.cumsum(count)[there] - count[there]
                                                              ).any():
        raise ValueError("first, count: expected the successors of one history after those of the one before it")
    if parent[0] != -1 or (parent[1:] != np.repeat(np.arange(histories), count)).any():
        raise ValueError("parent: expected the history whose successor each is; -1 of the first")
    if not np.isfinite(tree["returns"]).all():
        raise ValueError("returns: expected finite numbers")
    sizes = np.diff(begin)
    if begin[0] != 0 or (sizes < 1).any():
        raise ValueError("begin: expected 0, and at least one action of each information set")
    slots = int(begin[-1])
    _refuse((owner < 0) | (owner >= players), "owner", f"expected 0 to {players - 1}")
    own = player >= 0
    _refuse(own != (info >= 0), "info", "expected a set where a player moves, and nowhere else")
    _refuse(info >= sets, "info", f"expected at most {sets - 1}")
    _refuse(own & (owner[np.maximum(info, 0)] != player), "info", "expected a set of the player who moves")
    _refuse(own & (sizes[np.maximum(info, 0)] != count), "count", "expected as many successors as the set has actions")
    _refuse(np.bincount(info[own], minlength=sets) == 0, "owner", "expected a set that some history is in")
    moves = np.arange(histories) - first[np.maximum(parent, 0)]
    meant = np.where(own[parent], begin[np.maximum(info[parent], 0)] + moves, -1)
    meant[0] = -1
    _refuse(slot != meant, "slot", "expected the slot of the move that led here")
    by_chance = np.append(False, player[parent[1:]] == CHANCE)
    _refuse(by_chance & ~((tree["chance"] >= 0.0) & (tree["chance"] <= 1.0)), "chance", "expected 0 to 1")
    _refuse((last < -1) | (last >= slots), "last", f"expected -1 to {slots - 1}")
    set_of_slot = np.repeat(np.arange(sizes.size), sizes)
    tree["set_of_slot"] = set_of_slot.astype(np.int32)
    # The slot of each player's last move before each history, and how many moves it made, level by level.
    before, made = np.full((histories, players), -1), np.zeros((histories, players), np.int64)
    for low, high in levels_of(first, count):
        if low == 0:
            continue
        above = parent[low:high]
        before[low:high], made[low:high] = before[above], made[above]
        mover = player[above]
        some = np.flatnonzero(mover >= 0)
        before[low + some, mover[some]] = slot[low + some]
        made[low + some, mover[some]] += 1
    at = np.flatnonzero(own)
    wrong = before[at, player[at]] != last[info[at]]
    if wrong.any():
        raise ValueError(f"last: history {at[wrong.argmax()]} is in information set {info[at[wrong.argmax()]]}, whose "
                         "player would have to forget its own move (imperfect recall)")
    _refuse((last >= 0) & (set_of_slot[np.maximum(last, 0)] >= np.arange(sets)), "last",
            "expected a slot of an earlier set")
    depth = int(made.max())
    classes, order = np.zeros((players, depth + 2), np.int64), np.zeros((players, histories), np.int32)
    for i in range(players):
        order[i] = np.lexsort((-np.arange(histories), -made[:, i]))
        classes[i, 1:] = np.cumsum(np.bincount(made[:, i], minlength=depth + 1)[::-1])
    return tree | {"order": order, "classes": classes, "depth": depth}


def levels_of(first, count):
    """Where each level of histories begins and ends: list of (int, int)."""
    found, low, high = [], 0, 1
    while low < high:
        found.append((low, high))
        there = np.flatnonzero(count[low:high])
        low, high = high, (int(first[low + there[-1]] + count[low + there[-1]]) if len(there) else high)
    return found


def needed_draws(tree, player):
    """The most draws that one walk of external sampling for a player takes."""
    first, count, mover = tree["first"], tree["count"], tree["player"]
    most = np.zeros(len(count), np.int64)
    for low, high in reversed(levels_of(first, count)):
        here = np.arange(low, high)[count[low:high] > 0]
        if not len(here):
            continue
        children = most[first[here[0]]:first[here[-1]] + count[here[-1]]]
        starts = first[here] - first[here[0]]
        most[here] = np.where(mover[here] == player, np.add.reduceat(children, starts),
                              np.maximum.reduceat(children, starts) + 1)
    return int(most[0])
