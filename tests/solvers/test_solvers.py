"""Solvers: numbers by hand, known equilibria, both backends bit for bit, bad input."""
import dataclasses
import re

import numpy as np
import pytest

import marlfast as mf
from marlfast import games, solvers
from marlfast.declarations.extensive import ARRAYS
from marlfast.solvers.shaping import _Iterated

PENNIES = games.MatchingPennies()


def slots(tree, player):
    return tree.owner[tree.set_of_slot] == player


def guess(stakes=(1.0, 3.0)):
    """Chance draws 0 or 1 (.25, .75); player 0 sees it and says l or r; player 1, who heard only that, guesses it.

    Player 1 wins the stake of what was drawn from player 0 if it guessed right. 15 histories, by hand.
    """
    player = [-1, 0, 0, 1, 1, 1, 1] + [-2] * 8
    count = [2] * 7 + [0] * 8
    first = (1 + np.cumsum(count) - count).tolist()
    parent = [-1] + [p for p in range(7) for _ in range(2)]
    info = [-1, 0, 1, 2, 3, 2, 3] + [-1] * 8
    slot = [-1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7]
    returns = np.zeros((15, 2))
    for end in range(7, 15):
        drawn, said = (0 if end < 11 else 1), (end - 7) % 2
        returns[end] = [-stakes[drawn], stakes[drawn]] if said == drawn else [0.0, 0.0]
    ints = {"player": player, "parent": parent, "first": first, "count": count, "info": info, "slot": slot,
            "owner": [0, 0, 1, 1], "begin": [0, 2, 4, 6, 8], "last": [-1] * 4, "actions": [0, 1] * 4}
    return solvers.Tree("guess", 2, chance=np.array([1.0, 0.25, 0.75] + [1.0] * 12), returns=returns,
                        **{name: np.array(x, np.int32) for name, x in ints.items()})


def test_values_and_best_replies_by_hand():
    tree = guess()
    # Nothing is said by l and r alike; guessing 1 wins 3 in three of four cases, guessing 0 wins 1 in one.
    assert tree.values(tree.uniform()).tolist() == [-(0.25 * 1 + 0.75 * 3) / 2, (0.25 * 1 + 0.75 * 3) / 2]
    chosen, value = tree.best_reply(tree.uniform(), 1)
    assert value == 2.25 and chosen[4:].tolist() == [0.0, 1.0, 0.0, 1.0] and chosen[:4].tolist() == [0.5] * 4
    # Says l at 0 and r at 1: found out, and the other wins 0.25 * 1 + 0.75 * 3.
    honest = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    assert tree.values(honest).tolist() == [-2.5, 2.5]
    chosen, value = tree.best_reply(honest, 0)      # says r at 0 and l at 1
    assert value == 0.0 and chosen[:4].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert tree.nash_conv(honest) == 2.5 and tree.exploitability(honest) == 1.25


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_the_first_iteration_of_regret_minimisation_by_hand(backend):
    """Zinkevich et al., equation 7: regrets of one iteration from all alike, with simultaneous updates."""
    tree = guess()
    found = solvers.cfr(tree, 1, "cfr", alternating=False, backend=backend)
    # Player 0 gains nothing by either word. Player 1 in "l": chance and player 0 let (0, l) happen with .125, (1, l)
    # with .375; guessing 0 earns .125 * 1, 1 earns .375 * 3, both alike half of the sum.
    regret = np.array([0.125 - 0.625, 1.125 - 0.625])
    assert found.regrets[:4].tolist() == [0.0] * 4
    assert found.regrets[4:].tolist() == [*regret, *regret]
    assert found.current[4:].tolist() == [0.0, 1.0, 0.0, 1.0] and found.policy.tolist() == [0.5] * 8
    plus = solvers.cfr(tree, 1, "cfr+", backend=backend)
    assert plus.regrets[4:].tolist() == [0.0, 0.5, 0.0, 0.5]
    linear = solvers.cfr(tree, 2, "linear", backend=backend)
    # Of iteration 2, counted twice: player 1 guesses 1, so that guessing 0 would have earned .125 and not 1.125.
    assert linear.regrets[4:].tolist() == [-0.5 - 2 * 1.0, 0.5, -0.5 - 2 * 1.0, 0.5]


def test_fictitious_play_by_hand():
    tree = guess()
    one = solvers.fictitious_play(tree, 1)
    # Replies: player 0 says l both times (first of equals), player 1 guesses 1; averaged with all alike.
    assert one.policy.tolist() == [0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.25, 0.75]


@pytest.mark.parametrize("variant", ["cfr", "cfr+", "linear"])
def test_regret_minimisation_finds_known_equilibria(variant):
    tree = solvers.tree(games.MatrixGame([[2.0, -1.0], [-1.0, 1.0]], [[-2.0, 1.0], [1.0, -1.0]]))
    found = solvers.cfr(tree, 5000, variant)
    assert found.values == pytest.approx([0.2, -0.2], abs=1e-3)
    assert found.policy == pytest.approx([0.4, 0.6, 0.4, 0.6], abs=0.01) and found.nash_conv < 0.01
    assert solvers.cfr(guess(), 2000, variant).values == pytest.approx([-2.25, 2.25], abs=0.01)


@pytest.mark.filterwarnings("ignore::marlfast.MarlfastWarning")
@pytest.mark.parametrize("game", [games.RockPaperScissors(), guess(),
                                  games.PublicGoods(3, horizon=1),
                                  games.Shapley(horizon=2, at_horizon="terminated", memory=1)],
                         ids=lambda g: getattr(g, "name", "guess"))
def test_backends_agree_bit_for_bit(game):
    tree = solvers.tree(game)
    policy = np.random.default_rng(0).random(tree.slots) + 0.1
    policy /= np.bincount(tree.set_of_slot, policy)[tree.set_of_slot]
    policy = tree.policy(policy)
    for i in range(tree.players):
        found = []
        for backend in ("cython", "numpy"):
            chosen, values = policy.copy(), np.empty(tree.players)
            tree.kernel(backend).values(policy, values)
            found.append((tree.kernel(backend).best_reply(i, policy, chosen), chosen.tolist(), values.tolist()))
        assert found[0] == found[1]
    for solve in (lambda b: solvers.cfr(tree, 7, "cfr", backend=b), lambda b: solvers.cfr(tree, 7, "cfr+", backend=b),
                  lambda b: solvers.cfr(tree, 7, "linear", alternating=False, backend=b),
                  lambda b: solvers.mccfr(tree, 40, seed=3, backend=b),
                  lambda b: solvers.fictitious_play(tree, 7, backend=b)):
        one, other = solve("cython"), solve("numpy")
        for name in ("policy", "current", "sums", "regrets"):
            a, b = getattr(one, name), getattr(other, name)
            assert a is b is None or a.tobytes() == b.tobytes(), (one.method, name)
        assert one.draws == other.draws


@pytest.mark.parametrize("solve", [solvers.cfr, solvers.mccfr, solvers.fictitious_play], ids=lambda f: f.__name__)
def test_going_on_is_the_same_as_never_stopping(solve):
    tree = guess()
    whole, half = solve(tree, 100), solve(tree, 60)
    both = solve(tree, 40, resume=half)
    assert both.sums.tobytes() == whole.sums.tobytes() and both.current.tobytes() == whole.current.tobytes()
    assert (both.iterations, both.draws) == (whole.iterations, whole.draws)
    assert solve(None, 40, resume=half).sums.tobytes() == whole.sums.tobytes()
    with pytest.raises(ValueError, match="^resume: "):
        solve(PENNIES, 1, resume=half)


def test_sampling_tends_to_what_is_exact():
    assert solvers.mccfr(guess(), 20_000, seed=1).values == pytest.approx([-2.25, 2.25], abs=0.03)


def test_a_tree_has_what_the_game_pays_and_who_knows_what():
    tree = solvers.tree(games.PrisonersDilemma(memory=1, horizon=2, at_horizon="terminated"))
    # 1 + 2 histories before the first round is made, 4 after it, then 8 and 16.
    assert (tree.histories, tree.sets, tree.depth) == (1 + 2 + 4 + 8 + 16, 2 * (1 + 4), 4)
    defect = (tree.actions == 1).astype(float)
    assert tree.values(defect).tolist() == [2.0, 2.0] and tree.nash_conv(defect) == 0.0
    assert not tree.zero_sum and solvers.tree(PENNIES).zero_sum
    assert solvers.tree(tree) is tree


def test_chance_in_a_games_draws_is_a_move():
    """Soccer on two rows, one step: who has the ball, and in which order the moves are made."""
    game = games.Soccer(2, 3, horizon=1)
    tree = solvers.tree(game, cuts=2)
    assert tree.player[0] == -1 and tree.count[0] == 2 and tree.chance[1:3].tolist() == [0.5, 0.5]
    assert tree.values(tree.uniform()).sum() == pytest.approx(0.0, abs=1e-12)


def test_policies_by_rows_and_by_slots():
    tree = solvers.tree(games.PrisonersDilemma())
    policy = tree.of_rows([[[0.2, 0.8]], [[0.9, 0.1]]])
    assert policy.tolist() == [0.2, 0.8, 0.9, 0.1]
    assert [table.tolist() for table in tree.to_rows(policy)] == [[[0.2, 0.8]], [[0.9, 0.1]]]
    rounds = solvers.tree(games.PrisonersDilemma(memory=1, horizon=3, at_horizon="terminated"))
    with pytest.raises(ValueError, match="remembers more than it observes"):
        rounds.to_rows(rounds.uniform())


def test_a_mixture_of_policies_earns_what_drawing_one_does():
    tree = solvers.tree(games.PrisonersDilemma(memory=1, horizon=2, at_horizon="terminated"))
    rng = np.random.default_rng(2)
    policies = []
    for _ in range(3):
        p = rng.random(tree.slots)
        policies.append(p / np.bincount(tree.set_of_slot, p)[tree.set_of_slot])
    weights = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
    mixed = tree.values(tree.mixture(policies, weights))
    drawn = sum(weights[0, a] * weights[1, b] * tree.values(np.where(slots(tree, 0), policies[a], policies[b]))
                for a in range(3) for b in range(3))
    assert mixed == pytest.approx(drawn, abs=1e-12)


# -- psro -----------------------------------------------------------------------------------------


def test_double_oracle_ends_in_an_equilibrium():
    found = solvers.psro(games.MatrixGame([[2.0, -1.0], [-1.0, 1.0]], [[-2.0, 1.0], [1.0, -1.0]]))
    assert found.closed and found.nash_conv < 1e-9
    assert found.tree.values(found.policy) == pytest.approx([0.2, -0.2])
    assert solvers.psro(guess()).tree.values(solvers.psro(guess()).policy) == pytest.approx([-2.25, 2.25])


def test_a_learner_as_oracle_replies_best():
    game = games.MatrixGame([[0.0, -1.0, 2.0], [1.0, 0.0, -2.0], [-2.0, 2.0, 0.0]],
                            [[0.0, 1.0, -2.0], [-1.0, 0.0, 2.0], [2.0, -2.0, 0.0]])
    exact = solvers.psro(game, iterations=4)
    learned = solvers.psro(game, iterations=4, oracle=mf.IQL(0.1), episodes=2000)
    assert learned.history[-1] <= 1e-9 or learned.history[-1] < learned.history[0]
    assert exact.payoffs.shape[:2] == tuple(len(own) for own in exact.policies)
    assert solvers.psro(game, iterations=4, oracle=mf.IQL(0.1), episodes=2000).policy.tolist() == (
        learned.policy.tolist())


# -- populations ----------------------------------------------------------------------------------

CIRCLE = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])


def test_alpha_rank_by_hand():
    # Two strategies, u = alpha * (M[1, 0] - M[0, 1]) = 1: rho up = (1 - e^-1) / (1 - e^-2), down = (1 - e) / (1 - e^2).
    up, down = (1 - np.exp(-1)) / (1 - np.exp(-2)), (1 - np.exp(1)) / (1 - np.exp(2))
    found = solvers.alpha_rank([[0.0, 0.0], [1.0, 0.0]], alpha=1.0, population=2)
    assert found.masses == pytest.approx([down / (up + down), up / (up + down)], rel=1e-14)
    assert found.transitions[0, 1] == pytest.approx(up) and found.ranking.tolist() == [1, 0]
    assert solvers.alpha_rank(CIRCLE).masses == pytest.approx([1 / 3] * 3)
    limit = solvers.alpha_rank([[0.0, 0.0], [1.0, 0.0]], alpha=None, epsilon=0.01)
    assert limit.masses == pytest.approx([0.01, 0.99])


def test_alpha_rank_of_two_populations():
    dilemma = games.PrisonersDilemma().expected
    found = solvers.alpha_rank(dilemma, alpha=2.0)
    assert found.masses.shape == (2, 2) and found.masses[1, 1] > 0.99
    assert found.strategies[0] == pytest.approx(found.masses.sum(axis=1))


def test_nash_averaging_does_not_count_copies_or_the_weak():
    assert solvers.nash_averaging(CIRCLE).weights == pytest.approx([1 / 3] * 3)
    kinds = [0, 1, 2, 2]
    found = solvers.nash_averaging(CIRCLE[np.ix_(kinds, kinds)])
    assert found.weights == pytest.approx([1 / 3, 1 / 3, 1 / 6, 1 / 6], abs=1e-9)
    line = np.sign(np.subtract.outer(np.arange(5), np.arange(5))).astype(float)
    assert solvers.nash_averaging(line).weights.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]
    wins = 0.5 + 0.5 * CIRCLE
    assert solvers.nash_averaging(wins).weights == pytest.approx([1 / 3] * 3)


def test_nash_averaging_gives_equilibria_of_many_games():
    rng = np.random.default_rng(5)
    for k in range(60):
        n = int(rng.integers(2, 12))
        a = rng.normal(size=(n, n))
        a = np.sign(np.round(a - a.T)) if k % 3 == 0 else a - a.T
        if n > 2 and k % 5 == 0:
            a[:, -1], a[-1], a[-1, -1], a[0, -1], a[-1, 0] = a[:, 0], a[0], 0.0, 0.0, 0.0
        found = solvers.nash_averaging(a)
        assert found.ratings.max() <= 1e-9 and found.weights.min() >= 0.0
        if n > 2 and k % 5 == 0:
            assert found.weights[0] == pytest.approx(found.weights[-1], abs=1e-7)


# -- shaping --------------------------------------------------------------------------------------


def test_derivatives_of_iterated_games_are_those_of_differences():
    values_of = _Iterated(games.PrisonersDilemma().expected, 0.9)
    q, h = np.random.default_rng(1).random((3, 2, 5)), 1e-6
    _, slopes, cross = values_of(q)
    for k in range(5):
        for i in range(2):
            step = np.zeros((2, 5))
            step[i, k] = h
            (up, up_slopes, _), (down, down_slopes, _) = values_of(q + step), values_of(q - step)
            assert slopes[:, :, i, k] == pytest.approx((up - down) / (2 * h), abs=1e-6)
            if i == 1:
                difference = (up_slopes - down_slopes)[:, :, 0] / (2 * h)
                assert cross[:, :, :, k] == pytest.approx(difference, abs=1e-5)


def test_values_of_known_strategies():
    values_of = _Iterated(games.PrisonersDilemma().expected, 0.5)
    tit, defects = [1.0, 0.0, 1.0, 0.0, 1.0], [0.0] * 5
    # Tit for tat against a defector: 0, then 1 for ever; the defector 5, then 1.
    values = values_of(np.array([[tit, defects]]))[0][0]
    assert values.tolist() == [0.0 + 1.0 * 0.5 / 0.5, 5.0 + 1.0]


def test_shaping_cooperates_where_naive_learners_do_not():
    game = games.PrisonersDilemma(reward=-1.0, sucker=-3.0, temptation=0.0, punishment=-2.0)
    assert solvers.lola(game, shaping=0.0, runs=20).returns.mean() == pytest.approx(-2.0, abs=1e-3)
    assert solvers.lola(game, shaping=1.0, runs=20).returns.mean() > -1.3


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("call, message", [
    (lambda: solvers.tree(games.PrisonersDilemma(memory=1, horizon=9, at_horizon="terminated"), max_histories=1000),
     r"game: 'prisoners_dilemma' has more than 1,000 histories, with \d+ information sets so far"),
    (lambda: solvers.tree(games.PrisonersDilemma(memory=1, horizon=9)), "the horizon of .* is a limit"),
    (lambda: solvers.tree(games.Drift()), "draws normals"),
    (lambda: solvers.cfr(PENNIES, 0), "iterations: "),
    (lambda: solvers.cfr(PENNIES, 1, variant="best"), "variant: "),
    (lambda: solvers.tree(PENNIES).values([0.5, 0.5]), "policy: expected a number for each of 4 slots"),
    (lambda: solvers.tree(PENNIES).values([0.5, 0.6, 0.5, 0.5]), "information set 0 add up to 1.1, not to 1"),
    (lambda: solvers.tree(PENNIES).values([0.5, 0.5, -1.0, 2.0]), r"policy\[2\]: expected a probability"),
    (lambda: solvers.tree(PENNIES).best_reply(np.full(4, 0.5), 2), "player: "),
    (lambda: solvers.psro(games.PublicGoods(3, horizon=1)), '"nash" is for two players'),
    (lambda: solvers.psro(solvers.tree(PENNIES), oracle=mf.IQL(), episodes=1), "needs the game itself"),
    (lambda: solvers.psro(PENNIES, oracle=mf.IQL()), "say how long it learns"),
    (lambda: solvers.psro(PENNIES, episodes=3), "exact best replies are not trained"),
    (lambda: solvers.alpha_rank([[1.0]]), "a population of one"),
    (lambda: solvers.nash_averaging([[0.0]]), "a population of one"),
    (lambda: solvers.alpha_rank(np.zeros((2, 3))), "payoffs: expected shape"),
    (lambda: solvers.alpha_rank([[0.0, np.nan], [0.0, 0.0]]), "finite"),
    (lambda: solvers.alpha_rank([[0.0, 0.0], [1e9, 0.0]], alpha=100.0), "alpha: so large"),
    (lambda: solvers.nash_averaging([[0.0, 1.0], [1.0, 0.0]]), "what one earns to be what the other loses"),
    (lambda: solvers.lola(games.RockPaperScissors()), "two actions each"),
    (lambda: solvers.lola(PENNIES, discount=1.0), "discount: expected less than 1"),
], ids=lambda x: x if isinstance(x, str) else "")
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_what_has_no_guarantee_is_warned_of_by_name():
    with pytest.warns(mf.MarlfastWarning, match="'public_goods' has 3 players"):
        solvers.cfr(games.PublicGoods(3, horizon=1), 5)
    with pytest.warns(mf.MarlfastWarning, match="those of game 'stag_hunt' do not"):
        solvers.mccfr(games.StagHunt(), 5)


@pytest.mark.parametrize("name, at, value, message", [
    ("player", 1, 5, "player"), ("count", 0, 1, "count"), ("first", 1, 4, "first"), ("parent", 4, 2, "parent"),
    ("info", 3, 9, "info"), ("info", 3, 1, "info"), ("slot", 7, 5, "slot"), ("chance", 1, 2.0, "chance"),
    ("returns", (7, 0), np.inf, "returns"), ("begin", 1, 0, "begin"), ("owner", 0, 2, "owner"), ("last", 2, 0, "last"),
])
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_arrays_that_are_no_tree_are_refused(backend, name, at, value, message):
    tree = guess()
    arrays = {key: getattr(tree, key).copy() for key in ARRAYS}
    arrays[name][at] = value
    from marlfast.backends import kernels
    with pytest.raises(ValueError, match=message):
        kernels(backend, "extensive").Extensive(2, arrays)
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(tree, _kernels={}, **{name: arrays[name]})


def test_a_game_of_normal_draws_has_no_tree():
    with pytest.raises(ValueError, match="game: 'drift' draws normals, so its histories cannot be listed; take a game "
                                         "whose chances are few, or let marlfast.evaluate"):
        solvers.tree(games.Drift())
