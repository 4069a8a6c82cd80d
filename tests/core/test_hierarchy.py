"""Hierarchy kernels: SMDP Q-learning of a coordinator over steps of its members, worked by hand; bad arguments."""
import numpy as np
import pytest

from .make import Tables, schedule


class Levels:
    """Members and coordinators over tables that a test may look at; rows 3, goals 2, each goal for 2 steps."""

    def __init__(self, module, agents=1, teams=None, each=False, goals=2, goal_every=2, rows=3, above=None,
                 goal_reward=None,
                 learning=True, runs=1, exploration=0.0, discount=0.5):
        teams = [list(range(agents))] if teams is None else teams
        member_of = np.zeros(agents, np.int32)
        for k, team in enumerate(teams):
            member_of[team] = k
        ids = sorted(i for team in teams for i in team)
        self.agent_ids = np.array(ids, np.int32)
        head = np.array(ids if each else [team[0] for team in teams], np.int32)
        chooser_of = member_of.copy()
        if each:
            chooser_of[ids] = np.arange(len(ids))
        team_of = member_of[head] if each else np.arange(len(teams), dtype=np.int32)
        self.below = Tables(module, np.zeros((runs, rows * goals, agents, 2)), agent_ids=self.agent_ids, draws=4,
                            learning=learning)
        q = np.zeros((runs, rows, len(head), goals)) if above is None else above
        self.above = Tables(module, q, exploration=exploration, discount=discount, learning=learning)
        self.agents, self.runs, shape = agents, runs, (runs, len(head))
        self.goal, self.since, self.last = (np.zeros(shape, np.int32) for _ in range(3))
        self.clock, self.power, self.late = np.zeros(runs, np.int64), np.ones(runs), np.zeros(runs, np.int32)
        self.gathered = np.zeros((runs, len(teams)))
        self.arguments = {
            "members": self.below.kernel, "coordinator": self.above.kernel, "n_rows": rows, "goals": goals,
            "goal_every": goal_every, "agent_ids": self.agent_ids, "chooser_of": chooser_of, "member_of": member_of,
            "head": head,
            "team_of": np.ascontiguousarray(team_of, np.int32), "goal_reward": goal_reward, "goal": self.goal,
            "since": self.since, "last": self.last, "clock": self.clock, "gathered": self.gathered,
            "power": self.power, "late": self.late, "offset": 2}
        self.module = module

    def made(self):
        self.kernel = self.module("hierarchy").Hierarchy(**self.arguments)
        return self

    def act(self, rows, draws=0.5):
        actions = np.full((self.runs, self.agents), -9, np.int32)
        draws = np.ascontiguousarray(np.broadcast_to(draws, (self.runs, self.agents, 4)), np.float64)
        self.kernel.act(np.array(rows, np.int32), draws, actions)
        return actions

    def step(self, rows, actions, rewards, next_rows, over=False, truncated=False):
        changed = np.zeros(self.runs, bool)
        self.kernel.update(np.array(rows, np.int32), np.array(actions, np.int32), np.array(rewards, np.float64),
                           np.array(next_rows, np.int32), np.full(self.runs, over), changed)
        self.kernel.tick(np.full(self.runs, over or truncated))
        return changed.tolist()


def test_two_steps_are_learned_from_as_one(module):
    # Goal 1 by row 0. Rewards 1 and 4, discount 1/2, best of row 2 is 8: 1 + 4/2 + 8/4 = 5; from 2 half way: 3.5.
    h = Levels(module, above=[[[[0.0, 2.0]], [[0.0, 0.0]], [[8.0, 6.0]]]]).made()
    h.act([[0]])
    assert h.goal.tolist() == [[1]] and h.since.tolist() == [[0]]
    h.step([[0]], [[0]], [[1.0]], [[1]])
    assert (h.clock.tolist(), h.power.tolist(), h.gathered.tolist()) == ([1], [0.5], [[1.0]])
    assert h.above.q[0, 0, 0].tolist() == [0.0, 2.0]
    h.act([[1]])
    assert h.goal.tolist() == [[1]] and h.since.tolist() == [[0]]       # kept
    h.step([[1]], [[0]], [[4.0]], [[2]])
    assert h.above.q[0, 0, 0].tolist() == [0.0, 3.5] and h.above.visits[0, :, 0].tolist() == [1, 0, 0]
    assert (h.clock.tolist(), h.power.tolist(), h.gathered.tolist()) == ([0], [1.0], [[0.0]])
    h.act([[2]])
    assert h.goal.tolist() == [[0]] and h.since.tolist() == [[2]]
    # The members: rows 0 and 1 under goal 1 are rows 1 and 3 of theirs; rate and discount 1/2.
    assert h.below.q[0, :, 0, 0].tolist() == [0.0, 0.5, 0.0, 2.0, 0.0, 0.0]


def test_nothing_is_bootstrapped_from_a_terminal_state(module):
    h = Levels(module, above=[[[[2.0, 0.0]], [[8.0, 8.0]], [[8.0, 8.0]]]]).made()
    h.act([[0]])
    h.step([[0]], [[0]], [[1.0]], [[1]], over=True)
    assert h.above.q[0, 0, 0].tolist() == [1.5, 0.0] and h.clock.tolist() == [0]


def test_a_time_limit_bootstraps_by_as_many_steps_as_there_were(module):
    # 1 + 8/2 = 5, half way from 2: 3.5; the goal was kept for one step of two.
    h = Levels(module, above=[[[[2.0, 0.0]], [[8.0, 8.0]], [[9.0, 9.0]]]]).made()
    h.act([[0]])
    h.step([[0]], [[0]], [[1.0]], [[1]], truncated=True)
    assert h.above.q[0, 0, 0].tolist() == [3.5, 0.0] and h.clock.tolist() == [0] and h.late.tolist() == [0]


def test_what_a_time_limit_changed_is_told_at_the_next_update(module):
    h = Levels(module, above=[[[[2.0, 1.9]], [[0.0, 0.0]], [[0.0, 0.0]]]]).made()
    h.act([[0]])
    assert h.step([[0]], [[1]], [[-4.0]], [[1]], truncated=True) == [False]
    assert h.above.greedy[0, 0, 0] == 1 and h.late.tolist() == [1]
    h.act([[1]])
    assert h.step([[1]], [[1]], [[0.0]], [[1]]) == [True] and h.late.tolist() == [0]


def test_a_coordinator_that_fails_at_a_time_limit_says_so_at_the_next_update(module):
    h = Levels(module, above=[[[[-1.7e308, -1.8e308]], [[0.0, 0.0]], [[0.0, 0.0]]]]).made()
    h.act([[0]])
    h.step([[0]], [[0]], [[1.7e308]], [[1]], truncated=True)
    assert h.late.tolist() == [2]
    with pytest.raises(ValueError, match="stopped being finite"):
        h.step([[1]], [[0]], [[0.0]], [[1]])


def test_a_team_learns_from_the_mean_of_its_members_and_each_team_by_itself(module):
    # Teams (2, 0) and (1): the first looks at agent 2. Means 3 and 5; terminal, rate 1/2.
    h = Levels(module, agents=3, teams=[[2, 0], [1]], goal_every=1).made()
    h.act([[0, 1, 2]])
    assert h.since.tolist() == [[2, 1]]
    h.step([[0, 1, 2]], [[0, 0, 0]], [[2.0, 5.0, 4.0]], [[0, 0, 0]], over=True)
    assert h.above.q[0, :, :, 0].tolist() == [[0.0, 0.0], [0.0, 2.5], [1.5, 0.0]]


def test_each_member_may_have_a_goal_of_its_own(module):
    above = np.zeros((1, 3, 3, 2))
    above[0, 1, 1, 1] = 1.0             # agent 1 in row 1 sets goal 1
    h = Levels(module, agents=3, teams=[[2, 0], [1]], each=True, goal_every=1, above=above).made()
    h.act([[0, 1, 2]])
    assert h.goal.tolist() == [[0, 1, 0]] and h.since.tolist() == [[0, 1, 2]]
    h.step([[0, 1, 2]], [[0, 0, 0]], [[2.0, 5.0, 4.0]], [[0, 0, 0]], over=True)
    assert h.above.q[0, 0, 0].tolist() == [1.5, 0.0] and h.above.q[0, 2, 2].tolist() == [1.5, 0.0]
    assert h.above.q[0, 1, 1].tolist() == [0.0, 3.0]
    assert h.below.q[0, :, 1, 0].tolist() == [0.0, 0.0, 0.0, 2.5, 0.0, 0.0]


def test_a_goal_reward_is_the_members_alone(module):
    h = Levels(module, goal_every=1, goal_reward=np.array([[0.0, 10.0, 0.0], [0.0] * 3])).made()
    h.act([[0]])
    h.step([[0]], [[1]], [[2.0]], [[1]], over=True)
    assert h.below.q[0, 0, 0].tolist() == [0.0, 6.0] and h.above.q[0, 0, 0].tolist() == [1.0, 0.0]


def test_a_coordinator_explores_by_its_own_draws_which_are_read_when_goals_are_set(module):
    h = Levels(module, exploration=0.5).made()
    assert h.act([[0]], [0.9, 0.9, 0.4, 0.7]).tolist() == [[0]] and h.goal.tolist() == [[1]]
    h.step([[0]], [[0]], [[0.0]], [[1]])
    h.act([[1]], [0.9, 0.9, 0.4, 0.2])
    assert h.goal.tolist() == [[1]]


def test_frozen_levels_keep_time_and_learn_nothing(module):
    h = Levels(module, learning=False, above=[[[[0.0, 2.0]], [[0.0, 0.0]], [[0.0, 0.0]]]]).made()
    for rows, goal, clock in (([[0]], 1, 1), ([[1]], 1, 0), ([[1]], 0, 1)):
        h.act(rows)
        assert h.goal.tolist() == [[goal]]
        h.step(rows, [[0]], [[9.0]], [[2]])
        assert h.clock.tolist() == [clock]
    h.step([[0]], [[0]], [[9.0]], [[2]], truncated=True)
    assert h.clock.tolist() == [0] and h.below.q.sum() == 0.0 and h.above.q.sum() == 2.0


def test_what_is_no_row_goal_or_action_is_refused(module):
    for rows in (3, -1, 2**31 - 1, -2**31):
        with pytest.raises(ValueError, match="a row lies outside"):
            Levels(module).made().act([[rows]])
        with pytest.raises(ValueError, match="a row lies outside"):
            Levels(module).made().step([[rows]], [[0]], [[0.0]], [[0]])
        with pytest.raises(ValueError, match="a row lies outside"):
            Levels(module, goal_reward=np.ones((2, 3))).made().step([[0]], [[0]], [[0.0]], [[rows]])
    for goal in (2, -1, 2**31 - 1):
        h = Levels(module).made()
        h.goal[:], h.clock[:] = goal, 1
        with pytest.raises(ValueError, match="a row lies outside"):
            h.act([[0]])
        with pytest.raises(ValueError, match="a row lies outside"):
            h.step([[0]], [[0]], [[0.0]], [[0]])
    with pytest.raises(ValueError, match="an action lies outside"):
        Levels(module).made().step([[0]], [[2]], [[0.0]], [[0]])
    h = Levels(module, exploration=1.0).made()
    with pytest.raises(ValueError, match="a draw lies outside"):
        h.act([[0]], [0.5, 0.5, 0.5, 1.0])


def ids(*values):
    return np.array(values, np.int32)


BAD = [
    ({"n_rows": 0}, "n_rows: expected at least 1, got 0"), ({"goals": 0}, "goals: expected at least 1, got 0"),
    ({"goal_every": 0}, "goal_every: expected at least 1, got 0"),
    ({"n_rows": 2**30}, "n_rows, goals: expected at most 2\\*\\*31 - 1 rows in all"),
    ({"offset": 3}, "offset: expected room for 2 of 4 draws"), ({"offset": -1}, "offset: expected at least 0, got -1"),
    ({"agent_ids": ids()}, "agent_ids: expected at least one number from 0 to 1"),
    ({"agent_ids": ids(0, 2)}, "agent_ids: expected"),
    ({"chooser_of": ids(0, 1)}, "chooser_of: expected"), ({"chooser_of": ids(0)}, "chooser_of: expected shape"),
    ({"member_of": ids(0, -1)}, "member_of: expected"), ({"head": ids(2)}, "head: expected"),
    ({"head": ids(0, 1)}, "head: expected shape"), ({"team_of": ids(1)}, "team_of: expected"),
    ({"gathered": np.zeros((1, 2))}, "gathered: expected 1 to 1 teams"),
    ({"gathered": np.zeros((2, 1))}, "gathered: expected shape"),
    ({"goal": np.zeros((1, 2), np.int32)}, "goal: expected shape"),
    ({"since": np.zeros((1, 2), np.int32)}, "since: expected shape"),
    ({"last": np.zeros((1, 2), np.int32)}, "last: expected shape"),
    ({"clock": np.zeros(2, np.int64)}, "clock: expected shape"), ({"power": np.zeros(2)}, "power: expected shape"),
    ({"late": np.zeros(2, np.int32)}, "late: expected shape"),
    ({"goal_reward": np.zeros((2, 2))}, "goal_reward: expected shape"),
]


@pytest.mark.parametrize("changes, message", BAD)
def test_bad_arguments_are_refused(module, changes, message):
    h = Levels(module, agents=2)
    with pytest.raises(ValueError, match=message):
        module("hierarchy").Hierarchy(**h.arguments | changes)
    h.made()


def test_a_team_without_members_and_levels_of_other_runs_are_refused(module):
    h = Levels(module, agents=2, teams=[[0], [1]])
    with pytest.raises(ValueError, match="member_of: expected a controlled agent in every team"):
        module("hierarchy").Hierarchy(**h.arguments | {"member_of": ids(0, 0)})
    with pytest.raises(ValueError, match="coordinator: expected 1 runs, got 2"):
        module("hierarchy").Hierarchy(**h.arguments | {"coordinator": Levels(module, runs=2).above.kernel})
    with pytest.raises(TypeError):
        module("hierarchy").Hierarchy(**h.arguments | {"coordinator": schedule(module("schedules"), 1.0)})
