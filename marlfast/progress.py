"""Progress on stderr: tqdm where it is installed, else a plain line now and then."""
import sys
import time


class Progress:
    """Shows how far the runs of a session are, in steps or episodes, whichever ends them.

    Parameters
    ----------
    session : Session
    show : bool
    """

    def __init__(self, session, show):
        self.show, self.session = bool(show), session
        limits = session.resolved.limits
        self.what = "episodes" if limits.episodes < 2**62 else "steps"
        self.most = getattr(limits, self.what)
        self.total = self.most * session.experiment.runs if self.most < 2**62 else None
        self.bar = None

    def __enter__(self):
        if not self.show:
            return self
        self.begun = self.said = time.perf_counter()
        self.first = self._done(self.session)
        try:
            from tqdm import tqdm
        except ImportError:
            return self
        self.bar = tqdm(total=self.total, initial=self.first, unit=" " + self.what, unit_scale=True,
                        desc="training", file=sys.stderr)
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
            left = f", {duration(seconds * (self.total - done) / fresh)} left" if self.total and fresh \
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
