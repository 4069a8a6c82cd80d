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
    """Base of reward structures. ``teams`` is the team of each agent where there are teams, else None.

    See Also
    --------
    individual, cooperative, competitive, mixed, matrix, difference : Those there are.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.rewards.mixed([[0, 1], [2]]).matrix(mf.games.Drift(agents=3)).tolist()
    [[0.5, 0.5, -1.0], [0.5, 0.5, -1.0], [-0.5, -0.5, 1.0]]
    """

    kind = "reward structure"
    teams = None

    def check(self, game):
        """Refuse a game that this structure does not fit.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.
        """

    def same(self, agents):
        """Say whether all of these agents learn from the same reward, whatever the game's are.

        Parameters
        ----------
        agents : sequence of int
            Who.

        Returns
        -------
        bool
            True: they do.
        """
        return len(agents) < 2

    def alike(self, game, agents):
        """Say whether all of these agents learn from the same reward in a game in which all earn the same.

        Parameters
        ----------
        game : Game
            In which all earn the same.
        agents : sequence of int
            Who.

        Returns
        -------
        bool
            True: they do.
        """
        own, weights, team_of_agent = self.parts(game)
        shares = np.full(len(agents), float(own))
        if len(weights):
            sizes = np.bincount(team_of_agent, minlength=len(weights))
            shares += (np.asarray(weights) @ sizes)[np.asarray(team_of_agent)[list(agents)]]
        return bool(np.allclose(shares, shares[0], rtol=1e-12, atol=1e-12))

    def bind(self, game, kernel, runs, backend):
        """Make the kernel: what every agent learns from, of the game's rewards.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.
        kernel : object
            That of the game.
        runs : int
            R.
        backend : {"cython", "numpy"}
            Which kernels.

        Returns
        -------
        object
            The kernel.
        """
        own, weights, team_of_agent = self.parts(game)
        return kernels(backend, "rewards").Mix(runs, kernel, own, np.ascontiguousarray(weights, np.float64),
                                               np.ascontiguousarray(team_of_agent, np.int32))

    def matrix(self, game):
        """Give the matrix M: agent i learns from ``sum_j M[i, j] * reward[j]``.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.

        Returns
        -------
        float64 [N, N]
            By agent, and by whose reward.
        """
        own, weights, team_of_agent = self.parts(game)
        linear = np.eye(game.agents) * own
        return linear + np.asarray(weights)[team_of_agent][:, team_of_agent] if len(weights) else linear


@dataclass(frozen=True, repr=False, eq=False)
class individual(Structure):
    """Each agent learns from its own reward.

    See Also
    --------
    cooperative : From the mean of all.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.rewards.individual().matrix(mf.games.Drift(agents=3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    name = "individual"

    def parts(self, game):
        """Say what every agent's share in every reward is made of.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.

        Returns
        -------
        tuple
            As the kernel takes it.
        """
        return 1.0, np.zeros((0, 0)), np.zeros(game.agents, np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class cooperative(Structure):
    """Every agent learns from the mean of all agents' rewards.

    See Also
    --------
    difference : Says what an agent's own part in it was.
    mixed : In teams.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.rewards.cooperative().matrix(mf.games.Drift(agents=2)).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    name = "cooperative"

    def same(self, agents):
        return True

    def parts(self, game):
        """Say what every agent's share in every reward is made of.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.

        Returns
        -------
        tuple
            As the kernel takes it.
        """
        return 0.0, np.full((1, 1), 1.0 / game.agents), np.zeros(game.agents, np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class competitive(Structure):
    """Every agent learns from its own reward minus the mean of the others': what one wins, others lose.

    See Also
    --------
    mixed : Between teams.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.rewards.competitive().matrix(mf.games.Drift(agents=3)).tolist()
    [[1.0, -0.5, -0.5], [-0.5, 1.0, -0.5], [-0.5, -0.5, 1.0]]
    """

    name = "competitive"

    def check(self, game):
        if game.agents < 2:
            raise ValueError("rewards: competitive() needs at least 2 agents, the game has 1; use individual()")

    def parts(self, game):
        """Say what every agent's share in every reward is made of.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.

        Returns
        -------
        tuple
            As the kernel takes it.
        """
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

    See Also
    --------
    cooperative : One team.
    competitive : Each for itself.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.rewards.mixed([[0, 1], [2, 3]]).matrix(mf.games.Drift(agents=4))[0].tolist()
    [0.5, 0.5, -0.5, -0.5]
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
        """Say what every agent's share in every reward is made of.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.

        Returns
        -------
        tuple
            As the kernel takes it.
        """
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
        By agent, and by whose reward.

    See Also
    --------
    mixed : Teams.

    Examples
    --------
    >>> import marlfast as mf
    >>> game, altruism = mf.games.PrisonersDilemma(), mf.rewards.matrix([[0.5, 0.5], [0.5, 0.5]])
    >>> run = mf.train(game, mf.IQL(), rewards=altruism, episodes=500, seed=0)
    >>> game.action_names[run.policy(0)(0)[0]]
    'cooperate'
    """

    name = "matrix"
    weights: np.ndarray

    def __post_init__(self):
        try:
            weights = np.array(self.weights, np.float64)
        except (TypeError, ValueError, OverflowError):
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
        """Say what every agent's share in every reward is made of.

        Parameters
        ----------
        game : Game
            Whose rewards are divided.

        Returns
        -------
        tuple
            As the kernel takes it.
        """
        return 0.0, self.weights, np.arange(game.agents, dtype=np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class difference(Structure):
    """Difference rewards: what the team's total would lose without the agent.

    ``D_i = G - G(without i)``, G the sum of all agents' rewards. Only for games that can say what
    would have happened without an agent; the drift game can.

    See Also
    --------
    cooperative : The mean of all.

    References
    ----------
    D. H. Wolpert and K. Tumer, "Optimal payoff functions for members of collectives",
    Advances in Complex Systems 4 (2001).

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Braess(agents=20), mf.IQL(), rewards=mf.rewards.difference(), episodes=500, seed=0)
    >>> run.shaped_returns.shape
    (1, 500, 20)
    """

    name = "difference"

    def check(self, game):
        if game.kernel("numpy").stage_counterfactual is None:
            raise ValueError(f"rewards: difference() needs a game that can say what would have happened without an "
                             f"agent; game {game.name!r} cannot")

    def bind(self, game, kernel, runs, backend):
        return kernels(backend, "rewards").Difference(runs, kernel)

    def alike(self, game, agents):
        return False        # what would be lost without one agent is not what would be lost without another

    def matrix(self, game):
        raise ValueError("difference(): is not linear in the agents' rewards; it has no matrix")
