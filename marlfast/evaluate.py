"""Evaluation: how good a policy is, without learning."""
import warnings

import numpy as np

from marlfast.encoders import Grid
from marlfast.env import Env
from marlfast.errors import integer, shown
from marlfast.experiment import Experiment
from marlfast.exploration import EpsilonGreedy
from marlfast.learners.plays import check_kind
from marlfast.learners.q_learning import IQL
from marlfast.policy import Player, Policy, RandomPolicy, plays_of, rows_of
from marlfast.registry import require
from marlfast.renamed import takes
from marlfast.result import Result, sides_of
from marlfast.session import Session
from marlfast.stop import STEPS
from marlfast.table_policy import TablePolicy

MAX_STEPS = 10**6
_SHOWN = 8          # agents whose returns are told one by one


class Evaluation:
    """How a policy did.

    Attributes
    ----------
    returns : float64 [runs, episodes, N]
        Sum of each agent's own, unshaped rewards per episode; NaN of a run that is left out.
    lengths : int64 [runs, episodes]
        0 of a run that is left out.
    kind : str
        Which of what learners play it was: "policy", "behaviour", "greedy" or "average".
    left_out : bool [runs]
        Runs that failed in training, or are unfinished where others have finished, and were not played.
    sides : dict of str to list of int
        Whose returns are shown as one number, see :attr:`marlfast.Result.sides`.

    See Also
    --------
    evaluate : Makes it.
    """

    def __init__(self, returns, lengths, kind="policy", left_out=None):
        self.returns, self.lengths, self.kind = returns, lengths, kind
        self.left_out = np.zeros(len(returns), bool) if left_out is None else left_out
        self.returns[self.left_out], self.lengths[self.left_out] = np.nan, 0
        self.sides = {"team": list(range(returns.shape[2]))}

    @property
    def team_returns(self):
        """Mean over agents: float64 [runs, episodes], NaN of a run that is left out."""
        return self.returns.mean(axis=2)

    @property
    def mean(self):
        """Mean team return over the runs that were played, and episodes."""
        return float(self.team_returns[~self.left_out].mean())

    @property
    def standard_error(self):
        """Of the mean: over runs where several were played, else over episodes."""
        return self._error(self.team_returns)

    def _error(self, returns):
        values = returns[~self.left_out]
        values = values.mean(axis=1) if len(values) > 1 else values[0]
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")

    def summary(self):
        """Say in one line how it did.

        Returns
        -------
        str
            Mean return of each of the ``sides``, with its error.
        """
        n_runs, episodes, _ = self.returns.shape
        of = f"{(~self.left_out).sum()} of " if self.left_out.any() else ""
        said = []
        for name, who in list(self.sides.items())[:_SHOWN]:
            own = self.returns[:, :, who].mean(axis=2)
            said.append(f"{name} return {own[~self.left_out].mean():.2f} (standard error {self._error(own):.2f}; "
                        f"{of}{n_runs} runs x {episodes} episodes)")
        return ", ".join(said) + (f" and {len(self.sides) - _SHOWN} more" if len(self.sides) > _SHOWN else "")

    def __repr__(self):
        return f"Evaluation({self.summary()}{'' if self.kind == 'policy' else f'; kind={self.kind!r}'})"


@takes(most_steps="max_steps")
def evaluate(game, policy, episodes=100, seed=0, runs=1, threads=None, backend="cython", max_steps=MAX_STEPS,
             sample=None, kind=None, failed=False):
    """Play episodes with a policy that does not learn.

    Parameters
    ----------
    game : Game
        It may differ from the one trained on, as long as observations and actions are the same.
    policy : Policy, TablePolicy, Result, RandomPolicy, "random" or callable
        A Result stands for the policies of all its runs, but for those that are left out (``Result.left_out``: they
        failed, or are unfinished where others have finished). A callable takes an observation
        float64 [V, D] (and in games that say what is legal, bool [N, A] of that) and returns the actions [N].
    episodes : int
        Per run.
    seed : int
        Fixed unless it is given (0), so that the same policy is always worth the same. Evaluation has streams of its
        own: the seed of training gives new episodes here.
    runs : int
        How often to play, for anything but a Result.
    threads : int, optional
        Default: as many as there are processors. Results do not depend on it.
    backend : {"cython", "numpy"}
        Which kernels.
    max_steps : int
        Refuse to play on after so many steps of a run (a game need not end).
    sample : bool, optional
        Deprecated: True is ``kind="behaviour"``.
    kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
        Of a Result: what agents play when they do not explore (default), mixed where that is mixed, of Boltzmann's
        exploration at its last temperature; exploring as at the end of training; the likeliest actions alone; or on
        average over training, which some learners keep. A Policy has one already. What kernels cannot play, such as the
        greedy version of a mixed policy, is played step by step from Python.
    failed : bool
        True: also runs of a Result that are left out otherwise, with what they had learned until then.

    Returns
    -------
    Evaluation
        Returns and lengths of all episodes.

    See Also
    --------
    replay : One episode, step by step.
    marlfast.analysis.expected_return : The same exactly, in small games.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.StagHunt()
    >>> run = mf.train(game, mf.IQL(0.1), episodes=500, runs=10, seed=0)
    >>> mf.evaluate(game, run, episodes=10).mean
    1.3
    """
    game = require("game", game, "game")
    found = _evaluated(game, policy, episodes, seed, runs, threads, backend, max_steps, sample, kind, failed)
    found.sides = sides_of(game, found.returns, getattr(getattr(policy, "experiment", None), "teams", None))
    return found


def _evaluated(game, policy, episodes, seed, runs, threads, backend, max_steps, sample, kind, failed):
    episodes, runs = integer("episodes", episodes, 1), integer("runs", runs, 1)
    seed = integer("seed", seed, 0, 2**64 - 1)
    max_steps = integer("max_steps", max_steps, 1)
    if threads is not None:
        threads = integer("threads", threads, 1)
    kind, left_out = _kind(policy, sample, kind), _left_out(policy, failed)
    if isinstance(policy, (Policy, Result)):
        game = policy.experiment.encoder.observed(game)
    if isinstance(policy, str) and policy == "random":
        policy = RandomPolicy()
    if isinstance(policy, RandomPolicy):
        encoder = None if game.observations is not None else Grid(-1.0, 1.0, 1)
        experiment = Experiment(game, IQL(), encoder=encoder, episodes=episodes, steps=max_steps, runs=runs, seed=seed)
        session = Session(experiment, None, backend, purpose=1, learning=False, exploration=EpsilonGreedy(1.0))
    elif isinstance(policy, (Policy, Result)):
        parts = policy.experiment.resolved.parts
        if not isinstance(kind, str) or any(kind not in one.by_kernel for _, one, _ in parts):
            return _played(game, policy, kind, episodes, seed, runs, backend, max_steps, left_out)
        session = _learned_session(game, policy, episodes, seed, runs, backend, max_steps, kind)
        if left_out is not None:
            session.arrays["reason"][left_out] = STEPS
    elif isinstance(policy, TablePolicy):
        return _looked_up(game, policy, episodes, seed, runs, backend, max_steps)
    elif callable(policy):
        return _play(game, policy, episodes, seed, runs, backend, max_steps)
    else:
        raise TypeError(f"policy: expected a Policy, a Result, 'random' or a function, got {shown(policy)}")
    if session.work(threads):
        raise KeyboardInterrupt
    return _evaluation(session.arrays, episodes, max_steps, kind or "policy", left_out)


def _left_out(policy, failed):
    """Runs of a Result that are not played, bool [R]; None: all are."""
    if not isinstance(failed, (bool, np.bool_)):
        raise TypeError(f"failed: expected True or False, got {shown(failed)}")
    if failed or not isinstance(policy, Result) or not policy.left_out.any():
        return None
    if policy.failed.all():
        why = ", ".join(sorted(set(policy.stop_reason)))
        raise ValueError(f"policy: all {len(policy.failed)} runs failed ({why}); failed=True plays what they had "
                         "learned until then")
    return policy.left_out


def _kind(policy, sample, kind):
    """Which of what learners play is meant; None of policies that are no learners'."""
    learned = isinstance(policy, (Policy, Result))
    if sample is not None:
        if not isinstance(sample, (bool, np.bool_)):
            raise TypeError(f"sample: expected True or False, got {shown(sample)}")
        if sample and not learned:
            raise ValueError("sample: only a Policy or a Result has a way of acting by chance; leave sample out")
        if kind is not None:
            raise ValueError("sample: leave it out where kind is given")
        warnings.warn(f"sample={sample} is deprecated: give kind={'behaviour' if sample else 'policy'!r}",
                      DeprecationWarning, stacklevel=4)
        kind = "behaviour" if sample else None
    if not learned:
        if kind is not None:
            raise ValueError("kind: only a Policy or a Result has several; leave kind out")
        return None
    if kind is None:
        return getattr(policy, "kind", "policy")
    return check_kind(kind) if isinstance(kind, str) else tuple(check_kind(one) for one in kind)


def _check_same(game, trained):
    ours, theirs = ((g.agents, g.views, g.features, g.observations, tuple(g.action_counts.tolist()))
                    for g in (game, trained.game))
    if ours != theirs:
        raise ValueError("game: the policy was trained for (agents, views, features, observations, actions) = "
                         f"{theirs}, this game has {ours}")


def _learned_session(game, policy, episodes, seed, runs, backend, max_steps, kind):
    """A session that plays from learned tables, which it copies."""
    trained = policy.experiment
    if isinstance(policy, Result):
        runs = len(policy.steps)
    _check_same(game, trained)
    experiment = Experiment(game, trained.learner, encoder=trained.encoder.unlimited(),
                            central=trained.central, teams=trained.teams, rewards=trained.rewards, episodes=episodes,
                            steps=max_steps, runs=runs, seed=seed)
    session = Session(experiment, None, backend, purpose=1, learning=False, exploration=kind)
    arrays = dict(session.arrays)
    for name, array in policy.arrays.items():
        if name.startswith(("encoder.", "learner.")):
            arrays[name] = np.array(np.broadcast_to(array, (runs, *array.shape[1:])), order="C")
    for prefix, one, context in experiment.resolved.parts:
        if hasattr(one, "begin"):           # what it remembers of the episode before is not of this one
            start = f"learner.{prefix}"
            one.begin(context, {name[len(start):]: array for name, array in arrays.items() if name.startswith(start)})
    session = Session(experiment, arrays, backend, purpose=1, learning=False, exploration=kind)
    session.loop.begin(0, runs)       # rows of the start, in the learned tables
    return session


def _evaluation(arrays, episodes, max_steps, kind, left_out):
    done = arrays["episodes"] if left_out is None else np.where(left_out, episodes, arrays["episodes"])
    if (done < episodes).any():
        raise _unfinished(done, episodes, max_steps)
    return Evaluation(arrays["returns"][:, :episodes].copy(), arrays["lengths"][:, :episodes].copy(), kind, left_out)


def _unfinished(done, episodes, max_steps):
    return ValueError(f"max_steps: a run finished only {int(done.min())} of {episodes} episodes in {max_steps} "
                      "steps; raise max_steps, or give the game a horizon")


def _played(game, policy, kind, episodes, seed, runs, backend, max_steps, left_out):
    """Episodes of learned policies, step by step: what kernels cannot play."""
    _check_same(game, policy.experiment)
    runs = len(policy.steps) if isinstance(policy, Result) else runs
    player = Player(plays_of(policy, kind), game.agents, runs, seed, isinstance(policy, Policy))

    def act(observation, env):
        legal = env.legal if "legal" in game.participation else None
        return player.act(rows_of(policy, observation), legal=legal)

    return _episodes(game, act, player.reset, player.observe, episodes, seed, runs, backend, max_steps, kind,
                     left_out)


def _looked_up(game, policy, episodes, seed, runs, backend, max_steps):
    """Episodes of a policy that stands alone, all runs at once."""
    game.refuse_moves("a policy that stands alone", "give the result, or a Policy", ("legal",))
    ours, theirs = ((g.views, g.features, rows, tuple(map(int, g.action_counts))) for g, rows in (
        (game, game.observations), (policy, policy.encoder.get("rows"))))
    if ours != theirs:
        raise ValueError("game: the policy was trained for (views, features, observations, actions) = "
                         f"{theirs}, this game has {ours}")
    return _episodes(game, lambda observation, env: policy(observation), lambda where: None, policy.observe, episodes,
                     seed, runs, backend, max_steps, "policy")


def _play(game, policy, episodes, seed, runs, backend, max_steps):
    """Episodes with a Python policy, which may have ``reset`` and ``observe`` where it remembers something."""
    def act(observation, env):
        more = [(env.legal[r],) if "legal" in game.participation else () for r in range(runs)]
        return np.stack([np.asarray(policy(observation[r], *more[r])) for r in range(runs)])

    def reset(where):
        if runs == 1 and hasattr(policy, "reset"):
            policy.reset()

    def observe(rewards):
        if runs == 1 and hasattr(policy, "observe"):
            policy.observe(rewards[0])

    return _episodes(game, act, reset, observe, episodes, seed, runs, backend, max_steps, "policy")


def _episodes(game, act, reset, observe, episodes, seed, runs, backend, max_steps, kind, left_out=None):
    """Episodes of R runs, step by step."""
    env = Env(game, runs=runs, seed=seed, backend=backend, purpose="evaluation")
    returns, lengths = np.zeros((runs, episodes, game.agents)), np.zeros((runs, episodes), np.int64)
    done = np.zeros(runs, np.int64) if left_out is None else np.where(left_out, episodes, 0)
    observation = env.reset()
    reset(np.ones(runs, bool))
    for _ in range(max_steps):
        observation, rewards, terminated, truncated = env.step(act(observation, env))
        observe(rewards)
        playing = np.flatnonzero(done < episodes)
        returns[playing, done[playing]] += rewards[playing]
        lengths[playing, done[playing]] += 1
        ended = terminated | truncated
        done += ended
        if (done >= episodes).all():
            return Evaluation(returns, lengths, kind, left_out)
        if ended.any():
            observation = env.reset(ended)
            reset(ended)
    raise _unfinished(done, episodes, max_steps)
