"""Arguments of ``schedules``."""
from marlfast.declarations.base import Array, Flag, Kernel, Number

CONSTANT, LINEAR, EXPONENTIAL, HARMONIC, TABLE, VISITS = range(6)


def _values(n):
    if n.kind >= TABLE and not n.length:
        raise ValueError("table: expected at least one value, got none")
    if n.kind == VISITS and (not n.rate.min() >= 0.0 or not n.table[0] >= 0.0):
        raise ValueError(f"rate, table: expected at least 0, got {n.rate.min()} and {n.table[0]}")


SCHEDULE = Kernel(
    "Schedule",
    Number("kind", "0 constant, 1 linear (start to final in ``rate`` ticks), 2 exponential (times ``rate``, at least "
           "``final``), 3 harmonic (start / (1 + rate * ticks), at least ``final``), 4 table, 5 by visits of a row "
           "(start / (1 + rate * visits) ** table[0], at least ``final``; ``value`` never changes)",
           choices=(CONSTANT, LINEAR, EXPONENTIAL, HARMONIC, TABLE, VISITS)),
    Flag("per_episode", "a tick is the end of an episode; else a step"),
    Array("start", "float64", "R", filled="run"),
    Array("final", "float64", "R"),
    Array("rate", "float64", "R"),
    Array("table", "float64", "length", "only read by kinds 4 and 5; then at least one value"),
    Array("value", "float64", "R", "the value in force", written=True),
    Array("ticks", "int64", "R", "ticks so far", written=True, values=(0, None, "at least {low}")),
    _values,
    family="", attributes=("runs: int", "held: object"), methods=("tick(self, ended: NDArray[np.bool_])",),
    by_position=True)

KERNELS = (SCHEDULE,)
