"""Value decomposition: by hand from the equations, derivatives three ways, and kernels called with anything."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marlfast.backends import kernels
from marlfast.reference import mixing as twin

from .make import schedule


def numbers(*values, kind=np.int32):
    return np.array(values, kind)


class Made:
    """A kernel and its arrays: R runs of the same numbers, which a test may look at and change.

    Parameters
    ----------
    q : array [rows, tables, A]
    mixer : array [states, teams, size], optional
    teams : sequence of sequence of int
        Agents are numbered without gaps.
    """

    def __init__(self, module, q, teams, mixer=None, hidden=0, table_of=None, actions=None, active=1, central=None,
                 rate=0.5, mixing=0.25, discount=0.5, exploration=0.0, kind=0, target_every=0, learning=True, runs=1,
                 **options):
        self.agents = sum(map(len, teams))
        q = np.array(q, np.float64)
        self.q = np.array(np.broadcast_to(q, (runs, *q.shape)), order="C")
        rows, tables, n_actions = q.shape
        self.table_of = np.arange(self.agents, dtype=np.int32) if table_of is None else np.array(table_of, np.int32)
        self.actions = np.full(self.agents, n_actions, np.int32) if actions is None else np.array(actions, np.int32)
        self.greedy, self.visits = np.zeros((2, runs, rows, tables), np.int32)
        for table, count in zip(self.table_of, self.actions, strict=True):
            self.greedy[:, :, table] = self.q[:, :, table, :count].argmax(axis=2)
        self.mixer = None
        if mixer is not None:
            mixer = np.array(mixer, np.float64)
            self.mixer = np.array(np.broadcast_to(mixer, (runs, *mixer.shape)), order="C")
        self.central = (1 if central is None else central) if mixer is not None and learning else 0
        self.target_q = self.q.copy() if target_every else None
        self.target_mixer = self.mixer.copy() if target_every and mixer is not None else None
        self.since = np.zeros(runs, np.int64) if target_every else None
        members = np.array([agent for team in teams for agent in team], np.int32)
        starts = np.cumsum([0, *map(len, teams)]).astype(np.int64)
        agent_ids = np.array(sorted(members.tolist()), np.int32)
        schedules = module("schedules")
        rate, exploration = schedule(schedules, rate, runs), schedule(schedules, exploration, runs)
        mixing = None if mixer is None else schedule(schedules, mixing, runs)
        self.arguments = {
            "q": self.q, "greedy": self.greedy, "visits": self.visits, "table_of": self.table_of,
            "n_actions": self.actions, "agent_ids": agent_ids, "discount": np.full(runs, discount), "rate": rate,
            "exploration": exploration, "kind": kind, "strict": True, "ties": 0, "draws": 2, "learning": learning,
            "active": active, "central": self.central, "members": members, "starts": starts, "hidden": hidden,
            "mixer": self.mixer, "mixing": mixing, "target_q": self.target_q, "target_mixer": self.target_mixer,
            "since": self.since, "target_every": target_every, "bounded": False} | options
        self.kernel = module("mixing").Mixing(**self.arguments)
        self.runs = runs

    def act(self, rows, draws):
        actions = np.full((self.runs, self.agents), -9, np.int32)
        self.kernel.act(np.array(rows, np.int32), np.array(draws, np.float64), actions)
        return actions.tolist()

    def update(self, rows, actions, rewards, next_rows, over=False):
        changed = np.zeros(self.runs, bool)
        self.kernel.update(np.array([rows] * self.runs, np.int32), np.array([actions] * self.runs, np.int32),
                           np.array([rewards] * self.runs, np.float64), np.array([next_rows] * self.runs, np.int32),
                           np.full(self.runs, over), changed)
        return changed.tolist()


# -- by hand -------------------------------------------------------------------------------------

def test_a_sum_by_hand(module):
    # Two agents, two actions, two rows. Q = q0[0, 1] + q1[0, 0] = 1 + 3 = 4. Next, in row 1: 5 + 2 = 7.
    # Target: mean reward (2 + 4) / 2 = 3, plus .5 * 7 = 6.5. Error 2.5; both move by .5 * 2.5.
    made = Made(module, [[[0.0, 1.0], [3.0, 4.5]], [[5.0, -1.0], [1.0, 2.0]]], [[0, 1]])
    assert made.update([0, 0], [1, 0], [2.0, 4.0], [1, 1]) == [False]
    assert made.q[0].tolist() == [[[0.0, 2.25], [4.25, 4.5]], [[5.0, -1.0], [1.0, 2.0]]]
    assert made.visits[0].tolist() == [[1, 1], [0, 0]]
    # The game is over: 3 - (2.25 + 4.25) = -3.5; the second's best action stays 1, the first's too: 0.5 > 0.
    assert made.update([0, 0], [1, 0], [2.0, 4.0], [1, 1], over=True) == [False]
    assert made.q[0, 0].tolist() == [[0.0, 0.5], [2.5, 4.5]]
    # 13 - 3 = 10: the second's action 0 becomes its best.
    assert made.update([0, 0], [1, 0], [13.0, 13.0], [1, 1], over=True) == [True]
    assert made.q[0, 0].tolist() == [[0.0, 5.5], [7.5, 4.5]] and made.greedy[0, 0].tolist() == [1, 0]


def test_two_teams_learn_from_two_errors(module):
    # Agents 0 and 2 against 1. Errors: (1 + 3) / 2 - (0 + 4) = -2 and 6 - 2 = 4.
    made = Made(module, [[[0.0], [2.0], [4.0]]], [[0, 2], [1]])
    made.update([0, 0, 0], [0, 0, 0], [1.0, 6.0, 3.0], [0, 0, 0], over=True)
    assert made.q[0, 0, :, 0].tolist() == [-1.0, 4.0, 3.0]


def test_members_who_share_a_table_both_write_it(module):
    # Both did action 0 in row 0: Q = 1 + 1, error 4 - 2 = 2, and the one number moves twice by .5 * 2.
    made = Made(module, [[[1.0, 0.0]]], [[0, 1]], table_of=[0, 0])
    made.update([0, 0], [0, 0], [4.0, 4.0], [0, 0], over=True)
    assert made.q[0, 0, 0].tolist() == [3.0, 0.0] and made.visits.sum() == 2


# One hidden unit for two members: w1 = (1, -2), b1, w2 = -0.5, v = 3.
def network(bias):
    return [[[1.0, -2.0, bias, -0.5, 3.0]]]


def test_a_network_by_hand_where_its_unit_is_straight(module):
    # Utilities 1 and 2: z = 1 * 1 + 2 * |-2| - 1 = 4 > 0; Q = 3 + 4 * |-.5| = 5. Over: error 7 - 5 = 2.
    # dQ/du = .5 * (1, 2); dQ/dw1 = .5 * (1, 2) * signs (1, -1); dQ/db1 = .5; dQ/dw2 = 4 * -1; dQ/dv = 1.
    # Rates .5 and .25: utilities move by 1 * (.5, 1), the network by .5 * (.5, -1, .5, -4, 1).
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-1.0), 1)
    made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
    assert made.q[0, 0, :, 0].tolist() == [1.5, 3.0]
    assert made.mixer[0, 0, 0].tolist() == [1.25, -2.5, -0.75, -2.5, 3.5]


def test_a_network_by_hand_where_its_unit_bends(module):
    # z = 1 + 4 - 6 = -1; elu = 1/e - 1, its slope 1/e. Q = 3 + .5 * (1/e - 1). The next state's is the same.
    q, e = 3.0 + 0.5 * (math.exp(-1.0) - 1.0), math.exp(-1.0)
    error = 2.0 + 0.5 * q - q
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-6.0), 1)
    made.update([0, 0, 0], [0, 0], [2.0, 2.0], [0, 0, 0])
    assert made.q[0, 0, :, 0].tolist() == pytest.approx(
        [1.0 + 0.5 * error * 0.5 * e, 2.0 + 0.5 * error * 0.5 * e * 2.0], abs=1e-15)
    assert made.mixer[0, 0, 0].tolist() == pytest.approx([
        1.0 + 0.25 * error * 0.5 * e * 1.0, -2.0 - 0.25 * error * 0.5 * e * 2.0, -6.0 + 0.25 * error * 0.5 * e,
        -0.5 - 0.25 * error * (e - 1.0), 3.0 + 0.25 * error], abs=1e-15)


def test_a_step_may_be_bounded(module):
    # As by hand above: to first order Q would move by .5 * (.25 + 1) + .25 * (.25 + 1 + .25 + 16 + 1) = 5.25 errors.
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-1.0), 1, bounded=True)
    made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
    assert made.q[0, 0, :, 0].tolist() == pytest.approx([1.0 + 0.5 / 5.25, 2.0 + 1.0 / 5.25], abs=1e-15)
    assert made.mixer[0, 0, 0].tolist() == pytest.approx(
        [1.0 + 0.25 / 5.25, -2.0 - 0.5 / 5.25, -1.0 + 0.25 / 5.25, -0.5 - 2.0 / 5.25, 3.0 + 0.5 / 5.25], abs=1e-15)
    # With rates a tenth of that the bound is not met, and nothing else happens than without it.
    for bounded in (False, True):
        made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-1.0), 1, rate=0.05, mixing=0.025, bounded=bounded)
        made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
        assert made.mixer[0, 0, 0, 4] == 3.0 + 0.025 * 2.0


def test_a_weight_of_zero_stays(module):
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], [[[0.0, -0.0, 1.0, 0.0, 3.0]]], 1)
    made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
    assert made.mixer[0, 0, 0].tolist() == [0.0, 0.0, 1.0, 0.0, 4.0] and made.q[0, 0, :, 0].tolist() == [1.0, 2.0]


def test_the_state_says_which_network(module):
    # Networks that are nothing but their last number: 10 in state 0, 20 in state 1. 1 + .5 * 20 - 10 = 1.
    made = Made(module, [[[0.0]]], [[0]], [[[0.0, 0.0, 0.0, 10.0]], [[0.0, 0.0, 0.0, 20.0]]], 1)
    made.update([0, 0], [0], [1.0], [0, 1])
    assert made.mixer[0, :, 0, 3].tolist() == [10.25, 20.0]


def test_several_rows_add_up_and_share_a_step(module):
    # Three rows of each agent: utilities 1 + 2 + 4 = 7 and 10 + 20 + 40 = 70; error 107 - 77 = 30, rate .5 / 3.
    q = [[[1.0, 0.0], [10.0, 0.0]], [[2.0, 0.0], [20.0, 0.0]], [[4.0, 0.0], [40.0, 0.0]], [[9.0, 9.0], [9.0, 9.0]]]
    made = Made(module, q, [[0, 1]], active=3)
    assert made.update([0, 1, 2, 2, 0, 1], [0, 0], [107.0, 107.0], [3, 0, 1, 0, 1, 2], over=True) == [False]
    assert made.q[0, :3, :, 0].tolist() == [[6.0, 15.0], [7.0, 25.0], [9.0, 45.0]]
    # Next rows: the greatest sums are 9 + 6 + 7 = 22 and 15 + 25 + 45 = 85; 0 + .5 * 107 - 0 = 53.5, / 2 / 3 each.
    # Sums of action 1 become 26.75: of the first agent the greatest, which was 22; not of the second.
    assert made.update([0, 1, 2, 2, 0, 1], [1, 1], [0.0, 0.0], [3, 0, 1, 0, 1, 2]) == [True]
    assert made.q[0, :3, 0, 1].tolist() == pytest.approx([53.5 / 6] * 3)


def test_several_rows_of_the_state_add_up_and_share_a_step(module):
    # The network by hand, in two halves: the sums are as there, each half moves by half of it.
    half = [[[0.5, -1.0, -0.5, -0.25, 1.5]], [[0.5, -1.0, -0.5, -0.25, 1.5]], [[9.0] * 5]]
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], half, 1, central=2)
    made.update([0, 0, 1, 0], [0, 0], [7.0, 7.0], [0, 0, 2, 2], over=True)
    assert made.q[0, 0, :, 0].tolist() == [1.5, 3.0]
    assert made.mixer[0, :2, 0].tolist() == [[0.625, -1.25, -0.375, -1.25, 1.75]] * 2
    assert made.mixer[0, 2, 0].tolist() == [9.0] * 5


def test_targets_are_renewed_after_so_many_updates(module):
    # One agent alone: q += .5 * (0 + 1 * target - q), the target 8 until two updates are done.
    made = Made(module, [[[0.0]], [[8.0]]], [[0]], target_every=2, discount=1.0)
    noted = []
    for _ in range(4):
        made.update([0], [0], [0.0], [1])
        made.q[0, 1, 0, 0] -= 4.0
        noted.append((made.q[0, 0, 0, 0], made.target_q[0, 1, 0, 0], int(made.since[0])))
    # 4 (8), 6 (8, then 4 in force), 5 (4), 4.5 (4, then -4).
    assert noted == [(4.0, 8.0, 1), (6.0, 4.0, 0), (5.0, 4.0, 1), (4.5, -4.0, 0)]


def test_a_target_network_is_renewed_too(module):
    made = Made(module, [[[0.0]]], [[0]], [[[0.0, 0.0, 0.0, 10.0]]], 1, target_every=2, discount=1.0, mixing=0.5)
    made.update([0, 0], [0], [2.0], [0, 0])             # 10 + .5 * (2 + 10 - 10) = 11; the target stays 10
    assert (made.mixer[0, 0, 0, 3], made.target_mixer[0, 0, 0, 3]) == (11.0, 10.0)
    made.update([0, 0], [0], [2.0], [0, 0])             # 11 + .5 * (2 + 10 - 11) = 11.5
    assert (made.mixer[0, 0, 0, 3], made.target_mixer[0, 0, 0, 3]) == (11.5, 11.5)


def test_double_targets_by_hand(module):
    # q says that action 1 is greedy next (5 > 3), of which the target's table says 2; its own greatest is 8.
    for double, worth in ((True, 2.0), (False, 8.0)):
        made = Made(module, [[[0.0, 0.0]], [[3.0, 5.0]]], [[0]], target_every=9, discount=1.0, double=double)
        made.target_q[0, 1, 0] = [8.0, 2.0]
        made.update([0], [0], [1.0], [1])
        assert made.q[0, 0, 0].tolist() == [0.5 * (1.0 + worth), 0.0]


def test_rmsprop_by_hand(module):
    # Error 3 - 1 = 2: the mean of squares becomes .01 * 4 = .04, its root .2; q moves by .5 * 2 / (.2 + 1e-5).
    made = Made(module, [[[1.0, 0.0]]], [[0]], optimizer=1, q_square=np.zeros((1, 1, 1, 2)))
    made.update([0], [0], [3.0], [0], over=True)
    first = 1.0 + 0.5 * 2.0 / 0.20001
    assert made.q[0, 0, 0].tolist() == pytest.approx([first, 0.0], abs=1e-14)
    square = made.arguments["q_square"]
    assert square[0, 0, 0].tolist() == pytest.approx([0.04, 0.0], abs=1e-17)
    # Error 0: the mean of squares becomes .99 * .04, and nothing moves. Action 1 is not touched.
    made.update([0], [0], [float(made.q[0, 0, 0, 0])], [0], over=True)
    assert square[0, 0, 0].tolist() == pytest.approx([0.0396, 0.0], abs=1e-17)
    assert made.q[0, 0, 0, 0] == pytest.approx(first, abs=1e-14)


def test_adam_by_hand(module):
    # Error 2: mean .2 and square .004, divided by .1 and .001: 2 and 4. q moves by .5 * 2 / (2 + 1e-8).
    moments = {name: np.zeros((1, 1, 1, 1)) for name in ("q_mean", "q_square")}
    made = Made(module, [[[1.0]]], [[0]], optimizer=2, powers=np.ones((1, 2)), **moments)
    made.update([0], [0], [3.0], [0], over=True)
    now = 1.0 + 0.5 * 2.0 / (2.0 + 1e-8)
    assert made.q[0, 0, 0, 0] == pytest.approx(now, abs=1e-14)
    # Error -1: mean .9 * .2 - .1 = .08, square .999 * .004 + .001 = .004996; by 1 - .81 and 1 - .998001.
    made.update([0], [0], [now - 1.0], [0], over=True)
    now += 0.5 * (0.08 / 0.19) / (math.sqrt(0.004996 / 0.001999) + 1e-8)
    assert made.q[0, 0, 0, 0] == pytest.approx(now, abs=1e-12)
    assert made.arguments["powers"][0].tolist() == pytest.approx([0.81, 0.998001])


def test_an_optimiser_moves_networks_number_by_number(module):
    # As by hand above: error 2, derivatives .5, -1, .5, -4, 1. Each first step is the rate times the sign, times 10.
    moments = {"q_square": np.zeros((1, 1, 2, 1)), "mixer_square": np.zeros((1, 1, 1, 5))}
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-1.0), 1, rate=0.01, mixing=0.01, optimizer=1, **moments)
    made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
    assert made.mixer[0, 0, 0].tolist() == pytest.approx([1.1, -2.1, -0.9, -0.6, 3.1], abs=1e-4)
    assert made.q[0, 0, :, 0].tolist() == pytest.approx([1.1, 2.1], abs=1e-4)
    # Squares: .01 * (2 * derivative) ** 2.
    assert made.arguments["mixer_square"][0, 0, 0].tolist() == pytest.approx([0.01, 0.04, 0.01, 0.64, 0.04])


def test_normalised_steps_by_hand(module):
    # The network by hand: derivatives .5, 1 by utilities 1, 2, and .5, -1, .5, -4, 1; target 7, value 5, error 2. The
    # greatest value is 7: weights (.5, -1 and -4) count in units of 7.
    derivatives = np.array([0.5 / 49, -1.0 / 49, 0.5, -4.0 / 49, 1.0])
    for rate, mixing, error in ((0.01, 0.02, 2.0), (0.5, 0.25, 2.0 / (0.5 * 1.25 + 0.25 * (17.25 / 49 + 1.25)))):
        made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-1.0), 1, rate=rate, mixing=mixing, optimizer=3)
        made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
        assert made.mixer[0, 0, 0].tolist() == pytest.approx(
            (np.array([1.0, -2.0, -1.0, -0.5, 3.0]) + mixing * error * derivatives).tolist(), abs=1e-13)
        assert made.q[0, 0, :, 0].tolist() == pytest.approx([1.0 + rate * error * 0.5, 2.0 + rate * error], abs=1e-13)


def test_normalised_steps_do_not_carry_the_greedy_actions_too_far(module):
    # Q = elu(u); u = 1 is taken, 3 greedy. Derivatives 1, 1, 1, 1 and 3, 1, 3, 1; target 5: the unit of weights.
    # For an error of 1 the value taken moves by .1 + .9 * (2 / 25 + 2) = 1.972, the greedy one by .9 * (6 / 25 + 2).
    made = Made(module, [[[1.0, 3.0]]], [[0]], [[[1.0, 0.0, 1.0, 0.0]]], 1, rate=0.1, mixing=0.9, optimizer=3)
    made.update([0, 0], [0], [5.0], [0, 0], over=True)
    error = 4.0 / 2.016
    assert made.q[0, 0, 0].tolist() == pytest.approx([1.0 + 0.1 * error, 3.0], abs=1e-13)
    assert made.mixer[0, 0, 0].tolist() == pytest.approx(
        [1.0 + 0.9 * error / 25, 0.9 * error, 1.0 + 0.9 * error / 25, 0.9 * error], abs=1e-13)


def test_normalised_sums_move_by_no_more_than_the_error(module):
    # Three members at a rate of .5 would move their sum by 1.5 errors; error 9 - 6 = 3 counts as 2.
    made = Made(module, [[[1.0], [2.0], [3.0]]], [[0, 1, 2]], optimizer=3)
    made.update([0, 0, 0], [0, 0, 0], [9.0, 9.0, 9.0], [0, 0, 0], over=True)
    assert made.q[0, 0, :, 0].tolist() == pytest.approx([2.0, 3.0, 4.0], abs=1e-14)


def test_weighted_errors_by_hand(module):
    """One state, two agents of two actions: taken (1, 0), number 2; greedy (0, 0). Q is v = 0, all weights are 0."""
    for weighting, reward, joint, weight in ((1, 3.0, [0.0] * 4, 1.0), (1, -3.0, [0.0] * 4, 0.25),
                                             (2, 3.0, [2.0, 0.0, 1.0, 0.0], 1.0),
                                             (2, 3.0, [4.0, 0.0, 1.0, 0.0], 0.25)):
        values = np.array([[[joint]]])
        made = Made(module, [[[0.0, -1.0], [0.0, -1.0]]], [[0, 1]], [[[0.0] * 5]], 1, rate=0.5, mixing=0.1,
                    weighting=weighting, alpha=0.25, joint_q=values)
        made.update([0, 0, 0], [1, 0], [reward, reward], [0, 0, 0], over=True)
        # The network's last bias moves by .1 * weight * reward; the value of what was taken half of the way to it.
        assert made.mixer[0, 0, 0, 4] == pytest.approx(0.1 * weight * reward, abs=1e-15)
        joint[2] += 0.5 * (reward - joint[2])
        assert values[0, 0, 0].tolist() == joint
    # What follows is judged by the table, at the greedy joint action: 1 + .5 * 6.
    values = np.array([[[[6.0, 7.0, 0.0, 8.0]]]])
    made = Made(module, [[[0.0, -1.0], [0.0, -1.0]]], [[0, 1]], [[[0.0] * 5]], 1, rate=0.5, mixing=0.1,
                weighting=1, alpha=0.0, joint_q=values)
    made.update([0, 0, 0], [1, 0], [1.0, 1.0], [0, 0, 0])
    assert values[0, 0, 0].tolist() == [6.0, 7.0, 2.0, 8.0] and made.mixer[0, 0, 0, 4] == pytest.approx(0.4)


def test_a_gradient_may_be_shortened(module):
    # Two members: the gradient is the error, 4, for each: its norm 4 * sqrt(2). At most sqrt(2): the error counts as 1.
    for norm, error in ((math.sqrt(2.0), 1.0), (0.0, 4.0), (9.0, 4.0)):
        made = Made(module, [[[1.0], [2.0]]], [[0, 1]], max_norm=norm)
        made.update([0, 0], [0, 0], [7.0, 7.0], [0, 0], over=True)
        assert made.q[0, 0, :, 0].tolist() == pytest.approx([1.0 + 0.5 * error, 2.0 + 0.5 * error], abs=1e-14)
    # With the network by hand: derivatives .5, 1 and .5, -1, .5, -4, 1, squares add up to 19.75; error 2.
    made = Made(module, [[[1.0], [2.0]]], [[0, 1]], network(-1.0), 1, max_norm=math.sqrt(19.75))
    made.update([0, 0, 0], [0, 0], [7.0, 7.0], [0, 0, 0], over=True)
    assert made.mixer[0, 0, 0].tolist() == pytest.approx([1.125, -2.25, -0.875, -1.5, 3.25], abs=1e-14)


def buffer(capacity, agents=1, active_rows=None, teams=1, runs=1, decay=1.0, **options):
    """The arguments of a buffer."""
    size = (runs, capacity)
    return {"replay_rows": np.zeros((*size, active_rows or agents), np.int32),
            "replay_next_rows": np.zeros((*size, active_rows or agents), np.int32),
            "replay_actions": np.zeros((*size, agents), np.int32), "replay_rewards": np.zeros((*size, teams)),
            "replay_over": np.zeros(size, np.int32), "replay_kept": np.zeros(runs, np.int64),
            "replay_updates": np.zeros(runs, np.int64), "seeds": np.full(runs, 7, np.uint64),
            "run_numbers": np.arange(runs, dtype=np.int64), "trace_decay": np.full(runs, decay), "stream": 22} | options


def drawn(module, update, batch, known, run=0):
    """Places of the buffer that an update learns from, by the draws of its stream."""
    draws = np.zeros((1, batch))
    module("draws").fill(7, 22, np.array([run], np.int64), np.array([update * batch], np.int64), draws, False)
    return (draws[0] * known).astype(int).tolist()


def test_transitions_are_replayed_as_they_are_drawn(module):
    # Three rows, rewards 1, 2, 4 for the only action, each the end of an episode; an update of two after every third.
    made = Made(module, [[[0.0]], [[0.0]], [[0.0]]], [[0]], **buffer(3, batch=2, update_every=3))
    expected = [0.0] * 3
    for step in range(9):
        row = step % 3
        made.update([row], [0], [float(2**row)], [row], over=True)
        if row == 2:
            for at in drawn(module, step // 3, 2, 3):
                expected[at] += 0.5 * (2.0**at - expected[at])
        assert made.q[0, :, 0, 0].tolist() == expected
    assert made.arguments["replay_updates"].tolist() == [3] and made.visits.sum() == 6
    assert any(expected)


def test_returns_of_several_steps_by_hand(module):
    # Four transitions: row 0 to 1 to 2 to 3, rewards 1, 2, 4, 8; then the time limit. Row 4 is worth 16; discount .5.
    # Rows 0 to 3 begin with 0, so that what follows is worth 0 but after the last.
    def learn(steps, decay):
        made = Made(module, [[[0.0]]] * 4 + [[[16.0]]], [[0]], rate=1.0,
                    **buffer(4, batch=4, update_every=5, steps=steps, decay=decay))
        for step in range(4):
            made.update([step], [0], [float(2**step)], [step + 1])
        made.kernel.tick(np.array([True]))
        assert made.arguments["replay_over"].tolist() == [[0, 0, 0, 2]]
        return made

    # A fifth transition, which ends at once, takes the place of the first one and lets the update begin.
    for steps, decay, wanted in (
            (1, 1.0, {1: 2.0, 2: 4.0, 3: 8.0 + 0.5 * 16.0}),
            (2, 1.0, {1: 2.0 + 0.5 * 4.0, 2: 4.0 + 0.5 * 16.0, 3: 16.0}),
            (9, 1.0, {1: 2.0 + 0.5 * (4.0 + 0.5 * 16.0), 2: 12.0, 3: 16.0}),
            (9, 0.25, {1: None, 2: None, 3: 16.0})):
        made = learn(steps, decay)
        at = drawn(module, 0, 4, 4)
        values = [0.0, 0.0, 0.0, 0.0, 16.0]
        made.update([4], [0], [16.0], [0], over=True)
        for place in at:
            if place == 0:
                values[4] = 16.0
            elif decay == 1.0 and steps == 9:
                values[place] = wanted[place]
            elif decay == 1.0:
                tail = {1: {1: 2.0 + 0.5 * values[2], 2: 4.0 + 0.5 * values[3], 3: 16.0},
                        2: {1: 2.0 + 0.5 * (4.0 + 0.5 * values[3]), 2: 4.0 + 0.5 * 16.0, 3: 16.0}}[steps]
                values[place] = tail[place]
            else:       # (1 - lambda) of what is known of the next row, lambda of the rest of the return
                targets = {3: 16.0}
                targets[2] = 4.0 + 0.5 * (0.75 * values[3] + 0.25 * targets[3])
                targets[1] = 2.0 + 0.5 * (0.75 * values[2] + 0.25 * targets[2])
                values[place] = targets[place]
        assert made.q[0, :, 0, 0].tolist() == values, (steps, decay)


@pytest.mark.parametrize("changes, words", [
    ({"batch": 5}, "batch: expected at most the 4 transitions of the buffer, got 5"),
    ({"replay_over": None}, "expected all of them, or None"), ({"stream": 2**32}, "stream: expected"),
    ({"replay_kept": np.array([-1])}, "replay_kept, replay_updates: expected at least 0"),
    ({"optimizer": 1}, "q_square: expected an array"),
    ({"q_square": np.zeros((1, 1, 1, 1))}, "q_square: expected None"),
    ({"weighting": 1}, "joint_q, weighting: expected both"), ({"weighting": 3}, "weighting: expected"),
    ({"alpha": 1.5}, "alpha: expected"), ({"optimizer": 4}, "optimizer: expected"),
    ({"steps": 0}, "steps: expected"), ({"max_norm": -1.0}, "max_norm"),
])
def test_buffers_and_optimisers_that_make_no_sense(module, changes, words):
    with pytest.raises(ValueError, match=words):
        Made(module, [[[0.0]]], [[0]], **buffer(4) | changes)
    with pytest.raises(ValueError, match="steps: expected 1 without a buffer, got 2"):
        Made(module, [[[0.0]]], [[0]], steps=2)


@pytest.mark.parametrize("spoiled, words", [
    ("replay_rows", "a row lies outside"), ("replay_next_rows", "a row lies outside"),
    ("replay_actions", "an action lies outside"), ("replay_rewards", "a learned value stopped being finite")])
def test_a_buffer_that_holds_anything_is_refused_where_it_is_read(module, spoiled, words):
    made = Made(module, [[[0.0]]], [[0]], **buffer(4, batch=4, update_every=5))
    for _ in range(4):
        made.update([0], [0], [1.0], [0])
    made.arguments[spoiled][:] = 5 if made.arguments[spoiled].dtype.kind == "i" else np.nan
    with pytest.raises(ValueError, match=f"^update: {words}"):
        made.update([0], [0], [1.0], [0])


def test_one_agent_alone_is_a_q_learner(module):
    rng = np.random.default_rng(0)
    q = rng.normal(size=(5, 1, 3))
    made = Made(module, q, [[0]], rate=0.3, discount=0.9)
    copy = {name: made.arguments[name] for name in list(made.arguments)[:14]}
    copy |= {name: copy[name].copy() for name in ("q", "greedy", "visits")}
    alone = module("q_learning").QLearning(**copy)
    for _ in range(60):
        rows, ahead, action = rng.integers(5, size=(2, 1, 1)).astype(np.int32).tolist() + [[int(rng.integers(3))]]
        over, reward, flags = bool(rng.random() < 0.2), rng.normal(), np.zeros(1, bool)
        changed = made.update(rows[0], action, [reward], ahead[0], over)
        alone.update(np.array(rows, np.int32), np.array([action], np.int32), np.array([[reward]]),
                     np.array(ahead, np.int32), np.array([over]), flags)
        assert changed == flags.tolist()
    assert all(copy[name].tobytes() == getattr(made, name).tobytes() for name in ("q", "greedy", "visits"))


# -- acting --------------------------------------------------------------------------------------

def test_acting_never_looks_at_the_state(module):
    made = Made(module, [[[0.0, 1.0], [3.0, 2.0]]], [[0, 1]], network(0.0), 1, runs=2)
    rows = [[0, 0, -1], [0, 0, 2**31 - 1]]
    assert made.act(rows, np.full((2, 2, 2), 0.5)) == [[1, 0], [1, 0]]


@pytest.mark.parametrize("kind", [0, 1])
def test_by_several_rows_it_acts_as_by_one_with_their_sums(module, kind):
    rng = np.random.default_rng(kind)
    q, runs = rng.integers(-3, 4, size=(6, 2, 3)) / 2.0, 40
    made = Made(module, q, [[0, 1]], active=3, actions=[3, 2], exploration=0.4, kind=kind, runs=runs)
    rows = np.array([[*rng.permutation(6)[:3], *rng.permutation(6)[:3]] for _ in range(runs)])
    draws = rng.random((runs, 2, 2))
    taken = made.act(rows, draws)
    for r in range(runs):
        sums = [[q[rows[r, :3], 0].sum(axis=0), q[rows[r, 3:], 1].sum(axis=0)]]
        one = Made(module, np.array(sums), [[0, 1]], actions=[3, 2], exploration=0.4, kind=kind)
        assert one.act([[0, 0]], draws[r:r + 1]) == [taken[r]]
    assert len({tuple(actions) for actions in taken}) == 6


# -- derivatives ---------------------------------------------------------------------------------

def some_network(seed, members=3, room=4, hidden=5, count=20):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(count, twin.mixer_size(room, hidden)))
    return w, 2.0 * rng.normal(size=(count, members)), room, hidden


def test_derivatives_are_those_of_small_differences():
    w, u, room, hidden = some_network(1)
    _, out, slope = twin.mix(w, room, hidden, u)
    assert (out < 0.0).any() and (out > 0.0).any() and (w < 0.0).any()
    step = 1e-6
    for j in range(u.shape[1]):
        shift = step * (np.arange(u.shape[1]) == j)
        differences = (twin.mix(w, room, hidden, u + shift)[0] - twin.mix(w, room, hidden, u - shift)[0]) / (2 * step)
        np.testing.assert_allclose(twin.by_utility(w, hidden, j, slope), differences, rtol=1e-6, atol=1e-7)
        assert (differences >= 0.0).all()
    gradient = twin.by_weights(w, room, hidden, u, out, slope)
    for p in range(w.shape[1]):
        shift = step * (np.arange(w.shape[1]) == p)
        differences = (twin.mix(w + shift, room, hidden, u)[0] - twin.mix(w - shift, room, hidden, u)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, p], differences, rtol=1e-6, atol=1e-7)


def test_an_update_is_a_gradient_step(module):
    """Of half the squared error, the target held, from small differences of the mixed value."""
    w, u, room, hidden = some_network(2, members=4, count=12)
    for k in range(len(w)):
        made = Made(module, u[k][None, :, None], [[0, 1, 2, 3]], w[k][None, None], hidden, rate=0.01, mixing=0.02)
        made.update([0] * 5, [0] * 4, [1.0] * 4, [0] * 5, over=True)
        one, ones = w[k:k + 1], u[k:k + 1]

        def loss(weights, utilities):
            return 0.5 * (1.0 - twin.mix(weights, room, hidden, utilities)[0][0]) ** 2      # noqa: B023

        for array, before, rate in ((made.q[0, 0, :, 0], ones, 0.01), (made.mixer[0, 0, 0], one, 0.02)):
            for p in range(before.shape[1]):
                shift = 1e-6 * (np.arange(before.shape[1]) == p)
                pair = [(one, ones + s) if before is ones else (one + s, ones) for s in (shift, -shift)]
                slope = (loss(*pair[0]) - loss(*pair[1])) / 2e-6
                assert array[p] - before[0, p] == pytest.approx(-rate * slope, rel=1e-5, abs=1e-8)


def test_an_update_is_the_gradient_step_of_torch(module):
    torch = pytest.importorskip("torch")
    w, u, room, hidden = some_network(3, members=4, count=12)
    for k in range(len(w)):
        weights, utilities = torch.tensor(w[k], requires_grad=True), torch.tensor(u[k], requires_grad=True)
        b = room * hidden
        z = utilities @ weights[:b].reshape(room, hidden).abs() + weights[b:b + hidden]
        value = torch.nn.functional.elu(z) @ weights[b + hidden:b + 2 * hidden].abs() + weights[b + 2 * hidden]
        (0.5 * (1.0 - value) ** 2).backward()
        made = Made(module, u[k][None, :, None], [[0, 1, 2, 3]], w[k][None, None], hidden, rate=0.01, mixing=0.02)
        made.update([0] * 5, [0] * 4, [1.0] * 4, [0] * 5, over=True)
        np.testing.assert_allclose(made.q[0, 0, :, 0], u[k] - 0.01 * utilities.grad.numpy(), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(made.mixer[0, 0, 0], w[k] - 0.02 * weights.grad.numpy(), rtol=1e-12, atol=1e-13)


# -- kernels called with anything ----------------------------------------------------------------

REALS = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e300, -1e300, np.nan, np.inf, -np.inf, 5e-324, 1.0 - 2.0**-53])
ROWS = st.sampled_from([0, 0, 0, 1, 1, 2, 2, -1, 5, 2**31 - 1, -2**31])
CHOICES = st.sampled_from([0, 0, 0, 1, 1, 2, 3, -1, 2**31 - 1])


@settings(max_examples=80)
@given(st.data())
def test_kernels_take_anything_alike(data):
    """Rows, actions, draws, rewards, values and networks that hold anything: the same outcome, bit for bit."""
    teams = data.draw(st.sampled_from([[[0]], [[0, 1]], [[0, 2], [1]], [[2, 0], [1]], [[0, 1, 2]], [[1], [0], [2]]]))
    agents, active = sum(map(len, teams)), data.draw(st.sampled_from([1, 1, 3]))
    hidden, central = data.draw(st.sampled_from([0, 1, 3])), data.draw(st.sampled_from([1, 2]))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    options = {"table_of": [0] * agents if data.draw(st.booleans()) else None, "active": active, "central": central,
               "hidden": hidden, "target_every": data.draw(st.sampled_from([0, 1, 2])), "exploration": 0.3, "runs": 2,
               "kind": data.draw(st.sampled_from([0, 1])), "rate": data.draw(st.sampled_from([0.3, 1.0])),
               "ties": data.draw(st.sampled_from([0, 1, 2, 3])), "draws": 3, "bounded": data.draw(st.booleans())}
    if options["kind"] == 1:
        options["exploration"] = 0.8
    q = rng.integers(-3, 4, size=(3, 1 if options["table_of"] else agents, 3)) / 2.0
    size = twin.mixer_size(max(map(len, teams)), hidden)
    mixer = rng.normal(size=(3, len(teams), size)) if hidden else None
    spoiled = [(name, data.draw(st.integers(0, 10**6)), data.draw(REALS))
               for name in ("mixer", "target_q", "target_mixer") if data.draw(st.booleans())]
    active_rows = agents * active + (central if hidden else 0)
    calls = []
    for _ in range(2):
        rows, ahead = (np.array([[data.draw(ROWS) if hostile else int(rng.integers(3)) for _ in range(active_rows)]
                                 for hostile in (False, data.draw(st.booleans()))], np.int32) for _ in range(2))
        taken = np.array([[int(rng.integers(3)) for _ in range(agents)], [data.draw(CHOICES) for _ in range(agents)]],
                         np.int32)
        rewards = np.array([[float(rng.normal()) for _ in range(agents)], [data.draw(REALS) for _ in range(agents)]])
        draws = np.array([[[data.draw(REALS) if r and k < 2 else float(rng.random()) for k in range(3)]
                           for _ in range(agents)] for r in range(2)])     # ties are Q-learning's own, and tested there
        calls.append((rows, ahead, taken, rewards, draws, np.array([False, data.draw(st.booleans())])))
    outcomes = []
    for backend in ("cython", "numpy"):
        made = Made(lambda name, backend=backend: kernels(backend, name), q, teams, mixer, **options)
        for name, at, value in spoiled:
            array = getattr(made, name)
            if array is not None:
                array.reshape(-1)[array.size // 2 + at % (array.size - array.size // 2)] = value       # of run 1
        said = []
        for rows, ahead, taken, rewards, draws, over in calls:
            actions, changed = np.full((2, agents), -9, np.int32), np.zeros(2, bool)
            for call, arguments in ((made.kernel.act, (rows, draws, actions)),
                                    (made.kernel.update, (rows, taken, rewards, ahead, over, changed)),
                                    (made.kernel.tick, (over,))):
                try:
                    call(*arguments)
                    said.append("fine")
                except ValueError as error:
                    said.append(str(error))
            said += [actions[0].tolist(), actions[1].tolist() if said[-3] == "fine" else None,
                     changed.tolist() if said[-2] == "fine" else changed[0]]
        held = [array for array in (made.q, made.greedy, made.visits, made.mixer, made.target_q, made.target_mixer,
                                    made.since) if array is not None]
        outcomes.append((said, [np.where(np.isnan(a), np.nan, a).tobytes() if a.dtype.kind == "f" else a.tobytes()
                                for a in held]))
        if mixer is not None and not spoiled:
            assert np.isfinite(made.q).all() and np.isfinite(made.mixer).all()
    assert outcomes[0] == outcomes[1]


# -- arguments -----------------------------------------------------------------------------------

SIZE = twin.mixer_size(2, 3)


@pytest.mark.parametrize("changes, error, words", [
    ({"members": numbers(0, 0)}, ValueError, "members: expected the agents that are controlled, each once"),
    ({"members": numbers(0)}, ValueError, "members: expected shape"),
    ({"members": numbers(0, 1, kind=np.int64)}, TypeError, "members: expected int32"),
    ({"starts": numbers(0, 1, kind=np.int64)}, ValueError, "starts: expected 0, rising numbers and 2"),
    ({"starts": numbers(0, 0, 2, kind=np.int64)}, ValueError, "starts: expected 0, rising numbers and 2"),
    ({"starts": numbers(1, 2, kind=np.int64)}, ValueError, "starts: expected 0, rising numbers and 2"),
    ({"starts": numbers(2, kind=np.int64)}, ValueError, "starts: expected 0, rising numbers and 2"),
    ({"active": 0}, ValueError, "active: expected 1 to 4 rows, got 0"),
    ({"central": 0}, ValueError, "central: expected rows of the whole state"),
    ({"central": -1}, ValueError, "central: expected rows of the whole state"),
    ({"learning": False}, ValueError, "central: expected rows of the whole state"),
    ({"hidden": 0}, ValueError, "mixer, hidden, mixing: expected all three"),
    ({"hidden": -1}, ValueError, "mixer, hidden, mixing: expected all three"),
    ({"mixer": None}, ValueError, "mixer, hidden, mixing: expected all three"),
    ({"mixing": None}, ValueError, "mixer, hidden, mixing: expected all three"),
    ({"mixer": np.zeros((2, 3, 1, SIZE - 1))}, ValueError, "mixer: expected shape"),
    ({"mixer": np.zeros((2, 0, 1, SIZE))}, ValueError, "mixer: expected at least one row"),
    ({"mixer": np.zeros((1, 3, 1, SIZE))}, ValueError, "mixer: expected shape"),
    ({"since": None}, ValueError, "target_q, target_mixer, since: expected all"),
    ({"target_q": None}, ValueError, "target_q, target_mixer, since: expected all"),
    ({"target_mixer": None}, ValueError, "target_q, target_mixer, since: expected all"),
    ({"target_q": np.zeros((2, 4, 2, 2))}, ValueError, "target_q: expected shape"),
    ({"target_mixer": np.zeros((2, 2, 1, SIZE))}, ValueError, "target_mixer: expected shape"),
    ({"since": np.zeros(1, np.int64)}, ValueError, "since: expected shape"),
    ({"target_every": 0}, ValueError, "target_every: expected at least 1"),
    ({"draws": 1}, ValueError, "draws: expected at least 2"),
])
def test_arguments_that_do_not_fit(module, changes, error, words):
    good = Made(module, np.zeros((4, 2, 3)), [[0, 1]], np.zeros((3, 1, SIZE)), 3, target_every=2, runs=2).arguments
    with pytest.raises(error, match=words):
        module("mixing").Mixing(**good | changes)


def test_a_rate_of_other_runs(module):
    good = Made(module, np.zeros((4, 2, 3)), [[0, 1]], np.zeros((3, 1, SIZE)), 3, runs=2).arguments
    with pytest.raises(ValueError, match="mixing: expected 2 runs, got 1"):
        module("mixing").Mixing(**good | {"mixing": schedule(module("schedules"), 0.5)})


@pytest.mark.parametrize("rows, actions, words", [
    ([0, 0, 3], [0, 0], "a row lies outside"), ([0, 0, -1], [0, 0], "a row lies outside"),
    ([0, 4, 0], [0, 0], "a row lies outside"), ([0, 0, 0], [0, 3], "an action lies outside"),
])
def test_rows_and_actions_that_are_none(module, rows, actions, words):
    made = Made(module, np.zeros((4, 2, 3)), [[0, 1]], np.zeros((3, 1, SIZE)), 3)
    for now, ahead in ((rows, [0, 0, 0]), ([0, 0, 0], rows)):
        with pytest.raises(ValueError, match=words):
            made.update(now, actions, [1.0, 1.0], ahead)
    assert not made.visits.any() and not made.q.any()


def test_what_stops_being_finite_is_not_written(module):
    made = Made(module, np.full((1, 2, 1), 1e308), [[0, 1]], rate=1.0)
    with pytest.raises(ValueError, match="a learned value stopped being finite"):
        made.update([0, 0], [0, 0], [0.0, 0.0], [0, 0], over=True)
    made = Made(module, np.zeros((1, 1, 1)), [[0]], [[[1e200, 1e200, 1e200, 0.0]]], 1, mixing=1.0)
    with pytest.raises(ValueError, match="a learned value stopped being finite"):
        made.update([0, 0], [0], [1e300], [0, 0], over=True)
    assert np.isfinite(made.q).all() and made.mixer[0, 0, 0].tolist() == [1e200, 1e200, 1e200, 0.0]
