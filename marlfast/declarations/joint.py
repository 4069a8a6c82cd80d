"""Arguments of ``joint``."""
from marlfast.declarations.base import Array, Cells, Flag, Kernel, Number, Part
from marlfast.declarations.q_learning import (
    BOLTZMANN,
    DRAWN,
    EPSILON_GREEDY,
    KINDS,
    ONE_DRAW,
    TIES,
    exploring,
    needed_draws,
)

GREATEST, MINIMAX, BELIEF, NASH, CORRELATED = range(5)


def _policies(n):
    return {"P": 1 if n.rule == CORRELATED else n.T}


def _agents(n):
    for name, numbers in (("agent_ids", n.agent_ids), ("reads", n.reads), ("chooses_by", n.chooses_by)):
        if len(numbers) < 1 or numbers.min() < 0 or numbers.max() >= n.N:
            raise ValueError(f"{name}: expected agents from 0 to {n.N - 1}")


def _plan(n):
    """Refuse a plan by which a kernel could leave its arrays."""
    if n.n_choices.min() < 1 or n.steps.min() < 1 or n.weights.min() < 0:
        raise ValueError("n_choices, steps, weights: expected at least 1, 1 and 0")
    for t in range(n.T):
        most = sum((int(count) - 1) * int(weight) for count, weight in zip(n.n_actions, n.weights[t], strict=True))
        if most >= n.J or (int(n.n_choices[t]) - 1) * int(n.steps[t]) >= n.J:
            raise ValueError(f"weights, n_choices, steps: table {t} has joint actions up to {most}, q to {n.J - 1}")
        if n.rule in (MINIMAX, BELIEF) and int(n.n_choices[t]) * int(n.steps[t]) != n.J:
            raise ValueError(f"n_choices, steps: expected {n.J} joint actions in table {t}")
        if n.rule in (GREATEST, CORRELATED) and (n.n_choices[t] != n.J or n.steps[t] != 1):
            raise ValueError(f"n_choices, steps: expected {n.J} choices, one step apart, in table {t}")
        if n.rule and n.n_choices[t] > n.policy_actions:
            raise ValueError(f"n_choices: policy has room for {n.policy_actions}, table {t} has {n.n_choices[t]}")
    for i in n.agent_ids:
        if n.weights[n.table_of[i], i] < 1:
            raise ValueError(f"weights: agent {i} is controlled, and its table does not know its action")
    if n.rule == BELIEF:
        for t in range(n.T):
            others, weight = [k for k in range(n.N) if k != n.reads[t]], 1
            fits = sum(int(n.n_actions[k]) for k in others) <= n.C
            for k in reversed(others):
                fits, weight = fits and n.weights[t, k] == weight, weight * int(n.n_actions[k])
            if not fits or n.steps[t] != weight or n.weights[t, n.reads[t]] != weight:
                raise ValueError("counts, weights: expected room for every other agent's actions, in their order")


def _equilibria(n):
    a = n.n_actions
    if n.rule > BELIEF and (n.T != 2 or n.N != 2 or int(a[0]) * int(a[1]) != n.J
                            or (n.weights != [[a[1], 1]] * 2).any() or n.table_of[0] != 0 or n.table_of[1] != 1
                            or n.reads[0] != n.reads[1] or n.rule == NASH and (n.n_choices != a).any()):
        raise ValueError("rule: equilibria need two tables, over the joint actions of two agents")
    if n.rule == NASH and (n.steps[0] != a[1] or n.steps[1] != 1):
        raise ValueError(f"steps: expected {a[1]} and 1, got {n.steps[0]} and {n.steps[1]}")


def _explores(n):
    if (n.kind == BOLTZMANN or n.ties) and n.rule not in (GREATEST, BELIEF):
        raise ValueError("kind, ties: mixed policies explore by epsilon, and have no ties")
    if n.together and (n.T != 1 or n.rule != GREATEST):
        raise ValueError("together: expected one table, and rule 0")
    chance = n.kind == BOLTZMANN or bool(n.ties & DRAWN) or n.rule not in (GREATEST, BELIEF)
    # Place of the draw by which others choose, too; 0: none, each chooses by its own.
    signal = 0
    if chance and n.kind == EPSILON_GREEDY:
        signal = 2
    elif chance and n.kind == ONE_DRAW and not n.together and (n.chooses_by[n.agent_ids] != n.agent_ids).any():
        signal = 1
    needed = max(signal + 1, needed_draws(n.kind, 0))
    if n.draws < needed:
        raise ValueError(f"draws: expected at least {needed}, got {n.draws}")
    return exploring(n) | {"signal": signal, "chance": int(chance)}


JOINT = Kernel(
    "Joint",
    Cells("q", "float64", "R n_rows T J", "values of joint actions in T tables",
          filled="run, row, table and joint action"),
    Cells("value", "float64", "R n_rows T", "what a row is worth"),
    Cells("greedy", "int32", "R n_rows T", "the choice that is most likely, or greatest"),
    Cells("visits", "int32", "R n_rows T", "how often each row of each table was updated, up to 2**31 - 1"),
    Number("rule", "0 the greatest value; 1 minimax of a zero-sum game; 2 the greatest value expected from what others "
           "did so far; 3 Nash equilibrium; 4 correlated equilibrium", choices=tuple(range(5))),
    _policies,
    Array("policy", "float64", "R n_rows P policy_actions", "probabilities of the choices; by rule 2 what each is "
                                                          "expected to earn. P "
          "is T, but 1 by rule 4. Rule 0 has none (policy_actions is 0)", written=True),
    Array("counts", "int64", "R n_rows T C", "by rule 2 only: how often each other agent, in order, did each of its "
          "actions. Else C is 0", written=True),
    Array("table_of", "int32", "N", "table of every agent", values=(0, "T-1", "tables {low} to {high}")),
    Array("n_actions", "int32", "N", "number of actions of every agent", values=(1, 2**31 - 1, "at least {low}")),
    Array("agent_ids", "int32", "L", "the agents that this learner controls"),
    Array("weights", "int64", "T N", "what an agent's action counts for in a joint action's number; 0 for agents whose "
          "actions a table does not know"),
    Array("n_choices", "int64", "T", "how many choices the one who acts by a table has"),
    Array("steps", "int64", "T", "how far the joint actions of two choices lie apart"),
    Array("reads", "int32", "T", "the agent whose row, and (but by rules 3 and 4, where tables are those of agents 0 "
          "and 1) whose reward it is"),
    Array("chooses_by", "int32", "N", "the agent whose draw decides for each agent"),
    Array("discount", "float64", "R"),
    _agents, _plan, _equilibria,
    Number("objective", "of correlated equilibria: see ``solve_correlated``", choices=tuple(range(4))),
    Number("kind", f"{KINDS} (and a second, where some choose by the draw of another who explores by itself). "
           "Boltzmann by rules 0 and 2 only", choices=(EPSILON_GREEDY, BOLTZMANN, ONE_DRAW)),
    Flag("strict", "explore iff u < epsilon; else iff u <= epsilon"),
    Number("ties", f"{TIES}. By other rules than 0 and 2: 0", choices=(0, 1, 2, 3)),
    Flag("together", "one table for all agents that are controlled: it learns from the mean of their rewards, and they "
         "explore together"),
    Number("draws", "K, exploration draws per agent in the whole team"),
    _explores,
    Part("rate", "Schedule", "learning rate"),
    Part("exploration", "Schedule", "epsilon or temperature"),
    Flag("learning", "False: the tables are frozen"),
    methods=("settle(self, first: int)",))

KERNELS = (JOINT,)
