"""What every learner has."""
import numpy as np

from marlfast.errors import integer, unknown
from marlfast.registry import Definition


class Learner(Definition):
    """Base of learners.

    ``allocate`` makes the arrays that change, ``bind`` the kernel over them, ``grow`` larger arrays
    with the same content. ``derived`` names arrays that follow from the others and are not saved.
    """

    kind = "learner"
    derived = ()

    def check(self, game, structure, rows=None):
        """Refuse a game or reward structure that this learner does not fit."""

    def allocate(self, game, structure, rows, runs):
        raise NotImplementedError

    def bind(self, game, structure, arrays, backend, draws=None, learning=True, exploration=None):
        raise NotImplementedError

    def team(self, game, runs=1, seed=0, encoder=None, backend="cython", teams=None):
        """Learners of one team to step by hand: see :class:`marlfast.Team`."""
        from marlfast.team import Team

        return Team(self, game, runs=runs, seed=seed, encoder=encoder, backend=backend, teams=teams)


def table_of_agent(share, game, teams):
    """Which table each agent uses: int32 [N].

    Parameters
    ----------
    share : {"none", "all", "team"} or sequence of int [N]
        A table each, one for all, one per team, or the table of each agent.
    game : Game
    teams : sequence of sequence of int, or None
        The teams of ``"team"``.
    """
    n = game.agents
    if isinstance(share, str):
        if share == "none":
            return np.arange(n, dtype=np.int32)
        if share == "all":
            return np.zeros(n, np.int32)
        if share == "team":
            if teams is None:
                raise ValueError("share: 'team' needs teams; use rewards=marlfast.rewards.mixed(teams)")
            table = np.zeros(n, np.int32)
            for k, team in enumerate(teams):
                table[list(team)] = k
            return table
        raise unknown("share", share, ("none", "all", "team"))
    table = [integer(f"share[{i}]", t, 0) for i, t in enumerate(share)]
    if len(table) != n:
        raise ValueError(f"share: expected a table for each of {n} agents, got {len(table)}")
    if set(table) != set(range(max(table) + 1)):
        raise ValueError(f"share: expected tables numbered 0, 1, ... without gaps, got {table}")
    return np.array(table, np.int32)
