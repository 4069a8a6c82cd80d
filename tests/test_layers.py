"""Who may import whom. Each floor uses itself and what stands below it; docs/design.md draws the picture."""
import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "marlfast"
SOURCES = PACKAGE.parent / "src"

# The floors, highest first. A name is a module or package directly under marlfast; "" is marlfast/__init__.py.
FLOORS = {
    "doors": {"", "__main__", "adapters", "bench", "cli", "load", "profiling", "reports", "reproduce", "sweeps"},
    "judging": {"analysis", "comparison", "league", "measures", "plotting", "replay", "solvers",
                "statistics"},
    "running": {"doubts", "env", "evaluate", "experiment", "exports", "files", "policy", "resolved", "result",
                "session", "table_policy", "tables", "team", "toml", "train"},
    "definitions": {"draws", "encoders", "exploration", "games", "initial", "learners", "rewards", "schedules", "stop"},
    "kernels": {"core", "reference"},
    "ground": {"archive", "backends", "declarations", "disk", "errors", "limits", "memory", "progress", "registry",
               "renamed", "seeds"},
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names}
HEIGHT = {name: len(FLOORS) - k for k, names in enumerate(FLOORS.values()) for name in names}

# Definitions know each other only where one is made of another: learners of explorations, explorations of schedules.
PEERS = {"learners": {"exploration", "initial", "schedules"}, "exploration": {"schedules"}, "stop": {"schedules"}}

# Upward imports that stand inside a function, for methods that are only short for a call from above:
# ``game.env(...)``, ``learner.team(...)``, ``result.plot()``, and the version that a file is stamped with.
SHORTCUTS = {("games.base", "env"), ("learners.base", "team"), ("result", "plotting"), ("files", ""),
             ("table_policy", ""), ("comparison", "reports"), ("result", "measures")}


def modules():
    """{dotted name below marlfast: path}; a package stands under its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name):
    """(absolute dotted module, whether it is imported when this one is) of every import statement."""
    path, found = MODULES[name], []
    package = ["marlfast", *name.split(".")] if path.name == "__init__.py" else ["marlfast", *name.split(".")[:-1]]
    package = [part for part in package if part]

    def visit(node, at_once):
        for child in ast.iter_child_nodes(node):
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if isinstance(child, ast.Import):
                found.extend((alias.name, at_once) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = ".".join(package[:len(package) + 1 - child.level]) if child.level else ""
                base = ".".join(part for part in (base, child.module) if part)
                for alias in child.names:
                    whole = f"{base}.{alias.name}"
                    below = whole.removeprefix("marlfast.")
                    found.append((whole if whole.startswith("marlfast.") and below in MODULES else base, at_once))
            visit(child, at_once and not inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def inner(name):
    """(dotted name below marlfast, at once) of the imports of this package."""
    return [(target.removeprefix("marlfast").removeprefix("."), at_once) for target, at_once in imports(name)
            if target.partition(".")[0] == "marlfast"]


def top(name):
    return name.partition(".")[0]


def test_the_imports_are_read_rightly():
    # What the other tests stand on, checked on imports that are certainly there.
    assert ("games", True) in inner("") and ("train", True) in inner("")
    assert ("env", False) in inner("games.base") and ("registry", True) in inner("games.base")
    assert ("reference.kernels", True) in inner("reference.q_learning")
    assert ("numpy", True) in imports("reference.q_learning")


def test_every_module_has_a_floor():
    assert {top(name) for name in MODULES} == set(FLOOR), "give the new module a floor in tests/test_layers.py"
    assert len(FLOOR) == sum(map(len, FLOORS.values())), "a module stands on two floors"


def test_the_page_on_the_design_draws_the_floors():
    text = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = dict(re.findall(r"^(\w+): {2,}(\S.*)$", text, re.M))
    for floor, names in FLOORS.items():
        assert set(re.findall(r"\w+", drawn.get(floor, ""))) == names - {"", "__main__", "renamed"}, floor


@pytest.mark.parametrize("name", [n for n in MODULES if FLOOR.get(top(n)) != "kernels"])
def test_a_module_uses_only_what_stands_below_it(name):
    own = FLOOR[top(name)]
    for target, at_once in inner(name):
        where = f"marlfast.{name} imports marlfast.{target}"
        if (name, target) in SHORTCUTS:
            assert not at_once, f"{where}, when it is itself imported"
            continue
        floor = FLOOR[top(target)]
        assert HEIGHT[top(target)] <= HEIGHT[top(name)], f"{where}, which stands above it"
        assert floor != "kernels", f"{where}: kernels come from marlfast.backends alone"
        if own == floor == "definitions":
            assert top(target) == top(name) or top(target) in PEERS.get(top(name), ()), where


@pytest.mark.parametrize("name, forbidden", [("games", "learners"), ("learners", "games"), ("rewards", "learners"),
                                             ("rewards", "games"), ("games", "rewards"), ("games", "encoders")])
def test_definitions_do_not_know_each_other(name, forbidden):
    members = [n for n in MODULES if top(n) == name]
    assert members
    assert not [(n, target) for n in members for target, _ in inner(n) if top(target) == forbidden]


def test_the_shortcuts_are_all_still_there():
    assert {(name, target) for name, target in SHORTCUTS if (target, False) not in inner(name)} == set()


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {name: {target for target, at_once in inner(name) if at_once and target in MODULES} for name in MODULES}
    done, under_way = set(), []

    def visit(name):
        assert name not in under_way, f"a circle: {' -> '.join([*under_way[under_way.index(name):], name])}"
        if name not in done:
            under_way.append(name)
            for target in sorted(graph[name]):
                visit(target)
            done.add(under_way.pop())

    for name in graph:
        visit(name)
    assert done == set(graph)


@pytest.mark.parametrize("name", [n for n in MODULES if top(n) == "reference"])
def test_the_reference_uses_numpy_and_itself_only(name):
    for target, _ in imports(name):
        first = target.partition(".")[0]
        assert (first == "numpy" or first in sys.stdlib_module_names or target.startswith(
            ("marlfast.reference.", "marlfast.declarations."))), f"marlfast.{name} imports {target}"


@pytest.mark.parametrize("name", [n for n in MODULES if top(n) == "declarations"])
def test_declarations_know_no_kernels(name):
    """They stand below the compiled kernels and their twins, which both read them."""
    for target, _ in imports(name):
        first = target.partition(".")[0]
        assert (first == "numpy" or first in sys.stdlib_module_names or target in ("marlfast.errors", "marlfast.memory")
                or target.startswith("marlfast.declarations")), f"marlfast.{name} imports {target}"


def test_only_the_backends_choose_kernels():
    """No other module imports kernels by a string."""
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                text = ast.unparse(node)
                chooses = "marlfast.core" in text or "marlfast.reference" in text
                assert name == "backends" or not chooses, f"marlfast.{name}: {text}"
    backends = MODULES["backends"].read_text(encoding="utf-8")
    assert "marlfast.core._" in backends and "marlfast.reference." in backends


def test_core_knows_nothing_above_it():
    """Compiled sources and headers import C, NumPy, the standard library, what is declared, and each other."""
    files = [*SOURCES.glob("*.pyx"), *(PACKAGE / "core").glob("*.pxd"), PACKAGE / "core" / "__init__.py"]
    assert len(files) > 10
    noted = set()
    for path in files:
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"^(?:from|c?import)\s+(\S+)", text, re.M):
            noted.add(target)
            outside = (target.startswith(("libc.", "cpython.", "cython", "marlfast.declarations"))
                       or target in {"numpy", *sys.stdlib_module_names})
            assert outside or re.fullmatch(r"marlfast\.core(\.\w+)?", target), f"{path.name} imports {target}"
    assert "marlfast.core._kernels" in noted and "numpy" in noted


def test_core_has_no_python_above_the_kernels():
    assert [n for n in MODULES if top(n) == "core"] == ["core"]
    assert imports("core") == []


OPTIONAL = ("matplotlib", "tqdm", "numba", "scipy", "pandas", "jax", "pettingzoo", "gymnasium", "jinja2", "tensorboard",
            "wandb", "mlflow")


def test_importing_marlfast_imports_no_extra():
    code = f"import sys, marlfast; print([n for n in {OPTIONAL} if n in sys.modules], " \
           "[n for n in sys.modules if n.startswith('marlfast.') and n.split('.')[1] in ('cli', 'bench', 'plotting')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"
