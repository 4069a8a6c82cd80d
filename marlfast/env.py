"""A game to step by hand, for embedding in larger programs."""
import numpy as np

from marlfast import seeds
from marlfast.backends import kernels
from marlfast.draws import PURPOSES
from marlfast.errors import choice, flag, integer, shown
from marlfast.registry import require

_INT32 = np.dtype(np.int32)


class Env:
    """R runs of a game, stepped together from Python.

    The same seed gives the same starts and chances as in :func:`marlfast.train`.

    Parameters
    ----------
    game : Game
        What is played.
    runs : int
        R.
    seed : int, or sequence of int [R], optional
        0 to 2**64 - 1. Default: one from the system's entropy, kept as ``env.seed``. A sequence has one seed per run:
        each run is then the first (``first_run``) of its own seed.
    backend : {"cython", "numpy"}
        Which kernels.
    copy : bool
        False: ``reset`` and ``step`` return the environment's own arrays, which the next call overwrites.
    purpose : {"training", "evaluation"}
        Which family of draws is read: that of :func:`marlfast.train` or that of :func:`marlfast.evaluate`.
    horizon : int, optional
        Steps after which an episode is truncated, 0: never, in place of the game's horizon, at which the game's own
        rule holds (:attr:`Game.ends_at_horizon`).
    first_run : int
        Number of the first run; a run's draws depend on its number.

    Attributes
    ----------
    state : float64 [R, S]
        Of the game.
    present, to_act : bool [R, N]
        Who is in the game, and who acts in the next step; the actions of others are not read.
    legal : bool [R, N, A]
        What those who act may do.

    See Also
    --------
    Team : Learners to step by hand.
    train : The same loop, compiled.

    Examples
    --------
    >>> import marlfast as mf
    >>> env = mf.games.Drift(agents=2).env(runs=3, seed=0)
    >>> observation = env.reset()
    >>> observation, rewards, terminated, truncated = env.step([[0, 1], [2, 3], [4, 0]])
    >>> rewards.shape
    (3, 2)
    """

    def __init__(self, game, runs=1, seed=None, backend="cython", copy=True, purpose="training",
                 horizon=None, first_run=0):
        runs = integer("runs", runs, 1, 2**31 - 1)
        self.seed = seeds.fresh() if seed is None else _seeds(seed, runs)
        first_run = integer("first_run", first_run, 0, 2**32 - runs)
        game, purpose = require("game", game, "game"), choice("purpose", purpose, PURPOSES)
        self.game, self.runs, self.copy = game, runs, flag("copy", copy)
        horizon = game.horizon if horizon is None else integer("horizon", horizon, 0)
        self._options = backend, horizon, PURPOSES.index(purpose), first_run
        several = isinstance(self.seed, tuple)
        self._seeds = np.array(self.seed if several else [self.seed] * runs, np.uint64)
        self._numbers = first_run + np.arange(runs, dtype=np.int64) * (not several)
        player = game.kernel(backend)
        self.state = np.zeros((runs, player.state_size))
        self.observation = np.zeros((runs, game.views, game.features))
        self.rewards = np.zeros((runs, game.agents))
        self.terminated, self.truncated = np.zeros(runs, bool), np.zeros(runs, bool)
        self.steps, self.starts, self.episode_steps = (np.zeros(runs, np.int64) for _ in range(3))
        self._shape = (runs, game.agents)
        self.present, self.to_act = np.ones((runs, game.agents), bool), np.ones((runs, game.agents), bool)
        self.legal = np.repeat((np.arange(game.max_actions) < game.action_counts[:, None])[None], runs, axis=0)
        self._make(player)

    def _make(self, player):
        """The kernel over the arrays as they are, of the game's kernel."""
        backend, horizon, purpose, _ = self._options
        ends = self.game.ends_at_horizon and horizon == self.game.horizon
        self._player = player
        self._kernel = kernels(backend, "env").Env(
            game=player, action_counts=self.game.action_counts, horizon=horizon, horizon_ends=ends,
            ends_are_limits=self.game.ends_are_limits, state=self.state, observation=self.observation,
            rewards=self.rewards, terminated=self.terminated, truncated=self.truncated, steps=self.steps,
            starts=self.starts, episode_steps=self.episode_steps, run_numbers=self._numbers, seeds=self._seeds,
            purpose=purpose)
        self._step = self._kernel.step

    def _reseed(self, given):
        """Other seeds for some runs, which are then at the start of their draws; None: a run goes on as it is."""
        for run, seed in enumerate(given):
            if seed is not None:
                self._seeds[run], self._numbers[run] = seed, self._options[3]
                for counted in (self.steps, self.starts, self.episode_steps):
                    counted[run] = 0
        self.seed = tuple(self._seeds.tolist())
        self._make(self._player)

    # A copy is where this one is, in its episodes and its draws: these follow from the arrays alone. What a game keeps
    # beside its state, such as the objects of an environment in Python, goes with it.

    def __getstate__(self):
        kept = getattr(getattr(self._player, "player", None), "kept", None)
        state = {name: value for name, value in self.__dict__.items() if name not in ("_kernel", "_step", "_player")}
        return state | {"_kept": None if kept is None else kept()}

    def __setstate__(self, state):
        kept = state.pop("_kept")
        self.__dict__.update(state)
        player = self.game.kernel(self._options[0])
        if kept is not None:
            player.player.keep(kept)
        self._make(player)

    def reset(self, where=None):
        """Begin the next episode.

        Parameters
        ----------
        where : bool [R], optional
            In which runs; default: in all.

        Returns
        -------
        float64 [R, V, D]
            What the agents see (V is 1 where all see the same), of all runs.
        """
        begun = np.ones(self.runs, bool) if where is None else self._where(where)
        self._kernel.reset(begun)
        if self.game.participation:
            self._ask(np.flatnonzero(begun))
        return self.observation.copy() if self.copy else self.observation

    def step(self, actions, where=None):
        """Take one step of every run.

        Parameters
        ----------
        actions : int [R, N], or [N] with one run
            Of every agent.
        where : bool [R], optional
            Which runs are stepped; the others stay as they are, and their actions are not read. Default: all.

        Returns
        -------
        observation : float64 [R, V, D]
            Of the true successor, also where the episode is over.
        rewards : float64 [R, N]
            Of every agent.
        terminated : bool [R]
            The game is over.
        truncated : bool [R]
            The time limit was reached.
        """
        if type(actions) is not np.ndarray or actions.dtype is not _INT32 or actions.shape != self._shape \
                or not actions.flags.c_contiguous:
            actions = self._actions(actions)
        where = where if where is None else self._where(where)
        if self.game.participation:
            self._move(actions, where)
        else:
            self._step(actions, where)
        if self.copy:
            return self.observation.copy(), self.rewards.copy(), self.terminated.copy(), self.truncated.copy()
        return self.observation, self.rewards, self.terminated, self.truncated

    def _move(self, actions, where):
        """A step of a game that says who is there, who acts or what is legal."""
        runs = np.arange(self.runs) if where is None else np.flatnonzero(where)
        actions = np.where(self.to_act, actions, -1).astype(np.int32)
        for r in runs[~(self.terminated | self.truncated)[runs]].tolist():
            for i in np.flatnonzero(self.to_act[r]).tolist():
                if 0 <= actions[r, i] < self.game.max_actions and not self.legal[r, i, actions[r, i]]:
                    raise ValueError(f"actions[{r}, {i}]: action {actions[r, i]} of agent {i} is not legal at step "
                                     f"{self.episode_steps[r]} of run {r}; expected one of "
                                     f"{np.flatnonzero(self.legal[r, i]).tolist()}")
                if actions[r, i] < 0:
                    raise ValueError(f"actions[{r}, {i}]: agent {i} is to act at step {self.episode_steps[r]} of run "
                                     f"{r}; expected one of {np.flatnonzero(self.legal[r, i]).tolist()}, got "
                                     f"{actions[r, i]}")
        before = self.present.copy()
        self._step(actions, where)
        self.rewards[runs] = np.where(before[runs], self.rewards[runs], 0.0)
        self.to_act[runs[self.terminated[runs]]] = self.legal[runs[self.terminated[runs]]] = False
        self._ask(runs[~self.terminated[runs]])

    def _ask(self, runs):
        """Who is there in some runs, who acts next, what they may do, and whether that ends the episode."""
        state, player = np.ascontiguousarray(self.state[runs]), self._player
        own = np.arange(self.game.max_actions) < self.game.action_counts[:, None]
        said = {"present": np.ones((len(runs), self.game.agents), bool), "truncated": np.zeros(len(runs), bool),
                "to_act": np.ones((len(runs), self.game.agents), bool),
                "legal": np.repeat(own[None], len(runs), axis=0)}
        for what in self.game.participation if len(runs) else ():
            getattr(player, what)(state, said[what])
        acts = said["present"] & said["to_act"]
        legal = said["legal"] & own & acts[:, :, None]
        stuck = np.argwhere(acts & ~legal.any(axis=2))
        if len(stuck):
            r, i = int(runs[stuck[0, 0]]), int(stuck[0, 1])
            raise ValueError(f"run {r}, step {self.episode_steps[r]}, agent {i}: an agent is to act, but has no legal "
                             "action")
        self.present[runs], self.to_act[runs], self.legal[runs] = said["present"], acts, legal
        cut = runs[said["truncated"] & ~self.truncated[runs]]
        self.truncated[cut] = True
        alone = runs[~said["present"].any(axis=1)]
        self.terminated[alone], self.truncated[alone] = True, False

    def render(self, run=0):
        """Write the state of one run as text; :func:`marlfast.plotting.frame` draws boards.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        str
            As :meth:`marlfast.games.Game.render` writes it.
        """
        return self.game.render(self.state[integer("run", run, 0, self.runs - 1)])

    def _where(self, where):
        where = np.asarray(where)
        if where.dtype != bool or where.shape != (self.runs,):
            raise ValueError(f"where: expected bool of shape {(self.runs,)}, got {where.dtype} {where.shape}")
        return np.ascontiguousarray(where)

    def _actions(self, actions):
        try:
            array = np.asarray(actions)
        except ValueError:
            raise ValueError(f"actions: expected shape {self._shape}, got {shown(actions)}") from None
        if array.dtype.kind not in "iu":
            raise TypeError(f"actions: expected whole numbers, got {array.dtype}")
        if array.shape == (self.game.agents,) and self.runs == 1:
            array = array[None]
        if array.shape != self._shape:
            raise ValueError(f"actions: expected shape {self._shape}, got {array.shape}")
        if array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)):
            raise ValueError(f"actions: expected 0 to {self.game.max_actions - 1}, got {array.min()} to {array.max()}")
        return np.ascontiguousarray(array, np.int32)


def _seeds(seed, runs):
    """A seed, or a tuple of one for each run."""
    if not isinstance(seed, (list, tuple, np.ndarray)):
        return integer("seed", seed, 0, 2**64 - 1)
    if len(seed) != runs:
        raise ValueError(f"seed: expected one value per run, {runs}, got {len(seed)}")
    return tuple(integer(f"seed[{r}]", one, 0, 2**64 - 1) for r, one in enumerate(seed))
