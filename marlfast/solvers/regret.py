"""Counterfactual regret minimisation and fictitious play in games in extensive form."""
import warnings
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import MarlfastWarning, choice, integer, shown
from marlfast.solvers.histories import tree

# What each variant does with regrets and averages.
VARIANTS = {"cfr": (False, False, False), "cfr+": (True, False, True), "linear": (False, True, True)}
WORK = 2 * 10**7        # histories that are looked at between two looks at Ctrl-C


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Summarised):
    """What a solver has come to.

    Attributes
    ----------
    tree : Tree
        The game.
    policy : float64 [E]
        The average over iterations, by slot: what converges.
    current : float64 [E]
        What is played in the next iteration.
    regrets, sums : float64 [E]
        Cumulative regrets (None of fictitious play), and what the average is made of.
    iterations : int
        Made so far.
    method : str
        Which solver.
    draws : int
        Uniforms used so far, of a solver that samples.
    seed : int or None
        Of these.

    See Also
    --------
    cfr : Makes it.
    """

    tree: object
    policy: np.ndarray
    current: np.ndarray
    regrets: np.ndarray | None
    sums: np.ndarray
    iterations: int
    method: str
    draws: int = 0
    seed: int | None = None

    @property
    def values(self):
        """What each player earns under ``policy``: float64 [N]."""
        return self.tree.values(self.policy)

    @property
    def nash_conv(self):
        """What all players together could gain by best replies to ``policy``: float."""
        return self.tree.nash_conv(self.policy)

    @property
    def exploitability(self):
        """``nash_conv`` divided by N: float."""
        return self.tree.exploitability(self.policy)

    def summary(self):
        return (f"{self.method} in {self.tree.game}: {self.iterations:,} iterations, values "
                f"{', '.join(f'{v:.6g}' for v in self.values)}, NashConv {self.nash_conv:.4g}")


def _begun(game, method, resume):
    """(tree, arrays) to go on with."""
    if resume is not None:
        if not isinstance(resume, Solution) or resume.method != method:
            raise ValueError(f"resume: expected a Solution of {method}, got {shown(resume)}")
        if game is not None and game is not resume.tree and getattr(game, "name", None) != resume.tree.game:
            raise ValueError(f"resume: it is of game {resume.tree.game!r}; give that, or None")
        return resume.tree, [resume.regrets, resume.sums, resume.current]
    made = tree(game)
    return made, [np.zeros(made.slots), np.zeros(made.slots), made.uniform()]


def _warn(made, method):
    """Say what a solver does not promise in this game."""
    if made.players > 2:
        why = f"game {made.game!r} has {made.players} players"
    elif not made.zero_sum:
        why = f"those of game {made.game!r} do not"
    else:
        return
    warnings.warn(f"{method}: its guarantee, that the average tends to a Nash equilibrium, is for two players whose "
                  f"returns add up to 0; {why}, so look at nash_conv", MarlfastWarning, stacklevel=3)


def _average(made, sums, policy):
    """The average policy; where a set was never made likely by its owner, all actions alike."""
    total = np.bincount(made.set_of_slot, sums, made.sets)[made.set_of_slot]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0.0, sums / total, policy)


def cfr(game, iterations, variant="cfr+", alternating=True, resume=None, backend=None):
    """Counterfactual regret minimisation: every information set minimises its own regret.

    In iteration t each player's regret of not having taken action a in information set I grows by
    ``sum over h in I of reach of the others(h) * (value(h, a) - value(h))``, and it then plays in proportion to
    positive regrets. The average over iterations, weighted by how likely the player itself makes a set, tends to a Nash
    equilibrium where two players' returns add up to 0.

    Parameters
    ----------
    game : Game or Tree
        See :func:`tree`. Any number of players; more than two, or returns that do not add up to 0, are warned of.
    iterations : int
        How many (more).
    variant : {"cfr+", "linear", "cfr"}
        ``"cfr"``: as first published. ``"cfr+"``: regrets are set to 0 where they would be less, and iteration t counts
        t times in the average. ``"linear"``: iteration t counts t times in regrets and average.
    alternating : bool
        Players take turns within an iteration; else all answer to the same policies.
    resume : Solution, optional
        Go on with it.
    backend : {"cython", "numpy"}, optional
        Which kernels; both give the same bits.

    Returns
    -------
    Solution
        Average policy, regrets and what is needed to go on.

    See Also
    --------
    mccfr : Samples, for larger games.
    fictitious_play : Replies best to the average.

    References
    ----------
    M. Zinkevich, M. Johanson, M. Bowling and C. Piccione, "Regret minimization in games with incomplete information",
    NIPS 2007; O. Tammelin, "Solving large imperfect information games using CFR+" (2014); N. Brown and T. Sandholm,
    "Solving imperfect-information games via discounted regret minimization", AAAI 2019 (linear CFR).

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> found = solvers.cfr(games.RockPaperScissors(), iterations=100)
    >>> found.policy.round(6).tolist()
    [0.333333, 0.333333, 0.333333, 0.333333, 0.333333, 0.333333]
    """
    plus, heavy, late = VARIANTS[choice("variant", variant, tuple(VARIANTS))]
    iterations = integer("iterations", iterations, 1)
    method = {"cfr": "CFR", "cfr+": "CFR+", "linear": "linear CFR"}[variant]
    made, (regrets, sums, policy) = _begun(game, method, resume)
    _warn(made, method)
    regrets, sums, policy = regrets.copy(), sums.copy(), policy.copy()
    kernel, done = made.kernel(backend), 0 if resume is None else resume.iterations
    end, step = done + iterations, max(1, WORK // (made.histories * made.players))
    while done < end:
        n = min(step, end - done)
        kernel.minimise_regret(done + 1, n, plus, heavy, late, bool(alternating), regrets, sums, policy)
        done += n
    return Solution(made, _average(made, sums, made.uniform()), policy, regrets, sums, done, method)


def mccfr(game, iterations, seed=0, resume=None, backend=None):
    """Monte Carlo counterfactual regret minimisation by external sampling: chance's and others' moves are drawn.

    In each iteration there is one walk for each player, who tries all of its actions; of the others and of chance one
    is drawn. What the player next in turn would have played there joins its average.

    Parameters
    ----------
    game : Game or Tree
        See :func:`tree`.
    iterations : int
        How many (more).
    seed : int
        Of all draws.
    resume : Solution, optional
        Go on with it, and its seed; the same as if it had never stopped.
    backend : {"cython", "numpy"}, optional
        Which kernels; both give the same bits.

    Returns
    -------
    Solution
        Average policy, regrets and what is needed to go on.

    See Also
    --------
    cfr : Without draws.

    References
    ----------
    M. Lanctot, K. Waugh, M. Zinkevich and M. Bowling, "Monte Carlo sampling for regret minimization in extensive
    games", NIPS 2009.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> solvers.mccfr(games.RockPaperScissors(), iterations=10_000, seed=1).nash_conv < 0.05
    True
    """
    method = "external-sampling MCCFR"
    iterations, seed = integer("iterations", iterations, 1), integer("seed", seed, 0)
    made, (regrets, sums, policy) = _begun(game, method, resume)
    _warn(made, method)
    regrets, sums, policy = regrets.copy(), sums.copy(), policy.copy()
    kernel, done, used = made.kernel(backend), 0, 0
    if resume is not None:
        done, used, seed = resume.iterations, resume.draws, resume.seed
    end, most = done + iterations, sum(kernel.draws)
    generator = np.random.PCG64(seed).advance(used)
    left = np.zeros(0)
    while done < end:
        fresh = np.random.Generator(generator).random(max(most, min(most * (end - done), 2**16)))
        left = np.concatenate([left, fresh])
        n, taken = kernel.sample_regret(end - done, left, regrets, sums, policy)
        done, used, left = done + n, used + taken, left[taken:]
    return Solution(made, _average(made, sums, made.uniform()), policy, regrets, sums, done, method, used, seed)


def fictitious_play(game, iterations, resume=None, backend=None):
    """Fictitious play in extensive form: all reply best to the average of what was played.

    The average is that of plans for the whole game: a reply joins it in each information set as likely as the reply
    itself makes the set. The first policy takes all actions alike.

    Parameters
    ----------
    game : Game or Tree
        See :func:`tree`.
    iterations : int
        How many (more).
    resume : Solution, optional
        Go on with it.
    backend : {"cython", "numpy"}, optional
        Which kernels; both give the same bits.

    Returns
    -------
    Solution
        The average, which is also what is replied to next.

    See Also
    --------
    cfr : Converges faster.

    References
    ----------
    J. Heinrich, M. Lanctot and D. Silver, "Fictitious self-play in extensive-form games", ICML 2015 (XFP, with a weight
    of 1/(t + 1) for the reply of iteration t).

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> solvers.fictitious_play(games.RockPaperScissors(), iterations=300).nash_conv < 0.1
    True
    """
    method = "fictitious play"
    iterations = integer("iterations", iterations, 1)
    made, (_, sums, policy) = _begun(game, method, resume)
    _warn(made, method)
    if resume is None:
        sums = policy * made.reaches(policy)[made.set_of_slot]
    sums, policy = sums.copy(), policy.copy()
    kernel, done = made.kernel(backend), 0 if resume is None else resume.iterations
    end, step = done + iterations, max(1, WORK // (made.histories * made.players))
    while done < end:
        n = min(step, end - done)
        kernel.fictitious_play(done + 1, n, sums, policy)
        done += n
    return Solution(made, policy.copy(), policy, None, sums, done, method)
