"""Draws from outside, in place of the streams."""
import numpy as np
import pytest
from training_helpers import assert_same, differing, random_markov, stream_draws

import marlfast as mf

GAMES = {
    "drift": (mf.games.Drift(agents=2, horizon=7, noise=3.0), mf.Rounding(1)),
    "grid": (mf.games.Drift(agents=3, state_size=3, horizon=1), mf.Grid(-1.0, 1.0, 3)),
    "markov": (random_markov(4, (2, 2), states=4, horizon=6, terminal=True), None),
    "certain": (random_markov(4, (2, 2), states=4, certain=True, horizon=6, terminal=True), None),
}
LEARNERS = {
    "first": mf.IQL(explore=mf.EpsilonGreedy(0.5, ties="first", draws=2)),
    "random ties": mf.IQL(explore=mf.EpsilonGreedy(0.5, ties="random", draws=2)),
    "one draw": mf.IQL(explore=mf.EpsilonGreedy(0.5)),
    "boltzmann": mf.IQL(explore=mf.Boltzmann(0.5)),
}
TWO_DRAWS = mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.995, minimum=0.05, ties="first", draws=2))


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("which", [("explore",), ("dynamics",), ("start",), ("explore", "dynamics", "start")])
def test_replayed_streams_give_the_same_bits(game, learner, which):
    (game, encoder), learner = GAMES[game], LEARNERS[learner]
    experiment = mf.Experiment(game, learner, encoder=encoder, steps=80, runs=3, seed=99, first_run=6)
    streams = stream_draws(game, learner, 99)
    replayed = mf.train(experiment, draws={name: streams[name] for name in which}, threads=2)
    assert_same(replayed, mf.train(experiment))


@pytest.mark.parametrize("block", [1, 3, 17, None])
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_replayed_streams_in_blocks(block, backend):
    """Rows and records grow in the middle of blocks, starts come at their own pace."""
    game, encoder = mf.games.Drift(agents=2, horizon=2, noise=9.0), mf.Rounding(1)
    experiment = mf.Experiment(game, LEARNERS["first"], encoder=encoder, steps=300, runs=2, seed=5)
    replayed = mf.train(experiment, draws=stream_draws(game, LEARNERS["first"], 5), block=block, backend=backend)
    assert replayed.used.max() > 256
    assert_same(replayed, mf.train(experiment))


def test_other_draws_give_other_numbers():
    """The comparison above can fail: supplied draws are used, not merely accepted."""
    game, encoder = GAMES["drift"]
    experiment = mf.Experiment(game, LEARNERS["first"], encoder=encoder, steps=80, seed=99)
    native = mf.train(experiment)
    for name in ("explore", "dynamics", "start"):
        other = mf.train(experiment, draws={name: stream_draws(game, LEARNERS["first"], 100)[name]})
        assert "learner.q" in differing(native, other), name


def test_resumed_with_supplied_draws():
    """Supplied draws are asked for by position, so that a resumed run asks for the right ones."""
    game, encoder = GAMES["drift"]
    learner = LEARNERS["first"]
    draws = stream_draws(game, learner, 1234)
    whole = mf.train(game, learner, encoder=encoder, steps=60, runs=2, draws=draws)
    half = mf.train(game, learner, encoder=encoder, steps=30, runs=2, draws=draws)
    assert differing(mf.train(resume=half, steps=30, draws=draws), whole) == []


def test_what_is_asked_for():
    """Every step's draws are asked for, by run number and position."""
    asked = {"explore": [], "start": []}

    def explore(run, first, n):
        asked["explore"].append((run, first, n))
        return np.full((n, 2, 2), 0.5)

    def start(run, first, n):
        asked["start"].append((run, first, n))
        return np.zeros((n, 2))

    mf.train(mf.games.Drift(agents=2, horizon=4), TWO_DRAWS, encoder=mf.Grid(-1, 1, 2), steps=20, runs=2, first_run=7,
             block=10, draws={"explore": explore, "start": start})
    for name, most in (("explore", 20), ("start", 6)):
        assert {run for run, _, _ in asked[name]} == {7, 8}
        covered = {k for run, first, n in asked[name] if run == 8 for k in range(first, first + n)}
        assert covered >= set(range(most)), name


def supplied(name, array):
    return {name: lambda run, first, n: array(n)}


def with_one(shape, value):
    def array(n):
        values = np.full((n, *shape), 0.5)
        values.flat[-1] = value
        return values
    return array


@pytest.mark.parametrize("draws,error,words", [
    (supplied("explore", lambda n: np.zeros((n, 2, 3))), ValueError, ["explore", "2, 2)", "2, 3)"]),
    (supplied("explore", lambda n: np.zeros((n, 4))), ValueError, ["explore", "2, 2)"]),
    (supplied("explore", lambda n: np.zeros((n - 1, 2, 2))), ValueError, ["explore", "expected shape"]),
    (supplied("dynamics", lambda n: np.zeros((n, 1))), ValueError, ["dynamics", "2)", "1)"]),
    (supplied("start", lambda n: np.zeros(n)), ValueError, ["start", "expected shape"]),
    (supplied("explore", with_one((2, 2), np.nan)), ValueError, ["explore", "[0, 1)", "nan"]),
    (supplied("explore", with_one((2, 2), 1.0)), ValueError, ["explore", "[0, 1)", "1.0"]),
    (supplied("explore", with_one((2, 2), -1e-9)), ValueError, ["explore", "[0, 1)", "-1e-09"]),
    (supplied("explore", with_one((2, 2), np.inf)), ValueError, ["explore", "[0, 1)", "inf"]),
    (supplied("dynamics", with_one((2,), np.nan)), ValueError, ["dynamics", "finite", "nan"]),
    (supplied("start", with_one((2,), -np.inf)), ValueError, ["start", "finite", "-inf"]),
    (supplied("explore", lambda n: None), (TypeError, ValueError), ["explore", "expected"]),
    (supplied("explore", lambda n: [["a"]] * n), (TypeError, ValueError), ["explore"]),
    ({"exploration": lambda run, first, n: None}, ValueError, ["draws", "'exploration'", "'explore'"]),
    ({"explore": np.zeros((10, 2, 2))}, TypeError, ["explore", "function"]),
    ({"explore": None}, TypeError, ["explore", "function"]),
    (np.zeros(4), TypeError, ["draws"]),
    (lambda run, first, n: None, TypeError, ["draws"]),
])
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_supplied_draws_that_are_refused(draws, error, words, backend):
    with pytest.raises(error) as caught:
        mf.train(mf.games.Drift(agents=2), TWO_DRAWS, encoder=mf.Grid(-1, 1, 2), steps=20, draws=draws, backend=backend)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_draws_of_a_markov_game_lie_below_one():
    """The dynamics of a game of chance are uniforms."""
    game, _ = GAMES["markov"]
    with pytest.raises(ValueError, match=r"draws\['dynamics'\]: expected numbers in \[0, 1\), got 1.0"):
        mf.train(game, TWO_DRAWS, steps=5, draws=supplied("dynamics", lambda n: np.ones((n, 1))))


def test_lists_and_single_precision_are_taken():
    game = mf.games.Drift(agents=2)
    options = {"encoder": mf.Grid(-1, 1, 2), "steps": 20}
    lists = mf.train(game, TWO_DRAWS, draws=supplied("explore", lambda n: [[[0.25, 0.5]] * 2] * n), **options)
    single = mf.train(game, TWO_DRAWS, draws=supplied("explore", lambda n: np.full((n, 2, 2), [0.25, 0.5], np.float32)),
                      **options)
    assert_same(lists, single)


class TestStream:
    """``draws.stream``: positions and purposes. Known answers are tested with the kernels."""

    @pytest.mark.parametrize("name", ["explore", "step_uniforms", "step_normals", "start_uniforms", "start_normals"])
    def test_a_piece_is_a_piece_of_the_whole(self, name):
        whole = mf.draws.stream(7, 3, name, 0, 200)
        for first, count in ((0, 1), (1, 1), (13, 50), (199, 1), (64, 0)):
            piece = mf.draws.stream(7, 3, name, first, count)
            assert piece.tobytes() == whole[first:first + count].tobytes()

    def test_every_stream_is_another(self):
        names = ["explore", "step_uniforms", "start_uniforms"]
        keys = [(seed, run, name, purpose) for seed in (0, 1) for run in (0, 1) for name in names
                for purpose in ("training", "evaluation")]
        noted = {mf.draws.stream(seed, run, name, 0, 4, purpose).tobytes() for seed, run, name, purpose in keys}
        assert len(noted) == len(keys)

    @pytest.mark.parametrize("arguments,words", [
        ({"seed": -1}, ["seed", "-1"]), ({"seed": 2**64}, ["seed", str(2**64)]), ({"run": -1}, ["run", "-1"]),
        ({"run": 2**32}, ["run", str(2**32)]), ({"name": "exploration"}, ["name", "'exploration'", "'explore'"]),
        ({"first": -1}, ["first", "-1"]), ({"count": -1}, ["count", "-1"]),
        ({"purpose": "test"}, ["purpose", "'test'"]),
        ({"backend": "jax"}, ["backend", "'jax'", "'numpy'"]),
    ])
    def test_what_is_refused(self, arguments, words):
        with pytest.raises(ValueError) as caught:
            mf.draws.stream(**{"seed": 0, "run": 0, "name": "explore", "first": 0, "count": 1, **arguments})
        assert all(word in str(caught.value) for word in words), str(caught.value)
