"""Plants one-line bugs in a copy of the tree, one at a time, and says which tests notice.

``python tests/mutants/plant.py [NAME ...]`` prints it for those whose name begins so, or for all.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".hypothesis", ".pytest_cache", "__pycache__", "runs", "site",
                                  "*.html")


def mutants():
    """All of them: list of dict, with the module that each touches as ``build``."""
    listed = tomllib.loads((HERE / "mutants.toml").read_text(encoding="utf-8"))["mutant"]
    return [{"build": Path(one["file"]).stem} | one for one in listed]


def planted(root, mutant):
    """The text of the file with the bug in it; an error that says so where it no longer applies."""
    text = (root / mutant["file"]).read_text(encoding="utf-8")
    found = text.count(mutant["old"])
    if found != 1:
        raise ValueError(f"{mutant['name']}: no longer applies: {mutant['file']} has {found} times, not once:\n"
                         f"{mutant['old']}\nplant the same slip where this went, in tests/mutants/mutants.toml")
    return text.replace(mutant["old"], mutant["new"])


class Tree:
    """A copy of the built tree, in which one module at a time is made with a bug.

    Parameters
    ----------
    folder : path-like
        Where the copy is made.
    """

    def __init__(self, folder):
        self.root = Path(folder) / "tree"
        self.sound = set()      # tests that are known to pass without a bug
        shutil.copytree(ROOT, self.root, ignore=LEFT_OUT)

    def _run(self, *arguments):
        environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("PYTEST_ADDOPTS", None)
        return subprocess.run([sys.executable, *arguments], cwd=self.root, env=environment, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)

    def _build(self, module):
        """Make one module; setup.py makes those whose sources it finds."""
        source, held = self.root / "src", self.root / "held"
        held.mkdir(exist_ok=True)
        for path in source.glob("_*.pyx"):
            if path.stem != module:
                path.rename(held / path.name)
        try:
            done = self._run("setup.py", "build_ext", "--inplace")
        finally:
            for path in held.glob("_*.pyx"):
                path.rename(source / path.name)
        if done.returncode:
            raise RuntimeError(f"{module}: does not compile:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")

    def _test(self, mutant):
        selected = ["-k", mutant["select"]] if "select" in mutant else []
        return self._run("-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *selected,
                         *(f"tests/{name}" for name in mutant["tests"]))

    def _check_sound(self, mutant):
        """Refuse tests that fail without any bug: they would kill everything."""
        key = (*mutant["tests"], mutant.get("select"))
        if key not in self.sound:
            done = self._test(mutant)
            if done.returncode:
                raise RuntimeError(f"{mutant['name']}: its tests fail without it:\n{done.stdout[-3000:]}")
            self.sound.add(key)

    def killed_by(self, mutant):
        """The first test that fails with the bug planted, or None: it survives."""
        self._check_sound(mutant)
        text, path = planted(self.root, mutant), self.root / mutant["file"]
        before = path.read_text(encoding="utf-8")
        made, = (self.root / "marlfast" / "core").glob(f"{mutant['build']}.*.so")
        kept = made.with_suffix(".kept")
        shutil.copy2(made, kept)
        try:
            path.write_text(text, encoding="utf-8")
            (self.root / "src" / f"{mutant['build']}.pyx").touch()
            self._build(mutant["build"])
            done = self._test(mutant)
        finally:
            path.write_text(before, encoding="utf-8")
            kept.replace(made)
        if done.returncode == 0:
            return None
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.M)
        crashed = done.returncode < 0       # of a signal: that is noticed, too
        if not failed and not crashed:
            said = done.stdout[-3000:] + done.stderr[-2000:]
            raise RuntimeError(f"{mutant['name']}: its tests could not be run:\n{said}")
        return failed[0] if failed else f"signal {-done.returncode}"


def main(names):
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(folder)
        for mutant in mutants():
            if not names or any(mutant["name"].startswith(name) for name in names):
                try:
                    print(mutant["name"], "->", tree.killed_by(mutant) or "SURVIVES", flush=True)
                except (ValueError, RuntimeError) as error:
                    print(mutant["name"], "->", error, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
