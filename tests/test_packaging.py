"""What goes into the source archive and into a wheel."""
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "marlfast", "tests", "benchmarks", "docs", "examples", "notebooks", ".ci", ".github")
HEADERS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "marlfast").rglob("*")
                 if p.suffix in (".pxd", ".pxi", ".pyi", ".h", ".jinja", ".css", ".js") or p.name == "py.typed")
MODULES = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "marlfast").rglob("*.py"))
KERNELS = sorted(p.stem for p in (ROOT / "src").glob("*.pyx"))


def python(*arguments, cwd, **options):
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout, so that nothing is written into it."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, copy)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder)
    # C that was made before saves making it again; and it must not get into the archive.
    generated = ROOT / "build" / "cython-release"
    if generated.is_dir():
        shutil.copytree(generated, copy / "build" / "cython-release", ignore=shutil.ignore_patterns("*.o"))
    (copy / "runs").mkdir()
    (copy / "runs" / "drift-iql.npz").write_bytes(b"")
    return copy


@pytest.fixture(scope="module")
def sdist(checkout, tmp_path_factory):
    """A source archive of it."""
    out = tmp_path_factory.mktemp("sdist")
    python("-c", "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])", out,
           cwd=checkout)
    (archive,) = out.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def sources(sdist):
    """Names in the source archive, without its top folder."""
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_source_archive_has_all_it_takes_to_build_and_test(sources):
    assert HEADERS and MODULES and KERNELS
    wanted = {*HEADERS, *MODULES, *(f"src/{name}.pyx" for name in KERNELS),
              "pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE", "README.md", "CONTRIBUTING.md", "CHANGELOG.md",
              "CITATION.cff", ".pre-commit-config.yaml",
              ".ci/run", "docs/design.md", "docs/images/quick_start.png"}
    for folder, ending in (("tests", "py"), ("benchmarks", "py"), ("examples", "py"), ("notebooks", "ipynb"),
                           ("docs", "md"), ("docs", "py"), (".github", "yml")):
        wanted |= {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob(f"*.{ending}")
                   if ".ipynb_checkpoints" not in p.parts}
    assert sorted(wanted - sources) == []


def test_source_archive_has_nothing_that_is_made(sources):
    made = [name for name in sources if name.endswith((".c", ".cpp", ".so", ".pyd", ".pyc", ".o", ".html", ".npz"))
            or name.startswith(("build", "runs", "dist", ".venv")) or "__pycache__" in name or "_cache" in name]
    assert made == []


def test_picture_of_the_readme_is_small():
    assert (ROOT / "docs" / "images" / "quick_start.png").stat().st_size < 60_000


def built(source, out):
    """A wheel. Without what it says to debuggers, which is where it was built."""
    python("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", out, source, cwd=out,
           env=os.environ | {"CFLAGS": "-g0"})
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """A wheel, made from the source archive."""
    return built(sdist, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Where that wheel is installed, alone."""
    site = tmp_path_factory.mktemp("installed") / "site"
    python("-m", "pip", "install", "--no-deps", "--no-index", "--target", site, wheel, cwd=site.parent)
    return site


@pytest.mark.slow
def test_wheel_from_the_source_archive(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    compiled = {f"marlfast/core/{name}{sysconfig.get_config_var('EXT_SUFFIX')}" for name in KERNELS}
    assert sorted({*HEADERS, *MODULES, *compiled} - names) == []
    rest = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert sorted(rest - {*HEADERS, *MODULES, *compiled}) == []
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    printed = python("-c", "import sys; sys.path.insert(0, 'site'); import marlfast as mf; print(mf.__file__); "
                     "print(mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), steps=5).steps)", cwd=tmp_path)
    where, steps = printed.splitlines()
    assert Path(where).is_relative_to(tmp_path / "site") and steps == "[5]"


@pytest.mark.slow
def test_the_wheel_from_the_checkout_is_the_same(checkout, wheel, tmp_path):
    other = built(checkout, tmp_path)
    assert other.name == wheel.name
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(other) as two:
        assert sorted(one.namelist()) == sorted(two.namelist())
        assert [name for name in one.namelist() if one.read(name) != two.read(name)] == []
