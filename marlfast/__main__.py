"""``python -m marlfast``: the command line."""
import sys

from marlfast.cli import main

if __name__ == "__main__":
    sys.exit(main())
