"""Sweeps: an experiment over a grid, or a random sample, of its parameters and over seeds."""
from marlfast.sweeps.folder import merge
from marlfast.sweeps.results import Sweep, load
from marlfast.sweeps.run import resume, sweep

__all__ = ["Sweep", "load", "merge", "resume", "sweep"]
