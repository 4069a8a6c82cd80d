"""Where tasks are done: threads, processes, Ray, Dask, or any executor of ``concurrent.futures``.

An engine has ``workers`` (how many tasks it does at once), ``submit(task)``, which gives a future of
``concurrent.futures``, ``renew()`` (after its workers died; False: it cannot), ``lost(error)`` (whether an error says
that a worker or a machine is gone, and nothing of the task) and ``close(wait)``.
"""
import os
import pickle
import threading

from marlfast.errors import extra, integer, shown, unknown
from marlfast.sweeps.work import work

ENGINES = ("threads", "processes", "ray", "dask")
EXTRAS = {"ray": "ray", "dask": "distributed"}      # what must be installed


def processors():
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def check_engine(given, workers=None):
    """Refuse what is no engine, or is not installed, before anything is begun."""
    if workers is not None:
        integer("workers", workers, 1, 2**20)
    if isinstance(given, str):
        if given not in ENGINES:
            raise unknown("engine", given, ENGINES)
        if given in EXTRAS:
            extra(EXTRAS[given], given, f"engine={given!r}")
    elif not callable(getattr(given, "get_executor", None)) and not callable(getattr(given, "submit", None)):
        raise TypeError(f"engine: expected one of {', '.join(ENGINES)}, an executor of concurrent.futures or a client "
                        f"of Dask, got {shown(given)}")


def engine_of(given, workers=None):
    """An engine, from its name, an executor, or a client of Dask."""
    if isinstance(given, str):
        return {"threads": Threads, "processes": Processes, "ray": Ray, "dask": Dask}[given](workers)
    return Dask(workers, given) if hasattr(given, "get_executor") else Foreign(given, workers)


def refuse_what_cannot_be_sent(task):
    """Refuse an experiment or a measure that cannot be sent to another process, before it is tried."""
    try:
        pickle.dumps(task)
    except Exception as error:      # whatever objects say of themselves
        raise ValueError(f"engine: the experiment cannot be sent to another process ({shown(str(error))}); use "
                         "engine='threads', or functions that can be imported by their names") from None


class Engine:
    """What engines have in common."""

    apart = True                # whether tasks are sent to other processes

    def renew(self):
        return False

    def lost(self, error):
        return False


class Threads(Engine):
    """Threads of this process: the compiled loop holds no lock, and nothing is copied."""

    apart = False

    def __init__(self, workers=None):
        from concurrent.futures import ThreadPoolExecutor

        self.workers, self.stop = workers or processors(), threading.Event()
        self.pool = ThreadPoolExecutor(self.workers, "marlfast-sweep")

    def submit(self, task):
        return self.pool.submit(work, task, self.stop)

    def close(self, wait=True):
        if not wait:
            self.stop.set()
        self.pool.shutdown(wait=True, cancel_futures=True)


class Processes(Engine):
    """Processes of this machine, started afresh: they share nothing, and can die alone."""

    def __init__(self, workers=None):
        self.workers = workers or processors()
        self.renew()

    def renew(self):
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        self.pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"), _begin)
        return True

    def submit(self, task):
        return self.pool.submit(work, task)

    def close(self, wait=True):
        workers = [] if wait else list((getattr(self.pool, "_processes", None) or {}).values())
        self.pool.shutdown(wait=wait, cancel_futures=True)
        for worker in workers:                  # what they are at may take hours, and is given up
            worker.terminate()


def _begin():
    """Let a worker leave Ctrl-C to its work, and end when the sweep's process does, even if that is killed."""
    import multiprocessing
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    parent = multiprocessing.parent_process()

    def watch():
        parent.join()
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, daemon=True).start()


class Ray(Engine):
    """Ray, on this machine or on the cluster that ``ray.init`` or ``RAY_ADDRESS`` was told of."""

    def __init__(self, workers=None):
        import ray

        self.ray, self.asked = ray, workers
        self.started = not self.ray.is_initialized()
        if self.started:
            here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers, "include_dashboard": False}
            self.ray.init(log_to_driver=False, **here)
        self.remote = self.ray.remote(num_cpus=1, max_retries=0)(work)

    @property
    def workers(self):
        """As many as the cluster has now: it may grow with the tasks that wait, and lose machines."""
        return self.asked or max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def submit(self, task):
        return self.remote.remote(task).future()

    def lost(self, error):
        known = self.ray.exceptions
        return isinstance(error, known.RayError) and not isinstance(error, known.RayTaskError)

    def close(self, wait=True):
        if self.started:
            self.ray.shutdown()


class Dask(Engine):
    """Dask: the cluster of a client, or one on this machine."""

    def __init__(self, workers=None, client=None):
        import distributed

        self.client, self.asked, self.started = client, workers, client is None
        if self.started:
            self.client = distributed.Client(n_workers=workers or processors(), threads_per_worker=1,
                                             dashboard_address=None)
        self.executor = self.client.get_executor(pure=False, retries=0)

    @property
    def workers(self):
        """As many as the cluster has now."""
        return self.asked or max(1, sum(self.client.nthreads().values()))

    def submit(self, task):
        return self.executor.submit(work, task)

    def lost(self, error):
        from distributed.comm import CommClosedError

        return isinstance(error, CommClosedError)

    def close(self, wait=True):
        if self.started:
            self.client.close()


class Foreign(Engine):
    """An executor of somebody else."""

    def __init__(self, executor, workers=None):
        from concurrent.futures import ProcessPoolExecutor

        self.executor = executor
        self.apart = isinstance(executor, ProcessPoolExecutor) or type(executor).__module__.startswith("distributed")
        self.workers = workers or getattr(executor, "_max_workers", None) or processors()

    def submit(self, task):
        return self.executor.submit(work, task)

    def close(self, wait=True):
        pass
