"""Progress on stderr: a bar by tqdm on terminals and in notebooks, if there; else a plain line now and then."""
import sys
import time

from marlfast.errors import flag

_WITHOUT_TIME_LEFT = "{l_bar}{bar}| {n_fmt}/{total_fmt} at most [{elapsed}, {rate_fmt}]"


def _draws_bars(stream):
    """Whether what is written there can be written over: on a terminal, or in a notebook."""
    return stream.isatty() or "ipykernel" in sys.modules


class Progress:
    """Shows how far the runs of a session are, in steps or episodes, whichever ends them.

    Parameters
    ----------
    session : Session
    show : bool
    """

    def __init__(self, session, show):
        self.show, self.session = flag("progress", show), session
        limits = session.resolved.limits
        self.what = "episodes" if limits.episodes < 2**62 else "steps"
        self.most = getattr(limits, self.what)
        self.total = self.most * session.experiment.runs if self.most < 2**62 else None
        # Where runs may stop by what they learn, how much is left is not known.
        self.known = self.total is not None and not any(
            rule.name not in ("steps", "episodes") for rule in session.experiment.stop)
        self.bar = None

    def __enter__(self):
        if not self.show:
            return self
        self.begun = self.said = time.perf_counter()
        self.first = self._done(self.session)
        if not _draws_bars(sys.stderr):
            return self
        try:
            from tqdm import tqdm
        except ImportError:
            return self
        self.bar = tqdm(total=self.total, initial=self.first, unit=" " + self.what, unit_scale=True,
                        desc="training", file=sys.stderr, bar_format=None if self.known else _WITHOUT_TIME_LEFT)
        return self

    def _done(self, session):
        done = session.arrays[self.what]
        if self.total is None:
            return int(done.sum())
        # A run that a stop rule ended early will do no more: it counts as done.
        return int(done.clip(max=self.most)[session.running()].sum()) + self.most * int((~session.running()).sum())

    def update(self, session):
        if not self.show:
            return
        done = self._done(session)
        if self.bar is not None:
            self.bar.update(done - self.bar.n)
            return
        now = time.perf_counter()
        finished = not session.running().any()
        if now - self.said >= 2.0 or finished:
            self.said = now
            share = f"{100.0 * done / self.total:3.0f} %, " if self.total else ""
            seconds, fresh = now - self.begun, done - self.first
            rate = f", {fresh / seconds:,.0f} a second" if fresh else ""
            left = f", {duration(seconds * (self.total - done) / fresh)} left" if self.known and fresh \
                and not finished else ""
            print(f"training: {share}{done:,} {self.what} in {duration(seconds)}{rate}{left}", file=sys.stderr,
                  flush=True)

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()


def duration(seconds):
    """Seconds in words that are short."""
    if seconds < 100.0:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60.0)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
