"""Published experiments: the original programs followed step by step, and the figures that were published."""
import dataclasses
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import cli, registry, reproduce
from marlfast.reproduce import littman1994, matignon2012
from marlfast.reproduce.base import Figure, mean, share

ROOT = Path(__file__).resolve().parents[2]

# -- figures --------------------------------------------------------------------------------------


def test_figures_that_differ():
    # 0.53 and 0.50, standard errors 0.01 and 0: three apart; 0.005 of that may be rounding.
    assert Figure("x", 0.531, 0.01, 0.5).differs and not Figure("x", 0.529, 0.01, 0.5).differs
    assert not Figure("x", 0.531, 0.01, 0.5, rounding=0.005).differs
    assert Figure("x", 0.531, 0.01, 0.5).apart == pytest.approx(3.1)
    assert Figure("x", 1.0, 3.0, 26.0, 4.0).apart == pytest.approx(5.0)
    unpublished = Figure("x", 1.0, 0.1)
    assert (unpublished.apart, unpublished.differs, unpublished.difference) == (None, None, None)
    assert Figure("x", 7.0, published=7.0).apart == 0.0 and Figure("x", 7.1, published=7.0).apart == math.inf


def test_standard_errors():
    figure = mean("x", [1.0, 2.0, 3.0], 2.5, over=400)
    assert (figure.obtained, figure.error, figure.published_error) == pytest.approx((2.0, 1 / math.sqrt(3), 0.05))
    assert mean("x", [1.0, 2.0, 3.0], 2.5, 0.25).published_error == 0.25
    assert math.isinf(mean("x", [1.0], 2.0).error)
    # 2 of 4: p' = 2.5 / 5; 0 of 4: p' = 0.5 / 5.
    assert share("x", [True, True, False, False]).error == pytest.approx(math.sqrt(0.25 / 4))
    assert share("x", [False] * 4, 0.5, 4).error == pytest.approx(math.sqrt(0.1 * 0.9 / 4))
    assert share("x", [False] * 4, 0.5, 4).published_error == pytest.approx(0.25)


# -- Calvano et al. -------------------------------------------------------------------------------


def original_profits(nash, monopoly, actions=15, xi=0.1, quality=2.0, cost=1.0, outside=0.0, mu=0.25):
    """Profits [p1][p2] -> (of firm 1, of firm 2) as the article defines them, in plain Python."""
    step = (monopoly - nash) * (1 + 2 * xi) / (actions - 1)
    prices = [nash - xi * (monopoly - nash) + k * step for k in range(actions)]
    table = []
    for p1 in prices:
        table.append([])
        for p2 in prices:
            e1, e2 = math.exp((quality - p1) / mu), math.exp((quality - p2) / mu)
            total = e1 + e2 + math.exp(outside / mu)
            table[-1].append(((p1 - cost) * e1 / total, (p2 - cost) * e2 / total))
    return table


class Original:
    """The original program's learning, in its own order, one period at a time.

    ``numbers`` is its stream: two for the first prices; then in every period the firms' decisions whether to explore,
    and after them the prices that they would try.
    """

    def __init__(self, profits, numbers, alpha=0.15, delta=0.95, beta=4e-6):
        n = self.n = len(profits)
        self.profits, self.numbers, self.alpha, self.delta, self.beta = profits, iter(numbers), alpha, delta, beta
        against_random = [[0.0] * n, [0.0] * n]
        for own in range(n):
            for other in range(n):
                against_random[0][own] += profits[own][other][0]
                against_random[1][own] += profits[other][own][1]
        self.q = [[[total / n / (1.0 - delta) for total in against_random[i]] for _ in range(n * n)] for i in range(2)]
        self.strategy = [[row.index(max(row)) for row in table] for table in self.q]
        self.epsilon, self.periods, self.unchanged = [1.0, 1.0], 0, 0
        first = [int(n * next(self.numbers)) for _ in range(2)]
        self.state = n * first[0] + first[1]

    def period(self):
        explore = [next(self.numbers) for _ in range(2)]
        which = [next(self.numbers) for _ in range(2)]
        prices = []
        for i in range(2):
            prices.append(int(self.n * which[i]) if explore[i] <= self.epsilon[i] else self.strategy[i][self.state])
            self.epsilon[i] *= math.exp(-self.beta)
        state, changed = self.n * prices[0] + prices[1], False
        for i in range(2):
            row, old = self.q[i][self.state], self.q[i][self.state][prices[i]]
            profit = self.profits[prices[0]][prices[1]][i]
            row[prices[i]] = old + self.alpha * (profit + self.delta * max(self.q[i][state]) - old)
            best = row.index(max(row))
            changed |= best != self.strategy[i][self.state]
            self.strategy[i][self.state] = best
        self.unchanged = 1 if changed else self.unchanged + 1       # not 0: so does the program
        self.state, self.periods = state, self.periods + 1
        return prices


def rearranged(numbers, actions=15):
    """The original's stream as the draws of one run here: explore? and which price, of one firm after the other."""
    periods = np.array(numbers[2:]).reshape(-1, 2, 2).transpose(0, 2, 1)         # [period, firm, explore? / which]
    first = actions * int(actions * numbers[0]) + int(actions * numbers[1])
    periods = np.concatenate([periods, np.zeros((4096, 2, 2))])         # blocks may reach beyond the end
    return {"explore": lambda run, start, n: periods[start:start + n],
            "start": lambda run, start, n: np.full((n, 1), (first + 0.5) / actions**2)}


def test_the_original_period_by_period():
    """3000 periods from the original's own stream: the same prices, and the same values and epsilon to the last bit.

    Epsilon falls fast here, so that firms also exploit. Profits are taken from the game, as its exponentials may
    differ from the C library's in the last bit.
    """
    study, periods = reproduce.Calvano2020(decay=2e-3), 3000
    table = study.game.profits.tolist()
    numbers = np.random.default_rng(0).random(2 + 4 * periods).tolist()
    original = Original(table, numbers, beta=2e-3)
    noted = []

    def look(session):
        arrays = session.arrays
        if not noted:
            assert session.arrays["steps"][0] == 1
        prices = original.period()
        noted.append(prices)
        assert arrays["state"][0, 0] == original.state == 15 * prices[0] + prices[1]
        assert arrays["learner.epsilon.value"][0] == original.epsilon[0] == original.epsilon[1]
        assert arrays["stable"][0] == original.unchanged
        if original.periods % 25 < 2:       # all values; what is wrong once stays wrong
            assert arrays["learner.q"][0].transpose(1, 0, 2).tobytes() == np.array(original.q).tobytes()

    result = study.train(1, steps=periods, block=1, draws=rearranged(numbers), callback=look)
    assert len(noted) == original.periods == result.steps[0] == periods
    assert len(set(map(tuple, noted))) > 150 and original.epsilon[0] < 0.003
    assert result.arrays["learner.greedy"][0].T.tolist() == original.strategy


def test_the_original_s_profits():
    """From the article's formulas and its typed prices, by another exponential; then a run from these."""
    table = original_profits(1.47293, 1.92498)
    study, periods = reproduce.Calvano2020(decay=1e-3), 5000
    np.testing.assert_allclose(study.game.profits, table, rtol=2e-15)
    numbers = np.random.default_rng(1).random(2 + 4 * periods).tolist()
    original, prices = Original(table, numbers, beta=1e-3), []
    for _ in range(periods):
        prices.append(original.period())
    result = study.train(1, steps=periods, draws=rearranged(numbers))
    assert result.arrays["state"][0, 0] == original.state
    np.testing.assert_allclose(result.q[0].transpose(1, 0, 2), original.q, rtol=1e-13)
    assert result.arrays["learner.greedy"][0].T.tolist() == original.strategy


def test_a_run_ends_where_the_original_does():
    study, most = reproduce.Calvano2020(decay=2e-3, stable=2000), 40_000
    numbers = np.random.default_rng(2).random(2 + 4 * most).tolist()
    original = Original(study.game.profits.tolist(), numbers, beta=2e-3)
    while original.unchanged < 2000:
        original.period()
    result = study.train(1, steps=most, draws=rearranged(numbers))
    found = study.outcomes(result)
    assert original.periods < most and found["converged"].all() and result.steps[0] == original.periods
    assert found["periods"][0] == original.periods - 2000
    # Its limit cycle, and what is earned there, by following it.
    state, path = original.state, []
    while state not in path:
        path.append(state)
        state = 15 * original.strategy[0][state] + original.strategy[1][state]
    cycle = path[path.index(state):]
    assert found["length"][0] == len(cycle)
    # What is earned in a state of the cycle is what the prices of the next one earn.
    gains = [[(study.game.profits[s // 15, s % 15, i] - 0.22292655) / (0.33749046 - 0.22292655) for i in range(2)]
             for s in cycle]
    assert found["gain"][0] == pytest.approx(np.mean(gains, axis=0), abs=1e-5)


def test_calvano_as_published():
    """Few runs, but enough to see a grid of 1/12, a stop after half the periods, or a wrong rate of exploration."""
    report = reproduce.Calvano2020().run(8, seed=3)
    assert not report.differing, str(report)
    by_name = {figure.what: figure for figure in report.figures}
    assert by_name["runs that converge"].obtained == 1.0
    assert abs(by_name["periods until then"].obtained / 1_751_250 - 1) < 0.15
    assert abs(by_name["profit gain"].obtained - 0.849) < 3 * 0.112 / math.sqrt(8)


def test_the_program_to_measure_beside_learns_the_same():
    """The hand-fused one of the benchmarks: with draws of its own, profits and periods as published."""
    pytest.importorskip("numba")
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("needs benchmarks/ of a checkout")
    spec = importlib.util.spec_from_file_location("numba_calvano", ROOT / "benchmarks" / "peers" / "numba_calvano.py")
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    periods, gain = peer.train(8, seed=1)
    assert abs(gain.mean() - 0.849) < 3 * 0.112 / math.sqrt(8)
    assert abs((periods.mean() - 100_000) / 1_751_250 - 1) < 0.2
    profits, nash, monopoly = peer._market(15)
    game = reproduce.Calvano2020().game
    np.testing.assert_allclose(profits.reshape(15, 15, 2), game.profits, rtol=1e-14)
    assert (nash, monopoly) == pytest.approx((game.nash_profits[0], game.monopoly_profits[0]), rel=1e-12)


@pytest.mark.parametrize("options", [
    {"agents": 3, "actions": 5}, {"memory": 2, "actions": 4}, {"memory": 0, "discount": 0.0},
    {"outside": (-0.1, 0.1)}, {"cost": (1.0, 0.75)}, {"initial_q": 0.0}, {"learning_rate": (0.1, 0.2)},
    {"decay": (4e-3, 1e-3), "discount": (0.9, 0.8)}])
def test_calvano_with_other_options(options):
    study = reproduce.Calvano2020(**{"decay": 2e-3, "stable": 500, "max_periods": 30_000} | options)
    report = study.run(3, seed=1)
    assert not any(figure.published for figure in report.figures) and "Nothing to compare" in str(report)
    found = study.outcomes(study.train(3, seed=1))
    assert found["gain"].shape == (3, study.agents) and np.isfinite(found["gain"]).all()
    assert reproduce.studies()["calvano2020"](**{k: v for k, v in study.to_dict().items() if k != "name"}) == study


class L_Ecuyer:
    """The original's generator: two linear congruences, combined, and shuffled by Bays and Durham."""

    def __init__(self, seed):
        self.one = self.two = seed
        drawn = []
        for _ in range(40):
            self.one = 40014 * self.one % 2147483563
            drawn.append(self.one)
        self.shuffled = drawn[:7:-1]            # the first eight warm it up; the last one drawn stands first
        self.last = self.shuffled[0]

    def numbers(self, count):
        one, two, last, shuffled, found = self.one, self.two, self.last, self.shuffled, []
        for _ in range(count):
            one, two = 40014 * one % 2147483563, 40692 * two % 2147483399
            j = last // 67108862
            last = shuffled[j] - two
            shuffled[j] = one
            last += 2147483562 if last < 1 else 0
            found.append(min(last / 2147483563, 1.0 - 1.2e-7))
        self.one, self.two, self.last = one, two, last
        return found


@pytest.mark.slow
def test_the_first_session_of_the_original_from_its_own_stream():
    """Published are 67.16748 episodes of 25,000 periods; counted from 0, a run would stop a period later."""
    study, most = reproduce.Calvano2020(), 1_800_000
    first = L_Ecuyer(1).numbers(2)              # the first prices of all sessions are one stream, of seed 1
    numbers = np.array(L_Ecuyer(1).numbers(4 * most)).reshape(most, 2, 2).transpose(0, 2, 1)
    start = (15 * int(15 * first[0]) + int(15 * first[1]) + 0.5) / 225
    result = study.train(1, draws={"explore": lambda run, begun, n: numbers[begun:begun + n],
                                   "start": lambda run, begun, n: np.full((n, 1), start)})
    found = study.outcomes(result)
    assert found["periods"].tolist() == [1_679_187] and f"{found['periods'][0] / 25_000:.5f}" == "67.16748"


@pytest.mark.parametrize("initial_q", [
    "against_random", 5.0, ["fixed", 3], ["grim_trigger", 12, 2], ["uniform", 3.0, 7.0], "trained"], ids=str)
def test_the_six_kinds_of_initial_values(initial_q):
    """By what the first values of firm 0 and firm 1 are; and alike for firms that differ."""
    options = {"decay": 4e-3, "stable": 100, "max_periods": 2000, "initial_q": initial_q}
    study = reproduce.Calvano2020(**options)
    assert reproduce.studies()["calvano2020"](**{k: v for k, v in study.to_dict().items() if k != "name"}) == study
    begun = study.train(3, seed=1, steps=1, stop=())
    q, game = begun.q, study.game
    if initial_q == "trained":          # firm i of run r has what firm i of another session ended with
        other = dataclasses.replace(study, initial_q="against_random").train(3, seed=1, steps=1, stop=(), first_run=3)
        assert all((q[r, :, i] != other.q[(r - i - 1) % 3, :, i]).sum() <= 1 for r in range(3) for i in range(2))
        assert len({q[r, :, i].tobytes() for r in range(3) for i in range(2)}) == 6
    else:
        word = initial_q[0] if isinstance(initial_q, list) else initial_q
        wanted = {"against_random": lambda: game.against_random(0.95), 5.0: lambda: np.full((2, 15), 5.0),
                  "fixed": lambda: game.against_fixed([3, 3], 0.95),
                  "grim_trigger": lambda: game.against_grim_trigger([12, 12], [2, 2], 0.95)}
        if word == "uniform":
            assert 3.0 <= q.min() and q.max() < 7.0 and abs(q.mean() - 5.0) < 0.05 and len(np.unique(q)) == q.size
        else:
            values = wanted[word]()
            same = q == (values if values.ndim == 3 else values[None])
            assert (~same).sum() <= 3 * 2       # one step was learned from
    apart = reproduce.Calvano2020(**options | {"learning_rate": (0.15, 0.1)})
    assert np.isfinite(apart.outcomes(apart.train(3, seed=1))["gain"]).all()


def test_firms_that_differ_have_their_own_learners():
    alike, apart = reproduce.Calvano2020(), reproduce.Calvano2020(learning_rate=(0.15, 0.1), discount=(0.95, 0.9))
    assert len(alike.learners()) == 1 and [one.learning_rate for one in apart.learners()] == [0.15, 0.1]
    assert (apart.learners()[1].initial_q == apart.game.against_random(0.9)[1]).all()
    # The same firms as one learner and as two learn the same, bit for bit.
    one = alike.train(2, steps=2000)
    q = alike.game.against_random(0.95)
    two = mf.train(alike.game, [dataclasses.replace(alike.learners()[0], initial_q=q[i:i + 1]) for i in range(2)],
                   runs=2, steps=2000, record_every=0)
    assert all((two.tables(i)["q"][:, :, 0] == one.q[:, :, i]).all() for i in range(2))
    # So are their outcomes: with other rates the firms earn each its own.
    found = [study.outcomes(study.train(2, steps=500)) for study in (alike, apart)]
    assert found[0]["greedy"].shape == found[1]["greedy"].shape == (2, 225, 2)


@pytest.mark.parametrize("options, words", [
    ({"agents": 1}, "monopoly:"), ({"memory": -1}, "memory: expected at least 0, got -1"),
    ({"learning_rate": 1.5}, "learning_rate: expected 0.0 to 1.0, got 1.5"),
    ({"learning_rate": (0.1, 0.1, 0.1)}, "learning_rate: expected one number, or one for each of 2 agents, got 3"),
    ({"discount": 1.0}, "discount: expected less than 1"), ({"decay": -1.0}, "decay: expected at least 0.0, got -1.0"),
    ({"initial_q": "zero"}, "initial_q: expected 'against_random', 'trained', a number, or one of ['fixed', price], "),
    ({"initial_q": ["fixed"]}, "initial_q: 'fixed' takes price, got ['fixed']"),
    ({"initial_q": ["fixed", 15]}, "initial_q: expected 0 to 14, got 15"),
    ({"initial_q": ["uniform", 2.0, 1.0]}, "low: expected at most high, got 2.0 and 1.0"),
    ({"initial_q": ["grim_trigger", 1, 1]}, "punish: expected another action than to cooperate"),
    ({"memory": 0, "initial_q": ["grim_trigger", 2, 1]}, "memory: grim trigger looks at the last round"),
    ({"stable": 0}, "stable: expected at least 1, got 0"),
    ({"max_periods": 0}, "max_periods: expected at least 1, got 0"),
    ({"actions": 1}, "actions: expected 2 to"),
])
def test_calvano_refuses_what_makes_no_sense(options, words):
    with pytest.raises(ValueError) as caught:
        reproduce.Calvano2020(**options)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


# -- Banchio and Skrzypacz ------------------------------------------------------------------------


def test_banchio_as_published():
    """Six runs: revenues far from each other, and each within three standard errors of what was published."""
    report = reproduce.Banchio2022().run(6, seed=1)
    assert not report.differing, str(report)
    first, second = (f.obtained for f in report.figures if f.what.startswith("revenue"))
    assert first < 0.4 and second > 0.75


def test_ties_that_are_shared_make_another_world():
    """Where those who tie share the reward, all first-price bidders end at the lowest bid."""
    study = reproduce.Banchio2022(payments="first", ties="shared")
    assert study.payments == ("first",) and study.published(0.2265) is None
    assert reproduce.Banchio2022(payments=1.0).published(0.2265) == 0.2265      # only fewer auctions
    assert (study.revenues(study.games[0], 6, 0) == 0.05).mean() > 0.5


@pytest.mark.parametrize("options, words", [
    ({"payments": ()}, "payments: expected at least one, got none"),
    ({"payments": "third"}, "payment: expected one of"),
    ({"ties": "split"}, "ties: expected one of"), ({"decay": -1}, "decay: expected at least 0.0"),
    ({"epsilon": 2}, "epsilon: expected 0.0 to 1.0"), ({"periods": 0}, "periods: expected at least 1"),
])
def test_banchio_refuses_what_makes_no_sense(options, words):
    with pytest.raises(ValueError) as caught:
        reproduce.Banchio2022(**options)
    assert str(caught.value).startswith(words)


# -- Tan ------------------------------------------------------------------------------------------


def test_tan_as_published():
    """Random hunters, and those to whom a capture is one more step; with captures as ends they are half as fast."""
    report = reproduce.Tan1993().run(12, seed=0)
    assert not report.differing, str(report)
    found = [figure.obtained for figure in report.figures[4:]]
    assert 20 < found[0] < 30 and 40 < found[1] < 60 and 9 < found[2] < 13 and 20 < found[3] < 30
    ends = reproduce.Tan1993(capture="end")
    assert not ends.as_published and ends.run(12, seed=0).figures[4].obtained == found[1]


@pytest.mark.parametrize("options, words", [
    ({"trials": 0}, "trials: expected at least 1"), ({"last": 3000}, "last: expected 1 to 2000, got 3000"),
    ({"depth": -1}, "depth: expected 0 to 1000"), ({"temperature": 0.0}, "temperature: expected greater than 0"),
    ({"capture": "stop"}, "capture: expected one of"),
])
def test_tan_refuses_what_makes_no_sense(options, words):
    with pytest.raises(ValueError) as caught:
        reproduce.Tan1993(**options)
    assert str(caught.value).startswith(words)


# -- Rashid et al. --------------------------------------------------------------------------------


def test_the_two_step_game():
    """Central values are QMIX's; VDN and independent learners take the safe 7 (0.99 * 7 > 0.99 * 6.5 > 0.99 * 4.5)."""
    report = reproduce.Qmix2018().run(10, seed=0)
    assert sum(f.published is not None for f in report.figures) == 12 + 13 + 9
    # Where a sum cannot be right, the published network and the table that errs least are wrong by other amounts.
    assert {f.what for f in report.differing} <= {f"vdn: value of {a} in {state}" for state in ("1", "2B")
                                                  for a in ("(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)")}
    assert not report.unexplained and "never -1.87 and 6.51 at once" in str(report)
    by_name = {figure.what: figure.obtained for figure in report.figures}
    assert by_name["central: value of (1, 1) in 1"] == pytest.approx(0.99 * 8, abs=1e-6)
    for who, values in (("qmix", (0.0, 1.0, 1.0, 8.0)), ("vdn", (-1.5, 2.5, 2.5, 6.5))):
        obtained = [by_name[f"{who}: value of ({a // 2}, {a % 2}) in 2B"] for a in range(4)]
        assert obtained == pytest.approx(values, abs=0.15)
        assert by_name[f"{who}: runs that choose the 8"] == (who == "qmix")
    assert by_name["independent: runs that choose the risky branch"] == 0.0
    # Against a random partner: (0 + 1) / 2 and (1 + 8) / 2.
    assert by_name["independent: value of 0 to agent 0 in 2B"] == pytest.approx(0.5, abs=0.4)
    assert by_name["independent: value of 1 to agent 1 in 2B"] == pytest.approx(4.5, abs=2.5)
    assert reproduce.Qmix2018(discount=0.9).run(2).differing == ()


# -- Matignon et al. ------------------------------------------------------------------------------


def test_matignon_as_published():
    report = reproduce.Matignon2012().run(40, seed=1)
    known = {f.what: f for f in report.figures}
    assert not report.differing, str(report)
    # What decides two of the figures: where all begin with action 0, they are further from what was published.
    for who, word, published in (("distributed Q", "climbing, partly by chance", 0.07),
                                 ("recursive FMQ", "climbing, by chance", 0.58)):
        k = next(k for k, f in enumerate(report.figures) if f.what == f"{who}, {word}")
        random, first = report.figures[k:k + 2]
        assert first.what == "  first policy: action 0" and first.published is None
        assert abs(random.obtained - published) < abs(first.obtained - published)
    assert known["decentralised Q, penalty 0"].obtained == 1.0
    assert known["decentralised Q, climbing"].obtained < 0.4        # a team learner would have 1
    missing = [name for name in matignon2012.PUBLISHED if name not in registry.names("learner")]
    assert ("Left out" in str(report)) == bool(missing) and all(name in str(report) for name in missing)


def test_trials_end_in_a_best_joint_action():
    study = reproduce.Matignon2012(repetitions=1)
    # One round: agents that tried the worst of the penalties avoid it, so that not all end in a best joint action.
    found = study.best("iql", matignon2012.GAMES["penalty -100"], 50, 0)
    assert found.shape == (50,) and 0.3 < found.mean() < 1.0
    assert study.softmax.temperature.bounds()[0] < 5000.0


@pytest.mark.parametrize("options, words", [
    ({"repetitions": 0}, "repetitions: expected at least 1"), ({"decay": 1.5}, "decay: expected 0.0 to 1.0"),
    ({"temperature": -1.0}, "temperature: expected greater than 0"), ({"learning_rate": 2}, "learning_rate: expected"),
    ({"first_policy": "b"}, "first_policy: expected one of"), ({"fmq_repetitions": 0}, "fmq_repetitions: expected"),
])
def test_matignon_refuses_what_makes_no_sense(options, words):
    with pytest.raises(ValueError) as caught:
        reproduce.Matignon2012(**options)
    assert str(caught.value).startswith(words)


# -- Littman --------------------------------------------------------------------------------------


def test_littman_as_published():
    """Q-learning against a random player: 99.4 % of 11,300 games; two runs of a fifth of the training come near."""
    study = reproduce.Littman1994(steps=200_000)
    won, lost = study.test(study.train("iql", "random", 2, 0), 0)
    assert (won / (won + lost) > 0.985).all() and (9000 < won + lost).all() and (won + lost < 13000).all()


def test_challengers_find_out_who_cannot_be_unpredictable():
    """Against a Q-learner's fixed strategy a challenger wins every game, if a goal is an end to it; else it hurries."""
    study = reproduce.Littman1994(steps=200_000)
    result = study.train("iql", "random", 2, 0)
    won, lost = study.test(study.challenge(result, 0), 0, against="challenger")
    assert (won == 0).all() and (4500 < lost).all() and (lost < 6500).all()
    won, lost = study.test(study.challenge(result, 0, goals="steps"), 0, against="challenger")
    assert (0.15 < won / (won + lost)).all() and (won / (won + lost) < 0.4).all() and (won + lost > 12_000).all()
    # The champion has learned nothing from it.
    challenged = study.challenge(result, 0)
    assert (challenged.tables(0)["q"] == result.tables(0)["q"]).all()


def test_an_untrained_player_wins_half_of_its_games():
    """Both at random: turned by half, the board is the same, so that either wins half (three standard errors)."""
    study = reproduce.Littman1994(steps=1)
    result = study.train("iql", "random", 4, 0)
    result.experiment = result.experiment.replace(learner=[littman1994.RANDOM, littman1994.RANDOM])
    won, lost = study.test(result, 0, still=False)
    games = (won + lost).sum()
    assert abs(won.sum() / games - 0.5) < 3 * 0.5 / math.sqrt(games) and games > 1000


@pytest.mark.parametrize("options, words", [
    ({"steps": 0}, "steps: expected at least 1"), ({"epsilon": 2}, "epsilon: expected 0.0 to 1.0"),
    ({"last_rate": 0.0}, "last_rate: expected"), ({"discount": 2}, "discount: expected 0.0 to 1.0"),
    ({"goals": "draws"}, "goals: expected one of"), ({"challenger_goals": "x"}, "challenger_goals: expected one of"),
])
def test_littman_refuses_what_makes_no_sense(options, words):
    with pytest.raises(ValueError) as caught:
        reproduce.Littman1994(**options)
    assert str(caught.value).startswith(words)


def test_what_is_not_here_is_left_out_and_said(monkeypatch):
    for module, name in ((littman1994, "minimax_q"), (matignon2012, "hysteretic_q")):
        present = {key: cls for key, cls in registry.names("learner").items() if key in ("iql",)}
        monkeypatch.setattr(module, "names", lambda kind, present=present: present)
        study = {littman1994: reproduce.Littman1994(steps=2000), matignon2012: reproduce.Matignon2012(repetitions=5)}
        text = str(study[module].run(2))
        assert "Left out" in text and name in text


# -- the command ----------------------------------------------------------------------------------


def test_the_command(capsys):
    assert cli.main(["reproduce"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name}: " in listed for name in reproduce.studies()) and "--full" in listed
    command = ["reproduce", "calvano2020", "--runs", "2", "--set", "stable=100", "--set", "decay=1e-2", "--no-progress"]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert "2 runs (--full: 1,000), seed 0" in out and "Not as published: decay 0.01, stable 100" in out
    assert "profit gain" in out and "docs/reproduce/calvano2020.md" in out
    assert cli.main(["reproduce", "calvano2020", "--options"]) == 0
    assert "    stable = 100000" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, words", [
    (["calvano2021"], "unknown study 'calvano2021'; did you mean 'calvano2020'?"),
    (["calvano2020", "--runs", "0"], "runs: expected 1 to"),
    (["calvano2020", "--runs", "2", "--full"], "--full: gives the number of runs already"),
    (["calvano2020", "--seed", "-1"], "seed: expected"),
    (["calvano2020", "--threads", "0"], "threads: expected"),
    (["calvano2020", "--set", "stabel=1"], "--set stabel: unknown option of study 'calvano2020' 'stabel'; did you"),
    (["calvano2020", "--set", "stable"], "--set stable: expected OPTION=VALUE"),
    (["calvano2020", "--set", "discount=1"], "study: discount: expected less than 1"),
])
def test_the_command_refuses_bad_input_in_one_sentence(arguments, words, capsys):
    assert cli.main(["reproduce", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"marlfast: error: {words}") and shown.err.count("\n") == 1


@pytest.mark.parametrize("study", [
    reproduce.Calvano2020(decay=1e-2, stable=100), reproduce.Banchio2022(periods=1000),
    reproduce.Tan1993(trials=20, last=10), reproduce.Matignon2012(repetitions=10), reproduce.Littman1994(steps=1000),
    reproduce.Qmix2018(episodes=10)], ids=lambda study: study.name)
def test_one_run_has_no_standard_error_and_threads_change_nothing(study):
    one = study.run(1, seed=5)
    assert "fewer than 5 runs" in str(one) and all(np.isfinite(figure.obtained) for figure in one.figures)
    assert "unknown" in str(one) or study.name == "matignon2012"       # there all figures are shares
    many = [study.run(4, seed=5, threads=threads) for threads in (1, 2)]
    assert many[0].figures == many[1].figures and many[0].study.source in study.__class__.source


# -- the article's comparison ---------------------------------------------------------------------


def test_the_articles_comparison_is_whole_and_draws_itself(tmp_path):
    study = reproduce.Article2026(episodes=50)
    one, two = (study.run(2, seed=4, threads=threads) for threads in (1, 2))
    assert len(one.greedy) == 2 * 3 * 5 * 2 and set(one.greedy) == set(one.curves)
    for key, values in one.greedy.items():
        assert values.tobytes() == two.greedy[key].tobytes() and np.isfinite(values).all(), key
        assert one.curves[key].shape == (2, 50)
    assert one.others["drift"]["random actions"] < -1900.0 < -100.0 < one.others["drift"]["always action 0"]
    text = str(one)
    assert all(word in text for word in ("cooperative", "the article's shaping", "QMIX", "MAPPO", "task allocation"))
    assert f"{one.greedy['drift', 'mixed', 'QMIX', True].mean():.1f}" in text
    pytest.importorskip("matplotlib")
    one.draw(tmp_path / "article.png")
    assert (tmp_path / "article.png").read_bytes()[:4] == b"\x89PNG"


def test_the_articles_teams():
    study = reproduce.Article2026()
    game = study.games()["drift"][0]
    found = {name: (rewards.matrix(game).tolist()[0], teams) for name, (rewards, teams) in
             study.structures(game).items()}
    third = 1.0 / 3.0
    assert found["cooperative"] == ([0.25] * 4, [[0, 1, 2, 3]])
    assert found["competitive"][0] == pytest.approx([1.0, -third, -third, -third])
    assert found["mixed"] == ([0.5, 0.5, -0.5, -0.5], [[0, 1], [2, 3]])
    for episodes in (49, 0):
        with pytest.raises(ValueError, match="episodes"):
            reproduce.Article2026(episodes=episodes)


# -- what is written about them -------------------------------------------------------------------


def test_every_study_has_its_page():
    assert {path.stem for path in (ROOT / "docs" / "reproduce").glob("*.md")} == set(reproduce.studies())
