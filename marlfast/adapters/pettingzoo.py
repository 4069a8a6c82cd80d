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
    game = require("game", game, "game")
    if game.participation:
        return TurnGame(game, **options)
    return extra("pettingzoo.utils", "pettingzoo", "marlfast.adapters.pettingzoo").parallel_to_aec(
        parallel_env(game, **options))


class _Adapted:
    """What both interfaces have in common: spaces, the environment under it, and pictures."""

    def _adapt(self, game, observations, max_cycles, render_mode, dtype, backend):
        self.game = game
        self.views = Views(game, observations, dtype)
        self.max_cycles = max_cycles
        self.render_mode, self.backend = check_render_mode(game, render_mode), backend
        self.metadata = {"name": game.name, "render_modes": render_modes(game), "render_fps": 4,
                         "is_parallelizable": "to_act" not in game.participation}
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
        """Give the space of an agent's observations.

        Parameters
        ----------
        agent : str
            Its name.

        Returns
        -------
        gymnasium.spaces.Space
            The same at each call.
        """
        return self.observation_spaces[agent]

    def action_space(self, agent):
        """Give the space of an agent's actions.

        Parameters
        ----------
        agent : str
            Its name.

        Returns
        -------
        gymnasium.spaces.Space
            The same at each call.
        """
        return self.action_spaces[agent]

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
        """Show the state in the way of ``render_mode``.

        Returns
        -------
        str, ndarray or None
            Text, or a picture; None without a mode.
        """
        self._begun("render")
        return rendered(self.game, self._env.state[0], self.render_mode)

    def close(self):
        """Do nothing: there is no window."""

    def _begun(self, what):
        if self._env is None:
            raise ValueError(f"{what}: there is no state yet; call reset first")

    def _begin(self, seed):
        """The first episode of a seed, or the next one."""
        if seed is not None or self._env is None:
            seed = np.random.SeedSequence().entropy % 2**64 if seed is None else seed
            # Its own count of steps ends episodes here, since max_cycles may change while one is under way.
            self._env = Env(self.game, seed=seed, backend=self.backend, copy=False, horizon=0)
        self._env.reset()
        self.agents = self._there()

    def _there(self):
        there = self._env.present[0].tolist()
        return [agent for agent, here in zip(self.possible_agents, there, strict=True) if here]

    def _play(self, joint):
        """Step the game: (rewards by agent, whether it is over, whether it was cut off)."""
        env = self._env
        _, rewards, terminated, truncated = env.step(joint)
        ended, cut = bool(terminated[0]), bool(truncated[0])
        if not (ended or cut) and 0 < self.max_cycles <= int(env.episode_steps[0]):
            ended = self.game.ends_at_horizon and self.max_cycles == self.game.horizon
            cut = not ended
        return dict(zip(self.possible_agents, rewards[0].tolist(), strict=True)), ended, cut

    def _observed(self, agent):
        obs = self.views.of(self._env.observation[0])
        return np.array(obs[min(self.possible_agents.index(agent), len(obs) - 1)])

    def _info(self, agent):
        """What an agent may do, where the game says what is legal; who does not act may do anything."""
        if "legal" not in self.game.participation:
            return {}
        i = self.possible_agents.index(agent)
        mask = self._env.legal[0, i, :self.action_spaces[agent].n].astype(np.int8)
        return {"action_mask": mask if mask.any() else np.ones_like(mask)}

    def _action(self, agent, given):
        try:
            action = operator.index(given)
        except TypeError:
            raise TypeError(f"actions[{agent!r}]: expected a whole number, got {shown(given)}") from None
        count = self.action_spaces[agent].n
        if not 0 <= action < count:
            raise ValueError(f"actions[{agent!r}]: expected 0 to {count - 1}, got {action}")
        return action


class ParallelGame(_Adapted, _pettingzoo.ParallelEnv):
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
        game = require("game", game, "game")
        game.refuse_moves("parallel_env", "marlfast.adapters.pettingzoo.env does", ("to_act",))
        self._adapt(game, observations, max_cycles, render_mode, dtype, backend)

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
            What is legal (``"action_mask"``), where the game says it.
        """
        self._begin(seed)
        return self._observations(), self._infos()

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
            What is legal (``"action_mask"``), where the game says it.
        """
        if not self.agents:
            raise ValueError("step: the episode is over, or was never begun; call reset first")
        before = self.agents
        rewards, ended, cut = self._play(self._joint(actions))
        there = self._there()
        over = {agent: ended or agent not in there for agent in before}
        told = before + [agent for agent in there if agent not in before]
        answer = (self._observations(told), {agent: rewards[agent] for agent in told},
                  over | dict.fromkeys(told[len(before):], ended),
                  {agent: cut and not over.get(agent, False) for agent in told}, self._infos(told))
        self.agents = [] if ended or cut else there
        return answer

    def _observations(self, agents=None):
        return {agent: self._observed(agent) for agent in (self.agents if agents is None else agents)}

    def _infos(self, agents=None):
        return {agent: self._info(agent) for agent in (self.agents if agents is None else agents)}

    def _joint(self, actions):
        if not isinstance(actions, dict) or set(actions) != set(self.agents):
            given = list(actions) if isinstance(actions, dict) else actions
            raise ValueError(f"actions: expected one for each of {', '.join(self.agents)}, got {shown(given)}")
        return np.array([[self._action(agent, actions[agent]) if agent in actions else -1
                          for agent in self.possible_agents]], np.int32)


class TurnGame(_Adapted, _pettingzoo.AECEnv):
    """A game that says who is there, who acts or what is legal, as a PettingZoo ``AECEnv``: see :func:`env`.

    Those who act in the same step choose one after the other; the game moves on once all of them have. What is legal
    stands in ``infos[agent]["action_mask"]``.

    Parameters
    ----------
    game : Game or str
        What is played, or its registered name.
    observations, max_cycles, render_mode, dtype, backend : object
        See :func:`parallel_env`.

    See Also
    --------
    env : Makes it.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.pettingzoo import env
    >>> turns = env(mf.games.Nim())
    >>> turns.reset(seed=0)
    >>> turns.step(0)
    >>> turns.agent_selection
    'agent_1'
    """

    def __init__(self, game, observations=None, max_cycles=None, render_mode=None, dtype="float32", backend="cython"):
        self._adapt(require("game", game, "game"), observations, max_cycles, render_mode, dtype, backend)

    def reset(self, seed=None, options=None):
        """Begin an episode: the first of ``seed``, or the next one.

        Parameters
        ----------
        seed : int, optional
            0 to 2**64 - 1. Default: the seed in use goes on.
        options : dict, optional
            Not read.
        """
        self._begin(seed)
        self.rewards, self._cumulative_rewards = dict.fromkeys(self.agents, 0.0), dict.fromkeys(self.agents, 0.0)
        self.terminations, self.truncations = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, False)
        self.infos = {agent: self._info(agent) for agent in self.agents}
        self._skip_agent_selection = None
        self._next_to_act()

    def observe(self, agent):
        """Give what an agent observes.

        Parameters
        ----------
        agent : str
            Its name.

        Returns
        -------
        ndarray or int
            New with each call.
        """
        self._begun("observe")
        return self._observed(agent)

    def step(self, action):
        """Let the agent whose turn it is act.

        Parameters
        ----------
        action : int or None
            None of an agent that is out of the game, or whose episode is over.
        """
        if not self.agents:
            raise ValueError("step: the episode is over, or was never begun; call reset first")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self._chosen[0, self.possible_agents.index(agent)] = self._action(agent, action)
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._to_act.pop(0)
        if self._to_act:
            self.agent_selection = self._to_act[0]
            return
        try:
            rewards, ended, cut = self._play(self._chosen)
        except ValueError:          # an action that is not legal: it may be chosen again
            self._next_to_act()
            raise
        there = self._there()
        for agent in there:
            if agent not in self.agents:
                self.agents.append(agent)
                self._cumulative_rewards[agent] = 0.0
        self.rewards = {agent: rewards[agent] for agent in self.agents}
        self.terminations = {agent: ended or agent not in there for agent in self.agents}
        self.truncations = {agent: cut and not self.terminations[agent] for agent in self.agents}
        self.infos = {agent: self._info(agent) for agent in self.agents}
        if not (ended or cut):
            self._next_to_act()
        self._accumulate_rewards()
        self._deads_step_first()

    def _next_to_act(self):
        self._chosen = np.full((1, self.game.agents), -1, np.int32)
        self._to_act = [agent for agent, acts in zip(self.possible_agents, self._env.to_act[0].tolist(), strict=True)
                        if acts]
        if self._to_act:
            self.agent_selection = self._to_act[0]
