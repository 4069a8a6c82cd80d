"""Wrong arguments: one clear sentence that names the argument and says what came, before anything is trained."""
import ast
import inspect
import textwrap

import numpy as np
import pytest
from test_docstrings import OWN
from training_helpers import assert_same, differing, random_markov

import marlfast as mf
from marlfast.games import Drift, MarkovGame, MatrixGame
from marlfast.reference.drift import Drift as DriftKernel
from marlfast.rewards import Distance, Diversity, PotentialBased, Redundancy
from marlfast.schedules import Constant, Exponential, Harmonic, Linear, Table

# What is checked by declarations, or where it comes in: by sessions, and by a study's `run`.
INSIDE = ("marlfast.core", "marlfast.reference", "marlfast.declarations")
HANDED_ON = (".bind", ".figures", "Littman1994.test")
NAN, INF = float("nan"), float("inf")
TWO = np.eye(2)[[[0, 1], [1, 0]]]       # transitions of a sound game of one agent with two actions


def assert_refused(make, error, *words):
    """An error of this kind, of one line, with these words in it."""
    with pytest.raises(error) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400, text
    for word in words:
        assert str(word) in text, text


def check(cases):
    """Parametrizes over (callable, error, words...)."""
    return pytest.mark.parametrize("make,error,words", [(make, error, words) for make, error, *words in cases])


def numbers(make, name, minimum=None, maximum=None, whole=False, optional=False, sequence=False):
    """Cases for an argument that takes one number: other types, and what lies outside.

    Parameters
    ----------
    optional : bool
        None stands for the default.
    sequence : bool
        A list of numbers is taken too.
    """
    for value in ("1", None, [1], {}, 1j, True, object):
        if not (optional and value is None or sequence and value == [1]):
            yield make, name, value, TypeError, "object" if value is object else repr(value)
    for value in (NAN, INF, -INF):
        yield make, name, value, (TypeError if whole else ValueError), str(value)
    if whole:
        yield make, name, 1.5, TypeError, "1.5"
        yield make, name, 2**70, ValueError, str(2**70)
        yield make, name, -(2**70), ValueError, str(-(2**70))
    for bound, step in ((minimum, -1), (maximum, 1)):
        if bound is not None:
            beyond = bound + step if whole else float(np.nextafter(bound, step * INF))
            yield make, name, beyond, ValueError, str(beyond)


def keyword(cls, name, *arguments, **others):
    def make(value):
        return cls(*arguments, **{**others, name: value})
    return make


NUMBERS = [
    *numbers(keyword(Drift, "agents"), "agents", 1, whole=True),
    *numbers(keyword(Drift, "state_size"), "state_size", 1, whole=True),
    *numbers(keyword(Drift, "actions"), "actions", 1, whole=True),
    *numbers(keyword(Drift, "horizon"), "horizon", 0, whole=True),
    *numbers(keyword(Drift, "bonus_below"), "bonus_below", 0, whole=True, optional=True),
    *numbers(keyword(Drift, "noise"), "noise"), *numbers(keyword(Drift, "push"), "push"),
    *numbers(keyword(Drift, "bonus"), "bonus"),
    *numbers(lambda v: MarkovGame(TWO, np.zeros((2, 2)), (2,), horizon=v), "horizon", 0, whole=True),
    *numbers(lambda v: MatrixGame([0.0, 1.0], horizon=v), "horizon", 0, whole=True),
    *numbers(lambda v: MarkovGame(np.ones((1, 2, 1)), np.zeros((1, 2)), (2, v)), "actions[1]", 1, whole=True),
    *numbers(keyword(mf.IQL, "discount"), "discount", 0.0, 1.0, sequence=True),
    *numbers(keyword(mf.Rounding, "decimals"), "decimals", -15, 15, whole=True),
    *numbers(keyword(mf.Rounding, "max_rows"), "max_rows", 1, whole=True, optional=True),
    *numbers(lambda v: mf.Grid(v, 2.0, 2), "low", sequence=True),
    *numbers(lambda v: mf.Grid(0.0, v, 2), "high", sequence=True),
    *numbers(lambda v: mf.Grid(0.0, 1.0, v), "bins", 1, whole=True, sequence=True),
    *numbers(keyword(Constant, "value"), "value", sequence=True),
    *numbers(keyword(Linear, "start", end=0.0, duration=1), "start", sequence=True),
    *numbers(keyword(Linear, "end", start=0.0, duration=1), "end", sequence=True),
    *numbers(keyword(Linear, "duration", start=0.0, end=0.0), "duration", 1, whole=True, sequence=True),
    *numbers(keyword(Exponential, "start", decay=0.5), "start", sequence=True),
    *numbers(keyword(Exponential, "decay", start=1.0), "decay", 0.0, 1.0, sequence=True),
    *numbers(keyword(Exponential, "minimum", start=1.0, decay=0.5), "minimum", maximum=1.0, sequence=True),
    *numbers(keyword(Harmonic, "start", rate=1.0), "start", sequence=True),
    *numbers(keyword(Harmonic, "rate", start=1.0), "rate", 0.0, sequence=True),
    *numbers(keyword(Harmonic, "minimum", start=1.0, rate=0.5), "minimum", maximum=1.0, sequence=True),
    *numbers(lambda v: Table([0.0, v]), "values[1]"),
    *numbers(keyword(mf.EpsilonGreedy, "decay", epsilon=1.0), "decay", 0.0, 1.0, optional=True, sequence=True),
    *numbers(keyword(mf.EpsilonGreedy, "minimum", epsilon=1.0, decay=0.5), "minimum", 0.0, 1.0, sequence=True),
    *numbers(keyword(Diversity, "weight"), "weight"), *numbers(keyword(Redundancy, "penalty"), "penalty"),
    *numbers(lambda v: PotentialBased([1.0], discount=v), "discount", 0.0, 1.0, optional=True),
    *numbers(Distance, "target", sequence=True),
    *numbers(lambda v: Distance(0.0, v), "weights", sequence=True),
]

@pytest.mark.parametrize("make,name,value,error,said", NUMBERS)
def test_numbers(make, name, value, error, said):
    assert_refused(lambda: make(value), error, name.partition("[")[0], said)


@check([
    (lambda: mf.IQL(-0.1), ValueError, "learning_rate", "0.0 to 1.0", "-0.1"),
    (lambda: mf.IQL(1.1), ValueError, "learning_rate", "1.1"),
    (lambda: mf.IQL(NAN), ValueError, "learning_rate", "nan"),
    (lambda: mf.IQL("fast"), ValueError, "learning_rate", "schedule", "harmonic", "'fast'"),
    (lambda: mf.IQL(None), TypeError, "learning_rate", "None"),
    (lambda: mf.IQL(True), TypeError, "learning_rate", "True"),
    (lambda: mf.IQL(Linear(1.5, 0.0, 10)), ValueError, "learning_rate", "1.5"),
    (lambda: mf.IQL(Linear(1.0, -0.5, 10)), ValueError, "learning_rate", "-0.5"),
    (lambda: mf.IQL(Exponential(2.0, 0.5)), ValueError, "learning_rate", "2.0"),
    (lambda: mf.IQL(Table([0.5, 7.0])), ValueError, "learning_rate", "7.0"),
    (lambda: mf.IQL(mf.EpsilonGreedy()), TypeError, "learning_rate", "EpsilonGreedy"),
    (lambda: mf.IQL(explore=0.1), TypeError, "explore", "0.1"),
    (lambda: mf.IQL(explore=None), TypeError, "explore", "None"),
    (lambda: mf.IQL(explore=Constant(0.1)), TypeError, "explore", "Constant"),
    (lambda: mf.IQL(explore="epsilon_gredy"), ValueError, "'epsilon_gredy'", "did you mean 'epsilon_greedy'"),
    (lambda: mf.IQL(share=3), TypeError, "share", "3"), (lambda: mf.IQL(share=None), TypeError, "share", "None"),
    (lambda: mf.IQL(share="tem"), ValueError, "share", "'tem'", "did you mean 'team'"),
    (lambda: mf.IQL(share=[0, -1]), ValueError, "share[1]", "-1"),
    (lambda: mf.IQL(share=[0, 0.5]), TypeError, "share[1]", "0.5"),
    (lambda: mf.IQL(initial_q="high"), TypeError, "initial_q", "'high'"),
    (lambda: mf.IQL(initial_q=NAN), ValueError, "initial_q", "finite", "nan"),
    (lambda: mf.IQL(initial_q=[0.0, INF]), ValueError, "initial_q", "finite", "inf"),
    (lambda: mf.IQL(initial_q=np.zeros((1, 1, 1, 1, 1))), ValueError, "initial_q", "(1, 1, 1, 1, 1)"),
    (lambda: mf.IQL(initial_q=[[1.0], [1.0, 2.0]]), TypeError, "initial_q"),
    (lambda: mf.IQL(initial_q=None), (TypeError, ValueError), "initial_q"),
    (lambda: mf.IQL(rate=0.1), TypeError, "rate"),
    (lambda: mf.EpsilonGreedy(-0.1), ValueError, "epsilon", "-0.1"),
    (lambda: mf.EpsilonGreedy(1.5), ValueError, "epsilon", "1.5"),
    (lambda: mf.EpsilonGreedy(NAN), ValueError, "epsilon", "nan"),
    (lambda: mf.EpsilonGreedy(None), TypeError, "epsilon"),
    (lambda: mf.EpsilonGreedy(Linear(1.0, -1.0, 5)), ValueError, "epsilon", "-1.0"),
    (lambda: mf.EpsilonGreedy(Linear(1.0, 0.0, 5), decay=0.5), ValueError, "decay", "schedule"),
    (lambda: mf.EpsilonGreedy(0.5, minimum=0.1), ValueError, "minimum", "decay", "0.1"),
    (lambda: mf.EpsilonGreedy(0.5, decay=0.9, minimum=0.6), ValueError, "minimum", "0.5", "0.6"),
    (lambda: mf.EpsilonGreedy(per="run"), ValueError, "per", "'run'", "'episode'"),
    (lambda: mf.EpsilonGreedy(ties="last"), ValueError, "ties", "'last'", "'random'"),
    (lambda: mf.EpsilonGreedy(strict="yes"), ValueError, "strict", "'yes'"),
    (lambda: mf.Boltzmann(0.0), ValueError, "temperature", "greater than 0", "0.0"),
    (lambda: mf.Boltzmann(-1.0), ValueError, "temperature", "-1.0"),
    (lambda: mf.Boltzmann(NAN), ValueError, "temperature"),
    (lambda: mf.Boltzmann("hot"), ValueError, "'hot'"), (lambda: mf.Boltzmann(None), TypeError, "temperature", "None"),
    (lambda: mf.Boltzmann(Exponential(1.0, 0.5)), ValueError, "temperature", "minimum"),
    (lambda: mf.Boltzmann(Linear(1.0, 0.0, 5)), ValueError, "temperature"),
    (lambda: Linear(0.0, 1.0, 5, per="run"), ValueError, "per", "'run'"),
    (lambda: Exponential(1.0, 0.5, per=None), ValueError, "per", "None"),
    (lambda: Harmonic(1.0, 0.5, per=3), ValueError, "per", "3"),
    (lambda: Table([1.0], per="x"), ValueError, "per", "'x'"),
    (lambda: Table([]), ValueError, "values", "at least one"), (lambda: Table(5), TypeError, "values", "5"),
    (lambda: Table(None), TypeError, "values", "None"), (lambda: Table("ab"), TypeError, "values", "'a'"),
    (lambda: mf.schedules.schedule("x", "linaer"), ValueError, "'linaer'", "did you mean 'linear'"),
])
def test_learners_and_schedules(make, error, words):
    assert_refused(make, error, *words)


@check([
    (lambda: mf.Grid(1.0, 1.0, 3), ValueError, "high", "low", "1.0"),
    (lambda: mf.Grid(1.0, 0.0, 3), ValueError, "high", "0.0"),
    (lambda: mf.Grid([0, 0], [1, 0], 3), ValueError, "high", "feature 1"),
    (lambda: mf.Grid([0, 0], [1, 1, 1], 3), ValueError, "low, high, bins", "[2, 3, 1]"),
    (lambda: mf.Grid([], 1.0, 3), ValueError, "low", "none"),
    (lambda: mf.Grid(0.0, 1.0, [3, 0]), ValueError, "bins[1]", "0"),
    (lambda: mf.Grid(0.0, [1.0, NAN], 3), ValueError, "high[1]", "nan"),
    (lambda: mf.Grid(np.zeros((2, 2)), 1.0, 3), TypeError, "low[0]"),
    (lambda: mf.Grid(np.array(0.0), 1.0, 3).low, TypeError, "low"),
    (lambda: mf.Grid(-1e308, 1e308, 3), ValueError, "low, high"),
    (lambda: mf.Grid(0.0, 5e-324, 3), ValueError, "low, high"),
    (lambda: mf.Grid(0.0, 1.0), TypeError, "bins"),
    (lambda: PotentialBased(), TypeError, "potential"),
    (lambda: PotentialBased("near"), TypeError, "potential", "'near'"),
    (lambda: PotentialBased(None), (TypeError, ValueError), "potential"),
    (lambda: PotentialBased([1.0, NAN]), ValueError, "potential", "finite"),
    (lambda: PotentialBased([[[1.0]]]), ValueError, "potential", "(1, 1, 1)"),
    (lambda: PotentialBased([[1.0], [1.0, 2.0]]), TypeError, "potential"),
    (lambda: Distance(order=3), ValueError, "order", "3"), (lambda: Distance(order="1"), ValueError, "order", "'1'"),
    (lambda: Distance([0.0, INF]), ValueError, "target[1]", "inf"),
    (lambda: Distance(0.0, "x"), TypeError, "weights", "'x'"),
    (lambda: mf.rewards.mixed(None), TypeError, "teams", "None"),
    (lambda: mf.rewards.mixed(3), TypeError, "teams", "3"),
    (lambda: mf.rewards.mixed([0, 1]), TypeError, "teams", "[0, 1]"),
    (lambda: mf.rewards.mixed([]), ValueError, "teams", "[]"),
    (lambda: mf.rewards.mixed([[0], []]), ValueError, "teams", "[[0], []]"),
    (lambda: mf.rewards.mixed([[0, 1], [1]]), ValueError, "teams", "agent 1"),
    (lambda: mf.rewards.mixed([[0, -1]]), ValueError, "teams[0]", "-1"),
    (lambda: mf.rewards.mixed([[0, 0.5]]), TypeError, "teams"), (lambda: mf.rewards.mixed("ab"), TypeError, "teams"),
    (lambda: mf.rewards.matrix([[1.0, 2.0]]), ValueError, "weights", "(1, 2)"),
    (lambda: mf.rewards.matrix(3.0), ValueError, "weights", "square"),
    (lambda: mf.rewards.matrix([]), ValueError, "weights"),
    (lambda: mf.rewards.matrix([[NAN]]), ValueError, "weights[0, 0]", "nan"),
    (lambda: mf.rewards.matrix("abc"), ValueError, "weights"), (lambda: mf.rewards.matrix(None), ValueError, "weights"),
    (lambda: mf.rewards.matrix([[1.0, INF], [0.0, 1.0]]), ValueError, "weights[0, 1]", "inf"),
])
def test_encoders_and_rewards(make, error, words):
    assert_refused(make, error, *words)


def markov(**changes):
    return MarkovGame(**{"transitions": TWO, "rewards": np.zeros((2, 2)), "actions": (2,), **changes})


@check([
    (lambda: markov(transitions=np.ones((2, 2))), ValueError, "transitions", "3 dimensions", "(2, 2)"),
    (lambda: markov(transitions=np.ones((2, 3, 2)) / 2), ValueError, "transitions", "(2, 3, 2)", "(S, 2, S)"),
    (lambda: markov(transitions=np.ones((0, 2, 0))), ValueError, "transitions", "(0, 2, 0)"),
    (lambda: markov(transitions=TWO * 0.9), ValueError, "transitions[0, 0]", "0.9"),
    (lambda: markov(transitions=TWO + 1e-7), ValueError, "transitions[0, 0]", "1.0000002"),
    (lambda: markov(transitions=TWO * 3 - 1), ValueError, "transitions[0, 0, 1]", "probability", "-1"),
    (lambda: markov(transitions=TWO * NAN), ValueError, "transitions[0, 0, 0]", "finite", "nan"),
    (lambda: markov(transitions="abc"), ValueError, "transitions"),
    (lambda: markov(transitions=None), ValueError, "transitions"),
    (lambda: markov(transitions=[[[1.0, 0.0], [0.0]], [[1.0]]]), ValueError, "transitions"),
    (lambda: markov(rewards=np.zeros((2, 3))), ValueError, "rewards", "(2, 3"),
    (lambda: markov(rewards=np.zeros((2, 2, 2))), ValueError, "rewards", "(2, 2, 1)", "(2, 2, 2)"),
    (lambda: markov(rewards=np.zeros(4)), ValueError, "rewards", "(4,)"),
    (lambda: markov(rewards=[[0.0, NAN], [0.0, 0.0]]), ValueError, "rewards[0, 1", "finite", "nan"),
    (lambda: markov(rewards=[[0.0, -INF], [0.0, 0.0]]), ValueError, "rewards[0, 1", "finite", "-inf"),
    (lambda: markov(rewards="abc"), ValueError, "rewards"), (lambda: markov(rewards=None), ValueError, "rewards"),
    (lambda: markov(rewards=[[0.0, 1.0], [0.0]]), ValueError, "rewards"),
    (lambda: markov(actions=2), TypeError, "actions", "2"), (lambda: markov(actions=()), ValueError, "actions", "none"),
    (lambda: markov(actions=(0,)), ValueError, "actions[0]", "0"),
    (lambda: markov(actions=(2, -1)), ValueError, "actions[1]", "-1"),
    (lambda: markov(actions=None), TypeError, "actions", "None"),
    (lambda: markov(actions="2"), TypeError, "actions", "'2'"),
    (lambda: markov(actions=2.0), TypeError, "actions", "2.0"),
    (lambda: MarkovGame(TWO, np.zeros((2, 2))), TypeError, "actions"),
    (lambda: markov(start=[1.0]), ValueError, "start", "2 probabilities", "(1,)"),
    (lambda: markov(start=[0.5, 0.4]), ValueError, "start", "0.9"),
    (lambda: markov(start=[1.5, -0.5]), ValueError, "start"),
    (lambda: markov(start=[NAN, 1.0]), ValueError, "start[0]", "nan"), (lambda: markov(start="x"), ValueError, "start"),
    (lambda: markov(start=0), ValueError, "start", "1 dimensions"),
    (lambda: markov(terminal=[True]), ValueError, "terminal", "2 flags", "(1,)"),
    (lambda: markov(terminal=[True, False]), ValueError, "start", "state 0", "terminal"),
    (lambda: markov(terminal=True), ValueError, "terminal"), (lambda: markov(horizon=-1), ValueError, "horizon", "-1"),
    (lambda: MatrixGame(), ValueError, "payoffs", "none"), (lambda: MatrixGame(3.0), ValueError, "payoffs", "()"),
    (lambda: MatrixGame([]), ValueError, "payoffs", "(0,)"),
    (lambda: MatrixGame([[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6]]), ValueError, "payoffs", "(2, 2)", "(2, 3)"),
    (lambda: MatrixGame([[1, 2], [3, 4]], [[1, 2], [3, 4]], [[1, 2], [3, 4]]), ValueError, "payoffs", "2 arrays"),
    (lambda: MatrixGame([[1.0, NAN], [0.0, 0.0]]), ValueError, "payoffs", "finite", "nan"),
    (lambda: MatrixGame([[1.0, 2.0], [0.0]]), ValueError, "payoffs"),
    (lambda: MatrixGame("abc"), ValueError, "payoffs"),
    (lambda: MatrixGame(None), (TypeError, ValueError), "payoffs"),
    (lambda: MatrixGame([1.0], horizon=-1), ValueError, "horizon"),
])
def test_games_of_arrays(make, error, words):
    assert_refused(make, error, *words)


# -- train and Experiment ------------------------------------------------------------------------

GOOD = {"game": Drift(agents=2), "learner": mf.IQL(), "encoder": mf.Rounding(1), "episodes": 1}


def train(**changes):
    return mf.train(**{**GOOD, **changes})


def experiment(**changes):
    return mf.Experiment(**{**GOOD, **changes})


PARTS = [
    ({"game": "drfit"}, ValueError, "unknown game 'drfit'", "did you mean 'drift'"),
    ({"game": "zzz"}, ValueError, "unknown game 'zzz'", "known:", "climbing", "more"),
    ({"game": 5}, TypeError, "game", "5", "from_python", "Which way in?"),
    ({"game": Drift}, TypeError, "game", "Drift"), ({"game": mf.IQL()}, TypeError, "game", "IQL"),
    ({"game": {"name": "drift", "agnets": 2}}, ValueError, "'agnets'", "did you mean 'agents'"),
    ({"game": {"name": "drift", "agents": 0}}, ValueError, "game", "agents", "0"),
    ({"game": {"agents": 2}}, ValueError, "game", "name"),
    ({"learner": "iq"}, ValueError, "unknown learner 'iq'", "did you mean 'iql'"),
    ({"learner": 0.1}, TypeError, "learner", "0.1", "central_q", "more"),
    ({"learner": mf.Rounding(1)}, TypeError, "learner", "Rounding"),
    ({"learner": {"name": "iql", "epsilon": 0.1}}, ValueError, "'epsilon'"),
    ({"encoder": "ronding"}, ValueError, "unknown encoder 'ronding'", "did you mean 'rounding'"),
    ({"encoder": 1}, TypeError, "encoder", "1", "grid"), ({"encoder": mf.IQL()}, TypeError, "encoder", "IQL"),
    ({"encoder": None}, ValueError, "encoder", "Rounding", "Grid"),
    ({"encoder": mf.Grid([0, 0, 0], 1, 2)}, ValueError, "encoder", "3", "2 features"),
    ({"encoder": mf.Grid(0.0, 1.0, 50_000)}, ValueError, "encoder", "2500000000", "fewer bins"),
    ({"game": Drift(state_size=129)}, ValueError, "encoder", "128", "129"),
    ({"game": random_markov(0, (2,))}, ValueError, "encoder", "numbered observations", "leave encoder out"),
    ({"rewards": "cooperativ"}, ValueError, "'cooperativ'", "did you mean 'cooperative'"),
    ({"rewards": mf.rewards.cooperative}, TypeError, "rewards", "cooperative"),
    ({"rewards": 1}, TypeError, "rewards", "1"),
    ({"rewards": np.eye(2)}, TypeError, "rewards"),
    ({"rewards": mf.rewards.matrix(np.eye(3))}, ValueError, "weights", "(2, 2)", "(3, 3)"),
    ({"rewards": mf.rewards.mixed([[0]])}, ValueError, "teams", "0 to 1", "[0]"),
    ({"rewards": mf.rewards.mixed([[0, 1], [2]])}, ValueError, "teams", "[0, 1, 2]"),
    ({"rewards": mf.rewards.competitive(), "game": Drift(agents=1)}, ValueError, "competitive", "2 agents"),
    ({"rewards": mf.rewards.difference(), "game": random_markov(0, (2, 2)), "encoder": None}, ValueError, "difference",
     "markov"),
    ({"shaping": "diversty"}, ValueError, "'diversty'", "did you mean 'diversity'"),
    ({"shaping": 3}, TypeError, "shaping", "3"),
    ({"shaping": [Diversity(), 0.1]}, TypeError, "shaping[1]", "0.1"),
    ({"shaping": [Diversity]}, TypeError, "shaping[0]"),
    ({"shaping": [mf.rewards.cooperative()]}, TypeError, "shaping[0]", "cooperative"),
    ({"shaping": [PotentialBased([1.0])]}, ValueError, "potential", "rounding", "Distance"),
    ({"shaping": [PotentialBased(lambda c: c[:, 0])]}, ValueError, "potential", "rounding", "Distance"),
    ({"shaping": [PotentialBased(np.zeros(3))], "encoder": mf.Grid(0, 1, 2)}, ValueError, "potential", "(4,)",
     "(1, 3)"),
    ({"shaping": [PotentialBased(np.zeros((3, 4)))], "encoder": mf.Grid(0, 1, 2)}, ValueError, "potential", "(2, 4)",
     "(3, 4)"),
    ({"shaping": [PotentialBased(lambda c: c)], "encoder": mf.Grid(0, 1, 2)}, ValueError, "potential", "(4, 2)"),
    ({"shaping": [PotentialBased(lambda c: c[:, 0] * NAN)], "encoder": mf.Grid(0, 1, 2)}, ValueError, "potential",
     "finite"),
    ({"shaping": [PotentialBased(Distance([0.0, 0.0, 0.0]))]}, ValueError, "potential", "target", "3", "2 features"),
    ({"shaping": [PotentialBased(Distance(0.0, [1.0]))]}, ValueError, "potential", "weights", "1", "2 features"),
    ({"stop": "steps"}, (TypeError, ValueError), "stop", "n"), ({"stop": 100}, TypeError, "stop", "100"),
    ({"stop": [Diversity()]}, TypeError, "stop[0]", "Diversity"),
    ({"stop": {"name": "stpes", "n": 3}}, ValueError, "'stpes'", "'steps'"),
    ({"learner": mf.IQL(share="team")}, ValueError, "share", "teams=[[0, 1]"),
    ({"learner": mf.IQL(share=[0])}, ValueError, "share", "2 agents", "1"),
    ({"learner": mf.IQL(share=[0, 2])}, ValueError, "share", "gaps", "[0, 2]"),
    ({"learner": mf.IQL(share="all"), "game": random_markov(0, (2, 3)), "encoder": None}, ValueError, "share",
     "[2, 3]"),
    ({"learner": mf.IQL(initial_q=[1.0, 2.0, 3.0])}, ValueError, "initial_q", "(3,)", "5"),
    ({"learner": mf.IQL(initial_q=np.zeros((7, 2, 5)))}, ValueError, "initial_q", "(7, 2, 5)", "tables, actions"),
    ({"learner": mf.IQL(initial_q=np.ones((7, 2, 5)))}, ValueError, "initial_q", "(7, 2, 5)", "tables, actions"),
    ({"learner": mf.IQL(initial_q=np.zeros((7, 2, 5))), "encoder": mf.Grid(0, 1, 2)}, ValueError, "initial_q",
     "(7, 2, 5)"),
    ({"learner": mf.IQL(initial_q=np.ones((7, 2, 5))), "encoder": mf.Grid(0, 1, 2)}, ValueError, "initial_q",
     "(4, 2, 5)", "(7, 2, 5)"),
    ({"episodes": None}, ValueError, "episodes", "steps=", "stop="),
    *[({name: value}, error, name, said) for name in ("episodes", "steps", "runs") for value, error, said in (
        (0, ValueError, "0"), (-1, ValueError, "-1"), (1.5, TypeError, "1.5"), ("5", TypeError, "'5'"),
        (NAN, TypeError, "nan"),
        (INF, TypeError, "inf"), (True, TypeError, "True"), ([1], TypeError, "[1]"), (2**70, ValueError, str(2**70)))],
    *[({"seed": value}, error, "seed", said) for value, error, said in (
        (-1, ValueError, "-1"), (2**64, ValueError, str(2**64)), (0.5, TypeError, "0.5"), ("0", TypeError, "'0'"),
        (np.random.default_rng(0), TypeError, "Generator"))],
    *[({"record_every": value}, error, "record_every", said) for value, error, said in (
        (-1, ValueError, "-1"), (0.5, TypeError, "0.5"), ("0", TypeError, "'0'"), (2**63, ValueError, str(2**63)))],
    *[({"first_run": value}, error, "first_run", said) for value, error, said in (
        (-1, ValueError, "-1"), (0.5, TypeError, "0.5"), (2**32, ValueError, str(2**32)))],
    ({"first_run": 2**32 - 1, "runs": 2}, ValueError, "first_run", str(2**32 - 1)),
]


@pytest.mark.parametrize("changes,error,words", [(changes, error, words) for changes, error, *words in PARTS])
def test_experiments(changes, error, words):
    """Refused when the experiment is made, before anything is allocated, and the same by ``train``."""
    assert_refused(lambda: experiment(**changes), error, *words)
    assert_refused(lambda: train(**changes), error, *words)


@check([
    (lambda: mf.train(), TypeError, "game", "marlfast.games"),
    (lambda: mf.train(Drift()), TypeError, "learner", "marlfast.learners"),
    (lambda: mf.train(None, mf.IQL()), TypeError, "game"),
    (lambda: mf.train(mf.IQL(), Drift(), episodes=1), TypeError, "game", "IQL"),
    (lambda: train(threads=0), ValueError, "threads", "0"), (lambda: train(threads=-2), ValueError, "threads", "-2"),
    (lambda: train(threads=1.5), TypeError, "threads", "1.5"),
    (lambda: train(threads="all"), TypeError, "threads", "'all'"),
    (lambda: train(block=0), ValueError, "block", "0"), (lambda: train(block=-5), ValueError, "block", "-5"),
    (lambda: train(block="big"), TypeError, "block", "'big'"),
    (lambda: train(block=2**63), ValueError, "block", str(2**63)),
    (lambda: train(backend="c"), ValueError, "backend", "'c'", "'cython'", "'numpy'"),
    (lambda: train(backend=None), ValueError, "backend", "None"),
    (lambda: train(callback=3), TypeError, "callback", "3"),
    (lambda: train(episode=3), TypeError, "episode"),
    (lambda: mf.train({**experiment().to_dict(), "eposides": 3}), ValueError, "'eposides'", "did you mean 'episodes'"),
    (lambda: mf.train({"game": "drift", "episodes": 3}), ValueError, "learner"),
    (lambda: mf.Experiment.from_dict({"learner": "iql", "episodes": 3}), ValueError, "game"),
    (lambda: mf.Experiment.from_dict([1, 2]), (TypeError, ValueError), "experiment"),
    (lambda: mf.Experiment.from_dict({"game": {"name": ["drift"]}, "learner": "iql"}), (TypeError, ValueError), "game",
     "name"),
    (lambda: mf.Experiment.from_dict({"game": 3, "learner": "iql"}), (TypeError, ValueError), "game", "3"),
    (lambda: mf.Experiment.from_dict({"game": "drift", "learner": {"name": "iql", "explore": "boltzman"}}), ValueError,
     "'boltzman'", "did you mean 'boltzmann'"),
    (lambda: mf.Experiment.from_dict({"game": "drift", "learner": {"name": "iql", "learning_rate": "linear"}}),
     (TypeError, ValueError), "learning_rate", "start"),
    (lambda: experiment().replace(runs=0), ValueError, "runs", "0"),
    (lambda: experiment().replace(colour=1), TypeError, "colour"),
])
def test_training(make, error, words):
    assert_refused(make, error, *words)


def test_a_definition_cannot_be_changed():
    for definition, name in ((Drift(), "agents"), (mf.IQL(), "discount"), (experiment(), "runs"), (markov(), "start")):
        with pytest.raises(AttributeError):
            setattr(definition, name, 3)
    for array in (markov().transitions, markov().rewards, markov().start, markov().terminal):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


# -- what goes wrong while training --------------------------------------------------------------

class Spoiled(DriftKernel):
    """The drift game's reference kernel, spoiled in one run from some step on."""

    def __init__(self, game, run, step, value, what):
        super().__init__(game.agents, game.state_size, game.noise, game.push, game.bonus, game.bonus_below)
        self.bad_run, self.bad_step, self.value, self.what, self.calls = run, step, value, what, {}

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = super().stage_step(runs, state, actions, uniforms, normals, rewards, terminated)
        for k, r in enumerate(runs.tolist()):
            self.calls[r] = self.calls.get(r, 0) + 1
            if r == self.bad_run and self.calls[r] > self.bad_step:
                (rewards if self.what == "reward" else state)[k, -1] = self.value
        return status


class SpoiledDrift(Drift):
    """A game of the caller's own, with a kernel that returns what it must not."""

    def kernel(self, backend="cython"):
        return Spoiled(self, **self.spoil) if backend == "numpy" else super().kernel(backend)


def spoiled(**spoil):
    game = SpoiledDrift(agents=2, horizon=5)
    object.__setattr__(game, "spoil", spoil)
    return game


OPTIONS = {"encoder": mf.Grid(-1, 1, 3), "steps": 40, "runs": 3, "seed": 4}


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_reward_that_is_not_finite(value):
    """The run, step and agent are named; nothing bad is learned; the other runs are as if nothing had happened."""
    with pytest.raises(mf.TrainingError) as caught:
        mf.train(spoiled(run=1, step=12, value=value, what="reward"), mf.IQL(), backend="numpy", **OPTIONS)
    text = str(caught.value)
    for word in ("run 1", "step 12", "agent 1", "a reward is not finite", "error.result"):
        assert word in text, text
    result = caught.value.result
    assert result.steps[1] == 12 and result.stop_reason[1] == "failed: reward"
    assert all(np.isfinite(array).all() for array in result.arrays.values())
    whole = mf.train(Drift(agents=2, horizon=5), mf.IQL(), **OPTIONS)
    for r in (0, 2):
        assert result.q[r].tolist() == whole.q[r].tolist()
        assert result.stop_reason[r] == "steps"
    before = mf.train(Drift(agents=2, horizon=5), mf.IQL(), **{**OPTIONS, "steps": 12})
    assert result.q[1].tolist() == before.q[1].tolist()


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("encoder", [mf.Grid(-1, 1, 3), mf.Rounding(1)])
def test_a_state_that_is_not_finite(value, encoder):
    with pytest.raises(mf.TrainingError) as caught:
        mf.train(spoiled(run=2, step=7, value=value, what="state"), mf.IQL(), backend="numpy",
                 **{**OPTIONS, "encoder": encoder})
    text = str(caught.value)
    for word in ("run 2", "observation is not finite", str(value), "error.result"):
        assert word in text, text
    assert caught.value.result.stop_reason == ["steps", "steps", "failed: observation"]


def test_what_is_left_after_an_error_can_be_saved_and_gone_on_with(tmp_path):
    """The failed run stays as it is, the others go on."""
    with pytest.raises(mf.TrainingError) as caught:
        mf.train(spoiled(run=0, step=3, value=NAN, what="reward"), mf.IQL(), backend="numpy", **OPTIONS)
    result = caught.value.result
    result.save(tmp_path / "run.npz")
    for kept in (result, mf.load(tmp_path / "run.npz")):
        assert differing(kept, result) == []
        more = mf.train(resume=kept, steps=20, backend="cython")
        assert more.steps.tolist() == [3, 60, 60]
        assert more.stop_reason == ["failed: reward", "steps", "steps"]
    whole = mf.train(Drift(agents=2, horizon=5), mf.IQL(), **{**OPTIONS, "steps": 60})
    assert more.q[1:].tolist() == whole.q[1:].tolist()


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_an_overflowing_value(backend):
    """Rewards near the largest number: learned values stop being finite, and say so."""
    game = MatrixGame([[1e308, 1e308], [1e308, 1e308]], horizon=0)
    with pytest.raises(mf.TrainingError) as caught:
        mf.train(game, mf.IQL(1.0, discount=1.0), steps=50, runs=2, backend=backend)
    assert "run 0" in str(caught.value) and "a learned value stopped being finite" in str(caught.value)
    assert np.isfinite(caught.value.result.q).all()
    assert caught.value.result.stop_reason == ["failed: value"] * 2


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_a_run_that_diverges_leaves_the_others_to_go_on(backend):
    game = MatrixGame([[1e308, 1e308], [1e308, 1e308]], horizon=0)
    learner = mf.IQL(1.0, discount=[0.0, 1.0, 0.0])
    with pytest.warns(RuntimeWarning, match=r"^1 of 3 runs diverged .* \(runs 1; see result.stop_reason\)"):
        run = mf.train(game, learner, steps=50, runs=3, backend=backend, block=7)
    assert run.stop_reason == ["steps", "failed: value", "steps"] and run.steps.tolist()[::2] == [50, 50]
    assert np.isfinite(run.q).all() and run.q[0].max() == 1e308
    more = mf.train(resume=run, steps=10, backend=backend)         # the others; it was said once
    assert more.steps.tolist()[::2] == [60, 60]


def staircase(steps):
    """A game that visits a new rounded observation in every step: 0, 1, 2, ..."""
    draws = {"dynamics": lambda run, first, n: np.ones((n, 1)), "start": lambda run, first, n: np.zeros((n, 1))}
    return {"game": Drift(agents=1, state_size=1, actions=1, noise=1.0, push=0.0, horizon=0), "learner": mf.IQL(),
            "steps": steps, "draws": draws}


@pytest.mark.parametrize("backend", ["cython", "numpy"])
@pytest.mark.parametrize("block", [1, 4, None])
@pytest.mark.parametrize("maximum", [1, 2, 6, 300])
def test_max_rows(maximum, block, backend):
    """Exactly so many rows are allowed: the start and most - 1 steps. One more is refused, and what came is kept."""
    options = {"encoder": mf.Rounding(0, max_rows=maximum), "block": block, "backend": backend}
    if maximum > 1:
        run = mf.train(**staircase(maximum - 1), **options)
        assert run.used.tolist() == [maximum] and run.stop_reason == ["steps"]
        assert run.rows[0].ravel().tolist() == list(range(maximum))
    for steps in (maximum, maximum + 1, maximum + 50):
        with pytest.raises(mf.TrainingError) as caught:
            mf.train(**staircase(steps), **options)
        text = str(caught.value)
        assert f"max_rows={maximum}" in text and "run 0" in text and "decimals=0" in text, text
        result = caught.value.result
        assert result is not None and maximum - 1 <= result.steps[0] <= maximum + 1
        assert result.rows[0].ravel()[:maximum].tolist() == list(range(maximum))


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_max_rows_that_is_enough_changes_nothing(backend):
    game = Drift(agents=2, horizon=9)
    options = {"steps": 300, "runs": 2, "backend": backend}
    free = mf.train(game, mf.IQL(), encoder=mf.Rounding(0), **options)
    bound = mf.train(game, mf.IQL(), encoder=mf.Rounding(0, max_rows=int(free.used.max())), **options)
    assert_same(free, bound)


def test_max_rows_says_what_came_in_its_message():
    with pytest.raises(mf.TrainingError) as caught:
        mf.train(Drift(agents=2, noise=50.0), mf.IQL(), encoder=mf.Rounding(2, max_rows=10), steps=500, runs=2)
    assert "raise it, or round to fewer decimals (decimals=2)" in str(caught.value)
    for array in caught.value.result.arrays.values():
        assert np.isfinite(array).all()


def test_training_errors_are_errors_of_their_own():
    assert issubclass(mf.TrainingError, RuntimeError) and issubclass(mf.FileError, ValueError)
    assert mf.TrainingError("x").result is None


def _learned():
    return mf.train(mf.games.PrisonersDilemma(), mf.IQL(), steps=3)


def _acted():
    """A team that has acted once."""
    game = mf.games.PrisonersDilemma()
    team = mf.IQL().team(game, seed=0)
    team.act(game.env(seed=0).reset())
    return team


@pytest.mark.parametrize("make, error, words", [
    (lambda: mf.learners.MinimaxQ(friends=np.zeros((2, 2))), ValueError, "friends"),
    (lambda: mf.learners.WoLFPHC(delta_win=[0.0] * 5, delta_lose=[0.1] * 3), ValueError,
     "delta_win, delta_lose: expected as many values of each, one per run, got 5 and 3"),
    (lambda: mf.initial.Uniform([0.0, 1.0], [1.0, 1.0, 1.0]), ValueError,
     "low, high: expected numbers, or arrays whose shapes fit together, got shapes (2,) and (3,)"),
    (lambda: mf.initial.Normal(0.0, [[1], [2, 3]]), TypeError, "deviation: expected a number, an array of"),
    (lambda: mf.IQL(discount=[[1], [2, 3]]), ValueError,
     "discount: expected a number, or numbers in lists as long as each other, got [[1], [2, 3]]"),
    (lambda: mf.Grid([[1], [2, 3]], 1, 3), ValueError, "low: expected a number, or numbers in lists as long as"),
    (lambda: mf.Tiles(1, 0, 1, 2, groups=True), TypeError, "groups: expected lists of features, got True"),
    (lambda: mf.AgentIndex(common="no"), TypeError, "common: expected True or False, got 'no'"),
    (lambda: mf.evaluate(Drift(agents=2), mf.train(Drift(agents=2), mf.IQL(), encoder=mf.Rounding(0), steps=3), 2,
                         kind=np.zeros(3)), ValueError, "kind: expected one of"),
    (lambda: _learned().policy(0, kind=3), TypeError, "kind: expected a word, or one for each agent, got 3"),
    (lambda: _learned().policy(0)(10**400), TypeError, "observation: expected numbers, got "),
    (lambda: Drift(agents=2).env(copy="no"), TypeError, "copy: expected True or False, got 'no'"),
    (lambda: _acted().update(0, [[1], [2, 3]], 0, 0, False), TypeError, "actions: expected an array of numbers"),
    (lambda: _acted().act([[10**400]]), TypeError, "observation: expected an array of numbers"),
    (lambda: mf.train(mf.games.PrisonersDilemma(), mf.IQL(), steps=3, shaping=np.zeros(3)), TypeError, "shaping"),
    (lambda: mf.load("x" * 5000), ValueError, "path: expected a path of at most 4,096 characters, got 'xxx")])
def test_values_that_numpy_would_stumble_over_are_refused_by_name(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert words in str(caught.value) and len(str(caught.value)) < 300, str(caught.value)


def test_tables_beyond_all_memory_are_refused_with_their_size():
    with pytest.raises(MemoryError, match=r"learner: tables for 200 runs x 1600000000 rows x 4 tables x 5 actions need "
                                          r"61,440.0 GB, more than there is"):
        mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Grid(0, 1, 40000), steps=10, runs=200)


# -- arguments that are True or False ----------------------------------------------------------------

def looked_at(source):
    """Arguments whose default is True or False that a function looks at as they are, and that nothing has checked."""
    made = ast.parse(textwrap.dedent(source)).body[0]
    given = list(zip((made.args.posonlyargs + made.args.args)[::-1], made.args.defaults[::-1], strict=False))
    given += [(name, value) for name, value in zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True) if value]
    known = {name.arg for name, value in given if isinstance(getattr(value, "value", None), bool)}

    def names(part):
        if isinstance(part, ast.BoolOp):
            return {name for value in part.values for name in names(value)}
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
            return names(part.operand)
        return {part.id} if isinstance(part, ast.Name) else set()

    found = set()
    for node in ast.walk(made):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            found |= names(node.test)
        elif isinstance(node, (ast.BoolOp, ast.UnaryOp)):
            found |= names(node)
    return {name for name in found & known if f'flag("{name}"' not in source}


def test_what_is_true_or_false_is_checked_before_it_is_looked_at():
    assert looked_at("def f(a, b=True, *, c=False):\n    return 1 if b else 2") == {"b"}
    assert looked_at("def f(b=True):\n    b = flag(\"b\", b)\n    return 1 if b else 2") == set()
    found = {}
    for name, (thing, _) in OWN.items():
        thing = inspect.unwrap(getattr(thing, "__func__", thing))
        if inspect.isfunction(thing) and not name.startswith(INSIDE) and not name.endswith(HANDED_ON) and (
                wrong := looked_at(inspect.getsource(thing))):
            found[name] = wrong
    assert not found


@check([
    (lambda: mf.train(Drift(), mf.IQL(), encoder=mf.Rounding(0), steps=9, progress=TWO), TypeError, "progress:"),
    (lambda: mf.train(Drift(), mf.IQL(), encoder=mf.Rounding(0), steps=9, progress="no"), TypeError, "progress:"),
    (lambda: mf.train(Drift(), mf.IQL(), encoder=mf.Rounding(0), steps=9, callback=TWO), TypeError, "callback:"),
    (lambda: mf.sweep(Drift(), mf.IQL(), encoder=mf.Rounding(0), steps=9, over={}, progress=TWO), TypeError,
     "progress: expected True or False"),
    (lambda: mf.statistics.scores(None, failed=TWO), TypeError, "failed: expected True or False"),
    (lambda: mf.evaluate(Drift(), "random", failed=TWO), TypeError, "failed: expected True or False"),
    (lambda: Drift().env(copy=TWO), TypeError, "copy: expected True or False"),
    (lambda: mf.IQL().team(Drift(), encoder=mf.Rounding(0)).act(np.zeros((1, 1, 2)), explore=TWO), TypeError,
     "explore: expected True or False"),
])
def test_arrays_are_neither_true_nor_false(make, error, words):
    assert_refused(make, error, *words)
