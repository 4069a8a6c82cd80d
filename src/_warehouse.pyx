"""Kernels of a warehouse of robots. Twin: ``marlfast/reference/warehouse.py``."""
cimport marlfast.core.warehouse as leaf
from marlfast.core._kernels cimport Game, check

include "marlfast/core/ranges.pxi"


cdef class Warehouse(Game):
    """A warehouse of robots: see :class:`marlfast.games.Warehouse` for its rules and source.

    Parameters
    ----------
    agents : int
        1 to 16, and no more than cells.
    highway : bool [height, columns]
        Where no shelf stands; at most 1024 cells, of which 1 to 512 are for shelves.
    goals : int32 [G]
        Cells, row by row; 1 to 16, on the highway.
    requests : int
        1 to 64, less than shelves.
    bits, reach, pay : int
        0 to 4; 0 to 16; 0 to all alike, 1 to who delivers, 2 half of that and half for bringing the shelf back.
    """
    cdef leaf.Data game

    def __init__(self, agents, highway, goals, requests, bits, reach, pay):
        check(highway, "highway", "bool", (-1, -1), False)
        check(goals, "goals", "int32", (-1,), False)
        height, columns = highway.shape
        n_cells, shelves = height * columns, int((~highway).sum())
        if not 1 <= n_cells <= leaf.MAX_CELLS or not 1 <= agents <= min(leaf.MAX_ROBOTS, n_cells):
            raise ValueError("agents, highway: expected 1 to 16 robots and as many cells, at most 1024, got "
                             f"{agents}, {n_cells}")
        if not 1 <= shelves <= leaf.MAX_SHELVES:
            raise ValueError(f"highway: expected 1 to 512 cells that are not, for shelves, got {shelves}")
        if not 1 <= len(goals) <= leaf.MAX_GOALS or goals.min() < 0 or goals.max() >= n_cells or not (
                highway.ravel()[goals].all()):
            raise ValueError("goals: expected 1 to 16 cells of the highway")
        if not 1 <= requests <= min(leaf.MAX_REQUESTS, shelves - 1):
            raise ValueError(f"requests: expected 1 to 64, less than {shelves} shelves, got {requests}")
        if not 0 <= bits <= 4 or not 0 <= reach <= 16 or pay not in (0, 1, 2):
            raise ValueError(f"bits, reach, pay: expected 0 to 4, 0 to 16 and 0 to 2, got {bits}, {reach}, {pay}")
        features = 8 + (2 * reach + 1) ** 2 * (7 + bits)
        size = leaf.PER_ROBOT * agents + shelves + requests
        self.game = leaf.Data(agents=agents, state_size=size, observation_size=agents * features, features=features,
                              height=height, columns=columns, n_cells=n_cells, shelves=shelves, goals=len(goals),
                              requests=requests, bits=bits, reach=reach, pay=pay)
        for k in range(len(goals)):
            self.game.goal[k] = goals[k]
        for k in range(n_cells):
            self.game.highway[k] = highway[k // columns, k % columns]
            self.game.row[k], self.game.column[k] = k // columns, k % columns
        self._declare(&self.game, agents, size, agents, features, (len(goals), 0, 2 * agents + requests, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
