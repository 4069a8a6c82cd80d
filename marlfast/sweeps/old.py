"""Finished sweeps of 0.1: one file of arrays, and one of curves."""
import numpy as np

from marlfast.archive import NUMBERS, Archive
from marlfast.errors import FileError
from marlfast.sweeps.chunks import FIXED, facts_of


class OldStore:
    """What :class:`marlfast.sweeps.store.Store` is for chunks, for ``table.npz`` and ``curves.npz``.

    Parameters
    ----------
    folder : Path
    plan : Plan
    """

    def __init__(self, folder, plan):
        self.folder, self.plan, self.numbers, self.count = folder, plan, range(plan.total), plan.total
        self._arrays = None

    @property
    def arrays(self):
        if self._arrays is None:
            found = _read(self.folder / "table.npz")
            path, rows = self.folder / "table.npz", self.count
            for name in ("run", "steps", "episodes", "reason", "agents", "returns"):
                if name not in found:
                    raise FileError(f"{path}: is damaged (it has no array {name}); sweep again into another folder")
            for name, array in found.items():
                if len(array) != rows or name in FIXED and (
                        array.dtype != FIXED[name][0] or array.ndim != 1 + FIXED[name][1]):
                    raise FileError(f"{path}: is damaged (its array {name} is {array.dtype.name} {array.shape}, of "
                                    f"{rows} runs); sweep again into another folder")
            if (found["run"] != np.arange(rows)).any() or found["returns"].shape[1] != found["agents"].max():
                raise FileError(f"{path}: is damaged (its arrays do not fit together); sweep again into another folder")
            self._arrays = found
        return self._arrays

    @property
    def facts(self):
        found = {name: array for name, array in self.arrays.items() if name.startswith("measure.")}
        none = np.zeros(1, np.int64)
        return facts_of({**found, "agents": self.arrays["agents"], "entries": none, "width": none + 1})

    def read(self, names, runs):
        return {name: self.arrays[name][np.asarray(runs)] for name in names}

    def curves(self, part):
        path = self.folder / "curves.npz"
        found = _read(path)
        for name in ("episodes", "team_return", "returns"):
            if name not in found or name != "episodes" and len(found[name]) != self.count:
                raise FileError(f"{path}: is damaged (its array {name} is not that of {self.count} runs)")
        return {name: found[name] if name == "episodes" else found[name][part]
                for name in ("episodes", "team_return", "returns")}


def _read(path):
    try:
        with Archive(path, "a table of 0.1", kinds=NUMBERS + "U") as archive:
            return {name: archive.read(name) for name in archive.headers}
    except FileError as error:
        raise FileError(f"{path}: is damaged ({str(error).removeprefix(f'{path}: ')}); sweep again into another folder"
                        ) from None
