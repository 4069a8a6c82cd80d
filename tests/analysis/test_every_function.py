"""Every learner by every function of the analysis: values, replies and long runs say the same of what is played.

That expected returns are those of evaluation is tested in ``test_plays.py``; here everything else is held to them, and
best replies to a linear program, also those to agents who remember something.
"""
import numpy as np
import pytest

import marlfast as mf
from analysis.test_plays import MAKERS, STATELESS, _best_value, _random_markov, _trained
from marlfast import analysis

GAMES = [mf.games.PrisonersDilemma(memory=1, horizon=0), _random_markov(21), mf.games.MatchingPennies(horizon=0),
         mf.games.Climbing(horizon=0)]
DISCOUNT = 0.8


def found(name):
    """A game that the learner fits, and what was learned there."""
    for game in GAMES:
        run = _trained(name, game)
        if run is not None:
            return game, run
    raise AssertionError(f"no game fits {name}")


@pytest.mark.parametrize("name", MAKERS)
def test_every_function_says_the_same(name):
    game, run = found(name)
    s = analysis.strategies(game, run)
    m = s.model
    begin = np.broadcast_to(m.start, (2, m.size)) if s.begin is None else s.begin
    # Values are what play returns, discounted; along 400 rounds nothing is left of what comes later.
    values = analysis.state_values(game, run, DISCOUNT)
    value = np.einsum("rs,rsi->ri", begin, values)
    if all(p.forgets for p in run.policy(0)._play().plays):
        returns = analysis.expected_return(game, run, horizon=400, discount=DISCOUNT).returns
        assert value == pytest.approx(returns, abs=1e-9)
        # The average of the long run is what more rounds add, of any period up to 12 and of what settles slowly.
        start = None if s.last is None else game_start(game, run)
        long = analysis.long_run(game, run, start) if start is not None else analysis.long_run(game, run)
        more = [analysis.expected_return(game, run, horizon=h).returns for h in (1200, 2400)]
        if start is not None or s.last is None:
            assert long.rewards == pytest.approx((more[1] - more[0]) / 1200, abs=1e-2)
        assert long.occupancy.sum(axis=1) == pytest.approx([1.0, 1.0])
        assert long.joint.sum(axis=1) == pytest.approx([1.0, 1.0])
    # What an action is worth, over what is played, is what the state is worth.
    exploit = analysis.exploitability(game, run, DISCOUNT, deviations="coarse")
    for i in range(m.agents):
        if not s.correlated:
            q = analysis.action_values(game, run, DISCOUNT, i)
            mixed = np.stack([s.mixture(r, i) for r in range(2)])
            assert (q * mixed).sum(axis=2) == pytest.approx(values[:, :, i], abs=1e-9)
        reply = analysis.best_reply(game, run, i, DISCOUNT, deviations="coarse")
        assert reply.gain == pytest.approx(exploit.gains[:, i], abs=1e-12) and (reply.gain >= -1e-9).all()
    test = analysis.nash_test(game, run, DISCOUNT, continuation="best", tolerance=1e-9)
    if not s.correlated and (begin > 0).all():
        assert (exploit.gains[test.everywhere] < 1e-7).all()
        assert test.everywhere[(exploit.gains < 1e-11).all(axis=1)].all()
    rate = analysis.cooperation_rate(game, run, 0)
    assert ((rate >= -1e-12) & (rate <= 1.0 + 1e-12)).all()
    answer = analysis.deviation(game, run, 0, action=0, length=3)
    assert np.isfinite(answer.rewards).all()
    if s.model.split is None:
        cross = analysis.cross_play(game, run, agents=[0], discount=DISCOUNT)
        assert np.stack([cross.rewards[r, r] for r in range(2)]) == pytest.approx(value, abs=1e-9) or s.correlated


def game_start(game, run):
    """The game's only state to start in; None: there are several."""
    m = analysis.model(game)
    return int(m.start.argmax()) if (m.start > 0).sum() == 1 else None


@pytest.mark.parametrize("name", sorted(set(MAKERS) - set(STATELESS)))
def test_agents_who_remember_are_exploited_as_a_linear_program_says(name):
    """On the game's states split by what is remembered, which a reply is taken to know."""
    pytest.importorskip("scipy")
    met, rng = 0, np.random.default_rng(4)
    for _ in range(3):
        a = rng.normal(size=(2, 2, 2)).round(1)
        for game in (mf.games.MatrixGame(*a, horizon=0), mf.games.MatrixGame(a[0], horizon=0)):
            run = _trained(name, game)
            if run is None:
                continue
            for r in range(2):
                s = analysis.strategies(game, run.policy(r))
                m = s.model
                gains = analysis.exploitability(game, s, DISCOUNT, deviations="correlated").gains[0]
                values = m.start @ analysis.state_values(game, s, DISCOUNT)[0]
                best = [_best_value(m, i, s.joint(0), DISCOUNT) for i in range(2)]
                assert gains + values == pytest.approx(best, abs=1e-6)
            met += 1
            break
    assert met == 3
