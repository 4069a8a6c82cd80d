"""``marlfast evaluate``."""
import json
import os
import shlex

import numpy as np

from marlfast.backends import BACKENDS
from marlfast.cli.arguments import json_argument, quiet_argument, whole
from marlfast.cli.changes import apply_changes, assign, complete
from marlfast.cli.printing import lines_of, meaning, play, plural, table
from marlfast.files import load
from marlfast.registry import from_dict

EVALUATION_EPISODES = 100


def add(command):
    """Give the command line its command."""
    _evaluate_arguments(command("evaluate", _evaluate, "Play with what was learned, beside a random team."))


def _evaluate_arguments(parser):
    add = parser.add_argument
    add("file", metavar="FILE.npz", help="a result that `marlfast train` saved")
    add("--episodes", type=whole, default=EVALUATION_EPISODES, metavar="N",
        help=f"of each run (default: {EVALUATION_EPISODES})")
    add("--seed", type=whole, default=0, metavar="N", help="of the episodes played here (default: 0)")
    add("--game", metavar="NAME", help="another game with the same observations and actions")
    add("--set", metavar="game.KEY=VALUE", action="append", default=[], dest="changes",
        help="change an option of the game, such as game.horizon=200; may be repeated")
    add("--threads", type=whole, metavar="N", help="default: as many as there are processors")
    add("--backend", choices=BACKENDS, default="cython")
    quiet_argument(parser, "the mean team return of the learned team, or that of each of its sides")
    json_argument(parser)


def load_result(path, backend):
    """A result, and not a sweep."""
    if os.path.isdir(path):
        raise ValueError(f"{path}: a folder, not a result; a sweep with --keep-results has them in "
                         f"{os.path.join(path, 'results')}")
    return load(path, backend)


def _evaluate(args):
    if args.file.endswith(".toml"):
        raise ValueError(f"{args.file}: an experiment, not a result; train it first: marlfast train "
                         f"{shlex.quote(args.file)}")
    result = load_result(args.file, args.backend)
    values = {"game": result.experiment.game.to_dict()}
    if args.game is not None:
        assign(values, "game.name", args.game)
    apply_changes(values, args.changes, allowed=("game",))
    complete("game", values.get("game"), "game")
    game = from_dict("game", values.get("game"))
    how = {"threads": args.threads, "backend": args.backend}
    runs = len(result.steps)
    found = {label: play(game, policy, args.episodes, args.seed, runs, how, result.sides) for label, policy in (
        ("learned", result), ("random", "random"))}          # what was learned first, which says whether it fits
    sides = found["learned"]
    if args.json:
        numbers = {label: {side: [None if np.isnan(value) else value for value in values.tolist()]
                           for side, values in by_side.items()} for label, by_side in found.items()}
        told = {"team_return": {label: by_side["team"] for label, by_side in numbers.items()}} if "team" in sides else {
            "returns": numbers}
        print(json.dumps({
            "file": args.file, "game": game.to_dict(), "learner": result.experiment.learner.name, "seed": args.seed,
            "episodes": args.episodes, **told}))
        return 0
    if args.quiet:
        print(" ".join(f"{np.nanmean(values):.6g}" for values in sides.values()))
        return 0
    rows = [*lines_of("random team", found["random"]), *lines_of("learned team, greedy", sides)]
    print(f"{args.file}: game {game.name}, learner {result.experiment.learner.name}, {game.agents} "
          f"{plural(game.agents, 'agent')}; {args.episodes:,} {plural(args.episodes, 'episode')} a run, "
          f"seed {args.seed}\n")
    print(table(rows, "team return" if len(sides) == 1 else "return"))
    print(meaning(sides))
    return 0
