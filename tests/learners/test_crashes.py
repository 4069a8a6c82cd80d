"""Kernels of learners called with anything: the same outcome in both backends."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import random_markov

import marlfast as mf
from marlfast.learners import SARSA, phc
from marlfast.learners.base import LearnerContext
from marlfast.learners.coordination import LMRL2, RecursiveFMQ
from marlfast.learners.hierarchy import Hierarchy
from marlfast.learners.mean_field import MeanFieldAC, MeanFieldQ
from marlfast.learners.opponents import (
    Exp3,
    FictitiousPlay,
    FixedPolicy,
    Random,
    RegretMatching,
    TitForTat,
    WinStayLoseShift,
)

S = mf.schedules
REALS = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e300, -1e300, np.nan, np.inf, -np.inf, 5e-324, 1.0 - 2.0**-53])
ROWS = st.sampled_from([0, 0, 0, 1, 1, 2, -1, 2**31 - 1, -2**31])
CHOICES = st.sampled_from([0, 0, 1, 1, 2, 3, -1, 2**31 - 1, -2**31])


def _hostile(data, array):
    """Spoil some numbers of an array."""
    for _ in range(data.draw(st.integers(0, 3))):
        at = np.unravel_index(data.draw(st.integers(0, array.size - 1)), array.shape)
        array[at] = data.draw(REALS) if array.dtype.kind == "f" else data.draw(
            st.sampled_from([0, 1, 2, 3, 4, -1, 2**31 - 1]))


PAYOFFS = np.random.default_rng(5).normal(size=(2, 3, 3))
# Random ties are Q-learning's own, which other tests call with anything that is a draw.
ALONE = {
    "phc": phc.PHC(0.3, delta=0.1), "phc, schedules": phc.PHC(
        S.Harmonic(0.5, 0.1), explore=mf.EpsilonGreedy(0.8, decay=0.9, per="step", strict=False),
        delta=S.Linear(0.5, 0.0, 9, per="episode"), share="all"),
    "wolf": phc.WoLFPHC(0.3, delta_win=S.Exponential(0.5, 0.9), delta_lose=0.6), "lmrl2": LMRL2(),
    "lmrl2, cold": LMRL2(0.5, max_temperature=3.0, temperature_decay=0.9, diffusion=0.5, share="all", initial_q=2.0),
    "fmq": RecursiveFMQ(0.3, discount=0.9, share="all"), "random": Random(), "fixed": FixedPolicy([0.2, 0.0, 0.8]),
    "tit for tat": TitForTat(opening=1), "stay or shift": WinStayLoseShift(0.5),
    "fictitious play": FictitiousPlay(PAYOFFS[0], initial=[0.0, 0.5, 0.1]),
    "internal regret": RegretMatching(PAYOFFS[1]), "external regret": RegretMatching(PAYOFFS[1], regret="external"),
    "inert": RegretMatching(PAYOFFS[0], inertia=0.5), "exp3": Exp3(0.3),
}


def outcome(kernel, own, acted, learned, ended, all_three=False):
    """What a kernel says and does when it acts, learns and ticks once; its arrays, where it learned (and ticked)."""
    actions, changed, said = np.full((1, 2), -9, np.int32), np.zeros(1, bool), []
    for call, arguments in ((kernel.act, (*acted, actions)), (kernel.update, (*learned, changed)),
                            (kernel.tick, (ended,))):
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
    sound = said == ["fine"] * 3 if all_three else said[1] == "fine"
    return said, actions.tolist(), changed.tolist(), {
        key: np.ascontiguousarray(array).tobytes() for key, array in held.items()} if sound else {}


@settings(max_examples=60)
@given(st.sampled_from(sorted(ALONE)), st.data())
def test_kernels_take_anything_alike(name, data):
    """One run of two agents, whose state, draws, rows, actions and rewards hold anything: the same outcome in both."""
    learner = ALONE[name]
    context = mf.learners.base.LearnerContext(random_markov(4, (3, 3)), mf.rewards.individual())
    arrays = learner.allocate(context, 2)
    learner.derive(context, arrays, "numpy")
    for key, array in arrays.items():
        # The greedy actions must be those of the values: Q-learning's faster way finds them again at every write.
        if not key.endswith((".value", ".ticks")) and key not in ("q", "greedy"):
            _hostile(data, array)
    draws = np.array([[[data.draw(REALS) for _ in range(learner.draws())] for _ in range(2)]])
    rows, next_rows, taken = (np.array([[data.draw(values) for _ in range(2)]], np.int32)
                              for values in (ROWS, ROWS, CHOICES))
    rewards, over = np.array([[data.draw(REALS) for _ in range(2)]]), np.array([data.draw(st.booleans())])
    outcomes = []
    for backend in ("cython", "numpy"):
        own = {key: array.copy() for key, array in arrays.items()}
        if "q" in own:
            own |= dict(zip(("q", "greedy", "visits"), _packed(own), strict=True))
        kernel = learner.bind(context, own, backend)[0]
        outcomes.append(outcome(kernel, own, (rows, draws), (rows, taken, rewards, next_rows, over), over))
    assert outcomes[0] == outcomes[1]


def _packed(arrays):
    from marlfast.learners.tabular import packed_tables

    tables = packed_tables(arrays["q"].shape)
    for key, table in tables.items():
        table[...] = arrays[key]
    return tables.values()


# -- mean field learners, hierarchical teams ---------------------------------------------------------

EXPLORE = mf.EpsilonGreedy(0.4)
INNER = {
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
@given(st.sampled_from(sorted(INNER)), st.booleans(), st.data())
def test_kernels_of_members_and_of_mean_fields_take_anything_alike(name, learning, data):
    """One run of two agents, whose state, draws, rows, actions and rewards hold anything."""
    learner = INNER[name]
    context = LearnerContext(random_markov(4, (3, 3)), mf.rewards.individual())
    arrays = learner.allocate(context, 2)
    learner.derive(context, arrays, "numpy")
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
        kernel, = learner.bind(context, own, backend, learning=learning)
        outcomes.append(outcome(kernel, own, (rows, draws), (rows, taken, rewards, next_rows, over), ended, True))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", ["q, one", "iql", "reward", "phc"])
def test_agents_may_have_different_numbers_of_actions(name):
    game = random_markov(4, (3, 2) if name != "q, one" else (2, 3), states=2)
    one, other = (mf.train(game, INNER[name], steps=60, runs=2, backend=backend) for backend in ("cython", "numpy"))
    assert one.steps.tolist() == [60, 60] and one.returns.tobytes() == other.returns.tobytes()
