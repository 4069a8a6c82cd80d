"""Arguments of ``one_step``."""
from marlfast.declarations.base import Array, Cells, Kernel, Number, Part
from marlfast.declarations.q_learning import Q_LEARNING, SIDE_BY_SIDE, needed_draws

EXPECTED, DISTRIBUTED, HYSTERETIC, FREQUENCY = range(4)


def _goes_with_rule(n):
    if (n.second is not None) != (n.rule in (HYSTERETIC, FREQUENCY)):
        raise ValueError("second: expected a schedule for rules 2 and 3, and None for the others")
    if n.rule == DISTRIBUTED and n.active > 1:
        raise ValueError("active: expected 1 for rule 1, which replaces values")


def _coin(n):
    """Which of an agent's draws is the coin: the one after those of the exploration."""
    coin = needed_draws(n.kind, n.ties)
    if n.draws < coin + 1:
        raise ValueError(f"draws: expected at least {coin + 1}, got {n.draws}")
    return {"coin": coin}


_ONE_STEP = (
    Number("rule", "0 to 3, as above", choices=(EXPECTED, DISTRIBUTED, HYSTERETIC, FREQUENCY)),
    Part("second", "Schedule", "for rules 2 and 3", optional=True),
    _goes_with_rule)

ONE_STEP = Kernel("OneStep", *_ONE_STEP, base=Q_LEARNING)


def _by_cells(n):
    if n.rule == FREQUENCY:
        raise ValueError("q: agents stand side by side, which rule 3 does not take")


ONE_STEP_SIDE_BY_SIDE = Kernel("OneStep", *_ONE_STEP, _by_cells, base=SIDE_BY_SIDE)

DOUBLE_Q = Kernel(
    "DoubleQ",
    _coin,
    Cells("first", "float64", "R n_rows T A", "one table"),
    Cells("first_greedy", "int32", "R n_rows T", "its greedy actions"),
    Cells("second", "float64", "R n_rows T A", "the other table"),
    Cells("second_greedy", "int32", "R n_rows T", "its greedy actions"),
    Array("coins", "int32", "R N", "1 where the last draw of an agent said heads", written=True),
    base=Q_LEARNING)

KERNELS = ONE_STEP, DOUBLE_Q
