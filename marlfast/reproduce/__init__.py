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
from marlfast.reproduce.article2026 import Article2026
from marlfast.reproduce.banchio2022 import Banchio2022
from marlfast.reproduce.base import Figure, Report, Study
from marlfast.reproduce.battery import Battery, BatteryReport
from marlfast.reproduce.calvano2020 import Calvano2020
from marlfast.reproduce.littman1994 import Littman1994
from marlfast.reproduce.lola2018 import Lola2018
from marlfast.reproduce.matignon2012 import Matignon2012
from marlfast.reproduce.papoudakis2021 import Papoudakis2021
from marlfast.reproduce.qmix2018 import Qmix2018
from marlfast.reproduce.tan1993 import Tan1993

__all__ = ["Article2026", "Banchio2022", "Battery", "BatteryReport", "Calvano2020", "Figure", "Littman1994",
           "Lola2018", "Matignon2012", "Papoudakis2021", "Qmix2018", "Report", "Study", "Tan1993", "studies"]


def studies():
    """Find all studies.

    Returns
    -------
    dict of str to type
        The class of each study, by its name.

    See Also
    --------
    Study : What each of them has.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> sorted(reproduce.studies())[:6]
    ['article2026', 'banchio2022', 'battery', 'calvano2020', 'littman1994', 'lola2018']
    """
    return names("study")
