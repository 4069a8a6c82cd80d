"""Tabular Q-learning: the update, the greedy cache, acting and exploring, by hand and in both backends.

Update (Watkins 1989): ``q[s, a] += rate * (reward + discount * max q[s'] - q[s, a])``.
"""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marlfast.backends import kernels

from .make import Tables, modules, schedule

BELOW_ONE = 1.0 - 2.0**-53


@pytest.fixture(params=[False, True], ids=["apart", "packed"])
def packed(request):
    """How the tables lie in memory: the kernels have a faster way for tables in one piece."""
    return request.param


@pytest.fixture
def module(backend, packed):
    return modules(backend, packed)


def first_greatest(q):
    """The stated rule, in plain Python."""
    best = 0
    for a in range(1, len(q)):
        if q[a] > q[best]:
            best = a
    return best


# -- the update ----------------------------------------------------------------------------------

def test_one_update_by_hand(module):
    # q(0, 1) = 2, reward 3, max q(1) = 8, discount 1/2, rate 1/4:
    # 2 + 1/4 (3 + 1/2 * 8 - 2) = 2 + 5/4 = 3.25.
    t = Tables(module, [[[[1.0, 2.0, 0.0]], [[-1.0, 8.0, 4.0]]]], discount=0.5, rate=0.25)
    assert t.update([[0]], [[1]], [[3.0]], [[1]]).tolist() == [False]
    assert t.q.tolist() == [[[[1.0, 3.25, 0.0]], [[-1.0, 8.0, 4.0]]]]
    assert t.visits.tolist() == [[[1], [0]]]
    assert t.greedy.tolist() == [[[1], [1]]]


def test_nothing_is_bootstrapped_from_a_terminal_state(module):
    # 2 + 1/4 (3 - 2) = 2.25: the successor's 8 does not count.
    t = Tables(module, [[[[1.0, 2.0, 0.0]], [[-1.0, 8.0, 4.0]]]], discount=0.5, rate=0.25)
    t.update([[0]], [[1]], [[3.0]], [[1]], [True])
    assert t.q[0, 0, 0].tolist() == [1.0, 2.25, 0.0]


def test_a_row_may_be_its_own_successor(module):
    # The bootstrap is taken before the write: 4 + 1/2 (0 + 1/2 * 4 - 4) = 3.
    t = Tables(module, [[[[4.0, 1.0]]]])
    t.update([[0]], [[0]], [[0.0]], [[0]])
    assert t.q.tolist() == [[[[3.0, 1.0]]]]


def test_rate_one_replaces_and_rate_zero_keeps(module):
    for rate, expected in ((1.0, 3.0 + 0.5 * 8.0), (0.0, 2.0)):
        t = Tables(module, [[[[1.0, 2.0]], [[8.0, 4.0]]]], rate=rate)
        t.update([[0]], [[1]], [[3.0]], [[1]])
        assert t.q[0, 0, 0, 1] == expected and t.visits[0, 0, 0] == 1


def test_agents_with_tables_of_their_own(module):
    # Two agents, own tables, own rows. Agent 0: 0 + 1/2 (1 + 1/2 * 6) = 2; agent 1: 4 + 1/2 (-2 + 0 - 4) = 1.
    q = np.zeros((1, 2, 2, 2))
    q[0, 1, 0], q[0, 1, 1], q[0, 0, 1] = [6.0, 0.0], [4.0, -1.0], [-3.0, 0.0]
    t = Tables(module, q)
    changed = t.update([[0, 1]], [[1, 0]], [[1.0, -2.0]], [[1, 0]])
    assert t.q[0, 0, 0].tolist() == [0.0, 2.0] and t.q[0, 1, 1].tolist() == [1.0, -1.0]
    assert t.q[0, 1, 0].tolist() == [6.0, 0.0] and t.q[0, 0, 1].tolist() == [-3.0, 0.0]
    assert changed.tolist() == [True]       # agent 0 now prefers action 1
    assert t.greedy.tolist() == [[[1, 1], [0, 0]]]
    assert t.visits.tolist() == [[[1, 0], [0, 1]]]


def test_agents_that_share_a_table_learn_in_agent_order(module):
    # Both in row 0 take action 0 and stay there; q(0) = [0, 0], rate 1/2, discount 1/2.
    # Agent 0, reward 8: 0 + 1/2 (8 + 0 - 0) = 4.
    # Agent 1, reward 2, sees the 4 as old value and as bootstrap: 4 + 1/2 (2 + 1/2 * 4 - 4) = 4.
    # In the other order it would be 1, then 1 + 1/2 (8 + 1/2 - 1) = 4.75; side by side 4 or 1.
    t = Tables(module, np.zeros((1, 1, 1, 2)), table_of=[0, 0])
    t.update([[0, 0]], [[0, 0]], [[8.0, 2.0]], [[0, 0]])
    assert t.q.tolist() == [[[[4.0, 0.0]]]] and t.visits.tolist() == [[[2]]]


def test_sharing_agents_between_others(module):
    # Tables 0, 1, 0, 1: agents 2 and 3 see what 0 and 1 wrote. Row 0, action 1, successor row 0, terminal.
    # Table 0: 0 -> 1/2 * 4 = 2 -> 2 + 1/2 (8 - 2) = 5. Table 1: 0 -> 1/2 * -4 = -2 -> -2 + 1/2 (0 + 2) = -1.
    t = Tables(module, np.zeros((1, 1, 2, 2)), table_of=[0, 1, 0, 1])
    t.update([[0] * 4], [[1] * 4], [[4.0, -4.0, 8.0, 0.0]], [[0] * 4], [True])
    assert t.q[0, 0].tolist() == [[0.0, 5.0], [0.0, -1.0]]


def test_only_led_agents_learn_and_act(module):
    t = Tables(module, np.zeros((1, 1, 3, 2)), agent_ids=[2, 0])
    t.update([[0] * 3], [[1] * 3], [[1.0, 1.0, 1.0]], [[0] * 3])
    assert t.q[0, 0].tolist() == [[0.0, 0.5], [0.0, 0.0], [0.0, 0.5]]
    assert t.act([[0] * 3], np.zeros((1, 3, 2)) + 0.5).tolist() == [[1, -9, 1]]


def test_agents_led_in_another_order_learn_in_that_order(module):
    # Leads [1, 0] of one table: first agent 1 (reward 2: 1), then agent 0 (8: 1 + 1/2 (8 - 1) = 4.5).
    t = Tables(module, np.zeros((1, 1, 1, 1)), table_of=[0, 0], agent_ids=[1, 0])
    t.update([[0, 0]], [[0, 0]], [[8.0, 2.0]], [[0, 0]], [True])
    assert t.q.tolist() == [[[[4.5]]]]


def test_runs_have_their_own_rate_discount_and_tables(module):
    # Run 0: 0 + 1/2 (1 + 1/2 * 2) = 1; run 1: 0 + 1/4 (1 + 1/4 * 4) = 1/2, both in their own tables.
    q = np.zeros((2, 2, 1, 1))
    q[:, 1, 0, 0] = 2.0, 4.0
    t = Tables(module, q, discount=[0.5, 0.25], rate=[0.5, 0.25])
    t.update([[0], [0]], [[0], [0]], [[1.0], [1.0]], [[1], [1]])
    assert t.q.ravel().tolist() == [1.0, 2.0, 0.5, 4.0]


def test_a_frozen_learner_changes_nothing(module):
    t = Tables(module, np.ones((1, 1, 1, 2)), learning=False)
    assert t.update([[0]], [[0]], [[9.0]], [[0]]).tolist() == [False]
    assert t.q.tolist() == [[[[1.0, 1.0]]]] and not t.visits.any()


@pytest.mark.parametrize("n_actions", [2, 5, 8, 9, 15, 17])
def test_changed_means_another_greedy_action_not_another_value(module, n_actions):
    q = np.zeros((1, 1, 1, n_actions))
    q[..., 1] = 4.0
    t = Tables(module, q, rate=1.0)
    cases = [
        (1, 5.0, 1, False),     # the greedy action rises
        (0, 5.0, 0, True),      # a tie: the first of the greatest
        (1, 6.0, 1, True),      # overtaken
        (1, 5.0, 0, True),      # falls to a tie
        (0, 4.5, 1, True),      # falls behind
        (0, 4.75, 1, False),    # rises, but not enough
        (1, 4.75, 0, True),     # falls to a tie with an earlier action
        (1, -1.0, 0, False),
    ]
    for action, reward, greedy, changed in cases:
        assert t.update([[0]], [[action]], [[reward]], [[0]], [True]).tolist() == [changed], (action, reward)
        assert t.greedy[0, 0, 0] == greedy


def test_changed_is_set_and_never_cleared(module):
    t = Tables(module, np.zeros((2, 1, 1, 2)))
    changed = np.array([True, False])
    rows = np.zeros((2, 1), np.int32)
    t.kernel.update(rows, rows, np.zeros((2, 1)), rows, np.zeros(2, bool), changed)
    assert changed.tolist() == [True, False]


@pytest.mark.parametrize("n_actions", [1, 2, 3, 5, 7, *range(8, 18), 70])
def test_the_greedy_cache_is_the_first_greatest_after_thousands_of_writes(backend, packed, n_actions):
    # Few different values, so that ties are everywhere; rate 1 and terminal writes the reward itself.
    generator = np.random.default_rng(n_actions)
    runs, rows, tables = 3, 4, 2
    start = generator.integers(0, 3, (runs, rows, tables, n_actions)).astype(float)
    t = Tables(modules(backend, packed), start, rate=1.0)
    steps = 2000 if backend == "cython" else 500
    changes = 0
    for step in range(steps):
        before = t.greedy.copy()
        where = generator.integers(0, rows, (runs, tables))
        changed = t.update(where, generator.integers(0, n_actions, (runs, tables)),
                           generator.integers(0, 3, (runs, tables)).astype(float), where, [True] * runs)
        assert changed.tolist() == (before != t.greedy).any(axis=(1, 2)).tolist()
        changes += int(changed.sum())
        if step % 50 == 0 or step == steps - 1:
            # NumPy's argmax gives the first of the greatest.
            assert (t.greedy == t.q.argmax(axis=3)).all()
    assert t.visits.sum() == steps * runs * tables
    assert (changes > 20) == (n_actions > 1)


def test_visits_stay_at_the_greatest_number_that_they_can_hold(module):
    t = Tables(module, np.zeros((1, 1, 1, 2)))
    t.visits[:] = 2**31 - 3
    counts = []
    for _ in range(4):
        t.update([[0]], [[0]], [[0.0]], [[0]])
        counts.append(int(t.visits[0, 0, 0]))
    assert counts == [2**31 - 2] + [2**31 - 1] * 3


def test_agents_with_fewer_actions_do_not_look_beyond_them(module):
    # Agent 0 has 2 actions in a table of width 4; the 9s beyond are none of its actions.
    q = [[[[1.0, 2.0, 9.0, 9.0], [0.0, 1.0, 2.0, 3.0]]]]
    t = Tables(module, q, actions=[2, 4], rate=1.0, discount=1.0)
    assert t.greedy.tolist() == [[[1, 3]]]
    # Action 1 falls to 0: greedy goes to 0, not to the 9s. Then a bootstrap: 0 + 1 * q(greedy) = 1.
    t.update([[0, 0]], [[1, 3]], [[0.0, 5.0]], [[0, 0]], [True])
    assert t.greedy.tolist() == [[[0, 3]]]
    t.update([[0, 0]], [[1, 3]], [[0.0, 0.0]], [[0, 0]])
    assert t.q[0, 0].tolist() == [[1.0, 1.0, 9.0, 9.0], [0.0, 1.0, 2.0, 5.0]]


@pytest.mark.parametrize("counts", [(9, 16), (8, 12), (3, 16), (10, 17)])
def test_numbers_of_actions_that_differ_are_each_looked_at_to_their_end(module, counts):
    """What lies beyond an agent's own actions is greater than all that it knows, and none of its actions."""
    generator, n_actions = np.random.default_rng(sum(counts)), 17
    q = np.full((1, 2, 2, n_actions), 9.0)
    for i, n in enumerate(counts):
        q[:, :, i, :n] = generator.integers(0, 3, (1, 2, n))
    t = Tables(module, q, actions=counts, rate=1.0)
    for _ in range(300):
        row, taken = generator.integers(0, 2), generator.integers(0, counts)
        t.update([[row, row]], [taken], [generator.integers(0, 3, 2)], [[0, 0]], [True])
        for i, n in enumerate(counts):
            assert t.greedy[0, :, i].tolist() == t.q[0, :, i, :n].argmax(axis=1).tolist()
            assert (t.q[0, :, i, n:] == 9.0).all()


@pytest.mark.parametrize("gap", [1, 2, 5])
@pytest.mark.parametrize("n_actions", [1, 3, 12])
def test_cells_may_lie_apart(backend, n_actions, gap):
    """Views with gaps between the cells give the same numbers, and the gaps are left alone."""
    generator, module = np.random.default_rng(3), modules(backend)
    q = generator.integers(0, 3, (2, 3, 2, n_actions)).astype(float)
    dense, apart = Tables(module, q, exploration=0.3), Tables(module, q, exploration=0.3, gap=gap)
    for _ in range(60):
        where, next_rows = generator.integers(0, 3, (2, 2, 2))
        draws = generator.random((2, 2, 2))
        taken = dense.act(where, draws)
        assert apart.act(where, draws).tolist() == taken.tolist()
        rewards = generator.integers(-2, 3, (2, 2))
        assert (dense.update(where, taken, rewards, next_rows) == apart.update(where, taken, rewards, next_rows)).all()
    for a, b in ((dense.q, apart.q), (dense.greedy, apart.greedy), (dense.visits, apart.visits)):
        assert (a == b).all()
        assert (b.base.reshape(12, -1)[:, -gap:] == 77).all()


def test_bad_values_stop_learning_and_leave_the_table(module):
    # Infinite and undefined rewards, and one that overflows in the difference.
    for reward in (math.inf, -math.inf, math.nan, 1.7e308):
        t = Tables(module, [[[[-1.7e308, 0.0]]]], rate=1.0)
        with pytest.raises(ValueError, match="^update: a learned value stopped being finite$"):
            t.update([[0]], [[0]], [[reward]], [[0]], [True])
        assert t.q.tolist() == [[[[-1.7e308, 0.0]]]] and not t.visits.any()


# -- find_greedy ---------------------------------------------------------------------------------

def test_find_greedy_by_hand(module):
    q = np.array([[1.0, 3.0, 3.0], [5.0, 5.0, 9.0], [-1.0, -2.0, -0.5], [-math.inf, -math.inf, -math.inf],
                  [0.0, -0.0, 0.0], [-0.0, 0.0, 0.0]])
    greedy = np.full(6, -7, np.int32)
    module("q_learning").find_greedy(q, np.array([3, 2, 3, 3, 3, 3], np.int32), greedy)
    assert greedy.tolist() == [1, 0, 2, 0, 0, 0]
    module("q_learning").find_greedy(q, np.ones(6, np.int32), greedy)
    assert greedy.tolist() == [0] * 6


@given(st.integers(1, 12), st.data())
def test_find_greedy_is_the_stated_rule(n_actions, data):
    rows = data.draw(st.lists(st.tuples(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0, -math.inf, math.inf]),
                                                 min_size=n_actions, max_size=n_actions), st.integers(1, n_actions)),
                                                 max_size=5))
    q = np.array([row for row, _ in rows]).reshape(-1, n_actions)
    counts = np.array([n for _, n in rows], np.int32)
    for backend in ("cython", "numpy"):
        greedy = np.full(len(rows), -7, np.int32)
        kernels(backend, "q_learning").find_greedy(q, counts, greedy)
        assert greedy.tolist() == [first_greatest(row[:n]) for row, n in rows]


@pytest.mark.parametrize("n_actions", [11, 12, 13, 15, 16, 19, 64, 67])
def test_the_first_greatest_of_many(n_actions):
    # At every place alone, tied with every later place, and beside numbers that are none.
    generator = np.random.default_rng(n_actions)
    q = np.concatenate([np.eye(n_actions), np.triu(np.ones((n_actions, n_actions))), -np.eye(n_actions),
                        generator.integers(0, 3, (40, n_actions)),
                        generator.choice([-0.0, 0.0, math.nan], (40, n_actions)),
                        np.full((1, n_actions), -math.inf), np.full((1, n_actions), math.nan)])
    expected = [first_greatest(row) for row in q.tolist()]
    for backend in ("cython", "numpy"):
        greedy = np.full(len(q), -7, np.int32)
        kernels(backend, "q_learning").find_greedy(q, np.full(len(q), n_actions, np.int32), greedy)
        assert greedy.tolist() == expected


# -- acting: epsilon-greedy ----------------------------------------------------------------------

def test_explore_iff_the_draw_is_below_epsilon(module):
    # Epsilon 0.25, greedy action 2; the second draw 0.0 says action 0.
    draws = [[[0.25, 0.0]], [[np.nextafter(0.25, 0), 0.0]], [[np.nextafter(0.25, 1), 0.0]]]
    q = np.broadcast_to([0.0, 0.0, 1.0], (3, 1, 1, 3))
    rows = [[0]] * 3
    assert Tables(module, q, exploration=0.25).act(rows, draws).tolist() == [[2], [0], [2]]
    assert Tables(module, q, exploration=0.25, strict=False).act(rows, draws).tolist() == [[0], [0], [2]]


def test_epsilon_zero_and_one(module):
    q = np.broadcast_to([0.0, 0.0, 1.0], (2, 1, 1, 3))
    draws = [[[0.0, 0.0]], [[BELOW_ONE, 0.5]]]
    assert Tables(module, q, exploration=0.0).act([[0]] * 2, draws).tolist() == [[2], [2]]
    assert Tables(module, q, exploration=0.0, strict=False).act([[0]] * 2, draws).tolist() == [[0], [2]]
    assert Tables(module, q, exploration=1.0).act([[0]] * 2, draws).tolist() == [[0], [1]]


@pytest.mark.parametrize("actions", [1, 2, 3, 5, 7])
def test_the_exploring_action_is_the_floor_of_draw_times_actions(module, actions):
    us = [0.0, *(k / actions for k in range(1, actions)), *(np.nextafter(k / actions, 0) for k in range(1, actions)),
          0.5, BELOW_ONE]
    t = Tables(module, np.zeros((len(us), 1, 1, actions)), exploration=1.0)
    got = t.act([[0]] * len(us), [[[0.0, u]] for u in us])
    assert got.ravel().tolist() == [math.floor(u * actions) for u in us]
    assert got.max() == actions - 1


def test_each_agent_reads_its_own_draws_row_and_table(module):
    q = np.zeros((1, 2, 3, 4))
    q[0, 0, 0, 1] = q[0, 1, 1, 2] = q[0, 0, 2, 3] = 1.0
    t = Tables(module, q, exploration=0.5)
    assert t.act([[0, 1, 0]], [[[0.9, 0.0]] * 3]).tolist() == [[1, 2, 3]]
    assert t.act([[1, 0, 1]], [[[0.9, 0.0]] * 3]).tolist() == [[0, 0, 0]]
    assert t.act([[0, 1, 0]], [[[0.9, 0.0], [0.1, 0.99], [0.9, 0.0]]]).tolist() == [[1, 3, 3]]


def test_more_draws_than_needed_are_stepped_over(module):
    q = np.broadcast_to([0.0, 1.0], (1, 1, 2, 2))
    t = Tables(module, q, exploration=0.5, draws=5)
    draws = [[[0.4, 0.1, 9.0, 9.0, 9.0], [0.6, 0.1, 9.0, 9.0, 9.0]]]
    assert t.act([[0, 0]], draws).tolist() == [[0, 1]]


def test_runs_have_their_own_epsilon(module):
    q = np.broadcast_to([0.0, 1.0], (3, 1, 1, 2))
    t = Tables(module, q, exploration=[0.1, 0.5, 0.9])
    assert t.act([[0]] * 3, [[[0.5, 0.0]]] * 3).tolist() == [[1], [1], [0]]


# -- ties ----------------------------------------------------------------------------------------

def test_ties_by_hand(module):
    # Ties at actions 1, 2, 4: the third draw times 3, rounded down, picks one of them.
    us = [0.0, np.nextafter(1 / 3, 0), 0.34, 0.6, 0.67, BELOW_ONE]
    q = np.broadcast_to([0.0, 5.0, 5.0, 3.0, 5.0], (len(us), 1, 1, 5))
    t = Tables(module, q, ties=True)
    assert t.act([[0]] * len(us), [[[0.5, 0.5, u]] for u in us]).ravel().tolist() == [1, 1, 2, 2, 4, 4]


def test_ties_first_is_the_first(module):
    t = Tables(module, np.broadcast_to([0.0, 5.0, 5.0], (1, 1, 1, 3)))
    assert t.act([[0]], [[[0.5, 0.99]]]).tolist() == [[1]]


def test_ties_look_at_the_agents_own_actions_only(module):
    # Width 3, but the agent has 2 actions: the third 5 is none of its ties.
    t = Tables(module, np.broadcast_to([5.0, 5.0, 5.0], (2, 1, 1, 3)), actions=[2], ties=True)
    assert t.act([[0]] * 2, [[[0.5, 0.5, 0.49]], [[0.5, 0.5, BELOW_ONE]]]).tolist() == [[0], [1]]


def test_ties_without_a_tie_are_greedy(module):
    t = Tables(module, np.broadcast_to([0.0, 1.0, 2.0], (3, 1, 1, 3)), ties=True)
    assert t.act([[0]] * 3, [[[0.5, 0.5, u]] for u in (0.0, 0.5, BELOW_ONE)]).ravel().tolist() == [2, 2, 2]


# -- Boltzmann -----------------------------------------------------------------------------------

def softmax(q, temperature):
    best = max(q)
    weights = [math.exp((v - best) / temperature) for v in q]
    return [w / math.fsum(weights) for w in weights]


@pytest.mark.parametrize("temperature", [0.05, 0.4, 1.0, 10.0])
@pytest.mark.parametrize("q", [[0.0, 1.0, 0.5], [3.0, 3.0], [-5.0, 2.0, 2.0, 1.9, -100.0], [7.0]])
def test_boltzmann_is_the_inverse_transform_of_the_softmax(module, q, temperature):
    # Action a is taken for draws from the sum of the probabilities before it up to that sum with its own:
    # one part in 10**13 inside both ends it is a, so that its probability is exact to that.
    edges = np.concatenate([[0.0], np.cumsum(softmax(q, temperature))])
    expected, us = [], []
    for a, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        if high - low > 1e-12:
            us += [low + 1e-13 if a else 0.0, (low + high) / 2, min(high - 1e-13, BELOW_ONE)]
            expected += [a] * 3
    t = Tables(module, np.broadcast_to(q, (len(us), 1, 1, len(q))), exploration=temperature, kind=1)
    assert t.act([[0]] * len(us), [[[u]] for u in us]).ravel().tolist() == expected


def test_boltzmann_by_hand(module):
    # q = [0, T log 2, T log 5]: probabilities 1/8, 2/8, 5/8.
    t = 0.75
    us = [0.0, 0.1249, 0.1251, 0.3749, 0.3751, BELOW_ONE]
    q = np.broadcast_to([0.0, t * math.log(2), t * math.log(5)], (len(us), 1, 1, 3))
    got = Tables(module, q, exploration=t, kind=1).act([[0]] * len(us), [[[u]] for u in us])
    assert got.ravel().tolist() == [0, 0, 1, 1, 2, 2]


def test_a_cold_boltzmann_is_greedy_and_overflows_nothing(module):
    us = [0.0, 0.5, BELOW_ONE]
    q = np.broadcast_to([-1e6, 1e6, 0.0], (len(us), 1, 1, 3))
    for temperature in (1e-3, 1e-9):
        t = Tables(module, q, exploration=temperature, kind=1)
        assert t.act([[0]] * len(us), [[[u]] for u in us]).ravel().tolist() == [1, 1, 1]


def test_boltzmann_looks_at_the_agents_own_actions_only(module):
    t = Tables(module, np.broadcast_to([0.0, 0.0, 50.0], (3, 1, 1, 3)), actions=[2], exploration=1.0, kind=1)
    assert t.act([[0]] * 3, [[[u]] for u in (0.25, 0.75, BELOW_ONE)]).ravel().tolist() == [0, 1, 1]


# -- schedules -----------------------------------------------------------------------------------

def test_tick_moves_both_schedules(module):
    schedules = module("schedules")
    rate = schedule(schedules, 1.0, 2, kind=2, rate=0.5)
    exploration = schedule(schedules, 1.0, 2, kind=2, rate=0.5, per_episode=True)
    t = Tables(module, np.zeros((2, 1, 1, 2)), rate=rate, exploration=exploration)
    t.kernel.tick(np.array([False, True]))
    # The rate is 1/2 in both runs, epsilon 1 and 1/2.
    t.update([[0]] * 2, [[1]] * 2, [[8.0]] * 2, [[0]] * 2, [True] * 2)
    assert t.q[:, 0, 0].tolist() == [[0.0, 4.0]] * 2
    assert t.act([[0]] * 2, [[[0.6, 0.0]]] * 2).tolist() == [[0], [1]]


# -- both backends -------------------------------------------------------------------------------

@st.composite
def cases(draw):
    tables = draw(st.integers(1, 3))
    agents = draw(st.integers(tables, 6))
    table_of = [*range(tables), *draw(st.lists(st.integers(0, tables - 1), min_size=agents - tables,
                                               max_size=agents - tables))]
    n_actions = draw(st.sampled_from([1, 2, 3, 5, 8, 9, 12, 16, 17]))
    counts = draw(st.lists(st.integers(1, n_actions), min_size=tables, max_size=tables) | st.just([n_actions] * tables))
    kind = draw(st.integers(0, 1))
    return dict(
        shape=(draw(st.sampled_from([1, 2, 5])), draw(st.integers(1, 4)), tables, n_actions), table_of=table_of,
        actions=[counts[t] for t in table_of], kind=kind, strict=draw(st.booleans()),
        ties=draw(st.booleans()), exploration=draw(st.sampled_from([0.0, 0.3, 1.0])) if kind == 0 else
        draw(st.sampled_from([0.1, 2.0])), rate=draw(st.sampled_from([0.0, 0.1, 1.0])),
        discount=draw(st.sampled_from([0.0, 0.9, 1.0])), seed=draw(st.integers(0, 2**32 - 1)),
        agent_ids=sorted(draw(st.sets(st.integers(0, agents - 1), min_size=1))))


def played(backend, packed, shape, table_of, actions, kind, strict, ties, exploration, rate, discount, seed, agent_ids):
    """Everything a learner does and keeps over some steps of random experience, with many ties."""
    generator = np.random.default_rng(seed)
    runs, rows, tables, n_actions = shape
    t = Tables(modules(backend, packed), generator.integers(0, 3, shape).astype(float), table_of, actions, agent_ids,
               discount, rate, exploration, kind, strict, ties)
    agents, trace = len(table_of), []
    for _ in range(12):
        where, next_rows = generator.integers(0, rows, (2, runs, agents))
        taken = t.act(where, generator.random((runs, agents, t.kernel.draws)))
        others = (generator.random((runs, agents)) * t.actions).astype(np.int32)
        changed = t.update(where, np.where(taken == -9, others, taken), generator.integers(-2, 3, (runs, agents)) / 2,
                           next_rows, generator.random(runs) < 0.3)
        trace.append([a.tobytes() for a in (taken, changed, t.q, t.greedy, t.visits)])
    return trace


@given(cases())
def test_both_backends_learn_alike(case):
    expected = played("numpy", False, **case)
    assert played("cython", False, **case) == played("cython", True, **case) == expected


def test_sharing_many_agents_is_alike():
    case = dict(shape=(2, 2, 2, 3), table_of=[k % 2 for k in range(40)], actions=[3] * 40, kind=0, strict=True,
                ties=True, exploration=0.2, rate=0.5, discount=0.9, seed=1, agent_ids=list(range(40)))
    expected = played("numpy", False, **case)
    assert played("cython", False, **case) == played("cython", True, **case) == expected
