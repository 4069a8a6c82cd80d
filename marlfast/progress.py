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
        self.show = bool(show)
        most_steps, most_episodes, *_ = session.experiment.limits()
        self.what = "episodes" if most_episodes < 2**62 else "steps"
        self.most = {"episodes": most_episodes, "steps": most_steps}[self.what]
        self.total = self.most * session.experiment.runs if self.most < 2**62 else None
        self.bar = None

    def __enter__(self):
        if not self.show:
            return self
        self.begun = self.said = time.perf_counter()
        self.first = None
        try:
            from tqdm import tqdm
        except ImportError:
            return self
        self.bar = tqdm(total=self.total, unit=" " + self.what, unit_scale=True, desc="training", file=sys.stderr)
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
        if self.first is None:
            self.first = done
        finished = not session.running().any()
        if now - self.said >= 2.0 or finished:
            self.said = now
            share = f"{100.0 * done / self.total:3.0f} %, " if self.total else ""
            print(f"training: {share}{done:,} {self.what} in {now - self.begun:.1f} s", file=sys.stderr, flush=True)

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
