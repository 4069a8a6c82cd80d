"""What the tests of both adapters share."""
import contextlib
import warnings
from dataclasses import dataclass

import numpy as np

import marlfast as mf
from marlfast.reference import kernels as twins

#: Agents with different numbers of actions, chance, and ends both by the game and by the horizon.
UNEVEN = mf.games.MarkovGame(
    np.random.default_rng(5).dirichlet(np.ones(4), (4, 6)), np.random.default_rng(6).normal(size=(4, 6, 2)), (2, 3),
    start=[0.5, 0.5, 0.0, 0.0], terminal=[False, False, False, True], horizon=5)
#: Real observations without bounds, the same actions for all.
DRIFT = mf.games.Drift(agents=3, horizon=4)


class _SidesTwin(twins.Game):
    def __init__(self):
        self._declare(2, 2, 2, 1, (0, 0, 2, 0))

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = np.floor(3 * uniforms)
        return twins.fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        state[:] = np.minimum(state + actions, 6)
        rewards[:] = state - 10.0 * actions
        terminated[:] = (state == 6).all(axis=1)
        return twins.fine(len(runs))

    def stage_observe(self, runs, state, observation):
        observation[:, :, 0] = state
        return twins.fine(len(runs))


@dataclass(frozen=True, repr=False, eq=False)
class Sides(mf.games.Game):
    """Each agent has its own view: where it stands, 0 to 6. Only in NumPy; not registered, since it is a test's."""

    agents, features, views, observations, horizon = 2, 1, 2, 7, 6
    action_counts = np.array([3, 3], np.int32)

    def __post_init__(self):
        self._set(name="sides")

    def kernel(self, backend="numpy"):
        return _SidesTwin()


SIDES = Sides()


def kinds(game):
    """The kinds of observations that a game can be shown with."""
    return ["vector"] if game.observations is None else ["index", "one_hot", "vector"]


def wanted(game, kind, observation):
    """Views float64 [V, D] as they should be shown, written anew: a list of arrays."""
    if kind == "vector":
        return [np.array([np.float32(x) for x in view], np.float32) for view in observation]
    if kind == "index":
        return [np.array(int(view[0])) for view in observation]
    return [np.array([float(k == view[0]) for k in range(game.observations)], np.float32) for view in observation]


@contextlib.contextmanager
def no_warnings(game, kind):
    """Warnings are errors, but for advice against what a game simply has, which its facts explain."""
    size = {"index": 0, "one_hot": game.observations, "vector": game.features}[kind]
    # A state may be number 0 or one number, and no game says bounds of its state.
    advice = ["Observation numpy array is all zeros", "State numpy array is all zeros", "State is a single number",
              "Environment's minimum state space value is -inf", "Environment's maximum state space value is inf"]
    if size == 1:
        advice += ["Observation is a single number"]
    if size and game.observations == 1:
        advice += [".*maximum and minimum .*values are equal", ".*maximum and minimum values are equal"]
    if kind == "vector" and game.observations is None:
        low, high = game.bounds or ([-np.inf], [np.inf])
        if np.isinf(low).any() or np.isinf(high).any():
            advice += [".*minimum observation space value is -inf", ".*maximum observation space value is inf",
                       ".*observation space minimum value is -inf", ".*observation space maximum value is inf"]
        if (np.asarray(low) == np.asarray(high)).any():
            advice += [".*maximum and minimum .*values are equal"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for message in advice:
            warnings.filterwarnings("ignore", message)
        yield
