"""What had another name in 0.1 is still found under it, and warns."""
import importlib
import inspect
import sys

import pytest

import marlfast as mf
from marlfast import registry, reproduce
from marlfast.adapters.trackers import Tracker
from marlfast.backends import BACKENDS, kernels
from marlfast.renamed import RENAMED


@pytest.mark.parametrize("old", RENAMED)
def test_a_module_is_found_under_its_old_name(old, monkeypatch):
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"^{old} is {RENAMED[old][0]}.* since marlfast 0.2$") as caught:
        module = importlib.import_module(old)
    assert all(warning.filename == __file__ or "importlib" in warning.filename for warning in caught)
    for new in map(importlib.import_module, RENAMED[old]):
        own = {name for name, part in vars(new).items() if getattr(part, "__module__", None) == new.__name__
               and not name.startswith("__")}
        assert own and all(getattr(module, name) is getattr(new, name) for name in own)
    monkeypatch.delitem(sys.modules, old)


def test_no_old_name_is_that_of_a_module():
    assert all(importlib.machinery.PathFinder.find_spec(old, importlib.import_module(old.rpartition(".")[0]).__path__)
               is None for old in RENAMED)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_learner_may_still_ask_for_its_kernels_by_their_old_name(backend, monkeypatch):
    name = {"cython": "marlfast.core._td", "numpy": "marlfast.reference.td"}[backend]
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match=f"^{name} is "):
        old = kernels(backend, "td")
    assert old.QLearning is kernels(backend, "q_learning").QLearning
    monkeypatch.delitem(sys.modules, name)


def test_seconds_are_taken_under_their_old_name(tmp_path):
    with pytest.warns(DeprecationWarning, match="^every= is interval_seconds= since marlfast 0.2$") as caught:
        mf.train(mf.games.PrisonersDilemma(), mf.IQL(), steps=1, seed=0, checkpoint=tmp_path / "c.npz", every=0.0)
    assert caught[0].filename == __file__ and (tmp_path / "c.npz").exists()
    with pytest.warns(DeprecationWarning, match="^every= is interval_seconds= since"):
        log = Tracker(every=3.0)
    with pytest.warns(DeprecationWarning, match="^every is interval_seconds since"):
        assert log.every == log.interval_seconds == 3.0
    assert list(inspect.signature(mf.train).parameters)[-1] == "interval_seconds"


def test_what_a_learner_is_told_has_its_old_names():
    from marlfast.learners import base

    with pytest.warns(DeprecationWarning, match="^Seats is LearnerContext since marlfast 0.2$"):
        assert base.Seats is base.LearnerContext
    with pytest.warns(DeprecationWarning, match="^leads= is agent_ids= since"):
        context = base.LearnerContext(mf.games.Drift(), mf.rewards.individual(), leads=(1, 2))
    with pytest.warns(DeprecationWarning, match="^leads is agent_ids since"):
        assert context.leads == context.agent_ids == (1, 2)
    with pytest.warns(DeprecationWarning, match="^lead is ids since"):
        assert context.lead().tolist() == [1, 2]
    with pytest.warns(DeprecationWarning, match="^leading is of_agents since"):
        assert context.leading((1,)).agent_ids == (1,)
    with pytest.raises(AttributeError, match="has no attribute 'Chairs'"):
        base.Chairs  # noqa: B018


def test_plain_values_may_have_an_old_name():
    values = {"name": "each", "learners": ["iql", "sarsa"], "leads": [[1], [0]]}
    with pytest.warns(DeprecationWarning, match="^leads= is agent_ids= since"):
        assert registry.from_dict("learner", values).agent_ids == ((1,), (0,))
    with pytest.raises(TypeError, match="^learner: agent_ids: given twice, as leads= too"):
        registry.from_dict("learner", values | {"agent_ids": [[1], [0]]})


def test_what_is_observed_and_how_often_goals_are_set_have_their_old_names():
    with pytest.warns(DeprecationWarning, match="^seen= is obs= since"):
        game = mf.games.MarkovGame([[0], [0]], [[1.0], [0.0]], (1,), horizon=2, seen=[0, 0])
    with pytest.warns(DeprecationWarning, match="^seen is obs since"):
        assert game.seen.tolist() == game.obs.tolist() == [0, 0]
    values = {**mf.learners.Hierarchy(goal_every=7).to_dict()}
    values["every"] = values.pop("goal_every")
    with pytest.warns(DeprecationWarning, match="^every= is goal_every= since"):
        assert registry.from_dict("learner", values).goal_every == 7


def test_bounds_are_taken_under_their_old_names():
    game = mf.games.PrisonersDilemma()
    with pytest.warns(DeprecationWarning, match="^most_steps= is max_steps= since") as caught:
        assert mf.replay(mf.games.PrisonersDilemma(horizon=2), "random", most_steps=1).end == "max_steps"
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="^most_states= is max_states= since"), \
            pytest.raises(ValueError, match="max_states: expected at least 1, got 0"):
        mf.analysis.model(game, most_states=0)
    with pytest.warns(DeprecationWarning, match="^most_periods= is max_periods= since"):
        study = reproduce.Calvano2020(most_periods=5)
    with pytest.warns(DeprecationWarning, match="^most_periods is max_periods since"):
        assert study.most_periods == study.max_periods == 5
    with pytest.warns(DeprecationWarning, match="^most_actions is max_actions since"):
        assert game.most_actions == 2


def test_an_exploration_has_its_schedule_under_its_old_name():
    explore = mf.Boltzmann(0.5)
    with pytest.warns(DeprecationWarning, match="^level is schedule since"):
        assert explore.level is explore.schedule
    assert explore.parameter == "temperature"


def test_a_twin_of_0_1_says_what_happens_without_an_agent():
    from marlfast.reference.kernels import Game

    with pytest.warns(DeprecationWarning, match="^Old.stage_without is stage_counterfactual since") as caught:
        class Old(Game):
            def stage_without(self, *arrays):
                pass
    assert Old.stage_counterfactual is Old.stage_without and caught[0].filename == __file__
