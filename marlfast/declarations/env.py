"""Arguments of ``env``."""
from marlfast.declarations.base import Array, Kernel
from marlfast.declarations.loop import GAME, HORIZON, LIMITS, OBSERVATION, PURPOSE, RUN_NUMBERS, SEEDS, STATE, counted

ENV = Kernel(
    "Env",
    GAME,
    STATE,
    Array("action_counts", "int32", "N", "number of actions of every agent"),
    OBSERVATION,
    Array("rewards", "float64", "R N", "of the last step", written=True),
    Array("terminated", "bool", "R", "whether the game is over", written=True),
    Array("truncated", "bool", "R", "whether a limit was reached", written=True),
    counted("steps", "steps done"),
    counted("starts", "episodes begun"),
    counted("episode_steps", "steps of the episode under way"),
    RUN_NUMBERS, *HORIZON, SEEDS, PURPOSE, LIMITS,
    family="", attributes=("runs: int", "agents: int"),
    methods=("reset(self, which: NDArray[np.bool_])",
             "step(self, actions: NDArray[np.int32], which: NDArray[np.bool_] | None = None)"))

KERNELS = ENV,
