"""What tuning gives."""
import numpy as np

from marlfast.errors import shown
from marlfast.sweeps.points import column
from marlfast.tables import Tables

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


class Tuned(Tables):
    """The outcome of tuning.

    Attributes
    ----------
    study : optuna.Study
        Optuna's own, for its pictures and the like.
    names : list of str
        What was looked for.
    best : dict of str to object, or None
        The best trial's values by name; None where tuning was interrupted before any was complete.
    experiment : Experiment
        With these values, on the seeds of the report.
    report : Result, or None
        Of training it there; None where no report was asked for, or tuning was interrupted.
    scores : float64 [R], or None
        What each run of the report is worth, as trials were measured.
    seeds, report_seeds : tuple of int
        Of tuning, and of the report; none is of both.
    interrupted : bool
        Whether Ctrl-C ended it. Trials that were not complete are given up; the same call goes on where there is a
        storage.

    See Also
    --------
    tune : Makes it.
    """

    def __init__(self, study, names, best, experiment, report, scores, seeds, report_seeds, interrupted):
        self.study, self.names, self.best, self.experiment = study, names, best, experiment
        self.report, self.scores, self.seeds, self.report_seeds = report, scores, seeds, report_seeds
        self.interrupted = interrupted

    @property
    def value(self):
        """The best trial's own value, which is too good an estimate, as the best of many; None where there is none."""
        return None if self.best is None else self.study.best_value

    def table(self):
        """A row for each trial, in the order in which they were asked for.

        Returns
        -------
        dict of str to ndarray
            ``trial``, ``state`` (complete, pruned or failed), ``value`` (at the last checkpoint it came to; NaN where
            it failed), ``checkpoint`` (which that was), and what was tried, by name.
        """
        trials = [trial for trial in self.study.get_trials(deepcopy=False) if "given_up" not in trial.user_attrs]
        values = [trial.value if trial.value is not None else list(trial.intermediate_values.values())[-1]
                  if trial.state.name == "PRUNED" else np.nan for trial in trials]
        found = {"trial": np.array([trial.number for trial in trials], np.int64),
                 "state": np.array([STATES[trial.state.name] for trial in trials]),
                 "value": np.array(values, np.float64),
                 "checkpoint": np.array([trial.user_attrs.get("checkpoint", 0) for trial in trials], np.int64)}
        return found | {name: column([trial.params[name] for trial in trials]) for name in self.names}

    def summary(self):
        """Say what was found, in a few lines.

        Returns
        -------
        str
            The trials, the best values, and the report.
        """
        states = self.table()["state"].tolist()
        counted = ", ".join(f"{states.count(state)} {state}" for state in ("complete", "pruned", "failed")
                            if state in states)
        lines = [f"{len(states)} trials on {len(self.seeds)} seeds each: {counted}"]
        if self.best is not None:
            values = ", ".join(f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={shown(value)}"
                               for name, value in self.best.items())
            lines.append(f"best: {values}, worth {self.value:.4g} on the seeds it was chosen by")
        if self.report is not None:
            good = self.scores[np.isfinite(self.scores)]
            error = f" (standard error {good.std(ddof=1) / len(good)**0.5:.2g})" if len(good) > 1 else ""
            failed = f"; {len(self.scores) - len(good)} failed" if len(good) < len(self.scores) else ""
            mean = good.mean() if len(good) else np.nan
            lines.append(f"report: {mean:.4g}{error} on {len(self.scores)} other seeds{failed}")
        return "\n".join([*lines, *(["interrupted"] if self.interrupted else [])])

    def __repr__(self):
        return f"<Tuned: {len(self.table()['trial'])} trials, best {self.best}>"
