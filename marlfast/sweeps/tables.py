"""From the arrays of runs to a table with a row per run, and to learning curves with the same bins for all.

Both are made a block of rows at a time, from the columns that are asked for.
"""
import numpy as np

from marlfast.errors import extra, unknown
from marlfast.stop import FAILED, reason_text
from marlfast.tables import csv_lines, texts

ROWS = 2**19                # of a block of the table
LINES = 2**13               # of a block of text
GROUP_ROWS = 2**17          # of a row group of Parquet: each file has the same, however it was made
CURVE_BYTES = 2**26


class Table:
    """A row per run that is there, in the order of points and then of seeds.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store):
        self.store, self.plan = store, store.plan

    @property
    def names(self):
        """Names of all columns."""
        facts = self.store.facts
        names = ["point", *self.plan.names, "seed", "steps", "episodes", "stop_reason", "failed", "team_return",
                 *(f"return_{i}" for i in range(facts["agents"])), *facts["measure"]]
        return list(dict.fromkeys(names))       # of steps that are swept over, the table says how many were done

    def wanted(self, columns):
        """Names of columns that are asked for, all of which exist."""
        names = self.names
        if columns is None:
            return names
        columns = [columns] if isinstance(columns, str) else list(columns)
        for name in columns:
            if name not in names:
                raise unknown("column", name, names)
        return columns

    def rows(self, names, runs):
        """Columns of some runs: dict of str to ndarray [n]."""
        arrays = self.store.read(self._needed(names), runs)
        point, k = np.divmod(np.asarray(runs, np.int64), len(self.plan.seeds))
        return {name: self._column(name, arrays, point, k) for name in names}

    def _needed(self, names):
        """Arrays that columns are made from."""
        measures = self.store.facts["measure"]
        needed = []
        for name in names:
            if name in measures:
                needed.append(f"measure.{name}")
            elif name in ("steps", "episodes"):
                needed.append(name)
            elif name in ("stop_reason", "failed"):
                needed.append("reason")
            elif name == "team_return":
                needed += ["returns", "agents"]
            elif name.startswith("return_"):
                needed.append("returns")
        return list(dict.fromkeys(needed))

    def _column(self, name, arrays, point, k):
        if name == "point":
            return point
        if name in ("steps", "episodes"):
            return arrays[name]
        if name in self.plan.names:
            return self.plan.column(name, point)
        if name == "seed":
            return self.plan.seeds_of(k)
        if name == "stop_reason":
            codes, place = np.unique(arrays["reason"], return_inverse=True)
            return np.array([reason_text(code) for code in codes] or [""])[place.ravel()]
        if name == "failed":
            return arrays["reason"] >= FAILED
        if name == "team_return":
            return team(arrays["returns"], arrays["agents"])
        if name in self.store.facts["measure"]:
            kind = self.store.facts["measure"][name]
            array = arrays[f"measure.{name}"]
            return array if array.dtype.kind == kind else array.astype({"i": np.int64, "f": np.float64}[kind])
        i, returns = int(name.rpartition("_")[2]), arrays["returns"]
        return returns[:, i].copy() if i < returns.shape[1] else np.full(len(returns), np.nan)

    def read(self, columns=None, part=slice(None)):
        """Columns of a part of the rows, whole in memory: dict of str to ndarray [n]."""
        names, runs = self.wanted(columns), self.store.numbers[part]
        if not len(runs):
            return {name: array[:0] for name, array in self.rows(names, self.store.numbers[:1]).items()}
        blocks = [self.rows(names, runs[lo:lo + ROWS]) for lo in range(0, len(runs), ROWS)]
        found = {}
        for name in names:
            parts = [block.pop(name) for block in blocks]
            found[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return found

    def blocks(self, columns=None, rows=ROWS):
        """The same, a block of rows after the other."""
        names, runs = self.wanted(columns), self.store.numbers
        for lo in range(0, len(runs), rows):
            yield self.rows(names, runs[lo:lo + rows])

    # -- files ----------------------------------------------------------------------------------

    def write_csv(self, file):
        """Write to an open binary file: a line a run."""
        file.write(csv_lines([[name] for name in self.names]).encode())
        for block in self.blocks():
            for lo in range(0, len(block["point"]), LINES):
                file.write(csv_lines([texts(array[lo:lo + LINES]) for array in block.values()]).encode())

    def write_parquet(self, file):
        """Write to an open binary file, in row groups of the same size; where there is no number, there is none."""
        pyarrow = extra("pyarrow", "parquet", "Parquet")
        parquet = extra("pyarrow.parquet", "parquet", "Parquet")
        writer = None
        try:
            for block in self.blocks(rows=ROWS // GROUP_ROWS * GROUP_ROWS):
                table = pyarrow.table({name: pyarrow.array(array, _type(pyarrow, array), from_pandas=True)
                                       for name, array in block.items()})
                writer = writer or parquet.ParquetWriter(file, table.schema)
                writer.write_table(table, row_group_size=GROUP_ROWS)
        finally:
            if writer is not None:
                writer.close()


def _type(pyarrow, array):
    return pyarrow.string() if array.dtype.kind == "U" else pyarrow.from_numpy_dtype(array.dtype)


def team(returns, agents):
    """Mean over the agents of each run, added in their order: float64 [..., R]."""
    total = np.zeros(returns.shape[:-1])
    for i in range(returns.shape[-1]):
        total += np.where(i < agents, returns[..., i], 0.0)
    return total / agents


# -- curves --------------------------------------------------------------------------------------

def curves(store, part=slice(None)):
    """Learning curves with the same bins for all runs, of a part of them.

    Returns
    -------
    dict of str to ndarray
        ``episodes`` int64 [B], ``team_return`` float64 [R, B], ``returns`` float64 [R, B, N].
    """
    facts, runs = store.facts, store.numbers[part]
    most, common, agents = facts["entries"], facts["width"], facts["agents"]
    bins = -(-most // common)
    rows = max(1, CURVE_BYTES // (8 * max(bins, 1) * agents))
    returns, means = np.empty((len(runs), bins, agents)), np.empty((len(runs), bins))
    for lo in range(0, len(runs), rows):
        arrays = store.read(("agents", "entries", "width", "sums"), runs[lo:lo + rows])
        here = slice(lo, lo + len(arrays["agents"]))
        returns[here] = _binned(arrays, bins, common, agents)
        means[here] = team(returns[here], arrays["agents"][:, None])
    record_every = max(store.plan.changes.experiment.record_every, 1)
    ends = np.minimum(common * np.arange(1, bins + 1, dtype=np.int64), most) * record_every
    return {"episodes": ends, "team_return": means, "returns": returns}


def _binned(arrays, bins, common, agents):
    """Means of bins of ``common`` entries: float64 [R, bins, agents], NaN after a run's end."""
    sums, width, entries = (arrays[name] for name in ("sums", "width", "entries"))
    counts = np.clip(entries[:, None] - common * np.arange(bins), 0, common)
    returns = np.zeros((len(entries), bins, agents))
    own_agents = sums.shape[2]
    for own in np.unique(width).tolist():
        here, times = np.flatnonzero(width == own), common // own
        part = np.zeros((len(here), bins * times, own_agents))
        have = min(sums.shape[1], bins * times)
        there = np.arange(have) < -(-entries[here] // own)[:, None]
        part[:, :have] = np.where(there[:, :, None], sums[here, :have], 0.0)
        for k in range(times):
            returns[here, :, :own_agents] += part[:, k::times]
    with np.errstate(invalid="ignore"):
        returns /= counts[:, :, None]
    returns[np.arange(agents) >= arrays["agents"][:, None, None].repeat(bins, axis=1)] = np.nan
    return returns
