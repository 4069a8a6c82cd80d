"""What a sweep leaves: a table, learning curves and, where they are kept, the results of its runs."""
import json
from pathlib import Path

from marlfast import errors
from marlfast.disk import write_atomically
from marlfast.errors import FileError, integer
from marlfast.files import load as load_result
from marlfast.registry import functions_of
from marlfast.sweeps import tables
from marlfast.sweeps.chunks import cover, listed
from marlfast.sweeps.manifest import plan_of, read_manifest
from marlfast.sweeps.old import OldStore
from marlfast.sweeps.store import Store
from marlfast.tables import Tables


class Sweep(Tables):
    """The outcome of a sweep, as far as it has come.

    Attributes
    ----------
    folder : Path
        Where its files are.
    failures : list of (str, str)
        Chunks that failed twice, and why: the text of the error with its traceback.
    interrupted : bool
        Whether Ctrl-C ended it.
    experiment : Experiment
        What all points have in common.
    over : dict of str to list
        All values by name; of a range, those that were drawn.
    names : list of str
        What is swept over.
    missing : int
        Runs that are not there; 0: the sweep is finished. Running it again goes on.

    See Also
    --------
    sweep : Makes it.
    load : Reads one from its folder.
    """

    def __init__(self, folder, plan, failures=(), interrupted=False, manifest=None):
        self.folder, self.plan = Path(folder), plan
        self.experiment = plan.changes.experiment
        self.over = dict(zip(plan.names, plan.values, strict=True))
        self.names = list(plan.names)
        self.failures, self.interrupted = list(failures), bool(interrupted)
        self._old = (self.folder / "table.npz").exists()
        self._store = OldStore(self.folder, plan) if self._old else \
            Store.of(self.folder, plan, manifest or read_manifest(self.folder))
        self.missing = plan.hi - plan.lo - self._store.count

    @property
    def seeds(self):
        """Run k of a point has seed k of these: list of int."""
        return list(self.plan.seeds)

    def __repr__(self):
        there = self.plan.hi - self.plan.lo - self.missing
        return (f"Sweep({str(self.folder)!r}, {self.plan.points.count} points x {len(self.plan.seeds)} seeds, "
                f"{there} of {self.plan.hi - self.plan.lo} runs)")

    def _there(self):
        """What can be read, if there is anything."""
        if self._store.count == 0:
            raise FileError(f"{self.folder}: no run is finished yet")
        return self._store

    def table(self, columns=None, rows=None):
        """A row per run that is there, in the order of points and then of seeds.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Only these, which is all that is then read. Default: every one.
        rows : slice, optional
            Only these. Default: every one.

        Returns
        -------
        dict of str to ndarray [R]
            ``point``, the swept names, ``seed``, ``steps``, ``episodes``, ``stop_reason``, ``failed``,
            ``team_return`` (of the last tenth of its episodes, mean), ``return_0`` and so on (of each agent, the same),
            and what ``measure`` added.
        """
        return tables.Table(self._there()).read(columns, _part(rows))

    def batches(self, columns=None, size=tables.ROWS):
        """The table, some rows after others: what is held in memory does not grow with the runs.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Only these. Default: every one.
        size : int
            Rows of a batch.

        Yields
        ------
        dict of str to ndarray [size]
            As :meth:`table`.
        """
        yield from tables.Table(self._there()).blocks(columns, integer("size", size, 1))

    def to_csv(self, path):
        """Write the table to a file of comma-separated values, all or nothing.

        A word that a spreadsheet would run as a formula has an apostrophe before it.

        Parameters
        ----------
        path : str or path-like
            The file; one that is there is replaced.

        See Also
        --------
        Sweep.to_parquet : Smaller, and read by column.
        """
        write_atomically(path, tables.Table(self._there()).write_csv)

    def to_parquet(self, path):
        """Write the table to a Parquet file, all or nothing. Needs ``marlfast[parquet]``.

        Row groups have the same size however the sweep was cut; where there is no number, there is none (null).

        Parameters
        ----------
        path : str or path-like
            The file; one that is there is replaced.

        See Also
        --------
        Sweep.to_csv : Text that everything reads.
        """
        errors.extra("pyarrow", "parquet", "to_parquet")
        write_atomically(path, tables.Table(self._there()).write_parquet)

    def curves(self, rows=None):
        """Learning curves, with the same bins for all runs.

        Parameters
        ----------
        rows : slice, optional
            Only of these rows of the table. Default: of every one.

        Returns
        -------
        dict of str to ndarray
            ``episodes`` int64 [B]: the last episode of each bin; ``team_return`` float64 [R, B]: mean per bin,
            NaN after a run's end; ``returns`` float64 [R, B, N]: of each agent. Runs as in the table.
        """
        part = _part(rows)
        return self._store.curves(part) if self._old else tables.curves(self._there(), part)

    def load_run(self, i):
        """Read the result of one run, where ``keep="results"`` was asked for.

        Parameters
        ----------
        i : int
            Its row in the table.

        Returns
        -------
        Result
            Of this run alone.
        """
        numbers = self._there().numbers
        run = int(numbers[integer("i", i, 0, len(numbers) - 1)])
        path = self.folder / "results" / f"{run:08d}.npz"
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file; results of runs are there after a sweep with "
                                    "keep=\"results\"")
        game = self.plan.experiment_at(run // len(self.plan.seeds)).game
        return load_result(path, game=game if functions_of(game.to_dict()) else None)


def load(folder, game=None):
    """Read a sweep's folder, finished or not.

    Parameters
    ----------
    folder : str or path-like
        That :func:`sweep` wrote.
    game : Game, optional
        The game of the experiment: needed where that has functions of its own, which no file holds.

    Returns
    -------
    Sweep
        As far as it has come.

    See Also
    --------
    sweep : Goes on with one that is not finished.
    marlfast.load : Reads results and sweeps.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import sweeps
    >>> _ = mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over={"learner.learning_rate": [0.1, 0.5]}, seeds=3, seed=0,
    ...              steps=50, out="saved")
    >>> sweeps.load("saved").names
    ['learner.learning_rate']
    """
    folder = errors.path(folder, "folder")
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    manifest = read_manifest(folder)
    try:
        plan = plan_of(manifest, game)
    except FileError as error:
        raise FileError(f"{folder}: {error}") from None
    return Sweep(folder, plan, _failures(folder, plan), manifest=manifest)


def _part(rows):
    if rows is not None and not isinstance(rows, slice):
        raise TypeError(f"rows: expected a slice, such as slice(0, 1000), got {errors.shown(rows)}")
    return slice(None) if rows is None else rows


def _failures(folder, plan):
    """Chunks that the log says have failed, and whose runs are still missing."""
    if (folder / "table.npz").exists() or not (folder / "log.jsonl").exists():
        return []
    missing, found = plan.missing([(piece.lo, piece.hi) for piece in cover(listed(folder)[0])]), {}
    if not missing:
        return []
    try:
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    for line in lines:
        try:
            entry = json.loads(line)
            lo, hi = entry["lo"], entry["hi"]
            if "failed" in entry and any(a < hi and lo < b for a, b in missing):
                found[entry["chunk"]] = entry["failed"]
        except (ValueError, KeyError, TypeError):
            continue                    # a line that was cut off
    return list(found.items())
