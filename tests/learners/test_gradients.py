"""Policy gradients: what they solve and what not, both backends, and that agents act on what they see themselves."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import random_markov

import marlfast as mf
from learners.example import Example
from marlfast.games.two_step import TwoStep
from marlfast.learners.gradients import COMA, IA2C, IPPO, MAA2C, MAPPO, Reinforce
from marlfast.policy import plays_of

S = mf.schedules
RUNS = 3
MORE = (2, 4, 3)
EXAMPLES = {
    "reinforce": Example(Reinforce(0.3), MORE),
    "reinforce, no baseline": Reinforce(0.1, baseline="none", longest=3, entropy=0.05),
    "ia2c": Example(IA2C(), MORE), "ia2c, one step": IA2C(S.Harmonic(0.5, 0.01), trace_decay=0.0, steps=1),
    "maa2c": Example(MAA2C(), MORE, alike=True),
    "maa2c, runs": Example(MAA2C([0.1, 0.2, 0.3], discount=[0.0, 0.5, 1.0], trace_decay=[0.0, 0.5, 1.0]), alike=True),
    "maa2c, teams": Example(MAA2C(0.3), (3, 3, 3, 3), teams=[[0, 2], [1, 3]]),
    "coma": Example(COMA(0.3), MORE, alike=True),
    "coma, longest": Example(COMA(longest=3, entropy=S.Linear(0.5, 0.0, 60)), alike=True),
    "coma, nine actions": Example(COMA(0.3, share="all"), (9, 9), alike=True),
    "ia2c, normalised": Example(IA2C(0.2, normalise=True, normalise_values=True, steps=4), MORE),
    "maa2c, normalised": Example(MAA2C(normalise=True, normalise_values=True), (3, 3, 3, 3), teams=[[0, 2], [1, 3]]),
    "coma, normalised": Example(COMA(0.3, normalise=True, normalise_values=True), MORE, alike=True),
    "ippo, normalised": Example(IPPO(steps=6, minibatch=3, value_clip=0.5, normalise_values=True), MORE),
    "mappo, normalised": Example(MAPPO(steps=9, normalise_values=True), MORE, alike=True),
    "ippo": Example(IPPO(steps=16), MORE),
    "ippo, runs": IPPO(steps=7, clip=[0.0, 0.2, 1.0], value_clip=[0.1, 0.5, 2.0], epochs=2),
    "mappo": Example(MAPPO(steps=16), MORE, alike=True),
    "mappo, minibatches": Example(MAPPO(steps=11, minibatch=4, entropy=0.0, value_clip=0.2), (9, 9), alike=True),
    "mappo, whole": Example(MAPPO(steps=8, minibatch=0, normalise=False,
                                  critic_rate=S.Exponential(0.5, 0.9, per="episode")), alike=True),
    "mappo, one agent and action": Example(MAPPO(steps=8), (1,), alike=True),
    "mappo, beside another": Example([(MAPPO(steps=5), [0, 2]), (mf.IQL(), [1])], (2, 3, 2), alike=True),
}


def train(learners, game=None, **options):
    return mf.train(game or random_markov(4, (3, 3), terminal=True), learners=learners,
                    **{"steps": 150, "runs": RUNS, "seed": 3} | options)


def probabilities(result, agent=0):
    """Policies of an agent: [R, rows, A]."""
    e = result.experiment
    rows = np.tile(np.arange(int(result.used.max()))[:, None], (1, e.game.agents))
    return np.stack([plays_of(result)[agent].chances(r, rows)[:, 0] for r in range(len(result.steps))])


# -- both backends ---------------------------------------------------------------------------------

# -- what they solve -------------------------------------------------------------------------------

EVERY = [Reinforce(), IA2C(), MAA2C(), COMA(), IPPO(), MAPPO()]
IDS = [one.name for one in EVERY]


@pytest.mark.parametrize("learner", EVERY, ids=IDS)
def test_a_single_agent_finds_the_best_of_several_actions(learner):
    """Payments of 0, 0.5 and 1: all runs end at the last one."""
    game = mf.games.MarkovGame(np.ones((1, 3, 1)), np.array([[0.0, 0.5, 1.0]]), (3,), horizon=5)
    run = mf.train(game, learner, steps=6000, runs=20, seed=1)
    assert (probabilities(run)[:, 0].argmax(axis=1) == 2).mean() >= 0.95
    assert mf.evaluate(game, run, episodes=1).mean >= 4.8


@pytest.mark.parametrize("learner, least, most", [
    (Reinforce(), 33, 49), (IA2C(), 33, 49), (MAA2C(), 33, 49), (COMA(), 0, 10), (IPPO(), 48, 50), (MAPPO(), 48, 50)],
    ids=IDS)
def test_the_two_step_game(learner, least, most):
    """Who dares earns 8 in place of 7, where both coordinate: clipped rules do, COMA's team mostly plays safe."""
    game = TwoStep()
    run = mf.train(game, learner, steps=40000, runs=50, seed=1, record_every=0)
    returns = mf.evaluate(game, run, episodes=1).team_returns[:, 0]
    assert set(returns.tolist()) <= {7.0, 8.0}
    assert least <= (returns == 8.0).sum() <= most


def test_where_all_see_the_same_and_earn_the_same_a_central_critic_is_everyones_own():
    game = TwoStep()
    for own, central in ((IA2C(), MAA2C()),):
        one, other = (mf.train(game, learner, episodes=400, runs=2, seed=3) for learner in (own, central))
        assert one.returns.tobytes() == other.returns.tobytes()
        assert one.arrays["learner.logits"].tobytes() == other.arrays["learner.logits"].tobytes()


def test_a_central_critic_takes_away_what_an_agent_cannot_see():
    """Each agent earns for playing its bit; and ten times as much comes by whether the bits differ."""
    bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    pay = np.array([[(a == s[0]) + (b == s[1]) + 10.0 * (s[0] != s[1]) for a in (0, 1) for b in (0, 1)] for s in bits])
    game = mf.games.MarkovGame(np.full((4, 4, 4), 0.25), pay, (2, 2), horizon=10, obs=bits)
    right = {}
    for kind in (IA2C, MAA2C, IPPO, MAPPO):
        whole = mf.Rounding(0) if kind.central else None
        run = mf.train(game, kind(0.02, discount=0.0), central=whole, steps=2000, runs=100, seed=1)
        logits, (i, bit) = run.arrays["learner.logits"], np.mgrid[:2, :2]
        right[kind] = (logits[:, bit, i, bit] > logits[:, bit, i, 1 - bit]).all(axis=(1, 2)).mean()
    assert right[MAA2C] >= 0.98 and right[MAPPO] >= 0.98 and right[IA2C] < 0.5 and right[IPPO] < 0.7


def test_in_matching_pennies_gradients_go_round_the_equilibrium():
    """No policy stays at 1/2, but their mean over time does."""
    game = mf.games.MatchingPennies()
    run, means = mf.train(game, IA2C(0.05, 0.1, steps=1, entropy=0.0), episodes=200, runs=20, seed=2), []
    for _ in range(60):
        run = mf.train(resume=run, episodes=50)
        means.append(probabilities(run)[:, 0, 0])
    means = np.array(means)
    assert abs(means.mean() - 0.5) < 0.07
    assert abs(means - 0.5).max(axis=0).min() > 0.2


def test_entropy_keeps_policies_mixed():
    game = mf.games.MarkovGame(np.ones((1, 2, 1)), np.array([[0.0, 0.1]]), (2,), horizon=1)
    low, high = (probabilities(mf.train(game, Reinforce(0.2, entropy=entropy), episodes=4000, runs=5, seed=1))[:, 0, 1]
                 for entropy in (0.0, 1.0))
    # With a worth of 1 for entropy the best policy is softmax(reward / 1): 1 / (1 + exp(-0.1)) = 0.525.
    assert high.mean() == pytest.approx(0.525, abs=0.06) and low.mean() > high.mean() + 0.1


@pytest.mark.parametrize("learner", EVERY, ids=IDS)
def test_drift_is_learned(learner):
    game = mf.games.Drift(agents=2, state_size=1, actions=3, horizon=20)
    run = mf.train(game, learner, encoder=mf.Grid(-2.0, 2.0, 6), episodes=600, runs=8, seed=1)
    chance = mf.evaluate(game, "random", episodes=200, runs=8).mean
    assert mf.evaluate(game, run, episodes=200).mean > chance + 0.5
    assert mf.evaluate(game, run, episodes=200, kind="greedy").mean > chance


# -- acting on what one sees -----------------------------------------------------------------------

def seen_apart():
    """Two agents who each see one of two numbers: a Markov game of four states, and views of their own."""
    rng = np.random.default_rng(5)
    return mf.games.MarkovGame(rng.dirichlet(np.ones(4), (4, 9)), rng.normal(size=(4, 9)), (3, 3), horizon=6,
                               obs=np.array([[0, 0], [0, 1], [1, 0], [1, 1]]))


@settings(max_examples=25)
@given(st.sampled_from(EVERY), st.integers(0, 1), st.integers(0, 1), st.data())
def test_an_agents_policy_depends_on_its_own_observation_only(learner, agent, own, data):
    """Whatever others see, whatever the state is, and whatever the critic and the others' logits hold."""
    game = seen_apart()
    run = _trained(learner)
    alone = run.policy(0, agent=agent, kind="greedy")
    action = alone([float(own)])
    spoiled = run.policy(0, kind="greedy")
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    for name, array in spoiled.arrays.items():
        if name == "learner.logits":
            array[:, :, 1 - agent] = rng.normal(size=array[:, :, 1 - agent].shape)
        elif array.dtype.kind == "f":
            array[...] = rng.normal(size=array.shape)
        elif not name.startswith("encoder."):
            array[...] = rng.integers(0, 2, array.shape)
    assert spoiled.agent(agent)([float(own)]) == action
    other = data.draw(st.sampled_from([0.0, 1.0]))
    obs = np.zeros((2, 1))
    obs[agent], obs[1 - agent] = own, other
    assert spoiled(obs)[agent] == action and run.policy(0, kind="greedy")(obs)[agent] == action
    assert game.views == 2


_RUNS = {}


def _trained(learner):
    if learner.name not in _RUNS:
        options = {"central": mf.Rounding(0)} if learner.central else {}
        _RUNS[learner.name] = mf.train(seen_apart(), learner, episodes=40, seed=2, **options)
    return _RUNS[learner.name]


def test_the_policy_of_an_agent_takes_what_it_sees():
    run = _trained(IA2C())
    assert isinstance(run.policy(0, agent=1)([0.0]), int)
    assert run.policy(0, agent=1)([[0.0], [1.0]]).shape == (2,)     # of a batch, an action each
    with pytest.raises(ValueError, match=r"^observation: expected what agent 1 observes, shape \(1,\), got \(1, 2\)"):
        run.policy(0, agent=1)([[0.0, 1.0]])
    with pytest.raises(ValueError, match="^agent: expected 0 to 1, got 2"):
        run.policy(0, agent=2)
    assert run.policy(0, agent="agent_1")([0.0]) in range(3)
    with pytest.raises(ValueError, match="^unknown agent '1'; known: agent_0, agent_1"):
        run.policy(0, agent="1")


def test_the_policy_of_an_agent_is_its_part_of_the_teams():
    for encoder in (mf.Rounding(1), mf.Grid(-2.0, 2.0, 5)):
        game = mf.games.Drift(agents=3, state_size=1, horizon=9)
        run = mf.train(game, MAPPO(steps=16), encoder=encoder, episodes=20, seed=1)
        for x in (-1.0, 0.0, 0.4, 77.0):
            observation = np.full(game.features, x)
            assert [run.policy(agent=i, kind="greedy")(observation) for i in range(3)] == run.policy(
                kind="greedy")(observation).tolist()


def test_a_sampled_evaluation_is_of_the_policy():
    """Rewards 0 and 1 with an even policy: greedily 0, drawn about a half."""
    game = mf.games.MarkovGame(np.ones((1, 2, 1)), np.array([[0.0, 1.0]]), (2,), horizon=1)
    run = mf.train(game, Reinforce(0.0), episodes=1, seed=1)
    assert mf.evaluate(game, run, episodes=400, kind="greedy").mean == 0.0
    assert mf.evaluate(game, run, episodes=400).mean == pytest.approx(0.5, abs=0.1)
    assert mf.evaluate(game, run.policy(), episodes=400).mean == pytest.approx(0.5, abs=0.1)
    assert mf.evaluate(game, run.policy(kind="greedy"), episodes=400).mean == 0.0
    with pytest.raises(ValueError, match="^sample: only a Policy or a Result"):
        mf.evaluate(game, "random", sample=True)
    with pytest.raises(TypeError, match="^sample: expected True or False"):
        mf.evaluate(game, run, sample=1)


# -- refusals --------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind, arguments, message", [
    (Reinforce, {"actor_rate": -0.1}, "actor_rate: expected at least 0"),
    (Reinforce, {"actor_rate": float("nan")}, "actor_rate: expected a finite number"),
    (IA2C, {"critic_rate": 1.1}, "critic_rate: expected 0.0 to 1.0"),
    (MAA2C, {"discount": 2.0}, "discount: expected 0.0 to 1.0"), (COMA, {"entropy": -1.0}, "entropy: expected at l"),
    (IA2C, {"trace_decay": -0.1}, "trace_decay: expected 0.0 to 1.0"), (IA2C, {"steps": 0}, "steps: expected 1 to"),
    (COMA, {"longest": 0}, "longest: expected 1 to"), (Reinforce, {"baseline": "q"}, "baseline: expected one of"),
    (IPPO, {"clip": 1.5}, "clip: expected 0.0 to 1.0"), (IPPO, {"epochs": 0}, "epochs: expected 1 to"),
    (MAPPO, {"minibatch": -1}, "minibatch: expected 0 to"), (MAPPO, {"value_clip": -1.0}, "value_clip: expected at l"),
])
def test_bad_values(kind, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        kind(**arguments)


@pytest.mark.parametrize("kind, arguments, message", [
    (Reinforce, {"actor_rate": "fast"}, "unknown schedule|actor_rate"), (IPPO, {"normalise": 1}, "normalise: expected"),
    (IPPO, {"share": 3}, "share: expected"), (IPPO, {"epochs": 1.5}, "epochs: expected a whole number"),
])
def test_bad_types(kind, arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        kind(**arguments)


def test_what_does_not_fit_is_refused():
    pennies = mf.games.MatchingPennies()
    for learner in (MAA2C(), COMA(), MAPPO()):
        with pytest.raises(ValueError, match=f"^{learner.name}: trusts that its agents want the same.*ia2c"):
            mf.train(pennies, learner, episodes=1)
        mf.train(pennies, learner, rewards=mf.rewards.cooperative(), episodes=1)
        mf.train(pennies, learners=[learner, mf.IQL()], episodes=1)
    with pytest.raises(ValueError, match="share a table but have different numbers"):
        mf.train(random_markov(1, (2, 3)), IA2C(share="all"), episodes=1)
    with pytest.raises(ValueError, match="^central: no learner here looks"):
        mf.train(seen_apart(), IPPO(), central=mf.Rounding(0), episodes=1)
    mf.train(seen_apart(), MAPPO(), episodes=1)


@pytest.mark.parametrize("agents", [20, 40, 300])
def test_a_critic_that_cannot_fit_is_refused_with_its_size(agents):
    game = mf.games.Drift(agents=agents, state_size=1, actions=5, horizon=9)
    with pytest.raises(ValueError, match=r"^coma: a critic of .* joint actions.* GB.*mappo") as error:
        mf.train(game, COMA(), encoder=mf.Grid(-1.0, 1.0, 4), episodes=1)
    assert len(str(error.value)) < 400
    mf.train(game, MAPPO(steps=4), encoder=mf.Grid(-1.0, 1.0, 4), steps=9)


def test_memory_says_what_the_tables_take():
    context = mf.Experiment(TwoStep(), COMA(), episodes=1).resolved.context
    arrays = COMA().allocate(context, 5)
    assert arrays["critic"].shape[-1] == 4 and arrays["logits"].shape == (1, 5, 2, 2)
    assert COMA().memory(context, 5) >= arrays["critic"].nbytes + arrays["logits"].nbytes


@pytest.mark.parametrize("learner", EVERY, ids=IDS)
def test_runs_that_diverge_stop_and_say_so(learner):
    game = mf.games.MarkovGame(np.ones((1, 2, 1)), np.array([[1e300, -1e300]]), (2,), horizon=2)
    learner = learner.__class__(**{"actor_rate": [0.0, 1e300], "discount": 0.0} | (
        {"normalise": False} if hasattr(type(learner), "across") and learner.across else {}))
    outcomes = []
    for backend in ("cython", "numpy"):
        with pytest.warns(RuntimeWarning, match="diverged"):
            run = mf.train(game, learner, steps=300, runs=2, seed=1, backend=backend)
        outcomes.append(run)
    assert outcomes[0].stop_reason == outcomes[1].stop_reason
    assert "steps" in outcomes[0].stop_reason[0] and outcomes[0].steps[1] < 300
