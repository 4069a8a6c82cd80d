"""A line on stderr now and then: how far a sweep is, how fast, how much longer, and on which machines."""
import sys
import time

from marlfast.progress import duration

MAX_NODES = 8


class Progress:
    """Counts runs.

    Parameters
    ----------
    plan : Plan
    left : int
        Runs that are not done yet.
    show : bool
    """

    def __init__(self, plan, left, show):
        self.total, self.done, self.visible = plan.hi - plan.lo, plan.hi - plan.lo - left, bool(show)
        self.before, self.steps, self.agents = self.done, 0, plan.changes.experiment.game.agents
        self.failed, self.nodes = 0, {}

    def __enter__(self):
        self.begun = self.said = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.show(last=True)

    def add(self, runs, steps, node):
        """Runs that are done."""
        self.done += runs
        self.steps += steps
        self.nodes[node] = self.nodes.get(node, 0) + runs

    def fail(self, runs):
        """Runs that are given up."""
        self.failed += runs

    def show(self, last=False):
        """Say it, if the last time was long ago."""
        now = time.perf_counter()
        if not self.visible or now - self.said < 2.0 and not last:
            return
        self.said = now
        print(self.line(max(now - self.begun, 1e-9), last), file=sys.stderr, flush=True)

    def line(self, seconds, last=False):
        """The line after some seconds."""
        togo, fresh = self.total - self.done - self.failed, self.done - self.before
        failed = f", {self.failed:,} failed" if self.failed else ""
        left = f", {duration(seconds * togo / fresh)} left" if fresh and togo and not last else ""
        share = 100.0 * self.done / max(self.total, 1)
        text = (f"sweep: {share:3.0f} %, {self.done:,} of {self.total:,} runs{failed}, {togo:,} to go, "
                f"{self.steps * self.agents / seconds:,.0f} agent-steps/s, {duration(seconds)}{left}")
        if len(self.nodes) > 1:
            most = sorted(self.nodes.items(), key=lambda item: (-item[1], item[0]))
            text += "; by node: " + ", ".join(f"{node} {runs:,}" for node, runs in most[:MAX_NODES])
            if len(most) > MAX_NODES:
                text += f" and {sum(runs for _, runs in most[MAX_NODES:]):,} on {len(most) - MAX_NODES} more"
        return text
