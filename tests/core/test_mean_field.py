"""Mean field kernels: numbers worked by hand from Yang et al. (2018), mean actions, and bad arguments."""
import itertools
import math

import numpy as np
import pytest

from marlfast.backends import kernels

from .make import Tables, schedule

LN3 = math.log(3.0)


def lists(*near):
    """Neighbourhoods as the kernels take them: edges and neighbours."""
    return (np.concatenate([[0], np.cumsum([len(one) for one in near])]).astype(np.int64),
            np.array([i for one in near for i in one], np.int32))


class Field(Tables):
    """Expected SARSA over rows and mean actions; q [R, rows * means, T, A]."""

    def __init__(self, module, q, near=None, group=None, choices=2, bins=1, learning=True, **options):
        super().__init__(module, q, learning=learning, **options)
        runs, agents = self.shape
        inner = module("one_step").OneStep(**self.common, rule=0)
        means = math.comb(bins + choices - 1, choices - 1)
        edges, neighbours = lists(*near) if group is None else (None, None)
        self.mean = np.zeros((runs, agents), np.int32)
        self.kernel = module("mean_field").MeanField(
            inner=inner, mean=self.mean, n_rows=self.q.shape[1] // means, agent_ids=self.agent_ids,
            n_near_actions=choices,
            bins=bins,
            edges=edges, neighbours=neighbours, group=None if group is None else np.array(group, np.int32))


def neighbourhood(size, choices, bins):
    """What the twin knows of an agent's neighbourhood of so many others."""
    means = math.comb(bins + choices - 1, choices - 1)
    q = np.zeros((1, means, size + 1, choices))
    near = [range(1, size + 1)]
    return Field(lambda name: kernels("numpy", name), q, near, None, choices, bins, agent_ids=[0]).kernel.near


def test_a_step_by_hand(module):
    # Two agents, each other's neighbours; two rows, so that row * 2 + mean numbers the four rows of the table.
    # Agent 0 takes 1 beside 0, earns 1; agent 1 takes 0 beside 1, earns 2. Successor: row 1.
    # Agent 0: v = p(1) ln 3 with p = 3/4: target 1 + 1/2 * 3/4 ln 3. Agent 1: equal values 4: target 2 + 1/2 * 4.
    q = np.zeros((1, 4, 2, 2))
    q[0, 2, 0] = 0.0, LN3
    q[0, 3, 1] = 4.0, 4.0
    t = Field(module, q, near=([1], [0]), kind=1, exploration=1.0)
    t.update([[0, 0]], [[1, 0]], [[1.0, 2.0]], [[1, 1]])
    assert t.q[0, 0, 0].tolist() == [0.0, pytest.approx(0.5 * (1.0 + 0.375 * LN3), abs=1e-14)]
    assert t.q[0, 1, 1].tolist() == [2.0, 0.0]
    assert t.visits[0].tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]
    assert t.mean.tolist() == [[1, 2]]


def test_nothing_is_bootstrapped_from_a_terminal_state(module):
    q = np.full((1, 4, 2, 2), 8.0)
    t = Field(module, q, near=([1], [0]), kind=1, exploration=1.0)
    t.update([[0, 0]], [[1, 0]], [[1.0, 2.0]], [[1, 1]], [True])
    assert t.q[0, 0, 0].tolist() == [8.0, 4.5] and t.q[0, 1, 1].tolist() == [5.0, 8.0]


def test_it_acts_by_the_mean_action_of_the_step_before_and_forgets_it_at_the_end_of_an_episode(module):
    # Three agents in a row; the one in the middle has two neighbours, the others one. Greedy: what the mean says.
    q = np.zeros((1, 3, 3, 2))
    q[0, 0, :, 0] = q[0, 2, :, 1] = 1.0     # follow the neighbours
    q[0, 1, :, 1] = 0.5                     # half of them: 1
    t = Field(module, q, near=([1], [0, 2], [1]), bins=2)
    none = np.zeros((1, 3, 2)) + 0.5
    assert t.act([[0, 0, 0]], none).tolist() == [[1, 1, 1]]        # at first: as if half of them took 1
    t.update([[0, 0, 0]], [[0, 1, 0]], np.zeros((1, 3)), [[0, 0, 0]], [False])
    assert t.mean.tolist() == [[3, 1, 3]]                           # 2 of 2 bins, none, 2
    assert t.act([[0, 0, 0]], none).tolist() == [[1, 0, 1]]
    t.kernel.tick(np.array([False]))
    assert t.mean.tolist() == [[3, 1, 3]]
    t.kernel.tick(np.array([True]))
    assert t.mean.tolist() == [[0, 0, 0]] and t.act([[0, 0, 0]], none).tolist() == [[1, 1, 1]]


def test_groups_count_all_others(module):
    # Two groups of three and two, and one agent in none: others' shares of action 1, in bins of 1/2, plus 1.
    t = Field(module, np.zeros((1, 3, 6, 2)), group=[0, 0, 0, 1, 1, -1], bins=2)
    t.update(np.zeros((1, 6)), [[1, 0, 1, 1, 0, 1]], np.zeros((1, 6)), np.zeros((1, 6)))
    assert t.mean.tolist() == [[1 + 1, 2 + 1, 1 + 1, 0 + 1, 2 + 1, 0 + 1]]


def test_lists_and_groups_agree(module):
    near = [[j for j in range(5) if j != i] for i in range(5)]
    rng = np.random.default_rng(0)
    for bins, choices in ((4, 3), (3, 3), (2, 4), (7, 2)):
        q = np.zeros((1, math.comb(bins + choices - 1, choices - 1), 5, choices))
        a = Field(module, q, near=near, bins=bins, choices=choices)
        b = Field(module, q, group=[0] * 5, bins=bins, choices=choices)
        actions = rng.integers(choices, size=(1, 5))
        for t in (a, b):
            t.update(np.zeros((1, 5)), actions, np.ones((1, 5)), np.zeros((1, 5)))
        assert a.mean.tolist() == b.mean.tolist() and a.q.tolist() == b.q.tolist()


@pytest.mark.parametrize("choices, bins", [(1, 3), (2, 1), (2, 5), (3, 1), (3, 4), (4, 3), (5, 4), (6, 2)])
def test_every_mean_action_has_a_number_of_its_own(choices, bins):
    size = bins
    near = neighbourhood(size, choices, bins)
    found = {}
    for some in itertools.combinations_with_replacement(range(choices), size):
        points, status = near.of(np.array([[0, *some]]))
        assert status.tolist() == [0]
        found[int(points[0, 0])] = some
    assert sorted(found) == list(range(near.means)) and len(found) == math.comb(bins + choices - 1, choices - 1)


def test_two_actions_are_numbered_by_the_share_of_action_one():
    near = neighbourhood(4, 2, 4)
    assert [near.of(np.array([[0] + [1] * k + [0] * (4 - k)]))[0].item() for k in range(5)] == [0, 1, 2, 3, 4]
    assert near.first.tolist() == [2]
    # In bins of 1/2, halves are rounded up: shares 0, 1/4, 1/2, 3/4, 1 become 0, 1/2, 1/2, 1, 1.
    near = neighbourhood(4, 2, 2)
    assert [near.of(np.array([[0] + [1] * k + [0] * (4 - k)]))[0].item() for k in range(5)] == [0, 1, 1, 2, 2]


def test_a_frozen_kernel_remembers_but_does_not_learn(module):
    t = Field(module, np.ones((1, 2, 2, 2)), near=([1], [0]), learning=False)
    t.update([[0, 0]], [[1, 0]], [[9.0, 9.0]], [[0, 0]])
    assert (t.q == 1.0).all() and t.mean.tolist() == [[1, 2]]


def test_only_led_agents_learn_and_all_are_looked_at(module):
    t = Field(module, np.zeros((1, 3, 3, 2)), near=([0, 2],), agent_ids=[1], bins=2)
    t.update([[0, 0, 0]], [[1, 0, 1]], [[5.0, 2.0, 7.0]], [[0, 0, 0]], [True])
    assert t.mean.tolist() == [[0, 3, 0]] and t.q[0, 2, 1].tolist() == [1.0, 0.0] and t.q.sum() == 1.0


def test_rows_and_actions_outside_are_refused(module):
    t = Field(module, np.zeros((1, 4, 2, 2)), near=([1], [0]))
    for rows in ([[2, 0]], [[-1, 0]], [[2**31 - 1, 0]]):
        with pytest.raises(ValueError, match="a row lies outside"):
            t.act(rows, np.full((1, 2, 2), 0.5))
        with pytest.raises(ValueError, match="a row lies outside"):
            t.update(rows, [[0, 0]], np.zeros((1, 2)), [[0, 0]])
    for actions in ([[2, 0]], [[0, -1]], [[0, 2**31 - 1]]):
        with pytest.raises(ValueError, match="an action lies outside"):
            t.update([[0, 0]], actions, np.zeros((1, 2)), [[0, 0]])
        with pytest.raises(ValueError, match="an action lies outside"):
            Field(module, np.zeros((1, 2, 2, 2)), group=[0, 0]).update([[0, 0]], actions, np.zeros((1, 2)), [[0, 0]])
    for mean in (9, -1, 2**31 - 1, -2**31):
        t.mean[0, 0] = mean
        with pytest.raises(ValueError, match="a row lies outside"):
            t.act([[0, 0]], np.full((1, 2, 2), 0.5))


# -- actor and critic ----------------------------------------------------------------------------

class Actor:
    """An actor and a critic over arrays that a test may look at."""

    def __init__(self, module, logits, q, near=([1], [0]), bins=1, choices=2, rate=0.5, critic=0.5, discount=0.5):
        t = Tables(module, logits, kind=1, exploration=1.0, rate=rate, discount=discount)
        self.t, self.logits, self.q = t, t.q, np.array(q, np.float64)
        edges, neighbours = lists(*near)
        self.kernel = module("mean_field").MeanFieldActorCritic(
            **t.common, values=self.q, critic=schedule(module("schedules"), critic), n_near_actions=choices, bins=bins,
            edges=edges, neighbours=neighbours)
        t.kernel = self.kernel
        self.act, self.update = t.act, t.update


def test_an_actor_and_a_critic_by_hand(module):
    # Row 0: p(0) = 1/4, p(1) = 3/4 by logits 0, ln 3; row 1: halves. Agent 0 takes 1 beside 1, earns 2.
    # v(1, m=1) = (4 + 8) / 2 = 6; target 2 + 1/2 * 6 = 5; q[0, 1, 1] = 1 + 1/2 (5 - 1) = 3.
    # v(0, 1) = 1/4 * 7 + 3/4 * 3 = 4; advantage -1; logits += 1/2 * -1 * (0 - 1/4, 1 - 3/4) = 1/8, -1/8.
    logits, q = np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 2, 2))
    logits[0, 0, 0] = 0.0, LN3
    q[0, 1, 1, 0], q[0, 0, 1, 0] = (4.0, 8.0), (7.0, 1.0)
    a = Actor(module, logits, q)
    a.update([[0, 0]], [[1, 1]], [[2.0, 0.0]], [[1, 1]])
    assert a.q[0, 0, 1, 0].tolist() == [7.0, 3.0]
    assert a.logits[0, 0, 0].tolist() == [pytest.approx(0.5 * 0.25, abs=1e-14), pytest.approx(LN3 - 0.125, abs=1e-14)]
    assert a.t.visits[0, :, 0].tolist() == [1, 0]
    # Agent 1: nothing earned, nothing ahead: target 0, advantage 0, logits as they were.
    assert a.logits[0, 0, 1].tolist() == [0.0, 0.0] and a.q[0, :, :, 1].tolist() == [[[0.0] * 2] * 2] * 2


def test_an_actor_draws_from_the_softmax_of_its_logits(module):
    logits = np.zeros((1, 1, 2, 2))
    logits[..., 1] = LN3
    a = Actor(module, logits, np.zeros((1, 1, 2, 2, 2)))
    assert a.act([[0, 0]], [[[0.2499], [0.2501]]]).tolist() == [[0, 1]]


def test_the_likeliest_action_is_kept(module):
    a = Actor(module, np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2, 2)))
    changed = a.update([[0, 0]], [[1, 0]], [[4.0, 4.0]], [[0, 0]], [True])
    # Agent 0: q 2, v = 1, advantage 1: logits -1/4, 1/4. Agent 1 likewise, for action 0, which was first before.
    assert a.logits[0, 0].tolist() == [[-0.25, 0.25], [0.25, -0.25]]
    assert a.t.greedy[0, 0].tolist() == [1, 0] and changed.tolist() == [True]


def test_an_actor_whose_logits_overflow_fails_and_leaves_its_values(module):
    a = Actor(module, np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2, 2)), critic=1.0)
    a.logits[0, 0, 0] = 1e308, 1e308
    # Critic: 1.7e308 for action 0, v half of it; logit 0 becomes 1e308 + 1/2 * 0.85e308 / 2, then beyond what there is.
    with pytest.raises(ValueError, match="stopped being finite"):
        for action, reward in ((0, 1.7e308), (1, -1.7e308)):
            kept = a.q.copy(), a.logits.copy()
            a.update([[0, 0]], [[action, 0]], [[reward, 0.0]], [[0, 0]], [True])
    assert (a.q == kept[0]).all() and (a.logits == kept[1]).all() and a.q[0, 0, 0, 0, 0] == 1.7e308


# -- bad arguments -------------------------------------------------------------------------------

def arguments(module, **changes):
    t = Tables(module, np.zeros((1, 4, 2, 2)))
    edges, neighbours = lists([1], [0])
    return {"inner": t.kernel, "mean": np.zeros((1, 2), np.int32), "n_rows": 2,
            "agent_ids": np.arange(2, dtype=np.int32), "n_near_actions": 2, "bins": 1, "edges": edges,
            "neighbours": neighbours, "group": None} | changes


BAD = [
    ({"mean": np.zeros((2, 2), np.int32)}, ValueError, "mean: expected shape"),
    ({"mean": np.zeros((1, 2))}, TypeError, "mean: expected int32"),
    ({"n_rows": 0}, ValueError, "n_rows: expected at least 1"),
    ({"n_rows": 2**30}, ValueError, "n_rows: expected .* at most 2\\*\\*31 - 1 in all with 2 means"),
    ({"agent_ids": np.zeros(0, np.int32)}, ValueError, "agent_ids: expected at least one"),
    ({"agent_ids": np.array([0, 2], np.int32)}, ValueError, "agent_ids: expected at least one agent from 0 to 1"),
    ({"n_near_actions": 0}, ValueError, "n_near_actions, bins: expected 1"),
    ({"bins": 0}, ValueError, "n_near_actions, bins: expected 1"),
    ({"bins": 2**20 + 1}, ValueError, "n_near_actions, bins"),
    ({"bins": 2**20, "n_near_actions": 9}, ValueError, "bins: .* have more than"),
    ({"edges": None}, ValueError, "either lists of neighbours or groups"),
    ({"group": np.zeros(2, np.int32)}, ValueError, "either lists of neighbours or groups"),
    ({"edges": np.array([0, 1], np.int64)}, ValueError, "edges: expected shape"),
    ({"edges": np.array([1, 1, 2], np.int64)}, ValueError, "edges: expected to rise"),
    ({"edges": np.array([0, 3, 2], np.int64)}, ValueError, "edges: expected to rise"),
    ({"edges": np.array([0, 1, 9], np.int64)}, ValueError, "edges: expected to rise"),
    ({"neighbours": np.array([1, 2], np.int32)}, ValueError, "neighbours: expected agents 0 to 1"),
    ({"neighbours": np.array([-1, 0], np.int32)}, ValueError, "neighbours: expected agents 0 to 1"),
    ({"edges": None, "neighbours": None, "group": np.array([0, 2], np.int32)}, ValueError, "group: expected -1 to 1"),
    ({"edges": None, "neighbours": None, "group": np.zeros(3, np.int32)}, ValueError, "group: expected shape"),
    ({"inner": None}, (TypeError, AttributeError), "None"),
]


@pytest.mark.parametrize("changes, error, message", BAD)
def test_bad_arguments_are_refused(module, changes, error, message):
    with pytest.raises(error, match=message):
        module("mean_field").MeanField(**arguments(module, **changes))
    module("mean_field").MeanField(**arguments(module))


@pytest.mark.parametrize("changes, message", [
    ({"values": np.zeros((1, 2, 3, 2, 2))}, "values: expected shape"), ({"kind": 0}, "kind: expected 1"),
    ({"critic": 2}, "critic: expected 1 runs"), ({"bins": 0}, "n_near_actions, bins"),
    ({"draws": 0}, "draws: expected at least")])
def test_bad_arguments_of_an_actor_are_refused(module, changes, message):
    t = Tables(module, np.zeros((1, 2, 2, 2)), kind=1, exploration=1.0)
    edges, neighbours = lists([1], [0])
    if "critic" in changes:
        changes = {"critic": schedule(module("schedules"), 0.5, 2)}
    with pytest.raises(ValueError, match=message):
        module("mean_field").MeanFieldActorCritic(**t.common | {
            "values": np.zeros((1, 2, 2, 2, 2)), "critic": schedule(module("schedules"), 0.5), "n_near_actions": 2,
            "bins": 1,
            "draws": 2, "edges": edges, "neighbours": neighbours} | changes)
