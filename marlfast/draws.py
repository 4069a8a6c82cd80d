"""Draws: the random numbers that everything here is made from.

Each run reads streams that are pure functions of (seed, run, stream, position), so that results
cannot depend on threads, block sizes or order. The generator is Philox4x32-10 (J. K. Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC'11), normals by Box and Muller (1958).
"""
import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, shown

__all__ = ["stream"]

# Number, within a family of streams, of each stream; families are 8 apart (0 training, 1 evaluation).
STREAMS = {"explore": 0, "step_uniforms": 1, "step_normals": 2, "start_uniforms": 3, "start_normals": 4}
PURPOSES = ("training", "evaluation")
SUPPLIED = ("explore", "dynamics", "start")


def stream(seed, run, name, first, count, purpose="training", backend="cython"):
    """Some draws of one stream of one run.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    run : int
        0 to 2**32 - 1.
    name : {"explore", "step_uniforms", "step_normals", "start_uniforms", "start_normals"}
        ``explore`` position: ``(step * agents + agent) * draws per agent + k``. ``step_*``: ``step *
        draws per step + k``; ``start_*``: ``episode * draws per start + k``.
    first, count : int
        Position of the first draw, and how many.
    purpose : {"training", "evaluation"}
        Whose family of streams.
    backend : {"cython", "numpy"}
        Which kernels; the numbers are the same.

    Returns
    -------
    float64 [count]
        Standard normals from ``*_normals``, else uniforms in [0, 1).

    See Also
    --------
    train : Takes draws from outside as ``draws``.

    Examples
    --------
    >>> from marlfast import draws
    >>> draws.stream(seed=0, run=0, name="explore", first=0, count=2).tolist() == \
            draws.stream(seed=0, run=0, name="explore", first=0, count=4).tolist()[:2]
    True
    """
    choice("name", name, tuple(STREAMS))
    choice("purpose", purpose, PURPOSES)
    out = np.empty((1, integer("count", count, 0)))
    kernels(backend, "draws").fill(
        integer("seed", seed, 0, 2**64 - 1), 8 * PURPOSES.index(purpose) + STREAMS[name],
        np.array([integer("run", run, 0, 2**32 - 1)], np.int64),
        np.array([integer("first", first, 0, 2**61)], np.int64), out, name.endswith("normals"))
    return out[0]


def supply(draws, session, count):
    """Draws from outside for the next ``count`` steps of every run, as the loop takes them.

    Parameters
    ----------
    draws : dict of str to callable
        ``"explore"``: ``f(run, first_step, n) -> float64 [n, N, K]``; ``"dynamics"``: ``f(run, first_step, n)
        -> float64 [n, uniforms + normals]``; ``"start"``: ``f(run, first_episode, n)``, likewise.
    session : Session
        What was asked for and is not used yet is kept in its ``drawn``: each function is asked once for each record of
        a run, in order; for runs that have stopped it is not asked.
    count : int

    Returns
    -------
    dict of str to (float64 [R, n, ...], int64 [R])
    """
    kernel, steps, episodes = session.game_kernel, session.arrays["steps"].copy(), session.arrays["episodes"].copy()
    shapes = {
        "explore": (("explore", session.game.agents * session.draws),),
        "dynamics": (("step_uniforms", kernel.step_uniforms), ("step_normals", kernel.step_normals)),
        "start": (("start_uniforms", kernel.start_uniforms), ("start_normals", kernel.start_normals)),
    }
    supplied = {}
    for name, function in draws.items():
        first, n = (episodes, count + 2) if name == "start" else (steps, count)
        n_draws = sum(w for _, w in shapes[name])
        block = np.zeros((len(first), n, n_draws))
        for r, run in enumerate(session.arrays["run_numbers"].tolist()):
            at, kept = session.drawn.get((name, r), (int(first[r]), np.empty((0, n_draws))))
            kept = kept[int(first[r]) - at:]
            session.drawn[name, r] = int(first[r]), kept
            block[r, :len(kept)] = kept[:n]
            begin, missing = int(first[r]) + len(kept), n - len(kept)
            if missing <= 0 or session.arrays["reason"][r]:
                continue
            got = function(run, begin, missing)
            try:
                got = np.asarray(got, np.float64)
            except (TypeError, ValueError):
                raise TypeError(f"draws[{name!r}]: expected an array of numbers, got {shown(got)}") from None
            wanted = (missing, session.game.agents, session.draws) if name == "explore" else (missing, n_draws)
            if got.shape != wanted:
                raise ValueError(f"draws[{name!r}]: expected shape {wanted} for run {run} from {begin} on, "
                                 f"got {got.shape}")
            block[r, len(kept):] = got.reshape(missing, n_draws)
            session.drawn[name, r] = int(first[r]), block[r].copy()
        at = 0
        for stream_name, w in shapes[name]:
            part = np.ascontiguousarray(block[:, :, at:at + w])
            at += w
            if stream_name.endswith("normals"):
                bad, wanted = ~np.isfinite(part), "finite numbers"
            else:
                bad, wanted = ~((part >= 0.0) & (part < 1.0)), "numbers in [0, 1)"
            if bad.any():
                raise ValueError(f"draws[{name!r}]: expected {wanted}, got {part[bad][0]}")
            supplied[stream_name] = (part, first)
    return supplied


def check_supplied(draws):
    """Refuse supplied draws under an unknown name."""
    if draws is None:
        return {}
    if not isinstance(draws, dict):
        raise TypeError(f"draws: expected a dictionary of functions, got {shown(draws)}")
    for name, function in draws.items():
        choice("draws", name, SUPPLIED)
        if not callable(function):
            raise TypeError(f"draws[{name!r}]: expected a function (run, first, n) -> array, got {shown(function)}")
    return dict(draws)
