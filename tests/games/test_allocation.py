"""Task allocation by hand: wasted work, specialising, credit; conservation of tasks; equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_helpers import by_name

import marlfast as mf
from marlfast.backends import BACKENDS, kernels
from marlfast.games.allocation import TaskAllocation

EXAMPLES = [
    TaskAllocation(), TaskAllocation(1, 1, horizon=3), TaskAllocation(1, 1, credit="own", capacity=1, size=1),
    TaskAllocation(3, 2, credit="own", sees_last=True, switching=0.25, practice=1, horizon=9),
    TaskAllocation(skills=[[2, 0], [0, 2], [1, 1]], size=2, arrivals=[0.9, 0.1], capacity=5, horizon=0),
    TaskAllocation(5, 8, capacity=6, sees_last=True, horizon=20),       # too many observations for one number
    TaskAllocation(64, 8, credit="own", horizon=30),
    TaskAllocation(7, 9, capacity=4, size=5, practice=2),
]


def state_of(game, queues, last):
    """A state with so many units waiting, and the kinds at which the agents last worked."""
    return np.concatenate([queues, np.zeros(game.kinds), last, np.full(game.agents, game.kinds)])[None].astype(float)


def stepped(game, backend, queues, last, actions, uniforms=None):
    """Units waiting, last kinds, rewards, and what the others earn, after one step of one run; nothing arrives."""
    kernel, state = game.kernel(backend), state_of(game, queues, last)
    actions = np.array([actions], np.int32)
    uniforms = np.full((1, game.kinds), 1 - 2.0**-53) if uniforms is None else np.array([uniforms])
    rewards, ends, total = np.full((1, game.agents), np.nan), np.ones(1, bool), np.full((1, game.agents), np.nan)
    kernel.step(state, actions, uniforms, np.zeros((1, 0)), rewards, ends)
    kernel.counterfactual(state, actions, rewards, total)
    assert not ends.any() and state[0, game.kinds:2 * game.kinds].tolist() == list(queues)
    after = state[0, 2 * game.kinds:2 * game.kinds + game.agents]
    return state[0, :game.kinds].tolist(), after.tolist(), rewards[0], total[0]


# Whole numbers of sixteenths, so that sums are exact.
PLAIN = dict(value=1.0, waiting=0.125, effort=0.0625)


def team(credit="team", **changes):
    """Two agents, two kinds; each finishes a task of its own kind (3 units), and does 1 unit of the other."""
    return TaskAllocation(2, 2, credit=credit, **PLAIN | changes)


# -- numbers by hand ------------------------------------------------------------------------------

def test_each_at_its_own_kind(backend):
    # Two tasks of kind 0 and one of kind 1: both finish one, one is left. 2 - 1/8 - 2/16 = 1.75, shared by two.
    queues, last, rewards, total = stepped(team(), backend, [6, 3], [2, 2], [0, 1])
    assert (queues, last, rewards.tolist()) == ([3, 0], [0, 1], [0.875, 0.875])
    # Without agent 0: one finished, two left: 1 - 2/8 - 1/16. Without agent 1: the same.
    assert total.tolist() == [0.6875, 0.6875]


def test_all_at_the_same_task_waste_work(backend):
    # One task of each kind; both at kind 0: one is finished, agent 1's work is for nothing, kind 1 waits.
    queues, _, rewards, total = stepped(team(), backend, [3, 3], [2, 2], [0, 0])
    assert queues == [0, 3] and rewards.sum() == 1 - 0.125 - 0.125
    # Without agent 1, the same with less effort; without agent 0 (1 unit only) nothing were finished.
    assert total.tolist() == [-0.25 - 0.0625, 1 - 0.125 - 0.0625]
    apart = stepped(team(), backend, [3, 3], [2, 2], [0, 1])[2]
    assert apart.sum() == 2 - 0.125 and apart.sum() > rewards.sum()
    # Sixty-four agents at a single task: one task's value less everybody's effort.
    many = TaskAllocation(64, 8, **PLAIN)
    _, _, rewards, total = stepped(many, backend, [3] + [0] * 7, [8] * 64, [0] * 64)
    assert rewards.sum() == 1 - 64 / 16
    assert (total == 1 - 63 / 16).all()       # nobody is missed


def test_poor_work_adds_up(backend):
    # Agent 1 at kind 0: one unit a step. A task of 3 units takes it three steps, and is finished with the last.
    game, queues, last = team(), [3, 0], [2, 2]
    earned = []
    for _ in range(3):
        queues, last, rewards, _ = stepped(game, backend, queues, last, [2, 0])
        earned.append(rewards.sum())
    assert queues == [0, 0] and last == [2, 0]
    assert earned == [-0.125 - 0.0625, -0.125 - 0.0625, 1 - 0.0625]


def test_a_task_in_hand_is_finished_and_the_next_begun(backend):
    # 4 units are a task of one unit left and a whole one: 3 units finish the first and leave 1 unit, one task.
    queues, _, rewards, _ = stepped(team(), backend, [4, 0], [2, 2], [0, 2])
    assert queues == [1, 0] and rewards.sum() == 1 - 0.125 - 0.0625
    # Both: 4 units of work, two tasks finished.
    queues, _, rewards, _ = stepped(team(), backend, [4, 0], [2, 2], [0, 0])
    assert queues == [0, 0] and rewards.sum() == 2 - 0.125


def test_idling_costs_nothing_but_what_waits(backend):
    queues, last, rewards, total = stepped(team(), backend, [3, 6], [1, 2], [2, 2])
    assert (queues, last) == ([3, 6], [1, 2]) and rewards.sum() == -0.375
    assert total.tolist() == [-0.375, -0.375]


def test_own_credit_is_by_units_of_work(backend):
    # 4 units wait at kind 0, both work there: 3 and 1 units, two tasks finished: 2 * 3/4 and 2 * 1/4, less effort.
    game = team("own")
    _, _, rewards, total = stepped(game, backend, [4, 3], [2, 2], [0, 0])
    # One task waits: 1/16 each.
    assert rewards.tolist() == [1.5 - 0.0625 - 0.0625, 0.5 - 0.0625 - 0.0625]
    # Without agent 0, agent 1 finishes the task in hand (1 unit), one of each kind waits; without agent 1, agent 0
    # finishes one too, and leaves one unit.
    assert total.tolist() == [1 - 0.25 - 0.0625, 1 - 0.25 - 0.0625]
    assert stepped(game, backend, [0, 0], [2, 2], [0, 2])[2].tolist() == [-0.0625, 0.0]


def test_whoever_does_nothing_there_is_paid_nothing(backend):
    game = TaskAllocation(skills=[[0, 2], [2, 0]], size=2, credit="own", **PLAIN)
    assert stepped(game, backend, [2, 0], [2, 2], [0, 2])[2].tolist() == [-0.0625 - 0.0625, -0.0625]
    assert stepped(game, backend, [2, 0], [2, 2], [0, 0])[2].tolist() == [-0.0625, 1 - 0.0625]


@pytest.mark.parametrize("credit", ["team", "own"])
def test_switching_costs_and_practice_helps(backend, credit):
    game = team(credit, switching=0.5, practice=2)
    # Agent 1 at kind 0 after kind 0: 1 + 2 units finish the task. Agent 0 never worked: no switch.
    queues, last, rewards, total = stepped(game, backend, [3, 3], [2, 0], [2, 0])
    assert queues == [0, 3] and rewards.sum() == 1 - 0.125 - 0.0625
    # Agent 1 goes over to kind 1, which is its own: 3 units, but the switch costs 1/2. Its last kind is 1 then.
    queues, last, rewards, total = stepped(game, backend, [3, 3], [2, 0], [2, 1])
    assert queues == [3, 0] and last == [2, 1] and rewards.sum() == 1 - 0.125 - 0.0625 - 0.5
    assert total.tolist() == [1 - 0.125 - 0.0625 - 0.5, -0.25]
    if credit == "own":
        assert rewards.tolist() == [-0.0625, 1 - 0.0625 - 0.5 - 0.0625]
    # Idling between is no switch, and practice is kept.
    _, last, _, _ = stepped(game, backend, [3, 3], [2, 0], [2, 2])
    assert last == [2, 0]


def test_arrivals_by_hand(backend):
    game = TaskAllocation(1, 3, arrivals=[0.5, 0.25, 1.0], capacity=2)
    # Kind 0: below 1/2, comes. Kind 1: 1/4 is not below 1/4. Kind 2 comes but two wait, one of them begun: lost.
    queues = stepped(game, backend, [0, 3, 4], [3], [3], [np.nextafter(0.5, 0), 0.25, 0.75])[0]
    assert queues == [3, 3, 4]
    # Work makes room first.
    assert stepped(game, backend, [6, 0, 0], [3], [0], [0.0, 0.9, 0.0])[0] == [6, 0, 3]
    state = np.full((1, 8), np.nan)
    game.kernel(backend).start(state, np.array([[0.1, 0.1, 0.1]]), np.zeros((1, 0)))
    assert state.tolist() == [[3, 3, 3, 0, 0, 0, 3, 3]]


def test_what_is_seen(backend):
    # Capacity 3: queues of 4, 0 and 9 units are 2, 0 and 3 tasks: (2 * 4 + 0) * 4 + 3 = 35.
    for sees_last, expected in ((False, [[35]]), (True, [[35 * 4 + 0], [35 * 4 + 3]])):
        game = TaskAllocation(2, 3, sees_last=sees_last)
        assert game.observations == 64 * (4 if sees_last else 1)
        obs = np.full((1, game.views, 1), np.nan)
        game.kernel(backend).observe(state_of(game, [4, 0, 9], [0, 3]), obs)
        assert obs[0].tolist() == expected
    queues = [4, 0, 9] + [0] * 6
    for sees_last, expected in ((False, [[2, 0, 3] + [0] * 6]),
                                (True, [[2, 0, 3] + [0] * 6 + [8], [2, 0, 3] + [0] * 6 + [9]])):
        game = TaskAllocation(2, 9, sees_last=sees_last)
        assert game.observations is None and game.features == 9 + sees_last
        assert game.bounds[1].tolist() == [3] * 9 + [9] * sees_last
        obs = np.full((1, game.views, game.features), np.nan)
        game.kernel(backend).observe(state_of(game, queues, [8, 9]), obs)
        assert obs[0].tolist() == expected


# -- what holds always ----------------------------------------------------------------------------

def played(game, policy, runs=16, steps=50, seed=1):
    """States before, actions, rewards and states after, of each step, by a policy of states [R, S]."""
    env, trace = game.env(runs=runs, seed=seed), []
    env.reset()
    for _ in range(steps):
        before, actions = env.state.copy(), policy(env.state)
        _, rewards, _, truncated = env.step(actions)
        trace.append((before, actions, rewards, env.state.copy()))
        if truncated.any():
            env.reset(truncated)
    return trace


def at_random(game, seed=2):
    generator = np.random.default_rng(seed)
    return lambda state: (generator.random((len(state), game.agents)) * (game.kinds + 1)).astype(np.int32)


def specialists(game):
    """Agent i works at kind i % kinds where more tasks wait than its elder colleagues there will finish."""
    kind, elders = np.arange(game.agents) % game.kinds, np.arange(game.agents) // game.kinds

    def policy(state):
        waits = -(-state[:, :game.kinds] // game.size)
        return np.where(waits[:, kind] > elders, kind, game.kinds).astype(np.int32)
    return policy


@pytest.mark.parametrize("agents, kinds, changes", [
    (1, 1, {}), (4, 3, {}), (3, 5, dict(practice=2, size=4)), (9, 2, dict(capacity=1)), (64, 8, dict(arrivals=0.9)),
])
def test_tasks_are_neither_made_nor_lost(agents, kinds, changes):
    """Arrivals, from the draws, are what was finished, from the rewards, was turned away, or waits longer now."""
    game = TaskAllocation(agents, kinds, **dict(value=1.0, waiting=0.0, effort=0.0, horizon=0) | changes)
    generator, kernel = np.random.default_rng(3), game.kernel()
    state = np.zeros((8, kernel.state_size))
    kernel.start(state, generator.random((8, kinds)), np.zeros((8, 0)))
    turned_away = 0
    for k in range(60):
        before = -(-state[:, :kinds] // game.size)
        uniforms = generator.random((8, kinds))
        actions = generator.integers(0, kinds + 1, (8, agents)).astype(np.int32)
        if k < 20:
            actions[:] = kinds          # all idle, until the queues are full
        work = np.zeros((8, kinds))
        for r in range(8):
            for i, a in enumerate(actions[r]):
                if a < kinds:
                    work[r, a] += game._skills()[i, a] + game.practice * (state[r, 2 * kinds + i] == a)
        remains = -(-np.maximum(state[:, :kinds] - work, 0) // game.size)
        arrived = uniforms < game.arrivals
        dropped = arrived & (remains == game.capacity)
        rewards, ends = np.zeros((8, agents)), np.zeros(8, bool)
        kernel.step(state, actions, uniforms, np.zeros((8, 0)), rewards, ends)
        after = -(-state[:, :kinds] // game.size)
        assert after.max() <= game.capacity
        assert arrived.sum(axis=1) == pytest.approx(
            rewards.sum(axis=1) + dropped.sum(axis=1) + (after - before).sum(axis=1), abs=1e-9)
        turned_away += dropped.sum()
    assert turned_away > 0


@pytest.mark.parametrize("changes", [{}, dict(switching=0.3, practice=1, sees_last=True), dict(size=1), dict(size=7)])
def test_both_credits_pay_the_teams_profit_together(changes):
    games = [TaskAllocation(5, 3, credit=credit, **changes) for credit in ("team", "own")]
    policy = at_random(games[0])
    shared, own = played(games[0], policy), played(games[1], at_random(games[1]))
    for (*_, paid, after), (*_, earned, moved) in zip(shared, own, strict=True):
        assert (after == moved).all()        # credit changes nothing else
        assert paid.sum(axis=1) == pytest.approx(earned.sum(axis=1), abs=1e-9)


@pytest.mark.parametrize("game", [game for game in EXAMPLES if game.agents > 1], ids=str)
def test_the_others_earn_what_they_earn_when_one_idles(game):
    kernel = game.kernel()
    for before, actions, rewards, after in played(game, at_random(game), runs=3, steps=12):
        total = np.full(actions.shape, np.nan)
        kernel.counterfactual(after, actions, rewards, total)
        for i in range(game.agents):
            gone, state, earned = actions.copy(), before.copy(), np.zeros(actions.shape)
            gone[:, i] = game.kinds
            kernel.step(state, gone, np.zeros((3, game.kinds)), np.zeros((3, 0)), earned, np.zeros(3, bool))
            # Who idles has still its share in the first; away, the others share all.
            assert total[:, i] == pytest.approx(earned.sum(axis=1), abs=1e-9)


def test_without_the_only_agent_there_is_nobody_to_earn(backend):
    assert stepped(TaskAllocation(1, 1), backend, [3], [1], [0])[3].tolist() == [0.0]


def test_exchanging_agents_of_equal_skill_changes_nothing(backend):
    game = TaskAllocation(4, 2, credit="own", switching=0.5, practice=1)        # agents 0 and 2, 1 and 3
    queues, last, rewards, total = stepped(game, backend, [8, 5], [0, 1, 2, 0], [0, 1, 1, 0])
    queues_, last_, rewards_, total_ = stepped(game, backend, [8, 5], [2, 0, 0, 1], [1, 0, 0, 1])
    order = [2, 3, 0, 1]
    assert queues == queues_ and (rewards[order] == rewards_).all() and (total[order] == total_).all()
    assert [last[k] for k in order] == last_


def extremes(game):
    """Least and greatest reward over all queues, last kinds and joint actions."""
    top = game.capacity * game.size
    waits = np.stack(np.meshgrid(*[np.arange(top + 1)] * game.kinds, indexing="ij"), -1).reshape(-1, game.kinds)
    choices = np.stack(np.meshgrid(*[np.arange(game.kinds + 1)] * game.agents, indexing="ij"),
                       -1).reshape(-1, game.agents).astype(np.int32)
    kernel, low, high = game.kernel(), np.inf, -np.inf
    for last in choices:
        for actions in choices:
            state = np.concatenate([state_of(game, queues, last) for queues in waits])
            rewards = np.zeros((len(state), game.agents))
            kernel.step(state, np.tile(actions, (len(state), 1)), np.zeros((len(state), game.kinds)),
                        np.zeros((len(state), 0)), rewards, np.zeros(len(state), bool))
            low, high = min(low, rewards.min()), max(high, rewards.max())
    return low, high


@pytest.mark.parametrize("credit", ["team", "own"])
@pytest.mark.parametrize("arguments", [
    dict(agents=1, kinds=1, size=2, capacity=2), dict(agents=2, kinds=2, capacity=1, switching=0.25),
    dict(agents=2, kinds=1, capacity=3, practice=1, size=2), dict(agents=1, kinds=2, capacity=2, effort=2.0),
    dict(agents=3, kinds=1, capacity=2, size=6),
])
def test_reward_bounds_hold_and_the_highest_is_reached(credit, arguments):
    game = TaskAllocation(credit=credit, **arguments)
    low, high = game.reward_bounds
    least, greatest = extremes(game)
    assert low - 1e-12 <= least and greatest <= high + 1e-12
    # Three whose work is 6 units each cannot do 7 together, which would pay best.
    if credit == "team" or game.size < 6:
        assert greatest == pytest.approx(high, abs=1e-12)


def test_the_lowest_reward_is_reached(backend):
    # Everybody switches to a kind at which it is poor, and nowhere is a task finished.
    game = TaskAllocation(switching=0.5)
    rewards = stepped(game, backend, [9, 9, 9], [0, 1, 2, 0], [1, 0, 0, 2])[2]
    assert rewards[0] == pytest.approx(game.reward_bounds[0], abs=1e-12)
    # As it is by the one agent that switches with nothing done.
    game = TaskAllocation(credit="own", switching=0.5)
    rewards = stepped(game, backend, [9, 9, 9], [0, 1, 2, 0], [1, 3, 3, 3])[2]
    assert rewards[0] == pytest.approx(game.reward_bounds[0], abs=1e-12)


@pytest.mark.parametrize("agents, kinds", [(1, 1), (1, 4), (5, 1), (2, 2), (4, 3), (16, 4), (64, 8)])
@pytest.mark.parametrize("seed", [0, 7])
def test_specialists_do_better_than_chance_at_any_size(agents, kinds, seed):
    game = TaskAllocation(agents, kinds)
    profit = [np.mean([rewards.sum(axis=1).mean() for *_, rewards, _ in played(game, policy, seed=seed)])
              for policy in (at_random(game, seed), specialists(game))]
    assert profit[0] + 0.1 < profit[1]


@pytest.mark.parametrize("credit", ["team", "own"])
def test_learners_beat_chance_and_specialists_beat_learners(credit):
    game = TaskAllocation(3, 3, credit=credit)
    learner = mf.IQL(learning_rate=0.1, discount=0.9, explore=mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.02))
    run = mf.train(game, learner, episodes=600, runs=4, seed=0)
    learned = run.returns[:, -50:].sum(axis=-1).mean() / game.horizon
    chance, best = (np.mean([rewards.sum(axis=1).mean() for *_, rewards, _ in played(game, policy, steps=100)])
                    for policy in (at_random(game), specialists(game)))
    # A task of each kind comes with probability 1/2: 1.5 a step are worth 1.425 after effort, if all are finished.
    assert best == pytest.approx(1.425, abs=0.05)
    assert chance < 0.6 and chance + 0.5 < learned < best - 0.01


def test_the_text_says_what_waits_and_who_works():
    game = TaskAllocation(3, 2)
    text = game.render(state_of(game, [4, 0], [0, 2, 0])[0])
    assert text.splitlines() == ["kind 0: 2 of 3 tasks, 4 units of work; last worked there: 0 2",
                                 "kind 1: 0 of 3 tasks, 0 units of work; last worked there: nobody"]
    large = TaskAllocation(500, 1)
    assert max(map(len, large.render(state_of(large, [3], [0] * 500)[0]).splitlines())) <= 110


# -- bad input ------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    (dict(agents=0), ValueError, "agents: expected 1 to"),
    (dict(kinds=65), ValueError, "kinds: expected 1 to 64, got 65"),
    (dict(agents="4"), TypeError, "agents: expected a whole number, got '4'"),
    (dict(skills="abc"), ValueError, "skills: expected an array of whole numbers, got 'abc'"),
    (dict(skills=[1, 2]), ValueError, "skills: expected shape (agents, kinds), at least (1, 1), got (2,)"),
    (dict(skills=[[]]), ValueError, "skills: expected shape (agents, kinds), at least (1, 1), got (1, 0)"),
    (dict(skills=[[1, 0.5]]), ValueError, "skills[0, 1]: expected a whole number from 0 to 1048576, got 0.5"),
    (dict(skills=[[1], [-1]]), ValueError, "skills[1, 0]: expected a whole number from 0 to"),
    (dict(skills=[[np.nan]]), ValueError, "skills[0, 0]: expected a whole number from 0 to 1048576, got nan"),
    (dict(agents=3, skills=[[1, 1]]), ValueError, "skills: expected shape (3, 2), one row for each agent"),
    (dict(kinds=1, skills=[[1, 1]]), ValueError, "skills: expected shape (1, 1), one row for each agent"),
    (dict(skills=[[1] * 65]), ValueError, "kinds: expected 1 to 64, got 65"),
    (dict(arrivals=1.5), ValueError, "arrivals: expected 0.0 to 1.0, got 1.5"),
    (dict(arrivals=[0.5, 0.5]), ValueError, "arrivals: expected one probability, or one for each of the 3"),
    (dict(arrivals=[0.5, -0.5, 0.5]), ValueError, "arrivals[1]: expected 0.0 to 1.0, got -0.5"),
    (dict(arrivals="half"), TypeError, "arrivals[0]: expected a number, got 'h'"),
    (dict(capacity=0), ValueError, "capacity: expected 1 to 1048576, got 0"),
    (dict(size=0), ValueError, "size: expected 1 to 1048576, got 0"),
    (dict(capacity=2**16, size=2**15), ValueError, "capacity, size: expected less than 2**31 units of work in a queue"),
    (dict(practice=-1), ValueError, "practice: expected 0 to 1048576, got -1"),
    (dict(value=-1.0), ValueError, "value: expected at least 0.0, got -1.0"),
    (dict(waiting=np.inf), ValueError, "waiting: expected a finite number, got inf"),
    (dict(effort=None), TypeError, "effort: expected a number, got None"),
    (dict(switching=-0.5), ValueError, "switching: expected at least 0.0, got -0.5"),
    (dict(credit="all"), ValueError, "credit: expected one of 'team', 'own', got 'all'"),
    (dict(sees_last=1), TypeError, "sees_last: expected True or False, got 1"),
    (dict(horizon=-1), ValueError, "horizon: expected at least 0, got -1"),
])
def test_impossible_games(arguments, error, message):
    with pytest.raises(error) as caught:
        TaskAllocation(**arguments)
    assert str(caught.value).startswith(message)


ARGUMENTS = dict(skills=np.ones((2, 3), np.int32), arrivals=np.full(3, 0.5), capacity=3, size=3, practice=0, value=1.0,
                 waiting=0.1, effort=0.0, switching=0.0, own=False, sees_last=False, numbered=True)


@pytest.mark.parametrize("changes, message", [
    (dict(skills=np.ones((0, 3), np.int32)), "skills: expected at least 1 agent and 1 to 64 kinds, got shape (0, 3)"),
    (dict(skills=np.ones((2, 65), np.int32)), "skills: expected at least 1 agent and 1 to 64 kinds, got shape (2, 65)"),
    (dict(skills=np.full((2, 3), -1, np.int32)), "skills: expected at least 0, got -1"),
    (dict(arrivals=np.zeros(2)), "arrivals: expected shape (3,), got (2,)"),
    (dict(capacity=0), "capacity: expected 1 to 1048576, got 0"),
    (dict(size=2**20 + 1), "size: expected 1 to 1048576, got 1048577"),
    (dict(practice=-1), "practice: expected 0 to 1048576, got -1"),
    (dict(capacity=2**16, size=2**15), "capacity, size: expected less than 2**31 units in a queue, got 2147483648"),
    (dict(capacity=2**20, size=1), "numbered: expected at most 2**53 observations; see the queues as they are"),
])
def test_impossible_kernels(module, changes, message):
    module("allocation").Allocation(**ARGUMENTS)
    with pytest.raises(ValueError) as caught:
        module("allocation").Allocation(**ARGUMENTS | changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("place, bad, status", [
    (0, 10.0, "state"), (1, -1.0, "state"), (0, 0.5, "state"), (4, 3.0, "state"), (5, np.nan, "state"),
    (0, 1e300, "state"),
    (None, 3, "action"), (None, -1, "action"), (None, 2**31 - 1, "action"),
    (-1, 1.0, "draw"), (-1, np.nan, "draw"), (-1, -0.5, "draw"),
])
def test_what_cannot_be_is_refused_and_changes_nothing(backend, place, bad, status):
    kernel = team().kernel(backend)
    state, actions, uniforms = np.array([[9.0, 2, 0, 0, 2, 1, 2, 2]]), np.array([[0, 1]], np.int32), np.zeros((1, 2))
    if place is None:
        actions[0, 1] = bad
    elif place < 0:
        uniforms[0, 1] = bad
    else:
        state[0, place] = bad
    before, rewards = state.copy(), np.full((1, 2), 7.0)
    said = {"state": "the state is not one", "action": "an action lies outside", "draw": r"a draw lies outside"}[status]
    with pytest.raises(ValueError, match=f"^step: {said}"):
        kernel.step(state, actions, uniforms, np.zeros((1, 0)), rewards, np.zeros(1, bool))
    assert state.tobytes() == before.tobytes() and (rewards == 7.0).all()


@given(st.integers(1, 7), st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 2), st.booleans(),
       st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_play_alike(agents, kinds, capacity, size, practice, own, sees_last, numbered, hostile, seed):
    generator = np.random.default_rng(seed)
    costs = generator.random(4).tolist()
    arguments = (generator.integers(0, 5, (agents, kinds)).astype(np.int32), generator.random(kinds), capacity, size,
                 practice, *costs, own, sees_last, numbered)
    odd = np.array([-1.0, 0.5, 1.0, kinds, kinds + 1.0, capacity * size, capacity * size + 1.0, np.nan, np.inf, -1e300])
    script = []
    for _ in range(10):
        actions = generator.integers(0, kinds + 1, (1, agents)).astype(np.int32)
        draws, places = generator.random((1, kinds)), []
        if hostile and generator.random() < 0.7:
            if generator.random() < 0.4:
                actions[0, generator.integers(agents)] = generator.choice([-1, kinds + 1, 2**31 - 1, -(2**31)])
            if generator.random() < 0.4:
                draws[0, generator.integers(kinds)] = generator.choice(odd)
            places = [(int(generator.integers(2 * (kinds + agents))), generator.choice(odd))]
        script.append((actions, draws, places))
    traces = []
    for backend in BACKENDS:
        game, trace = by_name(kernels(backend, "allocation").Allocation, *arguments), []
        state, none = np.full((1, game.state_size), 7.0), np.zeros((1, 0))
        for k, (actions, draws, places) in enumerate(script):
            rewards, ends, total = np.zeros((1, agents)), np.ones(1, bool), np.zeros((1, agents))
            obs = np.zeros((1, game.views, game.features))
            for place, bad in places:
                state[0, place] = bad
            others = (game.counterfactual, state, actions, rewards, total)
            begin = ((game.start, state, draws, none),) if k % 4 == 0 else ()
            for call, *given_ in (others, *begin, (game.observe, state, obs),
                                  (game.step, state, actions, draws, none, rewards, ends), others):
                try:
                    call(*given_)
                    said = "fine"
                except ValueError as error:
                    said = str(error)
                trace.append([said, *(a.tobytes() for a in (state, rewards, ends, obs, total))])
        traces.append(trace)
    assert traces[0] == traces[1]
