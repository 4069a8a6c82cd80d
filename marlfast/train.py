"""Training: from an experiment, or from what an earlier one left, to a result."""
import contextlib
import os
import time
import warnings
from functools import partial

import numpy as np

from marlfast import doubts, errors
from marlfast.errors import TrainingError, flag, integer, real, shown
from marlfast.experiment import Experiment
from marlfast.files import clear_way, load
from marlfast.progress import Progress
from marlfast.registry import functions_of, require
from marlfast.renamed import keyword
from marlfast.result import Result
from marlfast.session import Session
from marlfast.stop import EPISODES, FAILED, GREEDY_STABLE, RETURN_REACHED, RUNNING, STEPS


@partial(keyword, old="every", new="interval_seconds")
def train(game=None, learner=None, *, learners=None, encoder=None, central=None, teams=None, rewards=None,
          shaping=(), episodes=None, steps=None, runs=None, seed=None, stop=None, record_every=None, first_run=None,
          resume=None, threads=None, block=None, backend="cython", draws=None, progress=False, callback=None,
          checkpoint=None, interval_seconds=60.0):
    """Train teams of agents, one per run, each from scratch under its own draws.

    Parameters
    ----------
    game : Game, Experiment, dict or str
        What is played. An :class:`Experiment` (or its dictionary) stands for all definitions at once.
    learner : Learner
        For the whole team.
    learners : sequence of Learner, or of pairs (Learner, agents)
        In place of ``learner``: one for each agent, or each with the agents it controls.
    encoder, central : Encoder, optional
        Of observations, and of the whole state, see :class:`Experiment`.
    teams : sequence of sequence of int, optional
        Who plays with whom.
    rewards : Structure, optional
        How rewards are divided.
    shaping : Shaping or sequence of Shaping
        What is added to them while learning.
    episodes, steps : int, optional
        Each run ends after so many; at least one of them or a stop rule is needed.
    runs : int, optional
        R, teams trained from scratch. Default: 1.
    seed : int, or sequence of int [R], optional
        Of all draws, or of those of each run. Default: one from the system's entropy.
    stop : Rule or sequence of Rule, optional
        Further stop rules: a run ends with the first that holds.
    record_every : int, optional
        Episodes per entry of ``returns``; 0: nothing is recorded. Default: 1.
    first_run : int, optional
        Number of the first run. Default: 0.
    resume : Result, optional
        Go on where it stopped, in place of ``game`` and ``learner``: ``episodes`` and ``steps`` are then
        so many more. The result is the same, bit for bit, as if it had never stopped.
    threads : int, optional
        Default: as many as there are processors. Results do not depend on it.
    block : int, optional
        Steps between returns to Python. Results do not depend on it.
    backend : {"cython", "numpy"}
        Compiled kernels, or the NumPy reference, which gives the same numbers.
    draws : dict of str to callable, optional
        Random numbers from outside in place of a stream: ``"explore"``: ``f(run, first_step, n) -> float64
        [n, N, K]``; ``"dynamics"``: ``f(run, first_step, n) -> float64 [n, uniforms + normals]``; ``"start"``:
        ``f(run, first_episode, n) -> float64 [n, uniforms + normals]``.
    progress : bool
        Show it on stderr (with tqdm where installed).
    callback : callable, optional
        Called after each block with the :class:`Session`.
    checkpoint : str or path-like, optional
        A file to keep what was learned so far in, as a result that :func:`marlfast.load` reads. Where it exists
        already, training goes on from there: the same call, made again after the process was killed, ends with the
        same numbers. A file that cannot be written is a warning, and training goes on.
    interval_seconds : float
        Seconds between checkpoints; one comes at the end, too.

    Returns
    -------
    Result
        Of all runs: what was learned, and what was earned on the way.

    Raises
    ------
    TrainingError
        Where a game or learner went wrong; its ``result`` holds what was learned until then. A run whose values grow
        without bound only stops, with a warning, and the others go on; if all do, it is an error.

    Warns
    -----
    MarlfastWarning
        Where exploration can never decay; and where a run may have stopped before it learned anything.

    See Also
    --------
    Experiment : All definitions in one.
    sweep : Many trainings.
    evaluate : How good what was learned is.

    Notes
    -----
    Ctrl-C stops after the block under way and returns what was learned so far
    (``result.interrupted`` is then True).

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(1), episodes=20, runs=2, seed=0)
    >>> run.returns.shape
    (2, 20, 4)
    """
    if learners is not None:
        if learner is not None:
            raise ValueError("learners: give either learner (for the whole team) or learners (one for each agent)")
        if not isinstance(learners, (list, tuple)):
            raise TypeError(f"learners: expected a list of learners, got {shown(learners)}")
        learner = learners
    given = {"encoder": encoder, "central": central, "teams": teams, "rewards": rewards,
             "shaping": None if isinstance(shaping, (list, tuple)) and not shaping else shaping,
             "episodes": episodes, "steps": steps, "runs": runs, "seed": seed, "stop": stop,
             "record_every": record_every, "first_run": first_run}
    given = {name: value for name, value in given.items() if value is not None}
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: expected a function of the session, got {shown(callback)}")
    interval_seconds, progress = real("interval_seconds", interval_seconds, 0.0), flag("progress", progress)
    arrays = seconds = None
    if resume is not None:
        if game is not None or learner is not None:
            raise ValueError("resume: goes on with its own game and learner; leave game and learner out")
        experiment, arrays = _resumed(resume, given)
        seconds = resume.seconds
    else:
        experiment = experiment_of(game, learner, given)
    keep = None if checkpoint is None else _Checkpoint(checkpoint, interval_seconds, experiment)
    earlier = keep and keep.earlier(backend)
    if earlier:
        experiment, arrays, seconds = keep.experiment, earlier.arrays, earlier.seconds

    doubts.warn(doubts.beforehand(experiment))
    session = None
    begun = time.perf_counter()
    seconds = seconds or 0.0
    interrupted = False
    try:
        session = Session(experiment, arrays, backend, draws)
        with Progress(session, progress) as bar:
            def on_block(session):
                bar.update(session)
                if callback is not None:
                    callback(session)
                if keep:
                    keep.now_and_then(session, seconds + time.perf_counter() - begun)
            interrupted = session.work(threads, block, on_block)
    except BaseException as error:      # also those that end a program: what was learned is not theirs to lose
        if session is not None:
            result = Result(experiment, session.arrays, seconds + time.perf_counter() - begun, False)
            with contextlib.suppress(AttributeError, TypeError):        # a few kinds of exceptions take no attributes
                error.result = result
            if keep and not isinstance(error, TrainingError):
                keep.save(result)
        raise
    if session.diverged():
        doubts.warn([session.diverged()], RuntimeWarning)
    result = Result(experiment, session.arrays, seconds + time.perf_counter() - begun, interrupted, session.loop_used)
    if keep:
        keep.save(result)
    doubts.warn(doubts.afterwards(result))
    return result


class _Checkpoint:
    """Keeps what was learned so far in a file.

    Parameters
    ----------
    path : str or path-like
    interval_seconds : float
        Seconds in between.
    experiment : Experiment
    """

    def __init__(self, path, interval_seconds, experiment):
        self.path = errors.path(path, "checkpoint")
        self.interval_seconds, self.experiment = interval_seconds, experiment
        self.last = time.perf_counter()

    def earlier(self, backend):
        """What an earlier call left there, or None."""
        if os.path.isdir(self.path):
            raise ValueError(f"checkpoint: {self.path} is a folder; give a file")
        clear_way(self.path)
        if not os.path.lexists(self.path):
            return None
        values = self.experiment.to_dict()
        game = self.experiment.game if functions_of(values["game"]) else None
        found = load(self.path, backend, game)
        if self.experiment.seed_drawn:      # nobody chose it: the file's is the one to go on with
            self.experiment = self.experiment.replace(seed=found.experiment.seed)
            values = self.experiment.to_dict()
        if found.experiment.to_dict() != values:
            raise ValueError(f"checkpoint: {self.path} holds another experiment; choose another file, or go on with "
                             "that one by resume=")
        return found

    def now_and_then(self, session, seconds):
        """Called after each block."""
        if time.perf_counter() - self.last >= self.interval_seconds:
            self.save(Result(self.experiment, session.arrays, seconds))

    def save(self, result):
        """Write; what cannot be written now may be later."""
        try:
            result.save(self.path)
        except OSError as error:
            warnings.warn(f"checkpoint: {error.strerror or error}; training goes on", RuntimeWarning, stacklevel=3)
        self.last = time.perf_counter()         # saving may take long: what comes between two is training


def experiment_of(game, learner, given):
    """The experiment that the arguments of :func:`train` describe; ``given``: other fields of it."""
    if isinstance(game, dict) and "game" in game:
        game = Experiment.from_dict(game)
    if isinstance(game, Experiment):
        given = given if learner is None else given | {"learner": learner}
        return game.replace(**given) if given else game
    for name, value in (("game", game), ("learner", learner)):
        if value is None:
            if name == "learner":
                require("game", game, "game")
            raise TypeError(f"{name}: expected one, got None; see marlfast.games and marlfast.learners")
    return Experiment(game, learner, **given)


def _resumed(result, given):
    """The experiment that goes on with a result, and a copy of its arrays."""
    if not isinstance(result, Result):
        raise TypeError(f"resume: expected a Result (marlfast.load gives one from a file), got {shown(result)}")
    for name in given:
        if name not in ("episodes", "steps", "stop"):
            raise ValueError(f"{name}: cannot change when resuming; only episodes, steps and stop can")
    experiment, changes = result.experiment, dict(given)
    for name in ("episodes", "steps"):
        if name in given:
            done = getattr(experiment, name) or int(result.arrays[name].max())
            changes[name] = done + integer(name, given[name], 1, 2**61)
    for name, other in (("episodes", "steps"), ("steps", "episodes")):
        # A limit that was reached would end the run at once; the one that is asked for takes its place.
        limit = getattr(experiment, name)
        if other in given and name not in given and limit and (result.arrays[name] >= limit).any():
            changes[name] = None
    experiment = experiment.replace(**changes) if changes else experiment
    arrays = {name: array.copy() for name, array in result.arrays.items()}
    window = experiment.resolved.limits.window
    if window != arrays["recent"].shape[1]:
        if arrays["recent"].shape[1] == 0 and (arrays["episodes"] == 0).all():
            arrays["recent"] = np.zeros((len(arrays["recent"]), window))
        else:
            raise ValueError(f"stop: the window of ReturnReached cannot change when resuming; it is "
                             f"{arrays['recent'].shape[1]}, got {window}")
    again = go_on(experiment, arrays, "stop" in given)
    reason = arrays["reason"]
    if not again.any() and not (reason == RUNNING).any() and (reason < FAILED).any():
        raise ValueError("episodes: every run has reached its end; give episodes= or steps= to go on for so many more")
    return experiment, arrays


def go_on(experiment, arrays, any_return=False, left_out=None):
    """Let runs go on whose limit is no longer reached.

    Parameters
    ----------
    experiment : Experiment
        With the limits that hold from now on.
    arrays : dict of str to ndarray
        Of a session that ended by other limits; changed in place.
    any_return : bool
        Whether runs that reached the return they were to reach go on, too.
    left_out : bool [R], optional
        Runs that stay as they are.

    Returns
    -------
    bool [R]
        Which were considered.
    """
    max_steps, max_episodes, max_stable, min_return, window = experiment.resolved.limits
    reason = arrays["reason"]
    again = (((reason == STEPS) & (arrays["steps"] < max_steps))
             | ((reason == EPISODES) & (arrays["episodes"] < max_episodes))
             | ((reason == GREEDY_STABLE) & (arrays["stable"] < max_stable)))
    if any_return:
        again |= reason == RETURN_REACHED
    if left_out is not None:
        again &= ~left_out
    reason[again] = RUNNING
    # A rule that held in the very step of the old limit would have ended the run there.
    if window:
        reason[again & (arrays["episode_steps"] == 0) & (arrays["episodes"] >= window)
               & (arrays["recent_sum"] / window >= min_return)] = RETURN_REACHED
    reason[again & (arrays["stable"] >= max_stable)] = GREEDY_STABLE
    reason[again & (arrays["episodes"] >= max_episodes)] = EPISODES
    reason[again & (arrays["steps"] >= max_steps)] = STEPS
    return again
