"""What would crash an interpreter if kernels did not refuse it: each in a process of its own, so that one sees."""
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import marlfast

HOME = Path(marlfast.__file__).parents[1]         # where it is installed, which need not be the checkout

# A kernel of None, or one that was never made, has no functions to call and no shapes to check against.
PREAMBLE = """
    import numpy as np
    from marlfast.backends import kernels
    f, i, b, l = (lambda *s, d=d: np.zeros(s, d) for d in ("f8", "i4", "?", "i8"))
    for backend in ("numpy", "cython"):
        K, D, W, T, S, E, V, L = (kernels(backend, name) for name in (
            "kernels", "drift", "rewards", "q_learning", "schedules", "encoders", "env", "loop"))
        try:
            SNIPPET
        except EXPECTED:
            print(backend, "refused")
        else:
            print(backend, "went through")
"""
CONSTANT = "S.Schedule(0, False, f(1), f(1), f(1), f(0), f(1), l(1))"
LEARNER = ("T.QLearning(q=q, greedy=g, visits=i(1, 1, 1), table_of=i(1), n_actions=i(1) + 12, agent_ids=i(1), "
           "discount=f(1), "
           "rate={rate}, exploration={exploration}, kind=0, strict=True, ties=0, draws=2, learning=True)")
TABLES = "q = f(1, 1, 1, 12); g = i(1, 1, 1); "
GAME = "D.Drift(1, 1, .1, .1, .1, 1)"
REST = f"game={GAME}, encoder=E.Grid(1, 1, 1, f(1), f(1) + 1, l(1) + 2)"
ARRAYS = ("state=f(1, 1), observation=f(1, 1, 1), rows=i(1, 1), steps=l(1), episodes=l(1), episode_steps=l(1), "
          "episode_return=f(1, 1), episode_shaped=f(1, 1), returns=f(1, 1, 1), shaped_returns=f(1, 1, 1), "
          "lengths=l(1, 1), stable=l(1), recent=f(1, 0), recent_sum=f(1), reason=i(1), run_numbers=l(1), fault=l(1), "
          "horizon=0, horizon_ends=False, record_every=1, max_steps=1, max_episodes=1, max_stable=1, "
          "stable_after=l(1), min_return=0.0, seeds=l(1).astype('u8'), purpose=0, supplied={}")
PLAYER = ("action_counts=i(2), horizon=0, horizon_ends=False, state=f(1, 2), observation=f(1, 1, 2), rewards=f(1, 2), "
          "terminated=b(1), truncated=b(1), steps=l(1), starts=l(1), episode_steps=l(1), run_numbers=l(1), "
          "seeds=l(1).astype('u8'), purpose=0")
NEVER_MADE = {
    "step of a bare Game": "K.Game().step(f(1, 0), i(1, 0), f(1, 0), f(1, 0), f(1, 0), b(1))",
    "start of a bare Game": "K.Game().start(f(1, 0), f(1, 0), f(1, 0))",
    "observe of a bare Game": "K.Game().observe(f(1, 0), f(1, 0, 0))",
    "without of a bare Game": "K.Game().without(f(1, 0), i(1, 0), f(1, 0), f(1, 0))",
    "encode of a bare Encoder": "K.Encoder().encode(f(0, 0, 0), i(0, 0))",
    "apply of a bare Reward": "K.Reward().apply(i(0, 0), i(0, 0), f(0, 0), f(0, 0), i(0, 0), f(0, 0), f(0, 0, 0), "
                              "b(0), b(0))",
    "act of a bare Learner": "K.Learner().act(i(0, 0), f(0, 0, 0), i(0, 0))",
    "tick of a bare Learner": "K.Learner().tick(b(0))",
    "step of a game never made": "D.Drift.__new__(D.Drift).step(f(1, 0), i(1, 0), f(1, 0), f(1, 0), f(1, 0), b(1))",
}
NONE_FOR_A_KERNEL = {
    "Mix of None": "W.Mix(1, None, 1.0, f(0, 0), i(2))",
    "Difference of None": "W.Difference(1, None)",
    "Diversity of None": "W.Diversity(1, None, 3, 1.0)",
    "PotentialTable of None": "W.PotentialTable(1, None, 0.9, f(1, 1))",
    "PotentialDistance of None": "W.PotentialDistance(1, None, 0.9, f(2), f(2), 1)",
    "QLearning without a rate": TABLES + LEARNER.format(rate="None", exploration=CONSTANT),
    "QLearning without an exploration": TABLES + LEARNER.format(rate=CONSTANT, exploration="None"),
    "Env of None": f"V.Env(game=None, {PLAYER})",
    "Loop of None": f"L.Loop(game=None, encoder=None, rewards=[], learners=[], {ARRAYS})",
    "Loop without an encoder": f"L.Loop(game={GAME}, encoder=None, rewards=[], learners=[], {ARRAYS})",
    "Loop with None for a reward": f"L.Loop({REST}, rewards=[None], learners=[None], {ARRAYS})",
    "Loop with None for a learner": f"L.Loop({REST}, rewards=[W.Difference(1, {GAME})], learners=[None], {ARRAYS})",
}
OUT_OF_RANGE = {
    "a greedy action far outside": f"{TABLES}t = {LEARNER.format(rate=CONSTANT, exploration=CONSTANT)}; g[:] = 2**31 "
                                   f"- 1; "
                                   "t.update(i(1, 1), i(1, 1), f(1, 1) + 1, i(1, 1), ~b(1), b(1))",
}
CASES = [pytest.param(code, expected, id=name) for cases, expected in (
    (NEVER_MADE, "(TypeError, ValueError, AttributeError, NotImplementedError)"),
    (NONE_FOR_A_KERNEL, "(TypeError, AttributeError)"), (OUT_OF_RANGE, "ValueError")) for name, code in cases.items()]


@pytest.mark.parametrize("snippet, expected", CASES)
def test_it_is_refused(snippet, expected):
    code = textwrap.dedent(PREAMBLE).replace("SNIPPET", snippet).replace("EXPECTED", expected)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=HOME,
                          timeout=60)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stdout} {done.stderr[-500:]}"
    assert done.stdout.splitlines() == ["numpy refused", "cython refused"]
