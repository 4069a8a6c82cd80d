"""Congestion games: the published equilibria by hand, Rosenthal's potential, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_helpers import by_name

import marlfast as mf
from marlfast.backends import BACKENDS, kernels
from marlfast.games.congestion import Braess, CongestionGame, ElFarol, Pigou, PublicGoods


def two_journeys(**changes):
    """Three agents of two kinds on three roads; one of kind 1 has only two strategies."""
    costs = [[0, 1, 4, 9], [5, 2, 2, 2.5], [0, -1, 0.5, 3]]
    return CongestionGame(costs, [[0], [1, 2], [2], []], kinds=[[0, 1, 3], [1, 2]], kind_of_agent=[0, 1, 0], **changes)


EXAMPLES = [
    two_journeys(horizon=4),
    two_journeys(watched=[[2], [], [0, 1], [1]], horizon=0, observe="loads"),
    CongestionGame([[0.0, -1.0], [0.0, 2.0]], [[0], [1]], horizon=3),
    CongestionGame(np.arange(60.0).reshape(20, 3), [[k] for k in range(20)], horizon=2, observe="loads"),
    PublicGoods(), PublicGoods(2, 1.5, horizon=0), PublicGoods(5, 3.0, horizon=7, observe="loads"),
    Pigou(), Pigou(1), Pigou(3, degree=4, horizon=5, observe="loads"),
    Braess(4, horizon=3), Braess(1), Braess(7, link=False, horizon=0, observe="loads"),
    ElFarol(), ElFarol(1, 0, memory=0), ElFarol(5, 3, 0.25, 2.5, 1.0, memory=1, horizon=0),
]


def stepped(kernel, actions, state=None):
    """State and rewards after one step of every run."""
    actions = np.array(actions, np.int32)
    state = np.zeros((len(actions), kernel.state_size)) if state is None else np.array(state, np.float64)
    rewards, terminated = np.full(actions.shape, np.nan), np.ones(len(actions), bool)
    none = np.zeros((len(actions), 0))
    kernel.step(state, actions, none, none, rewards, terminated)
    assert not terminated.any()
    return state, rewards


def others(kernel, state, actions):
    total = np.full(np.shape(actions), np.nan)
    kernel.counterfactual(state, np.array(actions, np.int32), np.zeros(np.shape(actions)), total)
    return total


def every_profile(game):
    """All joint actions, int32 [profiles, N]."""
    grid = np.meshgrid(*(np.arange(n) for n in game.action_counts), indexing="ij")
    return np.stack([axis.ravel() for axis in grid], axis=1).astype(np.int32)


# -- numbers by hand ------------------------------------------------------------------------------

def test_a_step_by_hand(backend):
    # Agent 0 (kind 0) takes {0}; agent 1 (kind 1), action 0: {1, 2}; agent 2 (kind 0), action 1: {1, 2} too.
    # Loads 1, 2, 2: costs 1, 2, 0.5.
    state, rewards = stepped(two_journeys().kernel(backend), [[0, 0, 1], [2, 1, 2]])
    assert state.tolist() == [[1, 2, 2], [0, 0, 1]]
    # Second run: agents 0 and 2 use nothing, agent 1 road 2 alone, which pays 1.
    assert rewards.tolist() == [[-1, -2.5, -2.5], [0, 1, 0]]


def test_who_watches_pays_and_is_not_counted(backend):
    # Strategy {0} watches road 2; {1, 2} nothing; {2} watches 0 and 1; {} watches 1.
    game = two_journeys(watched=[[2], [], [0, 1], [1]]).kernel(backend)
    # Agent 0 takes {0}, agent 1 {2}, agent 2 {}: loads 1, 0, 1; payers: road 0 by 0, 1; road 1 by 1, 2; road 2 by 0, 1.
    state, rewards = stepped(game, [[0, 1, 2]])
    assert state.tolist() == [[1, 0, 1, 2, 2, 2]]
    # Agent 0: 1 + -1 = 0; agent 1: -1 + 1 + 5 = 5; agent 2: 5.
    assert rewards.tolist() == [[0, -5, -5]]
    # Without agent 0: road 0 is free for agent 1: -1 + 0 + 5 = 4, agent 2 pays 5. Without agent 1: road 2 is empty,
    # so agent 0 pays 1 + 0, agent 2 pays 5. Without agent 2 nothing changes for the others: 0 and 5.
    assert others(game, state, [[0, 1, 2]]).tolist() == [[-9, -6, -5]]


def test_the_braess_paradox(backend):
    # Without the link, 2,000 each: 2000 / 100 + 45 = 65. With it, 4,000 on both narrow roads: 40 + 0 + 40 = 80.
    state, rewards = stepped(Braess(link=False).kernel(backend), [[0, 1] * 2000])
    assert state.tolist() == [[2000, 2000, 2000, 2000]] and (rewards == -65.0).all()
    state, rewards = stepped(Braess().kernel(backend), [[2] * 4000])
    assert state.tolist() == [[4000, 0, 0, 4000, 4000]] and (rewards == -80.0).all()
    # Nobody gains by leaving: on another route the two 40s become 40 + 45.
    assert stepped(Braess().kernel(backend), [[0] + [2] * 3999])[1][0, 0] == -85.0
    # Nor does anybody without the link: 2001 / 100 + 45.
    assert stepped(Braess(link=False).kernel(backend), [[1, 1] + [0, 1] * 1999])[1][0, 0] == pytest.approx(-65.01)


def test_braess_with_few_drivers_has_the_same_times(backend):
    assert (stepped(Braess(4, link=False).kernel(backend), [[0, 1, 1, 0]])[1] == -65.0).all()
    assert (stepped(Braess(4).kernel(backend), [[2, 2, 2, 2]])[1] == -80.0).all()


def test_public_goods_by_hand(backend):
    # Four agents, 2 / 4 to everyone for each contribution: three contribute, 1.5 each, less the 1 paid.
    state, rewards = stepped(PublicGoods().kernel(backend), [[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    assert rewards.tolist() == [[0.5, 0.5, 1.5, 0.5], [0, 0, 0, 0], [1, 1, 1, 1]]
    # Without a contributor the others share 1: 3 * 1 less two payments; without agent 2: 3 * 1.5 less three payments.
    assert others(PublicGoods().kernel(backend), state, [[1, 1, 0, 1], [0] * 4, [1] * 4])[0].tolist() == [1, 1, 1.5, 1]


def test_pigou_by_hand(backend):
    state, rewards = stepped(Pigou(4).kernel(backend), [[0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1]])
    assert state.tolist() == [[1, 3], [0, 4], [2, 2]]
    assert rewards.tolist() == [[-1, -0.75, -0.75, -0.75], [-1] * 4, [-1, -1, -0.5, -0.5]]
    assert rewards.mean(axis=1).tolist() == [-0.8125, -1.0, -0.75]      # selfish 1, best 3/4
    assert stepped(Pigou(4, degree=3).kernel(backend), [[0, 0, 1, 1]])[1].tolist() == [[-1, -1, -0.125, -0.125]]


def test_el_farol_by_hand(backend):
    kernel = ElFarol(5, 3, -2.0, 1.0, 0.25, memory=2).kernel(backend)
    four, three = [1, 1, 0, 1, 1], [1, 0, 0, 1, 1]
    state, rewards = stepped(kernel, [four])
    assert rewards.tolist() == [[-2, -2, 0.25, -2, -2]] and state.tolist() == [[4, 1, 1]]
    obs, codes = np.zeros((1, 1, 1)), []
    for actions in (three, four, four, three, three):
        state, rewards = stepped(kernel, [actions], state)
        kernel.observe(state, obs)
        codes.append(obs.item())
    assert rewards.tolist() == [[1, 0.25, 0.25, 1, 1]]
    assert codes == [0b10, 0b01, 0b11, 0b10, 0b00]      # last week's bit is the lowest


def test_sixty_of_a_hundred_is_not_crowded(backend):
    for go, reward in ((60, 1.0), (61, -1.0)):
        rewards = stepped(ElFarol(memory=0).kernel(backend), [[1] * go + [0] * (100 - go)])[1][0]
        assert (rewards[:go] == reward).all() and (rewards[go:] == 0.0).all()


def test_what_is_seen(backend):
    nothing, loads = (two_journeys(observe=o) for o in ("nothing", "loads"))
    assert (nothing.observations, nothing.features, loads.observations, loads.features) == (1, 1, None, 3)
    assert loads.bounds[1].tolist() == [2, 3, 3]        # agent 1 cannot take road 0
    assert ElFarol().observations == 8
    for game, expected in ((nothing, [0]), (loads, [1, 2, 2])):
        kernel = game.kernel(backend)
        state, _ = stepped(kernel, [[0, 0, 1]])
        obs = np.full((1, 1, game.features), np.nan)
        kernel.observe(state, obs)
        assert obs.ravel().tolist() == expected


# -- what holds always ----------------------------------------------------------------------------

SMALL = [two_journeys(), EXAMPLES[1], PublicGoods(), Pigou(5), Braess(4), Braess(5, link=False), ElFarol(6, 3)]


@pytest.mark.parametrize("game", SMALL, ids=lambda game: game.name)
def test_reward_bounds_hold_and_are_reached(game):
    profiles = every_profile(game)
    _, rewards = stepped(game.kernel(), profiles)
    low, high = game.reward_bounds
    assert low <= rewards.min() and rewards.max() <= high
    if game.name != "congestion":       # there loads of two roads are taken apart
        assert rewards.min() == pytest.approx(low, abs=1e-12) and rewards.max() == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize("game", SMALL, ids=lambda game: game.name)
def test_the_others_earn_what_they_earn_alone(game):
    """``counterfactual`` against the same game with an agent that may use nothing (a strategy of no resources)."""
    costs, strategies, watched, kinds, kind_of_agent = game._parts()
    absent = len(strategies)
    again = CongestionGame(costs, (*strategies, ()), [(*kind, absent) for kind in kinds], kind_of_agent,
                           (*watched, ()))
    profiles, kernel = every_profile(game), game.kernel()
    state, _ = stepped(kernel, profiles)
    total = others(kernel, state, profiles)
    for i in range(game.agents):
        gone = profiles.copy()
        gone[:, i] = game.action_counts[i]
        rewards = stepped(again.kernel(), gone)[1]
        assert total[:, i] == pytest.approx(rewards.sum(axis=1) - rewards[:, i], abs=1e-9)


@pytest.mark.parametrize("game", [two_journeys(), Pigou(5), Braess(5), Braess(6, link=False), ElFarol(6, 3)],
                         ids=lambda game: game.name)
def test_the_potential_changes_by_what_the_one_who_moves_saves(game):
    profiles, kernel = every_profile(game), game.kernel()
    state, rewards = stepped(kernel, profiles)
    potential = np.array([game.potential(s) for s in state])
    for i, n in enumerate(game.action_counts):
        for action in range(n):
            moved = profiles.copy()
            moved[:, i] = action
            next_state, earned = stepped(kernel, moved)
            assert np.array([game.potential(s) for s in next_state]) - potential == pytest.approx(
                rewards[:, i] - earned[:, i], abs=1e-9)


def test_there_is_no_potential_where_some_only_watch():
    with pytest.raises(ValueError, match="^potential: expected a game in which all who pay"):
        PublicGoods().potential([0, 0])


@pytest.mark.parametrize("game, time", [(Braess(40), 80.0), (Braess(40, link=False), 65.0)],
                         ids=["with the link", "counterfactual"])
def test_best_replies_in_turn_reach_the_published_equilibrium(game, time):
    kernel, generator = game.kernel(), np.random.default_rng(4)
    actions = generator.integers(0, game.action_counts).astype(np.int32)
    potentials = []
    for _ in range(4):
        for i in range(game.agents):
            tries = np.tile(actions, (game.max_actions, 1))
            tries[:, i] = np.arange(game.max_actions)
            rewards = stepped(kernel, tries)[1][:, i]
            if rewards.max() > rewards[actions[i]] + 1e-9:
                actions[i] = rewards.argmax()
                potentials.append(game.potential(stepped(kernel, [actions])[0][0]))
    assert (np.diff(potentials) < 0).all() and len(potentials) > 5
    assert stepped(kernel, [actions])[1].tolist() == [[-time] * 40]


@pytest.mark.parametrize("game", EXAMPLES, ids=lambda game: game.name)
def test_loads_add_up_and_names_do_not_matter(game):
    generator = np.random.default_rng(5)
    costs, strategies, _, kinds, kind_of_agent = game._parts()
    actions = (generator.random((20, game.agents)) * game.action_counts).astype(np.int32)
    state, rewards = stepped(game.kernel(), actions)
    lengths = np.array([[len(strategies[kinds[k][a]]) for k, a in zip(kind_of_agent, run, strict=True)]
                        for run in actions])
    assert (state[:, :len(costs)].sum(axis=1) == lengths.sum(axis=1)).all()
    # Agents of the same kind may be exchanged.
    same = np.flatnonzero(kind_of_agent == kind_of_agent[0])
    order = np.arange(game.agents)
    order[same] = generator.permutation(same)
    state_, rewards_ = stepped(game.kernel(), np.ascontiguousarray(actions[:, order]))
    assert (state_ == state).all() and (rewards_ == rewards[:, order]).all()


def test_many_strategies_are_priced_like_few(backend):
    # 300 strategies, which 300 agents share: beyond what is priced once; each road costs its load.
    roads = [[k] for k in range(299)] + [[0, 1]]
    game = CongestionGame(np.tile(np.arange(301.0), (299, 1)), roads).kernel(backend)
    state, rewards = stepped(game, [[299, 0, *range(2, 300)]])
    assert state[0, :3].tolist() == [3, 2, 1]
    # Agents 0 and 299 take {0, 1}, agent 1 road 0.
    assert rewards[0, [0, 1, 2, 299]].tolist() == [-5, -3, -1, -5]


def test_learning_goes_where_the_equilibrium_is():
    explore = mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.0, ties="first", draws=2)
    learner = mf.IQL(learning_rate=0.1, discount=0.0, explore=explore)
    run = mf.train(PublicGoods(3), learner, episodes=1500, runs=4, seed=1)
    assert (run.returns[:, -1] == 0.0).all()                # nobody contributes
    run = mf.train(Braess(4), learner, episodes=2500, runs=4, seed=1)
    assert run.returns[:, -1].mean() == pytest.approx(-80.0)
    # Difference rewards: who contributes adds 2 and pays 1, so all do.
    run = mf.train(PublicGoods(3), learner, rewards=mf.rewards.difference(), episodes=1500, runs=4, seed=1)
    assert (run.returns[:, -1] == 1.0).all()


# -- bad input ------------------------------------------------------------------------------------

COSTS = [[0.0, 1.0, 2.0]]


@pytest.mark.parametrize("arguments, error, message", [
    (dict(costs="abc", strategies=[[0]]), ValueError, "costs: expected an array of numbers, got 'abc'"),
    (dict(costs=[1.0], strategies=[[0]]), ValueError, "costs: expected shape (resources, agents + 1), at least (1, 2)"),
    (dict(costs=[[1.0]], strategies=[[0]]), ValueError, "costs: expected shape (resources, agents + 1), at least"),
    (dict(costs=[[0.0, np.nan]], strategies=[[0]]), ValueError, "costs[0, 1]: expected a finite number, got nan"),
    (dict(costs=COSTS, strategies=[]), ValueError, "strategies: expected at least one, got none"),
    (dict(costs=COSTS, strategies=3), TypeError, "strategies: expected a list of lists of resources, such as"),
    (dict(costs=COSTS, strategies=[0]), TypeError, "strategies: expected a list of lists of resources, such as"),
    (dict(costs=COSTS, strategies=[[1]]), ValueError, "strategies[0]: expected 0 to 0, got 1"),
    (dict(costs=COSTS, strategies=[[0], [0, 0]]), ValueError, "strategies[1]: expected different resources, got [0"),
    (dict(costs=COSTS, strategies=[[0]], watched=[]), ValueError, "watched: expected a list for each of the 1"),
    (dict(costs=COSTS, strategies=[[0]], watched=[[0]]), ValueError, "watched[0]: the strategy uses resource 0"),
    (dict(costs=COSTS, strategies=[[0]], kinds=[]), ValueError, "kinds: expected at least one, got none"),
    (dict(costs=COSTS, strategies=[[0]], kinds=[[]]), ValueError, "kinds[0]: expected at least one strategy"),
    (dict(costs=COSTS, strategies=[[0]], kinds=[[1]]), ValueError, "kinds[0]: expected 0 to 0, got 1"),
    (dict(costs=COSTS, strategies=[[0]], kind_of_agent=[0]), ValueError, "kind_of_agent: expected 2 kinds (costs"),
    (dict(costs=COSTS, strategies=[[0]], kind_of_agent=[0, 1]), ValueError, "kind_of_agent[1]: expected 0 to 0"),
    (dict(costs=COSTS, strategies=[[0]], kind_of_agent=0), TypeError, "kind_of_agent: expected the kind of each"),
    (dict(costs=COSTS, strategies=[[0]], horizon=-1), ValueError, "horizon: expected at least 0, got -1"),
    (dict(costs=COSTS, strategies=[[0]], observe="all"), ValueError, "observe: expected one of 'nothing', 'loads'"),
])
def test_impossible_congestion_games(arguments, error, message):
    with pytest.raises(error) as caught:
        CongestionGame(**arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("make, error, message", [
    (lambda: PublicGoods(1), ValueError, "agents: expected 2 to"),
    (lambda: PublicGoods(4, 1.0), ValueError, "multiplier: expected more than 1 and less than the number of agents, 4"),
    (lambda: PublicGoods(4, 4.0), ValueError, "multiplier: expected more than 1 and less than"),
    (lambda: PublicGoods(4, "2"), TypeError, "multiplier: expected a number, got '2'"),
    (lambda: Pigou(0), ValueError, "agents: expected 1 to"),
    (lambda: Pigou(degree=0), ValueError, "degree: expected 1 to 64, got 0"),
    (lambda: Pigou(observe=1), ValueError, "observe: expected one of"),
    (lambda: Braess(4, link=1), TypeError, "link: expected True or False, got 1"),
    (lambda: Braess(2.5), TypeError, "agents: expected a whole number, got 2.5"),
    (lambda: ElFarol(10), ValueError, "capacity: expected 0 to 10, got 60"),
    (lambda: ElFarol(memory=17), ValueError, "memory: expected 0 to 16, got 17"),
    (lambda: ElFarol(crowded=np.inf), ValueError, "crowded: expected a finite number, got inf"),
    (lambda: ElFarol(horizon=-1), ValueError, "horizon: expected at least 0, got -1"),
])
def test_impossible_games(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(message)


def ints(*values):
    return np.array(values, np.int32)


ARGUMENTS = dict(kind_of_agent=ints(0, 1), first_choice=ints(0, 2, 3), choices=ints(0, 1, 1), first_use=ints(0, 1, 3),
                 used=ints(0, 0, 1), counted=np.ones(3, bool), cost=np.zeros((2, 3)))


@pytest.mark.parametrize("changes, message", [
    (dict(kind_of_agent=ints()), "kind_of_agent: expected at least one agent, got none"),
    (dict(kind_of_agent=ints(0, 2)), "kind_of_agent: expected kinds 0 to 1"),
    (dict(kind_of_agent=ints(0, -1)), "kind_of_agent: expected kinds 0 to 1"),
    (dict(cost=np.zeros((2, 4))), "cost: expected shape (-1, 3), got (2, 4)"),
    (dict(cost=np.zeros((0, 3))), "cost: expected at least one resource, got none"),
    (dict(used=ints(0, 0, 2)), "used: expected numbers from 0 to 1"),
    (dict(used=ints(0, -1, 1)), "used: expected numbers from 0 to 1"),
    (dict(used=ints(0, 1, 1)), "used: strategy 1 has a resource twice"),
    (dict(counted=np.ones(2, bool)), "counted: expected shape (3,), got (2,)"),
    (dict(first_use=ints(0, 1, 4)), "first_use: expected numbers that rise by at least 0 from 0"),
    (dict(first_use=ints(0, 4, 3)), "first_use: expected numbers that rise by at least 0 from 0"),
    (dict(first_use=ints(1, 2, 3)), "first_use: expected numbers that rise by at least 0 from 0"),
    (dict(first_use=ints(0)), "first_use: expected numbers that rise"),
    (dict(first_choice=ints(0, 3, 3)), "first_choice: expected numbers that rise by at least 1 from 0"),
    (dict(choices=ints(0, 1, 2)), "choices: expected numbers from 0 to 1"),
    (dict(memory=31), "memory: expected 0 to 30, got 31"),
    (dict(memory=-1), "memory: expected 0 to 30, got -1"),
    (dict(memory=1, sees_loads=True), "sees_loads, memory: agents see the loads or what is remembered, not both"),
    (dict(watched=2), "watched: expected 0 to 1, got 2"),
    (dict(threshold=3), "threshold: expected 0 to 2, got 3"),
])
def test_impossible_kernels(module, changes, message):
    module("congestion").Congestion(**ARGUMENTS)
    with pytest.raises(ValueError) as caught:
        module("congestion").Congestion(**ARGUMENTS | changes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("actions", [[3, 0, 0], [0, 2, 0], [-1, 0, 0], [0, 0, 2**31 - 1], [0, 0, -(2**31)]])
def test_actions_outside_are_refused_and_change_nothing(backend, actions):
    kernel = two_journeys().kernel(backend)
    state, rewards = np.full((1, 3), 7.0), np.full((1, 3), 7.0)
    with pytest.raises(ValueError, match="^step: an action lies outside the agent's actions$"):
        kernel.step(state, ints(*actions)[None], np.zeros((1, 0)), np.zeros((1, 0)), rewards, np.zeros(1, bool))
    assert (state == 7.0).all() and (rewards == 7.0).all()
    with pytest.raises(ValueError, match="^counterfactual: an action lies outside"):
        others(kernel, np.ones((1, 3)), [actions])


@pytest.mark.parametrize("bad", [-1.0, 0.5, 8.0, np.nan, np.inf, 1e300])
def test_a_memory_that_is_none_is_refused_and_changes_nothing(backend, bad):
    state, none = np.array([[1.0, 2.0, bad]]), np.zeros((1, 0))
    before = state.copy()
    with pytest.raises(ValueError, match="^step: the state is not one of the game's$"):
        ElFarol(3, 2).kernel(backend).step(state, ints(0, 0, 9)[None], none, none, np.zeros((1, 3)), np.zeros(1, bool))
    assert state.tobytes() == before.tobytes()


@pytest.mark.parametrize("bad", [-1.0, 0.0, 0.5, 4.0, np.nan, np.inf, 1e300])
def test_loads_that_cannot_be_are_refused(backend, bad):
    # Three agents are on road 0: its load cannot be 0 either.
    with pytest.raises(ValueError, match="^counterfactual: the state is not one of the game's$"):
        others(Pigou(3).kernel(backend), np.array([[bad, 0.0]]), [[0, 0, 0]])


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), st.integers(0, 2), st.integers(0, 3),
       st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_step_alike(agents, resources, strategies, kinds, mode, memory, hostile, seed):
    generator = np.random.default_rng(seed)
    used = [generator.permutation(resources)[:generator.integers(0, resources + 1)] for _ in range(strategies)]
    choices = [generator.integers(0, strategies, generator.integers(1, 4)) for _ in range(kinds)]
    first_use, first_choice = (np.cumsum([0, *map(len, lists)]).astype(np.int32) for lists in (used, choices))
    flat = np.concatenate(used).astype(np.int32)
    counted = np.ones(len(flat), bool) if mode == 0 else generator.random(len(flat)) < 0.6
    arguments = (generator.integers(0, kinds, agents).astype(np.int32), first_choice,
                 np.concatenate(choices).astype(np.int32), first_use, flat, counted,
                 generator.normal(size=(resources, agents + 1)), mode == 2, memory * (mode != 2),
                 int(generator.integers(resources)), int(generator.integers(agents + 1)))
    traces = []
    games = [by_name(kernels(backend, "congestion").Congestion, *arguments) for backend in BACKENDS]
    odd = np.array([-1.0, 0.5, np.nan, np.inf, 1e300, 0.0, 1.0, agents, agents + 1.0])
    counts = np.diff(first_choice)[arguments[0]]
    steps = []
    for _ in range(8):
        actions = (generator.random((1, agents)) * counts).astype(np.int32)
        spoiled = hostile and generator.random() < 0.6
        if spoiled and generator.random() < 0.5:
            actions[0, generator.integers(agents)] = generator.choice([-1, 9, 2**31 - 1, -(2**31)])
        place = (int(generator.integers(games[0].state_size)), generator.choice(odd)) if spoiled else None
        steps.append((actions, place))
    for game in games:
        state, trace, none = np.zeros((1, game.state_size)), [], np.zeros((1, 0))
        for actions, place in steps:
            if place is not None:
                state[0, place[0]] = place[1]
            rewards, ends, total = np.zeros((1, agents)), np.ones(1, bool), np.zeros((1, agents))
            obs = np.zeros((1, 1, game.features))
            others_after = (game.counterfactual, state, actions, rewards, total)
            for call, *arguments in (others_after,      # first of a step that was not made
                                     (game.step, state, actions, none, none, rewards, ends),
                                     (game.observe, state, obs), others_after):
                try:
                    call(*arguments)
                    said = "fine"
                except ValueError as error:
                    said = str(error)
                trace.append([said, state.tobytes(), rewards.tobytes(), ends.tobytes(), obs.tobytes(),
                              total.tobytes() if said == "fine" else ""])
                total[:] = 0.0
        traces.append(trace)
    assert traces[0] == traces[1]
