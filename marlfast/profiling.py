"""Where the time of a training goes: each part of the loop on its own, and the loop that ran.

A step is: draws, acting, the game's step, observing and encoding, rewards, learning (schedules included). Each part is
a kernel, which is called here for several runs at once and for one; the difference is what a run's step takes without
the call. The fused loop does the same work in less time than these parts add up to; the staged one in more, by its
books.
"""
import time
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.memory import total
from marlfast.session import Session

RUNS, BYTES = 32, 2**26         # side by side, and what their tables may take
BATCH = 64                      # steps between looks at the clock on the wall
PARTS = ("draws", "acting", "the game's step", "observing and encoding", "rewards", "learning")


@dataclass(frozen=True)
class Profile:
    """Where a step's time goes.

    Parameters
    ----------
    nanoseconds : dict of str to float
        A step of one run, by part.
    loop : str
        Which loop ran, and why not the fused one.
    steps : dict of str to float
        Nanoseconds a step of each loop that can run, by its name.
    agents : int
    """

    nanoseconds: dict
    loop: str
    steps: dict
    agents: int

    @property
    def shares(self):
        """Of all parts together: dict of str to float."""
        everything = sum(self.nanoseconds.values())
        return {part: took / everything for part, took in self.nanoseconds.items()}

    def __str__(self):
        lines = [f"  {part:24s} {took:9.1f} ns  {self.shares[part]:5.0%}" for part, took in self.nanoseconds.items()]
        ran = [f"the {name} loop: {took:,.1f} ns a step, {1e9 * self.agents / took:,.0f} agent-steps/s"
               for name, took in self.steps.items()]
        return "\n".join(["A step of one run, part by part:", *lines, *ran, f"It runs by {self.loop}."])


def profile(experiment, seconds=0.2):
    """Measure where the time of a training goes.

    Parameters
    ----------
    experiment : Experiment
        What is trained; some thousand steps of it.
    seconds : float
        About what each loop, and all parts together, may take.

    Returns
    -------
    Profile
        Nanoseconds a step, by part and by loop.

    Raises
    ------
    ValueError
        A game that is stepped in Python (its own profiler says more), or that says who acts or what is legal.
    TrainingError
        The training fails.
    """
    if experiment.game.kernel("cython").serial:
        raise ValueError("profile: this game is stepped in Python, whose profilers say more (python -m cProfile)")
    if experiment.resolved.context.moves:
        raise ValueError("profile: games that say who is there, acts or what is legal are not measured part by part")
    steps = {}
    for name in ("fused", "staged"):
        try:
            steps[name] = _of_loop(experiment, name, seconds)
        except ValueError:                          # it does not fit
            if name == "staged":
                raise
    one = _Parts(experiment, 1)
    most = max(2, min(RUNS, BYTES // max(total(one.session.resolved.shapes(one.session.game_kernel.state_size)), 1)))
    many = _Parts(experiment, most)
    for parts in (one, many):
        parts.work(seconds / 2)
    took = {part: max(0.0, 1e9 * (many.least(part) - one.least(part)) / (most - 1)) for part in PARTS}
    took["draws"] = 1e9 * many.least("draws") / most
    used = Session(_endless(experiment, 1)).loop_used
    return Profile(took, used, steps, experiment.game.agents)


def _endless(experiment, runs, steps=2**62):
    return experiment.replace(runs=runs, steps=steps, episodes=None, stop=(), record_every=0)


def _of_loop(experiment, loop, seconds):
    """Nanoseconds a step of one run, once it is warm."""
    session = Session(_endless(experiment, 1), loop=loop)
    n, took = 256, 0.0
    while took < seconds / 2:
        n *= 2
        begun = time.thread_time()
        session.advance_all(n)
        took = time.thread_time() - begun
    return 1e9 * took / n


class _Parts:
    """The kernels of some runs, each of which is called on its own, step after step."""

    def __init__(self, experiment, runs):
        self.session = session = Session(_endless(experiment, runs), loop="staged")
        self.game, self.runs, self.horizon = session.game_kernel, runs, experiment.game.horizon
        self.took, self.batches, self.steps = dict.fromkeys(PARTS, 0.0), [], 0
        session.advance_all(500)                # as it is once something was learned
        a, agents = session.arrays, experiment.game.agents
        self.state, self.observation, self.rows = a["state"], a["observation"], a["rows"]
        self.next_rows = self.rows.copy()
        self.actions = np.zeros((runs, agents), np.int32)
        self.raw, self.rewards = np.zeros((2, runs, agents))
        self.terminated, self.ended, self.changed = np.zeros((3, runs), bool)

    def work(self, seconds):
        """Step until so many seconds are over."""
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            self.took = dict.fromkeys(PARTS, 0.0)
            self._some(BATCH)
            self.batches.append(self.took)

    def least(self, part):
        """Seconds that a part takes in a step of all runs: of the batch in which it took least."""
        return min(batch[part] for batch in self.batches) / BATCH

    def _drawn(self, stream, n_draws, normal=False, count=BATCH):
        """Draws of some steps: [count, R, n_draws]."""
        fill, block = kernels("cython", "draws").fill, np.empty((self.runs, count * n_draws))
        first = np.full(self.runs, self.steps * n_draws, np.int64)
        begun = time.perf_counter()
        fill(0, stream, np.arange(self.runs), first, block, normal)
        self.took["draws"] += time.perf_counter() - begun
        return np.ascontiguousarray(block.reshape(self.runs, count, n_draws).transpose(1, 0, 2))

    def _some(self, count):
        game, session, took, clock = self.game, self.session, self.took, time.perf_counter
        agents, each = self.actions.shape[1], session.draws
        explore = self._drawn(0, agents * each).reshape(count, self.runs, agents, each)
        uniforms, normals = self._drawn(1, game.step_uniforms), self._drawn(2, game.step_normals, True)
        session.make_room(2 * count)
        bound = session.kernels()
        for s in range(count):
            begun = clock()
            for learner in bound["learners"]:
                learner.act(self.rows, explore[s], self.actions)
            acted = clock()
            game.step(self.state, self.actions, uniforms[s], normals[s], self.raw, self.terminated)
            stepped = clock()
            game.observe(self.state, self.observation)
            bound["encoder"].encode(self.observation, self.next_rows)
            encoded = clock()
            for reward in bound["rewards"]:
                reward.apply(self.rows, self.actions, self.raw, self.rewards, self.next_rows, self.state,
                             self.observation, self.terminated, self.ended)
            paid = clock()
            for learner in bound["learners"]:
                learner.update(self.rows, self.actions, self.rewards, self.next_rows, self.terminated, self.changed)
                learner.tick(self.ended)
            learned = clock()
            for part, begins, ends in zip(PARTS[1:], (begun, acted, stepped, encoded, paid),
                                          (acted, stepped, encoded, paid, learned), strict=True):
                took[part] += ends - begins
            self.rows, self.next_rows = self.next_rows, self.rows
            self.steps += 1
            if self.terminated.any() or self.horizon and self.steps % self.horizon == 0:
                self._restart(bound["encoder"])

    def _restart(self, encoder):
        """All runs begin anew, so that none goes on where its game is over."""
        game = self.game
        game.start(self.state, *(self._start(k, n) for k, n in ((3, game.start_uniforms), (4, game.start_normals))))
        game.observe(self.state, self.observation)
        encoder.encode(self.observation, self.rows)

    def _start(self, stream, n_draws):
        draws = np.empty((self.runs, n_draws))
        first = np.full(self.runs, self.steps * n_draws, np.int64)
        kernels("cython", "draws").fill(0, stream, np.arange(self.runs), first, draws, stream == 4)
        return draws
