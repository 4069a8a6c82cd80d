"""Arguments of ``rewards``."""
from marlfast.declarations.base import N_RUNS, Array, Kernel, Number
from marlfast.declarations.loop import GAME

N_ACTIONS = Number("n_actions", "actions are 0 to n_actions - 1", low=1)
DISCOUNT = Number("discount", real=True)


def _reward(name, *own):
    return Kernel(name, *N_RUNS, GAME, *own, family="Reward", by_position=True)


def _teams(n):
    if n.T and (n.team_of_agent.min() < 0 or n.team_of_agent.max() >= n.T):
        raise ValueError(f"team_of_agent: expected teams 0 to {n.T - 1}")


def _of_agents(n):
    if n.tables not in (1, n.N) or n.n_rows < 1:
        raise ValueError(f"table: expected shape (1 or {n.N}, n_rows), got {n.table.shape}")


MIX = _reward(
    "Mix",
    Number("own", "what the agent's own reward counts for", real=True),
    Array("weights", "float64", "T T", "what those of each team count for; T may be 0: each agent has its own rewards"),
    Array("team_of_agent", "int32", "N", "0 to T - 1; not read where T is 0"),
    _teams)

DIFFERENCE = _reward("Difference")

DIVERSITY = _reward("Diversity", N_ACTIONS, Number("weight", real=True))

REDUNDANCY = _reward("Redundancy", N_ACTIONS, Number("penalty", real=True))

POTENTIAL_TABLE = _reward(
    "PotentialTable", DISCOUNT,
    Array("table", "float64", "tables n_rows", "the potential of each row: one table for all agents, or one for each"),
    _of_agents)

POTENTIAL_DISTANCE = _reward(
    "PotentialDistance", DISCOUNT,
    Array("target", "float64", "D"),
    Array("weights", "float64", "D", "of each feature"),
    Number("order", "distances are summed, or their squares", choices=(1, 2)))

KERNELS = MIX, DIFFERENCE, DIVERSITY, REDUNDANCY, POTENTIAL_TABLE, POTENTIAL_DISTANCE
