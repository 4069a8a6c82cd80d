"""``marlfast bench``: how fast it is."""


def add(command):
    """Give the command line its command, which has arguments of its own."""
    command("bench", None, "Measure speed, as ratios to other programs.", add_help=False)


def run(argv):
    """Measure; an exit status."""
    try:
        from marlfast import bench
    except ImportError as error:
        raise ImportError(f"bench: its program cannot be loaded ({error}); "
                          "install what it needs with: pip install 'marlfast[bench]'") from None
    return bench.main(argv) or 0
