"""A copy of the tree, compiled with AddressSanitizer and UndefinedBehaviorSanitizer, in which a command is run.

``python tests/fuzz/sanitized.py [--tree FOLDER] SCRIPT [ARGUMENT ...]`` makes or brings up to date the copy (default:
``build/sanitized``; a few minutes the first time), runs the script with this Python in it, and prints the reports and
how many there were. ``-m MODULE`` runs a module, such as ``-m pytest tests/core``.
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("marlfast", "src", "tests", "docs", "examples", "setup.py", "pyproject.toml", "README.md", "LICENSE")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", ".pytest_cache", ".hypothesis")


def _newer(source, target):
    """Copy a file that differs in its time or size, so that what is unchanged is not built again."""
    have, want = Path(target), Path(source).stat()
    if not have.is_file() or (have.stat().st_mtime_ns, have.stat().st_size) != (want.st_mtime_ns, want.st_size):
        shutil.copy2(source, target)
    return target


def environment(folder):
    """What a Python needs to load the modules of the copy, and where its sanitizers write."""
    library = subprocess.run([os.environ.get("CC", "gcc").split()[-1], "-print-file-name=libasan.so"],
                             capture_output=True, text=True, check=True).stdout.strip()
    reports = folder / "reports" / "report"
    return os.environ | {
        "LD_PRELOAD": library, "PYTHONPATH": str(folder), "PYTHONMALLOC": "malloc", "PYTHONDONTWRITEBYTECODE": "1",
        # Python itself keeps memory to its end. What cannot be allocated is an error of Python's, not of a sanitizer's.
        "ASAN_OPTIONS": f"detect_leaks=0:allocator_may_return_null=1:handle_segv=1:log_path={reports}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={reports}"}


def build(folder):
    """Make the copy in a folder, or bring it up to date."""
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, copy_function=_newer, ignore=LEFT_OUT, dirs_exist_ok=True)
        elif (ROOT / part).is_file():
            _newer(ROOT / part, folder / part)
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder, check=True,
                   stdin=subprocess.DEVNULL, env=os.environ | {"MARLFAST_BUILD": "sanitize", "PYTHONPATH": ""})
    shutil.rmtree(folder / "reports", ignore_errors=True)
    (folder / "reports").mkdir()
    return folder


def reports(folder):
    """All reports so far, a list of str."""
    return [text for path in sorted((Path(folder) / "reports").iterdir())
            for text in path.read_text(errors="replace").split("\n\n") if text.strip()]


def run(folder, arguments, **options):
    """Run Python with some arguments in a copy: its exit status, and the reports of the sanitizers."""
    folder = Path(folder).resolve()
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=folder, env=environment(folder),
                          stdin=subprocess.DEVNULL, **options)
    return done.returncode, reports(folder)


def main(arguments):
    folder = ROOT / "build" / "sanitized"
    if arguments and arguments[0] == "--tree":
        folder, arguments = Path(arguments[1]), arguments[2:]
    status, found = run(build(folder), arguments)
    for text in found:
        print(text)
    print(f"{len(found)} reports of AddressSanitizer and UndefinedBehaviorSanitizer; the command ended with {status}")
    return bool(found or status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
