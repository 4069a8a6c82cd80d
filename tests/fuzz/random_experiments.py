"""Random experiments, each the same for the same number: any game, learner, encoder, reward, schedule and stop rule.

``python tests/fuzz/random_experiments.py [fused] FIRST COUNT [SECONDS]`` trains so many (or for so long), writes and
reads them, goes on, evaluates them and steps them by hand, and prints how many there were; with ``fused`` only such
ones as the fused loop runs. In a build with sanitizers:
``python tests/fuzz/sanitized.py tests/fuzz/random_experiments.py 0 10000``.
"""
import contextlib
import io
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:        # run as a script
    sys.path.insert(0, str(HERE.parent))

import conftest  # noqa: E402
import training_helpers as helpers  # noqa: E402

import marlfast as mf  # noqa: E402
from marlfast.errors import TrainingError  # noqa: E402
from marlfast.memory import total  # noqa: E402
from marlfast.session import Session  # noqa: E402

# Errors by which a combination of parts is refused, or training ends: they say what is wrong, and nothing is lost.
REFUSED = (ValueError, TypeError, MemoryError)
MAX_TRIES = 200
MAX_BYTES = 2**26
MAX_ROWS = 2**18
LEARNERS = [example for examples in conftest.LEARNER_EXAMPLES.values() for example in examples.values()]
GAMES = [game for games in conftest.GAME_EXAMPLES.values() for game in games]


class Pick:
    """Random choices that follow from one number; ``fused``: mostly of what the fused loop runs."""

    def __init__(self, number, fused=False):
        self.rng, self.fused = np.random.default_rng(number), fused

    def of(self, *options):
        return options[self.rng.integers(len(options))]

    def whole(self, least, most):
        return int(self.rng.integers(least, most + 1))

    def chance(self, p=0.5):
        return bool(self.rng.random() < p)

    def real(self, least, most):
        """A number between two, often one of the ends."""
        return self.of(least, most, float(self.rng.uniform(least, most)), float(self.rng.uniform(least, most)))

    # -- schedules, exploration --------------------------------------------------------------------

    def schedule(self, least, most, runs=1):
        low = self.real(least, most)
        high, per = self.real(low, most), self.of("step", "episode")
        kind = self.whole(0, 6)
        if kind == 0:
            return mf.schedules.Constant(high)
        if kind == 1:
            return mf.schedules.Linear(*self.of((low, high), (high, low)), duration=self.whole(1, 30), per=per)
        if kind == 2:
            return mf.schedules.Exponential(high, self.real(0.0, 1.0), minimum=low, per=per)
        if kind == 3:
            return mf.schedules.Harmonic(high, self.real(0.0, 3.0), minimum=low, per=per)
        if kind == 4:
            return mf.schedules.Table([self.real(low, high) for _ in range(self.whole(1, 5))], per=per)
        if kind == 5 and runs > 1:
            return [self.real(low, high) for _ in range(runs)]
        return low

    def exploration(self, runs):
        if not self.fused and self.chance(0.2):
            return mf.Boltzmann(self.schedule(0.01, 10.0))
        rule = {"ties": self.of("first", "random", "incumbent"), "strict": self.chance(), "draws": self.of(1, 2)}
        if self.chance():
            epsilon = self.real(0.0, 1.0)
            return mf.EpsilonGreedy(epsilon, decay=self.real(0.0, 1.0), minimum=self.real(0.0, epsilon),
                                    per=self.of("step", "episode"), **rule)
        return mf.EpsilonGreedy(self.schedule(0.0, 1.0, runs), **rule)

    # -- games, encoders -----------------------------------------------------------------------------

    def game(self):
        horizon, kind = self.of(0, 1, 2, 7), self.whole(0, 5)
        if kind < 2:
            return self.of(*GAMES)
        if kind < 4:
            return mf.games.Drift(
                agents=self.of(1, 2, 3, 4, 5, 8, 9, 17), state_size=self.whole(1, 3),
                actions=self.of(1, 2, 3, 4, 5, 8, 9, 16, 17), horizon=horizon, noise=self.of(0.0, 0.1, 3.0),
                push=self.of(0.05, -0.3, 0.0, 1e300), bonus=self.of(0.1, -1e300, 0.0),
                bonus_below=self.of(None, 0, 3, 2**62))
        actions = tuple(self.whole(1, 5) for _ in range(self.whole(1, 4)))
        if self.chance(0.4):
            scale = self.of(1.0, 1e-300, 1e307)
            payoffs = [scale * self.rng.uniform(-1.0, 1.0, actions) for _ in range(self.of(1, len(actions)))]
            return mf.games.MatrixGame(*payoffs, horizon=horizon, memory=self.of(0, 0, 1) if len(actions) < 4 else 0)
        return helpers.random_markov(
            self.whole(0, 1000), actions, states=self.whole(1, 4), certain=self.chance(), horizon=horizon,
            terminal=self.chance(), start=self.of("any", "first"))

    def encoder(self, game):
        game = getattr(game, "without_history", game)
        if self.chance(0.15):
            inner = None if game.observations is not None else self.one_encoder(game)
            return mf.History(self.of(1, 2, 3), inner, self.chance())
        return self.one_encoder(game)

    def one_encoder(self, game):
        if game.observations is not None:
            return self.of(None, None, None, mf.AgentIndex(common=self.chance()))
        d, kind = game.features, self.whole(0, 4)
        if kind < 2:
            inner = mf.Rounding(self.whole(-1, 2), max_rows=self.of(None, None, None, 40))
        elif kind == 2:
            inner = mf.Grid(-1.0, 1.5, self.of(1, 2, 3) if d < 8 else 1)
        elif kind == 3:
            bins = [self.of(1, 2, 3, 4) if d < 8 else self.of(1, 1, 1, 2) for _ in range(d)]
            inner = mf.Grid([-1.0 - k for k in range(d)], [0.5] * d, bins)
        else:
            inner = mf.Tiles(self.of(1, 2, 4, 8), -2.0, 3.0, self.of(1, 2, 3), hash_rows=self.of(None, 64, 200),
                             groups=self.of(None, [[k] for k in range(d)]))
        return mf.AgentIndex(inner, self.chance()) if self.chance(0.15) else inner

    # -- rewards -------------------------------------------------------------------------------------

    def teams(self, n):
        number = self.rng.integers(0, 3, n).tolist()
        return [[i for i in range(n) if number[i] == k] for k in sorted(set(number))]

    def rewards(self, game):
        n, kind = game.agents, self.whole(0, 7)
        if kind == 0:
            return mf.rewards.mixed(self.teams(n))
        if kind == 1:
            return mf.rewards.matrix(self.rng.normal(size=(n, n)))
        return {2: mf.rewards.competitive, 3: mf.rewards.difference, 4: mf.rewards.cooperative}.get(
            kind, mf.rewards.individual)()

    def shaping(self, game, encoder):
        parts = []
        if self.chance(0.2):
            parts.append(mf.rewards.Diversity(self.real(-1.0, 1.0)))
        if self.chance(0.2):
            parts.append(mf.rewards.Redundancy(self.real(-1.0, 1.0)))
        if self.chance(0.2):
            discount = self.of(None, 0.5, 1.0)
            if encoder is None or not encoder.grows:
                rows = game.observations if encoder is None else encoder.rows(game)
                if rows > MAX_ROWS:
                    raise ValueError("a potential that only takes long to draw")
                potential = self.rng.normal(size=self.of(rows, (game.agents, rows)))
            else:
                potential = mf.rewards.Distance(0.25, self.of(1.0, 0.1), order=self.of(1, 2))
            parts.append(mf.rewards.PotentialBased(potential, discount=discount))
        return parts

    # -- learners ------------------------------------------------------------------------------------

    def learner(self, game, runs):
        if self.chance(0.1 if self.fused else 0.5):
            return self.of(*LEARNERS).learner
        counts = game.action_counts.tolist()
        kinds = list(dict.fromkeys(counts))
        share = self.of("none", "none", "all", "team", [kinds.index(n) for n in counts])
        shape = self.of((), (), (game.max_actions,))
        initial = self.of(0.0, -0.0, 1.0, -2.5) if shape == () else self.rng.integers(-2, 3, size=shape) / 2.0
        cls = self.of(mf.IQL, mf.IQL, mf.learners.SARSA, mf.learners.ExpectedSARSA, mf.learners.DoubleQ,
                      mf.learners.HystereticQ) if not self.fused or self.chance(0.1) else mf.IQL
        options = {"explore": self.exploration(runs), "share": share, "initial_q": initial,
                   "discount": self.of(0.0, 0.5, 0.95, 1.0)}
        if cls is mf.IQL:
            options["learning_rate"] = self.schedule(0.0, 1.0, runs)
        return cls(**options)

    def stop(self):
        rules = []
        if self.chance(0.2):
            rules.append(mf.GreedyStable(self.whole(1, 40)))
        if self.chance(0.2):
            rules.append(mf.ReturnReached(self.real(-3.0, 1.0), window=self.whole(1, 5)))
        return rules

    def experiment(self):
        game, runs = self.game(), self.whole(1, 5)
        encoder = self.encoder(game)
        central = self.of(None, None, mf.Rounding(0))
        teams = self.teams(game.agents) if self.chance(0.2) else None
        return mf.Experiment(
            game, self.learner(game, runs), encoder=encoder, central=central, teams=teams,
            rewards=None if teams else self.rewards(game), shaping=self.shaping(game, encoder),
            episodes=self.of(None, 1, 6, 12), steps=self.whole(1, 90), runs=runs,
            seed=self.of(0, 1, 12345, 2**64 - 1, list(range(runs))), stop=self.stop(),
            record_every=self.of(0, 1, 1, 3), first_run=self.of(0, 5, 2**32 - runs))


def random_experiment(number, fused=False):
    """The experiment of a number: of the combinations that it draws, the first that is not refused."""
    pick = Pick((number, 2) if fused else number, fused)
    for _ in range(MAX_TRIES):
        try:
            experiment = pick.experiment()
            if total(experiment.resolved.shapes(1)) >= MAX_BYTES:       # larger ones only take longer
                continue
            if not fused or Session(experiment).loop.staged is None:
                return experiment
        except (*REFUSED, TrainingError):
            continue
    raise AssertionError(f"experiment {number}: {MAX_TRIES} combinations were refused, one after another")


def trained(experiment, pick, fused=False):
    """A result of it, as it stands where training ended with an error; whether it came to its end; whether fused."""
    try:
        session = Session(experiment, loop="fused" if fused else pick.of(None, None, "staged"))
        fused = session.loop.staged is None
        try:
            session.work(pick.of(1, 1, 2, 3), pick.of(None, 1, 7, 64))
        except TrainingError:
            return mf.Result(experiment, session.arrays), False, fused
        return mf.Result(experiment, session.arrays), True, fused
    except TrainingError:               # at the start of the first episode
        return None, False, False
    except MemoryError as error:        # a table that grows: said before anything is taken
        assert "than there is" in str(error), error
        return None, False, False


@contextlib.contextmanager
def refusal():
    """Let a MemoryError pass that was raised before any of the memory was taken."""
    try:
        yield
    except MemoryError as error:
        if "than there is" not in str(error):
            raise


def exercise(number, only_fused=False):
    """Do with one experiment all that is done with experiments.

    Parameters
    ----------
    number : int
    only_fused : bool

    Returns
    -------
    list of str
        What was done.
    """
    experiment, pick, done = random_experiment(number, only_fused), Pick((number, 1)), ["trained"]
    result, whole, fused = trained(experiment, pick, only_fused)
    done += ["fused"] * fused
    if not whole:
        return [*done[1:], "stopped by an error"]
    game = experiment.game if "function" in str(experiment.game.to_dict()) else None
    with contextlib.suppress(TypeError):            # a learner or game that plain values cannot hold
        file = io.BytesIO()
        mf.files.write(result, file)
        done.append("written")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result.npz"
            path.write_bytes(file.getvalue())
            loaded = mf.load(path, game=game)
        helpers.assert_same(loaded, result)
        done.append("read")
        result = loaded
    with contextlib.suppress(TrainingError, ValueError):
        mf.train(resume=result, steps=pick.whole(1, 20))
        done.append("resumed")
    with contextlib.suppress(TrainingError, ValueError), refusal():    # episodes that do not end, or nothing to play
        mf.evaluate(experiment.game, result, 2, max_steps=200, kind=pick.of("policy", "behaviour", "greedy"))
        done.append("evaluated")
    with contextlib.suppress(TrainingError, ValueError, TypeError), refusal():
        env = experiment.game.env(runs=2, seed=number)
        observation, policy = env.reset(), result.policy(0)
        for _ in range(5):
            counts = experiment.game.action_counts
            env.step(np.array([pick.rng.integers(0, counts) for _ in range(2)], np.int32))
        policy(observation[0])
        done.append("stepped")
    return done


def main(first, count, seconds=None, fused=False):
    """Exercise experiments, print how many there were; returns how many failed otherwise than with a clear error."""
    warnings.simplefilter("ignore")
    begun, done, failed, slowest = time.monotonic(), {}, [], (0.0, None)
    number = first
    for number in range(first, first + count):
        at = time.monotonic()
        if seconds is not None and at - begun > seconds:
            break
        print(f"experiment {number}", file=sys.stderr, flush=True)      # the last one, where a process dies
        try:
            for what in exercise(number, fused):
                done[what] = done.get(what, 0) + 1
        except Exception:
            failed.append(number)
            traceback.print_exc()
        slowest = max(slowest, (time.monotonic() - at, number))
    else:
        number = first + count
    print(f"{number - first} random experiments from {first} on: " + ", ".join(
        f"{n} {what}" for what, n in done.items()) + f"; {len(failed)} failed {failed[:20]}; the slowest took "
        f"{slowest[0]:.1f} s ({slowest[1]})")
    return len(failed)


if __name__ == "__main__":
    only = sys.argv[1:2] == ["fused"]
    sys.exit(main(*map(int, sys.argv[1 + only:]), fused=only) > 0)
