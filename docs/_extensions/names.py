"""Names of marlfast and of other libraries become links wherever they stand as code, without a network.

``IQL``, ``mf.sweep(...)`` and ``plotting.heat_map`` in a page lead to the reference. What docstrings say of NumPy,
matplotlib and the like leads to their sites: the few names in ``OTHERS`` are written as inventories of intersphinx, so
that none has to be fetched.
"""
import inspect
import re
import zlib
from importlib import import_module
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

#: By project: its address, and {name: (role, where)}; "$" is the name itself.
OTHERS = {
    "python": ("https://docs.python.org/3/", {
        **{name: ("class", "library/stdtypes.html#$") for name in ("dict", "list", "tuple", "str")},
        **{name: ("class", "library/functions.html#$") for name in ("int", "float", "bool", "object", "type")},
        **{name: ("exception", "library/exceptions.html#$") for name in (
            "ValueError", "TypeError", "ImportError", "RuntimeWarning", "DeprecationWarning", "OSError",
            "AttributeError", "NotImplementedError", "KeyboardInterrupt", "MemoryError")},
        "pathlib.Path": ("class", "library/pathlib.html#$"),
        "concurrent.futures.Executor": ("class", "library/concurrent.futures.html#$")}),
    "numpy": ("https://numpy.org/doc/stable/", {
        "numpy.ndarray": ("class", "reference/generated/$.html#$"),
        "numpy.random.Generator": ("class", "reference/random/generator.html#$")}),
    "matplotlib": ("https://matplotlib.org/stable/", {
        "matplotlib.axes.Axes": ("class", "api/_as_gen/$.html#$"),
        "matplotlib.figure.Figure": ("class", "api/_as_gen/$.html#$")}),
    "pandas": ("https://pandas.pydata.org/docs/", {
        "pandas.DataFrame": ("class", "reference/api/$.html#$")}),
    "gymnasium": ("https://gymnasium.farama.org/", {
        "gymnasium.vector.VectorEnv": ("class", "api/vector/#$")}),
    "pettingzoo": ("https://pettingzoo.farama.org/", {
        "pettingzoo.ParallelEnv": ("class", "api/parallel/#$")}),
}
#: Short names that the docs use for modules.
MODULES = {"mf": "marlfast", "marlfast": "marlfast", **{name: f"marlfast.{name}" for name in (
    "analysis", "plotting", "statistics", "games", "learners", "rewards", "schedules", "exploration", "encoders",
    "sweeps", "stop", "measures", "reproduce", "league", "initial", "draws")}}
CODE = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)(?:\(.*\))?", re.S)


def inventories(folder):
    """Write the inventories; returns ``intersphinx_mapping``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for project, (address, names) in OTHERS.items():
        lines = "".join(f"{name} py:{role} 1 {where.replace('$', name)} -\n" for name, (role, where) in names.items())
        head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        path = folder / f"{project}.inv"
        path.write_bytes(head.encode() + zlib.compress(lines.encode()))
        mapping[project] = address, str(path)
    return mapping


def public():
    """{what docs call it: its full name} of every public class and function."""
    found = {}
    for module in dict.fromkeys(MODULES.values()):
        imported = import_module(module)
        short = next(name for name, full in MODULES.items() if full == module and name != "marlfast")
        names = getattr(imported, "__all__", None) or [n for n, t in vars(imported).items() if not n.startswith("_")
                                                        and getattr(t, "__module__", None) == module]
        for name in names:
            thing = getattr(imported, name)
            if inspect.ismodule(thing) or not callable(thing):
                continue
            full = f"{module}.{name}"
            found |= {full: full, f"{short}.{name}": full, f"mf.{full.partition('.')[2]}": full}
            if inspect.isclass(thing):
                found.setdefault(name, full)
    return found


class Links(SphinxPostTransform):
    """Code in running text that is the name of something public leads to it."""

    default_priority = 300

    def run(self, **kwargs):
        domain, ours = self.env.get_domain("py"), self.app.public_names
        for node in list(self.document.findall(nodes.literal)):
            if any(isinstance(parent, (nodes.reference, nodes.title, nodes.term)) for parent in _parents(node)):
                continue
            match = CODE.fullmatch(node.astext())
            if not match:
                continue
            entry = None
            for name in (ours.get(match[1]), match[1]):
                entry = entry or domain.objects.get(name) or domain.objects.get(_elsewhere(name, domain))
            if entry is None or entry.objtype == "module":
                continue
            node.replace_self(make_refnode(self.app.builder, self.env.current_document.docname, entry.docname,
                                           entry.node_id, [node.deepcopy()], match[1]))


def _parents(node):
    while node.parent is not None:
        node = node.parent
        yield node


def _elsewhere(name, domain):
    """A class that the package shows too: the entry stands under one of its names."""
    if name and name.startswith("marlfast.") and name.count(".") == 1:
        tail = name.rpartition(".")[2]
        return next((f"{module}.{tail}" for module in MODULES.values() if f"{module}.{tail}" in domain.objects), None)
    return None


def setup(app):
    app.public_names = public()
    app.add_post_transform(Links)
    return {"parallel_read_safe": True}
