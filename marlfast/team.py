"""Learners to step by hand, for embedding in larger programs."""
import numpy as np

from marlfast.backends import kernels
from marlfast.encoders import Numbered
from marlfast.errors import TrainingError, integer, shown
from marlfast.learners.base import Seats
from marlfast.learners.base import learner as as_learner
from marlfast.registry import require
from marlfast.rewards.structure import individual, mixed


class Team:
    """The agents of R runs: they act, and learn from what they are told came of it.

    With the same seed, and stepped in the same way, a team does what :func:`marlfast.train` does.

    Parameters
    ----------
    learner : Learner, or sequence of Learner
    game : Game
        Its facts alone are used (agents, actions, observations).
    runs : int
    seed : int
    encoder : Encoder, optional
        Needed where observations are real numbers.
    backend : {"cython", "numpy"}
    teams : sequence of sequence of int, optional
        For ``share="team"``.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Drift(agents=2)
    >>> env, team = game.env(seed=0), mf.IQL().team(game, seed=0, encoder=mf.Rounding(1))
    >>> seen = env.reset()
    >>> actions = team.act(seen)
    >>> then, rewards, terminated, truncated = env.step(actions)
    >>> team.update(seen, actions, rewards, then, terminated, truncated)
    """

    def __init__(self, learner, game, runs=1, seed=0, encoder=None, backend="cython", teams=None):
        game, learner = require("game", game, "game"), as_learner(learner)
        self.learner, self.game, self.backend = learner, game, backend
        self.encoder = Numbered() if encoder is None else require("encoder", encoder, "encoder")
        self.structure = individual() if teams is None else mixed(teams)
        self.structure.check(game)
        self.encoder.check(game)
        self.runs, self.seed = integer("runs", runs, 1, 2**31 - 1), integer("seed", seed, 0, 2**64 - 1)
        self._seats = Seats(game, self.structure, self.runs)
        learner.check(self._seats, None if self.encoder.grows else self.encoder.rows(game))
        for name, count in learner.runs_given().items():
            if count != self.runs:
                raise ValueError(f"learner.{name}: expected one value per run, {self.runs}, got {count}")
        self.steps = np.zeros(self.runs, np.int64)
        self.encoder_arrays = self.encoder.allocate(game, self.runs)
        rows = self.encoder_arrays["keys"].shape[1] if self.encoder.grows else self.encoder.rows(game)
        self.arrays = learner.allocate(self._seats, rows)
        learner.derive(self._seats, self.arrays, backend)
        self._run_numbers = np.arange(self.runs, dtype=np.int64)
        self._fill = kernels(backend, "random").fill
        self._bind()

    def _bind(self):
        self._encoder = self.encoder.bind(self.game, self.runs, self.encoder_arrays, self.backend)
        self._learners = self.learner.bind(self._seats, self.arrays, self.backend)

    @property
    def q(self):
        """Action values: float64 [R, rows, T, A]."""
        return self.arrays["q"]

    def act(self, observation):
        """Actions of all agents, exploration included.

        Parameters
        ----------
        observation : float64 [R, V, D]

        Returns
        -------
        int32 [R, N]
        """
        rows = self._rows("observation", observation)
        k = self.learner.draws()
        draws = np.empty((self.runs, self.game.agents * k))
        self._fill(self.seed, 0, self._run_numbers, self.steps * (self.game.agents * k), draws, False)
        actions = np.empty((self.runs, self.game.agents), np.int32)
        for learner in self._learners:
            learner.act(rows, draws.reshape(self.runs, self.game.agents, k), actions)
        return actions

    def update(self, observation, actions, rewards, next_observation, terminated, truncated=None):
        """Learn from one step of every run, and move the schedules on.

        Parameters
        ----------
        observation, next_observation : float64 [R, V, D]
            Before the step, and of its true successor.
        actions : int [R, N]
        rewards : float [R, N]
        terminated : bool [R]
            The game is over: nothing is bootstrapped from ``next_observation``.
        truncated : bool [R], optional
            The time limit was reached: the episode is over for the schedules. Default: nowhere.
        """
        shape = (self.runs, self.game.agents)
        actions, rewards = np.asarray(actions), _numbers("rewards", rewards)
        for name, array, wanted in (("actions", actions, shape), ("rewards", rewards, shape)):
            if array.shape != wanted:
                raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")
        if actions.dtype.kind not in "iu":
            raise TypeError(f"actions: expected whole numbers, got {actions.dtype}")
        if ((actions < 0) | (actions >= self.game.action_counts)).any():
            raise ValueError(f"actions: expected 0 to {self.game.most_actions - 1}, "
                             f"got {actions.min()} to {actions.max()}")
        if not np.isfinite(rewards).all():
            raise ValueError("rewards: expected finite numbers, got nan or inf")
        terminated = self._flags("terminated", terminated)
        ended = terminated if truncated is None else terminated | self._flags("truncated", truncated)
        rows, next_rows = self._rows("observation", observation), self._rows("next_observation", next_observation)
        changed = np.zeros(self.runs, bool)
        actions, rewards = np.ascontiguousarray(actions, np.int32), np.ascontiguousarray(rewards)
        for learner in self._learners:
            learner.update(rows, actions, rewards, next_rows, terminated, changed)
            learner.tick(ended)
        self.steps += 1

    def _flags(self, name, value):
        array = np.array(np.broadcast_to(np.asarray(value), self.runs)) if np.ndim(value) == 0 else np.asarray(value)
        if array.dtype != bool or array.shape != (self.runs,):
            raise ValueError(f"{name}: expected bool of shape {(self.runs,)}, got {array.dtype} {array.shape}")
        return np.ascontiguousarray(array)

    def _rows(self, name, observation):
        array = _numbers(name, observation)
        shape = (self.runs, self.game.views, self.game.features)
        if array.size != self.runs * self.game.views * self.game.features:
            raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
        array = array.reshape(shape)
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: expected finite numbers, got nan or inf")
        if self.encoder.grows:
            self._grow()
        rows = np.empty((self.runs, self.game.agents), np.int32)
        self._encoder.encode(array, rows)
        most = getattr(self.encoder, "max_rows", None)
        if most is not None and self.encoder_arrays["used"].max() > most:
            raise TrainingError(f"max_rows: more than max_rows={most} different observations were seen; "
                                "raise it, or round to fewer decimals")
        return rows

    def _grow(self):
        """Make room before it is needed."""
        rows = self.encoder_arrays["keys"].shape[1]
        if int(self.encoder_arrays["used"].max()) + self.game.views <= rows:
            return
        rows = min(2 * rows, self.encoder.limit(self.game))
        self.encoder_arrays = self.encoder.grow(self.game, self.encoder_arrays, rows, self.backend)
        self.arrays = self.learner.grow(self._seats, self.arrays, rows, self.backend)
        self._bind()


def _numbers(name, value):
    """``value`` as a float64 array."""
    try:
        return np.ascontiguousarray(value, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected an array of numbers, got {shown(value)}") from None
