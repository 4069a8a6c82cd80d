"""Two programs timed in turn, and what is made of it: a row of the table."""
import math
import statistics
import time
from dataclasses import asdict, dataclass

from marlfast.bench.peers import AGENTS


@dataclass(frozen=True)
class Effort:
    """How long to measure: pairs per row, and seconds that the faster side of a pair takes at least."""

    pairs: int
    seconds: float

    @property
    def quick(self):
        return self.seconds < 0.5


FULL, QUICK = Effort(7, 0.5), Effort(5, 0.03)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    name : str
        The benchmark it belongs to.
    what : str
    value, low, high : float, optional
        Median, least and greatest.
    unit : str
    target : float, optional
        None: the row only informs.
    at_least : bool
        Whether the target is a lower bound.
    note : str
        Times and sizes behind the value; why it was skipped.
    skipped : bool
    """

    name: str
    what: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = "x"
    target: float | None = None
    at_least: bool = True
    note: str = ""
    skipped: bool = False

    @property
    def met(self):
        """Whether the target was met; None without a target or a value."""
        if self.target is None or self.value is None:
            return None
        return bool(self.value >= self.target if self.at_least else self.value <= self.target)

    def to_dict(self):
        return {**asdict(self), "met": self.met}


def row(name, what, values, **options):
    """A row of the median and range of some values."""
    return Row(name, what, statistics.median(values), min(values), max(values), **options)


def seconds(work, amount, clock=time.thread_time):
    """How long ``work(amount)`` takes, by the clock on the wall or (default) by this thread's processor time."""
    begun = clock()
    work(amount)
    return clock() - begun


def enough(work, least, amount=1):
    """An amount for which ``work(amount)`` takes at least ``least`` seconds; warms it up on the way."""
    while True:
        took = seconds(work, amount, time.perf_counter)
        if took >= least:
            return amount
        amount = math.ceil(amount * min(20.0, 1.2 * least / max(took, 1e-7)))


def in_turn(ours, theirs, our_amount, their_amount, pairs, clock=time.thread_time):
    """Seconds per unit of work of two programs run in turn: two lists of as many as there are pairs."""
    a, b = [], []
    for _ in range(pairs):
        a.append(seconds(ours, our_amount, clock) / our_amount)
        b.append(seconds(theirs, their_amount, clock) / their_amount)
    return a, b


def ratios(ours, theirs):
    """How many times faster ours is, pair by pair."""
    return [b / a for a, b in zip(ours, theirs, strict=True)]


def rate(per_step):
    """Steps of a team per second in words, from the seconds that each took."""
    return f"{AGENTS / statistics.median(per_step):,.0f}"


def runs_in_words(n):
    """``1 run``, or ``8 runs``."""
    return f"{n} run{'s' if n > 1 else ''}"
