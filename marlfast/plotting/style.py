"""What all pictures have in common: colours, axes, labels, and the arguments that every one of them takes."""
import contextlib
import contextvars
import functools
import inspect
from dataclasses import dataclass

import numpy as np

from marlfast.errors import extra, real, sequence, shown, unknown

#: Colours that stay apart for colour-blind people. Source: M. Okabe and K. Ito, "Color universal design" (2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D00")
#: The same, the brighter ones first, for dark pages.
BRIGHT = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#F0E442", "#FFFFFF", "#4C9BD6")
#: Of numbers from low to high; and of numbers that lie on either side of one in the middle.
SEQUENTIAL, DIVERGING = "cividis", "PuOr_r"
COLUMN = 3.4                # inches, as wide as a column of a journal


@dataclass(frozen=True)
class Tones:
    """Colours of what is not data, on a light or on a dark page."""

    ink: str            # words
    quiet: str          # axes
    pale: str           # gridlines
    none: str           # places without a number
    strong: str         # lines that must be seen
    back: str           # behind all


LIGHT = Tones("#333333", "#808080", "#dddddd", "#e6e6e6", "#000000", "#ffffff")
DARK = Tones("#d8d8d8", "#8c8c8c", "#3a3f44", "#33383d", "#ffffff", "#14181e")
_TONES = contextvars.ContextVar("tones", default=LIGHT)
_SIZE = contextvars.ContextVar("size", default=None)
#: Looks by name: what matplotlib calls each setting.
STYLES = {
    "light": {},
    "dark": {"figure.facecolor": DARK.back, "savefig.facecolor": DARK.back, "axes.facecolor": DARK.back,
             "text.color": DARK.ink, "axes.labelcolor": DARK.ink, "axes.edgecolor": DARK.quiet,
             "xtick.color": DARK.ink, "ytick.color": DARK.ink, "legend.facecolor": DARK.back},
    "column": {"font.size": 8.0, "axes.titlesize": 8.5, "axes.labelsize": 8.0, "xtick.labelsize": 7.5,
               "ytick.labelsize": 7.5, "legend.fontsize": 7.0, "lines.markersize": 4.0, "axes.linewidth": 0.6},
}
_BASE = {"font.size": 10.0, "axes.titlesize": 11.0, "axes.labelsize": 10.0, "xtick.labelsize": 9.0,
         "ytick.labelsize": 9.0, "legend.fontsize": 9.0, "axes.titlelocation": "left"}
_ARGUMENTS = {
    "size": ("(float, float), optional", "Width and height in inches, of a new figure. Default: by what is drawn."),
    "title": ("str, optional", "In place of the picture's own; ``\"\"``: none."),
    "xlabel, ylabel": ("str, optional", "In place of what stands below and beside."),
    "style": ("str, dict or sequence of them, optional",
              "``\"light\"`` (default), ``\"dark\"``, ``\"column\"`` (for a column of a journal: 3.4 inches wide,\n"
              "letters of 7 to 8 points), a style of matplotlib's, or its settings by name. Later ones win."),
}


def tones():
    """Colours of what is not data, as the style under way has them."""
    return _TONES.get()


def picture(function):
    """Decorates what draws into ``ax=``: it takes ``size``, ``title``, ``xlabel``, ``ylabel`` and ``style``, too."""
    own = inspect.signature(function)

    @functools.wraps(function)
    def drawn(*args, size=None, title=None, xlabel=None, ylabel=None, style=None, **named):
        if size is not None:
            if own.bind_partial(*args, **named).arguments.get("ax") is not None:
                raise ValueError("size: the axes that were given have a figure, whose size it is; leave size out")
            size = _checked_size(size)
        with look(style, size):
            ax = function(*args, **named)
            for given, set_text in ((title, functools.partial(ax.set_title, loc="left")), (xlabel, ax.set_xlabel),
                                    (ylabel, ax.set_ylabel)):
                if given is not None:
                    set_text(literal(given))
        return ax

    extra_arguments = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
                       for name in ("size", "title", "xlabel", "ylabel", "style")]
    drawn.__signature__ = own.replace(parameters=[*own.parameters.values(), *extra_arguments])
    drawn.__doc__ = _documented(function.__doc__)
    return drawn


def _documented(text):
    """A docstring with the arguments that all pictures take, at the end of its parameters."""
    if text is None:
        return None
    lines = text.split("\n")
    at = next(k for k, line in enumerate(lines) if line.strip() == "Returns") - 1
    indent = " " * (len(lines[at + 1]) - len(lines[at + 1].lstrip()))
    more = []
    for name, (kind, told) in _ARGUMENTS.items():
        more += [f"{indent}{name} : {kind}", *(f"{indent}    {line}" for line in told.split("\n"))]
    return "\n".join(lines[:at] + more + lines[at:])


def _checked_size(size):
    if isinstance(size, str) or not np.iterable(size) or len(size) != 2:
        raise ValueError(f"size: expected width and height in inches, such as (6.4, 4), got {shown(size)}")
    found = tuple(real(f"size[{k}]", value, 0.5, 100.0) for k, value in enumerate(size))
    return found


@contextlib.contextmanager
def look(style=None, size=None):
    """Within it new figures have a style, and a size if that is given."""
    matplotlib = extra("matplotlib", "plot", "a picture")
    chosen = [style] if isinstance(style, (str, dict)) else list(style or ())
    settings, dark, column = dict(_BASE), _TONES.get() is DARK, False
    for one in chosen:
        if isinstance(one, dict):
            wrong = next((key for key in one if key not in matplotlib.rcParams), None)
            if wrong is not None:
                raise unknown("setting of matplotlib in style", wrong, matplotlib.rcParams)
            settings |= one
        elif one in STYLES:
            settings |= STYLES[one]
            dark, column = one == "dark" or dark and one != "light", column or one == "column"
        else:
            library = extra("matplotlib.style", "plot", "a picture").library
            if one not in library:
                raise unknown("style", one, [*STYLES, *library])
            settings |= library[one]
    tokens = _TONES.set(DARK if dark else LIGHT), _SIZE.set((size, column))
    try:
        # Only what is asked for: a user's own settings stand where no style is given.
        with matplotlib.rc_context(settings if chosen else {**_BASE, **_changed(matplotlib)}):
            yield
    finally:
        _TONES.reset(tokens[0])
        _SIZE.reset(tokens[1])


def _changed(matplotlib):
    """Those of our settings that a user has changed: they are kept."""
    return {key: matplotlib.rcParams[key] for key in _BASE
            if matplotlib.rcParams[key] != matplotlib.rcParamsDefault[key]}


def axes_for(ax, what, size=(6.4, 4.0)):
    """``ax``, or the axes of a new figure, made without ``pyplot``."""
    if ax is not None:
        if not hasattr(ax, "plot") or not hasattr(ax, "set_title"):
            raise TypeError(f"ax: expected axes of Matplotlib, got {shown(ax)}")
        return ax
    return figure(size, what).subplots()


def figure(size, what="a picture"):
    """A new figure, made without ``pyplot``, that is saved as journals want it.

    In PDF and PostScript its letters are embedded as TrueType (Type 42; venues refuse Type 3); in SVG they are text,
    which can be searched and edited. What a user's own settings say of fonts in files (``pdf.fonttype`` and so on)
    is not looked at.
    """
    given, column = _SIZE.get() or (None, False)
    if given is not None:
        size = given
    elif column:
        size = COLUMN, max(1.2, COLUMN * size[1] / size[0] * 1.1)
    size = tuple(real(f"size[{k}]", one, 0.01, 1000.0) for k, one in enumerate(
        sequence("size", size, "width and height in inches", 2)))
    base = extra("matplotlib.figure", "plot", what).Figure
    return _figure_class(base)(figsize=size, layout="constrained")


@functools.cache
def _figure_class(base):
    import matplotlib

    class Figure(base):
        def savefig(self, *args, **kwargs):
            with matplotlib.rc_context({"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none",
                                        "savefig.facecolor": "auto"}):
                return super().savefig(*args, **kwargs)

    Figure.__doc__ = base.__doc__
    return Figure


def legend(ax, **options):
    """A legend through which no gridline can be seen."""
    made = ax.legend(**({"framealpha": 0.9, "edgecolor": "none", "facecolor": ax.get_facecolor(), "borderpad": 0.3,
                         "labelcolor": tones().ink, "handlelength": 1.6} | options))
    return made


def save_picture(figure, path):
    """Write a figure in the format that the file's name ends in, all or nothing.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or path-like
        Ends in .png, .svg or .pdf.
    """
    from marlfast import errors
    from marlfast.disk import write_atomically

    path = errors.path(path)
    form = errors.choice("path: its ending", path.suffix.lower(), (".png", ".svg", ".pdf"))[1:]
    write_atomically(path, lambda file: figure.savefig(file, format=form, dpi=200))


def literal(text):
    """Text as it is: matplotlib would read a formula between dollar signs."""
    return str(text).replace("$", r"\$")


def quiet(ax, grid="y"):
    """A frame that does not shout."""
    if grid:
        ax.grid(axis=grid, color=tones().pale, linewidth=0.8)
        ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(tones().quiet)
    ax.tick_params(colors=tones().ink)


def labels(ax, title=None, x=None, y=None):
    """Title and labels, in the colours and sizes that all pictures have."""
    if title:
        ax.set_title(literal(title), loc="left", color=tones().ink)
    if x:
        ax.set_xlabel(literal(x), color=tones().ink)
    if y:
        ax.set_ylabel(literal(y), color=tones().ink)


def plain_number(value, position=None):
    """A tick's number with thousands separated, and no more decimals than it has."""
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:.3g}"


def whole_ticks(axis):
    """Ticks at whole numbers only."""
    ticker = extra("matplotlib.ticker", "plot", "a picture")
    axis.set_major_locator(ticker.MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axis.set_major_formatter("{x:,.0f}")


def colours(count):
    """So many colours to tell things apart; more than eight are steps from dark to light."""
    if count <= len(COLOURS):
        return list((BRIGHT if tones() is DARK else COLOURS)[:count])
    maps = extra("matplotlib", "plot", "a picture").colormaps[SEQUENTIAL]
    return [maps(x) for x in np.linspace(0.0, 1.0, count)]


def shade(number):
    """One of the colours."""
    return colours(len(COLOURS))[number]


def bar(ax, image, label, **options):
    """A colour bar beside the axes."""
    made = ax.figure.colorbar(image, ax=ax, **options)
    made.set_label(literal(label), color=tones().ink)
    made.outline.set_edgecolor(tones().quiet)
    made.ax.tick_params(colors=tones().ink)
    return made


def readable_on(colour):
    """Black or white, whichever can be read on a colour."""
    red, green, blue = extra("matplotlib.colors", "plot", "a picture").to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
