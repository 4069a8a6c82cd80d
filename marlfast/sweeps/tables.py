"""From the arrays of all runs to a table with a row per run, and to learning curves with the same bins for all."""
import csv
import io

import numpy as np

from marlfast import toml
from marlfast.stop import FAILED, reason_text
from marlfast.sweeps.points import plain


def consolidate(arrays, every):
    """Arrays in the order of the runs' numbers, and their learning curves.

    Parameters
    ----------
    arrays : dict of str to ndarray [R, ...]
        Of :func:`marlfast.sweeps.work.work`, in any order.
    every : int
        Episodes per recorded return.

    Returns
    -------
    arrays : dict of str to ndarray [R, ...]
        Without what only curves are made from.
    curves : dict of str to ndarray
        ``episodes`` int64 [B], ``team_return`` float64 [R, B], ``returns`` float64 [R, B, N].
    """
    order = np.argsort(arrays["run"], kind="stable")
    arrays = {name: array[order] for name, array in arrays.items()}
    sums, width, entries = (arrays.pop(name) for name in ("sums", "width", "entries"))
    agents = arrays["agents"]
    most, common = int(entries.max(initial=0)), int(width.max(initial=1))
    bins = -(-most // common)
    counts = np.clip(entries[:, None] - common * np.arange(bins), 0, common)
    returns = np.zeros((len(order), bins, sums.shape[2]))
    for own in np.unique(width).tolist():
        here, times = np.flatnonzero(width == own), common // own
        part = np.zeros((len(here), bins * times, sums.shape[2]))
        have = min(sums.shape[1], bins * times)
        there = np.arange(have) < -(-entries[here] // own)[:, None]
        part[:, :have] = np.where(there[:, :, None], sums[here, :have], 0.0)
        for k in range(times):
            returns[here] += part[:, k::times]
    with np.errstate(invalid="ignore"):
        returns /= counts[:, :, None]
    returns[np.arange(returns.shape[2]) >= agents[:, None, None].repeat(bins, axis=1)] = np.nan
    arrays["team_return"] = _team(arrays["returns"], agents)
    ends = np.minimum(common * np.arange(1, bins + 1, dtype=np.int64), most) * max(every, 1)
    return arrays, {"episodes": ends, "team_return": _team(returns, agents[:, None]), "returns": returns}


def _team(returns, agents):
    """Mean over the agents of each run, added in their order."""
    total = np.zeros(returns.shape[:-1])
    for i in range(returns.shape[-1]):
        total += np.where(i < agents, returns[..., i], 0.0)
    return total / agents


def table(plan, arrays):
    """Columns with an entry per run: dict of str to ndarray."""
    point, k = np.divmod(arrays["run"], len(plan.seeds))
    columns = {"point": point}
    for j, (name, values) in enumerate(zip(plan.names, plan.values, strict=True)):
        columns[name] = column(values)[plan.index[point, j]]
    seeds = np.array(plan.seeds, np.uint64)[k]
    columns["seed"] = seeds.astype(np.int64) if seeds.max(initial=0) < 2**63 else seeds
    columns |= {"steps": arrays["steps"], "episodes": arrays["episodes"]}
    codes, place = np.unique(arrays["reason"], return_inverse=True)
    columns["stop_reason"] = np.array([reason_text(code) for code in codes] or [""])[place.ravel()]
    columns["failed"] = arrays["reason"] >= FAILED
    columns["team_return"] = arrays["team_return"]
    for i in range(arrays["returns"].shape[1]):
        columns[f"return_{i}"] = arrays["returns"][:, i]
    for name in arrays:
        if name.startswith("measure."):
            columns[name.partition(".")[2]] = arrays[name]
    return columns


def column(values):
    """Values of a parameter as an array: numbers where they are, else words."""
    if all(isinstance(v, bool) for v in values):
        return np.array(values, bool)
    if all(isinstance(v, int) and not isinstance(v, bool) and -2**63 <= v < 2**63 for v in values):
        return np.array(values, np.int64)
    if all(v is None or isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.array([np.nan if v is None else v for v in values], np.float64)
    values = [plain(v) for v in values]
    names = [v["name"] if isinstance(v, dict) and "name" in v else v for v in values]
    short = len({str(n) for n in names}) == len(names)      # the names alone tell them apart
    return np.array([_word(n if short else v) for n, v in zip(names, values, strict=True)])


def _word(value):
    return value if isinstance(value, str) else "none" if value is None else toml.inline(value)


def csv_text(columns):
    """Comma-separated values: real numbers as short as reads back the same, nothing where there is no number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    texts = [["" if v != v else v for v in array.tolist()] for array in columns.values()]
    writer.writerows(zip(*texts, strict=True))
    return out.getvalue()
