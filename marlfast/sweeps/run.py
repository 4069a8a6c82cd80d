"""Sweeping: tasks are handed out until every run is in the folder."""
import errno
import threading
import traceback
import warnings
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from dataclasses import dataclass

import numpy as np

from marlfast import errors
from marlfast.backends import BACKENDS
from marlfast.doubts import KINDS, in_sweep
from marlfast.doubts import warn as warn_of
from marlfast.errors import choice, flag, integer, real, shown
from marlfast.experiment import Experiment
from marlfast.measures import columns, known
from marlfast.session import Interrupts
from marlfast.sweeps import points as points_of
from marlfast.sweeps.chunks import name_of
from marlfast.sweeps.engines import check_engine, engine_of, refuse_what_cannot_be_sent
from marlfast.sweeps.folder import TABLES, Folder
from marlfast.sweeps.manifest import SAME_NUMBERS, manifest_of, plan_of, read_manifest
from marlfast.sweeps.plan import Plan, shard_of, short
from marlfast.sweeps.progress import Progress
from marlfast.sweeps.results import Sweep
from marlfast.sweeps.work import Stopped
from marlfast.train import experiment_of

TRIES = 2                   # of a chunk that fails
DEATHS = 6                  # of workers and machines, before a chunk is blamed for it
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
PAUSE_SECONDS = 5.0


def sweep(experiment, learner=None, *, over=None, seeds=None, seed=None, samples=None, sample_seed=0, out="sweep",
          engine="threads", workers=None, shard=None, chunk_seconds=2.0, bins=100, measure=None, keep=None,
          table="csv", interval_seconds=60.0, progress=False, learners=None, encoder=None, central=None, teams=None,
          rewards=None, shaping=(), episodes=None, steps=None, stop=None, record_every=None, backend="cython",
          block=None):
    """Train at every point of a grid, or of a random sample, with every seed.

    As many runs as can are trained in one compiled call: they may differ in their seeds and in the parameters of their
    learners and of the exploration. A sweep that was killed goes on where it was when it is called again. The files it
    leaves do not depend on the engine, on how it was cut into chunks, or on how often it was killed.

    Parameters
    ----------
    experiment : Experiment, Game, dict, str or reproduce.Study
        What all points have in common; a game needs a ``learner``. A published study that is a single experiment, such
        as :class:`marlfast.reproduce.Calvano2020`, is swept over its options by their names or by those of the paper:
        ``over={"alpha": [0.05, 0.15], "beta": [4e-6, 8e-6]}``.
    learner : Learner, list of Learner, str or dict, optional
        Who learns, see :func:`marlfast.train`.
    over : dict of str to list
        Values by name, such as ``{"learner.learning_rate": [0.1, 0.2], "game.agents": [2, 4]}``; names as in
        ``--set`` of the command line, values as in an experiment file, or definitions. With ``samples``, a name may
        have a range: ``{"low": 0.001, "high": 1.0, "log": True}``, or with ``"whole": True`` one of whole numbers.
    seeds : int or sequence of int, optional
        How many, counted from ``seed``, or which. Run k of a point is the first run of seed k. Default: as many as the
        experiment has runs.
    seed : int, optional
        The first seed. Default: the experiment's; where that has none, one from the system's entropy, which is written
        down in the folder: the same call, made again, goes on with it.
    samples : int, optional
        So many points, drawn at random, in place of all combinations.
    sample_seed : int
        Of what is drawn; points, not runs, depend on it.
    out : str or path-like
        The folder; made where there is none.
    engine : {"threads", "processes", "ray", "dask"}, concurrent.futures.Executor or dask.distributed.Client
        Who does the work.
    workers : int, optional
        Tasks at once. Default: as many as there are processors.
    shard : str, optional
        ``"i/n"``, i from 1 to n: only part i of n, in a folder of its own in ``out``. When all parts are done,
        :func:`marlfast.sweeps.merge` puts them together.
    chunk_seconds : float
        About how long one task takes: what is lost when a worker dies. A run is never cut in two.
    bins : int
        Learning curves have at most so many bins.
    measure : callable, optional
        More columns: a function of a :class:`Result` of some R runs that returns arrays [R] by name. What it gives for
        a run must not depend on the other runs. Engines other than threads import it by its name. Default: what users
        of the game look at (:mod:`marlfast.measures`).
    keep : {None, "results"}
        With ``"results"``, the whole result of each run is kept: see :meth:`Sweep.load_run`.
    table : {"csv", "parquet"}
        As what the table is written, at the end. Parquet (needs ``marlfast[parquet]``) is smaller, and read by column;
        the rows of chunks that are done stand in the folder's ``table`` until then.
    interval_seconds : float
        A call whose runs take longer than that keeps what they have learned so far in the folder, so often: after a
        kill, the same sweep goes on with them in the middle. Workers on other machines do so where they see the folder.
    progress : bool
        Show it on stderr.
    learners : Each or list of Learner, optional
        Several of them, see :func:`marlfast.train`.
    encoder, central : Encoder, optional
        Of observations, and of the whole state.
    teams : sequence of sequence of int, optional
        Who plays with whom.
    rewards : Structure, optional
        How rewards are divided.
    shaping : Shaping or sequence of Shaping
        What is added to them while learning.
    episodes, steps : int, optional
        How long each run is; one of them, or ``stop``.
    stop : stop rule, optional
        When a run ends, see :mod:`marlfast.stop`.
    record_every : int, optional
        Episodes that an entry of the learning curve stands for.
    backend : {"cython", "numpy"}
        Which kernels.
    block : int, optional
        Steps between two looks of Python.

    Returns
    -------
    Sweep
        As far as it has come.

    Warns
    -----
    RuntimeWarning
        Where a chunk was not whole, and was set aside; and where the disk is full: the sweep waits, and goes on when
        there is room.
    MarlfastWarning
        At the end, how many runs explored without end, or may have stopped before they learned anything.

    See Also
    --------
    marlfast.train : A single training.
    resume : Goes on with what a folder says.
    marlfast.sweeps.merge : Puts shards together.

    Notes
    -----
    Ctrl-C keeps all chunks that are done (``sweep.interrupted`` is then True). A chunk that fails is tried again; one
    that fails twice is in ``sweep.failures``, and the others go on.

    Examples
    --------
    >>> import marlfast as mf
    >>> found = mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over={"learner.learning_rate": [0.1, 0.5]}, seeds=3,
    ...                  seed=0, steps=50, out="dilemma")
    >>> found.table()["team_return"].shape
    (6,)
    """
    progress = flag("progress", progress)
    prepared = prepare(experiment, learner, over=over, seeds=seeds, seed=seed, samples=samples, sample_seed=sample_seed,
                       out=out, shard=shard, bins=bins, measure=measure, keep=keep, learners=learners, encoder=encoder,
                       central=central, teams=teams, rewards=rewards, shaping=shaping, episodes=episodes, steps=steps,
                       stop=stop, record_every=record_every, backend=backend, block=block)
    return _swept(*prepared, engine, workers, chunk_seconds, table, interval_seconds, progress)


def prepare(experiment, learner=None, *, over=None, seeds=None, seed=None, samples=None, sample_seed=0, out="sweep",
            shard=None, bins=100, measure=None, keep=None, learners=None, encoder=None, central=None, teams=None,
            rewards=None, shaping=(), episodes=None, steps=None, stop=None, record_every=None, backend="cython",
            block=None):
    """The plan of a sweep, how its runs are trained, its folder and its manifest; nothing is written."""
    if learners is not None and learner is not None:
        raise ValueError("learners: give either learner (for the whole team) or learners (one for each agent)")
    given = {"learner": learners if learner is None else learner, "encoder": encoder, "central": central,
             "teams": teams, "rewards": rewards, "shaping": shaping or None, "episodes": episodes, "steps": steps,
             "stop": stop, "record_every": record_every, "seed": seed}
    values = points_of.lists(over)
    study = experiment if callable(getattr(experiment, "experiment", None)) and hasattr(experiment, "figures") else None
    if study is not None:
        experiment = _of_study(study, given)
    base = base_of(experiment, {name: value for name, value in given.items() if value is not None}, values)
    shard = shard_of(shard)
    path = errors.path(out, "out")
    if shard:
        path /= f"shard-{shard[0]}-of-{shard[1]}"
    if measure is None and known(base.game) and not _another_game(values) and not _begun_without(path):
        measure = columns
    how = _how(bins, measure, keep, backend, block)
    if base.seed_drawn and not isinstance(seeds, (list, tuple, range, np.ndarray)):
        base = _with_drawn_seed(base, path, shard)
    seeds = seeds_of(seeds, base)
    lists, points = points_of.points(values, samples, integer("sample_seed", sample_seed, 0, 2**64 - 1))
    plan = Plan(base.replace(runs=1, seed=0, first_run=0), lists, points, seeds, shard, study)
    plan.check()
    return plan, how, path, manifest_of(plan, how, shard)


def resume(folder, game=None, measure=None, engine="threads", workers=None, chunk_seconds=2.0, table="csv",
           interval_seconds=60.0, progress=False, backend="cython", block=None):
    """Go on with a sweep from what its folder says, without being told again what is swept over what.

    Parameters
    ----------
    folder : str or path-like
        Of a sweep, or of a shard.
    game : Game, optional
        Needed where it has functions of its own.
    measure : callable, optional
        The function that the sweep was begun with, if it was begun with one.
    engine : {"threads", "processes", "ray", "dask"}, concurrent.futures.Executor or dask.distributed.Client
        Who does the work.
    workers : int, optional
        Tasks at once. Default: as many as there are processors.
    chunk_seconds : float
        About how long one task takes.
    table : {"csv", "parquet"}
        As what the table is written, at the end.
    interval_seconds : float
        How often a call that takes long keeps what it has learned so far.
    progress : bool
        Show it on stderr.
    backend : {"cython", "numpy"}
        Which kernels.
    block : int, optional
        Steps between two looks of Python.

    Returns
    -------
    Sweep
        As far as it has come.

    See Also
    --------
    sweep : Makes such a folder, and goes on with it when the same call is made again.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import sweeps
    >>> found = mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over={"learner.discount": [0.0, 0.9]}, seeds=3,
    ...                  seed=0, steps=50, out="dilemmas")
    >>> sweeps.resume("dilemmas").missing
    0
    """
    progress = flag("progress", progress)
    path = errors.path(folder, "folder")
    manifest = read_manifest(path)
    if manifest["marlfast"] in SAME_NUMBERS and manifest["finished"] is None:
        for name in manifest["over"]:
            if name in ("game", "game.name", "game.horizon") or name.partition(".")[0] == "stop":
                raise errors.FileError(f"{path}: begun with marlfast {manifest['marlfast']}, in which {name} meant "
                                       "something else; go on with that, or sweep into another folder")
    if measure is None and manifest["measure"] == f"{columns.__module__}.{columns.__qualname__}":
        measure = columns
    if (manifest["measure"] is None) != (measure is None):
        raise ValueError(f"measure: {path} was begun with {manifest['measure'] or 'none'}; give the same")
    try:
        plan = plan_of(manifest, game)
    except errors.FileError as error:
        raise errors.FileError(f"{path}: {error}") from None
    how = _how(manifest["bins"], measure, manifest["keep"], backend, block)
    ours = manifest_of(plan, how, manifest["shard"])
    # What was said stays said; what this software is, and which function measures, is compared.
    ours = {**manifest, **{key: ours[key] for key in ("marlfast", "numpy", "measure")}}
    return _swept(plan, how, path, ours, engine, workers, chunk_seconds, table, interval_seconds, progress)


def _another_game(values):
    """Whether what is swept over changes the game, and with it what its users look at."""
    return any(name in ("game", "game.name", "game.measures") for name in values or {})


def _begun_without(path):
    """Whether a sweep was begun in this folder that measures nothing, as those of earlier versions."""
    try:
        return read_manifest(path)["measure"] is None
    except (OSError, ValueError):
        return False


def _how(bins, measure, keep, backend, block):
    choice("backend", backend, BACKENDS)
    choice("keep", keep, (None, "results"))
    if measure is not None and not callable(measure):
        raise TypeError(f"measure: expected a function of a result, got {shown(measure)}")
    return {"bins": integer("bins", bins, 1, 2**20), "measure": measure, "keep": keep, "backend": backend,
            "block": None if block is None else integer("block", block, 1)}


def _swept(plan, how, path, manifest, engine, workers, chunk_seconds, table, interval_seconds, progress):
    """Train what is missing, and put it together."""
    seconds = real("chunk_seconds", chunk_seconds)
    if seconds <= 0.0:
        raise ValueError(f"chunk_seconds: expected greater than 0, got {chunk_seconds}")
    how = how | {"interval_seconds": real("interval_seconds", interval_seconds, 0.0),
                 "running": str(path.absolute() / "running")}
    if choice("table", table, tuple(TABLES)) == "parquet":
        errors.extra("pyarrow", "parquet", "table='parquet'")
    check_engine(engine, workers)

    def warn(text):
        warnings.warn(text, RuntimeWarning, stacklevel=6)

    with Folder(path, plan, manifest, table, warn=warn) as folder:
        failures, interrupted = [], False
        if not folder.finished:
            work = _Work(folder, plan, how, seconds, progress)
            if work.left or work.again:
                work.run(engine, workers)
            failures, interrupted = work.failures, work.interrupted
            warn_of(in_sweep({kind: (many, _words(plan, run)) for kind, (many, run) in work.doubts.items()},
                             work.trained))
            if plan.hi - plan.lo == plan.total and manifest["shard"] is None and not failures and not interrupted:
                when_there_is_room(folder.finish)
    return Sweep(path, plan, failures, interrupted)


def _words(plan, run):
    """Where a run stands, in words."""
    return f"{plan.words(run // len(plan.seeds))}, seed {plan.seeds[run % len(plan.seeds)]}"


def when_there_is_room(write, ended=lambda: False):
    """Write; where the disk is full, wait until it is not, or until ``ended()``. Returns whether it was written."""
    said = False
    while True:
        try:
            write()
            return True
        except OSError as error:
            if error.errno not in FULL:
                raise
            if not said:
                warnings.warn(f"sweep: {error.strerror or error}; it waits until there is room, and goes on",
                              RuntimeWarning, stacklevel=4)
            said = True
        if ended():
            return False
        _pause()


def _pause():
    threading.Event().wait(PAUSE_SECONDS)


def _of_study(study, given):
    """The experiment of a study, all of whose options are its own; of ``given``, the seed is left."""
    for name, value in given.items():
        if value is not None and name != "seed":
            raise ValueError(f"{name}: the study {study.name!r} says that itself; change its options, or sweep over "
                             "them")
    return study.experiment()


def base_of(experiment, given, values):
    """The experiment that all points have in common."""
    for name in given:
        if name in values:
            raise ValueError(f"{name}: is given both one value and, in over, several; leave one of them out")
    if isinstance(experiment, dict) and "game" in experiment:
        experiment = Experiment.from_dict(experiment)
    if not isinstance(experiment, Experiment):
        # What is swept over as a whole needs no value of its own.
        for name in ("learner", "encoder", "central", "rewards", "shaping", "stop", "episodes", "steps"):
            first = values.get(name, values.get(f"{name}.name"))
            if isinstance(first, list) and name not in given:
                given[name] = first[0]
    base = experiment_of(experiment, given.pop("learner", None), given)
    for name in base.learner.runs_given():
        raise ValueError(f"learner.{name}: is given run by run; give it one value, or sweep over it: "
                         f"over={{'learner.{name}': [...]}}")
    return base


def _with_drawn_seed(base, path, shard):
    """The experiment with the first seed of the folder, where that was begun; nobody chose another."""
    if shard is not None:
        raise ValueError("seed: the shards of a sweep must have the same seeds, and none were given; give seed= or "
                         "seeds=")
    if (path / "sweep.json").exists():
        seeds = read_manifest(path)["seeds"]
        return base.replace(seed=seeds["first"] if isinstance(seeds, dict) else seeds[0])
    return base


def seeds_of(given, experiment, name="seeds"):
    """Seeds by their number, counted from the experiment's, or one by one; each once."""
    if given is None:
        given = experiment.seed if isinstance(experiment.seed, tuple) else experiment.runs
    if not isinstance(given, (list, tuple, range, np.ndarray)):
        first = experiment.seed if isinstance(experiment.seed, int) else 0
        count = integer(name, given, 1, 2**31 - 1)
        integer(f"{name}: the last of them", first + count - 1, 0, 2**64 - 1)
        return short(range(first, first + count))
    seeds = [integer(f"{name}[{k}]", seed, 0, 2**64 - 1) for k, seed in enumerate(given)]
    if not seeds:
        raise ValueError(f"{name}: expected at least one, got none")
    if len(set(seeds)) < len(seeds):
        met = set()
        twice = next(seed for seed in seeds if seed in met or met.add(seed))
        raise ValueError(f"{name}: {twice} is there twice; its runs would be the same")
    return seeds


@dataclass
class _Chunk:
    lo: int
    hi: int
    tries: int = 0
    deaths: int = 0

    @property
    def name(self):
        return name_of(self.lo, self.hi)


class _Work:
    """Hands tasks out, as long as there are any, and puts what comes back into the folder."""

    def __init__(self, folder, plan, how, seconds, progress):
        self.folder, self.plan, self.how, self.seconds = folder, plan, how, seconds
        # What was in the middle when it was killed goes on first, as the same pieces.
        self.again = deque(_Chunk(lo, hi) for lo, hi in folder.running())
        missing = folder.missing()
        self.stretches = deque(plan.cut(missing, [(chunk.lo, chunk.hi) for chunk in self.again]))
        self.left = sum(hi - lo for lo, hi in self.stretches)
        self.suspects, self.under_way = deque(), {}
        self.size, self.failures, self.interrupted, self.stopped = 1, [], False, False
        self.trained, self.doubts = 0, {}       # runs of this call; {kind: (how many, the first of them)}
        self.progress = Progress(plan, sum(hi - lo for lo, hi in missing), progress)

    def run(self, engine, workers):
        """Until all is done, or Ctrl-C."""
        engine = engine_of(engine, 1 if engine == "threads" and self._serial() else workers)
        self.engine, whole = engine, False
        try:
            if engine.apart:
                lo = self.again[0].lo if self.again else self.stretches[0][0]
                refuse_what_cannot_be_sent(self.plan.task(lo, lo + 1, self.how))
            with Interrupts() as self.interrupts, self.progress:
                while not (self.interrupts.pressed or self.stopped) and self._hand_out():
                    self._collect()
                    self.progress.show()
                self.interrupted = bool(self.under_way or self.again or self.suspects or self.stretches)
            whole = not self.interrupted
        finally:
            for future in self.under_way:
                future.cancel()
            engine.close(wait=whole)

    def _serial(self):
        """Whether the game calls Python, which one thread does at a time, on objects that threads would share."""
        game = self.plan.changes.experiment.game.kernel(self.how["backend"])
        return bool(game.serial)

    def _hand_out(self):
        """Keep the workers busy; returns whether anything is under way."""
        # After workers died, what they were at goes one by one: so it shows which of it was too much for them.
        most = 1 if self.suspects else 2 * self.engine.workers
        while len(self.under_way) < most:
            chunk = self._next()
            if chunk is None:
                break
            try:
                future = self.engine.submit(self.plan.task(chunk.lo, chunk.hi, self.how))
            except BrokenExecutor as error:
                self.again.appendleft(chunk)
                if not self.engine.renew():
                    raise _gone(error) from None
                continue
            self.under_way[future] = chunk
        return bool(self.under_way)

    def _next(self):
        if self.suspects:
            return self.suspects.popleft() if not self.under_way else None
        if self.again:
            return self.again.popleft()
        if not self.stretches:
            return None
        lo, hi = self.stretches[0]
        # Near the end chunks become shorter, so that workers end together.
        share = max(1, self.size // 8, -(-self.left // (2 * self.engine.workers)))
        end = min(hi, lo + max(1, min(self.size, share)))
        if end == hi:
            self.stretches.popleft()
        else:
            self.stretches[0] = (end, hi)
        self.left -= end - lo
        return _Chunk(lo, end)

    def _collect(self):
        done, _ = wait(self.under_way, timeout=0.2, return_when=FIRST_COMPLETED)
        died = []
        for future in done:
            chunk = self.under_way.pop(future)
            try:
                found = future.result()
            except BrokenExecutor as error:
                died.append((chunk, error))
            except Stopped:
                self.again.append(chunk)
                self.stopped = True             # Ctrl-C that came to the worker alone
            except CancelledError as error:
                self._lost(chunk, error)
            except (Exception, SystemExit, GeneratorExit) as error:     # a game may raise whatever it likes
                (self._lost if self.engine.lost(error) else self._failed)(chunk, error)
            else:
                self._keep(chunk, *found)
        if died:
            self._workers_died(died)

    def _keep(self, chunk, arrays, results, seconds, node):
        runs = chunk.hi - chunk.lo
        doubts = arrays.pop("doubts")
        if not when_there_is_room(lambda: self.folder.add(chunk.lo, chunk.hi, arrays, results),
                                  lambda: self.interrupts.pressed):
            self.again.append(chunk)
            return
        self.folder.note(chunk=chunk.name, lo=chunk.lo, hi=chunk.hi, seconds=seconds, node=node)
        self.size = max(1, min(int(self.seconds * runs / max(seconds, 1e-6)), 8 * runs))
        self.progress.add(runs, int(arrays["steps"].sum()), node)
        self.trained += runs
        for kind in KINDS:
            which = np.flatnonzero(doubts & kind)
            if len(which):
                many, first = self.doubts.get(kind, (0, 2**62))     # chunks come in any order
                self.doubts[kind] = many + len(which), min(first, int(arrays["run"][which].min()))

    def _workers_died(self, died):
        if not self.engine.renew():
            raise _gone(died[0][1])
        together = len(died) + len(self.under_way) > 1
        chunks = [chunk for chunk, _ in died] + list(self.under_way.values())
        self.under_way.clear()                  # none of them will come back
        for chunk in sorted(chunks, key=lambda chunk: chunk.lo):
            if together:
                self.suspects.append(chunk)
            else:
                self._failed(chunk, died[0][1], self.suspects)

    def _lost(self, chunk, error):
        """A worker or a machine is gone, and with it a chunk that may have had no part in that."""
        chunk.deaths += 1
        if chunk.deaths < DEATHS:
            self.again.append(chunk)
        else:
            self._give_up(chunk, error)

    def _failed(self, chunk, error, again=None):
        chunk.tries += 1
        if chunk.tries < TRIES:
            (self.again if again is None else again).append(chunk)
        else:
            self._give_up(chunk, error)

    def _give_up(self, chunk, error):
        first = self.plan.task(chunk.lo, chunk.lo + 1, self.how).segments[0]
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        where = f"runs {chunk.lo} to {chunk.hi - 1} of the plan, from {self.plan.words(int(first.points[0]))} on"
        text = f"{where}:\n{text}"
        self.failures.append((chunk.name, text))
        self.folder.note(chunk=chunk.name, lo=chunk.lo, hi=chunk.hi, failed=text)
        self.progress.fail(chunk.hi - chunk.lo)


def _gone(error):
    return RuntimeError(f"engine: its workers are gone ({shown(str(error))}); what was done is kept, and the same "
                        "sweep with a new executor goes on")
