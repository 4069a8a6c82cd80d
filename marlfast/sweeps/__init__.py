"""Sweeps: an experiment over a grid, or a random sample, of its parameters and over seeds."""
from marlfast.sweeps.checks import Report, check
from marlfast.sweeps.costs import Cost, cost
from marlfast.sweeps.folder import merge
from marlfast.sweeps.results import Sweep, load
from marlfast.sweeps.run import resume, sweep

__all__ = ["Cost", "Report", "Sweep", "check", "cost", "load", "merge", "resume", "sweep"]
