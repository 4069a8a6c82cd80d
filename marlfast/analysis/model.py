"""A finite game as an explicit model: every state, every joint action, and what can come of it."""
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from marlfast.analysis.explore import explored, room, starts, steps
from marlfast.analysis.rounds import unrolled
from marlfast.analysis.summary import Summarised
from marlfast.errors import integer, shown
from marlfast.games.markov import MarkovGame, Tabular
from marlfast.games.matrix import NormalForm
from marlfast.registry import require
from marlfast.renamed import takes


@dataclass(frozen=True, eq=False, repr=False)
class Model(Summarised):
    """A finite game with numbered states: S of them, J joint actions, hence S * J cells, and K outcomes.

    The joint action's number has the first agent's action as the most significant; cell ``state * J + joint action``.

    Attributes
    ----------
    game : Game
        What it is the model of.
    actions : tuple of int [N]
        Number of actions of each agent.
    first : int64 [S * J + 1]
        First outcome of each cell; the last entry is K.
    successors : int32 [K]
        State that each outcome leads to.
    probabilities : float64 [K]
        Of each outcome, given its cell; greater than 0.
    paid : float64 [K, N] or None
        Rewards of the outcomes; None: those of their cell. An outcome that pays differently by chance pays the mean.
    expected : float64 [S, J, N]
        Expected rewards of each cell.
    terminal : bool [S]
        States in which the game is over: they lead to themselves and pay nothing.
    start : float64 [S]
        The game's start distribution.
    obs : int32 [S, N]
        The table row of each agent in each state.
    rows : int
        How many rows a strategy has: the game's ``observations``, or S where they are not numbered.
    states : float64 [S, state variables]
        The game's own states.
    observation : float64 [S, V, D] or None
        What is seen in each state, where the game was explored.
    rounds : int
        After how many the game ends, where the state holds the round; else 0.
    place : int32 [S] or None
        Where states are split by what agents remember: the game's state, a number in ``split``.
    memory : int32 [S, agents with a memory] or None
        And what is remembered there.
    split : Model or None
        The game alone.
    varied : object
        What else tells states apart where they are split; for the package's own use.
    kept : tuple of int
        Columns of ``memory`` that outlast an episode.
    endless : Model or None
        The game without that end, where the state holds the round.

    See Also
    --------
    model : Makes it.

    Notes
    -----
    A limit (``at_horizon="truncated"``, the default of games of several rounds) is no part of a model: it cuts play
    off, but nobody's strategy knows of it. A horizon that ends the game is: the state is then the round and the game's
    own state, number ``round * S' + state``, and one terminal state comes last. What agents see does not tell them the
    round, unless the game does (:class:`marlfast.games.WithRound`); best replies know it all the same.

    References
    ----------
    L. S. Shapley, "Stochastic games", PNAS 39 (1953).
    """

    game: object
    actions: tuple
    first: np.ndarray
    successors: np.ndarray
    probabilities: np.ndarray
    paid: np.ndarray | None
    expected: np.ndarray
    terminal: np.ndarray
    start: np.ndarray
    obs: np.ndarray
    rows: int
    states: np.ndarray
    observation: np.ndarray | None = None
    rounds: int = 0
    _numbers: dict | None = None
    place: np.ndarray | None = None
    memory: np.ndarray | None = None
    split: object = None
    varied: object = None
    kept: tuple = ()
    endless: object = None

    @property
    def alone(self):
        """The model of the game alone, where states are split by what agents remember."""
        return self if self.split is None else self.split

    @property
    def agents(self):
        """N."""
        return len(self.actions)

    @property
    def size(self):
        """S, number of states."""
        return len(self.terminal)

    @property
    def per_round(self):
        """S', states of one round; where the state holds no round, S."""
        return (self.size - 1) // self.rounds if self.rounds else self.size

    @property
    def joint(self):
        """J, number of joint actions."""
        return math.prod(self.actions)

    @property
    def certain(self):
        """Whether every state and joint action leads to one state."""
        return len(self.successors) == self.size * self.joint

    @cached_property
    def weights(self):
        """What each agent's action counts in the number of a joint action: tuple of int [N]."""
        return tuple(math.prod(self.actions[i + 1:]) for i in range(self.agents))

    @cached_property
    def digits(self):
        """The actions of every joint action: int32 [J, N]."""
        return np.stack(np.unravel_index(np.arange(self.joint), self.actions), axis=1).astype(np.int32)

    @cached_property
    def cells(self):
        """The cell of each outcome: int64 [K]."""
        return np.repeat(np.arange(self.size * self.joint), np.diff(self.first))

    def outcomes(self, state, joint):
        """List what can come of a joint action in a state.

        Parameters
        ----------
        state : int
            Its number.
        joint : int or sequence of int [N]
            Its number, or the agents' actions.

        Returns
        -------
        list of (float, int, float64 [N])
            Probability, next state, and rewards of each outcome.
        """
        state = integer("state", state, 0, self.size - 1)
        if np.iterable(joint):
            joint = tuple(joint)
            if len(joint) != self.agents:
                raise ValueError(f"joint: expected an action of each of {self.agents} agents, got {shown(joint)}")
            joint = sum(w * integer(f"joint[{i}]", a, 0, self.actions[i] - 1)
                        for i, (a, w) in enumerate(zip(joint, self.weights, strict=True)))
        joint = integer("joint", joint, 0, self.joint - 1)
        cell = state * self.joint + joint
        return [(float(self.probabilities[k]), int(self.successors[k]),
                 (self.expected[state, joint] if self.paid is None else self.paid[k]).copy())
                for k in range(self.first[cell], self.first[cell + 1])]

    def numbers(self, states):
        """Find the numbers of the game's own states (in the first round, where the state holds the round).

        Parameters
        ----------
        states : float64 [R, state variables]
            As the game's kernel has them.

        Returns
        -------
        int64 [R]
            A number below S each.
        """
        states = np.asarray(states, np.float64)
        if states.ndim != 2 or states.shape[1] != self.states.shape[1]:
            raise ValueError(f"states: expected shape (R, {self.states.shape[1]}), got {states.shape}")
        if self._numbers is None:
            found = states[:, 0].astype(np.int64)
            good = (found >= 0) & (found < self.per_round)
        else:
            found = np.array([self._numbers.get(row.tobytes(), -1) for row in states + 0.0], np.int64)
            good = found >= 0
        if not good.all():
            raise ValueError(f"states[{int((~good).argmax())}]: is none of the model's {self.size} states")
        return found

    def summary(self):
        name = self.game.name
        chance = "no chance" if self.certain else f"{len(self.successors):,} outcomes"
        split = "" if self.split is None else f", {self.split.size:,} of the game split by what agents remember"
        return (f"{name}: {self.agents} agents with {', '.join(map(str, self.actions))} actions, {self.size:,} states "
                f"({int(self.terminal.sum())} terminal{split}), {chance}")


@takes(most_states="max_states")
def model(game, cuts=None, start_cuts=None, max_states=100_000):
    """The explicit model of a finite game.

    Games given as arrays (:class:`~marlfast.games.MarkovGame` and what is made of one) and games in normal form, with
    or without memory, need nothing more. Any other game is explored from its start by its own kernel. Where it draws,
    one must say where its uniforms make a difference (``cuts``): each interval between cuts is tried once, and that
    the cuts are enough is checked by random draws.

    Parameters
    ----------
    game : Game or Model
        A model is given back as it is.
    cuts : int, sequence of float, or sequence of those, optional
        Where the uniforms of a step matter: n equal parts, or numbers in (0, 1). The same for all uniforms; or a
        sequence of these, one for each.
    start_cuts : int, sequence of float, or sequence of those, optional
        The same for the uniforms of a start. Default: ``cuts``.
    max_states : int
        Refuse games that have more.

    Returns
    -------
    Model
        All states, outcomes, probabilities and rewards.

    See Also
    --------
    marlfast.games.tabulate : Makes a game of arrays, by observations rather than states.
    strategies : What is played in it.

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> analysis.model(games.PrisonersDilemma(memory=1, horizon=0)).size
    5
    >>> analysis.model(games.Soccer(2, 3), cuts=4).size
    61
    """
    if isinstance(game, Model):
        return game
    game = require("game", game, "game")
    game.refuse_moves("exact analysis", "marlfast.evaluate plays it, and marlfast.analysis.sampled_exploitability "
                      "trains against it")
    max_states = integer("max_states", max_states, 1)
    if isinstance(game, Tabular):
        made = _of_markov(game.markov, game, max_states)
    elif isinstance(game, MarkovGame):
        made = _of_markov(game, game, max_states)
    elif isinstance(game, NormalForm):
        made = _of_normal_form(game, max_states)
    else:
        made = _of_explored(game, cuts, start_cuts, max_states)
    return unrolled(made, game.horizon, max_states) if game.ends_at_horizon else made


def endless(game):
    """The model of a game without the end that its last round is: of play that goes on for ever."""
    m = model(game)
    return m if m.endless is None else m.endless


def _of_markov(markov, game, max_states):
    states, actions = len(markov.terminal), markov.actions
    joint = math.prod(actions)
    room(game, states, max_states, joint)
    table = markov.table
    cells = np.repeat(np.arange(states * joint), np.diff(table.first))
    paid = table.rewards if table.own and not table.certain else None
    expected = table.rewards
    if paid is not None:
        expected = np.stack([np.bincount(cells, table.probabilities * paid[:, i], states * joint)
                             for i in range(len(actions))], axis=1)
    obs = np.arange(states, dtype=np.int32)[:, None] if markov.obs is None else markov.obs.reshape(states, -1)
    return made(game, actions, cells, table.successors, table.probabilities, paid,
                 expected.reshape(states, joint, len(actions)), markov.terminal, markov.start, obs,
                 game.observations, np.arange(states, dtype=np.float64)[:, None])


def _of_normal_form(game, max_states):
    actions = tuple(game.action_counts.tolist())
    joint, states = math.prod(actions), game.observations
    room(game, states, max_states, joint)
    kernel = game.kernel()
    digits = np.stack(np.unravel_index(np.arange(joint), actions), axis=1).astype(np.int32)
    own = np.arange(states, dtype=np.float64)[:, None]
    successor, _, _ = steps(kernel, np.repeat(own, joint, axis=0), np.tile(digits, (states, 1)),
                        np.zeros((states * joint, kernel.step_uniforms)))
    start = np.zeros(states)
    if kernel.start_uniforms:           # any history of full length, and then there are no others
        start[:] = 1.0 / states
    else:
        start[int(starts(kernel, np.zeros((1, 0)))[0, 0])] = 1.0
    # The same payoffs in every state: one copy of them, seen S times.
    expected = np.broadcast_to(game.expected.reshape(joint, -1), (states, joint, len(actions)))
    varied = None if game._chances is None else (np.atleast_2d(game._chances), game._rewards)
    return made(game, actions, np.arange(states * joint), successor[:, 0].astype(np.int32), np.ones(states * joint),
                None,
                expected, np.zeros(states, bool), start, np.arange(states, dtype=np.int32)[:, None], states, own,
                varied=varied)


def made(game, actions, cells, successors, probabilities, paid, expected, terminal, start, obs, rows, own, **more):
    """A model whose terminal states lead to themselves and pay nothing, and whose outcomes are listed once each."""
    states, joint, agents = expected.shape
    if terminal.any():
        over = np.flatnonzero(terminal)
        keep = ~terminal[cells // joint]
        ended = (over[:, None] * joint + np.arange(joint)).ravel()
        cells = np.concatenate([cells[keep], ended])
        order = np.argsort(cells, kind="stable")
        cells = cells[order]
        successors = np.concatenate([successors[keep], np.repeat(over, joint)])[order]
        probabilities = np.concatenate([probabilities[keep], np.ones(len(ended))])[order]
        if paid is not None:
            paid = np.concatenate([paid[keep], np.zeros((len(ended), agents))])[order]
        expected = np.where(terminal[:, None, None], 0.0, expected)
    if len(successors) > states * joint:
        key = cells * states + successors
        found, place = np.unique(key, return_inverse=True)
        if len(found) < len(key):       # the same next state in several ways
            sums = np.bincount(place, probabilities)
            if paid is not None:
                mean = np.stack([np.bincount(place, probabilities * paid[:, i]) / sums for i in range(agents)], axis=1)
                if (np.abs(paid - mean[place]) > 1e-12 * np.abs(paid).max()).any():
                    more.setdefault("varied", False)
                paid = mean
            cells, successors, probabilities = found // states, found % states, sums
    certain = len(successors) == states * joint
    first = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=states * joint))])
    arrays = {"first": first, "successors": np.asarray(successors, np.int32),
              "probabilities": np.ones(len(successors)) if certain else np.asarray(probabilities, np.float64),
              "paid": None if certain else paid, "expected": expected, "terminal": terminal, "start": start,
              "obs": np.array(np.broadcast_to(obs, (states, agents)), np.int32), "states": own}
    for array in arrays.values():
        if array is not None:
            array.flags.writeable = False
    return Model(game=game, actions=tuple(actions), rows=int(rows), **arrays, **more)


def _of_explored(game, cuts, start_cuts, max_states):
    numbers, begin, (cells, successors, probabilities, paid) = explored(game, cuts, start_cuts, max_states)
    actions, agents = tuple(game.action_counts.tolist()), game.agents
    joint, states, own = math.prod(actions), len(numbers.states), np.array(numbers.states)
    terminal, observation = np.zeros(states, bool), np.zeros((states, game.views, game.features))
    game.kernel().observe(own, observation)
    if (successors < 0).any():          # one state for all ways in which it can be over
        successors[successors < 0] = states
        terminal, own = np.append(terminal, True), np.vstack([own, np.full(own.shape[1], np.nan)])
        observation = np.concatenate([observation, np.zeros_like(observation[:1])])
        states += 1
    room(game, states, max_states + 1, joint)
    start = np.zeros(states)
    for s, chance in begin:
        start[s] += chance
    expected = np.stack([np.bincount(cells, probabilities * paid[:, i], states * joint) for i in range(agents)], axis=1)
    numbered = game.observations is not None
    obs = observation[:, :, 0].astype(np.int32) if numbered else np.arange(states, dtype=np.int32)[:, None]
    observation.flags.writeable = False
    return made(game, actions, cells, successors, probabilities, paid, expected.reshape(states, joint, agents),
                 terminal, start, obs, game.observations if numbered else states, own, observation=observation,
                 _numbers=numbers.known)
