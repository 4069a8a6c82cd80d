"""Games whose agents see which round it is."""
import math
from dataclasses import dataclass

import numpy as np

from marlfast.games.base import Game
from marlfast.games.markov import MarkovGame, Tabular
from marlfast.games.matrix import NormalForm
from marlfast.games.outcomes import Outcomes, Table
from marlfast.memory import check_memory
from marlfast.registry import option, require


@dataclass(frozen=True, repr=False, eq=False)
class WithRound(Tabular):
    """A finite game with a horizon, whose agents see which round it is, and which therefore ends with the last.

    Dynamics
        Those of ``game``; the state is the pair of the round and the game's own state.
    Observation
        ``round * n + number``, where ``number`` is what the agent sees in ``game``, below ``n``; after the last round
        ``horizon * n``.
    Action
        Those of ``game``.
    Reward
        Those of ``game``.
    Start
        That of ``game``, in round 0.
    End
        Terminated after the horizon of ``game``, or earlier where that terminates.

    Parameters
    ----------
    game : NormalForm, MarkovGame or Tabular
        With a horizon.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    NormalForm : Whose learners do not see the round.

    Notes
    -----
    A strategy that knows the round can do what others cannot: cooperate until the last round but one, for instance.
    Best replies to learners that do not see the round know it, too, where the horizon is an end
    (:func:`marlfast.analysis.model`).

    References
    ----------
    R. D. Luce and H. Raiffa, "Games and decisions", Wiley (1957), section 5.5.

    Examples
    --------
    >>> from marlfast import games
    >>> ten = games.WithRound(games.PrisonersDilemma(horizon=10))
    >>> ten.observations
    11
    """

    name = "with_round"
    game: Game = option(kind="game")

    def __post_init__(self):
        game = require("game", self.game, "game")
        if not isinstance(game, (NormalForm, MarkovGame, Tabular)):
            raise ValueError(f"game: {game.name!r} is not made of arrays, so that its states cannot be listed; give a "
                             "game in normal form or a MarkovGame (marlfast.games.tabulate makes one of a finite game)")
        if not game.horizon:
            raise ValueError(f"game: {game.name!r} has no horizon, so there is no last round; give it one")
        if game.at_horizon == "truncated":
            raise ValueError("game: agents who see the round know that the game ends with the last; leave "
                             "at_horizon='truncated' out")
        self._set(game=game)
        super().__post_init__()

    @property
    def _inner(self):
        return self.game.markov if isinstance(self.game, Tabular) else self.game

    def arrays(self):
        game, rounds, actions = self._inner, self.game.horizon, tuple(self.game.action_counts.tolist())
        joint = math.prod(actions)
        table, start, terminal, obs = _of_normal_form(game) if isinstance(game, NormalForm) else _of_markov(game)
        states, outcomes = len(terminal), len(table.successors)
        check_memory(f"game: {rounds:,} rounds of {outcomes:,} outcomes", 8 * rounds * outcomes * (5 + len(actions)),
                     "take fewer rounds")
        cells = np.repeat(np.arange(states * joint), np.diff(table.first))
        played = ~terminal[cells // joint]
        cells, successors, chances = cells[played], table.successors[played], table.probabilities[played]
        rewards = (table.rewards if table.own else np.repeat(table.rewards, np.diff(table.first), axis=0))[played]
        over = rounds * states
        later = [np.where(t + 1 == rounds, over, (t + 1) * states + successors) for t in range(rounds)]
        listed = Outcomes(over + 1, np.concatenate([t * states + cells // joint for t in range(rounds)]),
                          np.tile(cells % joint, rounds), np.concatenate(later), np.tile(chances, rounds),
                          np.tile(rewards, (rounds, 1)))
        n = self.game.observations
        turns = {}
        if game.participation:
            turns = {"to_act": np.append(np.tile(game.to_act, rounds), 0), "discounting": game.discounting}
        rows = np.concatenate([t * n + obs for t in range(rounds)] + [np.full_like(obs[:1], rounds * n)])
        return MarkovGame(listed, "own", actions, start=np.concatenate([start, np.zeros(over + 1 - states)]),
                          terminal=np.append(np.tile(terminal, rounds), True), obs=rows, **turns)

    def neighbours(self):
        return self.game.neighbours()

    @property
    def teams(self):
        return self.game.teams

    @property
    def action_names(self):
        """Names of the actions of ``game``, where it has some: tuple of str, or None."""
        return getattr(self.game, "action_names", None)

    def render(self, state):
        t, own = divmod(int(state[0]), (len(self.markov.terminal) - 1) // self.game.horizon)
        if t == self.game.horizon:
            return f"all {t} rounds are over"
        return f"round {t + 1} of {self.game.horizon}: {self.game.render(np.array([float(own)]))}"


def _of_markov(game):
    """(table, start, terminal, rows seen [S] or [S, N]) of a MarkovGame."""
    obs = np.arange(len(game.terminal), dtype=np.int32) if game.obs is None else game.obs
    return game.table, game.start, game.terminal, obs


def _of_normal_form(game):
    """The same of a game in normal form, whose states are its histories."""
    kernel, joint, states = game.kernel(), len(game._rewards), game.observations
    many = states * joint
    next_states = np.repeat(np.arange(states, dtype=np.float64), joint)[:, None]
    digits = np.stack(np.unravel_index(np.arange(joint), game._counts), axis=1).astype(np.int32)
    kernel.step(next_states, np.ascontiguousarray(np.tile(digits, (states, 1))), np.zeros((many, kernel.step_uniforms)),
                np.zeros((many, 0)), np.zeros((many, game.agents)), np.zeros(many, bool))
    kinds = game._rewards.shape[1]
    chances = np.ones((joint, 1)) if game._chances is None else np.broadcast_to(game._chances, (joint, kinds))
    possible = np.tile(chances > 0.0, (states, 1))
    successors = np.repeat(next_states[:, 0].astype(np.int32)[:, None], kinds, axis=1)[possible]
    first = np.concatenate([[0], np.cumsum(possible.sum(axis=1))])
    rewards = np.tile(game._rewards, (states, 1, 1))[possible]
    begin = np.zeros(states)
    if kernel.start_uniforms:
        begin[:] = 1.0 / states
    else:
        state = np.zeros((1, 1))
        kernel.start(state, np.zeros((1, 0)), np.zeros((1, 0)))
        begin[int(state[0, 0])] = 1.0
    table = Table(first, successors, np.tile(chances, (states, 1))[possible], rewards)
    return table, begin, np.zeros(states, bool), np.arange(states, dtype=np.int32)

