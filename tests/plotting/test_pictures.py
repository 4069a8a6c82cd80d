"""Pictures of what was learned, played and swept show the numbers they say they show, and stand the smallest input."""
import inspect
import sys

import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis, plotting
from marlfast.learners import FrequencyAdjustedQ, WoLFPHC
from marlfast.plotting.maps import likeliest_actions

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.collections import QuadMesh  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402


def drawn(ax):
    """Draw it all, so that what matplotlib puts off is done too; the axes."""
    FigureCanvasAgg(ax.figure).draw()
    return ax


def mesh(ax):
    """Numbers of the only picture, NaN where it has none."""
    (quad,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    return np.ma.filled(quad.get_array().astype(float), np.nan)


def texts(ax):
    return [t.get_text() for t in ax.texts if t.get_text()]


@pytest.fixture(scope="module")
def grid():
    return mf.train(mf.games.Drift(agents=2, horizon=20), mf.IQL(), encoder=mf.Grid(-2.0, 2.0, (5, 4)), episodes=30,
                    runs=2, seed=1)


@pytest.fixture(scope="module")
def dilemma():
    return mf.train(mf.games.PrisonersDilemma(memory=1, horizon=10), mf.IQL(), episodes=100, runs=2, seed=0)


# -- maps -----------------------------------------------------------------------------------------


def test_policy_over_two_features(grid):
    for agent in (0, 1):
        shown = mesh(drawn(plotting.policy_map(grid, run=1, agent=agent)))
        greedy = grid.tables(agent)["greedy"][1, :, agent].reshape(5, 4).T.astype(float)
        visits = grid.visits[1, :, agent].reshape(5, 4).T
        assert (visits == 0).any() and (visits > 0).any()
        np.testing.assert_array_equal(shown, np.where(visits > 0, greedy, np.nan))


def test_visits_and_values_over_two_features(grid):
    visits = grid.visits[0, :, 0].reshape(5, 4).T.astype(float)
    np.testing.assert_array_equal(mesh(drawn(plotting.visit_map(grid))), np.where(visits > 0, visits, np.nan))
    values = grid.q[0, :, 0].max(axis=1).reshape(5, 4).T
    np.testing.assert_allclose(mesh(drawn(plotting.value_map(grid))), np.where(visits > 0, values, np.nan))


def test_axes_of_two_features(grid):
    ax = plotting.policy_map(grid)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 0 of the observation", "feature 1 of the observation")
    np.testing.assert_allclose(ax.get_xlim(), (-2.0, 2.0))      # the edges of the outer cells
    np.testing.assert_allclose(ax.get_ylim(), (-2.0, 2.0))
    assert ax.get_title(loc="left") == "drift, iql: greedy actions, agent 0, run 0"


def test_policy_side_by_side(dilemma):
    ax = drawn(plotting.policy_map(dilemma, names=("C", "D")))
    actions, certain = likeliest_actions(dilemma)
    assert certain.all()
    np.testing.assert_array_equal(mesh(ax), actions.T)
    assert texts(ax) == ["CD"[a] for a in actions.T.ravel()]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["agent 0", "agent 1"]


def test_policy_in_lines(dilemma):
    rows = len(dilemma.rows[0])
    ax = drawn(plotting.policy_map(dilemma, agent=1, shape=(rows, 1), axes_labels=("below", "beside")))
    np.testing.assert_array_equal(mesh(ax)[:, 0], likeliest_actions(dilemma)[0][:, 1])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("below", "beside")
    with pytest.raises(ValueError, match=f"shape: expected numbers whose product is the number of rows, {rows}"):
        plotting.policy_map(dilemma, shape=(rows, 2))


def test_many_rows_are_wrapped():
    run = mf.train(mf.games.Soccer(), mf.IQL(), steps=50, seed=0)
    ax = drawn(plotting.visit_map(run))
    shown, visits = mesh(ax), run.visits[0, :, 0]
    assert np.nansum(shown) == visits.sum() == 50
    columns = shown.shape[1]
    for row in np.flatnonzero(visits):
        assert shown[row // columns, row % columns] == visits[row]


def test_one_agent_one_action_one_row():
    game = mf.games.MatrixGame([5.0])
    run = mf.train(game, mf.IQL(), steps=3)
    for draw in (plotting.policy_map, plotting.visit_map, plotting.value_map):
        assert mesh(drawn(draw(run))).shape == (1, 1)


def test_rounded_observations():
    game = mf.games.Drift(agents=2, state_size=1, horizon=10)
    run = mf.train(game, mf.IQL(), encoder=mf.Rounding(0), episodes=3, seed=0)
    ax = drawn(plotting.policy_map(run))
    assert mesh(ax).shape == (2, len(run.rows[0]))
    assert [t.get_text() for t in ax.get_xticklabels()] == [f"{v:g}" for v in run.rows[0][:, 0]]


def test_likeliest_actions_of_mixed_policies():
    run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=10), WoLFPHC(), episodes=20, seed=0)
    expected = [[run.tables(i)["policy"][0, row, i].argmax() for i in range(2)] for row in range(len(run.rows[0]))]
    found, certain = likeliest_actions(run)
    assert found.tolist() == expected and not certain.any()
    assert "likeliest actions of mixed policies" in plotting.policy_map(run).get_title(loc="left")


def test_learners_of_joint_actions_have_policies_but_no_values_of_actions():
    run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=10), mf.learners.NashQ(), episodes=20, seed=0)
    assert mesh(drawn(plotting.policy_map(run))).shape == (2, len(run.rows[0]))
    with pytest.raises(ValueError, match="'nash_q' has no values of an agent's own actions"):
        plotting.value_map(run)
    opponents = mf.train(mf.games.PrisonersDilemma(), mf.learners.Random(), steps=5)
    with pytest.raises(ValueError, match="counts no visits"):
        plotting.visit_map(opponents)


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda r: plotting.policy_map(r, run=2), ValueError, "run: expected 0 to 1"),
    (lambda r: plotting.policy_map(r, agent=2), ValueError, "agent: expected 0 to 1"),
    (lambda r: plotting.policy_map(r, names=("C",)), ValueError, "names: expected one for each of 2 actions"),
    (lambda r: plotting.policy_map(r.policy()), TypeError, "result: expected a Result"),
])
def test_bad_maps(dilemma, call, error, text):
    with pytest.raises(error, match=text):
        call(dilemma)


# -- boards ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hunters():
    return mf.train(mf.games.Pursuit(), mf.IQL(), episodes=100, seed=0)


def test_a_map_on_the_board_shows_what_the_policy_does(hunters):
    game = hunters.experiment.game
    env = game.env(seed=3)
    env.reset()
    state = env.state[0]
    ax = drawn(plotting.board_policy(hunters, state, names="abcde"[:int(game.action_counts[0])]))
    policy, kernel = hunters.policy(), game.kernel("numpy")
    first, *others = np.asarray(state).reshape(-1, 2).astype(int).tolist()
    signs = {(t.get_position()[1] - 0.5, t.get_position()[0] - 0.5): t.get_text() for t in ax.texts}
    compared = 0
    for row in range(game.height):
        for column in range(game.width):
            if [row, column] in others:
                continue
            there = state.copy()
            there[:2] = row, column
            obs = np.empty((1, game.views, game.features))
            kernel.observe(there[None], obs)
            assert signs[row, column] == "abcde"[policy(obs[0])[0]]
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("game", [mf.games.Pursuit(), mf.games.CoinGame(), mf.games.Soccer()])
def test_arrows_say_where_actions_lead(game):
    env = game.env(seed=1)
    env.reset()
    places = plotting.boards._places(game, env.state[0], 0)
    count = int(game.action_counts[0])
    signs = plotting.boards._directions(game, game.kernel("numpy"), places, 0, count)
    arrows = {"↑": (-1, 0), "↓": (1, 0), "←": (0, -1), "→": (0, 1)}
    assert set(arrows) <= set(signs) and len(set(signs)) == count
    board = game.board(env.state[0])
    home = next(m for m in board.marks if m.kind == "agent")
    for action, sign in enumerate(signs):
        if sign in arrows:
            moved = places[home.row, home.column].copy()[None]
            actions = np.zeros((1, game.agents), np.int32)
            actions[0, 0] = action
            kernel = game.kernel("numpy")
            kernel.step(moved, actions, np.full((1, kernel.step_uniforms), 0.5), np.zeros((1, kernel.step_normals)),
                        np.zeros((1, game.agents)), np.zeros(1, bool))
            now = next(m for m in game.board(moved[0]).marks if m.kind == "agent")
            move = now.row - home.row, now.column - home.column
            round_the_edge = board.height if isinstance(game, mf.games.CoinGame) else 100
            assert move == (0, 0) or not ((np.array(move) - arrows[sign]) % round_the_edge).any()


def test_boards_without_a_place_are_refused(hunters):
    with pytest.raises(ValueError, match="agent: expected 0 to 1"):
        plotting.board_policy(hunters, np.zeros(6), agent=2)
    spins = mf.train(mf.games.Ising(height=2, width=2), mf.IQL(), steps=5)
    with pytest.raises(ValueError, match="is not found in its state"):
        plotting.board_policy(spins, np.ones(4))
    with pytest.raises(ValueError, match="is not played on squares"):
        plotting.board_policy(mf.train(mf.games.PrisonersDilemma(), mf.IQL(), steps=5), np.zeros(1))


# -- an episode -----------------------------------------------------------------------------------


def test_a_replay_is_the_episode_that_is_evaluated(hunters):
    game = hunters.experiment.game
    known = mf.evaluate(game, hunters, episodes=3, seed=5)
    for k in range(3):
        kept = mf.replay(game, hunters, seed=5, episode=k)
        assert kept.rewards.sum(axis=0) == pytest.approx(known.returns[0, k])
        assert len(kept.actions) == known.lengths[0, k] == len(kept.states) - 1


def test_text_of_a_replay():
    game = mf.games.PrisonersDilemma(horizon=2)
    kept = mf.replay(game, lambda observation: [0, 1])
    lines = kept.text().split("\n\n")
    assert lines[0].startswith("start\n") and len(lines) == 3
    assert lines[2].startswith("step 2: actions cooperate defect, rewards ") and "(truncated)" in lines[2]
    assert repr(mf.replay(game, "random", max_steps=1)) == "Replay(prisoners_dilemma, 1 steps, max_steps)"
    again = [mf.replay(game, "random", seed=3).actions.tolist() for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize("game", [mf.games.Soccer(), mf.games.PrisonersDilemma(horizon=4)])
def test_gif(game, tmp_path):
    image = pytest.importorskip("PIL.Image")
    kept = mf.replay(game, "random", max_steps=4)
    kept.gif(tmp_path / "game.gif", seconds=0.25)
    with image.open(tmp_path / "game.gif") as read:
        assert read.n_frames == 5 and read.info["duration"] == 250


def test_bad_replays():
    game = mf.games.PrisonersDilemma(horizon=4)
    with pytest.raises(TypeError, match="policy: expected a Policy, a Result, 'random' or a function"):
        mf.replay(game, "best")
    with pytest.raises(ValueError, match="max_steps: episode 0 of seed 0 is longer than 2 steps"):
        mf.replay(game, "random", episode=1, max_steps=2)


# -- play -----------------------------------------------------------------------------------------


def areas(ax):
    """Heights of the stacked areas, each at the middles of its polygon."""
    found = []
    for area in ax.collections:
        corners = area.get_paths()[0].vertices
        found.append(np.ptp(corners[np.isclose(corners[:, 0], corners[:, 0].min())][:, 1]))
    return found


def test_joint_actions_that_were_played():
    played = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    at, shares, counts = plotting.play._frequencies(played, None, 2, None)
    assert (at.tolist(), counts) == ([1.5, 3.5], (2, 2))
    assert shares.tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    ax = drawn(plotting.joint_actions(played, names=("C", "D"), max_shown=2))
    told = [t.get_text() for t in ax.get_legend().get_texts()]
    assert told == ["2 others", "D C", "C C"]
    assert sum(areas(ax)) == pytest.approx(1.0)


def test_joint_actions_after_a_runs_end_are_left_out():
    played = np.array([[[0, 0], [1, 1]], [[1, 0], [-1, -1]]])
    _, shares, _ = plotting.play._frequencies(played, (2, 2), 2, None)
    assert shares.tolist() == [[0.5, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize("played", [np.zeros((1, 1), int), np.zeros((5, 3), int), np.full((1, 4), 0.25)])
def test_small_joint_actions(played):
    drawn(plotting.joint_actions(played))


def test_joint_actions_of_a_recorder():
    path = analysis.StrategyRecorder()
    mf.train(mf.games.PrisonersDilemma(), mf.IQL(explore=mf.Boltzmann(0.5)), steps=30, block=10, runs=2, callback=path)
    ax = drawn(plotting.joint_actions(path))
    assert ax.get_xlim() == (10.0, 30.0)
    np.testing.assert_allclose(path.joint.sum(axis=2), 1.0)
    with pytest.raises(ValueError, match="played: nothing was recorded"):
        plotting.joint_actions(analysis.StrategyRecorder())


def test_recorded_strategies_by_hand():
    q = [[1.0, 0.0], [0.0, 2.0]]
    for explore, expected in ((mf.Boltzmann(0.5), [1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(4.0))]),
                              (mf.EpsilonGreedy(0.2), [0.9, 0.1])):
        path = analysis.StrategyRecorder()
        mf.train(mf.games.PrisonersDilemma(), mf.IQL(0.0, discount=0.0, explore=explore, initial_q=q), steps=4, block=2,
                 runs=3, callback=path)
        assert path.times.tolist() == [2, 4] and [s.shape for s in path.strategies] == [(2, 3, 2)] * 2
        for strategies, p in zip(path.strategies, expected, strict=True):
            np.testing.assert_allclose(strategies[..., 0], p)
            np.testing.assert_allclose(strategies.sum(axis=2), 1.0)
    path = analysis.StrategyRecorder()
    run = mf.train(mf.games.MatchingPennies(), WoLFPHC(explore=mf.EpsilonGreedy(0.1)), steps=50, block=50, runs=3,
                   callback=path)
    for i in range(2):
        kept = np.stack([run.tables(i)["policy"][r, 0, i] for r in range(3)])
        np.testing.assert_allclose(path.strategies[i][-1], 0.9 * kept + 0.05)
    path = analysis.StrategyRecorder()
    mf.train(mf.games.MatchingPennies(), learners=[mf.learners.JointActionLearner(), mf.IQL()], steps=20, block=10,
             runs=2, callback=path)
    np.testing.assert_allclose(path.joint.sum(axis=2), 1.0)


def test_recorded_strategies_are_those_of_the_kind():
    game, path = mf.games.Chicken(), analysis.StrategyRecorder(kind="policy")
    run = mf.train(game, mf.learners.CorrelatedQ(), steps=200, block=100, runs=2, seed=0, callback=path)
    kept = analysis.strategies(game, run)
    np.testing.assert_array_equal(path.joint[-1], np.stack([kept.joint(r)[0] for r in range(2)]))
    for i in range(2):
        np.testing.assert_array_equal(path.strategies[i][-1], np.stack([kept.mixture(r, i)[0] for r in range(2)]))
    path = analysis.StrategyRecorder(kind="greedy")
    mf.train(game, mf.IQL(0.0, initial_q=[[0.0, 1.0], [1.0, 0.0]]), steps=4, block=2, seed=0, callback=path)
    np.testing.assert_array_equal(path.joint, np.tile([0.0, 0.0, 1.0, 0.0], (2, 1, 1)))
    with pytest.raises(ValueError, match="row: expected 0 to 0, as the tables have 1 rows now, got 9"):
        mf.train(game, mf.IQL(), steps=4, seed=0, callback=analysis.StrategyRecorder(row=9))


def test_joint_draws_are_recorded_together():
    """Two agents draw one joint action, on the diagonal; a third stands between them in the order of agents."""
    from marlfast.analysis import recorder

    parts = [([0, 2], np.array([[[0.5, 0.0], [0.0, 0.5]]])), ([1], np.array([[0.25, 0.75]]))]
    np.testing.assert_array_equal(recorder._joint(parts), [[0.125, 0, 0.375, 0, 0, 0.125, 0, 0.375]])
    np.testing.assert_array_equal(recorder._marginals(parts), [[[0.5, 0.5]], [[0.25, 0.75]], [[0.5, 0.5]]])


def test_frequency_adjusted_learners_follow_their_dynamics():
    """The picture's claim, in numbers: small steps stay near the differential equation."""
    game, path = mf.games.MatchingPennies(), analysis.StrategyRecorder()
    learner = FrequencyAdjustedQ(0.02, beta=0.05, discount=0.0, explore=mf.Boltzmann(0.5), initial_q=[[0.5, 0.0],
                                                                                                      [0.0, 0.3]])
    mf.train(game, learner, steps=8000, block=8000, runs=20, callback=path)
    start = [np.exp(v) / np.exp(v).sum() for v in (np.array([1.0, 0.0]), np.array([0.0, 0.6]))]
    end = analysis.faq_dynamics(game, start, temperature=0.5, steps=800, dt=0.01).end
    assert abs(start[0] - end[0]).max() > 0.1
    for i in range(2):
        np.testing.assert_allclose(path.strategies[i][-1].mean(axis=0), end[i], atol=0.05)


def test_cross_play(dilemma):
    game = mf.games.PrisonersDilemma(memory=1, horizon=10)
    found = analysis.cross_play(game, dilemma)
    ax = drawn(plotting.cross_play_matrix(found))
    np.testing.assert_allclose(mesh(ax), found.team)
    assert len(ax.patches) == 2                             # the frames of the diagonal
    np.testing.assert_allclose(mesh(drawn(plotting.cross_play_matrix(found, agent=1))), found.rewards[:, :, 1])
    other = analysis.CrossPlay(np.array([[[1.0, np.nan]], [[2.0, 3.0]]]), (0,), "return", True)
    assert not drawn(plotting.cross_play_matrix(other)).patches
    one = analysis.CrossPlay(np.ones((1, 1, 2)), (0,), "return", True)
    drawn(plotting.cross_play_matrix(one))


def test_field_with_paths():
    game = mf.games.MatchingPennies()
    field = analysis.field(game, 5)
    path = analysis.replicator(game, [[0.9, 0.1], [0.5, 0.5]], steps=20)
    ax = drawn(plotting.direction_field(field, path))
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata()[0], [0.9, 0.5])
    recorder = analysis.StrategyRecorder()
    mf.train(game, mf.IQL(explore=mf.Boltzmann(0.5)), steps=30, block=10, runs=4, callback=recorder)
    ax = drawn(plotting.direction_field(field, [recorder, path], max_shown=3))
    assert len(ax.get_lines()) == 4
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["learning (3)", "dynamics"]
    still = analysis.Field(field.x, field.y, 0 * field.dx, 0 * field.dy)
    drawn(plotting.direction_field(still))


def test_cycles_by_hand():
    actions = np.array([[[0, 1], [1, 0]], [[2, 2], [-1, -1]]], np.int32)
    cycles = analysis.Cycles(np.array([2, 1]), np.zeros(2, int), np.array([[0, 1], [2, -1]]), actions,
                             np.zeros((2, 2, 2)))
    ax = drawn(plotting.cycle_diagram(cycles, numbers=[1.0, 1.5, 2.0], name="price"))
    points = {tuple(p) for p in ax.collections[0].get_offsets().tolist()}
    assert points == {(1.0, 1.5), (1.5, 1.0), (2.0, 2.0)}
    assert len(ax.patches) == 2 and sorted(texts(ax)) == ["25 %", "25 %", "50 %"]
    assert ax.get_title(loc="left") == "limit cycles of 2 runs: 1 stand still, longest 2"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("price of agent 0", "price of agent 1")
    alone = analysis.Cycles(np.array([1]), np.zeros(1, int), np.zeros((1, 1), int), np.zeros((1, 1, 1), np.int32),
                            np.zeros((1, 1, 1)))
    drawn(plotting.cycle_diagram(alone))


# -- sweeps ---------------------------------------------------------------------------------------


def table():
    point = np.repeat(np.arange(6), 4)
    return {"point": point, "learner.rate": np.array([0.1, 0.2, 0.4])[point // 2],
            "game": np.array(["a", "b"])[point % 2], "seed": np.arange(24),
            "team_return": np.where(point == 3, np.nan, 10.0 * point + np.tile([0, 1, 2, 9], 6))}


def test_heat_map_by_hand():
    ax = drawn(plotting.heat_map(table()))
    expected = np.array([[1.5, 21.5, 41.5], [11.5, np.nan, 51.5]])
    np.testing.assert_array_equal(mesh(ax), expected)           # the middle two of 0, 1, 2, 9
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learner.rate", "game")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0.1", "0.2", "0.4"]
    assert sorted(texts(ax)) == ["1.5", "11.5", "21.5", "41.5", "51.5"]
    assert ax.patches[0].get_xy() == (2, 1)                     # the highest
    swapped = drawn(plotting.heat_map(table(), y="learner.rate", statistic="mean"))
    np.testing.assert_array_equal(mesh(swapped), expected.T + 1.5)


def test_parameter_curve_by_hand():
    ax = drawn(plotting.parameter_curve(table(), "learner.rate"))
    x, y = ax.get_lines()[0].get_data()
    assert x.tolist() == [0.1, 0.2, 0.4]
    assert y.tolist() == [np.mean([2, 9, 10, 11]), 21.5, np.mean([42, 49, 50, 51])]
    assert len(ax.collections[0].get_offsets()) == 24
    words = drawn(plotting.parameter_curve(table(), "game"))
    assert [t.get_text() for t in words.get_xticklabels()] == ["a", "b"]


def test_a_sweep_of_one_point_and_of_nothing_but_nan():
    one = {"x": np.array([1]), "y": np.array([2]), "team_return": np.array([3.0])}
    assert mesh(drawn(plotting.heat_map(one))).tolist() == [[3.0]]
    drawn(plotting.parameter_curve(one))
    none = one | {"team_return": np.array([np.nan])}
    for draw in (plotting.heat_map, plotting.parameter_curve):      # a sentence in place of an empty picture
        with pytest.raises(ValueError, match="no run has a team_return, because no episode came to its end"):
            draw(none)


def test_points_drawn_at_random_are_dots():
    random = np.random.default_rng(0)
    x, y = random.uniform(0.0, 1.0, 12), random.uniform(size=12)
    drawn_points = {"point": np.repeat(np.arange(12), 2), "x": np.repeat(x, 2), "y": np.repeat(y, 2),
                    "team_return": np.arange(24.0)}
    ax = drawn(plotting.heat_map(drawn_points))
    dots, ring = ax.collections
    order = np.lexsort((x, y))                  # from low to high y
    np.testing.assert_allclose(dots.get_offsets(), np.stack([x, y], axis=1)[order])
    np.testing.assert_allclose(dots.get_array(), 2.0 * np.arange(12)[order] + 0.5)
    np.testing.assert_allclose(ring.get_offsets(), [[x[11], y[11]]])
    curve = drawn(plotting.parameter_curve(drawn_points, "x"))
    assert curve.get_lines()[0].get_linestyle() == "None"       # neighbours in x are not neighbours in y
    np.testing.assert_allclose(curve.get_lines()[0].get_xdata(), np.sort(x))


@pytest.mark.parametrize(("levels", "expected"), [
    ([1, 2, 3], "linear"), ([0.1, 0.2, 0.4, 0.8, 1.6, 3.2], "log"), ([0.5, 0.9, 0.99, 0.999, 0.9999], "even"),
    (["a", "b"], "words"), ([0.0, 0.001, 1.0], "even"), ([5.0], "linear")])
def test_no_level_is_crowded(levels, expected):
    assert plotting.sweeps._scale(levels)[1] == expected


def test_names_are_taken_as_they_are():
    odd = {"a $x^2$ <script>": np.array([1, 2]), "b $": np.array([1, 1]), "team_return": np.array([1.0, 2.0])}
    assert drawn(plotting.heat_map(odd)).get_xlabel() == r"a \$x^2\$ <script>"
    drawn(plotting.parameter_curve(odd))


@pytest.mark.parametrize(("call", "text"), [
    (lambda: plotting.heat_map(table(), x="gome"), "unknown column 'gome'; did you mean 'game'"),
    (lambda: plotting.heat_map(table(), column="return"), "unknown column 'return'"),
    (lambda: plotting.heat_map({"x": np.ones(1), "team_return": np.ones(1)}), "x, y: expected 2 swept parameters"),
    (lambda: plotting.heat_map(table(), statistic="gap"), "statistic: expected one of 'iqm'"),
])
def test_bad_sweeps(call, text):
    with pytest.raises(ValueError, match=text):
        call()


# -- scores -----------------------------------------------------------------------------------------


def test_intervals_show_every_run(dilemma):
    ax = drawn(plotting.intervals({"one $": [3.0], "many": [1.0, 2.0, 2.0, np.nan, 5.0], "run": dilemma}))
    assert [len(c.get_offsets()) for c in ax.collections] == [1, 4, 2]
    assert [t.get_text() for t in ax.get_yticklabels()] == [r"one \$", "many", "run"]
    marks = [line.get_xdata()[0] for line in ax.get_lines()[1::2]]
    assert marks == [3.0, 2.0, pytest.approx(mf.statistics.interquartile_mean(dilemma))]


def test_profiles_share_their_thresholds():
    ax = drawn(plotting.profiles({"low": [0.0, 1.0], "high": [5.0, 9.0]}))
    low, high = (line.get_data() for line in ax.get_lines())
    assert low[0].tolist() == high[0].tolist() and (low[0][0], low[0][-1]) == (0.0, 9.0)
    assert (low[1][0], high[1][0], high[1][-1]) == (0.5, 1.0, 0.0)
    with pytest.raises(TypeError, match="scores: expected a dict"):
        plotting.profiles([1.0])


# -- all ------------------------------------------------------------------------------------------


def test_every_picture_goes_into_given_axes(grid, dilemma):
    game = mf.games.PrisonersDilemma(memory=1, horizon=10)
    cross, field = analysis.cross_play(game, dilemma), analysis.field(mf.games.MatchingPennies(), 3)
    calls = [lambda ax: plotting.policy_map(grid, ax=ax), lambda ax: plotting.visit_map(grid, ax=ax),
             lambda ax: plotting.value_map(grid, ax=ax), lambda ax: plotting.learning_curve(grid, ax=ax),
             lambda ax: plotting.cross_play_matrix(cross, ax=ax), lambda ax: plotting.direction_field(field, ax=ax),
             lambda ax: plotting.joint_actions(np.zeros((3, 2), int), ax=ax),
             lambda ax: plotting.heat_map(table(), ax=ax), lambda ax: plotting.parameter_curve(table(), ax=ax),
             lambda ax: plotting.intervals({"a": [1.0]}, ax=ax), lambda ax: plotting.profiles({"a": [1.0]}, ax=ax)]
    figure = Figure(figsize=(14, 10), layout="constrained")
    for ax, call in zip(figure.subplots(3, 4).ravel(), calls, strict=False):
        assert call(ax) is ax
    drawn(ax)


def test_pictures_leave_pyplot_alone_and_name_their_extra(dilemma, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'marlfast\[plot\]'"):
        plotting.policy_map(dilemma)


# -- names, sizes, styles -----------------------------------------------------------------------------


def test_actions_and_states_have_the_names_that_a_game_gives_them(dilemma):
    ax = drawn(plotting.policy_map(dilemma))
    assert ax.get_xlabel() == "state" and [t.get_text() for t in ax.get_xticklabels()][1] == "cooperate defect"
    assert [t.get_text() for t in ax.figure.axes[1].get_yticklabels()] == ["cooperate", "defect"]
    one = drawn(plotting.policy_map(dilemma, agent=1))
    assert mesh(one).shape == (2, 2) and one.get_xlabel() == "last action of agent 0"
    assert [t.get_text() for t in one.get_yticklabels()] == ["cooperate", "defect"]


def test_states_in_no_plane_are_a_table():
    game = mf.games.PrisonersDilemma(memory=2, horizon=0)
    run = mf.train(game, mf.IQL(), steps=3000, seed=0)
    written = texts(drawn(plotting.policy_map(run)))
    assert {"state", "agent 0", "agent 1", "start", "cooperate defect; defect defect"} <= set(written)
    few = drawn(plotting.policy_table(run, agent=1, names=("C", "D"), max_rows=3))
    assert len(texts(few)) == 2 + 2 * 3 and "3 of 21 states" in few.get_title(loc="left")


def test_names_of_a_game_of_ones_own():
    game = mf.games.MarkovGame([[1, 0], [0, 1]], [[0, 1], [1, 0]], actions=[2], horizon=5,
                               action_names=("go", "stay"), state_names=("here", "there"))
    run = mf.train(game, mf.IQL(), episodes=50, seed=0)
    ax = drawn(plotting.policy_map(run))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["here", "there"]
    kept = mf.replay(game, lambda observation: [0], max_steps=1)
    assert kept.text() == "start\nhere\n\nstep 1: actions go, rewards 0\nthere\n"
    again = mf.games.MarkovGame(**{f: getattr(game, f) for f in ("transitions", "rewards", "actions", "action_names")})
    assert again.names_of_actions() == ["go", "stay"] and again.names_of_observations() is None
    each = mf.games.MatrixGame([[1, 0, 2], [0, 1, 2]], action_names=(("up", "down"), ("left", "middle", "right")))
    assert each.names_of_actions(1) == ["left", "middle", "right"]
    assert mf.games.MatrixGame([[1, 0], [0, 1]]).names_of_actions(0) == ["0", "1"]


@pytest.mark.parametrize(("names", "text"), [
    (("a",), "action_names: expected 2 names, got"), ("ab", "action_names: expected a name for each action"),
    ((("a", "b"), ("c",)), r"action_names\[1\]: expected 2 names"), ((("a", "b"),), "a list of names for each of 2"),
])
def test_names_that_do_not_fit_are_refused(names, text):
    with pytest.raises((TypeError, ValueError), match=text):
        mf.games.MatrixGame([[1, 0], [0, 1]], action_names=names)


def test_labels_are_action_names_since_0_2():
    with pytest.warns(DeprecationWarning, match="labels is action_names"):
        class Old(mf.games.NormalForm):
            labels = ("left", "right")
    assert Old.action_names == ("left", "right")
    with pytest.warns(DeprecationWarning, match="labels is action_names"):
        assert mf.games.PrisonersDilemma().labels == ("cooperate", "defect")


PICTURES = [name for name in plotting.__all__ if callable(getattr(plotting, name))
            and "style" in inspect.signature(getattr(plotting, name)).parameters]


def test_every_picture_takes_a_size_a_title_labels_and_a_style():
    assert set(plotting.__all__) - set(PICTURES) == {"BINS", "HIGH", "LOW", "animate", "binned", "draw_curve"}
    how = {"size": (4, 3), "title": "a $ title", "xlabel": "below", "ylabel": "beside", "style": ("column", "dark")}
    ax = drawn(plotting.intervals({"one": [1.0, 2.0]}, **how))
    assert tuple(ax.figure.get_size_inches()) == (4, 3) and ax.get_title(loc="left") == r"a \$ title"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("below", "beside")
    assert matplotlib.colors.to_hex(ax.get_facecolor()) == plotting.style.DARK.back
    assert ax.xaxis.label.get_size() == 8.0
    assert drawn(plotting.intervals({"one": [1.0, 2.0]})).get_facecolor() == (1.0, 1.0, 1.0, 1.0)    # only there
    column = drawn(plotting.profiles({"one": [1.0, 2.0]}, style="column"))
    assert column.figure.get_size_inches()[0] == plotting.style.COLUMN


@pytest.mark.parametrize(("how", "text"), [
    ({"size": 3}, "size: expected width and height in inches"), ({"size": (3, 0)}, r"size\[1\]: expected"),
    ({"style": "drak"}, "unknown style 'drak'; did you mean 'dark'"),
    ({"style": {"font.siz": 3}}, "unknown setting of matplotlib in style 'font.siz'; did you mean 'font.size'"),
])
def test_sizes_and_styles_that_cannot_be_are_refused(how, text):
    with pytest.raises(ValueError, match=text):
        plotting.intervals({"one": [1.0, 2.0]}, **how)
    ax = plotting.intervals({"one": [1.0, 2.0]})
    with pytest.raises(ValueError, match="size: the axes that were given have a figure"):
        plotting.intervals({"one": [1.0, 2.0]}, ax=ax, size=(3, 3))


def test_cycles_of_three_firms_have_all_three():
    game = mf.games.LogitBertrand(agents=3, actions=3)
    run = mf.train(game, mf.IQL(discount=0.9), steps=500, runs=5, seed=0)
    ax = drawn(plotting.cycle_diagram(analysis.limit_cycles(game, run), numbers=game.prices, name="price"))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["agent 0", "agent 1", "agent 2"]
    assert all(len(line.get_ydata()) == 3 for line in ax.get_lines())
    two = drawn(plotting.cycle_diagram(analysis.limit_cycles(game, run), agents=(0, 2)))
    assert two.get_ylabel() == "action of agent 2"


def test_distributions(dilemma):
    ax = drawn(plotting.distribution({"a": [1.0, 1.0, 2.0, np.nan], "b": [2.0, 3.0]}, "price", bins=2))
    shares = [patch.get_data().values.tolist() for patch in ax.patches]
    assert shares == [[2 / 3, 1 / 3], [0.0, 1.0]] and ax.get_xlabel() == "price"
    assert drawn(plotting.distribution(dilemma)).get_xlabel().startswith("share of actions that cooperate")
    with pytest.raises(ValueError, match="unknown measure of game 'prisoners_dilemma' 'profit_gain'; known: coop"):
        plotting.distribution(dilemma, "profit_gain")
    with pytest.raises(ValueError, match="no run has a price"):
        plotting.distribution({"a": [np.nan]}, "price")
