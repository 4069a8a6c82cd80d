"""What agents could gain where nothing can be solved: replies that are learned, and games that are played."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import integer, shown
from marlfast.evaluate import MAX_STEPS, evaluate
from marlfast.experiment import Experiment
from marlfast.exploration import EpsilonGreedy
from marlfast.learners.base import Each
from marlfast.learners.frozen import Frozen
from marlfast.learners.q_learning import IQL
from marlfast.policy import Policy
from marlfast.registry import require
from marlfast.result import Result
from marlfast.rewards import individual
from marlfast.schedules import Harmonic
from marlfast.session import Session


@dataclass(frozen=True, eq=False, repr=False)
class SampledExploitability(Summarised):
    """What learned replies gain, each against all others who go on as they do: bounds from below, but for chance.

    Attributes
    ----------
    gains : float64 [R, N]
        Mean return of an agent that plays what it learned against the others, less that of what it plays now. Below 0
        where the reply that was learned is worse. NaN of agents that were not asked for, and of runs that are left out.
    standard_errors : float64 [R, N]
    episodes : int
        Played of each, for every run and agent.
    steps : int
        That replies learned for.
    exact : bool
        False: sampled.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    sampled_exploitability : What gives it.
    """

    gains: np.ndarray
    standard_errors: np.ndarray
    episodes: int
    steps: int
    exact: bool = False
    left_out: np.ndarray | None = None

    @property
    def nash_conv(self):
        """Sum of the gains over agents, those below 0 as 0, since an agent may stay with what it plays: float64 [R]."""
        return np.nansum(np.maximum(self.gains, 0.0), axis=1)

    def summary(self):
        """A line of text."""
        runs, agents = self.gains.shape
        gains, errors = self.kept(self.gains).mean(axis=0), self.kept(self.standard_errors)
        errors = np.sqrt((errors**2).sum(axis=0)) / len(errors)
        told = ", ".join(f"{g:.4g} (standard error {e:.2g})" if g == g else "not asked for"
                         for g, e in zip(gains, errors, strict=True))
        return (f"NashConv at least {self.kept(self.nash_conv).mean():.4g} on average over {self.of_runs(runs)}; gains "
                f"by agent {told}; replies learned for {self.steps:,} steps, {self.episodes:,} episodes each")


@dataclass(frozen=True, repr=False, eq=False)
class _Challenged(Each):
    """A team as it is, and one learner more, that acts last and so in the place of an agent of the team."""

    def __post_init__(self):
        self._set(learners=tuple(self.learners), agent_ids=tuple(map(tuple, self.agent_ids)))

    def check(self, context, rows=None):
        _, reply, own = self.parts(context)[-1]
        reply.check(own, rows)


def sampled_exploitability(game, given, steps=100_000, episodes=1000, learner=None, agents=None, seed=0, threads=None,
                           max_steps=MAX_STEPS):
    """What each agent could gain by another policy, as far as a learner finds one: for whatever cannot be solved.

    In place of each agent in turn, a learner learns against all others, who play on as they do and learn nothing; then
    both, the agent and what has been learned in its place, play episodes against the others. The exact counterpart,
    for games with a model and agents whose policy follows from what they see, is :func:`exploitability`.

    Parameters
    ----------
    game : Game
        Its episodes must end.
    given : Result or Policy
        Of a Result, all runs. Every agent is judged by its own rewards, whatever it learned from.
    steps : int
        That a reply learns for.
    episodes : int
        To play, of each run and agent.
    learner : Learner, optional
        What learns the reply, for a single agent, behind the encoder that the team has. Default: Q-learning with the
        greatest discount that the team learned with, a rate that falls as ``1 / (1 + t / 1000)``, to 0.01 at the least,
        and an epsilon that falls from 1 to 0.05 over the first half.
    agents : sequence of int, optional
        In whose place. Default: all.
    seed : int
        Of what is learned and played; the agent and its reply meet the same chances.
    threads : int, optional
        How many; default: as many as there are processors.
    max_steps : int
        Refuse to play on after so many steps of a run.

    Returns
    -------
    SampledExploitability
        Of each run and agent, with standard errors.

    See Also
    --------
    exploitability : The exact counterpart.

    Notes
    -----
    A gain is a bound from below: there may be a better reply that was not learned. Where a draw decides for several
    agents, the others' part of it stays as it is.

    References
    ----------
    F. Timbers et al., "Approximate exploitability: learning a best response", IJCAI 2022.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> game = mf.games.RockPaperScissors(horizon=10)
    >>> rock = mf.train(game, [mf.learners.FixedPolicy([1.0, 0.0, 0.0]), mf.learners.Random()], steps=10, seed=0)
    >>> analysis.sampled_exploitability(game, rock, steps=5000, agents=[1]).gains.round().tolist()
    [[nan, 10.0]]
    """
    game = require("game", game, "game")
    if not isinstance(given, (Result, Policy)):
        raise TypeError(f"given: expected a Result or a Policy, got {shown(given)}; strategies as arrays are judged by "
                        "exploitability")
    steps, episodes = integer("steps", steps, 1), integer("episodes", episodes, 2)
    seed = integer("seed", seed, 0, 2**64 - 1)
    if isinstance(given, Policy) and given.kind != "policy":
        raise ValueError(f"given: a policy of kind 'policy' is challenged, got {given.kind!r}")
    asked = range(game.agents) if agents is None else [
        integer(f"agents[{k}]", i, 0, game.agents - 1) for k, i in enumerate(agents)]
    reply = _reply(given, steps) if learner is None else require("learner", learner, "learner")
    played = evaluate(game, given, episodes, seed=seed, threads=threads, max_steps=max_steps)
    runs = len(played.returns)
    gains, errors = np.full((2, runs, game.agents), np.nan)
    for i in asked:
        challenged = _trained(game, given, reply, i, steps, seed, threads)
        found = evaluate(game, challenged, episodes, seed=seed, threads=threads, max_steps=max_steps)
        away = found.returns[:, :, i] - played.returns[:, :, i]
        gains[:, i], errors[:, i] = away.mean(axis=1), away.std(axis=1, ddof=1) / np.sqrt(episodes)
    left_out = played.left_out if played.left_out.any() else None
    return SampledExploitability(gains, errors, episodes, steps, left_out=left_out)


def _reply(given, steps):
    """Q-learning that finds a reply."""
    discount = max(given.experiment.resolved.discounts, default=0.95)
    decay = 0.05 ** (2.0 / steps)
    return IQL(Harmonic(1.0, 1e-3, minimum=0.01), discount, EpsilonGreedy(1.0, decay=decay, minimum=0.05, per="step"))


def _trained(game, given, reply, agent, steps, seed, threads):
    """A Result in which a reply has been learned in the place of an agent, all others playing on as they do."""
    old = given.experiment
    parts = old.resolved.parts
    frozen = [one if isinstance(one, Frozen) else Frozen(one) for _, one, _ in parts]
    team = _Challenged((*frozen, reply), tuple(context.agent_ids for *_, context in parts) + ((agent,),))
    runs = 1 if isinstance(given, Policy) else len(given.steps)
    experiment = Experiment(game, team, encoder=old.encoder.unlimited(), central=old.central,
                            teams=old.resolved.context.teams, rewards=individual(), steps=steps, runs=runs, seed=seed,
                            record_every=0)
    arrays = dict(Session(experiment).arrays)
    for name, array in given.arrays.items():
        if name.startswith(("encoder.", "central.")):
            arrays[name] = np.array(array, order="C")
    for k, (prefix, one, context) in enumerate(parts):
        known = {name: np.array(array, order="C") for name, array in part_of_learner(given.arrays, prefix).items()}
        if hasattr(one, "begin"):           # what it remembers of the episode before is not of this one
            one.begin(context, known)
        arrays |= {f"learner.{k}.{name}": array for name, array in known.items()}
    known = experiment.resolved
    room = known.rooms(arrays)
    _, one, own = team.parts(known.context_in(room))[-1]
    arrays |= {f"learner.{len(parts)}.{name}": array for name, array in one.allocate(own, room["encoder"]).items()}
    session = Session(experiment, arrays)
    if isinstance(given, Result):
        session.arrays["reason"][given.left_out] = given.arrays["reason"][given.left_out]
    session.loop.begin(0, runs)             # rows of the start, in the learned tables
    if session.work(threads):
        raise KeyboardInterrupt
    return Result(experiment, session.arrays)


def part_of_learner(arrays, prefix):
    """The arrays of one of a team's learners, under their own names."""
    start = f"learner.{prefix}"
    return {name[len(start):]: array for name, array in arrays.items() if name.startswith(start)}
