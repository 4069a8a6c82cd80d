"""What training leaves: returns, tables, and all that it takes to go on."""
import numpy as np

from marlfast.errors import choice, integer
from marlfast.policy import Policy
from marlfast.stop import FAILED, RUNNING, reason_text
from marlfast.tables import Tables

_SHOWN = 8          # agents whose returns are told one by one


def sides_of(game, returns=None, teams=None):
    """Say whose returns are shown as one number: all agents', unless a mean over all would say nothing.

    Parameters
    ----------
    game : Game
        That was played.
    returns : float64 [..., N], optional
        Of episodes.
    teams : list of list of int, optional
        Who plays with whom, where an experiment says so.

    Returns
    -------
    dict of str to list of int
        ``{"team": all agents}``; each team by itself where there are several; each agent where what they earn adds up
        to 0, as the game says or the returns show.
    """
    agents = range(game.agents)
    teams = game.teams if teams is None else teams
    if teams is not None and 1 < len(teams) < len(agents):
        return {f"team {k}": list(team) for k, team in enumerate(teams)}
    apart = game.setting == "competitive"
    if not apart and returns is not None and len(agents) > 1 and np.size(returns):
        greatest = np.nanmax(np.abs(returns), initial=0.0)
        apart = greatest > 0.0 and np.nanmax(np.abs(np.sum(returns, axis=-1)), initial=0.0) <= 1e-9 * greatest
    return {f"agent {i}": [i] for i in agents} if apart else {"team": list(agents)}


class Result(Tables):
    """The outcome of training: R runs, each a team of N agents.

    Attributes
    ----------
    experiment : Experiment
        That was run.
    arrays : dict of str to ndarray
        Everything that changes; the first axis is the run. A checkpoint is these arrays.
    seconds : float
        Wall time of training, sessions added up.
    interrupted : bool
        Whether Ctrl-C ended it.
    loop : str or None
        Which loop trained it, in words, and if that is not the fastest one, why; None where it was loaded.

    See Also
    --------
    marlfast.train : Makes it.
    marlfast.load : Reads one from a file.
    marlfast.statistics.estimate : How good, and how sure.
    """

    def __init__(self, experiment, arrays, seconds=0.0, interrupted=False, loop=None):
        self.experiment, self.arrays = experiment, arrays
        self.seconds, self.interrupted, self.loop = float(seconds), bool(interrupted), loop

    def __repr__(self):
        e = self.experiment
        last = ", ".join(f"{name} return={self.last_return(agents=who):.4g}"
                         for name, who in list(self.sides.items())[:_SHOWN])
        return f"Result({e.game.name}, {e.learner.name}, runs={len(self.steps)}, steps={int(self.steps.sum())}, {last})"

    # -- what happened --------------------------------------------------------------------------

    def _recorded(self, name):
        record_every = self.experiment.record_every
        full = self.arrays["episodes"] // record_every if record_every else np.zeros_like(self.arrays["episodes"])
        entries = int(full.max())
        array = self.arrays[name][:, :entries]
        missing = np.arange(entries) >= full[:, None]
        missing = missing.reshape(missing.shape + (1,) * (array.ndim - 2))
        return np.where(missing, -1 if array.dtype.kind == "i" else np.nan, array)

    @property
    def returns(self):
        """Sum of each agent's own, unshaped rewards per episode: float64 [R, episodes, N].

        With ``record_every=k``: the mean of k episodes per entry. NaN after a run's end.
        """
        return self._recorded("returns")

    @property
    def shaped_returns(self):
        """Sum of what each agent learned from, after structure and shaping: like ``returns``."""
        return self._recorded("shaped_returns")

    @property
    def team_returns(self):
        """Mean over agents of ``returns``: float64 [R, episodes]."""
        return self.returns.mean(axis=2)

    @property
    def sides(self):
        """Whose returns are shown as one number: dict of str to list of int.

        All agents as ``"team"``; but where they play against each other and the mean over all would say nothing, each
        team, or each agent, by itself.
        """
        return sides_of(self.experiment.game, self.returns, self.experiment.teams)

    @property
    def lengths(self):
        """Steps of each episode (of k together with ``record_every=k``): int64 [R, episodes]; -1 after a run's end."""
        return self._recorded("lengths")

    @property
    def agent_lengths(self):
        """Steps of each episode in which each agent was there: int64 [R, episodes, N], like ``lengths``."""
        if "agent_lengths" in self.arrays:
            return self._recorded("agent_lengths")
        return np.repeat(self.lengths[:, :, None], self.game.agents, axis=2)

    @property
    def steps(self):
        """Steps of each run: int64 [R]."""
        return self.arrays["steps"]

    @property
    def episodes(self):
        """Finished episodes of each run: int64 [R]."""
        return self.arrays["episodes"]

    @property
    def stop_reason(self):
        """Why each run stopped: list of str [R]; ``"interrupted"`` where Ctrl-C did it."""
        return ["interrupted" if self.interrupted and code == 0 else reason_text(code)
                for code in self.arrays["reason"]]

    @property
    def failed(self):
        """Which runs went wrong, and are left out of every mean: bool [R]; ``stop_reason`` says how."""
        return self.arrays["reason"] >= FAILED

    @property
    def unfinished(self):
        """Which runs have not come to their end, as training was interrupted: bool [R]."""
        return self.arrays["reason"] == RUNNING

    @property
    def left_out(self):
        """Which runs are in no mean: bool [R]. Those that failed; and unfinished ones, where others have finished.

        Where none has finished, all unfinished ones are taken as they stand.
        """
        unfinished, failed = self.unfinished, self.failed
        return failed | unfinished if (~(failed | unfinished)).any() else failed

    def why_left_out(self):
        """Say in words which runs are in no mean, and why.

        Returns
        -------
        str
            "" where all are in.
        """
        out, parts = self.left_out, []
        for what, which in (("failed", self.failed), ("unfinished", self.unfinished & out)):
            if which.any():
                runs = np.flatnonzero(which).tolist()
                parts.append(f"{what}: {'runs' if len(runs) > 1 else 'run'} {_listed(runs)}")
        return "; ".join(parts)

    def table(self, per="run"):
        """The numbers as columns; ``dataframe()``, ``to_csv(path)`` and the like write them.

        Parameters
        ----------
        per : {"run", "episode"}
            A row for each run, or for each recorded episode of each run.

        Returns
        -------
        dict of str to ndarray
            Of runs: ``run``, ``seed``, ``steps``, ``episodes``, ``stop_reason``, ``failed``, ``team_return`` and each
            agent's ``return_i``, both means over the last tenth of the run's episodes, NaN where none was recorded.
            Then what the game's users look at: see ``measures``.
            Of episodes: ``run``, ``episode`` (the last of those an entry is the mean of), ``length``, ``team_return``,
            ``return_i``.
        """
        choice("per", per, ("run", "episode"))
        returns = self.returns
        if per == "episode":
            run, entry = np.nonzero(~np.isnan(returns).any(axis=2))
            columns = {"run": run, "episode": (entry + 1) * self.experiment.record_every,
                       "length": self.lengths[run, entry], "team_return": self.team_returns[run, entry]}
            return columns | {f"return_{i}": returns[run, entry, i] for i in range(returns.shape[2])}
        last = np.full((len(returns), returns.shape[2]), np.nan)
        for r, own in enumerate(returns):
            own = own[~np.isnan(own).any(axis=1)]
            if len(own):
                last[r] = own[-max(1, int(round(len(own) * 0.1))):].mean(axis=0)
        return {"run": self.arrays["run_numbers"].copy(), "seed": self.experiment.resolved.seeds.copy(),
                "steps": self.steps.copy(), "episodes": self.episodes.copy(),
                "stop_reason": np.array(self.stop_reason), "failed": self.failed, "team_return": last.mean(axis=1),
                **{f"return_{i}": last[:, i] for i in range(last.shape[1])},
                **{name: measure.values for name, measure in self.measures().items()}}

    def measures(self):
        """Say what users of the game look at beside the return, such as profit gains or cooperation.

        Returns
        -------
        dict of str to Measure
            By name: see :func:`marlfast.measures.measures`.
        """
        from marlfast.measures import measures

        return measures(self)

    # -- what was learned -----------------------------------------------------------------------

    @property
    def used(self):
        """Table rows in use of each run: int64 [R]."""
        encoder, game = self.experiment.encoder, self.experiment.game
        if encoder.grows:
            return encoder.used(game, {"used": self.arrays["encoder.used"]})
        return np.full(len(self.steps), encoder.rows(game))

    def tables(self, agent=0):
        """Give all that the learner of one agent has learned.

        Parameters
        ----------
        agent : int
            0 to N - 1.

        Returns
        -------
        dict of str to ndarray
            Views, by name, such as ``q`` and ``visits``; rows up to the most that any run uses. The first axis is the
            run. What they hold is said by the learner's docstring.
        """
        e = self.experiment
        agent = integer("agent", agent, 0, e.game.agents - 1)
        prefix, one, _ = e.resolved.part(agent)
        start, used = f"learner.{prefix}", int(self.used.max())
        return {name[len(start):]: array[:, :used] if name[len(start):] in one.by_row else array
                for name, array in self.arrays.items() if name.startswith(start)}

    def _only(self, name):
        parts = self.experiment.resolved.parts
        if len(parts) > 1:
            raise ValueError(f"{name}: this team has {len(parts)} learners; look at result.tables(agent)[{name!r}]")
        tables = self.tables()
        if name not in tables:
            raise ValueError(f"{name}: learner {parts[0][1].name!r} has none; look at result.tables(), which has "
                             f"{', '.join(sorted(tables))}")
        return tables[name]

    @property
    def q(self):
        """Action values: float64 [R, rows, T, A], a view; rows up to the most that any run uses."""
        return self._only("q")

    @property
    def visits(self):
        """How often each row of each table was updated (up to 2**31 - 1): int32 [R, rows, T], a view."""
        return self._only("visits")

    @property
    def rows(self):
        """Which observation each row stands for: list of R arrays float64 [rows, D].

        Rounded observations in the order in which they were first seen, or the centres of a grid's cells.
        """
        e = self.experiment
        encoder = {name.partition(".")[2]: a for name, a in self.arrays.items() if name.startswith("encoder.")}
        if not e.encoder.grows:
            return [e.encoder.centres(e.game, encoder, 0)] * len(self.steps)
        return [e.encoder.centres(e.game, encoder, r) for r in range(len(self.steps))]

    def policy(self, run=0, agent=None, kind="policy", seed=0):
        """Give what one run's team has learned, as it plays, or one agent of it.

        Parameters
        ----------
        run : int
            0 to R - 1.
        agent : int, optional
            0 to N - 1: of this agent alone, which takes what it observes, float64 [D], and gives its action.
        kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
            What is played when nobody explores (of Boltzmann's exploration: at its last temperature); as it is explored
            now; the likeliest actions alone; or on average over training, which some learners keep.
        seed : int
            Of its draws, where it is mixed.

        Returns
        -------
        Policy, or AgentPolicy
            To be called with observations.
        """
        policy = Policy.of_result(self, run, kind, seed)
        return policy if agent is None else policy.agent(agent)

    # -- in short -------------------------------------------------------------------------------

    def first_return(self, share=0.1, agents=None):
        """Average the team return of the first episodes, over runs that did not fail.

        Parameters
        ----------
        share : float
            Which part of each run's recorded episodes, in (0, 1].
        agents : sequence of int, optional
            Mean over these. Default: all.

        Returns
        -------
        float
            NaN where no episode was recorded.
        """
        return self._tenth(share, agents, first=True)

    def last_return(self, share=0.1, agents=None):
        """Average the team return of the last episodes, over runs that did not fail.

        Parameters
        ----------
        share : float
            Which part of each run's recorded episodes, in (0, 1].
        agents : sequence of int, optional
            Mean over these. Default: all.

        Returns
        -------
        float
            NaN where no episode was recorded.
        """
        return self._tenth(share, agents, first=False)

    def _tenth(self, share, agents, first):
        per_run, own = [], self.returns if agents is None else self.returns[:, :, agents]
        for returns in own.mean(axis=2)[~self.left_out]:
            returns = returns[~np.isnan(returns)]
            n = max(1, int(round(len(returns) * share)))
            if len(returns):
                per_run.append((returns[:n] if first else returns[-n:]).mean())
        return float(np.mean(per_run)) if per_run else float("nan")

    def summary(self):
        """Say in a few lines what came of the training.

        Returns
        -------
        str
            Lines of text.
        """
        e = self.experiment
        steps = int(self.steps.sum())
        reasons = self.stop_reason
        counts = ", ".join(f"{reason} ({reasons.count(reason)})" for reason in dict.fromkeys(reasons))
        rate = steps * e.game.agents / self.seconds if self.seconds else float("nan")
        lines = [
            f"{e.game.name}: {e.game.agents} agents, {e.learner.name}, {len(self.steps)} runs, {e.seed_text()}",
            f"steps {steps:,}, episodes {int(self.episodes.sum()):,}; stopped by: {counts}",
            f"table rows in use: {int(self.used.min()):,} to {int(self.used.max()):,}",
        ]
        if e.central is None and e.resolved.central is not None:
            used = self.arrays["central.used"]
            lines.append(f"whole state: {e.resolved.central[1].words}, numbered as it was first seen (no central= was "
                         f"given); {int(used.min()):,} to {int(used.max()):,} rows in use")
        if self.team_returns.size:
            over = f" (over {(~self.left_out).sum()} of {len(self.failed)} runs; {self.why_left_out()})" if (
                self.left_out.any()) else ""
            sides = self.sides
            lines += [f"{name} return: first tenth {self.first_return(agents=who):.2f}, last tenth "
                      f"{self.last_return(agents=who):.2f}{over}" for name, who in list(sides.items())[:_SHOWN]]
            lines += [f"... and {len(sides) - _SHOWN} more agents"] if len(sides) > _SHOWN else []
        lines += [f"{m.label}: {m.mean:.4g}" for m in self.measures().values() if not np.isnan(m.mean)]
        by = f" by {self.loop}" if self.loop else ""
        lines.append(f"{self.seconds:.2f} s{by}, {rate:,.0f} agent-steps/s")
        return "\n".join(lines)

    def plot(self, ax=None, **options):
        """Draw a learning curve: team return per episode, over runs. Needs ``marlfast[plot]``.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw. Default: a new figure.
        **options
            Of :func:`marlfast.plotting.learning_curve`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it is drawn.
        """
        from marlfast.plotting import learning_curve

        return learning_curve(self, ax, **options)

    def save(self, path):
        """Write to one ``.npz`` file, all or nothing: see :func:`marlfast.load`.

        Parameters
        ----------
        path : str or path-like
            The file; one that is there is replaced.
        """
        from marlfast.files import save

        save(self, path)


def _listed(runs):
    """Numbers of runs, the first eight of them."""
    return ", ".join(map(str, runs[:8])) + (f" and {len(runs) - 8} more" if len(runs) > 8 else "")
