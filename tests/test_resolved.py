"""An experiment is resolved once: what follows from its definitions is worked out one time, and shared by all."""
import pickle
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import encoders, schedules
from marlfast.learners import base
from marlfast.learners.base import LearnerContext
from marlfast.resolved import Resolved

GAME = mf.games.Drift(agents=3, horizon=5)
TEAMS = [[0, 1], [2]]


def calls(what, work):
    """How often each of the functions ``what`` {name: function} is called in ``work()``, by name and first argument."""
    codes, found = {function.__code__: name for name, function in what.items()}, Counter()

    def note(frame, event, argument):
        name = event == "call" and codes.get(frame.f_code)
        if name:
            first = frame.f_locals.get("name")
            found[f"{name} {first}" if isinstance(first, str) else name] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return dict(found)


FACTS = {name: part.func for name, part in vars(Resolved).items() if hasattr(part, "func")}
COUNTED = FACTS | {"resolved": Resolved.__init__, "schedule": schedules.schedule, "table_of_agent": base.table_of_agent,
                   "whole": encoders.Whole.__init__}
MADE = {
    "q_learning": lambda: mf.IQL(learning_rate=mf.schedules.Linear(0.2, 0.1, 100)),
    "hysteretic": lambda: mf.learners.HystereticQ(share="team"),
    "mixing": lambda: mf.learners.QMIX(hidden=2),
    "gradient": lambda: mf.learners.MAPPO(steps=4),
    "joint": lambda: mf.learners.JointActionLearner(),
    "mean_field": lambda: mf.learners.MeanFieldAC(bins=2),
}


@pytest.mark.parametrize("name", MADE)
def test_a_training_works_every_fact_out_once(name):
    """Through several blocks, in which the tables grow, so that the kernels are bound anew."""
    MADE[name]()                    # its module, and the defaults in it, are there

    def work():
        mf.train(GAME, MADE[name](), encoder=mf.Rounding(1), teams=TEAMS, episodes=40, runs=2, seed=1, block=16,
                 threads=1)

    found = calls(COUNTED, work)
    assert found["resolved"] == 1 and found["limits"] == 1 and found["context"] == 1, found
    assert found["_encoders"] == 1 and found["parts"] == 1 and found["draws"] == 1, found
    assert {what: n for what, n in found.items() if n > 1} == {}


def test_a_team_stepped_by_hand_works_every_fact_out_once():
    def work():
        env, team = GAME.env(seed=0), mf.IQL().team(GAME, seed=0, encoder=mf.Rounding(1))
        for _ in range(8):
            obs = env.reset()
            actions = team.act(obs)
            next_obs, rewards, terminated, truncated = env.step(actions)
            team.update(obs, actions, rewards, next_obs, terminated, truncated)

    assert max(calls(COUNTED, work).values()) == 1


def test_what_several_learners_know_is_worked_out_once_for_each():
    learners = [(mf.IQL(share="all"), [0, 2]), (mf.learners.SARSA(), [1])]
    found = calls(COUNTED, lambda: mf.train(GAME, learners=learners, encoder=mf.Rounding(1), episodes=20, seed=1,
                                            block=7, threads=1))
    assert found["table_of_agent"] == 2
    assert found["resolved"] == found["parts"] == 1


def test_saving_and_loading_ask_each_experiment_once(tmp_path):
    run = mf.train(GAME, mf.IQL(), encoder=mf.Rounding(1), episodes=3, runs=2, seed=1)
    assert calls(COUNTED, lambda: run.save(tmp_path / "run.npz")).get("resolved", 0) == 0
    # The one that the file describes: its arrays are compared with shapes, for which nothing is made.
    found = calls(COUNTED, lambda: mf.load(tmp_path / "run.npz"))
    assert found["resolved"] == 1 and max(found[fact] for fact in FACTS if fact in found) <= 2


def test_what_is_resolved_stays_behind_where_an_experiment_goes_to_another_process():
    experiment = mf.Experiment(GAME, mf.IQL(), encoder=mf.Rounding(1), episodes=3)
    assert "resolved" in vars(experiment)
    again = pickle.loads(pickle.dumps(experiment))
    assert "resolved" not in vars(again)
    assert again.to_dict() == experiment.to_dict() and again.resolved.limits == experiment.resolved.limits


def test_facts_of_an_experiment():
    learners = [(mf.learners.MAPPO(steps=4), [0, 1]), (mf.IQL(discount=0.5), [2])]
    experiment = mf.Experiment(GAME, learners, encoder=mf.Rounding(1), central=mf.Grid(-1.0, 1.0, 3), teams=TEAMS,
                               runs=2, seed=[7, 9], first_run=4, steps=30, stop=[mf.Steps(20), mf.Episodes(3)])
    known = experiment.resolved
    assert known.limits == (20, 3, 2**62, np.inf, 0)
    assert known.seeds.tolist() == [7, 9] and known.run_numbers.tolist() == [4, 4]
    assert known.looks_central == ["mappo"] and known.whole == "central"
    assert (known.active, known.central_active, known.rows) == (1, 1, None)
    assert (known.active_rows(), known.active_rows(learning=False)) == (4, 3)
    assert list(known.encoders()) == ["encoder", "central"] and list(known.encoders(learning=False)) == ["encoder"]
    assert [(prefix, one.name, context.agent_ids) for prefix, one, context in known.parts] == [
        ("0.", "mappo", (0, 1)), ("1.", "iql", (2,))]
    assert known.part(2)[0] == "1." and known.draws == 1 and known.discounts == {0.95, 0.5}
    assert known.context.central == 9 and known.by_row["learner.0.critic"] == "central"
    assert known.by_row["learner.1.q"] == "encoder" and known.derived == {"encoder.table", "central.table"}


@pytest.mark.parametrize("array", ["seeds", "run_numbers"])
def test_what_many_read_nobody_writes_to(array):
    known = mf.Experiment(GAME, mf.IQL(), encoder=mf.Rounding(1), episodes=3).resolved
    for kept in (getattr(known, array), known.context.action_counts, known.context.ids(), known.context.tables("none")):
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 1


def test_seats_with_more_room_share_what_is_known():
    context = LearnerContext(GAME, mf.rewards.individual())
    more = context.with_room(12, 2)
    assert (more.central, more.central_active, context.central) == (12, 2, 0)
    assert more.tables("none") is context.tables("none") and more.with_room(12, 2) is more
    own = more.of_agents((1, 2))
    assert (own.agent_ids, own.central, own.ids().tolist()) == ((1, 2), 12, [1, 2])
    assert own.tables("none").tolist() == [0, 0, 1] and context.tables("none").tolist() == [0, 1, 2]
    assert context.of_agents((1, 2)).tables("none") is own.tables("none")


# -- many agents ----------------------------------------------------------------------------------

@pytest.mark.parametrize("share, tables", [("none", 10**5), ("team", 2), ("all", 1)])
def test_a_hundred_thousand_agents_are_checked_in_no_time(share, tables):
    """Were anything done for every pair of agents, this would not end."""
    game = mf.games.Drift(agents=10**5, state_size=1)
    teams = [list(range(0, 10**5, 2)), list(range(1, 10**5, 2))]
    experiment = mf.Experiment(game, mf.IQL(share=share), mf.Grid(-1.0, 1.0, 2), teams=teams, steps=1)
    table = experiment.resolved.context.tables(share)
    assert len(table) == 10**5 and table.max() + 1 == tables
    assert table[:4].tolist() == {"none": [0, 1, 2, 3], "team": [0, 1, 0, 1], "all": [0, 0, 0, 0]}[share]


def test_a_million_agents_with_one_table():
    experiment = mf.Experiment(mf.games.Drift(agents=10**6), mf.IQL(share="all"), mf.Rounding(0), steps=1)
    assert experiment.resolved.active_rows() == 10**6 and not experiment.resolved.context.tables("all").any()


def test_the_agents_of_the_first_table_that_does_not_fit_are_named():
    game = mf.games.MatrixGame(np.zeros((2, 3, 2, 3)))
    with pytest.raises(ValueError, match=r"^share: agents \[2, 3\] share a table but have different numbers of "
                                         r"actions, \[2, 3\]$"):
        mf.Experiment(game, mf.IQL(share=[0, 1, 2, 2]), steps=1)
    mf.Experiment(game, mf.IQL(share=[0, 1, 0, 1]), steps=1)


# -- from the argument to the line that uses it -----------------------------------------------------

ROOT = Path(__file__).resolve().parents[1]


def test_the_walks_of_the_design_are_short_and_true():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    block = text.partition("## An experiment, resolved")[2].split("```")[1]
    walks = re.split(r"\n(?=\w)", block.strip())
    assert [walk.partition("\n")[0] for walk in walks] == ["learning_rate", "exploration draw", "discount"]
    for walk in walks:
        steps = re.findall(r"^  (\S+) \[(\w+)\]", walk, re.M)
        assert 2 < len(steps) <= 6 and len(steps) == walk.count("\n"), walk
        for path, word in steps:
            assert re.search(rf"\b{word}\b", (ROOT / path).read_text(encoding="utf-8")), f"{path}: {word}"
