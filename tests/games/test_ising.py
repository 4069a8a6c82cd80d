"""The Ising game by hand, on tori of one and two rows too, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import BACKENDS, kernels
from marlfast.games.ising import Ising

EXAMPLES = [Ising(4, 5, horizon=10), Ising(1, 1), Ising(1, 2, horizon=3), Ising(2, 2, horizon=4), Ising(3, 1), Ising()]


def stepped(kernel, actions):
    """State, rewards and observations after one step of every run."""
    actions = np.array(actions, np.int32)
    state, rewards = np.full((2, *actions.shape), np.nan)
    none, ends = np.zeros((len(actions), 0)), np.ones(len(actions), bool)
    kernel.step(state, actions, none, none, rewards, ends)
    obs = np.full((len(actions), kernel.views, 1), np.nan)
    kernel.observe(state, obs)
    assert not ends.any()
    return state, rewards, obs[..., 0]


def others(kernel, state, actions, rewards):
    total = np.full(rewards.shape, np.nan)
    kernel.counterfactual(state, np.array(actions, np.int32), rewards, total)
    return total


def test_a_step_by_hand(backend):
    # A torus of 3 x 3, the middle and the square right of it up:
    #   - - -      neighbours that are up   0 1 1
    #   - + +                              2 1 1
    #   - - -                              0 1 1
    state, rewards, obs = stepped(Ising(3, 3).kernel(backend), [[0, 0, 0, 0, 1, 1, 0, 0, 0]])
    assert state.tolist() == [[-1, -1, -1, -1, 1, 1, -1, -1, -1]]
    assert obs.tolist() == [[0, 1, 1, 2, 1, 1, 0, 1, 1]]
    # With k neighbours up: up earns k - 2, down 2 - k.
    assert rewards.tolist() == [[2, 1, 1, 0, -1, -1, 2, 1, 1]]


@pytest.mark.parametrize("height, width, actions, obs, rewards", [
    # One square: all four neighbours are the agent itself.
    (1, 1, [0], [0], [2]), (1, 1, [1], [4], [2]),
    # A row of two: itself above and below, the other left and right.
    (1, 2, [1, 0], [2, 2], [0, 0]), (1, 2, [1, 1], [4, 4], [2, 2]), (2, 1, [0, 1], [2, 2], [0, 0]),
    # A row of three, one up: itself twice (2), none of the others; they see it once, on one side.
    (1, 3, [1, 0, 0], [2, 1, 1], [0, 1, 1]), (3, 1, [1, 0, 0], [2, 1, 1], [0, 1, 1]),
    # Two by two, one up: its two neighbours see it twice, the one across not at all.
    (2, 2, [1, 0, 0, 0], [0, 2, 2, 0], [-2, 0, 0, 2]),
    # Two rows of three, the upper left up: seen twice from below, once from each side.
    (2, 3, [1, 0, 0, 0, 0, 0], [0, 1, 1, 2, 0, 0], [-2, 1, 1, 0, 2, 2]),
])
def test_small_tori_by_hand(backend, height, width, actions, obs, rewards):
    _, earned, observed = stepped(Ising(height, width).kernel(backend), [actions])
    assert observed.tolist() == [obs] and earned.tolist() == [rewards]


@pytest.mark.parametrize("height, width", [(1, 1), (1, 2), (1, 5), (2, 2), (2, 5), (5, 2), (3, 3), (4, 6), (7, 5)])
def test_against_neighbours_written_out(backend, height, width):
    """Rewards, observations and what the others earn, from the torus square by square."""
    game, generator = Ising(height, width), np.random.default_rng(3)
    kernel = game.kernel(backend)
    actions = generator.integers(0, 2, (6, game.agents)).astype(np.int32)
    state, rewards, obs = stepped(kernel, actions)
    total = others(kernel, state, actions, rewards)

    def earned(spins, y, x):
        around = [((y - 1) % height, x), ((y + 1) % height, x), (y, (x - 1) % width), (y, (x + 1) % width)]
        return 0.5 * spins[y, x] * sum(spins[place] for place in around), sum(spins[place] > 0 for place in around)

    for r in range(6):
        spins = (2.0 * actions[r] - 1).reshape(height, width)
        places = [(y, x) for y in range(height) for x in range(width)]
        assert list(zip(rewards[r], obs[r], strict=True)) == [earned(spins, *place) for place in places]
        for i, place in enumerate(places):
            gone = spins.copy()
            gone[place] = 0.0
            assert total[r, i] == sum(earned(gone, *other)[0] for other in places)


def test_a_start_is_half_up(backend):
    kernel, state = Ising(2, 2).kernel(backend), np.full((1, 4), np.nan)
    kernel.start(state, np.array([[0.0, np.nextafter(0.5, 0), 0.5, 1 - 2.0**-53]]), np.zeros((1, 0)))
    assert state.tolist() == [[-1, -1, 1, 1]]
    ups = Ising(10, 10).env(runs=50, seed=1, backend=backend).reset()
    assert ups.mean() == pytest.approx(2.0, abs=0.1)        # half of four neighbours


def test_turning_and_shifting_the_torus_changes_nothing(backend):
    generator = np.random.default_rng(8)
    actions = generator.integers(0, 2, (1, 6, 4))

    def played(grid):
        height, width = grid.shape[1:]
        return stepped(Ising(height, width).kernel(backend), grid.reshape(1, -1))[1].reshape(1, height, width)
    rewards = played(actions)
    assert (played(1 - actions) == rewards).all()           # up for down
    assert (played(np.roll(actions, (2, 1), (1, 2))) == np.roll(rewards, (2, 1), (1, 2))).all()
    assert (played(actions.transpose(0, 2, 1)) == rewards.transpose(0, 2, 1)).all()
    assert (played(actions[:, ::-1]) == rewards[:, ::-1]).all()


def test_order():
    game = Ising(2, 3)
    assert game.order([1, 1, 1, 1, 1, 1]) == 1.0 and game.order([-1] * 6) == 1.0
    assert game.order([1, 1, 1, -1, -1, -1]) == 0.0
    assert game.order([[1, 1, 1, 1, 1, -1], [-1, -1, -1, -1, 1, 1]]) == pytest.approx([2 / 3, 1 / 3])


def test_facts():
    assert Ising().agents == 400 and Ising().horizon == 0 and not Ising().ends
    assert (Ising(3, 4).views, Ising(3, 4).observations, Ising(1, 1).reward_bounds) == (12, 5, (2.0, 2.0))
    assert Ising(1, 5).reward_bounds == (0.0, 2.0) and Ising(2, 2).reward_bounds == (-2.0, 2.0)
    assert Ising(1, 2).setting == "cooperative" and Ising(2, 2).setting == "mixed"


def test_the_board_shows_the_spins():
    assert Ising(2, 3).render(np.array([1.0, -1, -1, 1, 1, -1])) == "+ - -\n+ + -\norder 0"


def test_the_less_noise_the_more_order():
    """Agents who learn to follow their neighbours line up, as far as exploration, the model's heat, lets them."""
    game, orders = Ising(5, 5), []
    for epsilon in (0.01, 0.2, 1.0):
        learner = mf.IQL(learning_rate=0.1, discount=0.0, explore=mf.EpsilonGreedy(epsilon, ties="first", draws=2))
        run = mf.train(game, learner, stop=mf.Steps(5000), runs=16, seed=0)
        orders.append(game.order(run.arrays["state"]).mean())
    # Measured over four seeds: 0.99 to 1.00, 0.73 to 0.84, 0.14 to 0.16.
    assert orders[0] > 0.95 and 0.6 < orders[1] < 0.92 and orders[2] < 0.3


def test_ten_thousand_agents(backend):
    # A chessboard: all disagree with all neighbours.
    actions = (np.add.outer(np.arange(100), np.arange(100)) % 2).reshape(1, -1)
    _, rewards, obs = stepped(Ising(100, 100).kernel(backend), actions)
    assert (rewards == -2.0).all() and (obs == 4 * (1 - actions)).all()


# -- bad input ------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    (dict(height=0), ValueError, "height: expected 1 to 32768, got 0"),
    (dict(width=2**15 + 1), ValueError, "width: expected 1 to 32768, got 32769"),
    (dict(height="3"), TypeError, "height: expected a whole number, got '3'"),
    (dict(horizon=-1), ValueError, "horizon: expected at least 0, got -1"),
])
def test_impossible_games(arguments, error, message):
    with pytest.raises(error) as caught:
        Ising(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (-1, 2)])
def test_impossible_kernels(module, size):
    with pytest.raises(ValueError) as caught:
        module("ising").Ising(*size)
    assert str(caught.value) == f"height, width: expected at least 1, got {size[0]}, {size[1]}"


@pytest.mark.parametrize("action", [-1, 2, 2**31 - 1, -(2**31)])
def test_actions_outside_are_refused_and_change_nothing(backend, action):
    state, rewards = np.full((1, 4), 7.0), np.full((1, 4), 7.0)
    with pytest.raises(ValueError, match="^step: an action lies outside the agent's actions$"):
        Ising(2, 2).kernel(backend).step(state, np.array([[0, 1, action, 0]], np.int32), np.zeros((1, 0)),
                                         np.zeros((1, 0)), rewards, np.zeros(1, bool))
    assert (state == 7.0).all() and (rewards == 7.0).all()


@pytest.mark.parametrize("bad", [0.0, 2.0, -0.5, np.nextafter(1, 2), np.nextafter(1, 0), np.nan, np.inf, 1e300])
def test_spins_that_are_none_are_refused(backend, bad):
    with pytest.raises(ValueError, match="^observe: the state is not one of the game's$"):
        Ising(2, 2).kernel(backend).observe(np.array([[1.0, bad, -1.0, 1.0]]), np.zeros((1, 4, 1)))


@pytest.mark.parametrize("bad", [1.0, -0.25, np.nan, np.inf, 1e300])
def test_draws_outside_are_refused_and_change_nothing(backend, bad):
    state = np.full((1, 4), 7.0)
    with pytest.raises(ValueError, match=r"^start: a draw lies outside \[0, 1\)$"):
        Ising(2, 2).kernel(backend).start(state, np.array([[0.5, 0.5, 0.5, bad]]), np.zeros((1, 0)))
    assert (state == 7.0).all()


@given(st.integers(1, 7), st.integers(1, 7), st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_play_alike(height, width, hostile, seed):
    generator = np.random.default_rng(seed)
    agents, odd = height * width, np.array([-1.0, 0.0, 0.5, 1.0, 2.0, np.nan, np.inf, -1e300])
    script = []
    for _ in range(6):
        actions, draws = generator.integers(0, 2, (1, agents)).astype(np.int32), generator.random((1, agents))
        place = None
        if hostile and generator.random() < 0.7:
            actions[0, generator.integers(agents)] = generator.choice([-1, 0, 2, 2**31 - 1, -(2**31)])
            draws[0, generator.integers(agents)] = generator.choice(odd)
            place = (int(generator.integers(agents)), generator.choice(odd))
        script.append((actions, draws, generator.normal(size=(1, agents)), place))
    traces = []
    for backend in BACKENDS:
        game, trace = kernels(backend, "ising").Ising(height, width), []
        state, none = np.ones((1, agents)), np.zeros((1, 0))
        for actions, draws, earned, place in script:
            rewards, ends, obs, total = np.zeros((1, agents)), np.ones(1, bool), np.zeros((1, agents, 1)), earned * 0
            for call, *arguments in ((game.start, state, draws, none), (game.observe, state, obs),
                                     (game.step, state, actions, none, none, rewards, ends),
                                     (game.counterfactual, state, actions, earned, total)):
                if place is not None and call == game.observe:
                    state[0, place[0]] = place[1]
                try:
                    call(*arguments)
                    said = "fine"
                except ValueError as error:
                    said = str(error)
                trace.append([said, *(a.tobytes() for a in (state, rewards, ends, obs, total))])
        traces.append(trace)
    assert traces[0] == traces[1]
