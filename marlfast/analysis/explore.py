"""Games that are known by their kernel alone, explored state by state."""
import itertools
import math

import numpy as np

from marlfast.errors import integer, real

MAX_CELLS = 5 * 10**7      # states x joint actions: some hundreds of megabytes
MAX_CASES = 10**6          # joint actions x combinations of draws, of one state
ROWS = 200_000              # steps of a game that are tried at once

# What needs no model.
INSTEAD = ("or let marlfast.evaluate play what was learned in this one, and analysis.sampled_exploitability look for "
           "replies to it")


def room(game, states, max_states, joint):
    """Refuse more states, or states and joint actions, than can be analysed."""
    if states > max_states or states * joint > MAX_CELLS:
        raise ValueError(f"game: {game.name!r} has {states:,} states with {joint:,} joint actions, more than can be "
                         f"analysed (max_states={max_states:,}, {MAX_CELLS:,} cells); take a smaller game, "
                         f"{INSTEAD}")


def steps(kernel, states, actions, uniforms):
    """(next states, rewards, terminated) of many steps tried at once."""
    n = len(states)
    next_states, rewards, over = np.array(states, np.float64), np.zeros((n, actions.shape[1])), np.zeros(n, bool)
    kernel.step(next_states, np.ascontiguousarray(actions, np.int32), np.ascontiguousarray(uniforms),
                np.zeros((n, kernel.step_normals)), rewards, over)
    return next_states + 0.0, rewards, over


def starts(kernel, uniforms):
    """States in which episodes begin."""
    states = np.zeros((len(uniforms), kernel.state_size))
    kernel.start(states, np.ascontiguousarray(uniforms), np.zeros((len(uniforms), kernel.start_normals)))
    return states + 0.0


def edges_of(name, given, count):
    """For each of ``count`` uniforms where its intervals begin and end: float64 [parts + 1]."""
    if not count:
        return []
    if given is None:
        raise ValueError(f"{name}: the game reads {count} uniform draws here; say where they make a difference, such "
                         f"as {name}=4 for four equally likely cases, or {name}=[0.3] for chances of 0.3 and 0.7")
    several = np.iterable(given) and not isinstance(given, str)
    several = several and any(np.iterable(part) or part >= 1 for part in given)
    each = list(given) if several else [given] * count
    if len(each) != count:
        raise ValueError(f"{name}: expected one of each of {count} uniform draws, got {len(each)}")
    edges = []
    for part in each:
        if np.iterable(part) and not isinstance(part, str):
            inner = [real(f"{name}[{k}]", u, 0.0, 1.0) for k, u in enumerate(part)]
        else:
            n = integer(name, part, 1, 10**6)
            inner = [k / n for k in range(1, n)]
        edges.append(np.unique([0.0, *inner, 1.0]))
    return edges


def cases_of(edges):
    """(uniforms [M, U], one in the middle of each combination of intervals; how likely each is, [M])."""
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    widths = [np.diff(e) for e in edges]
    chances = np.array([math.prod(w) for w in itertools.product(*widths)], np.float64)
    return np.array(list(itertools.product(*middles)), np.float64).reshape(len(chances), len(edges)), chances


def _case_of(edges, uniforms):
    """Which combination of intervals each row of uniforms lies in."""
    case = np.zeros(len(uniforms), np.int64)
    for d, e in enumerate(edges):
        case = case * (len(e) - 1) + np.searchsorted(e, uniforms[:, d], side="right") - 1
    return case


class _Numbers:
    """Numbers of states, in the order in which they are first met."""

    def __init__(self, name, most):
        self.name, self.most, self.known, self.states = name, most, {}, []

    def __call__(self, states):
        """Numbers of states [n, ...], new ones among them: int64 [n]."""
        found, place = np.unique(states, axis=0, return_inverse=True)
        numbers = np.empty(len(found), np.int64)
        for k, row in enumerate(found):
            key = row.tobytes()
            if key not in self.known:
                if len(self.states) >= self.most:
                    raise ValueError(f"max_states: game {self.name!r} has more than {self.most:,} states; take a "
                                     f"smaller game, {INSTEAD}")
                self.known[key] = len(self.states)
                self.states.append(row)
            numbers[k] = self.known[key]
        return numbers[place.ravel()]


def explored(game, cuts, start_cuts, max_states):
    """All that can come of a game's start, found with its kernel: see :func:`marlfast.analysis.model`.

    Returns
    -------
    (numbers of states and the states themselves, start distribution as (state, chance) pairs, (cells int64 [K],
    successors int64 [K], -1 where the game is over, probabilities float64 [K], rewards float64 [K, N]))
    """
    kernel = game.kernel()
    if kernel.step_normals or kernel.start_normals:
        raise ValueError(f"game: {game.name!r} draws normals, so it has no finite list of states; analyse a game "
                         f"given as arrays, in normal form, or with uniform draws only, {INSTEAD}")
    joint = math.prod(game.action_counts.tolist())
    room(game, 1, max_states, joint)
    start_cuts = game.start_cuts if cuts is start_cuts is None else start_cuts
    cuts = game.cuts if cuts is None else cuts
    edges = edges_of("cuts", cuts, kernel.step_uniforms)
    begin_edges = edges_of("start_cuts", cuts if start_cuts is None else start_cuts, kernel.start_uniforms)
    for name, some, moves in (("cuts", edges, joint), ("start_cuts", begin_edges, 1)):
        cases = math.prod(len(e) - 1 for e in some) * moves
        if cases > MAX_CASES:
            raise ValueError(f"{name}: {cases:,} cases to try in every state are more than {MAX_CASES:,}; give fewer")
    rng, numbers = np.random.default_rng(0), _Numbers(game.name, max_states)
    begin, chances = cases_of(begin_edges)
    at = numbers(starts(kernel, begin))
    _check_start(kernel, begin_edges, rng, at, numbers)
    outcomes = _outcomes(game, kernel, edges, rng, numbers, max_states)
    return numbers, list(zip(at.tolist(), chances.tolist(), strict=True)), outcomes


def _outcomes(game, kernel, edges, rng, numbers, max_states):
    """What comes of every joint action in every state that can be met."""
    uniforms, chances = cases_of(edges)
    actions = game.action_counts.tolist()
    joint = math.prod(actions)
    digits = np.stack(np.unravel_index(np.arange(joint), actions), axis=1).astype(np.int32)
    parts, done = [], 0
    while done < len(numbers.states):
        room(game, len(numbers.states), max_states, joint)
        some = np.arange(done, min(len(numbers.states), done + max(1, ROWS // (joint * len(chances)))))
        here = np.repeat(some, joint)
        states, moves = np.array(numbers.states)[here], np.tile(digits, (len(some), 1))
        n = len(here)
        next_states, rewards, over = steps(kernel, np.repeat(states, len(chances), axis=0),
                                           np.repeat(moves, len(chances), axis=0), np.tile(uniforms, (n, 1)))
        _check_steps(kernel, edges, rng, states, moves, next_states, rewards, over)
        successors = np.full(len(next_states), -1, np.int64)
        if not over.all():
            successors[~over] = numbers(next_states[~over])
        cells = np.repeat(here * joint + np.tile(np.arange(joint), len(some)), len(chances))
        parts.append((cells, successors, np.tile(chances, n), rewards))
        done = int(some[-1]) + 1
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


_ENOUGH = "are not all the places at which the game's draws make a difference; give more"


def _check_start(kernel, edges, rng, numbers, number):
    """Refuse cuts between which a start is not always the same."""
    if edges:
        tries = rng.random((256, len(edges)))
        if (number(starts(kernel, tries)) != numbers[_case_of(edges, tries)]).any():
            raise ValueError(f"start_cuts: these {_ENOUGH}")


def _check_steps(kernel, edges, rng, states, moves, next_states, rewards, over):
    """Refuse cuts between which a step is not always the same; each state and joint action is tried twice."""
    cases = math.prod(len(e) - 1 for e in edges)
    for _ in range(2 if edges else 0):
        tries = rng.random((len(states), len(edges)))
        at = np.arange(len(states)) * cases + _case_of(edges, tries)
        ours, paid, ended = steps(kernel, states, moves, tries)
        same = (ended == over[at]) & (paid == rewards[at]).all(axis=1) & (ended | (ours == next_states[at]).all(axis=1))
        if not same.all():
            raise ValueError(f"cuts: these {_ENOUGH}")
