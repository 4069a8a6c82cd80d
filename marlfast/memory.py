"""How much memory there is."""
import os


def memory_of_machine():
    """Bytes of memory that this machine has, or None where that cannot be said."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):       # not on Windows
        return None
