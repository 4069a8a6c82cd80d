"""Environments in Python as games: what PettingZoo's, Gymnasium's, OpenSpiel's and plain classes have in common."""
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import flag, integer, shown
from marlfast.games.base import Game
from marlfast.games.hosts import Here, Workers
from marlfast.games.spaces import MAX_CHOICES, Space

SEEDS = 2**31       # seeds of an environment: 0 to SEEDS - 1
HEAD = 2            # state variables before the observations: the episode's seed, and its steps so far
MAX_WORKERS = 2**10


@dataclass(frozen=True, repr=False, eq=False)
class EnvironmentGame(Game):
    """Base of games that are objects of Python, one for each run.

    A subclass says how an object gets the interface of PettingZoo's ``ParallelEnv`` (:meth:`adapted`); where agents act
    in turns, it also has ``selected``, the agent whose turn it is.
    """

    make: Callable = field(metadata={"function": True})
    horizon: int | None = None
    masks: bool | None = field(default=None, kw_only=True)
    strict: bool = field(default=True, kw_only=True)
    workers: int = field(default=0, kw_only=True)

    library = "python"          # what its name begins with
    turns = False
    leaves = False              # agents may end before others, or come later
    varies = False              # a limit other than the horizon may cut an episode off
    remedy = ""                 # what to give where agents or limits do otherwise

    def __post_init__(self):
        if self.at_horizon is not None:
            raise ValueError(f"at_horizon: the environment itself says whether it is terminated or truncated; leave "
                             f"at_horizon={shown(self.at_horizon)} out")
        if not callable(self.make):
            raise TypeError(f"make: expected a function that gives a new environment, got {shown(self.make)}")
        environment = self.made()
        agents = list(environment.possible_agents)
        if not agents:
            raise ValueError("make: expected an environment with at least one agent, its possible_agents are empty")
        self._set(turns=hasattr(type(environment), "selected"))
        horizon = self.limit_of(environment) if self.horizon is None else self.horizon
        self._set(name=f"{self.library}:{named(environment)}", names=tuple(agents), agents=len(agents),
                  views=len(agents), strict=flag("strict", self.strict), **self.checked_horizon(horizon))
        self.settle(environment)
        self._actions([environment.action_space(agent) for agent in agents])
        found = [environment.observation_space(agent) for agent in agents]
        inner = [inner_space(space) for space in found]
        told = any(one is not space for one, space in zip(inner, found, strict=True))
        self._set(masks=told or _masked(environment) if self.masks is None else flag("masks", self.masks),
                  asked_for_masks=self.masks is not None)
        self._observations(inner)
        getattr(environment, "close", int)()
        self._set(workers=integer("workers", self.workers, 0, MAX_WORKERS))
        if self.workers:
            try:
                pickle.dumps(self)
            except Exception as error:      # whatever objects say of themselves
                raise ValueError(f"workers: make cannot be sent to another process ({shown(str(error))}); give a "
                                 "function that can be imported by its name, or leave workers out") from None

    # -- what a library says in its own way -------------------------------------------------------

    def adapted(self, environment):
        """Give an object the interface of a ``ParallelEnv``, or refuse it.

        Parameters
        ----------
        environment : object
            What ``make()`` gave.

        Returns
        -------
        object
            It, or one around it.
        """
        raise NotImplementedError

    def settle(self, environment):
        """Decide what is left open, such as whether agents leave.

        Parameters
        ----------
        environment : object
            As it was adapted.
        """

    def limit_of(self, environment):
        """Say which horizon an environment has.

        Parameters
        ----------
        environment : object
            As it was adapted.

        Returns
        -------
        int
            0: none.
        """
        given = getattr(environment, "unwrapped", environment)
        return (getattr(given, "max_cycles", None) or 0) * (not self.turns)

    # -- facts ------------------------------------------------------------------------------------

    def _actions(self, found):
        described = []
        for agent, space in zip(self.names, found, strict=True):
            one = Space.of(space, f"agent {agent!r} has actions of")
            if one.choices is None:
                raise ValueError(f"make: expected actions that can be numbered (Discrete, MultiDiscrete, MultiBinary, "
                                 f"or a Tuple or Dict of them), but agent {agent!r} has {shown(space)}; wrap the "
                                 "environment in one that chooses among finitely many")
            if one.choices > MAX_CHOICES:
                raise ValueError(f"make: agent {agent!r} has {one.choices:,} joint actions; expected at most "
                                 f"{MAX_CHOICES:,}")
            described.append(one)
        self._set(action_spaces=tuple(described),
                  action_counts=np.array([one.choices for one in described], np.int32))

    def _observations(self, found):
        described = tuple(Space.of(space, f"agent {agent!r} observes")
                          for agent, space in zip(self.names, found, strict=True))
        sizes = tuple(one.size for one in described)
        numbered = all(one.kind == "discrete" for one in described)
        self._set(observation_spaces=described, sizes=sizes, features=max(1, *sizes),
                  observations=int(max(one.counts[0] for one in described)) if numbered else None)
        if not numbered:
            low, high = np.zeros((2, len(described), self.features))
            for i, one in enumerate(described):
                low[i, :sizes[i]], high[i, :sizes[i]] = one.bounds
            low, high = low.min(axis=0), high.max(axis=0)
            if np.isfinite(low).all() and np.isfinite(high).all():
                self._set(bounds=(low, high))

    @property
    def participation(self):
        return ("present",) * self.leaves + ("to_act",) * self.turns + ("legal",) * self.masks + \
            ("truncated",) * self.varies

    def made(self):
        """Make an environment.

        Returns
        -------
        object
            With the interface of a ``ParallelEnv``.
        """
        return self.adapted(self.make())

    def decoded(self, agent, action):
        """Make an action of its number.

        Parameters
        ----------
        agent : int
            Whose.
        action : int
            0 to ``action_counts[agent] - 1``.

        Returns
        -------
        object
            As the environment takes it.
        """
        agent = integer("agent", agent, 0, self.agents - 1)
        return self.action_spaces[agent].decoded(integer("action", action, 0, int(self.action_counts[agent]) - 1))

    def observed_by(self, agent, given):
        space = self.observation_spaces[agent]
        if isinstance(given, dict) and "observation" in given and (space.kind != "dict" or "action_mask" in given):
            given = given["observation"]
        try:
            numbers = space.flat(given)
        except ValueError as error:
            raise ValueError(f"observation: of agent {str(self.names[agent])!r}: {error}") from None
        return np.concatenate([numbers, np.zeros(self.features - numbers.size)])      # as shorter ones are

    def chosen_by(self, agent, action):
        return self.decoded(agent, action)

    @property
    def ends_at_horizon(self):
        """False: where it ends, the environment says so itself."""
        return False

    def to_dict(self):
        """Plain values, with what a game that is given again at ``load`` must have in common with this one."""
        own = {name: value for name, value in super().to_dict().items() if name not in ("workers", "strict")}
        return own | {"horizon": self.horizon, "agents": [str(name) for name in self.names],
                                    "action_counts": self.action_counts.tolist(),
                                    "observations": self.observations or list(self.sizes)}

    def interface(self):
        facts = {"agents": [str(name) for name in self.names],
                 "first_actions": [int(one.first[0]) if one.kind == "discrete" else 0 for one in self.action_spaces],
                 "first_observations": [int(one.first[0]) if one.kind == "discrete" else 0
                                        for one in self.observation_spaces]}
        if not (all(one.simple for one in self.observation_spaces)
                and len({one.size for one in self.observation_spaces}) == 1     # else who reads a policy cannot tell
                and all(one.kind == "discrete" for one in self.action_spaces)):
            facts["spaces"] = {"observations": [one.to_dict() for one in self.observation_spaces],
                               "actions": [one.to_dict() for one in self.action_spaces]}
        return facts

    @property
    def state_size(self):
        """S: the head, observations, and what is said of who is there, who acts and what is legal."""
        return HEAD + self.agents * self.features + self.agents * self.leaves + self.varies + \
            self.agents * self.turns + self.agents * self.max_actions * self.masks

    def players(self):
        """Make room for the environments of some runs, none of which is made yet.

        Returns
        -------
        Players
            Of this game.
        """
        return Players(self)

    def kernel(self, backend="cython"):
        return kernels(backend, "own").Python(_Environments(self), self.agents, self.state_size, self.views,
                                              self.features, (0, 0, 1, 0), True, self.max_actions)

    def render(self, state):
        lines = [f"seed {state[0]:.0f}, step {state[1]:.0f}"]
        observations = state[HEAD:HEAD + self.agents * self.features].reshape(self.agents, -1)
        for agent, obs, size in zip(self.names, observations, self.sizes, strict=True):
            lines.append(f"{agent}: {np.array2string(obs[:size], precision=4, threshold=8, max_line_width=160)}")
        return "\n".join(lines)


def inner_space(space):
    """The space of what is observed, where a mask stands beside it."""
    parts = getattr(space, "spaces", None)
    return parts["observation"] if isinstance(parts, dict) and set(parts) == {"observation", "action_mask"} else space


def _masked(environment):
    """Whether an environment says at its first reset what is legal."""
    answer = environment.reset(seed=0)
    infos = answer[1] if isinstance(answer, tuple) and len(answer) == 2 else None
    return any(isinstance(info, dict) and info.get("action_mask") is not None for info in (infos or {}).values())


def named(environment):
    """What an environment calls itself, or its class: nothing that differs from process to process."""
    text = str(environment)
    return type(getattr(environment, "unwrapped", environment)).__name__ if " object at 0x" in text else text


class _Places:
    """Where in a state what stands: observations, who is there, whether it is cut off, whose turn it is, and masks."""

    def __init__(self, game):
        end = HEAD + game.agents * game.features
        self.observed = slice(HEAD, end)
        self.there = slice(end, end + game.agents * game.leaves)
        self.cut = self.there.stop
        self.acting = slice(self.cut + game.varies, self.cut + game.varies + game.agents * game.turns)
        self.allowed = slice(self.acting.stop, None)


class _Environments:
    """The environments of the runs of one session: what ``marlfast.reference.own.Python`` calls a player.

    A state is the seed of its episode, the steps made so far, and the observations; then, where agents may leave, who
    is there; whether a limit cuts the episode off; whose turn it is; and the masks.
    """

    def __init__(self, game):
        self.game = game
        self.host = Workers(game, game.workers) if game.workers else Here(game.players())
        self.came = {}          # by run: (what was asked, the answer), of a call in which another run failed
        self.places = _Places(game)
        for what in ("present", "to_act", "legal", "truncated"):
            if what not in game.participation:
                setattr(self, what, None)

    def kept(self):
        """What goes on in the environments, which a copy takes with it."""
        return self.host.kept()

    def keep(self, kept):
        """Go on where another one was."""
        self.host.keep(kept)

    def _each(self, asked):
        """The answers of all runs, asked at once.

        An environment cannot be stepped twice. So if one run fails, the others' answers wait for the call that is then
        made for each run alone.
        """
        known = [self.came.pop(one[0], None) for one in asked]
        known = [entry if entry is not None and _same(entry[0], one) else None
                 for entry, one in zip(known, asked, strict=True)]
        fresh = iter(self.host.ask([one for one, entry in zip(asked, known, strict=True) if entry is None]))
        answers = [next(fresh) if entry is None else entry[1] for entry in known]
        failed = [answer for answer in answers if isinstance(answer, Exception)]
        if failed:
            if len(asked) > 1:
                self.came |= {one[0]: (one, answer) for one, answer in zip(asked, answers, strict=True)}
            raise failed[0]
        return answers

    def start(self, runs, uniforms, normals):
        return np.array(self._each([(int(run), "begin", int(u * SEEDS), 0)
                                    for run, u in zip(runs, uniforms[:, 0], strict=True)]))

    def step(self, runs, state, actions, uniforms, normals):
        parts = self._each([(int(run), "step", *part) for run, *part in zip(runs, state.copy(), actions.copy(),
                                                                            strict=True)])
        state, rewards, terminated = zip(*parts, strict=True)
        return np.array(state), np.array(rewards), np.array(terminated)

    def observe(self, runs, state):
        game = self.game
        return np.ascontiguousarray(state[:, self.places.observed]).reshape(len(runs), game.views, game.features)

    def present(self, runs, state):
        return np.ascontiguousarray(state[:, self.places.there] != 0.0)

    def to_act(self, runs, state):
        return np.ascontiguousarray(state[:, self.places.acting] != 0.0)

    def truncated(self, runs, state):
        return np.ascontiguousarray(state[:, self.places.cut] != 0.0)

    def legal(self, runs, state):
        return np.ascontiguousarray(state[:, self.places.allowed] != 0.0).reshape(len(runs), self.game.agents, -1)


def _same(one, other):
    return one[1] == other[1] and all(np.array_equal(a, b) for a, b in zip(one[2:], other[2:], strict=True))


class Players:
    """Environments by run, stepped one at a time.

    The seed and the steps of its episode are remembered beside each, so that one that is not where a state says is
    begun again.
    """

    def __init__(self, game):
        self.game = game
        self.made, self.at = {}, {}         # by run: the environment; (seed, steps) of its episode, None: over
        self.spaces = {}                    # by run: the spaces as objects, as they were last looked at
        self.lock = threading.Lock()        # make() need not be safe to call from two threads
        self.places = _Places(game)

    def kept(self):
        """What goes on in the environments."""
        return {"made": self.made, "at": self.at}

    def keep(self, kept):
        """Go on where another one was."""
        self.made, self.at = kept["made"], kept["at"]

    def begin(self, run, seed, steps):
        """A new episode.

        Parameters
        ----------
        run : int
            Which.
        seed : int
            Of its reset.
        steps : int
            Those that an earlier one has used up of its horizon.

        Returns
        -------
        float64 [S]
            The state.
        """
        with self.lock:
            if run not in self.made:
                self.made[run] = self.game.made()
        self.at.pop(run, None)              # should reset fail, this environment is nowhere
        answer = self.made[run].reset(seed=seed)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"{self.game.name}: expected (observations, infos) of reset, got {shown(answer)}")
        self._check_spaces(run)
        self.at[run] = seed, steps
        return self._state(run, seed, steps, answer[0], answer[1], np.zeros(0), set(self._agents(run)))

    def _check_spaces(self, run):
        """Refuse an environment that changed what its agents observe or may do."""
        game, environment = self.game, self.made[run]
        for i, agent in enumerate(game.names):
            for what, of, inner, wanted in (("actions", environment.action_space, None, game.action_spaces[i]),
                                            ("observations", environment.observation_space, inner_space,
                                             game.observation_spaces[i])):
                space = of(agent)
                if self.spaces.get((run, i, what)) is space:
                    continue
                self.spaces[run, i, what] = space
                now = Space.of(space if inner is None else inner(space), f"agent {agent!r} now has {what} of")
                if now.to_dict() != wanted.to_dict():
                    raise ValueError(f"{game.name}: the environment changed the space of the {what} of agent "
                                     f"{agent!r} to {shown(space)}; expected that the agents of a game keep theirs")

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

    def step(self, run, state, actions):
        """A step of one run.

        Parameters
        ----------
        run : int
            Which.
        state : float64 [S]
            Where it is.
        actions : int32 [N]
            What is done; -1 of those who do not act.

        Returns
        -------
        (float64 [S], float64 [N], bool)
            The state after it, rewards, and whether it is over.
        """
        game = self.game
        if not (0 <= state[0] < SEEDS and 0 <= state[1] and (np.floor(state[:HEAD]) == state[:HEAD]).all()):
            raise ValueError(f"{game.name}: state: expected a seed and a number of steps, got {state[:HEAD].tolist()}")
        seed, steps = int(state[0]), int(state[1])
        if self.at.get(run) != (seed, steps):
            self.begin(run, seed, steps)
        self.at.pop(run)
        there = set(self._agents(run))
        chosen = {agent: space.decoded(action) for agent, space, action in zip(
            game.names, game.action_spaces, actions.tolist(), strict=True) if agent in there and action >= 0}
        answer = self.made[run].step(chosen)
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

    def _ended(self, steps, terminations, truncations):
        """Whether the game is over after a step; what no game here can do is refused."""
        game = self.game
        over = {agent: bool(self._of(agent, terminations, "terminations")) for agent in game.names}
        cut = {agent: bool(self._of(agent, truncations, "truncations")) and not over[agent] for agent in game.names}
        plays = [agent for agent in game.names if not (over[agent] or cut[agent])]
        if len(plays) == len(over):
            return False
        if plays:
            first = next(agent for agent in game.names if agent not in plays)
            raise ValueError(f"{game.name}: agent {first!r} ended at step {steps}, but {plays[0]!r} did not; "
                             f"{game.remedy}")
        if any(cut.values()) and any(over.values()):
            one, other = next(a for a in game.names if over[a]), next(a for a in game.names if cut[a])
            raise ValueError(f"{game.name}: at step {steps} agent {one!r} was terminated, but {other!r} truncated; all "
                             "agents of a game end alike")
        if any(cut.values()) and not game.varies and steps != game.horizon:
            raise ValueError(f"{game.name}: the environment truncated an episode after {steps} steps, but the game's "
                             f"horizon is {game.horizon}; give horizon={steps} if all its episodes may be that long, "
                             f"or {game.remedy.partition(' where ')[0].removeprefix('give ')} where limits vary")
        return all(over.values())

    def _mask(self, agent, given, infos):
        """What an agent may do, float64 [A]."""
        game, i = self.game, self.game.names.index(agent)
        count, info = int(game.action_counts[i]), (infos or {}).get(agent)
        mask = given.get("action_mask") if isinstance(given, dict) else None
        if mask is None and isinstance(info, dict):
            mask = info.get("action_mask")
        allowed = np.zeros(game.max_actions)
        allowed[:count] = 1.0
        if mask is None or not game.masks and game.asked_for_masks:
            return allowed
        if not game.masks:
            raise ValueError(f"{game.name}: the infos of agent {agent!r} have an 'action_mask', which its first reset "
                             "had not; give masks=True")
        mask = np.asarray(mask).ravel()
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

    def _of(self, agent, values, what):
        if agent not in values:
            raise ValueError(f"{self.game.name}: {what} has nothing for agent {agent!r}; {self.game.remedy}")
        return values[agent]

    def _state(self, run, seed, steps, observations, infos, before, stays, cut=False):
        game = self.game
        if len(observations) > game.agents:
            new = next(agent for agent in observations if agent not in game.names)
            raise ValueError(f"{game.name}: agent {new!r} is not one of its possible_agents; the agents of a game stay "
                             "the same")
        state, observed = np.zeros(game.state_size), self.places.observed
        state[observed] = before[observed] if len(before) else 0.0      # who has left still sees what it saw last
        state[:HEAD] = seed, steps
        views = state[observed].reshape(game.agents, game.features)
        if game.leaves:
            state[self.places.there] = [agent in stays for agent in game.names]
        if game.varies:
            state[self.places.cut] = cut
        if game.turns:
            state[self.places.acting] = [agent == self.made[run].selected for agent in game.names]
        allowed = state[self.places.allowed].reshape(game.agents, -1) if game.masks else None
        for i, agent in enumerate(game.names):
            if agent not in stays:
                continue
            given = self._of(agent, observations, "observations")
            mask = self._mask(agent, given, infos)
            if game.masks:
                allowed[i] = mask
            views[i, :game.sizes[i]] = self._observed(i, agent, given)
        return state

    def _observed(self, i, agent, given):
        """What one agent observes, as numbers."""
        game, space = self.game, self.game.observation_spaces[i]
        if isinstance(given, dict) and "observation" in given and (space.kind != "dict" or "action_mask" in given):
            given = given["observation"]
        try:
            numbers = space.flat(given)
        except ValueError as error:
            wanted, _, came = str(error).partition(", got ")
            raise ValueError(f"{game.name}: {wanted} as observation of agent {agent!r}, got {came}") from None
        stray = space.stray(numbers) if game.strict or game.observations is not None else None
        if stray is not None:
            low, high = (bound[stray] for bound in space.bounds)
            raise ValueError(f"{game.name}: number {stray} in the observation of agent {agent!r} is "
                             f"{numbers[stray]:g}, which is not in its space ({low:g} to {high:g}); mend the space, or "
                             "give strict=False to take what comes")
        return numbers
