"""What was learned: values, best replies, equilibria, limit cycles and dynamics of small games."""
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
from marlfast.analysis.model import Model, model
from marlfast.analysis.nash import NashTest, nash_test, q_loss
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
    "Basin", "BestReply", "Cycles", "Exploitability", "LongRun", "Model", "NashTest", "ProfitGain", "Strategies",
    "action_values", "basins", "best_reply", "cooperation_rate", "exploitability", "limit_cycles", "long_run", "model",
    "nash_test", "profit_gain", "q_loss", "state_values", "strategies",
]
