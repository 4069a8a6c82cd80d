"""Every game as a PettingZoo environment. Needs PettingZoo: ``pip install 'marlfast[pettingzoo]'``."""
import operator

import numpy as np

from marlfast.adapters.views import Views, check_render_mode, render_modes, rendered
from marlfast.env import Env
from marlfast.errors import extra, integer, shown
from marlfast.registry import require

_pettingzoo = extra("pettingzoo", "pettingzoo", "marlfast.adapters.pettingzoo")


def parallel_env(game, observations=None, max_cycles=None, render_mode=None, dtype="float32", backend="cython"):
    """A game as a PettingZoo environment in which all agents act at once.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    observations : {"index", "one_hot", "vector"}, optional
        Numbered observations as a number (``Discrete``) or a unit vector (``Box`` from 0 to 1); or the game's own
        numbers (``Box``). Default: ``"index"`` where observations are numbered, else ``"vector"``.
    max_cycles : int, optional
        Steps after which an episode is truncated, in place of the game's horizon, at which the game's own rule holds;
        0: never.
    render_mode : {"ansi", "rgb_array"}, optional
        Text, or for games on squares a picture.
    dtype : {"float32", "float64"}
        Of vectors and of ``state()``. Games compute with float64; float32 is what networks take, and keeps whole
        numbers exact up to 2**24.
    backend : {"cython", "numpy"}
        Which kernels.

    Returns
    -------
    ParallelGame
        Not reset yet.

    See Also
    --------
    env : Agents one after the other.
    marlfast.games.PettingZooGame : The other way round.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.pettingzoo import parallel_env
    >>> env = parallel_env(mf.games.Drift(agents=2))
    >>> observations, infos = env.reset(seed=0)
    >>> observations, rewards, terminations, truncations, infos = env.step({"agent_0": 4, "agent_1": 0})
    """
    return ParallelGame(game, observations, max_cycles, render_mode, dtype, backend)


def env(game, **options):
    """Make a game a PettingZoo environment in which agents act one after the other.

    The game moves on once all of them have acted.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    **options
        Of :func:`parallel_env`.

    Returns
    -------
    pettingzoo.AECEnv
        Not reset yet.

    See Also
    --------
    parallel_env : All agents at once.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.pettingzoo import env
    >>> turns = env(mf.games.Drift(agents=2))
    >>> turns.reset(seed=0)
    >>> turns.agent_selection
    'agent_0'
    """
    return extra("pettingzoo.utils", "pettingzoo", "marlfast.adapters.pettingzoo").parallel_to_aec(
        parallel_env(game, **options))


class ParallelGame(_pettingzoo.ParallelEnv):
    """A game as a PettingZoo ``ParallelEnv``: see :func:`parallel_env`.

    The same seed gives the same episodes as ``game.env(seed=seed)``. A reset without a seed begins the next episode
    of the seed in use; before the first seed, one is taken from the operating system.

    All that is returned is new with each call. A copy, pickled or deep, is where this one is in its episode and its
    draws.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    observations, max_cycles, render_mode, dtype, backend : object
        See :func:`parallel_env`.

    See Also
    --------
    parallel_env : Makes it.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.pettingzoo import ParallelGame
    >>> ParallelGame(mf.games.Drift(agents=3)).possible_agents
    ['agent_0', 'agent_1', 'agent_2']
    """

    def __init__(self, game, observations=None, max_cycles=None, render_mode=None, dtype="float32", backend="cython"):
        self.game = game = require("game", game, "game")
        game.refuse_moves("parallel_env", "step game.env() by hand")
        self.views = Views(game, observations, dtype)
        self.max_cycles = max_cycles
        self.render_mode, self.backend = check_render_mode(game, render_mode), backend
        self.metadata = {"name": game.name, "render_modes": render_modes(game), "render_fps": 4,
                         "is_parallelizable": True}
        self.possible_agents = [f"agent_{i}" for i in range(game.agents)]
        self.agents = []
        # One space an agent: each is a generator of its own to those who sample from it.
        self.observation_spaces = {agent: self.views.space() for agent in self.possible_agents}
        self.action_spaces = {agent: self.views.spaces.Discrete(int(n))
                              for agent, n in zip(self.possible_agents, game.action_counts, strict=True)}
        self.state_space = self.views.unbounded(game.kernel(backend).state_size)
        self._env = None

    @property
    def max_cycles(self):
        """Steps after which an episode is truncated; 0: never."""
        return self._max_cycles

    @max_cycles.setter
    def max_cycles(self, value):
        self._max_cycles = self.game.horizon if value is None else integer("max_cycles", value, 0)

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        """Begin an episode: the first of ``seed``, or the next one.

        Parameters
        ----------
        seed : int, optional
            0 to 2**64 - 1. Default: the seed in use goes on.
        options : dict, optional
            Not read.

        Returns
        -------
        observations : dict of str to ndarray or int
            Of each agent.
        infos : dict of str to dict
            Empty ones.
        """
        if seed is not None or self._env is None:
            seed = np.random.SeedSequence().entropy % 2**64 if seed is None else seed
            # Its own count of steps ends episodes here, since max_cycles may change while one is under way.
            self._env = Env(self.game, seed=seed, backend=self.backend, copy=False, horizon=0)
        self._env.reset()
        self.agents = self.possible_agents[:]
        return self._observations(), {agent: {} for agent in self.possible_agents}

    def step(self, actions):
        """Take one step.

        Parameters
        ----------
        actions : dict of str to int
            One of each agent.

        Returns
        -------
        observations : dict of str to ndarray or int
            What each agent sees now.
        rewards : dict of str to float
            What each was paid.
        terminations, truncations : dict of str to bool
            Whether the episode is over, and whether it was cut off.
        infos : dict of str to dict
            Empty ones.
        """
        if not self.agents:
            raise ValueError("step: the episode is over, or was never begun; call reset first")
        env = self._env
        _, rewards, terminated, _ = env.step(self._joint(actions))
        ended = bool(terminated[0])
        cut = not ended and 0 < self.max_cycles <= int(env.episode_steps[0])
        if cut and self.game.ends_at_horizon and self.max_cycles == self.game.horizon:
            ended, cut = True, False
        if ended or cut:
            self.agents = []
        agents = self.possible_agents
        return (self._observations(), dict(zip(agents, rewards[0].tolist(), strict=True)),
                dict.fromkeys(agents, ended), dict.fromkeys(agents, cut), {agent: {} for agent in agents})

    def state(self):
        """Give the game's state, which no agent need see.

        Returns
        -------
        ndarray [S]
            New with each call.
        """
        self._begun("state")
        return self._env.state[0].astype(self.views.dtype)

    def render(self):
        self._begun("render")
        return rendered(self.game, self._env.state[0], self.render_mode)

    def _begun(self, what):
        if self._env is None:
            raise ValueError(f"{what}: there is no state yet; call reset first")

    def _observations(self):
        obs = self.views.of(self._env.observation[0])
        last = len(obs) - 1
        return {agent: np.array(obs[min(i, last)]) for i, agent in enumerate(self.possible_agents)}

    def _joint(self, actions):
        joint = np.empty((1, self.game.agents), np.int32)
        if not isinstance(actions, dict) or set(actions) != set(self.possible_agents):
            given = list(actions) if isinstance(actions, dict) else actions
            raise ValueError(f"actions: expected one for each of {', '.join(self.possible_agents)}, got {shown(given)}")
        for i, agent in enumerate(self.possible_agents):
            try:
                action = operator.index(actions[agent])
            except TypeError:
                raise TypeError(f"actions[{agent!r}]: expected a whole number, got {shown(actions[agent])}") from None
            count = self.action_spaces[agent].n
            if not 0 <= action < count:
                raise ValueError(f"actions[{agent!r}]: expected 0 to {count - 1}, got {action}")
            joint[0, i] = action
        return joint
