"""Games of one's own in NumPy: the twin of ``src/_own.pyx``."""
import ctypes
from functools import partial

import numpy as np

from marlfast.reference.kernels import OWN_ERROR, Game, check, fine

_START = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)
_STEP = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 7)
_OBSERVE = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)


def _sound(agents, state_size, views, features, draws, observes, how):
    """Refuse facts that do not fit together."""
    if min(agents, state_size, views, features) < 1 or views not in (1, agents):
        raise ValueError(f"agents, state_size, views, features: expected at least 1 each, views 1 or one an agent, "
                         f"got {agents}, {state_size}, {views}, {features}")
    if not observes and (views, features) != (1, state_size):
        raise ValueError(f"observe: views and features other than the state's take a function that {how} them")
    if len(draws) != 4 or min(draws) < 0:
        raise ValueError(f"draws: expected four numbers, at least 0 each, got {draws}")


def _rows(array):
    """The address of each run's entry, one after the other; the array must outlive it."""
    return (array.ctypes.data + r * array.strides[0] for r in range(len(array)))


class Compiled(Game):
    """A game whose functions are C functions for one run: see :class:`marlfast.games.own.CompiledGame`.

    Parameters
    ----------
    step, start, observe : int
        Their addresses; ``observe`` 0: all see the state as it is. Whoever gives an address vouches for it.
    parameters : float64 [P]
        Passed to each of them.
    agents, state_size, views, features : int
        At least 1 each.
    draws : (int, int, int, int)
        Uniforms and normals of a step, then of a start.
    repeat : callable, optional
        ``repeat(what, state, actions, uniforms, normals)`` gives the exception of a call that returned a status.
    functions : object
        What keeps the addresses valid: held as long as the kernel.
    present, to_act, legal : int
        Addresses, too; 0: all are in the game, all act, all actions are allowed.
    max_actions : int
        A, the greatest number of actions; where there is ``legal``.
    """

    def __init__(self, *, step, start, observe, parameters, agents, state_size, views, features, draws, repeat,
                 functions, present=0, to_act=0, legal=0, max_actions=0):
        check(parameters, "parameters", "float64", (-1,), False)
        if step == 0 or start == 0:
            raise ValueError("step, start: expected the address of a function, got 0")
        _sound(agents, state_size, views, features, draws, observe != 0, "writes")
        self._step, self._start, self._observe = _STEP(step), _START(start), _OBSERVE(observe) if observe else None
        if legal and max_actions < 1:
            raise ValueError(f"max_actions: expected at least 1 where there is legal, got {max_actions}")
        for what, address in (("present", present), ("to_act", to_act), ("legal", legal)):
            if address:
                setattr(self, f"stage_{what}", partial(self._say, what, _OBSERVE(address)))
        self.max_actions = max_actions if legal else 0
        self.parameters, self.repeat, self.held, self.failures = parameters, repeat, functions, {}
        self._declare(agents, state_size, views, features, tuple(draws))

    def _failed(self, run, what, status, state, actions, uniforms, normals):
        """Keep the exception of one run whose function returned a status."""
        failure = None
        if self.repeat is not None:
            failure = self.repeat(what, state, actions, uniforms, normals)
        self.failures[int(run)] = RuntimeError(f"{what} returned {status}") if failure is None else failure

    def stage_start(self, runs, state, uniforms, normals):
        uniforms, normals = np.ascontiguousarray(uniforms), np.ascontiguousarray(normals)
        status = fine(len(runs))
        for k, (s, u, n) in enumerate(zip(_rows(state), _rows(uniforms), _rows(normals), strict=True)):
            returned = self._start(self.parameters.ctypes.data, s, u, n)
            if returned:
                status[k] = OWN_ERROR
                self._failed(runs[k], "start", returned, None, None, uniforms[k].copy(), normals[k].copy())
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        actions, uniforms, normals = (np.ascontiguousarray(a) for a in (actions, uniforms, normals))
        status, over, at = fine(len(runs)), terminated.view(np.uint8), self.parameters.ctypes.data
        over[:] = 0
        for k, places in enumerate(zip(*(_rows(a) for a in (state, actions, uniforms, normals, rewards, over)),
                                       strict=True)):
            before = state[k].copy()        # a failing step leaves the state as it was
            returned = self._step(at, *places)
            if returned:
                status[k], state[k], over[k] = OWN_ERROR, before, 0
                self._failed(runs[k], "step", returned, before, actions[k].copy(), uniforms[k].copy(),
                             normals[k].copy())
        over[:] = over != 0
        return status

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        if self._observe is None:
            observation[:, 0] = state
            return status
        state = np.ascontiguousarray(state)
        for k, (s, o) in enumerate(zip(_rows(state), _rows(observation), strict=True)):
            returned = self._observe(self.parameters.ctypes.data, s, o)
            if returned:
                status[k] = OWN_ERROR
                self._failed(runs[k], "observe", returned, state[k].copy(), None, None, None)
        return status


    def _say(self, what, call, runs, state, said):
        status, state, bytes_ = fine(len(runs)), np.ascontiguousarray(state), said.view(np.uint8)
        for k, (s, o) in enumerate(zip(_rows(state), _rows(said), strict=True)):
            returned = call(self.parameters.ctypes.data, s, o)
            if returned:
                status[k] = OWN_ERROR
                self._failed(runs[k], what, returned, state[k].copy(), None, None, None)
        bytes_[:] = bytes_ != 0
        return status


class Python(Game):
    """A game that a Python object plays, for many runs at once.

    Parameters
    ----------
    player : object
        With the methods below. Arrays that it is given are its own; those that it returns are C-contiguous, of exactly
        the type and shape that is said here. ``runs`` (int64 [n]) says which runs of the session they are.

        - ``start(runs, uniforms [n, start_uniforms], normals [n, start_normals]) -> state``, float64 [n, S]
        - ``step(runs, state [n, S], actions [n, N], uniforms [n, step_uniforms], normals [n, step_normals])
          -> (state float64 [n, S], rewards float64 [n, N], terminated bool [n])``
        - ``observe(runs, state [n, S]) -> observation``, float64 [n, V, D]; or None in its place: all see the state
        - ``present(runs, state) -> bool [n, N]``, ``to_act(runs, state) -> bool [n, N]``, ``legal(runs, state) -> bool
          [n, N, A]``, ``truncated(runs, state) -> bool [n]``; or None, or nothing: see
          :attr:`marlfast.games.Game.participation`
    agents, state_size, views, features : int
        N, S, V and D; at least 1 each.
    draws : (int, int, int, int)
        Uniforms and normals of a step, then of a start.
    lockstep : bool
        True: called for many runs at once; where that raises, once more for each of them alone, so that only
        those at fault stop. The player must then keep nothing between calls. False: always called for one run.
    max_actions : int
        A, the greatest number of actions; where there is ``legal``.
    """

    serial = True

    def __init__(self, player, agents, state_size, views, features, draws, lockstep, max_actions=0):
        _sound(agents, state_size, views, features, draws, player.observe is not None, "gives")
        shapes = {"present": (agents,), "to_act": (agents,), "legal": (agents, max_actions), "truncated": ()}
        for what, shape in shapes.items():
            if getattr(player, what, None) is not None:
                if what == "legal" and max_actions < 1:
                    raise ValueError(f"max_actions: expected at least 1 where there is legal, got {max_actions}")
                setattr(self, f"stage_{what}", partial(self._say, what, shape))
        self.max_actions = max_actions if self.stage_legal is not None else 0
        self.player, self.lockstep, self.failures = player, lockstep, {}
        self._declare(agents, state_size, views, features, tuple(draws))

    def _play(self, runs, call):
        """Status of each run after ``call(where)``, where: an array of places among them."""
        each = np.arange(len(runs))
        if self.lockstep and len(runs) > 1:
            try:
                call(each)
                return fine(len(runs))
            except Exception:       # whose fault it is, the next lines find out
                pass
        status = fine(len(runs))
        for k in each:
            try:
                call(each[k:k + 1])
            except Exception as error:
                self.failures[int(runs[k])] = error
                status[k] = OWN_ERROR
        return status

    def stage_start(self, runs, state, uniforms, normals):
        def call(where):
            state[where] = check(self.player.start(runs[where], uniforms[where], normals[where]), "start: state",
                                 "float64", (len(where), self.state_size), False)
        return self._play(runs, call)

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        def call(where):
            answer = self.player.step(runs[where], state[where], actions[where], uniforms[where], normals[where])
            if not isinstance(answer, tuple) or len(answer) != 3:
                raise TypeError("step: expected (state, rewards, terminated)")
            n = len(where)
            made = check(answer[0], "step: state", "float64", (n, self.state_size), False)
            earned = check(answer[1], "step: rewards", "float64", (n, self.agents), False)
            over = check(answer[2], "step: terminated", "bool", (n,), False)
            state[where], rewards[where], terminated[where] = made, earned, over
        return self._play(runs, call)

    def stage_observe(self, runs, state, observation):
        if self.player.observe is None:
            observation[:, 0] = state
            return fine(len(runs))

        def call(where):
            observation[where] = check(self.player.observe(runs[where], state[where]), "observe: observation",
                                       "float64", (len(where), self.views, self.features), False)
        return self._play(runs, call)

    def _say(self, what, shape, runs, state, said):
        def call(where):
            said[where] = check(getattr(self.player, what)(runs[where], state[where]), what, "bool",
                                (len(where), *shape), False)
        return self._play(runs, call)
