"""Training shown live, or kept, by TensorBoard, Weights & Biases or MLflow.

Each tracker is a ``callback`` of :func:`marlfast.train`: it is called between blocks of steps, never in them, and
writes at most once in ``interval_seconds``, and when all runs have stopped. All of them write the same numbers:

========================== =========================================================================================
``team_return``            mean over the episodes that ended since it last wrote, of all runs (left out where none did);
                           where agents play against each other ``agent_0_return`` or ``team_0_return`` and so on
``steps``, ``episodes``    of all runs together
``runs_stopped``           how many have ended
``learning_rate``, ...     each schedule of the learner, by the name of its option; mean over the runs still training
``epsilon``, ...           exploration, likewise (``temperature`` of Boltzmann)
``agent_steps_per_second`` since it last wrote
========================== =========================================================================================

The x axis is the number of steps of the run that is furthest. With several learners, their numbers stand before the
names: ``0/epsilon``.
"""
import json
import time

import numpy as np

from marlfast.errors import extra, real
from marlfast.renamed import argument
from marlfast.result import sides_of

__all__ = ["MLflow", "TensorBoard", "Tracker", "WandB"]


class Tracker:
    """Base of trackers: ``start``, ``write`` and ``stop`` are what a new one provides.

    Parameters
    ----------
    interval_seconds : float
        Seconds between two writings at least; 0: after each block.

    See Also
    --------
    marlfast.train : Takes it as ``callback``.
    TensorBoard, WandB, MLflow : Those there are.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.trackers import Tracker
    >>> class Printed(Tracker):
    ...     def start(self, experiment):
    ...         print(experiment.game.name)
    ...     def write(self, step, values):
    ...         pass
    ...     def stop(self):
    ...         print("over")
    >>> with Printed() as log:
    ...     _ = mf.train(mf.games.Climbing(), mf.IQL(), episodes=10, seed=0, callback=log)
    climbing
    over
    """

    def __init__(self, interval_seconds=1.0):
        self.interval_seconds = real("interval_seconds", interval_seconds, 0.0)
        self._session = None

    def __call__(self, session):
        now = time.perf_counter()
        if session is not self._session:
            if self._session is None:
                self.start(session.experiment)
            self._session, self._written = session, now
            self._episodes = session.episodes_before.copy()
            self._steps = None
        elif now - self._written < self.interval_seconds and session.running().any():
            return
        self.write(int(session.arrays["steps"].max()), self._values(session, now))
        self._written = now

    def _values(self, session, now):
        arrays, experiment, running = session.arrays, session.experiment, session.running()
        values = {"steps": int(arrays["steps"].sum()), "episodes": int(arrays["episodes"].sum()),
                  "runs_stopped": int((~running).sum())}
        record_every, done = experiment.record_every, arrays["episodes"].copy()
        if record_every:
            first, last = self._episodes // record_every, done // record_every
            entry = np.arange(int(first.min()), int(last.max()))
            new = (entry >= first[:, None]) & (entry < last[:, None])
            if new.any():
                for name, who in sides_of(experiment.game, teams=experiment.teams).items():
                    own = arrays["returns"][:, entry][:, :, who].mean(axis=2)
                    values[f"{name.replace(' ', '_')}_return"] = float(own[new].mean())
        self._episodes = done
        counted = running if running.any() else np.ones_like(running)
        for prefix, one, _ in experiment.learner.parts(session.context):
            place = prefix.replace(".", "/")
            for name in one.bounds():
                value = arrays[f"learner.{prefix}{name}.value"][counted].mean()
                values[place + _name(name, one)] = float(value)
        if self._steps is not None and now > self._written:
            steps = (values["steps"] - self._steps) * experiment.game.agents
            values["agent_steps_per_second"] = steps / (now - self._written)
        self._steps = values["steps"]
        return values

    def start(self, experiment):
        """Begin; called once, before the first numbers.

        Parameters
        ----------
        experiment : Experiment
            That is trained.
        """

    def write(self, step, values):
        """Take down numbers.

        Parameters
        ----------
        step : int
            Steps of the run that is furthest.
        values : dict of str to float or int
            By name.
        """
        raise NotImplementedError

    def stop(self):
        """End; called once."""

    def close(self):
        """Say that no more will come."""
        if self._session is not None:
            self._session = None
            self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _name(name, learner):
    """How the numbers of a schedule are called: by the learner's option, after the part of it that has them."""
    *parts, last = name.split(".")
    return "/".join([*parts, getattr(learner, "rates", {}).get(last, last)])


class TensorBoard(Tracker):
    """Event files for TensorBoard; needs neither TensorFlow nor PyTorch.

    Parameters
    ----------
    folder : str or path-like
        Of this training; show it with ``tensorboard --logdir`` of the folder above.
    interval_seconds : float
        Seconds between two writings at least, see :class:`Tracker`.

    See Also
    --------
    Tracker : The base of trackers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.trackers import TensorBoard
    >>> with TensorBoard("logs/climbing") as log:                               # doctest: +SKIP
    ...     run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=100, callback=log)
    """

    def __init__(self, folder, interval_seconds=1.0):
        super().__init__(interval_seconds)
        needs = "tensorboard", "TensorBoard"
        files = extra("tensorboard.summary.writer.event_file_writer", *needs)
        self._event = extra("tensorboard.compat.proto.event_pb2", *needs).Event
        self._summary = extra("tensorboard.compat.proto.summary_pb2", *needs).Summary
        self._text = extra("tensorboard.plugins.text.metadata", *needs)
        self._tensor = extra("tensorboard.util.tensor_util", *needs).make_tensor_proto
        self.folder = str(folder)
        self._make = files.EventFileWriter
        self._file = None

    def start(self, experiment):
        self._file = self._make(self.folder)
        value = self._summary.Value(tag="experiment", metadata=self._text.create_summary_metadata("experiment", None))
        value.tensor.CopyFrom(self._tensor([f"    {line}" for line in _lines(experiment)], dtype="string"))
        self._add(0, [value])

    def write(self, step, values):
        self._add(step, [self._summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        self._file.flush()

    def _add(self, step, values):
        self._file.add_event(self._event(wall_time=time.time(), step=step, summary=self._summary(value=values)))

    def stop(self):
        self._file.close()


class WandB(Tracker):
    """A run of Weights & Biases, kept on this machine unless told otherwise.

    Parameters
    ----------
    interval_seconds : float
        See :class:`Tracker`.
    mode : {"offline", "online"}
        ``wandb sync`` sends what was kept offline.
    **options
        Of ``wandb.init``, such as ``project``, ``name``, ``dir``.

    See Also
    --------
    Tracker : The base of trackers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.trackers import WandB
    >>> with WandB(project="climbing") as log:                                  # doctest: +SKIP
    ...     run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=100, callback=log)
    """

    def __init__(self, interval_seconds=1.0, mode="offline", **options):
        super().__init__(interval_seconds)
        self._library = extra("wandb", "wandb", "Weights & Biases")
        self._options = {"project": "marlfast", "mode": mode, **options}
        self.run = None

    def start(self, experiment):
        self.run = self._library.init(config=experiment.options(), **self._options)

    def write(self, step, values):
        self.run.log(values, step=step, commit=True)      # else they wait for the next step

    def stop(self):
        self.run.finish()


class MLflow(Tracker):
    """A run of MLflow.

    Parameters
    ----------
    uri : str, optional
        Where MLflow keeps its runs, such as ``"sqlite:///mlflow.db"``. Default: as MLflow is set up.
    experiment : str
        Name of MLflow's experiment; it is made where there is none.
    name : str, optional
        Of the run.
    interval_seconds : float
        See :class:`Tracker`.

    See Also
    --------
    Tracker : The base of trackers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.trackers import MLflow
    >>> with MLflow("sqlite:///mlflow.db", name="climbing") as log:             # doctest: +SKIP
    ...     run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=100, callback=log)
    """

    def __init__(self, uri=None, experiment="marlfast", name=None, interval_seconds=1.0):
        super().__init__(interval_seconds)
        self._library = extra("mlflow", "mlflow", "MLflow")
        self.uri, self.experiment, self.name = uri, str(experiment), name
        self.run = None

    def start(self, experiment):
        entities = extra("mlflow.entities", "mlflow", "MLflow")
        self._metric = entities.Metric
        self._client = self._library.MlflowClient(tracking_uri=self.uri)
        found = self._client.get_experiment_by_name(self.experiment)
        number = found.experiment_id if found else self._client.create_experiment(self.experiment)
        self.run = self._client.create_run(number, run_name=self.name).info.run_id
        parameters = [entities.Param(key, json.dumps(value, default=str)[:500] if not isinstance(value, str)
                                     else value[:500]) for key, value in experiment.options().items()]
        for first in range(0, len(parameters), 100):        # its greatest number at a time
            self._client.log_batch(self.run, params=parameters[first:first + 100])

    def write(self, step, values):
        now = int(time.time() * 1000)
        self._client.log_batch(self.run, [self._metric(key, value, now, step) for key, value in values.items()])

    def stop(self):
        self._client.set_terminated(self.run)


def _lines(experiment):
    return [f"{key} = {json.dumps(value, default=str)}" for key, value in experiment.options().items()]


for _tracker in (Tracker, TensorBoard, WandB, MLflow):
    argument(_tracker, "every", "interval_seconds")
