"""What was saved, read again: a result, or the folder of a sweep."""
from marlfast import errors, files
from marlfast.registry import require


def load(path, backend="cython", game=None):
    """Read a result that :meth:`Result.save` wrote, or the folder of a sweep.

    Parameters
    ----------
    path : str or path-like
        The file, or the folder of a sweep.
    backend : {"cython", "numpy"}
        Which kernels find what a file leaves out, because it follows from the rest.
    game : Game, optional
        The game it was trained on: needed where that has functions of its own, which no file holds. Its facts must be
        those in the file.

    Returns
    -------
    Result, or of a folder Sweep
        As it was saved.

    Raises
    ------
    FileError
        Not a result, damaged, of a newer version, or arrays that do not fit its experiment; or of a game with
        functions of its own, and no game was given, or another.
    OSError
        It cannot be read at all.
    TypeError
        ``path`` is no path.

    See Also
    --------
    marlfast.Result.save : Writes results.
    marlfast.sweeps.load : Reads sweeps alone.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Climbing(), mf.IQL(0.2), episodes=500, seed=0)
    >>> run.save("climbing.npz")
    >>> mf.load("climbing.npz").episodes.tolist()
    [500]
    """
    if game is not None:
        game = require("game", game, "game")
    path = errors.path(path)
    if path.is_dir():
        from marlfast.sweeps import load as load_sweep  # slow to import: only those pay who have one

        return load_sweep(path, game)
    return files.load(path, backend, game)
