"""Environments of Gymnasium's and OpenSpiel's, and plain classes, as games; spaces as numbers; worker processes."""
import copy
import os
import pickle

import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf
from marlfast.games.environments import SEEDS
from marlfast.games.spaces import Space

gymnasium = pytest.importorskip("gymnasium")
spaces = gymnasium.spaces
IQL = mf.IQL(0.3)


# -- spaces -------------------------------------------------------------------------------------

NESTED = spaces.Dict({"b": spaces.Tuple((spaces.Discrete(3, start=-1), spaces.MultiBinary(2))),
                      "a": spaces.Box(-1.0, 1.0, (2, 1)), "c": spaces.MultiDiscrete([[2, 3]])})


def test_what_is_observed_is_flattened_in_the_order_that_is_documented():
    """Gymnasium sorts a dictionary by its keys: a (two reals), b (from -1; two bits), c (two numbers)."""
    space = Space.of(NESTED, "it is")
    value = {"a": np.array([[0.5], [-0.25]], np.float32), "b": (0, np.array([1, 0])), "c": np.array([[1, 2]])}
    assert space.flat(value).tolist() == [0.5, -0.25, 1.0, 1.0, 0.0, 1.0, 2.0] and space.size == 7
    assert space.bounds[0].tolist() == [-1.0, -1.0, 0, 0, 0, 0, 0]
    assert space.bounds[1].tolist() == [1.0, 1.0, 2, 1, 1, 1, 2]
    assert space.stray(space.flat(value)) is None
    for at, number in ((0, 1.5), (2, 3.0), (3, 0.5), (6, 3.0), (1, np.nan)):
        numbers = space.flat(value)
        numbers[at] = number
        assert space.stray(numbers) == at
    again = Space.from_dict(space.to_dict())
    assert again.flat(value).tolist() == space.flat(value).tolist() and again.to_dict() == space.to_dict()
    rounded = Space.of(spaces.Box(0.1, 0.9, (1,), np.float32), "it is")
    assert rounded.stray(np.array([0.1])) is None and rounded.stray(np.array([0.09])) == 0


@pytest.mark.parametrize("space, choices, at, action", [
    (spaces.Discrete(4, start=3), 4, 1, 4),
    (spaces.MultiDiscrete([2, 3]), 6, 4, [1, 1]),
    (spaces.MultiDiscrete([2, 3], start=[5, 0]), 6, 4, [6, 1]),
    (spaces.MultiBinary((2, 2)), 16, 6, [[0, 1], [1, 0]]),
    (spaces.Tuple((spaces.Discrete(2), spaces.MultiBinary(2))), 8, 6, (1, [1, 0])),
    (spaces.Dict({"x": spaces.Discrete(3), "y": spaces.Discrete(2, start=1)}), 6, 3, {"x": 1, "y": 2}),
])
def test_joint_actions_are_decoded(space, choices, at, action):
    """The last part runs fastest; all numbers give different actions of the space."""
    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray) else tuple(map(plain, value)) if isinstance(
            value, tuple) else value

    one = Space.of(space, "it is")
    assert one.choices == choices and plain(one.decoded(at)) == action
    assert all(one.decoded(k) in space for k in range(choices))
    assert len({repr(one.decoded(k)) for k in range(choices)}) == choices
    assert plain(Space.from_dict(one.to_dict()).decoded(at)) == action


@pytest.mark.parametrize("values", [
    3, {}, {"kind": "text"}, {"kind": "tuple", "parts": []}, {"kind": "tuple", "parts": [3]},
    {"kind": "discrete", "shape": [], "counts": [2, 3], "first": [0], "dtype": "int64"},
    {"kind": "discrete", "shape": [], "counts": [0], "first": [0], "dtype": "int64"},
    {"kind": "discrete", "shape": [], "counts": [2], "first": [0], "dtype": "object"},
])
def test_descriptions_that_are_none(values):
    with pytest.raises((ValueError, TypeError), match="spaces: expected"):
        Space.from_dict(values)


# -- Gymnasium ----------------------------------------------------------------------------------

class Walk(gymnasium.Env):
    """A walk on five places from a drawn one, by two steps of -1, 0 or 1 at once; up is the end."""

    observation_space = spaces.Dict({"place": spaces.Discrete(5), "steps": spaces.Box(0.0, 9.0, (1,))})
    action_space = spaces.MultiDiscrete([3, 3], start=[-1, -1])

    def __init__(self, spoil=None, cut=9):
        self.spoil, self.cut = spoil, cut

    def told(self):
        return {"place": self.place, "steps": np.array([self.steps], np.float32)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.steps = int(self.np_random.integers(4)), 0
        if self.spoil == "reset":
            return self.told()
        return self.told(), {}

    def step(self, action):
        assert action in self.action_space
        self.steps += 1
        self.place = int(np.clip(self.place + action.sum(), 0, 4))
        obs, info = self.told(), {}
        if self.spoil == "stray" and self.steps == 2:
            obs["steps"][0] = 10.0
        if self.spoil == "part" and self.steps == 2:
            del obs["place"]
        if self.spoil == "space" and self.steps == 1:
            self.observation_space = spaces.Dict({"place": spaces.Discrete(6), "steps": spaces.Box(0.0, 9.0, (1,))})
        if self.spoil == "mask":
            info["action_mask"] = np.ones(4)
        if self.spoil == "none" and self.steps == 2:
            info["action_mask"] = np.zeros(9)
        return obs, -1.0, self.place == 4, self.steps >= self.cut, info


def walk(**options):
    return mf.games.GymnasiumGame(Walk, **{"horizon": 9} | options)


def test_facts_of_a_single_agent():
    game = walk()
    assert (game.name, game.agents, game.features, game.horizon) == ("gymnasium:Walk", 1, 2, 9)
    assert game.action_counts.tolist() == [9] and game.observations is None and game.participation == ()
    assert [bound.tolist() for bound in game.bounds] == [[0.0, 0.0], [4.0, 9.0]]
    assert game.decoded(0, 8).tolist() == [1, 1] and game.decoded(0, 1).tolist() == [-1, 0]
    lake = mf.games.GymnasiumGame(lambda: gymnasium.make("FrozenLake-v1"))
    assert (lake.name, lake.observations, lake.horizon) == ("gymnasium:FrozenLake-v1", 16, 100)


def test_episodes_are_those_of_the_environment(backend):
    env, made = walk().env(runs=2, seed=6, backend=backend), [Walk(), Walk()]
    obs = env.reset()
    for run in range(2):
        seed = int(mf.draws.stream(6, run, "start_uniforms", 0, 1)[0] * SEEDS)
        assert obs[run, 0].tolist() == [made[run].reset(seed=seed)[0]["place"], 0.0]
    for action in (1, 4, 8):
        obs, rewards, terminated, _ = env.step([[action], [action]])
        for run in range(2):
            told, earned, over, *_ = made[run].step(np.array(divmod(action, 3)) - 1)
            assert obs[run, 0].tolist() == [told["place"], *told["steps"].tolist()]
            assert rewards[run, 0] == earned and terminated[run] == over
        if terminated.any():
            break


def test_one_is_learned_and_its_policy_speaks_as_it_does(tmp_path, backend):
    """From each place the end is reached in as few steps as there can be: two places each."""
    game = walk()
    learner = mf.IQL(0.3, explore=mf.EpsilonGreedy(1.0, decay=0.995, minimum=0.05))
    run = mf.train(game, learner, encoder=mf.Rounding(0), episodes=1500, seed=0, backend=backend)
    played = mf.evaluate(game, run, episodes=40, backend=backend)
    assert set(np.unique(played.returns)) <= {-1.0, -2.0}
    run.policy(0).save(tmp_path / "policy.npz")
    for policy in (run.policy(0), mf.Policy.load(tmp_path / "policy.npz")):
        env = Walk()
        obs, _ = env.reset(seed=3)
        for _ in range(3):
            action = policy({"agent_0": obs})["agent_0"]
            assert action in env.action_space
            obs, _, over, *_ = env.step(action)
            if over:
                break
        assert over
        with pytest.raises(ValueError, match="observation: of agent 'agent_0': expected a dictionary of 'place', "):
            policy({"agent_0": {"place": 3}})
    run.save(tmp_path / "run.npz")
    assert_same(mf.load(tmp_path / "run.npz", game=walk()), run)


def test_an_environment_whose_limit_varies(backend):
    class Cut(Walk):
        def __init__(self):
            super().__init__(cut=3)

    with pytest.raises(mf.TrainingError, match="truncated an episode after 3 steps, but the game's horizon is 9; give "
                                               "horizon=3 .*, or varies=True where limits vary"):
        mf.train(mf.games.GymnasiumGame(Cut, horizon=9), IQL, encoder=mf.Rounding(0), episodes=30, seed=0,
                 backend=backend)
    game = mf.games.GymnasiumGame(Cut, varies=True)
    assert game.participation == ("truncated",)
    run = mf.train(game, IQL, encoder=mf.Rounding(0), episodes=30, seed=0, backend=backend)
    assert run.lengths.max() == 3


class Pair(gymnasium.Env):
    """Two agents in tuples; both earn what both chose."""

    observation_space = spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3)))
    action_space = spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3)))

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return (0, 0), {}

    def step(self, actions):
        assert actions in self.action_space
        self.steps += 1
        return actions, [float(actions[0]), float(actions[1])], self.steps == 4, [False, False], {}


def test_agents_in_tuples(backend):
    game = mf.games.GymnasiumGame(Pair)
    assert (game.agents, game.observations, game.views) == (2, 3, 2) and game.action_counts.tolist() == [2, 3]
    run = mf.train(game, mf.IQL(0.3, discount=0.0, explore=mf.EpsilonGreedy(0.5)), episodes=200, runs=2, seed=0,
                   backend=backend)
    assert mf.evaluate(game, run, episodes=2, backend=backend).returns.tolist() == [[[4.0, 8.0]] * 2] * 2
    together = mf.games.GymnasiumGame(Pair, agents_in_tuples=False)
    assert (together.agents, together.action_counts.tolist(), together.features) == (1, [6], 2)
    assert together.decoded(0, 5) == (1, 2)


@pytest.mark.parametrize("make, error, words", [
    (3, TypeError, "make: expected a function that gives a new environment"),
    (object, TypeError, "make: expected a function that gives a Gymnasium environment"),
    (lambda: gymnasium.make_vec("CartPole-v1", num_envs=3), TypeError,
     "make: expected a function that gives a single environment.* and runs=3"),
    (lambda: gymnasium.make("Pendulum-v1"), ValueError,
     "make: expected actions that can be numbered .*, but agent 'agent_0' has Box"),
])
def test_environments_that_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        mf.games.GymnasiumGame(make)


FAULTS = {
    "reset": r"expected \(observation, info\) of reset",
    "stray": r"run 0, step 1: .*number 1 in the observation of agent 'agent_0' is 10, which is not in its space "
             r"\(0 to 9\)",
    "part": "run 0, step 1: .*expected a dictionary of 'place', 'steps' as observation of agent 'agent_0', got",
    "space": "run 0, step .: .*the environment changed the space of the observations of agent 'agent_0' to Dict",
}


@pytest.mark.parametrize("spoil", FAULTS)
def test_faults_are_told(spoil, backend):
    """The run that is at fault stops, whatever else its neighbours do."""
    game = mf.games.GymnasiumGame(lambda: Walk(spoil), horizon=9) if spoil != "reset" else None
    with pytest.raises((mf.TrainingError, TypeError), match=FAULTS[spoil]) as caught:
        if game is None:
            mf.games.GymnasiumGame(lambda: Walk(spoil), horizon=9)
        mf.train(game, IQL, encoder=mf.Rounding(0), episodes=30, runs=2, seed=2, backend=backend)
    if game is not None:
        assert caught.value.result.arrays["steps"].max() > 0


def test_masks_of_another_length_and_none_that_is_legal(backend):
    game = mf.games.GymnasiumGame(lambda: Walk("mask"), horizon=9, masks=True)
    with pytest.raises(mf.TrainingError, match="run 0, step 0.*expected an action_mask of 9 entries for agent "):
        mf.train(game, IQL, encoder=mf.Rounding(0), episodes=3, seed=0, backend=backend)
    game = mf.games.GymnasiumGame(lambda: Walk("none"), horizon=9, masks=True)
    with pytest.raises(mf.TrainingError, match="run 0, step ., agent 0: .*no legal action"):
        mf.train(game, IQL, encoder=mf.Rounding(0), episodes=30, seed=0, backend=backend)
    ignored = mf.games.GymnasiumGame(lambda: Walk("mask"), horizon=9, masks=False)
    run = mf.train(ignored, IQL, encoder=mf.Rounding(0), episodes=3, seed=0, backend=backend)
    assert run.returns.shape == (1, 3, 1)


def test_what_comes_is_taken_where_that_is_asked_for():
    game = mf.games.GymnasiumGame(lambda: Walk("stray"), horizon=9, strict=False)
    run = mf.train(game, IQL, encoder=mf.Rounding(0), episodes=30, seed=0)
    assert run.stop_reason == ["episodes"] and not run.failed.any() and run.returns.shape == (1, 30, 1)


# -- plain classes ------------------------------------------------------------------------------

class Corridor:
    """Five places, from the first to the last."""

    def reset(self):
        self.place = 0
        return self.place

    def step(self, action):
        self.place = max(0, self.place + (1 if action == 1 else -1))
        return self.place, -1.0, self.place == 4


class Shops:
    """Two shops, by name or in lists, whose customers come by chance."""

    def __init__(self, by_name=False):
        self.by_name = by_name

    def reset(self, seed=None):
        self.random, self.days = np.random.default_rng(seed), 0
        return self.told([0.0, 0.0])

    def told(self, values):
        return dict(zip(("left", "right"), values, strict=True)) if self.by_name else values

    def step(self, prices):
        prices = list(prices.values()) if self.by_name else prices
        assert len(prices) == 2 and all(price in (0, 1, 2) for price in prices)
        self.days += 1
        customers = self.random.random()
        earned = [customers * (price + 1) if price <= min(prices) else 0.0 for price in prices]
        return self.told([[float(prices[1])], [float(prices[0])]]), self.told(earned), False, self.days == 5


def test_a_plain_class_of_one_agent(backend):
    game = mf.games.from_python(Corridor, actions=2, observations=5, horizon=50)
    assert (game.name, game.agents, game.observations, game.horizon) == ("python:Corridor", 1, 5, 50)
    run = mf.train(game, mf.IQL(0.5), episodes=100, runs=2, seed=0, backend=backend)
    assert mf.evaluate(game, run, episodes=1, backend=backend).returns.tolist() == [[[-4.0]]] * 2
    assert run.policy(0)({"agent_0": 0}) == {"agent_0": 1}


def test_a_plain_class_of_several(backend):
    lists = mf.games.from_python(Shops, agents=2, actions=3)
    names = mf.games.from_python(lambda: Shops(True), agents=["left", "right"], actions=[3, 3])
    assert (lists.agents, lists.features, names.names) == (2, 1, ("left", "right"))
    one, other = (mf.train(game, mf.IQL(0.2), encoder=mf.Rounding(0), episodes=20, runs=3, seed=1, backend=backend)
                  for game in (lists, names))
    assert one.returns.tobytes() == other.returns.tobytes() and one.lengths.tolist() == [[5] * 20] * 3
    assert_same(one, mf.train(lists, mf.IQL(0.2), encoder=mf.Rounding(0), episodes=20, runs=3, seed=1))


@pytest.mark.parametrize("call, error, words", [
    (lambda: mf.games.from_python(Corridor(), actions=2), TypeError, "make: expected a function that gives a new"),
    (lambda: mf.games.from_python(object, actions=2), TypeError, "make: expected a class or a function .* with reset"),
    (lambda: mf.games.from_python(Corridor, actions=0), ValueError, "actions: expected 1 to "),
    (lambda: mf.games.from_python(Corridor, actions=None), TypeError, "actions: expected how many"),
    (lambda: mf.games.from_python(Shops, agents=2, actions=[3]), ValueError, "actions: expected one number, or"),
    (lambda: mf.games.from_python(Shops, agents=["a", "a"], actions=3), ValueError, "agents: expected how many"),
    (lambda: mf.games.from_python(Shops, agents=3, actions=3), ValueError, "expected what each agent observes of 3"),
    (lambda: mf.train(Corridor()), TypeError, r"game: expected a game, got .*; a class of your own with reset and step "
                                              r"becomes one by marlfast.games.from_python\(lambda: Corridor"),
    (lambda: mf.train(Corridor, IQL), TypeError, r"from_python\(Corridor, actions=...\)"),
    (lambda: mf.train(Walk(), IQL), TypeError, r"GymnasiumGame\(lambda: Walk"),
    (lambda: mf.train(object(), IQL), TypeError, "marlfast.games.from_python, an environment by PettingZooGame"),
])
def test_what_is_refused_says_where_to_go(call, error, words):
    with pytest.raises(error, match=words):
        call()


# -- worker processes ---------------------------------------------------------------------------

class Mortal(Corridor):
    """Ends its process at the third episode, should a file say so."""

    episodes = 0

    def reset(self):
        self.episodes += 1
        if self.episodes == 3 and os.environ.get("MARLFAST_TEST_MORTAL") == str(os.getppid()):
            os._exit(3)
        return super().reset()


def test_workers_give_the_same_numbers(backend, tmp_path):
    alone = mf.games.from_python(Shops, agents=2, actions=3)
    workers = mf.games.from_python(Shops, agents=2, actions=3, workers=2)
    one, other = (mf.train(game, mf.IQL(0.2), encoder=mf.Rounding(0), episodes=10, runs=5, seed=1, backend=backend)
                  for game in (alone, workers))
    assert one.returns.tobytes() == other.returns.tobytes() and one.q.tobytes() == other.q.tobytes()
    one.save(tmp_path / "run.npz")
    again = mf.train(resume=mf.load(tmp_path / "run.npz", game=workers), episodes=2, backend=backend)
    assert again.returns.tobytes() == mf.train(resume=one, episodes=2, backend=backend).returns.tobytes()


def test_a_worker_that_dies_takes_its_runs_with_it_and_no_others(monkeypatch):
    monkeypatch.setenv("MARLFAST_TEST_MORTAL", str(os.getpid()))

    game = mf.games.from_python(Half, actions=2, observations=5, horizon=20, workers=2)
    with pytest.raises(mf.TrainingError, match=r"run 1, step .*worker process 1 of 2 died \(exit code 3\); its runs "
                                               r"\(1, 3, ...\) stop where they are") as caught:
        mf.train(game, IQL, episodes=6, runs=4, seed=0, block=500)
    result = caught.value.result
    assert result.failed.tolist() == [False, True, False, True]
    assert max(result.episodes[1::2]) <= 2 and result.episodes[::2].tolist() == [6, 6]
    assert result.arrays["learner.q"][1].any()


class Half(Mortal):
    """Dies in the second worker only, which is the one whose process is named so."""

    def reset(self):
        import multiprocessing

        if not multiprocessing.current_process().name.endswith(", 1"):
            self.episodes = -9
        return super().reset()


def test_what_cannot_be_sent_to_workers_is_refused():
    with pytest.raises(ValueError, match="workers: make cannot be sent to another process"):
        mf.games.from_python(lambda: Corridor(), actions=2, observations=5, workers=2)
    with pytest.raises(ValueError, match="workers: expected 0 to "):
        mf.games.from_python(Corridor, actions=2, observations=5, workers=-1)


WAYS = [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]


@pytest.mark.parametrize("way", WAYS)
def test_copies_of_games_of_openspiel(way):
    pytest.importorskip("pyspiel")
    env = mf.games.OpenSpielGame("tic_tac_toe").env(seed=2)
    env.reset()
    env.step([[0, 0]])
    other = way(env)
    for action in (4, 1, 8):
        assert env.step([[action] * 2])[0].tolist() == other.step([[action] * 2])[0].tolist()
    assert env.state[0, 1] == 4.0


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("way", WAYS)
def test_copies_go_on_within_an_episode(workers, way):
    game = mf.games.from_python(Shops, agents=2, actions=3, workers=workers)
    env = game.env(runs=3, seed=2)
    env.reset()
    env.step([[0, 1]] * 3)
    other = way(env)
    for _ in range(3):
        ours, theirs = env.step([[1, 1]] * 3), other.step([[1, 1]] * 3)
        for a, b in zip(ours, theirs, strict=True):
            assert a.tobytes() == b.tobytes()


# -- OpenSpiel ----------------------------------------------------------------------------------

@pytest.mark.parametrize("name, participation, length", [
    ("kuhn_poker", ("to_act", "legal"), None), ("matrix_pd", ("legal",), 1),
    ("tic_tac_toe", ("to_act", "legal"), None), ("goofspiel(num_cards=3)", ("legal",), 2)])
def test_games_of_openspiel(name, participation, length, backend):
    pytest.importorskip("pyspiel")
    game = mf.games.OpenSpielGame(name)
    assert game.participation == participation and game.name == f"openspiel:{name.partition('(')[0]}"
    one, other = (mf.train(game, mf.IQL(0.3), encoder=mf.Rounding(2), episodes=60, runs=2, seed=0, backend=which)
                  for which in ("cython", "numpy"))
    assert one.returns.tobytes() == other.returns.tobytes()
    assert length is None or (one.lengths == length).all()
    if game.setting == "competitive":
        assert (one.returns.sum(axis=2) == 0.0).all()


def test_tic_tac_toe_of_openspiel_plays_as_the_one_here():
    """The same moves are legal, and the same games are won, along random plays."""
    pytest.importorskip("pyspiel")
    theirs, ours = mf.games.OpenSpielGame("tic_tac_toe").env(seed=0), mf.games.TicTacToe().env(seed=0)
    random = np.random.default_rng(0)
    for _ in range(30):
        theirs.reset()
        ours.reset()
        over = np.zeros(1, bool)
        while not over[0]:
            assert theirs.to_act.tolist() == ours.to_act.tolist()
            who = int(ours.to_act[0].argmax())
            assert theirs.legal[0, who].tolist() == ours.legal[0, who].tolist()
            action = np.zeros((1, 2), int)
            action[0, who] = random.choice(np.flatnonzero(ours.legal[0, who]))
            _, paid, over, _ = ours.step(action)
            _, earned, ended, _ = theirs.step(action)
            assert paid.tolist() == earned.tolist() and over.tolist() == ended.tolist()


def test_games_of_openspiel_that_are_refused():
    pytest.importorskip("pyspiel")
    with pytest.raises(ValueError, match="make: OpenSpiel cannot load 'no_game'"):
        mf.games.OpenSpielGame("no_game")
    with pytest.raises(ValueError, match="horizon: a game of OpenSpiel's ends by itself"):
        mf.games.OpenSpielGame("kuhn_poker", 3)
    with pytest.raises(TypeError, match="make: expected the name of a game"):
        mf.games.OpenSpielGame(object)
