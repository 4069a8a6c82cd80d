"""Arguments of ``foraging``."""
from marlfast.declarations.base import Array, Flag, Kernel, Number

MAX_LEVEL = 999


def _board(n):
    if not (1 <= n.agents <= 64 and 1 <= n.foods <= 64):
        raise ValueError(f"agents, foods: expected 1 to 64, got {n.agents}, {n.foods}")
    if not (3 <= n.rows <= 64 and 3 <= n.columns <= 64 and n.agents <= n.rows * n.columns):
        raise ValueError(f"rows, columns: expected 3 to 64, with room for {n.agents} agents, got {n.rows}, {n.columns}")
    return {"N": n.agents, "F": n.foods}


def _levels(n):
    if n.min_player.min() < 1 or n.max_player.max() > MAX_LEVEL or (n.min_player > n.max_player).any():
        raise ValueError(f"min_player, max_player: expected levels from 1 to {MAX_LEVEL}, none above its greatest")
    highest = n.max_food
    if n.max_food is None:
        highest = sum(sorted(n.min_player.tolist())[:3])
        if sum(sorted(n.max_player.tolist())[:3]) > MAX_LEVEL:
            raise ValueError(f"max_player: expected the three lowest to add up to at most {MAX_LEVEL}")
    if n.min_food.min() < 1 or n.max_food is not None and n.max_food.max() > MAX_LEVEL or (
            not n.cooperative and (n.min_food > highest).any()):
        raise ValueError(f"min_food, max_food: expected levels from 1 to {MAX_LEVEL}, none above its greatest")
    per_agent = 3 if n.observe_levels else 2
    return {"per_agent": per_agent, "D": 3 * n.F + per_agent * n.N, "state_size": 3 * (n.N + n.F) + 1}


FORAGING = Kernel(
    "Foraging",
    Number("agents", "1 to 64, who find room on the board"),
    Number("rows", "at least 3"),
    Number("columns", "at least 3"),
    Number("foods", "1 to 64"),
    _board,
    Number("sight", low=0),
    Flag("cooperative"), Flag("normalize"), Flag("observe_levels"),
    Number("penalty", real=True),
    Array("min_player", "int32", "N", "levels, 1 to 999"),
    Array("max_player", "int32", "N", "levels, 1 to 999"),
    Array("min_food", "int32", "F"),
    Array("max_food", "int32", "F", "None: the sum of the three lowest levels of agents", optional=True),
    _levels,
    Flag("leaves", default=False),
    family="Game")

KERNELS = (FORAGING,)
