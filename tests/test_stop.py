"""Stop rules: each run stops by itself, in exactly the right step, and says why."""
import numpy as np
import pytest
from training_helpers import actions_as_draws, constant_draws

import marlfast as mf

BACKENDS = pytest.mark.parametrize("backend", ["cython", "numpy"])
EXPLORE = mf.EpsilonGreedy(1.0, ties="first", draws=2)


def play(payoffs, actions, learner=None, horizon=1, **options):
    """One agent that takes these actions, one step an episode unless told otherwise."""
    game = mf.games.MatrixGame(payoffs, horizon=horizon)
    return mf.train(game, learner or mf.IQL(0.5, explore=EXPLORE),
                    draws={"explore": actions_as_draws(np.array(actions)[:, None], [len(payoffs)])}, **options)


@BACKENDS
@pytest.mark.parametrize("n", [1, 7, 100])
@pytest.mark.parametrize("rule", ["argument", "rule"])
def test_steps(n, rule, backend):
    limit = {"steps": n} if rule == "argument" else {"stop": mf.Steps(n)}
    run = mf.train(mf.games.Drift(agents=2, horizon=10), mf.IQL(), encoder=mf.Rounding(1), runs=3, backend=backend,
                   **limit)
    assert run.steps.tolist() == [n] * 3 and run.stop_reason == ["steps"] * 3
    assert run.episodes.tolist() == [n // 10] * 3
    assert run.visits.sum(axis=(1, 2)).tolist() == [2 * n] * 3


@BACKENDS
@pytest.mark.parametrize("n", [1, 6])
@pytest.mark.parametrize("rule", ["argument", "rule"])
def test_episodes(n, rule, backend):
    limit = {"episodes": n} if rule == "argument" else {"stop": [mf.Episodes(n)]}
    run = mf.train(mf.games.Drift(agents=2, horizon=4), mf.IQL(), encoder=mf.Rounding(1), runs=3, backend=backend,
                   **limit)
    assert run.episodes.tolist() == [n] * 3 and run.steps.tolist() == [4 * n] * 3
    assert run.stop_reason == ["episodes"] * 3 and run.returns.shape == (3, n, 2)


@BACKENDS
def test_greedy_stable_counts_consecutive_steps(backend):
    """Rate 1/2, rewards 0 and 1 and 4 for actions 0, 1, 2; greedy at first 0.

    action  0   1    0    0    2    1    1    0    2    2
    q       0   1/2  0    0    2    3/4  7/8  0    3    7/2
    greedy  0   1    1    1    2    2    2    2    2    2
    stable  1   1    2    3    1    2    3    4    5    6
    """
    actions = [0, 1, 0, 0, 2, 1, 1, 0, 2, 2]
    for n, stops_at in ((1, 1), (2, 3), (3, 4), (4, 8), (5, 9), (6, 10)):
        run = play([0.0, 1.0, 4.0], actions, mf.IQL(0.5, discount=0.0, explore=EXPLORE), steps=10, backend=backend,
                   stop=mf.GreedyStable(n))
        # In step 10 both rules hold, and the limit of steps comes first.
        assert run.stop_reason == ["greedy stable" if stops_at < 10 else "steps"]
        assert run.steps.tolist() == [stops_at], n
        assert run.arrays["stable"].tolist() == [n]


@BACKENDS
def test_greedy_stable_watches_every_agent(backend):
    """Agent 0 is stable from the start; agent 1's greedy action changes in step 3 (reward 1 for its action 1)."""
    game = mf.games.MatrixGame([[0.0, 0.0], [-1.0, -1.0]], [[0.0, 1.0], [0.0, 1.0]])
    draws = {"explore": actions_as_draws([[0, 0], [1, 0], [0, 1], [0, 0]], [2, 2])}
    for n, stops_at in ((2, 2), (3, 5)):
        run = mf.train(game, mf.IQL(0.5, discount=0.0, explore=EXPLORE), steps=50, draws=draws, backend=backend,
                       stop=mf.GreedyStable(n))
        assert run.steps.tolist() == [stops_at] and run.stop_reason == ["greedy stable"]


@BACKENDS
@pytest.mark.parametrize("after, stops_at", [(0, 4), (2, 7), (4, 7), (5, 8), (6, 9)])
def test_greedy_stable_counts_from_a_step_on(after, stops_at, backend):
    """As above, n 3: after 2 steps the change in step 5 still comes too early; after 5, the three that follow count."""
    run = play([0.0, 1.0, 4.0], [0, 1, 0, 0, 2, 1, 1, 0, 2, 2], mf.IQL(0.5, discount=0.0, explore=EXPLORE), steps=20,
               backend=backend, stop=mf.GreedyStable(3, after=after))
    assert run.steps.tolist() == [stops_at] and run.stop_reason == ["greedy stable"]


@BACKENDS
def test_greedy_stable_counts_from_a_level_of_exploration_on(backend):
    """Epsilon 1, 1/2, 1/4, 1/8 after 3 steps, 1/16 after 4: n more, in each run by its own decay."""
    learner = mf.IQL(0.0, explore=mf.EpsilonGreedy(1.0, decay=[0.5, 0.25], per="step"))
    run = mf.train(mf.games.MatchingPennies(), learner, steps=50, runs=2, seed=0, backend=backend,
                   stop=mf.GreedyStable(5, after=0.125))
    assert run.steps.tolist() == [3 + 5, 2 + 5]


@pytest.mark.parametrize("explore, after, words", [
    (mf.EpsilonGreedy(1.0, decay=0.9, per="episode"), 0.1,
     ["after", "explore.epsilon", "per episode", "number of steps"]),
    (mf.EpsilonGreedy(1.0, decay=0.9, minimum=0.2, per="step"), 0.1, ["after", "never falls to 0.1", "0.2"]),
    (mf.Boltzmann(2.0), 1.0, ["explore.temperature", "never falls"])])
def test_levels_that_are_never_reached(explore, after, words):
    with pytest.raises(ValueError) as error:
        mf.train(mf.games.MatchingPennies(), mf.IQL(explore=explore), seed=0, stop=mf.GreedyStable(5, after=after))
    assert all(word in str(error.value) for word in words), str(error.value)


@BACKENDS
def test_greedy_stable_goes_on_over_episodes(backend):
    """Episodes of 2 steps do not begin the count again."""
    run = play([0.0, 1.0], [0], horizon=2, episodes=50, backend=backend, stop=mf.GreedyStable(5))
    assert run.steps.tolist() == [5] and run.episodes.tolist() == [2] and run.stop_reason == ["greedy stable"]


@BACKENDS
def test_return_reached_is_the_mean_of_a_window(backend):
    """Returns 0 1 0 1 1 1 3 3. Means of the last three from the third on: 1/3 2/3 2/3 1 5/3 7/3."""
    actions = [0, 1, 0, 1, 1, 1, 3, 3]
    for value, window, stops_at in ((1 / 3, 3, 3), (2 / 3, 3, 4), (1.0, 3, 6), (1.0001, 3, 7), (2.3, 3, 8),
                                    (1.0, 1, 2), (3.0, 1, 7), (3.0, 2, 8), (0.0, 1, 1), (-5.0, 8, 8), (0.5, 2, 2)):
        run = play([0.0, 1.0, 2.0, 3.0], actions, episodes=9, backend=backend,
                   stop=mf.ReturnReached(value, window=window))
        assert run.episodes.tolist() == [stops_at], (value, window)
        assert run.stop_reason == ["return reached"]


@BACKENDS
def test_return_reached_not_before_the_window_is_full(backend):
    """Every return is 3; with a window of 5, not before the fifth."""
    run = play([0.0, 3.0], [1], episodes=9, backend=backend, stop=mf.ReturnReached(0.5, window=5))
    assert run.episodes.tolist() == [5]


@BACKENDS
def test_return_reached_only_at_the_end_of_an_episode(backend):
    """Episodes of 3 steps: the sum 0 + 1 + 1 = 2 is reached with the episode, in step 3."""
    run = play([0.0, 1.0], [0, 1, 1, 1, 1, 1], horizon=3, episodes=9, backend=backend,
               stop=mf.ReturnReached(1.0, window=1))
    assert run.steps.tolist() == [3] and run.episodes.tolist() == [1]


@BACKENDS
def test_return_reached_is_the_raw_mean_over_agents(backend):
    """Raw rewards 2 and 0: the team return is 1, whatever structure and shaping make of it."""
    game = mf.games.MatrixGame([[2.0]], [[0.0]])
    for value, reason in ((1.0, "return reached"), (1.01, "episodes")):
        run = mf.train(game, mf.IQL(), episodes=4, backend=backend, stop=mf.ReturnReached(value, window=2),
                       rewards=mf.rewards.competitive(), shaping=mf.rewards.Diversity(100.0))
        assert run.stop_reason == [reason]


@BACKENDS
def test_return_reached_does_not_need_records(backend):
    run = play([0.0, 1.0], [0, 0, 1], episodes=9, backend=backend, record_every=0, stop=mf.ReturnReached(1.0, window=1))
    assert run.episodes.tolist() == [3] and run.stop_reason == ["return reached"]


@BACKENDS
def test_the_first_rule_wins(backend):
    """Returns 0 0 1 1 1 1: steps, episodes, stable and return rules in every order of what comes first."""
    actions = [0, 0, 1, 1, 1, 1]
    learner = mf.IQL(0.0, explore=EXPLORE)       # nothing is learned: stable after n steps
    for steps, episodes, stable, value, reason, stops_at in (
            (2, 5, 5, 1.0, "steps", 2), (5, 2, 5, 1.0, "episodes", 2), (5, 5, 2, 1.0, "greedy stable", 2),
            (5, 5, 5, 1.0, "return reached", 3), (3, 3, 3, 1.0, "steps", 3), (4, 3, 3, 1.0, "episodes", 3),
            (4, 4, 3, 1.0, "greedy stable", 3), (4, 4, 4, 0.0, "return reached", 1)):
        run = play([0.0, 1.0], actions, learner, steps=steps, episodes=episodes, backend=backend,
                   stop=[mf.ReturnReached(value, window=1), mf.GreedyStable(stable)])
        assert run.stop_reason == [reason] and run.steps.tolist() == [stops_at]


@BACKENDS
def test_the_stricter_of_two_limits(backend):
    for argument, rule, stops_at in ((5, 3, 3), (3, 5, 3)):
        run = play([0.0], [0], steps=argument, stop=[mf.Steps(rule)], backend=backend)
        assert run.steps.tolist() == [stops_at] and run.stop_reason == ["steps"]
        run = play([0.0], [0], episodes=argument, stop=[mf.Episodes(rule), mf.Episodes(9)], backend=backend)
        assert run.episodes.tolist() == [stops_at] and run.stop_reason == ["episodes"]


@BACKENDS
@pytest.mark.parametrize("threads", [1, 3])
def test_every_run_stops_by_itself(backend, threads):
    """Run r earns 1 from episode r on; run 5 never does in 5 episodes."""
    draws = {"explore": lambda run, first, n: np.array([[[0.0, 0.75 if first + k >= run else 0.25]] for k in range(n)])}
    run = mf.train(mf.games.MatrixGame([0.0, 1.0]), mf.IQL(explore=EXPLORE), episodes=5, runs=6, draws=draws,
                   stop=mf.ReturnReached(1.0, window=1), threads=threads, backend=backend)
    assert run.episodes.tolist() == [1, 2, 3, 4, 5, 5]
    # In run 4 the limit of episodes and the return come together: the limit is named.
    assert run.stop_reason == ["return reached"] * 4 + ["episodes"] * 2
    assert "return reached (4)" in run.summary() and "episodes (2)" in run.summary()


@BACKENDS
def test_schedules_and_tables_stand_still_after_the_end(backend):
    """A run that stopped early has the same tables as one that had no further runs beside it."""
    draws = {"explore": constant_draws([[[0.0, 0.75]]])}
    options = {"draws": draws, "stop": mf.ReturnReached(1.0, window=2), "backend": backend}
    game = mf.games.MatrixGame([0.0, 1.0])
    run = mf.train(game, mf.IQL(0.5, discount=0.0, explore=EXPLORE), episodes=50, runs=2, **options)
    assert run.steps.tolist() == [2, 2] and run.q[:, 0, 0, 1].tolist() == [0.75, 0.75]


@pytest.mark.parametrize("make,error,words", [
    (lambda: mf.Steps(0), ValueError, ["n", "0"]), (lambda: mf.Steps(-1), ValueError, ["n", "-1"]),
    (lambda: mf.Steps(1.5), TypeError, ["n", "1.5"]), (lambda: mf.Steps("3"), TypeError, ["n", "'3'"]),
    (lambda: mf.Steps(True), TypeError, ["n", "True"]), (lambda: mf.Steps(float("nan")), TypeError, ["n", "nan"]),
    (lambda: mf.Episodes(0), ValueError, ["n", "0"]), (lambda: mf.Episodes(None), TypeError, ["n", "None"]),
    (lambda: mf.GreedyStable(0), ValueError, ["n", "0"]), (lambda: mf.GreedyStable(5, -1), ValueError, ["after"]),
    (lambda: mf.GreedyStable(5, "0.1"), TypeError, ["after"]),
    (lambda: mf.GreedyStable(2**63), ValueError, ["n", str(2**63)]),
    (lambda: mf.ReturnReached(float("nan")), ValueError, ["value", "nan"]),
    (lambda: mf.ReturnReached(float("inf")), ValueError, ["value", "inf"]),
    (lambda: mf.ReturnReached("1"), TypeError, ["value", "'1'"]),
    (lambda: mf.ReturnReached(1.0, window=0), ValueError, ["window", "0"]),
    (lambda: mf.ReturnReached(1.0, window=2.5), TypeError, ["window", "2.5"]),
    (lambda: mf.ReturnReached(1.0, window=2**63), ValueError, ["window", str(2**63)]),
])
def test_rules_that_are_refused(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_two_return_rules_are_refused_before_training():
    with pytest.raises(ValueError, match="stop: expected at most one ReturnReached, got two"):
        mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(1), episodes=1,
                      stop=[mf.ReturnReached(1.0), mf.ReturnReached(2.0)])


def test_nothing_that_stops_is_refused():
    with pytest.raises(ValueError, match="episodes: nothing says when to stop; give episodes=, steps= or stop="):
        mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(1))


@pytest.mark.parametrize("game,encoder", [
    (mf.games.Drift(horizon=0), mf.Grid(-1, 1, 2)), (mf.games.MatrixGame([0.0, 1.0], horizon=0), None)])
@pytest.mark.parametrize("stop", [(), mf.ReturnReached(0.0), mf.Episodes(5)])
def test_an_endless_game_with_a_limit_of_episodes_alone_is_refused(game, encoder, stop):
    """Without a horizon and without terminal states no episode ever ends: training would never return."""
    def give_up(session):
        raise AssertionError("training began")

    with pytest.raises(ValueError, match="horizon"):
        mf.train(game, mf.IQL(), encoder=encoder, episodes=1, stop=stop, callback=give_up)
    # With a limit that does end it, it is trained.
    assert mf.train(game, mf.IQL(), encoder=encoder, episodes=1, steps=10).stop_reason == ["steps"]
