"""Experiment files: what is written is read back equal, and what is not TOML is refused with its line."""
import importlib
import importlib.util
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from marlfast import toml
from marlfast.errors import FileError

if importlib.util.find_spec("tomllib") is None:
    pytest.importorskip("tomli")

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
SCALARS = st.one_of(st.booleans(), st.integers(-2**63, 2**64 - 1), st.floats(allow_nan=False), TEXT)
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)), max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_round_trip(values):
    again = toml.loads(toml.dumps(values))
    assert again == values
    assert _kinds(again) == _kinds(values)


def _kinds(value):
    """Types all the way down: 1, 1.0 and True are equal in Python but not in a file."""
    if isinstance(value, dict):
        return {key: _kinds(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_kinds(v) for v in value]
    return (type(value), math.copysign(1.0, value) if isinstance(value, float) else None)


def test_form():
    values = {"seed": 3, "game": {"name": "drift", "noise": 1e-05}, "shaping": [{"name": "diversity"}, {"name": "x"}],
              "nothing": None, "learner": {"name": "iql", "explore": {"name": "epsilon_greedy", "decay": None}}}
    assert toml.dumps(values) == (
        'seed = 3\n\n[game]\nname = "drift"\nnoise = 1e-05\n\n[[shaping]]\nname = "diversity"\n\n[[shaping]]\n'
        'name = "x"\n\n[learner]\nname = "iql"\n\n[learner.explore]\nname = "epsilon_greedy"\n')


def test_pairs_stand_before_tables():
    # A pair after a table's header would belong to that table.
    values = {"game": {"explore": {"a": 1}, "agents": 4}, "episodes": 5}
    assert toml.loads(toml.dumps(values)) == values


@pytest.mark.parametrize("value", [0.1, 1e16, 1e22, 5e-324, 1.7976931348623157e308, -0.0, 2.0, math.inf, -math.inf])
def test_real_numbers_keep_their_bits(value):
    again = toml.loads(toml.dumps({"x": value}))["x"]
    assert isinstance(again, float)
    assert again.hex() == value.hex()


def test_numbers_of_numpy():
    values = {"a": np.float64(0.1), "b": np.int32(3), "c": np.array([[1.0, 2.0]]), "d": np.bool_(True)}
    assert toml.loads(toml.dumps(values)) == {"a": 0.1, "b": 3, "c": [[1.0, 2.0]], "d": True}


def test_long_lists_of_lists_get_a_line_each():
    rows = np.arange(60.0).reshape(4, 15).tolist()
    text = toml.dumps({"rows": rows})
    assert toml.loads(text) == {"rows": rows}
    assert len(text.splitlines()) == 6


@pytest.mark.parametrize("values, error, message", [
    ({"game": {"step": print}}, TypeError, "game.step: a builtin_function_or_method cannot be written"),
    ({"a": [1, None]}, TypeError, "a[1]: a NoneType cannot be written"),
    ({"shaping": [{"weight": 1j}]}, TypeError, "shaping[0].weight: a complex cannot be written"),
    ({"a": "\ud800"}, ValueError, "a: the string '\\ud800' is not valid Unicode"),
    ({"a": {3: 1}}, TypeError, "a: expected keys that are strings, got 3"),
])
def test_refuses_what_toml_cannot_hold(values, error, message):
    with pytest.raises(error) as raised:
        toml.dumps(values)
    assert message in str(raised.value)


@pytest.mark.parametrize("content, message", [
    (b"episodes = 3\nrun s = 4\n", "line 2: not TOML"),
    (b"a = 1\na = 2\n", "line 2: not TOML"),
    (b"[game]\nname = ", "not TOML"),
    (b"a = 1\n\nb = '\xff'\n", "line 3: not text in UTF-8"),
    (b"a = " + b"[" * 100_000, "not TOML"),
])
def test_broken_files_are_refused_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(FileError) as raised:
        toml.read(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert "\n" not in text


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        toml.read(tmp_path / "nothing.toml")


def test_write_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "e.toml"
    toml.write(path, {"a": 1}, comment="one\ntwo")
    assert path.read_text() == "# one\n# two\na = 1\n"
    with pytest.raises(TypeError):
        toml.write(path, {"a": object()})
    assert path.read_text() == "# one\n# two\na = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_reader_it_says_what_to_install(monkeypatch):
    def missing(name, *rest, **named):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"needs tomli: pip install 'marlfast\[toml\]'"):
        toml.loads("a = 1")


def test_writing_needs_no_reader(monkeypatch):
    monkeypatch.setattr(toml, "_reader", lambda: pytest.fail("the reader was asked for"))
    assert toml.dumps({"a": 1}) == "a = 1\n"


def test_an_experiment_with_every_kind_of_part(tmp_path):
    game = mf.games.MatrixGame([[1.0, 0.0], [0.3, 0.1]], [[0.1, 0.2], [0.0, 1.0]], horizon=7)
    experiment = mf.Experiment(
        game, mf.IQL(mf.schedules.Linear(0.5, 0.1, 1000), share=[0, 0], initial_q=[[0.1, 0.2]],
                     explore=mf.Boltzmann(mf.schedules.Exponential(1.0, 0.999, 0.01))),
        rewards=mf.rewards.matrix([[1.0, 0.5], [0.5, 1.0]]),
        shaping=[mf.rewards.Redundancy(0.1), mf.rewards.PotentialBased(mf.rewards.Distance(target=[0.5], order=2))],
        steps=500, runs=3, seed=2**64 - 1, stop=[mf.GreedyStable(400), mf.ReturnReached(-0.5, window=10)],
        record_every=2, first_run=5)
    path = tmp_path / "experiment.toml"
    toml.write(path, experiment.to_dict())
    assert mf.Experiment.from_dict(toml.read(path)).to_dict() == experiment.to_dict()
