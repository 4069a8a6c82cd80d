"""The experiment that a command's arguments describe."""
import copy
import shlex

from marlfast import toml
from marlfast.cli.changes import apply_changes, assign, complete, parse_value
from marlfast.experiment import LISTS, PARTS, Experiment
from marlfast.registry import from_dict, lookup, names

# Rounding to whole numbers: with one decimal the table has tens of thousands of rows, which a few thousand
# episodes cannot fill.
DEFAULT = {
    "game": {"name": "drift"}, "learner": {"name": "iql"}, "encoder": {"name": "rounding", "decimals": 0},
    "rewards": {"name": "individual"},
    "shaping": [{"name": "diversity", "weight": 0.2}, {"name": "redundancy", "penalty": 0.1}],
    "episodes": 5000, "runs": 8, "seed": 0,
}
NUMBERS = ("episodes", "steps", "runs", "seed", "record_every", "first_run")


def apply_names(values, args):
    """Apply --game, --learner and the like; returns the keys that were given."""
    given = [key for key in PARTS if getattr(args, key) is not None]
    for key in given:
        wanted = getattr(args, key)
        if key in LISTS:
            entries = [name.strip() for text in wanted for name in text.split(",")]
            values[key] = [{"name": name} for name in entries if name not in ("", "none")]
            for entry in values[key]:
                lookup(PARTS[key], entry["name"])
        elif key in ("encoder", "central", "rewards") and wanted == "none":
            values.pop(key, None)
        else:
            if key == "game":
                _no_study(wanted)
            assign(values, f"{key}.name", wanted)
    return set(given)


def _no_study(wanted):
    """Refuse a game that is none but the name of a published study, or the beginning of one."""
    from marlfast import reproduce

    if wanted not in names("game"):
        for name in reproduce.studies():
            if len(wanted) > 3 and name.startswith(wanted.lower()):
                raise ValueError(f"unknown game {wanted!r}; {name!r} is a published study: marlfast reproduce {name}")


def experiment_of(args, over=None):
    """The experiment that the arguments of ``train`` describe; of ``sweep``, what its points have in common."""
    if args.experiment is not None and args.experiment.endswith(".npz"):
        raise ValueError(f"{args.experiment}: a result, not an experiment; go on with it by: marlfast train --resume "
                         f"{shlex.quote(args.experiment)}")
    values = copy.deepcopy(DEFAULT) if args.experiment is None else toml.read(args.experiment)
    source = "" if args.experiment is None else f"{args.experiment}: "
    if "sweep" in values:
        if over is None:
            raise ValueError(f"{source}is a sweep; run it by: marlfast sweep {shlex.quote(args.experiment)}")
        values.pop("sweep")
    for key, first in (over or {}).items():
        values.setdefault(key, first)           # what is swept over as a whole needs no value of its own
    for key in LISTS:
        if key in values and not isinstance(values[key], list):
            values[key] = [values[key]]
    before = _name(values.get("game"))
    given = apply_names(values, args)
    if args.experiment is None and args.steps is not None:
        values.pop("episodes")                  # who asks for steps wants steps, not 5,000 episodes at most
    for key in NUMBERS:
        if getattr(args, key) is not None:
            values[key] = getattr(args, key)
    if args.teams is not None:
        values["teams"] = parse_value(args.teams)
        if args.experiment is None and args.rewards is None:
            values.pop("rewards")               # teams bring their own
    given |= apply_changes(values, args.changes)
    try:
        if _name(values.get("game")) != before and args.experiment is None and "shaping" not in given:
            values.pop("shaping", None)         # it belongs to the article's game
        for key, kind in PARTS.items():
            complete(kind, values.get(key), key)
        _fit_encoder(values, drop=_name(values.get("game")) != before and "encoder" not in given)
        values.setdefault("seed", DEFAULT["seed"])
        return Experiment.from_dict(values)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{source}{error}") from None


def _name(value):
    return value.get("name") if isinstance(value, dict) else value


def _fit_encoder(values, drop):
    """Another game than the one the encoder was meant for may need none (``drop``); some need one."""
    numbered = "game" not in values or from_dict("game", values["game"]).observations is not None
    if numbered and drop:
        values.pop("encoder", None)
    if not numbered and "encoder" not in values:
        raise ValueError("encoder: the game's observations are real numbers, which need one; give --encoder rounding, "
                         "or --encoder grid with --set encoder.low=... and so on (see: marlfast parts encoders)")
