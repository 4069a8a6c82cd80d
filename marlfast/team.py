"""Learners to step by hand, for embedding in larger programs."""
import numpy as np

from marlfast import files, seeds
from marlfast.backends import kernels
from marlfast.disk import write_atomically
from marlfast.draws import PURPOSES
from marlfast.errors import FileError, TrainingError, flag, integer, shown
from marlfast.experiment import Experiment
from marlfast.learners.base import learner as as_learner
from marlfast.policy import Policy
from marlfast.registry import require
from marlfast.resolved import part_of
from marlfast.result import Result
from marlfast.rewards.structure import individual, mixed
from marlfast.session import allocate

TEAM = "marlfast team"         # the format of its files


class Team:
    """The agents of R runs: they act, and learn from what they are told came of it.

    With the same seed, and stepped in the same way, a team does what :func:`marlfast.train` does.

    Parameters
    ----------
    learner : Learner, or sequence of Learner
        Who act and learn, see :class:`marlfast.Experiment`.
    game : Game
        Its facts alone are used (agents, actions, observations). With :class:`marlfast.History`, step
        ``team.game.env()``, which remembers.
    runs : int
        R.
    seed : int, optional
        Default: one from the system's entropy, kept as ``team.seed``.
    encoder : Encoder, optional
        Needed where observations are real numbers.
    backend : {"cython", "numpy"}
        Which kernels.
    teams : sequence of sequence of int, optional
        For ``share="team"``.
    central : Encoder, optional
        Of the game's whole state, for learners that look at it while they learn. Default: as for
        :class:`marlfast.Experiment`.

    See Also
    --------
    Env : A game to step by hand.
    train : Both in one compiled loop.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Drift(agents=2)
    >>> env, team = game.env(seed=0), mf.IQL().team(game, seed=0, encoder=mf.Rounding(1))
    >>> obs = env.reset()
    >>> actions = team.act(obs)
    >>> then, rewards, terminated, truncated = env.step(actions)
    >>> team.update(obs, actions, rewards, then, terminated, truncated)
    """

    def __init__(self, learner, game, runs=1, seed=None, encoder=None, backend="cython", teams=None, central=None):
        game, learner = require("game", game, "game"), as_learner(learner)
        game.refuse_moves("a team stepped by hand", "train with marlfast.train")
        self.backend = backend
        self.structure = individual() if teams is None else mixed(teams)
        self.runs = integer("runs", runs, 1, 2**31 - 1)
        self.seed = seeds.fresh() if seed is None else integer("seed", seed, 0, 2**64 - 1)
        # An experiment that is never run: it checks that all fit together, and knows how.
        self._experiment = Experiment(game, learner, encoder, self.structure, runs=self.runs, steps=1, central=central,
                                      seed=self.seed)
        self.game, self._resolved = self._experiment.game, self._experiment.resolved
        self.learner = learner = self._experiment.learner
        self.encoder, self._encoders = self._experiment.encoder, self._resolved.encoders()
        self.steps = np.zeros(self.runs, np.int64)
        self.played = np.zeros(self.runs, np.int64)
        self._acted = False
        self._tables = {name: one.allocate(source, self.runs) for name, (one, source) in self._encoders.items()}
        self._seat()
        self.arrays = learner.allocate(self._seats, self._room["encoder"])
        learner.derive(self._seats, self.arrays, backend)
        self._fill = kernels(backend, "draws").fill
        self._bind()

    def _seat(self):
        self._room = {name: one.room(source, self._tables[name]) for name, (one, source) in self._encoders.items()}
        self._seats = self._resolved.context_in(self._room)

    def _bind(self):
        self._kernels = self._resolved.bound(self._tables, self.runs, self.backend)
        self._learners = self.learner.bind(self._seats, self.arrays, self.backend)
        self._still = None

    def __getstate__(self):
        without = ("_kernels", "_learners", "_still", "_fill", "_resolved", "_encoders", "_seats")
        return {name: value for name, value in self.__dict__.items() if name not in without}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._resolved = self._experiment.resolved
        self._encoders = self._resolved.encoders()
        self._fill = kernels(self.backend, "draws").fill
        self._seat()
        self.learner.derive(self._seats, self.arrays, self.backend)
        self._bind()

    @property
    def encoder_arrays(self):
        """Arrays of the encoder of observations, such as ``used``, rows in use of each run: dict of str to ndarray."""
        return self._tables["encoder"]

    @property
    def q(self):
        """Action values: float64 [R, rows, T, A]."""
        return self.arrays["q"]

    def act(self, observation, explore=True):
        """Say what all agents do.

        Parameters
        ----------
        observation : float64 [R, V, D]
            What they see.
        explore : bool
            False: what they play without exploring, for those who only watch. ``update`` does not follow, and no draw
            of learning is used up; what was never seen gets its row.

        Returns
        -------
        int32 [R, N]
            An action for each agent.
        """
        explore, rows = flag("explore", explore), self._rows("observation", observation, "encoder")
        k = self._resolved.draws
        draws = np.empty((self.runs, self.game.agents * k))
        learners, purpose, steps = self._learners, PURPOSES.index("training"), self.steps
        if not explore:
            learners, purpose, steps = self._stilled(), PURPOSES.index("evaluation"), self.played
        self._fill(self.seed, 8 * purpose, self._resolved.run_numbers, steps * (self.game.agents * k), draws, False)
        actions = np.empty((self.runs, self.game.agents), np.int32)
        for learner in learners:
            learner.act(self._whole(rows, rows, learner), draws.reshape(self.runs, self.game.agents, k), actions)
        if explore:
            self._acted = True
        else:
            self.played += 1
        return actions

    def _stilled(self):
        """Kernels that play what was learned until now, and learn nothing.

        They look at the tables of those that learn; what is remembered from step to step is their own.
        """
        if self._still is None:
            tables = {*self.learner.by_row, *self.learner.by_central}
            arrays = {name: array if name in tables else array.copy() for name, array in self.arrays.items()}
            self._still = self.learner.bind(self._seats, arrays, self.backend, self._resolved.draws, False,
                                            self.learner.exploring("policy"))
        return self._still

    def policy(self, run=0, agent=None, kind="policy", seed=0):
        """What one run's agents have learned until now, or one agent: as :meth:`Result.policy`.

        Parameters
        ----------
        run : int
            0 to R - 1.
        agent : int or str, optional
            Of this agent alone.
        kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
            Which of what the learners play.
        seed : int
            Of its draws, where it is mixed.

        Returns
        -------
        Policy or AgentPolicy
            It has tables of its own: what is learned afterwards does not change it.
        """
        policy = Policy.of_result(self._result(), run, kind, seed)
        return policy if agent is None else policy.agent(agent)

    def save(self, path):
        """Write all that was learned, and where the team's draws are, to one ``.npz`` file: see :meth:`load`.

        Parameters
        ----------
        path : str or path-like
            Where to.
        """
        for name, (encoder, source) in self._encoders.items():
            if encoder.grows and not encoder.used(source, self._tables[name]).min():
                raise ValueError("save: a run of this team has seen nothing yet, so that there is nothing to save; "
                                 "call act first")
        arrays = allocate(self._resolved, self.backend) | self._result().arrays
        more = {"played": self.played.tolist(), "acted": self._acted}
        write_atomically(path, lambda file: files.write(Result(self._experiment, arrays), file, TEAM, more))

    @classmethod
    def load(cls, path, game=None, backend="cython"):
        """Read a team that :meth:`save` wrote: it goes on where that one was.

        Parameters
        ----------
        path : str or path-like
            Of the file.
        game : Game, optional
            The game that it was made for: needed where that has functions of its own, which no file holds.
        backend : {"cython", "numpy"}
            Which kernels.

        Returns
        -------
        Team
            As it was.

        Raises
        ------
        FileError
            Not a team, damaged, or of a newer version.
        """
        result, manifest = files.read(path, backend, None if game is None else require("game", game, "game"), TEAM)
        e, played, acted = result.experiment, manifest.get("played"), manifest.get("acted")
        whole = isinstance(played, list) and all(isinstance(n, int) and 0 <= n < 2**62 for n in played)
        if not whole or len(played) != e.runs or not isinstance(acted, bool):
            raise FileError(f"{path}: its manifest is incomplete")
        team = object.__new__(cls)
        team.__setstate__({
            "game": e.game, "backend": backend, "structure": e.rewards, "runs": e.runs, "seed": e.seed,
            "_experiment": e, "learner": e.learner, "encoder": e.encoder, "steps": result.arrays["steps"],
            "played": np.array(played, np.int64), "_acted": acted,
            "_tables": {name: part_of(result.arrays, name) for name in e.resolved.encoders()},
            "arrays": part_of(result.arrays, "learner")})
        return team

    def _result(self):
        """All that was learned, as of a training."""
        arrays = {f"learner.{name}": array for name, array in self.arrays.items()}
        arrays |= {f"{part}.{name}": array for part, tables in self._tables.items() for name, array in tables.items()}
        return Result(self._experiment, arrays | {"steps": self.steps})

    def update(self, observation, actions, rewards, next_observation, terminated, truncated=None, state=None,
               next_state=None):
        """Learn from one step of every run, and move the schedules on; ``act`` comes before it, each time.

        Parameters
        ----------
        observation : float64 [R, V, D]
            Before the step.
        actions : int [R, N]
            What was done.
        rewards : float [R, N]
            What each agent was paid.
        next_observation : float64 [R, V, D]
            Of its true successor.
        terminated : bool [R]
            The game is over: nothing is bootstrapped from ``next_observation``.
        truncated : bool [R], optional
            The time limit was reached: the episode is over for the schedules. Default: nowhere.
        state, next_state : float64 [R, S], optional
            The game's whole state before and after; needed where a learner looks at it and agents see different
            things, and with ``central``.
        """
        if not self._acted:
            raise ValueError("update: expected act before it, as both take turns; nothing was done since "
                             f"{'the last update' if self.steps[0] else 'the team was made'}")
        shape = (self.runs, self.game.agents)
        actions, rewards = _plain("actions", actions), _numbers("rewards", rewards)
        for name, array, wanted in (("actions", actions, shape), ("rewards", rewards, shape)):
            if array.shape != wanted:
                raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")
        if actions.dtype.kind not in "iu":
            raise TypeError(f"actions: expected whole numbers, got {actions.dtype}")
        if ((actions < 0) | (actions >= self.game.action_counts)).any():
            raise ValueError(f"actions: expected 0 to {self.game.max_actions - 1}, "
                             f"got {actions.min()} to {actions.max()}")
        if not np.isfinite(rewards).all():
            raise ValueError("rewards: expected finite numbers, got nan or inf")
        terminated = self._flags("terminated", terminated)
        ended = terminated if truncated is None else terminated | self._flags("truncated", truncated)
        rows = self._rows("observation", observation, "encoder")
        next_rows = self._rows("next_observation", next_observation, "encoder")
        central, next_central = rows, next_rows
        if "central" in self._encoders:
            if state is None or next_state is None:
                raise ValueError("state, next_state: expected the whole states before and after the step, as a learner "
                                 "looks at them; env.state holds the one at hand")
            central = self._rows("state", state, "central")
            next_central = self._rows("next_state", next_state, "central")
        changed = np.zeros(self.runs, bool)
        actions, rewards = np.ascontiguousarray(actions, np.int32), np.ascontiguousarray(rewards)
        for learner in self._learners:
            learner.update(self._whole(rows, central, learner), actions, rewards,
                           self._whole(next_rows, next_central, learner), terminated, changed)
            learner.tick(ended)
        self.steps += 1
        self._acted = False

    def _flags(self, name, value):
        array = _plain(name, value)
        array = np.array(np.broadcast_to(array, self.runs)) if array.ndim == 0 else array
        if array.dtype != bool or array.shape != (self.runs,):
            raise ValueError(f"{name}: expected bool of shape {(self.runs,)}, got {array.dtype} {array.shape}")
        return np.ascontiguousarray(array)

    def _whole(self, rows, central, learner):
        """The rows that a learner reads: those of the agents, and of the whole state where it looks at that."""
        if not learner.central:
            return rows
        return np.ascontiguousarray(np.concatenate([rows, central[:, :learner.central]], axis=1))

    def _rows(self, name, observation, which):
        array = _numbers(name, observation)
        encoder, source = self._encoders[which]
        shape = (self.runs, source.views, source.size if which == "central" else source.features)
        wanted = (self.runs, source.size) if which == "central" else shape
        if array.shape != wanted:
            raise ValueError(f"{name}: expected shape {wanted}, got {array.shape}")
        array = array.reshape(shape)
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: expected finite numbers, got nan or inf")
        if encoder.grows:
            self._grow(which)
        rows = np.empty((self.runs, source.agents * encoder.active(source)), np.int32)
        self._kernels[which].encode(array, rows)
        most = getattr(encoder, "max_rows", None)
        if most is not None and self._tables[which]["used"].max() > most:
            raise TrainingError(f"max_rows: more than max_rows={most} different observations were seen; "
                                "raise it, or round to fewer decimals")
        return rows

    def _grow(self, which):
        """Make room before it is needed."""
        (encoder, source), arrays = self._encoders[which], self._tables[which]
        n_rows = arrays["keys"].shape[1]
        if int(arrays["used"].max()) + source.views <= n_rows:
            return
        n_rows = min(2 * n_rows, encoder.limit(source))
        self._tables[which] = encoder.grow(source, arrays, n_rows, self.backend)
        self._seat()
        self.arrays = self.learner.grow(self._seats, self.arrays, self._room["encoder"], self.backend)
        self._bind()


def _plain(name, value):
    """``value`` as an array of whatever it holds."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}: expected an array of numbers, got {shown(value)}") from None


def _numbers(name, value):
    """``value`` as a float64 array."""
    try:
        return np.ascontiguousarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}: expected an array of numbers, got {shown(value)}") from None
