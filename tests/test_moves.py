"""Agents that come and go, take turns, and may not do everything: numbers worked by hand, and what is refused."""
import ctypes
import dataclasses

import numpy as np
import pytest

import marlfast as mf
from marlfast.games.own import NumPyGame

BACKENDS = ("cython", "numpy")


def turns(discounting="step", length=4, at_horizon="terminated"):
    """Two agents in turns, one action each: in step t agent i earns (t + 1) (i + 1); all see t."""
    def step(state, actions, uniforms, normals):
        waits = actions == -1
        assert (waits == (state.astype(int) % 2 != np.arange(2))).all()
        return state + 1, (state + 1) * np.arange(1, 3), False

    return NumPyGame(step, lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=1, state_size=1,
                     observations=length + 1, horizon=length, at_horizon=at_horizon, discounting=discounting,
                     to_act=lambda state: state.astype(int) % 2 == np.arange(2))


def values(game, episodes=1, backend="cython", **options):
    run = mf.train(game, mf.IQL(0.5, discount=0.9), episodes=episodes, seed=0, backend=backend, **options)
    return run, run.arrays["learner.q"][0, ..., 0].T


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_transition_runs_from_an_agents_move_to_its_next(backend):
    """Rate 0.5, discount 0.9. Agent 0 moves at 0 and 2, agent 1 at 1 and 3, before which it earns something."""
    run, q = values(turns(), backend=backend)
    np.testing.assert_allclose(q[0], [0.5 * (1 + 0.9 * 2), 0, 0.5 * (3 + 0.9 * 4), 0, 0], rtol=1e-15)
    np.testing.assert_allclose(q[1], [0, 0.5 * (4 + 0.9 * 6), 0, 0.5 * 8, 0], rtol=1e-15)
    assert run.returns.tolist() == [[[10.0, 20.0]]]
    # Klein's update: profit + discount * next profit + discount ** 2 * value.
    _, q = values(turns(), 2, backend)
    assert q[0, 0] == pytest.approx(1.4 + 0.5 * (1 + 0.9 * 2 + 0.81 * 3.3 - 1.4), rel=1e-15)
    _, q = values(turns("move"), 2, backend)
    assert q[0, 0] == pytest.approx(1.5 + 0.5 * (1 + 2 + 0.9 * 3.5 - 1.5), rel=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_limit_that_finds_an_agent_waiting_leaves_its_transition_open(backend):
    """After 3 steps it is agent 1's turn, who bootstraps from a value of 0; agent 0 waits, and learns nothing more."""
    _, q = values(turns(length=3, at_horizon="truncated"), backend=backend)
    np.testing.assert_allclose(q[0], [1.4, 0, 0, 0], rtol=1e-15)
    np.testing.assert_allclose(q[1], [0, 4.7, 0, 0], rtol=1e-15)
    _, q = values(turns(length=3), backend=backend)
    np.testing.assert_allclose(q[0], [1.4, 0, 1.5, 0], rtol=1e-15)


def deaths(dies=(2, 4), after=()):
    """Agents leave after so many steps; each earns 1 a step, also (which is not paid) when it is gone."""
    dies = np.array(dies)
    return NumPyGame(lambda state, actions, uniforms, normals: (state + 1, np.ones((len(state), 2)), False),
                     lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=2, state_size=1,
                     observations=10, present=lambda state: (state < dies) | np.isin(state, after))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_agent_that_leaves_learns_its_end_and_the_others_go_on(backend):
    run = mf.train(deaths(), mf.IQL(0.5, discount=0.9, explore=mf.EpsilonGreedy(0.0)), episodes=3, seed=0,
                   backend=backend)
    assert run.lengths.tolist() == [[4, 4, 4]]
    assert run.agent_lengths.tolist() == [[[2, 4]] * 3]
    assert run.returns.tolist() == [[[2.0, 4.0]] * 3]
    q = run.arrays["learner.q"][0].max(axis=2).T
    # The last step of each is worth 1, and nothing follows: 0.5, 0.75, 0.875.
    assert q[0, 1] == q[1, 3] == 0.875 and (q[0, 2:] == 0).all()
    # Agent 0 at 0: 1 + 0.9 * (0, 0.5, 0.75) in three episodes.
    assert q[0, 0] == pytest.approx(((0.5 * 1) * 0.5 + 0.5 * 1.45) * 0.5 + 0.5 * (1 + 0.9 * 0.75), rel=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_agent_may_come_back(backend):
    run = mf.train(deaths((2, 4), after=(3,)), mf.IQL(), episodes=1, seed=0, backend=backend)
    assert run.agent_lengths.tolist() == [[[3, 4]]] and run.returns.tolist() == [[[3.0, 4.0]]]


def masked(legal, rewards=(3.0, 2.0, 1.0)):
    """One agent, one state and a reward an action."""
    pays = np.array(rewards)
    return NumPyGame(lambda state, actions, uniforms, normals: (state, pays[actions], False),
                     lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=1, actions=len(rewards),
                     state_size=1, observations=1, horizon=5,
                     legal=lambda state: np.tile(np.array(legal), (len(state), 1, 1)))


LEARNERS = (mf.IQL(0.5), mf.IQL(0.5, explore=mf.Boltzmann(0.3)), mf.learners.ExpectedSARSA(0.5),
            mf.learners.HystereticQ(0.5, 0.1), mf.learners.FrequencyAdjustedQ(), mf.learners.DistributedQ(),
            mf.IQL(0.5, explore=mf.EpsilonGreedy(0.2, ties="first")),
            mf.IQL(0.5, explore=mf.EpsilonGreedy(0.2, ties="random")))


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: f"{one.name}, {one.explore.name}")
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_legal_is_never_done_nor_counted_on(learner, backend):
    """Action 0 pays most and looks best, but is not legal: it is never updated, and bootstrapped from by nobody."""
    game = masked([False, True, True])
    learner = dataclasses.replace(learner, initial_q=[50.0, 0.0, 0.0])
    run = mf.train(game, learner, episodes=40, runs=2, seed=0, backend=backend)
    q = run.arrays["learner.q"][:, 0, 0]
    assert (q[:, 0] == 50.0).all() and (q[:, 1:] != 0.0).any(axis=1).all() and (q[:, 1:] < 45.0).all(), q
    assert (run.arrays["learner.greedy"][:, 0, 0] == q[:, 1:].argmax(axis=1) + 1).all()
    assert mf.evaluate(game, run, episodes=2, backend=backend).mean <= 10.0
    played = mf.evaluate(game, "random", episodes=20, backend=backend)
    assert 5.0 <= played.returns.min() and played.returns.max() <= 10.0


def failing(game, learner=None, **options):
    with pytest.raises(mf.TrainingError) as failed:
        mf.train(game, learner or mf.IQL(), episodes=3, seed=0, **options)
    return str(failed.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_who_is_to_act_and_may_do_nothing_is_named_with_run_and_step(backend):
    legal = np.ones((1, 2, 2), bool)

    def some(state):
        found = np.repeat(legal, len(state), axis=0)
        found[state[:, 0] == 2, 1] = False
        return found

    game = NumPyGame(lambda state, actions, uniforms, normals: (state + 1, np.zeros((len(state), 2)), False),
                     lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=2, state_size=1,
                     observations=9, horizon=8, legal=some)
    text = failing(game, backend=backend)
    assert text.startswith("run 0, step 2, agent 1: an agent is to act, but has no legal action")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_that_says_something_else_than_was_declared_is_named(backend):
    for what, returned, said in (("present", np.ones((1, 3), bool), "present: expected shape (runs, agents)"),
                                 ("to_act", [[1, 1]], "to_act: expected bool"),
                                 ("legal", np.ones((1, 2, 3), bool), "legal: expected shape (runs, agents, actions)")):
        game = NumPyGame(lambda state, actions, uniforms, normals: (state, np.zeros((len(state), 2)), False),
                         lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=2, state_size=1,
                         observations=1, horizon=8, **{what: lambda state, returned=returned: returned})
        assert said in failing(game, backend=backend)


def test_rewards_and_learners_that_do_not_take_them_say_so():
    game = deaths()
    with pytest.raises(ValueError, match="in game 'numpy' agents come and go, which learner 'double_q' does not "):
        mf.train(game, mf.learners.DoubleQ(), episodes=1)
    with pytest.raises(ValueError, match="agents come and go, which shaping 'diversity' does not take"):
        mf.train(game, mf.IQL(), shaping=[mf.rewards.Diversity(0.1)], episodes=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_team_reward_is_earned_by_those_who_are_there(backend):
    """Cooperative: each learns from the mean, which an agent that is gone adds 0 to, and gets nothing of."""
    run = mf.train(deaths(), mf.IQL(), rewards=mf.rewards.cooperative(), episodes=1, seed=0, backend=backend)
    assert run.shaped_returns.tolist() == [[[2.0, 3.0]]]


def test_saving_keeps_what_is_under_way(tmp_path):
    game = turns()
    part = mf.train(game, mf.IQL(0.5, discount=0.9), steps=6, seed=0)
    part.save(tmp_path / "part.npz")
    whole = mf.train(game, mf.IQL(0.5, discount=0.9), steps=12, seed=0)
    again = mf.train(resume=mf.load(tmp_path / "part.npz", game=game), steps=6)
    for name, array in whole.arrays.items():
        assert (array[:, :3] == again.arrays[name][:, :3]).all() if array.ndim > 1 else (
            array == again.arrays[name]).all(), name
    assert part.arrays["waits"].any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_stepping_by_hand_gives_the_numbers_of_training(backend):
    """Policies that do what the tables say; who is there, who acts and what is legal stand beside the observation."""
    game = masked_turns()
    env = game.env(runs=3, seed=5, backend=backend)
    env.reset()
    earned = []
    for _ in range(20):
        assert (env.legal.any(axis=2) == env.to_act).all() and (env.to_act <= env.present).all()
        _, rewards, terminated, truncated = env.step(env.legal.argmax(axis=2))
        earned.append(rewards)
        if (terminated | truncated).any():
            env.reset(terminated | truncated)
    assert np.abs(np.array(earned)).sum() > 0


def masked_turns():
    """Three agents in six states, by chance: who is there, who acts and what is legal."""
    rng = np.random.default_rng(2)
    present, to_act, legal = rng.random((6, 3)) < 0.7, rng.random((6, 3)) < 0.7, rng.random((6, 3, 3)) < 0.6
    present[0], legal[..., 0] = True, legal[..., 0] | ~legal.any(axis=2)
    at = lambda state: state[:, 0].astype(int)      # noqa: E731
    return NumPyGame(lambda state, actions, uniforms, normals: (
        (state + 1 + actions.clip(0).sum(axis=1, keepdims=True)) % 6, actions + 0.5 * state, uniforms[:, 0] < 0.1),
        lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=3, actions=3, state_size=1, observations=6,
        horizon=9, step_uniforms=1, present=lambda state: present[at(state)], to_act=lambda state: to_act[at(state)],
        legal=lambda state: legal[at(state)])


def test_a_policy_is_told_what_is_legal_and_plays_as_evaluation_does():
    game = masked_turns()
    run = mf.train(game, mf.IQL(0.3), episodes=200, runs=2, seed=1)
    by_kernel = mf.evaluate(game, run, episodes=30, seed=4)
    policies = [run.policy(r) for r in range(2)]
    for r, policy in enumerate(policies):
        env = game.env(runs=2, seed=4, backend="cython")
        env = mf.Env(game, runs=2, seed=4, purpose="evaluation")
        observation, returns, done = env.reset(), np.zeros(3), 0
        totals = []
        while done < 30:
            actions = policy(np.repeat(observation, 1, axis=0), legal=env.legal)
            observation, rewards, terminated, truncated = env.step(actions)
            returns += rewards[r]
            ended = terminated | truncated
            if ended[r]:
                totals.append(returns.copy())
                returns[:], done = 0.0, done + 1
            if ended.any():
                observation = env.reset(ended)
        np.testing.assert_allclose(by_kernel.returns[r], totals)
    with pytest.raises(ValueError, match="legal: expected what each agent may do"):
        policies[0](observation[0])
    with pytest.raises(ValueError, match="legal: expected bool of shape"):
        policies[0](observation[0], legal=np.ones((3, 2), bool))
    assert mf.evaluate(game, policies[0], episodes=5).returns.shape == (1, 5, 3)
    assert len(mf.replay(game, run, run=1, seed=4).actions)
    assert len(mf.replay(game, "random", seed=4).actions)
    first = mf.evaluate(game, lambda observation, legal: legal.argmax(axis=1), episodes=5)
    assert first.returns.shape == (1, 5, 3)


def test_what_does_not_take_them_says_so():
    game = masked_turns()
    for what, call in (("a team stepped by hand", lambda: mf.IQL().team(game)),
                       ("exact analysis", lambda: mf.analysis.model(game)),
                       ("probabilities", lambda: mf.train(game, mf.IQL(), episodes=1).policy().probabilities([0.0]))):
        with pytest.raises(ValueError, match=f"some actions are not legal, which {what} does not take|{what} does not"):
            call()
    env = game.env(seed=0)
    env.reset()
    bad = int(np.flatnonzero(~env.legal[0][np.flatnonzero(env.to_act[0])[0]])[0]) if not env.legal[0].all() else None
    i = int(np.flatnonzero(env.to_act[0])[0])
    actions = env.legal[0].argmax(axis=1)
    actions[i] = bad
    with pytest.raises(ValueError, match=f"action {bad} of agent {i} is not legal at step 0 of run 0; expected one of"):
        env.step(actions)


# -- functions of C --------------------------------------------------------------------------------

REALS, IDS, FLAGS = (ctypes.POINTER(kind) for kind in (ctypes.c_double, ctypes.c_int32, ctypes.c_uint8))
SAY = ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, FLAGS)
STATES = np.random.default_rng(2)
PRESENT, TO_ACT = STATES.random((6, 3)) < 0.7, STATES.random((6, 3)) < 0.7
LEGAL = STATES.random((6, 3, 3)) < 0.6
PRESENT[0], LEGAL[..., 0] = True, LEGAL[..., 0] | ~LEGAL.any(axis=2)


def in_c(fails=None):
    """The same as `masked_turns`, as C functions of one run; ``fails``: one of them returns a status in state 3."""
    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        for i in range(3):
            rewards[i] = actions[i] + 0.5 * state[0]
        state[0] = (state[0] + 1 + sum(max(actions[i], 0) for i in range(3))) % 6
        terminated[0] = uniforms[0] < 0.1
        return 0

    def start(parameters, state, uniforms, normals):
        state[0] = 0.0
        return 0

    def says(what, table):
        def say(parameters, state, said):
            row = table[int(state[0])].ravel().tolist()
            for k, yes in enumerate(row):
                said[k] = 2 * yes           # any number but 0 is yes
            return 7 if fails == what and state[0] == 3.0 else 0
        return SAY(say)

    return mf.games.CompiledGame(
        ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, IDS, REALS, REALS, REALS, FLAGS)(step),
        ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, REALS, REALS)(start), agents=3, actions=3, state_size=1,
        observations=6, horizon=9, step_uniforms=1, present=says("present", PRESENT), to_act=says("to_act", TO_ACT),
        legal=says("legal", LEGAL))


@pytest.mark.parametrize("backend", BACKENDS)
def test_functions_of_c_say_who_is_there_who_acts_and_what_is_legal(backend):
    one, other = (mf.train(game, mf.IQL(0.3), steps=400, runs=2, seed=3, backend=backend)
                  for game in (in_c(), masked_turns()))
    for name in ("returns", "lengths", "agent_lengths", "learner.q", "legal", "present"):
        assert one.arrays[name].tobytes() == other.arrays[name].tobytes(), name


@pytest.mark.parametrize("what", ["present", "to_act", "legal"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_status_of_theirs_stops_the_run(what, backend):
    with pytest.raises(mf.TrainingError, match=f"run ., step .*{what} returned 7"):
        mf.train(in_c(what), mf.IQL(0.3), steps=400, runs=2, seed=3, backend=backend)
