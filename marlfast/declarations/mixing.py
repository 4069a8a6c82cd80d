"""Arguments of ``mixing``."""
import math

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
    if renews and n.target_every < 1:
        raise ValueError(f"target_every: expected at least 1, got {n.target_every}")
    return {} if mixes else {"states": 0}


NONE, OPTIMISTIC, CENTRAL = range(3)


def _weighted(n):
    """A table of joint actions, where errors are weighted by it."""
    if (n.joint_q is not None) != (n.weighting != NONE):
        raise ValueError("joint_q, weighting: expected both, or None and 0")
    if (n.target_joint_q is not None) != (n.joint_q is not None and n.target_q is not None):
        raise ValueError("target_joint_q: expected it where there are joint_q and target_q, else None")
    if n.joint_q is None:
        return {"joint": 0}
    if n.mixer is None:
        raise ValueError("joint_q: expected None without a mixer")
    counts = dict(zip(n.agent_ids.tolist(), n.n_actions[n.agent_ids].tolist(), strict=True))
    joint = max(math.prod(counts[i] for i in n.members[k:e].tolist())
                for k, e in zip(n.starts.tolist(), n.starts[1:].tolist(), strict=False))
    if n.joint < joint:
        raise ValueError(f"joint_q: expected room for the {joint} joint actions of a team, got {n.joint}")
    return {}


SGD, RMSPROP, ADAM, NORMALISED = range(4)
MOMENTS = {SGD: (), NORMALISED: (), RMSPROP: ("square",), ADAM: ("mean", "square")}


def _moments(n):
    """What an optimiser keeps: of the utilities, and of the networks where there are some."""
    wanted = {f"{of}_{name}" for name in MOMENTS[n.optimizer]
              for of in (("q", "mixer") if n.given.get("mixer") is not None else ("q",))}
    if n.optimizer == ADAM:
        wanted.add("powers")
    for name in ("q_mean", "q_square", "mixer_mean", "mixer_square", "powers"):
        if (n.given.get(name) is not None) != (name in wanted):
            raise ValueError(f"{name}: expected {'an array' if name in wanted else 'None'} with optimizer "
                             f"{n.optimizer}")


REPLAY = ("replay_rows", "replay_next_rows", "replay_actions", "replay_rewards", "replay_over", "replay_kept",
          "replay_updates", "seeds", "run_numbers", "trace_decay")


def _replays(n):
    """All that a buffer takes, or nothing of it."""
    for name in REPLAY[1:]:
        if (n.given.get(name) is not None) != (n.given.get(REPLAY[0]) is not None):
            raise ValueError(f"{', '.join(REPLAY)}: expected all of them, or None")
    if n.replay_rows is None:
        if n.steps != 1:
            raise ValueError(f"steps: expected 1 without a buffer, got {n.steps}")
        return {"B": 0}
    if not 0 <= n.stream < 2**32:
        raise ValueError(f"stream: expected 0 to 2**32 - 1, got {n.stream}")
    if n.batch > n.B:
        raise ValueError(f"batch: expected at most the {n.B} transitions of the buffer, got {n.batch}")
    if (n.replay_kept < 0).any() or (n.replay_updates < 0).any():
        raise ValueError("replay_kept, replay_updates: expected at least 0")
    return {}


MIXING = Kernel(
    "Mixing",
    Number("central", "C, rows of the whole state; 0 without a mixer, and where nothing is learned"),
    Array("members", "int32", "L", "the agents that this learner controls, team after team"),
    Array("starts", "int64", "edges", "where each of the M teams begins in ``members``, and where the last ends"),
    _teams,
    Number("hidden", "H, hidden units of a network; 0 without a mixer"),
    Number("target_every", default=0),
    _all_or_none,
    Array("mixer", "float64", "R states M (room+2)*hidden+1", "networks, with room for the members of the largest "
          "team; see ``marlfast/core/mixing.pxd``. None: sums", written=True, optional=True, filled="row"),
    Part("mixing", "Schedule", "rate of the networks", optional=True),
    Array("target_q", "float64", "R n_rows T A", "what the next rows are judged by; renewed every ``target_every`` "
                                               "updates. "
          "None: ``q`` itself", written=True, optional=True),
    Array("target_mixer", "float64", "R states M (room+2)*hidden+1", "likewise", written=True, optional=True),
    Array("since", "int64", "R", "updates since then", written=True, optional=True),
    Flag("bounded", "with a mixer and optimizer 0: an error counts for no more than by what the value would move, to "
         "first order, by all of it", default=False),
    Flag("double", "the target's table says what the greedy actions of ``q`` are worth", default=False),
    Number("optimizer", "0 plain steps, 1 RMSprop, 2 Adam, 3 normalised", choices=(SGD, RMSPROP, ADAM, NORMALISED),
           default=SGD),
    Number("max_norm", "the greatest norm of a gradient, which is shortened to it; 0: any", low=0.0, real=True,
           default=0.0),
    _moments,
    Array("q_mean", "float64", "R n_rows T A", "running means of gradients", written=True, optional=True),
    Array("q_square", "float64", "R n_rows T A", "of their squares", written=True, optional=True),
    Array("mixer_mean", "float64", "R states M (room+2)*hidden+1", "likewise", written=True, optional=True),
    Array("mixer_square", "float64", "R states M (room+2)*hidden+1", "likewise", written=True, optional=True),
    Array("powers", "float64", "R 2", "what is left of where the means of Adam began", written=True, optional=True),
    Number("weighting", "of the errors that networks learn from: 0 none, 1 optimistic, 2 central",
           choices=(NONE, OPTIMISTIC, CENTRAL), default=NONE),
    Number("alpha", "weight of what is thought to be overestimated", low=0.0, high=1.0, real=True, default=1.0),
    Array("joint_q", "float64", "R states M joint", "values of joint actions, the last member's action the fastest; "
          "the next rows are judged by them", written=True, optional=True),
    Array("target_joint_q", "float64", "R states M joint", "likewise", written=True, optional=True),
    _weighted,
    Array("replay_rows", "int32", "R B N*active+central", "transitions that are kept, the oldest of which makes room. "
          "None: a transition is learned from once, as it is made", written=True, optional=True, filled="transition"),
    Array("replay_next_rows", "int32", "R B N*active+central", written=True, optional=True),
    Array("replay_actions", "int32", "R B N", written=True, optional=True),
    Array("replay_rewards", "float64", "R B M", "of each team", written=True, optional=True),
    Array("replay_over", "int32", "R B", "0 the episode goes on, 1 it is terminated, 2 it is cut", written=True,
          optional=True),
    Array("replay_kept", "int64", "R", "transitions so far", written=True, optional=True),
    Array("replay_updates", "int64", "R", "updates so far: draws of the next ones begin at ``batch`` times that",
          written=True, optional=True),
    Array("seeds", "uint64", "R", "of the draws that say what is replayed", optional=True),
    Array("run_numbers", "int64", "R", "under their seeds", optional=True,
          values=(0, 2**32 - 1, "run numbers {low} to {high}")),
    Array("trace_decay", "float64", "R", "lambda of the returns", optional=True,
          values=(0.0, 1.0, "numbers {low:g} to {high:g}")),
    Number("stream", "of the draws", default=0),
    Number("batch", "transitions of an update", low=1, default=1),
    Number("update_every", "transitions between updates", low=1, default=1),
    Number("steps", "rewards of a return, at most", low=1, default=1),
    _replays,
    base=Q_LEARNING)

KERNELS = (MIXING,)
