"""Every game as a Gymnasium environment: Gymnasium's checks, its own vectors, the same numbers as ``game.env``."""
import pickle

import numpy as np
import pytest

import marlfast as mf

from .helpers import DRIFT, SIDES, UNEVEN, kinds, no_warnings, wanted

gymnasium = pytest.importorskip("gymnasium")
from gymnasium.utils.env_checker import check_env, data_equivalence  # noqa: E402
from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402

from marlfast.adapters.gymnasium import env, vector_env  # noqa: E402

MODES = list(AutoresetMode)


def drawn(game, runs, steps, seed=0):
    generator = np.random.default_rng(seed)
    return (generator.random((steps, runs, game.agents)) * game.action_counts).astype(int)


# -- Gymnasium's checks -------------------------------------------------------------------------


def test_gymnasium_accepts_every_game(game_example):
    for kind in kinds(game_example):
        with no_warnings(game_example, kind):
            # Gymnasium takes an episode of one step for a mistake; here it is a round of a matrix game.
            made = env(game_example, kind, horizon=3 if game_example.horizon == 1 else None)
            made.action_space.seed(0)
            # Pictures are checked below: what is not registered, Gymnasium cannot make again in another mode.
            check_env(made, skip_render_check=True)


@pytest.mark.parametrize("kind", kinds(SIDES))
def test_gymnasium_accepts_views_of_their_own(kind):
    with no_warnings(SIDES, kind):
        check_env(env(SIDES, kind, backend="numpy"), skip_render_check=True)


def test_every_example_is_the_vector_of_its_runs(game_example):
    """One call for all runs does what Gymnasium's own vector does with as many environments, in all modes."""
    for kind in kinds(game_example):
        for mode in MODES:
            beside_gymnasium(game_example, kind, mode, runs=2, steps=8)


# -- Gymnasium's own vectors --------------------------------------------------------------------


def beside_gymnasium(game, kind, mode, runs=4, steps=40, **options):
    ours = vector_env(game, runs, kind, autoreset_mode=mode, **options)
    theirs = SyncVectorEnv([lambda r=r: env(game, kind, first_run=r, **options) for r in range(runs)],
                           autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.single_action_space == theirs.single_action_space
    assert ours.num_envs == theirs.num_envs and ours.metadata == theirs.metadata
    assert exactly(ours.reset(seed=3), theirs.reset(seed=[3] * runs))
    ends = 0
    for actions in drawn(game, runs, steps):
        found = ours.step(actions)
        assert exactly(found, theirs.step(actions))
        assert found[0] in ours.observation_space
        over = found[2] | found[3]
        ends += over.sum()
        if mode is AutoresetMode.DISABLED and over.any():
            assert exactly(ours.reset(options={"reset_mask": over}), theirs.reset(options={"reset_mask": over.copy()}))
    assert exactly(ours.reset(), theirs.reset())
    return ends


def exactly(ours, theirs):
    return data_equivalence(ours, theirs, exact=True) or pytest.fail(f"{ours} is not {theirs}")


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("game, kind, options", [
    (UNEVEN, "index", {}), (UNEVEN, "one_hot", {}), (UNEVEN, "vector", {}), (DRIFT, "vector", {"dtype": "float64"}),
    (SIDES, "index", {"backend": "numpy"}), (SIDES, "one_hot", {"backend": "numpy"}),
    (SIDES, "vector", {"backend": "numpy"}), (UNEVEN, "index", {"backend": "numpy", "horizon": 3}),
], ids=lambda value: getattr(value, "name", str(value)))
def test_autoreset_is_gymnasiums(mode, game, kind, options):
    assert beside_gymnasium(game, kind, mode, **options) > 10


# -- the same numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize("game", [UNEVEN, DRIFT], ids=["uneven", "drift"])
def test_joint_steps_are_those_of_the_game(game):
    made, plain = vector_env(game, 3, autoreset_mode=AutoresetMode.SAME_STEP), game.env(runs=3, seed=9)
    kind = kinds(game)[0]

    def shown(observation):
        return np.array([np.concatenate(wanted(game, kind, run)) if kind != "index" else wanted(game, kind, run)[0]
                         for run in observation])

    assert (made.reset(seed=9)[0] == shown(plain.reset())).all()
    for actions in drawn(game, 3, 40):
        obs, rewards, terminations, truncations, infos = made.step(actions)
        observation, own, terminated, truncated = plain.step(actions)
        assert (terminations == terminated).all() and (truncations == truncated).all()
        # The team's is the mean, as in training's team returns.
        assert rewards.tolist() == [sum(run.tolist()) / game.agents for run in own] and rewards.dtype == np.float64
        ended = terminated | truncated
        final = infos.get("final_info", {"rewards": np.zeros(own.shape)})["rewards"]
        assert (np.where(ended[:, None], final, infos.get("rewards", final)) == own).all()
        if ended.any():
            for r in np.flatnonzero(ended):
                assert (infos["final_obs"][r] == shown(observation)[r]).all()
            observation = plain.reset(ended)
        assert (obs == shown(observation)).all()


@pytest.mark.parametrize("game, options", [(DRIFT, {}), (SIDES, {"backend": "numpy"})], ids=["drift", "sides"])
@pytest.mark.parametrize("kind", ["index", "one_hot", "vector"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_separate_agents(game, options, kind, mode):
    if kind not in kinds(game):
        kind = "vector"
    runs, agents = 3, game.agents
    made = vector_env(game, runs, kind, agents="separate", autoreset_mode=mode, **options)
    plain = mf.Env(game, runs=runs, seed=2, **options)
    assert made.num_envs == runs * agents
    assert made.single_action_space == gymnasium.spaces.Discrete(int(game.action_counts[0]))

    def shown(observation):
        views = [wanted(game, kind, run) for run in observation]
        return np.array([run[i % len(run)] for run in views for i in range(agents)])

    assert (made.reset(seed=2)[0] == shown(plain.reset())).all()
    over, ends = np.zeros(runs, bool), 0
    for actions in drawn(game, runs, 25):
        obs, rewards, terminations, truncations, infos = made.step(actions.ravel())
        assert obs in made.observation_space
        if mode is AutoresetMode.NEXT_STEP and over.any():
            plain.reset(over)
        waits = over if mode is AutoresetMode.NEXT_STEP else np.zeros(runs, bool)
        observation, own, terminated, truncated = plain.step(actions, where=~waits)
        assert (rewards.reshape(runs, agents) == np.where(waits[:, None], 0.0, own)).all()
        assert (terminations.reshape(runs, agents) == terminated[:, None]).all()
        assert (truncations.reshape(runs, agents) == truncated[:, None]).all()
        over = terminated | truncated
        ends += over.sum()
        if over.any() and mode is AutoresetMode.SAME_STEP:
            which = np.repeat(over, agents)
            assert infos["_final_obs"].tolist() == which.tolist() == infos["_final_info"].tolist()
            for k in range(runs * agents):
                assert (infos["final_obs"][k] == shown(observation)[k]).all() if which[k] \
                    else infos["final_obs"][k] is None
            observation = plain.reset(over)
        elif over.any() and mode is AutoresetMode.DISABLED:
            assert (obs == shown(observation)).all()
            obs, _ = made.reset(options={"reset_mask": np.repeat(over, agents)})
            observation = plain.reset(over)
        else:
            assert infos == {}
        assert (obs == shown(observation)).all()
    assert ends > 5


def test_the_same_seed_gives_the_same_episodes():
    def episodes(seed, **options):
        made = vector_env(UNEVEN, 3, **options)
        return [made.reset(seed=seed), *(made.step(actions) for actions in drawn(UNEVEN, 3, 30))]

    assert data_equivalence(episodes(5), episodes(5, backend="numpy"), exact=True)
    assert not data_equivalence(episodes(5), episodes(6))


def test_a_reset_goes_on_with_the_stream_and_a_seed_begins_it_anew():
    made = vector_env(DRIFT, 2)
    first, second = made.reset(seed=1)[0], made.reset()[0]
    assert (first != second).any() and (made.reset(seed=1)[0] == first).all() and (made.reset()[0] == second).all()
    one, other = vector_env(DRIFT, 2), vector_env(DRIFT, 2)
    start = one.reset()[0]
    assert (start != other.reset()[0]).any()                # without a seed no two are alike,
    assert (other.reset(seed=one.np_random_seed % 2**64)[0] == start).all()     # and each says what it took


def test_nothing_returned_is_used_again():
    for made in (vector_env(DRIFT, 2, agents="separate"), vector_env(DRIFT, 2),
                 vector_env(DRIFT, 2, autoreset_mode=AutoresetMode.SAME_STEP), vector_env(SIDES, 2, backend="numpy")):
        kept = [made.reset(seed=0)[0]]
        for _ in range(5):
            *arrays, infos = made.step(made.action_space.sample() * 0)
            arrays += [value for value in infos.values() if isinstance(value, np.ndarray)]
            inner = [made._env.state, made._env.observation, made._env.rewards, made._env.terminated,
                     made._env.truncated]
            assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays)
                           for b in [*kept, *inner, *arrays[k + 1:]])
            assert all(array.flags.writeable for array in arrays)
            kept += arrays


def test_gymnasiums_wrappers_count_returns():
    made = gymnasium.wrappers.vector.RecordEpisodeStatistics(vector_env(DRIFT, 2))
    made.reset(seed=0)
    run = mf.Env(DRIFT, runs=2, seed=0)
    run.reset()
    total = np.zeros(2)
    for actions in drawn(DRIFT, 2, 4):
        *_, infos = made.step(actions)
        total += run.step(actions)[1].mean(axis=1)
    assert infos["episode"]["r"] == pytest.approx(total) and infos["episode"]["l"].tolist() == [4, 4]


# -- spaces, pictures, arguments ----------------------------------------------------------------


def test_spaces():
    spaces = gymnasium.spaces
    joint = vector_env(SIDES, 2, backend="numpy")
    assert joint.single_observation_space == spaces.MultiDiscrete([7, 7])
    assert joint.single_action_space == spaces.MultiDiscrete([3, 3])
    assert joint.observation_space.shape == joint.action_space.shape == (2, 2)
    assert vector_env(SIDES, 2, "one_hot", backend="numpy").single_observation_space == spaces.Box(0.0, 1.0, (14,))
    assert vector_env(SIDES, 2, "vector", backend="numpy").single_observation_space == spaces.Box(0.0, 6.0, (2,))
    separate = vector_env(SIDES, 2, agents="separate", backend="numpy")
    assert separate.observation_space == spaces.MultiDiscrete([7] * 4) and separate.num_envs == 4
    assert env(UNEVEN).action_space == spaces.MultiDiscrete([2, 3])
    assert env(UNEVEN).observation_space == spaces.Discrete(4)


def test_text_and_pictures():
    made = vector_env(DRIFT, 2, agents="separate", render_mode="ansi")
    made.reset(seed=0)
    texts = made.render()
    assert len(texts) == 6 and texts[0] == texts[2] == DRIFT.render(made._env.state[0]) != texts[3]
    single = env(DRIFT, render_mode="ansi")
    single.reset(seed=0)
    assert single.render() == texts[0]
    assert single.metadata["render_modes"] == ["ansi"] and single.render_mode == "ansi"


def test_a_copy_begins_anew():
    made = env(DRIFT, horizon=2)
    start = made.reset(seed=3)[0]
    copy = pickle.loads(pickle.dumps(made))
    assert copy.reset(seed=3)[0].tolist() == start.tolist()
    copy.step([0, 0, 0])
    assert copy.step([0, 0, 0])[3] is True


@pytest.mark.parametrize("options, error, words", [
    ({"game": None}, TypeError, "game: expected a game"),
    ({"runs": 0}, ValueError, "runs: expected 1 to"),
    ({"agents": "both"}, ValueError, "agents: expected one of 'joint', 'separate', got 'both'"),
    ({"game": UNEVEN, "agents": "separate"}, ValueError, r"agents: 'separate' needs .* \[2, 3\]; use 'joint'"),
    ({"autoreset_mode": "sometimes"}, ValueError, "autoreset_mode: expected one of AutoresetMode.NEXT_STEP"),
    ({"observations": "one_hot"}, ValueError, "observations: game 'drift'"),
    ({"horizon": -1}, ValueError, "horizon: expected at least 0, got -1"),
    ({"first_run": -1}, ValueError, "first_run: expected 0"),
    ({"render_mode": "human"}, ValueError, "render_mode: game 'drift' has 'ansi'"),
    ({"dtype": "float16"}, ValueError, "dtype: expected one of"),
    ({"backend": "c"}, ValueError, "backend: expected one of"),
])
def test_arguments_that_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        vector_env(**{"game": DRIFT, "runs": 2, **options})


@pytest.mark.parametrize("mask, words", [
    ([True, False], "reset_mask: expected a NumPy array of bool"),
    (np.array([True]), "reset_mask: expected a NumPy array of bool"),
    (np.array([1, 0]), "reset_mask: expected a NumPy array of bool"),
    (np.array([False, False]), "reset_mask: expected at least one to begin"),
])
def test_masks_that_are_refused(mask, words):
    made = vector_env(DRIFT, 2, autoreset_mode=AutoresetMode.DISABLED)
    made.reset(seed=0)
    with pytest.raises(ValueError, match=words):
        made.reset(options={"reset_mask": mask})


def test_masks_that_do_not_fit():
    made = vector_env(DRIFT, 2, agents="separate", autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(ValueError, match="reset_mask: no run was begun yet"):
        made.reset(options={"reset_mask": np.ones(6, bool)})
    made.reset(seed=0)
    with pytest.raises(ValueError, match="reset_mask: the agents of a run begin together, but run 1 is marked"):
        made.reset(options={"reset_mask": np.array([True] * 4 + [False] * 2)})
    with pytest.raises(ValueError, match="seed: begins all runs anew"):
        made.reset(seed=1, options={"reset_mask": np.ones(6, bool)})


def test_what_comes_too_early_or_too_late():
    made = vector_env(DRIFT, 2, autoreset_mode="Disabled")
    actions = np.zeros((2, 3), int)
    for call in (made.render, lambda: made.step(actions)):
        with pytest.raises(ValueError, match="call reset first"):
            call()
    made.reset(seed=0)
    for _ in range(4):
        made.step(actions)
    with pytest.raises(ValueError, match="run 0: its episode is over"):
        made.step(actions)


@pytest.mark.parametrize("actions, error", [
    (np.zeros((2, 2), int), ValueError), (np.zeros(6, int), ValueError), (np.zeros((2, 3)), TypeError),
    (np.full((2, 3), 5), ValueError), (None, TypeError),
])
def test_actions_that_are_refused(actions, error):
    made = vector_env(DRIFT, 2)
    made.reset(seed=0)
    with pytest.raises(error, match="actions"):
        made.step(actions)


def test_actions_of_separate_agents_that_are_refused():
    made = vector_env(DRIFT, 2, agents="separate")
    made.reset(seed=0)
    for actions in (np.zeros(5, int), np.zeros((2, 3), int)):
        with pytest.raises(ValueError, match=r"actions: expected shape \(6,\)"):
            made.step(actions)
