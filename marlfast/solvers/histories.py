"""All histories of a game, played out level by level by its kernel."""
import numpy as np

from marlfast.analysis.explore import INSTEAD, ROWS, cases_of, edges_of, starts, steps
from marlfast.declarations.extensive import CHANCE, OVER
from marlfast.errors import integer
from marlfast.registry import require
from marlfast.solvers.tree import Tree

MAX_HISTORIES = 5 * 10**6       # a gigabyte


def tree(game, cuts=None, start_cuts=None, max_histories=MAX_HISTORIES):
    """The extensive form of a game, from its own rules.

    The game is played in all ways, from its start, by its kernel. Agents who move at the same time stand one after the
    other in it, without knowing what those before them do. What a player knows is what it observed when it moved, what
    it did, and what it was allowed to do: nobody forgets.

    Parameters
    ----------
    game : Game or Tree
        A tree is given back as it is. Every play must end; a horizon that is only a limit is no end.
    cuts, start_cuts : int, sequence of float, or sequence of those, optional
        Where the uniforms of a step and of a start make a difference, as in :func:`marlfast.analysis.model`. Default:
        what the game says itself (``game.cuts``, ``game.start_cuts``).
    max_histories : int
        Refuse games that have more.

    Returns
    -------
    Tree
        All histories and information sets.

    See Also
    --------
    marlfast.analysis.model : The states of a Markov game, which many histories may lead to.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> solvers.tree(games.RockPaperScissors())
    Tree(rock_paper_scissors: 2 players, 13 histories, 2 information sets)
    """
    if isinstance(game, Tree):
        return game
    game = require("game", game, "game")
    return _Builder(game, cuts, start_cuts, integer("max_histories", max_histories, 1)).built()


def _turns(kernel, states):
    """(who moves now, bool [n, N]; which actions are allowed, bool [n, N, A] or None: all)."""
    moves, allowed = np.ones((len(states), kernel.agents), bool), None
    if "to_act" in kernel.participation:
        kernel.to_act(states, moves)
    if "present" in kernel.participation:
        present = np.zeros_like(moves)
        kernel.present(states, present)
        moves &= present
    if "legal" in kernel.participation:
        allowed = np.zeros((len(states), kernel.agents, kernel.max_actions), bool)
        kernel.legal(states, allowed)
    return moves, allowed


class _Level:
    """Histories of one layer: what the builder must know of each to play on.

    Attributes
    ----------
    parent, chance : int64 [n], float64 [n]
        Number of the history before, and the probability of the move from there.
    state : float64 [n, S]
    pending : int32 [n, N]
        Actions that were chosen but not made yet; -1: none.
    earned : float64 [n, N]
        Since the start.
    last : int64 [n, N]
        Slot of each player's last move; -1: none.
    over : bool [n]
    draw : bool [n]
        Whether chance moves here: then all pending actions are there.
    round : int64 [n]
        Steps made.
    """

    NAMES = ("parent", "chance", "slot", "state", "pending", "earned", "last", "over", "draw", "round")

    def __init__(self, **arrays):
        self.__dict__.update(arrays)

    def __len__(self):
        return len(self.parent)

    @classmethod
    def joined(cls, parts, order):
        """Several, in the order that is given."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts])[order] for name in cls.NAMES})


class _Builder:
    """Plays a game in all ways."""

    def __init__(self, game, cuts, start_cuts, max_histories):
        self.game, self.kernel, self.most = game, game.kernel(), max_histories
        if self.kernel.step_normals or self.kernel.start_normals:
            raise ValueError(f"game: {game.name!r} draws normals, so its histories cannot be listed; take a game whose "
                             f"chances are few, {INSTEAD}")
        if game.horizon and not game.ends_at_horizon:
            raise ValueError(f"game: the horizon of {game.name!r} is a limit put on it, and no end; give "
                             'at_horizon="terminated"')
        cuts = game.cuts if cuts is None else cuts
        start_cuts = game.start_cuts if start_cuts is None else start_cuts
        self.cases = cases_of(edges_of("cuts", cuts, self.kernel.step_uniforms))
        self.begin = cases_of(edges_of("start_cuts", cuts if start_cuts is None else start_cuts,
                                       self.kernel.start_uniforms))
        self.nodes = {name: [] for name in ("player", "parent", "count", "info", "slot", "chance", "returns")}
        self.found, self.sets = 0, 0
        self.of_set = {name: [] for name in ("owner", "sizes", "last", "actions", "rows")}
        self.slots = 0

    def built(self):
        agents = self.game.agents
        uniforms, chances = self.begin
        begun = starts(self.kernel, uniforms)
        n = len(begun)
        root = _Level(parent=np.full(1, -1), chance=np.ones(1), slot=np.full(1, -1), state=begun[:1],
                      pending=np.full((1, agents), -1, np.int32), earned=np.zeros((1, agents)),
                      last=np.full((1, agents), -1), over=np.zeros(1, bool), draw=np.zeros(1, bool),
                      round=np.zeros(1, np.int64))
        groups, chances, first = _grouped(np.zeros(n, np.int64), chances, begun)
        following = None
        if len(groups) > 1:
            root.draw[:] = True
            following = begun[first], chances
        layer = root
        while len(layer):
            layer = self._next(layer, following)
            following = None
        return self._tree()

    def _refuse(self):
        raise ValueError(f"game: {self.game.name!r} has more than {self.most:,} histories, with {self.sets:,} "
                         f"information sets so far (max_histories); take a smaller game, {INSTEAD}")

    def _next(self, layer, begun):
        """Write one layer down; give the one after it."""
        n, base = len(layer), self.found
        self.found += n
        if self.found > self.most:
            self._refuse()
        player, info, count = np.full(n, OVER), np.full(n, -1), np.zeros(n, np.int64)
        children = []       # (parents within the layer, layer of children)
        if begun is not None:
            states, chances = begun
            player[0], count[0] = CHANCE, len(states)
            children.append((np.zeros(len(states), np.int64), self._children(
                layer, np.zeros(len(states), np.int64), base, state=states, chance=chances)))
        elif layer.draw.any():
            at = np.flatnonzero(layer.draw)
            player[at] = CHANCE
            parents, part = self._stepped(layer, at, base, True)
            parents = at[parents]
            count[at] = np.bincount(parents, minlength=n)[at]
            children.append((parents, part))
        at = np.flatnonzero(~layer.over & ~layer.draw)
        if len(at):
            moves, allowed = _turns(self.kernel, np.ascontiguousarray(layer.state[at]))
            waiting = moves & (layer.pending[at] < 0)
            who = waiting.argmax(axis=1)
            player[at] = who
            legal = np.zeros((len(at), self.game.max_actions), bool)
            for i, most in enumerate(self.game.action_counts.tolist()):
                legal[who == i, :most] = True
            if allowed is not None:
                legal &= allowed[np.arange(len(at)), who]
            info[at], begin = self._sets(layer, at, who, legal)
            count[at] = legal.sum(axis=1)
            rows, actions = np.nonzero(legal)
            places = np.cumsum(legal, axis=1)[rows, actions] - 1
            mid = self._children(layer, at[rows], base, slot=begin[rows] + places)
            mid.parent[:] = at[rows]
            mid.pending[np.arange(len(rows)), who[rows]] = actions
            mid.last[np.arange(len(rows)), who[rows]] = mid.slot
            ready = waiting.sum(axis=1)[rows] == 1
            some = np.flatnonzero(~ready)
            if len(some):
                children.append((at[rows[some]], _Level.joined([mid], some)))
            some = np.flatnonzero(ready)
            if len(some):
                one = _Level.joined([mid], some)
                parents, part = self._stepped(one, np.arange(len(some)), base, False)
                children.append((one.parent[parents], part))
        for name, array in (("player", player), ("parent", layer.parent), ("count", count), ("info", info),
                            ("slot", layer.slot), ("chance", layer.chance),
                            ("returns", np.where(layer.over[:, None], layer.earned, 0.0))):
            self.nodes[name].append(array)
        if not children:
            return []
        parents = np.concatenate([parents for parents, _ in children])
        slots = np.concatenate([part.slot for _, part in children])
        order = np.lexsort((slots, parents)) if len(children) > 1 else np.argsort(parents, kind="stable")
        following = _Level.joined([part for _, part in children], order)
        following.parent = base + parents[order]
        return following

    def _children(self, layer, at, base, **changed):
        """Successors of some histories of a layer, before anything changed but what is given."""
        arrays = {name: getattr(layer, name)[at].copy() for name in _Level.NAMES}
        n = len(at)
        arrays |= {"parent": base + at, "chance": np.ones(n), "slot": np.full(n, -1), "over": np.zeros(n, bool),
                   "draw": np.zeros(n, bool)}
        return _Level(**arrays | changed)

    def _stepped(self, layer, at, base, drawn):
        """What the pending actions of some histories come to.

        With ``drawn`` chance moves there, and every case is a successor; else the histories are themselves successors
        of a move, and those that chance has a part in become its.
        """
        uniforms, chances = self.cases
        n, cases = len(at), len(chances)
        if self.found + n * (cases if drawn else 1) > self.most:
            self._refuse()
        actions = layer.pending[at]
        states, rewards, over = [], [], []
        for low in range(0, n, max(1, ROWS // cases)):
            some = slice(low, low + max(1, ROWS // cases))
            m = len(at[some])
            one = steps(self.kernel, np.repeat(layer.state[at[some]], cases, axis=0),
                        np.repeat(actions[some], cases, axis=0), np.tile(uniforms, (m, 1)))
            for kept, array in zip((states, rewards, over), one, strict=True):
                kept.append(array)
        states, rewards, over = (np.concatenate(part) for part in (states, rewards, over))
        states[over] = 0.0      # what is left of it does not matter
        groups, share, first = _grouped(np.repeat(np.arange(n), cases), np.tile(chances, n),
                                        np.concatenate([states, rewards, over[:, None]], axis=1))
        several = np.bincount(groups, minlength=n) > 1
        if not drawn:           # those that chance has a part in stay as they are, and become its
            keep = ~several[groups]
            groups, share, first = groups[keep], share[keep], first[keep]
            part = self._children(layer, at[groups], base, slot=layer.slot[at[groups]])
        else:
            part = self._children(layer, at[groups], base, chance=share)
        part.state, part.over = states[first], over[first]
        part.earned = part.earned + rewards[first]
        part.pending[:] = -1
        part.round += 1
        if self.game.ends_at_horizon:
            part.over |= part.round >= self.game.horizon
        if drawn or not several.any():
            return groups, part
        waits = at[several]
        wait = self._children(layer, waits, base, slot=layer.slot[waits], draw=np.ones(len(waits), bool))
        both = np.concatenate([groups, np.flatnonzero(several)])
        order = np.argsort(both, kind="stable")
        return both[order], _Level.joined([part, wait], order)

    def _sets(self, layer, at, who, legal):
        """(information set of each history, its first slot); new ones are written down."""
        kernel = self.kernel
        observation = np.zeros((len(at), kernel.views, kernel.features))
        kernel.observe(np.ascontiguousarray(layer.state[at]), observation)
        obs = observation[np.arange(len(at)), who if kernel.views > 1 else 0] + 0.0
        key = np.concatenate([who[:, None], layer.last[at, who][:, None], legal, obs], axis=1)
        _, first, place = np.unique(key, axis=0, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))        # numbered as they are first met
        number, chosen = rank[place.ravel()], np.sort(first)
        sizes = legal[chosen].sum(axis=1)
        if (sizes == 0).any():
            raise ValueError(f"game: in {self.game.name!r} a player has no allowed action though it is its turn")
        self.of_set["owner"].append(who[chosen])
        self.of_set["sizes"].append(sizes)
        self.of_set["last"].append(layer.last[at, who][chosen])
        self.of_set["actions"].append(np.nonzero(legal[chosen])[1])
        self.of_set["rows"].append(obs[chosen, 0])
        begin = self.slots + np.cumsum(sizes) - sizes
        numbers = self.sets + number
        self.sets += len(chosen)
        self.slots += int(sizes.sum())
        return numbers, begin[number]

    def _tree(self):
        nodes = {name: np.concatenate(parts) for name, parts in self.nodes.items()}
        sets = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in self.of_set.items()}
        count = nodes["count"]
        first = 1 + np.cumsum(count) - count
        numbered = self.game.observations is not None
        ints = {name: nodes[name].astype(np.int32) for name in ("player", "parent", "count", "info", "slot")}
        return Tree(self.game.name, self.game.agents, first=first.astype(np.int32), chance=nodes["chance"],
                    returns=nodes["returns"], owner=sets["owner"].astype(np.int32),
                    begin=np.append(0, np.cumsum(sets["sizes"])).astype(np.int32), last=sets["last"].astype(np.int32),
                    actions=sets["actions"].astype(np.int32),
                    rows=sets["rows"].astype(np.int32) if numbered else None, **ints)


def _grouped(where, chances, rows):
    """Cases at the same place that come to the same, put together.

    Returns
    -------
    (int64 [G], float64 [G], int64 [G])
        Place, chance and first case of each group, in the order of places and then of cases.
    """
    key = np.ascontiguousarray(np.concatenate([where[:, None].astype(np.float64), rows + 0.0], axis=1))
    _, first, place = np.unique(key, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    sums = np.bincount(place.ravel(), chances)
    return where[first][order], sums[order], first[order]
