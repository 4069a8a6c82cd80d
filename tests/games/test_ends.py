"""How games end: an end that belongs to the rules, or a limit; the round in what is seen."""
import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import marlfast as mf
from marlfast import analysis, games
from marlfast.games.pettingzoo import PettingZooGame

BACKENDS = ("cython", "numpy")
GREEDY = mf.EpsilonGreedy(0.0)


# -- an end, or a limit -----------------------------------------------------------------------------

@pytest.mark.parametrize("game, ends", [
    (games.PrisonersDilemma(), True), (games.Drift(horizon=1), True), (games.PrisonersDilemma(horizon=2), False),
    (games.PrisonersDilemma(horizon=0), False), (games.Pursuit(), False),
    (games.PrisonersDilemma(at_horizon="truncated"), False), (games.Soccer(at_horizon="terminated"), True),
    (games.MatrixGame([1.0], horizon=5, at_horizon="terminated"), True), (games.TwoStep(), False),
])
def test_single_rounds_end_and_several_are_a_limit(game, ends):
    assert game.ends_at_horizon is ends


def test_the_default_follows_when_the_horizon_changes():
    once = games.PrisonersDilemma()
    assert not dataclasses.replace(once, horizon=10).ends_at_horizon
    assert dataclasses.replace(once, horizon=10, at_horizon="terminated").ends_at_horizon


@pytest.mark.parametrize("game", [games.PrisonersDilemma(horizon=7, at_horizon="terminated"),
                                  games.MatrixGame([[1.0, 0.0]], horizon=2, at_horizon="terminated"),
                                  games.WithRound(games.PrisonersDilemma(horizon=3))])
def test_files_know_how_a_game_ends(game):
    again = mf.registry.from_dict("game", game.to_dict())
    assert again == game and again.ends_at_horizon == game.ends_at_horizon


@pytest.mark.parametrize("make, words", [
    (lambda: games.Drift(at_horizon="ended"), ["at_horizon", "'terminated', 'truncated'", "'ended'"]),
    (lambda: games.Ising(at_horizon="terminated"), ["at_horizon", "ising", "horizon"]),
    (lambda: games.TwoStep(at_horizon="truncated"), ["at_horizon", "two_step"]),
    (lambda: PettingZooGame(lambda: None, at_horizon="terminated"), ["at_horizon", "environment"]),
    (lambda: games.WithRound(games.PrisonersDilemma(horizon=0)), ["prisoners_dilemma", "no horizon"]),
    (lambda: games.WithRound(games.PrisonersDilemma(horizon=3, at_horizon="truncated")), ["at_horizon", "leave"]),
    (lambda: games.WithRound(games.Drift()), ["drift", "arrays"]),
    (lambda: games.WithRound(3), ["game", "3"]),
])
def test_what_contradicts_a_game(make, words):
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert all(word in str(error.value) for word in words), str(error.value)


# -- what is learned from it ------------------------------------------------------------------------

@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("at_horizon, expected", [("terminated", 1.0), ("truncated", 10.0)])
def test_only_a_limit_is_looked_beyond(at_horizon, expected, backend):
    """One action that pays 1, two rounds, discount .9, one row: each target is 1 + .9 q, but 1 at an end."""
    game = games.MatrixGame([1.0], horizon=2, at_horizon=at_horizon)
    run = mf.train(game, mf.IQL(1.0, discount=0.9, explore=GREEDY), episodes=200, seed=0, backend=backend)
    assert_allclose(run.q[0, 0, 0, 0], expected, rtol=1e-8)     # after the last round of an episode


@pytest.mark.parametrize("game", [games.PrisonersDilemma(horizon=3, at_horizon="terminated", memory=1),
                                  games.Drift(agents=2, horizon=4, at_horizon="terminated")])
def test_both_backends_end_alike(game):
    encoder = None if game.observations else mf.Rounding(1)
    options = {"encoder": encoder, "episodes": 40, "runs": 3, "seed": 1}
    one, other = (mf.train(game, mf.IQL(), backend=backend, **options) for backend in BACKENDS)
    assert_array_equal(one.q, other.q)
    assert (one.lengths == game.horizon).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("at_horizon, flags", [("terminated", (True, False)), ("truncated", (False, True))])
def test_environments_say_which_it_was(at_horizon, flags, backend):
    env = games.Drift(agents=2, horizon=2, at_horizon=at_horizon).env(runs=2, seed=0, backend=backend)
    env.reset()
    for wanted in ((False, False), flags):
        *_, terminated, truncated = env.step(np.zeros((2, 2), int))
        assert terminated.tolist() == [wanted[0]] * 2 and truncated.tolist() == [wanted[1]] * 2
    with pytest.raises(ValueError, match="its episode is over"):
        env.step(np.zeros((2, 2), int))
    shorter = mf.Env(env.game, seed=0, horizon=1, backend=backend)      # a limit from outside is one
    shorter.reset()
    *_, terminated, truncated = shorter.step([0, 0])
    assert (terminated.tolist(), truncated.tolist()) == ([False], [True])


def test_potentials_are_zero_at_an_end():
    """Potential 5 everywhere, discount .5: what is added is .5 * 5 - 5 on the way, and 0 - 5 at an end."""
    options = {"shaping": mf.rewards.PotentialBased([5.0, 5.0], discount=0.5), "episodes": 1, "seed": 0}
    for at_horizon, added in (("terminated", -2.5 - 5.0), ("truncated", -2.5 - 2.5)):
        game = games.MarkovGame([[1], [0]], [[0.0], [0.0]], (1,), horizon=2, at_horizon=at_horizon)
        run = mf.train(game, mf.IQL(), **options)
        assert run.shaped_returns.item() == added


def test_both_of_a_pair_defect_in_a_dilemma_that_is_played_once():
    run = mf.train(games.PrisonersDilemma(), mf.IQL(), episodes=3000, runs=400, seed=0, record_every=0)
    actions = np.array([run.policy(r)(np.zeros((1, 1))) for r in range(400)])
    assert (actions == 1).all()
    assert run.q.max() <= 5.0


# Games of the library that iterated strict dominance solves, and their solutions.
SOLVABLE = [(games.PrisonersDilemma(), 1, 200), (games.PublicGoods(), 0, 200), (games.Braess(agents=40), 2, 50)]


def left_by_dominance(payoffs):
    """Actions that iterated elimination of strictly dominated ones leaves, of payoffs [A_0, ..., A_N-1, N]."""
    left, again = [list(range(n)) for n in payoffs.shape[:-1]], True
    while again:
        again = False
        for i in range(len(left)):
            own = np.moveaxis(payoffs[np.ix_(*left)][..., i], i, 0).reshape(len(left[i]), -1)
            keep = [a for a, row in zip(left[i], own, strict=True) if not (own > row).all(axis=1).any()]
            again, left[i] = again or len(keep) < len(left[i]), keep
    return left


def test_which_games_dominance_solves():
    """All games of one round that can be made without arguments, and few enough agents to go through."""
    solved = []
    for name, cls in mf.registry.names("game").items():
        needed = [f for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        if needed or not cls().ends_at_horizon or cls().agents > 10:
            continue
        model = analysis.model(cls())
        left = left_by_dominance(model.expected[0].reshape(*model.actions, model.agents))
        if all(len(actions) == 1 for actions in left):
            solved.append((name, left[0]))
    assert solved == [("prisoners_dilemma", [1]), ("public_goods", [0])]


def test_braess_is_solved_by_dominance():
    """The shortcut saves 45 - T / 100 > 0 twice, whatever others do, as T is at most 4000."""
    game = games.Braess(agents=3)
    model = analysis.model(game)
    assert left_by_dominance(model.expected[0].reshape(3, 3, 3, 3)) == [[2]] * 3


@pytest.mark.parametrize("game, action, runs", SOLVABLE, ids=lambda x: getattr(x, "name", None))
def test_games_that_dominance_solves_end_in_their_solution(game, action, runs):
    run = mf.train(game, mf.IQL(), episodes=3000, runs=runs, seed=0, record_every=0)
    assert (run.arrays["learner.greedy"][:, 0] == action).all()


# -- exact analysis -------------------------------------------------------------------------------------

def test_a_game_that_is_played_once_is_analysed_as_one():
    """Matching pennies, both on heads: one of them gains 2, once, whatever the discount."""
    for discount in (0.0, 0.95):
        found = analysis.exploitability(games.MatchingPennies(), np.zeros((1, 2), int), discount)
        assert found.nash_conv.tolist() == [2.0] and not found.knows_round
    endless = analysis.exploitability(games.MatchingPennies(horizon=0), np.zeros((1, 2), int), 0.95)
    assert_allclose(endless.nash_conv, [40.0])


def test_best_replies_know_the_round():
    """Grim trigger for three rounds, discount .95: the best reply cooperates twice and defects in the last."""
    game = games.PrisonersDilemma(memory=1, horizon=3, at_horizon="terminated")
    model = analysis.model(game)
    assert (model.size, model.rows, model.per_round, model.rounds) == (16, 5, 5, 3)
    grim = np.ones((5, 2), int)
    grim[[game.number([]), game.number([(0, 0)])]] = 0
    assert_allclose(analysis.state_values(game, grim, 0.95)[0, 4], 3.0 * (1 + 0.95 + 0.95**2))
    best = analysis.best_reply(game, grim, 0, 0.95)
    assert_allclose(best.gain, 2.0 * 0.95**2)
    assert best.knows_round and "knows the round" in best.summary()
    on_path = [4, 5 + game.number([(0, 0)]), 10 + game.number([(0, 0)])]
    assert best.actions[0, on_path].tolist() == [0, 0, 1]
    assert "knows the round" in analysis.exploitability(game, grim, 0.95).summary()


def test_where_the_round_is_seen_a_strategy_may_use_it():
    """Cooperate until the last round, remembering nothing: each gains 2 by defecting, in each of the rounds before."""
    game = games.WithRound(games.PrisonersDilemma(horizon=3))
    late = np.array([[0, 0], [0, 0], [1, 1], [0, 0]])
    assert_allclose(analysis.state_values(game, late, 1.0)[0, 0], 7.0)
    found = analysis.exploitability(game, late, 0.9)
    assert_allclose(found.gains, [[2 + 1.8, 2 + 1.8]])


def test_states_that_end_a_game_before_its_horizon():
    """Two steps to a terminal state, a horizon of 3 that ends: the values are those of the game itself."""
    inner = games.TwoStep().markov
    game = games.MarkovGame(inner.transitions, inner.rewards, (2, 2), terminal=inner.terminal, horizon=3,
                            at_horizon="terminated")
    strategy = np.ones((4, 2), int)
    values = analysis.state_values(game, strategy, 0.9)
    assert_allclose(values[0, :3], analysis.state_values(inner, strategy, 0.9)[0, :3])
    model = analysis.model(game)
    assert model.size == 13 and model.terminal.sum() == 4


def test_too_many_rounds_are_refused():
    with pytest.raises(ValueError, match="more than can be analysed"):
        analysis.model(games.PrisonersDilemma(memory=4, horizon=10_000, at_horizon="terminated"), max_states=10_000)


# -- ends that are told as limits --------------------------------------------------------------------

def test_a_capture_may_be_one_more_step():
    """The episode is over, and the place where the prey was caught is worth what it is worth."""
    game = games.Pursuit(height=1, width=3, hunters=1, depth=2, at_capture="truncated")
    assert game.ends_are_limits and not games.Pursuit().ends_are_limits
    learner = mf.IQL(1.0, discount=0.5, explore=mf.EpsilonGreedy(1.0))
    twins = [mf.train(game, learner, steps=500, runs=2, seed=0, backend=backend) for backend in BACKENDS]
    assert twins[0].q.tobytes() == twins[1].q.tobytes() and "as ends of the game are told as limits" in twins[0].loop
    end = mf.train(games.Pursuit(height=1, width=3, hunters=1, depth=2), learner, steps=500, runs=2, seed=0)
    assert_array_equal(end.lengths, twins[0].lengths)
    assert_array_equal(end.returns, twins[0].returns)
    # A capture pays 1 and, as one more step, half of what the place is worth: more than 1 in some row.
    assert end.q.max() == 1.0 < twins[0].q.max() <= 2.0
    for backend in BACKENDS:
        env = game.env(runs=4, seed=0, backend=backend)
        env.reset()
        for _ in range(20):
            _, rewards, terminated, truncated = env.step(np.zeros((4, 1), np.int32))
            assert not terminated.any() and (truncated == (rewards[:, 0] == 1.0)).all()
            if truncated.any():
                env.reset(truncated)
