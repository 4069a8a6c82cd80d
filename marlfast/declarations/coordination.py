"""Arguments of ``coordination``."""
from marlfast.declarations.base import Array, Kernel, Part
from marlfast.declarations.q_learning import EPSILON_GREEDY, Q_LEARNING


def _explores(n):
    if n.kind != EPSILON_GREEDY:
        raise ValueError(f"kind: expected 0, got {n.kind}")


def _positive(n):
    if not (n.boldness > 0.0).all() or not (n.lenience > 0.0).all():
        raise ValueError("boldness, lenience: expected greater than 0")


LENIENT = Kernel(
    "Lenient",
    _explores,
    Array("temperature", "float64", "R n_rows T A", written=True),
    Array("coins", "float64", "R N", "the second draw of each agent's last action, for the update that follows",
          written=True),
    *(Array(name, "float64", "R") for name in ("decay", "min_temperature", "diffusion", "boldness", "lenience")),
    _positive,
    base=Q_LEARNING, without=("active",))

RECURSIVE_FMQ = Kernel(
    "RecursiveFMQ",
    Array("mean", "float64", "R n_rows T A", "of each action's outcomes", written=True),
    Array("greatest", "float64", "R n_rows T A", "of each action's outcomes so far", written=True),
    Array("frequency", "float64", "R n_rows T A", "how often an action brings the greatest", written=True),
    Part("second", "Schedule", "rate of the frequency"),
    base=Q_LEARNING, without=("active",))

KERNELS = LENIENT, RECURSIVE_FMQ
