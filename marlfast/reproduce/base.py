"""What every study has: figures that were published, and those that come out here."""
import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np

from marlfast.errors import flag, integer
from marlfast.registry import Definition
from marlfast.tables import Tables

APART = 3.0     # standard errors beyond which two figures are said to differ


@dataclass(frozen=True)
class Figure:
    """A published number beside the one obtained.

    Parameters
    ----------
    what : str
        What it is the number of.
    obtained : float
        What came of it here.
    error : float
        Standard error of ``obtained``; 0 where it is exact.
    published : float, optional
        None: no such number was published; the figure informs.
    published_error : float
        Standard error of ``published``.
    rounding : float
        Half a unit of the last place that was published.
    digits : int
        Decimals to print.
    why : str
        What decides the difference, where there is one and that is known.

    See Also
    --------
    Report : What figures are part of.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> figure = reproduce.Figure("share of wins", obtained=0.52, error=0.01, published=0.49, published_error=0.01)
    >>> round(figure.apart, 2), figure.differs
    (2.12, False)
    """

    what: str
    obtained: float
    error: float = 0.0
    published: float | None = None
    published_error: float = 0.0
    rounding: float = 0.0
    digits: int = 3
    why: str = ""

    @property
    def difference(self):
        """Obtained less published; None where nothing was published."""
        return None if self.published is None else self.obtained - self.published

    @property
    def apart(self):
        """The difference, beyond what rounding explains, in standard errors; None where nothing was published."""
        if self.published is None:
            return None
        beyond = max(0.0, abs(self.difference) - self.rounding)
        error = math.hypot(self.error, self.published_error)
        return beyond / error if error else 0.0 if beyond <= 1e-12 * abs(self.published) else math.inf

    @property
    def differs(self):
        """Whether the two are more than three standard errors apart; None where nothing was published."""
        return None if self.published is None else self.apart > APART


def mean(what, values, published=None, published_error=None, over=None, deviation=None, **options):
    """A figure that is a mean over runs.

    Parameters
    ----------
    what : str
    values : sequence of float
        One of each run.
    published, published_error : float, optional
    over : int, optional
        How many runs are behind the published number, where its standard error was not: runs are then taken to vary
        there as they do here.
    deviation : float, optional
        How much runs vary, where that is known better than from ``values``.
    **options
        See :class:`Figure`.
    """
    values = np.asarray(values, np.float64)
    if deviation is None:
        deviation = float(values.std(ddof=1)) if len(values) > 1 else math.inf
    if published_error is None:
        published_error = deviation / math.sqrt(over) if over else 0.0
    return Figure(what, float(values.mean()), deviation / math.sqrt(len(values)), published, published_error,
                  **options)


def share(what, values, published=None, over=None, **options):
    """A figure that is a share of runs.

    Parameters
    ----------
    what : str
    values : sequence of bool
        One of each run.
    published : float, optional
    over : int, optional
        How many runs are behind the published share.
    **options
        See :class:`Figure`.

    Notes
    -----
    The standard error of a share p of n runs is ``sqrt(p' (1 - p') / n)`` with ``p' = (n p + 1/2) / (n + 1)``, so that
    it is not 0 where none or all of a few runs did.
    """
    values = np.asarray(values, bool)
    theirs = 0.0 if published is None or over is None else _error_of_share(published, over)
    return Figure(what, float(values.mean()), _error_of_share(values.mean(), len(values)), published, theirs,
                  **options)


def _error_of_share(p, n):
    p = (n * p + 0.5) / (n + 1)
    return math.sqrt(p * (1.0 - p) / n)


@dataclass(frozen=True)
class Report(Tables):
    """What a study gave.

    Attributes
    ----------
    study : Study
        With its options.
    figures : tuple of Figure
        In the order in which they are printed.
    notes : tuple of str
        What was left out, and what else there is to know.
    runs, seed : int
        As it was run.
    seconds : float
        That it took.

    See Also
    --------
    Study.run : Makes it.
    """

    study: object
    figures: tuple
    notes: tuple
    runs: int
    seed: int
    seconds: float

    @property
    def differing(self):
        """The figures that differ from what was published."""
        return tuple(figure for figure in self.figures if figure.differs)

    @property
    def unexplained(self):
        """Those of them whose difference nothing is known to decide."""
        return tuple(figure for figure in self.differing if not figure.why)

    def table(self):
        """A row for each figure.

        Returns
        -------
        dict of str to ndarray
            ``figure``, ``published`` and ``published_error`` (NaN where nothing was published), ``obtained`` and
            ``error`` (standard errors), ``apart`` (the difference in standard errors), ``differs``.
        """
        nan = float("nan")
        rows = [(f.what, nan if f.published is None else f.published, nan if f.published is None else f.published_error,
                 f.obtained, f.error, nan if f.published is None else f.apart, bool(f.differs)) for f in self.figures]
        names = ("figure", "published", "published_error", "obtained", "error", "apart", "differs")
        return {name: np.array([row[k] for row in rows]) for k, name in enumerate(names)}

    def draw(self, path):
        """Save a picture of what was published beside what came out.

        Parameters
        ----------
        path : str or path-like
            Ends in .png, .svg or .pdf.
        """
        from marlfast.plotting.style import axes_for, save_picture

        compared = sum(figure.published is not None for figure in self.figures)
        ax = axes_for(None, "a picture", (7.5, 1.4 + 0.32 * max(1, compared)))
        self.draw_figures(ax)
        save_picture(ax.figure, path)

    def draw_figures(self, ax):
        """Draw obtained and published figures, each as a share of what was published, into given axes.

        Bars are two standard errors long on either side. Where 0 was published, numbers are drawn as they are.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where to draw.
        """
        from marlfast.plotting.style import COLOURS, labels, legend, literal, quiet

        compared = [figure for figure in self.figures if figure.published is not None]
        if not compared:
            raise ValueError("no figures were published for these options, so there is nothing to draw")
        for k, figure in enumerate(compared):
            scale = abs(figure.published) or 1.0
            theirs, ours = figure.published / scale, figure.obtained / scale
            for at, error, y, marker, colour, name in (
                    (theirs, figure.published_error, k - 0.12, "D", COLOURS[1], "published"),
                    (ours, figure.error, k + 0.12, "o", COLOURS[0], "obtained")):
                error = 2.0 * error / scale if math.isfinite(error) else 0.0
                ax.errorbar(at, y, xerr=error, fmt=marker, markersize=5, color=colour, linewidth=1.5,
                            label=name if k == 0 else None)
        ax.set_yticks(range(len(compared)), [literal(figure.what) for figure in compared])
        ax.set_ylim(len(compared) - 0.4, -0.6)
        quiet(ax, grid="x")
        labels(ax, title=f"{self.study.name}, {self.runs} runs",
               x="as a share of the published figure")
        legend(ax, loc="best")

    def summary(self):
        """Say in one sentence how many figures agree, and which do not.

        Returns
        -------
        str
            Without a line break.
        """
        compared = [figure for figure in self.figures if figure.published is not None]
        if not compared:
            return "Nothing to compare: no figures were published for these options."
        if not self.differing:
            return (f"{_all(len(compared))} with what was published, within {APART:g} standard errors.")
        listed = "; ".join(f"{figure.what}: {_number(figure.obtained, figure.digits)}, published "
                           f"{_number(figure.published, figure.digits)}" for figure in self.differing)
        why = dict.fromkeys(figure.why for figure in self.differing if figure.why)
        return " ".join([f"{len(self.differing)} of {len(compared)} figures differ from what was published: {listed}.",
                         *(f"{reason}." for reason in why)])

    def __str__(self):
        cells = [("", "published", "s.e.", "obtained", "s.e.", "apart")]
        for figure in self.figures:
            known = figure.published is not None
            cells.append((
                figure.what, _number(figure.published, figure.digits) if known else "-",
                _error(figure.published_error, figure.digits) if known else "",
                _number(figure.obtained, figure.digits), _error(figure.error, figure.digits),
                f"{_apart(figure.apart)}{'  differs' if figure.differs else ''}" if known else ""))
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        lines = ["  ".join(cell.ljust(w) if k in (0, 5) else cell.rjust(w)
                           for k, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip() for row in cells]
        few = ["With fewer than 5 runs the standard errors are themselves uncertain."] if self.runs < 5 else []
        return "\n".join([*lines, "", self.summary(), *few, *self.notes])


def _all(n):
    return "The figure agrees" if n == 1 else f"All {n} figures agree"


def _number(value, digits):
    return f"{value:,.{digits}f}"


def _error(value, digits):
    return "" if not value else "unknown" if math.isinf(value) else f"{value:,.{digits + 1}f}"


def _apart(value):
    return "inf" if math.isinf(value) else f"{value:.1f}"


class Study(Definition):
    """Base of studies: a published experiment that can be run again.

    A study is a frozen dataclass whose fields are the options of the experiment; ``figures`` runs it.

    Attributes
    ----------
    name : str
        The first author and the year.
    source : str
        What was published where.
    runs : int
        What ``--full`` takes: as many runs as are behind the published figures, where that is known.
    cheap : int
        How many runs are enough to see the point.
    report : type
        Of its report: Report, or a class derived from it.

    See Also
    --------
    Report : What comes of one.
    studies : All of them.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> study = reproduce.Tan1993(trials=100, last=50)
    >>> study.changed()
    {'trials': 100, 'last': 50}
    >>> [figure.what for figure in study.run(runs=2, seed=0).figures][:1]
    ['one hunter, one prey, at random']
    """

    kind = "study"
    renamed = {}
    source = ""
    runs = 1000
    cheap = 100
    report = Report

    def experiment(self):
        """Give the one experiment that the study is, for :func:`marlfast.train` and :func:`marlfast.sweep`.

        Returns
        -------
        Experiment
            With the study's options, of one run.
        """
        raise ValueError(f"study {self.name!r}: is not a single experiment, so it cannot be swept over; sweep over a "
                         "game and a learner")

    def figures(self, runs, seed, threads=None, progress=False):
        """Run it.

        Parameters
        ----------
        runs, seed : int
            How many runs, and the seed of all.
        threads : int, optional
            As of :func:`marlfast.train`.
        progress : bool
            Show it on stderr.

        Returns
        -------
        figures : list of Figure
            In the order in which they are printed.
        notes : list of str
            What was left out, and what else there is to know.
        *more : object
            What its own class of reports has beside these.
        """
        raise NotImplementedError

    def run(self, runs=None, seed=0, threads=None, progress=False):
        """Run it and compare.

        Parameters
        ----------
        runs : int, optional
            Default: ``cheap``.
        seed : int
            Of all runs.
        threads : int, optional
            As of :func:`marlfast.train`.
        progress : bool
            Show it on stderr.

        Returns
        -------
        Report
            Obtained and published figures, side by side.
        """
        runs = self.cheap if runs is None else runs
        runs, seed = integer("runs", runs, 1, 2**31 - 1), integer("seed", seed, 0, 2**64 - 1)
        progress, begun = flag("progress", progress), time.perf_counter()
        figures, notes, *more = self.figures(runs, seed, threads, progress)
        return self.report(self, tuple(figures), tuple(notes), runs, seed, time.perf_counter() - begun, *more)

    @property
    def as_published(self):
        """Whether every option is as published; else there is nothing to compare with."""
        return self == type(self)()

    def published(self, value):
        """Give a published number back where every option is as published.

        Parameters
        ----------
        value : float
            As published.

        Returns
        -------
        float or None
            None where there is nothing to compare with.
        """
        return value if self.as_published else None

    def changed(self):
        """Find the options that are not as published.

        Returns
        -------
        dict of str to object
            Their values, by name.
        """
        ours, theirs = self.to_dict(), type(self)().to_dict()
        return {f.name: ours.get(f.name) for f in dataclasses.fields(self) if ours.get(f.name) != theirs.get(f.name)}
