"""What a person should know about an experiment before, and about a result after, it is taken at its word."""
import sys
import warnings

import numpy as np

from marlfast.errors import MarlfastWarning
from marlfast.schedules import schedules_of
from marlfast.stop import GREEDY_STABLE, PARAMETERS

EXPLORING = 0.1         # epsilon above which a run that stopped is said to have been exploring still


def warn(sentences, category=MarlfastWarning):
    """One warning of all sentences, if there are any, at the line outside of the package that called it."""
    if sentences:
        frame, level = sys._getframe(1), 2
        while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "marlfast":
            frame, level = frame.f_back, level + 1
        warnings.warn("; ".join(sentences), category, stacklevel=level)


def beforehand(experiment):
    """Sentences on what cannot work as it is meant."""
    game = experiment.game
    if game.ends:
        return []
    found = []
    for where, schedule in schedules_of(experiment.learner):
        if schedule.waits_for_ends:
            start = schedule.allocate(experiment.runs)["value"][0]
            found.append(f"learner.{where} changes per episode, and an episode of game {game.name!r} never ends, so "
                         f"that it stays at {start:g}; give per='step', with a decay for each step, or the game a "
                         "horizon")
    return found


# What may be wrong with a run, in few words, by the bit that stands for it: see :func:`of_runs`.
KINDS = {1: "explored at a level that can never change, as it waits for ends of episodes",
         2: "stopped at the first step at which GreedyStable could hold, before any greedy action had changed",
         4: f"stopped by GreedyStable while epsilon was above {EXPLORING:g}",
         8: "stopped by GreedyStable with most table rows never visited"}


def of_runs(result):
    """What may be wrong with each run of a result: int64 [R], sums of the numbers of :data:`KINDS`."""
    stable = result.arrays["reason"] == GREEDY_STABLE
    found = np.full(len(stable), int(bool(beforehand(result.experiment))), np.int64)
    if stable.any():
        found += 2 * _first(result, stable)
        exploring = np.zeros(len(stable), bool)
        for _, which, _ in _exploring(result, stable):
            exploring |= which
        visited = _visited(result, slice(None))
        found += 4 * exploring + (8 * (stable & (visited < 0.5)) if visited is not None else 0)
    return found


def in_sweep(counts, runs):
    """Sentences on a sweep, from {number of :data:`KINDS`: (how many of so many runs, the first of them)}."""
    return [f"{many:,} of {runs:,} runs {KINDS[kind]} (the first of them: {where})"
            for kind, (many, where) in sorted(counts.items())]


def _first(result, stable):
    """Which runs stopped at the first step at which the rule could hold: bool [R]."""
    known = result.experiment.resolved
    return stable & (result.arrays["steps"] <= known.stable_after + known.limits.stable)


def _exploring(result, stable):
    """(where, which runs stopped while exploring there: bool [R], the levels [R]) of every epsilon that falls."""
    for where, schedule in dict(schedules_of(result.experiment.learner)).items():
        low, high = schedule.bounds()
        name = f"learner.{_place(where)}.value"
        if where.endswith(PARAMETERS[0]) and low < high and name in result.arrays:
            yield where, stable & (result.arrays[name] > EXPLORING), result.arrays[name]


def afterwards(result):
    """Sentences on runs that ended by GreedyStable and may have ended too early."""
    stable = result.arrays["reason"] == GREEDY_STABLE
    if not stable.any():
        return []
    many, found = f"of {int(stable.sum())} runs that GreedyStable ended", []
    first = _first(result, stable)
    if first.any():
        found.append(f"{int(first.sum())} {many} stopped at the first step at which it could hold, before any greedy "
                     "action had changed: nothing may have been learned yet; give it a larger n, or after=")
    for where, exploring, explored in _exploring(result, stable):
        if exploring.any():
            found.append(f"{int(exploring.sum())} {many} stopped while {where} was above {EXPLORING:g} (up to "
                         f"{explored[exploring].max():.2g}): what is greedy then may change; give after=")
    visited = _visited(result, stable)
    if visited is not None and visited.mean() < 0.5:
        found.append(f"{many.removeprefix('of ')} visited {visited.mean():.0%} of their table rows on average: most of "
                     "what their strategies say was never tried")
    return found


def _place(where):
    """Where the parameter of an exploration stands among a learner's arrays."""
    parts = where.split(".")
    return ".".join([*(part for part in parts[:-2] if part.isdigit()), parts[-1]])


def _visited(result, runs):
    """Share of table rows that each run has visited, over all tables that count; None where rows are not fixed."""
    e = result.experiment
    if e.encoder.grows:
        return None
    shares = [(array[runs] > 0).mean(axis=(1, 2)) for name, array in result.arrays.items()
              if name.startswith("learner.") and name.rpartition(".")[2] == "visits" and array.ndim == 3]
    return np.mean(shares, axis=0) if shares else None
