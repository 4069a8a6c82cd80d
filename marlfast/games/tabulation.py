"""Small environments explored state by state, and turned into arrays."""
import contextlib
import copy
import io
import itertools
import math
import pickle
import random
import sys
import time
import types
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from marlfast.errors import choice, flag, integer, real, shown
from marlfast.games.base import MAX_NAMED
from marlfast.games.markov import MarkovGame
from marlfast.games.outcomes import Outcomes
from marlfast.progress import duration
from marlfast.renamed import takes

MAX_JOINT = 10**6      # joint actions that are tried one by one
WALKS, WALK = 4, 2_000      # random walks that check what was found, and their most steps


@dataclass(frozen=True, repr=False)
class Tabulated:
    """What :func:`tabulate` found.

    Attributes
    ----------
    game : MarkovGame
        The environment as arrays.
    states : list
        The key of each state; where the game was entered there as it ended, a state of its own.
    observations : list or None
        What is seen, by its number, as the environment gave it. None: the states' numbers are seen.
    exact : bool [S, J]
        Where all tries came out alike, or the probabilities were given; elsewhere they were estimated by counting.
        True in terminal states.
    counts : int64 [K]
        How often each of ``game.transitions`` (:class:`Outcomes`) came out; 0 where probabilities were given.

    See Also
    --------
    tabulate : Makes it.
    """

    game: MarkovGame
    states: list
    observations: list | None
    exact: np.ndarray
    counts: np.ndarray

    def __repr__(self):
        sure = "exact" if self.exact.all() else f"{self.exact.mean():.0%} certain"
        obs = "" if self.observations is None else f", {len(self.observations)} observations"
        return f"Tabulated({len(self.states)} states, actions {tuple(self.game.actions)}{obs}, {sure})"


@takes(most_states="max_states")
def tabulate(source, start=None, actions=None, *, key=None, observe="own", tries=8, samples=1000, precision=0.05,
             seed=0, horizon=None, max_states=10_000, progress=True):
    """Explore a small environment from its start, and return it as arrays, which run at the speed of a kernel.

    Parameters
    ----------
    source : environment or callable
        An environment with PettingZoo's parallel interface: ``possible_agents``, ``action_space(agent).n``,
        ``reset(seed=)`` and ``step({agent: action})``. Deep copies of it are taken in every state; parts that cannot be
        copied, such as a window, are shared.
        Or a function ``step(state, joint_action)`` without chance of its own. It returns ``(next state, rewards,
        terminated)``; or, for chance, a list of ``(probability, next state, rewards, terminated)``. Its states are
        hashable values, joint actions tuples, rewards a number for all or one per agent.
        Or an environment of Gymnasium's that says its probabilities, ``P[state][action]``, a list of ``(probability,
        next state, reward, terminated)``: nothing is tried. It begins where its ``initial_state_distrib`` or ``start``
        says, and its time limit is the horizon.
    start : object or dict of object to float, optional
        With a function: the first state, or a dictionary ``{state: probability}``.
    actions : sequence of int [N], optional
        With a function: the number of actions of each agent.
    key : callable, optional
        ``key(environment, observations)``: a value that says all that matters for what comes next. Default: what all
        agents observe, and ``environment.state()`` where it has one.
    observe : {"own", "state"}
        Agents see a number of what they saw in the environment (equal for equal observations), or that of the state.
    tries, samples : int
        Each joint action in each state is tried ``tries`` times (a tenth of ``samples`` if that is more, once chance
        has shown anywhere). If it comes out alike every time, it is taken as certain; else it is tried on, at most
        ``samples`` times in all, and probabilities are what was counted. So is the start. For each try the random
        generators that the copy holds (NumPy's and Python's) are seeded anew, and the global ones, which are put back
        at the end.
    precision : float
        Trying ends before ``samples`` where the standard error of each probability is at most so much. 0: never.
    seed : int
        Of the tries.
    horizon : int, optional
        Default: the step at which the environment truncates, if exploring or some random walks meet that.
    max_states : int
        More are refused.
    progress : bool
        Whether to say on stderr how long a state takes, and how far it is, where it takes more than a second or two.

    Returns
    -------
    Tabulated
        The game, and how sure each of its cells is.

    Raises
    ------
    ValueError
        More than ``max_states``; a key that hides what matters (the same key and joint action came out differently in
        copies reached in different ways); a time limit that is not constant; agents that come or go during an
        episode; a reward that is not finite.
    RuntimeError
        The environment or the function raised an error.

    See Also
    --------
    MarkovGame : What it makes.
    marlfast.analysis.model : Explores a game of this package.

    Notes
    -----
    States that are met a second time, in another way, and some random walks are compared with what was found. Chance
    that shows only then is counted too. What happens too seldom to be seen in all of these is missed; so is a time
    limit that none of them reaches, which is what ``horizon`` is for.

    Examples
    --------
    >>> from marlfast import games
    >>> def step(state, joint):
    ...     return state + joint[0], float(joint[0]), state + joint[0] == 3
    >>> found = games.tabulate(step, start=0, actions=[2], horizon=20)
    >>> found.game.observations, found.states
    (4, [0, 1, 2, 3])
    """
    tries, samples = integer("tries", tries, 1), integer("samples", samples, 1)
    seed, max_states = integer("seed", seed, 0, 2**31), integer("max_states", max_states, 1)
    horizon = None if horizon is None else integer("horizon", horizon, 0)
    precision, progress = real("precision", precision, 0.0, 1.0), flag("progress", progress)
    choice("observe", observe, ("own", "state"))
    told = getattr(getattr(source, "unwrapped", source), "P", None)
    if isinstance(told, (dict, list)) and not hasattr(source, "possible_agents"):
        return _explore(*_by_probabilities(source, told, start, actions, key, horizon), max_states, False, progress)
    if actions is not None or start is not None:
        if not callable(source) or actions is None or start is None or key is not None:
            raise TypeError("tabulate: a function needs start= and actions= (and no key=), an environment neither")
        return _explore(_Function(source, start, actions), horizon, max_states, False, progress)
    if not hasattr(source, "possible_agents") or not hasattr(source, "step") or not hasattr(source, "reset"):
        raise TypeError(f"tabulate: expected an environment with possible_agents, reset and step, or a function with "
                        f"start= and actions=, or one of Gymnasium's with P, its probabilities, got {shown(source)}")
    with _global_generators():
        return _explore(_Environment(source, key, tries, samples, precision, seed), horizon, max_states,
                        observe == "own", progress)


@contextlib.contextmanager
def _global_generators():
    """Puts the global generators of Python and NumPy back as they were."""
    before = random.getstate(), np.random.get_state()     # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])      # noqa: NPY002


class _Node:
    """A state as it was met: its key, what was seen, and what is needed to go on from there (None: it is over)."""

    def __init__(self, key, obs, carry, steps=0):
        self.key, self.obs, self.carry, self.steps = key, obs, carry, steps


class _Said:
    """Says how long it will take, and how far it is."""

    def __init__(self, source, joints, show):
        self.source, self.joints, self.show = source, joints, show
        self.begun = self.said = time.perf_counter()
        self.first = True

    def about(self, node, joint_actions):
        """Try a few times, and say it where one state alone takes long."""
        if not self.show or not self.source.may_hide or node.carry is None:
            return
        trial = self.source.trial
        self.source.once(node, joint_actions[0])        # the first one imports, and fills caches
        begun = time.perf_counter()
        for k in range(3):
            self.source.once(node, joint_actions[k % self.joints])
        seconds = (time.perf_counter() - begun) / 3 * self.joints
        self.source.trial = trial       # what is counted does not depend on whether this was said
        few, many = seconds * self.source.tries, seconds * self.source.samples
        if many > 1.0:
            print(f"tabulate: a state takes about {duration(few)} ({self.joints:,} joint actions, {self.source.tries} "
                  f"tries each), up to {duration(many)} where there is chance", file=sys.stderr, flush=True)

    def update(self, explored, found):
        now = time.perf_counter()
        if self.show and now - self.said >= 2.0:
            self.said, seconds = now, now - self.begun
            print(f"tabulate: {explored:,} of {found:,} states found so far in {duration(seconds)}, about "
                  f"{duration(seconds * (found - explored) / explored)} left for these", file=sys.stderr, flush=True)


def _explore(source, horizon, max_states, own, progress):
    """Breadth-first from the start. Sources say ``actions``, ``begin()``, ``outcomes(node, joint)`` and more."""
    joints = math.prod(source.actions)
    if joints > MAX_JOINT:
        raise ValueError(f"tabulate: {joints:,} joint actions in every state are too many to try one by one; "
                         f"expected at most {MAX_JOINT:,}")
    joint_actions = list(itertools.product(*map(range, source.actions)))
    agents, numbers, nodes, queue = len(source.actions), {}, [], deque()
    found, exact = {}, {}       # by (state, joint action): {(successor, rewards): [weight, count]}, whether certain

    def number(node, terminated):
        at = numbers.get((node.key, terminated))
        if at is None:
            if len(nodes) == max_states:
                size = max_states * joints * (36 + 8 * agents)
                raise ValueError(
                    f"tabulate: more than max_states={max_states:,} states were reached, and {len(queue):,} of them "
                    f"are still to be explored; that many states of {joints:,} joint actions make a game of at least "
                    f"{size:,} bytes; raise max_states, or give a key= that tells fewer states apart")
            at = numbers[node.key, terminated] = len(nodes)
            nodes.append(node)
            if not terminated and node.carry is not None:
                queue.append(at)
        elif nodes[at].obs != node.obs:
            raise ValueError(f"tabulate: state {at} (key {shown(node.key)}) was met with different observations; "
                             "give a key= that tells them apart")
        elif source.may_hide and not terminated and node.carry is not None and at not in again:
            again[at] = node
            if (at, joints - 1) in exact:
                due.append(at)
        return at

    again, due = {}, []         # each state as it was met a second time; those explored, but not yet compared

    def fill(at, j, results):
        cell = found[at, j] = {}
        for weight, count, node, rewards, terminated in results:
            entry = cell.setdefault((number(node, terminated), rewards), [0.0, 0])
            entry[0] += weight
            entry[1] += count

    def compare(at, j, met):
        """Try once more what was certain, in a state that was reached in another way."""
        if not exact[at, j]:
            return
        node, rewards, terminated = source.once(met, joint_actions[j])
        (successor, paid), = found[at, j]
        if numbers.get((node.key, terminated)) == successor and rewards == paid:
            return
        results, certain = source.outcomes(met, joint_actions[j], source.samples)
        if not certain:         # chance that too few tries had not shown
            exact[at, j] = False
            fill(at, j, results)
            return
        raise ValueError(
            f"tabulate: the key of state {at}, {shown(nodes[at].key)}, does not say all that matters: joint action "
            f"{joint_actions[j]} led to {shown(nodes[successor].key)} with rewards {list(paid)}, and, where the state "
            f"was reached in another way, to {shown(node.key)} with rewards {list(rewards)}"
            f"{', as the end' if terminated else ''}; give a key= that tells them apart, or, if chance decides that, "
            f"raise tries={source.tries} and samples={source.samples}, which were too few to show it")

    told, done = _Said(source, joints, progress), [0]

    def explore():
        while queue:
            at = queue.popleft()
            if not done[0]:
                told.about(nodes[at], joint_actions)
            told.update(max(1, done[0]), done[0] + len(queue) + 1)
            done[0] += 1
            for j, joint in enumerate(joint_actions):
                results, exact[at, j] = source.outcomes(nodes[at], joint)
                fill(at, j, results)
            nodes[at].carry = None      # explored: its copy of the environment is not needed any more
            if at in again and at not in due:
                due.append(at)
            while due:
                at = due.pop()
                for j in range(joints):
                    compare(at, j, again[at])
                again[at].carry = None

    begin = Counter()
    for weight, node in source.begin():
        begin[number(node, False)] += weight
    explore()
    for k in range(WALKS if source.may_hide else 0):
        # Go at random until the end: what a key hides often shows late.
        generator = np.random.default_rng(k)
        (_, node), *_ = source.begin(1)
        for _ in range(WALK):
            at, j = numbers.get((node.key, False)), int(generator.integers(joints))
            if (at, j) in exact:
                compare(at, j, node)
            node, _, terminated = source.once(node, joint_actions[j], keep=True)
            if terminated or node.carry is None:
                break
        explore()
    limit = source.limit() if horizon is None else horizon
    # States that were only entered as time ran out: nothing can be done in them before the horizon.
    for (_, terminated), at in numbers.items():
        if not terminated and (at, 0) not in exact:
            for j in range(joints):
                found[at, j], exact[at, j] = {(at, (0.0,) * agents): [1.0, 0]}, True
    return _tabulated(source, numbers, nodes, found, exact, begin, limit, own)


def _tabulated(source, numbers, nodes, found, exact, begin, horizon, own):
    states, joints = len(nodes), math.prod(source.actions)
    rows = sorted((s, j, successor, k, rewards, weight, count) for (s, j), cell in found.items()
                  for k, ((successor, rewards), (weight, count)) in enumerate(cell.items()))
    state, joint, successor, _, rewards, weight, count = zip(*rows, strict=True)
    outcomes = Outcomes(states, state, joint, successor, weight, np.array(rewards))
    terminal = np.zeros(states, bool)
    for (_, terminated), at in numbers.items():
        terminal[at] = terminated
    start = np.zeros(states)
    for at, part in begin.items():
        start[at] = part
    obs, observations = _seen(nodes, source) if own else (None, None)
    flags = np.ones((states, joints), bool)
    for (s, j), certain in exact.items():
        flags[s, j] = certain
    at_horizon = "truncated" if source.truncates and horizon == 1 else None       # even a single step was cut off
    game = MarkovGame(outcomes, "own", source.actions, start=start / start.sum(), terminal=terminal, horizon=horizon,
                      at_horizon=at_horizon, obs=obs, state_names=_called(nodes))
    return Tabulated(game, [node.key for node in nodes], observations, flags, np.array(count, np.int64))


def _called(nodes):
    """What states are called: as they show themselves, where that is short and tells them apart; else None."""
    if len(nodes) > MAX_NAMED:
        return None
    names = [str(node.key) for node in nodes]
    return names if len(set(names)) == len(names) and max(map(len, names)) <= 40 else None


def _seen(nodes, source):
    """(what is seen, by number: [S], or [S, N] where agents see different things; the observations)."""
    numbers = {}
    obs = np.array([[numbers.setdefault(part, len(numbers)) for part in node.obs] for node in nodes])
    if (obs == obs[:, :1]).all():
        obs = obs[:, 0]
    return obs, [source.raw[part] for part in numbers]


def _by_probabilities(source, told, start, actions, key, horizon):
    """(source, horizon) of an environment that has Gymnasium's ``P``: nothing is tried, and nothing estimated."""
    if actions is not None or key is not None:
        raise TypeError("tabulate: an environment with P, its probabilities, needs neither actions= nor key=")
    inner, spec = getattr(source, "unwrapped", source), getattr(source, "spec", None)
    count = getattr(getattr(source, "action_space", None), "n", None)
    if count is None:
        raise ValueError("tabulate: expected numbered actions (a space with n) beside P, got "
                         f"{shown(getattr(source, 'action_space', None))}")
    if start is None:
        begins = getattr(inner, "initial_state_distrib", None)
        if begins is None:
            raise ValueError("tabulate: the environment has P, but no initial_state_distrib, which says where it "
                             "begins; give start= a state, or a dictionary {state: probability}")
        start = {state: float(p) for state, p in enumerate(np.asarray(begins)) if p > 0}

    def step(state, joint):
        return [tuple(one) for one in told[state][joint[0]]]

    if horizon is None:
        horizon = getattr(spec, "max_episode_steps", None) or 0
    return _Function(step, start, (int(count),)), horizon


class _Function:
    """A function over hashable states, as a source."""

    truncates = False

    may_hide = False            # a state says all that matters

    def __init__(self, step, start, actions):
        if not np.iterable(actions) or isinstance(actions, str):
            raise TypeError("actions: expected the number of actions of each agent, such as (2, 2), "
                            f"got {shown(actions)}")
        self.actions = tuple(integer(f"actions[{i}]", n, 1) for i, n in enumerate(actions))
        if not self.actions:
            raise ValueError("actions: expected at least one agent, got none")
        self.step, self.start = step, start if isinstance(start, dict) else {start: 1.0}

    def begin(self):
        _distribution("start", list(self.start.values()))
        return [(float(p), self.node(state)) for state, p in self.start.items() if p > 0]

    def node(self, state):
        try:
            hash(state)
        except TypeError:
            raise TypeError(f"tabulate: expected hashable states, such as tuples, got {shown(state)}") from None
        return _Node(state, None, state)

    def outcomes(self, node, joint):
        where = f"in state {shown(node.key)} on joint action {joint}"
        try:
            results = self.step(node.key, joint)
        except Exception as error:
            raise RuntimeError(f"tabulate: step failed {where}: {type(error).__name__}: {error}") from error
        results = results if isinstance(results, list) else [(1.0, *results)] if isinstance(results, tuple) else None
        if not results or not all(isinstance(r, tuple) and len(r) == 4 for r in results):
            raise ValueError(f"tabulate: step {where}: expected (next state, rewards, terminated), or a list of "
                             "(probability, next state, rewards, terminated)")
        _distribution(f"step {where}", [r[0] for r in results])
        return [(float(p), 0, self.node(successor), _rewards(rewards, len(self.actions), where), bool(terminated))
                for p, successor, rewards, terminated in results if p > 0], True

    def limit(self):
        return 0


def _distribution(where, probabilities):
    if not all(isinstance(p, (int, float, np.number)) and 0.0 <= p for p in probabilities) \
            or not abs(sum(probabilities) - 1.0) <= 1e-8:
        raise ValueError(f"tabulate: {where}: expected probabilities that sum to 1, got {shown(probabilities)}")


def _rewards(rewards, agents, where):
    try:
        paid = np.array(rewards, np.float64)
        paid = tuple((np.zeros(agents) + paid).tolist()) if paid.shape in ((), (agents,)) else ()
    except (TypeError, ValueError, OverflowError):
        paid = ()
    if not paid or not all(map(math.isfinite, paid)):
        raise ValueError(f"tabulate: {where}: expected {agents} finite rewards, got {shown(rewards)}")
    return paid


def _frozen(value):
    """A hashable value, equal for equal observations."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        # 0.0 takes the sign off zeros, which means nothing.
        return value.shape, value.dtype.str, (value + 0.0 if value.dtype.kind == "f" else value).tobytes()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return tuple((name, _frozen(part)) for name, part in sorted(value.items(), key=lambda item: repr(item[0])))
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _parts(env, shared):
    """(random generators of an environment, parts that a copy would make again from their arguments, without state).

    The second is what the base class ``EzPickle`` of Gymnasium and PettingZoo does. Parts that cannot be copied at all,
    such as the surface of a window, are noted in ``shared`` (by their id): all copies have them in common.
    """
    generators, rebuilt, stack, met = [], [], [env], set()
    while stack:
        part = stack.pop()
        if id(part) in met or id(part) in shared or isinstance(part, _WHOLE):
            continue
        met.add(id(part))
        if isinstance(part, _GENERATORS):
            generators.append(part)
        elif isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, (list, tuple, set, deque)):
            stack.extend(part)
        elif hasattr(part, "__dict__") or hasattr(type(part), "__slots__"):
            if "_ezpickle_args" in getattr(part, "__dict__", ()):
                rebuilt.append(part)
            stack.extend(getattr(part, "__dict__", {}).values())
            stack.extend(getattr(part, name, None) for kind in type(part).__mro__
                         for name in vars(kind).get("__slots__", ()) if isinstance(name, str))
        else:
            try:
                copy.deepcopy(part)
            except Exception:       # whatever it raises
                shared[id(part)] = part
    return generators, rebuilt


def _generator(like, seed):
    """A new random generator of the same kind."""
    if isinstance(like, np.random.Generator):
        return type(like)(type(like.bit_generator)(seed))
    return type(like)(seed)


class _Written:
    """An environment as it is copied many times: by pickle's bytes, which is some times as fast as ``copy.deepcopy``.

    Functions, and what cannot be copied, are shared by all copies, as ``deepcopy`` does; random generators are made
    with a new seed each.
    """

    def __init__(self, env, generators, rebuilt, shared):
        self.env, self.generators, self.rebuilt, self.shared = env, generators, rebuilt, shared
        self.text, self.outside = None, []

    @classmethod
    def of(cls, env, generators, rebuilt, shared):
        made = cls(env, generators, rebuilt, shared)
        buffer = io.BytesIO()
        try:
            writer = _Writer(buffer, made)
            writer.dump(env)
            made.text = buffer.getvalue()
            made.copy(0)
        except Exception:               # whatever objects say of themselves; deepcopy may do it
            made.text = None
        return made

    def copy(self, seed):
        if self.text is not None:
            reader = _Reader(io.BytesIO(self.text))
            reader.written, reader.seed, reader.fresh = self, seed, {}
            return reader.load()
        # Made before, and known to deepcopy as it begins, so that it asks none of these for a copy.
        memo = self.shared | {id(part): _generator(part, seed) for part in self.generators} | {
            id(part): object.__new__(type(part)) for part in self.rebuilt}
        for part in self.rebuilt:
            vars(memo[id(part)]).update(copy.deepcopy(vars(part), memo))
        return copy.deepcopy(self.env, memo)


class _Writer(pickle.Pickler):
    def __init__(self, buffer, written):
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self.written = written
        self.rebuilt = {id(part) for part in written.rebuilt}

    def persistent_id(self, part):
        if isinstance(part, _GENERATORS):
            self.written.outside.append(part)
            return "seeded", len(self.written.outside) - 1
        if isinstance(part, _OUTSIDE) or id(part) in self.written.shared:
            self.written.outside.append(part)
            return "shared", len(self.written.outside) - 1
        return None

    def reducer_override(self, part):
        if id(part) in self.rebuilt:
            return object.__new__, (type(part),), vars(part), None, None, _fill
        if hasattr(type(part), "__deepcopy__") and not isinstance(part, (np.ndarray, np.generic)):
            raise pickle.PicklingError("has a way of its own")
        return NotImplemented


def _fill(part, values):
    vars(part).update(values)


class _Reader(pickle.Unpickler):
    def persistent_load(self, named):
        kind, at = named
        part = self.written.outside[at]
        if kind == "shared":
            return part
        if id(part) not in self.fresh:
            self.fresh[id(part)] = _generator(part, self.seed)
        return self.fresh[id(part)]


_OUTSIDE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
_GENERATORS = np.random.Generator, np.random.RandomState, random.Random
# What deepcopy copies, or shares, as it should.
_WHOLE = (type(None), bool, int, float, complex, str, bytes, np.ndarray, np.generic, type, types.ModuleType,
          types.FunctionType, types.BuiltinFunctionType, types.MethodType)


class _Environment:
    """An environment with PettingZoo's parallel interface, as a source."""

    may_hide = True

    truncates = True

    def __init__(self, env, key, tries, samples, precision, seed):
        self.env, self.own_key, self.tries, self.samples = env, key, tries, max(samples, tries)
        self.precision = precision
        self.names = list(env.possible_agents)
        if not self.names:
            raise ValueError("tabulate: the environment has no possible_agents")
        spaces = [env.action_space(name) for name in self.names]
        for name, space in zip(self.names, spaces, strict=True):
            if not hasattr(space, "n"):
                raise ValueError(f"tabulate: agent {name!r}: expected numbered actions (a space with n), got "
                                 f"{shown(space)}")
        self.actions = tuple(int(space.n) for space in spaces)
        self.first = [int(getattr(space, "start", 0)) for space in spaces]
        self.trial = seed           # each try has the next number as its seed
        self.has_state = None       # whether the environment has a state(); found out at the first look
        self.chance = False         # whether anything has come out in two ways
        self.shared = {}            # parts that cannot be copied, by id
        self.written = (None, None)         # the last environment that was copied, and how it is written
        self.raw = {}               # observations as they came
        self.cut, self.open = set(), 0      # steps at which episodes were truncated; most steps of one that went on

    def copied(self, env):
        """A deep copy whose random generators, wherever it holds them, have a new seed."""
        if self.written[0] is not env:
            self.written = env, _Written.of(env, *_parts(env, self.shared), self.shared)
        self.trial += 1
        try:
            made = self.written[1].copy(self.trial)
        except Exception as error:
            raise RuntimeError("tabulate: the environment cannot be copied (copy.deepcopy): "
                               f"{type(error).__name__}: {error}") from error
        random.seed(self.trial)
        np.random.seed(self.trial % 2**32)      # noqa: NPY002
        return made

    def node(self, env, observations, steps, over):
        missing = [name for name in self.names if name not in observations]
        if missing:
            raise ValueError(f"tabulate: agent {missing[0]!r} has no observation after {steps} steps; all agents must "
                             "begin and end together")
        obs = []
        for name in self.names:
            obs.append(_frozen(observations[name]))
            if obs[-1] not in self.raw:
                self.raw[obs[-1]] = copy.deepcopy(observations[name])
        obs = tuple(obs)
        if self.own_key is not None:
            key = _frozen(self.own_key(env, observations))
        else:
            if self.has_state is None:
                try:
                    self.has_state = env.state() is not None
                except Exception:       # whatever it raises: PettingZoo's own games have attributes of that name
                    self.has_state = False
            key = (_frozen(env.state()), obs) if self.has_state else obs
        return _Node(key, obs, None if over else env, steps)

    def begin(self, tries=None):
        """[(weight, node)] of resets."""
        met, counts, limit, done = {}, Counter(), tries or self.tries, 0
        while done < limit:
            env = self.copied(self.env)
            try:
                observations = env.reset(seed=self.trial)
            except Exception as error:
                raise RuntimeError(f"tabulate: reset failed: {type(error).__name__}: {error}") from error
            node = self.node(env, observations[0] if isinstance(observations, tuple) else observations, 0, False)
            met.setdefault(node.key, node)
            counts[node.key] += 1
            done += 1
            if tries is None and len(counts) > 1:
                limit, self.chance = self.samples, True
                if done >= max(self.tries, self.samples // 10) and self.precise(list(counts.values()), done):
                    break
        return [(counts[key] / done, node) for key, node in met.items()]

    def once(self, node, joint, keep=False):
        """(node, rewards, terminated) of one try; ``keep``: on the node's own environment, not a copy."""
        env, steps = node.carry if keep else self.copied(node.carry), node.steps + 1
        if keep:
            self.written = None, None       # it is not as it was written any more
        where = f"in state {shown(node.key)} on joint action {joint}"
        given = {name: first + a for name, first, a in zip(self.names, self.first, joint, strict=True)}
        try:
            observations, rewards, terminations, truncations, *_ = env.step(given)
        except Exception as error:
            raise RuntimeError(f"tabulate: the environment failed {where}: {type(error).__name__}: {error}") from error
        absent = [name for name in self.names if name not in rewards]
        if absent:
            raise ValueError(f"tabulate: {where}: agent {absent[0]!r} has no reward; all agents must begin and end "
                             "together")
        rewards = _rewards([rewards[name] for name in self.names], len(self.names), where)
        ended = [bool(terminations.get(name)) for name in self.names]
        cut = [bool(truncations.get(name)) and not end for name, end in zip(self.names, ended, strict=True)]
        over, agents = all(e or c for e, c in zip(ended, cut, strict=True)), getattr(env, "agents", self.names)
        if any(ended) and any(cut) or not over and (any(ended) or any(cut) or set(agents) != set(self.names)):
            here = [name for name, e, c in zip(self.names, ended, cut, strict=True) if not (e or c) and name in agents]
            raise ValueError(f"tabulate: {where}: the episode ended for some agents only (it goes on for {here}); "
                             "all agents must begin and end together")
        if over and not all(ended):
            self.cut.add(steps)
        elif not over:
            self.open = max(self.open, steps)
        return self.node(env, observations, steps, over), rewards, all(ended)

    def outcomes(self, node, joint, tries=None):
        # Where there is chance in one place there is in others, which deserve a closer look.
        least = max(self.tries, self.samples // 10)
        limit = tries or (least if self.chance else self.tries)
        results = {}
        done = 0
        while done < limit:
            successor, rewards, terminated = self.once(node, joint)
            entry = results.setdefault((successor.key, rewards, terminated), [0, successor])
            entry[0] += 1
            done += 1
            if len(results) > 1:
                limit, self.chance = self.samples, True
                if done >= least and self.precise([count for count, _ in results.values()], done):
                    break
        return [(count / done, count, successor, rewards, terminated)
                for (_, rewards, terminated), (count, successor) in results.items()], len(results) == 1

    def precise(self, counts, done):
        """Whether counts are enough: the standard error of each probability, which is kept off 0 and 1."""
        return all(p * (1.0 - p) <= self.precision**2 * done for p in ((c + 1) / (done + 2) for c in counts))

    def limit(self):
        if len(self.cut) > 1 or self.cut and self.open >= min(self.cut):
            raise ValueError("tabulate: the time limit is not constant: episodes were cut off after "
                             f"{sorted(self.cut)} steps, and one went on after {self.open}; give horizon=, or put the "
                             "limit into the key")
        return min(self.cut, default=0)
