"""A bound on the memory of this process, so that what would take all of it is seen, and nothing else is killed."""
import contextlib
import os
import sys


@contextlib.contextmanager
def memory(more=2**30):
    """Let this process have so many more bytes than it has; no limit with sanitizers, which map all there could be."""
    if sys.platform != "linux" or "asan" in os.environ.get("LD_PRELOAD", ""):
        yield
        return
    import resource

    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
