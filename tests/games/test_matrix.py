"""Games in normal form, given by their payoffs: what they say of themselves, their histories, and bad input."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis, memory
from marlfast.games.classic import PrisonersDilemma
from marlfast.games.matrix import MatrixGame, NormalForm, room, running_sums
from marlfast.games.pricing import LogitBertrand
from marlfast.registry import from_dict

DILEMMA = [[3, 0], [5, 1]], [[3, 5], [0, 1]]

EXAMPLES = [
    MatrixGame(*DILEMMA), MatrixGame([1.0], memory=2, horizon=3), MatrixGame([[2.0]], [[-2.0]], memory=3, horizon=5),
    MatrixGame(*DILEMMA, memory=2, start="uniform", horizon=7),
    MatrixGame(*np.random.default_rng(0).normal(size=(3, 2, 1, 3)), memory=2, start=[[1, 0, 2], [0, 0, 1]]),
    # Two outcomes with chances of their own at each joint action, one of them certain.
    MatrixGame(np.arange(12.0).reshape(2, 3, 2), memory=1, horizon=4,
               probabilities=[[[0.5, 0.5]] * 3, [[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]]]),
    MatrixGame([[0, 4], [1, 2]], probabilities=[0.25, 0.75], horizon=3),
]


# -- facts ----------------------------------------------------------------------------------------


def test_a_dilemma_says_what_it_is():
    game = MatrixGame(*DILEMMA)
    assert (game.agents, game.action_counts.tolist(), game.observations, game.horizon) == (2, [2, 2], 1, 1)
    assert game.setting == "mixed" and game.reward_bounds == (0.0, 5.0) and game.ends
    assert game.expected[1, 0].tolist() == [5.0, 0.0] and game.pure_equilibria() == [(1, 1)]


@pytest.mark.parametrize("payoffs, setting", [
    (([[1, 2], [3, 4]],), "cooperative"), (([[1, 2], [3, 4]], [[1, 2], [3, 4]]), "cooperative"),
    (([1, 2],), "cooperative"),
    (([[1, -2], [0, 4]], [[-1, 2], [0, -4]]), "competitive"), (DILEMMA, "mixed"), (([[0, 0]], [[0, 1]]), "mixed"),
    (np.stack([np.ones((2, 2, 2)), -np.ones((2, 2, 2)), np.zeros((2, 2, 2))]), "mixed"),
])
def test_the_setting_is_that_of_the_payoffs(payoffs, setting):
    assert MatrixGame(*payoffs).setting == setting


def test_an_episode_ends_after_its_horizon():
    assert MatrixGame(*DILEMMA).horizon == 1 and MatrixGame(*DILEMMA, horizon=9).ends
    assert not MatrixGame(*DILEMMA, horizon=0).ends


@pytest.mark.parametrize("memory, start, observations", [
    (0, "empty", 1), (0, "uniform", 1), (1, "empty", 1 + 4), (1, "uniform", 4), (2, "empty", 1 + 4 + 16),
    (2, "uniform", 16), (2, [0, 1], 16), (15, "uniform", 4**15)])
def test_how_many_observations(memory, start, observations):
    assert MatrixGame(*DILEMMA, memory=memory, start=start, horizon=0).observations == observations


def test_payoffs_of_the_first_agents_action_come_first():
    # Agent 0 has 2 actions, agent 1 three; joint action 3 a0 + a1.
    game = MatrixGame([[0, 1, 2], [3, 4, 5]], [[0, 10, 20], [30, 40, 50]])
    assert game.joint([[0, 2], [1, 0], [1, 2]]).tolist() == [2, 3, 5]
    env = game.env(runs=3)
    env.reset()
    assert env.step(np.array([[0, 2], [1, 0], [1, 2]], np.int32))[1].tolist() == [[2, 20], [3, 30], [5, 50]]


def test_a_common_payoff_is_paid_to_all():
    env = MatrixGame(np.arange(8.0).reshape(2, 2, 2)).env()
    env.reset()
    assert env.step(np.array([[1, 0, 1]], np.int32))[1].tolist() == [[5.0, 5.0, 5.0]]


def test_outcomes_are_paid_as_often_as_they_should():
    """0 with probability 1/4, else 4: within three standard deviations of 4000 draws."""
    game = MatrixGame([[0, 4]], probabilities=[0.25, 0.75], horizon=0)
    env = game.env(runs=4000, seed=5)
    env.reset()
    rewards = env.step(np.zeros((4000, 1), np.int32))[1]
    assert set(rewards.ravel().tolist()) == {0.0, 4.0}
    assert abs((rewards == 4.0).mean() - 0.75) < 3 * np.sqrt(0.25 * 0.75 / 4000)
    assert game.expected.tolist() == [[3.0]]


def test_a_uniform_start_is_uniform():
    """Each of 4 histories: within three standard deviations of 4000 draws."""
    states = MatrixGame(*DILEMMA, memory=1, start="uniform").env(runs=4000, seed=1)
    states.reset()
    share = np.bincount(states.state[:, 0].astype(int), minlength=4) / 4000
    assert np.abs(share - 0.25).max() < 3 * np.sqrt(0.25 * 0.75 / 4000)


def test_the_impossible_is_past_every_draw():
    assert running_sums(np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]])).tolist() == [
        [0.5, 2.0, 2.0], [0.0, 2.0, 2.0], [0.1, pytest.approx(0.3), 2.0]]


def test_what_actions_are_worth_against_random_others():
    # Dilemma: cooperate (3 + 0) / 2, defect (5 + 1) / 2; for ever at discount 1/2: twice that.
    game = MatrixGame(*DILEMMA)
    assert game.against_random().tolist() == [[1.5, 3.0], [1.5, 3.0]]
    assert game.against_random(0.5).tolist() == [[3.0, 6.0], [3.0, 6.0]]
    assert MatrixGame([[0, 1, 2], [3, 4, 5]]).against_random().tolist() == [[1.0, 4.0, 0.0], [1.5, 2.5, 3.5]]
    with pytest.raises(ValueError, match="^discount: expected at least 0 and less than 1, got 1.0"):
        game.against_random(1.0)


def test_pure_equilibria_of_three():
    # All three choose the same, or one cannot mend it alone: with payoffs 1 for all alike, else 0, for three agents
    # every joint action of two alike is left by the third.
    payoffs = np.zeros((2, 2, 2))
    payoffs[0, 0, 0] = payoffs[1, 1, 1] = 1.0
    assert MatrixGame(payoffs).pure_equilibria() == [(0, 0, 0), (1, 1, 1)]


# -- as data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_written_and_made_again(game):
    again = from_dict("game", game.to_dict())
    assert type(again) is MatrixGame and again == game and again.to_dict() == game.to_dict()


def test_equal_games_are_equal():
    a, b = DILEMMA
    assert MatrixGame(a, b) == MatrixGame(payoffs=[a, b]) and MatrixGame(a) == MatrixGame(payoffs=[a])
    assert MatrixGame(a, b) != MatrixGame(b, a) and MatrixGame(a, b) != MatrixGame(a, b, memory=1, horizon=0)
    assert MatrixGame(a, b) != MatrixGame(a)
    assert hash(MatrixGame(a, b)) == hash(MatrixGame(a, b))


def test_a_game_keeps_no_hold_on_what_it_was_given():
    payoffs = np.array([[1.0, 2.0], [3.0, 4.0]])
    game = MatrixGame(payoffs)
    payoffs[:] = 9.0
    assert game.expected[0, 0, 0] == 1.0 and not game.payoffs.flags.writeable
    with pytest.raises(AttributeError):
        game.memory = 3


# -- histories ------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["empty", "uniform"])
@pytest.mark.parametrize("memory", [0, 1, 2, 3])
def test_histories_have_numbers_and_numbers_histories(memory, start):
    game = MatrixGame(np.zeros((2, 3)), memory=memory, start=start, horizon=0)
    histories = [game.history(k) for k in range(game.observations)]
    assert [game.number(h) for h in histories] == list(range(game.observations))
    assert len({tuple(h) for h in histories}) == game.observations
    assert {len(h) for h in histories} == (set(range(memory + 1)) if start == "empty" else {memory})


def test_numbers_of_histories_by_hand():
    game = MatrixGame(np.zeros((2, 3)), memory=2, horizon=0)
    assert game.number([(1, 2), (0, 1)]) == 5 * 6 + 1 and game.number([]) == 36 and game.number([(1, 0)]) == 37 + 3
    for history, words in (([(0, 0)] * 3, "0 to 2 joint actions, got 3"),
                           ([(0, 3)], r"history\[0\]\[1\]: expected 0 to 2"),
                           ([3], r"history\[0\]: expected an action of each of 2 agents")):
        with pytest.raises(ValueError, match=words):
            game.number(history)


def test_a_pair_of_prices_is_numbered_as_published():
    # Calvano et al.: index 15 * p1 + p2.
    game = MatrixGame(np.zeros((15, 15)), memory=1, start="uniform")
    assert game.observations == 225 and game.number([(7, 4)]) == 15 * 7 + 4


@pytest.mark.parametrize("backend", ["cython", "numpy"])
@pytest.mark.parametrize("start", ["empty", "uniform", [[1, 1], [0, 1]], [1, 0]])
def test_what_was_played_is_what_is_seen(start, backend):
    game = MatrixGame(*DILEMMA, memory=2, start=start, horizon=0)
    env, generator = game.env(runs=3, seed=4, backend=backend), np.random.default_rng(2)
    obs = env.reset()
    past = [game.history(s) for s in obs.ravel()]
    if start == "empty":
        assert past == [[]] * 3
    elif start != "uniform":
        assert past == [[(1, 1), (0, 1)] if start[0] == [1, 1] else [(1, 0), (1, 0)]] * 3
    for _ in range(12):
        actions = generator.integers(0, 2, (3, 2), dtype=np.int32)
        past = [(h + [tuple(a)])[-2:] for h, a in zip(past, actions.tolist(), strict=True)]
        obs = env.step(actions)[0]
        assert [game.history(s) for s in obs.ravel()] == past
    assert [game.render(s) for s in env.state] == [
        f"played: {h[0][0]} {h[0][1]}, then {h[1][0]} {h[1][1]}" for h in past]


def test_a_game_of_ones_own_needs_its_payoffs_only():
    class Own(NormalForm):
        action_names = ("left", "right")

        def matrices(self):
            return [[1, 0], [0, 2]], [[0, 3], [4, 0]]

    game = Own(memory=1, horizon=3)
    assert (game.agents, game.observations, game.horizon, game.setting) == (2, 5, 3, "mixed")
    assert game.render([2.0]) == "played: right left"
    assert game.expected.tolist() == [[[1, 0], [0, 3]], [[0, 4], [2, 0]]]


def test_what_it_looks_like():
    assert MatrixGame(*DILEMMA).render([0.0]) == "nothing is remembered"
    game = MatrixGame([0.0, 1.0], memory=25, horizon=0)
    assert game.render([2.0**25]) == "no round yet"
    text = game.render([5.0])
    assert text.endswith("then 0, then 1, then 0, then 1 (the last 20 of 25 rounds)")
    assert max(map(len, text.splitlines())) < 200


# -- bad input ------------------------------------------------------------------------------------

NAN = float("nan")


@pytest.mark.parametrize("make, error, words", [
    (lambda: MatrixGame(), ValueError, "payoffs: expected an array per agent, got none"),
    (lambda: MatrixGame(payoffs=3), TypeError, "payoffs: expected an array per agent, got 3"),
    (lambda: MatrixGame([1.0], payoffs=[[1.0]]), TypeError, "payoffs: given twice"),
    (lambda: MatrixGame(3.0), ValueError, "payoffs: expected one axis per agent with at least one action, got"),
    (lambda: MatrixGame([]), ValueError, "payoffs: expected one axis per agent with at least one action, got"),
    (lambda: MatrixGame([[1, 2], [3]]), ValueError, "payoffs: expected an array of float64"),
    (lambda: MatrixGame("abc"), ValueError, "payoffs: expected an array of float64, got 'abc'"),
    (lambda: MatrixGame([[1, 2], [3, NAN]]), ValueError, "payoffs[1, 1]: expected a finite number, got nan"),
    (lambda: MatrixGame([[1, 2]], [[3, NAN]]), ValueError, "payoffs[1][0, 1]: expected a finite number, got nan"),
    (lambda: MatrixGame([[1, 2]], [[1], [2]]), ValueError, "payoffs: expected 2 arrays of shape (1, 2)"),
    (lambda: MatrixGame(*[[[1]]] * 3), ValueError, "payoffs: expected 2 arrays of shape (1, 1)"),
    (lambda: MatrixGame(np.zeros((1,) * 31)), ValueError, "payoffs: expected at most 30 agents, got 31"),
    (lambda: MatrixGame([1, 2], probabilities=[0.5, 0.5]), ValueError,
     "payoffs: expected one axis per agent with at least one action, and one of outcomes, got shape (2,)"),
    (lambda: MatrixGame([[1, 2]], probabilities=[0.5, 0.4]), ValueError, "probabilities: expected a sum of 1, got 0.9"),
    (lambda: MatrixGame([[1, 2], [3, 4]], probabilities=[[0.5, 0.5], [0.5, 0.6]]), ValueError,
     "probabilities[1]: expected a sum of 1, got 1.1"),
    (lambda: MatrixGame([[1, 2]], probabilities=[1.5, -0.5]), ValueError, "probabilities[1]: expected a probability"),
    (lambda: MatrixGame([[1, 2]], probabilities=[1.0]), ValueError, "probabilities: expected shape (2,) or (1, 2)"),
    (lambda: MatrixGame([[1, 2]], probabilities=[NAN, 1.0]), ValueError, "probabilities[0]: expected a finite number"),
    (lambda: MatrixGame([[1, 2]], probabilities="x"), ValueError, "probabilities: expected an array of float64"),
    (lambda: MatrixGame(*DILEMMA, horizon=-1), ValueError, "horizon: expected at least 0, got -1"),
    (lambda: MatrixGame(*DILEMMA, horizon=1.5), TypeError, "horizon: expected a whole number"),
    (lambda: MatrixGame(*DILEMMA, memory=1), ValueError, "horizon: with memory=1 and no history at the start"),
    (lambda: MatrixGame(*DILEMMA, memory=-1), ValueError, "memory: expected 0 to 2147483647, got -1"),
    (lambda: MatrixGame(*DILEMMA, memory="1"), TypeError, "memory: expected a whole number"),
    (lambda: MatrixGame(*DILEMMA, start="begin"), ValueError, "start: expected one of 'empty', 'uniform', got 'begin'"),
    (lambda: MatrixGame(*DILEMMA, start=3), TypeError, "start: expected 'empty', 'uniform' or a history, got 3"),
    (lambda: MatrixGame(*DILEMMA, start=[0, 1]), ValueError, "start: with memory=0 nothing is remembered"),
    (lambda: MatrixGame(*DILEMMA, memory=1, start=[]), ValueError, "start: expected an action of each of 2 agents"),
    (lambda: MatrixGame(*DILEMMA, memory=1, start=[0]), ValueError, "start: expected an action of each of 2 agents"),
    (lambda: MatrixGame(*DILEMMA, memory=1, start=[0, 2]), ValueError, "start[1]: expected 0 to 1, got 2"),
    (lambda: MatrixGame(*DILEMMA, memory=2, start=[[0, 1]]), ValueError, "start: expected 2 joint actions (memory)"),
    (lambda: MatrixGame(*DILEMMA, memory=2, start=[[0, 1], [0, 2]]), ValueError, "start[1][1]: expected 0 to 1"),
    (lambda: MatrixGame(*DILEMMA).joint([0, 2]), ValueError, "actions: expected 0 to [1, 1], got 0 to 2"),
    (lambda: MatrixGame(*DILEMMA).joint([0]), ValueError, "actions: expected a last axis of 2 agents"),
    (lambda: MatrixGame(*DILEMMA).history(1), ValueError, "observation: expected 0 to 0, got 1"),
])
def test_bad_input_is_refused_in_one_sentence(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


@pytest.mark.parametrize("memory, start, words", [
    # 4 ** 16 + (4 ** 16 - 1) / 3 observations; 2 agents x 2 actions x 8 bytes each.
    (16, "empty", ("5,726,623,061 observations", "2 agents x 2 actions", "183,251,937,952 bytes")),
    (16, "uniform", ("4,294,967,296 observations", "137,438,953,472 bytes")),
    (60, "uniform", ("about 10**36 observations",)), (2**31 - 1, "uniform", ("4**2,147,483,647 observations",))])
def test_more_histories_than_can_be_numbered_are_refused_with_their_size(memory, start, words):
    with pytest.raises(ValueError, match="^memory: ") as caught:
        MatrixGame(*DILEMMA, memory=memory, start=start, horizon=0)
    assert all(word in str(caught.value) for word in words)


def test_more_payoffs_than_there_can_be_are_refused_with_their_size(monkeypatch):
    with pytest.raises(ValueError, match=r"^payoffs: 2,147,488,281 joint actions x 1 outcomes x 2 agents are "
                                         r"34,359,812,496 bytes, and only 2,147,483,647 joint actions can be numbered"):
        room((46341, 46341))

    monkeypatch.setattr(memory, "memory_there", lambda: 10**9)
    with pytest.raises(MemoryError, match=r"^payoffs: 10,000,000 joint actions x 1 outcomes x 2 agents are 160,000,000 "
                                          r"bytes; they and what they are made of need 1\.3 GB, more than there is"):
        room((10_000, 1000))
    with pytest.raises(MemoryError, match="^payoffs: "):        # said before anything is made
        mf.games.LogitBertrand(agents=1, actions=10**8)


# -- known limits ---------------------------------------------------------------------------------


def learned(game):
    """Greedy joint actions of 20 runs in state 0."""
    learner = mf.IQL(0.1, discount=0.0, explore=mf.EpsilonGreedy(1.0, decay=0.999, minimum=0.01))
    run = mf.train(game, learner, steps=8000, runs=20, record_every=0)
    return set(map(tuple, run.q[:, 0].argmax(axis=2).tolist()))


def test_the_equilibrium_of_a_game_solved_by_dominance_is_found():
    # Agent 0: action 2 is best against all; then agent 1: action 0 against it, though 1 is best against 0 and 1.
    payoffs = [[1, 1, 1], [2, 2, 2], [3, 3, 3]], [[0, 5, 1], [0, 5, 1], [4, 0, 1]]
    game = MatrixGame(*payoffs)
    assert game.pure_equilibria() == [(2, 0)] and learned(game) == {(2, 0)}


def test_both_backends_learn_alike():
    for game in EXAMPLES:
        runs = [mf.train(game, mf.IQL(), steps=40, runs=2, seed=3, backend=backend) for backend in ("cython", "numpy")]
        assert runs[0].q.tobytes() == runs[1].q.tobytes()


def test_what_actions_are_worth_against_fixed_ones_and_grim_trigger():
    """Initial values of the pricing literature, beside values that are worked out from the strategies themselves."""
    for game, kind, harsh in ((PrisonersDilemma(memory=1, horizon=0), [0, 0], [1, 1]),
                              (PrisonersDilemma(memory=2, horizon=0), [0, 0], [1, 1]),
                              (LogitBertrand(2, 5), [3, 4], [1, 0]), (LogitBertrand(3, 3), [2, 2, 2], [0, 1, 0])):
        rows, n = game.observations, game.agents
        grim = np.tile(harsh, (rows, 1))
        loyal = [game.number([tuple(kind)] * k) for k in range(0 if game.start == "empty" else game.memory,
                                                              game.memory + 1)]
        grim[loyal] = kind
        found, fixed = game.against_grim_trigger(kind, harsh, 0.9), game.against_fixed(harsh, 0.9)
        for i in range(n):
            q = analysis.action_values(game, grim, 0.9, i)[0]
            assert found[:, i] == pytest.approx(q, abs=1e-12)
            q = analysis.action_values(game, np.tile(harsh, (rows, 1)), 0.9, i)[0]
            assert np.tile(fixed[i], (rows, 1)) == pytest.approx(q, abs=1e-12)
    # By hand, in the dilemma: after mutual cooperation, 3 for ever, or 5 and then 1; else 0 or 1 and then 1.
    values = PrisonersDilemma(memory=1, horizon=0).against_grim_trigger([0, 0], [1, 1], 0.5)
    assert values[0].tolist() == [[6.0, 6.0]] * 2 and values[1].tolist() == [[1.0, 2.0]] * 2
    assert values[4].tolist() == [[6.0, 6.0]] * 2                   # no round yet: nobody has betrayed anybody
    # Each may take the others to play something else: agent 0 takes agent 1 to defect, agent 1 both to cooperate.
    assert PrisonersDilemma().against_fixed([[0, 1], [0, 0]], 0.5).tolist() == [[0.0, 1.0], [6.0, 8.0]]


@pytest.mark.parametrize("call, words", [
    (lambda g: g.against_fixed([0], 0.5), "actions: expected an action of each of 2 agents, got "),
    (lambda g: g.against_fixed([0, 2], 0.5), "actions[1]: expected 0 to 1, got 2"),
    (lambda g: g.against_fixed([0, 0], 1.0), "discount: expected at least 0 and less than 1, got 1.0"),
    (lambda g: g.against_fixed("ab", 0.5), "actions: expected an action of each of 2 agents, got "),
    (lambda g: g.against_grim_trigger([0, 0], [1, 1], 0.5), "memory: grim trigger looks at the last round"),
    (lambda g: PrisonersDilemma(memory=1, horizon=0).against_grim_trigger([0, 0], [1, 0], 0.5),
     "punish: expected another action than to cooperate for everybody, got [1, 0]"),
])
def test_beliefs_that_make_no_sense_are_refused(call, words):
    with pytest.raises(ValueError) as caught:
        call(PrisonersDilemma())
    assert str(caught.value).startswith(words)
