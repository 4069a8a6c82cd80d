"""Trackers write the numbers that training has, and the real libraries read them back."""
import sys

import numpy as np
import pytest

import marlfast as mf
from marlfast.adapters.trackers import MLflow, TensorBoard, Tracker, WandB


class Lists(Tracker):
    """Keeps what is written."""

    def __init__(self, interval_seconds=0.0):
        super().__init__(interval_seconds)
        self.begun, self.rows, self.ended = [], [], 0

    def start(self, experiment):
        self.begun.append(experiment)

    def write(self, step, values):
        self.rows.append((step, values))

    def stop(self):
        self.ended += 1


def train(callback, **changes):
    values = {"game": mf.games.Drift(agents=2, horizon=5), "encoder": mf.Rounding(0), "episodes": 20, "runs": 3,
              "learner": mf.IQL(0.25, explore=mf.EpsilonGreedy(0.5, decay=0.9, per="episode")), "seed": 4, "block": 7}
    return mf.train(**{**values, **changes}, callback=callback)


def series(rows, name):
    return [values[name] for _, values in rows if name in values]


# -- what is written ------------------------------------------------------------------------------


def test_numbers_are_those_of_training():
    with Lists() as log:
        run = train(log)
    steps = [step for step, _ in log.rows]
    assert steps == [*range(7, 100, 7), 100]                    # a block of 7 steps each; 20 episodes of 5
    assert series(log.rows, "steps") == [3 * step for step in steps]
    assert series(log.rows, "episodes") == [3 * (step // 5) for step in steps]
    assert series(log.rows, "runs_stopped") == [0] * (len(steps) - 1) + [3]
    edges = [0, *(step // 5 for step in steps)]
    expected = [run.team_returns[:, a:b].mean() for a, b in zip(edges, edges[1:], strict=False) if b > a]
    np.testing.assert_allclose(series(log.rows, "team_return"), expected, rtol=1e-12)
    assert series(log.rows, "learning_rate") == [0.25] * len(steps)
    assert series(log.rows, "epsilon")[-1] == pytest.approx(0.5 * 0.9**20)
    assert all(speed > 0 for speed in series(log.rows, "agent_steps_per_second"))
    assert (len(log.begun), log.ended) == (1, 1)


def test_every_episode_counts_once_where_runs_differ_in_length():
    log = Lists()
    run = train(log, episodes=100, stop=mf.ReturnReached(-1.5, window=3), runs=5)
    assert len(set(run.episodes.tolist())) > 1
    done = np.diff([0, *series(log.rows, "episodes")])
    weights = done[done > 0]
    assert np.average(series(log.rows, "team_return"), weights=weights) == pytest.approx(np.nanmean(run.team_returns))


def test_resumed_training_tells_only_of_what_is_new():
    first = train(None)
    with Lists() as log:
        run = train(log, game=None, learner=None, encoder=None, runs=None, seed=None, resume=first, episodes=10)
    assert log.rows[0][0] == 107
    new = [values for _, values in log.rows if "team_return" in values]
    assert new[0]["team_return"] == pytest.approx(run.team_returns[:, 20:21].mean())


def test_one_tracker_for_two_trainings():
    with Lists() as log:
        train(log)
        before = len(log.rows)
        run = train(log, seed=5)
    assert len(log.begun) == 1
    assert log.rows[before][1]["team_return"] == pytest.approx(run.team_returns[:, :1].mean())


@pytest.mark.parametrize("record_every", [2, 0])
def test_means_of_several_episodes_and_no_records(record_every):
    log = Lists()
    run = train(log, record_every=record_every)
    returns = series(log.rows, "team_return")
    assert len(returns) == (10 if record_every else 0)
    if record_every:
        np.testing.assert_allclose(returns, run.team_returns.mean(axis=0), rtol=1e-12)


def test_it_does_not_write_more_often_than_asked():
    log = Lists(interval_seconds=1000.0)
    train(log)
    assert [step for step, _ in log.rows] == [7, 100]           # the first block, and the end


def test_several_learners_and_temperatures():
    log = Lists()
    train(log, learner=None, learners=[mf.IQL(0.5, explore=mf.EpsilonGreedy(0.1)), mf.IQL(explore=mf.Boltzmann(2.0))])
    last = log.rows[-1][1]
    assert (last["0/learning_rate"], last["0/epsilon"], last["1/temperature"]) == pytest.approx((0.5, 0.1, 2.0))
    log = Lists()
    train(log, learner=mf.learners.WoLFPHC())
    assert {"learning_rate", "epsilon"} < set(log.rows[-1][1])


def test_tracking_changes_no_number():
    assert train(Lists()).returns.tobytes() == train(None).returns.tobytes()


def test_a_tracker_without_training_closes_quietly():
    with Lists() as log:
        pass
    assert log.ended == 0


# -- the libraries --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with TensorBoard(tmp_path / "logs", interval_seconds=0) as log:
        run = train(log)
    read = EventAccumulator(str(tmp_path / "logs"))
    read.Reload()
    steps = [event.step for event in read.Scalars("steps")]
    assert steps == [*range(7, 100, 7), 100]
    assert [event.value for event in read.Scalars("runs_stopped")][-1] == 3.0
    assert read.Scalars("team_return")[0].value == pytest.approx(run.team_returns[:, :1].mean(), rel=1e-6)
    (text,) = read.Tensors("experiment")
    assert any(b"game.agents = 2" in line for line in text.tensor_proto.string_val)


@pytest.mark.filterwarnings("ignore")
def test_wandb(tmp_path, monkeypatch):
    library = pytest.importorskip("wandb")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    settings = library.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True)
    with WandB(interval_seconds=0, dir=str(tmp_path), settings=settings, name="small") as log:
        run = train(log)
        summary = dict(log.run.summary)
        assert log.run.config["game.agents"] == 2
    assert summary["team_return"] == pytest.approx(run.team_returns[:, -1].mean())
    assert (summary["runs_stopped"], summary["_step"]) == (3, 100)
    (kept,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert kept.is_file()           # its service goes on writing for a moment


@pytest.mark.filterwarnings("ignore")
def test_mlflow(tmp_path, monkeypatch):
    library = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "runs").as_uri()       # plain files: a database takes seconds to make
    with MLflow(uri, experiment="small", interval_seconds=0) as log:
        run = train(log)
    client = library.MlflowClient(tracking_uri=uri)
    found = client.get_run(log.run)
    assert found.info.status == "FINISHED"
    assert found.data.params["game.agents"] == "2" and found.data.params["learner.learning_rate"] == "0.25"
    history = client.get_metric_history(log.run, "team_return")
    assert history[0].value == pytest.approx(run.team_returns[:, :1].mean()) and history[-1].step == 100


@pytest.mark.parametrize(("module", "make", "extra"), [
    ("tensorboard.summary.writer.event_file_writer", lambda: TensorBoard("x"), "tensorboard"),
    ("wandb", WandB, "wandb"), ("mlflow", MLflow, "mlflow")])
def test_without_the_library_it_says_what_to_install(module, make, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'marlfast\[{extra}\]'"):
        make()


def test_bad_input():
    with pytest.raises(ValueError, match="interval_seconds: expected at least 0"):
        Lists(-1.0)


# -- parameters -----------------------------------------------------------------------------------


def test_options_by_place():
    e = mf.Experiment(mf.games.Drift(agents=3), mf.IQL(explore=mf.EpsilonGreedy(0.1)), encoder=mf.Rounding(0),
                      episodes=5, shaping=mf.rewards.Diversity(0.3),
                      stop=[mf.Steps(5), mf.ReturnReached(1.0, window=4)])
    options = e.options()
    assert (options["game.name"], options["game.agents"], options["shaping.0.weight"]) == ("drift", 3, 0.3)
    assert (options["stop.1.window"], options["learner.explore.epsilon"], options["episodes"]) == (4, 0.1, 5)
    potential = mf.rewards.PotentialBased(lambda observation: observation[:, 0])
    told = e.replace(shaping=potential, encoder=mf.Grid(-5.0, 5.0, 4)).options()
    assert told["shaping"] and told["episodes"] == 5            # a function is in no file, and is no error here
