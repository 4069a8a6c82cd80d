"""Arguments of ``congestion``."""
import numpy as np

from marlfast.declarations.base import Array, Flag, Kernel, Number


def _lists(starts_name, starts, name, values, below, least):
    """Lists of numbers from 0 to below - 1, list k from ``starts[k]`` to ``starts[k + 1]``."""
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != len(values) or (np.diff(starts) < least).any():
        raise ValueError(f"{starts_name}: expected numbers that rise by at least {least} from 0 to {len(values)}, "
                         f"the length of {name}")
    if len(values) and (values.min() < 0 or values.max() >= below):
        raise ValueError(f"{name}: expected numbers from 0 to {below - 1}")


def _agents(n):
    if not n.N:
        raise ValueError("kind_of_agent: expected at least one agent, got none")


def _strategies(n):
    if not n.resources:
        raise ValueError("cost: expected at least one resource, got none")
    _lists("first_use", n.first_use, "used", n.used, n.resources, 0)
    for s, (begin, end) in enumerate(zip(n.first_use.tolist(), n.first_use.tolist()[1:], strict=False)):
        if len(set(n.used[begin:end].tolist())) < end - begin:
            raise ValueError(f"used: strategy {s} has a resource twice")
    _lists("first_choice", n.first_choice, "choices", n.choices, len(n.first_use) - 1, 1)
    if n.kind_of_agent.min() < 0 or n.kind_of_agent.max() >= len(n.first_choice) - 1:
        raise ValueError(f"kind_of_agent: expected kinds 0 to {len(n.first_choice) - 2}")


def _remembered(n):
    if n.memory and n.sees_loads:
        raise ValueError("sees_loads, memory: agents see the loads or what is remembered, not both")
    if not 0 <= n.watched < n.resources:
        raise ValueError(f"watched: expected 0 to {n.resources - 1}, got {n.watched}")
    if not 0 <= n.threshold <= n.N:
        raise ValueError(f"threshold: expected 0 to {n.N}, got {n.threshold}")
    # Who counts as a load and who pays are not the same where a strategy uses what it does not add to.
    apart = not n.counted.all()
    return {"apart": apart, "history": n.resources * (2 if apart else 1)}


CONGESTION = Kernel(
    "Congestion",
    Array("kind_of_agent", "int32", "N"), _agents,
    Array("first_choice", "int32", "choice_starts", "kind k's actions are the strategies "
          "``choices[first_choice[k]:first_choice[k + 1]]``"),
    Array("choices", "int32", "C"),
    Array("first_use", "int32", "use_starts", "strategy s pays for the resources "
          "``used[first_use[s]:first_use[s + 1]]``, none of them twice"),
    Array("used", "int32", "U"),
    Array("counted", "bool", "U", "beside ``used``: whether who chooses the strategy adds to the resource's load"),
    Array("cost", "float64", "resources N+1", "of each resource at each load"),
    _strategies,
    Flag("sees_loads", "whether agents see the loads, or else what is remembered", default=False),
    Number("memory", "how many steps are remembered", low=0, high=30, default=0),
    Number("watched", "what is remembered of a step: whether the load of this resource was above ``threshold``",
           default=0),
    Number("threshold", default=0),
    _remembered,
    family="Game")

KERNELS = (CONGESTION,)
