"""Learners over joint actions: the kernels, by hand and in both backends, whatever they are called with."""
import math

import numpy as np
import pytest

import marlfast as mf
from marlfast.backends import BACKENDS, kernels
from marlfast.learners.base import LearnerContext
from marlfast.learners.joint import (
    CentralQ,
    CorrelatedQ,
    FriendOrFoe,
    JointActionLearner,
    MinimaxQ,
    NashQ,
)

from .make import schedule


def game_of(*actions):
    """A game with so many actions of each agent; only that is used of it."""
    joint = math.prod(actions)
    # Only its shape is used; players who always earn the same are no foes.
    rewards = np.arange(float(joint))[:, None] * np.where(np.arange(len(actions)) % 2, -1.0, 1.0)
    return mf.games.MarkovGame(np.ones((1, joint, 1)), rewards[None], actions, horizon=1)



class Player:
    """A learner's kernel over arrays of its own, which a test may look at."""

    def __init__(self, backend, learner, actions, rows=2, runs=1, agent_ids=None, structure=None, learning=True,
                 exploration=None):
        self.context = LearnerContext(game_of(*actions), structure or mf.rewards.individual(), runs, agent_ids)
        learner.check(self.context, rows)
        self.arrays = learner.allocate(self.context, rows)
        learner.derive(self.context, self.arrays, backend)
        self.kernel, = learner.bind(self.context, self.arrays, backend, learning=learning, exploration=exploration)
        self.runs, self.agents = runs, len(actions)

    def __getattr__(self, name):
        return self.arrays[name]

    def act(self, rows, draws):
        actions = np.full((self.runs, self.agents), -9, np.int32)
        self.kernel.act(np.array(rows, np.int32), np.array(draws, np.float64), actions)
        return actions.tolist()

    def update(self, rows, actions, rewards, next_rows, terminated=None):
        changed = np.zeros(self.runs, bool)
        over = np.zeros(self.runs, bool) if terminated is None else np.array(terminated)
        self.kernel.update(np.array(rows, np.int32), np.array(actions, np.int32), np.array(rewards, np.float64),
                           np.array(next_rows, np.int32), over, changed)
        return changed.tolist()


HALF = {"learning_rate": 0.5, "discount": 0.5}
FIXED = mf.EpsilonGreedy(0.25, ties="first", draws=2)
TWO_DRAWS = {"explore": mf.EpsilonGreedy(0.2, ties="first", draws=2)}


# -- central Q -----------------------------------------------------------------------------------

def test_central_q_learns_from_the_mean_reward(backend):
    # Joint actions of 2 x 3: (1, 2) is number 5. Old value 2, mean reward (1 + 4) / 2, greatest successor value 8:
    # 2 + 1/2 (5/2 + 1/2 * 8 - 2) = 4.25.
    initial = np.zeros((2, 1, 6))
    initial[0, 0, 5], initial[1, 0, 3] = 2.0, 8.0
    p = Player(backend, CentralQ(**HALF, explore=FIXED, initial_q=initial), (2, 3))
    assert p.greedy[0, :, 0].tolist() == [5, 3] and p.value[0, :, 0].tolist() == [2.0, 8.0]
    assert p.update([[0, 0]], [[1, 2]], [[1.0, 4.0]], [[1, 1]]) == [False]
    assert p.q[0, 0, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 4.25] and p.value[0, 0, 0] == 4.25
    # Terminal, another joint action, (1, 0): 0 + 1/2 (20 - 0) = 10 is greater than 4.25.
    assert p.update([[0, 0]], [[1, 0]], [[30.0, 10.0]], [[1, 1]], [True]) == [True]
    assert (p.greedy[0, 0, 0], p.value[0, 0, 0], p.visits[0, 0, 0]) == (3, 10.0, 2)
    # It falls to 10 + 1/2 (-20 - 10) = -5: back to (1, 2).
    assert p.update([[0, 0]], [[1, 0]], [[-20.0, -20.0]], [[1, 1]], [True]) == [True]
    assert (p.greedy[0, 0, 0], p.value[0, 0, 0]) == (5, 4.25)


def test_central_q_plays_and_explores_as_one(backend):
    initial = np.zeros((1, 6))
    initial[0, 5] = 1.0
    p = Player(backend, CentralQ(explore=FIXED, initial_q=initial), (2, 3))
    assert p.act([[0, 0]], [[[0.25, 0.9], [0.0, 0.9]]]) == [[1, 2]]     # the second agent's draw says nothing
    assert p.act([[0, 0]], [[[0.24, 0.4], [0.9, 0.4]]]) == [[0, 1]]     # floor(.4 * 2), floor(.4 * 3)


def test_central_q_of_some_agents_looks_at_these_only(backend):
    # It leads agents 0 and 2 of three: J = 2 * 4; joint number of (1, -, 3) is 7, reward (1 + 3) / 2.
    p = Player(backend, CentralQ(**HALF, explore=FIXED), (2, 3, 4), agent_ids=(0, 2))
    assert p.q.shape == (1, 2, 1, 8)
    p.update([[0, 0, 0]], [[1, 2, 3]], [[1.0, 99.0, 3.0]], [[1, 1, 1]])
    assert p.q[0, 0, 0].tolist() == [0.0] * 7 + [1.0]
    assert p.act([[0, 0, 0]], [[[0.5, 0.5]] * 3]) == [[1, -9, 3]]


def test_central_q_boltzmann_is_over_joint_actions(backend):
    # exp(ln 3) = 3 to 1 to 1 to 1: joint action 2 from u = 2/6 to 5/6, by the first agent's draw.
    initial = np.zeros((1, 4))
    initial[0, 2] = math.log(3.0)
    p = Player(backend, CentralQ(explore=mf.Boltzmann(1.0), initial_q=initial), (2, 2))
    noted = [p.act([[0, 0]], [[[u], [0.99]]])[0] for u in (0.0, 0.16, 0.17, 0.32, 0.34, 0.82, 0.84, 0.99)]
    assert noted == [[0, 0], [0, 0], [0, 1], [0, 1], [1, 0], [1, 0], [1, 1], [1, 1]]


# -- joint-action learners -----------------------------------------------------------------------

def test_a_joint_action_learner_weighs_by_frequencies(backend):
    # Claus and Boutilier: q by joint action, weighed by how often the other did what it did. Rate 1, no discount.
    p = Player(backend, JointActionLearner(1.0, discount=0.0, explore=FIXED), (2, 2))
    assert p.counts.shape == (1, 2, 2, 2)
    for actions, rewards in (([0, 0], [6.0, 6.0]), ([0, 1], [-3.0, -3.0]), ([1, 1], [1.0, 2.0])):
        p.update([[0, 0]], [actions], [rewards], [[0, 0]])
    assert p.counts[0, 0].tolist() == [[1, 2], [2, 1]]      # of the other: agent 1 did 0 once, 1 twice
    assert p.q[0, 0].tolist() == [[6.0, -3.0, 0.0, 1.0], [6.0, 0.0, -3.0, 2.0]]     # own action first
    # Agent 0: action 0 6/3 - 3 * 2/3 = 0, action 1 0/3 + 2/3. Agent 1: 6 * 2/3 + 0/3 = 4, -3 * 2/3 + 2/3 = -4/3.
    assert p.expected[0, 0] == pytest.approx(np.array([[0.0, 2 / 3], [4.0, -4 / 3]]), abs=1e-15)
    assert p.greedy[0, 0].tolist() == [1, 0] and p.value[0, 0] == pytest.approx([2 / 3, 4.0])
    assert p.act([[0, 0]], [[[0.9, 0.0], [0.9, 0.0]]]) == [[1, 0]]


def test_a_joint_action_learner_bootstraps_from_the_expected_value(backend):
    # Row 1: q = [[2, 4], [0, 8]], the other unseen: both as likely, 3 and 4. 0 + 1/2 (1 + 1/2 * 4) = 1.5.
    initial = np.zeros((2, 1, 4))
    initial[1, 0] = [2.0, 4.0, 0.0, 8.0]
    p = Player(backend, JointActionLearner(**HALF, explore=FIXED, initial_q=initial), (2, 2), agent_ids=(0,))
    assert p.expected[0, 1, 0].tolist() == [3.0, 4.0] and p.value[0, 1, 0] == 4.0
    p.update([[0, 0]], [[1, 0]], [[1.0, 7.0]], [[1, 1]])
    assert p.q[0, 0, 0].tolist() == [0.0, 0.0, 1.5, 0.0] and p.expected[0, 0, 0].tolist() == [0.0, 1.5]
    p.update([[0, 0]], [[1, 0]], [[1.0, 7.0]], [[1, 1]], [True])    # 1.5 + 1/2 (1 - 1.5)
    assert p.q[0, 0, 0, 2] == 1.25


def test_beliefs_about_several_others_are_independent(backend):
    # Others (1, 2) did (0, 0) and (1, 1): that (0, 1) never came does not matter, each of the four is 1/4.
    initial = np.array([[[1.0, 10.0, 100.0, 1000.0, 0.0, 0.0, 0.0, 0.0]]])
    p = Player(backend, JointActionLearner(0.0, explore=FIXED, initial_q=initial), (2, 2, 2), rows=1, agent_ids=(0,))
    for others in ([0, 0], [1, 1]):
        p.update([[0] * 3], [[1, *others]], [[5.0] * 3], [[0] * 3])
    assert p.counts[0, 0, 0].tolist() == [1, 1, 1, 1] and p.expected[0, 0, 0].tolist() == [1111.0 / 4.0, 0.0]


# -- minimax-Q, friends and foes -----------------------------------------------------------------

def test_minimax_q_by_hand(backend):
    # Row 1, [[2, 0], [0, 2]]: value 1. Row 0, [[1, -1], [-1, 1]]: 1 + 1/2 (3 + 1/2 * 1 - 1) = 2.25 at (0, 0), so that
    # p 2.25 - (1 - p) = -p + (1 - p): p = 2 / 5.25 = 8/21, value 5/21.
    initial = np.array([[[1.0, -1.0, -1.0, 1.0]], [[2.0, 0.0, 0.0, 2.0]]])
    p = Player(backend, MinimaxQ(**HALF, **TWO_DRAWS, initial_q=initial), (2, 2), agent_ids=(0,))
    assert p.value[0, :, 0].tolist() == [0.0, 1.0] and p.policy[0, 0, 0].tolist() == [0.5, 0.5]
    assert p.update([[0, 0]], [[0, 0]], [[3.0, -99.0]], [[1, 1]]) == [True]     # now the second action is likelier
    assert p.q[0, 0, 0].tolist() == [2.25, -1.0, -1.0, 1.0]
    assert p.policy[0, 0, 0] == pytest.approx([8 / 21, 13 / 21], abs=1e-14)
    assert p.value[0, 0, 0] == pytest.approx(5 / 21, abs=1e-14) and p.greedy[0, 0, 0] == 1
    # The third draw samples: below 8/21 = .38 the first action.
    assert [p.act([[0, 0]], [[[0.5, 0.0, u]] * 2])[0] for u in (0.0, 0.38, 0.39, 0.99)] == [
        [0, -9], [0, -9], [1, -9], [1, -9]]


def test_the_second_player_has_its_own_action_first(backend):
    p = Player(backend, MinimaxQ(1.0, discount=0.0), (2, 3))
    p.update([[0, 1]], [[1, 2]], [[4.0, -4.0]], [[0, 0]])
    assert p.q[0, 0].tolist() == [[0.0] * 5 + [4.0], [0.0] * 6]     # agent 0, row 0: 1 * 3 + 2
    assert p.q[0, 1].tolist() == [[0.0] * 6, [0.0] * 5 + [-4.0]]    # agent 1, row 1: 2 * 2 + 1
    assert p.policy[0, 1, 1] == pytest.approx([1.0, 0.0, 0.0]) and p.policy[0, 0, 1] == pytest.approx([1 / 3] * 3)
    assert p.policy[0, 1, 0].tolist() == [0.5, 0.5, 0.0]            # two actions only


def test_friends_take_the_greatest_and_foes_the_least(backend):
    # Littman (2001): friend value of a matrix is its greatest entry, foe value its minimax value.
    initial = np.array([[3.0, 0.0, 1.0, 2.0]])
    friend = Player(backend, FriendOrFoe(friends="all", initial_q=initial), (2, 2), agent_ids=(0,))
    foe = Player(backend, FriendOrFoe(friends="none", initial_q=initial), (2, 2), agent_ids=(0,))
    assert friend.value[0, 0, 0] == 3.0 and "policy" not in friend.arrays
    assert foe.value[0, 0, 0] == pytest.approx(1.5)     # 3 p + (1 - p) = 2 (1 - p): p = 1/4


def test_two_friends_against_one_foe(backend):
    # Agents 0 and 2 against 1. Their four joint actions against its two; only (1, 1) and (0, 0) earn anything, 4
    # against one action each: half and half, value 2, drawn by agent 0's number for both.
    initial = np.zeros((1, 8))
    initial[0, 0 * 2 + 0] = initial[0, 3 * 2 + 1] = 4.0      # ours * 2 + theirs
    learner = FriendOrFoe(**HALF, explore=mf.EpsilonGreedy(0.0, ties="first", draws=2), initial_q=initial)
    p = Player(backend, learner, (2, 2, 2), agent_ids=(0, 2), structure=mf.rewards.mixed([[0, 2], [1]]))
    assert p.policy[0, 0] == pytest.approx(np.array([[0.5, 0.0, 0.0, 0.5]] * 2))
    assert p.value[0, 0] == pytest.approx([2.0, 2.0])
    draws = [[[0.5, 0.5, u], [0.5, 0.5, 0.5], [0.5, 0.5, 1.0 - u]] for u in (0.1, 0.9)]
    assert [p.act([[0] * 3], [d]) for d in draws] == [[[0, -9, 0]], [[1, -9, 1]]]
    # (own 1, friend 0), foe 1: number 2 * 2 + 1 for both friends, each from its own reward.
    p.update([[0] * 3], [[1, 1, 0]], [[2.0, 0.0, 6.0]], [[1] * 3], [True])
    assert p.q[0, 0, :, 5].tolist() == [1.0, 3.0]


# -- equilibria ----------------------------------------------------------------------------------

def test_nash_q_by_hand(backend):
    # Battle of the sexes in row 1: the first equilibrium, worth 3 and 2. Row 0, at (1, 0), rewards 2 and -2:
    # 0 + 1/2 (2 + 3/2) = 1.75 and 0 + 1/2 (-2 + 1) = -1/2. There nobody gains by leaving (0, 1) or (1, 1), each worth
    # 0 and 0; from (0, 0) the first would go to 1.75, from (1, 0) the second to 0. The first of the two is played.
    initial = np.zeros((2, 2, 4))
    initial[1] = [3.0, 0.0, 0.0, 2.0], [2.0, 0.0, 0.0, 3.0]
    p = Player(backend, NashQ(**HALF, **TWO_DRAWS, initial_q=initial), (2, 2))
    assert p.value[0, 1].tolist() == [3.0, 2.0] and p.policy[0, 1].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert p.policy[0, 0].tolist() == [[0.5, 0.5]] * 2
    p.update([[0, 0]], [[1, 0]], [[2.0, -2.0]], [[1, 1]])
    assert p.q[0, 0].tolist() == [[0.0, 0.0, 1.75, 0.0], [0.0, 0.0, -0.5, 0.0]]
    assert p.policy[0, 0].tolist() == [[1.0, 0.0], [0.0, 1.0]] and p.value[0, 0].tolist() == [0.0, 0.0]
    assert p.visits[0, 0].tolist() == [1, 1]
    assert p.act([[0, 0]], [[[0.5, 0.0, 0.7]] * 2]) == [[0, 1]]
    assert p.act([[0, 0]], [[[0.1, 0.9, 0.7], [0.5, 0.0, 0.7]]]) == [[1, 1]]      # each explores by itself


def test_correlated_q_by_hand(backend):
    # Chicken: (dare, yield) 1/4, (yield, dare) 1/4, (yield, yield) 1/2, told to both by the first one's third draw.
    row = [0.0, 7.0, 2.0, 6.0]
    initial = np.array([[row, [0.0, 2.0, 7.0, 6.0]], [[0.0] * 4] * 2])
    p = Player(backend, CorrelatedQ(1.0, discount=0.5, **TWO_DRAWS, initial_q=initial), (2, 2))
    assert p.policy[0, 0, 0] == pytest.approx([0.0, 0.25, 0.25, 0.5], abs=1e-7)
    assert p.value[0, 0] == pytest.approx([5.25, 5.25], abs=1e-7)
    told = [p.act([[0, 0]], [[[0.5, 0.0, u], [0.5, 0.0, 0.0]]])[0] for u in (0.0, 0.24, 0.26, 0.49, 0.51, 0.99)]
    assert told == [[0, 1], [0, 1], [1, 0], [1, 0], [1, 1], [1, 1]]
    p.update([[1, 1]], [[1, 1]], [[1.0, 2.0]], [[0, 0]])
    assert p.q[0, 1, :, 3] == pytest.approx([1.0 + 5.25 / 2, 2.0 + 5.25 / 2], abs=1e-7)
    assert p.greedy[0, 1].tolist() == [3, 3]


# -- all of them ---------------------------------------------------------------------------------

EXPLORE = mf.EpsilonGreedy(mf.schedules.Exponential(0.6, 0.9, 0.1))
TIES = mf.EpsilonGreedy(0.3, ties="random", strict=False)
SEVERAL = mf.EpsilonGreedy(0.3, ties="random", strict=False, draws=2)
CASES = [
    (CentralQ(0.3, explore=EXPLORE), (2, 3, 2), None, None),
    (CentralQ(0.3, explore=TIES, initial_q=0.5), (3, 2), (1,), None),
    (CentralQ(0.3, explore=mf.Boltzmann(0.4)), (2, 3), None, None),
    (JointActionLearner(0.3, explore=EXPLORE), (2, 3, 2), None, None),
    (JointActionLearner(0.3, explore=TIES, initial_q=0.5), (3, 2), (1,), None),
    (JointActionLearner(0.3, explore=mf.Boltzmann(0.4)), (4,), None, None),
    (MinimaxQ(0.5), (2, 2), None, None), (MinimaxQ(0.5, initial_q=1.0), (3, 4), None, None),
    (MinimaxQ(0.5), (3, 1), (1,), None),
    (FriendOrFoe(0.5, explore=EXPLORE, friends="all"), (2, 1, 3), None, None),
    (FriendOrFoe(0.5, explore=EXPLORE), (2, 2, 3), (0, 1, 2), [[0, 2], [1]]),
    (CentralQ(0.3, explore=SEVERAL), (2, 3, 2), None, None), (FriendOrFoe(0.5, explore=SEVERAL), (2, 2, 3), (0, 1, 2),
                                                               [[0, 2], [1]]),
    (NashQ(0.5), (3, 2), None, None), (NashQ(0.5, initial_q=1.0), (3, 3), None, None),
    *((CorrelatedQ(0.5, objective=objective), (2, 3), None, None)
      for objective in ("utilitarian", "egalitarian", "republican", "libertarian")),
]


def pair_of(case, runs=1, rows=3):
    learner, actions, agent_ids, teams = case
    structure = mf.rewards.mixed(teams) if teams else None
    return [Player(backend, learner, actions, rows=rows, runs=runs, agent_ids=agent_ids, structure=structure)
            for backend in BACKENDS]


def same(one, other):
    for name, array in one.arrays.items():
        assert array.tobytes() == other.arrays[name].tobytes(), name


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].name}-{len(case[1])}")
def test_backends_agree_bit_for_bit(case):
    """Whole numbers as rewards, so that ties and degenerate matrices are everywhere."""
    generator, runs, rows = np.random.default_rng(4), 3, 3
    one, other = pair_of(case, runs, rows)
    agents, counts = one.agents, np.array(case[1])
    for _ in range(40):
        here, next_rows = np.repeat(generator.integers(0, rows, (2, runs, 1)), agents, axis=2)
        draws = generator.random((runs, agents, one.kernel.draws))
        taken = one.act(here, draws)
        assert taken == other.act(here, draws)
        actions = np.where(np.array(taken) < 0, (draws[:, :, 0] * counts).astype(int), taken)
        assert ((actions >= 0) & (actions < counts)).all()
        step = here, actions, generator.integers(-2, 3, (runs, agents)), next_rows, generator.random(runs) < 0.3
        assert one.update(*step) == other.update(*step)
        for p in (one, other):
            p.kernel.tick(np.zeros(runs, bool))
    same(one, other)
    assert one.q.any()
    # What follows from the values follows from them alone.
    derived = [{name: one.arrays[name].copy() for name in case[0].derived if name in one.arrays}]
    for p in (one, other):
        p.kernel.settle(0)
        derived.append({name: p.arrays[name] for name in derived[0]})
    for name, array in derived[0].items():
        assert array.tobytes() == derived[1][name].tobytes() == derived[2][name].tobytes(), name


HOSTILE_ACTIONS = (-1, 5, 2**31 - 1, -2**31)
HOSTILE_NUMBERS = (math.nan, math.inf, -math.inf, 1.7e308, -1.0, 1.0)


def called(method, *arguments):
    try:
        return method(*arguments)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].name}-{len(case[1])}")
def test_backends_agree_on_hostile_input(case):
    generator = np.random.default_rng(6)
    one, other = pair_of(case)
    agents, counts, refused = one.agents, np.array(case[1]), 0
    for k in range(150):
        here, next_rows = np.repeat(generator.integers(0, 3, (2, 1, 1)), agents, axis=2)
        actions = (generator.random((1, agents)) * counts).astype(np.int64)
        rewards, draws = generator.normal(size=(1, agents)), generator.random((1, agents, one.kernel.draws))
        bad = generator.integers(agents)
        if k % 5 == 1:
            (here, next_rows)[k % 2][0, bad] = HOSTILE_ACTIONS[k % 4]
        elif k % 5 == 2:
            actions[0, bad] = HOSTILE_ACTIONS[k % 4]
        elif k % 5 == 3:
            rewards[0, bad] = HOSTILE_NUMBERS[k % 6]
        elif k % 5 == 4:
            draws[0, bad, generator.integers(one.kernel.draws)] = HOSTILE_NUMBERS[k % 6]
        if k == 100:        # tables that no learner would make
            for p in (one, other):
                p.greedy[0, 1], p.value[0, 2] = 2**31 - 1, math.nan
        for name, given in (("act", (here, draws)), ("update", (here, actions, rewards, next_rows))):
            outcomes = [called(getattr(p, name), *given) for p in (one, other)]
            assert outcomes[0] == outcomes[1], k
            refused += isinstance(outcomes[0], str)
        same(one, other)
    assert refused > 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].name}-{len(case[1])}")
@pytest.mark.parametrize("number", [math.nan, math.inf, 1e308])
def test_tables_that_are_not_finite_stop_learning(case, number, backend):
    p = pair_of(case)[BACKENDS.index(backend)]
    p.q[:] = number
    if number == 1e308:
        p.q[..., ::2] = -number
        p.q[..., 0] = -number
    p.value[:] = number
    rewards = np.full((1, p.agents), 1.7e308)
    with pytest.raises(ValueError, match="^update: a learned value stopped being finite$"):
        for k in range(3):
            p.update([[0] * p.agents], [[min(k, n - 1) for n in case[1]]], rewards, [[1] * p.agents])


def test_a_frozen_learner_plays_its_mixed_policy_and_changes_nothing(backend):
    initial = np.array([[3.0, 0.0, 1.0, 2.0]])      # the first action with probability 1/4
    p = Player(backend, MinimaxQ(**TWO_DRAWS, initial_q=initial), (2, 2), agent_ids=(0,), learning=False,
               exploration=mf.EpsilonGreedy(0.0, ties="first", draws=2))
    assert [p.act([[0, 0]], [[[0.0, 0.0, u]] * 2])[0][0] for u in (0.0, 0.249, 0.251, 0.99)] == [0, 0, 1, 1]
    assert p.update([[0, 0]], [[0, 0]], [[9.0, 9.0]], [[0, 0]]) == [False]
    assert p.q[0, 0, 0].tolist() == initial[0].tolist() and not p.visits.any()


# -- arguments of the kernel ---------------------------------------------------------------------

def arguments(backend, rule=1):
    """Those of two players with 2 and 3 actions."""
    runs, rows, joint, tables = 2, 3, 6, 2
    own = rule in (1, 2)
    rate = schedule(kernels(backend, "schedules"), 0.5, runs)
    policy_actions = {0: 0, 1: 3, 2: 3, 3: 3, 4: 6}[rule]
    return {
        "q": np.zeros((runs, rows, tables, joint)), "value": np.zeros((runs, rows, tables)),
        "greedy": np.zeros((runs, rows, tables), np.int32), "visits": np.zeros((runs, rows, tables), np.int32),
        "policy": np.zeros((runs, rows, 1 if rule == 4 else tables, policy_actions)),
        "counts": np.zeros((runs, rows, tables, 3 if rule == 2 else 0), np.int64),
        "table_of": np.array([0, 1], np.int32), "n_actions": np.array([2, 3], np.int32),
        "agent_ids": np.array([0, 1], np.int32), "weights": np.array([[3, 1], [1, 2] if own else [3, 1]], np.int64),
        "n_choices": np.array([2, 3] if own or rule == 3 else [6, 6], np.int64),
        "steps": np.array({0: [1, 1], 3: [3, 1], 4: [1, 1]}.get(rule, [3, 2]), np.int64),
        "reads": np.array([0, 1] if rule < 3 else [0, 0], np.int32), "chooses_by": np.array([0, 1], np.int32),
        "discount": np.full(runs, 0.5), "rate": rate, "exploration": rate, "rule": rule, "objective": 0, "kind": 0,
        "strict": True, "ties": 0, "together": False, "draws": 3, "learning": True}


@pytest.mark.parametrize("rule", range(5))
def test_sound_arguments_make_a_kernel(backend, rule):
    kernel = kernels(backend, "joint").Joint(**arguments(backend, rule))
    kernel.settle(0)
    with pytest.raises(ValueError, match="first: expected 0 to 3, got 4"):
        kernel.settle(4)


@pytest.mark.parametrize("rule, changes, message", [
    (1, {"q": np.zeros((2, 3, 2, 0))}, "q: expected at least one run, row, table and joint action"),
    (1, {"value": np.zeros((2, 3, 1))}, "value: expected shape"),
    (1, {"greedy": np.zeros((2, 3, 2))}, "greedy: expected int32"),
    (1, {"policy": np.zeros((2, 3, 1, 3))}, "policy: expected shape"),
    (1, {"policy": np.zeros((2, 3, 2, 2))}, "n_choices: policy has room for 2, table 1 has 3"),
    (2, {"counts": np.zeros((2, 3, 2, 2), np.int64)}, "counts, weights: expected room for every other"),
    (2, {"weights": np.array([[2, 1], [1, 2]])}, "counts, weights: expected room for every other"),
    (2, {"weights": np.array([[3, 0], [1, 2]])}, "counts, weights: expected room for every other"),
    (1, {"table_of": np.array([0, 2], np.int32)}, "table_of: expected tables 0 to 1, got 0 to 2"),
    (1, {"n_actions": np.array([0, 3], np.int32)}, "n_actions: expected at least 1, got 0"),
    (1, {"agent_ids": np.array([2], np.int32)}, "agent_ids: expected agents from 0 to 1"),
    (1, {"agent_ids": np.array([], np.int32)}, "agent_ids: expected agents from 0 to 1"),
    (1, {"reads": np.array([0, -1], np.int32)}, "reads: expected agents from 0 to 1"),
    (1, {"chooses_by": np.array([0, 2], np.int32)}, "chooses_by: expected agents from 0 to 1"),
    (1, {"weights": np.array([[3, 2], [1, 2]])}, "weights, n_choices, steps: table 0 has joint actions up to 7"),
    (1, {"weights": np.array([[0, 1], [1, 2]])}, "weights: agent 0 is controlled, and its table does not know its "
                                                 "action"),
    (1, {"weights": np.array([[-3, 1], [1, 2]])}, "choices, steps, weights: expected at least 1, 1 and 0"),
    (1, {"steps": np.array([3, 0])}, "choices, steps, weights: expected at least 1, 1 and 0"),
    (1, {"steps": np.array([3, 1])}, "choices, steps: expected 6 joint actions in table 1"),
    (0, {"n_choices": np.array([6, 3])}, "n_choices, steps: expected 6 choices, one step apart, in table 1"),
    (0, {"n_choices": np.array([6, 7])}, "weights, n_choices, steps: table 1"),
    (3, {"steps": np.array([1, 1])}, "steps: expected 3 and 1, got 1 and 1"),
    (3, {"n_choices": np.array([2, 2])}, "rule: equilibria need two tables"),
    (4, {"reads": np.array([0, 1], np.int32)}, "rule: equilibria need two tables"),
    (4, {"weights": np.array([[3, 1], [1, 2]])}, "rule: equilibria need two tables"),
    (5, {}, "rule: expected 0 to 4, got 5"), (4, {"objective": 4}, "objective: expected 0 to 3, got 4"),
    (1, {"kind": 3}, "kind: expected 0 to 2, got 3"), (1, {"kind": 1}, "kind, ties: mixed policies"),
    (3, {"ties": 1}, "kind, ties: mixed policies"),
    (0, {"together": True}, "together: expected one table, and rule 0"),
    (1, {"draws": 2}, "draws: expected at least 3, got 2"), (0, {"draws": 1}, "draws: expected at least 2, got 1"),
    (1, {"discount": np.zeros(1)}, "discount: expected shape"),
])
def test_wrong_arguments_are_refused(backend, rule, changes, message):
    given = arguments(backend, min(rule, 4)) | {"rule": rule} | changes
    with pytest.raises((ValueError, TypeError), match=message):
        kernels(backend, "joint").Joint(**given)


def test_schedules_of_other_runs_are_refused(backend):
    other = schedule(kernels(backend, "schedules"), 0.5, 3)
    with pytest.raises(ValueError, match="^rate: expected 2 runs, got 3$"):
        kernels(backend, "joint").Joint(**arguments(backend) | {"rate": other})
