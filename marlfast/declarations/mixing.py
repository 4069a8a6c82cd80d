"""Arguments of ``mixing``."""
from marlfast.declarations.base import Array, Flag, Kernel, Number, Part
from marlfast.declarations.q_learning import Q_LEARNING


def _teams(n):
    """How many teams there are, and the members of the largest."""
    members, starts = n.members, n.starts
    if sorted(members.tolist()) != sorted(n.agent_ids.tolist()) or len(set(members.tolist())) != len(members):
        raise ValueError("members: expected the agents that are controlled, each once")
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != len(members) or (starts[1:] <= starts[:-1]).any():
        raise ValueError(f"starts: expected 0, rising numbers and {len(members)}, got {starts.tolist()}")
    return {"M": len(starts) - 1, "room": int((starts[1:] - starts[:-1]).max())}


def _all_or_none(n):
    there = {name: n.given.get(name) is not None for name in ("mixer", "mixing", "target_q", "target_mixer", "since")}
    mixes, renews = there["mixer"], there["target_q"]
    if mixes != (n.hidden > 0) or mixes != there["mixing"]:
        raise ValueError("mixer, hidden, mixing: expected all three, or None, 0 and None")
    if n.central < 0 or (n.central > 0) != (mixes and n.learning):
        raise ValueError(f"central: expected rows of the whole state where a mixer learns, else 0, got {n.central}")
    if renews != there["since"] or there["target_mixer"] != (renews and mixes):
        raise ValueError("target_q, target_mixer, since: expected all that there is to renew, or none")
    if renews and n.every < 1:
        raise ValueError(f"every: expected at least 1, got {n.every}")
    return {} if mixes else {"states": 0}


MIXING = Kernel(
    "Mixing",
    Number("central", "C, rows of the whole state; 0 without a mixer, and where nothing is learned"),
    Array("members", "int32", "L", "the agents that this learner controls, team after team"),
    Array("starts", "int64", "edges", "where each of the M teams begins in ``members``, and where the last ends"),
    _teams,
    Number("hidden", "H, hidden units of a network; 0 without a mixer"),
    Number("every", default=0),
    _all_or_none,
    Array("mixer", "float64", "R states M (room+2)*hidden+1", "networks, with room for the members of the largest "
          "team; see ``marlfast/core/mixing.pxd``. None: sums", written=True, optional=True, filled="row"),
    Part("mixing", "Schedule", "rate of the networks", optional=True),
    Array("target_q", "float64", "R rows T A", "what the next rows are judged by; renewed every ``every`` updates. "
          "None: ``q`` itself", written=True, optional=True),
    Array("target_mixer", "float64", "R states M (room+2)*hidden+1", "likewise", written=True, optional=True),
    Array("since", "int64", "R", "updates since then", written=True, optional=True),
    Flag("bounded", "with a mixer: an error counts for no more than by what the value would move, to first order, by "
         "all of it", default=False),
    base=Q_LEARNING)

KERNELS = (MIXING,)
