"""What was learned: values, best replies, equilibria, limit cycles and dynamics of small games."""
from marlfast.analysis.crossplay import CrossPlay, cross_play
from marlfast.analysis.cycles import (
    Basin,
    Cycles,
    LongRun,
    ProfitGain,
    basins,
    cooperation_rate,
    limit_cycles,
    long_run,
    profit_gain,
)
from marlfast.analysis.decomposition import joint_values
from marlfast.analysis.deviation import Deviation, deviation
from marlfast.analysis.dynamics import Field, Trajectory, faq_dynamics, field, replicator
from marlfast.analysis.equilibria import (
    CorrelatedEquilibrium,
    Equilibria,
    Equilibrium,
    correlated_equilibrium,
    equilibria,
)
from marlfast.analysis.model import Model, model
from marlfast.analysis.nash import NashTest, nash_test, q_loss
from marlfast.analysis.ratings import elo, expected_score
from marlfast.analysis.recorder import StrategyRecorder
from marlfast.analysis.returns import ExpectedReturn, expected_return
from marlfast.analysis.sampled import SampledExploitability, sampled_exploitability
from marlfast.analysis.strategies import Strategies, strategies
from marlfast.analysis.values import (
    BestReply,
    Exploitability,
    action_values,
    best_reply,
    exploitability,
    state_values,
)

__all__ = [
    "Basin", "BestReply", "CorrelatedEquilibrium", "CrossPlay", "Cycles", "Deviation", "Equilibria", "Equilibrium",
    "ExpectedReturn", "Exploitability", "Field", "LongRun", "Model", "NashTest", "ProfitGain", "SampledExploitability",
    "Strategies", "StrategyRecorder", "Trajectory", "action_values", "basins", "best_reply", "cooperation_rate",
    "correlated_equilibrium", "cross_play", "deviation", "elo", "equilibria", "expected_return", "expected_score",
    "exploitability", "faq_dynamics", "field", "joint_values", "limit_cycles", "long_run", "model", "nash_test",
    "profit_gain", "q_loss", "replicator", "sampled_exploitability", "state_values", "strategies",
]
