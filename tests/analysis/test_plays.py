"""What learners play is what is judged: every learner, by exact analysis, by evaluation and by a linear program."""
import dataclasses

import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis, learners
from marlfast.learners.base import LearnerContext
from marlfast.learners.plays import asked
from marlfast.policy import plays_of

L = learners
PENNIES = np.array([[1.0, -1.0], [-1.0, 1.0]])


def _random_markov(seed, actions=(2, 2), states=3, horizon=0, ends=False):
    """A game of chance with numbered states, in which agents see all."""
    rng = np.random.default_rng(seed)
    joint = int(np.prod(actions))
    p = rng.dirichlet(np.ones(states), size=(states, joint))
    terminal = np.zeros(states, bool)
    terminal[-1] = ends
    rewards = rng.normal(size=(states, joint, len(actions)))
    return mf.games.MarkovGame(p, rewards, actions, terminal=terminal, horizon=horizon)


GAMES = {
    "dilemma, once": mf.games.PrisonersDilemma(),
    "dilemma with a memory": mf.games.PrisonersDilemma(memory=1, horizon=6),
    "rock, paper, scissors": mf.games.RockPaperScissors(horizon=3),
    "pennies from anywhere": mf.games.MatchingPennies(memory=1, start="uniform", horizon=4),
    "climbing": mf.games.Climbing(horizon=2),
    "stag hunt": mf.games.StagHunt(memory=2, horizon=5),
    "sexes": mf.games.BattleOfTheSexes(horizon=2),
    "chicken": mf.games.Chicken(memory=1, horizon=4),
    "shapley": mf.games.Shapley(horizon=3),
    "two steps": mf.games.TwoStep(),
    "chance": _random_markov(5, horizon=5),
    "an end by chance": _random_markov(6, (2, 3), ends=True, horizon=9),
}
EXPLORES = {"explore": mf.EpsilonGreedy(0.2)}
WARM = {"explore": mf.Boltzmann(0.7)}
HALF = {"explore": mf.EpsilonGreedy(1.0, decay=0.99, per="step")}


def payoffs(game):
    """Of one round, where the game is in normal form: float64 [N, ...]; else None."""
    return np.moveaxis(game.expected, -1, 0) if hasattr(game, "expected") else None


# Name: what makes learners of a game.
MAKERS = {
    "iql": lambda g: mf.IQL(0.3, **HALF), "boltzmann": lambda g: mf.IQL(0.3, **WARM),
    "ties": lambda g: mf.IQL(0.0, explore=mf.EpsilonGreedy(0.1, ties="random")),
    "shared": lambda g: mf.IQL(0.3, share="all", **EXPLORES),
    "expected_sarsa": lambda g: L.ExpectedSARSA(0.3, **WARM), "sarsa": lambda g: L.SARSA(0.3, **EXPLORES),
    "distributed_q": lambda g: L.DistributedQ(**EXPLORES), "hysteretic_q": lambda g: L.HystereticQ(**EXPLORES),
    "frequency_adjusted_q": lambda g: L.FrequencyAdjustedQ(), "double_q": lambda g: L.DoubleQ(0.3, **EXPLORES),
    "q_lambda": lambda g: L.QLambda(0.3, **EXPLORES), "monte_carlo": lambda g: L.MonteCarlo(0.3, **EXPLORES),
    "lmrl2": lambda g: L.LMRL2(temperature_decay=0.9, min_temperature=0.5),
    "recursive_fmq": lambda g: L.RecursiveFMQ(**EXPLORES),
    "phc": lambda g: L.PHC(delta=0.05, **EXPLORES), "wolf_phc": lambda g: L.WoLFPHC(delta_win=0.02, delta_lose=0.05),
    "reinforce": lambda g: L.Reinforce(), "ia2c": lambda g: L.IA2C(), "maa2c": lambda g: L.MAA2C(),
    "coma": lambda g: L.COMA(), "ippo": lambda g: L.IPPO(steps=16), "mappo": lambda g: L.MAPPO(steps=16),
    "vdn": lambda g: L.VDN(**EXPLORES), "qmix": lambda g: L.QMIX(**EXPLORES),
    "weighted_qmix": lambda g: L.WeightedQMIX(**EXPLORES),
    "central_q": lambda g: L.CentralQ(0.3, **WARM), "jal": lambda g: L.JointActionLearner(0.3, **WARM),
    "foes": lambda g: L.FriendOrFoe(0.3, friends="none", **EXPLORES),
    "friends": lambda g: L.FriendOrFoe(0.3, friends="all", **WARM),
    "minimax_q": lambda g: L.MinimaxQ(0.3), "nash_q": lambda g: L.NashQ(0.3),
    "correlated_q": lambda g: L.CorrelatedQ(0.3),
    "mean_field_q": lambda g: L.MeanFieldQ(0.3), "mean_field_ac": lambda g: L.MeanFieldAC(),
    "hierarchy": lambda g: L.Hierarchy(mf.IQL(0.3, **EXPLORES), goals=2, goal_every=2, teams="all"),
    "goals of their own": lambda g: L.Hierarchy(L.PHC(), goals=2, goal_every=3, teams="all", each=True),
    "random": lambda g: [mf.IQL(0.3), L.Random()],
    "fixed_policy": lambda g: [L.FixedPolicy(np.eye(n)[0] * 0.25 + 0.75 / n) for n in g.action_counts],
    "tit_for_tat": lambda g: [mf.IQL(0.3, **EXPLORES), L.TitForTat()],
    "two who copy": lambda g: [L.TitForTat(), L.TitForTat(opening=1)],
    "win_stay_lose_shift": lambda g: [L.WinStayLoseShift(2.0), mf.IQL(0.3, **WARM)],
    "fictitious_play": lambda g: L.FictitiousPlay(payoffs(g)),
    "external": lambda g: L.RegretMatching(payoffs(g), regret="external"),
    "internal": lambda g: L.RegretMatching(payoffs(g)),
    "exp3": lambda g: L.Exp3(0.2, low=-40.0, high=40.0),
    "frozen": lambda g: [L.Frozen(mf.IQL(**WARM)), L.Frozen(L.PHC())],
}
AVERAGE = {"wolf_phc", "fixed_policy", "fictitious_play", "external", "internal"}


def _trained(name, game):
    """A result of two runs; None where the learner is for other games."""
    try:
        learner = MAKERS[name](game)
        mf.Experiment(game, learner, steps=1)
    except (ValueError, TypeError):
        return None
    with np.errstate(all="ignore"):
        return mf.train(game, learner, steps=200, runs=2, seed=1, record_every=0)


def _refused(run, kind):
    """Whether there is a reason not to answer: an average that is not kept."""
    with pytest.raises(ValueError, match="kind: learner .* keeps no average over training"):
        plays_of(run, kind)


def _deviation(game, s, horizon):
    """Standard deviation of an episode's return by its probabilities, so that no rare event is missed: float64 [N]."""
    m, joint = s.model, s.joint(0)
    weight = s.outcomes(0) * joint.ravel()[m.cells]
    paid = m.expected.reshape(-1, m.agents)[m.cells] if m.paid is None else m.paid
    mean, square = np.zeros((2, m.size, m.agents))
    for _ in range(horizon):
        later, squares = mean[m.successors], square[m.successors]
        mean, square = (np.stack([np.bincount(m.cells // m.joint, weight * x, m.size) for x in part.T], axis=1)
                        for part in (paid + later, paid**2 + 2.0 * paid * later + squares))
    start = m.start
    return np.sqrt(np.maximum(start @ square - (start @ mean)**2, 0.0))


def _agrees(game, run, kind, episodes):
    """Exact and simulated returns, within 4.5 standard errors; certain ones to 1e-9."""
    exact = analysis.expected_return(game, run, kind=kind).returns
    by_kernel = all(kind in one.by_kernel for _, one, _ in run.experiment.resolved.parts)
    lasting = not all(p.forgets for p in plays_of(run, kind))
    for r in range(2):
        # What kernels do not play is slow: fewer episodes, many side by side.
        copies = 1 if by_kernel and not lasting else 400
        count = episodes // copies if by_kernel else max(1, min(episodes, 2000) // copies)
        policy = run.policy(r, kind=kind)
        if lasting:
            exact[r] = analysis.expected_return(game, policy, episodes=count).returns[0]
        found = mf.evaluate(game, policy, episodes=count, runs=copies, seed=7).returns
        found = found.mean(axis=1) if lasting else found.reshape(-1, game.agents)
        spread = found.std(axis=0, ddof=1) if lasting else _deviation(
            game, analysis.strategies(game, policy), game.horizon or 2)
        away = np.abs(found.mean(axis=0) - exact[r])
        assert (away <= 4.5 * spread / np.sqrt(len(found)) + 1e-9).all(), (kind, r, away, spread)


def _check(name, games, episodes):
    met = 0
    for game in games:
        run = _trained(name, game)
        if run is None:
            continue
        met += 1
        for kind in ("policy", "behaviour", "greedy"):
            _agrees(game, run, kind, episodes)
        if name in AVERAGE:
            _agrees(game, run, "average", episodes)
        else:
            _refused(run, "average")
    return met


@pytest.mark.parametrize("name", MAKERS)
def test_expected_returns_are_those_of_evaluation(name):
    k = list(MAKERS).index(name)
    games = list(GAMES.values())
    # Four games each, in turns; those for every game are all met in the slow version.
    assert _check(name, [games[(k + j) % 12] for j in (0, 3, 6, 9)], 2000) or _check(name, games[4:6], 2000) \
        or _check(name, games[:3], 2000)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_expected_returns_are_those_of_evaluation_in_twelve_games(name):
    assert _check(name, GAMES.values(), 10_000) >= 2


def test_no_learner_is_left_out():
    def names_of(one):
        parts = one.learners if isinstance(one, learners.Each) else [one]
        return set().union(*({part.name} | inner_names(part) for part in parts))

    def inner_names(part):
        inner = [getattr(part, field.name) for field in dataclasses.fields(part)]
        return {one.name for one in inner if isinstance(one, learners.Learner)}

    met = set()
    for make in MAKERS.values():
        for game in (GAMES["dilemma, once"], GAMES["climbing"], GAMES["pennies from anywhere"]):
            made = make(game)
            met |= set().union(*map(names_of, made)) if isinstance(made, list) else names_of(made)
    from marlfast.registry import names

    own = {name for name, kind in names("learner").items() if kind.__module__.startswith("marlfast.")}
    assert own - {"each"} == met


# -- exploitability beside a linear program ------------------------------------------------------------

def _best_value(m, agent, told, discount):
    """The greatest value of the start that an agent can have, by a linear program.

    ``told`` float64 [S, J]: what all do together. The agent hears its own part, then replies.
    """
    from scipy.optimize import linprog

    count, rows, sides = m.actions[agent], [], []
    cells = np.moveaxis(told.reshape(m.size, *m.actions), 1 + agent, 1).reshape(m.size, count, -1)
    # Variables: values of states, then w[s, told]: what hearing it is worth, times how likely that is.
    at = m.size + np.arange(m.size * count).reshape(m.size, count)
    for s in range(m.size):
        if m.terminal[s]:
            continue
        row = np.zeros(m.size + m.size * count)
        row[s], row[at[s]] = -1.0, 1.0
        rows.append(row)
        sides.append(0.0)
        for heard in range(count):
            for own in range(count):
                row, side = np.zeros(m.size + m.size * count), 0.0
                for k in range(cells.shape[2]):
                    others = np.unravel_index(k, [n for i, n in enumerate(m.actions) if i != agent])
                    joint = list(others)
                    joint.insert(agent, own)
                    for chance, successor, paid in m.outcomes(s, joint):
                        row[successor] += discount * chance * cells[s, heard, k]
                        side -= chance * cells[s, heard, k] * paid[agent]
                row[at[s, heard]] = -1.0
                rows.append(row)
                sides.append(side)
    fixed = [(0.0, 0.0) if m.terminal[s] else (None, None) for s in range(m.size)]
    found = linprog(np.r_[np.ones(m.size), np.zeros(m.size * count)], A_ub=np.array(rows), b_ub=sides,
                    bounds=fixed + [(None, None)] * (m.size * count))
    assert found.status == 0
    return m.start @ found.x[:m.size]


def _told(m, run, r):
    """What agents do together in each state, by what each policy says: float64 [S, J]."""
    joint = np.ones((m.size, 1))
    for p in plays_of(run):
        joint = (joint[:, :, None] * p.chances(r, m.obs.astype(np.int64))[:, 0][:, None, :]).reshape(m.size, -1)
    return joint


STATELESS = [name for name in MAKERS if name not in {"tit_for_tat", "two who copy", "win_stay_lose_shift", "internal",
                                                     "mean_field_q", "hierarchy", "goals of their own"}]


@pytest.mark.parametrize("name", STATELESS)
def test_exploitability_is_that_of_a_linear_program(name):
    pytest.importorskip("scipy")
    met, rng = 0, np.random.default_rng(3)
    for k in range(3):
        a = rng.normal(size=(2, 3, 3)).round(1)
        for game, discount in ((_random_markov(10 + k), 0.8), (mf.games.MatrixGame(*a, horizon=0), 0.0),
                               (mf.games.MatrixGame(a[0], -a[0], horizon=0), 0.5),
                               (mf.games.MatrixGame(a[0], horizon=0), 0.5)):
            run = _trained(name, game)
            if run is None:
                continue
            m = analysis.model(game)
            found = analysis.exploitability(m, run, discount).gains
            values = analysis.state_values(m, run, discount)
            for r in range(2):
                best = [_best_value(m, i, _told(m, run, r), discount) for i in range(2)]
                assert found[r] + m.start @ values[r] == pytest.approx(best, abs=1e-6)
            met += 1
            break
    assert met == 3


def test_opponents_with_a_memory_are_exploited_as_the_strategies_that_they_are():
    # Where the game remembers a round, tit for tat and its like are strategies by row.
    rng = np.random.default_rng(0)
    for k in range(3):
        payoff = rng.normal(size=(2, 2, 2))
        game = mf.games.MatrixGame(*payoff, memory=1, horizon=0)
        for other, table in ((L.TitForTat(), [0, 0, 1, 1, 0]),
                             (L.WinStayLoseShift(0.3), [j if payoff[1, i, j] >= 0.3 else 1 - j
                                                        for i in range(2) for j in range(2)] + [0])):
            run = mf.train(game, [mf.IQL(0.3, explore=mf.Boltzmann(1.0)), other], steps=500, runs=2, seed=k)
            found = analysis.exploitability(game, run, 0.9).gains
            for r in range(2):
                own = run.policy(r).table(0)
                by_row = analysis.exploitability(game, [own, np.eye(2)[table]], 0.9).gains[0]
                assert found[r] == pytest.approx(by_row, abs=1e-9)
                assert analysis.long_run(game, run.policy(r)).rewards[0] == pytest.approx(
                    analysis.long_run(game, [own, np.eye(2)[table]]).rewards[0], abs=1e-9)


# -- by hand -----------------------------------------------------------------------------------------

def test_a_mixed_policy_is_judged_as_mixed():
    game = mf.games.RockPaperScissors(horizon=0)
    run = mf.train(game, L.MinimaxQ(), steps=20_000, seed=0)
    assert analysis.exploitability(game, run, discount=0.0).nash_conv[0] < 1e-8
    assert analysis.nash_test(game, run, discount=0.0).everywhere.tolist() == [True]
    assert analysis.long_run(game, run).rewards[0] == pytest.approx([0.0, 0.0], abs=1e-9)
    greedy = analysis.exploitability(game, analysis.strategies(game, run, kind="greedy"), discount=0.0)
    assert greedy.nash_conv.tolist() == [2.0] and "kind='greedy'" in repr(greedy)
    assert L.FixedPolicy.of(run).policy == pytest.approx(np.full((1, 3), 1 / 3), abs=1e-8)
    assert L.FixedPolicy.of(run, kind="greedy").policy.max() == 1.0


def test_what_is_learned_against_an_opponent_that_draws_is_what_it_draws():
    game = mf.games.MatchingPennies(horizon=0)
    earlier = mf.train(game, [L.FixedPolicy([0.5, 0.5]), L.Random()], steps=10, seed=0)
    assert L.FixedPolicy.of(earlier, agent=0).policy.tolist() == [[0.5, 0.5]]
    run = mf.train(game, [mf.IQL(0.1), L.FixedPolicy.of(earlier, agent=0)], steps=2000, seed=0, record_every=0)
    assert abs(analysis.long_run(game, run).rewards[0, 0]) < 1e-12


def test_tit_for_tat_is_not_somebody_who_always_cooperates():
    game = mf.games.PrisonersDilemma(memory=1, horizon=0)
    learner = mf.IQL(0.1, discount=0.95, explore=mf.EpsilonGreedy(0.1))
    run = mf.train(game, [learner, L.TitForTat()], steps=20_000, runs=20, seed=0, record_every=0)
    played = mf.evaluate(mf.games.PrisonersDilemma(memory=1, horizon=1000), run, episodes=1).returns[:, 0] / 1000
    assert np.abs(analysis.long_run(game, run).rewards - played).max() < 0.005
    # In a game that remembers nothing the reply knows what the opponent does: it has seen what it did itself.
    blind = mf.games.PrisonersDilemma(horizon=0)
    run = mf.train(blind, [L.FixedPolicy([0.0, 1.0]), L.TitForTat()], steps=10, seed=0, record_every=0)
    s = analysis.strategies(blind, run)
    assert s.model.size == 3 and s.certain and s.model.split.size == 1 and "split" in repr(s)
    reply = analysis.best_reply(blind, run, 0, 0.9)
    # From the first step on, cooperate for ever, 3 / (1 - .9); played is 5 and then 1 for ever.
    assert reply.gain[0] == pytest.approx(30.0 - (5.0 + 0.9 * 10.0))
    assert analysis.long_run(blind, run).rewards.tolist() == [[1.0, 1.0]]


def test_a_team_of_fixed_policies_gets_an_answer():
    game = mf.games.PrisonersDilemma(horizon=0)
    run = mf.train(game, [L.FixedPolicy([0.5, 0.5]), L.FixedPolicy([0.0, 1.0])], steps=100, seed=0)
    assert analysis.exploitability(game, run, discount=0.0).gains.tolist() == [[0.5, 0.0]]     # .5 * (0 + 1) for 1
    assert analysis.long_run(game, run).rewards.tolist() == [[0.5, 3.0]]


def test_correlated_play_is_judged_by_correlated_deviations():
    game = mf.games.Chicken(horizon=0)
    values = np.moveaxis(game.expected, -1, 0).reshape(2, -1)
    run = mf.train(game, L.CorrelatedQ(0.0, initial_q=values, explore=mf.EpsilonGreedy(0.0)), steps=1, seed=0)
    s = analysis.strategies(game, run)
    assert s.correlated and "correlated" in repr(s)
    wanted = analysis.correlated_equilibrium(game).distribution.ravel()
    assert s.joint(0)[0] == pytest.approx(wanted, abs=1e-9)
    found = analysis.exploitability(game, run, 0.0)
    assert found.deviations == "correlated" and "correlated regret" in repr(found)
    assert found.gains[0] == pytest.approx([0.0, 0.0], abs=1e-7)
    coarse = analysis.exploitability(game, run, 0.0, deviations="coarse")
    assert (coarse.gains < 1e-7).all() and "coarse regret" in repr(coarse)      # who hears less gains less
    # Each by itself, playing its own part of that, would not be in equilibrium.
    apart = analysis.exploitability(game, [s.mixture(0, i) for i in range(2)], 0.0)
    assert apart.nash_conv[0] > 0.1
    assert analysis.nash_test(game, run, 0.0, tolerance=1e-6).everywhere.all()
    given = analysis.strategies(game, wanted.reshape(1, 2, 2))
    assert given.joint(0) == pytest.approx(s.joint(0))
    assert analysis.long_run(game, run).rewards[0] == pytest.approx(values @ wanted)


def test_regret_matching_comes_near_equilibria_on_average():
    game = mf.games.Shapley(horizon=0)
    run = mf.train(game, L.RegretMatching(payoffs(game)), steps=200_000, seed=0, record_every=0)
    counts = run.tables()["counts"]
    assert counts.sum() == 200_000
    average = analysis.strategies(game, run, kind="average")
    assert average.joint(0)[0] == pytest.approx(counts[0] / 200_000)
    assert analysis.exploitability(game, average, 0.0).gains.max() < 0.05


def test_fictitious_play_converges_on_average_alone():
    game = mf.games.MatchingPennies(horizon=0)
    run = mf.train(game, L.FictitiousPlay(payoffs(game), initial=[0.5, 0.0]), steps=50_000, seed=0, record_every=0)
    assert analysis.exploitability(game, run, 0.0).nash_conv[0] == 2.0
    average = analysis.strategies(game, run, kind="average")
    assert analysis.exploitability(game, average, 0.0).nash_conv[0] < 0.02
    assert mf.evaluate(mf.games.MatchingPennies(), run, episodes=400, kind="average").kind == "average"


def test_kinds_may_differ_between_agents():
    game = mf.games.MatchingPennies(horizon=0)
    run = mf.train(game, [L.FictitiousPlay(payoffs(game)[0]), mf.IQL(explore=mf.EpsilonGreedy(0.5))], steps=500, seed=0)
    s = analysis.strategies(game, run, kind=("average", "behaviour"))
    assert s.mixture(0, 1).max() == 0.75 and 0.0 < s.mixture(0, 0)[0, 0] < 1.0
    with pytest.raises(ValueError, match="kind: expected one, or one for each of 2 agents"):
        analysis.strategies(game, run, kind=("policy",))
    pair = mf.train(mf.games.Chicken(horizon=0), L.CorrelatedQ(explore=mf.EpsilonGreedy(0.5)), steps=500, seed=0)
    with pytest.raises(ValueError, match=r"kind: agents \[0, 1\] have one learner, which gives one kind for all"):
        plays_of(pair, ("policy", "behaviour"))


def test_evaluation_does_not_go_on_cooling():
    game = mf.games.PrisonersDilemma(horizon=1)
    explore = mf.EpsilonGreedy(1.0, decay=0.99)
    run = mf.train(game, mf.IQL(0.0, initial_q=[1.0, 0.0], explore=explore), episodes=70, seed=0)
    epsilon = run.tables()["epsilon.value"][0]
    found = mf.evaluate(game, run, episodes=20_000, kind="behaviour").returns[0]
    exact = analysis.expected_return(game, run, kind="behaviour").returns[0]
    assert 0.4 < epsilon < 0.6
    assert (np.abs(found.mean(axis=0) - exact) < 4.5 * found.std(axis=0) / np.sqrt(20_000)).all()


def test_what_follows_from_more_than_a_row_is_refused():
    """Rules of one's own, which say what they do row by row; and tiles over states that are no finite list."""
    class Tabled:
        name = "tabled"

        def probabilities(self, context, arrays, agent):
            return np.array([[0.25, 0.75], [1.0, 0.0]])

    class Moody(Tabled):
        name = "moody"

        def begin(self, context, arrays):
            pass

    context = LearnerContext(mf.games.PrisonersDilemma(memory=1, horizon=0), mf.rewards.individual())
    first, _ = asked(Tabled(), context, {}, "policy")
    assert first.chances(0, np.array([[1, 0], [-1, 0]]))[:, 0].tolist() == [[1.0, 0.0], [0.5, 0.5]]
    with pytest.raises(ValueError, match="learner 'tabled' gives probabilities by row, .* into 2 rows; use marlfast"):
        first.chances(0, np.array([[0, 1, 0, 1]]))
    with pytest.raises(ValueError, match="learner 'moody' remembers something within an episode .*; use marlfast.eval"):
        asked(Moody(), context, {}, "policy")
    game = mf.games.Drift(agents=2)
    run = mf.train(game, mf.IQL(), encoder=mf.Tiles(2, -2.0, 6.0, 3), steps=50, seed=0)
    for judged in (analysis.strategies, analysis.long_run,
                   lambda *given: analysis.exploitability(*given, discount=0.9)):
        with pytest.raises(ValueError, match="draws normals, .* or let marlfast.evaluate play what was learned"):
            judged(game, run)


def test_the_old_words_still_work():
    game = mf.games.MatchingPennies(horizon=0)
    run = mf.train(game, L.PHC(), steps=200, seed=0)
    with pytest.warns(DeprecationWarning, match="mixed=True is deprecated"):
        old = analysis.strategies(game, run, mixed=True)
    assert (old.mixture(0, 0) == analysis.strategies(game, run).mixture(0, 0)).all()
    with pytest.warns(DeprecationWarning, match="mixed=False is deprecated"):
        assert analysis.strategies(game, run, mixed=False).pure
    with pytest.warns(DeprecationWarning, match="sample=True is deprecated: give kind='behaviour'"):
        old = mf.evaluate(mf.games.MatchingPennies(), run, episodes=50, sample=True)
    assert (old.returns == mf.evaluate(mf.games.MatchingPennies(), run, episodes=50, kind="behaviour").returns).all()


def test_probabilities_in_single_precision_are_taken():
    thirds = np.full((1, 3), 1 / 3, np.float32)
    thirds[0, 0] = np.float32(0.33333343)
    game = mf.games.RockPaperScissors(horizon=0)
    assert abs(analysis.strategies(game, [thirds, thirds]).mixture(0, 0).sum() - 1.0) < 1e-15
    assert abs(L.FixedPolicy(thirds).policy.sum() - 1.0) < 1e-15


def test_agents_of_several_runs_who_remember_play_each_other():
    game = mf.games.PrisonersDilemma(memory=1, horizon=0)
    run = mf.train(game, [mf.IQL(0.3, explore=mf.Boltzmann(2.0)), L.TitForTat()], steps=300, runs=3, seed=0)
    cross = analysis.cross_play(game, run, agents=[0], discount=0.9)
    for i in range(3):
        own = run.policy(i)
        s = analysis.strategies(game, own)
        assert cross.rewards[i] == pytest.approx(np.tile(
            s.model.start @ analysis.state_values(game, own, 0.9)[0], (3, 1)))


def test_soccer_behind_an_encoder_and_tiles():
    game = mf.games.Soccer(2, 3, horizon=8)
    m = analysis.model(game, cuts=4)
    tiles = mf.Tiles(4, 0.0, 3.0, 2)
    for learner, encoder in ((L.PHC(), mf.Rounding(0)), (mf.IQL(explore=mf.Boltzmann(0.5)), tiles)):
        run = mf.train(game, learner, steps=3000, seed=0, encoder=encoder if game.observations is None else None,
                       record_every=0)
        exact = analysis.expected_return(m, run).returns[0]
        found = mf.evaluate(game, run, episodes=4000, seed=1).returns[0]
        assert (np.abs(found.mean(axis=0) - exact) <= 4.5 * found.std(axis=0) / np.sqrt(4000)).all()
