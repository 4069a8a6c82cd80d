"""The kernels of level-based foraging. Twin: ``marlfast/reference/foraging.py``."""
from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.foraging as leaf
from marlfast.core._kernels cimport Game, check

include "marlfast/core/ranges.pxi"


cdef class Foraging(Game):
    """Level-based foraging: see :class:`marlfast.games.foraging.LevelForaging` for its rules and source.

    Parameters
    ----------
    agents, rows, columns, foods : int
        1 to 64; rows and columns at least 3; agents find room on the board.
    sight : int
        At least 0.
    cooperative, normalize, observe_levels : bool
    penalty : float
    min_player, max_player : int32 [N]
        Levels, 1 to 999.
    min_food : int32 [F]
    max_food : int32 [F] or None
        None: the sum of the three lowest levels of agents.
    """
    cdef leaf.Data game

    def __init__(self, *, agents, rows, columns, foods, sight, cooperative, normalize, observe_levels, penalty,
                 min_player, max_player, min_food, max_food):
        if not (1 <= agents <= 64 and 1 <= foods <= 64):
            raise ValueError(f"agents, foods: expected 1 to 64, got {agents}, {foods}")
        if not (3 <= rows <= 64 and 3 <= columns <= 64 and agents <= rows * columns):
            raise ValueError(f"rows, columns: expected 3 to 64, with room for {agents} agents, got {rows}, {columns}")
        if sight < 0:
            raise ValueError(f"sight: expected at least 0, got {sight}")
        cdef const int32_t[::1] weakest = check(min_player, "min_player", "int32", (agents,), False)
        cdef const int32_t[::1] strongest = check(max_player, "max_player", "int32", (agents,), False)
        cdef const int32_t[::1] least = check(min_food, "min_food", "int32", (foods,), False)
        cdef const int32_t[::1] most
        cdef int64_t i
        if min_player.min() < 1 or max_player.max() > 999 or (min_player > max_player).any():
            raise ValueError("min_player, max_player: expected levels from 1 to 999, none above its greatest")
        if max_food is None:
            highest = sum(sorted(min_player.tolist())[:3])
            if sum(sorted(max_player.tolist())[:3]) > 999:
                raise ValueError("max_player: expected the three lowest to add up to at most 999")
        else:
            most = check(max_food, "max_food", "int32", (foods,), False)
            highest = max_food
        if min_food.min() < 1 or max_food is not None and max_food.max() > 999 or (
                not cooperative and (min_food > highest).any()):
            raise ValueError("min_food, max_food: expected levels from 1 to 999, none above its greatest")
        features = 3 * foods + (3 if observe_levels else 2) * agents
        size = 3 * (agents + foods) + 1
        self.game.agents, self.game.state_size, self.game.observation_size = agents, size, agents * features
        self.game.rows, self.game.columns, self.game.foods = rows, columns, foods
        self.game.cooperative, self.game.normalize = bool(cooperative), bool(normalize)
        self.game.levels_seen = bool(observe_levels)
        self.game.reach, self.game.penalty = min(sight, 64), penalty
        self.game.move = [0, -128, 128, -1, 1, 0]
        for i in range(self.game.agents):
            self.game.min_player[i], self.game.max_player[i] = weakest[i], strongest[i]
        for i in range(self.game.foods):
            self.game.min_food[i] = least[i]
            self.game.max_food[i] = 0 if max_food is None else most[i]
        self._declare(&self.game, agents, size, agents, features, (0, 0, 3 * (agents + foods), 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
