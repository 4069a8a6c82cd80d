"""marlfast: teams of agents that learn together, trained on a CPU at the speed of C."""
from marlfast import draws, games, initial, learners, renamed, rewards, schedules, stop  # noqa: F401 - old names
from marlfast.encoders import AgentIndex, Grid, History, Rounding, Tiles
from marlfast.env import Env
from marlfast.errors import FileError, MarlfastWarning, TrainingError
from marlfast.evaluate import Evaluation, evaluate
from marlfast.experiment import Experiment
from marlfast.exploration import Boltzmann, EpsilonGreedy
from marlfast.learners import IQL
from marlfast.load import load
from marlfast.policy import Policy, RandomPolicy
from marlfast.replay import replay
from marlfast.result import Result
from marlfast.stop import Episodes, GreedyStable, ReturnReached, Steps
from marlfast.table_policy import TablePolicy
from marlfast.team import Team
from marlfast.train import train

__version__ = "0.2.0"

# Public names by the file that has them.
_LATE = {"Comparison": "comparison", "League": "league", "Sweep": "sweeps", "analysis": "analysis",
         "compare": "comparison", "plotting": "plotting", "report": "reports", "solvers": "solvers",
         "statistics": "statistics",
         "sweep": "sweeps", "sweeps": "sweeps"}


def __getattr__(name):
    if name in _LATE:               # imported when first asked for
        import importlib

        module = importlib.import_module(f"marlfast.{_LATE[name]}")
        return module if name == _LATE[name] else getattr(module, name)
    raise AttributeError(f"marlfast has no {name!r}; see marlfast.games, marlfast.learners, marlfast.rewards")


__all__ = [
    "AgentIndex", "Boltzmann", "Comparison", "Env", "Episodes", "EpsilonGreedy", "Evaluation", "Experiment",
    "FileError", "GreedyStable", "Grid", "History", "IQL", "League", "MarlfastWarning", "Policy", "RandomPolicy",
    "Result", "ReturnReached", "Rounding", "Steps", "Sweep", "TablePolicy", "Team", "Tiles", "TrainingError",
    "analysis", "compare", "draws", "evaluate", "games", "initial", "learners", "load", "plotting", "replay",
    "report", "rewards", "schedules", "solvers", "statistics", "stop", "sweep", "sweeps", "train",
]
