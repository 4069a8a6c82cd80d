"""What holds for every encoder, reward structure, shaping component, exploration, schedule and stop rule.

Each has examples here; a registered one without fails a test. Q-learning is trained with each: both backends, resumed
on the way, and written as plain values.
"""
import numpy as np
import pytest
from training_helpers import assert_same, random_markov

import marlfast as mf
from marlfast import registry

S = mf.schedules
MARKOV = random_markov(3, (3, 3), states=4, horizon=4, terminal=True)
DRIFT = mf.games.Drift(agents=2, state_size=2, actions=3, horizon=5)

EXAMPLES = {
    "exploration": {
        "epsilon_greedy": mf.EpsilonGreedy(0.8, decay=0.9, minimum=0.1, per="step"),
        "epsilon_greedy, first ties": mf.EpsilonGreedy(0.3, ties="first"),
        "epsilon_greedy, random ties": mf.EpsilonGreedy(0.3, ties="random", strict=False),
        "boltzmann": mf.Boltzmann(S.Exponential(2.0, 0.95, minimum=0.2)),
    },
    "schedule": {
        "constant": S.Constant(0.3), "linear": S.Linear(0.9, 0.1, 17),
        "linear, episodes": S.Linear(0.1, 0.9, 5, "episode"),
        "exponential": S.Exponential(0.9, 0.9, minimum=0.3), "harmonic": S.Harmonic(0.9, 0.3, per="episode"),
        "table": S.Table([0.9, 0.1, 0.5, 0.2]), "visit_count": S.VisitCount(0.9, 0.5, power=0.8, minimum=0.1),
    },
    "encoder": {
        "numbered": mf.encoders.Numbered(), "agent_index": mf.AgentIndex(),
        "agent_index, growing": mf.AgentIndex(mf.Rounding(1), common=True),
        "grid": mf.Grid((-2.0, -1.0), 3.0, (4, 3)), "rounding": mf.Rounding(1), "rounding, tens": mf.Rounding(-1),
        "history": mf.History(2, mf.Rounding(0), actions=True),
        "tiles": mf.Tiles(4, -2.0, 3.0, 3), "tiles, groups, hashed": mf.Tiles(2, -2.0, 3.0, 3, [[0], [1, 0]], 20),
    },
    "reward structure": {
        "individual": mf.rewards.individual(), "cooperative": mf.rewards.cooperative(),
        "competitive": mf.rewards.competitive(), "mixed": mf.rewards.mixed([[1], [0]]),
        "matrix": mf.rewards.matrix([[0.7, 0.3], [-0.2, 1.0]]), "difference": mf.rewards.difference(),
    },
    "shaping": {
        "diversity": mf.rewards.Diversity(0.3), "redundancy": mf.rewards.Redundancy(0.2),
        "potential_based": mf.rewards.PotentialBased(mf.rewards.Distance(0.5, [1.0, 0.2], order=2)),
        "potential_based, table": mf.rewards.PotentialBased(np.arange(4.0), discount=0.5),
    },
    "potential": {"distance": mf.rewards.Distance([0.5, 0.0], 0.3)},
    "initial values": {
        "uniform": mf.initial.Uniform(-1.0, [0.0, 1.0, 2.0]), "normal": mf.initial.Normal(0.5, 0.3),
        "normal, growing": mf.initial.Normal([[0.0], [1.0]], 0.3),
    },
    "stop rule": {
        "steps": mf.Steps(31), "episodes": mf.Episodes(7), "greedy_stable": mf.GreedyStable(9),
        "return_reached": mf.ReturnReached(0.2, window=3),
    },
}
ALL = [(kind, name) for kind, examples in EXAMPLES.items() for name in examples]


def options(kind, name):
    """What ``marlfast.train`` is given to use a part."""
    part = EXAMPLES[kind][name]
    learner = mf.IQL(0.3, explore=mf.EpsilonGreedy(0.4))
    given = {"game": MARKOV, "learner": learner}
    if kind == "exploration":
        given["learner"] = mf.IQL(0.3, explore=part)
    elif kind == "schedule":
        given["learner"] = mf.IQL(part, explore=mf.EpsilonGreedy(0.4 if name == "visit_count" else part))
    elif kind == "encoder":
        given |= {"encoder": part} if name in ("numbered", "agent_index") else {"game": DRIFT, "encoder": part}
    elif kind == "reward structure":
        given["rewards"] = part
        if name == "difference":
            given["game"] = mf.games.ElFarol(2, capacity=1)
    elif kind == "stop rule":
        given["stop"] = part
    elif kind == "initial values":
        given["learner"] = mf.IQL(0.3, explore=mf.EpsilonGreedy(0.4), initial_q=part)
        given |= {"game": DRIFT, "encoder": mf.Rounding(1)} if "growing" in name else {}
    else:
        part = mf.rewards.PotentialBased(part) if kind == "potential" else part
        given["shaping"] = [part]
        if isinstance(getattr(part, "potential", None), mf.rewards.Distance):
            given |= {"game": DRIFT, "encoder": mf.Grid(-2.0, 3.0, 4)}
    return given | {"runs": 3, "seed": 3}


@pytest.mark.parametrize("kind, name", ALL, ids=[": ".join(one) for one in ALL])
def test_every_part_in_training(kind, name, tmp_path):
    given = options(kind, name)
    whole = mf.train(**given, steps=60, threads=1, block=60)
    assert_same(mf.train(**given, steps=60, backend="numpy"), whole)
    assert_same(mf.train(**given, steps=60, threads=2, block=7), whole)
    for steps in (1, 23):
        mf.train(**given, steps=steps).save(tmp_path / "part.npz")
        part = mf.load(tmp_path / "part.npz")
        done = not part.stop_reason.count("steps")
        assert_same(part if done else mf.train(resume=part, steps=60 - int(part.steps.max())), whole)
    played = [mf.evaluate(given["game"], whole, episodes=3, seed=1, backend=backend).returns.tobytes()
              for backend in ("cython", "numpy")]
    assert played[0] == played[1]
    one = EXAMPLES[kind][name]
    assert registry.from_dict(kind, one.to_dict()) == one and registry.lookup(kind, one.name) is type(one)
    if kind not in ("exploration", "schedule", "encoder", "stop rule", "initial values"):     # it matters
        plain = {key: value for key, value in given.items() if key not in ("rewards", "shaping")}
        same = mf.train(**plain, steps=60).arrays["learner.q"].tobytes() == whole.arrays["learner.q"].tobytes()
        assert same == (name == "individual")


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_registered_part_has_an_example(kind):
    known = {name for name, cls in registry.names(kind).items() if cls.__module__.startswith("marlfast.")}
    assert known == {one.name for one in EXAMPLES[kind].values()}


def test_every_kind_of_definition_has_examples():
    """Games and learners have theirs beside their tests."""
    ours = {kind for kind, found in registry._REGISTRY.items()
            if any(cls.__module__.startswith("marlfast.") for cls in found.values())}   # other tests register more
    assert ours <= {*EXAMPLES, "game", "learner", "study", "transitions"}
