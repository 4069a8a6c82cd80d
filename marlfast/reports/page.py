"""From the content of a report to its page."""
import base64
import hashlib
from pathlib import Path

from marlfast import errors
from marlfast.comparison import Comparison, compare
from marlfast.disk import write_atomically
from marlfast.errors import extra
from marlfast.reports.content import of_result, of_sweep
from marlfast.reports.others import of_comparison, of_study
from marlfast.result import Result

HERE = Path(__file__).resolve().parent


def report(source, path=None, title=None):
    """Write one HTML page about a result, several results, a sweep or a study.

    It has pictures, statistics, parameters, and how to run it again.

    The page holds all that it shows and asks no server for anything, so that it can be read offline and sent around.
    The same numbers give the same page, byte for byte.

    Parameters
    ----------
    source : Result, Sweep, Comparison, reproduce.Report, dict of str to Result, str or path-like
        What it is about; or the file of a result, or the folder of a sweep. A dict of results is compared, as
        :func:`marlfast.compare` does.
    path : str or path-like, optional
        Where to write; a page that stands there is replaced. Default: beside a file (``run.npz``: ``run.html``), in a
        folder (``report.html``), else ``report.html`` here.
    title : str, optional
        Of the page. Default: what ``source`` is.

    Returns
    -------
    pathlib.Path
        Where the page is.

    Raises
    ------
    ImportError
        Without ``marlfast[report]`` (matplotlib and Jinja2).

    See Also
    --------
    marlfast.plotting : Its pictures, one by one.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=200, runs=5, seed=0)
    >>> mf.report(run, "climbing.html").name
    'climbing.html'
    """
    extra("jinja2", "report", "a report")
    extra("matplotlib", "report", "a report")
    source, name, beside = opened(source)
    path = beside if path is None else errors.path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"path: expected a name that ends in .html, got {str(path)!r}")
    content = _content(source, name)
    if title is not None:
        content["title"] = str(title)
    text = rendered(content)
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def _content(source, name):
    if isinstance(source, Comparison):
        return of_comparison(source)
    if hasattr(source, "study"):
        return of_study(source)
    return of_result(source, name) if isinstance(source, Result) else of_sweep(source, name)


def opened(source):
    """(result or sweep, what it is called, where its page goes by default)."""
    if isinstance(source, (dict, list, tuple)):
        source = compare(source)
    if isinstance(source, Comparison):
        return source, None, Path("comparison.html")
    if hasattr(source, "study"):
        return source, None, Path(f"{source.study.name}.html")
    if isinstance(source, Result):
        return source, None, Path("report.html")
    if is_sweep(source):
        return source, str(source.folder), Path(source.folder) / "report.html"
    from marlfast import load

    place = errors.path(source, "source", "a Result, a Sweep, or the path of one")
    beside = place / "report.html" if place.is_dir() else place.with_name(place.name.removesuffix(".npz") + ".html")
    return load(place), str(source), beside


def is_sweep(given):
    """Whether it is the outcome of a sweep."""
    return all(hasattr(given, name) for name in ("table", "curves", "names", "over", "experiment"))


def rendered(content):
    """The page as text. All that is not in our own files is escaped."""
    jinja2 = extra("jinja2", "report", "a report")
    script, style = ((HERE / name).read_text(encoding="utf-8").strip() for name in ("page.js", "page.css"))
    # The browser runs this script and no other, whatever should get into the page.
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    template = environment.from_string((HERE / "page.jinja").read_text(encoding="utf-8"))
    return template.render(**content, script=script, style=style, script_hash=f"sha256-{allowed}")
