"""Ray and Dask on several machines, as far as one machine can hold them: workers and a node are killed in the middle.

Both need their extras, and take minutes: ``pytest -m slow tests/sweeps/test_clusters.py``.
"""
import os
import signal
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast.sweeps import folder as folders
from sweeps.test_sweep import files

pytestmark = pytest.mark.slow
ROOTS = f"{Path(__file__).parents[1]}:{Path(mf.__file__).parents[1]}"


def sweep(out, **options):
    options = {"seeds": 3, "seed": 0, "steps": 2_000_000, "record_every": 1000, "keep": "results",
               "chunk_seconds": 0.05} | options
    over = {"learner.learning_rate": [0.1, 0.2, 0.5], "game.temptation": [4.0, 4.5, 5.0, 5.5]}
    return mf.sweep(mf.games.PrisonersDilemma(memory=1, horizon=10), mf.IQL(explore=mf.EpsilonGreedy(0.1)), over=over,
                    out=out, **options)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """The files that threads leave."""
    place = tmp_path_factory.mktemp("threads") / "s"
    sweep(place)
    return files(place)


def at_chunks(monkeypatch, actions):
    """Call something after so many chunks: {chunks: function}."""
    genuine, done = folders.Folder.add, []

    def add(self, lo, hi, *rest):
        genuine(self, lo, hi, *rest)
        done.append((lo, hi))
        if len(done) in actions:
            actions[len(done)]()

    monkeypatch.setattr(folders.Folder, "add", add)
    return done


@pytest.fixture
def ray_cluster(monkeypatch):
    """Two nodes of Ray on this machine, each with a small object store."""
    ray = pytest.importorskip("ray")
    utils = pytest.importorskip("ray.cluster_utils")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")         # else it writes a token into the home directory
    monkeypatch.setenv("PYTHONPATH", ROOTS)
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = utils.Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    second = cluster.add_node(**small)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


def a_worker(name):
    """The process of a worker, by what it is called."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if name in line and int(process.name) in descendants():
            return int(process.name)
    return None


def descendants():
    """Processes that this one has started, directly or not."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {os.getpid()}
    for _ in range(len(parents)):
        more = {one for one, parent in parents.items() if parent in found} - found
        if not more:
            break
        found |= more
    return found


def test_ray_loses_workers_and_a_node_and_no_byte_differs(tmp_path, wanted, ray_cluster, monkeypatch, capsys):
    cluster, second = ray_cluster
    killed = []

    def kill():
        process = a_worker("ray::work")
        if process:
            os.kill(process, signal.SIGKILL)
            killed.append(process)

    done = at_chunks(monkeypatch, {3: kill, 7: kill, 10: lambda: (cluster.remove_node(second, allow_graceful=False),
                                                                 killed.append("node")), 14: kill,
                                   18: lambda: cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)})
    found = sweep(tmp_path / "s", engine="ray", progress=True)
    assert found.failures == [] and found.missing == 0 and "node" in killed and len(killed) >= 3
    assert len(done) == len(set(done)) and files(tmp_path / "s") == wanted
    assert "; by node: " in capsys.readouterr().err.splitlines()[-1]


def test_dask_loses_workers_and_a_nanny_and_no_byte_differs(tmp_path, wanted, monkeypatch, capsys):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", ROOTS)
    killed = []
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None,
                                  memory_limit="1GiB") as cluster, distributed.Client(cluster) as client:
        def kill():
            process = next(iter(client.run(os.getpid).values()))
            os.kill(process, signal.SIGKILL)
            killed.append(process)

        def lose():
            name = next(iter(cluster.workers))
            cluster.sync(cluster.workers[name].kill)        # the nanny of a worker, and with it what it would restart
            killed.append("node")

        done = at_chunks(monkeypatch, {3: kill, 7: kill, 10: lose, 14: kill, 18: lambda: cluster.scale(4)})
        found = sweep(tmp_path / "s", engine=client, progress=True)
    assert found.failures == [] and found.missing == 0 and "node" in killed and len(killed) == 4
    assert len(done) == len(set(done)) and files(tmp_path / "s") == wanted
    assert "; by node: " in capsys.readouterr().err.splitlines()[-1]


def poison(result):
    """A measure that kills its worker where seed 2 is."""
    if 2 in np.atleast_1d(result.experiment.seed):
        os.kill(os.getpid(), signal.SIGKILL)
    return {}


def test_a_chunk_that_kills_its_workers_on_ray_is_blamed_in_the_end(tmp_path, ray_cluster):
    found = mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over={}, seeds=4, seed=0, steps=100, out=tmp_path / "s",
                     engine="ray", chunk_seconds=1e-9, measure=poison)
    assert [name for name, _ in found.failures] == ["00000002-00000003"] and "WorkerCrashed" in found.failures[0][1]
    assert found.table()["seed"].tolist() == [0, 1, 3]
