"""Tuning: trials of a batch share compiled calls, are worth what training says, and go on where they were."""
import builtins
import dataclasses

import numpy as np
import pytest

import marlfast as mf
from marlfast import sweeps
from marlfast.sweeps import tuning

optuna = pytest.importorskip("optuna")

GAME = mf.games.Climbing(horizon=5)
OVER = {"learner.learning_rate": {"low": 0.01, "high": 1.0, "log": True}, "learner.explore.decay": [0.9, 0.99, 0.999]}
COMMON = dict(episodes=60, seed=3, trials=8, batch=4, seeds=2, report_seeds=3)


def tune(**changes):
    return sweeps.tune(GAME, mf.IQL(), **{"over": OVER, **COMMON, **changes})


def learner(table, trial):
    """The learner of a trial."""
    explore = dataclasses.replace(mf.IQL().explore, decay=float(table["learner.explore.decay"][trial]))
    return mf.IQL(float(table["learner.learning_rate"][trial]), explore=explore)


def same(one, other, but=("trial",)):
    one, other = one.table(), other.table()
    return list(one) == list(other) and all(one[name].tolist() == other[name].tolist() for name in one
                                            if name not in but)


def test_trials_are_worth_what_training_with_their_values_is():
    tuned = tune(checkpoints=3)
    table = tuned.table()
    assert table["trial"].tolist() == list(range(8)) and (table["state"] != "failed").all()
    for t in range(8):
        if table["state"][t] != "complete":
            continue
        run = mf.train(GAME, learner(table, t), episodes=60, runs=2, seed=[3, 4])
        assert table["value"][t] == np.mean([r[-6:].mean(axis=0).mean() for r in run.returns])
    assert tuned.value == table["value"][table["state"] == "complete"].max()
    assert tuned.seeds == (3, 4) and tuned.report_seeds == (5, 6, 7) and tuned.experiment.seed == (5, 6, 7)
    again = mf.train(tuned.experiment)
    assert np.array_equal(again.returns, tuned.report.returns)
    assert np.array_equal(tuned.scores, again.returns[:, -6:].mean(axis=1).mean(axis=1))
    assert tuned.best == {name: table[name][table["value"].argmax()] for name in OVER}
    assert "8 trials on 2 seeds each" in tuned.summary() and "on 3 other seeds" in tuned.summary()


def test_a_batch_shares_compiled_calls(monkeypatch):
    calls = []

    class Counted(tuning.Session):
        def __init__(self, experiment, *given):
            calls.append((experiment.runs, experiment.game.horizon))
            super().__init__(experiment, *given)

    monkeypatch.setattr(tuning, "Session", Counted)
    rate = {"learner.learning_rate": OVER["learner.learning_rate"]}
    tune(checkpoints=1, over=rate, report_seeds=0)
    assert calls == [(8, 5), (8, 5)]                    # two batches of four trials with two seeds each
    calls.clear()
    tuned = tune(checkpoints=1, over=rate | {"game.horizon": [2, 5]}, report_seeds=0)
    batches = np.split(tuned.table()["game.horizon"], 2)
    assert sorted(calls[:2]) == sorted((2 * int((batches[0] == h).sum()), h) for h in set(batches[0].tolist()))
    assert sum(runs for runs, _ in calls) == 16


class Prunes(optuna.pruners.BasePruner):
    """Those whose number is 1 after division by 3, at the second checkpoint."""

    def prune(self, study, trial):
        return trial.number % 3 == 1 and trial.last_step == 2


def test_pruned_trials_end_and_the_others_are_as_if_they_had_been_alone():
    sampler = optuna.samplers.RandomSampler
    cut, whole = tune(pruner=Prunes(), sampler=sampler(1)), tune(pruner=optuna.pruners.NopPruner(), sampler=sampler(1))
    one, other = cut.table(), whole.table()
    assert one["state"].tolist() == ["pruned" if t % 3 == 1 else "complete" for t in range(8)]
    assert one["checkpoint"].tolist() == [2 if t % 3 == 1 else 4 for t in range(8)]
    kept = one["state"] == "complete"
    assert np.array_equal(one["value"][kept], other["value"][kept]) and (other["state"] == "complete").all()
    run = mf.train(GAME, learner(one, 1), episodes=30, runs=2, seed=[3, 4])
    assert one["value"][1] == run.returns[:, -3:].mean(axis=1).mean(axis=1).mean()


def test_neither_threads_nor_backends_change_anything():
    assert same(tune(threads=1, trials=4), tune(threads=3, trials=4), but=())
    assert same(tune(threads=1, trials=4), tune(backend="numpy", trials=4), but=())


def test_a_killed_search_goes_on_as_if_it_had_not_been(monkeypatch):
    storage, done = optuna.storages.InMemoryStorage(), []
    whole = tune(trials=12)
    train = tuning._Group.train

    def killed(self, share, *given, **named):
        done.append(share)
        if len(done) == 7:
            raise KeyboardInterrupt         # in the middle of the second batch
        return train(self, share, *given, **named)

    monkeypatch.setattr(tuning._Group, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        tune(trials=12, storage=storage)
    monkeypatch.undo()
    on = tune(trials=12, storage=storage)
    assert same(whole, on) and whole.best == on.best and np.array_equal(whole.scores, on.scores)
    finished = tune(trials=12, storage=storage)
    assert same(on, finished, but=()) and len(finished.study.trials) == 16       # four were given up
    with pytest.raises(ValueError, match="study: 'marlfast' was begun with another over"):
        tune(trials=12, storage=storage, over={"learner.learning_rate": [0.1, 0.2]})
    with pytest.raises(ValueError, match="direction: study 'marlfast' was begun to maximize"):
        tune(trials=12, storage=storage, direction="minimize")


def test_a_database_keeps_it(tmp_path):
    storage = f"sqlite:///{tmp_path / 'tuning.db'}"
    one = tune(trials=2, batch=2, storage=storage, checkpoints=1)
    assert same(one, tune(trials=2, batch=2, storage=storage, checkpoints=1), but=())


def test_without_a_seed_it_goes_on_with_the_one_it_began_with():
    storage = optuna.storages.InMemoryStorage()
    one = tune(seed=None, trials=4, storage=storage)
    other = tune(seed=None, trials=8, storage=storage)
    assert one.seeds == other.seeds and len(other.table()["trial"]) == 8


def test_what_a_run_is_worth_can_be_said():
    def steps(result):
        return result.lengths.sum(axis=1)

    assert set(tune(objective=steps, trials=4).table()["value"]) == {300.0}
    dilemma = dict(over={"learner.discount": {"low": 0.0, "high": 0.9}}, episodes=None, steps=400, report_seeds=2,
                   trials=4, batch=2, seed=0)
    tuned = sweeps.tune(mf.games.PrisonersDilemma(horizon=0), mf.IQL(), objective="cooperation_rate",
                        direction="minimize", **dilemma)
    assert tuned.value == tuned.table()["value"].min()
    with pytest.raises(ValueError, match=r"objective: episodes of game .* never end.*cooperation_rate"):
        sweeps.tune(mf.games.PrisonersDilemma(horizon=0), mf.IQL(), **dilemma)


def test_a_trial_with_a_failed_run_has_failed():
    def some(result):
        return np.where(np.asarray(result.experiment.seed) == 4, np.nan, 1.0) if result.experiment.seed[0] == 3 else \
            np.ones(len(result.steps))

    with pytest.raises(mf.errors.TrainingError, match="none of 4 trials came to its end"):
        tune(objective=some, trials=4)
    game = mf.games.MarkovGame(np.ones((1, 2, 1)), np.full((1, 2, 1), 1e306), actions=(2,), horizon=10)
    tuned = sweeps.tune(game, mf.IQL(0.9, initial_q=1.75e308), over={"learner.discount": [0.0, 1.0]},
                        episodes=10, seed=0, trials=6,
                        batch=6, seeds=2, report_seeds=2, checkpoints=2)
    table = tuned.table()
    assert set(zip(table["learner.discount"].tolist(), table["state"].tolist(), strict=True)) == {
        (0.0, "complete"), (1.0, "failed")}
    assert np.isnan(table["value"][table["state"] == "failed"]).all()


def test_definitions_can_be_chosen_among():
    tuned = sweeps.tune(GAME, over={"learner": [mf.IQL(), mf.learners.HystereticQ()],
                                    "rewards": ["individual", "cooperative"]}, **COMMON)
    assert tuned.best["learner"] in (mf.IQL(), mf.learners.HystereticQ())
    assert set(tuned.table()["learner"].tolist()) <= {"iql", "hysteretic_q"}


@pytest.mark.parametrize(("changes", "kind", "words"), [
    ({"over": None}, ValueError, "over: expected at least one parameter"),
    ({"over": {"learner.learning_rat": [0.1, 0.2]}}, ValueError, "learning_rat"),
    ({"over": {"learner.learning_rate": {"low": 0.1, "high": 7.0}}}, ValueError, "learning_rate"),
    ({"over": {"learner.learning_rate": {"low": 0.1}}}, ValueError, "a range needs low and high"),
    ({"trials": 0}, ValueError, "trials: expected"),
    ({"batch": 0}, ValueError, "batch: expected"),
    ({"checkpoints": 0}, ValueError, "checkpoints: expected"),
    ({"seeds": 0}, ValueError, "seeds: expected"),
    ({"report_seeds": -1}, ValueError, "report_seeds: expected"),
    ({"report_seeds": [9, 4]}, ValueError, "report_seeds: 4 is one of the seeds of tuning"),
    ({"report_seeds": [9, 9]}, ValueError, "report_seeds: 9 is there twice"),
    ({"direction": "up"}, ValueError, "direction"),
    ({"objective": 3}, TypeError, "objective: expected a function"),
    ({"objective": "cooperation"}, ValueError, "objective: unknown measure"),
    ({"objective": lambda result: 1.0}, ValueError, "objective: expected one number per run"),
    ({"storage": "tuning.db"}, ValueError, "storage: expected where Optuna keeps trials"),
    ({"storage": 3}, TypeError, "storage: expected text"),
    ({"storage": "nosuch://here"}, ValueError, "storage: 'nosuch://here' cannot be used"),
    ({"study": ""}, TypeError, "study: expected a name"),
    ({"sampler": 3}, TypeError, "sampler: expected one of Optuna's"),
    ({"pruner": "median"}, TypeError, "pruner: expected one of Optuna's"),
    ({"episodes": None, "stop": mf.stop.GreedyStable(5)}, ValueError, "episodes: checkpoints are parts"),
    ({"record_every": 0}, ValueError, "objective: returns are not recorded"),
])
def test_bad_input_is_told_in_a_sentence(changes, kind, words):
    with pytest.raises(kind, match=words) as told:
        tune(**changes)
    assert "\n" not in str(told.value)


def test_the_missing_extra_is_named(monkeypatch):
    whole = builtins.__import__

    def without(name, *given, **named):
        if name.partition(".")[0] == "optuna":
            raise ImportError(name)
        return whole(name, *given, **named)

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(ImportError, match=r"tuning needs optuna: pip install 'marlfast\[tune\]'"):
        tune()
