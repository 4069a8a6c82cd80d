"""MAPPO of TorchRL on a game of marlfast, through PettingZoo, beside marlfast's own, on the same seeds.

Needs ``pip install 'marlfast[pettingzoo]' torchrl`` (which brings PyTorch). TorchRL takes any PettingZoo environment;
and what it learned is judged as all policies are, by ``mf.evaluate``, which takes any function of an observation.
"""
import time

import numpy as np
import torch
from tensordict.nn import TensorDictModule
from torchrl.envs import PettingZooWrapper, RewardSum, TransformedEnv
from torchrl.modules import MultiAgentMLP, ProbabilisticActor
from torchrl.objectives import ClipPPOLoss, ValueEstimators

import marlfast as mf
from marlfast.adapters.pettingzoo import parallel_env

OBSERVATION, ACTION, LOG_PROB = ("agent", "observation"), ("agent", "action"), ("agent", "action_log_prob")
REWARD, RETURN, VALUE = ("agent", "reward"), ("agent", "episode_reward"), ("agent", "state_value")


def networks(env):
    """An actor of what each agent observes, and MAPPO's critic, which looks at what all of them do."""
    agents, features = env.observation_spec[OBSERVATION].shape
    actions = env.full_action_spec[ACTION].space.n

    def network(outputs, centralized):
        return MultiAgentMLP(features, outputs, agents, centralized=centralized, share_params=True, depth=2,
                             num_cells=64)

    actor = ProbabilisticActor(
        TensorDictModule(network(actions, False), in_keys=[OBSERVATION], out_keys=[("agent", "logits")]),
        in_keys=[("agent", "logits")], out_keys=[ACTION], distribution_class=torch.distributions.Categorical,
        return_log_prob=True, log_prob_key=LOG_PROB)
    critic = TensorDictModule(network(1, True), in_keys=[OBSERVATION], out_keys=[VALUE])
    return actor, critic


def train_networks(game, batches, episodes, seed):
    """The returns of every batch of episodes, and the actor."""
    env = PettingZooWrapper(parallel_env(game), seed=seed)
    torch.manual_seed(seed)
    env = TransformedEnv(env, RewardSum(in_keys=[REWARD], out_keys=[RETURN]))
    actor, critic = networks(env)
    loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01, normalize_advantage=True,
                       normalize_advantage_exclude_dims=(-2,))
    loss.set_keys(reward=REWARD, action=ACTION, value=VALUE, sample_log_prob=LOG_PROB, done=("agent", "done"),
                  terminated=("agent", "terminated"))
    loss.make_value_estimator(ValueEstimators.GAE, gamma=0.95, lmbda=0.9)
    optimizer = torch.optim.Adam(loss.parameters(), 1e-3)
    returns = []
    for batch in range(batches):
        with torch.no_grad():
            data = torch.stack([env.rollout(game.horizon, actor) for _ in range(episodes)])
            loss.value_estimator(data, params=loss.critic_network_params,
                                 target_params=loss.target_critic_network_params)
        for _ in range(5):
            losses = loss(data)
            optimizer.zero_grad()
            (losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]).backward()
            optimizer.step()
        returns.append(data[("next", *RETURN)][:, -1].mean().item())
        if batch % max(1, batches // 4) == 0 or batch == batches - 1:
            print(f"  seed {seed}, after {batch * episodes:5,} episodes: {returns[-1]:.2f}")
    return returns, actor


def policy_of(actor, game):
    """The actor's likeliest actions as a function of an observation, for ``mf.evaluate`` and the like."""
    logits = actor.module[0].module

    def policy(observation):
        each = np.broadcast_to(observation, (game.agents, game.features)).astype(np.float32)
        with torch.no_grad():
            return logits(torch.from_numpy(each)).argmax(-1).numpy()

    return policy


def main(batches=25, episodes=20, seeds=(0, 1, 2)):
    torch.set_num_threads(1)        # the networks are too small for more
    game, rows, returns = mf.games.Drift(agents=2, horizon=25), [], []
    for seed in seeds:
        begun = time.perf_counter()
        learned, actor = train_networks(game, batches, episodes, seed)
        theirs_seconds = time.perf_counter() - begun
        ours = mf.train(game, mf.learners.MAPPO(), encoder=mf.Rounding(0), rewards=mf.rewards.cooperative(),
                        episodes=batches * episodes, seed=seed)
        longer = mf.train(game, mf.learners.MAPPO(), encoder=mf.Rounding(0), rewards=mf.rewards.cooperative(),
                          episodes=100 * batches * episodes, seed=seed)
        # The same episodes for all: evaluation has a seed of its own.
        rows.append([float(np.mean(mf.evaluate(game, one, episodes=200, seed=1).team_returns))
                     for one in ("random", policy_of(actor, game), ours, longer)]
                    + [theirs_seconds, ours.seconds, longer.seconds])
        returns.append(learned)
    print("seed  random  networks  tables  tables, 100 times the episodes")
    for seed, row in zip(seeds, rows, strict=True):
        print(f"{seed:4}  {row[0]:6.1f}  {row[1]:8.1f}  {row[2]:6.1f}  {row[3]:6.1f}")
    print("Took {:.1f} s, {:.2f} s and {:.2f} s a seed".format(*np.mean(rows, axis=0)[4:]))
    return returns, rows


if __name__ == "__main__":
    main()
