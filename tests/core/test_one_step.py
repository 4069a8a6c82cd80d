"""Learners from one step at once, by hand; and with those from several, in both backends.

Everywhere: rate 1/4, discount 1/2 and no exploration, unless said otherwise.
"""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .make import (
    DISTRIBUTED,
    FREQUENCY,
    HYSTERETIC,
    MODULE_OF,
    ROWS,
    A,
    Learning,
    N,
    R,
    Tables,
    flags,
    ints,
    learning_arguments,
    modules,
    schedule,
)


@pytest.fixture(params=[False, True], ids=["apart", "packed"])
def module(backend, request):
    return modules(backend, request.param)


# -- Expected SARSA ------------------------------------------------------------------------------

def test_expected_sarsa_by_hand(module):
    # Epsilon 1/2 over [-1, 8, 5]: 1/2 * 8 + 1/2 * 4 = 6. Target 3 + 1/2 * 6 = 6; 2 + 1/4 (6 - 2) = 3.
    t = Learning(module, "OneStep", [[[[1.0, 2.0, 0.0]], [[-1.0, 8.0, 5.0]]]], exploration=0.5)
    assert not t.step(0, 1, 3.0, 1)
    assert t.q[0, 0, 0].tolist() == [1.0, 3.0, 0.0] and t.visits.ravel().tolist() == [1, 0]
    assert not t.step(0, 0, 6.0, 1, terminated=True)        # 1 + 1/4 (6 - 1)
    assert t.q[0, 0, 0].tolist() == [2.25, 3.0, 0.0]


@pytest.mark.parametrize("n_actions", [1, 2, 3, 4, 5, 7, 8, 9, 64])
def test_the_mean_over_any_number_of_actions(module, n_actions):
    # Only exploring: the mean of 1, 2, ..., width is (width + 1) / 2; rate and discount 1.
    q = np.zeros((1, 2, 1, n_actions))
    q[0, 1, 0] = np.arange(1, n_actions + 1)
    t = Learning(module, "OneStep", q, exploration=1.0, rate=1.0, discount=1.0)
    t.step(0, 0, 0.0, 1)
    assert t.q[0, 0, 0, 0] == (n_actions + 1) / 2


def test_expected_sarsa_without_exploration_is_q_learning(module):
    q = np.random.default_rng(0).normal(size=(1, 3, 1, 5))
    one, other = Learning(module, "OneStep", q, exploration=0.0), Tables(module, q, rate=0.25)
    for k in range(30):
        one.step(k % 3, k * 7 % 5, k * 0.1, (k + 1) % 3)
        other.update([[k % 3]], [[k * 7 % 5]], [[k * 0.1]], [[(k + 1) % 3]])
    assert one.q.tobytes() == other.q.tobytes() and (one.greedy == other.greedy).all()


def test_expected_sarsa_with_boltzmann(module):
    # Probabilities 1/4, 3/4 of [0, T log 3].
    temperature = 2.0
    t = Learning(module, "OneStep", [[[[0.0, 0.0]], [[0.0, temperature * math.log(3)]]]], kind=1,
                 exploration=temperature)
    t.step(0, 0, 1.0, 1)
    assert t.q[0, 0, 0, 0] == pytest.approx(0.25 * (1.0 + 0.5 * 0.75 * temperature * math.log(3)), rel=1e-12)


def test_the_agents_own_actions_only(module):
    # The third value of the row is no action of this agent: mean of 2 and 4, not of 2, 4 and 90.
    t = Learning(module, "OneStep", [[[[0.0, 0.0, 0.0]], [[2.0, 4.0, 90.0]]]], actions=[2], exploration=1.0, rate=1.0,
                 discount=1.0)
    t.step(0, 0, 0.0, 1)
    assert t.q[0, 0, 0].tolist() == [3.0, 0.0, 0.0]


@pytest.mark.parametrize("n_actions", [63, 64, 65, 130])
@pytest.mark.parametrize("what", ["expected", "frequency", "sarsa"])
def test_both_backends_learn_alike_from_many_actions(what, n_actions):
    case = dict(shape=(2, 2, 1, n_actions), table_of=[0, 0], actions=[n_actions] * 2, strict=True, ties=False, rate=0.5,
                discount=0.9, seed=1, agent_ids=[0, 1], length=3, accumulate=False, decay=0.5)
    for kind, exploration in ((0, 0.5), (1, 0.3)):
        expected = played("numpy", False, what, kind=kind, exploration=exploration, **case)
        assert played("cython", True, what, kind=kind, exploration=exploration, **case) == expected


# -- distributed ---------------------------------------------------------------------------------

def test_distributed_values_only_rise(module):
    t = Learning(module, "OneStep", [[[[1.0, 2.0]], [[8.0, 4.0]]]], rule=DISTRIBUTED)
    assert not t.step(0, 0, -9.0, 1)            # -9 + 4 is less than 1
    assert t.q[0, 0, 0].tolist() == [1.0, 2.0] and t.visits[0, 0, 0] == 1
    assert not t.step(0, 0, -2.5, 1)            # -2.5 + 4 = 1.5, not the greatest
    assert t.q[0, 0, 0].tolist() == [1.5, 2.0] and t.greedy[0, 0, 0] == 1
    assert t.step(0, 0, 3.0, 0, terminated=True)
    assert t.q[0, 0, 0].tolist() == [3.0, 2.0] and t.greedy[0, 0, 0] == 0


def test_the_distributed_policy_keeps_to_what_was_greatest_first(module):
    # Action 1 reaches 3 first; action 0 equals it later, and Q-learning would now take the first of the greatest.
    t = Learning(module, "OneStep", [[[[0.0, 0.0]]]], rule=DISTRIBUTED)
    assert t.step(0, 1, 3.0, 0, terminated=True)
    assert not t.step(0, 0, 3.0, 0, terminated=True)
    assert t.q[0, 0, 0].tolist() == [3.0, 3.0] and t.greedy[0, 0, 0] == 1
    assert not t.step(0, 1, 4.0, 0, terminated=True)
    assert t.step(0, 0, 5.0, 0, terminated=True) and t.greedy[0, 0, 0] == 0


# -- hysteretic ----------------------------------------------------------------------------------

def test_hysteretic_rates_by_hand(module):
    # Good news: 2 + 1/4 (6 - 2) = 3. Bad: 3 + 1/16 (-1 - 3) = 2.75. No error: no change. Small news: 2.75 + 1/4 * 1/4.
    t = Learning(module, "OneStep", [[[[0.0, 2.0]]]], rule=HYSTERETIC, second=0.0625)
    for reward, expected in ((6.0, 3.0), (-1.0, 2.75), (2.75, 2.75), (3.0, 2.8125)):
        t.step(0, 1, reward, 0, terminated=True)
        assert t.q[0, 0, 0].tolist() == [0.0, expected]


def test_both_rates_of_a_hysteretic_learner_move(module):
    schedules = module("schedules")
    rate = schedule(schedules, 0.5, kind=2, rate=0.5)
    second = schedule(schedules, 1.0, kind=2, rate=0.5, per_episode=True)
    t = Learning(module, "OneStep", [[[[0.0, 0.0]]]], rule=HYSTERETIC, rate=rate, second=second)
    t.step(0, 0, -8.0, 0, terminated=False, ended=False)        # -8 + 0: by 1
    assert t.q[0, 0, 0, 0] == -8.0
    t.step(0, 0, -16.0, 0, terminated=True)                     # still by 1, as no episode was over
    assert t.q[0, 0, 0, 0] == -16.0
    t.step(0, 0, -32.0, 0, terminated=True)                     # by 1/2
    assert t.q[0, 0, 0, 0] == -24.0
    t.step(0, 0, 0.0, 0, terminated=True)                       # good news by 1/2 * (1/2)**3
    assert t.q[0, 0, 0, 0] == -24.0 + 24.0 / 16


# -- frequency adjusted --------------------------------------------------------------------------

@pytest.mark.parametrize("beta, action, scale", [(0.125, 0, 0.5), (0.125, 1, 0.125 / 0.75), (0.25, 0, 1.0),
                                                 (0.5, 0, 1.0), (0.5, 1, 0.5 / 0.75), (1.0, 1, 1.0)])
def test_frequency_adjusted_rates_by_hand(module, beta, action, scale):
    # Probabilities 1/4, 3/4; min(beta / x, 1) * 1/4 * (reward - q).
    temperature, q = 0.5, [0.0, 0.5 * math.log(3)]
    t = Learning(module, "OneStep", [[[q]]], rule=FREQUENCY, second=beta, kind=1, exploration=temperature)
    t.step(0, action, 10.0, 0, terminated=True)
    assert t.q[0, 0, 0, action] == pytest.approx(q[action] + scale * 0.25 * (10.0 - q[action]), rel=1e-12)


def test_an_action_that_is_all_but_impossible_is_learned_with_the_whole_rate(module):
    t = Learning(module, "OneStep", [[[[0.0, 1e6]]]], rule=FREQUENCY, second=0.01, kind=1, exploration=1e-3)
    t.step(0, 0, 8.0, 0, terminated=True)
    assert t.q[0, 0, 0, 0] == 2.0


# -- double Q ------------------------------------------------------------------------------------

def test_double_q_by_hand(module):
    # First prefers action 1 in row 1 (values 1, 4), which second says is worth 2; second prefers action 0 (6), which
    # first says is worth 1. Heads: 2 + 1/4 (3 + 1/2 * 2 - 2) = 2.5. Tails: 8 + 1/4 (3 + 1/2 * 1 - 8) = 6.875.
    first, second = [[[[0.0, 2.0]], [[1.0, 4.0]]]], [[[[0.0, 8.0]], [[6.0, 2.0]]]]
    for coin, one, two in ((0.0, 2.5, 8.0), (0.4999, 2.5, 8.0), (0.5, 2.0, 6.875), (0.9999, 2.0, 6.875)):
        t = Learning(module, "DoubleQ", np.mean([first, second], axis=0), first=first, other=second)
        assert t.act([[0]], [[[0.9, 0.0, coin]]]).tolist() == [[1]]
        t.step(0, 1, 3.0, 1)
        assert t.own["first"].tolist() == [[[[0.0, one]], [[1.0, 4.0]]]]
        assert t.own["second"].tolist() == [[[[0.0, two]], [[6.0, 2.0]]]]
        assert t.q[0, 0, 0].tolist() == [0.0, (one + two) / 2] and t.visits.ravel().tolist() == [1, 0]


def test_double_q_acts_by_the_mean(module):
    # First prefers action 0, second action 1; the mean prefers action 1, until a bad step.
    first, second = [[[[2.0, 1.0]]]], [[[[0.0, 3.0]]]]
    t = Learning(module, "DoubleQ", [[[[1.0, 2.0]]]], first=first, other=second)
    assert t.act([[0]], [[[0.9, 0.0, 0.7]]]).tolist() == [[1]]
    assert t.step(0, 1, -9.0, 0, terminated=True)       # second: 3 + 1/4 (-9 - 3) = 0; the mean of 1 and 0 is 1/2
    assert t.q.tolist() == [[[[1.0, 0.5]]]] and t.own["second_greedy"].tolist() == [[[0]]]
    assert t.act([[0]], [[[0.9, 0.0, 0.0]]]).tolist() == [[0]]


@pytest.mark.parametrize("kind, ties, coin", [(0, False, 2), (0, True, 3), (1, False, 1)])
def test_the_coin_comes_after_the_draws_of_the_exploration(module, kind, ties, coin):
    t = Learning(module, "DoubleQ", np.zeros((1, 1, 1, 2)), kind=kind, ties=ties, exploration=1.0 if kind else 0.0)
    assert t.kernel.draws == coin + 1
    for heads in (True, False):
        draws = np.full((1, 1, coin + 1), 0.1 if not heads else 0.9)
        draws[0, 0, coin] = 0.1 if heads else 0.9
        t.act([[0]], draws)
        assert t.own["coins"].tolist() == [[int(heads)]]


# -- both backends -------------------------------------------------------------------------------

WHAT = ["expected", "distributed", "hysteretic", "frequency", "double", "sarsa", "sarsa lambda", "watkins", "episodes"]


@st.composite
def cases(draw):
    tables = draw(st.integers(1, 3))
    agents = draw(st.integers(tables, 4))
    table_of = [*range(tables), *draw(st.lists(st.integers(0, tables - 1), min_size=agents - tables,
                                               max_size=agents - tables))]
    n_actions = draw(st.sampled_from([1, 2, 3, 5, 8, 9, 12]))
    counts = draw(st.lists(st.integers(1, n_actions), min_size=tables, max_size=tables) | st.just([n_actions] * tables))
    kind = draw(st.integers(0, 1))
    return dict(
        shape=(draw(st.sampled_from([1, 2, 5])), draw(st.integers(1, 4)), tables, n_actions), table_of=table_of,
        actions=[counts[t] for t in table_of], kind=kind, strict=draw(st.booleans()),
        ties=draw(st.booleans()), exploration=draw(st.sampled_from([0.0, 0.3, 1.0])) if kind == 0 else
        draw(st.sampled_from([0.1, 2.0])), rate=draw(st.sampled_from([0.0, 0.1, 1.0])),
        discount=draw(st.sampled_from([0.0, 0.9, 1.0])), seed=draw(st.integers(0, 2**32 - 1)),
        agent_ids=sorted(draw(st.sets(st.integers(0, agents - 1), min_size=1))),
        length=draw(st.integers(1, 5)), accumulate=draw(st.booleans()), decay=draw(st.sampled_from([0.5, 1.0])))


def made(backend, packed, what, generator, shape, length, accumulate, decay, rate, exploration, seed, **options):
    module = modules(backend, packed)
    schedules = module("schedules")
    options = options | {"rate": schedule(schedules, rate, shape[0], 2, final=0.0, rate=0.9),
                         "exploration": schedule(schedules, exploration, shape[0], 2, final=exploration / 2, rate=0.9)}
    q = generator.integers(0, 3, shape).astype(float)
    if what in WHAT[:4]:
        rule = WHAT.index(what)
        second = schedule(schedules, 0.1, shape[0], 2, True, final=0.0, rate=0.9) if rule >= HYSTERETIC else None
        return Learning(module, "OneStep", q, rule, second, **options)
    if what == "double":
        return Learning(module, "DoubleQ", q, first=q, other=q[..., ::-1], **options)
    if what == "episodes":
        return Learning(module, "Episodes", q, length=length, **options)
    return Learning(module, "Traces", q, length=length, accumulate=accumulate, decay=0.0 if what == "sarsa" else decay,
                    on_policy=what != "watkins", **options)


def played(backend, packed, what, seed, **case):
    """Everything a learner does and keeps over some steps of random experience, with many ties."""
    generator = np.random.default_rng(seed)
    runs, rows = case["shape"][:2]
    t = made(backend, packed, what, generator, seed=seed, **case)
    agents, trace = len(t.table_of), []
    next_rows = generator.integers(0, rows, (runs, agents))
    for step in range(9):
        where, next_rows = next_rows, generator.integers(0, rows, (runs, agents))
        taken = t.act(where, generator.random((runs, agents, t.kernel.draws)))
        others = (generator.random((runs, agents)) * t.actions).astype(np.int32)
        terminated = generator.random(runs) < 0.15
        if what == "episodes" and step % case["length"] == case["length"] - 1:
            terminated[:] = generator.random() < 0.5       # else its room would end at other steps in each run
        changed = t.update(where, np.where(taken == -9, others, taken), generator.integers(-2, 3, (runs, agents)) / 2,
                           next_rows, terminated)
        t.kernel.tick(terminated | (generator.random(runs) < 0.15))
        trace.append([a.tobytes() for a in (taken, changed, *t.arrays().values())])
    return trace


@pytest.mark.parametrize("what", WHAT)
@settings(max_examples=12)
@given(case=cases())
def test_both_backends_learn_alike(what, case):
    expected = played("numpy", False, what, **case)
    assert played("cython", False, what, **case) == played("cython", True, what, **case) == expected


HOSTILE = [-1, 7, 2**31 - 1, -2**31]


def spoiled(backend, packed, what, seed, **case):
    """What a learner says and keeps when its arrays and its experience hold what they never should."""
    generator = np.random.default_rng(seed)
    runs, rows = case["shape"][:2]
    assert runs == 1
    t = made(backend, packed, what, generator, seed=seed, **case)
    agents, trace = len(t.table_of), []
    for _ in range(10):
        where, next_rows = generator.integers(0, rows, (2, 1, agents)).astype(np.int32)
        draws = generator.random((1, agents, t.kernel.draws))
        rewards = generator.integers(-2, 3, (1, agents)) / 2
        actions = (generator.random((1, agents)) * t.actions).astype(np.int32)
        place = generator.integers(agents)
        spoil = generator.integers(8)
        if spoil == 0:
            generator.choice([where, next_rows, actions])[0, place] = generator.choice(HOSTILE)
        elif spoil == 1:
            rewards[0, place] = generator.choice([np.inf, -np.inf, np.nan, 1e308])
        elif spoil == 2:
            draws[0, place] = generator.choice([np.nan, 2.0, -1.0, 1e300])
        elif spoil < 6 and t.own:
            names = [name for name, array in t.own.items() if isinstance(array, np.ndarray)]
            if names:
                array = t.own[names[generator.integers(len(names))]]
                at = tuple(generator.integers(array.shape))
                array[at] = generator.choice(HOSTILE if array.dtype.kind == "i" else [1e308, -1e308, 3.0])
        elif spoil == 6:
            t.greedy[tuple(generator.integers(t.greedy.shape))] = generator.choice(HOSTILE)
        said = []
        for call in (lambda where=where, draws=draws: t.act(where, draws).tolist(),
                     lambda where=where, actions=actions, rewards=rewards, next_rows=next_rows: t.update(
                         where, actions, rewards, next_rows, [bool(generator.integers(2))]) is None,
                     lambda: t.kernel.tick(np.array([bool(generator.integers(2))]))):
            try:
                said.append(call())
            except ValueError as error:
                said.append(str(error))
        trace.append((said, [a.tobytes() for a in t.arrays().values()]))
    return trace


@pytest.mark.parametrize("what", WHAT)
def test_both_backends_refuse_alike(what):
    generator = np.random.default_rng(WHAT.index(what))
    for seed in range(15):
        tables, n_actions = int(generator.integers(1, 3)), int(generator.choice([2, 3, 9]))
        agents = tables + int(generator.integers(0, 3))
        case = dict(shape=(1, 3, tables, n_actions), table_of=[i % tables for i in range(agents)],
                    actions=[n_actions] * agents,
                    kind=int(generator.integers(2)), strict=True, ties=False, exploration=0.5, rate=0.5, discount=0.9,
                    agent_ids=list(range(agents)), length=3, accumulate=bool(generator.integers(2)), decay=0.9)
        expected = spoiled("numpy", False, what, seed, **case)
        for packed in (False, True):
            got = spoiled("cython", packed, what, seed, **case)
            for step, (one, other) in enumerate(zip(got, expected, strict=True)):
                assert one == other, (seed, step)


# -- what they refuse ----------------------------------------------------------------------------

def more_arguments(module, what):
    constant = schedule(module("schedules"), 0.5, R)
    tables = {"first": np.zeros((R, ROWS, N, A)), "first_greedy": ints(R, ROWS, N), "second": np.zeros((R, ROWS, N, A)),
              "second_greedy": ints(R, ROWS, N), "coins": ints(R, N)}
    return learning_arguments(module) | {
        "OneStep": {"rule": 2, "second": constant}, "DoubleQ": tables | {"draws": 3},
        "Traces": {"on_policy": True, "accumulate": False, "cutoff": 0.1, "decay": np.ones(R),
                   "cells": ints(R, N, 3, 2), "eligibility": np.zeros((R, N, 3)), "eligible": ints(R, N),
                   "waiting": ints(R, N, 4), "waiting_reward": np.zeros((R, N)), "late": ints(R)},
        "Episodes": {"cells": ints(R, N, 3, 2), "rewards": np.zeros((R, N, 3)), "known": ints(R, N),
                     "last": ints(R, N), "late": ints(R)}}[what]


CLASSES = ["OneStep", "DoubleQ", "Traces", "Episodes"]


@pytest.mark.parametrize("what", CLASSES)
def test_arrays_of_other_kinds_and_shapes_are_refused(module, what):
    make, good = getattr(module(MODULE_OF[what]), what), more_arguments(module, what)
    make(**good)
    own = [name for name, value in good.items() if isinstance(value, np.ndarray)]
    for name in own:
        array = good[name]
        with pytest.raises(TypeError, match=f"^{name}: expected"):
            make(**good | {name: array.astype(np.float32)})
        with pytest.raises(TypeError, match=f"^{name}: expected a NumPy array"):
            make(**good | {name: array.tolist()})
        with pytest.raises(ValueError, match=f"^{name}"):
            make(**good | {name: np.zeros((*array.shape, 1), array.dtype)})
        if name not in ("table_of", "n_actions", "agent_ids", "discount", "decay"):
            fixed = array.copy()
            fixed.flags.writeable = False
            with pytest.raises(ValueError, match=f"^{name}: is written to, but the array is read-only"):
                make(**good | {name: fixed})


@pytest.mark.parametrize("what, changes, message", [
    ("OneStep", {"rule": 4}, "rule: expected 0 to 3, got 4"),
    ("OneStep", {"rule": 2, "second": None}, "second: expected a schedule for rules 2 and 3, and None for the others"),
    ("OneStep", {"rule": 0}, "second: expected a schedule for rules 2 and 3, and None for the others"),
    ("OneStep", {"kind": 3}, "kind: expected 0 to 2, got 3"),
    ("DoubleQ", {"draws": 2}, "draws: expected at least 3, got 2"),
    ("DoubleQ", {"draws": 3, "ties": 1}, "draws: expected at least 4, got 3"),
    ("DoubleQ", {"first": np.zeros((R, ROWS, N, A + 1))},
     f"first: expected shape {(R, ROWS, N, A)}, got {(R, ROWS, N, A + 1)}"),
    ("Traces", {"cutoff": 0.0}, "cutoff: expected greater than 0, got 0.0"),
    ("Traces", {"cutoff": math.nan}, "cutoff: expected greater than 0, got nan"),
    ("Traces", {"eligibility": np.zeros((R, N, 0)), "cells": ints(R, N, 0, 2)},
     f"eligibility: expected room for at least one cell, got shape {(R, N, 0)}"),
    ("Episodes", {"rewards": np.zeros((R, N, 0)), "cells": ints(R, N, 0, 2)},
     f"rewards: expected room for at least one step, got shape {(R, N, 0)}"),
])
def test_impossible_arguments(module, what, changes, message):
    with pytest.raises(ValueError) as caught:
        getattr(module(MODULE_OF[what]), what)(**more_arguments(module, what) | changes)
    assert str(caught.value) == message


def test_a_second_rate_of_other_runs(module):
    other = schedule(module("schedules"), 0.5, R + 1)
    with pytest.raises(ValueError, match=f"^second: expected {R} runs, got {R + 1}$"):
        module("one_step").OneStep(**more_arguments(module, "OneStep") | {"second": other})


@pytest.mark.parametrize("what", CLASSES)
def test_a_frozen_kernel_learns_nothing(module, what):
    good = more_arguments(module, what) | {"learning": False}
    kernel = getattr(module(MODULE_OF[what]), what)(**good)
    kernel.act(ints(R, N), np.zeros((R, N, good["draws"])), ints(R, N))
    kernel.update(ints(R, N), ints(R, N), np.ones((R, N)), ints(R, N), ~flags(R), flags(R))
    kernel.tick(~flags(R))
    assert not any(good[name].any() for name in ("q", "visits", "greedy"))


@pytest.mark.parametrize("on_policy", [True, False])
@pytest.mark.parametrize("what", ["Traces", "Episodes"])
def test_a_value_that_overflows_is_a_status(module, what, on_policy):
    t = Learning(module, what, [[[[0.0]], [[1.7e308]]]], rate=1.0, discount=1.0, on_policy=on_policy)
    with pytest.raises(ValueError, match="^update: a learned value stopped being finite"):
        t.step(0, 0, 1.7e308, 1, ended=True)        # one that learns in the tick says so in the next update
        t.step(0, 0, 0.0, 0)
