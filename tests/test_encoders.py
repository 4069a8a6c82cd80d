"""Tile coding and agent indices: what they are, what learners learn with them, and what is refused."""
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from training_helpers import random_markov

import marlfast as mf
from marlfast.games.own import NumPyGame
from marlfast.learners.multi_step import SARSA, MonteCarlo, QLambda
from marlfast.learners.one_step import DistributedQ, DoubleQ, ExpectedSARSA, FrequencyAdjustedQ, HystereticQ

DRIFT = mf.games.Drift(agents=3, state_size=2, actions=4, horizon=9)
MARKOV = random_markov(3, (3, 3), states=4, horizon=7, terminal=True)
BOLD = mf.EpsilonGreedy(0.3, ties="first")
SPARSE = {
    "sarsa": SARSA(0.3, explore=BOLD), "q_lambda": QLambda(0.3, explore=BOLD, trace_length=5),
    "expected_sarsa": ExpectedSARSA(0.3, explore=BOLD, initial_q=0.5),
    "expected_sarsa, Boltzmann": ExpectedSARSA(mf.schedules.Harmonic(0.5, 0.01), explore=mf.Boltzmann(0.7)),
    "hysteretic_q": HystereticQ(0.4, mf.schedules.Linear(0.2, 0.0, 50), explore=BOLD),
    "frequency_adjusted_q": FrequencyAdjustedQ(0.3, 0.1), "double_q": DoubleQ(0.3, explore=BOLD, initial_q=0.25),
}
ENCODERS = {
    "tiles": (DRIFT, mf.Tiles(4, -2.0, 6.0, (6, 3))),
    "groups, hashed": (DRIFT, mf.Tiles(3, -2.0, 6.0, 5, groups=((0,), (1, 0)), hash_rows=40)),
    "common tiles": (DRIFT, mf.AgentIndex(mf.Tiles(2, -2.0, 6.0, 4), common=True)),
    "common rounding": (DRIFT, mf.AgentIndex(mf.Rounding(0), common=True)),
    "own grid": (DRIFT, mf.AgentIndex(mf.Grid(-2.0, 6.0, 4))),
    "common numbers": (MARKOV, mf.AgentIndex(common=True)),
}


def alike(one, other):
    """Every array, cut to the rows that both have."""
    assert set(one.arrays) == set(other.arrays)
    for name, array in one.arrays.items():
        a, b = array, other.arrays[name]
        if name.split(".")[-1] in ("keys", "table", *one.experiment.learner.by_row) or name.endswith("returns") or (
                name == "lengths"):
            n = min(a.shape[1], b.shape[1])
            a, b = a[:, :n], b[:, :n]
        if not name.endswith(".table"):
            assert a.tobytes() == b.tobytes(), name


# -- what tiles are ------------------------------------------------------------------------------

def test_the_displacement_by_odd_numbers():
    # 4 tilings of 2 features, 2 x 2 tiles of 4/5: displaced by t * (1, 3) quarters of a tile, modulo a tile.
    encoder = mf.Tiles(4, 0.0, 1.0, 2)
    assert (encoder.rows(DRIFT), encoder.active(DRIFT)) == (16, 4)
    first = encoder.centres(DRIFT, {}, 0)[::4]          # of the lowest tile of each tiling: half a tile, less t * d / 4
    assert first / 0.8 == pytest.approx(np.array([[0.5, 0.5], [0.25, -0.25], [0.0, 0.0], [-0.25, 0.25]]))


def test_an_odd_number_of_tilings_displaces_every_feature():
    # 3 is no displacement for 3 tilings, 5 is: 1, 5 and so thirds of 1 and 2 (5 modulo 3).
    first = mf.Tiles(3, 0.0, 1.0, 2).centres(DRIFT, {}, 0)[::4] * (2 - 1 + 1 / 3)
    assert first == pytest.approx(0.5 - np.array([[0, 0], [1, 2], [2, 1]]) / 3)


@pytest.mark.parametrize("tilings, bins", [(1, 1), (1, 5), (2, 2), (4, 3), (5, 1), (8, 4)])
def test_tilings_cover_the_range_evenly(tilings, bins):
    # Together they tell tilings * (bins - 1) + 1 places of the same width apart.
    game = mf.games.Drift(agents=1, state_size=1)
    encoder = mf.Tiles(tilings, -1.0, 2.0, bins)
    places = tilings * (bins - 1) + 1
    x = -1.0 + 3.0 * (np.arange(10 * places) + 0.5) / (10 * places)
    rows = [tuple(encoder.find(game, {}, np.array([[at]]))) for at in x]
    assert len(set(rows)) == places and all(len(set(rows[10 * n:10 * n + 10])) == 1 for n in range(places))


def test_one_tiling_is_a_grid():
    grid, tiles = mf.Grid(-2.0, (6.0, 3.0), (6, 3)), mf.Tiles(1, -2.0, (6.0, 3.0), (6, 3))
    assert tiles.centres(DRIFT, {}, 0) == pytest.approx(grid.centres(DRIFT, {}, 0))
    one, other = (mf.train(DRIFT, mf.IQL(), encoder=encoder, steps=400, runs=3, seed=1) for encoder in (grid, tiles))
    alike(one, other)


def test_centres_of_tiles():
    at = mf.Tiles(2, 0.0, 3.0, 2, groups=((0,), (1,))).centres(DRIFT, {}, 0)
    # Tiles of 2: from 0 and 2 (centres 1, 3), and from -1 and 1.
    assert at[:4, 0].tolist() == [1.0, 3.0, 0.0, 2.0] == at[4:, 1].tolist()
    assert np.isnan(at[:4, 1]).all() and np.isnan(at[4:, 0]).all()
    hashed = mf.Tiles(2, 0.0, 3.0, (50, 2), groups=((0,), (1,)), hash_rows=40)
    assert hashed.rows(DRIFT) == 10 + 10 + 2 + 2 and np.isnan(hashed.centres(DRIFT, {}, 0)[:20]).all()


def test_centres_of_agents():
    at = mf.AgentIndex(mf.Grid(0.0, 2.0, (2, 1)), common=True).centres(DRIFT, {}, 0)
    assert at.tolist() == [[x, 1.0, agent] for x in (0.5, 1.5) for agent in (-1, 0, 1, 2)]
    assert mf.AgentIndex().centres(MARKOV, {}, 0)[:4].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


# -- the same numbers ----------------------------------------------------------------------------

@pytest.mark.parametrize("where", ENCODERS)
def test_policies_play_as_evaluation_does(where):
    game, encoder = ENCODERS[where]
    # Of tied actions each draws its own, where an observation was never seen in training: so the first is taken.
    learner = mf.IQL(0.5, share="all", initial_q=1.0, explore=mf.EpsilonGreedy(ties="first"))
    run = mf.train(game, learner, encoder=encoder, episodes=20, runs=2, seed=1)
    for r in range(2):
        policy = run.policy(r)
        one, other = (mf.evaluate(game, how, episodes=5, seed=2) for how in (policy, lambda obs, p=policy: p(obs)))
        assert (one.returns == other.returns).all()


@pytest.mark.parametrize("where", ENCODERS)
def test_a_team_by_hand_does_what_training_does(where):
    game, encoder = ENCODERS[where]
    learner = QLambda(0.3, explore=mf.EpsilonGreedy(0.3), share="all")
    run = mf.train(game, learner, encoder=encoder, steps=30, seed=5, runs=2)
    env, team = game.env(runs=2, seed=5), learner.team(game, runs=2, seed=5, encoder=encoder)
    obs = env.reset()
    for _ in range(30):
        actions = team.act(obs)
        next_obs, rewards, terminated, truncated = env.step(actions)
        team.update(obs, actions, rewards, next_obs, terminated, truncated)
        over = terminated | truncated
        obs = env.reset(over) if over.any() else next_obs
    rows = int(run.used.max())
    assert team.q[:, :rows].tobytes() == run.q.tobytes()


# -- what is learned -----------------------------------------------------------------------------

@pytest.mark.parametrize("name", SPARSE)
def test_rows_that_are_always_active_together_are_one_row(name):
    # With one agent its own row and the common one always come together: half of a table's value each.
    game = mf.games.Drift(agents=1, state_size=1, actions=3, horizon=9)
    grid = mf.Grid(-2.0, 6.0, 8)
    options = {"steps": 300, "runs": 2, "seed": 1}
    table = mf.train(game, SPARSE[name], encoder=grid, **options)
    both = mf.train(game, SPARSE[name], encoder=mf.AgentIndex(grid, common=True), **options)
    assert (table.returns == both.returns).all()
    q = both.q.reshape(2, 8, 2, 1, 3)
    assert q.sum(axis=2) == pytest.approx(table.q, rel=1e-9, abs=1e-12)
    assert q[:, :, 0] == pytest.approx(q[:, :, 1], rel=1e-9, abs=1e-12)
    assert (both.visits.reshape(2, 8, 2, 1) == table.visits[:, :, None]).all()


def test_a_shared_table_with_agent_index_is_a_table_for_each():
    grid = mf.Grid(-2.0, 6.0, 4)
    own = mf.train(DRIFT, mf.IQL(share="none"), encoder=grid, steps=300, runs=2, seed=1)
    one = mf.train(DRIFT, mf.IQL(share="all"), encoder=mf.AgentIndex(grid), steps=300, runs=2, seed=1)
    assert one.q.reshape(own.q.shape).tobytes() == own.q.tobytes()


def test_what_agents_have_in_common_is_learned_by_all():
    # All want action 1, agent 2 wants 0: that is told apart, and what all want is in the common row.
    payoffs = np.zeros((3, 2, 2, 2))
    payoffs[0, 1], payoffs[1, :, 1], payoffs[2, :, :, 0] = 1.0, 1.0, 1.0
    game = mf.games.MatrixGame(*payoffs)
    learner = mf.IQL(0.2, discount=0.0, explore=mf.EpsilonGreedy(1.0), share="all")
    run = mf.train(game, learner, encoder=mf.AgentIndex(common=True), steps=600, seed=1)
    assert run.policy(0)([0.0]).tolist() == [1, 1, 0]
    common, *own = run.q[0, :, 0]
    assert common + np.array(own) == pytest.approx(np.array([[0, 1], [0, 1], [1, 0]]), abs=1e-6)
    alone = mf.train(game, learner, steps=600, seed=1)
    assert len(set(alone.policy(0)([0.0]).tolist())) == 1       # without an index all do the same


def mountain_car():
    """Sutton and Barto (2018), example 10.1."""
    def start(uniforms, normals):
        return np.stack([-0.6 + 0.2 * uniforms[:, 0], np.zeros(len(uniforms))], axis=1)

    def step(state, actions, uniforms, normals):
        place, speed = state.T
        speed = np.clip(speed + 0.001 * (actions[:, 0] - 1) - 0.0025 * np.cos(3 * place), -0.07, 0.07)
        place = np.clip(place + speed, -1.2, 0.5)
        speed = np.where(place == -1.2, 0.0, speed)
        return np.stack([place, speed], axis=1), np.full((len(state), 1), -1.0), place >= 0.5

    return NumPyGame(step, start, agents=1, actions=3, state_size=2, horizon=0, start_uniforms=1, terminates=True)


def test_mountain_car():
    # Example 10.1: semi-gradient SARSA, eight tilings of 8 x 8 tiles, alpha = 0.5 over the tilings, and no exploration
    # but that zeros are optimistic. Figure 10.2: under 200 steps an episode after 100 episodes; with traces, sooner.
    learner = SARSA(0.5, discount=1.0, explore=mf.EpsilonGreedy(0.0), trace_decay=0.9)
    encoder = mf.Tiles(8, (-1.2, -0.07), (0.5, 0.07), 8)
    run = mf.train(mountain_car(), learner, encoder=encoder, episodes=60, runs=4, seed=1)
    assert run.lengths[:, -10:].mean() < 200 and run.lengths[:, 0].min() > 300


def test_tiles_do_better_than_grids_in_the_drift_game(monkeypatch, capsys):
    path = Path(__file__).parents[1] / "examples" / "tiles_drift.py"
    spec = importlib.util.spec_from_file_location("tiles_drift", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    encoders = [encoder for kind in (example.grids() | example.tiles()).values() for encoder in kind]
    assert len(encoders) == 123 and all(encoder.rows(example.GAME) <= example.MAX_ROWS for encoder in encoders)
    for name, value in {"EPISODES": 1000, "RUNS": 8, "PILOT": 1, "RATES": (0.05,)}.items():
        monkeypatch.setattr(example, name, value)
    # The best grid that was found, which is told which variable matters, and the best tiles, which are not.
    *_, grid = example.best_of([mf.Grid(-2.0, 6.0, (8, 1, 1, 1))])
    *_, tiles = example.best_of([mf.Tiles(16, -3.0, 13.0, (10, 2, 2, 2))])
    assert capsys.readouterr().out.count(" at 0.05 ") == 2
    assert tiles.mean() > grid.mean() + 50


# -- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    ({"tilings": 0}, ValueError, "tilings: expected 1 to 4096, got 0"),
    ({"tilings": 1.5}, TypeError, "tilings: expected a whole number"),
    ({"tilings": 5000}, ValueError, "tilings: expected"),
    ({"bins": 0}, ValueError, "bins: expected at least 1, got 0"),
    ({"low": np.nan}, ValueError, "low: expected"),
    ({"low": 7.0}, ValueError, "high: expected more than low in feature 0, got 6.0 with low 7.0"),
    ({"bins": (2, 3), "low": (0, 0, 0)}, ValueError, "low, high, bins: expected the same number"),
    ({"groups": ()}, ValueError, "groups: expected at least one group"),
    ({"groups": ((),)}, ValueError, r"groups\[0\]: expected at least one feature"),
    ({"groups": ((0, 0),)}, ValueError, r"groups\[0\]: expected at least one feature, each once"),
    ({"groups": (0, 1)}, TypeError, r"groups\[0\]: expected numbers of features, got 0"),
    ({"groups": ((-1,),)}, ValueError, r"groups\[0\]: expected at least 0, got -1"),
    ({"hash_rows": 3}, ValueError, "hash_rows: expected at least 4, a row for each tiling, got 3"),
    ({"hash_rows": 2**31}, ValueError, "hash_rows: expected"),
])
def test_tiles_that_make_no_sense(arguments, error, message):
    with pytest.raises(error, match="^" + message):
        mf.Tiles(**{"tilings": 4, "low": -2.0, "high": 6.0, "bins": 3} | arguments)


@pytest.mark.parametrize("encoder, message", [
    (mf.Tiles(4, -2.0, 6.0, (3, 3, 3)), "encoder: tiles has 3 values of bins, but game 'drift' has 2 features"),
    (mf.Tiles(4, -2.0, 6.0, 3, groups=((2,),)), "groups[0]: expected features 0 to 1 of game 'drift', got 2"),
    (mf.Tiles(4, -2.0, 6.0, 30000), "encoder: 4 tilings have 3600000000 tiles, more than the 2147483646 rows that can "
                                    "be numbered; use fewer bins or tilings, groups of fewer features, or hash_rows"),
    (mf.Tiles(4, -2.0, 6.0, 2**31, hash_rows=64), "encoder: a tiling of 4.61e+18 tiles is more than can be hashed"),
    (mf.AgentIndex(), "encoder: game 'drift' has 2 real observations, which need one"),
    (mf.AgentIndex(mf.Grid(0.0, 1.0, 40000)), "encoder: 1600000000 rows for each of 3 agents are more than the"),
])
def test_games_that_do_not_fit(encoder, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        mf.train(DRIFT, mf.IQL(), encoder=encoder, steps=1)


def test_games_with_numbers_need_no_tiles():
    for encoder in (mf.Tiles(4, -2.0, 6.0, 3), mf.AgentIndex(mf.Tiles(4, -2.0, 6.0, 3))):
        with pytest.raises(ValueError, match="^encoder: game 'markov' has numbered observations, which need no"):
            mf.train(MARKOV, mf.IQL(), encoder=encoder, steps=1)


def test_an_index_of_an_index():
    with pytest.raises(ValueError, match="^encoder: is an AgentIndex already, which knows the agent"):
        mf.AgentIndex(mf.AgentIndex())
    with pytest.raises(TypeError, match="^common: expected True or False, got 1"):
        mf.AgentIndex(common=1)
    with pytest.raises(TypeError, match="^encoder: expected a encoder"):
        mf.AgentIndex(3)


def test_tables_that_would_not_fit_in_memory_are_refused_before_training(monkeypatch):
    monkeypatch.setattr("marlfast.memory.memory_there", lambda: 10**8)
    encoder, options = mf.Tiles(8, -2.0, 6.0, 10), {"steps": 1, "runs": 1000}
    # 1,000 runs x 800 rows x 3 tables x (4 + 1) x 8 bytes.
    with pytest.raises(MemoryError, match=r"^learner: tables for 1000 runs x 800 rows x 3 tables x 4 actions need 0.3"):
        mf.train(DRIFT, DoubleQ(), encoder=encoder, **options)      # 288 MB
    mf.train(DRIFT, mf.IQL(), encoder=encoder, **options)           # 96 MB
    mf.train(DRIFT, DoubleQ(), encoder=mf.Tiles(8, -2.0, 6.0, 10, hash_rows=200), **options)
    monkeypatch.setattr("marlfast.memory.memory_there", lambda: None)
    mf.train(DRIFT, DoubleQ(), encoder=encoder, **options)


def test_learners_of_one_row():
    for learner in (DistributedQ(), mf.learners.PHC(), mf.learners.WoLFPHC(), mf.learners.JointActionLearner()):
        with pytest.raises(ValueError, match=f"^encoder: 'tiles' gives 4 active rows, learner '{learner.name}' takes"):
            mf.train(DRIFT, learner, encoder=mf.Tiles(4, -2.0, 6.0, 3), steps=1)
    assert all(learner.sparse for learner in (mf.IQL(), HystereticQ(), MonteCarlo()))


def test_a_table_of_potentials_is_of_one_row():
    shaping = mf.rewards.PotentialBased(lambda centres: centres[:, 0])
    with pytest.raises(ValueError, match="^potential: encoder 'tiles' puts an observation in 4 rows"):
        mf.train(DRIFT, mf.IQL(), encoder=mf.Tiles(4, -2.0, 6.0, 3), shaping=shaping, steps=1)


def test_observations_that_are_not_finite():
    # So far from the tiles that they cannot be counted.
    game = NumPyGame(lambda s, a, u, n: (s * 1e100, np.zeros((len(s), 1)), False), lambda u, n: np.ones((len(u), 1)),
                     agents=1, actions=2, state_size=1, horizon=5)
    with pytest.raises(mf.TrainingError, match="step 2: an observation is not finite"):
        mf.train(game, mf.IQL(), encoder=mf.Tiles(4, 0.0, 1e-200, 3), steps=9)
