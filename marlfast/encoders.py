"""Encoders: from what an agent observes to a row of its table."""
import math
from dataclasses import dataclass, replace

import numpy as np

from marlfast.backends import kernels
from marlfast.declarations.encoders import MAX_FEATURES
from marlfast.errors import flag, integer, real, sequence, several, shown
from marlfast.limits import MAX_ROWS
from marlfast.memory import Shape
from marlfast.registry import Definition, option, require, spread

__all__ = ["AgentIndex", "Encoder", "Grid", "History", "Rounding", "Tiles"]


class Encoder(Definition):
    """Base of encoders, which give what is observed a number: its row in the tables.

    ``allocate`` makes the arrays that change, ``bind`` the kernel over them, ``grow`` larger
    arrays with the same content. ``MAX_ROWS``, rows that can be numbered: 2**31 - 2.

    See Also
    --------
    Rounding : Numbers what it sees.
    Grid : Divides the range of each number.
    Tiles : Several grids at once.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.Grid(0.0, 1.0, 10).rows(mf.games.Drift()), mf.Tiles(4, 0.0, 1.0, 5).active(mf.games.Drift())
    (100, 4)
    """

    kind = "encoder"
    grows = False
    one_row = False     # whether agents who see the same are always in the same row

    def observed(self, game):
        """Make the game that is trained on of the one that was given.

        Parameters
        ----------
        game : Game
            What was given.

        Returns
        -------
        Game
            The same, but where agents remember what they observe (:class:`History`).
        """
        return getattr(game, "without_history", game)

    def check(self, game):
        """Refuse a game that this encoder does not fit.

        Parameters
        ----------
        game : Game
            What is observed.
        """
        if game.observations is not None:
            raise ValueError(f"encoder: game {game.name!r} has numbered observations, which need no encoder; "
                             f"leave encoder out instead of {self.name!r}")

    def allocate(self, game, runs, rows=None):
        """Make fresh arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        runs : int
            R.
        rows : int, optional
            For how many there is room at first, in an encoder that grows.

        Returns
        -------
        dict of str to ndarray
            By name; the first axis is the run. Without any, the encoder remembers nothing.
        """
        return {name: np.zeros(*one) for name, one in self.shapes(game, runs, rows).items()}

    def shapes(self, game, runs, rows=None):
        """Say what ``allocate`` makes, without making it.

        Parameters
        ----------
        game : Game
            What is observed.
        runs : int
            R.
        rows : int, optional
            For how many there is room at first, in an encoder that grows.

        Returns
        -------
        dict of str to marlfast.memory.Shape
            By name.
        """
        return {}

    def active(self, game):
        """Say how many rows an observation is in: k.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        int
            1 unless tilings overlap.
        """
        return 1

    def room(self, game, arrays):
        """Say how many rows arrays have room for: those of an encoder that grows, else all there are.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.

        Returns
        -------
        int
            Rows.
        """
        return arrays["keys"].shape[1] if self.grows else self.rows(game)

    def used(self, game, arrays):
        """Say how many rows each run uses, of an encoder that grows.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.

        Returns
        -------
        int64 [R]
            Rows.
        """
        return arrays["used"]

    def unlimited(self):
        """Make the same for evaluation, which may see more than training was allowed to.

        Returns
        -------
        Encoder
            Itself, where it has no limit.
        """
        return self

    @property
    def plain(self):
        """The encoder that says which observations are told apart."""
        return self

    def cells(self, game, arrays):
        """Find the row of each agent in each cell of observations that are told apart.

        An encoder that grows has one more cell, in which nobody has a row (-1): what was never seen, in the first run.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.

        Returns
        -------
        int64 [cells, N] or None
            None: observations are in several rows.
        """
        if self.active(game) > 1:
            return None
        return np.repeat(np.arange(self.rows(game))[:, None], game.agents, axis=1)

    def find(self, game, arrays, observation):
        """Find the active rows of each agent in the first run. Nothing is added.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        observation : float64 [V, D]
            What the agents see.

        Returns
        -------
        int64 [N * k]
            Rows; -1: it was never seen.
        """
        rows = np.zeros((1, game.agents * self.active(game)), np.int32)
        self.bind(game, 1, {}, "numpy").encode(observation[None], rows)
        return rows[0].astype(np.int64)


class Whole:
    """The whole state of a game, as what one agent would observe: what a central encoder is given.

    Parameters
    ----------
    game : Game
    """

    agents, views, observations = 1, 1, None
    words = "the game's state"

    def __init__(self, game):
        self.game, self.name = game, f"{game.name} (its whole state)"
        self.features = self.size = game.kernel("numpy").state_size

    def obs(self, state):
        """What the encoder is shown of a state: float64 [1, D]."""
        return state.reshape(1, self.features)

    def bound(self, kernel, backend, game=None):
        """The kernel that takes states, from that of the encoder and that of the game."""
        return kernel


class JointObservation(Whole):
    """What all agents of a game see, side by side, where it is a number for each: what a central encoder is shown."""

    words = "what all agents see, side by side"

    def __init__(self, game):
        super().__init__(game)
        self.name, self.features = f"{game.name} (what all of its agents see)", game.views * game.features

    def obs(self, state):
        observation = np.zeros((1, self.game.views, self.game.features))
        self.game.kernel("numpy").observe(state.reshape(1, -1), observation)
        return observation.reshape(1, -1)

    def bound(self, kernel, backend, game=None):
        return kernels(backend, "encoders").Observed(game or self.game.kernel(backend), kernel)


def central_encoder(game):
    """The encoder of the whole state where each agent sees something else and none was given, and what it is shown.

    Parameters
    ----------
    game : Game

    Returns
    -------
    (Encoder, Whole) or None
        States of whole numbers are numbered as they are first seen; else what all agents see, if that is a number for
        each of them. None: neither can be done.
    """
    shown = Whole(game) if game.integer_state else JointObservation(game) if game.observations is not None else None
    return None if shown is None or shown.features > MAX_FEATURES else (Rounding(0), shown)


@dataclass(frozen=True, repr=False, eq=False)
class Numbered(Encoder):
    """For games whose observations are row numbers already (made by ``train`` where no encoder is given)."""

    name = "numbered"
    one_row = True

    def check(self, game):
        if game.observations is None:
            raise ValueError(f"encoder: game {game.name!r} has {game.features} real observations, which need one; "
                             "give encoder=marlfast.Rounding(decimals=1) or marlfast.Grid(low, high, bins)")

    def rows(self, game):
        return game.observations

    def bind(self, game, runs, arrays, backend):
        return kernels(backend, "encoders").Discrete(runs, game.agents, game.views, game.observations)

    def centres(self, game, arrays, run):
        """Observation of each row: float64 [rows, 1]."""
        return np.arange(game.observations, dtype=np.float64)[:, None]


class _Cells(Encoder):
    """Base of those that divide the range from ``low`` to ``high`` of each feature into ``bins``."""

    def __post_init__(self):
        """Check the three, which are kept as numbers or tuples of them."""
        values = {}
        for name, check in (("low", real), ("high", real), ("bins", lambda n, v: integer(n, v, 1))):
            value = getattr(self, name)
            if several(name, value):
                value = tuple(check(f"{name}[{d}]", v) for d, v in enumerate(list(value)))
                if not value:
                    raise ValueError(f"{name}: expected a value per feature, got none")
            else:
                value = check(name, value)
            values[name] = value
        lengths = {len(v) for v in values.values() if isinstance(v, tuple)}
        if len(lengths) > 1:
            raise ValueError(f"low, high, bins: expected the same number of features, got "
                             f"{[len(v) if isinstance(v, tuple) else 1 for v in values.values()]}")
        self._set(**values)
        low, high, bins = self._arrays(lengths.pop() if lengths else 1)
        if (low >= high).any():
            d = int((low >= high).argmax())
            raise ValueError(f"high: expected more than low in feature {d}, got {high[d]} with low {low[d]}")
        with np.errstate(over="ignore"):
            sane = np.isfinite(high - low) & np.isfinite(bins / (high - low))
        if not sane.all():
            raise ValueError("low, high: too far apart, or too near, to be divided into bins")

    def _arrays(self, features):
        return spread(self.low, features), spread(self.high, features), spread(self.bins, features, np.int64)

    def check(self, game):
        super().check(game)
        for name in ("low", "high", "bins"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != game.features:
                raise ValueError(f"encoder: {self.name} has {len(value)} values of {name}, "
                                 f"but game {game.name!r} has {game.features} features")


@dataclass(frozen=True, repr=False, eq=False)
class Grid(_Cells):
    """A dense grid of cells over the observation.

    The outer cells are open: what lies below ``low`` belongs to the first bin, what lies at or above
    ``high`` to the last.

    Parameters
    ----------
    low, high : float or sequence of float [D]
        Where the grid begins and ends, per feature.
    bins : int or sequence of int [D]
        Cells per feature. The table has their product as rows.

    See Also
    --------
    Tiles : Learns in one place what is true nearby.
    Rounding : Needs no bounds.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Drift(agents=2)
    >>> run = mf.train(game, mf.IQL(), encoder=mf.Grid(-3.0, 3.0, 12), episodes=20, seed=0)
    >>> run.q.shape
    (1, 144, 2, 5)
    """

    name = "grid"
    one_row = True
    low: tuple
    high: tuple
    bins: tuple

    def check(self, game):
        super().check(game)
        rows = self.rows(game)
        if rows > MAX_ROWS:
            raise ValueError(f"encoder: grid of {rows} cells is more than the {MAX_ROWS} that can be numbered; "
                             "use fewer bins")

    def rows(self, game):
        """Say how many rows there are.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        int or None
            None: they grow.
        """
        return math.prod(self.bins) if isinstance(self.bins, tuple) else self.bins**game.features

    def bind(self, game, runs, arrays, backend):
        """Make the kernel over the arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        runs : int
            R.
        arrays : dict of str to ndarray
            Its own.
        backend : {"cython", "numpy"}
            Which kernel.

        Returns
        -------
        object
            The kernel, which gives observations their rows.
        """
        low, high, bins = self._arrays(game.features)
        return kernels(backend, "encoders").Grid(runs, game.agents, game.views, low, bins / (high - low), bins)

    def centres(self, game, arrays, run):
        """Give the centre of each cell.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        run : int
            Which run.

        Returns
        -------
        float64 [rows, D]
            In the order of rows.
        """
        low, high, bins = self._arrays(game.features)
        at = np.stack(np.unravel_index(np.arange(self.rows(game)), bins), axis=1)
        return low + (at + 0.5) * ((high - low) / bins)


@dataclass(frozen=True, repr=False, eq=False)
class Tiles(_Cells):
    """Tile coding: several grids of tiles, each displaced a little, so that an observation is in a tile of each.

    An observation has as many active rows as there are tilings, and its value is their sum: what is learned in one
    place also moves places nearby, the more the nearer they are. The tiles of a feature are
    ``(high - low) / (bins - 1 + 1 / tilings)`` wide, so that every tiling covers all from ``low`` to ``high`` with
    ``bins`` tiles; together they tell ``tilings * (bins - 1) + 1`` places apart. The outer tiles are open, as those of
    :class:`Grid`; with one tiling this is the same grid.

    Parameters
    ----------
    tilings : int
        How many grids; best a power of two, at least four times the features that a tile looks at.
    low, high : float or sequence of float [D]
        Where the tilings begin and end, per feature.
    bins : int or sequence of int [D]
        Tiles of a tiling per feature.
    groups : sequence of sequence of int, optional
        Each group of features gets tilings of its own, which look at no others. Default: one group of all features.
        An observation then has ``tilings`` active rows for each group. A group of one feature costs few rows.
    hash_rows : int, optional
        Rows for all tilings together. Each tiling has its share of them; where its tiles are more, a hash function says
        which row a tile has, and tiles that collide learn as one. The active rows of an observation always differ.
        Default: a row for each tile, ``tilings`` times the product of ``bins``.

    See Also
    --------
    Grid : A single tiling.

    Notes
    -----
    Tiling t = 0, 1, ... is displaced by ``t * d / tilings`` tiles, modulo a tile, where d is 1, 3, 5, ... for the
    first, second, third, ... feature of the group (odd numbers that share a factor with ``tilings`` are left out: they
    would displace some tilings alike).

    References
    ----------
    R. S. Sutton, A. G. Barto, "Reinforcement learning", 2nd edition (2018), section 9.5.4; the displacement by
    odd numbers: W. T. Miller, F. H. Glanz, "The University of New Hampshire implementation of the cerebellar model
    arithmetic computer" (1996), which the book recommends.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Drift(agents=2)
    >>> run = mf.train(game, mf.IQL(0.02), encoder=mf.Tiles(8, -3.0, 3.0, 5), episodes=20, seed=0)
    >>> run.q.shape
    (1, 200, 2, 5)
    """

    name = "tiles"
    tilings: int
    low: tuple
    high: tuple
    bins: tuple
    groups: tuple | None = None
    hash_rows: int | None = None

    def __post_init__(self):
        self._set(tilings=integer("tilings", self.tilings, 1, 4096))
        super().__post_init__()
        if self.groups is not None:
            groups = []
            for g, group in enumerate(sequence("groups", self.groups, "lists of features")):
                group = sequence(f"groups[{g}]", group, "numbers of features")
                groups.append(tuple(integer(f"groups[{g}]", feature, 0) for feature in group))
                if not group or len(set(group)) < len(group):
                    raise ValueError(f"groups[{g}]: expected at least one feature, each once, got {shown(group)}")
            if not groups:
                raise ValueError("groups: expected at least one group of features, got none; leave groups out for one "
                                 "of all features")
            self._set(groups=tuple(groups))
        if self.hash_rows is not None:
            self._set(hash_rows=integer("hash_rows", self.hash_rows, 1, MAX_ROWS))
            least = self.tilings * len(self.groups or [0])
            if self.hash_rows < least:
                raise ValueError(f"hash_rows: expected at least {least}, a row for each tiling, got {self.hash_rows}")

    def _groups(self, game):
        return self.groups or (tuple(range(game.features)),)

    def active(self, game):
        return self.tilings * len(self._groups(game))

    def check(self, game):
        super().check(game)
        for g, group in enumerate(self._groups(game)):
            if max(group) >= game.features:
                raise ValueError(f"groups[{g}]: expected features 0 to {game.features - 1} of game {game.name!r}, "
                                 f"got {max(group)}")
            if self._tiles(game)[g] >= 2**62:
                raise ValueError(f"encoder: a tiling of {self._tiles(game)[g]:.3g} tiles is more than can be hashed; "
                                 "use fewer bins, or groups of fewer features")
        rows = self.rows(game)
        if rows > MAX_ROWS:
            raise ValueError(f"encoder: {self.active(game)} tilings have {rows} tiles, more than the {MAX_ROWS} rows "
                             "that can be numbered; use fewer bins or tilings, groups of fewer features, or hash_rows")

    def _tiles(self, game):
        """Tiles of a tiling, for each group."""
        bins = self._arrays(game.features)[2].tolist()
        return [math.prod(bins[feature] for feature in group) for group in self._groups(game)]

    def _starts(self, game):
        """First row of each tiling, and one past the last: a list of k + 1."""
        most = MAX_ROWS if self.hash_rows is None else self.hash_rows // self.active(game)
        starts = [0]
        for tiles in self._tiles(game):
            for _ in range(self.tilings):
                starts.append(starts[-1] + (tiles if self.hash_rows is None else min(tiles, most)))
        return starts

    def rows(self, game):
        """Say how many rows there are.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        int or None
            None: they grow.
        """
        return self._starts(game)[-1]

    def _shapes(self, game):
        """low, scale, bins [D]; features that the tilings look at, one tiling after the other, and where each ends."""
        low, high, bins = self._arrays(game.features)
        scale = (bins - 1 + 1 / self.tilings) / (high - low)
        members, offsets, ends = [], [], [0]
        for group in self._groups(game):
            odd = [n for n in range(1, 4 * self.tilings * len(group) + 2, 2) if math.gcd(n, self.tilings) == 1]
            for t in range(self.tilings):
                members += group
                offsets += [t * odd[d % len(odd)] % self.tilings / self.tilings for d in range(len(group))]
                ends.append(len(members))
        return low, scale, bins, np.array(members, np.int64), np.array(offsets), np.array(ends, np.int64)

    def bind(self, game, runs, arrays, backend):
        """Make the kernel over the arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        runs : int
            R.
        arrays : dict of str to ndarray
            Its own.
        backend : {"cython", "numpy"}
            Which kernel.

        Returns
        -------
        object
            The kernel, which gives observations their rows.
        """
        low, scale, bins, members, offsets, ends = self._shapes(game)
        return kernels(backend, "encoders").Tiles(
            n_runs=runs, n_agents=game.agents, views=game.views, low=low, scale=scale, bins=bins, members=members,
            offsets=offsets, ends=ends, starts=np.array(self._starts(game), np.int64))

    def centres(self, game, arrays, run):
        """Give the centre of each tile.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        run : int
            Which run.

        Returns
        -------
        float64 [rows, D]
            NaN for features that it does not look at, and for hashed tilings.
        """
        low, scale, bins, members, offsets, ends = self._shapes(game)
        starts = self._starts(game)
        centres = np.full((starts[-1], game.features), np.nan)
        for t, (first, last) in enumerate(zip(ends, ends[1:], strict=False)):
            at, sizes, rows = members[first:last], bins[members[first:last]], np.arange(starts[t + 1] - starts[t])
            if math.prod(sizes.tolist()) == len(rows):
                tile = np.stack(np.unravel_index(rows, sizes), axis=1)
                centres[starts[t]:starts[t + 1], at] = low[at] + (tile + 0.5 - offsets[first:last]) / scale[at]
        return centres


@dataclass(frozen=True, repr=False, eq=False)
class Rounding(Encoder):
    """Observations rounded to some decimals, numbered as they are first seen.

    Rounds half to even, as ``numpy.round`` does; -0.0 and 0.0 are the same.

    Parameters
    ----------
    decimals : int
        0 to 15; negative ones round to tens, hundreds, ... (from -15).
    max_rows : int, optional
        Refuse more rows than this in a run. Default: as many as can be numbered.

    See Also
    --------
    Grid : A table of a fixed size.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Drift(agents=2), mf.IQL(), encoder=mf.Rounding(0), episodes=20, seed=0)
    >>> run.rows[0][:2].tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """

    name = "rounding"
    one_row = True
    grows = True
    decimals: int = 1
    max_rows: int | None = None

    def __post_init__(self):
        self._set(decimals=integer("decimals", self.decimals, -15, 15))
        if self.max_rows is not None:
            self._set(max_rows=integer("max_rows", self.max_rows, 1, MAX_ROWS - 2))

    def check(self, game):
        super().check(game)
        if game.features > MAX_FEATURES:
            raise ValueError(f"encoder: rounding takes at most {MAX_FEATURES} features, game {game.name!r} has "
                             f"{game.features}")

    def limit(self, game):
        """Say how many rows arrays are ever given: two steps' worth more than may stay in use.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        int
            Rows.
        """
        return (self.max_rows or MAX_ROWS - 2 * game.views) + 2 * game.views

    def shapes(self, game, runs, rows=None):
        """``keys`` int64 [R, rows, D], ``table`` int32 [R, slots], ``used`` int64 [R]."""
        rows = min(rows or max(256, 4 * game.views), self.limit(game))
        slots = 1 << int(2 * rows - 1).bit_length()
        return {"keys": Shape((runs, rows, game.features), "int64"), "table": Shape((runs, slots), "int32"),
                "used": Shape((runs,), "int64")}

    def bind(self, game, runs, arrays, backend):
        """Make the kernel over the arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        runs : int
            R.
        arrays : dict of str to ndarray
            Its own.
        backend : {"cython", "numpy"}
            Which kernel.

        Returns
        -------
        object
            The kernel, which gives observations their rows.
        """
        return kernels(backend, "encoders").Rounding(game.agents, game.views, 10.0 ** self.decimals, arrays["keys"],
                                                     arrays["table"], arrays["used"])

    def grow(self, game, arrays, rows, backend):
        """Make the same rows in larger arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        rows : int
            For how many there is room from now on.
        backend : {"cython", "numpy"}
            Which kernel finds the places in the new table.

        Returns
        -------
        dict of str to ndarray
            With the same content.
        """
        n_runs, old = arrays["keys"].shape[:2]
        larger = self.allocate(game, n_runs, rows)
        larger["keys"][:, :old] = arrays["keys"]
        larger["used"][:] = arrays["used"]
        self.bind(game, n_runs, larger, backend).rebuild()
        return larger

    def centres(self, game, arrays, run):
        """Give the rounded observation of each row in use.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        run : int
            Which run.

        Returns
        -------
        float64 [rows, D]
            In the order in which they were first seen.
        """
        return arrays["keys"][run, :arrays["used"][run]] / 10.0 ** self.decimals

    def unlimited(self):
        return Rounding(self.decimals)

    def cells(self, game, arrays):
        rows = np.append(np.arange(int(arrays["used"][0])), -1)
        return np.repeat(rows[:, None], game.agents, axis=1)

    def find(self, game, arrays, observation):
        used, keys = int(arrays["used"][0]), arrays["keys"][0]
        wanted = np.rint(observation * 10.0 ** self.decimals)
        if not (np.abs(wanted) <= 2.0**51).all():
            raise ValueError("observation: expected finite numbers that can be rounded")
        rows = np.zeros(game.agents, np.int64)
        for v in range(game.views):
            same = (keys[:used] == wanted[v].astype(np.int64)).all(axis=1)
            rows[v if game.views == game.agents else slice(None)] = int(same.argmax()) if same.any() else -1
        return rows


class _Around(Encoder):
    """Base of encoders around another one, ``inner``, whose arrays they have."""

    def fitted(self, game):
        """Give the encoder within, as it takes what is observed in a game.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        Encoder
            The one whose rows these are.
        """
        return self.inner

    @property
    def grows(self):
        return self.inner.grows

    @property
    def max_rows(self):
        """Of the encoder within."""
        return getattr(self.inner, "max_rows", None)

    def observed(self, game):
        return self.inner.observed(game)

    def active(self, game):
        game = self.observed(game)
        return self.fitted(game).active(game)

    def limit(self, game):
        """Say how many rows arrays of the encoder within are ever given.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        int
            Rows.
        """
        return self.fitted(game).limit(game)

    def rows(self, game):
        """Say how many rows there are.

        Parameters
        ----------
        game : Game
            What is observed.

        Returns
        -------
        int or None
            None: they grow.
        """
        game = self.observed(game)      # also where it is asked of the game that was given
        return self.fitted(game).rows(game)

    def room(self, game, arrays):
        return self.fitted(game).room(game, arrays)

    def used(self, game, arrays):
        return self.fitted(game).used(game, arrays)

    def shapes(self, game, runs, rows=None):
        return self.fitted(game).shapes(game, runs, rows)

    def bind(self, game, runs, arrays, backend):
        """Make the kernel over the arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        runs : int
            R.
        arrays : dict of str to ndarray
            Its own.
        backend : {"cython", "numpy"}
            Which kernel.

        Returns
        -------
        object
            The kernel, which gives observations their rows.
        """
        return self.fitted(game).bind(game, runs, arrays, backend)

    def grow(self, game, arrays, rows, backend):
        """Make the same rows in larger arrays.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        rows : int
            For how many there is room from now on.
        backend : {"cython", "numpy"}
            Which kernel finds the places in the new table.

        Returns
        -------
        dict of str to ndarray
            With the same content.
        """
        return self.fitted(game).grow(game, arrays, rows, backend)

    def find(self, game, arrays, observation):
        return self.fitted(game).find(game, arrays, observation)

    def cells(self, game, arrays):
        return self.fitted(game).cells(game, arrays)

    def centres(self, game, arrays, run):
        """Give what the encoder within says of each row.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        run : int
            Which run.

        Returns
        -------
        float64 [rows, D]
            In the order of rows.
        """
        return self.fitted(game).centres(game, arrays, run)


@dataclass(frozen=True, repr=False, eq=False)
class AgentIndex(_Around):
    """Rows of another encoder, told apart by agent: for agents who share a table, and need not act alike.

    An agent's number is part of what it sees. With ``share="all"`` each agent then has rows of its own in one table.
    With ``common=True`` each row comes twice: once for all agents, once for the agent alone, and the value is the sum
    of both. What all learn together generalises; what differs is learned apart.

    Parameters
    ----------
    encoder : Encoder, optional
        Default: for games with numbered observations, none.
    common : bool
        Whether rows that all agents have in common are active as well, so that there are twice as many active rows.

    See Also
    --------
    Rounding : An encoder to put within.
    marlfast.IQL : Its ``share`` says whose table is whose.

    Notes
    -----
    Row ``row`` of agent i becomes ``row * agents + i``; with ``common``, ``row * (agents + 1)`` for all and
    ``row * (agents + 1) + 1 + i`` for agent i.

    References
    ----------
    Source (the agent's number as an input of shared parameters): J. N. Foerster, Y. M. Assael, N. de Freitas,
    S. Whiteson, "Learning to communicate with deep multi-agent reinforcement learning", NIPS 2016, section 4.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner, encoder = mf.IQL(share="all"), mf.AgentIndex(mf.Rounding(0))
    >>> run = mf.train(mf.games.Drift(agents=2), learner, encoder=encoder, episodes=20, seed=0)
    >>> run.rows[0].shape[1]
    3
    """

    name = "agent_index"
    encoder: Encoder | None = option(None, kind="encoder")
    common: bool = False

    def __post_init__(self):
        if self.encoder is not None:
            self._set(encoder=require("encoder", self.encoder, "encoder"))
            if isinstance(self.encoder, AgentIndex):
                raise ValueError("encoder: is an AgentIndex already, which knows the agent")
        if not isinstance(self.common, (bool, np.bool_)):
            raise TypeError(f"common: expected True or False, got {shown(self.common)}")
        self._set(common=flag("common", self.common))

    @property
    def inner(self):
        """The encoder whose rows are told apart."""
        return Numbered() if self.encoder is None else self.encoder

    @property
    def plain(self):
        return self.inner

    def cells(self, game, arrays):
        cells = None if self.common else self.inner.cells(game, arrays)
        return None if cells is None else np.where(cells < 0, -1, cells * game.agents + np.arange(game.agents))

    @property
    def decimals(self):
        """Of the encoder within."""
        return self.inner.decimals

    def _each(self, game):
        """Rows that a row becomes."""
        return game.agents + self.common

    def active(self, game):
        return self.inner.active(game) * (1 + self.common)

    def check(self, game):
        self.inner.check(game)
        if not self.grows and self.rows(game) > MAX_ROWS:
            raise ValueError(f"encoder: {self.inner.rows(game)} rows for each of {game.agents} agents are more than "
                             f"the {MAX_ROWS} that can be numbered; use a coarser encoder")

    def limit(self, game):
        return min(self.inner.limit(game), MAX_ROWS // self._each(game))

    def rows(self, game):
        return self.inner.rows(game) * self._each(game)

    def room(self, game, arrays):
        return self.inner.room(game, arrays) * self._each(game)

    def used(self, game, arrays):
        return self.inner.used(game, arrays) * self._each(game)

    def unlimited(self):
        return AgentIndex(self.encoder and self.encoder.unlimited(), self.common)

    def bind(self, game, runs, arrays, backend):
        within = self.inner.bind(game, runs, arrays, backend)
        return kernels(backend, "encoders").AgentIndex(within, self.common)

    def find(self, game, arrays, observation):
        rows = self.inner.find(game, arrays, observation).reshape(game.agents, -1)
        own = rows * self._each(game) + self.common + np.arange(game.agents)[:, None]
        both = np.concatenate([rows * self._each(game), own], axis=1) if self.common else own
        return np.where(np.tile(rows, 1 + self.common) < 0, -1, both).reshape(-1)

    def centres(self, game, arrays, run):
        """Give what the encoder within says of each row, and the agent.

        Parameters
        ----------
        game : Game
            What is observed.
        arrays : dict of str to ndarray
            Its own.
        run : int
            Which run.

        Returns
        -------
        float64 [rows, D + 1]
            The last number is the agent; -1: all.
        """
        centres, each = self.inner.centres(game, arrays, run), self._each(game)
        agent = np.tile(np.arange(each) - self.common, len(centres))
        return np.concatenate([np.repeat(centres, each, axis=0), agent[:, None]], axis=1)


@dataclass(frozen=True, repr=False, eq=False)
class History(_Around):
    """Memory: the last k observations side by side, which another encoder gives a row.

    For games in which one observation hides what matters. An episode begins as if the first observation had been made k
    times. Where own actions are remembered, each observation is told apart also by what the agent did before it, which
    at first is nothing. Games are stepped with what is remembered as a part of their state, so that all learners, files
    and analyses take it; agents who see the same, but remember what they did, see something of their own.

    Parameters
    ----------
    k : int
        How many observations, the present one included: 1 to 1,024. The number of rows grows with their power.
    encoder : Encoder, optional
        Of one observation; :class:`Grid` and :class:`Tiles` divide each of the k alike. Default: numbered
        observations are told apart as they are first seen, as by ``Rounding(0)``.
    actions : bool
        Whether agents remember their own last k actions as well.

    See Also
    --------
    marlfast.games.WithHistory : The game that is trained on, ``experiment.game``.
    AgentIndex : May be put around it.

    Notes
    -----
    A row says k observations, the newest first, and after each the action before it, -1 where there was none.

    References
    ----------
    Finite windows of observations and actions as states: A. K. McCallum, "Reinforcement learning with selective
    perception and hidden state", PhD thesis, University of Rochester (1996), chapter 3; L.-J. Lin and T. M. Mitchell,
    "Reinforcement learning with hidden states", SAB 1992.

    Examples
    --------
    >>> import marlfast as mf
    >>> dilemma = mf.games.PrisonersDilemma(memory=1, horizon=20)
    >>> run = mf.train(dilemma, mf.IQL(0.1), encoder=mf.History(2), episodes=50, seed=0)
    >>> run.rows[0].shape[1]
    2
    """

    name = "history"
    k: int
    encoder: Encoder | None = option(None, kind="encoder")
    actions: bool = False

    def __post_init__(self):
        self._set(k=integer("k", self.k, 1, 1024), actions=flag("actions", self.actions))
        if self.encoder is not None:
            self._set(encoder=require("encoder", self.encoder, "encoder"))
            if isinstance(self.encoder, _Around):
                raise ValueError(f"encoder: {self.encoder.name!r} is put around a history, not within: give "
                                 f"AgentIndex(History({self.k})), or one History of a greater k")

    @property
    def inner(self):
        """The encoder of what is remembered."""
        return Rounding(0) if self.encoder is None or isinstance(self.encoder, Numbered) else self.encoder

    @property
    def one_row(self):
        """Whether agents who remember the same are always in the same row."""
        return self.inner.one_row

    @property
    def decimals(self):
        """Of the encoder within."""
        return self.inner.decimals

    @property
    def plain(self):
        return self.inner if self.grows else self

    def observed(self, game):
        if (getattr(game, "k", None), getattr(game, "actions", None)) == (self.k, self.actions) and hasattr(
                game, "without_history"):
            return game
        return super().observed(game).with_history(self.k, self.actions)

    def check(self, game):
        one = getattr(game, "without_history", None)
        if one is None:
            raise ValueError(f"encoder: history is of what agents observe, which {game.name!r} is not; give central= "
                             "an encoder of the state, which holds the history")
        if one.observations is None and self.encoder is None:
            raise ValueError(f"encoder: game {game.name!r} has {one.features} real observations; give History an "
                             f"encoder of one of them, such as marlfast.History({self.k}, marlfast.Rounding(1))")
        if self.actions and getattr(self.inner, "decimals", 0) < 0:
            raise ValueError(f"encoder: rounding to {10 ** -self.inner.decimals}s would not tell actions apart; give "
                             "decimals of at least 0, or leave actions out")
        for name in ("low", "high", "bins"):
            value = getattr(self.inner, name, None)
            if isinstance(value, tuple) and len(value) != one.features:
                raise ValueError(f"encoder: {self.inner.name} has {len(value)} values of {name}, but game "
                                 f"{game.name!r} has {one.features} features")
        if getattr(self.inner, "groups", None) is not None:
            raise ValueError("encoder: tiles within a history look at all that is remembered; leave groups out")
        self.fitted(game).check(game)

    def fitted(self, game):
        inner = self.inner
        if not isinstance(inner, _Cells):
            return inner
        low, high, bins = (list(one) for one in inner._arrays(game.without_history.features))
        if self.actions:        # a cell for each action, and one for none
            count = game.max_actions + 1
            span = count if isinstance(inner, Grid) else count - 1 + 1 / inner.tilings
            low, high, bins = [*low, -1.0], [*high, span - 1.0], [*bins, count]
        return replace(inner, low=low * self.k, high=high * self.k, bins=[int(n) for n in bins] * self.k)

    def unlimited(self):
        return History(self.k, self.encoder and self.encoder.unlimited(), self.actions)
