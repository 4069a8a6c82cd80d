"""Reading a sweep's arrays by name and by run, a piece at a time: what is held at once does not grow with the runs."""
import json

import numpy as np

from marlfast.errors import FileError, shown
from marlfast.sweeps.chunks import checked, cover, damaged, facts_of, listed, together
from marlfast.sweeps.manifest import identity

BLOCK = 2**20               # runs that are looked up at a time


class Store:
    """Chunks of one or more folders, as if they were one array per name.

    Parameters
    ----------
    plan : Plan
    chunks : list of (int, int, Path)
    identity : bytes
        Of the sweep.
    facts : dict, optional
        Of all runs. Where ``known`` is given they are compared with the chunks when they are asked for; without any,
        all chunks are checked then.
    known : dict of str to [int, int], optional
        Checksums of the files of a finished sweep.
    """

    def __init__(self, plan, chunks, identity, facts=None, known=None):
        self.plan, self.pieces, self.identity = plan, cover(chunks, known), identity
        self._facts, self._told = (None, facts) if known else (facts, None)
        self.count = sum(piece.hi - piece.lo for piece in self.pieces)
        self._numbers = range(plan.total) if self.count == plan.total else None
        self._first = np.array([piece.lo for piece in self.pieces], np.int64)

    @classmethod
    def of(cls, folder, plan, manifest):
        """The chunks of a folder; their names alone are looked at."""
        chunks, odd = listed(folder)
        if odd:
            raise damaged(odd[0], "its name is not that of a chunk")
        for lo, hi, path in chunks:
            if lo < plan.lo or hi > plan.hi:
                raise damaged(path, f"it says to hold runs {lo} to {hi}, of a sweep with {plan.lo} to {plan.hi}")
        finished = manifest["finished"] or {"facts": None, "files": None}
        return cls(plan, chunks, identity(manifest), finished["facts"], finished["files"])

    @property
    def numbers(self):
        """Numbers of the runs that are there, in order: a range or int64 [n]."""
        if self._numbers is None:
            parts = [self.plan.runs(piece.lo, piece.hi) for piece in self.pieces]
            self._numbers = np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        return self._numbers

    @property
    def facts(self):
        """Most agents and entries of any run, the widest bin, and the kinds of measures."""
        if self._facts is None:
            if not self.pieces:
                raise FileError("no run is finished yet")
            found = None
            for piece in self.pieces:
                facts = piece.facts() if self._told else facts_of(
                    checked(self.plan, self.identity, piece.first, piece.last, piece.path))
                found = together(found, facts, piece.path, self.pieces[0].path)
            if self._told not in (None, found):
                wrong = next(name for name in found if found[name] != self._told[name])
                raise FileError(f"{self.pieces[0].path.parent.parent / 'sweep.json'}: finished.facts.{wrong} is "
                                f"{shown(self._told[wrong])}, in the chunks {shown(found[wrong])}; was it edited? "
                                f"Write {json.dumps(found[wrong])} there")
            self._facts = found
        return self._facts

    def read(self, names, runs):
        """Arrays of some runs, in their order.

        Parameters
        ----------
        names : sequence of str
        runs : range or int64 [n]
            Numbers of runs that are there.

        Returns
        -------
        dict of str to ndarray [n, ...]
            Where some have more agents or bins, the rest is NaN.
        """
        found = {}
        for lo in range(0, len(runs), BLOCK):
            self._block(found, names, np.asarray(runs[lo:lo + BLOCK], np.int64), lo, len(runs))
        return found

    def _block(self, found, names, runs, at, total):
        positions = self.plan.positions(runs)
        piece = np.searchsorted(self._first, positions, side="right") - 1
        order = np.argsort(piece, kind="stable")
        which, starts = np.unique(piece[order], return_index=True)
        for k, lo, hi in zip(which.tolist(), starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            mine, here = order[lo:hi], self.pieces[k]
            rows = positions[mine] - here.first
            for name, array in here.read(names).items():
                if name not in found:
                    found[name] = np.empty((total, *array.shape[1:]), array.dtype)
                    if array.ndim > 1:
                        found[name].fill(np.nan)
                target = found[name] = _room(found[name], array)
                target[(at + mine, *(slice(n) for n in array.shape[1:]))] = array[rows]


def _room(target, array):
    """The target, or a copy with room for what is wider."""
    kind = target.dtype if target.dtype == array.dtype else np.result_type(target, array)
    shape = tuple(map(max, zip(target.shape[1:], array.shape[1:], strict=True)))
    if kind == target.dtype and shape == target.shape[1:]:
        return target
    larger = np.empty((len(target), *shape), kind)
    if len(shape):
        larger.fill(np.nan)
    larger[tuple(slice(n) for n in target.shape)] = target
    return larger
