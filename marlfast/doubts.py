"""What a person should know about an experiment before, and about a result after, it is taken at its word."""
import sys
import warnings

import numpy as np

from marlfast.errors import MarlfastWarning
from marlfast.schedules import schedules_of
from marlfast.stop import GREEDY_STABLE, LEVELS

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


def afterwards(result):
    """Sentences on runs that ended by GreedyStable and may have ended too early."""
    arrays, e = result.arrays, result.experiment
    stable = arrays["reason"] == GREEDY_STABLE
    if not stable.any():
        return []
    many, found = f"of {int(stable.sum())} runs that GreedyStable ended", []
    limits, after = e.resolved.limits, e.resolved.stable_after
    first = stable & (arrays["steps"] <= after + limits.stable)
    if first.any():
        found.append(f"{int(first.sum())} {many} stopped at the first step at which it could hold, before any greedy "
                     "action had changed: nothing may have been learned yet; give it a larger n, or after=")
    levels = dict(schedules_of(e.learner))
    for where, schedule in levels.items():
        low, high = schedule.bounds()
        name = f"learner.{_place(where)}.value"
        if where.endswith(LEVELS[0]) and low < high and name in arrays:
            exploring = stable & (arrays[name] > EXPLORING)
            if exploring.any():
                found.append(f"{int(exploring.sum())} {many} stopped while {where} was above {EXPLORING:g} (up to "
                             f"{arrays[name][exploring].max():.2g}): what is greedy then may change; give after=")
    seen = _visited(result, stable)
    if seen is not None and seen < 0.5:
        found.append(f"{many.removeprefix('of ')} visited {seen:.0%} of their table rows on average: most of what "
                     "their strategies say was never tried")
    return found


def _place(where):
    """Where the level of an exploration stands among a learner's arrays."""
    parts = where.split(".")
    return ".".join([*(part for part in parts[:-2] if part.isdigit()), "level"])


def _visited(result, runs):
    """Share of table rows that runs have visited, over all tables that count; None where rows are not fixed."""
    e = result.experiment
    if e.encoder.grows:
        return None
    shares = [(array[runs] > 0).mean() for name, array in result.arrays.items()
              if name.startswith("learner.") and name.rpartition(".")[2] == "visits" and array.ndim == 3]
    return float(np.mean(shares)) if shares else None
