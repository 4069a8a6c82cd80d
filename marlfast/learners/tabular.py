"""Tables of action values: what learners of all rules share that keep some."""
from functools import partial

import numpy as np

from marlfast.backends import at_hand, kernels
from marlfast.errors import real_per_run
from marlfast.exploration import DRAWN, ONE_DRAW
from marlfast.initial import NO_ROW, check_shape, first_values, initial_values, is_zero, of_unseen
from marlfast.learners.base import Learner, as_share, check_shared
from marlfast.learners.plays import Plays, asked, by_exploration, leaves_to_chance, no_average
from marlfast.memory import Shape, check_memory
from marlfast.registry import require
from marlfast.schedules import Constant, VisitCount, per_run_field, schedule, spread


class Tabular(Learner):
    """Base of learners with a table of action values: what those have in common whose rule for learning differs.

    They have the fields ``discount``, ``explore``, ``share`` and ``initial_q`` of :class:`IQL`, and rates. A learner
    that keeps more than ``q``, ``greedy`` and ``visits`` extends ``allocate``, ``grow`` and ``derive``; ``_kernel``
    makes the kernel that learns. A frozen one acts by Q-learning's kernel, which all of them share.

    Where it is ``sparse``, an observation may be in several rows: action values are then sums over them, each begins
    with its share of ``initial_q``, and ``greedy``, which is a matter of the sums, stays as it was at first.

    Attributes
    ----------
    rates : dict of str to str
        Fields that are schedules with values in [0, 1], by the name of their arrays.
    tables_of_values : int
        Arrays as large as ``q`` that it keeps, ``q`` included.
    counts_visits : bool
        Whether its learning rate may follow from how often a row was visited (:class:`marlfast.schedules.VisitCount`).
    draws_ties : bool
        Whether ``ties="random"`` means something to it.
    """

    kernels = "q_learning"
    by_row = ("q", "greedy", "visits")
    rates = {"rate": "learning_rate"}
    tables_of_values = 1
    draws_ties = True
    counts_visits = False

    def __post_init__(self):
        schedules = {}
        for name, own in self.rates.items():
            self._set(**{own: per_run_field(own, getattr(self, own))})
            schedules[name] = schedule(own, getattr(self, own), 0.0, 1.0, self.counts_visits and name == "rate")
        self._set(discount=real_per_run("discount", self.discount, 0.0, 1.0),
                  explore=require("exploration", self.explore, "explore"))
        self._set(schedules=schedules | {self.explore.parameter: self.explore.schedule})
        self._set(initial_q=initial_values(self.initial_q))
        self._set(share=as_share(self.share))

    @property
    def derived(self):
        """``greedy``, unless it tells who was greedy first among equals."""
        return () if self.explore.keeps else ("greedy",)

    def tables(self, context):
        """Say which table each agent uses.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        int32 [N]
            0 for agents that it does not control.
        """
        return context.tables(self.share)

    def check(self, context, rows=None):
        table = self.tables(context)
        check_shared(table, context)
        cell = (int(table.max()) + 1, context.max_actions)
        check_shape(self.initial_q, (rows, *cell), "tables, actions")
        if rows is not None:
            self._check_size(context, rows, cell)

    def _check_size(self, context, rows, cell):
        """Refuse tables that this machine has no memory for."""
        tables = self.lanes(context) or cell[0]
        check_memory(f"learner: tables for {context.runs} runs x {rows} rows x {cell[0]} tables x {cell[1]} actions",
                     8 * self.tables_of_values * context.runs * rows * tables * (cell[1] + 1),
                     "take fewer rows (a coarser encoder, Tiles with hash_rows), runs or tables")

    def allocate(self, context, rows):
        """``q`` float64 [R, rows, T, A], ``greedy`` and ``visits`` int32 [R, rows, T], and the schedules'."""
        arrays = packed_tables(self._table(context, rows), context.lanes)
        self._initialize(context, arrays, 0, at_hand())
        self._first_greedy(context, arrays, 0, at_hand())
        return arrays | self._fresh_schedules(context.runs) | {
            name: np.zeros(*one) for name, one in self._more(context, rows).items()}

    def _table(self, context, rows):
        """Shape of ``q``: [R, rows, T, A]."""
        return context.runs, rows, int(self.tables(context).max()) + 1, context.max_actions

    def _more(self, context, rows):
        """Shapes of the arrays that it has beside the tables, and that begin with zeros."""
        return {}

    def shapes(self, context, rows):
        table = self._table(context, rows)
        return {"q": Shape(table), "greedy": Shape(table[:3], "int32"), "visits": Shape(table[:3], "int32")} | \
            self._schedule_shapes(context.runs) | self._more(context, rows)

    def _initialize(self, context, arrays, first, backend):
        """Give rows from ``first`` on their initial values. Zeros stay untouched memory."""
        if not is_zero(self.initial_q):
            values = first_values(self.initial_q, context, *self._drawn_for(context), first,
                                  arrays["q"].shape[1] - first, backend)
            arrays["q"][:, first:] = values / context.active

    def _drawn_for(self, context):
        """The first agent that uses each table, and how many actions it has: two int [T]."""
        owners = self._owners(context)
        return owners.tolist(), context.action_counts[owners].tolist()

    def grow(self, context, arrays, rows, backend):
        """The same tables with room for ``rows``."""
        n_runs, old = arrays["q"].shape[:2]
        larger = arrays | packed_tables((n_runs, rows, *arrays["q"].shape[2:]), context.lanes)
        for name in ("q", "greedy", "visits"):
            larger[name][:, :old] = arrays[name]
        self._initialize(context, larger, old, backend)
        self._first_greedy(context, larger, old, backend)
        return larger

    def _first_greedy(self, context, arrays, first, backend):
        """Greedy actions of rows from ``first`` on, which have their initial values."""
        incumbent, zero = self.explore.keeps, is_zero(self.initial_q)
        if not incumbent and (zero or context.active > 1):
            return                          # the first of equals is action 0
        shares = None
        if incumbent:
            owners = self._owners(context)
            if zero or context.active > 1:
                # All are equal. Where there are several active rows, who is first looked at where sums are equal.
                context.choices(owners, context.action_counts[owners], first, arrays["greedy"][:, first:], backend)
                return
            shares = context.shares(owners.tolist(), first, arrays["q"].shape[1] - first, backend)
        self._find_greedy(context, arrays, first, backend, shares)

    def _owners(self, context):
        """The first agent that uses each table: int [T]."""
        ids = context.ids()
        return ids[np.unique(self.tables(context)[ids], return_index=True)[1]]

    def _find_greedy(self, context, arrays, first, backend, shares=None):
        """Greedy actions of rows from ``first`` on, from their values: of equals the first, or by shares in [0, 1)."""
        if context.active > 1:
            arrays["greedy"][:, first:] = 0
            return
        q = arrays["q"][:, first:]
        counts, ids = np.zeros(q.shape[2], np.int32), context.ids()
        counts[self.tables(context)[ids]] = context.action_counts[ids]
        flat = np.ascontiguousarray(q).reshape(-1, q.shape[3])
        greedy = np.zeros(len(flat), np.int32)
        kernels(backend, "q_learning").find_greedy(flat, np.tile(counts, len(flat) // len(counts)),
                                                   greedy,
                                                   None if shares is None else shares.reshape(-1))
        arrays["greedy"][:, first:] = greedy.reshape(q.shape[:3])

    def derive(self, context, arrays, backend):
        """Make the derived arrays from the others, side by side with them."""
        packed, masked = packed_tables(arrays["q"].shape, context.lanes), "legal" in context.game.participation
        for name in packed:
            if (masked or name not in self.derived) and arrays[name].any():
                packed[name][:] = arrays[name]
        arrays |= packed
        if masked:                              # which legal action is greedy does not follow from the values
            self._check_greedy(context, arrays, False)
        elif "greedy" in self.derived:
            if arrays["q"].any():
                self._find_greedy(context, arrays, 0, backend)
        elif context.active == 1:
            self._check_greedy(context, arrays)

    def _check_greedy(self, context, arrays, greatest=True):
        """Refuse greedy actions that are none, or (``greatest``) whose values are not the greatest."""
        q, greedy, counts = arrays["q"], arrays["greedy"], context.action_counts[self._owners(context)]
        fits = (greedy >= 0) & (greedy < counts)
        if not greatest:
            if not fits.all():
                raise ValueError("greedy: holds actions that an agent does not have")
            return
        if fits.all():
            if (counts < q.shape[3]).any():
                q = np.where(np.arange(q.shape[3]) < counts[:, None], q, -np.inf)
            fits = np.take_along_axis(q, greedy[..., None], axis=3)[..., 0] == q.max(axis=3)
        if not fits.all():
            raise ValueError("greedy: holds actions whose values are not the greatest of their row")

    def _side_by_side(self, context):
        """Agents of a row, padded, where the fused loop may have them side by side; see :meth:`lanes`."""
        counts, n, explore = set(context.action_counts.tolist()), context.agents, self.explore
        draws = explore.code == ONE_DRAW or explore.several and explore.ties != "random"
        fits = (n in _LANES and len(counts) == 1 and 2 <= min(counts) <= 8 and context.active == 1
                and context.game.views == 1 and context.agent_ids == tuple(range(n)) and draws and not context.moves
                and self.tables(context).tolist() == list(range(n))
                and not any(isinstance(getattr(self, rate), VisitCount) for rate in self.rates.values()))
        return _LANES[n] if fits else 0

    def draws(self):
        """Exploration draws per agent and step."""
        return self.explore.n_draws

    def discounts(self):
        return set(np.atleast_1d(self.discount).tolist())

    def plays(self, context, arrays, kind="policy"):
        if kind == "average":
            raise no_average(self.name)
        if type(self).actions is not Tabular.actions or hasattr(self, "probabilities"):
            return asked(self, context, arrays, kind)         # a rule of its own is asked for what it does
        sure = context.active == 1 and not leaves_to_chance(self.explore, kind)
        return [Plays((i,), (context.action_counts[i],), partial(self._chances, context, arrays, kind, i),
                      partial(self._sure, context, arrays, i) if sure else None) for i in context.agent_ids]

    def _sure(self, context, arrays, agent, rows):
        """Greedy actions int [R, n, 1] of all runs."""
        own, table = rows[:, agent], self.tables(context)[agent]
        found = arrays["greedy"][:, np.maximum(own, 0), table]
        if (own < 0).any():
            found = np.where(own >= 0, found, self._first_choices(context, arrays, agent)[:, None])
        return found[:, :, None]

    def _chances(self, context, arrays, kind, agent, run, rows, legal=None):
        """Probabilities float64 [n, A] of an agent's actions where the agents of the game are in these rows.

        ``legal`` bool [n, N, A]: what they may do; who may do nothing, as it does not act, is said to do action 0.
        """
        values, best = self._judged(context, arrays, agent, run, rows)
        now = arrays[f"{self.explore.parameter}.value"][run]
        if legal is None:
            return by_exploration(values, best, self.explore, now, kind)
        found, count = np.zeros(values.shape), values.shape[1]
        away = (np.arange(count) - (best[:, None] if self.explore.keeps or not self.rates else 0)) % count
        for n, may in enumerate(legal[:, agent, :count]):
            places = np.flatnonzero(may) if may.any() else np.zeros(1, int)
            own = values[n, places]
            first = np.where(own == own.max(), away[n, places], count).argmin()
            found[n, places] = by_exploration(own[None], np.array([first]), self.explore, now, kind)[0]
        return found

    def _judged(self, context, arrays, agent, run, rows):
        """(action values float64 [n, A], greedy actions int [n]) of an agent."""
        own = rows.reshape(len(rows), context.agents, context.active)[:, agent]
        table, count = self.tables(context)[agent], int(context.action_counts[agent])
        known = np.maximum(own, 0)
        unseen = self._unseen(context, arrays)[run, table, :count] if (own < 0).any() else 0.0
        parts = np.where((own >= 0)[:, :, None], arrays["q"][run][known, table, :count], unseen)
        values = parts[:, 0]
        for j in range(1, context.active):        # in the order in which the kernels add
            values = values + parts[:, j]
        best = arrays["greedy"][run][known[:, 0], table].astype(np.int64)
        if (own[:, 0] < 0).any():
            best = np.where(own[:, 0] >= 0, best, self._first_choices(context, arrays, agent)[run])
        if context.active > 1:                    # the first of the greatest sums, going round from there
            away = (np.arange(count) - (best[:, None] if self.explore.keeps else 0)) % count
            best = np.where(values == values.max(axis=1, keepdims=True), away, count).argmin(axis=1)
        return values, best

    def _unseen(self, context, arrays):
        """Action values of an observation that was never seen, where rows are numbered as they are: [R, T, A]."""
        n_runs, _, *cell = arrays["q"].shape
        values = context.once(("unseen", self), lambda: of_unseen(self.initial_q, context, *self._drawn_for(context),
                                                                  at_hand()))
        return np.broadcast_to(values, (n_runs, 1, *cell))[:, 0] / context.active

    def _first_choices(self, context, arrays, agent):
        """What an agent does who sees what was never seen: int [R]."""
        table, count = self.tables(context)[agent], int(context.action_counts[agent])
        initial = self._unseen(context, arrays)[:, table, :count]
        tied = initial == initial.max(axis=1, keepdims=True)
        if not self.explore.keeps:
            return tied.argmax(axis=1)
        share = context.shares([int(self._owners(context)[table])], NO_ROW, 1, at_hand())[:, 0, 0]
        many = tied.sum(axis=1)
        which = np.minimum(share * many, many - 1.0).astype(np.int64)
        return (tied.cumsum(axis=1) > which[:, None]).argmax(axis=1)

    def actions(self, context, arrays, rows):
        rows = np.asarray(rows)[None]
        return np.array([self._judged(context, arrays, i, 0, rows)[1][0] for i in context.agent_ids], np.int32)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        n_runs = len(arrays["q"])
        # The kernel's table and actions of agents that it does not control are never read; they must only be valid.
        counts = np.minimum(context.action_counts, context.max_actions).astype(np.int32)
        explore = self.explore
        bound = self._bound_schedules(arrays, backend)
        if exploration is not None:
            explore, bound[exploration.parameter] = exploration, exploration.bound(n_runs, backend)
        elif not learning:                          # it explores as it does now
            bound[explore.parameter] = held(arrays[f"{explore.parameter}.value"], backend)
        if not learning or "rate" not in bound:     # frozen, or a learner that replaces what it knew
            bound["rate"] = Constant(1.0).bind(Constant(1.0).allocate(n_runs), backend)
        common = {
            "q": arrays["q"], "greedy": arrays["greedy"], "visits": arrays["visits"], "table_of": self.tables(context),
            "n_actions": counts, "agent_ids": context.ids(), "discount": spread(self.discount, n_runs),
            "rate": bound["rate"],
            "exploration": bound[explore.parameter], "kind": explore.code, "strict": explore.strict,
            "ties": explore.ties_code if self.draws_ties else explore.ties_code & ~DRAWN,
            "draws": max(draws or 0, self.draws(), explore.n_draws), "learning": learning, "moves": context.moves}
        if self.sparse:
            common["active"] = context.active
        if not learning:
            return [self._frozen(backend, common, arrays, bound)]
        return [self._kernel(kernels(backend, self.kernels), common, arrays, bound)]

    def _kernel(self, module, common, arrays, bound):
        """Its own kernel, from the arguments that all have in common, its arrays and its schedules' kernels."""
        return module.QLearning(**common)

    def _frozen(self, backend, common, arrays, bound):
        """A kernel that plays what was learned: the greedy actions of ``q``, unless a learner has another policy."""
        return kernels(backend, "q_learning").QLearning(**common)


# Agents side by side, and as many registers of a row as hold them: at most a third more than there are agents.
_LANES = {2: 2, 3: 4, 4: 4, 6: 8, 7: 8, 8: 8}


def held(value, backend):
    """The kernel of a schedule that stays where it is: ``value`` float64 [R] is what it is now."""
    return Constant(0.0).bind(Constant(0.0).allocate(len(value)) | {"value": np.array(value)}, backend)


def packed_tables(shape, lanes=0):
    """Zeros for ``q`` [R, rows, T, A], ``greedy`` and ``visits`` int32 [R, rows, T], in one piece of memory.

    What belongs to a cell lies side by side: its action values, then, in one more place, its greedy action
    and its visits. A step touches as few cache lines as can be, and small tables stay in the cache.

    With ``lanes`` (T or a little more) the tables of a row lie side by side: what the first action is worth to each
    agent, then the second, and so on, and in the last place their greedy actions and visits.
    """
    n_runs, n_rows, tables, n_actions = shape
    count = n_runs * n_rows * (lanes or tables) * (n_actions + 1)
    try:
        memory = np.zeros(count + 8)
    except (MemoryError, ValueError):       # ValueError: more than can be addressed at all
        raise MemoryError(
            f"learner: tables for {n_runs} runs x {n_rows} rows x {tables} tables x {n_actions} actions need "
            f"{8e-9 * count:,.1f} GB, more than there is; take fewer rows (a coarser encoder), runs or tables"
        ) from None
    first = (-memory.ctypes.data % 64) // 8         # from the start of a cache line
    memory = memory[first:first + count]
    if lanes:
        memory = memory.reshape(n_runs, n_rows, n_actions + 1, lanes)[..., :tables]
        halves = memory[:, :, n_actions].view(np.int32)
        return {"q": memory[:, :, :n_actions].transpose(0, 1, 3, 2), "greedy": halves[..., ::2],
                "visits": halves[..., 1::2]}
    memory = memory.reshape(n_runs, n_rows, tables, n_actions + 1)
    halves = memory.view(np.int32)
    return {"q": memory[..., :n_actions], "greedy": halves[..., 2 * n_actions],
            "visits": halves[..., 2 * n_actions + 1]}
