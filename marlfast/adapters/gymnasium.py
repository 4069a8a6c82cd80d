"""Every game as a Gymnasium environment. Needs Gymnasium: ``pip install 'marlfast[gymnasium]'``.

Gymnasium knows one agent. A game of several is shown to it in one of two ways: one player who chooses all actions
(``agents="joint"``), or one environment per agent, which are stepped together (``agents="separate"``).
"""
import numpy as np

from marlfast.adapters.views import Views, check_render_mode, render_modes, rendered
from marlfast.env import Env
from marlfast.errors import choice, extra, integer, shown
from marlfast.registry import require
from marlfast.seeds import fresh

_gymnasium = extra("gymnasium", "gymnasium", "marlfast.adapters.gymnasium")
_vector = extra("gymnasium.vector", "gymnasium", "marlfast.adapters.gymnasium")
_batch_space = extra("gymnasium.vector.utils", "gymnasium", "marlfast.adapters.gymnasium").batch_space

Mode = _vector.AutoresetMode


def vector_env(game, runs, observations=None, agents="joint", autoreset_mode=Mode.NEXT_STEP, horizon=None,
               render_mode=None, dtype="float32", backend="cython", first_run=0):
    """Many runs of a game as one Gymnasium ``VectorEnv``, stepped by one call of a kernel.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    runs : int
        How many at once.
    observations : {"index", "one_hot", "vector"}, optional
        See :func:`marlfast.adapters.pettingzoo.parallel_env`.
    agents : {"joint", "separate"}
        ``"joint"``: a run is an environment. Its action holds one for each agent (``MultiDiscrete``), its observation
        all views one after the other, and its reward is the team's: the mean over agents. ``infos["rewards"]`` [R, N]
        are their own. ``"separate"``: each agent of each run is an environment (number ``run * N + agent``) with its
        own observation, reward and action; those of a run end together. All agents must have the same actions.
    autoreset_mode : gymnasium.vector.AutoresetMode
        What follows the end of an episode; as in ``gymnasium.vector.SyncVectorEnv``.
    horizon : int, optional
        Steps after which an episode is truncated, in place of the game's; 0: never.
    render_mode : {"ansi", "rgb_array"}, optional
        Text, or for games on squares a picture.
    dtype : {"float32", "float64"}
        Of vectors; rewards are always float64.
    backend : {"cython", "numpy"}
        Which kernels.
    first_run : int
        Number of the first run; a run's draws depend on its number.

    Returns
    -------
    VectorGame
        Not reset yet.

    See Also
    --------
    env : A single run.
    marlfast.adapters.pettingzoo.parallel_env : A dictionary of agents.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.gymnasium import vector_env
    >>> env = vector_env(mf.games.Drift(agents=3), runs=8)
    >>> observation, infos = env.reset(seed=0)
    >>> observation, rewards, terminations, truncations, infos = env.step(env.action_space.sample())
    >>> rewards.shape
    (8,)
    """
    return VectorGame(game, runs, observations, agents, autoreset_mode, horizon, render_mode, dtype, backend, first_run)


def env(game, observations=None, horizon=None, render_mode=None, dtype="float32", backend="cython", first_run=0):
    """Make one run of a game a Gymnasium ``Env`` for one player who chooses all actions.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    observations : {"index", "one_hot", "vector"}, optional
        See :func:`marlfast.adapters.pettingzoo.parallel_env`.
    horizon : int, optional
        Steps after which an episode is truncated, in place of the game's; 0: never.
    render_mode : {"ansi", "rgb_array"}, optional
        Text, or for games on squares a picture.
    dtype : {"float32", "float64"}
        Of vectors; rewards are always float64.
    backend : {"cython", "numpy"}
        Which kernels.
    first_run : int
        Number of the run, whose draws depend on it: it equals that of :func:`vector_env` with this number.

    Returns
    -------
    SingleGame
        Not reset yet.

    See Also
    --------
    vector_env : Many runs at once.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.gymnasium import env
    >>> single = env(mf.games.Drift(agents=3))
    >>> observation, info = single.reset(seed=0)
    >>> observation.shape, single.action_space.nvec.tolist()
    ((2,), [5, 5, 5])
    """
    return SingleGame(game, observations, horizon, render_mode, dtype, backend, first_run)


class VectorGame(_vector.VectorEnv):
    """Many runs of a game as a Gymnasium ``VectorEnv``: see :func:`vector_env`.

    The same seed gives the same episodes as ``game.env(runs, seed=seed)``. A reset without a seed begins the next
    episodes of the seed in use; before the first seed, one is taken from the operating system.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    runs : int
        How many at once.
    observations, agents, autoreset_mode, horizon, render_mode, dtype, backend, first_run : object
        See :func:`vector_env`.

    See Also
    --------
    vector_env : Makes it.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.gymnasium import VectorGame
    >>> VectorGame(mf.games.Drift(agents=3), runs=8).single_observation_space.shape
    (2,)
    """

    def __init__(self, game, runs, observations=None, agents="joint", autoreset_mode=Mode.NEXT_STEP, horizon=None,
                 render_mode=None, dtype="float32", backend="cython", first_run=0):
        self.game = game = require("game", game, "game")
        game.refuse_moves("a vector environment", "step game.env() by hand")
        self.runs = runs = integer("runs", runs, 1, 2**31 - 1)
        self.separate = choice("agents", agents, ("joint", "separate")) == "separate"
        try:
            self.autoreset_mode = Mode(autoreset_mode)
        except ValueError:
            known = ", ".join(f"AutoresetMode.{mode.name}" for mode in Mode)
            raise ValueError(f"autoreset_mode: expected one of {known}, got {shown(autoreset_mode)}") from None
        self.views = Views(game, observations, dtype)
        self.render_mode = check_render_mode(game, render_mode)
        self.metadata = {"render_modes": render_modes(game), "render_fps": 4, "autoreset_mode": self.autoreset_mode}
        counts = np.asarray(game.action_counts)
        if self.separate:
            if (counts != counts[0]).any():
                raise ValueError(f"agents: 'separate' needs agents with the same actions, but game {game.name!r} has "
                                 f"{counts.tolist()}; use 'joint'")
            self.single_action_space = self.views.spaces.Discrete(int(counts[0]))
            self.single_observation_space = self.views.space()
        else:
            self.single_action_space = self.views.spaces.MultiDiscrete(counts)
            self.single_observation_space = self.views.space(together=game.views)
        self.num_envs = runs * game.agents if self.separate else runs
        self.action_space = _batch_space(self.single_action_space, self.num_envs)
        self.observation_space = _batch_space(self.single_observation_space, self.num_envs)
        self._options = {"runs": runs, "backend": backend, "copy": False, "horizon": horizon, "first_run": first_run}
        self._env = None
        Env(game, **self._options)          # refuses what is wrong now, and not at the first reset

    def reset(self, *, seed=None, options=None):
        """Begin episodes: the first of ``seed``, or the next ones.

        Parameters
        ----------
        seed : int, or sequence of int or None [num_envs], optional
            0 to 2**64 - 1. Default: the seed in use goes on. A sequence has one for each environment, which is then as
            :func:`env` with that seed; None: its own goes on. The agents of a run have one seed.
        options : dict, optional
            ``{"reset_mask": bool [num_envs]}`` begins only the marked ones; no other option is read.

        Returns
        -------
        observation : ndarray [num_envs, ...]
            Of all environments, in the shape of ``observation_space``.
        infos : dict
            Empty at the start.
        """
        each = None if seed is None or isinstance(seed, (int, np.integer)) else self._each_seed(seed)
        super().reset(seed=seed if each is None else next((one for one in each if one is not None), None))
        mask = (options or {}).get("reset_mask")
        if mask is not None:
            if seed is not None:
                raise ValueError("seed: begins all runs anew, so it cannot come with a reset_mask; leave one out")
            mask = self._marked(mask)
        if each is not None and self._env is not None:
            self._env._reseed(each)
        elif seed is not None or self._env is None:
            if mask is not None:
                raise ValueError("reset_mask: no run was begun yet; call reset without it first")
            if each is not None:
                seed = [fresh() if one is None else one for one in each]
            self._env = Env(self.game, seed=self.np_random_seed % 2**64 if seed is None else seed, **self._options)
        self._env.reset(mask)
        return self._seen(), {}

    def step(self, actions):
        """Take one step of every run, and do what the autoreset mode asks for.

        Parameters
        ----------
        actions : int [num_envs, ...]
            One of ``action_space``.

        Returns
        -------
        observation : ndarray [num_envs, ...]
            Of all environments.
        rewards : float64 [num_envs]
            The team's, or each agent's own.
        terminations, truncations : bool [num_envs]
            Which episodes are over, and which were cut off.
        infos : dict
            ``"rewards"`` [R, N] of all agents, where they are one player.
        """
        env = self._env
        if env is None:
            raise ValueError("step: no run was begun yet; call reset first")
        actions = np.asarray(actions)
        if self.separate:
            if actions.shape != (self.num_envs,):
                raise ValueError(f"actions: expected shape {(self.num_envs,)}, got {actions.shape}")
            actions = actions.reshape(self.runs, -1)
        over = env.terminated | env.truncated
        begun = over if self.autoreset_mode is Mode.NEXT_STEP and over.any() else None
        if begun is None:
            env.step(actions)
        else:
            env.reset(begun)
            env.step(actions, where=~begun)
            env.rewards[begun] = 0.0
        rewards, terminated, truncated = env.rewards.copy(), env.terminated.copy(), env.truncated.copy()
        infos = {}
        if self.autoreset_mode is Mode.SAME_STEP:
            begun = terminated | truncated
            if begun.any():
                infos = self._final(rewards, begun)
                env.reset(begun)
        if not self.separate:
            self._note(infos, rewards, np.ones(self.runs, bool) if begun is None else ~begun)
        return (self._seen(), self._earned(rewards), self._each(terminated), self._each(truncated), infos)

    def render(self):
        """Show each environment as text or as a picture.

        Returns
        -------
        tuple of str or of uint8 [height, width, 3], or None
            As ``render_mode`` says; None without one.
        """
        if self._env is None:
            raise ValueError("render: there is no state yet; call reset first")
        frames = [rendered(self.game, state, self.render_mode) for state in self._env.state]
        return tuple(frame for frame in frames for _ in range(self.num_envs // self.runs))

    def _seen(self):
        """What the environments show: [num_envs, ...], a new array."""
        env = self._env
        obs = self.views.of(env.observation)                   # [R, V] or [R, V, size]
        if not self.separate:
            return obs.reshape(self.observation_space.shape)
        return np.broadcast_to(obs, (self.runs, self.game.agents, *obs.shape[2:])).reshape(
            self.observation_space.shape).copy()

    def _earned(self, rewards):
        """[num_envs]: each agent's own, or the team's, added up in the order in which training does."""
        if self.separate:
            return rewards.ravel()
        team = np.zeros(self.runs)
        for i in range(self.game.agents):
            team += rewards[:, i]
        return team / self.game.agents

    def _each(self, flags):
        return np.repeat(flags, self.game.agents) if self.separate else flags

    def _final(self, rewards, ended):
        """Infos of the environments that ended, before they are begun again: as Gymnasium's own vectors have them."""
        obs, which = self._seen(), self._each(ended)
        observations = np.full(self.num_envs, None, dtype=object)
        for k in np.flatnonzero(which):
            observations[k] = obs[k]
        infos = {"final_obs": observations, "_final_obs": which.copy(), "final_info": {}, "_final_info": which.copy()}
        if not self.separate:
            self._note(infos["final_info"], rewards, ended)
        return infos

    @staticmethod
    def _note(infos, rewards, which):
        """The agents' own rewards, of the runs in ``which``."""
        if which.any():
            infos |= {"rewards": np.where(which[:, None], rewards, 0.0), "_rewards": which.copy()}

    def _each_seed(self, given):
        """A seed, or None, for each run."""
        try:
            given = list(given)
        except TypeError:
            raise TypeError(f"seed: expected a whole number, or one for each environment, got {shown(given)}") from None
        if len(given) != self.num_envs:
            raise ValueError(f"seed: expected one for each of {self.num_envs} environments, got {len(given)}")
        given = [None if one is None else integer(f"seed[{k}]", one, 0, 2**64 - 1) for k, one in enumerate(given)]
        each = self.num_envs // self.runs
        for run in range(self.runs):
            if len(set(given[run * each:(run + 1) * each])) > 1:
                raise ValueError(f"seed: the agents of a run begin together, but those of run {run} have different "
                                 f"seeds, {shown(given[run * each:(run + 1) * each])}")
        return given[::each]

    def _marked(self, mask):
        """Runs of a ``reset_mask``."""
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (self.num_envs,):
            raise ValueError(f"reset_mask: expected a NumPy array of bool of shape {(self.num_envs,)}, "
                             f"got {shown(mask)}")
        runs = mask.reshape(self.runs, -1)
        if (runs != runs[:, :1]).any():
            raise ValueError(f"reset_mask: the agents of a run begin together, but run "
                             f"{int((runs != runs[:, :1]).any(axis=1).argmax())} is marked for some of them only")
        if not mask.any():
            raise ValueError("reset_mask: expected at least one to begin, got none")
        return np.ascontiguousarray(runs[:, 0])


class SingleGame(_gymnasium.Env):
    """One run of a game as a Gymnasium ``Env``: see :func:`env`.

    ``info["rewards"]`` [N] are the agents' own.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    observations, horizon, render_mode, dtype, backend, first_run : object
        See :func:`env`.

    See Also
    --------
    env : Makes it.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.gymnasium import SingleGame
    >>> SingleGame(mf.games.Drift(agents=3)).action_space.nvec.tolist()
    [5, 5, 5]
    """

    def __init__(self, game, observations=None, horizon=None, render_mode=None, dtype="float32", backend="cython",
                 first_run=0):
        self._vector = VectorGame(game, 1, observations, "joint", Mode.DISABLED, horizon, render_mode, dtype, backend,
                                  first_run)
        self.game, self.render_mode = self._vector.game, render_mode
        self.metadata = {name: value for name, value in self._vector.metadata.items() if name != "autoreset_mode"}
        self.observation_space, self.action_space = (self._vector.single_observation_space,
                                                     self._vector.single_action_space)

    def reset(self, *, seed=None, options=None):
        """Begin an episode: the first of ``seed``, or the next one.

        Parameters
        ----------
        seed : int, optional
            0 to 2**64 - 1. Default: the seed in use goes on.
        options : dict, optional
            Not read.

        Returns
        -------
        observation : ndarray
            In the shape of ``observation_space``.
        info : dict
            Empty at the start.
        """
        super().reset(seed=seed)
        return self._vector.reset(seed=seed)[0][0], {}

    def step(self, action):
        obs, rewards, terminated, truncated, infos = self._vector.step(np.asarray(action)[None])
        return (obs[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), {"rewards": infos["rewards"][0]})

    def render(self):
        return self._vector.render()[0]
