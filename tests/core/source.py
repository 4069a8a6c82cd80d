"""What the checkout's sources say about the compiled modules; used by the stub and twin tests."""
import ast
import importlib
import inspect
import re
from pathlib import Path

from marlfast.declarations.base import Kernel

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {path.stem[1:]: path for path in sorted((ROOT / "src").glob("_*.pyx"))}
STUBS = {path.stem[1:]: path for path in sorted((ROOT / "marlfast" / "core").glob("_*.pyi"))}


def _split(text):
    """Split at commas that stand outside brackets."""
    parts, depth, part = [], 0, ""
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += letter
    return [p.strip() for p in (*parts, part) if p.strip()]


def parameter(text):
    """(name, default or None) of a parameter as Cython writes it, such as ``Game game not None = x``."""
    name, _, default = text.partition("=")
    name = re.sub(r"\s+(not|or)\s+None\s*$", "", name.strip())
    return re.split(r"[\s\]*]+", name)[-1], default.strip() or None


def pyx_constructors(path):
    """Parameters of every cdef class's ``__init__``, from the source: {class: [(name, default)]}."""
    text = path.read_text(encoding="utf-8")
    found = {}
    starts = list(re.finditer(r"^cdef class (\w+)", text, re.M))
    for k, start in enumerate(starts):
        end = starts[k + 1].start() if k + 1 < len(starts) else len(text)
        body = text[start.end():end]
        head = re.search(r"^    def __init__\(self(.*?)\)\s*:\s*$", body, re.M | re.S)
        found[start.group(1)] = [parameter(p) for p in _split(head.group(1)) if p.strip() != "*"] if head else None
        if head and "**given" in head.group(1):         # they are declared: see marlfast/declarations
            kernel = next(k for k in importlib.import_module(f"marlfast.declarations.{path.stem[1:]}").KERNELS
                          if k.name == start.group(1))
            found[start.group(1)] = _listed(kernel.signature)
    return found


def pyx_attributes(path):
    """Public attributes of every cdef class, from its source and header: {class: {names}}."""
    header = path.parents[1] / "marlfast" / "core" / f"{path.stem}.pxd"
    found = {}
    for text in (path.read_text(encoding="utf-8"), header.read_text(encoding="utf-8") if header.exists() else ""):
        for block in re.split(r"^(?=cdef class )", text, flags=re.M)[1:]:
            name = re.match(r"cdef class (\w+)", block).group(1)
            names = found.setdefault(name, set())
            for line in re.findall(r"^    cdef (?:readonly|public) \w+ (.+?)(?:#.*)?$", block, re.M):
                names.update(n.strip() for n in line.split(","))
            names.update(re.findall(r"^    @property\n    def (\w+)", block, re.M))
    return found


def ast_parameters(function, drop_self):
    """(name, default or None) of a function in a syntax tree."""
    a = function.args
    assert not (a.vararg or a.kwarg), f"{function.name}: only plain parameters are compared"
    names = [p.arg for p in (*a.posonlyargs, *a.args)]
    defaults = [None] * (len(names) - len(a.defaults)) + [ast.unparse(d) for d in a.defaults]
    by_name = [(p.arg, d and ast.unparse(d)) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    return list(zip(names, defaults, strict=True))[1 if drop_self else 0:] + by_name


class Stub:
    """Public names of a stub: ``functions``, ``classes`` ({name: (bases, methods, attributes)}), ``values``."""

    def __init__(self, path):
        self.functions, self.classes, self.values = {}, {}, set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = ast_parameters(node, False)
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = self._class(node)
            elif isinstance(node, ast.AnnAssign) and not node.target.id.startswith("_"):
                self.values.add(node.target.id)

    @staticmethod
    def _class(node):
        methods, attributes = {}, set()
        for part in node.body:
            if isinstance(part, ast.AnnAssign):
                attributes.add(part.target.id)
            elif isinstance(part, ast.FunctionDef):
                if any(ast.unparse(d) == "property" for d in part.decorator_list):
                    attributes.add(part.name)
                else:
                    methods[part.name] = ast_parameters(part, True)
        return [ast.unparse(base) for base in node.bases], methods, attributes


def runtime_parameters(function, drop_self):
    """(name, default or None) of a Python or compiled function."""
    return _listed(inspect.signature(function))[1 if drop_self else 0:]


def _listed(signature):
    return [(p.name, None if p.default is p.empty else repr(p.default)) for p in signature.parameters.values()]


def constructor_parameters(cls):
    """(name, default or None) of the constructor of a twin, as declared where it is; None: it has none of its own."""
    if "declared" in vars(cls):
        return _listed(cls.__signature__)
    own = vars(cls).get("__init__")
    return own and runtime_parameters(own, True)


def public_parts(module):
    """Public classes and functions that a module itself defines: ({name: class}, {name: function}, {values})."""
    classes, functions, values = {}, {}, set()
    for name, part in vars(module).items():
        if name.startswith("_") or inspect.ismodule(part):
            continue
        if isinstance(part, type):
            if part.__module__ == module.__name__:
                classes[name] = part
        elif callable(part):
            if part.__module__ == module.__name__:
                functions[name] = part
        elif not isinstance(part, Kernel):          # what is declared of the module's kernels
            values.add(name)
    return classes, functions, values


def public_methods(cls):
    """Public methods that a class itself defines: {name: function}."""
    return {name: part for name, part in vars(cls).items()
            if not name.startswith("_") and callable(part) and not isinstance(part, type)}
