"""The site: it builds without a warning, fetches nothing, and its reference has every public name."""
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import marlfast as mf

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
# Not for the users of the package, or what their own pages show.
INNER = {"archive", "backends", "bench", "cli", "comparison", "core", "declarations", "disk", "doubts", "env",
         "evaluate", "experiment", "exports", "files", "limits", "load", "memory", "policy", "profiling", "progress",
         "reference", "registry", "renamed", "replay", "reports", "resolved", "result", "seeds", "session",
         "table_policy", "tables", "team", "toml", "train"}


def shown():
    """(module, its names or None for all) of every block of the reference."""
    for path in REFERENCE.glob("*.md"):
        for module, options in re.findall(r"^```\{public\} (\S+)\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S):
            found = re.search(r"^:names: (.*)$", options, re.M)
            yield module, found and found[1].split()


def test_the_reference_has_every_public_name():
    there = set()
    for module, names in shown():
        imported = importlib.import_module(module) if "adapters" not in module else None
        if not names and imported:          # as docs/conf.py does
            names = getattr(imported, "__all__", None) or [
                name for name, thing in vars(imported).items() if getattr(thing, "__module__", None) == module]
        there |= {module} | {id(getattr(imported, name)) for name in names or ()}
    missing = []
    for name in mf.__all__:
        thing = getattr(mf, name)
        if (thing.__name__ if inspect.ismodule(thing) else id(thing)) not in there:
            missing.append(name)
    assert missing == []


def test_every_public_module_has_a_place_in_the_reference():
    modules = {module.split(".")[1] for module, _ in shown() if "." in module}
    assert sorted({m.name for m in pkgutil.iter_modules(mf.__path__) if not m.name.startswith("_")} - modules) == \
        sorted(INNER)


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path):
    for library in ("sphinx", "myst_parser", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_design", "numpydoc",
                    "pettingzoo", "gymnasium", "matplotlib", "pandas"):
        pytest.importorskip(library)
    done = subprocess.run([sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d",
                           tmp_path / "trees", ROOT / "docs", tmp_path / "site"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    pages = {path.relative_to(tmp_path / "site").as_posix(): path.read_text("utf-8")
             for path in (tmp_path / "site").rglob("*.html")}
    for name in ("index.html", "tutorial.html", "howto/own_learner.html", "explain/draws.html", "reference/games.html"):
        assert name in pages
    fetched = {name: found for name, text in pages.items()
               if (found := re.findall(r"<(?:script|link|img)\b[^>]*(?:src|href)=\"((?:https?:)?//[^\"]+)", text))}
    assert fetched == {}
    # Names that stand as code lead to the reference; pictures are drawn on light and on dark, at double density.
    assert re.search(r'<a class="reference internal" href="reference/learners.html#[^"]+"[^>]*><code[^>]*><span '
                     r'class="pre">HystereticQ</span>', pages["learners.html"])
    for tone in ("light", "dark"):
        assert (tmp_path / "site" / re.search(rf'src="(_pictures/[^"]+-{tone}.png)"', pages["index.html"])[1]).exists()
    # An entry for each game and learner.
    for package in ("games", "learners"):
        entries = [f'id="marlfast.{package}.{name}"' for name in getattr(mf, package).__all__]
        assert [entry for entry in entries if entry not in pages[f"reference/{package}.html"]] == []


def toctrees():
    """(page, pages that its menus list) of every page of the site."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S):
            yield path, [(path.parent / line).resolve().relative_to(ROOT / "docs").as_posix()
                         for line in block.split("\n") if line and not line.startswith(":")]


def test_the_menu_lists_each_page_once():
    listed = [page for _, pages in toctrees() for page in pages]
    assert sorted(listed) == sorted(set(listed))
    there = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(listed) | {"index"} == there
