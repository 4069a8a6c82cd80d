"""Kernels of mean field learners and of hierarchical teams called with anything: the same outcome in both backends."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import random_markov

import marlfast as mf
from learners.test_alike import CHOICES, REALS, ROWS, _hostile
from marlfast.learners import SARSA, phc
from marlfast.learners.base import Seats
from marlfast.learners.hierarchy import Hierarchy
from marlfast.learners.mean_field import MeanFieldAC, MeanFieldQ

EXPLORE = mf.EpsilonGreedy(0.4)
LEARNERS = {
    "q": MeanFieldQ(0.3), "q, others": MeanFieldQ(0.3, explore=EXPLORE, neighbours="others", share="all"),
    "q, one": MeanFieldQ(0.3, neighbours=[[], [0]]), "ac": MeanFieldAC(0.3, 0.4),
    "ac, others": MeanFieldAC(0.3, 0.4, neighbours="others", share="all"),
    "iql": Hierarchy(mf.IQL(explore=EXPLORE), 2, 2, mf.IQL(explore=EXPLORE), teams="all"),
    "each": Hierarchy(mf.IQL(share="all"), 3, 1, mf.IQL(), each=True, teams=[[1, 0]]),
    "reward": Hierarchy(SARSA(), 2, 3, mf.IQL(), teams=[[0], [1]], goal_reward=np.ones((2, 2))),
    "phc": Hierarchy(phc.PHC(), 1, 2, mf.IQL(), teams="all"),
}
SCHEDULES = (".value", ".ticks")


@settings(max_examples=80)
@given(st.sampled_from(sorted(LEARNERS)), st.booleans(), st.data())
def test_kernels_take_anything_alike(name, learning, data):
    """One run of two agents, whose state, draws, rows, actions and rewards hold anything."""
    learner = LEARNERS[name]
    seats = Seats(random_markov(4, (3, 3)), mf.rewards.individual())
    arrays = learner.allocate(seats, 2)
    learner.derive(seats, arrays, "numpy")
    for key, array in arrays.items():
        # Greedy actions must be those of the values, and policies are never read but where they were written.
        if not key.endswith(SCHEDULES) and key.rpartition(".")[2] not in ("q", "greedy", "logits", "policy"):
            _hostile(data, array)
    if name.startswith("ac"):
        _hostile(data, arrays["q"])
    draws = np.array([[[data.draw(REALS) for _ in range(learner.draws())] for _ in range(2)]])
    rows, next_rows, taken = (np.array([[data.draw(values) for _ in range(2)]], np.int32)
                              for values in (ROWS, ROWS, CHOICES))
    rewards, over = np.array([[data.draw(REALS) for _ in range(2)]]), np.array([data.draw(st.booleans())])
    ended = over | data.draw(st.booleans())
    outcomes = []
    for backend in ("cython", "numpy"):
        own = {key: array.copy() for key, array in arrays.items()}
        kernel, = learner.bind(seats, own, backend, learning=learning)
        actions, changed, said = np.full((1, 2), -9, np.int32), np.zeros(1, bool), []
        for call, arguments in ((kernel.act, (rows, draws, actions)), (kernel.update, (
                rows, taken, rewards, next_rows, over, changed)), (kernel.tick, (ended,))):
            try:
                call(*arguments)
                said.append("fine")
            except ValueError as error:
                said.append(str(error))
        if said[0] != "fine":
            actions[:] = 0      # of a run that failed nothing is used
        if said[1] != "fine":
            changed[:] = False
        # A NaN is a NaN, whatever its sign.
        held = {key: np.where(np.isnan(array), np.nan, array) if array.dtype.kind == "f" else array
                for key, array in own.items()}
        outcomes.append((said, actions.tolist(), changed.tolist(),
                         {key: np.ascontiguousarray(array).tobytes() for key, array in held.items()}
                         if said == ["fine"] * 3 else {}))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", ["q, one", "iql", "reward", "phc"])
def test_agents_may_have_different_numbers_of_actions(name):
    game = random_markov(4, (3, 2) if name != "q, one" else (2, 3), states=2)
    one, other = (mf.train(game, LEARNERS[name], steps=60, runs=2, backend=backend) for backend in ("cython", "numpy"))
    assert one.steps.tolist() == [60, 60] and one.returns.tobytes() == other.returns.tobytes()
