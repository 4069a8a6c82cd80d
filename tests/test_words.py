"""One word, one meaning: identifiers that had several, or that hid one, do not come back."""
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What is not called so any more: what it is called today, and files (by pattern) in which the word is the right one.
WORDS = {
    "seats?|Seats": ("agents, agent_ids, LearnerContext", "cli/crossplay"),
    "leads|led|leading": ("agent_ids, n_ids", "games/sequential"),
    "seen": ("obs, or what was seen", ""),
    "then": ("next_obs, next_rows, next_state, successor", ""),
    "sight": ("observation_size, obs",                                      # how far they see
              "foraging|pushing|papoudakis|benchmarks/peers|test_whole_state"),
    "every": ("record_every, interval_seconds, goal_every, target_every",
              "examples/many_agents|tests/cli/test_cli"),
    "most_(?:steps|episodes|stable|states|actions|periods|bases|draws)|MOST_\\w+|MF_MOST\\w*|MF_LEAST\\w*":
        ("max_..., MAX_..., MF_MAX, MF_MIN", ""),
    "level": ("epsilon, temperature, exploration",
              "statistics|plotting|comparison|reports|sweeps|foraging|hierarchy|test_layers|test_one_step|doubts"),
    # Of a board, a picture, a column of text, an interval, and a register.
    "width": ("active_rows, max_actions, n_draws",
              "games/|(core|src|reference)/_?(ising|soccer|pursuit|operations)|fused|draws\\.h|test_portable|plotting|reports|"
              "bench|cli|sweeps|statistics|analysis/values|learners/test_(mixing|one_step)|adapters"),
}
# Old names that still work, and where they are told.
OLD = r"renamed\.py|from_0_1/|test_words"
TOLD = re.compile(r"@takes\(|^argument\(|attribute\(|^@partial\(keyword|^    argument\(|^__getattr__")
C_BLANK = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.S)
CYTHON_BLANK = re.compile(r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*', re.S)
FILES = sorted(path for folder in ("src", "marlfast", "tests", "examples", "benchmarks")
               for ending in ("py", "pyx", "pxd", "pxi", "pyi", "h") for path in (ROOT / folder).rglob(f"*.{ending}")
               if not re.search(OLD, path.as_posix()) and "build" not in path.parts)


def identifiers(path):
    """(name, line) of all identifiers of a file."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    if path.suffix == ".py":
        found = [(t.string, t.start[0]) for t in tokenize.generate_tokens(io.StringIO(text).readline)
                 if t.type == tokenize.NAME]
    else:
        found = [(name, k) for k, line in enumerate(blanked(path).split("\n"), 1)
                 for name in re.findall(r"[A-Za-z_]\w*", line)]
    return [(name, k) for name, k in found if not TOLD.search(lines[k - 1])]


def blanked(path):
    """A C or Cython file without its comments and strings."""
    return (C_BLANK if path.suffix == ".h" else CYTHON_BLANK).sub(lambda m: "\n" * m[0].count("\n"),
                                                                  path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def named():
    return {path: identifiers(path) for path in FILES}


@pytest.mark.parametrize("word", WORDS)
def test_old_words_do_not_come_back(word, named):
    today, right = WORDS[word]
    pattern = re.compile(word)
    assert len(named) > 400
    found = [f"{path.relative_to(ROOT)}:{k}: {name}" for path, names in named.items() for name, k in names
             if pattern.fullmatch(name) and not (right and re.search(right, path.relative_to(ROOT).as_posix()))]
    assert not found, f"use {today}:\n" + "\n".join(found)


# A number of things is n_things: the bare word is the things themselves. Rows of a board or of a matrix are its height;
# what a game's Data or a kernel's attribute is called (``game.agents``, ``learner.runs``) is what users call it.
COUNTS = {"agents": "", "runs": "", "rows": "foraging|pursuit|equilibria", "actions": "", "choices": ""}
WHOLE = r"(?:const )?(?:u?int(?:32|64)_t|int|Py_ssize_t) "
PUBLIC = re.compile(r"^(?:ctypedef|cdef) struct Data:\n(?:    .*\n)+|^.*cdef readonly .*$", re.M)


def declared(line):
    """Names of the whole numbers (no pointers, no arrays) that a line of C or Cython declares."""
    found = re.findall(rf"\b{WHOLE}(\w+)\b(?![\[(])", line)
    while "(" in line and line != (inner := re.sub(r"\([^()]*\)", "", line)):
        line = inner
    further = re.match(rf"\s*(?:cdef )?{WHOLE}([^(]*)$", line)
    return found + (re.findall(r",\s*(\w+)\b(?!\[)", further[1]) if further else [])


def test_declared_numbers_are_found():
    assert declared("    cdef int64_t rows = put(game, actions), i, n") == ["rows", "i", "n"]
    assert declared("int put(const int32_t *actions, int64_t n_agents, int64_t run)") == ["n_agents", "run"]
    assert declared("    int32_t rows[8], next_rows[8];") == []


@pytest.mark.parametrize("word", COUNTS)
def test_counts_in_kernels_are_called_n(word):
    kernels = [path for path in FILES if path.suffix in (".pyx", ".pxd", ".pxi", ".h") and "tests" not in path.parts]
    assert len(kernels) > 100
    found = [f"{path.relative_to(ROOT)}: {line.strip()}" for path in kernels
             if not (COUNTS[word] and re.search(COUNTS[word], path.name))
             for line in PUBLIC.sub("", blanked(path)).split("\n") if word in declared(line)]
    assert not found, f"call it n_{word}:\n" + "\n".join(found)
