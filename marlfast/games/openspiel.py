"""Games of OpenSpiel's, so that marlfast's learners play them."""
from dataclasses import dataclass, field

import numpy as np

from marlfast.errors import choice, extra, shown
from marlfast.games.environments import EnvironmentGame
from marlfast.games.spaces import numbered, reals

SEES = ("information", "observation")
MAX_CHANCE = 10_000         # chance nodes between two moves


@dataclass(frozen=True, repr=False, eq=False)
class OpenSpielGame(EnvironmentGame):
    """A game of OpenSpiel's: in turns, or with moves at once.

    Dynamics
        The game's own; chance nodes are drawn from the episode's seed.
    Observation
        Each player's tensor, flattened: of its information state, which remembers all that it has seen, or of what it
        observes now.
    Action
        The game's numbers; which are legal, it says.
    Reward
        What each player earned by the step.
    Start
        The game's initial state, after chance has moved.
    End
        Terminated at a terminal state.

    Parameters
    ----------
    make : str or callable
        A name that ``pyspiel.load_game`` takes, such as ``"kuhn_poker"`` or ``"goofspiel(num_cards=4)"``; or a
        function that gives a game.
    horizon : optional
        Refused: the game ends by itself.
    at_horizon : optional
        Refused: the game ends by itself.
    masks : bool, optional
        Whether some actions are not legal. Default: True.
    strict : bool
        Of no use here: tensors have no bounds.
    workers : int
        In how many processes the states are; 0: in this one.
    sees : {"information", "observation"}, optional
        Which tensor. Default: the first of them that the game has.

    See Also
    --------
    KuhnPoker : Compiled.
    marlfast.solvers.cfr : Solves games of this package.

    References
    ----------
    M. Lanctot et al., "OpenSpiel: a framework for reinforcement learning in games", arXiv:1908.09453 (2019).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.OpenSpielGame("tic_tac_toe")           # doctest: +SKIP
    >>> game.agents, game.features, game.participation      # doctest: +SKIP
    (2, 27, ('to_act', 'legal'))
    """

    sees: str | None = field(default=None, kw_only=True)

    library = "openspiel"
    setting = "mixed"

    def __post_init__(self):
        if self.horizon is not None:
            raise ValueError(f"horizon: a game of OpenSpiel's ends by itself; leave horizon={shown(self.horizon)} out")
        if self.sees is not None:
            choice("sees", self.sees, SEES)
        if isinstance(self.make, str):
            self._set(make=Load(self.make))
        self._set(masks=True if self.masks is None else self.masks)
        super().__post_init__()

    def adapted(self, environment):
        for needed in ("num_players", "new_initial_state", "get_type"):
            if not hasattr(environment, needed):
                raise TypeError(f"make: expected the name of a game of OpenSpiel's, or a function that gives one, it "
                                f"gave {shown(environment)}")
        kind = extra("pyspiel", "openspiel", "OpenSpielGame").GameType
        facts = environment.get_type()
        if facts.dynamics == kind.Dynamics.MEAN_FIELD:
            raise ValueError(f"make: {facts.short_name} is a mean-field game, which has no players to train; take one "
                             "with turns or with moves at once")
        known = (facts.provides_information_state_tensor, facts.provides_observation_tensor)
        sees = self.sees or next((name for name, has in zip(SEES, known, strict=True) if has), None)
        if sees is None or not known[SEES.index(sees)]:
            raise ValueError(f"sees: game {facts.short_name} has no tensor of {self.sees or 'what a player sees'}; "
                             f"{'leave sees out' if any(known) else 'take another game'}")
        if facts.utility == kind.Utility.ZERO_SUM and environment.num_players() == 2:
            self._set(setting="competitive")
        cls = _Turns if facts.dynamics == kind.Dynamics.SEQUENTIAL else _AtOnce
        return cls(environment, sees)

    def limit_of(self, environment):
        return 0


@dataclass(frozen=True)
class Load:
    """Loads a game by its name: a function that can be sent to another process.

    Parameters
    ----------
    name : str
        With its parameters, as ``pyspiel.load_game`` takes it.
    """

    name: str

    @property
    def __name__(self):
        return f"load_game({self.name!r})"

    def __call__(self):
        spiel = extra("pyspiel", "openspiel", "OpenSpielGame")
        try:
            return spiel.load_game(self.name)
        except Exception as error:          # SpielError, which has no better base
            raise ValueError(f"make: OpenSpiel cannot load {self.name!r}: {str(error)[:200]}") from None


class _AtOnce:
    """A game with the interface of a ``ParallelEnv``: all players move at once, or nobody whose turn it is not."""

    def __init__(self, game, sees):
        self.game, self.unwrapped = game, game
        self.possible_agents = self.agents = [f"player_{i}" for i in range(game.num_players())]
        self.look = f"{'information_state' if sees == 'information' else 'observation'}_tensor"
        self.size = int(np.prod(getattr(game, f"{self.look}_shape")()))
        self.actions = game.num_distinct_actions()
        self.state = self.chance = None

    def __str__(self):
        return self.game.get_type().short_name

    def action_space(self, agent):
        return numbered(self.actions)

    def observation_space(self, agent):
        return reals(self.size)

    def reset(self, seed=None):
        self.chance = np.random.default_rng(seed)
        self.state = self.game.new_initial_state()
        self._draw(np.zeros(len(self.agents)))
        return self._told()

    def step(self, actions):
        earned = np.zeros(len(self.agents))
        self.move(actions)
        earned += self.state.rewards()
        self._draw(earned)
        obs, infos = self._told()
        over = dict.fromkeys(self.agents, self.state.is_terminal())
        return (obs, dict(zip(self.agents, earned.tolist(), strict=True)), over, dict.fromkeys(self.agents, False),
                infos)

    # Games and states are objects of C++, which are written as text.

    def __getstate__(self):
        return self.__dict__ | {"game": str(self.game), "unwrapped": None,
                                "state": None if self.state is None else self.state.serialize()}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.game = self.unwrapped = Load(state["game"])()
        self.state = None if state["state"] is None else self.game.deserialize_state(state["state"])

    def move(self, actions):
        self.state.apply_actions([actions.get(agent, 0) for agent in self.agents])

    def _draw(self, earned):
        """Let chance move until a player is to."""
        for _ in range(MAX_CHANCE):
            if not self.state.is_chance_node():
                return
            actions, probabilities = zip(*self.state.chance_outcomes(), strict=True)
            at = np.searchsorted(np.cumsum(probabilities), self.chance.random(), side="right")
            self.state.apply_action(actions[min(int(at), len(actions) - 1)])
            earned += self.state.rewards()
        raise RuntimeError(f"chance moved {MAX_CHANCE:,} times, and no player was to")

    def _told(self):
        state, infos, over = self.state, {}, self.state.is_terminal()
        obs = {agent: getattr(state, self.look)(i) for i, agent in enumerate(self.agents)}
        for i, agent in enumerate(self.agents):
            mask = np.zeros(self.actions, bool)
            if not over:
                mask[state.legal_actions(i)] = True
            if not mask.any():
                mask[0] = True              # nothing is asked of it
            infos[agent] = {"action_mask": mask}
        return obs, infos


class _Turns(_AtOnce):
    """In each step the player whose turn it is moves."""

    @property
    def selected(self):
        return None if self.state.is_terminal() else self.agents[self.state.current_player()]

    def move(self, actions):
        self.state.apply_action(actions[self.selected])
