"""Learners in both backends, bit for bit: whole trainings of random teams, and kernels called with anything."""
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import random_markov

import marlfast as mf
from marlfast import registry
from marlfast.backends import kernels
from marlfast.learners.coordination import LMRL2, RecursiveFMQ
from marlfast.learners.opponents import (
    Exp3,
    FictitiousPlay,
    FixedPolicy,
    Random,
    RegretMatching,
    TitForTat,
    WinStayLoseShift,
)
from marlfast.learners.phc import PHC, WoLFPHC

S = mf.schedules
PAYOFFS = np.random.default_rng(5).normal(size=(2, 3, 3))
RUNS = 3

TABULAR = {
    "phc": PHC(0.3, delta=0.1),
    "phc, schedules": PHC(S.Harmonic(0.5, 0.1), explore=mf.EpsilonGreedy(0.8, decay=0.9, per="step", strict=False),
                          delta=S.Linear(0.5, 0.0, 9, per="episode"), share="all"),
    "phc, runs": PHC([0.1, 0.2, 0.3], discount=[0.0, 0.5, 1.0], delta=[0.0, 0.5, 1.0], initial_q=[0.0, 1.0, 0.5]),
    "wolf": WoLFPHC(0.3, delta_win=0.02, delta_lose=0.1, share="all"),
    "wolf, schedules": WoLFPHC(0.3, delta_win=S.Exponential(0.5, 0.9), delta_lose=[0.2, 0.4, 0.6], initial_q=-1.0),
    "lmrl2": LMRL2(),
    "lmrl2, cold": LMRL2(0.5, max_temperature=3.0, temperature_decay=0.9, diffusion=0.5, share="all", initial_q=2.0),
    "lmrl2, runs": LMRL2(max_temperature=[0.0, 1.0, 99.0], min_temperature=[0.0, 2.0, 1.0], diffusion=[0.0, 1.0, 0.5],
                         temperature_decay=[1.0, 0.5, 0.99], action_moderation=[1e-9, 1.0, 9.0],
                         lenience_moderation=[1e9, 1e-9, 1.0], discount=[0.0, 1.0, 0.5]),
    "fmq": RecursiveFMQ(0.3, frequency_rate=0.1),
    "fmq, ahead": RecursiveFMQ(0.3, frequency_rate=S.Harmonic(0.9, 0.1), discount=[0.0, 0.9, 1.0], share="all",
                               explore=mf.Boltzmann(0.5)),
    "fmq, ties": RecursiveFMQ(0.5, initial_q=1.0, explore=mf.EpsilonGreedy(0.2, ties="random")),
}
OPPONENTS = {
    "random": Random(), "fixed": FixedPolicy([0.2, 0.0, 0.8]), "tit for tat": TitForTat(opening=1),
    "stay or shift": WinStayLoseShift(threshold=[0.0, 0.5, -0.5], opening=2),
    "fictitious play": FictitiousPlay(PAYOFFS[0], initial=[0.0, 0.5, 0.1]),
    "internal regret": RegretMatching(PAYOFFS[1]),
    "external regret": RegretMatching(PAYOFFS[1], regret="external"),
    "inert": RegretMatching(PAYOFFS[0], inertia=0.5), "exp3": Exp3([0.05, 0.5, 1.0], low=-4.0, high=4.0),
}
ALL = TABULAR | OPPONENTS


def differing(one, other):
    """Names of the arrays in which two results differ in any bit, but for rows that are not in use."""
    used = int(one.used.max())
    by_row = {f"learner.{name}" for name in one.experiment.learner.by_row} | {"encoder.keys"}
    names = [name for name in one.arrays if name not in ("encoder.table", "returns", "shaped_returns", "lengths")]
    assert set(one.arrays) == set(other.arrays)
    cut = [{name: np.ascontiguousarray(result.arrays[name][:, :used] if name in by_row else result.arrays[name])
            for name in names} for result in (one, other)]
    return [name for name in names if cut[0][name].tobytes() != cut[1][name].tobytes()] + (
        [] if one.returns.tobytes() == other.returns.tobytes() else ["returns"])


def train(learners, game=None, **options):
    game = game or random_markov(4, (3, 3), terminal=True)
    return mf.train(game, learners=[learners] if not isinstance(learners, list) else learners,
                    **{"steps": 150, "runs": RUNS, "seed": 3} | options)


def rewards(learner):
    """What several agents can be trained with by it: two kinds trust that all want the same."""
    return mf.rewards.cooperative() if isinstance(learner, (LMRL2, RecursiveFMQ)) else mf.rewards.individual()


@pytest.mark.parametrize("name", ALL)
def test_backends_agree(name):
    team = [(ALL[name], [0, 1])]
    if name == "external regret":
        team = [(RegretMatching(PAYOFFS, regret="external"), [0, 1])]
    one, other = (train(team, rewards=rewards(ALL[name]), backend=backend) for backend in ("cython", "numpy"))
    assert differing(one, other) == []


@pytest.mark.parametrize("name", ALL)
def test_saved_and_resumed_after_any_step_nothing_changes(name, tmp_path):
    team, rng = [ALL[name], mf.IQL()], np.random.default_rng(len(name))
    whole = train(team)
    for backend in ("cython", "numpy"):
        steps = int(rng.integers(1, 149))
        train(team, steps=steps, backend=backend).save(tmp_path / "part.npz")
        part = mf.load(tmp_path / "part.npz", backend=backend)
        assert part.experiment.learner == whole.experiment.learner
        assert differing(whole, mf.train(resume=part, steps=150 - steps, backend=backend)) == []


@pytest.mark.parametrize("name", ALL)
def test_threads_and_blocks_do_not_matter(name):
    team = [mf.IQL(0.3), ALL[name]]
    assert differing(train(team, threads=1, block=150), train(team, threads=2, block=7)) == []


@pytest.mark.parametrize("name", TABULAR)
def test_tables_that_grow_hold_the_same_numbers(name):
    if not isinstance(TABULAR[name].share, str):
        return
    game = mf.games.Drift(agents=2, state_size=1, actions=3, horizon=9)
    one, other = (mf.train(game, TABULAR[name], encoder=mf.Rounding(3), rewards=rewards(TABULAR[name]), episodes=16,
                           runs=RUNS, seed=3, backend=backend) for backend in ("cython", "numpy"))
    assert one.used.min() > 64      # they grew: there is room for 64 at first
    assert differing(one, other) == []


@pytest.mark.parametrize("name", ALL)
def test_frozen_they_play_alike(name):
    game = random_markov(4, (3, 3), terminal=True)
    run = train([ALL[name], mf.IQL()], game, steps=None, episodes=20)
    one, other = (mf.evaluate(game, run, episodes=15, seed=1, backend=backend) for backend in ("cython", "numpy"))
    assert one.returns.tobytes() == other.returns.tobytes() and one.lengths.tolist() == other.lengths.tolist()


@pytest.mark.parametrize("name", ALL)
def test_a_run_alone_is_the_run_among_others(name):
    together = train([ALL[name], ALL[name]])
    alone = mf.train(together.experiment.of_run(1).replace(first_run=1, runs=1))
    for key, array in alone.arrays.items():
        if key not in ("returns", "shaped_returns", "lengths"):
            assert array[0].tobytes() == together.arrays[key][1].tobytes(), key


@pytest.mark.parametrize("name", ALL)
def test_definitions_are_plain_values(name):
    learner = ALL[name]
    assert registry.from_dict("learner", learner.to_dict()) == learner
    assert registry.lookup("learner", learner.name) is type(learner)


SHARED = [PHC(share="all"), WoLFPHC(share="all"), LMRL2(share="all"), RecursiveFMQ(share="all", discount=0.5)]


@settings(max_examples=10)
@given(st.data())
def test_random_teams_in_random_games(data):
    actions = data.draw(st.sampled_from([(2, 2, 2), (3, 3, 1), (2, 4, 3), (1, 1, 1), (9, 2, 2)]))
    payoffs = np.random.default_rng(1).normal(size=actions)
    explore = mf.EpsilonGreedy(0.3)
    choices = [PHC(explore=explore), WoLFPHC(delta_win=0.05, delta_lose=0.3), LMRL2(0.4, temperature_decay=0.7),
               RecursiveFMQ(0.4, frequency_rate=0.2, discount=0.5), Random(), WinStayLoseShift(), mf.IQL(),
               FictitiousPlay(payoffs), RegretMatching(payoffs), RegretMatching(payoffs, regret="external"),
               Exp3(0.4, low=-9.0, high=9.0)]
    team, structure = [data.draw(st.sampled_from(choices)) for _ in actions], mf.rewards.individual()
    if actions[0] == actions[1]:
        team[0] = data.draw(st.sampled_from([team[0], TitForTat(of=1)]))
        if data.draw(st.booleans()):
            team = [(team[2], [2]), (data.draw(st.sampled_from(SHARED)), [0, 1])]
            structure = rewards(team[1][0])
    game = random_markov(data.draw(st.integers(0, 99)), actions, horizon=data.draw(st.sampled_from([0, 1, 4])),
                         terminal=data.draw(st.booleans()))
    one, other = (mf.train(game, learners=team, rewards=structure, steps=60, runs=2, seed=9, backend=backend)
                  for backend in ("cython", "numpy"))
    assert differing(one, other) == []


# -- kernels called with anything ----------------------------------------------------------------

REALS = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e300, -1e300, np.nan, np.inf, -np.inf, 5e-324, 1.0 - 2.0**-53])
ROWS = st.sampled_from([0, 0, 0, 1, 1, 2, -1, 2**31 - 1, -2**31])
CHOICES = st.sampled_from([0, 0, 1, 1, 2, 3, -1, 2**31 - 1, -2**31])


def _hostile(data, array):
    """Spoil some numbers of an array."""
    for _ in range(data.draw(st.integers(0, 3))):
        at = np.unravel_index(data.draw(st.integers(0, array.size - 1)), array.shape)
        array[at] = data.draw(REALS) if array.dtype.kind == "f" else data.draw(
            st.sampled_from([0, 1, 2, 3, 4, -1, 2**31 - 1]))


# Random ties are Q-learning's own, which other tests call with anything that is a draw.
ALONE = {name: learner for name, learner in ALL.items() if not learner.runs_given() and name != "fmq, ties"} | {
    "exp3": Exp3(0.3), "stay or shift": WinStayLoseShift(0.5), "fmq": RecursiveFMQ(0.3, discount=0.9, share="all"),
    "wolf": WoLFPHC(0.3, delta_win=S.Exponential(0.5, 0.9), delta_lose=0.6)}


@settings(max_examples=60)
@given(st.sampled_from(sorted(ALONE)), st.data())
def test_kernels_take_anything_alike(name, data):
    """One run of two agents, whose state, draws, rows, actions and rewards hold anything: the same outcome in both."""
    learner = ALONE[name]
    seats = mf.learners.base.Seats(random_markov(4, (3, 3)), mf.rewards.individual())
    arrays = learner.allocate(seats, 2)
    learner.derive(seats, arrays, "numpy")
    for key, array in arrays.items():
        # The greedy actions must be those of the values: Q-learning's faster way finds them again at every write.
        if not key.endswith((".value", ".ticks")) and key not in ("q", "greedy"):
            _hostile(data, array)
    draws = np.array([[[data.draw(REALS) for _ in range(learner.draws())] for _ in range(2)]])
    rows, next_rows, taken = (np.array([[data.draw(values) for _ in range(2)]], np.int32)
                              for values in (ROWS, ROWS, CHOICES))
    rewards, over = np.array([[data.draw(REALS) for _ in range(2)]]), np.array([data.draw(st.booleans())])
    outcomes = []
    for backend in ("cython", "numpy"):
        own = {key: array.copy() for key, array in arrays.items()}
        if "q" in own:
            own |= dict(zip(("q", "greedy", "visits"), _packed(own), strict=True))
        kernel = learner.bind(seats, own, backend)[0]
        actions, changed, said = np.full((1, 2), -9, np.int32), np.zeros(1, bool), []
        for call, arguments in ((kernel.act, (rows, draws, actions)), (kernel.update, (
                rows, taken, rewards, next_rows, over, changed)), (kernel.tick, (over,))):
            try:
                call(*arguments)
                said.append("fine")
            except ValueError as error:
                said.append(str(error))
        if said[0] != "fine":
            actions[:] = 0      # of a run that failed nothing is used
        if said[1] != "fine":
            changed[:] = False
        # A NaN is a NaN, whatever its sign.
        held = {key: np.where(np.isnan(array), np.nan, array) if array.dtype.kind == "f" else array
                for key, array in own.items()}
        outcomes.append((said, actions.tolist(), changed.tolist(),
                         {key: np.ascontiguousarray(array).tobytes() for key, array in held.items()}
                         if said[1] == "fine" else {}))
    assert outcomes[0] == outcomes[1]


def _packed(arrays):
    from marlfast.learners.tabular import packed_tables

    tables = packed_tables(arrays["q"].shape)
    for key, table in tables.items():
        table[...] = arrays[key]
    return tables.values()


def test_every_learner_here_has_its_kernels():
    for learner in ALL.values():
        assert kernels("numpy", learner.kernels).__name__.endswith(learner.kernels)


COMMON = [[3.0, 1.0], [0.0, 2.0]]
each_trusting = pytest.mark.parametrize("learner", [LMRL2(), RecursiveFMQ(), mf.learners.DistributedQ()],
                                        ids=lambda one: one.name)


@each_trusting
@pytest.mark.parametrize(("game", "why"), [
    (mf.games.MatchingPennies(), "one wins what the other loses in game 'matching_pennies'"),
    (mf.games.PrisonersDilemma(), "their rewards differ in game 'prisoners_dilemma'"),
    (mf.games.Drift(agents=3), "their rewards differ in game 'drift'"),
    (mf.games.MatrixGame(COMMON, [[3.0, 1.0], [0.0, 2.5]]), "their rewards differ in game 'matrix'"),
    (random_markov(4, (3, 3)), "their rewards differ in game 'markov'"),
], ids=lambda value: getattr(value, "name", ""))
def test_learners_who_trust_each_other_refuse_rewards_that_differ(learner, game, why):
    options = {"encoder": mf.Grid(-1.0, 1.0, 2)} if game.name == "drift" else {}
    told = re.escape(f"{learner.name}: trusts that its agents want the same, but {why}; train with "
                     "rewards=marlfast.rewards.cooperative()") + ".* iql, hysteretic_q, sarsa, wolf_phc, jal$"
    with pytest.raises(ValueError, match=f"^{told}"):
        mf.train(game, learner, episodes=1, **options)
    with pytest.raises(ValueError, match=f"^{told}"):
        learner.team(game, encoder=options.get("encoder"))
    mf.train(game, learner, rewards=mf.rewards.cooperative(), episodes=1, **options)
    others = [mf.IQL()] * (game.agents - 1)
    mf.train(game, learners=[learner, *others], episodes=1, **options)       # one alone trusts nobody
    if game.agents == 3:        # of two teams, each has rewards of its own
        options |= {"rewards": mf.rewards.mixed([[0, 2], [1]]), "episodes": 1}
        mf.train(game, learners=[(learner, [0, 2]), (mf.IQL(), [1])], **options)
        with pytest.raises(ValueError, match="trusts .* their rewards differ"):
            mf.train(game, learners=[(learner, [0, 1]), (mf.IQL(), [2])], **options)


@each_trusting
def test_learners_who_trust_each_other_take_games_in_which_all_earn_the_same(learner):
    one_for_both, one_for_each = mf.games.MatrixGame(COMMON), mf.games.MatrixGame(COMMON, COMMON)
    assert one_for_both.setting == one_for_each.setting == "cooperative"
    for game in (one_for_both, one_for_each):
        mf.train(game, learner, episodes=1)
        mf.train(game, learner, rewards=mf.rewards.matrix([[0.5, 0.5], [1.0, 0.0]]), episodes=1)
        for structure, name in ((mf.rewards.matrix([[1.0, 0.0], [0.0, 2.0]]), "matrix"),
                                (mf.rewards.matrix([[1.0, 1.0], [1.0, 0.0]]), "matrix")):
            with pytest.raises(ValueError, match=rf"trusts .* but rewards={name}\(\) gives them different rewards in "):
                mf.train(game, learner, rewards=structure, episodes=1)
    # In a game in which rewards differ, a matrix may still give both the same.
    mf.train(mf.games.PrisonersDilemma(), learner, rewards=mf.rewards.matrix([[0.3, 0.7]] * 2), episodes=1)
