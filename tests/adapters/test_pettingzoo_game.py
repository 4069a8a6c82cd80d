"""PettingZoo's environments as games: the same numbers as by hand, and clear errors for what no game here can do."""
import threading
import warnings

import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf
from marlfast.games.environments import SEEDS
from marlfast.games.pettingzoo import PettingZooGame
from marlfast.reference.kernels import OWN_ERROR

spaces = pytest.importorskip("gymnasium").spaces


class Line:
    """Ann sees two numbers and has actions -1, 0, 1; Bob sees one number and has actions 0 and 1."""

    max_cycles = 5

    def __init__(self, spoil=None, **changes):
        self.possible_agents, self.spoil = ["ann", "bob"], spoil
        self.observation = {"ann": spaces.Box(-9.0, 9.0, (2,)), "bob": spaces.Box(-20.0, 20.0, (1,))}
        self.action = {"ann": spaces.Discrete(3, start=-1), "bob": spaces.Discrete(2)}
        self.__dict__ |= changes

    def __str__(self):
        return "line_v0"

    def observation_space(self, agent):
        return self.observation[agent]

    def action_space(self, agent):
        return self.action[agent]

    def reset(self, seed=None, options=None):
        self.chance, self.steps = np.random.default_rng(seed), 0
        self.place = self.chance.random(2)
        return self.obs(), {"ann": {}, "bob": {}}

    def obs(self):
        return {"bob": self.place.sum(keepdims=True), "ann": self.place.astype(np.float32)}

    def step(self, actions):
        assert actions["ann"] in self.action["ann"] and actions["bob"] in self.action["bob"]
        self.steps += 1
        self.place = self.place + [actions["ann"], actions["bob"] * self.chance.random()]
        over, cut = bool(self.place[1] > 2.5), self.steps >= self.max_cycles
        answer = [self.obs(), {"ann": self.place[0], "bob": np.float32(self.place[1])},
                  dict.fromkeys(self.possible_agents, over), dict.fromkeys(self.possible_agents, cut), {}]
        if self.spoil:
            self.spoil(self, answer)
        return tuple(answer)

    def close(self):
        pass


class Coordination(Line):
    """Numbered observations: what the other one did last. Both earn 1 where both choose 1."""

    max_cycles = 10

    def __init__(self):
        super().__init__(observation={"ann": spaces.Discrete(3, start=4), "bob": spaces.Discrete(2)},
                         action={"ann": spaces.Discrete(2), "bob": spaces.Discrete(2)})

    def reset(self, seed=None, options=None):
        self.steps = 0
        return {"ann": 4, "bob": np.array(0)}, {}

    def step(self, actions):
        self.steps += 1
        reward = float(actions["ann"] * actions["bob"])
        ends = dict.fromkeys(self.possible_agents, False)
        return ({"ann": 4 + actions["bob"], "bob": np.array(actions["ann"])}, {"ann": reward, "bob": reward},
                ends, dict.fromkeys(self.possible_agents, self.steps == 10), {})


GAME = PettingZooGame(Line)


# -- facts --------------------------------------------------------------------------------------


def test_facts():
    assert (GAME.name, GAME.agents, GAME.views, GAME.features) == ("pettingzoo:line_v0", 2, 2, 2)
    assert GAME.action_counts.tolist() == [3, 2] and GAME.action_counts.dtype == np.int32
    assert GAME.observations is None and GAME.horizon == 5
    assert [bound.tolist() for bound in GAME.bounds] == [[-20.0, -9.0], [20.0, 9.0]]
    game = PettingZooGame(Coordination)
    assert (game.observations, game.features, game.horizon, game.bounds) == (3, 1, 10, None)
    assert PettingZooGame(Line, horizon=3).horizon == 3
    assert PettingZooGame(lambda: Line(max_cycles=None)).horizon == 0
    assert "line" not in mf.registry.names("game") and "pettingzoo" not in mf.registry.names("game")


@pytest.mark.parametrize("make, error, words", [
    (3, TypeError, "make: expected a function that gives a new environment, got 3"),
    (object, TypeError, "make: expected a function that gives a PettingZoo ParallelEnv"),
    (lambda: Line(possible_agents=[]), ValueError, "make: expected an environment with at least one agent"),
    (lambda: Line(action=dict.fromkeys(["ann", "bob"], spaces.Box(0, 1))), ValueError,
     r"make: expected actions that can be numbered .*, but agent 'ann' has Box"),
    (lambda: Line(observation=dict.fromkeys(["ann", "bob"], spaces.Dict())), ValueError,
     r"make: expected Discrete, .* but agent 'ann' observes Dict"),
])
def test_environments_that_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        PettingZooGame(make)


@pytest.mark.parametrize("horizon, error", [(-1, ValueError), (1.5, TypeError), ("x", TypeError)])
def test_horizons_that_are_refused(horizon, error):
    with pytest.raises(error, match="horizon: expected"):
        PettingZooGame(Line, horizon=horizon)


def test_results_are_saved_and_the_game_is_handed_in_again(tmp_path):
    """Saved, loaded, resumed and evaluated as if nothing had happened; another game is refused by what differs."""
    run = mf.train(PettingZooGame(Coordination), mf.IQL(), episodes=20, runs=2, seed=0)
    run.save(tmp_path / "run.npz")
    with pytest.raises(mf.FileError, match=r"functions of its own \(make: .*Coordination\), which a file cannot hold; "
                                           r"give the game too: load\(path, game=game\)"):
        mf.load(tmp_path / "run.npz")
    loaded = mf.load(tmp_path / "run.npz", game=PettingZooGame(Coordination))
    assert_same(loaded, run)
    whole = mf.train(PettingZooGame(Coordination), mf.IQL(), episodes=30, runs=2, seed=0)
    assert mf.train(resume=loaded, episodes=10).returns.tolist() == whole.returns.tolist()
    played, wanted = (mf.evaluate(one.experiment.game, one, episodes=4) for one in (loaded, run))
    assert played.returns.tolist() == wanted.returns.tolist()
    with pytest.raises(mf.FileError, match=r"its game has horizon=10, the game that was given has 3"):
        mf.load(tmp_path / "run.npz", game=PettingZooGame(Coordination, horizon=3))
    with pytest.raises(mf.FileError, match="its game has name='pettingzoo:line_v0', the game that was given has"):
        mf.load(tmp_path / "run.npz", game=mf.games.Drift())
    with pytest.raises(mf.FileError, match="its game has"):
        mf.load(tmp_path / "run.npz", game=PettingZooGame(Line, horizon=10))


def test_checkpoints_and_sweeps(tmp_path):
    game = PettingZooGame(Coordination)
    run = mf.train(game, mf.IQL(), episodes=20, seed=0, checkpoint=tmp_path / "run.npz")
    assert_same(mf.load(tmp_path / "run.npz", game=game), run)
    for engine in ("threads", "processes"):
        found = mf.sweep(game, mf.IQL(), over={"learner.discount": [0.0, 0.9]}, episodes=3, seeds=2,
                         out=tmp_path / engine, engine=engine, workers=2)
        assert found.table()["episodes"].tolist() == [3] * 4
    assert mf.load(tmp_path / "processes", game=game).table()["team_return"].tolist() == \
        mf.load(tmp_path / "threads", game=game).table()["team_return"].tolist()


def test_names_do_not_differ_from_process_to_process():
    class Nameless(Line):
        __str__ = object.__str__

    assert PettingZooGame(Nameless).name == "pettingzoo:Nameless"


def test_policies_speak_as_the_environment_does(tmp_path):
    """Dictionaries of observations and actions, in its own numbers; also from a file that knows no environment."""
    run = mf.train(PettingZooGame(Coordination), mf.IQL(), episodes=50, seed=0)
    run.policy(0).save(tmp_path / "policy.npz")
    environment = Coordination()
    for policy in (run.policy(0), mf.Policy.load(tmp_path / "policy.npz")):
        obs, _ = environment.reset()
        assert policy(obs) == dict(zip(("ann", "bob"), policy([[0], [0]]).tolist(), strict=True))
        obs, *_ = environment.step({"ann": 1, "bob": 1})
        assert obs["ann"] == 5 and policy({"ann": 5}) == {"ann": policy([[1], [1]])[0]}
    run = mf.train(GAME, mf.IQL(), encoder=mf.Rounding(0), episodes=5, seed=0)
    environment = Line()
    obs, _ = environment.reset(seed=0)
    for _ in range(3):
        actions = run.policy(0)(obs)
        assert set(actions) == {"ann", "bob"} and actions["ann"] in (-1, 0, 1)
        obs, *_ = environment.step(actions)


# -- the same numbers ---------------------------------------------------------------------------


def test_episodes_are_those_of_the_environment(backend):
    """Stepped by hand under the seeds that the starts' draws say."""
    env, made = GAME.env(runs=2, seed=6, backend=backend), [Line(), Line()]
    generator, episodes = np.random.default_rng(1), np.zeros(2, int)

    def reset(run):
        seed = int(mf.draws.stream(6, run, "start_uniforms", episodes[run], 1)[0] * SEEDS)
        episodes[run] += 1
        return padded(made[run].reset(seed=seed)[0])

    def padded(obs):
        return [obs["ann"].astype(float).tolist(), [*obs["bob"].tolist(), 0.0]]

    assert env.reset().tolist() == [reset(0), reset(1)]
    ends = set()
    for _ in range(60):
        actions = (generator.random((2, 2)) * [3, 2]).astype(int)
        observation, rewards, terminated, truncated = env.step(actions)
        for run, (a, b) in enumerate(actions.tolist()):
            obs, earned, over, cut, _ = made[run].step({"ann": a - 1, "bob": b})
            assert observation[run].tolist() == padded(obs)
            assert rewards[run].tolist() == [earned["ann"], float(earned["bob"])]
            assert terminated[run] == over["ann"] and truncated[run] == (cut["ann"] and not over["ann"])
        ended = terminated | truncated
        ends |= set(zip(terminated.tolist(), truncated.tolist(), strict=True))
        if ended.any():
            again = env.reset(ended)
            for run in np.flatnonzero(ended):
                assert again[run].tolist() == reset(run)
    assert ends == {(False, False), (True, False), (False, True)}


def train(game=GAME, **options):
    return mf.train(game, mf.IQL(), encoder=None if game.observations else mf.Rounding(0),
                    **{"episodes": 12, "runs": 3, "seed": 4, **options})


def alike(one, other):
    return all(one.arrays[name].tobytes() == other.arrays[name].tobytes()
               for name in one.arrays if name not in ("encoder.table", "encoder.keys"))


def test_training_does_not_depend_on_backend_threads_or_blocks():
    first = train(threads=1)
    assert alike(first, train(backend="numpy"))
    assert alike(first, train(threads=3, block=1)) and alike(first, train(threads=2, block=7))
    assert not alike(first, train(seed=5))
    assert first.returns.std() > 0 and set(first.arrays["lengths"].ravel()) <= {1, 2, 3, 4, 5}


def test_training_goes_on_between_episodes_as_if_it_had_never_stopped():
    assert alike(train(mf.train(resume=train(episodes=5), episodes=7).experiment.game), train())
    assert alike(mf.train(resume=train(episodes=5), episodes=7), train())


def test_training_goes_on_within_an_episode_with_another_one():
    run = mf.train(resume=train(episodes=None, steps=13), steps=40)
    assert run.steps.tolist() == [53] * 3 and run.arrays["lengths"].max() <= 5


def test_what_is_learned_is_evaluated():
    game = PettingZooGame(Coordination)
    run = mf.train(game, mf.IQL(0.2, explore=mf.EpsilonGreedy(1.0, decay=0.98, minimum=0.05)), episodes=200, runs=2,
                   seed=0)
    assert mf.evaluate(game, run, episodes=3).mean == 10.0          # the best there is, in each of ten steps
    assert mf.evaluate(game, "random", episodes=40).mean == pytest.approx(2.5, abs=1.0)


def test_a_game_made_an_environment_and_then_a_game_again():
    """Both adapters in a row play the game that went in."""
    pytest.importorskip("pettingzoo")
    from marlfast.adapters.pettingzoo import parallel_env

    inner = mf.games.Drift(agents=2, horizon=4)
    game = PettingZooGame(lambda: parallel_env(inner, dtype="float64"))
    assert (game.horizon, game.features, game.observations) == (4, 2, None)
    env = game.env(seed=3)
    plain = inner.env(seed=int(mf.draws.stream(3, 0, "start_uniforms", 0, 1)[0] * SEEDS))
    assert env.reset()[0, 1].tolist() == plain.reset()[0, 0].tolist()
    for _ in range(4):
        obs, rewards, terminated, truncated = env.step([1, 4])
        observation, *rest = plain.step([1, 4])
        assert obs[0, 0].tolist() == observation[0, 0].tolist()
        assert [rewards.tolist(), terminated.tolist(), truncated.tolist()] == [part.tolist() for part in rest]
    assert truncated[0]


def test_environments_are_made_one_at_a_time():
    inside, together = threading.Lock(), []

    def make():
        together.append(not inside.acquire(blocking=False))
        made = Line()
        inside.release()
        return made

    train(PettingZooGame(make), runs=8, threads=8, block=1)
    assert len(together) == 9 and not any(together)         # the first one told the facts


def test_a_state_as_text():
    env = GAME.env(seed=1)
    env.reset()
    lines = env.render().splitlines()
    assert lines[0].startswith("seed ") and lines[0].endswith(", step 0")
    assert [line.partition(":")[0] for line in lines[1:]] == ["ann", "bob"]


# -- what no game here can do -------------------------------------------------------------------


def spoiled(what, *path):
    """A change of the answer of the second step."""
    def spoil(env, answer):
        if env.steps == 2:
            what(answer)
    return lambda: Line(spoil)


def put(place, agent, value):
    return lambda answer: answer[place].__setitem__(agent, value)


FAULTS = {
    "one ends": (put(2, "bob", True), r"agent 'bob' ended at step 2, but 'ann' did not; give leaves=True"),
    "one is cut": (put(3, "ann", True), r"agent 'ann' ended at step 2, but 'bob' did not"),
    "ended unlike": (lambda answer: (put(2, "bob", True)(answer), put(3, "ann", True)(answer)),
                     "at step 2 agent 'bob' was terminated, but 'ann' truncated"),
    "cut early": (lambda answer: answer.__setitem__(3, {"ann": True, "bob": True}),
                  r"truncated an episode after 2 steps, but the game's horizon is 5; give horizon=2"),
    "no reward": (lambda answer: answer[1].pop("bob"), "rewards has nothing for agent 'bob'; give leaves=True"),
    "no observation": (lambda answer: answer[0].pop("ann"), "observations has nothing for agent 'ann'"),
    "no end": (lambda answer: answer[2].clear(), "terminations has nothing for agent 'ann'"),
    "a new agent": (put(0, "eve", np.zeros(2)), "agent 'eve' is not one of its possible_agents"),
    "a reward of words": (put(1, "ann", "much"), "expected a number as the reward of agent 'ann', got 'much'"),
    "a longer observation": (put(0, "bob", np.zeros(3)), "expected 1 numbers as observation of agent 'bob'"),
    "an observation of words": (put(0, "bob", "here"), "expected 1 numbers as observation of agent 'bob'"),
    "four parts": (lambda answer: answer.pop(), r"expected \(observations, .*, infos\) of step"),
    "a mask": (put(4, "bob", {"action_mask": np.array([1, 0])}), "the infos of agent 'bob' have an 'action_mask'"),
    "an exception": (lambda answer: 1 // 0, "integer division or modulo by zero"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told(name, backend):
    what, words = FAULTS[name]
    kernel = PettingZooGame(spoiled(what)).kernel(backend)
    state, rewards, terminated = np.zeros((1, kernel.state_size)), np.zeros((1, 2)), np.zeros(1, bool)
    kernel.start(state, np.full((1, 1), 0.25), np.zeros((1, 0)))
    arguments = state, np.zeros((1, 2), np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, terminated
    kernel.step(*arguments)
    before = state.copy()
    with pytest.raises((TypeError, ValueError, ZeroDivisionError), match=words):
        kernel.step(*arguments)
    assert (state == before).all()
    with pytest.raises(mf.TrainingError, match=words) as caught:
        train(PettingZooGame(spoiled(what)), backend=backend)
    assert (caught.value.result.arrays["reason"] == 64 + OWN_ERROR).all()


def test_a_reward_that_is_no_number(backend):
    with pytest.raises(mf.TrainingError, match="agent 1: a reward is not finite"):
        train(PettingZooGame(spoiled(put(1, "bob", np.nan))), backend=backend)


def test_a_reset_that_is_wrong(backend):
    class Old(Line):
        def reset(self, seed=None, options=None):
            return super().reset(seed)[0]

    kernel = PettingZooGame(Old).kernel(backend)
    with pytest.raises(TypeError, match=r"expected \(observations, infos\) of reset"):
        kernel.start(np.zeros((1, kernel.state_size)), np.zeros((1, 1)), np.zeros((1, 0)))


class Deaths:
    """Ann dies after 2 steps, Bob after 4 (``limit``: cut off); each sees the steps there were, and earns 1 in each."""

    possible_agents, dies, limit, where = ["ann", "bob"], {"ann": 2, "bob": 4}, 99, None

    def __init__(self, **changes):
        self.__dict__ |= changes

    def observation_space(self, agent):
        space = spaces.Discrete(9)
        return space if self.where != "observations" else spaces.Dict(
            {"observation": space, "action_mask": spaces.MultiBinary(3)})

    def action_space(self, agent):
        return spaces.Discrete(3)

    def mask(self, agent):
        return np.array([0, 1, self.steps % 2], np.int8)

    def told(self):
        obs = {agent: self.steps for agent in self.agents}
        if self.where == "observations":
            obs = {agent: {"observation": self.steps, "action_mask": self.mask(agent)} for agent in self.agents}
        masks = {agent: {"action_mask": self.mask(agent)} for agent in self.agents}
        return obs, masks if self.where == "infos" else {agent: {} for agent in self.agents}

    def reset(self, seed=None, options=None):
        self.steps, self.agents, self.length = 0, list(self.possible_agents), self.limit
        return self.told()

    def step(self, actions):
        assert set(actions) == set(self.agents)
        assert self.where is None or all(self.mask(agent)[action] for agent, action in actions.items())
        self.steps += 1
        there = self.agents
        over = {agent: self.steps >= self.dies[agent] for agent in there}
        cut = {agent: self.steps >= self.length and not over[agent] for agent in there}
        obs, infos = self.told()
        self.agents = [agent for agent in there if not (over[agent] or cut[agent])]
        return obs, dict.fromkeys(there, 1.0), over, cut, infos

    def close(self):
        pass


def test_agents_that_leave(backend):
    run = mf.train(PettingZooGame(Deaths, leaves=True), mf.IQL(0.5), episodes=3, runs=2, seed=0, backend=backend)
    assert run.lengths.tolist() == [[4] * 3] * 2 and run.agent_lengths.tolist() == [[[2, 4]] * 3] * 2
    assert run.returns.tolist() == [[[2.0, 4.0]] * 3] * 2
    together = PettingZooGame(lambda: Deaths(dies={"ann": 3, "bob": 3}), leaves=True)
    assert mf.train(together, mf.IQL(), episodes=2, seed=0, backend=backend).lengths.tolist() == [[3, 3]]


@pytest.mark.parametrize("where", ["infos", "observations"])
def test_what_a_mask_forbids_is_never_done(where, backend):
    """The environment asserts it."""
    game = PettingZooGame(lambda: Deaths(where=where), leaves=True)
    assert game.masks and game.participation == ("present", "legal", "truncated") and game.observations == 9
    run = mf.train(game, mf.IQL(0.5), episodes=20, runs=2, seed=0, backend=backend)
    q = run.arrays["learner.q"]
    assert (q[..., 0] == 0.0).all() and (q[:, ::2, :, 2] == 0.0).all() and q.any()
    assert mf.evaluate(game, run, episodes=3, backend=backend).returns.tolist() == [[[2.0, 4.0]] * 3] * 2


def test_limits_that_vary_are_bootstrapped_from(backend):
    """Cut off after 3 steps: ann has left, bob's last step counts on what would have followed."""
    game = PettingZooGame(lambda: Deaths(limit=3), leaves=True)
    run = mf.train(game, mf.IQL(0.5, discount=0.9), episodes=1, seed=0, backend=backend)
    assert run.lengths.tolist() == [[3]] and run.agent_lengths.tolist() == [[[2, 3]]]
    with pytest.raises(mf.TrainingError, match="run 0, step 1.*agent 'bob' was truncated at step 2, but 'ann' goes on"):
        class Odd(Deaths):
            def step(self, actions):
                obs, rewards, over, cut, infos = super().step(actions)
                cut["bob"] = self.steps == 2
                return obs, rewards, {agent: False for agent in over}, cut, infos
        mf.train(PettingZooGame(Odd, leaves=True), mf.IQL(), episodes=1, seed=0, backend=backend)


class Nim:
    """In turns, as PettingZoo's: five coins, of which each takes one or two; who takes the last one wins."""

    possible_agents = ["first", "second"]

    def agent_iter(self):
        raise AssertionError

    def observation_space(self, agent):
        return spaces.Dict({"observation": spaces.Discrete(6), "action_mask": spaces.MultiBinary(2)})

    def action_space(self, agent):
        return spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        self.coins, self.agents, self.agent_selection = 5, list(self.possible_agents), "first"
        self.rewards, self.terminations = dict.fromkeys(self.agents, 0.0), dict.fromkeys(self.agents, False)
        self.truncations, self.infos = dict(self.terminations), {agent: {} for agent in self.agents}

    def observe(self, agent):
        mask = np.array([1, self.coins > 1], np.int8) if agent == self.agent_selection else np.zeros(2, np.int8)
        return {"observation": self.coins, "action_mask": mask}

    def step(self, action):
        agent = self.agent_selection
        other = self.possible_agents[agent == "first"]
        if self.terminations[agent]:
            assert action is None
            self.agents.remove(agent)
            self.agent_selection = other
            return
        self.coins -= action + 1
        assert self.coins >= 0
        self.rewards = dict.fromkeys(self.agents, 0.0)
        if self.coins == 0:
            self.rewards, self.terminations = {agent: 1.0, other: -1.0}, dict.fromkeys(self.agents, True)
        self.agent_selection = other

    def close(self):
        pass


def test_environments_in_turns(backend):
    """Who begins wins, by leaving three coins: the values of the game are learned exactly."""
    game = PettingZooGame(Nim)
    assert game.participation == ("present", "to_act", "legal", "truncated") and game.horizon == 0
    run = mf.train(game, mf.IQL(1.0, discount=1.0, explore=mf.EpsilonGreedy(0.5)), episodes=80, seed=0, backend=backend)
    first, second = run.arrays["learner.q"][0].transpose(1, 0, 2)
    assert first[5].tolist() == [-1.0, 1.0] and second[3].tolist() == [-1.0, -1.0]
    assert (first[2], first[1, 0]) == (pytest.approx([-1.0, 1.0]), 1.0)
    assert mf.evaluate(game, run, episodes=2, backend=backend).returns.tolist() == [[[1.0, -1.0]] * 2]
    assert (run.agent_lengths[0] == run.lengths[0][:, None]).all()


def test_masks_that_do_not_fit_are_told(backend):
    def train_with(mask):
        return mf.train(PettingZooGame(lambda: Deaths(where="infos", mask=mask), leaves=True), mf.IQL(), episodes=1,
                        seed=0, backend=backend)

    with pytest.raises(mf.TrainingError, match="expected an action_mask of 3 entries for agent 'ann', got shape"):
        train_with(lambda agent: np.ones(4, np.int8))
    with pytest.raises(mf.TrainingError, match="run 0, step 0, agent 0: an agent is to act, but has no legal action"):
        train_with(lambda agent: np.zeros(3, np.int8))


@pytest.mark.parametrize("head", [(np.nan, 0.0), (-1.0, 0.0), (SEEDS, 0.0), (0.5, 0.0), (0.0, -1.0), (0.0, np.nan),
                                  (1e300, 0.0), (np.inf, 0.0)])
def test_states_that_are_none(head, backend):
    kernel = GAME.kernel(backend)
    state = np.zeros((1, kernel.state_size))
    state[0, :2] = head
    with pytest.raises(ValueError, match="state: expected a seed and a number of steps"):
        kernel.step(state, np.zeros((1, 2), np.int32), np.zeros((1, 0)), np.zeros((1, 0)), np.zeros((1, 2)),
                    np.zeros(1, bool))


# -- PettingZoo's own ---------------------------------------------------------------------------


def test_rock_paper_scissors():
    pytest.importorskip("pettingzoo")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rps_v2 = pytest.importorskip("pettingzoo.classic.rps_v2")
        game = PettingZooGame(rps_v2.parallel_env)
    assert (game.agents, game.horizon, game.observations, game.action_counts.tolist()) == (2, 15, 4, [3, 3])
    run = train(game, episodes=20, runs=2)
    assert (run.returns.sum(axis=2) == 0).all() and run.returns.any() and (run.arrays["lengths"] == 15).all()
    assert alike(run, train(game, episodes=20, runs=2, backend="numpy"))


def test_simple_spread():
    make = pytest.importorskip("mpe2.simple_spread_v3").parallel_env
    game = PettingZooGame(lambda: make(N=2, max_cycles=6))
    assert (game.agents, game.horizon, game.features) == (2, 6, 12)
    run = train(game, episodes=4, runs=2)
    assert (run.returns < 0).all() and alike(run, train(game, episodes=4, runs=2, backend="numpy"))
