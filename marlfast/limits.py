"""How large things may be: the bounds that do not follow from a machine's memory, in one place."""

MOST_AGENTS = 2**22
MOST_NUMBERS = 2**24
MOST_RUNS = 2**31 - 1
MOST_ROWS = 2**31 - 2
MOST_ACTIONS = 2**31 - 1
MOST_STEPS = 2**62
MOST_SEED = 2**64 - 1
MOST_FIRST_RUN = 2**32
MOST_MEMBERS = 10_000
MOST_TEXT = 2**28

# As docs/reference/limits.md shows them: (what, bound, why).
TABLE = [
    ("agents of a game", MOST_AGENTS, "what is set up for each of them takes seconds"),
    ("numbers in a state, or in an observation", MOST_NUMBERS, "each has a place in every run"),
    ("runs", MOST_RUNS, "counted in 32 bits; in practice memory is the bound"),
    ("number of a run", MOST_FIRST_RUN - 1, "32 bits of the counter from which a run's draws are made"),
    ("seed", MOST_SEED, "the key of the generator"),
    ("rows of a table", MOST_ROWS, "numbered in 32 bits"),
    ("actions of an agent, and joint actions of a table", MOST_ACTIONS, "numbered in 32 bits"),
    ("steps, episodes and whatever else is counted", MOST_STEPS, "counted in 64 bits"),
    ("members of an archive", MOST_MEMBERS, "a result has some tens"),
    ("bytes of an experiment file, or of the manifest of a result", MOST_TEXT, "read as a whole"),
]
