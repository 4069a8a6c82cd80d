"""Hierarchical teams in training: any members, both backends, two levels of evaluation, and all that is refused."""
import dataclasses

import numpy as np
import pytest
from training_helpers import differing, random_markov

import marlfast as mf
from learners.example import Example
from marlfast.learners import (
    SARSA,
    DistributedQ,
    DoubleQ,
    ExpectedSARSA,
    FrequencyAdjustedQ,
    HystereticQ,
    MonteCarlo,
    QLambda,
    coordination,
    joint,
    opponents,
    phc,
)
from marlfast.learners.hierarchy import Hierarchy
from marlfast.learners.mean_field import MeanFieldQ

S = mf.schedules
RUNS, ROWS, GOALS = 3, 3, 3
EXPLORE = mf.EpsilonGreedy(0.4)
TEAMS = [[2], [1, 0]]

MEMBERS = {
    "iql": mf.IQL(0.3), "boltzmann, shared": mf.IQL(explore=mf.Boltzmann(0.5), share="all"),
    "team": mf.IQL(share="team", initial_q=[[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]), "sarsa": SARSA(trace_decay=0.5),
    "expected_sarsa": ExpectedSARSA(explore=EXPLORE), "hysteretic_q": HystereticQ(explore=EXPLORE),
    "distributed_q": DistributedQ(), "double_q": DoubleQ(), "q_lambda": QLambda(),
    "monte_carlo": MonteCarlo(), "frequency": FrequencyAdjustedQ(), "phc": phc.PHC(),
    "wolf_phc": phc.WoLFPHC(share="all"),
    "lmrl2": coordination.LMRL2(), "recursive_fmq": coordination.RecursiveFMQ(discount=0.5),
    "runs": mf.IQL([0.1, 0.2, 0.3], discount=[0.0, 0.5, 1.0], initial_q=2.0),
}
TRUSTING = ("distributed_q", "lmrl2", "recursive_fmq")
COORDINATOR = mf.IQL(0.2, explore=EXPLORE)
EXAMPLES = {f"of {name}": Example(Hierarchy(one, GOALS, 4, COORDINATOR), (3, 3, 3), teams=TEAMS)
            for name, one in MEMBERS.items() if one.name not in TRUSTING} | {
    f"of {name}": Example(Hierarchy(one, GOALS, 4, COORDINATOR, teams="all"), (3, 3, 3), alike=True)
    for name, one in MEMBERS.items() if one.name in TRUSTING} | {
    "each": Example(Hierarchy(mf.IQL(), GOALS, 3, mf.IQL(explore=EXPLORE, share="all"), each=True, teams="all"),
                    (2, 4, 3)),
    "reward": Example(Hierarchy(mf.IQL(), GOALS, 2, goal_reward=np.arange(12.0).reshape(3, 4), teams=[[0, 1], [2]]),
                      (3, 2, 3), numbered=True),
    "coordinators": Example(Hierarchy(mf.IQL(), GOALS, 5, mf.IQL(
        S.Harmonic(0.5, 0.1), discount=[0.0, 0.5, 1.0], initial_q=1.0,
        explore=mf.EpsilonGreedy(0.9, decay=0.9, ties="random"))), (3, 3, 3), teams=TEAMS),
    "boltzmann": Example(Hierarchy(mf.IQL(), GOALS, 1, mf.IQL(explore=mf.Boltzmann(0.5))), (3, 3, 3), teams=TEAMS),
}
LEARNERS = {name: example.learner for name, example in EXAMPLES.items()}


def train(learner, game=None, **options):
    game = game or random_markov(4, (3, 3, 3), terminal=True, horizon=7)
    return mf.train(game, learner, **{"steps": 90, "runs": RUNS, "seed": 3} | teams_for(learner) | options)


def teams_for(learner):
    """The teams that most play in; members who trust that all want the same are paid alike."""
    trusts = learner.members.name in ("distributed_q", "lmrl2", "recursive_fmq")
    return {"teams": TEAMS, "rewards": mf.rewards.cooperative() if trusts else mf.rewards.mixed(TEAMS)}


def test_resumed_in_the_middle_of_a_goal_nothing_changes(tmp_path):
    whole = train(LEARNERS["of sarsa"])
    clocks = set()
    for steps in range(1, 17):
        part = train(LEARNERS["of sarsa"], steps=steps)
        part.save(tmp_path / "part.npz")
        assert differing(whole, mf.train(resume=mf.load(tmp_path / "part.npz"), steps=90 - steps)) == []
        clocks |= set(part.arrays["learner.clock"].tolist())
    assert clocks == {0, 1, 2, 3}


# -- what it is made of --------------------------------------------------------------------------

def test_with_one_goal_the_members_learn_as_they_would_alone():
    game = random_markov(2, (3, 2), terminal=True)
    members = mf.IQL(0.2, explore=dataclasses.replace(EXPLORE, ties="first", draws=2))
    whole = Hierarchy(members, 1, 3, teams="all")

    def draws(run, first, n):
        return np.random.default_rng([run, first]).random((n, 2, 4))

    alone = mf.train(game, members, steps=120, block=10, draws={"explore": lambda *at: draws(*at)[:, :, :2]})
    whole_run = mf.train(game, whole, steps=120, block=10, draws={"explore": draws})
    assert whole_run.arrays["learner.members.q"][:, :, 0].tobytes() == alone.arrays["learner.q"].tobytes()
    assert whole_run.returns.tobytes() == alone.returns.tobytes()


def corridor():
    """Two agents in one place, 0 to 3, go right where both take action 1, else left; they earn 1 at the end."""
    transitions, rewards = np.zeros((5, 4, 5)), np.zeros((5, 4, 2))
    for place in range(5):
        for joint_action in range(4):
            transitions[place, joint_action, min(place + 1, 4) if joint_action == 3 else max(place - 1, 0)] = 1.0
    rewards[3, 3] = 1.0
    return mf.games.MarkovGame(transitions, rewards, (2, 2), terminal=[False] * 4 + [True], horizon=30)


def test_they_reach_the_end_of_a_corridor():
    learner = Hierarchy(mf.IQL(0.3, discount=0.9), 2, 3, mf.IQL(0.3, discount=0.9), teams="all")
    run = mf.train(corridor(), learner, episodes=1500, runs=4, seed=1)
    lengths = mf.evaluate(corridor(), run, episodes=5).lengths
    assert (lengths == 4).all()
    # From the last place one step is left, from the first four: goals of 3 steps, values 0.9 ** steps.
    q = run.arrays["learner.coordinator.q"][:, :, 0]
    assert q.max(axis=2)[:, 3].tolist() == pytest.approx([1.0] * 4, abs=0.05)
    assert q.max(axis=2)[:, 0].tolist() == pytest.approx([0.9**3] * 4, abs=0.2)


def test_evaluation_holds_a_goal_for_as_many_steps_as_training():
    game, goal_every = random_markov(6, (3, 3), certain=True, horizon=11, start="first"), 4
    run = mf.train(game, Hierarchy(mf.IQL(0.4), 3, goal_every, mf.IQL(0.4), teams="all"), steps=300, seed=2)
    below, above = (run.arrays[f"learner.{name}.greedy"][0] for name in ("members", "coordinator"))
    env, total = game.env(), np.zeros(2)
    obs = env.reset()
    for step in range(11):
        row = int(obs[0, 0, 0])
        if step % goal_every == 0:
            goal = above[row, 0]
        obs, rewards, *_ = env.step([below[row, goal].tolist()])
        total += rewards[0]
    assert mf.evaluate(game, run, episodes=2).returns[0, 0].tolist() == pytest.approx(total.tolist())


def test_policies_play_under_the_goal_that_is_set_or_would_be_set_next():
    run = mf.train(corridor(), Hierarchy(mf.IQL(), 2, 3, teams="all"), steps=1, seed=1)
    for array in ("members.greedy", "coordinator.greedy"):
        run.arrays[f"learner.{array}"][:] = 0
    run.arrays["learner.members.greedy"][0, 2, 1] = 1, 0
    run.arrays["learner.coordinator.greedy"][0, 2] = 1
    for clock, goal, actions in ((0, 0, [1, 0]), (1, 0, [0, 0]), (2, 1, [1, 0])):
        run.arrays["learner.clock"][:], run.arrays["learner.goal"][:] = clock, goal
        assert run.policy(0)(np.full((1, 1), 2.0)).tolist() == actions


@pytest.mark.parametrize("each", [False, True])
def test_ten_thousand_agents(each):
    learner = Hierarchy(mf.IQL(), 2, 3, mf.IQL(), each=each, teams="all")
    one, other = (mf.train(mf.games.Ising(100, 100), learner, steps=4, backend=backend)
                  for backend in ("cython", "numpy"))
    assert one.arrays["state"].tobytes() == other.arrays["state"].tobytes()
    assert one.arrays["learner.coordinator.q"].tobytes() == other.arrays["learner.coordinator.q"].tobytes()


def test_one_agent_with_one_action_and_one_goal():
    run = mf.train(mf.games.MatrixGame(np.ones(1)), Hierarchy(goals=1, goal_every=1, teams="all"), steps=5)
    assert run.steps.tolist() == [5]


def test_values_that_grow_without_bound_stop_their_run():
    game = mf.games.MatrixGame(np.full((2, 2), 8e307), horizon=0)
    for rates in ({"members": mf.IQL([1.0, 0.0], discount=1.0)}, {"coordinator": mf.IQL([1.0, 0.0], discount=1.0)}):
        for backend in ("cython", "numpy"):
            learner = Hierarchy(**{"members": mf.IQL(0.0), "coordinator": mf.IQL(0.0)} | rates, goal_every=1,
                                teams="all")
            with pytest.warns(RuntimeWarning, match="diverged"), np.errstate(over="ignore"):
                run = mf.train(game, learner, steps=9, runs=2, backend=backend)
            assert run.stop_reason[0] != run.stop_reason[1] == "steps"


# -- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    ({"members": 3}, TypeError, "members: expected a learner"), ({"members": "nobody"}, ValueError, "unknown learner"),
    ({"members": joint.CentralQ()}, ValueError, "members: 'central_q' is not a learner of tables for single agents"),
    ({"members": opponents.Random()}, ValueError, "members: 'random' is not a learner of tables"),
    ({"members": MeanFieldQ()}, ValueError, "members: 'mean_field_q' is not a learner of tables"),
    ({"members": Hierarchy()}, ValueError, "members: 'hierarchy' is not a learner of tables"),
    ({"coordinator": SARSA()}, ValueError, "coordinator: .* expected marlfast.IQL, got 'sarsa'"),
    ({"coordinator": 3}, TypeError, "coordinator: expected a learner"),
    ({"goals": 0}, ValueError, "goals: expected 1"), ({"goals": 1.5}, TypeError, "goals: expected a whole number"),
    ({"goal_every": 0}, ValueError, "goal_every: expected at least 1"), ({"each": 2}, ValueError, "each: expected one "
                                                                                                  "of"),
    ({"teams": "one"}, ValueError, "teams: expected one of"),
    ({"teams": 3}, TypeError, "teams: expected None, 'all' or"),
    ({"teams": [[0], []]}, ValueError, "teams: expected at least one agent in every team"),
    ({"teams": []}, ValueError, "teams: expected at least one"),
    ({"teams": [[-1]]}, ValueError, r"teams\[0\]: expected"),
    ({"goal_reward": "x"}, TypeError, "goal_reward: expected an array"),
    ({"goal_reward": np.zeros(4)}, ValueError, r"goal_reward: expected shape \(goals, rows\) = \(4, rows\)"),
    ({"goal_reward": np.zeros((3, 5))}, ValueError, r"goal_reward: expected shape \(goals, rows\) = \(4, rows\)"),
    ({"goal_reward": np.full((4, 5), np.nan)}, ValueError, "goal_reward: expected finite"),
])
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Hierarchy(**arguments)


def test_a_coordinator_without_a_team_is_refused():
    game = random_markov(0, (2, 2))
    with pytest.raises(ValueError, match="hierarchy: a coordinator needs a team, but neither game 'markov' nor the "
                                         r"rewards say who plays with whom; use .*mixed\(teams\), or .*teams='all'\)"):
        mf.train(game, Hierarchy(), steps=1)
    mf.train(game, Hierarchy(), steps=1, rewards=mf.rewards.mixed([[0, 1]]))
    mf.train(game, Hierarchy(teams="all"), steps=1)


@pytest.mark.parametrize("learner, message", [
    (Hierarchy(teams=[[0]]), r"teams: expected every agent that is controlled, \[0, 1\], in one team, got \[\[0\]\]"),
    (Hierarchy(teams=[[0, 1], [1]]), "teams: expected every agent"),
    (Hierarchy(teams=[[0, 1, 2]]), "teams: expected every agent"),
    (Hierarchy(teams="all", goal_reward=np.zeros((4, 2))), r"goal_reward: expected shape \(goals, rows\) = \(4, 3\)"),
    (Hierarchy(mf.IQL(initial_q=np.zeros((3, 1, 1))), teams="all"), "members: initial_q: expected a shape .*12"),
    (Hierarchy(mf.IQL(share="team"), teams="all"), "members: share: 'team' needs teams"),
    (Hierarchy(coordinator=mf.IQL(share="team"), teams="all"), "coordinator: share: 'team' needs teams"),
    (Hierarchy(coordinator=mf.IQL(initial_q=np.zeros(3)), teams="all"), "coordinator: initial_q: expected a shape"),
    (Hierarchy(goals=2**20, teams="all"), None),
])
def test_what_does_not_fit_is_refused(learner, message):
    if message:
        with pytest.raises(ValueError, match=message):
            mf.train(random_markov(0, (2, 2)), learner, steps=1)
    else:
        with pytest.raises(ValueError, match="goals: .* rows with .* goals each are more"):
            learner.check(mf.learners.base.LearnerContext(random_markov(0, (2, 2)), mf.rewards.individual()), 4096)


def test_a_goal_reward_needs_rows_that_are_known_before():
    with pytest.raises(ValueError, match="goal_reward: rows are numbered as they are first seen"):
        mf.train(mf.games.Drift(), Hierarchy(teams="all", goal_reward=np.zeros((4, 9))), encoder=mf.Rounding(0),
                 episodes=1)
