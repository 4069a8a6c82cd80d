"""Learners from more than one step, by hand: SARSA, traces, whole episodes.

Everywhere: rate 1/4, discount 1/2 and no exploration, unless said otherwise.
"""

import numpy as np
import pytest

from .make import Learning, Tables, modules, schedule


@pytest.fixture(params=[False, True], ids=["apart", "packed"])
def module(backend, request):
    return modules(backend, request.param)


# -- SARSA ---------------------------------------------------------------------------------------

def test_sarsa_learns_when_the_next_action_is_known(module):
    # 0 -(action 0, reward 2)-> 1 -(action 1, reward 4)-> 2, and there action 0.
    t = Learning(module, "Traces", [[[[0.0, 0.0]], [[3.0, 1.0]], [[8.0, 9.0]]]])
    assert not t.step(0, 0, 2.0, 1)
    assert t.q[0, 0, 0].tolist() == [0.0, 0.0] and t.visits.sum() == 0
    t.step(1, 1, 4.0, 2)        # now the first step: 1/4 (2 + 1/2 * q(1, 1)) = 1/4 (2 + 1/2) = 0.625
    assert t.q[0, 0, 0].tolist() == [0.625, 0.0] and t.visits.ravel().tolist() == [1, 0, 0]
    t.step(2, 0, 4.0, 0, terminated=True)
    # The second: 1 + 1/4 (4 + 1/2 * 8 - 1) = 2.75; then the third: 8 + 1/4 (4 - 8) = 7.
    assert t.q[0].tolist() == [[[0.625, 0.0]], [[3.0, 2.75]], [[7.0, 9.0]]] and t.visits.ravel().tolist() == [1, 1, 1]
    assert t.own["waiting"][0, 0, 0] == 0


def test_a_truncated_step_of_sarsa_takes_the_expected_value(module):
    # Epsilon 1/2 over [8, 4]: 1/2 * 8 + 1/2 * 6 = 7; 1/4 (2 + 1/2 * 7) = 1.375; learned in the tick.
    t = Learning(module, "Traces", [[[[0.0, 0.0]], [[8.0, 4.0]]]], exploration=0.5)
    assert not t.step(0, 1, 2.0, 1, ended=True)
    assert t.q[0, 0, 0].tolist() == [0.0, 1.375] and t.greedy[0, 0, 0] == 1
    # The next update says that the greedy action changed, though it changes nothing itself.
    assert t.own["late"].tolist() == [1] and t.step(1, 0, 0.0, 1) and t.own["late"].tolist() == [0]
    assert t.q[0, 0, 0].tolist() == [0.0, 1.375] and not t.step(1, 0, 0.0, 1)


def test_a_truncated_step_is_learned_with_the_rate_and_exploration_of_its_own_step(module):
    schedules = module("schedules")
    rate, exploration = (schedule(schedules, 0.5, kind=2, rate=0.0) for _ in range(2))
    t = Learning(module, "Traces", [[[[0.0, 0.0]], [[8.0, 4.0]]]], rate=rate, exploration=exploration)
    t.step(0, 1, 2.0, 1, ended=True)        # 1/2 (2 + 1/2 * 7), not 0 of what follows
    assert t.q[0, 0, 0, 1] == 2.75
    t.step(0, 1, 9.0, 1, ended=True)        # now with a rate of 0
    assert t.q[0, 0, 0, 1] == 2.75


def test_sarsa_whose_agents_share_a_table_learns_in_agent_order(module):
    # Agent 1's first step looks ahead at what agent 0 has just written: q(0, 0) = 1/2 * 4 = 2, so 1/2 (0 + 1/2 * 2).
    t = Learning(module, "Traces", np.zeros((1, 2, 1, 2)), table_of=[0, 0], rate=0.5)
    t.update([[0, 1]], [[0, 1]], [[4.0, 0.0]], [[1, 0]])
    t.update([[1, 0]], [[0, 0]], [[0.0, 0.0]], [[1, 1]])
    assert t.q[0, :, 0].tolist() == [[2.0, 0.0], [0.0, 0.5]]


# -- traces --------------------------------------------------------------------------------------

def test_sarsa_lambda_by_hand(module):
    # Rate 1/4, discount 1/2, lambda 1/2: eligibility falls to a quarter at each step.
    t = Learning(module, "Traces", np.zeros((1, 3, 1, 1)), decay=0.5)
    t.step(0, 0, 4.0, 1)
    t.step(1, 0, 8.0, 2)                            # error 4: q(0) = 1
    assert t.q.ravel().tolist() == [1.0, 0.0, 0.0] and t.own["eligibility"][0, 0].tolist() == [0.25, 0.0, 0.0, 0.0]
    t.step(2, 0, 16.0, 0, terminated=True)          # error 8: q(1) = 2, q(0) += 1/4 * 8 * 1/4; then error 16
    # q(2) = 4; q(1) += 1/4 * 16 * 1/4 = 1; q(0) += 1/4 * 16 * 1/16 = 1/4.
    assert t.q.ravel().tolist() == [1.0 + 0.5 + 0.25, 2.0 + 1.0, 4.0]
    assert t.own["eligible"].tolist() == [[0]] and not t.own["eligibility"].any()


@pytest.mark.parametrize("accumulate, expected", [(False, 1.0), (True, 1.25)])
def test_a_second_visit_replaces_or_adds(module, accumulate, expected):
    # q(0) stays its own successor: error 4, q = 1; then error 4 + 1/2 * 1 - 1 = 3.5 by an eligibility of 1 or 5/4.
    t = Learning(module, "Traces", np.zeros((1, 1, 1, 1)), decay=0.5, on_policy=False, accumulate=accumulate)
    t.step(0, 0, 4.0, 0)
    t.step(0, 0, 4.0, 0)
    assert t.q[0, 0, 0, 0] == 1.0 + 0.25 * 3.5 * expected
    assert t.own["eligible"].tolist() == [[1]] and t.own["eligibility"][0, 0, 0] == 0.25 * expected


def test_watkins_q_lambda_by_hand(module):
    # Greedy all the way from row 0 to 2: errors 4 and then 8 + 1/2 * 6.
    t = Learning(module, "Traces", [[[[0.0, -1.0]], [[0.0, -1.0]], [[6.0, 2.0]]]], decay=0.5, on_policy=False)
    t.step(0, 0, 4.0, 1)
    assert t.q[0, 0, 0].tolist() == [1.0, -1.0]
    t.step(1, 0, 8.0, 2)
    assert t.q[0].tolist() == [[[1.0 + 11.0 / 16, -1.0]], [[11.0 / 4, -1.0]], [[6.0, 2.0]]]
    # An action that is not greedy: what went before does not learn from it, or from what follows.
    t.step(2, 1, -2.0, 1)       # 2 + 1/4 (-2 + 1/2 * 2.75 - 2)
    assert t.q[0].tolist() == [[[1.0 + 11.0 / 16, -1.0]], [[2.75, -1.0]], [[6.0, 2.0 + 0.25 * (-4.0 + 1.375)]]]
    assert t.own["cells"][0, 0, 0].tolist() == [2, 1] and t.own["eligible"].tolist() == [[1]]


@pytest.mark.parametrize("on_policy", [True, False])
def test_an_episode_that_ends_leaves_no_trace(module, on_policy):
    for terminated in (True, False):
        t = Learning(module, "Traces", np.zeros((1, 3, 1, 1)), decay=1.0, on_policy=on_policy)
        t.step(0, 0, 4.0, 1)
        t.step(1, 0, 4.0, 2, terminated, ended=True)
        assert t.own["eligible"].tolist() == [[0]] and not t.own["eligibility"].any() and not t.own["cells"].any()


def test_the_least_eligible_cell_makes_room(module):
    t = Learning(module, "Traces", np.zeros((1, 5, 1, 1)), decay=1.0, on_policy=False, length=2, discount=0.5)
    for k in range(3):
        t.step(k, 0, 0.0, k + 1)
    assert sorted(t.own["cells"][0, 0, :, 0].tolist()) == [1, 2] and t.own["eligible"].tolist() == [[2]]
    t.step(3, 0, 16.0, 4)
    assert t.q.ravel().tolist() == [0.0, 0.0, 2.0, 4.0, 0.0]


def test_of_equally_eligible_cells_the_first_makes_room(module):
    # Nothing fades: when row 2 comes, rows 0 and 1 are as eligible as each other.
    t = Learning(module, "Traces", np.zeros((1, 4, 1, 1)), decay=1.0, on_policy=False, length=2, discount=1.0)
    for k in range(3):
        t.step(k, 0, 0.0, k + 1)
    assert t.own["cells"][0, 0, :, 0].tolist() == [2, 1] and t.own["eligibility"][0, 0].tolist() == [1.0, 1.0]


def test_a_trace_below_the_cutoff_is_forgotten(module):
    # Eligibility 1/2, 1/4, 1/8 after each step; the cutoff itself is kept.
    t = Learning(module, "Traces", np.zeros((1, 5, 1, 1)), decay=1.0, on_policy=False, cutoff=0.25)
    for k in range(3):
        t.step(k, 0, 0.0, k + 1)
    assert t.own["cells"][0, 0, :, 0].tolist() == [1, 2, 0, 0]
    assert t.own["eligibility"][0, 0].tolist() == [0.25, 0.5, 0.0, 0.0]


def test_no_trace_is_q_learning(module):
    q = np.random.default_rng(1).normal(size=(1, 3, 1, 5))
    one, other = Learning(module, "Traces", q, on_policy=False, length=1), Tables(module, q, rate=0.25)
    for k in range(40):
        one.step(k % 3, k * 7 % 5, k * 0.1, (k + 1) % 3, ended=k % 9 == 0)
        other.update([[k % 3]], [[k * 7 % 5]], [[k * 0.1]], [[(k + 1) % 3]])
    assert one.q.tobytes() == other.q.tobytes() and (one.greedy == other.greedy).all()
    assert (one.visits == other.visits).all()


# -- Monte Carlo ---------------------------------------------------------------------------------

def test_monte_carlo_by_hand(module):
    # Rewards 1, 2, 4 with discount 1/2: returns 4, then 2 + 2 = 4, then 1 + 2 = 3; rate 1/4.
    t = Learning(module, "Episodes", np.zeros((1, 3, 1, 2)))
    assert not t.step(0, 1, 1.0, 1) and not t.step(1, 0, 2.0, 2) and not t.q.any()
    assert t.step(2, 1, 4.0, 0, terminated=True)
    assert t.q[0, :, 0].tolist() == [[0.0, 0.75], [1.0, 0.0], [0.0, 1.0]] and t.visits.ravel().tolist() == [1, 1, 1]
    assert t.own["known"].tolist() == [[0]]


def test_every_visit_counts_the_last_one_first(module):
    # Row 0 twice: return 4 gives q = 1; return 2 + 2 = 4 gives 1 + 1/4 * 3. The 9 of the terminal row does not count.
    t = Learning(module, "Episodes", [[[[0.0]], [[9.0]]]])
    t.step(0, 0, 2.0, 0)
    t.step(0, 0, 4.0, 1, terminated=True)
    assert t.q.ravel().tolist() == [1.75, 9.0] and t.visits.ravel().tolist() == [2, 0]


@pytest.mark.parametrize("length", [2, 3])
def test_a_truncated_episode_goes_on_with_the_expected_value(module, length):
    # Epsilon 1/2 over [8, 4] is worth 7: returns 4 + 3.5 and 2 + 3.75. With room for two steps the kernel knows that
    # this was the last, else it hears of it in the tick.
    t = Learning(module, "Episodes", [[[[0.0, 0.0]], [[8.0, 4.0]]]], exploration=0.5, length=length)
    t.step(0, 0, 2.0, 0)
    t.step(0, 1, 4.0, 1, ended=True)
    assert t.q[0, 0, 0].tolist() == [0.25 * 5.75, 0.25 * 7.5] and t.own["known"].tolist() == [[0]]
    assert t.own["late"].tolist() == [length - 2]
