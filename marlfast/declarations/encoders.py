"""Arguments of ``encoders``."""
import math

import numpy as np

from marlfast.declarations.base import N_RUNS, Array, Flag, Kernel, Number, Part
from marlfast.declarations.loop import GAME

MAX_FEATURES = 128
MAX_ROWS = 2**31 - 1            # that can be numbered

VIEWS = (Number("n_agents"), Number("views", "1: all agents see the same; or as many as there are agents"))
SCALE = Number("scale", "10 ** decimals", real=True)


def _encoder(name, *own, methods=()):
    return Kernel(name, *own, family="Encoder", methods=methods, by_position=True)


def _views(n):
    if n.n_agents < 1 or n.D < 1 or n.views not in (1, n.n_agents):
        raise ValueError("n_agents, views, features: expected at least 1, and views 1 or n_agents, got "
                         f"{n.n_agents}, {n.views}, {n.D}")


def _cells(n):
    n_rows = math.prod(n.bins.tolist())
    if n_rows > MAX_ROWS:
        raise ValueError(f"bins: {n_rows} cells are more than the 2**31 - 1 that can be numbered")
    return {"n_rows": n_rows}


def _features(n):
    _views(n)
    if n.D > MAX_FEATURES:
        raise ValueError(f"keys: expected at most {MAX_FEATURES} features, got {n.D}")


def _tilings(n):
    """How many tiles each tiling has."""
    if len(n.ends) < 2 or n.ends[0] != 0 or n.ends[-1] != n.M or (np.diff(n.ends) < 1).any():
        raise ValueError(f"ends: expected rising numbers from 0 to {n.M}")
    if n.starts[0] != 0 or n.starts[-1] > MAX_ROWS or (np.diff(n.starts) < 1).any():
        raise ValueError("starts: expected rising numbers from 0 to at most 2**31 - 1")
    if not ((n.offsets >= 0.0) & (n.offsets < 1.0)).all():
        raise ValueError("offsets: expected numbers in [0, 1)")
    tiles = [math.prod(n.bins[n.members[first:last]].tolist())
             for first, last in zip(n.ends.tolist(), n.ends.tolist()[1:], strict=False)]
    if max(tiles) >= 2**62:
        raise ValueError(f"bins: {max(tiles)} tiles are more than the 2**62 - 1 that can be hashed")
    if (np.diff(n.starts) > np.array(tiles, np.int64)).any():
        raise ValueError("starts: expected no more rows than tiles")
    return {"tiles": tiles, "n_rows": int(n.starts[-1])}


def _apart(n):
    n_rows = n.within.rows * (n.N + n.common)
    if not n.within.grows and n_rows > MAX_ROWS:
        raise ValueError(f"within: {n_rows} rows are more than the 2**31 - 1 that can be numbered")
    # How many rows are used, and may be, is said of the encoder within: its arrays are what grows.
    return {"n_rows": n.within.rows if n.within.grows else n_rows}


def _one_agent(n):
    size = n.V * n.D
    if (n.within.agents, n.within.views, n.within.features, n.within.active) != (1, 1, size, 1):
        raise ValueError(f"within: expected an encoder of one agent, {size} features and one row")
    return {"observation_size": size}


def _hashed(n):
    slots = n.slots
    if n.R < 1 or n.n_rows < 1 or n.n_rows >= MAX_ROWS:
        raise ValueError(f"keys: expected at least one run and 1 to 2**31 - 2 rows, got {n.R}, {n.n_rows}")
    if slots <= n.n_rows or slots & (slots - 1):
        raise ValueError(f"table: expected slots a power of two greater than {n.n_rows} rows, got {slots}")
    if n.used.min() < 0 or n.used.max() > n.n_rows:
        raise ValueError(f"used: expected 0 to {n.n_rows} rows in use, got {n.used.min()} to {n.used.max()}")
    # As many slots are filled as rows are in use, so that one is empty and a search ends.
    if n.table.min() < 0 or (n.table.max(axis=1) > n.used).any() or (np.count_nonzero(n.table, axis=1) > n.used).any():
        raise ValueError("table: expected row numbers in use, plus 1")


def _few(n):
    if n.n_rows >= MAX_ROWS:
        raise ValueError(f"keys: expected at most 2**31 - 2 rows, got {n.n_rows}")


DISCRETE = _encoder(
    "Discrete", *N_RUNS, *VIEWS, lambda n: {"D": 1}, _views,
    Number("n_rows", "observations are 0 to n_rows - 1", low=1, high=MAX_ROWS, words="1 to 2**31 - 1"))

GRID = _encoder(
    "Grid", *N_RUNS, *VIEWS,
    Array("low", "float64", "D", "where the bins of each feature begin"), _views,
    Array("scale", "float64", "D", "bins per unit"),
    Array("bins", "int64", "D", "how many", values=(1, None, "at least {low}")), _cells)

TILES = Kernel(
    "Tiles", *N_RUNS, *VIEWS,
    Array("low", "float64", "D", "where the tiles of each feature begin"), _views,
    Array("scale", "float64", "D", "tiles per unit"),
    Array("bins", "int64", "D", "tiles", values=(1, None, "at least {low}")),
    Array("members", "int64", "M", "features that the tilings look at, one tiling after the other, the most "
          "significant first", values=(0, "D-1", "features {low} to {high}")),
    Array("offsets", "float64", "M", "displacement in that feature, in tiles"),
    Array("ends", "int64", "E", "where the members of each tiling end; the first is 0"),
    Array("starts", "int64", "E", "row at which each tiling begins, and one past the last"),
    _tilings,
    family="Encoder")

AGENT_INDEX = _encoder(
    "AgentIndex",
    Part("within", "Encoder", gives={"R": "runs", "N": "agents", "V": "views", "D": "features"}),
    Flag("common", "each row comes twice: as ``row * (N + 1)``, the same for all agents, and as "
         "``row * (N + 1) + 1 + i``. First all of an agent's rows that are common, then its own"),
    _apart, methods=("rebuild(self)",))

OBSERVED = _encoder(
    "Observed", GAME,
    Part("within", "Encoder", "of one agent, whose features are all that the agents of the game see: V * D",
         gives={"R": "runs"}),
    _one_agent)

ROUNDING = _encoder(
    "Rounding", *VIEWS, SCALE,
    Array("keys", "int64", "R n_rows D", "the rounded observation of each row, times scale", written=True), _features,
    Array("table", "int32", "R slots", "row + 1, or 0 where a slot is empty. ``slots`` is a power of two, more than "
          "n_rows", written=True),
    Array("used", "int64", "R", "rows in use", written=True),
    _hashed, methods=("rebuild(self)",))

KNOWN = _encoder(
    "Known", *N_RUNS, *VIEWS, SCALE,
    Array("keys", "int64", "n_rows D", "the rounded observation of each row, times scale"), _features, _few)

KERNELS = DISCRETE, GRID, TILES, AGENT_INDEX, OBSERVED, ROUNDING, KNOWN
