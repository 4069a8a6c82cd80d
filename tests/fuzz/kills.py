"""Kills training and sweeps again and again, half of the times in the middle of a write, and compares what is left.

    python tests/fuzz/kills.py [KILLS] [WHAT ...]

WHAT: train, threads, processes, ray, dask (default: all that are installed; KILLS, 300 in all, are shared out). Ray and
Dask have a cluster that outlives the program, as on several machines. Prints what it did; ends with status 1 where a
byte differs, anything was trained twice that stood in the folder, or a file was left behind.
"""
import contextlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARES = {"train": 0.25, "threads": 0.3, "processes": 0.25, "ray": 0.1, "dask": 0.1}
NEEDS = {"ray": "ray", "dask": "distributed"}

# Before the program: from a chosen write on, the process kills itself when the file is half there, or is not moved yet.
PROGRAM = """
import os, random, signal, sys
import marlfast as mf
from marlfast import disk

what, place, seed, at = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
genuine, left = disk.write_atomically, [at]

def write_atomically(path, write):
    def half(file):
        left[0] -= 1
        if left[0] == 0:
            if seed % 2:
                write(file)
                file.flush()
                file.truncate(max(file.tell() // 2, 1))
            os.kill(os.getpid(), signal.SIGKILL)
        write(file)
    genuine(path, half if at else write)

for name, module in list(sys.modules.items()):
    if name.startswith("marlfast") and getattr(module, "write_atomically", None) is genuine:
        module.write_atomically = write_atomically
if __name__ == "__main__":
    if what == "train":
        print("begun", flush=True)
        mf.train(mf.games.Drift(agents=3, noise=2.0, horizon=13), mf.IQL(), encoder=mf.Rounding(0), episodes=200_000,
                 runs=3, seed=0, threads=1, record_every=100, checkpoint="c.npz", interval_seconds=0.02, block=5_000)
        raise SystemExit
    import marlfast.sweeps.folder, marlfast.sweeps.work
    for module in (marlfast.sweeps.folder, marlfast.sweeps.work):
        module.write_atomically = write_atomically
    engine = what
    if what == "ray":
        import ray
        ray.init(address=place, log_to_driver=False)
    elif what == "dask":
        import distributed
        engine = distributed.Client(place)
    print("begun", flush=True)
    mf.sweep(mf.games.PrisonersDilemma(memory=1, horizon=10), mf.IQL(explore=mf.EpsilonGreedy(0.1)),
             over={"learner.learning_rate": [k / 50 for k in range(1, 21)], "game.temptation": [4.0, 5.0],
                   "steps": [100_000, 400_000]}, seeds=2, seed=0, out="s", workers=2, chunk_seconds=0.05, engine=engine,
             keep="results", interval_seconds=0.02, block=20_000)
"""


def kill_until_it_ends(folder, what, place, kills, rng):
    """Run the program in a folder, killing it until that was done often enough. Returns (kills, in writes)."""
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{folder}", "RAY_AUTH_MODE": "disabled"}
    killed = written = 0
    while True:
        inside = killed < kills and rng.random() < 0.5
        arguments = [what, place or "-", str(rng.randrange(100)), str(rng.randrange(1, 12) if inside else 0)]
        with subprocess.Popen([sys.executable, "program.py", *arguments], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            line = process.stdout.readline()
            try:
                if line != b"begun\n":
                    raise RuntimeError(process.communicate()[1].decode()[-3000:])
                process.wait(None if inside or killed >= kills else rng.uniform(0.0, 0.6))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            if process.wait() == -signal.SIGKILL:
                killed, written = killed + 1, written + inside
                continue
            if process.returncode:
                raise RuntimeError(process.stderr.read().decode()[-3000:])
            if killed >= kills:
                return killed, written
            # It came to its end before it was killed: from the start again, in the same place.
            for file in sorted(folder.rglob("*"), reverse=True):
                if file.name != "program.py":
                    file.unlink() if file.is_file() else file.rmdir()


def numbers(folder, what):
    """What must not differ: bytes of a sweep's files, arrays of a result."""
    if what != "train":
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / "s").rglob("*")
                if path.is_file() and path.name != "log.jsonl"}
    import marlfast as mf

    found = mf.load(folder / "c.npz")
    return {name: array.tobytes() for name, array in found.arrays.items()} | {
        path.name: b"" for path in folder.iterdir()}


def twice(folder):
    """Runs that were trained though they stood in the folder."""
    if not (folder / "s").exists():
        return []
    noted = [json.loads(line) for line in (folder / "s" / "log.jsonl").read_text().splitlines()]
    runs = [run for entry in noted if "seconds" in entry for run in range(entry["lo"], entry["hi"])]
    return sorted({run for run in runs if runs.count(run) > 1})


@contextlib.contextmanager
def cluster_of(what):
    """The address of a cluster that outlives the programs."""
    os.environ["PYTHONPATH"] = str(ROOT)
    if what == "ray":
        os.environ["RAY_AUTH_MODE"] = "disabled"
        from ray.cluster_utils import Cluster

        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False,
                                                              "object_store_memory": 80 * 2**20})
        try:
            yield nodes.address
        finally:
            nodes.shutdown()
    elif what == "dask":
        import distributed

        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as nodes:
            yield nodes.scheduler_address
    else:
        yield None


def main(kills=300, *chosen):
    sys.path.insert(0, str(ROOT))
    chosen = chosen or [what for what in SHARES if importlib.util.find_spec(NEEDS.get(what, "marlfast"))]
    total, shares, bad = 0, sum(SHARES[what] for what in chosen), 0
    for what in chosen:
        begun, rng = time.monotonic(), random.Random(what)
        with tempfile.TemporaryDirectory() as place, cluster_of(what) as address:
            kill_until_it_ends(Path(place) / "whole", what, address, 0, rng)
            wanted = int(int(kills) * SHARES[what] / shares + 0.999)
            killed, written = kill_until_it_ends(Path(place) / "parts", what, address, wanted, rng)
            one, other = numbers(Path(place) / "whole", what), numbers(Path(place) / "parts", what)
            differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
            again = twice(Path(place) / "parts")
            total, bad = total + killed, bad + bool(differ or again)
            print(f"{what}: {killed} kills, {written} of them in the middle of a write; "
                  f"{'the same bytes' if not differ else f'{differ[:5]} differ'}, {len(again)} runs trained again that "
                  f"were there; {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{total} kills, {bad} of {len(chosen)} with anything lost", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
