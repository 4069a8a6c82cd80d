"""The site: ``sphinx-build -W --keep-going docs build/site``. Nothing is fetched while it is built."""
import inspect
from importlib import import_module

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

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "marlfast"
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

# Headings can be linked to. Links to files outside of docs/ become downloads.
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "none"          # docstrings say types, with shapes
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True


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
