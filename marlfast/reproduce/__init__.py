"""Published experiments, run again: what was published beside what comes out here.

Each study is a definition of kind ``"study"`` whose options are those of the experiment. ``marlfast reproduce`` lists
them, ``marlfast reproduce NAME`` runs one.

Examples
--------
>>> from marlfast import reproduce
>>> report = reproduce.Calvano2020(stable=1000).run(runs=2)
>>> [figure.what for figure in report.figures][:3]
['runs that converge', 'periods until then', 'profit gain']
"""
from marlfast.registry import names
from marlfast.reproduce.base import Figure, Report, Study
from marlfast.reproduce.calvano2020 import Calvano2020

__all__ = ["Calvano2020", "Figure", "Report", "Study", "studies"]


def studies():
    """All studies, {name: class}."""
    return names("study")
