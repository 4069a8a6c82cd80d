"""Soccer on squares by hand, its symmetry, and equality of both backends.

A state is (row of A, column of A, row of B, column of B, ball), ball 0: A has it. On the board of 4 x 5 the goals
are beyond rows 1 and 2: A scores to the left, B to the right.
"""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import BACKENDS, kernels
from marlfast.games.soccer import Soccer

EXAMPLES = [
    Soccer(),
    Soccer(height=2, width=3, horizon=7),
    Soccer(height=3, width=4, draw_probability=0.1, mirrored=True, horizon=0),
    Soccer(height=5, width=7, draw_probability=0.2, restart=True, horizon=40),
]

N, S, E, W, STAND = range(5)
A_FIRST, B_FIRST = 0.25, 0.75


def played(kernel, state, actions, *uniforms):
    """(state, rewards, terminated) of one run after one step."""
    state = np.array([state], np.float64)
    rewards, terminated = np.full((1, 2), np.nan), np.ones(1, bool)
    kernel.step(state, np.array([actions], np.int32), np.array([uniforms]), np.zeros((1, 0)), rewards, terminated)
    return tuple(state[0].tolist()), tuple(rewards[0].tolist()), bool(terminated[0])


def obs_of(kernel, state):
    observation = np.full((1, kernel.views, 1), np.nan)
    kernel.observe(np.array([state], np.float64), observation)
    return observation[0, :, 0].tolist()


def begun(kernel, u):
    state = np.full((1, 5), np.nan)
    kernel.start(state, np.array([[u]]), np.zeros((1, 0)))
    return tuple(state[0].tolist())


def soccer(module, **changes):
    values = {"height": 4, "width": 5, "draw_probability": 0.0, "restart": False, "mirrored": False} | changes
    return module("soccer").Soccer(**values)


# -- the rules -----------------------------------------------------------------------------------

@pytest.mark.parametrize("before, actions, after", [
    # Each move alone.
    ((1, 3, 2, 1, 0), (N, STAND), (0, 3, 2, 1, 0)), ((1, 3, 2, 1, 0), (S, STAND), (2, 3, 2, 1, 0)),
    ((1, 3, 2, 1, 1), (E, STAND), (1, 4, 2, 1, 1)), ((1, 3, 2, 1, 0), (W, STAND), (1, 2, 2, 1, 0)),
    ((1, 3, 2, 1, 0), (STAND, N), (1, 3, 1, 1, 0)), ((1, 3, 2, 1, 0), (STAND, E), (1, 3, 2, 2, 0)),
    # The edges of the board: nobody moves.
    ((0, 0, 3, 4, 0), (N, S), (0, 0, 3, 4, 0)), ((0, 0, 3, 4, 1), (W, E), (0, 0, 3, 4, 1)),
    ((3, 0, 0, 4, 0), (S, N), (3, 0, 0, 4, 0)), ((3, 0, 0, 4, 0), (W, E), (3, 0, 0, 4, 0)),
    # The goal that the other one scores in is an edge, and so is one's own without the ball.
    ((1, 4, 2, 0, 0), (E, STAND), (1, 4, 2, 0, 0)), ((1, 4, 2, 0, 1), (STAND, W), (1, 4, 2, 0, 1)),
    ((1, 0, 2, 4, 1), (W, STAND), (1, 0, 2, 4, 1)), ((1, 0, 2, 4, 0), (STAND, E), (1, 0, 2, 4, 0)),
    # Into the other one, who stands: no move, and the ball is with who stood, whoever had it.
    ((1, 2, 1, 1, 0), (W, STAND), (1, 2, 1, 1, 1)), ((1, 2, 1, 1, 1), (W, STAND), (1, 2, 1, 1, 1)),
    ((1, 2, 1, 1, 1), (STAND, E), (1, 2, 1, 1, 0)), ((1, 2, 1, 1, 0), (STAND, E), (1, 2, 1, 1, 0)),
])
@pytest.mark.parametrize("order", [A_FIRST, B_FIRST])
def test_moves_whose_order_does_not_matter(module, before, actions, after, order):
    assert played(soccer(module), before, actions, order) == (after, (0.0, 0.0), False)


@pytest.mark.parametrize("before, actions, order, after", [
    # A flees north and B follows: A first, B takes its square; B first, it runs into A, who keeps the ball.
    ((1, 2, 1, 1, 0), (N, E), A_FIRST, (0, 2, 1, 2, 0)), ((1, 2, 1, 1, 0), (N, E), B_FIRST, (0, 2, 1, 1, 0)),
    # Towards each other: the ball is with who stood last, that is, with who moves first.
    ((1, 2, 1, 1, 0), (W, E), A_FIRST, (1, 2, 1, 1, 0)), ((1, 2, 1, 1, 0), (W, E), B_FIRST, (1, 2, 1, 1, 1)),
    ((1, 2, 1, 1, 1), (W, E), A_FIRST, (1, 2, 1, 1, 0)),
    # To the same empty square: the first gets it; the other bumps into it, and the ball is with who is there.
    ((1, 3, 1, 1, 0), (W, E), A_FIRST, (1, 2, 1, 1, 0)), ((1, 3, 1, 1, 0), (W, E), B_FIRST, (1, 3, 1, 2, 1)),
])
def test_moves_whose_order_matters(module, before, actions, order, after):
    assert played(soccer(module), before, actions, order) == (after, (0.0, 0.0), False)


@pytest.mark.parametrize("before, actions, rewards", [
    ((1, 0, 3, 3, 0), (W, N), (1.0, -1.0)), ((2, 0, 3, 3, 0), (W, N), (1.0, -1.0)),
    ((3, 3, 1, 4, 1), (N, E), (-1.0, 1.0)), ((3, 3, 2, 4, 1), (N, E), (-1.0, 1.0)),
])
def test_goals(module, before, actions, rewards):
    scorer = int(rewards[1] > 0)
    first, second = (A_FIRST, B_FIRST) if scorer == 0 else (B_FIRST, A_FIRST)
    # The other move is not made once a goal is scored; before it, it is.
    assert played(soccer(module), before, actions, first) == (before, rewards, True)
    moved = list(before)
    moved[2 - 2 * scorer] -= 1
    assert played(soccer(module), before, actions, second) == (tuple(moved), rewards, True)


def test_no_goal_beside_the_goal(module):
    for row in (0, 3):
        assert played(soccer(module), (row, 0, 1, 3, 0), (W, STAND), A_FIRST)[1:] == ((0.0, 0.0), False)


def test_a_goal_just_before_the_ball_is_lost_and_just_after(module):
    # B runs into A, who is about to score: if B moves first A keeps the ball, for A is the one who stands.
    assert played(soccer(module), (1, 0, 1, 1, 0), (W, W), B_FIRST)[1:] == ((1.0, -1.0), True)
    # B has the ball and runs into A at A's goal: A has the ball, and scores with the move that follows.
    assert played(soccer(module), (1, 0, 1, 1, 1), (W, W), B_FIRST)[1:] == ((1.0, -1.0), True)
    assert played(soccer(module), (1, 0, 1, 1, 1), (W, W), A_FIRST) == ((1, 0, 1, 1, 0), (0.0, 0.0), False)


@pytest.mark.parametrize("height, width, a, b", [
    (4, 5, (1, 3), (2, 1)), (2, 3, (0, 2), (1, 0)), (3, 3, (1, 2), (1, 0)), (2, 4, (0, 2), (1, 1)),
    (5, 6, (2, 4), (2, 1)), (6, 5, (2, 3), (3, 1)),
])
def test_the_start(module, height, width, a, b):
    kernel = soccer(module, height=height, width=width)
    assert begun(kernel, 0.0) == (*a, *b, 0.0) and begun(kernel, 0.4999) == (*a, *b, 0.0)
    assert begun(kernel, 0.5) == (*a, *b, 1.0) and begun(kernel, 1 - 2**-52) == (*a, *b, 1.0)


def test_one_draw_says_who_moves_first_and_who_would_have_the_ball(module):
    """A restart after a goal by A, whose move B's stands before or after: (first, possession) in quarters of [0, 1)."""
    kernel = soccer(module, restart=True)
    for u, ball in ((0.0, 0), (0.25, 1), (0.5, 0), (0.75, 1)):
        assert played(kernel, (1, 0, 3, 3, 0), (W, N), u) == ((1, 3, 2, 1, ball), (1.0, -1.0), False)
        # Towards each other: the ball is with who moves first.
        assert played(kernel, (1, 2, 1, 1, 0), (W, E), u)[0] == (1, 2, 1, 1, u >= 0.5)


def test_a_draw_ends_the_game_after_a_step_without_a_goal(module):
    kernel = soccer(module, draw_probability=0.1)
    assert kernel.step_uniforms == 2 and soccer(module).step_uniforms == 1
    assert played(kernel, (1, 3, 2, 1, 0), (W, E), A_FIRST, 0.0999) == ((1, 2, 2, 2, 0), (0.0, 0.0), True)
    assert played(kernel, (1, 3, 2, 1, 0), (W, E), A_FIRST, 0.1) == ((1, 2, 2, 2, 0), (0.0, 0.0), False)
    assert played(kernel, (1, 0, 3, 3, 0), (W, N), A_FIRST, 0.05)[1:] == ((1.0, -1.0), True)
    again = soccer(module, draw_probability=0.1, restart=True)
    assert played(again, (1, 2, 2, 2, 0), (N, N), 0.3, 0.05) == ((1, 3, 2, 1, 1), (0.0, 0.0), False)
    assert played(again, (1, 2, 2, 2, 0), (N, N), 0.3, 0.5) == ((0, 2, 1, 2, 0), (0.0, 0.0), False)


# -- what is seen --------------------------------------------------------------------------------

@pytest.mark.parametrize("state, number", [
    # (ball * 20 + own) * 19 + other, less 1 where other > own.
    ((0, 0, 0, 1, 0), 0), ((0, 1, 0, 0, 0), 19), ((1, 3, 2, 1, 0), 8 * 19 + 10), ((1, 3, 2, 1, 1), 28 * 19 + 10),
    ((3, 4, 3, 3, 1), 759),
])
def test_observations_by_hand(module, state, number):
    assert obs_of(soccer(module), state) == [number]
    assert obs_of(soccer(module, mirrored=True), state)[0] == number


@pytest.mark.parametrize("height, width", [(4, 5), (2, 3), (3, 4)])
def test_every_observation_is_one_state(module, height, width):
    kernel = soccer(module, height=height, width=width, mirrored=True)
    squares = [(row, column) for row in range(height) for column in range(width)]
    states = [(*a, *b, ball) for a in squares for b in squares if a != b for ball in (0, 1)]
    observation = np.zeros((len(states), 2, 1))
    kernel.observe(np.array(states, np.float64), observation)
    count = Soccer(height=height, width=width).observations
    assert count == len(states) == 2 * height * width * (height * width - 1)
    assert sorted(observation[:, 0, 0]) == sorted(observation[:, 1, 0]) == list(range(count))


def turned(states, game):
    """The states with the board turned by half and the players exchanged."""
    row_a, column_a, row_b, column_b, ball = states.T
    return np.column_stack((game.height - 1 - row_b, game.width - 1 - column_b, game.height - 1 - row_a,
                            game.width - 1 - column_a, 1 - ball))


def flipped(states, game):
    """The states with left and right, and the players, exchanged."""
    row_a, column_a, row_b, column_b, ball = states.T
    return np.column_stack((row_b, game.width - 1 - column_b, row_a, game.width - 1 - column_a, 1 - ball))


def random_states(generator, game, count):
    """Random states, half of them with the players next to each other or close to a goal."""
    squares = game.height * game.width
    a, b = generator.integers(0, squares, count), generator.integers(0, squares - 1, count)
    b += b >= a
    return np.column_stack((a // game.width, a % game.width, b // game.width, b % game.width,
                            generator.integers(0, 2, count))).astype(np.float64)


TURN = np.array([S, N, W, E, STAND], np.int32)
FLIP = np.array([N, S, W, E, STAND], np.int32)


@pytest.mark.parametrize("image, of_action, restarts", [(turned, TURN, True), (flipped, FLIP, False)])
@pytest.mark.parametrize("height, width", [(4, 5), (2, 3), (3, 4), (5, 7)])
def test_the_game_looks_the_same_from_both_sides(backend, image, of_action, restarts, height, width):
    """Players exchanged, board turned or flipped, order and possession the other way round: the image of the result."""
    generator = np.random.default_rng(5)
    # A flipped start is a start only where both begin in one row.
    game = Soccer(height=height, width=width, draw_probability=0.3, restart=restarts or height % 2 == 1)
    kernel, count = game.kernel(backend), 4000
    state, actions = random_states(generator, game, count), generator.integers(0, 5, (count, 2)).astype(np.int32)
    uniforms = generator.random((count, 2))
    other, opposite = image(state, game), uniforms.copy()
    opposite[:, 0] = 1 - 2**-52 - uniforms[:, 0]
    results = []
    for s, a, u in ((state, actions, uniforms), (other, of_action[actions[:, ::-1]], opposite)):
        rewards, terminated = np.zeros((count, 2)), np.zeros(count, bool)
        kernel.step(s, np.ascontiguousarray(a, np.int32), u, np.zeros((count, 0)), rewards, terminated)
        results.append((s, rewards, terminated))
    (s, rewards, terminated), (s2, rewards2, terminated2) = results
    assert (image(s, game) == s2).all() and (rewards[:, ::-1] == rewards2).all() and (terminated == terminated2).all()
    assert (rewards != 0).any() and (rewards.sum(axis=1) == 0).all()
    assert ((s[:, 0] != s[:, 2]) | (s[:, 1] != s[:, 3])).all() and np.isin(s[:, 4], (0, 1)).all()


def test_mirrored_b_is_an_a_on_the_turned_board(module):
    """What B sees and does in a mirrored game is what A sees and does in the turned state."""
    generator = np.random.default_rng(6)
    game, count = Soccer(), 2000
    plain, mirrored = soccer(module), soccer(module, mirrored=True)
    state = random_states(generator, game, count)
    actions = generator.integers(0, 5, (count, 2)).astype(np.int32)
    uniforms, nothing = generator.random((count, 1)), np.zeros((count, 0))
    views, of_turned = np.zeros((count, 2, 1)), np.zeros((count, 1, 1))
    mirrored.observe(state, views)
    plain.observe(turned(state, game), of_turned)
    assert (views[:, 1] == of_turned[:, 0]).all()
    plain.observe(state, of_turned)
    assert (views[:, 0] == of_turned[:, 0]).all()
    results = []
    for kernel, a in ((plain, actions), (mirrored, np.column_stack((actions[:, 0], TURN[actions[:, 1]])))):
        s, rewards, terminated = state.copy(), np.zeros((count, 2)), np.zeros(count, bool)
        kernel.step(s, np.ascontiguousarray(a, np.int32), uniforms, nothing, rewards, terminated)
        results.append([x.tobytes() for x in (s, rewards, terminated)])
    assert results[0] == results[1]
    # Both players see the same thing at a start, but for who has the ball.
    assert obs_of(mirrored, begun(mirrored, 0.1))[0] == obs_of(mirrored, begun(mirrored, 0.9))[1]
    assert obs_of(mirrored, begun(mirrored, 0.1))[1] == obs_of(mirrored, begun(mirrored, 0.9))[0]


# -- known limits --------------------------------------------------------------------------------

def test_a_run_straight_to_the_goal_takes_four_steps():
    # From column 3 to the left, and from column 1 to the right: three steps to the edge, one into the goal.
    env = Soccer().env(runs=64, seed=1)
    env.reset()
    ball = env.state[:, 4].copy()
    assert set(ball) == {0.0, 1.0}
    actions = np.where(ball[:, None] == [0, 1], [W, E], STAND).astype(np.int32)
    for step in range(4):
        _, rewards, terminated, _ = env.step(actions)
        assert (terminated == (step == 3)).all()
    assert (rewards == np.where(ball[:, None] == [0, 1], 1, -1)).all()


def test_random_players_win_equally_often():
    env = Soccer(horizon=0).env(runs=4000, seed=2)
    env.reset()
    generator, won, lost = np.random.default_rng(3), 0, 0
    for _ in range(600):
        _, rewards, terminated, _ = env.step(generator.integers(0, 5, (4000, 2)).astype(np.int32))
        won, lost = won + (rewards[:, 0] > 0).sum(), lost + (rewards[:, 1] > 0).sum()
        if terminated.any():
            env.reset(terminated)
    assert won + lost > 10_000
    assert abs(won - lost) < 3 * np.sqrt(won + lost)


def test_draws_come_as_often_as_they_should():
    # Both stand: nothing else ends the episode.
    env = Soccer(draw_probability=0.1, horizon=0).env(runs=5000, seed=4)
    env.reset()
    ended = int(env.step(np.full((5000, 2), STAND, np.int32))[2].sum())
    assert abs(ended - 500) < 3 * np.sqrt(5000 * 0.1 * 0.9)


@pytest.mark.parametrize("learner", [0, 1])
def test_q_learning_finds_the_way_past_one_who_stands(learner):
    """Nothing is left to chance then: with discount 0.9 a goal by the fourth move is worth 0.9 ** 3 at the start.

    Mirrored, A and B look it up under the same number, and go there by the same moves.
    """
    game = Soccer(mirrored=True, horizon=30)
    team = mf.IQL(learning_rate=1.0, discount=0.9, explore=mf.EpsilonGreedy(1.0)).team(game, runs=8, seed=7)
    env = game.env(runs=8, seed=8)
    observation = env.reset()
    for _ in range(8000):
        actions = team.act(observation)
        actions[:, 1 - learner] = STAND
        next_obs, rewards, terminated, truncated = env.step(actions)
        team.update(observation, actions, rewards, next_obs, terminated, truncated)
        over = terminated | truncated
        observation = env.reset(over) if over.any() else next_obs
    with_ball = 8 * 19 + 10         # own square 8, the other on 11
    assert team.q[:, with_ball, learner].max(axis=1) == pytest.approx(np.full(8, 0.9 ** 3))
    assert (team.q[:, with_ball, learner].argmax(axis=1) == W).all()
    # Who stands with the ball keeps it.
    assert (team.q[:, 20 * 19 + with_ball, learner].max(axis=1) == 0).all()


def test_two_learners_with_one_table_train_alike_in_both_backends():
    experiment = {"episodes": 20, "runs": 2, "seed": 3}
    one, two = (mf.train(Soccer(mirrored=True, horizon=30), mf.IQL(share="all"), backend=backend, **experiment)
                for backend in BACKENDS)
    assert one.returns.tobytes() == two.returns.tobytes() and one.q.tobytes() == two.q.tobytes()
    assert (one.returns.sum(axis=2) == 0).all() and one.returns.any()


# -- arguments -----------------------------------------------------------------------------------

@pytest.mark.parametrize("values, message", [
    ({"height": 1}, "height: expected 2 to 32767, got 1"), ({"width": 2}, "width: expected 3 to 32767, got 2"),
    ({"height": 182, "width": 181}, "height, width: expected at most 32767 squares, got 182 x 181"),
    ({"draw_probability": 1.5}, "draw_probability: expected 0 to 1, got 1.5"),
    ({"draw_probability": -0.1}, "draw_probability: expected 0 to 1, got -0.1"),
    ({"restart": "yes"}, "restart: expected one of False, True, got 'yes'"),
    ({"mirrored": 2}, "mirrored: expected one of False, True, got 2"),
    ({"horizon": -1}, "horizon: expected at least 0, got -1"),
])
def test_what_a_game_refuses(values, message):
    with pytest.raises(ValueError) as caught:
        Soccer(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize("values", [{"height": 4.5}, {"width": "5"}, {"draw_probability": None}])
def test_what_is_no_number(values):
    with pytest.raises(TypeError, match=f"^{next(iter(values))}: expected a "):
        Soccer(**values)


@pytest.mark.parametrize("changes, message", [
    ({"height": 1}, "height, width: expected at least 2 and 3, and at most 32767 squares, got 1, 5"),
    ({"width": 2}, "height, width: expected at least 2 and 3, and at most 32767 squares, got 4, 2"),
    ({"height": 2**15}, "height, width: expected at least 2 and 3, and at most 32767 squares, got 32768, 5"),
    ({"draw_probability": float("nan")}, "draw_probability: expected 0 to 1, got nan"),
    ({"draw_probability": 1.1}, "draw_probability: expected 0 to 1, got 1.1"),
])
def test_what_a_kernel_refuses(module, changes, message):
    with pytest.raises(ValueError) as caught:
        soccer(module, **changes)
    assert str(caught.value) == message


def test_a_game_that_never_ends_says_so():
    assert Soccer(horizon=0).ends and Soccer(restart=True).ends and not Soccer(restart=True, horizon=0).ends


def test_the_text():
    assert Soccer().render(np.array([1.0, 3.0, 2.0, 1.0, 0.0])).splitlines() == [
        "#  .  .  .  .  .  #", "a  .  .  .  A* .  b", "a  .  B  .  .  .  b", "#  .  .  .  .  .  #",
        "A has the ball; A scores at a, B at b"]


# -- both backends, whatever comes ---------------------------------------------------------------

HOSTILE = [np.nan, np.inf, -1.0, 0.5, 1e300, -1e300, -0.0, 2.0, 7.0]


@given(st.integers(2, 5), st.integers(3, 6), st.sampled_from([0.0, 0.3, 1.0]), st.booleans(), st.booleans(),
       st.integers(0, 2**32 - 1))
def test_both_backends_agree_step_by_step(height, width, draws, restart, mirrored, seed):
    generator = np.random.default_rng(seed)
    pair = [kernels(backend, "soccer").Soccer(height, width, draws, restart, mirrored) for backend in BACKENDS]
    states = [np.zeros((7, 5)) for _ in pair]
    possession = generator.random((7, 1))
    for kernel, state in zip(pair, states, strict=True):
        kernel.start(state, possession, np.zeros((7, 0)))
    for _ in range(40):
        actions, uniforms = generator.integers(0, 5, (7, 2)).astype(np.int32), generator.random((7, 1 + (draws > 0)))
        traces = []
        for kernel, state in zip(pair, states, strict=True):
            rewards, terminated = np.zeros((7, 2)), np.zeros(7, bool)
            observation = np.zeros((7, kernel.views, 1))
            kernel.step(state, actions, uniforms, np.zeros((7, 0)), rewards, terminated)
            kernel.observe(state, observation)
            traces.append([x.tobytes() for x in (state, rewards, terminated, observation)])
        assert traces[0] == traces[1]


def outcome(call, *arrays):
    """What a call says and what it leaves in the arrays."""
    try:
        call(*arrays)
        said = ""
    except ValueError as error:
        said = str(error)
    return said, [a.tobytes() for a in arrays]


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_both_backends_take_anything(seed, mirrored, draws):
    """One run at a time: the same error or the same numbers, and a refused run keeps its state."""
    generator = np.random.default_rng(seed)
    game = Soccer(height=3, width=4, draw_probability=draws, mirrored=mirrored)
    state, actions = random_states(generator, game, 1), generator.integers(0, 5, (1, 2)).astype(np.int32)
    uniforms = generator.random((1, 1 + (draws > 0)))
    for array, hostile in ((state, HOSTILE), (actions, [-1, 5, 2**31 - 1, -2**31]),
                           (uniforms, [np.nan, 1.0, -1.0, 1e300])):
        if generator.random() < 0.5:
            array[0, generator.integers(array.shape[1])] = generator.choice(hostile)
    results = []
    for backend in BACKENDS:
        kernel, nothing = game.kernel(backend), np.zeros((1, 0))
        s, rewards, terminated = state.copy(), np.zeros((1, 2)), np.zeros(1, bool)
        stepped = outcome(kernel.step, s, actions, uniforms, nothing, rewards, terminated)
        assert not stepped[0] or s.tobytes() == state.tobytes()
        results.append((stepped, outcome(kernel.observe, state.copy(), np.zeros((1, kernel.views, 1))),
                        outcome(kernel.start, state.copy(), uniforms[:, :1].copy(), nothing)))
    assert results[0] == results[1]


def test_players_on_one_square_are_no_state(module):
    kernel = soccer(module)
    for call in (lambda: obs_of(kernel, (1, 1, 1, 1, 0)), lambda: played(kernel, (1, 1, 1, 1, 0), (N, N), 0.5)):
        with pytest.raises(ValueError, match="the state is not one of the game's$"):
            call()
