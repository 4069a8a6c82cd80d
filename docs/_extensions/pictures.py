"""Pictures that the build makes: of a page's own programs, on light and on dark, at double density.

```{picture}
:alt: What can be seen
```

shows what the last expression of the Python block before it gives: axes, or a figure of matplotlib's. The programs of
a page are run once, one after the other, in a folder of their own.

```{gallery}
examples/one
examples/other
```

is a card for each of these pages, with its first picture.
"""
import ast
import hashlib
import os
import re
import warnings
from contextlib import contextmanager
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

DENSITY = 2                     # pixels of the file for a pixel on the page
DPI = 90                        # of the page
BLOCK = re.compile(r"^```(python|\{picture\})[^\n]*\n(.*?)^```$", re.M | re.S)
logger = logging.getLogger(__name__)


@contextmanager
def _inside(folder):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def blocks(text):
    """("python", program) and ("{picture}", options) in the order of a page."""
    return BLOCK.findall(text)


def made(app, page):
    """Names, without ending, of the pictures of a page; made where they are not there.

    Parameters
    ----------
    app : Sphinx
    page : str
        Its name in the site, such as ``"pictures"``.
    """
    text = (Path(app.srcdir) / f"{page}.md").read_text(encoding="utf-8")
    programs = [program for kind, program in blocks(text) if kind == "python"]
    stem = f"{page.replace('/', '-')}-{hashlib.sha256(''.join(programs).encode()).hexdigest()[:10]}"
    wanted, count = [], 0
    for kind, _ in blocks(text):
        count += kind == "python"
        if kind == "{picture}":
            wanted.append(count - 1)
    folder = Path(app.outdir) / "_pictures"
    names = [f"{stem}-{k}" for k in wanted]
    if not all((folder / f"{name}-{tone}.png").exists() for name in names for tone in ("light", "dark")):
        folder.mkdir(parents=True, exist_ok=True)
        _run(programs, dict(zip(wanted, names, strict=True)), folder, page)
    return names


def _run(programs, names, folder, page):
    from marlfast.plotting.style import look

    space = {"__name__": "page"}
    work = folder / "work"
    work.mkdir(exist_ok=True)
    with _inside(work), warnings.catch_warnings(), open(os.devnull, "w", encoding="utf-8") as nowhere:
        warnings.simplefilter("ignore")
        space["print"] = lambda *args, **how: print(*args, **{**how, "file": nowhere})
        for k, program in enumerate(programs):
            tree = ast.parse(program, f"{page}, program {k + 1}")
            last = None
            if k in names:
                if not isinstance(tree.body[-1], ast.Expr):
                    raise ValueError(f"{page}: program {k + 1} has a picture, and must end in an expression")
                last = compile(ast.Expression(tree.body.pop().value), f"{page}, program {k + 1}", "eval")
            exec(compile(tree, f"{page}, program {k + 1}", "exec"), space)
            if last is not None:
                for tone in ("light", "dark"):
                    with look(tone):
                        found = eval(last, space)
                        figure = getattr(found, "figure", None) or found
                        figure.savefig(folder / f"{names[k]}-{tone}.png", dpi=DPI * DENSITY)


class Picture(SphinxDirective):
    """What the program before it draws."""

    option_spec = {"alt": directives.unchanged_required}

    def run(self):
        page, env = self.env.docname, self.env
        number = env.temp_data.setdefault("pictures", 0)
        env.temp_data["pictures"] = number + 1
        name = made(env.app, page)[number]
        if "alt" not in self.options:
            raise self.error("picture: needs :alt:, what can be seen, for those who cannot see it")
        up = "../" * page.count("/")
        return [_both(env.app, name, self.options["alt"], up)]


def _both(app, name, alt, up, classes=""):
    """The picture on light and on dark, as wide as it was drawn at most."""
    from PIL import Image

    with Image.open(Path(app.outdir) / "_pictures" / f"{name}-light.png") as image:
        width, height = (round(side / DENSITY) for side in image.size)
    text = "".join(f'<img class="only-{tone} picture {classes}" src="{up}_pictures/{name}-{tone}.png" '
                   f'alt="{nodes.unescape(alt)}" width="{width}" height="{height}" loading="lazy">'
                   for tone in ("light", "dark"))
    return nodes.raw("", f'<p class="picture">{text}</p>', format="html")


class Gallery(SphinxDirective):
    """Cards that lead to pages, each with the page's first picture."""

    has_content = True

    def run(self):
        lines = ["::::{grid} 1 2 2 3", ":gutter: 3", ""]
        for page in self.content:
            text = (Path(self.env.srcdir) / f"{page}.md").read_text(encoding="utf-8")
            title = re.search(r"^# (.*)$", text, re.M)[1]
            told = re.search(r"^# .*\n+((?:[^\n]+\n)+)", text, re.M)[1].replace("\n", " ").split(". ")[0].rstrip(".")
            image = self._image(page, text)
            lines += [":::{grid-item-card} " + title, f":link: /{page}", ":link-type: doc", *image, "",
                      re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", told) + ".", ":::", ""]
        lines.append("::::")
        node = nodes.container()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, node)
        return node.children

    def _image(self, page, text):
        names = made(self.env.app, page)
        up = "../" * self.env.docname.count("/")
        if names:
            alt = re.search(r"^```\{picture\}\n:alt: (.*)$", text, re.M)[1]
            source, dark = f"{up}_pictures/{names[0]}-light.png", f"{up}_pictures/{names[0]}-dark.png"
            return ["", "```{raw} html", f'<img class="only-light card" src="{source}" alt="{alt}" loading="lazy">'
                    f'<img class="only-dark card" src="{dark}" alt="{alt}" loading="lazy">', "```"]
        found = re.search(r"!\[([^\]]*)\]\(([^)]+)\)", text)
        if not found:
            return []
        path = os.path.normpath(f"/{os.path.dirname(page)}/{found[2]}")
        return ["", f"```{{image}} {path}", f":alt: {found[1]}", "```"]


class DarkSiblings(SphinxTransform):
    """A picture beside which there is one of the same name and "-dark" is shown on dark pages as that."""

    default_priority = 410          # before images are collected

    def run_here(self, node):
        stem, dot, ending = node["uri"].rpartition(".")
        other = f"{stem}-dark.{ending}"
        _, path = self.env.relfn2path(other, self.env.docname)
        if not dot or "://" in other or not Path(path).exists():
            return
        dark = node.deepcopy()
        dark["uri"] = other
        node["classes"], dark["classes"] = ["only-light"], ["only-dark"]
        node.parent.insert(node.parent.index(node) + 1, dark)

    def apply(self, **kwargs):
        for node in list(self.document.findall(nodes.image)):
            if "?" not in node["uri"]:
                self.run_here(node)


def setup(app):
    app.add_transform(DarkSiblings)
    app.add_directive("picture", Picture)
    app.add_directive("gallery", Gallery)
    return {"parallel_read_safe": False}
