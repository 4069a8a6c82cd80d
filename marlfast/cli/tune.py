"""``marlfast tune``."""
import json
import sys
from pathlib import Path

import numpy as np

from marlfast import toml
from marlfast.backends import BACKENDS
from marlfast.cli.arguments import TABLES, json_argument, long_arguments, quiet_argument, what_arguments, whole
from marlfast.cli.changes import parse_value
from marlfast.cli.experiment import experiment_of
from marlfast.disk import clear_way
from marlfast.errors import choice
from marlfast.experiment import PARTS
from marlfast.tables import json_text


def add(command):
    """Give the command line its command."""
    parser = command("tune", _tune, "Look for the best values of options, by Optuna, and judge them on other seeds.")
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT.toml",
                        help="what all trials have in common (default: the article's game)")
    search = parser.add_argument_group("search")
    search.add_argument("--over", metavar="NAME=VALUES", action="append", default=[],
                        help="what to look for: values to choose from, such as learner.discount='[0.9, 0.99]', or a "
                             "range, learner.learning_rate='{low = 0.001, high = 1.0, log = true}'; may be repeated")
    search.add_argument("--trials", type=whole, metavar="N", help="how many in all (default: 100)")
    search.add_argument("--batch", type=whole, metavar="N", help="trials asked for at once (default: 20)")
    search.add_argument("--seeds", metavar="N", help="of each trial: how many, or which: '[3, 5]'")
    search.add_argument("--report-seeds", metavar="N", help="other seeds, on which the best values are trained again")
    search.add_argument("--seed", type=whole, metavar="N", help="the first of the seeds, and that of the search")
    search.add_argument("--objective", metavar="NAME", help="a measure of the game, or return_0 (default: team return)")
    search.add_argument("--direction", metavar="WHICH", help="maximize (default) or minimize")
    search.add_argument("--checkpoints", type=whole, metavar="N", help="how often trials may be given up (default: 4)")
    search.add_argument("--storage", metavar="URL", help="where Optuna keeps trials, such as sqlite:///tuning.db: the "
                                                         "same command goes on after a break")
    search.add_argument("--study", metavar="NAME", help="its name in the storage")
    what_arguments(parser)
    long_arguments(parser, "")
    how = parser.add_argument_group("how (changes nothing in the numbers)")
    how.add_argument("--threads", type=whole, metavar="N", help="default: as many as there are processors")
    how.add_argument("--backend", choices=BACKENDS, default="cython")
    out = parser.add_argument_group("output")
    out.add_argument("--output", metavar="FILE.toml", help="save the experiment with the best values")
    out.add_argument("--table", metavar="FILE", help=f"save the trials as a table; ends in {', '.join(TABLES)}")
    quiet_argument(out, "the best values")
    json_argument(out)
    parser.set_defaults(runs=None, first_run=None)


def _over(texts):
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not equals:
                raise ValueError("expected NAME=VALUES, such as learner.learning_rate='{low = 0.01, high = 1.0}'")
            found[name.strip()] = parse_value(value)
        except ValueError as error:
            raise ValueError(f"--over {name.strip()}: {error}") from None
    return found


def _tune(args):
    from marlfast.sweeps import tune

    if not args.over:
        raise ValueError("--over: say what to look for, such as --over learner.discount='[0.9, 0.99]'")
    for option, endings in (("output", (".toml",)), ("table", TABLES)):
        path = getattr(args, option)
        if path is not None:
            choice(f"--{option}: its ending", Path(path).suffix.lower(), endings)
            clear_way(path)
    over = _over(args.over)
    heads = {name.removesuffix(".name"): values[0] for name, values in over.items()
             if isinstance(values, list) and values and name.removesuffix(".name") in PARTS}
    experiment = experiment_of(args, heads)
    how = {key: getattr(args, key) for key in ("trials", "batch", "seed", "objective", "direction", "checkpoints",
                                               "storage", "study", "threads") if getattr(args, key) is not None}
    how |= {key: parse_value(getattr(args, key)) for key in ("seeds", "report_seeds")
            if getattr(args, key) is not None}
    found = tune(experiment, over=over, backend=args.backend, **how)
    if args.table is not None:
        found.write(args.table)
    if args.output is not None and found.best is not None:
        toml.write(args.output, found.experiment.to_dict(), comment="The best values of a search.")
    if args.json:
        scores = None if found.scores is None else [None if np.isnan(value) else value for value in
                                                    found.scores.tolist()]
        print(json.dumps({"best": found.best, "value": found.value, "scores": scores,
                          "trials": json.loads(json_text(found.table()))}, default=str))
    elif args.quiet:
        print(toml.dumps(found.best or {}), end="")
    else:
        print(found.summary())
        if args.output is not None and found.best is not None:
            print(f"Saved {args.output} (the experiment with these values). Next: marlfast train {args.output}")
    if found.interrupted:
        print("marlfast: interrupted; with --storage the same command goes on", file=sys.stderr)
        return 130
    return 0
