"""Arguments of ``matrix``."""
import math

from marlfast.declarations.base import Array, Flag, Kernel, Number, check

MAX_NUMBERED = 2**31 - 1        # observations, and joint actions, that can be numbered


def joint_actions(n):
    """J, of any size: a product of 64 bits could wrap around."""
    if not n.N:
        raise ValueError("actions: expected at least one agent, got none")
    for i, count in enumerate(n.actions.tolist()):
        if count < 1:
            raise ValueError(f"actions: agent {i} needs at least 1 action, got {count}")
    return {"J": math.prod(n.actions.tolist())}


ACTIONS = Array("actions", "int32", "N", "of each agent; J is their product"), joint_actions


class _Chances(Array):
    """Of each joint action, or of all alike; not looked at where there is one outcome."""

    def check(self, value, known):
        if known["K"] == 1:
            return None
        shape = (known["J"], known["K"])
        return check(value, self.name, self.dtype, shape if getattr(value, "ndim", 1) == 2 else shape[1:], False)


def _outcomes(n):
    if n.K < 1 or n.J > MAX_NUMBERED:
        raise ValueError(f"rewards: expected at least one outcome and at most {MAX_NUMBERED} joint actions, "
                         f"got {n.K} and {n.J}")


def _histories(n):
    """How many histories of all that is remembered there are, and how many shorter ones have numbers."""
    histories = n.J**n.memory if n.J == 1 or 0 <= n.memory <= 31 else 0
    shorter = 0 if not n.shorter else n.memory if n.J == 1 else (histories - 1) // (n.J - 1)
    if not 0 <= n.memory <= MAX_NUMBERED or not 1 <= histories + shorter <= MAX_NUMBERED:
        raise ValueError(f"memory: expected 0 or more, and at most {MAX_NUMBERED} histories, got {n.memory}")
    if not -1 <= n.begin < histories + shorter:
        raise ValueError(f"begin: expected a state from 0 to {histories + shorter - 1}, or -1, got {n.begin}")
    return {"histories": histories, "n_shorter": shorter}


REPEATED = Kernel(
    "Repeated",
    *ACTIONS,
    Array("rewards", "float64", "J K N", "of each joint action (the first agent's action the most significant) in each "
          "of its K outcomes"),
    _outcomes,
    _Chances("chances", "float64", "J K", "running sums of the probabilities of outcomes; [K]: the same for all joint "
             "actions; None where K is 1", optional=True),
    Number("memory", "how many joint actions the state remembers; the number of histories, J ** memory, is at most "
           "2**31 - 1"),
    Flag("shorter", "whether histories shorter than ``memory`` have numbers too, from J ** memory on"),
    Number("begin", "the first state; -1: one of the J ** memory histories, equally likely"),
    _histories,
    family="Game", by_position=True)

KERNELS = (REPEATED,)
