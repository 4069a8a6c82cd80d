"""An experiment: all that a training run is made from, as one frozen definition."""
import math
from dataclasses import dataclass, fields, replace

import numpy as np

from marlfast.encoders import Encoder, Numbered, Whole
from marlfast.errors import integer, shown, unknown
from marlfast.games.base import Game
from marlfast.learners.base import Learner, Seats, learner
from marlfast.registry import from_dict, require
from marlfast.rewards.shaping import Shaping
from marlfast.rewards.structure import Structure, as_teams, check_teams, individual, mixed
from marlfast.stop import UNLIMITED, Rule

_KINDS = {"game": "game", "learner": "learner", "encoder": "encoder", "central": "encoder",
          "rewards": "reward structure", "shaping": "shaping", "stop": "stop rule"}


@dataclass(frozen=True, eq=False)
class Experiment:
    """What is trained, and for how long.

    Parameters
    ----------
    game : Game
    learner : Learner, or sequence of Learner
        One for the whole team; or one for each agent; or pairs of a learner and the agents it leads.
    encoder : Encoder, optional
        Needed where observations are real numbers.
    central : Encoder, optional
        Of the game's whole state, for learners that look at it while they learn (and not while they act). Default:
        what the agents see, where all see the same.
    teams : sequence of sequence of int, optional
        Who plays with whom, such as ``[[0, 1], [2, 3]]``: learners that share something in a team share it so.
        Default: the teams of the reward structure, or of the game.
    rewards : Structure, optional
        Default: ``individual()``; with ``teams``, ``mixed(teams)``: cooperative within, competitive between.
    shaping : Shaping or sequence of Shaping
    episodes, steps : int, optional
        Each run ends after so many; at least one of them or a stop rule is needed.
    runs : int
        Teams trained from scratch, each from its own draws.
    seed : int, or sequence of int [R]
        0 to 2**64 - 1. A sequence has one seed per run: each run is then the first (``first_run``) of its own seed.
    stop : Rule or sequence of Rule
        Further stop rules: a run ends with the first that holds.
    record_every : int
        Episodes per entry of ``returns``, whose mean it is; 0: nothing is recorded.
    first_run : int
        Number of the first run; a run's draws depend on its number, so that runs 10 to 19 can be
        trained apart from runs 0 to 9.
    """

    game: Game
    learner: Learner
    encoder: Encoder | None = None
    rewards: Structure | None = None
    shaping: tuple = ()
    episodes: int | None = None
    steps: int | None = None
    runs: int = 1
    seed: int | tuple = 0
    stop: tuple = ()
    record_every: int = 1
    first_run: int = 0
    central: Encoder | None = None
    teams: tuple | None = None

    def __post_init__(self):
        set_ = {"game": require("game", self.game, "game"), "learner": learner(self.learner),
                "encoder": Numbered() if self.encoder is None else require("encoder", self.encoder, "encoder"),
                "central": None if self.central is None else require("encoder", self.central, "central"),
                "teams": None if self.teams is None else as_teams(self.teams)}
        set_["rewards"] = self._structure(set_["teams"])
        for name, kind, base in (("shaping", "shaping", Shaping), ("stop", "stop rule", Rule)):
            value = getattr(self, name)
            many = () if value is None else (value,) if isinstance(value, (base, str, dict)) else value
            try:
                set_[name] = tuple(require(kind, v, f"{name}[{k}]") for k, v in enumerate(many))
            except TypeError as error:
                raise TypeError(f"{name}: expected {kind}s, got {value!r}") if "iterable" in str(error) else error \
                    from None
        for name in ("episodes", "steps"):
            value = getattr(self, name)
            set_[name] = None if value is None else integer(name, value, 1, 2**62)
        set_["runs"] = integer("runs", self.runs, 1, 2**31 - 1)
        set_["seed"] = self._seeds(set_["runs"])
        set_["record_every"] = integer("record_every", self.record_every, 0)
        set_["first_run"] = integer("first_run", self.first_run, 0, 2**32 - set_["runs"])
        for name, value in set_.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self):
        """Refuse parts that do not fit together, before anything is allocated."""
        if self.episodes is None and self.steps is None and not self.stop:
            raise ValueError("episodes: nothing says when to stop; give episodes=, steps= or stop=")
        most_steps, _, most_stable, *_ = self.limits()
        if most_steps == most_stable == UNLIMITED and not self.game.ends:
            raise ValueError(f"horizon: game {self.game.name!r} never ends an episode, and only episodes were to stop "
                             "it; give the game a horizon, or give steps=")
        self.encoder.check(self.game)
        self._check_teams()
        self._check_central()
        self.rewards.check(self.game)
        for part in self.shaping:
            part.check(self.game, self.encoder)
            if getattr(part, "discount", 0.0) is None and len(self.learner.discounts()) > 1:
                raise ValueError("shaping: learners or runs differ in their discount; give PotentialBased its "
                                 "discount=")
        for name, count in self.learner.runs_given().items():
            if count != self.runs:
                raise ValueError(f"learner.{name}: expected one value per run, {self.runs}, got {count}; "
                                 "give as many values as runs")
        seats, active = self.seats(), self.encoder.active(self.game)
        for _, one, _ in self.learner.parts(seats):
            if active > 1 and not one.sparse:
                raise ValueError(f"encoder: {self.encoder.name!r} gives {active} active rows, learner {one.name!r} "
                                 "takes one; give a Grid, or take a learner that adds up what its rows say, such as "
                                 "iql, sarsa, hysteretic_q, vdn, qmix, reinforce or mappo")
        self.learner.check(seats, None if self.encoder.grows else self.encoder.rows(self.game))

    def _structure(self, teams):
        if self.rewards is not None:
            return require("reward structure", self.rewards, "rewards")
        return individual() if teams is None else mixed(teams)

    def _check_teams(self):
        if self.teams is None:
            return
        check_teams(self.teams, self.game)
        theirs = self.rewards.teams
        if theirs is not None and theirs != self.teams:
            raise ValueError(f"teams: the reward structure has other teams, {[list(team) for team in theirs]}; give "
                             "them once")
        if theirs is not None and len(theirs) > 1 and self.game.setting == "cooperative":
            raise ValueError(f"teams: all agents of game {self.game.name!r} always earn the same, so that no team can "
                             "earn more than another; give rewards=marlfast.rewards.cooperative() too")

    def _check_central(self):
        looks = self.looks_central()
        if self.central is not None:
            if not looks:
                raise ValueError("central: no learner here looks at the whole state (qmix, maa2c, coma and mappo do); "
                                 "leave central out")
            self.central.check(Whole(self.game))
        elif looks and self.game.views > 1:
            raise ValueError(f"central: learner {looks[0]!r} looks at the whole state while it learns, and each agent "
                             f"of game {self.game.name!r} sees something else; give central=marlfast.Rounding(0), or a "
                             f"Grid over its {Whole(self.game).features} numbers")

    def encoders(self, learning=True):
        """What is encoded, and by whom: {"encoder": (encoder, game)} and, if it is another, "central"."""
        whole = {"central": (self.central, Whole(self.game))} if self.central is not None and learning else {}
        return {"encoder": (self.encoder, self.game)} | whole

    def looks_central(self):
        """Names of the learners that look at the whole state while they learn: list of str."""
        return [one.name for _, one, _ in self.learner.parts(Seats(self.game, self.rewards)) if one.central]

    def width(self, learning=True):
        """W, rows of a run: the active ones of each agent, then those of the whole state."""
        sizes = {name: encoder.active(game) for name, (encoder, game) in self.encoders(learning).items()}
        central = sizes.get("central", sizes["encoder"]) if learning and self.looks_central() else 0
        return self.game.agents * sizes["encoder"] + central

    def seats(self, room=None):
        """What learners need to know: all agents of the game, in all runs.

        Parameters
        ----------
        room : dict of str to int, optional
            Rows that the arrays of each of :meth:`encoders` have room for; where they grow, those of fresh ones.
        """
        seats = Seats(self.game, self.rewards, self.runs, None, self.encoder.active(self.game),
                      given_teams=self.teams)
        if not self.looks_central():
            return seats
        encoders = self.encoders()
        name = "central" if "central" in encoders else "encoder"
        encoder, game = encoders[name]
        rows = encoder.room(game, encoder.allocate(game, 1)) if room is None else room[name]
        return replace(seats, central=rows, central_active=encoder.active(game))

    def of_run(self, run):
        """The experiment of one run alone, with the parameters that it had."""
        seed = self.seed[run] if isinstance(self.seed, tuple) else self.seed
        return self.replace(learner=self.learner.of_run(run), seed=seed, runs=1, first_run=0)

    def limits(self):
        """What the loop needs: most_steps, most_episodes, most_stable, (enough, window)."""
        most = {"steps": self.steps or UNLIMITED, "episodes": self.episodes or UNLIMITED, "greedy_stable": UNLIMITED}
        enough, window = math.inf, 0
        for rule in self.stop:
            if rule.name == "return_reached":
                if window:
                    raise ValueError("stop: expected at most one ReturnReached, got two")
                enough, window = rule.value, rule.window
            else:
                most[rule.name] = min(most[rule.name], rule.n)
        return most["steps"], most["episodes"], most["greedy_stable"], enough, window

    def to_dict(self):
        """Plain values, as in an experiment file."""
        values = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("shaping", "stop"):
                value = [part.to_dict() for part in value]
            elif field.name in _KINDS:
                value = None if value is None or isinstance(value, Numbered) else value.to_dict()
            if isinstance(value, tuple):
                value = [list(one) if isinstance(one, tuple) else one for one in value]
            if value is not None and not (isinstance(value, list) and not value):
                values[field.name] = value
        return values

    @classmethod
    def from_dict(cls, values):
        """An experiment from plain values; unknown keys are refused."""
        if not isinstance(values, dict):
            raise TypeError(f"experiment: expected a table, got {shown(values)}")
        known = {field.name for field in fields(cls)}
        arguments = {}
        for key, value in values.items():
            if key not in known:
                raise unknown("key of the experiment", key, known)
            if key in ("shaping", "stop"):
                if not isinstance(value, (list, tuple)):
                    value = [value]
                arguments[key] = tuple(from_dict(_KINDS[key], v, f"{key}[{k}]") for k, v in enumerate(value))
            else:
                arguments[key] = from_dict(_KINDS[key], value, key) if key in _KINDS else value
        for key in ("game", "learner"):
            if key not in arguments:
                raise ValueError(f"{key}: the experiment does not name one")
        return cls(**arguments)

    def options(self):
        """Every option by its place, such as ``{"game.agents": 4, "shaping.0.weight": 0.2}``: plain values.

        A part that no file can hold, such as a function, is told as text.
        """
        try:
            values = self.to_dict()
        except TypeError:
            values = {field.name: repr(getattr(self, field.name)) if field.name in _KINDS else getattr(self, field.name)
                      for field in fields(self)}
        found = {}

        def put(place, value):
            several = isinstance(value, dict) or isinstance(value, (list, tuple)) and any(
                isinstance(part, dict) for part in value)
            if not several:
                found[place] = value
                return
            for key, part in value.items() if isinstance(value, dict) else enumerate(value):
                put(f"{place}.{key}" if place else str(key), part)

        put("", values)
        return found

    def replace(self, **changes):
        """A copy with other values."""
        return replace(self, **changes)

    def _seeds(self, runs):
        if not isinstance(self.seed, (list, tuple, np.ndarray)):
            return integer("seed", self.seed, 0, 2**64 - 1)
        seeds = tuple(integer(f"seed[{r}]", one, 0, 2**64 - 1) for r, one in enumerate(self.seed))
        if len(seeds) != runs:
            raise ValueError(f"seed: expected one value per run, {runs}, got {len(seeds)}")
        return seeds

    def seeds(self):
        """Seed of every run: uint64 [R]."""
        return np.array(np.broadcast_to(np.array(self.seed, np.uint64), self.runs))

    def seed_text(self):
        """The seed in words, which stay short however many there are."""
        return f"{len(self.seed)} seeds" if isinstance(self.seed, tuple) else f"seed {self.seed}"

    def run_numbers(self):
        """Numbers of the runs under their seeds: int64 [R]."""
        if isinstance(self.seed, tuple):
            return np.full(self.runs, self.first_run, np.int64)
        return np.arange(self.first_run, self.first_run + self.runs, dtype=np.int64)
