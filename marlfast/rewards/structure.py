"""Reward structure: who gets whose reward.

All but difference rewards are linear: agent i learns from ``sum_j M[i, j] * reward[j]``. The named
ones are kept as sums over teams, so that they cost no more with 10,000 agents than the agents themselves.
"""
from dataclasses import dataclass, field

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real, shown
from marlfast.memory import check_memory
from marlfast.registry import Definition

__all__ = ["Structure", "competitive", "cooperative", "difference", "individual", "matrix", "mixed"]


def as_teams(given):
    """Teams as a tuple of tuples of agents: at least one agent in each, nobody in two."""
    try:
        teams = tuple(tuple(integer(f"teams[{k}]", i, 0) for i in team) for k, team in enumerate(given))
    except TypeError:
        raise TypeError(f"teams: expected a list of lists of agents such as [[0, 1], [2, 3]], got "
                        f"{shown(given)}") from None
    members = [i for team in teams for i in team]
    if not teams or not all(teams):
        raise ValueError(f"teams: expected at least one agent in every team, got {shown(given)}")
    if len(set(members)) < len(members):
        met = set()
        twice = next(i for i in members if i in met or met.add(i))
        raise ValueError(f"teams: agent {twice} stands in the teams more than once")
    return teams


def check_teams(teams, game):
    """Refuse teams that leave an agent of the game out, or name one that it has not."""
    members = sorted(i for team in teams for i in team)
    if members != list(range(game.agents)):
        raise ValueError(f"teams: expected every agent from 0 to {game.agents - 1} in one team, got {shown(members)}")


class Structure(Definition):
    """Base of reward structures. ``teams`` is the team of each agent where there are teams, else None."""

    kind = "reward structure"
    teams = None

    def check(self, game):
        """Refuse a game that this structure does not fit."""

    def same(self, agents):
        """Whether all of these agents learn from the same reward, whatever the game's are."""
        return len(agents) < 2

    def alike(self, game, agents):
        """Whether all of these agents learn from the same reward in a game in which all earn the same."""
        own, weights, team_of_agent = self.parts(game)
        shares = np.full(len(agents), float(own))
        if len(weights):
            sizes = np.bincount(team_of_agent, minlength=len(weights))
            shares += (np.asarray(weights) @ sizes)[np.asarray(team_of_agent)[list(agents)]]
        return bool(np.allclose(shares, shares[0], rtol=1e-12, atol=1e-12))

    def bind(self, game, kernel, runs, backend):
        """The kernel: what every agent learns from, of the game's rewards."""
        own, weights, team_of_agent = self.parts(game)
        return kernels(backend, "rewards").Mix(runs, kernel, own, np.ascontiguousarray(weights, np.float64),
                                               np.ascontiguousarray(team_of_agent, np.int32))

    def matrix(self, game):
        """The N x N matrix M: agent i learns from ``sum_j M[i, j] * reward[j]``."""
        own, weights, team_of_agent = self.parts(game)
        linear = np.eye(game.agents) * own
        return linear + np.asarray(weights)[team_of_agent][:, team_of_agent] if len(weights) else linear


@dataclass(frozen=True, repr=False, eq=False)
class individual(Structure):
    """Each agent learns from its own reward."""

    name = "individual"

    def parts(self, game):
        return 1.0, np.zeros((0, 0)), np.zeros(game.agents, np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class cooperative(Structure):
    """Every agent learns from the mean of all agents' rewards."""

    name = "cooperative"

    def same(self, agents):
        return True

    def parts(self, game):
        return 0.0, np.full((1, 1), 1.0 / game.agents), np.zeros(game.agents, np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class competitive(Structure):
    """Every agent learns from its own reward minus the mean of the others': what one wins, others lose."""

    name = "competitive"

    def check(self, game):
        if game.agents < 2:
            raise ValueError("rewards: competitive() needs at least 2 agents, the game has 1; use individual()")

    def parts(self, game):
        others = 1.0 / (game.agents - 1)
        return 1.0 + others, np.full((1, 1), -others), np.zeros(game.agents, np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class mixed(Structure):
    """Cooperative within a team, competitive between teams.

    An agent learns from the mean reward of its team minus the mean reward of all other teams' agents.

    Parameters
    ----------
    teams : sequence of sequence of int
        The agents of each team, such as ``[[0, 1], [2, 3]]``; every agent in exactly one.
    """

    name = "mixed"
    teams: tuple = field()

    def __post_init__(self):
        self._set(teams=as_teams(self.teams))

    def check(self, game):
        check_teams(self.teams, game)

    def same(self, agents):
        wanted = set(agents)
        return any(len(wanted) <= len(team) and wanted <= set(team) for team in self.teams)

    def parts(self, game):
        team_of_agent = np.zeros(game.agents, np.int32)
        for k, team in enumerate(self.teams):
            team_of_agent[list(team)] = k
        check_memory(f"teams: what {len(self.teams):,} teams take from each other", 8 * len(self.teams)**2,
                     "give fewer teams; where everybody is alone, competitive() needs nothing for each pair")
        weights = np.zeros((len(self.teams), len(self.teams)))
        for k, team in enumerate(self.teams):
            others = game.agents - len(team)
            weights[k] = -1.0 / others if others else 0.0
            weights[k, k] = 1.0 / len(team)
        return 0.0, weights, team_of_agent


@dataclass(frozen=True, repr=False, eq=False)
class matrix(Structure):
    """Any linear structure: agent i learns from ``sum_j weights[i, j] * reward[j]``.

    Parameters
    ----------
    weights : float64 [N, N]
    """

    name = "matrix"
    weights: np.ndarray

    def __post_init__(self):
        try:
            weights = np.array(self.weights, np.float64)
        except (TypeError, ValueError):
            raise ValueError("weights: expected a square matrix of numbers") from None
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not len(weights):
            raise ValueError(f"weights: expected a square matrix, got shape {weights.shape}")
        for i, j in np.argwhere(~np.isfinite(weights))[:1]:
            real(f"weights[{i}, {j}]", weights[i, j])
        weights.flags.writeable = False
        self._set(weights=weights)

    def check(self, game):
        if len(self.weights) != game.agents:
            raise ValueError(f"weights: expected shape {(game.agents, game.agents)} for {game.agents} agents, "
                             f"got {self.weights.shape}")

    def same(self, agents):
        return bool((self.weights[list(agents)] == self.weights[agents[0]]).all())

    def parts(self, game):
        return 0.0, self.weights, np.arange(game.agents, dtype=np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class difference(Structure):
    """Difference rewards: what the team's total would lose without the agent.

    ``D_i = G - G(without i)``, G the sum of all agents' rewards. Only for games that can say what
    would have happened without an agent; the drift game can.

    Notes
    -----
    Source: D. H. Wolpert and K. Tumer, "Optimal payoff functions for members of collectives",
    Advances in Complex Systems 4 (2001).
    """

    name = "difference"

    def check(self, game):
        if game.kernel("numpy").stage_without is None:
            raise ValueError(f"rewards: difference() needs a game that can say what would have happened without an "
                             f"agent; game {game.name!r} cannot")

    def bind(self, game, kernel, runs, backend):
        return kernels(backend, "rewards").Difference(runs, kernel)

    def alike(self, game, agents):
        return False        # what would be lost without one agent is not what would be lost without another

    def matrix(self, game):
        raise ValueError("difference(): is not linear in the agents' rewards; it has no matrix")
