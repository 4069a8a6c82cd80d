"""Every game as a PettingZoo environment: PettingZoo's own checks, and the same numbers as ``game.env``."""
import copy
import pickle
import types
import warnings

import numpy as np
import pytest

import marlfast as mf

from .helpers import DRIFT, SIDES, UNEVEN, kinds, no_warnings, wanted

pytest.importorskip("pettingzoo")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)     # its checks import environments in a way that it gave up
    from pettingzoo.test import (
        api_test,
        max_cycles_test,
        parallel_api_test,
        parallel_seed_test,
        render_test,
        seed_test,
        state_test,
    )

from marlfast.adapters.pettingzoo import env, parallel_env  # noqa: E402

CYCLES = 12


def prepared(made, seed=0):
    """With a seed, and actions sampled from seeds, so that the checks do the same each time."""
    made.reset(seed=seed)
    for k, agent in enumerate(made.possible_agents):
        made.action_space(agent).seed(seed + k)
    return made


def play(made, actions, seed=None):
    """All that an episode shows, under the actions given (one array [N] a step)."""
    observations, infos = made.reset(seed=seed)
    trace = [(observations, infos, made.state())]
    for joint in actions:
        trace.append((*made.step(dict(zip(made.agents, joint, strict=True))), made.state()))
        if not made.agents:
            break
    return trace


def drawn(game, steps, seed=0):
    generator = np.random.default_rng(seed)
    return (generator.random((steps, game.agents)) * game.action_counts).astype(int)


# -- PettingZoo's checks ------------------------------------------------------------------------


def test_pettingzoo_accepts_every_game(game_example):
    for kind in kinds(game_example):
        with no_warnings(game_example, kind):
            parallel_api_test(prepared(parallel_env(game_example, kind)), num_cycles=CYCLES)
            api_test(prepared(env(game_example, observations=kind)), num_cycles=CYCLES)
            parallel_seed_test(lambda kind=kind: parallel_env(game_example, kind), num_cycles=CYCLES)
            seed_test(lambda kind=kind: env(game_example, observations=kind), num_cycles=CYCLES)
            state_test(prepared(env(game_example, observations=kind)), prepared(parallel_env(game_example, kind)),
                       num_cycles=3)


@pytest.mark.parametrize("kind", kinds(SIDES))
def test_pettingzoo_accepts_views_of_their_own(kind):
    with no_warnings(SIDES, kind):
        parallel_api_test(prepared(parallel_env(SIDES, kind, backend="numpy")), num_cycles=CYCLES)
        api_test(prepared(env(SIDES, observations=kind, backend="numpy")), num_cycles=CYCLES)


def lasts(game, seed):
    """Whether an episode of 4 steps passes without an end by the game, for both kinds of environments."""
    for make in (parallel_env, env):
        made = prepared(make(game, max_cycles=4), seed)
        made.reset()
        while made.agents:
            agents = made.agents if make is parallel_env else [made.agent_selection]
            taken = {agent: made.action_space(agent).sample() for agent in agents}
            if make is parallel_env:
                terminations = made.step(taken)[2]
            elif made.truncations[agents[0]]:
                break
            else:
                made.step(taken[agents[0]])
                terminations = made.terminations
            if any(terminations.values()):
                return False
    return True


def test_max_cycles_of_every_game(game_example):
    seed = next((seed for seed in range(20) if lasts(game_example, seed)), None)
    if seed is None:
        pytest.skip("ends by itself before the fourth step")
    with no_warnings(game_example, "vector"):
        max_cycles_test(types.SimpleNamespace(
            parallel_env=lambda max_cycles: prepared(parallel_env(game_example, max_cycles=max_cycles), seed),
            env=lambda max_cycles: prepared(env(game_example, max_cycles=max_cycles), seed)))


def test_every_game_can_be_shown(game_example):
    def make(render_mode):
        # PettingZoo's check begins with a window, which no game has.
        return env(game_example, render_mode=None if render_mode == "human" else render_mode)

    modes = make(None).metadata["render_modes"]
    started = game_example.env(seed=0)
    started.reset()
    assert "ansi" in modes and ("rgb_array" in modes) == (game_example.board(started.state[0]) is not None)
    if "rgb_array" in modes:
        pytest.importorskip("matplotlib")
    render_test(make)


# -- the same numbers ---------------------------------------------------------------------------


def test_steps_are_those_of_the_game(game_example):
    """Three episodes, each to its end or 25 steps, beside ``game.env``."""
    for kind in kinds(game_example):
        made, plain = parallel_env(game_example, kind), game_example.env(seed=7)
        for episode in range(3):
            trace = play(made, drawn(game_example, 25, episode), seed=7 if episode == 0 else None)
            obs, rewards, terminated, truncated = plain.reset(), None, [False], [False]
            for k, (observations, *rest, state) in enumerate(trace):
                if k:
                    obs, rewards, terminated, truncated = plain.step(drawn(game_example, 25, episode)[k - 1])
                    assert rest[0] == dict(zip(made.possible_agents, rewards[0].tolist(), strict=True))
                    assert set(rest[1].values()) == set(terminated.tolist())
                    assert set(rest[2].values()) == set(truncated.tolist())
                views = wanted(game_example, kind, obs[0])
                for i, agent in enumerate(made.possible_agents):
                    view = views[i % len(views)]
                    assert (observations[agent] == view).all() and observations[agent].dtype == view.dtype
                    assert made.observation_space(agent).contains(observations[agent])
                assert (state == plain.state[0].astype(np.float32)).all() and made.state_space.contains(state)
            assert (terminated[0] or truncated[0]) == (not made.agents)


def same(one, other):
    return np.array_equal(pickle.dumps(one), pickle.dumps(other))


@pytest.mark.parametrize("game", [UNEVEN, DRIFT], ids=["uneven", "drift"])
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_the_same_seed_gives_the_same_episodes(game, backend):
    first, second, third = parallel_env(game), parallel_env(game, backend=backend), parallel_env(game)
    episodes = [[play(made, drawn(game, 9, k), seed if k == 0 else None) for k in range(6)]
                for made, seed in ((first, 3), (second, 3), (third, 4))]
    assert same(episodes[0], episodes[1])
    assert sum(same(a, b) for a, b in zip(episodes[0], episodes[2], strict=True)) <= 2       # few states: some are
    assert not all(same(episodes[0][0], later) for later in episodes[0][1:])     # the stream goes on
    again = [play(first, drawn(game, 9, k), 3 if k == 0 else None) for k in range(6)]
    assert same(again, episodes[0])             # a seed begins anew also where episodes came before it
    assert {len(trace) for trace in episodes[0]} != {10}    # ends were seen


def test_without_a_seed_no_two_are_alike():
    made = [parallel_env(DRIFT) for _ in range(3)]
    starts = [m.reset()[0]["agent_0"].tolist() for m in made]
    assert starts[0] != starts[1] != starts[2] != starts[0]


def test_agents_have_views_of_their_own():
    made = parallel_env(SIDES, backend="numpy")
    observations, _ = made.reset(seed=1)
    start = [int(observations[agent]) for agent in made.agents]
    assert start == made.state().tolist()
    observations, rewards, *_ = made.step({"agent_0": 2, "agent_1": 0})
    assert [int(observations[agent]) for agent in made.agents] == [start[0] + 2, start[1]]
    assert rewards == {"agent_0": start[0] + 2 - 20.0, "agent_1": start[1]}


def test_nothing_returned_is_used_again():
    made = parallel_env(SIDES, "one_hot", backend="numpy")
    kept = []
    parts = [made.reset(seed=0)[0]]
    for _ in range(3):
        parts.append(made.step({"agent_0": 0, "agent_1": 1})[0])
        now = [*parts[-1].values(), made.state()]
        assert not any(np.shares_memory(a, b) for a in now for b in [*kept, made._env.state, made._env.observation])
        assert not np.shares_memory(now[0], now[1])         # agents share none either
        kept += now
        for array in now:
            array[...] = -1.0               # what a caller does to them changes nothing
    assert [a.tolist() for a in kept] == [[-1.0] * a.size for a in kept]
    assert made.state().min() >= 0
    infos = made.reset()[1]
    infos["agent_0"]["mine"] = 1
    assert made.step({"agent_0": 0, "agent_1": 0})[4] == {"agent_0": {}, "agent_1": {}}


def test_exact_numbers_on_request():
    made, plain = parallel_env(DRIFT, dtype="float64"), DRIFT.env(seed=2)
    observations, _ = made.reset(seed=2)
    assert observations["agent_1"].tobytes() == plain.reset()[0, 0].tobytes()
    assert made.state().tobytes() == plain.state[0].tobytes()
    assert made.observation_space("agent_1").dtype == made.state_space.dtype == np.float64


# -- spaces, ends, arguments --------------------------------------------------------------------


def test_spaces():
    gymnasium = pytest.importorskip("gymnasium")
    index, one_hot, vector = (parallel_env(UNEVEN, kind) for kind in ("index", "one_hot", "vector"))
    assert parallel_env(UNEVEN).observation_space("agent_0") == gymnasium.spaces.Discrete(4)
    assert index.observation_space("agent_1") == gymnasium.spaces.Discrete(4)
    assert one_hot.observation_space("agent_1") == gymnasium.spaces.Box(0.0, 1.0, (4,))
    assert vector.observation_space("agent_1") == gymnasium.spaces.Box(0.0, 3.0, (1,))
    assert [index.action_space(agent).n for agent in index.possible_agents] == [2, 3]
    assert index.state_space == gymnasium.spaces.Box(-np.inf, np.inf, (1,))
    assert parallel_env(DRIFT).observation_space("agent_2") == gymnasium.spaces.Box(-np.inf, np.inf, (2,))
    assert index.observation_space("agent_0") is not index.observation_space("agent_1")


def test_bounds_are_the_games():
    class Bounded(mf.games.Drift):
        bounds = np.array([-0.1, -1e300]), np.array([0.1, 2.0])

    with np.errstate(over="ignore"):
        space = parallel_env(Bounded()).observation_space("agent_0")
    assert space.low.tolist() == [np.float32(-0.1), -np.inf] and space.high.tolist() == [np.float32(0.1), 2.0]


@pytest.mark.parametrize("given, length", [(None, 4), (2, 2), (9, 9)])
def test_max_cycles_takes_the_place_of_the_horizon(given, length):
    assert len(play(parallel_env(DRIFT, max_cycles=given), drawn(DRIFT, 20), seed=0)) == length + 1


def test_max_cycles_can_be_written():
    made = parallel_env(DRIFT)
    made.max_cycles = 0
    assert len(play(made, drawn(DRIFT, 30), seed=0)) == 31
    made.max_cycles = 6
    assert len(play(made, drawn(DRIFT, 30))) == 7
    made.max_cycles = None
    assert made.max_cycles == 4
    with pytest.raises(ValueError, match="max_cycles: expected at least 0, got -1"):
        made.max_cycles = -1


def test_the_end_at_the_time_limit_is_no_truncation():
    game = mf.games.MarkovGame(np.eye(2)[[[1], [1]]], np.ones((2, 1)), (1,), terminal=[False, True], horizon=1)
    made = parallel_env(game)
    made.reset()
    _, _, terminations, truncations, _ = made.step({"agent_0": 0})
    assert (terminations, truncations, made.agents) == ({"agent_0": True}, {"agent_0": False}, [])


def test_a_copy_is_where_the_original_is():
    made = parallel_env(DRIFT, max_cycles=2)
    made.reset(seed=3)
    copy = pickle.loads(pickle.dumps(made))
    assert copy.agents == made.agents and copy.max_cycles == 2
    assert copy.reset(seed=3)[0]["agent_0"].tolist() == made.reset(seed=3)[0]["agent_0"].tolist()


def test_text_and_pictures():
    made = parallel_env(DRIFT, render_mode="ansi")
    made.reset(seed=0)
    assert made.render() == DRIFT.render(made._env.state[0]) and made.metadata["render_modes"] == ["ansi"]
    silent = parallel_env(DRIFT)
    silent.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode"):
        assert silent.render() is None
    with pytest.raises(ValueError, match="render_mode: game 'drift' has 'ansi'; got 'rgb_array'"):
        parallel_env(DRIFT, render_mode="rgb_array")


def test_a_game_on_squares_has_a_picture():
    pytest.importorskip("matplotlib")

    class OnSquares(mf.games.Drift):
        def board(self, state):
            return mf.games.board.Board(2, 3, (mf.games.board.Mark(0, 1, "a"),))

    made = parallel_env(OnSquares(), render_mode="rgb_array")
    made.reset(seed=0)
    picture = made.render()
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3 and picture.flags.owndata
    assert (picture == 255).all(axis=2).mean() > 0.3 and (picture != 255).any()


@pytest.mark.parametrize("options, error, words", [
    ({"game": 3}, TypeError, "game: expected a game"),
    ({"game": "drfit"}, ValueError, "did you mean 'drift'"),
    ({"observations": "vectors"}, ValueError, "observations: expected one of 'index', 'one_hot', 'vector'"),
    ({"observations": "index"}, ValueError, "observations: game 'drift' has 2 real numbers"),
    ({"max_cycles": 1.5}, TypeError, "max_cycles: expected a whole number, got 1.5"),
    ({"render_mode": "human"}, ValueError, "render_mode: game 'drift' has 'ansi'; got 'human'"),
    ({"dtype": "int8"}, ValueError, "dtype: expected one of 'float32', 'float64'"),
    ({"dtype": "x"}, ValueError, "dtype: expected one of 'float32', 'float64'"),
    ({"backend": "c"}, ValueError, "backend: expected one of 'cython', 'numpy'"),
])
def test_arguments_that_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        parallel_env(**{"game": DRIFT, **options})


@pytest.mark.parametrize("actions, error, words", [
    ({"agent_0": 0}, ValueError, "actions: expected one for each of agent_0, agent_1"),
    ({"agent_0": 0, "agent_1": 0, "agent_2": 0}, ValueError, "actions: expected one for each"),
    ([0, 0], ValueError, "actions: expected one for each"),
    ({"agent_0": 2, "agent_1": 0}, ValueError, r"actions\['agent_0'\]: expected 0 to 1, got 2"),
    ({"agent_0": 0, "agent_1": -1}, ValueError, r"actions\['agent_1'\]: expected 0 to 2, got -1"),
    ({"agent_0": 0, "agent_1": 2**70}, ValueError, r"actions\['agent_1'\]: expected 0 to 2, got"),
    ({"agent_0": 0, "agent_1": None}, TypeError, r"actions\['agent_1'\]: expected a whole number, got None"),
    ({"agent_0": 0.0, "agent_1": 0}, TypeError, r"actions\['agent_0'\]: expected a whole number, got 0.0"),
])
def test_actions_that_are_refused(actions, error, words):
    made = parallel_env(UNEVEN)
    made.reset(seed=0)
    before = made.state()
    with pytest.raises(error, match=words):
        made.step(actions)
    assert (made.state() == before).all() and made.agents == ["agent_0", "agent_1"]


def test_actions_of_any_kind_of_whole_number():
    made, plain = parallel_env(UNEVEN), parallel_env(UNEVEN)
    for one in (made, plain):
        one.reset(seed=0)
    found = made.step({"agent_0": np.int8(1), "agent_1": np.array(2)})
    assert found[1:] == plain.step({"agent_0": 1, "agent_1": 2})[1:] and (made.state() == plain.state()).all()


def test_what_comes_too_early_or_too_late():
    made = parallel_env(DRIFT)
    for call in (made.state, made.render):
        with pytest.raises(ValueError, match="call reset first"):
            call()
    actions = dict.fromkeys(made.possible_agents, 0)
    with pytest.raises(ValueError, match="call reset first"):
        made.step(actions)
    play(made, drawn(DRIFT, 10))
    with pytest.raises(ValueError, match="the episode is over"):
        made.step(actions)
    with pytest.raises(ValueError, match="seed: expected 0 to"):
        made.reset(seed=-1)


# -- agents that leave, turns, masks --------------------------------------------------------------

def _with_moves():
    from test_moves import deaths, masked_turns, turns

    return {"nim": mf.games.Nim(), "tic-tac-toe": mf.games.TicTacToe(), "kuhn": mf.games.KuhnPoker(),
            "leduc": mf.games.LeducPoker(), "turns": turns(), "leaving": deaths(), "all of it": masked_turns()}


@pytest.mark.parametrize("name", ["nim", "tic-tac-toe", "kuhn", "leduc", "turns", "leaving", "all of it"])
def test_pettingzoo_accepts_games_with_turns_masks_and_agents_that_leave(name, capsys):
    game = _with_moves()[name]
    with no_warnings(game, "vector" if game.observations is None else "index"):
        api_test(env(game), num_cycles=40)
        seed_test(lambda: env(game), num_cycles=40)
        if "to_act" not in game.participation:
            parallel_api_test(parallel_env(game), num_cycles=40)
            parallel_seed_test(lambda: parallel_env(game), num_cycles=40)


def test_agents_that_leave_are_told_so():
    """Agent 0 after two steps, agent 1 after four."""
    made = parallel_env(_with_moves()["leaving"])
    made.reset(seed=0)
    trace = []
    while made.agents:
        _, rewards, over, cut, infos = made.step(dict.fromkeys(made.agents, 0))
        trace.append((rewards, over, any(cut.values()), infos))
    both, one = {"agent_0": 1.0, "agent_1": 1.0}, {"agent_1": 1.0}
    assert [rewards for rewards, *_ in trace] == [both, both, one, one]
    assert [over for _, over, *_ in trace] == [
        {"agent_0": False, "agent_1": False}, {"agent_0": True, "agent_1": False}, {"agent_1": False},
        {"agent_1": True}]
    assert not any(cut for *_, cut, _ in trace)
    with pytest.raises(ValueError, match="agents take turns, which parallel_env does not take; .*pettingzoo.env does"):
        parallel_env(mf.games.Nim())


def test_turns_are_those_of_the_game_and_an_illegal_action_may_be_chosen_again():
    """Nim of one pile of two: who takes both wins at once."""
    made = env(mf.games.Nim(piles=(2,), misere=False))
    made.reset(seed=0)
    assert made.agent_selection == "agent_0" and made.infos["agent_0"]["action_mask"].tolist() == [1, 1]
    made.step(0)
    assert made.agent_selection == "agent_1" and made.infos["agent_1"]["action_mask"].tolist() == [1, 0]
    with pytest.raises(ValueError, match="action 1 of agent 1 is not legal at step 1 of run 0"):
        made.step(1)
    with pytest.raises(ValueError, match=r"actions\['agent_1'\]: expected 0 to 1, got 2"):
        made.step(2)
    assert made.agent_selection == "agent_1"
    made.step(0)
    assert made.rewards == {"agent_0": -1.0, "agent_1": 1.0} and all(made.terminations.values())
    while made.agents:
        made.step(None)


def test_a_game_with_turns_made_an_environment_and_then_a_game_again(backend):
    """Both adapters in a row: the same is learned as without them."""
    inner = mf.games.Nim(piles=(1, 2))
    game = mf.games.PettingZooGame(lambda: env(inner))
    options = {"episodes": 300, "seed": 2, "backend": backend}
    assert game.participation == ("present", "to_act", "legal", "truncated")
    one = mf.train(game, mf.IQL(0.3), **options)
    other = mf.train(inner, mf.IQL(0.3), encoder=None if inner.observations else mf.Rounding(0), **options)
    assert one.returns.tolist() == other.returns.tolist() and one.lengths.tolist() == other.lengths.tolist()


@pytest.mark.parametrize("way", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy])
def test_copies_are_in_the_same_turn(way):
    made = env(mf.games.KuhnPoker())
    made.reset(seed=3)
    made.step(0)
    other = way(made)
    for one in (made, other):
        one.step(1)
    assert made.agent_selection == other.agent_selection and made.rewards == other.rewards
    assert made.observe("agent_0") == other.observe("agent_0")


def test_a_policy_of_a_game_with_masks_is_asked_by_names():
    """Nim of one pile of three, whose last coin loses: take two."""
    pile = mf.games.Nim(piles=(3,))
    game = mf.games.PettingZooGame(lambda: env(pile))
    learner = mf.IQL(0.5, discount=1.0, explore=mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.05))
    run = mf.train(game, learner, encoder=None if game.observations else mf.Rounding(0), episodes=500, seed=0)
    policy, made = run.policy(0), env(pile)
    made.reset(seed=0)
    for chosen in (1, 0):               # two coins; the other one is left with one
        agent = made.agent_selection
        obs, mask = made.observe(agent), made.infos[agent]["action_mask"]
        assert policy({agent: obs}, legal={agent: mask}) == {agent: chosen}
        assert policy({agent: {"observation": obs, "action_mask": mask}}) == {agent: chosen}
        made.step(chosen)
    with pytest.raises(ValueError, match="legal: expected what agent 'agent_0' may do, legal={'agent_0': mask}"):
        policy({"agent_0": obs})
    with pytest.raises(ValueError, match="legal: expected a mask of 3 entries for agent 'agent_0'"):
        policy({"agent_0": obs}, legal={"agent_0": [1, 0]})
    with pytest.raises(ValueError, match="unknown agent 'agent_9'"):
        policy({"agent_9": obs}, legal={"agent_9": [1, 0, 1]})
