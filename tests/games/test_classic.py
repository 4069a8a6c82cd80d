"""Matrix games that have names: every payoff, and what is known of their equilibria."""
import numpy as np
import pytest

import marlfast as mf
from marlfast.games.classic import (
    BattleOfTheSexes,
    Chicken,
    Climbing,
    CoordinationGame,
    MatchingPennies,
    Penalty,
    PrisonersDilemma,
    Qtran,
    RockPaperScissors,
    Shapley,
    StagHunt,
)

EXAMPLES = [
    Climbing(), Climbing("partial", horizon=4), Climbing("full", memory=1, horizon=9),
    Penalty(), Penalty(0.0, memory=2, horizon=0),
    PrisonersDilemma(), PrisonersDilemma(memory=3, start=[1, 1], horizon=6),
    StagHunt(), StagHunt(memory=1, horizon=0), Chicken(), Chicken(memory=1, start="uniform"),
    BattleOfTheSexes(), BattleOfTheSexes(horizon=0), MatchingPennies(), MatchingPennies(memory=1, horizon=3),
    RockPaperScissors(), RockPaperScissors(memory=2, horizon=5), Shapley(), Shapley(memory=1, start="uniform"),
    Qtran(), Qtran(memory=1, horizon=2),
    CoordinationGame(), CoordinationGame(1, 1, memory=2, horizon=3), CoordinationGame(5, 3, memory=1, horizon=7),
]

# What agent 0 and agent 1 are paid; one array: both the same.
PAYOFFS = [
    (Climbing(), "cooperative", [[11, -30, 0], [-30, 7, 6], [0, 0, 5]], None),
    (Penalty(), "cooperative", [[10, 0, -100], [0, 2, 0], [-100, 0, 10]], None),
    (Penalty(-7.5), "cooperative", [[10, 0, -7.5], [0, 2, 0], [-7.5, 0, 10]], None),
    (PrisonersDilemma(), "mixed", [[3, 0], [5, 1]], [[3, 5], [0, 1]]),
    (PrisonersDilemma(4, -1, 6, 2), "mixed", [[4, -1], [6, 2]], [[4, 6], [-1, 2]]),
    (StagHunt(), "mixed", [[2, 0], [1, 1]], [[2, 1], [0, 1]]),
    (Chicken(), "mixed", [[0, 4], [1, 3]], [[0, 1], [4, 3]]),
    (BattleOfTheSexes(), "mixed", [[3, 0], [0, 2]], [[2, 0], [0, 3]]),
    (MatchingPennies(), "competitive", [[1, -1], [-1, 1]], [[-1, 1], [1, -1]]),
    (RockPaperScissors(), "competitive", [[0, -1, 1], [1, 0, -1], [-1, 1, 0]], [[0, 1, -1], [-1, 0, 1], [1, -1, 0]]),
    (Shapley(), "mixed", [[0, 0, 1], [1, 0, 0], [0, 1, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    (Qtran(), "cooperative", [[8, -12, -12], [-12, 0, 0], [-12, 0, 0]], None),
    (CoordinationGame(), "cooperative", [[1, 0], [0, 1]], None),
    (CoordinationGame(2, 3), "cooperative", [[1, 0, 0], [0, 1, 0], [0, 0, 1]], None),
]


@pytest.mark.parametrize("game, setting, first, second", PAYOFFS, ids=[p[0].name for p in PAYOFFS])
def test_payoffs(game, setting, first, second):
    actions = np.array(list(np.ndindex(np.shape(first))), np.int32)
    env = game.env(runs=len(actions))
    env.reset()
    rewards = env.step(actions)[1]
    assert rewards[:, 0].tolist() == np.ravel(first).tolist()
    assert rewards[:, 1].tolist() == np.ravel(first if second is None else second).tolist()
    assert game.setting == setting


@pytest.mark.parametrize("game, equilibria", [
    # Climbing: from (c, c), which pays 5, agent 0 goes to (b, c), which pays 6.
    (Climbing(), [(0, 0), (1, 1)]), (Penalty(), [(0, 0), (1, 1), (2, 2)]), (PrisonersDilemma(), [(1, 1)]),
    (StagHunt(), [(0, 0), (1, 1)]), (Chicken(), [(0, 1), (1, 0)]), (BattleOfTheSexes(), [(0, 0), (1, 1)]),
    (MatchingPennies(), []), (RockPaperScissors(), []), (Shapley(), []),
    (Qtran(), [(0, 0), (1, 1), (1, 2), (2, 1), (2, 2)]), (CoordinationGame(3, 2), [(0, 0, 0), (1, 1, 1)]),
], ids=lambda value: getattr(value, "name", ""))
def test_pure_equilibria(game, equilibria):
    assert game.pure_equilibria() == equilibria


def test_defection_dominates_and_both_lose_by_it():
    row = PrisonersDilemma().expected
    assert (row[1, :, 0] > row[0, :, 0]).all() and (row[:, 1, 1] > row[:, 0, 1]).all()
    assert (row[0, 0] > row[1, 1]).all()


@pytest.mark.parametrize("cls", [PrisonersDilemma, StagHunt, Chicken])
def test_both_players_are_in_the_same_position(cls):
    expected = cls().expected
    assert (expected[..., 1] == expected[..., 0].T).all()


@pytest.mark.parametrize("game", [MatchingPennies(), RockPaperScissors()], ids=["pennies", "rock"])
def test_against_a_fair_player_every_action_is_worth_nothing(game):
    assert not game.against_random().any()


# -- climbing by chance ---------------------------------------------------------------------------

FULL = {(0, 0): (10, 12), (0, 1): (5, -65), (0, 2): (8, -8), (1, 0): (5, -65), (1, 1): (14, 0), (1, 2): (12, 0),
        (2, 0): (8, -8), (2, 1): (12, 0), (2, 2): (10, 0)}
SURE = {(0, 0): 11, (0, 1): -30, (0, 2): 0, (1, 0): -30, (1, 2): 6, (2, 0): 0, (2, 1): 0, (2, 2): 5}
PARTIAL = {joint: (x, x) for joint, x in SURE.items()} | {(1, 1): (14, 0)}


@pytest.mark.parametrize("backend", ["cython", "numpy"])
@pytest.mark.parametrize("chance, payoffs", [("partial", PARTIAL), ("full", FULL)])
def test_each_of_two_payoffs_comes_up_half_the_time(chance, payoffs, backend):
    """4000 draws of each joint action: within three standard deviations, which are 0.8 % each."""
    env = Climbing(chance, horizon=0).env(runs=4000, seed=11, backend=backend)
    env.reset()
    for joint, (one, other) in payoffs.items():
        rewards = env.step(np.tile(np.array(joint, np.int32), (4000, 1)))[1]
        assert (rewards[:, 0] == rewards[:, 1]).all() and set(rewards[:, 0].tolist()) == {one, other}
        assert one == other or abs((rewards[:, 0] == one).mean() - 0.5) < 3 * 0.5 / np.sqrt(4000)


def test_means_of_climbing_by_chance():
    assert Climbing("partial").expected[..., 0].tolist() == [[11, -30, 0], [-30, 7, 6], [0, 0, 5]]
    assert Climbing("full").expected[..., 0].tolist() == [[11, -30, 0], [-30, 7, 6], [0, 6, 5]]
    assert Climbing("full").kernel().step_uniforms == 1 and Climbing().kernel().step_uniforms == 0


# -- iterated -------------------------------------------------------------------------------------


def test_the_iterated_dilemma_remembers():
    game = PrisonersDilemma(memory=1, horizon=10)
    assert game.observations == 5
    env = game.env()
    assert env.reset().ravel().tolist() == [4.0] and game.render(env.state[0]) == "no round yet"
    env.step(np.array([[0, 1]], np.int32))
    assert env.state.tolist() == [[1.0]] and game.render(env.state[0]) == "played: cooperate defect"


def test_a_learner_with_memory_exploits_tit_for_tat_by_cooperating():
    # Tit for tat as a game of one agent: it answers what the agent did in the state's round. Cooperating for ever pays
    # 3 a round; defecting for ever 5 once and then 1; in turns 5, 0, 5, ...: at discount 0.9 the first is best.
    transitions, rewards = np.zeros((4, 2, 4)), np.zeros((4, 2))
    for state, action in np.ndindex(4, 2):
        reply = state // 2
        transitions[state, action, 2 * action + reply] = 1.0
        rewards[state, action] = PrisonersDilemma().expected[action, reply, 0]
    run = mf.train(mf.games.MarkovGame(transitions, rewards, (2,)), mf.IQL(0.2, 0.9, mf.EpsilonGreedy(0.3)), seed=1,
                   steps=20_000, record_every=0)
    assert run.q[0, 0, 0].argmax() == 0 and run.q[0, 0, 0, 0] == pytest.approx(30.0, abs=0.5)


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make, error, words", [
    (lambda: Climbing("some"), ValueError, "chance: expected one of 'none', 'partial', 'full', got 'some'"),
    (lambda: Penalty(1.0), ValueError, "k: expected at most 0.0, got 1.0"),
    (lambda: Penalty("x"), TypeError, "k: expected a number, got 'x'"),
    (lambda: Penalty(float("nan")), ValueError, "k: expected a finite number, got nan"),
    (lambda: PrisonersDilemma(reward=5.0), ValueError, "temptation, reward, punishment, sucker: expected each greater"),
    (lambda: PrisonersDilemma(sucker=1), ValueError, "temptation, reward, punishment, sucker: expected each greater"),
    (lambda: PrisonersDilemma(punishment=None), TypeError, "punishment: expected a number, got None"),
    (lambda: CoordinationGame(0), ValueError, "agents: expected 1 to 30, got 0"),
    (lambda: CoordinationGame(31), ValueError, "agents: expected 1 to 30, got 31"),
    (lambda: CoordinationGame(2, 0), ValueError, "actions: expected 1 to 2147483647, got 0"),
    (lambda: CoordinationGame(30, 10**9), ValueError, "payoffs: about 10**270 joint actions"),
    (lambda: StagHunt(memory=16), ValueError, "memory: 16 rounds of 4 joint actions are 5,726,623,061 observations"),
    (lambda: StagHunt(horizon=-1), ValueError, "horizon: expected at least 0"),
])
def test_bad_input_is_refused_in_one_sentence(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


# -- known limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("game, pairs", [
    (PrisonersDilemma(), {(1, 1)}), (CoordinationGame(2, 3), {(0, 0), (1, 1), (2, 2)}),
    (Penalty(0.0), {(0, 0), (2, 2)}), (BattleOfTheSexes(), {(0, 0), (1, 1)}), (Chicken(), {(0, 1), (1, 0)})],
    ids=lambda value: getattr(value, "name", ""))
def test_independent_learners_find_an_equilibrium(game, pairs):
    learner = mf.IQL(0.1, discount=0.0, explore=mf.EpsilonGreedy(1.0, decay=0.999, minimum=0.01))
    run = mf.train(game, learner, steps=8000, runs=20, record_every=0)
    assert set(map(tuple, run.q[:, 0].argmax(axis=2).tolist())) <= pairs


def test_a_team_reward_makes_the_dilemma_cooperative():
    learner = mf.IQL(0.1, discount=0.0, explore=mf.EpsilonGreedy(1.0, decay=0.999, minimum=0.01))
    run = mf.train(PrisonersDilemma(), learner, rewards=mf.rewards.cooperative(), steps=8000, runs=20, record_every=0)
    assert set(map(tuple, run.q[:, 0].argmax(axis=2).tolist())) == {(0, 0)}
