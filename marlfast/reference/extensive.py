"""Games in extensive form: the twin of ``src/_extensive.pyx``.

Sums run over the same numbers in the same order as there: ``numpy.bincount`` adds up one after the other.
"""
import numpy as np

from marlfast.declarations.extensive import checked, levels_of, needed_draws
from marlfast.reference.kernels import check


class Extensive:
    """A game in extensive form, whose policies are numbers by slot: float64 [E].

    Parameters
    ----------
    players : int
        N.
    arrays : dict of str to array
        As :data:`marlfast.declarations.extensive.ARRAYS` says. They are copied.
    """

    def __init__(self, players, arrays):
        held = checked(players, arrays)
        self.players, self.histories, self.sets = players, len(held["player"]), len(held["owner"])
        self.slots = len(held["set_of_slot"])
        self.draws = tuple(needed_draws(held, i) for i in range(players))
        self._tree = held
        (self._player_of, self._parent, self._first, self._count, self._info, self._slot, self._owner, self._begin,
         self._last, self._set) = (held[name].astype(np.int64) for name in (
             "player", "parent", "first", "count", "info", "slot", "owner", "begin", "last", "set_of_slot"))
        self._levels = levels_of(self._first, self._count)

    def _by_slot(self, array, name, writable):
        return check(array, name, "float64", (self.slots,), writable)

    def _player(self, player):
        if not 0 <= player < self.players:
            raise ValueError(f"player: expected 0 to {self.players - 1}, got {player}")
        return player

    # -- leaves ---------------------------------------------------------------------------------

    def _edges(self, policy):
        """Probability of the move that led to each history."""
        return np.where(self._slot >= 0, np.append(policy, 0.0)[self._slot], self._tree["chance"])

    def _reach(self, player, edges):
        reach = np.ones(self.histories)
        for low, high in self._levels[1:]:
            above = self._parent[low:high]
            reach[low:high] = np.where(self._player_of[above] == player, reach[above], reach[above] * edges[low:high])
        return reach

    def _expected(self, player, edges):
        value = self._tree["returns"][:, player].copy()
        for low, high in self._levels[:0:-1]:
            top = self._parent[low]
            sums = np.bincount(self._parent[low:high] - top, edges[low:high] * value[low:high])
            there = top + np.flatnonzero(self._count[top:top + len(sums)])
            value[there] = sums[there - top]
        return value

    def _match(self, player, regrets, policy):
        own = self._owner[self._set] == player
        positive = np.where(regrets > 0.0, regrets, 0.0)
        total = np.bincount(self._set, positive, self.sets)[self._set]
        share = 1.0 / np.diff(self._begin)[self._set]
        with np.errstate(invalid="ignore", divide="ignore"):
            matched = np.where(total > 0.0, positive / total, share)
        policy[own] = matched[own]

    def _remember(self, player, weight, policy, sums):
        own = np.ones(self.sets)
        for i in np.flatnonzero(self._owner == player).tolist():
            e = self._last[i]
            if e >= 0:
                own[i] = own[self._set[e]] * policy[e]
        mine = self._owner[self._set] == player
        sums[mine] += (weight * own[self._set] * policy)[mine]

    def _regret(self, player, policy):
        edges = self._edges(policy)
        reach, value = self._reach(player, edges), self._expected(player, edges)
        moves = np.flatnonzero(self._player_of[self._parent] == player)[::-1]
        moves = moves[moves > 0]
        above = self._parent[moves]
        return np.bincount(self._slot[moves], reach[above] * (value[moves] - value[above]), self.slots)

    def _add_regret(self, player, gained, weight, plus, regrets):
        mine = self._owner[self._set] == player
        added = regrets + weight * gained
        if plus:
            added = np.where(added > 0.0, added, 0.0)
        regrets[mine] = added[mine]

    def _reply(self, player, policy, chosen):
        edges = self._edges(policy)
        reach = self._reach(player, edges)
        value, gained = np.zeros(self.histories), np.zeros(self.slots)
        order, classes = self._tree["order"][player], self._tree["classes"][player]
        returns = self._tree["returns"][:, player]
        bounds = np.array([low for low, _ in self._levels])
        for k in range(self._tree["depth"] + 1):
            histories = order[classes[k]:classes[k + 1]].astype(np.int64)
            for h in histories[self._player_of[histories] == player].tolist():
                for c in range(self._first[h], self._first[h] + self._count[h]):
                    gained[self._slot[c]] += reach[h] * value[c]
            layer = np.searchsorted(bounds, histories, side="right")
            for depth in np.unique(layer)[::-1]:
                some = histories[layer == depth]
                over = some[self._count[some] == 0]
                value[over] = returns[over]
                for h in some[self._player_of[some] == player].tolist():
                    first = self._begin[self._info[h]]
                    end = self._begin[self._info[h] + 1]
                    best = int(gained[first:end].argmax())
                    chosen[first:end] = 0.0
                    chosen[first + best] = 1.0
                    value[h] = value[self._first[h] + best]
                rest = some[(self._count[some] > 0) & (self._player_of[some] != player)]
                for h in rest.tolist():
                    children = slice(self._first[h], self._first[h] + self._count[h])
                    total = 0.0
                    for term in (edges[children] * value[children]).tolist():
                        total += term
                    value[h] = total
        return float(value[0])

    def _sample(self, player, uniforms, used, regrets, sums, policy):
        """One walk of external sampling; returns how many uniforms are used then."""
        following = (player + 1) % self.players

        def walk(h):
            nonlocal used
            if self._count[h] == 0:
                return self._tree["returns"][h, player]
            i, mover = self._info[h], self._player_of[h]
            slots = slice(self._begin[i], self._begin[i + 1]) if i >= 0 else None
            if i >= 0:
                positive = [x if x > 0.0 else 0.0 for x in regrets[slots].tolist()]
                total = 0.0
                for x in positive:
                    total += x
                policy[slots] = [x / total if total > 0.0 else 1.0 / len(positive) for x in positive]
            first, end = self._first[h], self._first[h] + self._count[h]
            if mover != player:
                u, total, c = uniforms[used], 0.0, first
                used += 1
                for c in range(first, end):
                    total += policy[self._slot[c]] if i >= 0 else self._tree["chance"][c]
                    if u < total:
                        break
                value = walk(c)
                if mover == following:
                    sums[slots] += policy[slots]
                return value
            values = [walk(c) for c in range(first, end)]
            total = 0.0
            for share, value in zip(policy[slots].tolist(), values, strict=True):
                total += share * value
            regrets[slots] += np.array(values) - total
            return total

        walk(0)
        return used

    # -- what is called -------------------------------------------------------------------------

    def values(self, policy, values):
        """What each player earns: see the compiled twin for shapes."""
        edges = self._edges(self._by_slot(policy, "policy", False))
        check(values, "values", "float64", (self.players,), True)
        for i in range(self.players):
            values[i] = self._expected(i, edges)[0]

    def best_reply(self, player, policy, chosen):
        """What a player can earn at most against what the others play."""
        return self._reply(self._player(player), self._by_slot(policy, "policy", False),
                           self._by_slot(chosen, "chosen", True))

    def minimise_regret(self, first, iterations, plus, linear_regrets, linear_average, alternating, regrets, sums,
                        policy):
        """Iterations of counterfactual regret minimisation, counted from 1."""
        for array, name in ((regrets, "regrets"), (sums, "sums"), (policy, "policy")):
            self._by_slot(array, name, True)
        if first < 1 or iterations < 0:
            raise ValueError(f"first, iterations: expected at least 1 and 0, got {first}, {iterations}")
        for t in range(first, first + iterations):
            gained = {}
            for i in range(self.players):
                gained[i] = self._regret(i, policy)
                self._remember(i, float(t) if linear_average else 1.0, policy, sums)
                if alternating:
                    self._add_regret(i, gained[i], float(t) if linear_regrets else 1.0, plus, regrets)
                    self._match(i, regrets, policy)
            if not alternating:
                for i in range(self.players):
                    self._add_regret(i, gained[i], float(t) if linear_regrets else 1.0, plus, regrets)
                for i in range(self.players):
                    self._match(i, regrets, policy)

    def sample_regret(self, iterations, uniforms, regrets, sums, policy):
        """Iterations of external-sampling Monte Carlo regret minimisation: one walk for each player."""
        for array, name in ((regrets, "regrets"), (sums, "sums"), (policy, "policy")):
            self._by_slot(array, name, True)
        check(uniforms, "uniforms", "float64", (-1,), False)
        if not iterations >= 0:
            raise ValueError(f"iterations: expected at least 0, got {iterations}")
        made = used = 0
        while made < iterations and len(uniforms) - used >= sum(self.draws):
            for i in range(self.players):
                used = self._sample(i, uniforms, used, regrets, sums, policy)
            made += 1
        return made, used

    def fictitious_play(self, first, iterations, sums, policy):
        """Iterations of fictitious play in extensive form, counted from 1."""
        self._by_slot(sums, "sums", True)
        self._by_slot(policy, "policy", True)
        if first < 1 or iterations < 0:
            raise ValueError(f"first, iterations: expected at least 1 and 0, got {first}, {iterations}")
        chosen = np.zeros(self.slots)
        for _ in range(iterations):
            for i in range(self.players):
                self._reply(i, policy, chosen)
            for i in range(self.players):
                self._remember(i, 1.0, chosen, sums)
            for i in range(self.players):
                self._match(i, sums, policy)
