"""Policy-space response oracles: a population for each player that grows by replies to an equilibrium of it."""
import itertools
import warnings
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.backends import at_hand, kernels
from marlfast.errors import MarlfastWarning, choice, integer, real, shown
from marlfast.learners.opponents import FixedPolicy
from marlfast.policy import plays_of
from marlfast.registry import require
from marlfast.solvers.histories import tree
from marlfast.solvers.tree import Tree
from marlfast.train import train

META = ("nash", "uniform")


@dataclass(frozen=True, eq=False, repr=False)
class Populations(Summarised):
    """What policy-space response oracles have come to.

    Attributes
    ----------
    tree : Tree
        The game.
    policies : list of list of float64 [E]
        Of each player, those in its population; a player's own slots count.
    payoffs : float64 [K1, ..., KN, N]
        What each player earns, by what all play.
    weights : list of float64 [K_i]
        Of each player, how likely the last solution plays each.
    policy : float64 [E]
        That solution as one policy.
    history : float64 [iterations]
        NashConv of each iteration's solution, in the whole game.
    closed : bool
        Whether the last replies gained nothing: the solution is then an equilibrium of the whole game.

    See Also
    --------
    psro : Makes it.
    """

    tree: Tree
    policies: list
    payoffs: np.ndarray
    weights: list
    policy: np.ndarray
    history: np.ndarray
    closed: bool

    @property
    def nash_conv(self):
        """What all players together could gain in the whole game by best replies to ``policy``: float."""
        return self.tree.nash_conv(self.policy)

    def summary(self):
        return (f"{self.tree.game}: {' x '.join(str(len(own)) for own in self.policies)} policies, NashConv "
                f"{self.nash_conv:.4g}{', nothing left to gain' if self.closed else ''}")


def psro(game, iterations=50, oracle=None, meta="nash", tolerance=1e-9, seed=0, **training):
    """Policy-space response oracles; with exact best replies the double oracle algorithm.

    Each player begins with the policy that takes all actions alike. In each iteration the game of choosing one of those
    that there are is solved, a reply to the others' solution is found for each player, and joins its population.

    Parameters
    ----------
    game : Game or Tree
        See :func:`tree`. A learner as oracle needs a game that numbers its observations, and that are all that its
        players remember.
    iterations : int
        How many at most.
    oracle : Learner, optional
        Trained anew for each player and iteration against the others' solution. Default: exact best replies.
    meta : {"nash", "uniform"}
        What is replied to: a Nash equilibrium (two players), or all alike, which is fictitious play.
    tolerance : float
        Replies that gain less are not worth having: when no player's gains more, it is over.
    seed : int
        Of the learner's trainings.
    **training
        How long, as of :func:`marlfast.train`: ``steps`` or ``episodes``.

    Returns
    -------
    Populations
        Policies, payoffs, and how far each iteration's solution was from an equilibrium of the whole game.

    See Also
    --------
    marlfast.League : Trains against copies of the past, without solving for whom.

    References
    ----------
    H. B. McMahan, G. J. Gordon and A. Blum, "Planning in the presence of cost functions controlled by an adversary",
    ICML 2003 (double oracle); M. Lanctot et al., "A unified game-theoretic approach to multiagent reinforcement
    learning", NIPS 2017.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> game = games.MatrixGame([[2.0, -1.0], [-1.0, 1.0]], [[-2.0, 1.0], [1.0, -1.0]])
    >>> solvers.psro(game).closed
    True
    """
    iterations, seed = integer("iterations", iterations, 1), integer("seed", seed, 0)
    tolerance = real("tolerance", tolerance, 0.0)
    choice("meta", meta, META)
    made = tree(game)
    if meta == "nash" and made.players != 2:
        raise ValueError(f'meta: "nash" is for two players, game {made.game!r} has {made.players}; give "uniform"')
    if oracle is not None:
        oracle = require("learner", oracle, "oracle")
        if isinstance(game, Tree):
            raise ValueError("oracle: a learner needs the game itself, not its tree")
        if not training:
            raise ValueError("oracle: say how long it learns, such as episodes=10_000")
        made.to_rows(made.uniform())    # which says why a game cannot be learned by rows
    elif training:
        raise TypeError(f"{next(iter(training))}: exact best replies are not trained; give an oracle that is")
    if made.players > 2 or not made.zero_sum:
        warnings.warn(f"psro: that it ends in an equilibrium is known for two players whose returns add up to 0, which "
                      f"game {made.game!r} is not; look at nash_conv", MarlfastWarning, stacklevel=2)
    policies = [[made.uniform()] for _ in range(made.players)]
    payoffs, history, closed = _payoffs(made, policies, None), [], False
    for k in range(iterations):
        weights = _solved(payoffs, meta)
        policy = _together(made, policies, weights)
        worth, replies = made.values(policy), [made.best_reply(policy, i) for i in range(made.players)]
        gains = [value - own for (_, value), own in zip(replies, worth.tolist(), strict=True)]
        history.append(sum(gains))
        if max(gains) <= tolerance:
            closed = True
            break
        for i in range(made.players):
            reply = replies[i][0] if oracle is None else _learned(made, game, oracle, policy, i, [seed, k, i], training)
            policies[i].append(reply)
        payoffs = _payoffs(made, policies, payoffs)
    else:
        weights = _solved(payoffs, meta)
        policy = _together(made, policies, weights)
    return Populations(made, policies, payoffs, weights, policy, np.array(history), closed)


def _own(made, policies):
    """One policy of those of each player, by slot."""
    owner = made.owner[made.set_of_slot]
    return np.choose(owner, policies) if made.players <= 31 else np.stack(policies)[owner, np.arange(made.slots)]


def _payoffs(made, policies, known):
    """What each player earns by what all play; what was known is not worked out again."""
    shape = tuple(len(own) for own in policies)
    payoffs = np.full((*shape, made.players), np.nan)
    if known is not None:
        payoffs[tuple(slice(n) for n in known.shape[:-1])] = known
    for profile in itertools.product(*map(range, shape)):
        if np.isnan(payoffs[profile][0]):
            payoffs[profile] = made.values(_own(made, [own[k] for own, k in zip(policies, profile, strict=True)]))
    return payoffs


def _solved(payoffs, meta):
    """How likely each player plays each of its policies."""
    shape = payoffs.shape[:-1]
    if meta == "uniform":
        return [np.full(n, 1.0 / n) for n in shape]
    rows, columns = np.zeros((1, shape[0])), np.zeros((1, shape[1]))
    mine, theirs = (np.ascontiguousarray(payoffs[None, ..., i]) for i in range(2))
    equilibria = kernels(at_hand(), "equilibria")
    if np.abs(mine + theirs).max() <= 1e-9 * max(1.0, np.abs(payoffs).max()):
        equilibria.solve_zero_sum(mine, np.zeros(1), rows, columns)
    else:
        equilibria.solve_nash(mine, theirs, np.zeros((1, 2)), rows, columns)
    return [rows[0], columns[0]]


def _together(made, policies, weights):
    """The solution as one policy."""
    return _own(made, [made.mixture(own, np.tile(share, (made.players, 1)))
                       for own, share in zip(policies, weights, strict=True)])


def _learned(made, game, oracle, policy, player, seed, training):
    """A learner's reply to what the others play."""
    tables = made.to_rows(policy)
    team = [oracle if i == player else FixedPolicy(tables[i]) for i in range(made.players)]
    number = int(np.random.default_rng(seed).integers(2**31))
    run = train(game, team, seed=number, record_every=0, **training)
    rows = np.arange(len(tables[player]))
    for plays in plays_of(run):
        if plays.agents == (player,):
            if plays.memories > 1:
                break
            obs = np.zeros((len(rows), made.players), np.int64)
            obs[:, player] = rows
            tables[player] = plays.chances(0, obs)[:, 0]
            return made.of_rows(tables)
    raise ValueError(f"oracle: what {shown(oracle)} plays is no table of one agent's; give a learner that has one")
