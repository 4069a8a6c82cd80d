"""A training on ARM64 Linux, under qemu, with this machine's bits. Needs ziglang, qemu-user and a Python for ARM64.

``python tests/fuzz/arm.py ROOT [SITE]`` compiles every module that Cython has written (``build/cython-release``) for
the Python in ROOT (``usr/bin/python3.X``, its headers and the libraries it needs, such as Debian's packages for arm64
unpacked by ``dpkg -x``), which is to be of the version that runs this script; SITE is a folder with NumPy for it. Then
some experiments are trained there and here, saved, gone on with and evaluated, and all arrays compared.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if __package__ in (None, ""):       # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from cross import CORE, ROOT, zig

PROGRAM = """
import hashlib, platform, sys, tempfile
import marlfast as mf
from marlfast import games

folder = tempfile.mkdtemp()
for name, experiment in {
    "drift": mf.Experiment(games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=200, runs=3, seed=0),
    "pricing": mf.Experiment(games.LogitBertrand(horizon=500), mf.IQL(0.15, 0.95), episodes=40, runs=2, seed=1),
    "soccer": mf.Experiment(games.Soccer(), mf.learners.MinimaxQ(), episodes=100, seed=2),
    "foraging": mf.Experiment(games.LevelForaging(), mf.learners.MAPPO(), encoder=mf.Rounding(0), episodes=60, seed=3),
    "mixing": mf.Experiment(games.TwoStep(), mf.learners.QMIX(), episodes=500, seed=4),
    "turns": mf.Experiment(games.TicTacToe(), mf.IQL(), episodes=500, seed=5),
    "spread": mf.Experiment(games.SimpleSpread(), mf.learners.VDN(), encoder=mf.Rounding(0), episodes=40, seed=6),
}.items():
    run = mf.train(experiment, threads=1)
    run.save(f"{folder}/{name}.npz")
    run = mf.train(resume=mf.load(f"{folder}/{name}.npz"), episodes=10, threads=2)
    played = mf.evaluate(experiment.game, run, episodes=10, seed=7)
    digest = hashlib.sha256(played.returns.tobytes())
    for key in sorted(run.arrays):
        digest.update(key.encode() + run.arrays[key].tobytes())
    print(name, int(run.arrays["steps"].sum()), digest.hexdigest(), flush=True)
print(f"{platform.machine()}, Python {platform.python_version()}", file=sys.stderr)
"""


def compiled(root, folder):
    """Make a copy of the package with modules for ARM64 in a folder; how many there are, and {name: why} not."""
    tag = f"cpython-3{sys.version_info.minor}-aarch64-linux-gnu"
    shutil.copytree(ROOT / "marlfast", folder / "marlfast", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    headers = f"python3.{sys.version_info.minor}"
    places = [root / "usr/include" / headers, root / "usr/include", root / "usr/include/aarch64-linux-gnu"]
    written = ROOT / "build" / "cython-release"
    sources = [*sorted((written / "src").glob("_*.c")), *written.glob("marlfast/core/_shared.c")]

    def one(source):
        done = zig("-target", "aarch64-linux-gnu.2.36", "-shared", "-fPIC", source, "-o",
                   folder / "marlfast" / "core" / f"{source.stem}.{tag}.so", "-O2", "-ffp-contract=off",
                   "-fno-math-errno", "-fno-sanitize=all", "-w", f"-I{places[0]}", f"-I{CORE}", f"-I{ROOT}",
                   *(f"-idirafter{place}" for place in places[1:]))
        return source.stem, done.stderr.strip()[-600:] if done.returncode else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = dict(pool.map(one, {source.stem: source for source in sources}.values()))
    return len(done), {name: why for name, why in done.items() if why}


def main(root, site=None):
    root, folder = Path(root).resolve(), Path(tempfile.mkdtemp())
    try:
        count, wrong = compiled(root, folder)
        print(f"aarch64-linux-gnu: {count - len(wrong)} of {count} modules compile and link", flush=True)
        for name, why in list(wrong.items())[:3]:
            print(f"  {name}: {why}")
        script = folder / "script" / "trains.py"      # Python looks first where a script is
        script.parent.mkdir()
        script.write_text(PROGRAM)
        libraries = ":".join(str(root / part / "aarch64-linux-gnu") for part in ("lib", "usr/lib"))
        emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
        there = subprocess.run(
            [emulator, "-L", root, "-E", f"LD_LIBRARY_PATH={libraries}", "-E", f"PYTHONHOME={root / 'usr'}", "-E",
             f"PYTHONPATH={folder}{os.pathsep}{Path(site).resolve() if site else ''}",
             root / f"usr/bin/python3.{sys.version_info.minor}", script],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        here = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT,
                              env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL)
        for done in (here, there):
            print(done.stderr.strip()[-1500:] if done.returncode else done.stderr.strip().splitlines()[-1])
        ours, theirs = ({line.split()[0]: line for line in done.stdout.splitlines()} for done in (here, there))
        same = [name for name, line in ours.items() if theirs.get(name) == line]
        for name, line in ours.items():
            print(f"{'the same' if name in same else 'DIFFERENT'}: {line}")
        print(f"{len(same)} of {len(ours)} trainings have the same bits")
        return len(wrong) + (not ours) + len(ours) - len(same) + here.returncode + there.returncode
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
