"""Arguments of ``allocation``."""
from marlfast.declarations.base import Array, Flag, Kernel, Number

MAX_KINDS, MAX_UNITS = 64, 2**20


def _agents(n):
    if not n.N or not 1 <= n.kinds <= MAX_KINDS:
        raise ValueError(f"skills: expected at least 1 agent and 1 to {MAX_KINDS} kinds, got shape {n.skills.shape}")
    if n.skills.min() < 0:
        raise ValueError(f"skills: expected at least 0, got {n.skills.min()}")


def _queues(n):
    if n.capacity * n.size >= 2**31:
        raise ValueError(f"capacity, size: expected less than 2**31 units in a queue, got {n.capacity * n.size}")


def _seen(n):
    if n.numbered and (n.capacity + 1)**n.kinds * (n.kinds + 1) > 2**53:
        raise ValueError("numbered: expected at most 2**53 observations; see the queues as they are")
    return {"V": n.N if n.sees_last else 1, "D": 1 if n.numbered else n.kinds + n.sees_last,
            "state_size": 2 * (n.kinds + n.N)}


ALLOCATION = Kernel(
    "Allocation",
    Array("skills", "int32", "N kinds", "units of work that an agent does at a kind in a step; at most 64 kinds"),
    _agents,
    Array("arrivals", "float64", "kinds", "probability that a task arrives"),
    Number("capacity", "most tasks in a queue", low=1, high=MAX_UNITS),
    Number("size", "units of work in a task", low=1, high=MAX_UNITS),
    Number("practice", "units more from an agent that stays at its kind", low=0, high=MAX_UNITS),
    _queues,
    Number("value", "of a finished task", real=True),
    Number("waiting", "costs of a task that waits", real=True),
    Number("effort", "of working", real=True),
    Number("switching", "of working at another kind than before", real=True),
    Flag("own", "whether those are paid who work, or all alike"),
    Flag("sees_last", "whether an agent sees at which kind it last worked"),
    Flag("numbered", "whether an observation is one number"),
    _seen,
    family="Game")

KERNELS = (ALLOCATION,)
