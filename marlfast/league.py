"""A league: teams that learn against frozen copies of each other, past and present."""
import warnings
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real, shown
from marlfast.evaluate import evaluate
from marlfast.experiment import Experiment
from marlfast.learners.base import Each
from marlfast.learners.frozen import Frozen
from marlfast.registry import require
from marlfast.resolved import part_of
from marlfast.result import Result
from marlfast.session import Session
from marlfast.stop import FAILED


@dataclass(frozen=True, eq=False)
class LeagueTable:
    """What one team's checkpoints earn against the other teams' checkpoints, greedily, in simulated episodes.

    Attributes
    ----------
    returns : float64 [G, G, R, N]
        Entry (i, j): mean return of every agent where the team stands at checkpoint i, all others at checkpoint j. NaN
        of a run that failed.
    wins : float64 [G, G]
        Share of the episodes, over all runs that did not fail, in which the team earned more than the others did; a
        draw counts half.
    team : tuple of int
        The team's agents.

    See Also
    --------
    League.table : Makes it.
    """

    returns: np.ndarray
    wins: np.ndarray
    team: tuple

    @property
    def margins(self):
        """Mean return of the team's agents less that of the others, over runs that did not fail: float64 [G, G]."""
        others = [i for i in range(self.returns.shape[3]) if i not in self.team]
        returns = self.returns[:, :, ~self.failed]
        return (returns[..., list(self.team)].mean(axis=3) - returns[..., others].mean(axis=3)).mean(axis=2)

    @property
    def failed(self):
        """Runs that failed, and are in no mean: bool [R]."""
        return np.isnan(self.returns).any(axis=(0, 1, 3))

    def __repr__(self):
        failed = self.failed
        of = f"; {(~failed).sum()} of {len(failed)} runs" if failed.any() else ""
        return (f"LeagueTable({len(self.wins)} checkpoints: the last of agents {list(self.team)} wins "
                f"{self.wins[-1].mean():.0%} over all of the others{of})")


class League:
    """Teams that take turns in learning, against copies of the other teams that have stopped to learn.

    In each generation every team learns for a while against frozen copies of the other teams, of the generation before
    or, by chance, of any earlier one; then a checkpoint of all teams is added to the pool. Who meets only the latest
    opponent may go round in circles, as in rock, paper, scissors: past ones keep what was learned before.

    Parameters
    ----------
    game : Game
        What is played.
    learners : sequence of Learner
        One for each team.
    teams : sequence of sequence of int, optional
        Agents of each team. Default: the game's teams, or each agent for itself.
    encoder, central : Encoder, optional
        Of observations, and of the whole state, see :class:`marlfast.Experiment`.
    rewards : Structure, optional
        Default: the game's own where every team is one agent, else ``mixed(teams)``.
    shaping : Shaping or sequence of Shaping
        What is added to rewards while learning.
    runs : int
        R leagues side by side.
    seed : int, optional
        Of all of them. Default: drawn from the system's entropy.
    latest : float
        In [0, 1]: probability that a run meets the latest copies; else it meets copies of one earlier generation, each
        as likely. 1 is self-play against the last self, 0 meets all alike (fictitious self-play).
    pool : int, optional
        Most checkpoints that are kept: the oldest is dropped. Default: all.
    threads : int, optional
        As of :func:`marlfast.train`.
    backend : {"cython", "numpy"}
        Which kernels.

    Attributes
    ----------
    generations : int
        How many there were so far.

    See Also
    --------
    marlfast.analysis.cross_play : Agents of different runs together.
    marlfast.learners.Frozen : What copies are made with.

    Notes
    -----
    The same seed gives the same league.

    References
    ----------
    J. Heinrich, M. Lanctot and D. Silver, "Fictitious self-play in extensive-form games", ICML 2015; T. Bansal et al.,
    "Emergent complexity via multi-agent competition", ICLR 2018 (opponents drawn from past selves).

    Examples
    --------
    >>> import marlfast as mf
    >>> league = mf.League(mf.games.Soccer(), [mf.IQL(), mf.IQL()], seed=0)
    >>> league.train(generations=2, steps=1000)
    >>> league.table(episodes=10).wins.shape
    (3, 3)
    """

    def __init__(self, game, learners, teams=None, *, encoder=None, central=None, rewards=None, shaping=(), runs=1,
                 seed=None, latest=0.5, pool=None, threads=None, backend="cython"):
        game = require("game", game, "game")
        if not isinstance(learners, (list, tuple)):
            raise TypeError(f"learners: expected a list, one learner for each team, got {shown(learners)}")
        if teams is None:
            teams = game.teams or [[i] for i in range(game.agents)]
        if len(teams) < 2:
            raise ValueError(f"teams: a league needs at least two, got {len(teams)}")
        if len(learners) != len(teams):
            raise ValueError(f"learners: expected one for each of {len(teams)} teams, got {len(learners)}")
        self.latest = real("latest", latest, 0.0, 1.0)
        self.pool = None if pool is None else integer("pool", pool, 1)
        self.threads, self.backend = threads, backend
        self._learners = Each(tuple(learners), tuple(tuple(team) for team in teams))
        alone = rewards is None and all(len(team) == 1 for team in teams)
        self._experiment = Experiment(game, self._learners, encoder, rewards, shaping, steps=1, runs=runs, seed=seed,
                                      record_every=0, central=central, teams=None if alone else teams)
        self.teams = tuple(tuple(team) for team in teams)
        arrays = Session(self._experiment, None, backend).arrays
        self._own = [self._part(arrays, k) for k in range(len(self.teams))]
        self._common = {name: array for name, array in arrays.items() if not name.startswith("learner.")}
        self._pool, self._first, self.generations = [self._copy()], 0, 0

    # -- arrays ---------------------------------------------------------------------------------

    def _part(self, arrays, team):
        """All that a team's learner knows, without what follows from it."""
        learner = self._learners.learners[team]
        return {name: array for name, array in part_of(part_of(arrays, "learner"), str(team)).items()
                if name not in learner.derived}

    def _copy(self):
        return [{name: array.copy() for name, array in own.items()} for own in self._own]

    def _context(self):
        """The context of each team's learner, with the room that there is now, and that room."""
        known = self._experiment.resolved
        room = known.rooms(self._common)
        return [context for _, _, context in self._learners.parts(known.context_in(room))], room["encoder"]

    def _grown(self, team, arrays):
        """What a learner knew, in arrays of today's size: the encoders may have seen more since."""
        learner, (context, rows) = self._learners.learners[team], self._context()
        arrays = dict(arrays)
        whole = [arrays[name].shape[1] < context[team].central for name in learner.by_central
                 if name in arrays]
        if not any([*(arrays[name].shape[1] < rows for name in learner.by_row if name in arrays), *whole]):
            return arrays
        learner.derive(context[team], arrays, self.backend)
        arrays = learner.grow(context[team], arrays, rows, self.backend)
        return {name: array for name, array in arrays.items() if name not in learner.derived}

    def _all(self, parts):
        """The arrays of a session in which every team's learner knows what its part says."""
        return self._common | {f"learner.{k}.{name}": array for k, part in enumerate(parts)
                               for name, array in self._grown(k, part).items()}

    def _met(self, team, which):
        """What another team's copies know, run by run: that of the checkpoint that the run meets."""
        past = {g: self._grown(team, self._pool[g][team]) for g in set(which.tolist())}
        first = past[int(which[0])]
        met = {name: array.copy() for name, array in first.items()}
        for run, g in enumerate(which.tolist()):
            for name in met:
                met[name][run] = past[g][name][run]
        return met

    # -- work -----------------------------------------------------------------------------------

    def train(self, generations, steps=None, episodes=None):
        """Add generations.

        Parameters
        ----------
        generations : int
            How many more.
        steps, episodes : int, optional
            How long each team learns in each generation; one of them.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C; the generations finished until then stay.
        """
        generations = integer("generations", generations, 1)
        if (steps is None) == (episodes is None):
            raise ValueError("steps, episodes: give one of them, how long each team learns in a generation")
        length = {"steps": integer("steps", steps, 1)} if episodes is None else {
            "episodes": integer("episodes", episodes, 1)}
        for _ in range(generations):
            before = self._own, self._common
            try:
                for team in range(len(self.teams)):
                    self._leg(team, length)
            except BaseException:
                self._own, self._common = before        # a generation counts whole or not at all
                raise
            self.generations += 1
            self._pool.append(self._copy())
            if self.pool is not None and len(self._pool) > self.pool:
                self._first += len(self._pool) - self.pool
                del self._pool[:-self.pool]

    def _leg(self, team, length):
        """One team learns, the others play copies of themselves."""
        known = self._experiment.resolved
        draws = np.stack([np.random.default_rng([seed, number, self.generations, team]).random(2) for seed, number in
                          zip(known.seeds.tolist(), known.run_numbers.tolist(), strict=True)])
        newest = len(self._pool) - 1
        past = np.minimum((draws[:, 1] * max(newest, 1)).astype(np.int64), max(newest - 1, 0))
        which = np.where((draws[:, 0] < self.latest) | (newest == 0), newest, past)
        parts = [own if k == team else self._met(k, which) for k, own in enumerate(self._own)]
        learners = tuple(one if k == team else Frozen(one) for k, one in enumerate(self._learners.learners))
        goal = {name: int(self._common[name].max()) + n for name, n in length.items()}
        experiment = self._experiment.replace(learner=Each(learners, self._learners.agent_ids),
                                              **{"steps": None, "episodes": None} | goal)
        arrays = {name: array.copy() for name, array in self._all(parts).items()}
        arrays["reason"][arrays["reason"] < FAILED] = 0
        session = Session(experiment, arrays, self.backend)
        if session.work(self.threads):
            raise KeyboardInterrupt
        if session.diverged():
            warnings.warn(session.diverged(), RuntimeWarning, stacklevel=3)
        self._own = [self._part(session.arrays, k) if k == team else own for k, own in enumerate(self._own)]
        self._common = {name: array for name, array in session.arrays.items() if not name.startswith("learner.")}

    # -- what came of it ------------------------------------------------------------------------

    @property
    def checkpoints(self):
        """Numbers of the generations in the pool; 0 knew nothing yet: list of int."""
        return list(range(self._first, self._first + len(self._pool)))

    def checkpoint(self, generation=-1):
        """Give all teams as they stood after one generation.

        Parameters
        ----------
        generation : int
            One of ``checkpoints``; -1: the last.

        Returns
        -------
        Result
            To be played by :func:`marlfast.evaluate`, looked at, or saved.
        """
        known = self.checkpoints
        generation = known[-1] if generation == -1 else integer("generation", generation, known[0], known[-1])
        return self._result(self._pool[generation - self._first])

    def _result(self, parts):
        result = Result(self._experiment, {name: array.copy() for name, array in self._all(parts).items()})
        known = self._experiment.resolved
        self._learners.derive(known.context_in(known.rooms(self._common)), learned := part_of(result.arrays, "learner"),
                              self.backend)
        result.arrays |= {f"learner.{name}": array for name, array in learned.items()}
        return result

    def table(self, team=0, episodes=100, seed=0, generations=None):
        """Let every checkpoint of one team play every checkpoint of the others.

        Parameters
        ----------
        team : int
            Number of the team.
        episodes : int
            Of each run and pair.
        seed : int
            Of the episodes.
        generations : sequence of int, optional
            Some of ``checkpoints``. Default: all.

        Returns
        -------
        LeagueTable
            Returns and wins of every pair.
        """
        team = integer("team", team, 0, len(self.teams) - 1)
        known = self.checkpoints
        asked = known if generations is None else [
            integer(f"generations[{k}]", g, known[0], known[-1]) for k, g in enumerate(generations)]
        members = list(self.teams[team])
        others = [i for i in range(self._experiment.game.agents) if i not in members]
        size = len(asked)
        returns = np.zeros((size, size, self._experiment.runs, self._experiment.game.agents))
        wins = np.zeros((size, size))
        for i, mine in enumerate(asked):
            for j, theirs in enumerate(asked):
                parts = [self._pool[(mine if k == team else theirs) - self._first][k] for k in range(len(self.teams))]
                played = evaluate(self._experiment.game, self._result(parts), episodes, seed=seed, threads=self.threads,
                                  backend=self.backend).returns
                margin = played[..., members].mean(axis=2) - played[..., others].mean(axis=2)
                margin = margin[~np.isnan(margin).any(axis=1)]          # of a run that failed, nothing was played
                returns[i, j] = played.mean(axis=1)
                wins[i, j] = ((margin > 0.0) + 0.5 * (margin == 0.0)).mean()
        return LeagueTable(returns, wins, tuple(members))

    def elo(self, episodes=100, seed=0):
        """Rate the checkpoints of a league of two teams, from all of their games.

        Parameters
        ----------
        episodes : int
            Of each run and pair.
        seed : int
            Of the episodes.

        Returns
        -------
        float64 [2, G]
            Elo ratings, see :func:`marlfast.analysis.elo`.
        """
        from marlfast.analysis.ratings import elo

        if len(self.teams) != 2:
            raise ValueError(f"elo: rates games between two teams, this league has {len(self.teams)}; look at "
                             "table(team)")
        table = self.table(0, episodes, seed)
        size, played = len(table.wins), episodes * int((~table.failed).sum())
        wins = np.zeros((2 * size, 2 * size))
        wins[:size, size:] = played * table.wins
        wins[size:, :size] = played * (1.0 - table.wins.T)
        return elo(wins).reshape(2, size)
