"""Policies as tables: the same decisions as the learners', alone, in batches, in files, in C and in JSON."""
import copy
import ctypes
import json
import math
import pickle
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import marlfast as mf
from marlfast.policy import Player, plays_of

DRIFT = mf.games.Drift(agents=3, horizon=30)
FORAGING = mf.games.LevelForaging(players=2, size=5, food=1)
CASES = {
    "numbered": (mf.games.PrisonersDilemma(memory=1, horizon=20), mf.IQL(), None),
    "own views": (mf.games.Soccer(horizon=20), mf.IQL(), None),
    "grid": (DRIFT, mf.IQL(), mf.Grid((-2.0, -4.0), (20.0, 4.0), (20, 4))),
    "rounding": (DRIFT, mf.IQL(), mf.Rounding(0)),
    "hashed": (FORAGING, mf.IQL(explore=mf.EpsilonGreedy(1.0)), mf.Rounding(0)),
    "agent index": (DRIFT, mf.IQL(share="all"), mf.AgentIndex(mf.Rounding(0))),
    "mixed": (mf.games.RockPaperScissors(memory=1, horizon=20), mf.learners.WoLFPHC(), None),
    "boltzmann": (DRIFT, mf.IQL(explore=mf.Boltzmann(0.5)), mf.Rounding(0)),
    "joint": (mf.games.Chicken(memory=1, horizon=20), mf.learners.CorrelatedQ(), None),
}


@pytest.fixture(scope="module")
def trained():
    return {name: mf.train(game, learner, encoder=encoder, episodes=100, seed=1, threads=1)
            for name, (game, learner, encoder) in CASES.items()}


def observations(game, count=40, seed=3):
    """What is seen under random play: float64 [count, V, D]."""
    env, random, found = game.env(seed=seed), np.random.default_rng(seed), []
    obs = env.reset()
    while len(found) < count:
        found.append(obs[0].copy())
        obs, _, terminated, truncated = env.step(random.integers(0, game.action_counts))
        if terminated[0] or truncated[0]:
            obs = env.reset()
    return np.array(found)


def by_rows(policy, obs):
    """Probabilities of each agent's actions, asked of the learners: a list over observations of lists over agents."""
    player = Player(plays_of(policy, policy.kind), policy.experiment.game.agents, 1, 0)
    return [player.chances(policy._rows(one)[None]) for one in obs]


@pytest.mark.parametrize("name", CASES)
def test_tables_say_what_learners_say(trained, name):
    game = CASES[name][0]
    obs = observations(game)
    for kind in ("policy", "behaviour", "greedy"):
        policy = trained[name].policy(0, kind=kind)
        alone = policy.standalone()
        for one, wanted in zip(obs, by_rows(policy, obs), strict=True):
            for ours, theirs in zip(alone.probabilities(one), wanted, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_one_by_one_in_batches_and_by_agent(trained, name):
    game = CASES[name][0]
    obs, kind = observations(game), "greedy"
    policy = trained[name].policy(0, kind=kind)
    together = policy(obs)
    assert together.shape == (len(obs), game.agents) and together.dtype == np.int32
    assert [policy(one).tolist() for one in obs] == together.tolist()
    for i in range(game.agents):
        own = obs[:, i if game.views > 1 else 0]
        one = policy.agent(i)
        assert one(own).tolist() == together[:, i].tolist() == [one(x) for x in own]
        assert policy.agent(f"agent_{i}")(own[0]) == together[0, i]
    names = {f"agent_{i}": obs[0, i if game.views > 1 else 0] for i in range(game.agents)}
    assert policy(names) == dict(zip(names, together[0].tolist(), strict=True))
    assert list(policy({"agent_1": names["agent_1"]})) == ["agent_1"]


@pytest.mark.parametrize("name", ["mixed", "boltzmann", "joint"])
def test_draws_follow_the_probabilities(trained, name):
    """30,000 decisions in one place: within five standard deviations of what the learner says."""
    game = CASES[name][0]
    obs, count = observations(game, 1)[0], 30_000
    policy = trained[name].policy(0, kind="behaviour" if name != "mixed" else "policy", seed=5)
    drawn = policy(np.repeat(obs[None], count, axis=0))
    for i, p in enumerate(by_rows(policy, [obs])[0]):
        counted = np.bincount(drawn[:, i], minlength=len(p)) / count
        assert (np.abs(counted - p) <= 5 * np.sqrt(p * (1 - p) / count) + 1e-12).all()
    again = trained[name].policy(0, kind="behaviour" if name != "mixed" else "policy", seed=5)
    assert again(np.repeat(obs[None], count, axis=0)).tolist() == drawn.tolist()


def test_joint_draws_stay_joint():
    """Two agents who draw the same action together, each of two as likely."""
    both = mf.TablePolicy(["a", "b"], [2, 2], {"name": "numbered", "rows": 1}, chances=[[[0.5, 0.0, 0.0, 0.5]]],
                          groups=[[0, 1]])
    drawn = both(np.zeros((1000, 1, 1)))
    assert (drawn[:, 0] == drawn[:, 1]).all() and 400 < drawn[:, 0].sum() < 600
    assert [p.tolist() for p in both.probabilities(0)] == [[0.5, 0.5], [0.5, 0.5]]


def test_the_numpy_backend_decides_alike(trained):
    for name, (game, *_) in CASES.items():
        obs = observations(game)
        for kind in ("policy", "behaviour"):
            alone = trained[name].policy(0, kind=kind, seed=9).standalone()
            state = alone.__dict__ | {"_random": np.random.default_rng(9), "backend": "numpy"}
            twin = object.__new__(mf.TablePolicy)
            twin.__setstate__({key: value for key, value in state.items() if key not in ("_bound", "_kernel")})
            assert twin(obs).tolist() == alone(obs).tolist(), (name, kind)


def test_stable_baselines_predict(trained):
    game = CASES["own views"][0]
    obs, policy = observations(game), trained["own views"].policy(0, kind="behaviour", seed=4)
    flat = obs.reshape(len(obs), -1)
    likeliest, state = policy.predict(flat, deterministic=True)
    assert state is None and likeliest.tolist() == trained["own views"].policy(0)(obs).tolist()
    assert policy.predict(flat[0], deterministic=True)[0].tolist() == likeliest[0].tolist()
    assert policy.predict(flat[:1], ("s",), np.ones(1, bool))[0].shape == (1, game.agents)
    drawn, state = policy.predict(flat, ("s",))
    assert state == ("s",) and (drawn != likeliest).any()
    one_view = trained["grid"].policy(0)
    assert one_view.predict(observations(DRIFT)[:1, 0])[0].shape == (1, 3)
    assert one_view.predict(observations(DRIFT)[0, 0])[0].shape == (3,)


# -- copies and files ----------------------------------------------------------------------------------

@pytest.mark.parametrize("copied", [lambda p: pickle.loads(pickle.dumps(p)), copy.deepcopy])
def test_copies_draw_on(trained, copied):
    for name in ("mixed", "boltzmann"):
        obs = observations(CASES[name][0])
        for policy in (trained[name].policy(0, kind="policy", seed=2),
                       trained[name].policy(0, kind="policy", seed=2).standalone()):
            policy(obs)
            other = copied(policy)
            assert [other(one).tolist() for one in obs] == [policy(one).tolist() for one in obs]


def test_a_copy_remembers_what_was_done():
    game = mf.games.PrisonersDilemma(horizon=0)
    run = mf.train(game, [mf.learners.TitForTat(), mf.learners.FixedPolicy([0.5, 0.5])], steps=50, seed=0)
    policy = run.policy(0, seed=1)
    for _ in range(5):
        policy(0)
        policy.observe([0.0, 0.0])
    other = pickle.loads(pickle.dumps(policy))
    for _ in range(20):
        assert other(0).tolist() == policy(0).tolist()


@pytest.mark.parametrize("name", CASES)
def test_there_and_back(trained, name, tmp_path):
    obs = observations(CASES[name][0])
    for kind in ("policy", "behaviour"):
        policy = trained[name].policy(0, kind=kind, seed=8)
        policy.save(tmp_path / "policy.npz")
        loaded = mf.Policy.load(tmp_path / "policy.npz", seed=8)
        assert loaded(obs).tolist() == policy(obs).tolist()
        assert loaded.about["game"] == CASES[name][0].name and loaded.about["kind"] == kind
    with np.load(tmp_path / "policy.npz", allow_pickle=False) as archive:       # as the docs say that it is
        manifest = json.loads(bytes(archive["manifest"]).decode())
        assert manifest["format"] == "marlfast policy"
        assert set(archive.files) <= {"manifest", "choices", "chances", "keys"}


def change(path, **changes):
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    manifest = json.loads(bytes(arrays.pop("manifest")).decode())
    for name, value in changes.items():
        place = arrays if name in arrays else manifest
        if value is None:
            del place[name]
        else:
            place[name] = value
    np.savez(path, manifest=np.frombuffer(json.dumps(manifest).encode(), np.uint8), **arrays)


@pytest.mark.parametrize("changes, words", [
    ({"format": "marlfast result"}, "it is a result: marlfast.load reads it"),
    ({"version": 99}, "newer marlfast"),
    ({"agents": None}, "incomplete"),
    ({"agents": ["a", "a", "b"]}, "agents"),
    ({"action_counts": [5, 5]}, "action_counts"),
    ({"views": 2}, "views"),
    ({"groups": [[0], [1]]}, "groups"),
    ({"encoder": {"name": "rounding"}}, "encoder"),
    ({"encoder": {"name": "grid", "low": [0.0], "high": [1.0], "bins": [3]}}, "encoder"),
    ({"choices": np.full((3, 3), 1, np.int32)}, "choices"),
    ({"choices": None}, "choices"),
    ({"keys": np.zeros((3, 2), np.int64)}, "keys"),
    ({"keys": np.zeros((3, 2))}, "keys"),
    ({"keys": np.array([["a", "b"]], object)}, "never loaded"),
    ({"about": 3}, "not a policy"),
])
def test_hostile_files_are_refused(trained, tmp_path, changes, words):
    path = tmp_path / "policy.npz"
    trained["rounding"].policy(0).save(path)
    mf.Policy.load(path)
    change(path, **changes)
    with pytest.raises(mf.FileError, match=words) as caught:
        mf.Policy.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_actions_that_are_none_and_damaged_files_are_refused(trained, tmp_path):
    path = tmp_path / "policy.npz"
    trained["numbered"].policy(0).save(path)
    change(path, choices=np.full((5, 2), 2, np.int32))
    with pytest.raises(mf.FileError, match="choices: holds numbers that are no actions"):
        mf.Policy.load(path)
    trained["mixed"].policy(0).save(path)
    change(path, chances=np.full((10, 2, 3), 0.5))
    with pytest.raises(mf.FileError, match="add up to 1"):
        mf.Policy.load(path)
    whole = path.read_bytes()
    for cut in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(mf.FileError):
            mf.Policy.load(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        mf.Policy.load(tmp_path / "none.npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(mf.FileError, match="not a marlfast policy .its member 'x' is no array"):
        mf.Policy.load(path)
    trained["numbered"].policy(0).save(path)
    with pytest.raises(mf.FileError, match="it is a policy: marlfast.Policy.load reads it"):
        mf.load(path)


# -- without marlfast ----------------------------------------------------------------------------------

def reader():
    """The reader that the how-to shows: a module's names."""
    from pathlib import Path

    text = (Path(__file__).resolve().parents[1] / "docs" / "howto" / "serve.md").read_text("utf-8")
    code = next(block.partition("```")[0] for block in text.split("```python\n")[1:] if "def action" in block)
    assert len(code.strip().splitlines()) <= 30
    names = {}
    exec(code, names)
    return names


@pytest.mark.parametrize("name", CASES)
def test_json_without_marlfast(trained, name, tmp_path):
    game, names = CASES[name][0], reader()
    obs = np.concatenate([observations(game), observations(game) + (0 if game.observations else 1.0)])
    policy = trained[name].policy(0)
    policy.export(tmp_path / "policy.json")
    told = names["read"](tmp_path / "policy.json")
    alone = policy.standalone()
    u = np.random.default_rng(0).random((len(obs), len(alone.groups)))
    wanted = np.zeros((len(obs), game.agents), np.int32)
    alone._kernel.act(obs, u, wanted)
    group = {i: g for g, members in enumerate(alone.groups) for i in members}
    for k, one in enumerate(obs):
        for i in range(game.agents):
            own = one[i if game.views > 1 else 0].tolist()
            assert names["action"](told, i, own, u[k, group[i]]) == wanted[k, i]


@pytest.mark.skipif(shutil.which("gcc") is None and shutil.which("cc") is None, reason="needs a C compiler")
def test_c_header_without_marlfast(trained, tmp_path):
    """Every header in one library: self-contained, no name twice, no warning; the same decisions."""
    lines = []
    for k, name in enumerate(CASES):
        trained[name].policy(0).export(tmp_path / f"team{k}.h")
        lines.append(f'#include "team{k}.h"\nint act{k}(int i, const double *o, double u) '
                     f'{{ return team{k}_action(i, o, u); }}')
    (tmp_path / "all.c").write_text("\n".join(lines))
    compiler = shutil.which("gcc") or shutil.which("cc")
    subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-ffp-contract=off",
                    "-shared", "-fPIC", "-o", tmp_path / "all.so", tmp_path / "all.c", "-lm"], check=True)
    library = ctypes.CDLL(str(tmp_path / "all.so"))
    for k, name in enumerate(CASES):
        game, call = CASES[name][0], library[f"act{k}"]
        call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_double]
        obs = np.concatenate([observations(game), observations(game) + (0 if game.observations else 1.0)])
        alone = trained[name].policy(0).standalone()
        u = np.random.default_rng(0).random((len(obs), len(alone.groups)))
        wanted = np.zeros((len(obs), game.agents), np.int32)
        alone._kernel.act(obs, u, wanted)
        group = {i: g for g, members in enumerate(alone.groups) for i in members}
        for b, one in enumerate(obs):
            for i in range(game.agents):
                own = np.ascontiguousarray(one[i if game.views > 1 else 0])
                assert call(i, own.ctypes.data, u[b, group[i]]) == wanted[b, i], name
        bad = np.full(game.features, math.nan)
        assert call(0, bad.ctypes.data, 0.0) == call(game.agents, obs[0].ctypes.data, 0.0) == -1


def test_loading_needs_no_learner(trained, tmp_path):
    """A fresh process plays a policy, and has made no game and no learner."""
    trained["rounding"].policy(0).save(tmp_path / "policy.npz")
    obs = observations(DRIFT)
    code = ("import sys, numpy as np\nfrom marlfast.table_policy import TablePolicy\n"
            f"p = TablePolicy.load({str(tmp_path / 'policy.npz')!r})\nprint(p(np.array({obs.tolist()})).tolist())")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(trained["rounding"].policy(0)(obs).tolist())


# -- what has no tables, and bad input -----------------------------------------------------------------

def test_what_does_not_follow_from_a_row_says_so(tmp_path):
    dilemma = mf.games.PrisonersDilemma(horizon=0)
    run = mf.train(dilemma, [mf.learners.TitForTat(), mf.IQL()], steps=50, seed=0)
    with pytest.raises(ValueError, match=r"agents \[0\] \(tit_for_tat\) remember something"):
        run.policy(0).save(tmp_path / "policy.npz")
    with pytest.raises(ValueError, match="single one"):
        run.policy(0)([[[0]], [[0]]])
    assert run.policy(0)(0).shape == (2,)
    tiles = mf.train(DRIFT, mf.IQL(), encoder=mf.Tiles(4, (-2.0, -4.0), (20.0, 4.0), (5, 4)), episodes=20, seed=0)
    with pytest.raises(ValueError, match="several rows"):
        tiles.policy(0).standalone()
    obs = observations(DRIFT)
    assert tiles.policy(0)(obs).tolist() == [tiles.policy(0)(one).tolist() for one in obs]


@pytest.mark.parametrize("given, words", [
    ([0.0], r"expected shape \(1, 2\), or \('B', 1, 2\) for B copies, got \(1,\)"),
    (np.zeros((2, 3, 2)), r"got \(2, 3, 2\)"),
    (np.zeros((5, 2)), r"got \(5, 2\)"),
    ([math.nan, 0.0], "expected finite numbers"),
    ([1e300, 0.0], "observation"),
])
def test_bad_observations(trained, given, words):
    for policy in (trained["rounding"].policy(0), trained["rounding"].policy(0).standalone()):
        with pytest.raises(ValueError, match=words):
            policy(given)


def test_other_bad_input(trained, tmp_path):
    policy = trained["numbered"].policy(0)
    with pytest.raises(ValueError, match=r"whole numbers from 0 to 4, got 5\.0"):
        policy(5)
    with pytest.raises(ValueError, match=r"got 0\.5"):
        policy([[[0.0]], [[0.5]]])
    with pytest.raises(TypeError, match="expected numbers"):
        policy("x")
    with pytest.raises(ValueError, match="unknown agent 'agent_7'"):
        policy({"agent_7": 0})
    with pytest.raises(ValueError, match="unknown agent 'eve'"):
        policy.agent("eve")
    with pytest.raises(ValueError, match="path: expected a name that ends with"):
        policy.export(tmp_path / "policy.txt")
    with pytest.raises(ValueError, match="name: expected a name of C"):
        policy.export(tmp_path / "policy.h", name="a b")
    with pytest.raises(ValueError, match="name: only a C header"):
        policy.export(tmp_path / "policy.json", name="a")
    assert list(tmp_path.iterdir()) == []


def test_evaluation_of_tables(trained):
    """A policy that is looked up earns what the learner's kernel earns with it."""
    for name in ("numbered", "grid", "own views"):
        game, policy = CASES[name][0], trained[name].policy(0)
        wanted = mf.evaluate(game, policy, episodes=5, runs=3, seed=2)
        got = mf.evaluate(game, policy.standalone(), episodes=5, runs=3, seed=2)
        assert got.returns.tolist() == wanted.returns.tolist()
    with pytest.raises(ValueError, match="this game has"):
        mf.evaluate(DRIFT, trained["numbered"].policy(0).standalone())


@pytest.mark.parametrize("given", [[5.2], 5.2, [], [1.0, 2.0, 3.0]])
def test_an_observation_by_name_of_another_length_is_refused(given):
    run = mf.train(mf.games.Drift(agents=2), mf.IQL(), encoder=mf.Grid((0.0, 0.0), 4.0, 4), steps=50, seed=0)
    assert set(run.policy()({"agent_0": [1.0, 2.0]})) == {"agent_0"}
    with pytest.raises(ValueError, match=r"^observation: expected what agent 0 observes, shape \(2,\), got \("):
        run.policy()({"agent_0": given})
