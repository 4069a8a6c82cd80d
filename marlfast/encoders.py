"""Encoders: from what an agent observes to a row of its table."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real
from marlfast.registry import Definition

__all__ = ["Encoder", "Grid", "Rounding"]

MOST_ROWS = 2**31 - 2


class Encoder(Definition):
    """Base of encoders.

    ``allocate`` makes the arrays that change, ``bind`` the kernel over them, ``grow`` larger
    arrays with the same content. ``MOST`` rows that can be numbered: 2**31 - 2.
    """

    kind = "encoder"
    grows = False

    def check(self, game):
        """Refuse a game that this encoder does not fit."""
        if game.observations is not None:
            raise ValueError(f"encoder: game {game.name!r} has numbered observations, which need no encoder; "
                             f"leave encoder out instead of {self.name!r}")

    def allocate(self, game, runs, rows=None):
        return {}

    def active(self, game):
        """k, how many rows an observation is in."""
        return 1

    def room(self, game, arrays):
        """Rows that arrays have room for: those of an encoder that grows, else all there are."""
        return arrays["keys"].shape[1] if self.grows else self.rows(game)


class Whole:
    """The whole state of a game, as what one agent would observe: what a central encoder is given.

    Parameters
    ----------
    game : Game
    """

    agents, views, observations = 1, 1, None

    def __init__(self, game):
        self.name, self.features = f"{game.name} (its whole state)", game.kernel("numpy").state_size


@dataclass(frozen=True, repr=False, eq=False)
class Numbered(Encoder):
    """For games whose observations are row numbers already (made by ``train`` where no encoder is given)."""

    name = "numbered"

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


@dataclass(frozen=True, repr=False, eq=False)
class Grid(Encoder):
    """A dense grid of cells over the observation.

    The outer cells are open: what lies below ``low`` belongs to the first bin, what lies at or above
    ``high`` to the last.

    Parameters
    ----------
    low, high : float or sequence of float [D]
        Where the grid begins and ends, per feature.
    bins : int or sequence of int [D]
        Cells per feature. The table has their product as rows.
    """

    name = "grid"
    low: tuple
    high: tuple
    bins: tuple

    def __post_init__(self):
        values = {}
        for name, check in (("low", real), ("high", real), ("bins", lambda n, v: integer(n, v, 1))):
            value = getattr(self, name)
            if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value):
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
        return (np.array(np.broadcast_to(np.asarray(self.low, np.float64), features)),
                np.array(np.broadcast_to(np.asarray(self.high, np.float64), features)),
                np.array(np.broadcast_to(np.asarray(self.bins, np.int64), features)))

    def check(self, game):
        super().check(game)
        for name in ("low", "high", "bins"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != game.features:
                raise ValueError(f"encoder: grid has {len(value)} values of {name}, "
                                 f"but game {game.name!r} has {game.features} features")
        rows = self.rows(game)
        if rows > MOST_ROWS:
            raise ValueError(f"encoder: grid of {rows} cells is more than the {MOST_ROWS} that can be numbered; "
                             "use fewer bins")

    def rows(self, game):
        rows = 1
        for n in self._arrays(game.features)[2].tolist():
            rows *= n
        return rows

    def bind(self, game, runs, arrays, backend):
        low, high, bins = self._arrays(game.features)
        return kernels(backend, "encoders").Grid(runs, game.agents, game.views, low, bins / (high - low), bins)

    def centres(self, game, arrays, run):
        """Centre of each cell: float64 [rows, D]."""
        low, high, bins = self._arrays(game.features)
        at = np.stack(np.unravel_index(np.arange(self.rows(game)), bins), axis=1)
        return low + (at + 0.5) * ((high - low) / bins)


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
    """

    name = "rounding"
    grows = True
    decimals: int = 1
    max_rows: int | None = None

    def __post_init__(self):
        self._set(decimals=integer("decimals", self.decimals, -15, 15))
        if self.max_rows is not None:
            self._set(max_rows=integer("max_rows", self.max_rows, 1, MOST_ROWS - 2))

    def check(self, game):
        super().check(game)
        if game.features > 64:
            raise ValueError(f"encoder: rounding takes at most 64 features, game {game.name!r} has {game.features}")

    def limit(self, game):
        """Rows that arrays are ever given: two steps' worth more than may stay in use."""
        return (self.max_rows or MOST_ROWS - 2 * game.views) + 2 * game.views

    def allocate(self, game, runs, rows=None):
        """``keys`` int64 [R, rows, D], ``table`` int32 [R, slots], ``used`` int64 [R]."""
        rows = min(rows or max(256, 4 * game.views), self.limit(game))
        slots = 1 << int(2 * rows - 1).bit_length()
        return {"keys": np.zeros((runs, rows, game.features), np.int64), "table": np.zeros((runs, slots), np.int32),
                "used": np.zeros(runs, np.int64)}

    def bind(self, game, runs, arrays, backend):
        return kernels(backend, "encoders").Rounding(game.agents, game.views, 10.0 ** self.decimals, arrays["keys"],
                                                     arrays["table"], arrays["used"])

    def grow(self, game, arrays, rows, backend):
        """The same rows in arrays with room for ``rows``."""
        runs, old = arrays["keys"].shape[:2]
        larger = self.allocate(game, runs, rows)
        larger["keys"][:, :old] = arrays["keys"]
        larger["used"][:] = arrays["used"]
        self.bind(game, runs, larger, backend).rebuild()
        return larger

    def centres(self, game, arrays, run):
        """Rounded observation of each row in use: float64 [rows, D]."""
        return arrays["keys"][run, :arrays["used"][run]] / 10.0 ** self.decimals
