"""A session: some runs under way, their arrays, and the kernels bound to them.

Training and evaluation are both sessions. All that changes is in ``arrays``, whose first axis is the
run: a checkpoint is these arrays, and nothing else.
"""
import os
import signal
import threading
import time

import numpy as np

from marlfast.backends import kernels
from marlfast.declarations.loop import ARRAYS
from marlfast.draws import check_supplied, supply
from marlfast.errors import TrainingError, integer
from marlfast.exploration import Exploration
from marlfast.memory import check_memory
from marlfast.resolved import RECORDED, part_of
from marlfast.stop import DIVERGED, FAILED

ROWS, RECORDS, DRAWS = 1, 2, 4      # why the loop paused

# Seconds that a block should take: short enough for Ctrl-C, long enough to hide Python.
BLOCK_SECONDS = 0.1
MAX_RECORDS = 2**40
RECORD_BYTES = 2**26        # of the records that there is room for at first, whether they come or not


def allocate(resolved, backend, learning=True, lanes=0):
    """Fresh arrays for a resolved experiment. Where nothing is learned, nobody looks at the whole state.

    ``lanes`` as in :class:`marlfast.learners.base.LearnerContext`.
    """
    kernel = resolved.game.kernel(backend)
    resolved.check_memory(kernel.state_size, learning)
    arrays = {name: np.zeros(*one) for name, one in resolved.shapes(kernel.state_size, learning).items()
              if not name.startswith("learner.")}
    arrays["run_numbers"][:], arrays["fault"][:] = resolved.run_numbers, -1
    room = resolved.rooms(arrays)
    context = (resolved.context_in(room) if learning else resolved.context).with_lanes(lanes)
    learner = resolved.experiment.learner.allocate(context, room["encoder"])
    arrays |= {f"learner.{name}": array for name, array in learner.items()}
    return arrays


class Session:
    """Runs under way.

    Parameters
    ----------
    experiment : Experiment
    arrays : dict of str to ndarray, optional
        Of an earlier session; default: fresh ones.
    backend : {"cython", "numpy"}
    draws : dict, optional
        Draws from outside, see :func:`marlfast.train`.
    purpose : int
        0 training, 1 evaluation.
    learning : bool
        False: tables are frozen.
    exploration : Exploration or {"policy", "behaviour", "greedy"}, optional
        In place of the learner's; or what is played where nothing is learned.
    loop : {"fused", "staged"}, optional
        Which loop of the compiled backend runs; the numbers are the same. Default: the fused one where it fits.
    """

    def __init__(self, experiment, arrays=None, backend="cython", draws=None, purpose=0, learning=True,
                 exploration=None, loop=None):
        self.experiment, self.game, self.backend = experiment, experiment.game, backend
        self.resolved = experiment.resolved
        self.purpose, self.learning, self.exploration, self.asked = purpose, learning, exploration, loop
        self.supplied, self.drawn = check_supplied(draws), {}
        self.game_kernel = self.game.kernel(backend)
        least = exploration.n_draws if isinstance(exploration, Exploration) else 0
        self.draws = max(self.resolved.draws, least)
        fresh = arrays is None
        self.lanes = self._lanes()
        self.arrays = allocate(self.resolved, backend, learning, self.lanes) if fresh else arrays
        self._seat()
        self.episodes_before = self.arrays["episodes"].copy()
        self.failed_before = set(np.flatnonzero(self.arrays["reason"] >= FAILED).tolist())
        learner = self._part("learner")
        if not fresh or not set(experiment.learner.derived) <= set(learner):
            experiment.learner.derive(self.context, learner, backend)
            self._put("learner", learner)
        self._room()
        if fresh:
            self._bind(1)
            self.loop.begin(0, experiment.runs)
            self._check()
        if self.supplied or not fresh:
            self._bind()

    # -- arrays ---------------------------------------------------------------------------------

    def _seat(self):
        """What the learners are told, with the room that there is now."""
        known = self.resolved
        context = known.context_in(known.rooms(self.arrays)) if self.learning else known.context
        self.context = context.with_lanes(self.lanes)

    def _lanes(self):
        """Agents of a row, padded, where the loop will have their tables side by side; else 0."""
        fits = (self.backend == "cython" and self.asked != "staged" and self.learning and self.exploration is None
                and not self.game_kernel.serial and kernels(self.backend, "loop").has_lanes())
        return self.resolved.lanes if fits else 0

    def _part(self, name):
        return part_of(self.arrays, name)

    def _put(self, name, part):
        self.arrays |= {f"{name}.{key}": array for key, array in part.items()}

    def _room(self):
        """Room for the episodes to come: all that can come, or twice what there is."""
        record_every = self.experiment.record_every
        if not record_every:
            return
        limits, have = self.resolved.limits, self.arrays["returns"].shape[1]
        if self.arrays["episodes"].max() // record_every < have and have:
            return
        most = -(-min(limits.steps, limits.episodes) // record_every)      # an episode has one step at least
        size = min(most, max(65536 if limits.episodes < MAX_RECORDS else 1024, 2 * have))
        names = [name for name in RECORDED if name in self.arrays]
        entry = sum(array.itemsize * len(array) * int(np.prod(array.shape[2:]))
                    for array in map(self.arrays.get, names))
        size = min(size, max(16, 2 * have, RECORD_BYTES // entry))
        if size <= have:
            return
        check_memory(f"record_every: {size:,} records of {len(self.arrays['returns']):,} runs and "
                     f"{self.game.agents:,} agents", (size + have) * entry, "record every so many episodes (0: none), "
                     "or take fewer episodes, runs or agents")
        for name in names:
            old = self.arrays[name]
            larger = np.zeros((old.shape[0], size, *old.shape[2:]), old.dtype)
            larger[:, :have] = old
            self.arrays[name] = larger

    def _grow(self, steps=1):
        """Twice the rows, or as many as needed, up to the encoder's limit, of each with too few for so many steps."""
        for name, (encoder, source) in self.resolved.encoders(self.learning).items():
            part = self._part(name)
            needed = part["used"].max() + 2 * steps * source.views if encoder.grows else 0
            if not encoder.grows or needed <= part["keys"].shape[1]:
                continue
            n_rows, limit = part["keys"].shape[1], encoder.limit(source)
            if n_rows >= limit and getattr(encoder, "max_rows", None) is not None:
                continue                    # all that pauses here has seen more than max_rows
            if n_rows >= limit:
                raise TrainingError(f"{name}: more rows are in use than can be numbered; round to fewer decimals")
            self._put(name, encoder.grow(source, part, min(max(2 * n_rows, int(needed)), limit), self.backend))
        self._seat()
        n_rows = self.resolved.rooms(self.arrays, self.learning)["encoder"]
        self._put("learner", self.experiment.learner.grow(self.context, self._part("learner"), n_rows, self.backend))

    def kernels(self):
        """The kernels over the arrays as they are now.

        Returns
        -------
        dict of str to object
            By the names of the loop's arguments: encoder, central, rewards (a list), learners (a list).
        """
        e, known, n_runs = self.experiment, self.resolved, len(self.arrays["state"])
        encoders = known.bound({name: self._part(name) for name in known.encoders(self.learning)}, n_runs, self.backend,
                               self.learning, self.game_kernel)
        central = encoders[known.whole] if self.learning and known.looks_central else None
        learners = e.learner.bind(self.context, self._part("learner"), self.backend, self.draws, self.learning,
                                  e.learner.exploring(self.exploration))
        rewards = [e.rewards.bind(self.game, self.game_kernel, n_runs, self.backend)]
        rewards += [part.bind(self.game, self.game_kernel, e.encoder, known.discount, n_runs, self.backend)
                    for part in e.shaping]
        for reward in rewards:
            reward.begin(np.ascontiguousarray(self.arrays["rows"][:, :self.game.agents]), self.arrays["observation"])
        return {"encoder": encoders["encoder"], "central": central, "rewards": rewards, "learners": learners}

    def _bind(self, count=None):
        """Make the loop over the arrays as they are now; with draws from outside, for ``count`` steps."""
        e, known = self.experiment, self.resolved
        limits = known.limits
        supplied = supply(self.supplied, self, count) if self.supplied and count else {}
        self.loop = kernels(self.backend, "loop").Loop(
            game=self.game_kernel, **self.kernels(),
            **{name: self.arrays[name] for name in ARRAYS if name in self.arrays}, **known.moves,
            horizon=self.game.horizon, horizon_ends=self.game.ends_at_horizon,
            ends_are_limits=self.game.ends_are_limits, record_every=e.record_every, max_steps=limits.steps,
            max_episodes=limits.episodes, max_stable=limits.stable, stable_after=known.stable_after,
            min_return=limits.min_return, seeds=known.seeds,
            purpose=self.purpose, supplied=supplied, loop=self.asked)

    @property
    def loop_used(self):
        """Which loop runs, in words, and if it is not the fastest one, why."""
        if self.backend != "cython":
            return "the NumPy backend's loop"
        return "the fused loop" if self.loop.staged is None else f"the staged loop, as {self.loop.staged}"

    # -- work -----------------------------------------------------------------------------------

    def running(self):
        """Which runs have not stopped: bool [R]."""
        return self.arrays["reason"] == 0

    def work(self, threads=None, block=None, on_block=None):
        """Take every run to its end, or until interrupted.

        Parameters
        ----------
        threads : int, optional
            Default: as many as there are processors (1 with the NumPy backend).
        block : int, optional
            Steps between returns to Python. Default: what takes about a tenth of a second.
        on_block : callable, optional
            Called after each block with this session.

        Returns
        -------
        bool
            Whether it was interrupted (Ctrl-C); everything learned so far is kept.
        """
        from concurrent.futures import ThreadPoolExecutor  # slow to import

        serial = self.game_kernel.serial
        most = (os.cpu_count() or 1) if self.backend == "cython" and not serial else 1
        threads = most if threads is None else integer("threads", threads, 1)
        least = 1 if serial else 64         # a step of a game in Python may take long
        steps = 4 * least if block is None else integer("block", block, 1)
        with Interrupts() as interrupts, ThreadPoolExecutor(threads) as pool:
            while self.running().any() and not interrupts.pressed:
                begun = time.perf_counter()
                self._block(steps, threads, pool)
                seconds = time.perf_counter() - begun
                if block is None:
                    max_draws = 4096 if self.supplied else 2**24
                    steps = int(min(max_draws, max(least, steps * min(8.0, BLOCK_SECONDS / max(seconds, 1e-6)))))
                if on_block:
                    on_block(self)
        return interrupts.pressed and bool(self.running().any())

    def advance_all(self, steps):
        """Take every run so many steps further, or to its end, by one thread.

        Parameters
        ----------
        steps : int
        """
        self._block(steps, 1, None)

    def make_room(self, steps):
        """Room in the tables for what so many steps may show.

        Parameters
        ----------
        steps : int
        """
        if any(encoder.grows and self._part(name)["used"].max() + 2 * steps * source.views
               > self._part(name)["keys"].shape[1]
               for name, (encoder, source) in self.resolved.encoders(self.learning).items()):
            self._grow(steps)

    def _block(self, steps, threads, pool):
        target = self.arrays["steps"] + steps
        if self.supplied:
            self._bind(steps)
        while True:
            pauses = self._advance(target, threads, pool)
            self._check_interrupts()
            # What went wrong is told when the block is over for all runs, so that it is always of the same run.
            full = np.any([full for full, _ in self._full().values()], axis=0)
            paused = self.running() & (self.arrays["steps"] < target) & ~full
            if not pauses or pauses & DRAWS or not paused.any():
                self._check()
            if not pauses:
                return
            if pauses & ROWS:
                self._grow()
            if pauses & RECORDS:
                self._room()
            if pauses & DRAWS:
                raise TrainingError("draws: the supplied draws ended before the block did")
            self._bind(steps if self.supplied else None)

    def _advance(self, target, threads, pool):
        n_runs = len(target)
        if threads == 1 or n_runs == 1:
            return self.loop.advance(0, n_runs, target)
        # Neighbouring runs share cache lines, which threads should not: few ranges, whose edges are lines' where
        # there are runs enough. Which thread takes which range does not matter to the result.
        pieces = 4 * threads if n_runs >= 64 * threads else min(n_runs, threads)
        line = 8 if n_runs >= 8 * pieces else 1
        edges = [n_runs * k // pieces // line * line for k in range(pieces)] + [n_runs]
        futures = [pool.submit(self.loop.advance, lo, hi, target) for lo, hi in zip(edges, edges[1:], strict=False)]
        pauses = 0
        for future in futures:
            pauses |= future.result()
        return pauses

    def _check(self):
        """Raise for the run that failed first in this session; of those that did in the same step, for the lowest.

        A run that diverged only stops: others may have better parameters, and go on. All of them is an error.
        """
        self._check_interrupts()
        reason = self.arrays["reason"]
        failed = [r for r in np.flatnonzero(reason >= FAILED).tolist() if r not in self.failed_before]
        if not (reason == DIVERGED).all():
            failed = [r for r in failed if reason[r] != DIVERGED]
        steps = self.arrays["steps"]
        wrong = [(int(steps[r]), r, "") for r in failed] + [
            (int(steps[r]), int(r), name) for name, (full, _) in self._full().items() for r in np.flatnonzero(full)]
        if not wrong:
            return
        _, r, name = min(wrong)
        if not name:
            failure = (self.game_kernel.failures or {}).get(r)
            raise TrainingError(self._explain(r, failure)) from failure
        encoder, what = self._full()[name][1], "states" if name == "central" else "observations"
        raise TrainingError(
            f"max_rows: run {int(self.arrays['run_numbers'][r])} has seen more than max_rows={encoder.max_rows} "
            f"different {what}; raise it, or round to fewer decimals (decimals={encoder.decimals})")

    def _check_interrupts(self):
        for failure in (self.game_kernel.failures or {}).values():
            if not isinstance(failure, Exception):
                raise failure               # a second Ctrl-C, within the game's own code

    def _full(self):
        """Which runs have seen more than may be: (bool [R], encoder) by the encoder's name."""
        found = {}
        for name, (encoder, _) in self.resolved.encoders(self.learning).items():
            most = getattr(encoder, "max_rows", None)
            full = np.zeros(len(self.arrays["steps"]), bool) if most is None else self.arrays[f"{name}.used"] > most
            found[name] = full, encoder
        return found

    def diverged(self):
        """A sentence on the runs that diverged in this session, or None."""
        runs = [r for r in np.flatnonzero(self.arrays["reason"] == DIVERGED).tolist() if r not in self.failed_before]
        if not runs:
            return None
        listed = ", ".join(map(str, runs[:8])) + (f" and {len(runs) - 8} more" if len(runs) > 8 else "")
        *some, last = dict.fromkeys(way for _, one, _ in self.resolved.parts for way in one.remedies)
        return (f"{len(runs)} of {len(self.arrays['reason'])} runs diverged and stopped where a learned value stopped "
                f"being finite (runs {listed}; see result.stop_reason); {', '.join(some)} or {last} may help")

    def _explain(self, r, failure):
        arrays = self.arrays
        text = kernels(self.backend, "kernels").STATUS_TEXT[int(arrays["reason"][r]) - FAILED]
        if failure is not None:
            text += f", {type(failure).__name__}: {failure}"
        agent = int(arrays["fault"][r])
        seed = self.experiment.seed
        where = f"run {r if isinstance(seed, tuple) else int(arrays['run_numbers'][r])}, step {int(arrays['steps'][r])}"
        who = f", agent {agent}" if agent >= 0 else ""
        observation = np.array2string(arrays["observation"][r], threshold=8, precision=6)
        return f"{where}{who}: {text} (last observation {observation}); the other runs are kept in error.result"


class Interrupts:
    """Turns Ctrl-C into a flag while it lasts; a second Ctrl-C interrupts at once."""

    def __enter__(self):
        self.pressed = False
        self.previous = None
        if threading.current_thread() is threading.main_thread():
            self.previous = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number, frame):
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True

    def __exit__(self, *_):
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
