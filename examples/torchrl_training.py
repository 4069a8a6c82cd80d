"""TorchRL's PPO on a game of marlfast, through PettingZoo: the agents share one network, which sees what each sees.

Needs ``pip install 'marlfast[pettingzoo]' torchrl`` (which brings PyTorch). Nothing here is about marlfast but the
first line of ``main``: TorchRL takes any PettingZoo environment.
"""
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
    """An actor and a critic of the agents' observations."""
    agents, features = env.observation_spec[OBSERVATION].shape
    actions = env.full_action_spec[ACTION].space.n

    def network(outputs):
        return MultiAgentMLP(features, outputs, agents, centralized=False, share_params=True, depth=2, num_cells=64)

    actor = ProbabilisticActor(
        TensorDictModule(network(actions), in_keys=[OBSERVATION], out_keys=[("agent", "logits")]),
        in_keys=[("agent", "logits")], out_keys=[ACTION], distribution_class=torch.distributions.Categorical,
        return_log_prob=True, log_prob_key=LOG_PROB)
    critic = TensorDictModule(network(1), in_keys=[OBSERVATION], out_keys=[VALUE])
    return actor, critic


def main(batches=25, episodes=20, seed=0):
    env = PettingZooWrapper(parallel_env(mf.games.Drift(agents=2, horizon=25)), seed=seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
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
            data = torch.stack([env.rollout(25, actor) for _ in range(episodes)])
            loss.value_estimator(data, params=loss.critic_network_params,
                                 target_params=loss.target_critic_network_params)
        for _ in range(5):
            losses = loss(data)
            optimizer.zero_grad()
            (losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]).backward()
            optimizer.step()
        returns.append(data[("next", *RETURN)][:, -1].mean().item())
        if batch % max(1, batches // 6) == 0 or batch == batches - 1:
            print(f"after {batch * episodes:5,} episodes: {returns[-1]:.2f}")
    return returns


if __name__ == "__main__":
    main()
