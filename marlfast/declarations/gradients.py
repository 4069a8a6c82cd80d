"""Arguments of ``gradients``."""
import numpy as np

from marlfast.declarations.base import LATE, Array, Flag, Kernel, Number, Part


def _different(n):
    ids = n.agent_ids
    if len(ids) < 1 or ids.min() < 0 or ids.max() >= n.N or len(set(ids.tolist())) < len(ids):
        raise ValueError(f"agent_ids: expected different agents from 0 to {n.N - 1}")


def _draws(n):
    needed = 2 if n.exploration is not None and n.several else 1
    if n.draws < needed:
        raise ValueError(f"draws: expected at least {needed}, got {n.draws}")


def _length(n):
    if not 1 <= n.length < 2**31:
        raise ValueError(f"rollout_rows: expected room for at least one step, got shape {n.rollout_rows.shape}")


def _units(n):
    """The members of each unit: places among those that are controlled. Refuses what could leave the arrays."""
    ids, units, critic = n.agent_ids.tolist(), n.U, n.critic
    if units < 1 or set(n.unit_of[ids].tolist()) != set(range(units)):
        raise ValueError(f"unit_of: expected units 0 to {units - 1}, each with an agent that is controlled")
    if not n.central and units != len(ids):
        raise ValueError("units: where the critic looks at an agent's own rows, each agent is a unit of its own")
    if critic is not None:
        if min(critic.shape) < 1 or not n.central and critic.shape[1] != n.n_rows:
            raise ValueError(f"critic: expected a table, with {n.n_rows} rows where it looks at an agent's own, "
                             f"got shape {critic.shape}")
        if n.units.min() < 0 or n.units.max() >= critic.shape[2]:
            raise ValueError(f"units: expected tables 0 to {critic.shape[2] - 1}, got {n.units.min()} to "
                             f"{n.units.max()}")
    if n.counterfactual and critic is None:
        raise ValueError("critic: counterfactual advantages need one")
    members = [[] for _ in range(units)]
    for j, u in enumerate(n.unit_of[ids].tolist()):
        members[u].append(j)
    for own in members:
        joint = 1
        for i in (ids[j] for j in reversed(own)):
            if n.weights[i] != (joint if n.counterfactual else 0):
                raise ValueError(f"weights: agent {i} counts for {n.weights[i]}, expected "
                                 f"{joint if n.counterfactual else 0}")
            joint *= int(n.n_actions[i]) if n.counterfactual else 1
        if critic is not None and joint > critic.shape[3]:
            raise ValueError(f"critic: expected room for {joint} joint actions, got shape {critic.shape}")
    places = [n.N * n.active if n.central else ids[own[0]] * n.active for own in members]
    return {"members": members, "places": np.array(places, np.int64)}


def _normal(n):
    there = [getattr(n, name) is not None for name in ("value_mean", "value_square", "value_weight")]
    if any(there) and not (all(there) and n.critic is not None):
        raise ValueError("value_mean, value_square, value_weight: expected all three, beside a critic, or None")


def _passes(n):
    if n.epochs < 1 or n.minibatch < 0:
        raise ValueError(f"epochs, minibatch: expected at least 1 and 0, got {n.epochs}, {n.minibatch}")


SOFTMAX = Kernel(
    "Softmax",
    Array("logits", "float64", "R n_rows T A", "of each action, in T tables", written=True,
          filled="run, row, table and action"),
    Array("table_of", "int32", "N", "table of every agent of the team", values=(0, "T-1", "tables {low} to {high}")),
    Array("n_actions", "int32", "N", "number of actions of every agent", values=(1, "A", "{low} to {high} actions")),
    Array("agent_ids", "int32", "L", "the agents that this learner controls"),
    _different,
    Part("exploration", "Schedule", "epsilon; None: actions are drawn from the policy", optional=True),
    Flag("strict", "explore iff u < epsilon; else iff u <= epsilon", default=True),
    Flag("several", "explore by two draws (explores?, which action); else one says both", default=False),
    Number("active", "k, rows of each agent", low=1),
    Number("draws", "K, exploration draws per agent in the whole team"),
    _draws)

POLICY_GRADIENT = Kernel(
    "PolicyGradient",
    Array("units", "int32", "U", "the table of each unit: an agent or a team, which has values and rewards (the mean "
          "of its members') of its own"),
    Array("unit_of", "int32", "N", "the unit of every agent that is controlled"),
    Array("weights", "int64", "N", "what an agent's action counts for in a joint action's number; 0: the critic is of "
          "states"),
    Array("discount", "float64", "R"),
    Array("decay", "float64", "R", "lambda"),
    Number("central", "C, rows of the whole state, which the critic then looks at; 0: at those of the agent", low=0),
    Array("rollout_rows", "int32", "R length N*active+central", "rows of each step of the rollout", written=True),
    _length,
    Array("ahead", "int32", "R length N*active+central", "rows of its successor", written=True),
    Array("taken", "int32", "R length N", "actions", written=True),
    Array("over", "int32", "R length", "0 goes on, 1 terminated, 2 cut", written=True),
    Array("rewards", "float64", "R length U", "of each unit", written=True),
    Array("known", "int32", "R", "steps of the rollout so far", written=True),
    Array("late", "int32", "R", LATE, written=True),
    Array("critic", "float64", "R states tables J", "values of J joint actions (1: of states). None: nothing is worth "
          "anything", written=True, optional=True),
    Flag("counterfactual", "the critic is of joint actions"),
    _units,
    Array("value_mean", "float64", "R U", "running mean of each unit's targets, as far as it has weight. None: values "
          "are what they stand for", written=True, optional=True),
    Array("value_square", "float64", "R U", "of their squares", written=True, optional=True),
    Array("value_weight", "float64", "R U", "weight of both so far; 0: none", written=True, optional=True),
    _normal,
    Part("rate", "Schedule", "of the actors"),
    Part("critic_rate", "Schedule", "of the critic"),
    Part("entropy", "Schedule", "what the entropy of a policy is worth at each step"),
    Number("epochs", "passes over a rollout"),
    Number("minibatch", "steps whose gradients are added up before the logits move; 0: the whole rollout"),
    _passes,
    Array("clip", "float64", "R", "of the ratio of probabilities", optional=True),
    Array("value_clip", "float64", "R", "how far values go from what they were", optional=True),
    Flag("normalise", "a unit's advantages get mean 0 and standard deviation 1: sums over steps, and agents in each"),
    Flag("across", "a rollout goes on after the end of an episode, until it is full"),
    base=SOFTMAX, without=("exploration", "strict", "several"))

KERNELS = SOFTMAX, POLICY_GRADIENT
