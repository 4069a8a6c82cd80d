"""Pictures of results. Needs matplotlib: ``pip install 'marlfast[plot]'``.

Every function draws into the axes it is given as ``ax``, or into a new figure made without ``pyplot``, and returns the
axes: ``plotting.learning_curve(run).figure.savefig("curve.png")``.
"""
from marlfast.plotting.boards import animate, board_policy, frame
from marlfast.plotting.curves import (
    BINS,
    HIGH,
    LOW,
    binned,
    distribution,
    draw_curve,
    intervals,
    learning_curve,
    profiles,
)
from marlfast.plotting.maps import policy_map, policy_table, value_map, visit_map
from marlfast.plotting.play import cross_play_matrix, cycle_diagram, direction_field, joint_actions
from marlfast.plotting.responses import impulse_response
from marlfast.plotting.sweeps import heat_map, parameter_curve

__all__ = [
    "BINS", "HIGH", "LOW", "animate", "binned", "board_policy", "cross_play_matrix", "cycle_diagram",
    "direction_field", "distribution", "draw_curve", "frame", "heat_map", "impulse_response", "intervals",
    "joint_actions", "learning_curve", "parameter_curve", "policy_map", "policy_table", "profiles", "value_map",
    "visit_map",
]
