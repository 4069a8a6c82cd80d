"""Kernels of policy gradients: numbers by hand, the gradients of what is said to be climbed, and anything at all."""
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marlfast.backends import kernels

from .make import schedule

INTS, FLOATS = np.int32, np.float64


class Rollout:
    """A kernel and its arrays. ``weights``: the critic is of joint actions; ``team``: all agents are one unit."""

    def __init__(self, module, logits, critic=None, *, active=1, central=0, actions=None, table_of=None, agent_ids=None,
                 team=False, weights=None, length=2, discount=1.0, decay=1.0, clip=None, value_clip=None, rate=1.0,
                 critic_rate=0.0, entropy=0.0, normalise=False, across=False, epochs=1, minibatch=0, draws=1,
                 running=None):
        self.logits = np.array(logits, FLOATS)
        runs, _, tables, n_actions = self.logits.shape
        table_of = np.arange(tables, dtype=INTS) if table_of is None else np.array(table_of, INTS)
        agents = len(table_of)
        actions = np.full(agents, n_actions, INTS) if actions is None else np.array(actions, INTS)
        agent_ids = np.arange(agents, dtype=INTS) if agent_ids is None else np.array(agent_ids, INTS)
        unit_of = np.zeros(agents, INTS)
        if not team:
            unit_of[agent_ids] = np.arange(len(agent_ids))
        units = np.zeros(1, INTS) if team else table_of[agent_ids]
        self.critic = None if critic is None else np.array(critic, FLOATS)
        self.held = {
            "rollout_rows": np.zeros((runs, length, agents * active + central), INTS),
            "ahead": np.zeros((runs, length, agents * active + central), INTS),
            "taken": np.zeros((runs, length, agents), INTS), "over": np.zeros((runs, length), INTS),
            "rewards": np.zeros((runs, length, len(units))), "known": np.zeros(runs, INTS),
            "late": np.zeros(runs, INTS)}
        self.shape = runs, agents
        if running is not None:         # mean, mean square and weight of the targets so far, of every unit
            self.held |= {f"value_{name}": np.full((runs, len(units)), value) for name, value in zip(
                ("mean", "square", "weight"), running, strict=True)}
        spread = [None if x is None else np.full(runs, x) for x in (discount, decay, clip, value_clip)]
        self.arguments = {
            "logits": self.logits, "table_of": table_of, "n_actions": actions, "agent_ids": agent_ids, "active": active,
            "draws": draws, "critic": self.critic, "units": units, "unit_of": unit_of,
            "weights": np.zeros(agents, np.int64) if weights is None else np.array(weights, np.int64),
            "central": central, "discount": spread[0], "decay": spread[1], "clip": spread[2], "value_clip": spread[3],
            "rate": schedule(module("schedules"), rate, runs),
            "critic_rate": schedule(module("schedules"), critic_rate, runs),
            "entropy": schedule(module("schedules"), entropy, runs), "counterfactual": weights is not None,
            "normalise": normalise, "across": across, "epochs": epochs, "minibatch": minibatch, **self.held}
        self.kernel = module("gradients").PolicyGradient(**self.arguments)

    def step(self, rows, actions, rewards, next_rows=None, over=False):
        """One step of one run; whether a greedy action changed."""
        changed = np.zeros(1, bool)
        rows = np.array([rows], INTS)
        self.kernel.update(rows, np.array([actions], INTS), np.array([rewards], FLOATS),
                           rows if next_rows is None else np.array([next_rows], INTS), np.array([over]), changed)
        return changed[0]


def policy(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def test_normalised_values_by_hand(module):
    """Targets so far: mean 6, mean square 45, hence a standard deviation of 3; all by a weight of 1/2.

    A value of -1 stands for 6 - 3 = 3. The reward is 9, at the end: the advantage is 6, the value moves by 1/2 * 6 / 3.
    """
    own = Rollout(module, [[[[0.0, 0.0]]]], [[[[-1.0]]]], rate=0.5, critic_rate=0.5, running=(3.0, 22.5, 0.5))
    own.step([0], [0], [9.0], over=True)
    assert own.logits[0, 0, 0].tolist() == [0.5 * 6.0 * 0.5, -0.5 * 6.0 * 0.5]
    assert own.critic.tolist() == [[[[0.0]]]]
    wanted = {"mean": 0.99999 * 3.0 + 1e-5 * 9.0, "square": 0.99999 * 22.5 + 1e-5 * 81.0,
              "weight": 0.99999 * 0.5 + 1e-5}
    for name, value in wanted.items():
        assert own.held[f"value_{name}"][0, 0] == pytest.approx(value, abs=1e-12)


def test_values_are_what_they_stand_for_until_there_are_targets(module):
    """The first rollout is as without; from then on a value of 0 stands for the mean of its targets, 2 and 4."""
    plain, own = (Rollout(module, [[[[0.0, 0.0]]]], [[[[0.5]]]], rate=0.5, critic_rate=0.5, discount=0.5,
                          running=running) for running in (None, (0.0, 0.0, 0.0)))
    for rollout in (plain, own):
        rollout.step([0], [0], [0.0])
        rollout.step([0], [0], [4.0], over=True)
    assert own.logits.tolist() == plain.logits.tolist() and own.critic.tolist() == plain.critic.tolist()
    mean, square, weight = (own.held[f"value_{name}"][0, 0] for name in ("mean", "square", "weight"))
    assert mean / weight == pytest.approx(3.0, abs=1e-9) and square / weight == pytest.approx(10.0, abs=1e-9)


def test_normalised_values_are_clipped_by_standard_deviations(module):
    """Standard deviation 3, value 0 + 3 * 1 = 3, target 15: two passes of 1/2; the second is beyond a clip of 1 * 3."""
    for clip, passes, value in ((None, 1, 3.0), (None, 2, 4.0), (1.0, 2, 3.0)):
        own = Rollout(module, [[[[0.0, 0.0]]]], [[[[1.0]]]], rate=0.0, critic_rate=0.5, running=(0.0, 9.0, 1.0),
                      epochs=passes, value_clip=clip, clip=0.2)
        own.step([0], [0], [15.0], over=True)
        assert own.critic[0, 0, 0, 0] == pytest.approx(value, abs=1e-12)


def test_counterfactual_advantages_are_in_the_targets_units(module):
    """Values 1 and 0 of the two actions, standard deviation 3, and the target as it is: the advantage is 3 * 1/2."""
    own = Rollout(module, [[[[0.0, 0.0]]]], [[[[1.0, 0.0]]]], weights=[1], rate=1.0, running=(0.0, 9.0, 1.0))
    own.step([0], [0], [3.0], over=True)
    assert own.logits[0, 0, 0].tolist() == pytest.approx([0.75, -0.75], abs=1e-12)


def test_running_means_without_a_critic_are_refused(module):
    with pytest.raises(ValueError, match="value_mean, value_square, value_weight: expected all three, beside a critic"):
        Rollout(module, [[[[0.0, 0.0]]]], running=(0.0, 0.0, 0.0))


def test_reinforce_by_hand(module):
    """Williams (1992): (g - b) * (onehot - policy), with g = 3 and 4: rewards of 1 and 4, a discount of 1/2."""
    own = Rollout(module, [[[[0.0, 0.0]]]], [[[[0.0]]]], rate=0.5, critic_rate=0.5, discount=0.5)
    assert not own.step([0], [0], [1.0])
    assert own.logits.tolist() == [[[[0.0, 0.0]]]]      # nothing is learned before the episode is over
    assert own.step([0], [1], [4.0], over=True)
    assert own.logits.tolist() == [[[[-0.25, 0.25]]]]   # 0.5 * (3 * (0.5, -0.5) + 4 * (-0.5, 0.5))
    assert own.critic.tolist() == [[[[2.75]]]]          # 1.5, then half of the way to 4
    assert own.held["known"].tolist() == [0]


def test_a_baseline_is_subtracted_and_nothing_is_bootstrapped_at_the_end(module):
    own = Rollout(module, np.zeros((1, 2, 1, 2)), [[[[1.0]], [[100.0]]]], discount=0.5, length=3)
    own.step([0], [0], [3.0], [1], over=True)
    assert own.logits[0, 0, 0].tolist() == [1.0, -1.0]  # (3 - 1) / 2


@pytest.mark.parametrize("decay, first", [(0.0, 2.0), (0.5, 3.0), (1.0, 4.0)])
def test_td_lambda_by_hand(module, decay, first):
    """Rewards 1, 4; values 1, 2 of the rows, 4 of the last successor; discount 1/2, at the end of time.

    The last target is 4 + 4 / 2 = 6, the first 1 + ((1 - lambda) * 2 + lambda * 6) / 2: 2, 4 or 3.
    """
    own = Rollout(module, np.zeros((1, 3, 1, 2)), [[[[1.0]], [[2.0]], [[4.0]]]], discount=0.5, decay=decay, length=9)
    own.step([0], [0], [1.0], [1])
    own.step([1], [1], [4.0], [2])
    own.kernel.tick(np.array([True]))
    assert own.logits[0, 0, 0, 0] == 0.5 * (first - 1.0) and own.logits[0, 1, 0, 1] == 0.5 * (6.0 - 2.0)
    assert own.held["late"].tolist() == [1]         # greedy actions changed: the next update says so
    assert own.step([2], [0], [0.0])


def test_coma_by_hand(module):
    """Foerster et al. (2018), equation 4. Q = 1, 2, 3, 4 of (0, 0), (0, 1), (1, 0), (1, 1); (0, 1) was taken."""
    own = Rollout(module, np.zeros((1, 1, 2, 2)), [[[[1.0, 2.0, 3.0, 4.0]]]], central=1, team=True, weights=[2, 1])
    own.step([0, 0, 0], [0, 1], [1.0, 9.0], over=True)
    assert own.logits[0, 0].tolist() == [[-0.5, 0.5], [-0.25, 0.25]]    # 2 - (2 + 4) / 2 = -1; 2 - (1 + 2) / 2 = 1/2
    own = Rollout(module, np.zeros((1, 1, 2, 2)), [[[[1.0, 2.0, 3.0, 4.0]]]], central=1, team=True, weights=[2, 1],
                  critic_rate=0.5)
    own.step([0, 0, 0], [0, 1], [1.0, 9.0], over=True)
    assert own.critic.tolist() == [[[[1.0, 3.5, 3.0, 4.0]]]]            # half of the way to the mean reward, 5
    assert own.logits[0, 0].tolist() == [[-0.125, 0.125], [-0.625, 0.625]]      # the critic learned first


def test_coma_cut_expects_over_joint_actions(module):
    logits = np.zeros((1, 2, 2, 2))
    logits[0, 1, 0] = [np.log(3.0), 0.0]
    own = Rollout(module, logits, [[[[0.0, 0.0, 0.0, 0.0]], [[1.0, 2.0, 3.0, 4.0]]]], central=1, team=True,
                  weights=[2, 1], length=1, critic_rate=1.0, discount=0.5)
    own.step([0, 0, 0], [1, 0], [1.0, 1.0], [1, 1, 1])
    # 3/8 * (1 + 2) + 1/8 * (3 + 4) = 2
    assert own.critic[0, 0, 0].tolist() == [0.0, 0.0, pytest.approx(2.0, rel=1e-14), 0.0]


@pytest.mark.parametrize("reward", [1.0, -1.0])
def test_the_clip_by_hand(module, reward):
    """Schulman et al. (2017), equation 7: the first pass leaves the trust region, so that the second does nothing."""
    far, near = (Rollout(module, np.zeros((1, 1, 1, 2)), length=1, clip=0.2, rate=rate, epochs=2, minibatch=1,
                         across=True) for rate in (1.0, 0.125))
    far.step([0], [0], [reward])
    assert far.logits[0, 0, 0].tolist() == [0.5 * reward, -0.5 * reward]
    near.step([0], [0], [reward])
    p = policy(np.array([0.0625, -0.0625]) * reward)
    assert near.logits[0, 0, 0, 0] == pytest.approx(reward * (0.0625 + 0.125 * p[0] / 0.5 * (1.0 - p[0])), rel=1e-14)


def test_normalised_advantages_by_hand(module):
    """Rewards 1, 2, 3 of one agent: advantages -1, 0, 1 over sqrt(2/3)."""
    own = Rollout(module, np.zeros((1, 3, 1, 2)), normalise=True, length=3, discount=0.0)
    for row in range(3):
        own.step([row], [0], [row + 1.0], over=False)
    assert own.logits[0, :, 0, 0] == pytest.approx(np.array([-1.0, 0.0, 1.0]) / np.sqrt(2 / 3) / 2, rel=1e-7)


def test_value_clip_by_hand(module):
    """A value may move 0.25 from what it was; a target of 1 pulls it until it has, in steps of half of the way."""
    own = Rollout(module, np.zeros((1, 1, 1, 2)), [[[[0.0]]]], length=1, critic_rate=0.5, value_clip=0.25, epochs=5)
    own.step([0], [0], [1.0], over=True)
    assert own.critic[0, 0, 0, 0] == 0.5


def test_rollouts_across_episodes_are_cut(module):
    """A terminal step, one that the time limit cut, one at the end of the rollout; of rows worth 0, 10, 20."""
    own = Rollout(module, np.zeros((1, 3, 1, 2)), [[[[0.0]], [[10.0]], [[20.0]]]], length=4, across=True, discount=0.5,
                  minibatch=1)
    own.step([0], [0], [1.0], [2], over=True)
    own.kernel.tick(np.array([True]))
    own.step([1], [0], [1.0], [2])
    own.kernel.tick(np.array([True]))
    own.step([2], [0], [0.0], [2])
    own.kernel.tick(np.array([False]))
    assert not own.logits.any() and own.held["over"].tolist() == [[1, 2, 0, 0]]
    own.step([2], [0], [0.0], [1])
    # Targets 1; 1 + 20 / 2; (0 + (0 + 10 / 2)) / 2; 0 + 10 / 2
    p = policy(np.array([0.5, -0.5]) * (2.5 - 20.0))
    assert own.logits[0, :2, 0, 0].tolist() == [0.5, 0.5 * (11.0 - 10.0)]
    assert own.logits[0, 2, 0, 0] == pytest.approx(0.5 * (2.5 - 20.0) + (1.0 - p[0]) * (5.0 - 20.0), rel=1e-12)


# -- gradients of what is said to be climbed -------------------------------------------------------

def objective(logits, old, steps, active, advantage, clip, entropy):
    """The surrogate of a rollout of agents who share one table: logits [rows, A]."""
    total = 0.0
    for (rows, actions), gains, before in zip(steps, advantage, old, strict=True):
        for i, action in enumerate(actions):
            p = policy(logits[rows[i * active:(i + 1) * active]].sum(axis=0))
            ratio = p[action] / before[i]
            total += min(ratio * gains[i], np.clip(ratio, 1 - clip, 1 + clip) * gains[i]) if clip is not None else \
                np.log(p[action]) * gains[i]
            total -= entropy * (p * np.log(p)).sum()
    return total


def slope(function, at, step=1e-6):
    gradient = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        gradient[place] = (function(up) - function(down)) / (2.0 * step)
    return gradient


@pytest.mark.parametrize("active", [1, 3])
@pytest.mark.parametrize("clip", [None, 0.2])
@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_logits_climb_the_objective(module, active, clip, entropy):
    """By central differences; with a clip, the second pass too, where some ratios are out of bounds."""
    rng, agents, length = np.random.default_rng(3), 2, 6
    start = rng.normal(size=(5, 3))
    steps = [(np.concatenate([rng.permutation(5)[:active] for _ in range(agents)]), rng.integers(0, 3, agents))
             for _ in range(length)]
    gains, results = 2.0 * rng.normal(size=(length, agents)), []
    for epochs in (1, 2):
        own = Rollout(module, start[None, :, None], active=active, table_of=[0, 0], length=length, clip=clip,
                      entropy=entropy, epochs=epochs if clip else 1, discount=0.0, across=True, rate=0.3)
        for (rows, actions), reward in zip(steps, gains, strict=True):
            own.step(rows, actions, reward)
        results.append(own.logits[0, :, 0])
    old = [[policy(start[rows[i * active:(i + 1) * active]].sum(axis=0))[actions[i]] for i in range(agents)]
           for rows, actions in steps]
    of = (steps, active, gains, clip, entropy)
    first = slope(lambda x: objective(x, old, *of), start)
    assert results[0] - start == pytest.approx(0.3 / active * first, abs=1e-8)
    if clip:
        second = slope(lambda x: objective(x, old, *of), results[0])
        assert results[1] - results[0] == pytest.approx(0.3 / active * second, abs=1e-8)
        assert abs(second - first).max() > 0.1


# -- the policy gradient theorem -------------------------------------------------------------------

REWARD = np.random.default_rng(8).normal(size=(3, 4))       # of rows 0, 1, 2 and joint actions


def paths():
    """Two steps of two agents: the first joint action's number, halved, says which row comes next."""
    for first, second in itertools.product(range(4), repeat=2):
        yield (0, first), (1 + first // 2, second)


def chance(logits, path):
    return np.prod([policy(logits[row, i])[(joint // 2, joint % 2)[i]] for row, joint in path for i in range(2)])


def exact_return(logits):
    return sum(chance(logits, path) * sum(REWARD[step] for step in path) for path in paths())


@pytest.mark.parametrize("rule", ["plain", "baseline", "coma"])
def test_the_expected_update_is_the_gradient_of_the_return(module, rule):
    """Over all sequences of actions: no baseline biases it, nor does COMA's where its critic is right."""
    logits = np.random.default_rng(2).normal(size=(3, 2, 2))
    q = REWARD.copy()
    for joint in range(4):
        row = 1 + joint // 2
        p = [policy(logits[row, i]) for i in range(2)]
        q[0, joint] += sum(p[0][k // 2] * p[1][k % 2] * REWARD[row, k] for k in range(4))
    critics = {"plain": None, "baseline": np.random.default_rng(4).normal(size=(1, 3, 2, 1)),
               "coma": q[None, :, None, :]}
    update = np.zeros(logits.shape)
    for path in paths():
        own = Rollout(module, logits[None], critics[rule], length=5, central=int(rule == "coma"), team=rule == "coma",
                      weights=[2, 1] if rule == "coma" else None)
        for k, (row, joint) in enumerate(path):
            own.step([row] * (3 if rule == "coma" else 2), [joint // 2, joint % 2], [REWARD[row, joint]] * 2,
                     over=k == 1)
        update += chance(logits, path) * (own.logits[0] - logits)
    assert update == pytest.approx(slope(exact_return, logits), abs=1e-8)


def test_gradients_are_those_of_torch(module):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    start, gains, actions = rng.normal(size=(2, 4)), 3.0 * rng.normal(size=8), rng.integers(0, 4, 8)
    results = []
    for epochs in (1, 2):
        own = Rollout(module, start[None, :, None], length=8, clip=0.1, entropy=0.2, epochs=epochs, discount=0.0,
                      rate=0.1)
        for t in range(8):
            own.step([t % 2], [actions[t]], [gains[t]])
        results.append(own.logits[0, :, 0])
    rows, taken, gain = torch.arange(8) % 2, torch.tensor(actions), torch.tensor(gains)
    old = torch.log_softmax(torch.tensor(start), 1)[rows, taken]
    at = start
    for result in results:
        logits = torch.tensor(at, requires_grad=True)
        logs = torch.log_softmax(logits, 1)[rows]
        ratio = (logs[torch.arange(8), taken] - old).exp()
        loss = torch.minimum(ratio * gain, ratio.clamp(0.9, 1.1) * gain).sum() - 0.2 * (logs.exp() * logs).sum()
        loss.backward()
        assert result - at == pytest.approx(0.1 * logits.grad.numpy(), abs=1e-13)
        at = result


# -- acting ----------------------------------------------------------------------------------------

def test_actions_are_drawn_by_inverse_transform(module):
    logits = np.log(np.array([[[[1.0, 2.0, 1.0]], [[4.0, 2.0, 2.0]]]]))
    own = Rollout(module, logits, active=1)
    for row, u, expected in ((0, 0.0, 0), (0, 0.24, 0), (0, 0.26, 1), (0, 0.74, 1), (0, 0.76, 2), (1, 0.49, 0),
                             (1, 1.0 - 2.0**-52, 2)):
        actions = np.full((1, 1), -9, INTS)
        own.kernel.act(np.array([[row]], INTS), np.array([[[u]]]), actions)
        assert actions.tolist() == [[expected]], (row, u)
    both = Rollout(module, logits, active=2)        # sums: 4, 4, 2 of 10
    both.kernel.act(np.array([[0, 1]], INTS), np.array([[[0.41]]]), actions)
    assert actions.tolist() == [[1]]


def test_acting_never_reads_rows_of_the_whole_state(module):
    rng = np.random.default_rng(0)
    own = Rollout(module, rng.normal(size=(1, 4, 11, 7)), np.zeros((1, 4, 1, 1)), central=2, team=True, active=2)
    noted = []
    for poison in ([0, 0], [-1, 2**31 - 1], [99, -(2**31)]):
        actions = np.zeros((1, 11), INTS)
        rows = np.concatenate([np.tile([1, 3], 11), poison])[None].astype(INTS)
        own.kernel.act(rows, np.linspace(0.0, 0.99, 11)[None, :, None].copy(), actions)
        noted.append(actions.tolist())
    assert noted[0] == noted[1] == noted[2] and len(set(noted[0][0])) > 2
    assert own.kernel.active_rows == 24
    assert module("gradients").Softmax(logits=own.logits, active=2, draws=1, **{name: own.arguments[name] for name in (
        "table_of", "n_actions", "agent_ids")}).active_rows == 22       # frozen, there are none


def test_frozen_it_plays_the_likeliest_or_explores(module):
    logits = np.array([[[[0.0, 2.0, 2.0]]]])
    play = module("gradients").Softmax(
        logits=logits, table_of=np.zeros(1, INTS), n_actions=np.full(1, 3, INTS), agent_ids=np.zeros(1, INTS),
        exploration=schedule(module("schedules"), 0.5), several=True, active=1, draws=2)
    for draws, expected in (([0.5, 0.0], 1), ([0.4, 0.9], 2), ([0.4, 0.0], 0)):
        actions = np.zeros((1, 1), INTS)
        play.act(np.zeros((1, 1), INTS), np.array([[draws]]), actions)
        assert actions.tolist() == [[expected]]


# -- anything --------------------------------------------------------------------------------------

def good(module, **changes):
    return Rollout(module, np.zeros((2, 3, 2, 2)), np.zeros((2, 4, 1, 4)), central=1, team=True, weights=[2, 1],
                   clip=0.2).arguments | changes


@pytest.mark.parametrize("change, message", [
    ({"logits": np.zeros((2, 3, 2))}, "logits: expected shape"),
    ({"logits": np.zeros((2, 0, 2, 2))}, "logits: expected at least one run, row, table and action"),
    ({"table_of": np.array([0, 2], INTS)}, "table_of: expected tables 0 to 1"),
    ({"n_actions": np.array([2, 3], INTS)}, "n_actions: expected 1 to 2"),
    ({"agent_ids": np.array([0, 2], INTS)}, "agent_ids: expected different agents"),
    ({"agent_ids": np.array([1, 1], INTS)}, "agent_ids: expected different agents"),
    ({"active": 0}, "active: expected at least 1"), ({"draws": 0}, "draws: expected at least 1"),
    ({"critic": np.zeros((2, 4, 1, 3))}, "critic: expected room for 4 joint actions"),
    ({"critic": np.zeros((2, 0, 1, 4))}, "critic: expected a table"),
    ({"critic": np.zeros((3, 4, 1, 4))}, "critic: expected shape"),
    ({"critic": None}, "critic: counterfactual advantages need one"),
    ({"units": np.array([1], INTS)}, "units: expected tables 0 to 0"),
    ({"unit_of": np.array([0, 1], INTS)}, "unit_of: expected units"),
    ({"weights": np.array([1, 1])}, "weights: agent 0 counts for 1, expected 2"),
    ({"counterfactual": False}, "weights: agent 1 counts for 1, expected 0"),
    ({"central": -1}, "central: expected at least 0"),
    ({"discount": np.ones(3)}, "discount: expected shape"), ({"decay": np.ones(3)}, "decay: expected shape"),
    ({"clip": np.ones(3)}, "clip: expected shape"), ({"value_clip": np.ones(3)}, "value_clip: expected shape"),
    ({"epochs": 0}, "epochs, minibatch"), ({"minibatch": -1}, "epochs, minibatch"),
    ({"rollout_rows": np.zeros((2, 0, 3), INTS)}, "rollout_rows: expected room"),
    ({"ahead": np.zeros((2, 2, 2), INTS)}, "ahead"),
    ({"taken": np.zeros((2, 2, 1), INTS)}, "taken"), ({"over": np.zeros((2, 1), INTS)}, "over"),
    ({"rewards": np.zeros((2, 2, 2))}, "rewards"), ({"known": np.zeros(1, INTS)}, "known"),
    ({"late": np.zeros(1, INTS)}, "late"),
])
def test_bad_arguments(module, change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        module("gradients").PolicyGradient(**good(module, **change))


def test_a_unit_that_looks_at_own_rows_is_one_agent(module):
    with pytest.raises(ValueError, match="^units: where the critic looks at an agent's own rows"):
        module("gradients").PolicyGradient(**good(
            module, central=0, rollout_rows=np.zeros((2, 2, 2), INTS), ahead=np.zeros((2, 2, 2), INTS)))
    one = schedule(module("schedules"), 1.0, 1)
    for name in ("rate", "critic_rate", "entropy"):
        with pytest.raises(ValueError, match=f"^{name}: expected 2 runs, got 1"):
            module("gradients").PolicyGradient(**good(module, **{name: one}))
    with pytest.raises(ValueError, match="^exploration: expected 2 runs, got 1"):
        module("gradients").Softmax(**{name: good(module)[name] for name in (
            "logits", "table_of", "n_actions", "agent_ids")}, exploration=one, active=1, draws=2)


REALS = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e300, -1e300, np.nan, np.inf, -np.inf, 800.0, 5e-324])
PLACES = st.sampled_from([0, 0, 0, 1, 1, 2, 3, -1, 2**31 - 1, -(2**31)])


@settings(max_examples=150)
@given(st.data())
def test_kernels_take_anything_alike(data):
    """Rollouts, tables, rows, actions and draws that hold anything: the same outcome in both backends."""
    active, kind = data.draw(st.sampled_from([1, 2])), data.draw(st.sampled_from(["own", "none", "team", "coma"]))
    options = {"active": active, "length": 3, "discount": 0.9, "decay": 0.5, "critic_rate": 0.5, "entropy": data.draw(
        st.sampled_from([0.0, 0.1])), "clip": data.draw(st.sampled_from([None, 0.2])), "value_clip": data.draw(
        st.sampled_from([None, 0.5])), "normalise": data.draw(st.booleans()), "across": data.draw(st.booleans()),
        "epochs": data.draw(st.integers(1, 2)), "minibatch": data.draw(st.integers(0, 2)), "actions": [3, 2]}
    critic = {"own": np.ones((1, 3, 2, 1)), "none": None, "team": np.ones((1, 2, 1, 1)),
              "coma": np.arange(12.0).reshape(1, 2, 1, 6)}[kind]
    if kind in ("team", "coma"):
        options |= {"central": 2, "team": True, "weights": [2, 1] if kind == "coma" else None}
    made = [Rollout(lambda name, backend=backend: kernels(backend, name),
                    np.random.default_rng(1).normal(size=(1, 3, 2, 3)), critic, **options)
            for backend in ("cython", "numpy")]
    arrays = {"logits": made[0].logits, **made[0].held} | ({} if critic is None else {"critic": made[0].critic})
    for _ in range(data.draw(st.integers(0, 4))):
        name = data.draw(st.sampled_from(sorted(arrays)))
        at = np.unravel_index(data.draw(st.integers(0, arrays[name].size - 1)), arrays[name].shape)
        value = data.draw(REALS if arrays[name].dtype.kind == "f" else PLACES)
        for own in made:
            ({"logits": own.logits, "critic": own.critic} | own.held)[name][at] = value
    steps = [([data.draw(PLACES) if data.draw(st.integers(0, 9)) == 0 else data.draw(st.integers(0, 1))
               for _ in range(made[0].kernel.active_rows)] * 2, [data.draw(st.integers(0, 1)) for _ in range(2)],
              [data.draw(REALS) if data.draw(st.integers(0, 5)) == 0 else 0.5 for _ in range(2)],
              data.draw(st.booleans()), data.draw(st.booleans()), [data.draw(REALS) for _ in range(2)])
             for _ in range(4)]
    outcomes = []
    for own in made:
        outcome = []
        for rows, taken, rewards, over, ended, draws in steps:
            rows, actions = np.array([rows[:own.kernel.active_rows]], INTS), np.zeros((1, 2), INTS)
            changed = np.zeros(1, bool)
            try:
                own.kernel.act(rows, np.array(draws).reshape(1, 2, 1), actions)
                outcome.append(actions.tolist())
            except ValueError as error:
                outcome.append(str(error))
            try:
                own.kernel.update(rows, np.array([taken], INTS), np.array([rewards]), rows, np.array([over]), changed)
                own.kernel.tick(np.array([over or ended]))
                outcome.append(changed.tolist())
            except ValueError as error:
                outcome.append(str(error))
                break
            held = {"logits": own.logits} | own.held | ({} if critic is None else {"critic": own.critic})
            if not own.held["late"][0] == 2:
                outcome.append({name: np.where(np.isnan(array), np.nan, array).tobytes() if array.dtype.kind == "f"
                                else array.tobytes() for name, array in held.items()})
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
