"""Small environments turned into arrays: by hand, with chance, and everything that is refused."""
import random
import re
import threading
import types
import warnings

import numpy as np
import pytest

import marlfast as mf
from marlfast.games.tabulation import tabulate
from marlfast.games.two_step import TwoStep


class Space:
    def __init__(self, n, start=0):
        self.n, self.start = n, start


class Ring:
    """Two agents on a ring of places; each stays (0) or moves on (1). Both earn 1 where they meet.

    It ends at ``goal`` and is truncated at ``limit``. Each sees its own place only where ``private``.
    """

    possible_agents = ["a", "b"]

    def __init__(self, places=3, limit=5, private=False, goal=None):
        self.places, self.limit, self.private, self.goal = places, limit, private, goal

    def action_space(self, agent):
        return Space(2)

    def observed(self):
        if self.private:
            return {"a": np.array([self.at[0]]), "b": np.array([self.at[1]])}
        return {name: np.array(self.at) for name in self.possible_agents}

    def reset(self, seed=None):
        self.at, self.steps, self.agents = [0, 1], 0, list(self.possible_agents)
        return self.observed(), {}

    def moved(self, actions):
        self.at = [(at + actions[name]) % self.places for at, name in zip(self.at, self.agents, strict=True)]

    def step(self, actions):
        self.steps += 1
        self.moved(actions)
        paid = float(self.at[0] == self.at[1])
        ended, cut = self.at == self.goal, self.steps == self.limit
        names, observed = self.agents, self.observed()
        self.agents = [] if ended or cut else names
        return (observed, dict.fromkeys(names, paid), dict.fromkeys(names, ended), dict.fromkeys(names, cut),
                {name: {} for name in names})


def successors(game):
    """{(state, joint action): [(successor, probability, rewards), ...]}."""
    table, joint = game.table, (len(game.table.first) - 1) // len(game.terminal)
    rows = list(zip(table.successors.tolist(), table.probabilities.tolist(), table.rewards.tolist(), strict=True))
    return {divmod(c, joint): rows[table.first[c]:table.first[c + 1]] for c in range(len(table.first) - 1)}


def test_a_ring_by_hand():
    found = tabulate(Ring())
    game = found.game
    # Start (0, 1). Joint actions in order: nobody moves, b, a, both. The 3 * 3 places are all reached.
    assert (game.actions, len(found.states), game.horizon, game.setting) == ((2, 2), 9, 5, "cooperative")
    assert game.start.tolist() == [1.0] + [0.0] * 8 and not game.terminal.any() and found.exact.all()
    assert successors(game)[0, 0] == [(0, 1.0, [0.0, 0.0])]
    assert successors(game)[0, 1] == [(1, 1.0, [0.0, 0.0])]         # (0, 2)
    assert successors(game)[0, 2] == [(2, 1.0, [1.0, 1.0])]         # (1, 1): they meet
    assert successors(game)[0, 3] == [(3, 1.0, [0.0, 0.0])]         # (1, 2)
    assert [o.tolist() for o in found.observations[:4]] == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert game.kernel().step_uniforms == 0 and (found.counts == 8).all() and game.views == 1


def played(environment, game, found, steps, seed):
    """Walk both side by side with random actions; assert that they are alike."""
    generator, env = np.random.default_rng(seed), game.env()
    observed, (theirs, _) = env.reset(), environment.reset(seed=1)
    for _ in range(steps):
        for i, name in enumerate(environment.possible_agents):
            number = int(observed[0, i if game.views > 1 else 0, 0])
            assert np.array_equal(found.observations[number], theirs[name])
        actions = generator.integers(0, game.actions).astype(np.int32)
        observed, rewards, terminated, truncated = env.step(actions[None])
        theirs, paid, ended, cut, _ = environment.step(dict(zip(environment.possible_agents, actions.tolist(),
                                                                strict=True)))
        assert rewards[0].tolist() == list(paid.values())
        assert (terminated[0], truncated[0]) == (all(ended.values()), not all(ended.values()) and all(cut.values()))
        if terminated[0] or truncated[0]:
            observed, (theirs, _) = env.reset(), environment.reset(seed=1)


@pytest.mark.parametrize("options", [{}, {"private": True}, {"places": 5, "limit": 30, "goal": [2, 2]},
                                     {"limit": 1}, {"limit": 2, "private": True}, {"places": 1, "limit": 3}], ids=str)
def test_the_arrays_play_as_the_environment(options):
    found = tabulate(Ring(**options))
    assert found.game.horizon == options.get("limit", 5)
    assert found.game.views == (2 if options.get("private") else 1)
    played(Ring(**options), found.game, found, 200, 3)


def test_agents_may_see_the_states_number_instead():
    game = tabulate(Ring(private=True), observe="state").game
    assert game.obs is None and game.observations == 9 and game.views == 1


def test_it_trains_to_the_values_of_arrays_made_by_hand():
    # The ring of three by hand: state 3 a + b, joint action 2 x + y.
    where = [(a, b) for a in range(3) for b in range(3)]
    after = [[((a + x) % 3, (b + y) % 3) for x in (0, 1) for y in (0, 1)] for a, b in where]
    by_hand = mf.games.MarkovGame([[3 * a + b for a, b in row] for row in after],
                                  [[float(a == b) for a, b in row] for row in after], (2, 2),
                                  start=np.eye(9)[1], horizon=5)
    found = tabulate(Ring())
    learner = mf.IQL(0.2, discount=0.9)
    one, other = (mf.train(game, learner, episodes=500, seed=4) for game in (by_hand, found.game))
    order = [3 * int(o[0]) + int(o[1]) for o in found.observations]
    assert one.returns.tolist() == other.returns.tolist()
    assert one.q[0][order].tolist() == other.q[0].tolist()


def test_the_two_step_game_as_a_function():
    game = TwoStep()

    def step(state, joint):
        if state == "1":
            return ("2B" if joint[0] else "2A"), 0.0, False
        return "over", 7.0 if state == "2A" else [[0, 1], [1, 8]][joint[0]][joint[1]], True

    found = tabulate(step, "1", (2, 2))
    assert found.states == ["1", "2A", "2B", "over"] and found.observations is None and not found.counts.any()
    run, other = (mf.train(g, mf.IQL(), episodes=300, seed=1) for g in (found.game, game))
    assert run.q.tolist() == other.q.tolist() and run.returns.tolist() == other.returns.tolist()


def test_a_function_may_say_chances():
    # A gambler with 1 or 2 coins stakes one: up to 3 with 0.4, or down to 0, which pays -1.
    def step(coins, joint):
        return [(0.4, coins + 1, float(coins == 2), coins == 2), (0.6, coins - 1, -float(coins == 1), coins == 1)]

    found = tabulate(step, {1: 0.25, 2: 0.75}, [1])
    assert found.states == [1, 2, 0, 3] and found.game.start.tolist() == [0.25, 0.75, 0, 0] and found.exact.all()
    assert found.game.terminal.tolist() == [False, False, True, True]
    assert successors(found.game)[0, 0] == [(1, 0.4, [0.0]), (2, 0.6, [-1.0])]
    assert successors(found.game)[1, 0] == [(0, 0.6, [0.0]), (3, 0.4, [1.0])]
    assert mf.registry.from_dict("game", found.game.to_dict()) == found.game


def test_a_state_entered_as_the_end_is_another_than_one_played_on_from():
    found = tabulate(lambda state, joint: (0, 1.0, bool(joint[0])), 0, (2,))
    assert found.states == [0, 0] and found.game.terminal.tolist() == [False, True]


class Dice(Ring):
    """The first agent's move succeeds with chance 3/4; where the second begins is a coin."""

    def __init__(self, kind="generator", **options):
        super().__init__(**options)
        self.kind = kind

    def reset(self, seed=None):
        self.chance = {"generator": np.random.default_rng(seed), "state": np.random.RandomState(seed),     # noqa: NPY002
                       "python": random.Random(seed), "global": np.random}[self.kind]
        if self.kind == "global":
            self.chance = None
        super().reset()
        self.at[1] = int(self.draw() < 0.5)
        return self.observed(), {}

    def draw(self):
        return np.random.random() if self.chance is None else self.chance.random()      # noqa: NPY002

    def moved(self, actions):
        super().moved(actions | {"a": actions["a"] * int(self.draw() < 0.75)})


@pytest.mark.parametrize("kind", ["generator", "state", "python", "global"])
def test_chance_is_counted(kind):
    before = np.random.get_state()[1].tolist(), random.getstate()       # noqa: NPY002
    found = tabulate(Dice(kind), samples=250, tries=12, precision=0.0)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before     # noqa: NPY002
    game, exact = found.game, found.exact
    assert len(found.states) == 9 and game.horizon == 5
    # Where the first agent stays nothing is left to chance; where it moves, two outcomes are counted.
    assert exact[:, :2].all() and not exact[:, 2:].any()
    assert sorted(game.start[game.start > 0]) == pytest.approx([0.5, 0.5], abs=0.1)
    for (_, j), cell in successors(game).items():
        assert len(cell) == (1 if j < 2 else 2)
        if j >= 2:
            assert sorted(p for _, p, _ in cell) == pytest.approx([0.25, 0.75], abs=0.1)
    assert found.counts.sum() == 9 * (2 * 25 + 2 * 250)
    again = tabulate(Dice(kind), samples=250, tries=12, precision=0.0)
    assert again.game == game and again.counts.tolist() == found.counts.tolist()


def test_trying_ends_where_the_counts_say_enough():
    """A standard error of .05 at 3/4 takes 75 tries, never more than 100; a tenth of the samples are made anyway."""
    def counted(**options):
        found = tabulate(Dice(), **options)
        return np.array([sum(found.counts[k] for k in range(len(found.counts)) if (
            found.game.transitions.state[k], found.game.transitions.joint[k]) == (s, j))
            for s in range(9) for j in (2, 3)])

    assert 50 <= counted(samples=500).min() < 90 and counted(samples=500).max() <= 100
    assert set(counted(samples=1000)) == {100} and set(counted(samples=300, precision=0.0)) == {300}
    assert counted(samples=1000, precision=0.02).max() < 700 and counted(samples=1000, precision=0.02).min() > 300


def test_copies_by_pickle_and_by_deepcopy_count_alike(monkeypatch):
    fast = [tabulate(kind) for kind in (Dice(), Wrapper(Rebuilt()), Dice("global"))]
    monkeypatch.setattr("marlfast.games.tabulation._Writer", None)
    slow = [tabulate(kind) for kind in (Dice(), Wrapper(Rebuilt()), Dice("global"))]
    for one, other in zip(fast, slow, strict=True):
        assert one.game == other.game and one.counts.tolist() == other.counts.tolist()


def test_what_takes_long_is_said_before_it_begins(monkeypatch, capsys):
    """By a clock that goes a second at each look."""
    ticks = iter(range(10**6))
    monkeypatch.setattr("marlfast.games.tabulation.time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    found = tabulate(Dice(), samples=50)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == ("tabulate: a state takes about 10.7 s (4 joint actions, 8 tries each), up to 66.7 s where there "
                       "is chance")
    line = r"tabulate: \d+ of \d+ states found so far in .* s, about .* s left for these"
    assert len(said) > 3 and all(re.fullmatch(line, one) for one in said[1:])
    assert tabulate(Dice(), samples=50, progress=False).game == found.game and capsys.readouterr().err == ""


def test_few_samples_are_told_from_a_key_that_hides():
    class Rare(Dice):
        def moved(self, actions):
            super(Dice, self).moved(actions | {"a": actions["a"] * int(self.draw() < 0.9)})

    with pytest.raises(ValueError, match="give a key= that tells them apart, or, if chance decides that, raise tries=1 "
                                         "and samples=2, which were too few to show it"):
        for seed in range(20):
            tabulate(Rare(), tries=1, samples=2, seed=seed)


def test_it_prints_short():
    assert len(str(tabulate(Dice(), samples=20))) < 100


class Rebuilt(Ring):
    """Copies and pickles of it are made again from its arguments, as those of many environments. It has a window."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._ezpickle_args, self.window = arguments, threading.Lock()

    def __getstate__(self):
        return {"_ezpickle_args": self._ezpickle_args}

    def __setstate__(self, state):
        self.__init__(*state["_ezpickle_args"])


class Wrapper:
    """As wrappers of environments are: another environment inside."""

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.env, name)


@pytest.mark.parametrize("make", [Rebuilt, lambda: Wrapper(Rebuilt()), lambda: Wrapper(Wrapper(Ring()))])
def test_environments_that_do_not_copy_as_they_are(make):
    assert tabulate(make()).game == tabulate(Ring()).game


class Stateful(Ring):
    """Shows agents nothing; has a state."""

    def observed(self):
        return dict.fromkeys(self.possible_agents, 0)

    def state(self):
        return np.array(self.at, np.float32)


def test_the_state_counts_where_there_is_one():
    found = tabulate(Stateful())
    assert len(found.states) == 9 and found.game.observations == 1 and found.observations == [0]
    # What is called state and is none is left alone, as in games of PettingZoo itself.
    env = Ring()
    env.state = {}
    assert tabulate(env).game == tabulate(Ring()).game


class Hidden(Ring):
    """Agents see where they are, but not how often the first one moved; every third move pays."""

    def reset(self, seed=None):
        self.moves = 0
        return super().reset(seed)

    def step(self, actions):
        self.moves += actions["a"]
        observed, paid, *rest = super().step(actions)
        return observed, dict.fromkeys(paid, float(self.moves % 4 == 3)), *rest


def test_hidden_state_is_noticed_and_a_key_tells_it_apart():
    with pytest.raises(ValueError, match=r"does not say all that matters: joint action \(.*give a key= that tells"):
        tabulate(Hidden(limit=50))
    found = tabulate(Hidden(limit=50), key=lambda env, observed: (tuple(env.at), env.moves % 4))
    assert len(found.states) == 36
    played(Hidden(limit=50), found.game, found, 300, 1)


class Late(Ring):
    """Ends, as if it were the game's end, when a clock that nobody sees says so."""

    def step(self, actions):
        observed, paid, ended, cut, infos = super().step(actions)
        return observed, paid, cut, dict.fromkeys(cut, False), infos


def test_a_clock_that_is_hidden_is_noticed():
    with pytest.raises(ValueError, match="does not say all that matters.*, as the end; give a key="):
        tabulate(Late(limit=40))
    found = tabulate(Late(limit=4), key=lambda env, observed: (tuple(env.at), env.steps))
    assert found.game.horizon == 0 and found.game.ends


def test_a_key_that_forgets_what_agents_see():
    with pytest.raises(ValueError, match="^tabulate: state 0 .* was met with different observations; give a key="):
        tabulate(Ring(), key=lambda env, observed: 0)


class Odd(Ring):
    """Goes wrong as it is told, from the second step on."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def action_space(self, agent):
        return object() if self.what == "space" else Space(2)

    def reset(self, seed=None):
        if self.what == "reset":
            raise KeyError("no level")
        observed, infos = super().reset(seed)
        return ({"a": observed["a"]} if self.what == "unseen" else observed), infos

    def step(self, actions):
        observed, paid, ended, cut, infos = super().step(actions)
        if self.steps >= 2:
            if self.what == "nan":
                paid["b"] = float("nan")
            elif self.what == "text":
                paid["b"] = "much"
            elif self.what == "unpaid":
                del paid["b"]
            elif self.what == "dies":
                ended["b"] = True
            elif self.what == "leaves":
                self.agents = ["a"]
            elif self.what == "both":
                ended["a"], cut["b"] = True, True
            elif self.what == "raises":
                raise ZeroDivisionError("one by none")
        return observed, paid, ended, cut, infos


@pytest.mark.parametrize("what, error, message", [
    ("nan", ValueError, r"tabulate: in state .* on joint action \(0, 0\): expected 2 finite rewards, got \[0.0, nan\]"),
    ("text", ValueError, r"tabulate: in state .*: expected 2 finite rewards, got \[0.0, 'much'\]"),
    ("unpaid", ValueError, "tabulate: in state .*: agent 'b' has no reward; all agents must begin and end together"),
    ("dies", ValueError, r"tabulate: in state .*: the episode ended for some agents only \(it goes on for \['a'\]\);"),
    ("leaves", ValueError, "tabulate: in state .*: the episode ended for some agents only"),
    ("both", ValueError, "tabulate: in state .*: the episode ended for some agents only"),
    ("raises", RuntimeError, r"tabulate: the environment failed in state .* on joint action \(0, 0\): "
                             "ZeroDivisionError: one by none$"),
    ("reset", RuntimeError, "tabulate: reset failed: KeyError: 'no level'$"),
    ("space", ValueError, r"tabulate: agent 'a': expected numbered actions \(a space with n\), got <object"),
    ("unseen", ValueError, "tabulate: agent 'b' has no observation after 0 steps; all agents must begin and end toge"),
])
def test_what_goes_wrong_is_said_in_one_sentence(what, error, message):
    with pytest.raises(error, match=f"^{message}"):
        tabulate(Odd(what), key=lambda env, observed: (tuple(env.at), env.steps))


class Uncopied(Ring):
    def __deepcopy__(self, memo):
        raise TypeError("there is only one of me")


class Moody(Ring):
    """Its time limit depends on where one is."""

    def step(self, actions):
        self.limit = 4 + self.at[0]
        return super().step(actions)


def test_what_cannot_be_tabulated():
    with pytest.raises(RuntimeError, match="^tabulate: the environment cannot be copied .*: TypeError: there is only"):
        tabulate(Uncopied())
    with pytest.raises(ValueError, match=r"^tabulate: the time limit is not constant: episodes were cut off after \["):
        tabulate(Moody())
    assert tabulate(Moody(), horizon=4).game.horizon == 4
    with pytest.raises(TypeError, match="^tabulate: expected an environment with possible_agents, reset and step, or"):
        tabulate(3)
    with pytest.raises(TypeError, match="^tabulate: a function needs start= and actions="):
        tabulate(lambda s, j: (s, 0, True), 0)
    with pytest.raises(ValueError, match="^observe: expected one of 'own', 'state', got 'all'$"):
        tabulate(Ring(), observe="all")
    with pytest.raises(ValueError, match="^tries: expected at least 1, got 0$"):
        tabulate(Ring(), tries=0)


def test_too_many_states_are_refused_in_time():
    def step(state, joint):
        return state + 1, 0.0, False

    with pytest.raises(ValueError, match=(
            "^tabulate: more than max_states=10,000 states were reached, and 0 of them are still to be explored; that "
            "many states of 2 joint actions make a game of at least 880,000 bytes; raise max_states")):
        tabulate(step, 0, (2,))
    with pytest.raises(ValueError, match="^tabulate: more than max_states=8 states"):
        tabulate(Ring(), max_states=8)
    assert len(tabulate(Ring(), max_states=9).states) == 9
    with pytest.raises(ValueError, match="^tabulate: 9,765,625 joint actions in every state are too many"):
        tabulate(step, 0, (5,) * 10)


@pytest.mark.parametrize("result, message", [
    ((1, 0.0), r"expected \(next state, rewards, terminated\), or a list"), (None, r"expected \(next state"),
    ([], r"expected \(next state"), ([(0.5, 0, 0.0, True)], "expected probabilities that sum to 1, got"),
    ([(-0.5, 0, 0.0, True), (1.5, 0, 0.0, True)], "expected probabilities"),
    ((0, [1.0, 2.0], True), "expected 1 finite rewards"),
    ((0, np.inf, True), "expected 1 finite rewards, got inf"), (([], 0.0, True), "expected hashable states")])
def test_functions_that_return_something_else(result, message):
    with pytest.raises((TypeError, ValueError), match=message):
        tabulate(lambda state, joint: result, 0, (1,))


def test_functions_that_fail():
    with pytest.raises(RuntimeError, match=r"^tabulate: step failed in state 0 on joint action \(0,\): ZeroDivisionE"):
        tabulate(lambda state, joint: 1 / 0, 0, (1,))
    with pytest.raises(ValueError, match="^tabulate: start: expected probabilities that sum to 1"):
        tabulate(lambda state, joint: (0, 0.0, True), {0: 0.5}, (1,))
    with pytest.raises(ValueError, match="^terminal: state 1 leads only to itself and pays nothing"):
        tabulate(lambda state, joint: (1, 0.0, False), 0, (1,))


def test_rock_paper_scissors_of_pettingzoo():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rps = pytest.importorskip("pettingzoo.classic.rps_v2", exc_type=ImportError)
        env = rps.parallel_env(max_cycles=15)
        found = tabulate(env, tries=3)
        # Each sees the other's last move, or 3 at the start: 1 + 9 states.
        game = found.game
        assert (len(found.states), game.horizon, game.setting, game.views) == (10, 15, "competitive", 2)
        assert found.exact.all() and game.observations == 4
        paid = [successors(game)[0, j][0][2][0] for j in range(9)]
        assert paid == [0, -1, 1, 1, 0, -1, -1, 1, 0]
        played(env, game, found, 60, 2)
    run = mf.train(game, mf.IQL(), episodes=50)
    assert run.returns.shape == (1, 50, 2)


# -- probabilities that are told -----------------------------------------------------------------------

class Told:
    """What Gymnasium's toy text has: on a line of three places, right succeeds half of the time; the last one pays."""

    P = {s: {a: [(0.5, s, 0.0, False), (0.5, s + 1, 1.0 if s == 1 else 0.0, s == 1)] if a else [(1.0, s, 0.0, False)]
             for a in (0, 1)} for s in (0, 1)}
    initial_state_distrib = np.array([1.0, 0.0, 0.0])

    class action_space:
        n = 2


def test_gymnasiums_probabilities_are_taken_as_they_are():
    found = tabulate(Told(), horizon=50)
    assert repr(found) == "Tabulated(3 states, actions (2,), exact)" and found.states == [0, 1, 2]
    t = found.game.transitions
    told = {(s, j, next_state): (p, r) for s, j, next_state, p, (r,) in zip(
        t.state.tolist(), t.joint.tolist(), t.successor.tolist(), t.probability.tolist(), t.rewards.tolist(),
        strict=True) if s < 2}
    assert told == {(0, 0, 0): (1.0, 0.0), (0, 1, 0): (0.5, 0.0), (0, 1, 1): (0.5, 0.0), (1, 0, 1): (1.0, 0.0),
                    (1, 1, 1): (0.5, 0.0), (1, 1, 2): (0.5, 1.0)}
    assert found.game.horizon == 50 and found.game.terminal.tolist() == [False, False, True]
    assert tabulate(Told(), start=1).states == [1, 2]
    with pytest.raises(TypeError, match="needs neither actions= nor key="):
        tabulate(Told(), actions=[2])
    counterfactual = Told()
    counterfactual.initial_state_distrib = None
    with pytest.raises(ValueError, match="give start= a state"):
        tabulate(counterfactual)


def test_frozen_lake_from_its_probabilities():
    gymnasium = pytest.importorskip("gymnasium")
    lake = gymnasium.make("FrozenLake-v1", is_slippery=True)
    found = tabulate(lake)
    assert found.exact.all() and found.game.horizon == 100 and set(found.states) <= set(range(16))
    run = mf.train(found.game, mf.IQL(0.1, discount=0.99), episodes=20_000, runs=4, seed=0, record_every=0)
    assert 0.6 < mf.evaluate(found.game, run, episodes=300, seed=1).mean < 0.8      # 0.74 at best in 100 steps
