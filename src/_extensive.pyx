"""Games in extensive form: values, best replies and regret. Twin: ``marlfast/reference/extensive.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.extensive as leaf
from marlfast.core._kernels cimport check, ids, longs, reals
from marlfast.declarations.extensive import checked, needed_draws


cdef class Extensive:
    """A game in extensive form, whose policies are numbers by slot: float64 [E].

    Parameters
    ----------
    players : int
        N.
    arrays : dict of str to array
        As :data:`marlfast.declarations.extensive.ARRAYS` says. They are copied.
    """
    cdef leaf.Data tree
    cdef readonly int64_t players, histories, sets, slots
    cdef readonly tuple draws           # the most uniforms of one walk for each player
    cdef object held
    cdef double[::1] reach, value, gained, own
    cdef int64_t[::1] stack

    def __init__(self, players, arrays):
        held = checked(players, arrays)
        self.held = held
        self.players, self.histories, self.sets = players, len(held["player"]), len(held["owner"])
        self.slots = len(held["set_of_slot"])
        self.draws = tuple(needed_draws(held, i) for i in range(players))
        self.tree = leaf.Data(
            players=players, histories=self.histories, sets=self.sets, player=ids(held["player"]),
            parent=ids(held["parent"]), first=ids(held["first"]), count=ids(held["count"]), info=ids(held["info"]),
            slot=ids(held["slot"]), chance=reals(held["chance"]), returns=reals(held["returns"]),
            owner=ids(held["owner"]), begin=ids(held["begin"]), last=ids(held["last"]),
            set_of_slot=ids(held["set_of_slot"]), order=ids(held["order"]), classes=longs(held["classes"]),
            depth=held["depth"])
        self.reach, self.value = np.zeros(self.histories), np.zeros(self.histories)
        self.gained, self.own = np.zeros(self.slots + 1), np.zeros(self.sets + 1)
        self.stack = np.zeros(self.histories + 1, np.int64)

    def _by_slot(self, array, name, writable):
        return check(array, name, "float64", (self.slots,), writable)

    def _player(self, player):
        if not 0 <= player < self.players:
            raise ValueError(f"player: expected 0 to {self.players - 1}, got {player}")
        return player

    def values(self, policy, values):
        """What each player earns.

        Parameters
        ----------
        policy : float64 [E]
        values : float64 [N]
            Written.
        """
        cdef const double *p = reals(self._by_slot(policy, "policy", False))
        cdef double[::1] v = check(values, "values", "float64", (self.players,), True)
        cdef int64_t i
        with nogil:
            for i in range(self.players):
                leaf.expected(&self.tree, i, p, &self.value[0])
                v[i] = self.value[0]

    def best_reply(self, player, policy, chosen):
        """What a player can earn at most against what the others play.

        Parameters
        ----------
        player : int
        policy : float64 [E]
        chosen : float64 [E]
            Written, the player's slots: 1 for the action to take in each set, the first of the best, else 0.

        Returns
        -------
        float
            The value.
        """
        cdef int64_t i = self._player(player)
        cdef const double *p = reals(self._by_slot(policy, "policy", False))
        cdef double *c = reals(self._by_slot(chosen, "chosen", True))
        cdef double best
        with nogil:
            best = leaf.reply(&self.tree, i, p, &self.reach[0], &self.value[0], &self.gained[0], c)
        return best

    def minimise_regret(self, first, iterations, plus, linear_regrets, linear_average, alternating, regrets, sums,
                        policy):
        """Iterations ``first`` to ``first + iterations - 1`` of counterfactual regret minimisation, counted from 1.

        Parameters
        ----------
        first, iterations : int
        plus : bool
            Regrets are never less than 0.
        linear_regrets, linear_average : bool
            Iteration t counts t times, in regrets and in the average.
        alternating : bool
            Each player answers to what those before it have just become; else all change at once.
        regrets, sums, policy : float64 [E]
            Cumulative regrets, cumulative policies and the current policy: read and written.
        """
        cdef double *r = reals(self._by_slot(regrets, "regrets", True))
        cdef double *s = reals(self._by_slot(sums, "sums", True))
        cdef double *p = reals(self._by_slot(policy, "policy", True))
        cdef int64_t t, i, begin = first, end = first + iterations
        cdef bint floor = plus, heavy = linear_regrets, late = linear_average, turns = alternating
        cdef double weight
        if first < 1 or iterations < 0:
            raise ValueError(f"first, iterations: expected at least 1 and 0, got {first}, {iterations}")
        with nogil:
            for t in range(begin, end):
                for i in range(self.players):
                    leaf.regret(&self.tree, i, p, &self.reach[0], &self.value[0], &self.gained[0])
                    weight = <double> t if late else 1.0
                    leaf.remember(&self.tree, i, weight, p, &self.own[0], s)
                    if turns:
                        leaf.add_regret(&self.tree, i, &self.gained[0], <double> t if heavy else 1.0, floor, r)
                        leaf.match(&self.tree, i, r, p)
                if not turns:
                    for i in range(self.players):
                        leaf.add_regret(&self.tree, i, &self.gained[0], <double> t if heavy else 1.0, floor, r)
                    for i in range(self.players):
                        leaf.match(&self.tree, i, r, p)

    def sample_regret(self, iterations, uniforms, regrets, sums, policy):
        """Iterations of external-sampling Monte Carlo regret minimisation: one walk for each player.

        Parameters
        ----------
        iterations : int
        uniforms : float64 [U]
            In [0, 1); at least the sum of ``draws`` for each iteration that is to be made.
        regrets, sums, policy : float64 [E]
            Read and written; ``policy`` is that of the last walk through each set.

        Returns
        -------
        (int, int)
            Iterations made before the uniforms might not have been enough, and how many of these were used.
        """
        cdef double *r = reals(self._by_slot(regrets, "regrets", True))
        cdef double *s = reals(self._by_slot(sums, "sums", True))
        cdef double *p = reals(self._by_slot(policy, "policy", True))
        cdef const double[::1] u = check(uniforms, "uniforms", "float64", (-1,), False)
        cdef int64_t n = iterations, needed = sum(self.draws), used = 0, there = u.shape[0], made = 0, i
        if not n >= 0:
            raise ValueError(f"iterations: expected at least 0, got {iterations}")
        with nogil:
            while made < n and there - used >= needed:
                for i in range(self.players):
                    leaf.sample(&self.tree, i, &u[0] if there else NULL, &used, &self.stack[0], &self.value[0], r, s, p)
                made += 1
        return made, used

    def fictitious_play(self, first, iterations, sums, policy):
        """Iterations of fictitious play in extensive form, counted from 1.

        All reply best to the average of what was played, and their replies join it, as likely as they themselves make
        each set.

        Parameters
        ----------
        first, iterations : int
        sums, policy : float64 [E]
            What was played, added up, and its average: read and written.
        """
        cdef double[::1] s = self._by_slot(sums, "sums", True)
        cdef double[::1] p = self._by_slot(policy, "policy", True)
        cdef double[::1] chosen = np.zeros(self.slots + 1)
        cdef int64_t t, i, begin = first, end = first + iterations
        if first < 1 or iterations < 0:
            raise ValueError(f"first, iterations: expected at least 1 and 0, got {first}, {iterations}")
        if self.slots == 0:
            return
        with nogil:
            for t in range(begin, end):
                for i in range(self.players):
                    leaf.reply(&self.tree, i, &p[0], &self.reach[0], &self.value[0], &self.gained[0], &chosen[0])
                for i in range(self.players):
                    leaf.remember(&self.tree, i, 1.0, &chosen[0], &self.own[0], &s[0])
                for i in range(self.players):
                    leaf.match(&self.tree, i, &s[0], &p[0])
