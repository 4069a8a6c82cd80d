"""Arguments of ``loop`` of a game that says who is there, who acts or what is legal."""
from marlfast.declarations.base import Array, Flag

# Dtype, axes (k: rows that an observation is in), and what it is.
_MOVES = {
    "present": ("bool", "R N", "who is in the game"),
    "acts": ("bool", "R N", "who acts next: present, and to act"),
    "legal": ("bool", "R N A", "what those may do"),
    "last_obs": ("float64", "R V D", "what each agent observed when it last was to act"),
    "waits": ("bool", "R N", "who has moved, and whose transition is open"),
    "moved_rows": ("int32", "R N k", "where it moved"),
    "moved_actions": ("int32", "R N", "its move"),
    "moved_legal": ("bool", "R N A", "what it might have done"),
    "moved_rewards": ("float64", "R N", "what it has earned since, discounted"),
    "moved_ahead": ("float64", "R N", "what the discount of what follows is multiplied by"),
    "agent_steps": ("int64", "R N", "steps of the episode under way in which an agent was there"),
    "agent_lengths": ("int64", "R E N", "the same of the episodes recorded"),
}


def moved_shapes(**sizes):
    """Dtypes and shapes of the arrays of such a game: {name: (dtype, shape)}, by the sizes R, N, A, V, D, k and E."""
    return {name: (dtype, tuple(sizes[axis] for axis in axes.split())) for name, (dtype, axes, _) in _MOVES.items()}


def _participate(n):
    """All of them go with a game that says so, and none with another."""
    given = [name for name in (*_MOVES, "action_counts", "discounts") if getattr(n, name) is not None]
    says = n.game.participation
    if says and len(given) < len(_MOVES) + 2:
        lacking = next(name for name in (*_MOVES, "action_counts", "discounts") if name not in given)
        raise ValueError(f"{lacking}: expected an array, as the game says {' and '.join(says)} of a state")
    if given and not says:
        raise ValueError(f"{given[0]}: expected None, as all agents of the game act in each step, and may do anything")
    if says and n.action_counts.max() != n.A:
        raise ValueError(f"action_counts: expected {n.A} as the greatest, got {n.action_counts.max()}")
    if says and n.game.max_actions not in (0, n.A):
        raise ValueError(f"legal: expected {n.game.max_actions} actions, as the game says what is legal of so many, "
                         f"got {n.A}")


MOVES = (
    Array("action_counts", "int32", "N", "number of actions of every agent", optional=True),
    Array("discounts", "float64", "R N", "what each agent discounts by", optional=True),
    Flag("by_move", "whether nothing is discounted between an agent's moves", default=False),
    *(Array(name, dtype, axes, f"{text}; this and what follows of games that say who is there, who acts or what is "
            "legal" if name == "present" else text, written=True, optional=True)
      for name, (dtype, axes, text) in _MOVES.items()),
    _participate)
