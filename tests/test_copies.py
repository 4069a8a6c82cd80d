"""Copies (pickled, deep, in another process) go on where the original is: its episode, its draws, what it learned."""
import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import marlfast as mf
from marlfast.games.own import NumPyGame

WAYS = [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy]
SOCCER = mf.games.Soccer(horizon=7)
DRIFT = mf.games.Drift(agents=2, horizon=5)


def on(env, steps=20, seed=1):
    """Step an environment for some steps; all that came of them."""
    random, out = np.random.default_rng(seed), []
    for _ in range(steps):
        obs, rewards, terminated, truncated = env.step(random.integers(
            0, env.game.action_counts, (env.runs, env.game.agents)))
        out += [obs.copy(), rewards.copy(), terminated.copy(), truncated.copy()]
        if (terminated | truncated).any():
            out.append(env.reset(terminated | truncated).copy())
    return out


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def learn(team, env, obs, steps):
    """Step a team in an environment; what is seen at the end."""
    for _ in range(steps):
        actions = team.act(obs)
        next_obs, rewards, terminated, truncated = env.step(actions)
        team.update(obs, actions, rewards, next_obs, terminated, truncated)
        ended = terminated | truncated
        obs = env.reset(ended) if ended.any() else next_obs
    return obs


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("game", [SOCCER, DRIFT], ids=["soccer", "drift"])
def test_an_environment_goes_on(way, game, backend):
    env = game.env(runs=3, seed=5, backend=backend)
    env.reset()
    on(env, 3)
    other = way(env)
    same(on(other), on(env))
    fresh = way(game.env(runs=2, seed=3, backend=backend))      # one that never began
    assert fresh.reset().tolist() == game.env(runs=2, seed=3, backend=backend).reset().tolist()


def _in_another_process(env, queue):
    queue.put(on(env))


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_an_environment_goes_on_in_another_process(how):
    if how not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    context = multiprocessing.get_context(how)
    env, queue = SOCCER.env(runs=2, seed=5), context.Queue()
    env.reset()
    on(env, 3)
    worker = context.Process(target=_in_another_process, args=(env, queue))
    worker.start()
    there = queue.get(timeout=60)
    worker.join()
    same(there, on(env))


def nothing(*_):
    raise AssertionError("never called")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("learner", [
    mf.IQL(0.3), mf.IQL(0.3, explore=mf.EpsilonGreedy(0.3, ties="incumbent")), mf.learners.QLambda(),
    mf.learners.QMIX(), mf.learners.WoLFPHC(), [mf.learners.TitForTat(), mf.IQL()]],
    ids=["iql", "incumbent", "traces", "qmix", "wolf", "two"])
def test_a_team_goes_on(way, learner, backend):
    game = mf.games.PrisonersDilemma(memory=1, horizon=6)
    team = mf.Team(learner, game, runs=2, seed=4, backend=backend)
    env = game.env(runs=2, seed=4, backend=backend)
    obs = learn(team, env, env.reset(), 9)
    other, other_env = way((team, env))
    learn(team, env, obs, 20)
    learn(other, other_env, obs, 20)
    for name, array in team.arrays.items():
        np.testing.assert_array_equal(other.arrays[name], array, err_msg=name)
    assert other.steps.tolist() == team.steps.tolist()


@pytest.mark.parametrize("way", WAYS)
def test_a_team_goes_on_while_its_rows_grow(way):
    team, env = mf.IQL(0.3).team(DRIFT, runs=2, seed=4, encoder=mf.Rounding(1)), DRIFT.env(runs=2, seed=4)
    obs = learn(team, env, env.reset(), 60)
    other, other_env = way((team, env))
    learn(team, env, obs, 400)
    learn(other, other_env, obs, 400)
    assert team.encoder_arrays["keys"].shape[1] > 256       # it grew
    for name, array in (team.arrays | team.encoder_arrays).items():
        np.testing.assert_array_equal((other.arrays | other.encoder_arrays)[name], array, err_msg=name)
    assert other.policy(1)(obs[1]).tolist() == team.policy(1)(obs[1]).tolist()


@pytest.mark.parametrize("way", WAYS)
def test_results_resume_from_copies(way):
    for game, encoder in ((SOCCER, None), (DRIFT, mf.Rounding(0))):
        run = mf.train(game, mf.IQL(), encoder=encoder, steps=50, runs=2, seed=2)
        other = way(run)
        ours, theirs = (mf.train(resume=one, steps=70) for one in (run, other))
        np.testing.assert_array_equal(ours.q, theirs.q)
        assert ours.returns.tobytes() == theirs.returns.tobytes()
        way(run.policy(0))


# -- other libraries' interfaces ----------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_adapters_go_on(way):
    pytest.importorskip("pettingzoo")
    from marlfast.adapters.gymnasium import env as single
    from marlfast.adapters.gymnasium import vector_env
    from marlfast.adapters.pettingzoo import env as turns
    from marlfast.adapters.pettingzoo import parallel_env

    made = parallel_env(SOCCER)
    made.reset(seed=3)
    made.step(dict.fromkeys(made.agents, 1))
    other = way(made)
    assert other.agents == made.agents
    for _ in range(4):
        ours, theirs = (one.step(dict.fromkeys(made.agents, 2)) for one in (made, other))
        assert ours == theirs
    made = turns(SOCCER)
    made.reset(seed=3)
    made.step(1)
    other = way(made)
    assert other.agent_selection == made.agent_selection
    for one in (made, other):
        one.step(2)
    assert made.last()[:4] == other.last()[:4]
    for made in (single(DRIFT), vector_env(DRIFT, 3), vector_env(DRIFT, 3, agents="separate")):
        made.reset(seed=5)
        actions = [made.action_space.sample() for _ in range(12)]
        made.step(actions[0])
        other = way(made)
        for action in actions[1:4]:
            for ours, theirs in zip(made.step(action)[:4], other.step(action)[:4], strict=True):
                np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(made.reset()[0], other.reset()[0])


@pytest.mark.parametrize("way", WAYS)
def test_environments_of_others_go_on(way):
    pytest.importorskip("pettingzoo")
    from adapters.test_pettingzoo_game import Line

    from marlfast.games.pettingzoo import PettingZooGame

    env = PettingZooGame(Line).env(runs=2, seed=1)
    env.reset()
    on(env, 3)
    other = way(env)
    assert env._player.player.kept()["at"] == other._player.player.kept()["at"]
    same(on(other), on(env))


# -- seeds for each environment -----------------------------------------------------------------------

def test_a_seed_for_each_run(backend):
    env = SOCCER.env(runs=3, seed=[7, 8, 7], backend=backend)
    alone = SOCCER.env(runs=1, seed=8, backend=backend)
    assert env.seed == (7, 8, 7)
    obs, own = env.reset(), alone.reset()
    assert obs[0].tolist() == obs[2].tolist() and obs[1].tolist() == own[0].tolist()
    for _ in range(5):
        obs, *_ = env.step(np.zeros((3, 2), np.int32))
        own, *_ = alone.step([0, 0])
        assert obs[1].tolist() == own[0].tolist()
    with pytest.raises(ValueError, match="seed: expected one value per run, 3, got 2"):
        SOCCER.env(runs=3, seed=[1, 2])


def test_vector_seeds_as_gymnasium_takes_them():
    pytest.importorskip("gymnasium")
    from marlfast.adapters.gymnasium import env, vector_env

    made = vector_env(DRIFT, 3)
    obs, _ = made.reset(seed=[1, 2, 3])
    singles = [env(DRIFT) for _ in range(3)]
    for k, one in enumerate(singles):
        assert one.reset(seed=k + 1)[0].tolist() == obs[k].tolist()
    actions = [made.action_space.sample() for _ in range(3)]
    for action in actions:
        obs = made.step(action)[0]
        assert [one.step(part)[0].tolist() for one, part in zip(singles, action, strict=True)] == obs.tolist()
    obs, _ = made.reset(seed=[9, None, 3])
    wanted = [singles[0].reset(seed=9)[0], singles[1].reset()[0], singles[2].reset(seed=3)[0]]
    assert obs.tolist() == [one.tolist() for one in wanted]
    assert vector_env(DRIFT, 2).reset(seed=[None, 3])[0].shape == (2, 2)
    apart = vector_env(DRIFT, 2, agents="separate")
    assert apart.reset(seed=[1, 1, 2, 2])[0][0].tolist() == singles[0].reset(seed=1)[0].tolist()
    with pytest.raises(ValueError, match="the agents of a run begin together, but those of run 1"):
        apart.reset(seed=[1, 1, 2, 3])
    with pytest.raises(ValueError, match="seed: expected one for each of 3 environments, got 2"):
        made.reset(seed=[1, 2])
    with pytest.raises(TypeError, match=r"seed\[1\]: expected a whole number, got 'x'"):
        made.reset(seed=[1, "x", 2])
    with pytest.raises(TypeError, match="seed: expected a whole number, or one for each environment"):
        made.reset(seed=1.5)


# -- a team's play -----------------------------------------------------------------------------------

def test_what_a_team_plays_without_exploring(backend):
    """It is the policy, uses up no draw of learning, and changes nothing that is learned."""
    game = mf.games.PrisonersDilemma(memory=1, horizon=6)
    for learner in (mf.IQL(0.3), [mf.learners.TitForTat(), mf.IQL(0.3)]):
        watched, alone = (mf.Team(learner, game, seed=4, backend=backend) for _ in range(2))
        env, other = game.env(seed=4, backend=backend), game.env(seed=4, backend=backend)
        obs, same_obs = env.reset(), other.reset()
        for _ in range(12):
            actions = watched.act(obs, explore=False)
            if learner == mf.IQL(0.3):
                assert actions[0].tolist() == watched.policy(0)(obs[0]).tolist()
            obs = learn(watched, env, obs, 1)
            same_obs = learn(alone, other, same_obs, 1)
        for name, array in watched.arrays.items():
            np.testing.assert_array_equal(alone.arrays[name], array, err_msg=name)
    with pytest.raises(ValueError, match="update: expected act before it"):
        fresh = mf.IQL().team(game)
        fresh.act(np.zeros((1, 1, 1)), explore=False)
        fresh.update(np.zeros((1, 1, 1)), [[0, 0]], [[0, 0]], np.zeros((1, 1, 1)), [False])


def test_a_teams_policy_has_tables_of_its_own():
    game = mf.games.PrisonersDilemma(memory=1, horizon=6)
    team, env = mf.learners.WoLFPHC(0.5).team(game, seed=4), game.env(seed=4)
    obs = learn(team, env, env.reset(), 20)
    policy = team.policy()
    before = [policy.probabilities(k)[0].tolist() for k in range(5)]
    learn(team, env, obs, 100)
    assert [policy.probabilities(k)[0].tolist() for k in range(5)] == before
    assert before != [team.policy().probabilities(k)[0].tolist() for k in range(5)]
    assert team.policy(agent="agent_1", kind="greedy")(0) == team.policy(kind="greedy")(0)[1]


def test_numpy_games_are_copied_too():
    game = NumPyGame(step, start, agents=1, actions=(2,), state_size=1, features=1, views=1, horizon=4,
                     start_uniforms=1)
    env = game.env(seed=2)
    env.reset()
    same(on(pickle.loads(pickle.dumps(env)), 3), on(env, 3))


def step(state, actions, uniforms, normals):
    return state + actions, actions.astype(float), np.zeros(len(state), bool)


def start(uniforms, normals):
    return uniforms


# -- a team's file -----------------------------------------------------------------------------------

@pytest.mark.parametrize("learner, game, encoder", [
    (mf.IQL(0.3), DRIFT, mf.Rounding(1)), (mf.learners.WoLFPHC(), mf.games.PrisonersDilemma(memory=1, horizon=6), None),
    ([mf.learners.TitForTat(), mf.IQL()], mf.games.PrisonersDilemma(memory=1, horizon=6), None)],
    ids=["rows that grow", "mixed", "two"])
def test_a_team_is_saved_and_goes_on(learner, game, encoder, backend, tmp_path):
    """Also between act and update, and when it is watched."""
    team, env = mf.Team(learner, game, 2, 4, encoder, backend), game.env(runs=2, seed=4, backend=backend)
    obs = learn(team, env, env.reset(), 9)
    team.act(obs, explore=False)
    actions = team.act(obs)
    team.save(tmp_path / "team.npz")
    other, other_env = mf.Team.load(tmp_path / "team.npz", backend=backend), copy.deepcopy(env)
    for one, around in ((team, env), (other, other_env)):
        next_obs, rewards, terminated, truncated = around.step(actions)
        one.update(obs, actions, rewards, next_obs, terminated, truncated)
        ended = terminated | truncated
        last = learn(one, around, around.reset(ended) if ended.any() else next_obs, 20)
        one.watched = one.act(last, explore=False).tolist()
    assert other.watched == team.watched
    for name, array in team.arrays.items():
        np.testing.assert_array_equal(other.arrays[name][:, :array.shape[1]] if name in team.learner.by_row
                                      else other.arrays[name], array, err_msg=name)


def test_files_that_are_no_teams(tmp_path):
    path, game = tmp_path / "team.npz", mf.games.PrisonersDilemma(memory=1, horizon=6)
    mf.train(game, mf.IQL(), steps=5, seed=0).save(path)
    with pytest.raises(mf.FileError, match="it is a result: marlfast.load reads it"):
        mf.Team.load(path)
    mf.IQL().team(game, seed=0).save(path)
    with pytest.raises(mf.FileError, match="it is a team: marlfast.Team.load reads it"):
        mf.load(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(mf.FileError):
        mf.Team.load(path)
    with pytest.raises(ValueError, match="save: a run of this team has seen nothing yet"):
        mf.IQL().team(DRIFT, seed=0, encoder=mf.Rounding(0)).save(path)
    facts = NumPyGame(step, start, agents=1, actions=(2,), state_size=1, features=1, views=1, horizon=4,
                      start_uniforms=1)
    team = mf.IQL(0.5).team(facts, seed=0, encoder=mf.Rounding(0))
    team.act(np.zeros((1, 1, 1)))
    team.save(path)
    with pytest.raises(mf.FileError, match="functions of its own"):
        mf.Team.load(path)
    assert mf.Team.load(path, game=facts).act(np.zeros((1, 1, 1))).shape == (1, 1)
