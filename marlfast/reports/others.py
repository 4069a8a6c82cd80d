"""What a report says about several results beside each other, and about a published study."""
import shlex

import numpy as np

from marlfast import plotting, statistics
from marlfast.reports import content
from marlfast.reports.figures import _figure


def of_comparison(found):
    """The content of a report on several results."""
    table, statistic = found.table(), statistics.NAMES[found.statistic]
    best, rows = int(np.nanargmax(table[found.statistic])), list(found.scores)
    game = found.results[found.names[0]].experiment.game
    numbers = [content._number(f"highest {statistic} ({content.number(table['low'][best])} to "
                               f"{content.number(table['high'][best])})", content.number(table[found.statistic][best])),
               content._number("reached by", rows[best]), content._count(len(found.names), "result"),
               content._count(_runs(found), "run"), content._count(game.agents, "agent")]
    return {
        "title": f"{game.name}: {content._listed(found.names)}", "lead": "Results of marlfast beside each other.",
        "glance": _glance(found, table, statistic, best), "numbers": numbers,
        "notes": found.notes, "figures": _figures(found),
        "tables": [_scores(found, table), _improvement(found)], "swept": [], "options": _common(found),
        "again": _again(found), "versions": content._versions({}),
    }


def _runs(found):
    """Of all results together."""
    return sum(len(result.steps) for result in found.results.values())


def _glance(found, table, statistic, best):
    """What was run, what came out, how sure that is, what failed: a line each."""
    n, lost = content.number, sum(int(result.left_out.sum()) for result in found.results.values())
    rows = list(found.scores)
    beaten = [name for k, name in enumerate(rows) if k != best and table["high"][k] < table["low"][best]]
    apart = f"Its interval lies above that of {content._listed(beaten)}." if beaten else \
        "Its interval overlaps with all others."
    return [("What was run", f"{content._listed(found.names)}, {_runs(found)} runs in all."),
            ("What came out", f"{rows[best]} has the highest {statistic}, {n(table[found.statistic][best])}."),
            ("How sure", f"{100 * found.level:g} % interval {n(table['low'][best])} to {n(table['high'][best])}. "
                         f"{apart}"),
            ("What failed", f"{lost} runs, which are in no number." if lost else "Nothing.")]


def _figures(found):
    how = {"level": found.level, "resamples": found.resamples, "seed": found.seed}
    count = len(found.scores)
    made = [
        _figure(lambda ax: plotting.learning_curve(found.results, ax, found.statistic, runs=False, **how), (9.0, 4.4),
                "Learning curves: the return over training, with the interval over runs.", wide=True),
        _figure(lambda ax: plotting.intervals(found.scores, ax, found.statistic, **how), (6.4, 1.4 + 0.5 * count),
                "Scores: every run a dot, the statistic with its interval."),
        _figure(lambda ax: plotting.profiles(found.scores, ax, level=found.level, seed=found.seed), (6.4, 4.4),
                "Performance profiles: which share of the runs scores more than each threshold."),
    ]
    return [figure for figure in made if figure]


def _scores(found, table):
    columns = [content._column("result", text=True), content._column("learner", text=True), content._column("runs"),
               content._column(statistics.NAMES[found.statistic], down=True),
               content._column(f"{100 * found.level:g} % interval"), content._column("mean", down=True),
               content._column("standard deviation"), content._column("lowest run", down=True),
               content._column("highest run", down=True),
               content._column(f"beats {found.names[0]}", down=True,
                               told=f"probability that a run scores higher than one of {found.names[0]}")]
    rows = []
    for k, name in enumerate(found.scores):
        there, of = table["runs"][k], table["of"][k]
        runs = str(there) if there == of else f"{there} of {of}"
        rows.append({"strip": None, "cells": [
            name, str(table["learner"][k]), runs, content.number(table[found.statistic][k]),
            f"{content.number(table['low'][k])} to {content.number(table['high'][k])}",
            *(content.number(table[key][k]) for key in ("mean", "deviation", "lowest", "highest", "beats_first"))]})
    return content._table("scores", "Scores", columns, rows, [
        found.told()])


def _improvement(found):
    columns = [content._column("result", text=True), *(content._column(name) for name in found.scores)]
    rows = [{"strip": None, "cells": [name, *map(content.number, row)]}
            for name, row in zip(found.scores, found.improvement().tolist(), strict=True)]
    return content._table("improvement", "Probability of improvement", columns, rows, [
        "How likely a run of the row's result scores higher than one of the column's; ties count half."])


def _common(found):
    """Options that all results have, then those in which they differ, one line a result."""
    options = {name: dict(content._options(result.experiment)) for name, result in found.results.items()}
    keys = list(dict.fromkeys(key for own in options.values() for key in own))
    first = options[found.names[0]]
    same = [key for key in keys if all(own.get(key) == first.get(key) for own in options.values())]
    return [(key, first[key]) for key in same] + [
        (f"{name}: {key}", own[key]) for name, own in options.items() for key in keys if key not in same and key in own]


def _again(found):
    blocks = []
    for name, result in found.results.items():
        blocks += [{"told": f"{name}. {block['told']}", "text": block["text"]}
                   for block in content._again_result(result, None)[-1:]]
    return blocks


def of_study(report):
    """The content of a report on a published study."""
    study, figures = report.study, [f for f in report.figures]
    compared = [f for f in figures if f.published is not None]
    numbers = [content._number("figures compared", str(len(compared))),
               content._number("that differ", str(len(report.differing))), content._count(report.runs, "run"),
               content._number("seed", str(report.seed)), content._number("seconds", f"{report.seconds:.3g}")]
    columns = [content._column("figure", text=True), content._column("published"), content._column("s.e."),
               content._column("obtained"), content._column("s.e. "), content._column("standard errors apart")]
    rows = [{"strip": None, "cells": [f.what, *_cells(f)]} for f in figures]
    made = _figure(lambda ax: report.draw_figures(ax), (7.5, 1.4 + 0.32 * max(1, len(compared))), (
        "Obtained (dots, with two standard errors) beside published (diamonds), as a share of what was published."),
        wide=True) if compared else None
    told = "marlfast reproduce " + " ".join(
        [study.name, f"--runs {report.runs}", f"--seed {report.seed}",
         *(f"--set {shlex.quote(f'{key}={content._value(value)}')}" for key, value in study.changed().items())])
    return {
        "title": f"{study.name}: published and obtained", "lead": study.source, "numbers": numbers,
        "glance": [("What was run", f"The study {study.name} with {content._plural(report.runs, 'run')}, seed "
                                    f"{report.seed}."), ("What came out", report.summary()),
                   ("How sure", "Figures differ where they are more than three standard errors apart; both have one."),
                   ("What failed", "Nothing.")],
        "notes": [report.summary(), *report.notes], "figures": [made] if made else [],
        "tables": [content._table("figures", "Figures", columns, rows, [])] if rows else [], "swept": [],
        "options": [(key, content._cut(content._value(value), 1000)) for key, value in study.to_dict().items()],
        "again": [{"told": "On the command line:", "text": told}], "versions": content._versions({}),
    }


def _cells(figure):
    known = figure.published is not None
    return [content.number(figure.published) if known else "–",
            content.number(figure.published_error) if known and figure.published_error else "–",
            content.number(figure.obtained), content.number(figure.error) if figure.error else "–",
            f"{figure.apart:.1f}" if known else "–"]
