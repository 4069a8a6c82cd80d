"""``marlfast bench``: one table of ratios, each of two programs timed in turn in this process.

Machines differ and are noisy, so that a time alone says little: what is reported is how many times faster
one program is than another. The two are run in turn (A B A B ...); the ratio is the median over the pairs,
shown with the least and the greatest. Compiling, warming up and finding out how much work is worth timing
come before the first pair. Where one thread does all the work its own processor time is counted, which
other programs on the machine disturb less than they do the clock on the wall.
"""
import argparse
import json
import sys
from pathlib import Path

import marlfast as mf
from marlfast.bench.measuring import FULL, QUICK, Row
from marlfast.bench.parts import (
    bench_env,
    bench_foraging,
    bench_normals,
    bench_pettingzoo,
    bench_policy,
    bench_threads,
)
from marlfast.bench.peers import Unavailable
from marlfast.bench.printed import format_row, header, summary, versions
from marlfast.bench.space import bench_import, bench_memory, bench_sweep
from marlfast.bench.training import (
    bench_hashed,
    bench_ia2c,
    bench_jax,
    bench_markov,
    bench_numba,
    bench_numpy,
    bench_openspiel,
    bench_own,
    bench_pricing,
    bench_seed,
)
from marlfast.disk import write_atomically

BENCHMARKS = {"seed": bench_seed, "numba": bench_numba, "jax": bench_jax, "openspiel": bench_openspiel,
              "own": bench_own, "pettingzoo": bench_pettingzoo, "foraging": bench_foraging,
              "pricing": bench_pricing, "markov": bench_markov,
              "hashed": bench_hashed, "ia2c": bench_ia2c, "numpy": bench_numpy, "normals": bench_normals,
              "threads": bench_threads, "env": bench_env, "policy": bench_policy,
              "import": bench_import, "memory": bench_memory,
              "sweep": bench_sweep}


def measure(names, effort):
    """Rows of some benchmarks, as they are measured; a benchmark that cannot run gives a row that says why."""
    for name in names:
        try:
            yield from BENCHMARKS[name](effort)
        except Unavailable as error:
            what = (BENCHMARKS[name].__doc__ or name).partition(";")[0].partition(",")[0].rstrip(".")
            yield Row(name, what, skipped=True, note=str(error))


def _profile(path):
    """Print where the time of an experiment goes; an exit status."""
    from marlfast import toml
    from marlfast.profiling import profile

    try:
        print(profile(mf.Experiment.from_dict({"seed": 0} | toml.read(path))))
    except (OSError, ValueError, TypeError, mf.errors.TrainingError) as error:
        print(f"--profile: {error}", file=sys.stderr)
        return 1
    return 0


def main(argv=None):
    """Measure, and print a table of ratios with the target of each.

    Parameters
    ----------
    argv : list of str, optional
        Default: the command line's.

    Returns
    -------
    int
        0: measured (whether or not targets were met); 1: the JSON file could not be written.
    """
    parser = argparse.ArgumentParser(
        prog="marlfast bench", description="Measure speed and memory: a table of ratios, with the target of each.",
        epilog="Each ratio is the median over pairs that were run in turn. A missed target is no error.")
    parser.add_argument("--quick", action="store_true", help="seconds in place of minutes; ratios are rougher")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(BENCHMARKS),
                        help=f"only this one (can be given again): {', '.join(BENCHMARKS)}")
    parser.add_argument("--profile", metavar="EXPERIMENT.toml",
                        help="in place of all that: where the time of a training goes, and which loop runs")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to a JSON file")
    options = parser.parse_args(argv)
    if options.profile:
        return _profile(options.profile)
    if options.json and not Path(options.json).absolute().parent.is_dir():
        parser.error(f"--json: the folder of {options.json} does not exist")
    effort, with_ = QUICK if options.quick else FULL, versions()
    print(", ".join(f"{name} {version}" for name, version in with_.items()))
    print(f"Ratios: ours / theirs in turn, {effort.pairs} pairs"
          f"{', quick: rough' if effort.quick else ''}; 4 agents, 2 state variables, 5 actions.\n")
    print(header(), flush=True)
    rows = []
    for r in measure(options.only or list(BENCHMARKS), effort):
        rows.append(r)
        print(format_row(r), flush=True)
    print(f"\n{summary(rows)}")
    if options.json:
        text = json.dumps({"versions": with_, "quick": effort.quick, "rows": [r.to_dict() for r in rows]}, indent=2)
        try:
            write_atomically(options.json, lambda file: file.write(text.encode() + b"\n"))
        except OSError as error:
            print(f"--json: {error.strerror or error}", file=sys.stderr)
            return 1
    return 0
