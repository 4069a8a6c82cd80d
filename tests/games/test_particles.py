"""Particles: rules by hand, twins bit for bit, and step by step beside ``mpe2`` (``pip install mpe2``)."""
import numpy as np
import pytest

from marlfast import games

GAMES = {"simple_spread_v3": games.SimpleSpread(), "simple_tag_v3": games.SimpleTag(),
         "simple_speaker_listener_v4": games.SpeakerListener(), "simple_reference_v3": games.SimpleReference()}
EXAMPLES = [*GAMES.values(), games.SimpleSpread(players=2, local_ratio=0.2, horizon=10)]
MORE = {"five": games.SimpleSpread(players=5, local_ratio=0.2),
        "crowd": games.SimpleTag(chasers=4, chased=3, obstacles=1)}


def kernels_of(game, runs, seed):
    rng, found = np.random.default_rng(seed), []
    ours, theirs = game.kernel("cython"), game.kernel("numpy")
    uniforms = rng.random((runs, ours.start_uniforms))
    for kernel in (ours, theirs):
        state = np.zeros((runs, kernel.state_size))
        kernel.start(state, uniforms, np.zeros((runs, 0)))
        found.append((kernel, state))
    return rng, found


def step(kernel, state, actions):
    runs = len(state)
    rewards, over, obs = np.zeros(actions.shape), np.zeros(runs, bool), np.zeros((runs, kernel.views, kernel.features))
    kernel.step(state, actions, np.zeros((runs, 0)), np.zeros((runs, 0)), rewards, over)
    kernel.observe(state, obs)
    return rewards, over, obs


@pytest.mark.parametrize("game", [*GAMES.values(), *MORE.values()], ids=[*GAMES, *MORE])
def test_twins_agree_bit_for_bit(game):
    rng, ((ours, one), (theirs, other)) = kernels_of(game, 300, 1)
    one[:, :4 * game.agents:4] *= 0.4       # nearer, so that they touch
    other[:] = one
    for _ in range(40):
        actions = (rng.random((300, game.agents)) * game.action_counts).astype(np.int32)
        for a, b in zip(step(ours, one, actions), step(theirs, other, actions), strict=True):
            assert a.tobytes() == b.tobytes()
        assert one.tobytes() == other.tobytes()


def test_spread_by_hand():
    kernel = games.SimpleSpread(players=2).kernel()
    state = np.array([[0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0]])
    rewards, _, obs = step(kernel, state, np.array([[4, 0]], np.int32))
    # Moves on by 0.1 of its speed, which falls by a quarter; the new one is 5 * 0.1 upwards.
    assert state[0, :8].tolist() == [0.1, 0.0, 0.75, 0.5, 2.0, 0.0, 0.0, 0.0]
    assert rewards[0] == pytest.approx([-0.5 * np.hypot(0.1, 1.0)] * 2)
    assert obs[0, 0, :10] == pytest.approx([0.75, 0.5, 0.1, 0.0, -0.1, 1.0, 1.9, 0.0, 1.9, 0.0])


def test_contact_by_hand():
    kernel = games.SimpleSpread(players=2).kernel()
    state = np.array([[0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0]])
    rewards, _, _ = step(kernel, state, np.array([[0, 0]], np.int32))
    # 0.05 deep: log(1 + exp(50)) * 0.001 * 100 = 5, for 0.1.
    assert state[0, [2, 6]] == pytest.approx([-0.5, 0.5], abs=1e-9)
    assert rewards[0, 0] == rewards[0, 1]
    same = np.zeros((1, 12))
    step(kernel, same, np.array([[0, 0]], np.int32))
    assert np.isfinite(same).all()


def test_who_speaks_is_heard():
    kernel = games.SpeakerListener().kernel()
    state = np.zeros((1, kernel.state_size))
    state[0, 8:] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 3.0]
    rewards, _, obs = step(kernel, state, np.array([[2, 0]], np.int32))
    assert obs[0, 0, :3].tolist() == [0.15, 0.65, 0.15] and obs[0, 1, 8:].tolist() == [0.0, 0.0, 1.0]
    assert rewards.tolist() == [[-1.0, -1.0]]


@pytest.mark.parametrize("call, message", [
    (lambda: games.SimpleSpread(players=17), "players: "), (lambda: games.SimpleTag(chasers=10, chased=10), "together"),
    (lambda: games.SimpleReference(local_ratio=2.0), "local_ratio: "),
    (lambda: games.SimpleTag(obstacles=-1), "obstacles: "),
])
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def world_state(game, world):
    """A state of the other package as ours."""
    parts = [np.concatenate([a.state.p_pos, a.state.p_vel]) for a in world.agents]
    parts += [landmark.state.p_pos for landmark in world.landmarks]
    if game._goals:
        talkers = world.agents[:game._goals]
        parts.append([world.landmarks.index(a.goal_b) for a in talkers])
        parts.append([int(a.state.c.argmax()) if a.state.c.any() else len(a.state.c) for a in talkers])
    return np.concatenate(parts).astype(np.float64)


def beside(name, episodes):
    module = pytest.importorskip("mpe2").__name__
    import importlib

    game = GAMES[name]
    env = importlib.import_module(f"{module}.{name}").parallel_env()
    inner, kernel = env.unwrapped, game.kernel()
    rng = np.random.default_rng(3)
    assert [env.action_space(a).n for a in env.possible_agents] == game.action_counts.tolist()
    for episode in range(episodes):
        env.reset(seed=episode)
        world = inner.world
        if episode % 2:             # nearer, so that they touch
            for agent in world.agents:
                agent.state.p_pos *= 0.3
        state = world_state(game, world)[None]
        for t in range(25):
            actions = (rng.random(game.agents) * game.action_counts).astype(np.int32)
            _, rewards, terminated, truncated, _ = env.step(
                dict(zip(env.possible_agents, actions.tolist(), strict=True)))
            ours, over, obs = step(kernel, state, actions[None])
            assert np.abs(state[0] - world_state(game, world)).max() < 1e-12
            assert np.abs(ours[0] - list(rewards.values())).max() < 1e-12 * max(1.0, np.abs(ours).max())
            for i, agent in enumerate(world.agents):
                theirs = inner.scenario.observation(agent, world)
                assert np.abs(obs[0, i, :len(theirs)] - theirs).max() < 1e-12 and not obs[0, i, len(theirs):].any()
            assert not over[0] and not any(terminated.values())
            assert all(truncated.values()) == (t == 24)
            state[0] = world_state(game, world)         # differences do not add up


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GAMES)
def test_mpe2_moves_the_same(name):
    beside(name, 10)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GAMES)
def test_mpe2_moves_the_same_thousands_of_times(name):
    beside(name, 2000)
