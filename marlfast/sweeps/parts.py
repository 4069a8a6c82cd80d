"""Experiments with other values at the places that paths name, such as ``"learner.explore.epsilon"``.

This works on definitions, not on dictionaries, so that games and potentials made of functions can be swept too.
All changes to a definition are made at once: what they are in between need not make sense.
"""
import dataclasses

import numpy as np

from marlfast.errors import shown, unknown
from marlfast.experiment import PARTS
from marlfast.registry import Definition, from_dict, lookup, unknown_option

HEADS = (*PARTS, "episodes", "steps")
# Why the other fields of an experiment cannot be swept over.
NOT_SWEPT = {
    "seed": "give seeds=", "runs": "give seeds=, of which each point has a run", "first_run": "give seeds=",
    "teams": "sweep over rewards, which may have teams of their own",
    "record_every": "curves of all points have the same bins; give the experiment one value",
}


class Changes:
    """Changes to one experiment, again and again.

    Parameters
    ----------
    experiment : Experiment
    """

    def __init__(self, experiment):
        self.experiment, self._arguments = experiment, {}

    def __getstate__(self):
        return {"experiment": self.experiment, "_arguments": {}}

    def make(self, changes, **more):
        """The experiment with other values.

        Parameters
        ----------
        changes : dict
            Values by path.
        **more
            Fields of the experiment, such as ``runs``.
        """
        tree, values = {}, {}
        for path, value in changes.items():
            *before, last = path.split(".")
            place = tree
            for key in before:
                place = place.setdefault(key, {})
            place[last] = _Leaf(value)
        for head, branch in tree.items():
            values[head] = self._change(getattr(self.experiment, head), PARTS.get(head), branch, head)
        return self.experiment.replace(**values, **more)

    def _change(self, current, kind, branch, where):
        if isinstance(branch, _Leaf):
            value = branch.value
            if kind and isinstance(value, (str, dict)):
                return from_dict(kind, value, where)
            return value
        if kind and not isinstance(current, tuple) and (isinstance(current, Definition) or "name" in branch):
            return self._definition(current, kind, branch, where)
        if isinstance(current, (tuple, np.ndarray)):
            return self._entries(current, kind, branch, where)
        key = next(iter(branch))
        if kind:
            raise ValueError(f"{where}: the {kind} is {shown(current)}, which has no option {key!r}; give the "
                             "experiment one that has, or sweep over its name too")
        raise ValueError(f"{where}: is {shown(current)}, which has no part {key!r}")

    def _definition(self, current, kind, branch, where):
        name = branch["name"].value if "name" in branch else current.name
        same = isinstance(current, Definition) and current.name == name
        cls = type(current) if same else lookup(kind, name)
        known = {field.name: field for field in dataclasses.fields(cls)}
        arguments = dict(self._given(current, where)) if same else {}
        for key, inner in branch.items():
            if key == "name":
                continue
            if key not in known:
                raise unknown_option(cls, key, f"option of {kind} {name!r}", ["name"])
            default = known[key].default
            before = getattr(current, key) if same else None if default is dataclasses.MISSING else default
            arguments[key] = self._change(before, known[key].metadata.get("kind"), inner, f"{where}.{key}")
        if not same:
            missing = [f.name for f in known.values() if f.default is dataclasses.MISSING and f.name not in arguments]
            if missing:
                raise ValueError(f"{where}: {kind} {name!r} needs {', '.join(missing)}")
        try:
            return cls(**arguments)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{where}: {error}") from None

    def _given(self, definition, where):
        """Arguments that make a definition again, without those that have their default or follow from the others.

        A default that follows from another option then still follows when that one is changed.
        """
        if where not in self._arguments:
            arguments = {f.name: getattr(definition, f.name) for f in dataclasses.fields(definition) if f.init}
            for field in dataclasses.fields(definition):
                if field.default is dataclasses.MISSING or not field.init:
                    continue
                fewer = {name: value for name, value in arguments.items() if name != field.name}
                try:
                    if type(definition)(**fewer) == definition:
                        arguments = fewer
                except (TypeError, ValueError):
                    pass
            self._arguments[where] = arguments
        return self._arguments[where]

    def _entries(self, current, kind, branch, where):
        entries = current.tolist() if isinstance(current, np.ndarray) else list(current)
        for key, inner in branch.items():
            if not key.isdecimal() or int(key) >= len(entries):
                most = f"expected the number of an entry, 0 to {len(entries) - 1}" if entries else "has no entries"
                raise ValueError(f"{where}: {most}, got {shown(key)}")
            before = entries[int(key)]
            before = tuple(before) if isinstance(before, list) else before
            entries[int(key)] = self._change(before, kind, inner, f"{where}.{key}")
        return tuple(entries)

    def check_names(self, names):
        """Refuse names that are no places in an experiment, or of which one stands inside another."""
        check_names(names)

    def may_differ(self, path, changes):
        """Whether runs of one call may differ in the value at a path, after ``changes`` (of names, say)."""
        head, *keys = path.split(".")
        if head != "learner" or not keys:
            return False
        value, field = self.make(changes).learner, None
        for key in keys:
            if isinstance(value, Definition):
                field = next((f for f in dataclasses.fields(value) if f.name == key), None)
                if field is None:
                    return False
                value = getattr(value, key)
            elif isinstance(value, tuple) and key.isdecimal() and int(key) < len(value):
                value, field = value[int(key)], None
            else:
                return False
        return field is not None and field.metadata.get("per_run") is True


class StudyChanges(Changes):
    """Changes to a published study, by the names of its options or by those that the paper gives them.

    Parameters
    ----------
    study : Study
        One that is a single experiment.
    experiment : Experiment
        What it is without changes, with the number of runs, the seed and so on that the sweep has.
    """

    def __init__(self, study, experiment):
        super().__init__(experiment)
        self.study = study

    def __getstate__(self):
        return {**super().__getstate__(), "study": self.study}

    def make(self, changes, **more):
        options = {self.option(name): value for name, value in changes.items()}
        return dataclasses.replace(self.study, **options).experiment().replace(**more)

    def option(self, name):
        """The option that a name, perhaps the paper's, stands for."""
        return type(self.study).renamed.get(name, name)

    def may_differ(self, path, changes):
        return False            # the market and what prices are worth at first may follow from it

    def check_names(self, names):
        """Refuse names that the study does not have, or two of one option."""
        known = [f.name for f in dataclasses.fields(self.study)]
        found = {}
        for name in names:
            if self.option(name) not in known:
                raise unknown_option(type(self.study), name, f"option of the study {self.study.name!r} in over")
            if self.option(name) in found:
                raise ValueError(f"over: {found[self.option(name)]} and {name} are the same option; give one of them")
            found[self.option(name)] = name


@dataclasses.dataclass
class _Leaf:
    value: object


def check_names(names):
    """Refuse names that are no places in an experiment, or of which one stands inside another."""
    for name in names:
        head = name.partition(".")[0] if isinstance(name, str) else name
        if not isinstance(name, str) or not all(name.split(".")):
            raise ValueError(f"over: expected names such as 'learner.learning_rate', got {shown(name)}")
        if head in NOT_SWEPT:
            raise ValueError(f"over: {head} cannot be swept over; {NOT_SWEPT[head]}")
        if head not in HEADS:
            inside = [n for n in HEADS if n != head]
            raise ValueError(f"over: {unknown('parameter', name, inside)}" if "." not in name else
                             f"over: {name}: {unknown('key of the experiment', head, inside)}")
        if head in ("episodes", "steps") and name != head:
            raise ValueError(f"over: {name}: {head} is a number, which has no parts")
    ordered = sorted(names, key=lambda name: name.split("."))
    for one, other in zip(ordered, ordered[1:], strict=False):
        if other.startswith(f"{one}."):
            raise ValueError(f"over: {other} stands inside {one}, which is swept over too; give one of them")
