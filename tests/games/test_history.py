"""Games whose agents see their last observations: by hand, both backends, files and everything that takes the game."""
import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf
from marlfast import games
from marlfast.games.history import WithHistory
from marlfast.games.own import NumPyGame

STAG = games.StagHunt(memory=1, horizon=4)
DRIFT = games.Drift(agents=2, state_size=2, actions=3, horizon=5)
HUNT = games.Pursuit(height=4, width=4, depth=1, horizon=15)
MADE = {
    "numbers": (STAG, mf.History(2)),
    "numbers, actions": (STAG, mf.History(3, actions=True)),
    "one observation and action": (STAG, mf.History(1, actions=True)),
    "own views": (HUNT, mf.History(3)),
    "own views, actions, index": (HUNT, mf.AgentIndex(mf.History(2, actions=True))),
    "grid": (DRIFT, mf.History(2, mf.Grid((-2.0, -1.0), 3.0, (4, 3)), actions=True)),
    "tiles": (DRIFT, mf.History(2, mf.Tiles(4, -2.0, 3.0, 3), actions=True)),
    "rounding": (DRIFT, mf.History(2, mf.Rounding(0))),
    "turns": (games.TicTacToe(), mf.History(2)),
    "nobody else": (games.Drift(agents=1, state_size=1, actions=1, horizon=3),
                    mf.History(2, mf.Rounding(0), actions=True)),
}


EXAMPLES = [WithHistory(games.Drift(agents=3, horizon=4), 3), WithHistory(HUNT, 2, actions=True), WithHistory(STAG, 2)]


def kernel_of(game, k, actions, backend):
    return WithHistory(game, k, actions).kernel(backend)


def walk(game, k, actions, backend, joints):
    """What is observed at the start and after each joint action, of a game without draws: [steps + 1, V, D]."""
    kernel = kernel_of(game, k, actions, backend)
    state, found = np.zeros((1, kernel.state_size)), []
    kernel.start(state, np.zeros((1, kernel.start_uniforms)), np.zeros((1, 0)))
    for joint in [None, *joints]:
        if joint is not None:
            kernel.step(state, np.array([joint], np.int32), np.zeros((1, kernel.step_uniforms)), np.zeros((1, 0)),
                        np.zeros((1, game.agents)), np.zeros(1, bool))
        observation = np.zeros((1, kernel.views, kernel.features))
        kernel.observe(state, observation)
        found.append(observation[0].tolist())
    return found


def test_what_is_remembered_by_hand(backend):
    # Observation 4: nothing was played yet; else twice the first agent's action and the second's.
    joints = [(1, 0), (0, 1), (1, 1)]
    assert walk(STAG, 1, False, backend, joints) == [[[4]], [[2]], [[1]], [[3]]]
    assert walk(STAG, 3, False, backend, joints) == [[[4, 4, 4]], [[2, 4, 4]], [[1, 2, 4]], [[3, 1, 2]]]
    assert walk(STAG, 2, True, backend, joints) == [
        [[4, -1, 4, -1], [4, -1, 4, -1]],
        [[2, 1, 4, -1], [2, 0, 4, -1]],
        [[1, 0, 2, 1], [1, 1, 2, 0]],
        [[3, 1, 1, 0], [3, 1, 1, 1]]]


def test_an_episode_begins_with_its_first_observation_k_times(backend):
    env = WithHistory(DRIFT, 3).env(runs=2, seed=0, backend=backend)
    alone = DRIFT.env(runs=2, seed=0, backend=backend)
    first, ours = alone.reset(), env.reset()
    assert ours.tolist() == np.tile(first, 3).tolist()
    rng, observed = np.random.default_rng(0), [first]
    for _ in range(12):
        actions = rng.integers(0, 3, (2, 2)).astype(np.int32)
        (one, *others), (window, *same) = alone.step(actions), env.step(actions)
        assert all(a.tolist() == b.tolist() for a, b in zip(others, same, strict=True))
        observed.insert(0, one)
        wanted = observed[:3] + [observed[-1]] * (3 - len(observed))
        assert window.tolist() == np.concatenate(wanted, axis=2).tolist()
        if others[-1].any():
            observed = [alone.reset(others[-1])]
            env.reset(same[-1])


@pytest.mark.parametrize("name", MADE)
def test_both_backends_files_and_resuming(name, tmp_path):
    game, encoder = MADE[name]
    made = {"encoder": encoder, "runs": 3, "seed": 4}
    run = mf.train(game, mf.IQL(0.3), episodes=40, **made)
    assert_same(run, mf.train(game, mf.IQL(0.3), episodes=40, backend="numpy", **made))
    assert_same(run, mf.train(game, mf.IQL(0.3), episodes=40, threads=2, block=7, **made))
    mf.train(game, mf.IQL(0.3), episodes=15, **made).save(tmp_path / "run.npz")
    half = mf.load(tmp_path / "run.npz")
    assert half.experiment.to_dict()["game"] == game.to_dict() and half.experiment.encoder == encoder
    assert_same(run, mf.train(resume=half, episodes=25))
    again = mf.Experiment.from_dict(run.experiment.to_dict())
    assert again.game == run.experiment.game and isinstance(again.game, WithHistory)


def test_rows_by_hand():
    """Of two agents who always play 1: what each row says, in the order in which they came up."""
    always = mf.learners.FixedPolicy([0.0, 1.0])
    run = mf.train(STAG, always, encoder=mf.History(2), episodes=1, seed=0)
    assert run.rows[0].tolist() == [[4, 4], [3, 4], [3, 3]]
    run = mf.train(STAG, always, encoder=mf.History(2, actions=True), episodes=1, seed=0)
    assert run.rows[0].tolist() == [[4, -1, 4, -1], [3, 1, 4, -1], [3, 1, 3, 1]]


def test_cells_of_actions_are_their_own(backend):
    """A grid has a cell for each action and one for none; tiles tell them apart in each tiling."""
    game = WithHistory(DRIFT, 2, True)
    for encoder, count in ((mf.History(2, mf.Grid(-2.0, 3.0, 2), actions=True), (2 * 2 * 4)**2),
                           (mf.History(2, mf.Tiles(4, -2.0, 3.0, 3), actions=True), 4 * (3 * 3 * 4)**2)):
        encoder.check(game)
        assert encoder.rows(game) == encoder.rows(DRIFT) == count and encoder.active(DRIFT) == encoder.active(game)
        kernel, rows = encoder.bind(game, 4, {}, backend), np.zeros((4, 2 * encoder.active(game)), np.int32)
        observation = np.tile([0.2, 0.4, -1.0, 0.2, 0.4, -1.0], (4, 2, 1))
        observation[:, :, 2] = np.arange(-1.0, 3.0)[:, None]
        kernel.encode(observation, rows)
        assert all(len(set(column)) == 4 for column in rows.T.tolist())


def test_growth_is_as_if_there_had_been_room():
    game, encoder = games.Drift(agents=2, noise=2.0, horizon=50), mf.History(2, mf.Rounding(0))
    run = mf.train(game, mf.IQL(), encoder=encoder, episodes=60, seed=0)
    assert len(run.rows[0]) > 1000
    assert_same(run, mf.train(game, mf.IQL(), encoder=encoder, episodes=60, seed=0, backend="numpy"))


def test_games_of_a_users_own_are_stepped_for_all_runs_at_once():
    calls = []

    def step(state, actions, uniforms, normals):
        calls.append(len(state))
        state[:, 0] += actions.sum(axis=1)
        return state, actions.astype(np.float64), state[:, 0] > 5.0

    game = NumPyGame(step, lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=2, state_size=1)
    run = mf.train(game, mf.IQL(0.1), encoder=mf.History(2, mf.Rounding(0), actions=True), episodes=30, runs=8, seed=0)
    assert max(calls) == 8
    calls.clear()
    alone = [mf.train(game, mf.IQL(0.1), encoder=mf.History(2, mf.Rounding(0), actions=True), episodes=30, seed=0,
                      first_run=r) for r in range(8)]
    assert set(calls) == {1} and [one.returns.tolist() for one in alone] == [[own.tolist()] for own in run.returns]


def signal(length):
    """A signal is observed once; ``length - 1`` steps later both agents must name it."""
    states = 2 * length
    ahead, paid = np.full((states + 1, 4), states), np.zeros((states + 1, 4))
    for s in range(states):
        if s % length == length - 1:
            paid[s, 3 * (s // length)] = 1.0
        else:
            ahead[s] = s + 1
    obs = [s // length if s % length == 0 else 1 + s % length for s in range(states)] + [length + 1]
    start = [0.5 * (s % length == 0 and s < states) for s in range(states + 1)]
    return games.MarkovGame(ahead, paid, [2, 2], start=start, terminal=np.arange(states + 1) == states,
                            obs=np.array(obs, np.int32))


@pytest.mark.parametrize("learner", [mf.IQL(0.1), mf.learners.SARSA(0.1), mf.learners.VDN(0.1), mf.learners.WoLFPHC(),
                                     mf.learners.IPPO()], ids=lambda one: one.name)
def test_memory_is_what_the_signal_needs(learner):
    found = [mf.evaluate(game := signal(3), mf.train(game, learner, encoder=encoder, episodes=3000, runs=4, seed=0),
                         episodes=200).mean for encoder in (None, mf.History(2), mf.History(3))]
    assert found[0] < 0.65 and found[1] < 0.65 and found[2] > 0.9


def test_what_takes_the_game_takes_what_remembers(tmp_path):
    run = mf.train(STAG, mf.IQL(0.1), encoder=mf.History(2), episodes=200, runs=2, seed=0)
    played = mf.evaluate(STAG, run, episodes=20)
    assert played.returns.tolist() == mf.evaluate(run.experiment.game, run, episodes=20).returns.tolist()
    assert len(mf.replay(STAG, run).actions) == 4 and len(mf.replay(STAG, run.policy()).actions) == 4
    assert mf.analysis.expected_return(run).returns.shape == (2, 2)
    team = mf.Team(mf.IQL(), STAG, seed=0, encoder=mf.History(2))
    env = team.game.env(seed=0)
    assert team.act(env.reset()).shape == (1, 2)
    league = mf.League(games.Soccer(3, 3), [mf.IQL(), mf.IQL()], encoder=mf.History(2), seed=0)
    league.train(generations=1, steps=200)
    assert league.table(episodes=2).wins.shape == (2, 2)
    other = mf.train(STAG, mf.IQL(0.1), episodes=200, runs=2, seed=0)
    assert mf.compare({"one": other, "two": run}).names
    with pytest.raises(ValueError, match="give the game that was trained on, experiment.game$"):
        mf.analysis.exploitability(STAG, run, discount=0.9)


def test_the_encoder_alone_says_whether_agents_remember():
    experiment = mf.Experiment(STAG, mf.IQL(), encoder=mf.History(2), steps=9, seed=0)
    assert experiment.replace(encoder=mf.History(3)).game.k == 3
    assert experiment.replace(encoder=None).game == STAG
    assert repr(experiment.game) == f"WithHistory(game={STAG!r}, k=2, actions=False)"


def test_facts():
    game = WithHistory(HUNT, 2, True)
    assert (game.name, game.agents, game.views, game.features, game.observations) == ("pursuit", 2, 2, 4, None)
    low, high = game.bounds
    assert low.tolist() == [0, -1, 0, -1] and high.tolist() == [9, 3, 9, 3]
    assert WithHistory(HUNT, 3).integer_state and not WithHistory(DRIFT, 3).integer_state
    assert game.render(game.env(seed=0).state[0]) == HUNT.render(HUNT.env(seed=0).state[0])
    assert not WithHistory(games.Drift(horizon=0), 2).ends and WithHistory(games.Drift(agents=3), 2).views == 1


@pytest.mark.parametrize("make, message", [
    (lambda: mf.History(0), "k: expected 1 to 1024, got 0"),
    (lambda: mf.History(2.5), "k: expected a whole number, got 2.5"),
    (lambda: mf.History(2, actions=3), "actions: expected True or False, got 3"),
    (lambda: mf.History(2, mf.History(2)), "encoder: 'history' is put around a history"),
    (lambda: mf.History(2, mf.AgentIndex()), "give AgentIndex(History(2)), or one History of a greater k"),
    (lambda: mf.train(DRIFT, mf.IQL(), encoder=mf.History(2), steps=9), "give History an encoder of one of them"),
    (lambda: mf.train(DRIFT, mf.IQL(), encoder=mf.History(2, mf.Rounding(-1), True), steps=9),
     "rounding to 10s would not tell actions apart"),
    (lambda: mf.train(DRIFT, mf.IQL(), encoder=mf.History(2, mf.Grid((0.0,) * 3, 1.0, 2)), steps=9),
     "grid has 3 values of low, but game 'drift' has 2 features"),
    (lambda: mf.train(DRIFT, mf.IQL(), encoder=mf.History(2, mf.Tiles(2, 0.0, 1.0, 2, [[0]])), steps=9),
     "leave groups out"),
    (lambda: mf.train(DRIFT, mf.IQL(), encoder=mf.History(65, mf.Rounding(0)), steps=9), "at most 128 features"),
    (lambda: mf.train(HUNT, mf.learners.QMIX(), central=mf.History(2), steps=9), "history is of what agents observe"),
    (lambda: WithHistory(WithHistory(STAG, 2), 2), "give one history of a greater k"),
    (lambda: mf.train(STAG, mf.IQL(), encoder=mf.History(12, mf.Grid(0.0, 5.0, 100)), steps=9), "use fewer bins"),
])
def test_what_is_refused(make, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("k", [0, 1025])
def test_what_the_kernel_refuses(k, backend):
    with pytest.raises(ValueError, match="^k: expected 1 to 1024, got "):
        mf.backends.kernels(backend, "history").History(STAG.kernel(backend), k, False)
