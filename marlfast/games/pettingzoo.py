"""PettingZoo's environments as games, so that marlfast's learners play them."""
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import extra, flag, shown
from marlfast.games.base import Game

SEEDS = 2**31       # seeds of an environment: 0 to SEEDS - 1
HEAD = 2            # state variables before the observations: the episode's seed, and its steps so far
TOGETHER = "give leaves=True where agents end before others, or limits vary"


@dataclass(frozen=True, repr=False, eq=False)
class PettingZooGame(Game):
    """A PettingZoo environment as a game: all agents act at once (``ParallelEnv``), or in turns (``AECEnv``).

    Each run has an environment object of its own. Since these are Python, a step takes as long as theirs does; the
    learning beside it is compiled.

    Dynamics
        The environment's ``step``.
    Observation
        What the environment shows to each agent, one view per agent. Where all agents observe ``Discrete`` spaces,
        observations are numbered from 0; else they are flattened, and shorter ones end with zeros.
    Action
        0 to n - 1 for an agent with ``n`` discrete actions, whatever the space counts from.
    Reward
        The environment's.
    Start
        The environment's ``reset``, with a seed that is drawn: the same seed of training gives the same episodes, if
        the environment is one that keeps to its seed.
    End
        Terminated where the environment terminates all agents; truncated after ``horizon`` steps. With ``leaves`` an
        agent that the environment terminates has left, and the others go on.

    Parameters
    ----------
    make : callable
        ``make()`` gives a new environment, such as ``pettingzoo.classic.rps_v2.parallel_env``. A file has its name
        only: ``load(path, game=game)`` is given the game again.
    horizon : int, optional
        Steps after which an episode is truncated; 0: never. Default: the environment's ``max_cycles``, where it has
        one. An environment that truncates an episode at any other step is an error, since learners bootstrap from what
        a truncated episode would have come to, and from nothing where a game is over.
    leaves : bool
        Agents may end before others, or come later, and the environment's limit may vary; always so of an ``AECEnv``.
    masks : bool, optional
        Some actions are not legal: the environment says which by an ``"action_mask"`` in its ``infos``, or in
        observations that are dictionaries of it and of ``"observation"``. Default: whether it does at its first reset.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    tabulate : Explores a small environment once, and needs it no more.
    marlfast.adapters.pettingzoo.parallel_env : The other way round.

    Notes
    -----
    What goes on inside an environment is not in marlfast's arrays. A result that was resumed between two episodes is
    as if it had never stopped; one that was stopped within an episode goes on with another one, from its start, for
    the steps that were left.

    References
    ----------
    J. K. Terry et al., "PettingZoo: Gym for multi-agent reinforcement learning", NeurIPS (2021).

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.pettingzoo import parallel_env
    >>> game = mf.games.PettingZooGame(lambda: parallel_env(mf.games.RockPaperScissors(horizon=5)))
    >>> mf.train(game, mf.IQL(), episodes=3, seed=0).returns.shape
    (1, 3, 2)
    """

    make: Callable = field(metadata={"function": True})
    horizon: int | None = None
    leaves: bool = False
    masks: bool | None = None

    def __post_init__(self):
        if self.at_horizon is not None:
            raise ValueError(f"at_horizon: the environment itself says whether it is terminated or truncated; leave "
                             f"at_horizon={shown(self.at_horizon)} out")
        if not callable(self.make):
            raise TypeError(f"make: expected a function that gives a new environment, got {shown(self.make)}")
        environment = self.make()
        for needed in ("possible_agents", "observation_space", "action_space", "reset", "step"):
            if not hasattr(environment, needed):
                raise TypeError(f"make: expected a function that gives a PettingZoo ParallelEnv or AECEnv, it gave "
                                f"{shown(environment)}")
        self._set(turns=hasattr(environment, "agent_iter"))
        environment = self.made(environment)
        agents = list(environment.possible_agents)
        if not agents:
            raise ValueError("make: expected an environment with at least one agent, its possible_agents are empty")
        given = getattr(environment, "unwrapped", environment)
        horizon = (getattr(given, "max_cycles", None) or 0) * (not self.turns) if self.horizon is None else self.horizon
        self._set(name=f"pettingzoo:{_named(environment)}", names=tuple(agents), agents=len(agents), views=len(agents),
                  **self.checked_horizon(horizon))
        self._set(leaves=flag("leaves", self.leaves) or self.turns)
        self._actions([environment.action_space(agent) for agent in agents])
        found = [environment.observation_space(agent) for agent in agents]
        inner = [_inner(space) for space in found]
        told = any(one is not space for one, space in zip(inner, found, strict=True))
        self._set(masks=told or _masked(environment) if self.masks is None else flag("masks", self.masks))
        self._observations(inner)
        environment.close()

    def _actions(self, found):
        discrete = extra("gymnasium.spaces", "pettingzoo", "PettingZooGame").Discrete
        for agent, space in zip(self.names, found, strict=True):
            if not isinstance(space, discrete):
                raise ValueError(f"make: expected discrete actions, but agent {agent!r} has {shown(space)}")
        self._set(action_counts=np.array([space.n for space in found], np.int32),
                  first_actions=tuple(int(space.start) for space in found))

    def _observations(self, found):
        spaces = extra("gymnasium.spaces", "pettingzoo", "PettingZooGame")
        for agent, space in zip(self.names, found, strict=True):
            if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
                raise ValueError("make: expected observations of numbers (Box, Discrete, MultiDiscrete, MultiBinary), "
                                 f"but agent {agent!r} has {shown(space)}")
        sizes = tuple(int(np.prod(space.shape, dtype=np.int64)) for space in found)
        numbered = all(isinstance(space, spaces.Discrete) for space in found)
        self._set(sizes=sizes, features=max(1, *sizes),
                  first_observations=tuple(int(space.start) if numbered else 0 for space in found),
                  observations=int(max(space.n for space in found)) if numbered else None)
        if all(isinstance(space, spaces.Box) for space in found):
            low, high = np.zeros((2, len(found), self.features))
            for i, space in enumerate(found):
                low[i, :sizes[i]], high[i, :sizes[i]] = space.low.ravel(), space.high.ravel()
            low, high = low.min(axis=0), high.max(axis=0)
            if np.isfinite(low).all() and np.isfinite(high).all():
                self._set(bounds=(low, high))

    @property
    def participation(self):
        return ("present",) * self.leaves + ("to_act",) * self.turns + ("legal",) * self.masks + \
            ("truncated",) * self.leaves

    def made(self, environment=None):
        """Make an environment, in which those who act do so in one step.

        Parameters
        ----------
        environment : object, optional
            What ``make()`` gave. Default: another.

        Returns
        -------
        object
            With the interface of a ``ParallelEnv``.
        """
        environment = self.make() if environment is None else environment
        return _Turns(environment) if self.turns else environment

    @property
    def ends_at_horizon(self):
        """False: where it ends, the environment says so itself."""
        return False

    def to_dict(self):
        """Plain values, with what a game that is given again at ``load`` must have in common with this one."""
        return super().to_dict() | {"horizon": self.horizon, "agents": [str(name) for name in self.names],
                                    "action_counts": self.action_counts.tolist(),
                                    "observations": self.observations or list(self.sizes)}

    def interface(self):
        return {"agents": [str(name) for name in self.names], "first_actions": list(self.first_actions),
                "first_observations": list(self.first_observations)}

    def kernel(self, backend="cython"):
        size = HEAD + self.agents * self.features + (self.agents + 1) * self.leaves + self.agents * self.turns + \
            self.agents * self.max_actions * self.masks
        return kernels(backend, "own").Python(_Environments(self), self.agents, size, self.views, self.features,
                                              (0, 0, 1, 0), False, self.max_actions)

    def render(self, state):
        lines = [f"seed {state[0]:.0f}, step {state[1]:.0f}"]
        observations = state[HEAD:HEAD + self.agents * self.features].reshape(self.agents, -1)
        for agent, obs, size in zip(self.names, observations, self.sizes, strict=True):
            lines.append(f"{agent}: {np.array2string(obs[:size], precision=4, threshold=8, max_line_width=160)}")
        return "\n".join(lines)


class _Turns:
    """An ``AECEnv`` with the interface of a ``ParallelEnv``: in each step the agent whose turn it is acts."""

    def __init__(self, environment):
        self.environment = self.unwrapped = environment
        self.possible_agents = environment.possible_agents
        self.observation_space, self.action_space = environment.observation_space, environment.action_space
        self.close = environment.close

    def __str__(self):
        return _named(self.environment)

    @property
    def agents(self):
        return self.environment.agents

    @property
    def selected(self):
        """Whose turn it is; None: nobody is there."""
        return self.environment.agent_selection if self.environment.agents else None

    def reset(self, seed=None):
        self.environment.reset(seed=seed)
        return self._told()

    def step(self, actions):
        environment, there = self.environment, list(self.environment.agents)
        environment.step(actions[environment.agent_selection])
        rewards, over, cut = ({agent: given.get(agent, default) for agent in there} for given, default in (
            (environment.rewards, 0.0), (environment.terminations, True), (environment.truncations, False)))
        while environment.agents and (environment.terminations[environment.agent_selection]
                                      or environment.truncations[environment.agent_selection]):
            environment.step(None)          # who is out says so
        return self._told(over, cut, rewards)

    def _told(self, over=None, cut=None, rewards=None):
        environment = self.environment
        there = list(environment.agents) if over is None else [
            agent for agent in over if agent in environment.agents or cut[agent]]
        observations = {agent: environment.observe(agent) for agent in there}
        infos = dict(environment.infos)
        return (observations, infos) if over is None else (observations, rewards, over, cut, infos)


def _inner(space):
    """The space of what is observed, where a mask stands beside it."""
    parts = getattr(space, "spaces", None)
    return parts["observation"] if isinstance(parts, dict) and set(parts) == {"observation", "action_mask"} else space


def _masked(environment):
    """Whether an environment says at its first reset what is legal."""
    answer = environment.reset(seed=0)
    infos = answer[1] if isinstance(answer, tuple) and len(answer) == 2 else None
    return any(isinstance(info, dict) and info.get("action_mask") is not None for info in (infos or {}).values())


def _named(environment):
    """What an environment calls itself, or its class: nothing that differs from process to process."""
    text = str(environment)
    return type(getattr(environment, "unwrapped", environment)).__name__ if " object at 0x" in text else text


class _Environments:
    """The environments of the runs of one session: what ``marlfast.reference.own.Python`` calls a player.

    A state is the seed of its episode, the steps made so far, and the observations; then, where agents may leave, who
    is there, and whether a limit cuts the episode off; and where there are masks, these. The first two are remembered
    beside each environment, so that one that is not where a state says is begun again.
    """

    def __init__(self, game):
        self.game = game
        self.made, self.at = {}, {}         # by run: the environment; (seed, steps) of its episode, None: over
        self.lock = threading.Lock()        # make() need not be safe to call from two threads
        end = HEAD + game.agents * game.features
        self.there, self.cut = slice(end, end + game.agents), end + game.agents
        end += (game.agents + 1) * game.leaves
        self.acting = slice(end, end + game.agents)
        self.allowed = slice(end + game.agents * game.turns, None)
        for what in ("present", "to_act", "legal", "truncated"):
            if what not in game.participation:
                setattr(self, what, None)

    def kept(self):
        """What goes on in the environments, which a copy takes with it."""
        return {"made": self.made, "at": self.at}

    def keep(self, kept):
        """Go on where another one was."""
        self.made, self.at = kept["made"], kept["at"]

    def start(self, runs, uniforms, normals):
        return np.array([self._begin(int(run), int(u * SEEDS), 0) for run, u in zip(runs, uniforms[:, 0], strict=True)])

    def step(self, runs, state, actions, uniforms, normals):
        parts = [self._step(int(run), *part) for run, *part in zip(runs, state, actions, strict=True)]
        state, rewards, terminated = zip(*parts, strict=True)
        return np.array(state), np.array(rewards), np.array(terminated)

    def observe(self, runs, state):
        game = self.game
        return np.ascontiguousarray(state[:, HEAD:HEAD + game.agents * game.features]).reshape(
            len(runs), game.views, game.features)

    def present(self, runs, state):
        return np.ascontiguousarray(state[:, self.there] != 0.0)

    def to_act(self, runs, state):
        return np.ascontiguousarray(state[:, self.acting] != 0.0)

    def truncated(self, runs, state):
        return np.ascontiguousarray(state[:, self.cut] != 0.0)

    def legal(self, runs, state):
        return np.ascontiguousarray(state[:, self.allowed] != 0.0).reshape(len(runs), self.game.agents, -1)

    def _begin(self, run, seed, steps):
        """A new episode; ``steps`` are those that an earlier one has used up of its horizon."""
        with self.lock:
            if run not in self.made:
                self.made[run] = self.game.made()
        self.at.pop(run, None)              # should reset fail, this environment is nowhere
        answer = self.made[run].reset(seed=seed)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"{self.game.name}: expected (observations, infos) of reset, got {shown(answer)}")
        self.at[run] = seed, steps
        return self._state(run, seed, steps, answer[0], answer[1], np.zeros(0), set(self._agents(run)))

    def _agents(self, run):
        """Who is there, by the environment; everybody, where nobody leaves."""
        game = self.game
        if not game.leaves:
            return game.names
        agents = self.made[run].agents
        new = [agent for agent in agents if agent not in game.names]
        if new:
            raise ValueError(f"{game.name}: agent {new[0]!r} is not one of its possible_agents, which are all that may "
                             "appear")
        return agents

    def _step(self, run, state, actions):
        game = self.game
        if not (0 <= state[0] < SEEDS and 0 <= state[1] and (np.floor(state[:HEAD]) == state[:HEAD]).all()):
            raise ValueError(f"{game.name}: state: expected a seed and a number of steps, got {state[:HEAD].tolist()}")
        seed, steps = int(state[0]), int(state[1])
        if self.at.get(run) != (seed, steps):
            self._begin(run, seed, steps)
        self.at.pop(run)
        there = set(self._agents(run))
        answer = self.made[run].step({agent: int(first + action) for agent, first, action in zip(
            game.names, game.first_actions, actions, strict=True) if agent in there})
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise TypeError(f"{game.name}: expected (observations, rewards, terminations, truncations, infos) of step, "
                            f"got {shown(answer)}")
        observations, rewards, terminations, truncations, infos = answer
        steps += 1
        if game.leaves:
            stays, cut, over = self._left(run, there, steps, terminations, truncations)
        else:
            over, stays = self._ended(steps, terminations, truncations), set(game.names)
            cut = not over and any(truncations[agent] for agent in game.names)
        after = self._state(run, seed, steps, observations, infos, state, stays, cut)
        earned = np.array([self._reward(agent, rewards) if agent in there else 0.0 for agent in game.names])
        if not (over or cut):
            self.at[run] = seed, steps
        return after, earned, over

    def _left(self, run, there, steps, terminations, truncations):
        """Who is there after a step, whether a limit cuts the episode off, and whether it is over for all."""
        over = {agent for agent in there if self._of(agent, terminations, "terminations")}
        cut = {agent for agent in there - over if self._of(agent, truncations, "truncations")}
        stays = (there | set(self._agents(run))) - over - cut
        if cut and stays:
            raise ValueError(f"{self.game.name}: agent {min(map(str, cut))!r} was truncated at step {steps}, but "
                             f"{min(map(str, stays))!r} goes on; a limit cuts an episode off for all who are there, "
                             "and an agent that leaves is terminated")
        return (cut or stays), bool(cut), not (cut or stays)

    def _mask(self, agent, given, infos):
        """What an agent may do, float64 [A]."""
        game, i = self.game, self.game.names.index(agent)
        count, info = int(game.action_counts[i]), (infos or {}).get(agent)
        mask = given.get("action_mask") if isinstance(given, dict) else None
        if mask is None and isinstance(info, dict):
            mask = info.get("action_mask")
        allowed = np.zeros(game.max_actions)
        allowed[:count] = 1.0
        if mask is None:
            return allowed
        if not game.masks:
            raise ValueError(f"{game.name}: the infos of agent {agent!r} have an 'action_mask', which its first reset "
                             "had not; give masks=True")
        mask = np.asarray(mask)
        if mask.shape != (count,):
            raise ValueError(f"{game.name}: expected an action_mask of {count} entries for agent {agent!r}, got shape "
                             f"{mask.shape}")
        allowed[:count] = mask != 0
        return allowed

    def _reward(self, agent, rewards):
        given = self._of(agent, rewards, "rewards")
        try:
            return float(given)
        except (TypeError, ValueError, OverflowError):
            raise TypeError(f"{self.game.name}: expected a number as the reward of agent {agent!r}, "
                            f"got {shown(given)}") from None

    def _ended(self, steps, terminations, truncations):
        """Whether the game is over; errors where it ends as no game here can."""
        game = self.game
        over = {agent: bool(self._of(agent, terminations, "terminations")) for agent in game.names}
        cut = {agent: bool(self._of(agent, truncations, "truncations")) and not over[agent] for agent in game.names}
        plays = [agent for agent in game.names if not (over[agent] or cut[agent])]
        if len(plays) == len(over):
            return False
        if plays:
            first = next(agent for agent in game.names if agent not in plays)
            raise ValueError(f"{game.name}: agent {first!r} ended at step {steps}, but {plays[0]!r} did not; "
                             f"{TOGETHER}")
        if any(cut.values()) and any(over.values()):
            one, other = next(a for a in game.names if over[a]), next(a for a in game.names if cut[a])
            raise ValueError(f"{game.name}: at step {steps} agent {one!r} was terminated, but {other!r} truncated; all "
                             "agents of a game end alike")
        if any(cut.values()) and steps != game.horizon:
            raise ValueError(f"{game.name}: the environment truncated an episode after {steps} steps, but the game's "
                             f"horizon is {game.horizon}; give horizon={steps} if all its episodes may be that long, "
                             "or leaves=True where limits vary")
        return all(over.values())

    def _of(self, agent, values, what):
        if agent not in values:
            raise ValueError(f"{self.game.name}: {what} has nothing for agent {agent!r}; {TOGETHER}")
        return values[agent]

    def _state(self, run, seed, steps, observations, infos, before, stays, cut=False):
        game = self.game
        if len(observations) > game.agents:
            new = next(agent for agent in observations if agent not in game.names)
            raise ValueError(f"{game.name}: agent {new!r} is not one of its possible_agents; the agents of a game stay "
                             "the same")
        size = HEAD + game.agents * game.features
        state = np.zeros(size + (game.agents + 1) * game.leaves + game.agents * game.turns +
                         game.agents * game.max_actions * game.masks)
        state[HEAD:size] = before[HEAD:size] if len(before) else 0.0    # who has left still sees what it saw last
        state[:HEAD] = seed, steps
        views = state[HEAD:size].reshape(game.agents, game.features)
        if game.leaves:
            state[self.there], state[self.cut] = [agent in stays for agent in game.names], cut
        if game.turns:
            state[self.acting] = [agent == self.made[run].selected for agent in game.names]
        allowed = state[self.allowed].reshape(game.agents, -1) if game.masks else None
        for i, agent in enumerate(game.names):
            if agent not in stays:
                continue
            given = self._of(agent, observations, "observations")
            mask = self._mask(agent, given, infos)
            if game.masks:
                allowed[i] = mask
            given = given["observation"] if isinstance(given, dict) and "observation" in given else given
            try:
                obs = np.asarray(given, np.float64).ravel()
            except (TypeError, ValueError, OverflowError):
                obs = np.empty(0)
            if obs.size != game.sizes[i]:
                raise ValueError(f"{game.name}: expected {game.sizes[i]} numbers as observation of agent {agent!r}, "
                                 f"got {shown(given)}")
            views[i, :obs.size] = obs - game.first_observations[i]
        return state
