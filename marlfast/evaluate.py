"""Evaluation: how good a policy is, without learning."""
import numpy as np

from marlfast.encoders import Grid
from marlfast.env import Env
from marlfast.errors import integer
from marlfast.experiment import Experiment
from marlfast.exploration import EpsilonGreedy
from marlfast.learners.q_learning import IQL
from marlfast.policy import Policy, RandomPolicy
from marlfast.registry import require
from marlfast.result import Result
from marlfast.session import Session

MOST_STEPS = 10**6


class Evaluation:
    """How a policy did.

    Attributes
    ----------
    returns : float64 [runs, episodes, N]
        Sum of each agent's own, unshaped rewards per episode.
    lengths : int64 [runs, episodes]
    """

    def __init__(self, returns, lengths):
        self.returns, self.lengths = returns, lengths

    @property
    def team_returns(self):
        """Mean over agents: float64 [runs, episodes]."""
        return self.returns.mean(axis=2)

    @property
    def mean(self):
        """Mean team return over runs and episodes."""
        return float(self.team_returns.mean())

    @property
    def standard_error(self):
        """Of the mean: over runs where there are several, else over episodes."""
        values = self.team_returns.mean(axis=1) if len(self.returns) > 1 else self.team_returns[0]
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")

    def summary(self):
        """A line of text."""
        runs, episodes, _ = self.returns.shape
        return (f"team return {self.mean:.2f} (standard error {self.standard_error:.2f}; "
                f"{runs} runs x {episodes} episodes)")

    def __repr__(self):
        return f"Evaluation({self.summary()})"


def evaluate(game, policy, episodes=100, seed=0, runs=1, threads=None, backend="cython", most_steps=MOST_STEPS,
             sample=False):
    """Play episodes with a policy that does not learn.

    Parameters
    ----------
    game : Game
        It may differ from the one trained on, as long as observations and actions are the same.
    policy : Policy, Result, RandomPolicy, "random" or callable
        A Result stands for the policies of all its runs. A callable takes an observation float64 [V, D]
        and returns the actions [N].
    episodes : int
        Per run.
    seed : int
        Fixed unless it is given (0), so that the same policy is always worth the same. Evaluation has streams of its own: the seed of training gives new episodes here.
    runs : int
        How often to play, for anything but a Result.
    most_steps : int
        Refuse to play on after so many steps of a run (a game need not end).
    sample : bool
        Of a Policy or a Result: act as at the end of training, by chance, exploring as then; policies of policy
        gradients are drawn from. Default: greedily (mixed policies, as those of PHC, are drawn from anyway).

    Returns
    -------
    Evaluation
    """
    game = require("game", game, "game")
    episodes, runs = integer("episodes", episodes, 1), integer("runs", runs, 1)
    seed = integer("seed", seed, 0, 2**64 - 1)
    most_steps = integer("most_steps", most_steps, 1)
    if threads is not None:
        threads = integer("threads", threads, 1)
    if not isinstance(sample, (bool, np.bool_)):
        raise TypeError(f"sample: expected True or False, got {sample!r}")
    if sample and not isinstance(policy, (Policy, Result)):
        raise ValueError("sample: only a Policy or a Result has a way of acting by chance; leave sample out")
    if isinstance(policy, str) and policy == "random":
        policy = RandomPolicy()
    if isinstance(policy, RandomPolicy):
        encoder = None if game.observations is not None else Grid(-1.0, 1.0, 1)
        experiment = Experiment(game, IQL(), encoder=encoder, episodes=episodes, steps=most_steps, runs=runs, seed=seed)
        session = Session(experiment, None, backend, purpose=1, learning=False, exploration=EpsilonGreedy(1.0))
    elif isinstance(policy, (Policy, Result)):
        session = _learned_session(game, policy, episodes, seed, runs, backend, most_steps, sample)
    elif callable(policy):
        return _play(game, policy, episodes, seed, runs, backend, most_steps)
    else:
        raise TypeError(f"policy: expected a Policy, a Result, 'random' or a function, got {policy!r}")
    if session.work(threads):
        raise KeyboardInterrupt
    return _evaluation(session.arrays, episodes, most_steps)


def _learned_session(game, policy, episodes, seed, runs, backend, most_steps, sample):
    """A session that plays from learned tables, which it copies: greedily, or as in training."""
    trained = policy.experiment
    if isinstance(policy, Result):
        runs = len(policy.steps)
    ours, theirs = ((g.agents, g.views, g.features, g.observations, tuple(g.action_counts.tolist()))
                    for g in (game, trained.game))
    if ours != theirs:
        raise ValueError("game: the policy was trained for (agents, views, features, observations, actions) = "
                         f"{theirs}, this game has {ours}")
    experiment = Experiment(game, trained.learner, encoder=trained.encoder.unlimited(),
                            central=trained.central, teams=trained.teams, rewards=trained.rewards, episodes=episodes,
                            steps=most_steps, runs=runs, seed=seed)
    exploration = None if sample else EpsilonGreedy(0.0)
    session = Session(experiment, None, backend, purpose=1, learning=False, exploration=exploration)
    arrays = dict(session.arrays)
    for name, array in policy.arrays.items():
        if name.startswith(("encoder.", "learner.")):
            arrays[name] = np.array(np.broadcast_to(array, (runs, *array.shape[1:])))
    for prefix, one, seats in experiment.resolved.parts:
        if hasattr(one, "begin"):           # what it remembers of the episode before is not of this one
            start = f"learner.{prefix}"
            one.begin(seats, {name[len(start):]: array for name, array in arrays.items() if name.startswith(start)})
    session = Session(experiment, arrays, backend, purpose=1, learning=False, exploration=exploration)
    session.loop.begin(0, runs)       # rows of the start, in the learned tables
    return session


def _evaluation(arrays, episodes, most_steps):
    if (arrays["episodes"] < episodes).any():
        raise ValueError(f"most_steps: a run finished only {int(arrays['episodes'].min())} of {episodes} episodes in "
                         f"{most_steps} steps; raise most_steps, or give the game a horizon")
    return Evaluation(arrays["returns"][:, :episodes].copy(), arrays["lengths"][:, :episodes].copy())


def _play(game, policy, episodes, seed, runs, backend, most_steps):
    """Episodes with a Python policy, step by step."""
    env = Env(game, runs=runs, seed=seed, backend=backend, purpose="evaluation")
    returns, lengths = np.zeros((runs, episodes, game.agents)), np.zeros((runs, episodes), np.int64)
    done = np.zeros(runs, np.int64)
    observation = env.reset()
    for _ in range(most_steps):
        actions = np.stack([np.asarray(policy(observation[r])) for r in range(runs)])
        observation, rewards, terminated, truncated = env.step(actions)
        playing = np.flatnonzero(done < episodes)
        returns[playing, done[playing]] += rewards[playing]
        lengths[playing, done[playing]] += 1
        ended = terminated | truncated
        done += ended
        if (done >= episodes).all():
            return Evaluation(returns, lengths)
        if ended.any():
            observation = env.reset(ended)
    raise ValueError(f"most_steps: a run finished only {int(done.min())} of {episodes} episodes in {most_steps} steps; "
                     "raise most_steps, or give the game a horizon")
