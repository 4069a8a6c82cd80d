"""The site: ``sphinx-build -W --keep-going docs build/site``. Nothing is fetched while it is built."""
import inspect
import sys
from importlib import import_module
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import marlfast
from marlfast.registry import Definition

project = "marlfast"
author = "the marlfast authors"
copyright = f"2026, {author}"
version = release = marlfast.__version__

sys.path.insert(0, str(Path(__file__).resolve().parent / "_extensions"))
import names  # noqa: E402

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx.ext.viewcode",
              "sphinx_copybutton", "sphinx_design", "names", "pictures"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_extensions"]
html_theme = "pydata_sphinx_theme"
html_title = "marlfast"
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_theme_options = {
    "logo": {"text": "marlfast"}, "show_toc_level": 2, "navigation_with_keys": False, "show_prev_next": True,
    "navbar_end": ["theme-switcher"], "footer_start": ["copyright"], "footer_end": [],
    "secondary_sidebar_items": ["page-toc"], "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": []}

# Headings can be linked to. Links to files outside of docs/ become downloads.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "none"          # docstrings say types, with shapes
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_aliases = {name: full for name, full in names.public().items() if "." not in name}
# Where numpydoc would look into Python's glossary, which is not at hand.
numpydoc_xref_aliases |= {
    "sequence": "collections.abc.Sequence", "iterable": "collections.abc.Iterable",
    "callable": "collections.abc.Callable", "mapping": "collections.abc.Mapping", "dictionary": "dict",
    "iterator": "collections.abc.Iterator", "generator": "collections.abc.Generator", "path-like": "os.PathLike",
    "bool": "bool", "boolean": "bool", "scalar": "float", "array-like": "numpy.ndarray", "array_like": "numpy.ndarray",
}
autosummary_generate = False
numpydoc_xref_ignore = "all"        # what is no name of ours or of Python's stays text

# Nothing is fetched: the names of other libraries that we use stand in inventories that are written here.
intersphinx_mapping = names.inventories(Path(__file__).resolve().parents[1] / "build" / "inventories")


class Public(SphinxDirective):
    """The public names of a module, or some of them: what its docstrings say.

    A registered definition (a game, a learner, ...) is its parameters; other classes have their methods and attributes.
    """

    required_arguments = 1
    option_spec = {"names": directives.unchanged, "besides": directives.unchanged}

    def run(self):
        module = import_module(self.arguments[0])
        besides = self.options.get("besides", "").split()
        names = self.options.get("names", "").split() or public_names(module)
        lines = ["```{eval-rst}", f".. currentmodule:: {module.__name__}", ""]
        for name in names:
            if name not in besides:
                lines += self._directive(name, getattr(module, name))
        node = nodes.container()
        self.state.nested_parse(StringList([*lines, "```"], self.arguments[0]), self.content_offset, node)
        return node.children

    @staticmethod
    def _directive(name, thing):
        if not inspect.isclass(thing):
            return [f".. autofunction:: {name}", ""]
        if issubclass(thing, Definition) and thing.name:
            return [f".. autoclass:: {name}", ""]
        return [f".. autoclass:: {name}", "   :members:", ""]


def public_names(module):
    """What ``__all__`` lists; else the public functions and classes made in the module."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [name for name, thing in vars(module).items() if not name.startswith("_") and callable(thing)
            and getattr(thing, "__module__", None) == module.__name__]


def setup(app):
    app.add_directive("public", Public)
