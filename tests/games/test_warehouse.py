"""The warehouse: rules by hand, twins bit for bit, and step by step beside ``rware`` (``pip install rware==2.0.0``)."""
import numpy as np
import pytest

from marlfast import games

GAMES = {"tiny-2": games.Warehouse(), "tiny-6": games.Warehouse(robots=6, pay="two_stage"),
         "small-4": games.Warehouse(robots=4, size="small", reach=2, pay="global", requests=3),
         "crowd": games.Warehouse(robots=12, size=(2, 1), column_height=3, bits=2, requests=3)}
EXAMPLES = [games.Warehouse(horizon=40), games.Warehouse(robots=3, size=(1, 3), column_height=3, bits=1, horizon=30,
                                                        pay="two_stage")]
NONE, FORWARD, LEFT, RIGHT, LOAD = range(5)


class Table:
    """Runs of a game by its kernel."""

    def __init__(self, game, runs, seed, backend="cython"):
        self.game, self.kernel, self.rng = game, game.kernel(backend), np.random.default_rng(seed)
        self.state = np.zeros((runs, self.kernel.state_size))
        self.kernel.start(self.state, self.rng.random((runs, self.kernel.start_uniforms)), np.zeros((runs, 0)))

    def observe(self):
        obs = np.zeros((len(self.state), self.kernel.views, self.kernel.features))
        self.kernel.observe(self.state, obs)
        return obs

    def step(self, actions, uniforms=None):
        runs = len(self.state)
        uniforms = self.rng.random((runs, self.kernel.step_uniforms)) if uniforms is None else uniforms
        rewards, over = np.zeros(actions.shape), np.zeros(runs, bool)
        self.kernel.step(self.state, np.ascontiguousarray(actions, np.int32), uniforms, np.zeros((runs, 0)), rewards,
                         over)
        return rewards


def eager(game, shape, rng):
    """Actions, most of which go forward or load."""
    return rng.choice(5, size=shape, p=[0.05, 0.55, 0.1, 0.1, 0.2]) + 5 * rng.integers(0, 1 << game.bits, shape)


@pytest.mark.parametrize("name", GAMES)
def test_twins_agree_bit_for_bit(name):
    game = GAMES[name]
    ours, theirs = Table(game, 20, 1), Table(game, 20, 1, "numpy")
    rng, delivered = np.random.default_rng(2), 0.0
    for t in range(150):
        assert ours.state.tobytes() == theirs.state.tobytes()
        if t % 5 == 0:
            assert ours.observe().tobytes() == theirs.observe().tobytes()
        actions = eager(game, (20, game.agents), rng)
        one, other = ours.step(actions), theirs.step(actions)
        assert one.tobytes() == other.tobytes()
        delivered += one.sum()
    assert delivered > 0 or name in ("tiny-2", "small-4")


def placed(game, robots, carried=()):
    """A table of one run with robots (row, column, heading), the first of which carry these shelves."""
    table = Table(game, 1, 0)
    width = game.highway.shape[1]
    state = table.state[0]
    for i, (row, column, heading) in enumerate(robots):
        state[5 * i:5 * i + 5] = [row * width + column, heading, 0, 0, 0]
    for i, shelf in enumerate(carried):
        state[5 * i + 2] = shelf
        state[5 * game.robots + shelf - 1] = state[5 * i]
    return table


def cells(table):
    width = table.game.highway.shape[1]
    return [divmod(int(c), width) for c in table.state[0, :5 * table.game.robots:5]]


UP, DOWN, WEST, EAST = range(4)


def test_who_gets_the_cell_by_hand():
    game = games.Warehouse(robots=4)
    go = np.full((1, 4), FORWARD)
    # Two want (0, 1): alone against two in line, who win.
    table = placed(game, [(0, 0, EAST), (0, 2, WEST), (0, 3, WEST), (10, 0, UP)])
    table.step(go)
    assert cells(table) == [(0, 0), (0, 1), (0, 2), (9, 0)]
    # Alone against alone: who comes first.
    table = placed(game, [(0, 0, EAST), (0, 2, WEST), (5, 0, WEST), (10, 0, UP)])
    table.step(go)
    assert cells(table) == [(0, 1), (0, 2), (5, 0), (9, 0)]
    # Four in a circle go round; two do not change places, nor does who waits for them move.
    table = placed(game, [(9, 0, EAST), (9, 1, DOWN), (10, 1, WEST), (10, 0, UP)])
    table.step(go)
    assert cells(table) == [(9, 1), (10, 1), (10, 0), (9, 0)]
    table = placed(game, [(0, 0, EAST), (0, 1, WEST), (0, 2, WEST), (10, 0, UP)])
    table.step(go)
    assert cells(table)[:3] == [(0, 0), (0, 1), (0, 2)]


def test_loads_turns_and_deliveries_by_hand():
    game = games.Warehouse(robots=2, pay="two_stage", requests=1)
    table = placed(game, [(1, 1, DOWN), (0, 0, UP)])
    table.state[0, -1] = 1.0                                    # the shelf at (1, 1) is requested
    table.step(np.array([[LOAD, LEFT]]))
    assert table.state[0, 2] == 1 and table.state[0, 6] == WEST
    table.step(np.array([[FORWARD, NONE]]))
    assert cells(table)[0] == (1, 1)                            # a shelf stands below, and one is carried
    table = placed(game, [(9, 4, DOWN), (0, 0, UP)], carried=(1,))
    table.state[0, -1] = 1.0
    rewards = table.step(np.array([[FORWARD, NONE]]), np.array([[0.0, 0.0]]))
    assert rewards.tolist() == [[0.5, 0.0]] and table.state[0, 3] == 1 and table.state[0, -1] == 2
    assert table.step(np.array([[LOAD, NONE]])).tolist() == [[0.0, 0.0]] and table.state[0, 2] == 1     # not there
    table.state[0, [0, 5 * 2]] = 11.0                          # back at (1, 1)
    assert table.step(np.array([[LOAD, NONE]])).tolist() == [[0.5, 0.0]] and table.state[0, 2:4].tolist() == [0, 0]


@pytest.mark.parametrize("options, message", [
    ({"robots": 17}, "robots: "), ({"size": "huge"}, "size: "), ({"size": (1, 2)}, "odd number"),
    ({"size": (9, 9), "column_height": 20}, "1024 cells"), ({"requests": 32}, "requests: "), ({"bits": 5}, "bits: "),
    ({"pay": "all"}, "pay: "), ({"size": (1, 1), "column_height": 1}, "shelves, got 0")])
def test_bad_input_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=message) as error:
        games.Warehouse(**options)
    assert "\n" not in str(error.value)


def world_state(env):
    """A state of the other package as ours."""
    width = env.grid_size[1]
    robots = [[a.y * width + a.x, a.dir.value, a.carrying_shelf.id if a.carrying_shelf else 0, int(a.has_delivered),
               sum(int(b) << k for k, b in enumerate(a.message))] for a in env.agents]
    return np.concatenate([np.ravel(robots), [s.y * width + s.x for s in env.shelfs],
                           [s.id for s in env.request_queue]]).astype(float)


def beside(name, episodes, steps, monkeypatch):
    rware = pytest.importorskip("rware.warehouse")
    from networkx.classes import coreviews

    # Which of two queues of the same length moves follows there from the order in which a graph's nodes are gone
    # through: that in which they were named, but for small parts of large graphs, where it is a set's. Here
    # always the former.
    for view in (coreviews.FilterAtlas, coreviews.FilterAdjacency):
        monkeypatch.setattr(view, "__iter__", lambda self: (n for n in self._atlas if self.NODE_OK(n)))
    game, rng = GAMES[name], np.random.default_rng(4)
    rows, columns = {"tiny": (1, 3), "small": (2, 3)}.get(game.size, game.size)
    pay = {"global": "GLOBAL", "individual": "INDIVIDUAL", "two_stage": "TWO_STAGE"}[game.pay]
    env = rware.Warehouse(columns, game.column_height, rows, game.robots, game.bits, game.reach, game._requests, None,
                          game.horizon, getattr(rware.RewardType, pay))
    table, paid, moved = Table(game, 1, 0), 0.0, 0
    assert env.highways.tolist() == game.highway.astype(int).tolist()
    for episode in range(episodes):
        env.reset(seed=episode)
        if episode % 2:         # loaded from the start, so that something is delivered
            for agent in env.agents:
                shelf = env.shelfs[int(rng.integers(len(env.shelfs)))]
                taken = [a.carrying_shelf for a in env.agents]
                if shelf not in taken and not env.grid[1, agent.y, agent.x]:
                    shelf.x, shelf.y, agent.carrying_shelf = agent.x, agent.y, shelf
                    env._recalc_grid()
        table.state[0] = world_state(env)
        for t in range(steps):
            actions = eager(game, game.robots, rng)
            theirs = [[a % 5, *(a // 5 >> k & 1 for k in range(game.bits))] if game.bits else a
                      for a in actions.tolist()]
            before = [s.id for s in env.request_queue]
            obs, rewards, done, truncated, _ = env.step(theirs)
            # Deliveries draw a new request: ours is told which.
            uniforms, queue = np.zeros((1, 2)), list(before)
            for g, (x, y) in enumerate(env.goals):
                shelf = int(env.grid[1, y, x])
                if shelf in queue:
                    others = [k for k in range(1, len(env.shelfs) + 1) if k not in queue]
                    place = queue.index(shelf)
                    queue[place] = env.request_queue[place].id
                    uniforms[0, g] = (others.index(queue[place]) + 0.5) / len(others)
            ours = table.step(actions[None], uniforms)
            assert table.state[0].tolist() == world_state(env).tolist(), (episode, t)
            assert ours[0].tolist() == list(rewards)
            assert table.observe()[0].astype(np.float32).tolist() == [o.tolist() for o in obs]
            assert done == (t == game.horizon - 1) and not truncated
            paid, moved = paid + ours.sum(), moved + 1
            if done:
                break
    return paid


@pytest.mark.parametrize("name", GAMES)
def test_rware_moves_the_same(name, monkeypatch):
    beside(name, 4, 60, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_rware_moves_the_same_thousands_of_times(name, monkeypatch):
    assert beside(name, 1500, 60, monkeypatch) > 0
