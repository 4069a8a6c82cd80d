"""What all pictures have in common: colours, axes, labels."""
import functools

import numpy as np

from marlfast.errors import extra

#: Colours that stay apart for colour-blind people. Source: M. Okabe and K. Ito, "Color universal design" (2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D00")
INK, QUIET, PALE, NONE = "#444444", "#999999", "#dddddd", "#e6e6e6"
#: Of numbers from low to high; and of numbers that lie on either side of one in the middle.
SEQUENTIAL, DIVERGING = "cividis", "PuOr_r"


def axes_for(ax, what, size=(8.0, 4.5)):
    """``ax``, or the axes of a new figure, made without ``pyplot``."""
    if ax is not None:
        return ax
    return figure(size, what).subplots()


def figure(size, what="a picture"):
    """A new figure, made without ``pyplot``, that is saved as journals want it.

    In PDF and PostScript its letters are embedded as TrueType (Type 42; venues refuse Type 3); in SVG they are text,
    which can be searched and edited. What a user's own settings say of fonts in files (``pdf.fonttype`` and so on)
    is not looked at.
    """
    base = extra("matplotlib.figure", "plot", what).Figure
    return _figure_class(base)(figsize=size, layout="constrained")


@functools.cache
def _figure_class(base):
    import matplotlib

    class Figure(base):
        def savefig(self, *args, **kwargs):
            with matplotlib.rc_context({"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}):
                return super().savefig(*args, **kwargs)

    Figure.__doc__ = base.__doc__
    return Figure


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
    write_atomically(path, lambda file: figure.savefig(file, format=form, dpi=150))


def literal(text):
    """Text as it is: matplotlib would read a formula between dollar signs."""
    return str(text).replace("$", r"\$")


def quiet(ax, grid="y"):
    """A frame that does not shout."""
    if grid:
        ax.grid(axis=grid, color=PALE, linewidth=0.8)
        ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=INK)


def labels(ax, title=None, x=None, y=None):
    """Title and labels, in the colours and sizes that all pictures have."""
    if title:
        ax.set_title(literal(title), loc="left", fontsize=12)
    if x:
        ax.set_xlabel(literal(x), color=INK)
    if y:
        ax.set_ylabel(literal(y), color=INK)


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
        return list(COLOURS[:count])
    maps = extra("matplotlib", "plot", "a picture").colormaps[SEQUENTIAL]
    return [maps(x) for x in np.linspace(0.0, 1.0, count)]


def bar(ax, image, label, **options):
    """A colour bar beside the axes."""
    made = ax.figure.colorbar(image, ax=ax, **options)
    made.set_label(literal(label), color=INK)
    made.outline.set_edgecolor(QUIET)
    made.ax.tick_params(colors=INK)
    return made


def readable_on(colour):
    """Black or white, whichever can be read on a colour."""
    red, green, blue = extra("matplotlib.colors", "plot", "a picture").to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
