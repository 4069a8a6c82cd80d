"""What a report says about a result or a sweep, as plain values for its page."""
import json
import platform
import pprint
import shlex
from pathlib import Path

import numpy as np

from marlfast import statistics, toml
from marlfast.archive import Archive
from marlfast.measures import column_of, label_of, returns_of
from marlfast.reports import figures

MAX_POINTS, MAX_RUNS = 2000, 5000     # rows of a table
MAX_TEXT = 100_000                     # characters of an experiment
MAX_SIDES = 4                          # agents or teams whose scores stand at the top
STATISTICS = (("iqm", "interquartile mean"), ("mean", "mean"), ("median", "median"))


# -- a result ---------------------------------------------------------------------------------------


def of_result(result, name=None):
    """The content of a report on one result. ``name``: its file."""
    e = result.experiment
    scored = returns_of(result)
    steps, reasons = int(result.steps.sum()), result.stop_reason
    counts = ", ".join(f"{reason} ({reasons.count(reason)})" for reason in dict.fromkeys(reasons))
    numbers = [_count(len(result.steps), "run"), _count(e.game.agents, "agent"), _number("steps", f"{steps:,}"),
               _number("episodes", f"{int(result.episodes.sum()):,}"),
               _number("seconds of training", f"{result.seconds:.3g}")]
    for label, values in reversed(list(scored.values())[:MAX_SIDES]):
        if np.isfinite(values).any():
            best = statistics.estimate(values)
            word = "score" if len(scored) == 1 else label.partition(",")[0]
            numbers.insert(0, _number(f"{word}: interquartile mean ({number(best.low)} to {number(best.high)})",
                                      number(best.value)))
    looked_at = result.measures()
    numbers[:0] = [_number(m.label, number(m.mean)) for m in looked_at.values() if not np.isnan(m.mean)]
    told = [f"Runs ended by: {counts}."]
    if _any(scored):
        told[0] = f"Scores: mean return over the last tenth of each run's episodes. {told[0]}"
    return {
        "title": f"{e.game.name}: {e.learner.name}", "lead": f"A result of marlfast{f': {name}' if name else ''}.",
        "glance": _glance_of_result(result, scored, looked_at, counts), "numbers": numbers,
        "notes": _notes_of_result(result, scored, looked_at), "figures": figures.of_result(result),
        "tables": [_statistics_of(result, scored, looked_at, told), _runs_of(result, scored, looked_at)], "swept": [],
        "options": _options(e), "again": _again_result(result, name),
        "versions": _versions(_manifest_of_file(name)),
    }


def _any(scored):
    """Whether any run has a score."""
    return any(np.isfinite(values).any() for _, values in scored.values())


def _glance_of_result(result, scored, looked_at, counts):
    """What was run, what came out, how sure that is, what failed: a line each."""
    e, runs = result.experiment, len(result.steps)
    came = {m.label: m.values for m in list(looked_at.values())[:2] if np.isfinite(m.values).any()}
    came |= {label.removesuffix(" of the episodes"): values for label, values in list(scored.values())[:MAX_SIDES]
             if np.isfinite(values).any()}
    means = [f"{label} {number(statistics.estimate(values, 'mean').value)}" for label, values in came.items()]
    sure = _sure(*next(iter(came.items()))) if came else "Nothing was recorded that could be sure or unsure."
    return [("What was run", f"{e.learner.name} in {e.game.name} with {_plural(e.game.agents, 'agent')}: "
             f"{_plural(runs, 'run')} of seed {e.seed if isinstance(e.seed, int) else 's of their own'}, "
             f"{int(result.steps.sum()):,} steps; ended by {counts}."),
            ("What came out", f"{'; '.join(means)} (means over runs)." if means else "No episode was recorded."),
            ("How sure", sure), ("What failed", _failed(result.failed, result.unfinished & result.left_out))]


def _sure(label, values):
    """How far the mean of a number could be off."""
    e = statistics.estimate(values, "mean")
    if e.runs < 2:
        return "One run says nothing about others."
    return (f"{label}: 95 % interval of the mean {number(e.low)} to {number(e.high)} over {e.runs} runs, which lie "
            f"between {number(np.nanmin(values))} and {number(np.nanmax(values))}.")


def _failed(failed, unfinished):
    said = [f"{int(n):,} of {len(failed):,} runs {word}" for n, word in (
        (failed.sum(), "failed"), (unfinished.sum(), "are unfinished")) if n]
    return f"{' and '.join(said)}; they are in no number." if said else "Nothing."


def _notes_of_result(result, scored, looked_at):
    notes, runs, scores = [], len(result.steps), next(iter(scored.values()))[1]
    if result.interrupted:
        notes.append("Training was interrupted; these are the numbers until then.")
    failed = [r for r in result.stop_reason if r.startswith("failed")]
    if failed:
        notes.append(f"{len(failed)} of {runs} runs failed ({failed[0]}) and are in no score, mean or curve.")
    unfinished = result.unfinished & result.left_out
    if unfinished.any():
        notes.append(f"{int(unfinished.sum())} of {runs} runs are unfinished and are in no score, mean or curve.")
    silent = int(np.isnan(scores[~result.left_out]).sum())
    if silent and not (silent == runs and looked_at):
        notes.append(f"{silent} of {runs} runs have no recorded episode, hence no score.")
    if runs < 5:
        notes.append(f"{_plural(runs, 'run')}: too few to say how others would go; ten or more are usual.")
    return notes


def _statistics_of(result, scored, looked_at, told):
    """A table of statistics: of the team, of each agent, and at the beginning."""
    rows, agents = [], result.experiment.game.agents
    sides = result.sides
    kinds = [(f"{name}, last tenth", _last(result.returns[:, :, who].mean(axis=2), result))
             for name, who in list(sides.items())[:50]]
    if agents > 1 and len(sides) < agents:
        kinds += [(f"agent {i}, last tenth", _last(result.returns[:, :, i], result)) for i in range(min(agents, 50))]
    kinds += [(f"{name}, first tenth", _last(result.returns[:, ::-1, who].mean(axis=2), result))
              for name, who in list(sides.items())[:50]]
    kinds = [(m.label, m.values) for m in looked_at.values()] + [
        kind for kind in kinds if np.isfinite(kind[1]).any() or not looked_at]
    if result.experiment.game.setting == "cooperative":     # all agents earn what the team does
        kinds = [kind for kind in kinds if not kind[0].startswith("agent ")]
    for name, values in kinds:
        cells = [name, str(int((~np.isnan(values)).sum()))]
        for statistic, _ in STATISTICS:
            e = statistics.estimate(values, statistic) if np.isfinite(values).any() else None
            cells += [number(e.value), f"{number(e.low)} to {number(e.high)}"] if e else ["–", "–"]
        there = values[~np.isnan(values)]
        cells += [number(there.min()), number(there.max())] if len(there) else ["–", "–"]
        rows.append({"cells": cells, "strip": None})
    columns = [_column("of", text=True), _column("runs")]
    for _, name in STATISTICS:
        columns += [_column(name), _column("95 % interval")]
    columns += [_column("lowest run"), _column("highest run")]
    return _table("statistics-of-runs", "Statistics", columns, rows, told)


def _last(returns, result):
    """Mean of the last tenth of each run's episodes: float64 [R]; of the first, where they are turned round.

    NaN of runs that are left out.
    """
    found, out = np.full(len(returns), np.nan), result.left_out
    for r, own in enumerate(returns):
        own = own[~np.isnan(own)]
        if len(own) and not out[r]:
            found[r] = own[-max(1, int(round(len(own) * 0.1))):].mean()
    return found


def _runs_of(result, scored, looked_at):
    e, reasons = result.experiment, result.stop_reason
    agents = e.game.agents if e.game.agents <= 12 else 0
    own = [_last(result.returns[:, :, i], result) for i in range(agents)] if agents > 1 else []
    seeds, runs = e.resolved.seeds.tolist(), result.arrays["run_numbers"].tolist()
    looked_at = list(looked_at.values())
    shown = [] if looked_at and not _any(scored) else list(scored.values())[:50]
    own = own if shown and e.game.setting != "cooperative" and len(scored) < agents else []
    rows = [{"cells": [str(r), str(seeds[r]), str(runs[r]), *(number(m.values[r]) for m in looked_at),
                       *(number(o[r]) for o in (*(values for _, values in shown), *own)),
                       str(int(result.steps[r])), str(int(result.episodes[r])), reasons[r]], "strip": None}
            for r in range(min(len(reasons), MAX_RUNS))]
    columns = [_column("run"), _column("seed"),
               _column("run number", told="of the run under its seed: what its draws depend on"),
               *(_column(m.name.replace("_", " "), down=True, told=m.label) for m in looked_at),
               *(_column("score" if len(shown) == 1 else label.partition(" return")[0], down=True, told=label)
                 for label, _ in shown), *(_column(f"agent {i}") for i in range(len(own))),
               _column("steps"), _column("episodes"), _column("ended by", text=True)]
    left = _left_out(len(reasons), MAX_RUNS, "runs", "result.team_returns")
    return _table("runs", "Runs", columns, rows, [], left_out=left, folded=len(rows) > 50)


def _again_result(result, name):
    e, blocks = result.experiment, []
    try:
        values = e.to_dict()
        text = toml.dumps(values)
    except TypeError as error:
        return [{"told": "The experiment has parts that no file can hold, so it is told as it shows itself "
                         f"({error}).", "text": _cut(repr(e))}]
    stem = Path(name).name.removesuffix(".npz") if name else "experiment"
    blocks.append({"told": f"As a file, {stem}.toml; then: marlfast train {shlex.quote(stem + '.toml')}",
                   "text": _cut(text)})
    blocks.append({"told": "In Python:", "text": _cut(
        f"import marlfast as mf\n\nexperiment = mf.Experiment.from_dict({_pretty(values)})\n"
        "run = mf.train(experiment)\nprint(run.summary())")})
    return blocks


# -- a sweep ----------------------------------------------------------------------------------------


def of_sweep(sweep, name=None):
    """The content of a report on a sweep."""
    e, table = sweep.experiment, sweep.table()
    table = {key: np.asarray(column) for key, column in table.items()}
    points, place = np.unique(table["point"], return_inverse=True)
    column = column_of(table, sweep.names)
    scores = statistics.counted(table, column)
    by_point = columns_of(scores, place, len(points))
    estimates = statistics.estimate_each(by_point)
    order = np.argsort(-np.where(np.isnan(estimates.value), -np.inf, estimates.value), kind="stable")
    steps = int(table["steps"].sum())
    most = int(np.bincount(place).max())
    numbers = [_count(len(points), "point"), _number("runs of a point", f"{most:,}"), _count(len(place), "run"),
               _number("steps", f"{steps:,}")]
    if not any(name == "game" or name.startswith("game.") for name in sweep.names):
        numbers.insert(3, _count(e.game.agents, "agent"))
    if np.isfinite(estimates.value).any():
        k = order[0]
        what = "score" if column == "team_return" else label_of(column).split(" (")[0]
        numbers.insert(0, _number(
            f"{what} of the best point ({number(estimates.low[k])} to {number(estimates.high[k])})",
            number(estimates.value[k])))
    return {
        "title": f"{e.game.name}: {e.learner.name}, swept over {_listed(sweep.names) or 'seeds'}",
        "lead": f"A sweep of marlfast{f': {name}' if name else ''}.", "numbers": numbers,
        "glance": _glance_of_sweep(sweep, table, scores, column, place, points, estimates, order),
        "notes": _notes_of_sweep(sweep, table, most, len(points)),
        "figures": figures.of_sweep(sweep, table, points, place, estimates, order),
        "tables": [_points_of(sweep, table, points, place, by_point, estimates, order), _runs_of_sweep(sweep, table)],
        "swept": [(key, _cut(", ".join(_value(v) for v in values), 4000)) for key, values in sweep.over.items()],
        "options": _options(e, {*sweep.over, "runs", "seed", "first_run"}), "again": _again_sweep(sweep),
        "versions": _versions(_manifest_of_folder(sweep)),
    }


def _glance_of_sweep(sweep, table, scores, column, place, points, estimates, order):
    """What was run, what came out, how sure that is, what failed: a line each."""
    e, word = sweep.experiment, "score" if column == "team_return" else label_of(column).split(" (")[0]
    best, came, sure = order[0], "No run has a number.", "Nothing to be sure of."
    if np.isfinite(estimates.value[best]):
        at = np.flatnonzero(place == best)[0]
        values = ", ".join(f"{name} {_value(np.asarray(table[name])[at].item())}" for name in sweep.names)
        came = f"The highest {word}, {number(estimates.value[best])}, at {values or 'the only point'}."
        sure = (f"95 % interval there {number(estimates.low[best])} to {number(estimates.high[best])} over "
                f"{int(estimates.runs[best])} runs; the best of {_plural(len(points), 'point')} is flattered by luck.")
    failed = statistics.failures(table)
    return [("What was run", f"{e.learner.name} in {e.game.name}, swept over {_listed(sweep.names) or 'seeds'}: "
             f"{_plural(len(points), 'point')}, {_plural(len(place), 'run')}."),
            ("What came out", came), ("How sure", sure), ("What failed", _failed(failed, np.zeros_like(failed)))]


def columns_of(values, place, count):
    """Values of runs as [most runs of a point, points], NaN where a point has fewer."""
    order = np.argsort(place, kind="stable")
    sizes = np.bincount(place, minlength=count)
    row = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = np.full((int(sizes.max(initial=1)), count), np.nan)
    found[row, place[order]] = values[order]
    return found


def _notes_of_sweep(sweep, table, most, points):
    notes = [f"Chunk {chunk} failed: {text}" for chunk, text in _shortened(list(sweep.failures))]
    if getattr(sweep, "missing", 0):
        notes.append(f"{sweep.missing:,} runs are still missing; the same sweep, called again, goes on.")
    reasons = table["stop_reason"].astype(str)
    failed = np.char.startswith(reasons, "failed")
    if failed.any():
        notes.append(f"{int(failed.sum()):,} of {len(reasons):,} runs failed ({reasons[failed][0]}).")
    column = column_of(table, sweep.names)
    empty = int(np.isnan(np.asarray(table[column], np.float64)).sum())
    if column == "return_0":
        notes.append("What the agents earn adds up to 0, so points are compared by the return of agent 0.")
    elif column != "team_return":
        notes.append(f"No episode ends in this game, so points are compared by {column.replace('_', ' ')}.")
    if empty:
        why = "no recorded episode, hence no score" if "return" in column else f"no {column.replace('_', ' ')}"
        notes.append(f"{empty:,} of {len(reasons):,} runs have {why}.")
    if most < 5:
        notes.append(f"A point has {_plural(most, 'run')}: too few to say how others would go; ten or more are usual.")
    return notes


def _shortened(failures):
    """At most five, and of each the end of its traceback."""
    found = []
    for chunk, text in failures[:5]:
        lines = str(text).strip().splitlines()
        found.append((chunk, "\n".join(lines[-6:])))
    return found + ([("…", f"and {len(failures) - 5} more")] if len(failures) > 5 else [])


def _points_of(sweep, table, points, place, by_point, estimates, order):
    """A row for each point: its parameters, statistics, and every run as a dot."""
    first = np.array([np.flatnonzero(place == k)[0] for k in range(len(points))]) if len(points) < 50 else \
        np.unique(place, return_index=True)[1]
    ordered = np.sort(by_point, axis=0)
    runs, best = estimates.runs, order[0]
    means, medians = (statistics.estimate_each(by_point, name, resamples=1).value for name in ("mean", "median"))
    finite = by_point[np.isfinite(by_point)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    scale = 150.0 / (high - low) if high > low else 0.0

    def at(value):
        return round(5.0 + (value - low) * scale, 1) if scale else 80.0

    parameters = {name: _texts(table[name]) for name in sweep.names}
    rows = []
    for k in order[:MAX_POINTS].tolist():
        n, there = int(runs[k]), ordered[:int(runs[k]), k]
        cells = [str(int(points[k])), *(parameters[name][first[k]] for name in sweep.names), str(n)]
        if n:
            beats = statistics._better(there, ordered[:int(runs[best]), best]) if k != best else None
            cells += [number(estimates.value[k]), "", f"{number(estimates.low[k])} to {number(estimates.high[k])}",
                      "–" if beats is None else f"{beats:.2f}", number(means[k]), number(medians[k]), number(there[0]),
                      number(there[-1])]
            left = at(estimates.low[k])
            strip = {"key": number(estimates.value[k]), "runs": [at(v) for v in there], "low": left,
                     "width": max(round(at(estimates.high[k]) - left, 1), 1.0), "value": at(estimates.value[k]),
                     "told": f"{n} runs from {number(there[0])} to {number(there[-1])}"}
        else:
            cells += ["–"] * 8
            strip = {"key": "", "runs": [], "low": None, "width": 0, "value": None, "told": "no score"}
        rows.append({"cells": cells, "strip": strip})
    numeric = {name: table[name].dtype.kind in "iuf" for name in sweep.names}
    columns = [_column("point"), *(_column(name, text=not numeric[name]) for name in sweep.names), _column("runs"),
               _column("interquartile mean", down=True, sorted="descending"),
               _column(f"runs from {number(low)} to {number(high)}", down=True, strip=True),
               _column("95 % interval", told="bootstrap interval of the interquartile mean"),
               _column("beats the best", down=True, told="probability that a run of this point scores more than a run "
                                                         "of the point with the highest interquartile mean"),
               _column("mean", down=True), _column("median", down=True), _column("lowest run", down=True),
               _column("highest run", down=True)]
    told = ["Scores of the runs of each point, the best first. Dots are single runs, the bar is the interval and the "
            "line the interquartile mean. Click on a column to sort by it."]
    left = _left_out(len(points), MAX_POINTS, "points", "sweep.table()")
    return _table("points", "Points", columns, rows, told, left_out=left, best=bool(runs[best]))


def _runs_of_sweep(sweep, table):
    total = len(table["point"])
    names = [name for name in table if table[name].dtype.kind != "f" or np.isfinite(table[name]).any()]
    shown_runs = min(total, MAX_RUNS)
    if shown_runs * len(names) > 80_000:            # the points say the parameters already
        names = [name for name in names if name not in sweep.names]
    texts = [_texts(table[name][:shown_runs]) for name in names]
    rows = [{"cells": list(cells), "strip": None} for cells in zip(*texts, strict=True)]
    columns = [_column(name, text=table[name].dtype.kind not in "iuf", down=name == "team_return") for name in names]
    left = _left_out(total, MAX_RUNS, "runs", "sweep.table()")
    return _table("runs", "Runs", columns, rows, [], left_out=left, folded=len(rows) > 50)


def _again_sweep(sweep):
    try:
        values = sweep.experiment.to_dict()
    except TypeError as error:
        return [{"told": f"The experiment has parts that no file can hold ({error}).",
                 "text": _cut(repr(sweep.experiment))}]
    blocks = []
    for key in ("runs", "seed", "first_run"):
        values.pop(key, None)
    seeds = [int(s) for s in getattr(sweep, "seeds", None) or np.unique(sweep.table()["seed"]).tolist()]
    over = {name: [_plain(v) for v in given] for name, given in sweep.over.items()}
    made = f"import marlfast as mf\n\nexperiment = mf.Experiment.from_dict({_pretty(values)})\n"
    points = getattr(getattr(getattr(sweep, "plan", None), "points", None), "index", None)     # of a sample alone
    if points is not None and len(points) != np.prod([len(given) for given in over.values()]):
        drawn = [{name: [over[name][k]] for name, k in zip(over, point, strict=True)} for point in points.tolist()]
        return [{"told": "The points were drawn at random. In Python, each of them by itself:", "text": _cut(
            f"{made}points = {_pretty(drawn)}\nfor k, over in enumerate(points):\n"
            f"    mf.sweep(experiment, over=over, seeds={seeds}, out=f\"again/{{k}}\")")}]
    try:
        text = toml.dumps({**values, "sweep": {"over": over, "seeds": seeds}})
        blocks.append({"told": "As a file, sweep.toml; then: marlfast sweep sweep.toml", "text": _cut(text)})
    except (TypeError, ValueError):
        pass            # a value that TOML has no word for
    blocks.append({"told": "In Python:", "text": _cut(
        f"{made}sweep = mf.sweep(experiment, over={_pretty(over)},\n                 seeds={seeds}, out=\"again\")")})
    return blocks


# -- what both have -----------------------------------------------------------------------------------


def number(value):
    """A number as text, as short as it can be told apart; a dash where there is none."""
    value = float(value)
    return "–" if np.isnan(value) else f"{value:.5g}"


def _number(name, value):
    return {"name": name, "value": value}


def _count(count, word):
    return _number(word if count == 1 else f"{word}s", f"{count:,}")


def _plural(count, word):
    return f"{count:,} {word if count == 1 else word + 's'}"


def _column(name, text=False, down=False, sorted=None, told=None, strip=False):
    """The head of a column. ``down``: a first click puts the highest first; ``strip``: it shows runs as dots."""
    return {"name": name, "text": text, "down": down, "sorted": sorted, "told": told, "strip": strip}


def _table(identity, title, columns, rows, told, left_out=None, folded=False, best=False):
    return {"id": identity, "title": title, "columns": columns, "rows": rows, "told": told, "left_out": left_out,
            "folded": folded, "best": best}


def _left_out(count, most, what, where):
    return f"The first {most:,} of {count:,} {what}; all of them: {where}." if count > most else None


def _texts(column):
    """A column of a table as texts."""
    column = np.asarray(column)
    if column.dtype.kind == "f":
        return [number(v) for v in column.tolist()]
    return [_value(v) for v in column.tolist()]


def _value(value):
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    value = _plain(value)
    try:
        return value if isinstance(value, str) else toml.inline(value)
    except TypeError:
        return str(value)


def _plain(value):
    """A definition or a number of NumPy as plain values."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value.tolist() if hasattr(value, "tolist") else value


def _options(experiment, swept=()):
    return [(name, _cut(_value(value), 1000)) for name, value in experiment.options().items() if name not in swept]


def _listed(words):
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _pretty(value):
    return pprint.pformat(value, width=100, sort_dicts=False)


def _cut(text, most=MAX_TEXT):
    return text if len(text) <= most else f"{text[:most]} ... ({len(text) - most:,} characters more)"


def _versions(written):
    import matplotlib

    from marlfast import __version__

    rows = [("marlfast (this page)", __version__)]
    if written.get("marlfast"):
        rows.insert(0, ("marlfast (training)", written["marlfast"]))
    if written.get("numpy"):
        rows.insert(1, ("NumPy (training)", written["numpy"]))
    return [*rows, ("NumPy (this page)", np.__version__), ("matplotlib", matplotlib.__version__),
            ("Python", platform.python_version()), ("system", f"{platform.system()} {platform.machine()}")]


def _manifest_of_file(name):
    """What a result's file says of the versions that wrote it."""
    if name is None:
        return {}
    try:
        with Archive(name) as archive:
            return json.loads(archive.text("manifest"))
    except (OSError, ValueError, KeyError, RecursionError):
        return {}


def _manifest_of_folder(sweep):
    try:
        found = json.loads((Path(sweep.folder) / "sweep.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError, TypeError):
        return {}
