"""Seeds that nobody gave: from the system's entropy."""
import os


def fresh():
    """A seed that nobody chose: 0 to 2**53 - 1, which every program and file format keeps exactly."""
    return int.from_bytes(os.urandom(7), "little") >> 3
