"""Sweeps: an experiment over a grid, or a random sample, of its parameters and over seeds."""
from marlfast.sweeps.checks import Report, check
from marlfast.sweeps.costs import Cost, cost
from marlfast.sweeps.folder import merge
from marlfast.sweeps.results import Sweep, load
from marlfast.sweeps.run import resume, sweep
from marlfast.sweeps.tuned import Tuned
from marlfast.sweeps.tuning import tune

__all__ = ["Cost", "Report", "Sweep", "Tuned", "check", "cost", "load", "merge", "resume", "sweep",
           "tune"]
