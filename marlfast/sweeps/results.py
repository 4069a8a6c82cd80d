"""What a sweep leaves: a table, learning curves and, where they are kept, the results of its runs."""
import json
from pathlib import Path

import numpy as np

from marlfast import errors
from marlfast.errors import FileError, choice, integer
from marlfast.files import load as load_result
from marlfast.files import write_atomically
from marlfast.registry import functions_of
from marlfast.sweeps.folder import chunks, plan_of, read_arrays, read_manifest
from marlfast.sweeps.tables import consolidate, csv_text, table


class Sweep:
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
    seeds : list of int
        Run k of a point has seed k of these.
    missing : int
        Runs that are not there; 0: the sweep is finished. Running it again goes on.

    See Also
    --------
    sweep : Makes it.
    load : Reads one from its folder.
    """

    def __init__(self, folder, plan, failures=(), interrupted=False):
        self.folder, self.plan = Path(folder), plan
        self.experiment = plan.changes.experiment
        self.over = dict(zip(plan.names, plan.values, strict=True))
        self.names, self.seeds = list(plan.names), list(plan.seeds)
        self.failures, self.interrupted = list(failures), bool(interrupted)
        self._columns = self._curves = None
        finished = (self.folder / "table.npz").exists()
        self.missing = 0 if finished else plan.hi - plan.lo - sum(hi - lo for lo, hi, _ in chunks(self.folder))

    def __repr__(self):
        there = self.plan.hi - self.plan.lo - self.missing
        return (f"Sweep({str(self.folder)!r}, {len(self.plan.index)} points x {len(self.seeds)} seeds, "
                f"{there} of {self.plan.hi - self.plan.lo} runs)")

    def _read(self):
        if self._columns is not None:
            return
        arrays = read_arrays(self.folder)
        if arrays is None:
            raise FileError(f"{self.folder}: no run is finished yet")
        try:
            if "sums" in arrays:
                arrays, self._curves = consolidate(arrays, self.experiment.record_every)
            self._arrays, self._columns = arrays, table(self.plan, arrays)
        except (KeyError, IndexError, ValueError) as error:
            raise FileError(f"{self.folder}: its files do not fit together ({error}); sweep again into another "
                            "folder") from None

    def table(self):
        """A row per run that is there, in the order of points and then of seeds.

        Returns
        -------
        dict of str to ndarray [R]
            ``point``, the swept names, ``seed``, ``steps``, ``episodes``, ``stop_reason``, ``failed``,
            ``team_return`` (of the last tenth of its episodes, mean), ``return_0`` and so on (of each agent, the same),
            and what ``measure`` added.
        """
        self._read()
        return {name: array.copy() for name, array in self._columns.items()}

    def to_csv(self, path):
        """Write the table to a file of comma-separated values, all or nothing.

        Parameters
        ----------
        path : str or path-like
            The file; one that is there is replaced.
        """
        content = csv_text(self.table()).encode()
        write_atomically(path, lambda file: file.write(content))

    def dataframe(self, library=None):
        """Give the table as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars"}, optional
            Default: whichever is installed.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            A row per run that is there.
        """
        import importlib

        if library is not None:
            choice("library", library, ("pandas", "polars"))
        for name in ("pandas", "polars") if library is None else (library,):
            try:
                module = importlib.import_module(name)
            except ImportError:
                continue
            return module.DataFrame(self.table())
        wanted = library or "pandas"
        raise ImportError(f"dataframe needs {library or 'pandas or polars'}: pip install 'marlfast[{wanted}]'")

    def curves(self):
        """Learning curves, with the same bins for all runs.

        Returns
        -------
        dict of str to ndarray
            ``episodes`` int64 [B]: the last episode of each bin; ``team_return`` float64 [R, B]: mean per bin,
            NaN after a run's end; ``returns`` float64 [R, B, N]: of each agent. Runs as in the table.
        """
        self._read()
        if self._curves is None:
            try:
                with np.load(self.folder / "curves.npz", allow_pickle=False) as archive:
                    self._curves = {name: archive[name] for name in ("episodes", "team_return", "returns")}
            except (OSError, KeyError, ValueError) as error:
                raise FileError(f"{self.folder}: its curves cannot be read ({error})") from None
        return dict(self._curves)

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
        self._read()
        run = int(self._arrays["run"][integer("i", i, 0, len(self._arrays["run"]) - 1)])
        path = self.folder / "results" / f"{run:08d}.npz"
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file; results of runs are there after a sweep with "
                                    "keep=\"results\"")
        game = self.plan.experiment_at(run // len(self.seeds)).game
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
    return Sweep(folder, plan, _failures(folder, plan))


def _failures(folder, plan):
    """Chunks that the log says have failed, and whose runs are still missing."""
    if (folder / "table.npz").exists():
        return []
    missing, found = plan.missing([(lo, hi) for lo, hi, _ in chunks(folder)]), {}
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
