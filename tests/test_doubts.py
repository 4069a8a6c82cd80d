"""Warnings about experiments and results that may not be what they seem."""
import warnings

import numpy as np
import pytest

import marlfast as mf
from marlfast.schedules import Exponential, Harmonic, Linear, Table

ENDLESS = mf.games.LogitBertrand(2, 5)


def said(*args, **options):
    """The sentences of the warnings of a training run."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", mf.MarlfastWarning)
        run = mf.train(*args, **options)
    found = [str(w.message) for w in found if w.category is mf.MarlfastWarning]
    return run, found


@pytest.mark.parametrize("learner", [mf.IQL(), mf.learners.HystereticQ(), mf.learners.ExpectedSARSA()],
                         ids=lambda one: one.name)
def test_defaults_decay_where_no_episode_ends(learner):
    """100 steps count as an episode: .995 after 100 of them."""
    run, found = said(ENDLESS, learner, steps=100, seed=0)
    assert found == []
    np.testing.assert_allclose(run.arrays["learner.epsilon.value"], [0.995], rtol=1e-12)


def test_the_default_is_an_episode_where_they_end():
    run, found = said(mf.games.PrisonersDilemma(), mf.IQL(), steps=100, seed=0)
    assert found == []
    np.testing.assert_allclose(run.arrays["learner.epsilon.value"], [0.995**100])


def test_several_learners_and_sweeps_follow_the_game_too():
    run, found = said(ENDLESS, learners=[mf.IQL(), mf.IQL(explore=mf.EpsilonGreedy(0.5, decay=0.9))], steps=100, seed=0)
    assert found == []
    np.testing.assert_allclose([run.arrays[f"learner.{k}.epsilon.value"][0] for k in (0, 1)], [0.995, 0.45])
    experiment = mf.Experiment(ENDLESS, mf.IQL(), steps=10, seed=0)
    assert mf.Experiment.from_dict(experiment.to_dict()).learner == mf.IQL()


def test_exploration_that_cannot_decay():
    learner = mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.9, per="episode"))
    _, found = said(ENDLESS, learner, steps=10, seed=0)
    assert len(found) == 1
    assert all(word in found[0] for word in ("learner.explore.epsilon", "logit_bertrand", "stays at 1", "per='step'"))


def test_runs_that_stopped_as_soon_as_they_could():
    """Rate 0: nothing is learned, and 3 steps are all that it takes."""
    run, found = said(ENDLESS, mf.IQL(0.0, explore=mf.EpsilonGreedy(0.05)), stop=mf.GreedyStable(3), runs=4, seed=0)
    assert run.steps.tolist() == [3] * 4 and len(found) == 1
    assert "4 of 4 runs" in found[0] and "first step" in found[0] and "after=" in found[0]
    assert "table rows on average" in found[0]           # 3 of 25 rows at most


def test_runs_that_stopped_while_exploring():
    learner = mf.IQL(0.15, discount=0.95, explore=mf.EpsilonGreedy(1.0, decay=0.9999, per="step"))
    _, found = said(ENDLESS, learner, stop=mf.GreedyStable(200), runs=4, seed=0)
    assert len(found) == 1
    assert "4 of 4 runs that GreedyStable ended stopped while explore.epsilon was above 0.1" in found[0]


def test_runs_of_which_nothing_need_be_said():
    learner = mf.IQL(0.15, discount=0.5, explore=mf.EpsilonGreedy(1.0, decay=0.999, per="step", ties="first", draws=2))
    run, found = said(ENDLESS, learner, stop=mf.GreedyStable(2000, after=0.05), runs=4, seed=0)
    assert run.stop_reason == ["greedy stable"] * 4 and found == []


@pytest.mark.parametrize("schedule, value, tick", [
    (Exponential(1.0, 0.5), 0.125, 3.0), (Exponential(1.0, 0.5), 0.1, 4.0), (Exponential(1.0, 0.5, 0.2), 0.1, np.inf),
    (Exponential(0.1, 0.5), 0.2, 0.0), (Exponential(1.0, 0.0), 0.5, 1.0), (Linear(1.0, 0.0, 10), 0.5, 5.0),
    (Linear(1.0, 0.6, 10), 0.5, np.inf), (Harmonic(1.0, 1.0), 0.25, 3.0), (Table((0.3, 0.2, 0.4)), 0.25, 1.0),
    (Table((0.3,)), 0.25, np.inf), (Exponential([1.0, 0.5], 0.5), 0.25, [2.0, 1.0])])
def test_when_a_schedule_reaches_a_value(schedule, value, tick):
    assert np.asarray(schedule.reaches(value)).tolist() == tick


def test_a_warning_stands_at_the_line_that_called():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", mf.MarlfastWarning)
        mf.train(ENDLESS, mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.9, per="episode")), steps=10, seed=0)
    assert [w.filename for w in found if w.category is mf.MarlfastWarning] == [__file__]


# -- out of sweeps -----------------------------------------------------------------------------------

def swept(path, learner, **options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", mf.MarlfastWarning)
        sweep = mf.sweep(ENDLESS, learner, out=path, **options)
    return sweep, [w for w in found if w.category is mf.MarlfastWarning]


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_a_sweep_says_once_how_many_runs_may_be_wrong_and_which_is_the_first(tmp_path, engine):
    """Rate 0: nothing is learned, and 3 steps are all that it takes; at rate .15 greedy actions change."""
    learner = mf.IQL(0.0, explore=mf.EpsilonGreedy(0.05))
    sweep, found = swept(tmp_path / "s", learner, over={"learner.learning_rate": [0.0, 0.0001]}, seeds=[5, 6],
                         stop=mf.GreedyStable(3), engine=engine, workers=2)
    assert len(found) == 1 and found[0].filename == __file__
    said = str(found[0].message)
    assert "4 of 4 runs stopped by GreedyStable with most table rows never visited" in said
    assert "of 4 runs stopped at the first step at which GreedyStable could hold" in said
    assert "the first of them: point 0 (learner.learning_rate=0.0), seed 5" in said
    assert "doubts" not in sweep.table()            # what is done is as it was
    _, again = swept(tmp_path / "s", learner, over={"learner.learning_rate": [0.0, 0.0001]}, seeds=[5, 6],
                     stop=mf.GreedyStable(3))
    assert again == []                              # nothing was trained


def test_a_sweep_says_that_exploration_never_decays(tmp_path):
    learner = mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.9, per="episode"))
    _, found = swept(tmp_path / "s", learner, seeds=3, seed=0, steps=10)
    assert len(found) == 1 and str(found[0].message) == (
        "3 of 3 runs explored at a level that can never change, as it waits for ends of episodes (the first of them: "
        "the experiment, seed 0)")
    _, found = swept(tmp_path / "t", mf.IQL(), seeds=3, seed=0, steps=10)
    assert found == []


def test_each_run_has_its_own_doubts():
    from marlfast.doubts import of_runs

    run, _ = said(ENDLESS, mf.IQL([0.0, 0.15], explore=mf.EpsilonGreedy(0.05)), stop=mf.GreedyStable(3), runs=2, seed=0,
                  steps=10_000)
    first = run.steps == 3
    assert first[0] and ((of_runs(run) & 2 > 0) == first).all()
