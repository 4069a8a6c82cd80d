"""Solvers beside OpenSpiel's on its own games: needs ``pip install open_spiel``.

Trees are made of OpenSpiel's games history by history, so that values, NashConv, alpha-rank and the iterates of regret
minimisation must be equal but for rounding.
"""
import numpy as np
import pytest

from marlfast import solvers
from tests.solvers.from_openspiel import tree_of

pyspiel = pytest.importorskip("pyspiel")
from open_spiel.python import policy as policies  # noqa: E402
from open_spiel.python.algorithms import (  # noqa: E402
    best_response,
    cfr,
    discounted_cfr,
    expected_game_score,
    exploitability,
    fictitious_play,
)
from open_spiel.python.egt import alpharank  # noqa: E402

GAMES = {"kuhn_poker": 60, "leduc_poker": 2, "liars_dice(numdice=1,dice_sides=3)": 5}


@pytest.fixture(scope="module", params=["kuhn_poker", "leduc_poker", "liars_dice(numdice=1,dice_sides=3)"])
def case(request):
    game = pyspiel.load_game(request.param)
    return game, *tree_of(game), GAMES[request.param]


def difference(tree, known, theirs, ours):
    """The greatest difference of two policies, one of OpenSpiel's."""
    return max(abs(theirs.policy_for_key(key)[tree.actions[e]] - ours[e])
               for key, i in known.items() for e in range(tree.begin[i], tree.begin[i + 1]))


@pytest.mark.parametrize("variant, solver", [("cfr", cfr.CFRSolver), ("cfr+", cfr.CFRPlusSolver),
                                             ("linear", discounted_cfr.LCFRSolver)])
def test_iterates_of_regret_minimisation(case, variant, solver):
    game, tree, known, iterations = case
    theirs = solver(game)
    for _ in range(iterations):
        theirs.evaluate_and_update_policy()
    ours = solvers.cfr(tree, iterations, variant)
    assert difference(tree, known, theirs.average_policy(), ours.policy) < 1e-9
    assert difference(tree, known, theirs.current_policy(), ours.current) < 1e-9
    average = theirs.average_policy()
    assert abs(exploitability.nash_conv(game, average) - ours.nash_conv) < 1e-9
    assert abs(exploitability.exploitability(game, average) - ours.exploitability) < 1e-9


def test_values_and_best_replies(case):
    game, tree, known, _ = case
    uniform = policies.UniformRandomPolicy(game)
    score = expected_game_score.policy_value(game.new_initial_state(), [uniform] * 2)
    assert tree.values(tree.uniform()) == pytest.approx(score, abs=1e-12)
    for i in range(2):
        theirs = best_response.BestResponsePolicy(game, i, uniform).value(game.new_initial_state())
        assert tree.best_reply(tree.uniform(), i)[1] == pytest.approx(theirs, abs=1e-12)


def test_fictitious_play(case):
    """Of two replies that are worth the same either may be taken, as rounding has it: then only NashConv is near."""
    game, tree, _, _ = case
    theirs = fictitious_play.XFPSolver(game)
    for _ in range(3):
        theirs.iteration()
    ours = solvers.fictitious_play(tree, 3).nash_conv
    assert ours == pytest.approx(exploitability.nash_conv(game, theirs.average_policy()), rel=0.2)


def test_fictitious_play_differs_where_replies_are_worth_the_same():
    """In Kuhn poker averages are alike to 1e-9, until rounding decides between two actions that are worth the same."""
    game = pyspiel.load_game("kuhn_poker")
    tree, known = tree_of(game)
    theirs, ours, before = fictitious_play.XFPSolver(game), None, tree.uniform()
    apart = set()
    while not apart:
        theirs.iteration()
        ours = solvers.fictitious_play(tree, 1, resume=ours)
        for tables in theirs.average_policy_tables():
            for key, table in tables.items():
                own = slice(*tree.begin[known[key]:known[key] + 2])
                if np.abs(ours.policy[own] - [table[a] for a in sorted(table)]).max() > 1e-9:
                    apart.add(known[key])
        before = before if apart else ours.policy.copy()
    assert ours.iterations > 40
    for one in apart:
        worth, own = [], range(*tree.begin[one:one + 2])
        for slot in own:
            forced = before.copy()
            forced[own], forced[slot] = 0.0, 1.0
            worth.append(tree.values(forced)[tree.owner[one]])
        assert max(worth) - min(worth) < 1e-15


def test_alpha_rank():
    rng = np.random.default_rng(0)
    for _ in range(10):
        n = int(rng.integers(2, 6))
        payoffs = rng.normal(size=(n, n))
        theirs = alpharank.compute([payoffs], m=10, alpha=2.0)[2]
        assert solvers.alpha_rank(payoffs, 2.0, 10).masses == pytest.approx(theirs, abs=1e-9)
        one, two = rng.normal(size=(2, n, 3))
        for options in ({"m": 10, "alpha": 2.0}, {"use_inf_alpha": True, "inf_alpha_eps": 0.01}):
            theirs = alpharank.compute([one, two], **options)[2]
            ours = solvers.alpha_rank(np.stack([one, two], axis=-1), options.get("alpha"), 10)
            assert ours.masses.ravel() == pytest.approx(theirs, abs=1e-9)
