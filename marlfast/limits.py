"""How large things may be: the bounds that do not follow from a machine's memory, in one place."""

MAX_AGENTS = 2**22
MAX_NUMBERS = 2**24
MAX_RUNS = 2**31 - 1
MAX_ROWS = 2**31 - 2
MAX_ACTIONS = 2**31 - 1
MAX_STEPS = 2**62
MAX_SEED = 2**64 - 1
MAX_FIRST_RUN = 2**32
MAX_MEMBERS = 10_000
MAX_TEXT = 2**28

# As docs/reference/limits.md shows them: (what, bound, why).
TABLE = [
    ("agents of a game", MAX_AGENTS, "what is set up for each of them takes seconds"),
    ("numbers in a state, or in an observation", MAX_NUMBERS, "each has a place in every run"),
    ("runs", MAX_RUNS, "counted in 32 bits; in practice memory is the bound"),
    ("number of a run", MAX_FIRST_RUN - 1, "32 bits of the counter from which a run's draws are made"),
    ("seed", MAX_SEED, "the key of the generator"),
    ("rows of a table", MAX_ROWS, "numbered in 32 bits"),
    ("actions of an agent, and joint actions of a table", MAX_ACTIONS, "numbered in 32 bits"),
    ("steps, episodes and whatever else is counted", MAX_STEPS, "counted in 64 bits"),
    ("members of an archive", MAX_MEMBERS, "a result has some tens"),
    ("bytes of an experiment file, or of the manifest of a result", MAX_TEXT, "read as a whole"),
]
