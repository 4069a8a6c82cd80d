"""Arguments of ``phc``."""
from marlfast.declarations.base import Array, Kernel, Part
from marlfast.declarations.q_learning import BOLTZMANN, Q_LEARNING


def _explores(n):
    if n.kind == BOLTZMANN:
        raise ValueError(f"kind: expected 0 or 2, as exploring is on top of a mixed policy, got {n.kind}")


POLICY_HILL_CLIMBING = Kernel(
    "PolicyHillClimbing",
    _explores,
    Array("policy", "float64", "R n_rows T A", "probabilities of the actions", written=True),
    Array("average", "float64", "R n_rows T A", "mean of the policies of all updates of a row", written=True,
          optional=True),
    Part("win", "Schedule", "how much probability moves at once where it wins"),
    Part("lose", "Schedule", "and where it loses, or has no average"),
    base=Q_LEARNING, without=("active",))

KERNELS = (POLICY_HILL_CLIMBING,)
