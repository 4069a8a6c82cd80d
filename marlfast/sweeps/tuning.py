"""Tuning: Optuna proposes trials, many at a time, and they are trained together."""
import json
import warnings

import numpy as np

from marlfast.backends import BACKENDS
from marlfast.errors import TrainingError, choice, extra, integer, shown, unknown
from marlfast.measures import columns, known
from marlfast.result import Result
from marlfast.session import Session
from marlfast.stop import FAILED
from marlfast.sweeps.order import Grid, Sample
from marlfast.sweeps.plan import Plan
from marlfast.sweeps.points import column, lists, plain
from marlfast.sweeps.run import base_of, seeds_of
from marlfast.sweeps.tuned import Tuned
from marlfast.sweeps.work import calls, summary
from marlfast.train import go_on, train

_SUCH_AS = {"sampler": "RandomSampler()", "pruner": "NopPruner()"}
BEGUN_WITH = "marlfast"         # what a study in a storage was begun with, among its attributes


def tune(experiment, learner=None, *, over, trials=100, batch=20, seeds=4, report_seeds=20, seed=None,
         objective=None, direction="maximize", checkpoints=4, sampler=None, pruner=None, storage=None,
         study="marlfast", threads=None, learners=None, encoder=None, central=None, teams=None, rewards=None,
         shaping=(), episodes=None, steps=None, stop=None, record_every=None, backend="cython"):
    """Look for the best values of some parameters, with Optuna, and train with them on seeds of their own.

    A batch of trials is asked for at once and trained together: trials that differ in what runs of one compiled call
    may differ in (see :func:`marlfast.sweep`) share a call, the others are grouped by what they have in common. At
    each checkpoint every trial has a value, the mean over its seeds, and those that Optuna's pruner finds hopeless are
    given up. Results depend neither on threads nor on how often the same call was made again. Needs
    ``marlfast[tune]``.

    Parameters
    ----------
    experiment : Experiment, Game, dict or str
        What all trials have in common; a game needs a ``learner``.
    learner : Learner, list of Learner, str or dict, optional
        Who learns, see :func:`marlfast.train`.
    over : dict of str to list or range
        What to look for, by name, as of :func:`marlfast.sweep`: values to choose from, or a range such as
        ``{"low": 0.001, "high": 1.0, "log": True}``.
    trials : int
        How many in all, those that a storage has already included.
    batch : int
        Trials asked for at once. The larger, the faster; the smaller, the more each knows of the others.
    seeds : int or sequence of int
        Of tuning: how many, counted from ``seed``, or which. Every trial has a run of each.
    report_seeds : int or sequence of int
        Of the report: how many, counted on from those of tuning, or which. None may be of both; 0: no report.
    seed : int, optional
        The first of the seeds, and that of the sampler. Default: the experiment's; where that has none, one from the
        system's entropy, or the one that the study in the storage was begun with.
    objective : callable or str, optional
        What a run is worth: a function of a :class:`Result` of R runs that gives R numbers, the name of one of the
        game's measures (:mod:`marlfast.measures`), or ``"return_0"`` and so on, one agent's return. Default: the mean
        team return of the last tenth of its episodes.
    direction : {"maximize", "minimize"}
        Which values are good.
    checkpoints : int
        Equal parts of each run's episodes (or steps); after each of them, trials may be pruned. 1: none is.
    sampler : optuna.samplers.BaseSampler, optional
        Who proposes. Default: ``TPESampler(constant_liar=True)``, seeded for each batch.
    pruner : optuna.pruners.BasePruner, optional
        Who gives up. Default: ``MedianPruner()``, which compares with trials of earlier batches.
    storage : str or optuna.storages.BaseStorage, optional
        Where Optuna keeps the trials, such as ``"sqlite:///tuning.db"``: the same call, made again, goes on after the
        last batch that was finished there. Default: memory. One process at a time may tune a study.
    study : str
        Its name in the storage.
    threads : int, optional
        Default: as many as there are processors.
    learners : Each or list of Learner, optional
        Several of them, see :func:`marlfast.train`.
    encoder, central : Encoder, optional
        Of observations, and of the whole state.
    teams : sequence of sequence of int, optional
        Who plays with whom.
    rewards : Structure, optional
        How rewards are divided.
    shaping : Shaping or sequence of Shaping
        What is added to them while learning.
    episodes, steps : int, optional
        How long each run is; at least one of them.
    stop : stop rule, optional
        When a run ends earlier, see :mod:`marlfast.stop`.
    record_every : int, optional
        Episodes that a record stands for.
    backend : {"cython", "numpy"}
        Which kernels.

    Returns
    -------
    Tuned
        The best values, all trials, and the report.

    Raises
    ------
    ImportError
        Without Optuna.
    TrainingError
        Where no trial came to its end: in each a run failed.

    See Also
    --------
    marlfast.sweep : Tries all of a grid, or a random sample.

    Notes
    -----
    A trial in which a run fails (its values stop being finite) has failed: it has no value, and Optuna learns nothing
    from it. The best trial's own value is too good, as the best of many; the report's is not. All runs of a batch
    are in memory at once.

    References
    ----------
    T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: a next-generation hyperparameter optimization
    framework" (KDD 2019). Seeds of tuning and of reporting apart: A. Patterson, S. Neumann, M. White, A. White,
    "Empirical design in reinforcement learning" (JMLR 2024).

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import sweeps
    >>> tuned = sweeps.tune(mf.games.Climbing(horizon=1), mf.IQL(discount=0.0), episodes=300, seed=0, trials=8, batch=4,
    ...                     over={"learner.learning_rate": {"low": 0.01, "high": 1.0, "log": True}})
    >>> list(tuned.best), len(tuned.table()["trial"])
    (['learner.learning_rate'], 8)
    """
    optuna = extra("optuna", "tune", "tuning")
    if learners is not None and learner is not None:
        raise ValueError("learners: give either learner (for the whole team) or learners (one for each agent)")
    given = {"learner": learners if learner is None else learner, "encoder": encoder, "central": central,
             "teams": teams, "rewards": rewards, "shaping": shaping or None, "episodes": episodes, "steps": steps,
             "stop": stop, "record_every": record_every, "seed": seed}
    over = lists(over)
    if not over:
        raise ValueError("over: expected at least one parameter to look for, got none")
    base = base_of(experiment, {name: value for name, value in given.items() if value is not None}, over)
    if base.episodes is None and base.steps is None:
        raise ValueError("episodes: checkpoints are parts of each run's episodes or steps; give episodes= or steps=")
    trials, batch = integer("trials", trials, 1), integer("batch", batch, 1, 2**20)
    checkpoints = integer("checkpoints", checkpoints, 1, 10_000)
    how = {"threads": threads, "backend": choice("backend", backend, BACKENDS)}
    for name, value, kind in (("sampler", sampler, optuna.samplers.BaseSampler),
                              ("pruner", pruner, optuna.pruners.BasePruner)):
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name}: expected one of Optuna's, such as optuna.{name}s.{_SUCH_AS[name]}, got "
                            f"{shown(value)}")
    with _quiet(optuna):
        found = _study(optuna, storage, study, choice("direction", direction, ("maximize", "minimize")), pruner)
        if base.seed_drawn:
            base = base.replace(seed=found.user_attrs.get(BEGUN_WITH, {}).get("seed", base.seed))
        seeds, report_seeds = _both_seeds(seeds, report_seeds, base)
        search = _Search(optuna, found, base, over, seeds, _worth(objective, base), checkpoints, how)
        search.begin(objective)
        interrupted = False
        while not interrupted and search.done < trials:
            interrupted = search.batch(min(batch, trials - search.done), sampler)
        best = search.best(allow_none=interrupted)
    experiment = base if best is None else search.experiment(best, report_seeds or seeds)
    report = None
    if best is not None and report_seeds and not interrupted:
        report = train(experiment, threads=threads, backend=backend)
    scores = None if report is None else search.worth(report)
    return Tuned(found, list(over), best, experiment, report, scores, tuple(seeds), tuple(report_seeds), interrupted)


class _Search:
    """A study of Optuna's, and how its trials are trained.

    ``worth`` says of a result what each run is worth: float64 [R].
    """

    def __init__(self, optuna, study, base, over, seeds, worth, checkpoints, how):
        self.optuna, self.study, self.base, self.over = optuna, study, base, over
        self.seeds, self.worth, self.checkpoints, self.how = seeds, worth, checkpoints, how
        self.plain_base = base.replace(runs=1, seed=0, first_run=0)
        corners = {name: [given["low"], given["high"]] if isinstance(given, dict) else given
                   for name, given in over.items()}
        Plan(self.plain_base, corners, Grid([len(values) for values in corners.values()]), seeds).check()

    @property
    def done(self):
        """Trials that have come to an end of their own."""
        return sum(trial.state.is_finished() and "given_up" not in trial.user_attrs
                   for trial in self.study.get_trials(deepcopy=False))

    def begin(self, objective):
        """Write down what the study is of, or compare; trials that were under way when it was killed are given up."""
        experiment = {name: value for name, value in self.base.to_dict().items()
                      if name not in ("seed", "runs", "marlfast")}
        ours = {"experiment": experiment, "over": {name: plain(given) for name, given in self.over.items()},
                "seed": int(self.seeds[0]), "seeds": [int(s) for s in self.seeds], "checkpoints": self.checkpoints,
                "objective": objective if objective is None or isinstance(objective, str) else
                getattr(objective, "__qualname__", type(objective).__qualname__)}
        ours = json.loads(json.dumps(ours))
        theirs = self.study.user_attrs.get(BEGUN_WITH)
        if theirs is None and self.study.get_trials(deepcopy=False):
            raise ValueError(f"study: {self.study.study_name!r} has trials that were not asked for here; give another "
                             "name")
        for key in ours if theirs else ():
            if theirs.get(key) != ours[key]:
                raise ValueError(f"study: {self.study.study_name!r} was begun with another {key}; give another name, "
                                 "or the same call")
        if theirs is None:
            self.study.set_user_attr(BEGUN_WITH, ours)
        for trial in self.study.get_trials(deepcopy=False, states=(self.optuna.trial.TrialState.RUNNING,)):
            self._give_up(self.optuna.trial.Trial(self.study, trial._trial_id))

    def _give_up(self, trial):
        trial.set_user_attr("given_up", True)
        self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)

    def batch(self, count, sampler):
        """Ask for some trials, train them, and tell; whether that was interrupted."""
        # Seeded anew, so that who goes on is proposed what they would have been who were not killed.
        self.study.sampler = sampler or self.optuna.samplers.TPESampler(
            seed=(int(self.seeds[0]) * 1_000_003 + self.done) % 2**32, constant_liar=True)
        trials = [self.study.ask() for _ in range(count)]
        points = [{name: _suggest(trial, name, given) for name, given in self.over.items()} for trial in trials]
        groups = self._groups(points)
        values, states = np.full(count, np.nan), [self.optuna.trial.TrialState.COMPLETE] * count
        ended = np.zeros(count, bool)
        for k in range(1, self.checkpoints + 1):
            for group in groups:
                if group.train(k / self.checkpoints, ended, **self.how):
                    for trial in trials:
                        self._give_up(trial)
                    return True
            values[~ended] = self._values(groups, count)[~ended]
            self._look(k, trials, values, states, ended)
        # All at once, so that hardly ever a part of a batch is told.
        for trial, value, state in zip(trials, values.tolist(), states, strict=True):
            self.study.tell(trial, value if state.name == "COMPLETE" else None, state=state)
        return False

    def _look(self, k, trials, values, states, ended):
        """At checkpoint k: report what trials are worth, and end those that failed or are pruned."""
        going = np.flatnonzero(~ended).tolist()
        for t in going:
            trials[t].set_user_attr("checkpoint", k)
            if np.isfinite(values[t]):
                trials[t].report(float(values[t]), k)
        for t in going:
            if not np.isfinite(values[t]):
                states[t], ended[t] = self.optuna.trial.TrialState.FAIL, True
            elif k < self.checkpoints and trials[t].should_prune():
                states[t], ended[t] = self.optuna.trial.TrialState.PRUNED, True

    def _groups(self, points):
        """Runs of some trials, in as few compiled calls as may be."""
        places = {name: {} for name in self.over}
        index = [[places[name].setdefault(_key(value), len(places[name])) for name, value in point.items()]
                 for point in points]
        values = {name: [None] * len(places[name]) for name in self.over}
        for row, point in zip(index, points, strict=True):
            for place, (name, value) in zip(row, point.items(), strict=True):
                values[name][place] = value
        plan = Plan(self.plain_base, values, Sample(np.array(index, np.int32)), self.seeds)
        task = plan.task(0, plan.total, {"backend": self.how["backend"]})
        return [_Group(experiment, some.points) for segment in task.segments
                for experiment, some in calls(task, segment)]

    def _values(self, groups, count):
        """The mean over seeds of what runs are worth, where none has failed: float64 [T]."""
        worth = np.zeros((count, len(self.seeds)))
        met = np.zeros(count, np.int64)
        for group in groups:
            for t, value in zip(group.trials.tolist(), group.worth(self.worth).tolist(), strict=True):
                worth[t, met[t]] = value
                met[t] += 1
        return worth.mean(axis=1)

    def best(self, allow_none=False):
        """Values by name of the best trial."""
        complete = self.study.get_trials(deepcopy=False, states=(self.optuna.trial.TrialState.COMPLETE,))
        if complete:
            trial = self.study.best_trial
            return {name: _chosen(trial.params[name], given) for name, given in self.over.items()}
        if allow_none:
            return None
        raise TrainingError(f"tune: none of {self.done} trials came to its end, as in each a run failed; "
                            "look for smaller learning rates, or give a learner that does not diverge")

    def experiment(self, best, seeds):
        """The experiment with the best values, of runs of other seeds."""
        plan = Plan(self.plain_base, {name: [value] for name, value in best.items()}, Grid([1] * len(best)), seeds)
        return plan.experiment_at(0).replace(runs=len(seeds), seed=list(seeds))


class _Group:
    """Runs of one compiled call, and which trial each is of."""

    def __init__(self, experiment, trials):
        self.whole, self.trials, self.session, self.arrays = experiment, np.asarray(trials), None, None

    def train(self, share, ended, threads, backend):
        """Go on to a share of what runs are to do, with those whose trials have not ended; whether interrupted."""
        part = {name: max(1, int(getattr(self.whole, name) * share + 1e-9)) for name in ("episodes", "steps")
                if getattr(self.whole, name) is not None}
        self.experiment = self.whole if share == 1 else self.whole.replace(**part)
        if self.arrays is not None:
            go_on(self.experiment, self.arrays, left_out=ended[self.trials])
        session = None
        while True:
            try:
                session = Session(self.experiment, self.arrays, backend)
                interrupted = session.work(threads)
                self.arrays = session.arrays
                return interrupted
            except TrainingError:
                # A run that fails stops, and the others go on; anything that is no run's is told.
                if session is None:
                    raise
                failed = set(np.flatnonzero(session.arrays["reason"] >= FAILED).tolist())
                if not failed - session.failed_before:
                    raise
                self.arrays = session.arrays

    def worth(self, worth):
        """Of each run; NaN where it has failed."""
        result = Result(self.experiment, self.arrays)
        return np.where(result.failed, np.nan, worth(result))


def _suggest(trial, name, given):
    if not isinstance(given, dict):
        return _chosen(trial.suggest_categorical(name, _words(given)), given)
    suggest = trial.suggest_int if given["whole"] else trial.suggest_float
    return suggest(name, given["low"], given["high"], log=given["log"])


def _words(values):
    """Values as Optuna can keep them: as they are, or in words."""
    simple = all(value is None or isinstance(value, (bool, int, float, str)) for value in values)
    return values if simple and len(set(values)) == len(values) else column(values).tolist()


def _chosen(word, given):
    return word if isinstance(given, dict) else given[_words(given).index(word)]


def _key(value):
    return type(value).__name__, value if isinstance(value, (bool, int, float, str)) else json.dumps(plain(value))


def _worth(objective, base):
    """What is asked of a result: a function of it that gives float64 [R]."""
    if objective is None:
        if not base.game.ends:
            asked = f" or one of {', '.join(known(base.game))}" if known(base.game) else ""
            raise ValueError(f"objective: episodes of game {base.game.name!r} never end, so that there is no return; "
                             f"give a function of a result{asked}")
        if not base.record_every:
            raise ValueError("objective: returns are not recorded; give record_every=1, or a function of a result")
        if base.game.setting == "competitive":
            raise ValueError(f"objective: what the agents of game {base.game.name!r} earn adds up to 0, so that their "
                             "mean says nothing; give 'return_0', that of agent 0, or a function of a result")
        return lambda result: summary(result, 1)["returns"].mean(axis=1)
    if isinstance(objective, str):
        own = {f"return_{i}": i for i in range(base.game.agents)}
        if objective in own:
            return lambda result: summary(result, 1)["returns"][:, own[objective]]
        if objective not in known(base.game):
            what = f"measure of game {base.game.name!r}"
            raise ValueError(f"objective: {unknown(what, objective, known(base.game))}")
        return lambda result: columns(result)[objective]
    if not callable(objective):
        raise TypeError(f"objective: expected a function of a result, or the name of a measure, got {shown(objective)}")

    def asked(result):
        values = np.asarray(objective(result))
        if values.shape != result.steps.shape or values.dtype.kind not in "biuf":
            raise ValueError(f"objective: expected one number per run, shape {result.steps.shape}, got "
                             f"{values.dtype.name} {values.shape}")
        return values.astype(np.float64)

    return asked


def _both_seeds(seeds, report_seeds, base):
    """Seeds of tuning and of the report: two lists of which none has one of the other's."""
    tuning = list(seeds_of(seeds, base))
    if isinstance(report_seeds, (list, tuple, range, np.ndarray)):
        report = list(seeds_of(report_seeds, base, "report_seeds")) if len(report_seeds) else []
    else:
        count, first = integer("report_seeds", report_seeds, 0, 2**31 - 1), max(tuning) + 1
        report = list(range(first, first + count))
    both = sorted(set(tuning) & set(report))
    if both:
        raise ValueError(f"report_seeds: {both[0]} is one of the seeds of tuning, on which the best trial is too good; "
                         "give others")
    return tuning, report


def _study(optuna, storage, name, direction, pruner):
    """The study of that name, made where there is none."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"study: expected a name, got {shown(name)}")
    if isinstance(storage, str) and "://" not in storage:
        raise ValueError(f"storage: expected where Optuna keeps trials, such as 'sqlite:///tuning.db', got "
                         f"{shown(storage)}")
    if storage is not None and not isinstance(storage, (str, optuna.storages.BaseStorage)):
        raise TypeError(f"storage: expected text such as 'sqlite:///tuning.db', or a storage of Optuna's, got "
                        f"{shown(storage)}")
    try:
        study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True,
                                    pruner=pruner)
    except Exception as error:
        raise ValueError(f"storage: {shown(storage)} cannot be used: {error}") from error
    if study.direction.name.lower() != direction:
        raise ValueError(f"direction: study {name!r} was begun to {study.direction.name.lower()}; give that, or the "
                         "study another name")
    return study


class _quiet:
    """Without what Optuna tells of each trial, and of what it calls experimental."""

    def __init__(self, optuna):
        self.optuna = optuna

    def __enter__(self):
        self.before = self.optuna.logging.get_verbosity()
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.caught = warnings.catch_warnings()
        self.caught.__enter__()
        warnings.simplefilter("ignore", self.optuna.exceptions.ExperimentalWarning)

    def __exit__(self, *error):
        self.caught.__exit__(*error)
        self.optuna.logging.set_verbosity(self.before)
