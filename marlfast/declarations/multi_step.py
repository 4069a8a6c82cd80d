"""Arguments of ``multi_step``."""
from marlfast.declarations.base import LATE, Array, Flag, Kernel, Number
from marlfast.declarations.q_learning import Q_LEARNING


def _room(n):
    if not n.active <= n.length < 2**31:
        least = "one cell" if n.active == 1 else f"{n.active} cells"
        raise ValueError(f"eligibility: expected room for at least {least}, got shape {n.eligibility.shape}")
    if not n.cutoff > 0.0:
        raise ValueError(f"cutoff: expected greater than 0, got {n.cutoff}")


def _steps(n):
    if not 1 <= n.H < 2**31:
        raise ValueError(f"rewards: expected room for at least one step, got shape {n.rewards.shape}")


TRACES = Kernel(
    "Traces",
    Flag("on_policy", "True: SARSA; False: Watkins's Q, which forgets its traces when an action is not greedy"),
    Flag("accumulate", "a visit adds 1 to the eligibility; else it sets it to 1"),
    Number("cutoff", "greater than 0: cells of smaller eligibility are forgotten", real=True),
    Array("decay", "float64", "R", "lambda"),
    Array("eligibility", "float64", "R N length", "of the cells, at least k", written=True),
    _room,
    Array("cells", "int32", "R N length 2", "row and action of each eligible cell", written=True),
    Array("eligible", "int32", "R N", "how many of them there are", written=True),
    Array("waiting", "int32", "R N 2+2*active", "whether a step waits, its rows, its action, its next rows",
          written=True, only=("on_policy", "only SARSA")),
    Array("waiting_reward", "float64", "R N", "its reward", written=True, only=("on_policy", "only SARSA")),
    Array("late", "int32", "R", LATE, written=True, only=("on_policy", "only SARSA")),
    base=Q_LEARNING)

EPISODES = Kernel(
    "Episodes",
    Array("rewards", "float64", "R N H", "of each step of the episode; after H steps it is learned from as if it were "
          "truncated", written=True),
    _steps,
    Array("cells", "int32", "R N H active+1", "rows and action of each step", written=True),
    Array("known", "int32", "R N", "how many steps there were so far", written=True),
    Array("last", "int32", "R N*active", "the rows after them", written=True),
    Array("late", "int32", "R", LATE, written=True),
    base=Q_LEARNING)

KERNELS = TRACES, EPISODES
