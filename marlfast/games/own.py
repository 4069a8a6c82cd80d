"""Games of one's own: functions in numba or C for one run, or in NumPy for many."""
import ctypes
import functools
import re
import sys
import types
from dataclasses import dataclass, field

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, extra, flag, integer, real, sequence, shown
from marlfast.games.base import Game, checked_names, checked_state_names
from marlfast.limits import MAX_AGENTS, MAX_NUMBERS

# What each function is given, in this order. All are pointers; what is not const is written.
SIGNATURES = {
    "step": "int step(const double *parameters, double *state, const int32_t *actions, const double *uniforms, "
            "const double *normals, double *rewards, uint8_t *terminated)",
    "start": "int start(const double *parameters, double *state, const double *uniforms, const double *normals)",
    "observe": "int observe(const double *parameters, const double *state, double *observation)",
    "present": "int present(const double *parameters, const double *state, uint8_t *present)",
    "to_act": "int to_act(const double *parameters, const double *state, uint8_t *to_act)",
    "legal": "int legal(const double *parameters, const double *state, uint8_t *legal)",
}
SAYS = ("present", "to_act", "legal")       # which a game may leave out, as it may `observe`
OPTIONAL = ("observe", *SAYS)
SETTINGS = ("cooperative", "competitive", "mixed")


def _function(default=None):
    """A field that holds a function: a file gets its name only."""
    return field(metadata={"function": True}) if default is ... else field(
        default=default, metadata={"function": True})


def _numbers(name, value, shape):
    """A read-only float64 array of one's own."""
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: expected numbers, got {shown(value)}") from None
    if array.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, array.shape, strict=True)):
        wanted = "one row of numbers" if shape == (None,) else f"shape {shape}"
        raise ValueError(f"{name}: expected {wanted}, got shape {array.shape}")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class _Own(Game):
    """The facts of a game whose rules are functions."""

    agents: int
    actions: int | tuple
    state_size: int
    views: int = 1
    features: int | None = None
    observations: int | None = None
    horizon: int = 0
    terminates: bool = True
    step_uniforms: int = 0
    step_normals: int = 0
    start_uniforms: int = 0
    start_normals: int = 0
    setting: str = "mixed"
    teams: list | None = None
    bounds: tuple | None = None
    reward_bounds: tuple | None = None
    text: object = _function()
    action_names: tuple | None = None
    state_names: tuple | None = None
    present: object = _function()
    to_act: object = _function()
    legal: object = _function()
    discounting: str = "step"

    _checked = False

    def __post_init__(self):
        agents = integer("agents", self.agents, 1, MAX_AGENTS)
        size = integer("state_size", self.state_size, 1, MAX_NUMBERS)
        actions = self.actions
        if np.iterable(actions):
            actions = tuple(integer(f"actions[{i}]", n, 1, 2**31 - 1) for i, n in enumerate(actions))
            if len(actions) != agents:
                raise ValueError(f"actions: expected one number, or one for each of the {agents} agents, "
                                 f"got {len(actions)}")
        else:
            actions = integer("actions", actions, 1, 2**31 - 1)
        views = integer("views", self.views, 1)
        if views not in (1, agents):
            raise ValueError(f"views: expected 1 (all see the same) or {agents} (each agent its own), got {views}")
        features = size if self.features is None and self.observations is None else \
            1 if self.features is None else integer("features", self.features, 1, MAX_NUMBERS)
        if self.observe is None and (views, features) != (1, size):
            raise ValueError(f"observe: without it all agents see the state as it is, views=1 and features={size}; got "
                             f"views={views}, features={features}: give the function that says what is seen")
        observations = self.observations
        if observations is not None:
            observations = integer("observations", observations, 1, 2**31 - 2)
            if features != 1:
                raise ValueError(f"observations: a number is seen alone, features=1; got features={features}")
        self._set(agents=agents, state_size=size, actions=actions, views=views, features=features,
                  observations=observations, **self.checked_horizon(),
                  setting=choice("setting", self.setting, SETTINGS),
                  discounting=choice("discounting", self.discounting, ("step", "move")),
                  terminates=flag("terminates", self.terminates),
                  **{name: integer(name, getattr(self, name), 0, 2**24) for name in (
                      "step_uniforms", "step_normals", "start_uniforms", "start_normals")})
        if self.setting == "competitive" and agents != 2:
            raise ValueError(f"setting: 'competitive' is for two agents, got {agents}")
        if self.teams is not None:
            teams = [[integer("teams", agent, 0) for agent in sequence(f"teams[{k}]", team, "agents")]
                     for k, team in enumerate(sequence("teams", self.teams, "lists of agents"))]
            if sorted(agent for team in teams for agent in team) != list(range(agents)):
                raise ValueError(f"teams: expected every agent 0 to {agents - 1} in one team, got {shown(self.teams)}")
            self._set(teams=teams)
        if self.bounds is not None:
            low, high = (_numbers(f"bounds[{k}]", bound, (features,)) for k, bound in enumerate(
                sequence("bounds", self.bounds, "the least values and the greatest", 2)))
            if not (low <= high).all():
                raise ValueError("bounds: expected the least values, then the greatest")
            self._set(bounds=(low, high))
        if self.reward_bounds is not None:
            low, high = (real(f"reward_bounds[{k}]", bound) for k, bound in enumerate(
                sequence("reward_bounds", self.reward_bounds, "the least and the greatest", 2)))
            if low > high:
                raise ValueError(f"reward_bounds: expected the least, then the greatest, got {low}, {high}")
            self._set(reward_bounds=(low, high))
        if self.text is not None and not callable(self.text):
            raise TypeError(f"text: expected a function of one state, got {shown(self.text)}")
        if self.state_names is not None and observations is None:
            raise ValueError("state_names: are names of observations that are numbers; give observations=, how many")
        self._set(action_names=checked_names(self), state_names=checked_state_names(self.state_names, observations))

    @property
    def action_counts(self):
        return np.array(np.broadcast_to(self.actions, self.agents), np.int32)

    @property
    def participation(self):
        return tuple(name for name in SAYS if getattr(self, name) is not None)

    @property
    def ends(self):
        return self.horizon > 0 or self.terminates

    @property
    def _draws(self):
        return self.step_uniforms, self.step_normals, self.start_uniforms, self.start_normals

    def render(self, state):
        return super().render(state) if self.text is None else str(self.text(state))

    def kernel(self, backend="cython"):
        made = self._kernel(backend)
        if not self._checked:
            _Shadow(self, seed=0).play(steps=200, strict=False)
            self._set(_checked=True)
        return made

    def check(self, steps=2000, seed=0, isolate=False):
        """Play the game by itself, with guards around all that its functions are given: see :func:`check`.

        Parameters
        ----------
        steps : int
            How many to play.
        seed : int
            Of the actions and draws.
        isolate : bool
            Play in a process of its own, see :func:`check`.
        """
        check(self, steps, seed, isolate)


@dataclass(frozen=True, repr=False, eq=False)
class CompiledGame(_Own):
    """A game whose rules are compiled functions of your own, each for one run: numba's or C's.

    Dynamics
        What ``step`` writes into ``state``, which holds ``state_size`` numbers.
    Observation
        What ``observe`` writes: ``views`` times ``features`` numbers. Without it: the state, the same for all.
    Action
        0 to ``actions - 1``, or to ``actions[i] - 1`` for agent i.
    Reward
        What ``step`` writes into ``rewards``, one number an agent.
    Start
        What ``start`` writes into ``state``.
    End
        Terminated where ``step`` says so; truncated after ``horizon`` steps.

    Parameters
    ----------
    step, start, observe : function
        Either functions that ``numba.njit`` compiled, on one-dimensional arrays of one run
        (``observation`` has two dimensions, [V, D]):

        - ``step(parameters, state, actions, uniforms, normals, rewards)``; returns True where the game is over
        - ``start(parameters, state, uniforms, normals)``
        - ``observe(parameters, state, observation)``

        Or functions of C, of the signatures in :data:`SIGNATURES`, which return 0 (anything else stops the run):
        those of ``numba.cfunc``, ctypes, cffi, a capsule named by its signature, ``scipy.LowLevelCallable``, or
        :func:`pointer`. They must write all of ``rewards`` (and of ``state`` at a start, and of ``observation``), and
        keep nothing between calls: all chance is in the draws. ``terminated`` is 0 when ``step`` is called.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    agents : int
        How many play: N.
    actions : int or sequence of int
        How many each agent has.
    state_size : int
        How many numbers a state has: S.
    views, features : int
        1 where all see the same, else one an agent; numbers in a view (default: those of the state).
    observations : int, optional
        Where a view is one whole number: how many there are.
    horizon : int
        0: no limit.
    terminates : bool
        False: ``step`` never says that the game is over.
    step_uniforms, step_normals, start_uniforms, start_normals : int
        Draws of a step, and of a start: uniforms in [0, 1) and standard normals.
    setting : {"cooperative", "competitive", "mixed"}
        See :class:`marlfast.games.Game`.
    teams : sequence of sequence of int, optional
        Who plays with whom.
    bounds : (float or float64 [D], float or float64 [D]), optional
        Least and greatest value of each number in an observation.
    reward_bounds : (float, float), optional
        Between which every reward lies.
    text : callable, optional
        ``text(state)``: the state as text.
    action_names : sequence of str, or one for each agent, optional
        What actions are called, in pictures and texts.
    state_names : sequence of str, optional
        What observations are called that are numbers (``observations``): one name for each.
    present, to_act, legal : function, optional
        ``present(parameters, state, present)`` writes who is in the game, ``to_act`` (alike) who acts in the next step,
        1 or 0 for each agent; ``legal(parameters, state, legal)`` what they may do, into [N, A] (uint8 all three). The
        action of an agent who does not act is -1, its reward if it is not there 0. Default: all are there, all act, all
        actions are allowed.
    discounting : {"step", "move"}
        Where agents take turns: whether learners discount in each step, or from an agent's move to its next one once.
    parameters : float64 [P], optional
        Passed to every function.

    See Also
    --------
    NumPyGame : Functions of Python, for many runs at once.
    marlfast.games.own.get_include : For games in Cython.

    Notes
    -----
    At first use the game is played by itself for 200 steps between guards: see :func:`check`.

    Examples
    --------
    >>> from numba import njit
    >>> from marlfast import games
    >>> @njit
    ... def step(parameters, state, actions, uniforms, normals, rewards):
    ...     state[0] += actions[0] - actions[1]
    ...     rewards[:] = -abs(state[0])
    ...     return abs(state[0]) > 3
    >>> @njit
    ... def start(parameters, state, uniforms, normals):
    ...     state[0] = 0
    >>> game = games.CompiledGame(step, start, agents=2, actions=2, state_size=1, horizon=20)
    >>> env = game.env(seed=0)
    >>> _ = env.reset()
    >>> env.step([[1, 0]])[1].tolist()
    [[-1.0, -1.0]]
    """

    name = "compiled"
    step: object = _function(...)
    start: object = _function(...)
    observe: object = _function()
    parameters: np.ndarray | None = field(default=None, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        self._set(parameters=_numbers("parameters", () if self.parameters is None else self.parameters, (None,)))
        for what in SIGNATURES:
            function = getattr(self, what)
            if not _is_jitted(function) and not (what in OPTIONAL and function is None):
                _address(what, function)

    def _kernel(self, backend, parameters=None):
        addresses, functions = [], []
        for what in SIGNATURES:
            function = getattr(self, what)
            if _is_jitted(function):
                function = _compiled(what, function, self.agents, self.state_size, self.views, self.features,
                                     self._draws, len(self.parameters), self.max_actions)
            addresses.append(0 if function is None else _address(what, function))
            functions.append(function)
        return kernels(backend, "own").Compiled(
            **dict(zip(SIGNATURES, addresses, strict=True)),
            parameters=self.parameters if parameters is None else parameters, agents=self.agents,
            state_size=self.state_size, views=self.views, features=self.features, draws=self._draws,
            repeat=self._repeat, functions=functions,
            max_actions=self.max_actions)

    def _repeat(self, what, *arguments):
        """The exception of a call that failed: only in Python has it a text."""
        function = getattr(self, what)
        if not _is_jitted(function):
            return None
        state, actions, uniforms, normals = arguments
        state = np.zeros(self.state_size) if state is None else state.copy()
        given = {"step": (actions, uniforms, normals, np.zeros(self.agents)), "start": (uniforms, normals),
                 "observe": (np.zeros((self.views, self.features)),), "present": (np.zeros(self.agents, np.uint8),),
                 "to_act": (np.zeros(self.agents, np.uint8),),
                 "legal": (np.zeros((self.agents, self.max_actions), np.uint8),)}[what]
        try:
            function(self.parameters.copy(), state, *given)
        except Exception as error:
            return error
        return RuntimeError(f"{what} raised an exception, but not when it was called again with the same numbers")


@dataclass(frozen=True, repr=False, eq=False)
class NumPyGame(_Own):
    """A game whose rules are Python functions of your own, each for many runs at once.

    Dynamics
        The state that ``step`` returns, ``state_size`` numbers a run.
    Observation
        What ``observe`` returns: ``views`` times ``features`` numbers. Without it: the state, the same for all.
    Action
        0 to ``actions - 1``, or to ``actions[i] - 1`` for agent i.
    Reward
        Those that ``step`` returns, one number an agent.
    Start
        The state that ``start`` returns.
    End
        Terminated where ``step`` says so; truncated after ``horizon`` steps.

    Parameters
    ----------
    step : callable
        ``step(state [n, S], actions [n, N], uniforms [n, step_uniforms], normals [n, step_normals]) -> (state [n, S],
        rewards [n, N], terminated [n])``. The arrays it is given are its own, and may be changed and returned.
        ``False`` in place of ``terminated``: no game is over.
    start : callable
        ``start(uniforms [n, start_uniforms], normals [n, start_normals]) -> state [n, S]``.
    observe : callable, optional
        ``observe(state [n, S]) -> observation [n, V, D]``. Default: the state is seen by all.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    agents : int
        How many play: N.
    actions : int or sequence of int
        How many each agent has.
    state_size : int
        How many numbers a state has: S.
    views, features : int
        1 where all see the same, else one an agent; numbers in a view (default: those of the state).
    observations : int, optional
        Where a view is one whole number: how many there are.
    horizon : int
        0: no limit.
    terminates : bool
        False: ``step`` never says that the game is over.
    step_uniforms, step_normals, start_uniforms, start_normals : int
        Draws of a step, and of a start, for each run.
    setting : {"cooperative", "competitive", "mixed"}
        See :class:`marlfast.games.Game`.
    teams : sequence of sequence of int, optional
        Who plays with whom.
    bounds : (float or float64 [D], float or float64 [D]), optional
        Least and greatest value of each number in an observation.
    reward_bounds : (float, float), optional
        Between which every reward lies.
    text : callable, optional
        ``text(state)``: the state as text.
    action_names : sequence of str, or one for each agent, optional
        What actions are called, in pictures and texts.
    state_names : sequence of str, optional
        What observations are called that are numbers (``observations``): one name for each.
    present, to_act, legal : callable, optional
        ``present(state [n, S]) -> bool [n, N]``: who is in the game; ``to_act``, alike: who acts in the next step;
        ``legal(state [n, S]) -> bool [n, N, A]``: what they may do, A the greatest number of actions. The
        action of an agent who does not act is -1, its reward if it is not there 0. Default: all are there, all act, all
        actions are allowed.
    discounting : {"step", "move"}
        Where agents take turns: whether learners discount in each step, or from an agent's move to its next one once.

    See Also
    --------
    CompiledGame : Compiled functions, at full speed.

    Notes
    -----
    The functions may be called for any runs together, or alone: each row of what they return must follow from the same
    row of what they are given. They keep nothing between calls, and draw no random numbers of their own.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import games
    >>> def step(state, actions, uniforms, normals):
    ...     state = state + actions.sum(axis=1, keepdims=True) - 1
    ...     return state, np.repeat(1.0 - np.abs(state), 2, axis=1), False
    >>> game = games.NumPyGame(step, lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=2,
    ...                        state_size=1, horizon=10, terminates=False)
    >>> env = game.env(runs=3, seed=0)
    >>> _ = env.reset()
    >>> env.step([[0, 0], [0, 1], [1, 1]])[1].tolist()
    [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    """

    name = "numpy"
    step: object = _function(...)
    start: object = _function(...)
    observe: object = _function()

    def __post_init__(self):
        super().__post_init__()
        for what in SIGNATURES:
            function = getattr(self, what)
            if not callable(function) and not (what in OPTIONAL and function is None):
                raise TypeError(f"{what}: expected a function of arrays, got {shown(function)}")

    def _kernel(self, backend):
        return kernels(backend, "own").Python(_Rows(self), self.agents, self.state_size, self.views, self.features,
                                              self._draws, True, self.max_actions)


class _Rows:
    """Calls the functions of a :class:`NumPyGame` and looks at what they return."""

    def __init__(self, game):
        self.game = game
        for what in OPTIONAL:
            if getattr(game, what) is None:
                setattr(self, what, None)

    @staticmethod
    def _reals(name, value, axes, shape, finite=True):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name}: expected numbers, got {array.dtype} ({shown(value)})")
        if array.shape != shape:
            raise ValueError(f"{name}: expected shape {axes} = {shape}, got {array.shape}")
        array = np.ascontiguousarray(array, np.float64)
        if finite and not np.isfinite(array).all():
            at = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
            raise ValueError(f"{name}: expected finite numbers, got {array[at]} at {list(at)[1:]} of a run")
        return array

    def start(self, runs, uniforms, normals):
        game = self.game
        return self._reals("start: state", game.start(uniforms, normals), "(runs, state_size)",
                           (len(runs), game.state_size))

    def step(self, runs, state, actions, uniforms, normals):
        game, n = self.game, len(runs)
        answer = game.step(state, actions, uniforms, normals)
        if not isinstance(answer, tuple) or len(answer) != 3:
            raise TypeError(f"step: expected (state, rewards, terminated), got {shown(answer)}")
        state, rewards, terminated = answer
        state = self._reals("step: state", state, "(runs, state_size)", (n, game.state_size))
        rewards = self._reals("step: rewards", rewards, "(runs, agents)", (n, game.agents), finite=False)
        over = np.asarray(terminated)
        if over.dtype != bool:
            raise TypeError(f"step: terminated: expected bool, got {over.dtype} ({shown(terminated)})")
        if over.ndim and over.shape != (n,):
            raise ValueError(f"step: terminated: expected shape (runs,) = {(n,)}, got {over.shape}")
        return state, rewards, np.array(np.broadcast_to(over, n))

    def observe(self, runs, state):
        game = self.game
        return self._reals("observe: observation", game.observe(state), "(runs, views, features)",
                           (len(runs), game.views, game.features))


    def present(self, runs, state):
        return self._flags("present", self.game.present(state), "(runs, agents)", (len(runs), self.game.agents))

    def to_act(self, runs, state):
        return self._flags("to_act", self.game.to_act(state), "(runs, agents)", (len(runs), self.game.agents))

    def legal(self, runs, state):
        return self._flags("legal", self.game.legal(state), "(runs, agents, actions)",
                           (len(runs), self.game.agents, self.game.max_actions))

    @staticmethod
    def _flags(name, value, axes, shape):
        array = np.asarray(value)
        if array.dtype != bool:
            raise TypeError(f"{name}: expected bool, got {array.dtype} ({shown(value)})")
        if array.shape != shape:
            raise ValueError(f"{name}: expected shape {axes} = {shape}, got {array.shape}")
        return np.ascontiguousarray(array)


# -- functions that numba compiles ----------------------------------------------------------------------


def _is_jitted(function):
    """Whether a function comes from ``numba.njit``; numba need not be there to ask."""
    return hasattr(function, "py_func") and type(function).__module__.partition(".")[0] == "numba"


@functools.lru_cache(maxsize=256)
def _compiled(what, function, agents, size, views, features, draws, parameters, actions):
    """The C function that calls a function of numba's: its sizes are constants there, and no exception leaves it."""
    numba = extra("numba", "numba", "a game whose functions are numba's")
    kinds, view = numba.types, numba.carray
    reals, ids = (kinds.Array(kind, 1, "C") for kind in (kinds.float64, kinds.int32))
    wanted = {"step": (reals, reals, ids, reals, reals, reals), "start": (reals,) * 4,
              "observe": (reals, reals, kinds.Array(kinds.float64, 2, "C")),
              "present": (reals, reals, kinds.Array(kinds.uint8, 1, "C")),
              "to_act": (reals, reals, kinds.Array(kinds.uint8, 1, "C")),
              "legal": (reals, reals, kinds.Array(kinds.uint8, 2, "C"))}[what]
    try:
        function.compile(wanted)
        returned = function.overloads[wanted].signature.return_type
    except (numba.core.errors.NumbaError, TypeError, RuntimeError, KeyError) as error:
        raise TypeError(f"{what}: numba cannot compile it as {SIGNATURES[what].replace('int ', '', 1)}, on arrays: "
                        f"{error}") from None
    if what == "step" and not isinstance(returned, (kinds.NoneType, kinds.Boolean, kinds.Integer)):
        raise TypeError(f"step: expected it to return True where the game is over, else False; it returns {returned}")
    ends = not isinstance(returned, kinds.NoneType)
    su, sn, bu, bn = draws
    pointer_, ints, flags = (kinds.CPointer(kind) for kind in (kinds.float64, kinds.int32, kinds.uint8))

    # No exception may pass through C: one becomes a status, and the step is repeated where its text can be read.
    if what == "step":
        @numba.cfunc(kinds.int32(pointer_, pointer_, ints, pointer_, pointer_, pointer_, flags))
        def called(p, s, a, u, n, r, over):
            try:
                ended = function(view(p, (parameters,)), view(s, (size,)), view(a, (agents,)), view(u, (su,)),
                                 view(n, (sn,)), view(r, (agents,)))
                if ends:
                    over[0] = 1 if ended else 0
            except Exception:
                return 1
            return 0
    elif what == "start":
        @numba.cfunc(kinds.int32(pointer_, pointer_, pointer_, pointer_))
        def called(p, s, u, n):
            try:
                function(view(p, (parameters,)), view(s, (size,)), view(u, (bu,)), view(n, (bn,)))
            except Exception:
                return 1
            return 0
    elif what in SAYS:
        shape = (agents, actions) if what == "legal" else (agents,)

        @numba.cfunc(kinds.int32(pointer_, pointer_, flags))
        def called(p, s, said):
            try:
                function(view(p, (parameters,)), view(s, (size,)), view(said, shape))
            except Exception:
                return 1
            return 0
    else:
        @numba.cfunc(kinds.int32(pointer_, pointer_, pointer_))
        def called(p, s, o):
            try:
                function(view(p, (parameters,)), view(s, (size,)), view(o, (views, features)))
            except Exception:
                return 1
            return 0
    return called


# -- pointers to C functions ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pointer:
    """The address of a C function: see :func:`pointer`."""

    address: int


def pointer(address):
    """A bare address as a function for :class:`CompiledGame`. Nothing tells its signature: you vouch for it.

    Parameters
    ----------
    address : int
        Of a function of the signature in :data:`SIGNATURES` that lives as long as the game.
    """
    return Pointer(integer("address", address, 1, 2**64 - 1))


_KINDS = {"double": "double", "int": "int32_t", "int32_t": "int32_t", "signed int": "int32_t", "uint8_t": "uint8_t",
          "unsigned char": "uint8_t"}


def _parsed(text):
    """A C signature such as "int (double *, int32_t const *)" as (what is returned, (what is given, ...))."""
    found = re.fullmatch(r"(.*)\(([^()]*)\)[^()]*", text, re.S)
    if not found:
        return None

    def plain(part):
        words = [w for w in part.replace("*", " * ").split() if w not in ("const", "restrict", "__restrict")]
        kind = words[:words.index("*")] if "*" in words else words
        if len(kind) > 1 and " ".join(kind) not in _KINDS:
            kind = kind[:-1]                    # the last word is a name
        kind = " ".join(kind)
        return _KINDS.get(kind, kind) + " *" * words.count("*")

    returned, given = re.sub(r"\(\s*\*\s*\w*\s*\)", "", found.group(1)), found.group(2).split(",")
    return plain(returned), tuple(plain(part) for part in given)


def _written(signature):
    return f"{signature[0]} ({', '.join(signature[1])})"


_WANTED = {what: _parsed(text) for what, text in SIGNATURES.items()}


def _of_ctypes(function):
    """(address, signature) of a function of ctypes; the signature is None where it was never set."""
    def plain(kind):
        if kind is None:
            return "void"
        if issubclass(kind, ctypes._Pointer):
            return f"{plain(kind._type_)} *"
        if hasattr(kind, "_dtype_"):            # numpy.ctypeslib.ndpointer
            return f"{ {'float64': 'double', 'int32': 'int32_t', 'uint8': 'uint8_t'}.get(str(kind._dtype_)) } *"
        return {ctypes.c_double: "double", ctypes.c_int: "int32_t", ctypes.c_ubyte: "uint8_t",
                ctypes.c_void_p: "void *"}.get(kind, kind.__name__)

    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    if not function.argtypes:
        return address, None
    return address, (plain(function.restype), tuple(plain(kind) for kind in function.argtypes))


def _of_capsule(capsule):
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    text = name(capsule)
    return address(capsule, text) or 0, _parsed((text or b"").decode(errors="replace"))


def _of_cffi(function):
    backend = sys.modules["_cffi_backend"]
    kind = backend.typeof(function)
    if kind.kind == "pointer" and kind.item.kind == "function":
        kind = kind.item
    if kind.kind != "function":
        return 0, None
    address = int(backend.cast(backend.new_primitive_type("uintptr_t"), function))
    return address, _parsed(f"{kind.result.cname} ({', '.join(arg.cname for arg in kind.args)})")


def _address(what, function):
    """The address of a C function of the signature that ``what`` has; anything else is refused."""
    module = type(function).__module__.partition(".")[0]
    if isinstance(function, Pointer):
        return function.address
    if type(function).__name__ == "LowLevelCallable" and module == "scipy":
        if function.user_data is not None:
            raise ValueError(f"{what}: a LowLevelCallable's user_data would not be passed on; use parameters=")
        function = tuple.__getitem__(function, 0)
    if module == "numba" and hasattr(function, "address"):
        address, came = _of_ctypes(function.ctypes)
    elif isinstance(function, ctypes._CFuncPtr):
        if function._flags_ & 4:
            raise TypeError(f"{what}: a function of ctypes.PyDLL needs Python's lock, which training does not hold; "
                            "load it with ctypes.CDLL")
        address, came = _of_ctypes(function)
        if came is None:
            raise TypeError(f"{what}: nothing says what this ctypes function is given; set its argtypes "
                            f"(and restype) to {_written(_WANTED[what])}")
    elif type(function).__name__ == "PyCapsule":
        address, came = _of_capsule(function)
    elif module == "_cffi_backend" and "CData" in type(function).__name__:
        address, came = _of_cffi(function)
    elif isinstance(function, (int, np.integer)) and not isinstance(function, bool):
        raise TypeError(f"{what}: nothing says what the function at address {function} is given; "
                        "marlfast.games.own.pointer(address) says that you vouch for it")
    else:
        hint = "of cffi's lib, give ffi.addressof(lib, name)" if isinstance(function, types.BuiltinFunctionType) else \
            "decorate it with numba.njit, or use NumPyGame" if callable(function) else \
            "see marlfast.games.own.CompiledGame"
        raise TypeError(f"{what}: expected a compiled function, got {shown(function)}; {hint}")
    if came != _WANTED[what]:
        raise TypeError(f"{what}: expected a C function {_written(_WANTED[what])}, got "
                        f"{'one of no known signature' if came is None else _written(came)}")
    if not address:
        raise ValueError(f"{what}: its address is 0")
    return address


def get_include():
    """The folder that holds marlfast's headers, for ``cythonize(..., include_path=[...])`` of a package of your own."""
    from pathlib import Path

    return str(Path(__file__).resolve().parents[2])


# -- playing by itself, between guards ------------------------------------------------------------------


def check(game, steps=2000, seed=0, isolate=False):
    """Play a game of one's own by itself, by random actions, and look at everything that its functions do.

    What they must not: write outside what they are given, or into what they may only read; leave a part of what
    they must write unwritten; give other results when called again with the same numbers; give numbers that are not
    finite, or break the game's own bounds.

    Parameters
    ----------
    game : CompiledGame or NumPyGame
    steps : int
    seed : int
    isolate : bool
        Play in a process of its own, so that a crash there is an error here (where the system can fork). Without,
        a function that writes far away may end this process.

    Raises
    ------
    ValueError
        In one sentence: which function, and what it did. An exception of the functions themselves is raised as it is.
    """
    if not isinstance(game, _Own):
        raise TypeError(f"game: expected a CompiledGame or a NumPyGame, got {shown(game)}")
    steps, seed, isolate = integer("steps", steps, 1), integer("seed", seed, 0), flag("isolate", isolate)
    if isolate:
        _apart(lambda: _Shadow(game, seed).play(steps, True))
    else:
        _Shadow(game, seed).play(steps, True)


def _apart(work):
    """Do work in a forked process; raise what it raised, or what ended it."""
    import multiprocessing
    import signal
    import warnings

    if "fork" not in multiprocessing.get_all_start_methods():
        raise ValueError("isolate: this system cannot fork a process; check without it")
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def child():
        try:
            work()
            there.send(None)
        except Exception as error:
            there.send((type(error).__name__, str(error), isinstance(error, ValueError)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)     # of forking with threads about; the child uses none
        process = context.Process(target=child)
        process.start()
    there.close()
    try:
        said = here.recv()
    except EOFError:
        said = ()
    process.join()
    if said == ():
        code = process.exitcode
        how = f"signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        raise ValueError(f"the game's functions ended their process ({how}): they write or read far outside what they "
                         "are given")
    if said is not None:
        name, text, plain = said
        raise ValueError(text if plain else f"{name}: {text}")


class _Guarded:
    """An array between guards."""

    ROOM = 4096

    def __init__(self, shape, dtype):
        self.size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.memory = np.full(2 * self.ROOM + self.size, 0xA5, np.uint8)
        self.array = np.ndarray(shape, dtype, self.memory, self.ROOM)

    def broken(self):
        """Where a guard is not what it was: a text, or None."""
        if (self.memory[:self.ROOM] != 0xA5).any():
            return "before the beginning"
        if (self.memory[self.ROOM + self.size:] != 0xA5).any():
            return "past the end"
        return None


# What each function is given, and what of it it writes.
_GIVEN = {"start": ("state", "uniforms", "normals"),
          "step": ("state", "actions", "uniforms", "normals", "rewards", "terminated"),
          "observe": ("state", "observation"), **{what: ("state", what) for what in SAYS}}
_WRITES = {"start": ("state",), "step": ("state", "rewards", "terminated"), "observe": ("observation",),
           **{what: (what,) for what in SAYS}}


class _Failed(Exception):
    """The game's own code raised, or returned a status."""


class _Shadow:
    """One run of a game between guards, played by random actions."""

    def __init__(self, game, seed):
        self.game, self.generator = game, np.random.default_rng(seed)
        n, v, d = game.agents, game.views, game.features
        self.arrays = {"state": _Guarded((1, game.state_size), np.float64), "actions": _Guarded((1, n), np.int32),
                       "rewards": _Guarded((1, n), np.float64), "terminated": _Guarded((1,), np.bool_),
                       "observation": _Guarded((1, v, d), np.float64), "present": _Guarded((1, n), np.bool_),
                       "to_act": _Guarded((1, n), np.bool_), "legal": _Guarded((1, n, game.max_actions), np.bool_)}
        for what in SAYS:
            self.arrays[what].array[:] = True
        if isinstance(game, CompiledGame):
            self.arrays["parameters"] = _Guarded(game.parameters.shape, np.float64)
            self.arrays["parameters"].array[:] = game.parameters
            self.kernel = game._kernel("numpy", self.arrays["parameters"].array)
        else:
            self.kernel = game._kernel("numpy")
        self.draws = {what: (_Guarded((1, u), np.float64), _Guarded((1, m), np.float64)) for what, u, m in (
            ("step", game.step_uniforms, game.step_normals), ("start", game.start_uniforms, game.start_normals))}

    def __getitem__(self, name):
        return self.arrays[name].array

    def play(self, steps, strict):
        """Play; ``strict``: own exceptions and numbers that are not finite are errors here, not left to training."""
        try:
            begun, played = False, 0
            for _ in range(steps):
                if not begun:
                    self.once("start", strict)
                    self.once("observe", strict)
                    played = 0
                for what in self.game.participation:
                    self.once(what, strict)
                if not self.choose():
                    return
                self.once("step", strict)
                self.once("observe", strict)
                played += 1
                begun = not self["terminated"][0] and played != self.game.horizon and self.somebody()
        except _Failed as failed:
            if strict:
                raise failed.args[0] from None

    def choose(self):
        """Actions by chance, of what is legal; False where an agent who is to act has none."""
        draws = self.generator.random(self.game.agents)
        self["actions"][0] = draws * self.game.action_counts
        if not self.game.participation:
            return True
        acts = self["present"][0] & self["to_act"][0]
        legal = self["legal"][0] & (np.arange(self.game.max_actions) < self.game.action_counts[:, None])
        for i, (share, own) in enumerate(zip(draws, legal, strict=True)):
            places = np.flatnonzero(own)
            if acts[i] and not len(places):
                return False            # which the loop says, with run, step and agent
            self["actions"][0, i] = places[int(share * len(places))] if acts[i] else -1
        return True

    def somebody(self):
        """Whether anybody is in the game now."""
        if "present" not in self.game.participation:
            return True
        self.once("present", False)
        return bool(self["present"].any())

    def once(self, what, strict):
        """Call one function three times with the same numbers, and look at what it did."""
        if what in OPTIONAL and getattr(self.game, what) is None:
            return
        if what in self.draws:
            uniforms, normals = self.draws[what]
            uniforms.array[:] = self.generator.random(uniforms.array.shape)
            normals.array[:] = self.generator.standard_normal(normals.array.shape)
            self.arrays |= {"uniforms": uniforms, "normals": normals}
        before = {name: guarded.array.copy() for name, guarded in self.arrays.items()}
        first, second = self.outcome(what, before, np.nan), self.outcome(what, before, 7.0)
        for name in _WRITES[what]:
            if first[name] != second[name]:
                again = self.outcome(what, before, np.nan)
                if again[name] == first[name]:
                    raise ValueError(f"{what} leaves a part of {name} unwritten, or reads it before it writes it; "
                                     "what stood there before is left from another call")
                raise ValueError(f"{what} gives another {name} when it is called again with the same numbers; it must "
                                 "keep nothing between calls, and take all chance from its draws")
        if strict:
            self.look(what)

    def outcome(self, what, before, garbage):
        """One call: what it wrote, as bytes."""
        for name, value in before.items():
            self[name][...] = value
        for name in _WRITES[what]:
            if name in SAYS:
                self[name].view(np.uint8)[...] = 0 if garbage == 7.0 else 1
            elif name not in _GIVEN[what] or name == "terminated":
                self[name][...] = False
            elif name != "state" or what == "start":
                self[name][...] = garbage
        kept = {name: guarded.array.tobytes() for name, guarded in self.arrays.items() if name not in _WRITES[what]}
        runs = np.zeros(1, np.int64)
        status = getattr(self.kernel, f"stage_{what}")(runs, *(self[name] for name in _GIVEN[what]))
        for name, guarded in self.arrays.items():
            where = guarded.broken()
            if where:
                raise ValueError(f"{what} writes {where} of {name}, which has {guarded.array.size} numbers")
            if name in kept and guarded.array.tobytes() != kept[name]:
                raise ValueError(f"{what} writes into {name}, which it may only read")
        if status[0]:
            raise _Failed(self.kernel.failures.pop(0))
        return {name: self[name].tobytes() for name in _WRITES[what]}

    def look(self, what):
        """Whether what a function wrote is what the game says of itself."""
        game = self.game
        for name in _WRITES[what]:
            if name not in SAYS and not np.isfinite(self[name]).all():
                raise ValueError(f"{what} writes {name} {shown(self[name].ravel().tolist())}: expected finite numbers")
        if what == "step":
            rewards = self["rewards"][0]
            if game.reward_bounds is not None and not (
                    game.reward_bounds[0] <= rewards.min() and rewards.max() <= game.reward_bounds[1]):
                raise ValueError(f"step writes rewards {shown(rewards.tolist())} outside reward_bounds "
                                 f"{game.reward_bounds}")
            if game.setting == "cooperative" and (rewards != rewards[0]).any():
                raise ValueError(f"step writes rewards {shown(rewards.tolist())} in a game whose setting is "
                                 "'cooperative': all agents earn the same there")
            if self["terminated"][0] and not game.terminates:
                raise ValueError("step says that the game is over, but the game says terminates=False")
        obs = self["observation" if game.observe is not None else "state"]
        if what == "observe" or what != "observe" and game.observe is None:
            if game.observations is not None and not (
                    (obs == np.floor(obs)) & (obs >= 0) & (obs < game.observations)).all():
                raise ValueError(f"{what} gives the observation {shown(obs.ravel().tolist())}: expected whole numbers "
                                 f"from 0 to {game.observations - 1}")
            if game.bounds is not None and not ((obs >= game.bounds[0]) & (obs <= game.bounds[1])).all():
                raise ValueError(f"{what} gives the observation {shown(obs.ravel().tolist())} outside bounds")
