"""Policies for programs that have no marlfast: a C header, or JSON."""
import re

import numpy as np

from marlfast.disk import write_atomically
from marlfast.errors import shown


def write_json(policy, path, name=None):
    """Write a :class:`marlfast.TablePolicy` as JSON: its manifest, and its arrays as lists.

    Parameters
    ----------
    policy : TablePolicy
    path : path-like
    name : None
        JSON has no use for one.
    """
    import json

    if name is not None:
        raise ValueError(f"name: only a C header has names that begin with one; leave name={shown(name)} out")
    values = policy._manifest() | {key: array.tolist() for key, array in policy._arrays().items()}
    text = json.dumps(values, allow_nan=False)
    write_atomically(path, lambda file: file.write(text.encode() + b"\n"))


def write_header(policy, path, name=None):
    """Write a :class:`marlfast.TablePolicy` as a C header that needs nothing but the C library.

    Parameters
    ----------
    policy : TablePolicy
    path : path-like
    name : str, optional
        What the names in it begin with. Default: the file's name, without what C has no letters for.
    """
    name = re.sub(r"\W|^(?=\d)", "_", path.stem, flags=re.ASCII) if name is None else name
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError(f"name: expected a name of C, letters, digits and _, got {shown(name)}")
    write_atomically(path, lambda file: file.write(header(policy, name).encode()))


def header(policy, name):
    """The text of a C header; names in it begin with ``name``."""
    arrays, row = _row(policy)
    arrays |= _groups(policy)
    rows, groups = policy._bound.rows, len(policy.groups)
    if policy.mixed:
        joint = policy.chances.shape[2]
        sums = np.cumsum(policy.chances, axis=2)
        last = joint - 1 - (policy.chances[:, :, ::-1] > 0.0).argmax(axis=2)
        sums[np.arange(joint) >= last[:, :, None]] = 2.0            # beyond the last that is possible
        arrays["sums"] = ("double", sums.ravel())
        choose = (f"const double *sums = NAME_sums + (row * {groups} + group) * {joint};\n"
                  f"    while (choice < {joint - 1} && u >= sums[choice])\n        choice++;")
    else:
        arrays["choices"] = (_smallest(policy.choices), policy.choices.ravel())
        choose = f"(void)u;\n    choice = NAME_choices[row * {groups} + group];"
    about = ", ".join(f"{key} {value}" for key, value in policy.about.items()).replace("*/", "")
    names = ", ".join(f"{i} {agent}" for i, agent in enumerate(policy.agents)).replace("*/", "")
    head = _TEXT.replace("CHOOSE", choose).replace("ROW", row).replace("FEATURES", str(policy.features))
    head = head.replace("GROUPS", str(groups)).replace("AGENTS", str(len(policy.agents))).replace("ROWS", str(rows))
    tables = "\n".join(_array(key, kind, values) for key, (kind, values) in arrays.items())
    text = head.replace("TABLES", tables).replace("ABOUT", about or "unknown").replace("WHO", names)
    return text.replace("NAME", name)


_TEXT = """\
/* A policy in tables, written by marlfast (ABOUT).
 *
 * int NAME_action(int agent, const double *observation, double u)
 *   The action of an agent (WHO),
 *   who observes FEATURES numbers; -1: there is no such agent or observation.
 *   u, a uniform number in [0, 1), decides what is left to chance. Agents who draw together are given the same u.
 */
#ifndef NAME_POLICY_H
#define NAME_POLICY_H
#include <math.h>
#include <stdint.h>

enum { NAME_agents = AGENTS, NAME_features = FEATURES };

TABLES
/* The row of what is observed; -1: it is no observation. */
static long NAME_row(const double *observation)
{
ROW
}

static int NAME_action(int agent, const double *observation, double u)
{
    long row, group, choice = 0;
    if (agent < 0 || agent >= NAME_agents || (row = NAME_row(observation)) < 0)
        return -1;
    group = NAME_group[agent];
    CHOOSE
    return (int)(choice / NAME_stride[agent] % NAME_count[agent]);
}
#endif
"""

_NUMBERED = """\
    double y = observation[0];
    return y >= 0.0 && y < {rows}.0 && floor(y) == y ? (long)y : -1;"""

_GRID = """\
    long row = 0;
    int d;
    for (d = 0; d < NAME_features; d++) {
        double y = (observation[d] - NAME_low[d]) * NAME_scale[d], last = NAME_bins[d] - 1.0;
        if (!(y * 0.0 == 0.0))
            return -1;
        y = y > 0.0 ? y : 0.0;
        row = row * NAME_bins[d] + (long)(y < last ? y : last);
    }
    return row;"""

# A search by halves: keys are sorted by their numbers, the first one first.
_ROUNDING = """\
    int64_t key[NAME_features];
    long low = 0, high = {rows};
    int d;
    for (d = 0; d < NAME_features; d++) {{
        double y = observation[d] * {scale};
        if (!(fabs(y) <= 2251799813685248.0))
            return -1;
        key[d] = (int64_t)rint(y);
    }}
    while (low < high) {{
        long middle = low + (high - low) / 2;
        const int64_t *there = NAME_keys + middle * NAME_features;
        for (d = 0; d < NAME_features - 1 && there[d] == key[d];)
            d++;
        if (there[d] == key[d])
            return NAME_rows[middle];
        if (there[d] < key[d])
            low = middle + 1;
        else
            high = middle;
    }}
    return {rows};                  /* it was never seen */"""


def _row(policy):
    """({name: (type, values)} of what finds a row, the body of the function that does)."""
    facts = policy.encoder
    if facts["name"] == "numbered":
        return {}, _NUMBERED.format(rows=facts["rows"])
    if facts["name"] == "grid":
        low, high, bins = (np.array(facts[key]) for key in ("low", "high", "bins"))
        return {"low": ("double", low), "scale": ("double", bins / (high - low)), "bins": ("int32_t", bins)}, _GRID
    keys = facts["keys"]
    order = np.lexsort(keys.T[::-1]) if len(keys) else np.zeros(0, np.int64)
    arrays = {"keys": ("int64_t", keys[order].ravel()), "rows": ("int32_t", order)}
    return arrays, _ROUNDING.format(rows=len(keys), scale=repr(10.0 ** facts["decimals"]))


def _groups(policy):
    n = len(policy.agents)
    group, stride = np.zeros(n, np.int64), np.ones(n, np.int64)
    for g, members in enumerate(policy.groups):
        for k, i in enumerate(members):
            group[i] = g
            stride[i] = np.prod([policy.action_counts[j] for j in members[k + 1:]], dtype=np.int64)
    return {"group": ("int32_t", group), "stride": ("int32_t", stride),
            "count": ("int32_t", np.array(policy.action_counts))}


def _smallest(values):
    most = int(values.max(initial=0))
    return "uint8_t" if most < 2**8 else "uint16_t" if most < 2**16 else "int32_t"


def _array(name, kind, values):
    """A constant array of C, a few numbers a line."""
    numbers = [repr(float(x)) for x in values] if kind == "double" else [str(int(x)) for x in values]
    lines, line = [], ""
    for number in numbers or ["0"]:             # C has no arrays of nothing
        if len(line) + len(number) > 110:
            lines.append(line.rstrip())
            line = ""
        line += number + ", "
    lines.append(line.rstrip(", "))
    return f"static const {kind} NAME_{name}[] = {{\n    " + "\n    ".join(lines) + "\n};"
