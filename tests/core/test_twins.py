"""Every compiled module has a NumPy twin with the same names and parameters, which needs no compiled code."""
import importlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from training_helpers import encoder_for

import marlfast as mf
from marlfast import registry

from .source import (
    ROOT,
    SOURCES,
    constructor_parameters,
    public_methods,
    public_parts,
    pyx_constructors,
    runtime_parameters,
)

NAMES = sorted(SOURCES)


def parts(name):
    compiled = importlib.import_module(f"marlfast.core._{name}")
    return public_parts(compiled), public_parts(importlib.import_module(f"marlfast.reference.{name}"))


def test_every_compiled_module_has_a_twin_and_every_twin_a_compiled_module():
    assert NAMES, "no sources were found"
    twins = {p.stem for p in (ROOT / "marlfast" / "reference").glob("[!_]*.py")}
    assert set(NAMES) <= twins
    # Beside them only the twins of leaves that several modules share.
    leaves = {p.stem for p in (ROOT / "marlfast" / "core").glob("[!_]*.px[di]")}
    assert twins - set(NAMES) <= leaves


@pytest.mark.parametrize("name", NAMES)
def test_public_names_agree(name):
    (classes, functions, values), (twin_classes, twin_functions, twin_values) = parts(name)
    assert set(classes) == set(twin_classes)
    # A twin may have helpers that other twins import: they are functions and constants, never classes.
    assert set(functions) <= set(twin_functions)
    assert values <= twin_values


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults_agree(name):
    (classes, functions, _), (twin_classes, twin_functions, _) = parts(name)
    for function in functions:
        assert runtime_parameters(functions[function], False) == runtime_parameters(twin_functions[function], False)
    for cls in classes:
        own, twin_own = public_methods(classes[cls]), public_methods(twin_classes[cls])
        # Stages are what the NumPy loop calls in place of the C structs of functions.
        assert set(own) == {n for n in twin_own if not n.startswith("stage_")}, cls
        for method in own:
            wanted = runtime_parameters(own[method], True)
            assert wanted == runtime_parameters(twin_own[method], True), f"{cls}.{method}"
    for cls, parameters in pyx_constructors(SOURCES[name]).items():
        assert parameters == constructor_parameters(twin_classes[cls]), cls


@pytest.mark.parametrize("name", NAMES)
def test_families_agree(name):
    (classes, *_), (twin_classes, *_) = parts(name)
    for cls, compiled in classes.items():
        public = [base.__name__ for base in twin_classes[cls].__mro__[1:] if not base.__name__.startswith("_")]
        assert [base.__name__ for base in compiled.__mro__[1:]] == public, cls


def test_status_texts_agree(both):
    compiled, twin = both("kernels")
    assert {int(code): text for code, text in compiled.STATUS_TEXT.items()} == twin.STATUS_TEXT


def test_objects_have_the_same_public_attributes(game_example):
    compiled, twin = (game_example.kernel(backend) for backend in ("cython", "numpy"))
    # A player of a game in Python is made for each kernel, so that copies are apart.
    facts = [n for n in dir(type(compiled)) if not n.startswith("_") and n not in ("held", "player") and not callable(
        getattr(compiled, n))]
    assert len(facts) == 12
    assert {n: getattr(compiled, n) for n in facts} == {n: getattr(twin, n) for n in facts}


# -- independence of compiled code ---------------------------------------------------------------

WITHOUT_COMPILED = """
    import sys
    from importlib.abc import MetaPathFinder

    class Refuse(MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name.startswith("marlfast.core._"):
                raise ImportError(f"compiled code is out of bounds here: {name}")
            return None

    sys.meta_path.insert(0, Refuse())
    import numpy as np
    import marlfast as mf

    drift = mf.games.Drift(agents=3, horizon=6)
    shaping = [mf.rewards.Diversity(0.2), mf.rewards.Redundancy(0.1),
               mf.rewards.PotentialBased(mf.rewards.Distance(0.0))]
    run = mf.train(drift, mf.IQL(), encoder=mf.Rounding(1), rewards=mf.rewards.cooperative(), shaping=shaping,
                   episodes=4, runs=2, seed=3, backend="numpy")
    assert run.returns.shape == (2, 4, 3) and np.isfinite(run.returns).all() and run.q.any()
    run.save(sys.argv[1])
    again = mf.train(resume=mf.load(sys.argv[1], backend="numpy"), episodes=2, backend="numpy")
    assert again.returns.shape == (2, 6, 3) and (again.returns[:, :4] == run.returns).all()
    on_grid = mf.train(drift, mf.IQL(explore=mf.Boltzmann(0.5)), encoder=mf.Grid(-3.0, 3.0, 5),
                       rewards=mf.rewards.difference(), episodes=3, seed=1, backend="numpy")
    assert on_grid.q.any()
    generator = np.random.default_rng(0)
    chance = mf.games.MarkovGame(generator.dirichlet(np.ones(3), (3, 4)), generator.normal(size=(3, 4)), (2, 2),
                                 horizon=5)
    assert mf.train(chance, mf.IQL(), episodes=3, seed=1, backend="numpy").q.any()
    env = drift.env(runs=2, seed=1, backend="numpy")
    team = mf.IQL().team(drift, runs=2, seed=1, encoder=mf.Rounding(1), backend="numpy")
    seen = env.reset()
    actions = team.act(seen)
    then, rewards, terminated, truncated = env.step(actions)
    team.update(seen, actions, rewards, then, terminated, truncated)
    assert mf.evaluate(drift, run.policy(0), episodes=2, seed=1, backend="numpy").returns.shape[1:] == (2, 3)
    compiled = sorted(name for name in sys.modules if name.startswith("marlfast.core._"))
    assert not compiled, compiled
    try:
        mf.train(drift, mf.IQL(), encoder=mf.Rounding(1), episodes=1)
    except ImportError as error:
        assert "out of bounds" in str(error)
    else:
        raise AssertionError("compiled code was not out of bounds")
    print("fine")
"""


POLICY_WITHOUT_COMPILED = WITHOUT_COMPILED[:WITHOUT_COMPILED.index("    drift = ")] + """
    drift = mf.games.Drift(agents=3, horizon=6)
    run = mf.train(drift, mf.IQL(), encoder=mf.Grid(-3.0, 3.0, 5), episodes=2, seed=1, backend="numpy")
    assert run.policy(0)([0.0, 0.0]).shape == (3,)
    assert mf.evaluate(drift, run.policy(0), episodes=2, seed=1, backend="numpy").returns.shape[1:] == (2, 3)
    print("fine")
"""


@pytest.mark.parametrize("code", [WITHOUT_COMPILED, POLICY_WITHOUT_COMPILED], ids=["training", "policy"])
def test_the_numpy_backend_needs_no_compiled_code(code, tmp_path):
    done = subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(code), str(tmp_path / "run.npz")],
                          capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["fine"]


# -- parity of every registered game -------------------------------------------------------------

def test_every_registered_game_has_a_parity_example(game_examples):
    registered = registry.names("game")
    turns = {name for name, cls in registered.items()
             if isinstance(cls.participation, tuple) and cls.participation}     # tests/games/test_turn_games.py
    examples = set(game_examples) - {"with_history"}        # which an encoder makes of a game
    assert set(registered) - turns == examples, "give the new game examples in tests/conftest.py"
    for name in examples:
        assert game_examples[name], name
        assert all(type(example) is registered[name] for example in game_examples[name]), name


def test_both_backends_play_an_example_alike(game_example):
    """Step by step through the kernels: states, rewards, ends, observations, and the others' rewards, bit for bit."""
    game, runs = game_example, 5
    compiled, twin = game.kernel("cython"), game.kernel("numpy")
    generator = np.random.default_rng(11)
    states = [np.zeros((runs, compiled.state_size)) for _ in range(2)]
    outcomes = []
    draws = [(generator.random((runs, compiled.start_uniforms)),
              generator.normal(size=(runs, compiled.start_normals)))]
    draws += [(generator.random((runs, compiled.step_uniforms)), generator.normal(size=(runs, compiled.step_normals)))
              for _ in range(20)]
    actions = [(generator.random((runs, game.agents)) * game.action_counts).astype(np.int32) for _ in range(20)]
    for kernel, state in zip((compiled, twin), states, strict=True):
        outcome = []
        kernel.start(state, *draws[0])
        for taken, drawn in zip(actions, draws[1:], strict=True):
            rewards, terminated = np.zeros((runs, game.agents)), np.zeros(runs, bool)
            observation = np.zeros((runs, kernel.views, kernel.features))
            kernel.step(state, taken, *drawn, rewards, terminated)
            kernel.observe(state, observation)
            others = np.zeros((runs, game.agents))
            try:
                kernel.counterfactual(state, taken, rewards, others)
            except ValueError as error:
                others = str(error)
            outcome.append([a if isinstance(a, str) else a.tobytes()
                            for a in (state, rewards, terminated, observation, others)])
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
    assert any(a != b for a, b in zip(outcomes[0], outcomes[0][1:], strict=False))


def test_both_backends_train_on_an_example_alike(game_example):
    encoder = encoder_for(game_example, 1)
    stop = mf.Steps(60)
    many = game_example.agents > 32         # a table for each would take half a gigabyte
    learner = mf.IQL(initial_q=0.5, share="all" if many else "none")
    results = [mf.train(game_example, learner, encoder=encoder, episodes=12, stop=stop, runs=3, seed=5,
                        backend=backend, threads=1) for backend in ("cython", "numpy")]
    for name, array in results[0].arrays.items():
        other = results[1].arrays[name]
        assert array.dtype == other.dtype and array.tobytes() == other.tobytes(), name
    assert results[0].arrays["learner.visits"].sum() == results[0].steps.sum() * game_example.agents
