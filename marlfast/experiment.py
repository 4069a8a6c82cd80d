"""An experiment: all that a training run is made from, as one frozen definition."""
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from marlfast import seeds
from marlfast.encoders import Encoder, Numbered, Whole
from marlfast.errors import integer, shown, unknown
from marlfast.exploration import in_endless
from marlfast.games.base import Game
from marlfast.learners.base import Learner, learner
from marlfast.limits import MAX_RUNS
from marlfast.registry import from_dict, require
from marlfast.resolved import Resolved
from marlfast.rewards.shaping import Shaping
from marlfast.rewards.structure import Structure, as_teams, check_teams, individual, mixed
from marlfast.stop import UNLIMITED, Rule

# Fields that hold definitions, and their kind; those that hold several.
PARTS = {"game": "game", "learner": "learner", "encoder": "encoder", "central": "encoder",
          "rewards": "reward structure", "shaping": "shaping", "stop": "stop rule"}
LISTS = ("shaping", "stop")


@dataclass(frozen=True, eq=False)
class Experiment:
    """What is trained, and for how long.

    Parameters
    ----------
    game : Game
        What is played.
    learner : Learner, or sequence of Learner
        One for the whole team; or one for each agent; or pairs of a learner and the agents it controls.
    encoder : Encoder, optional
        Needed where observations are real numbers.
    rewards : Structure, optional
        Default: ``individual()``; with ``teams``, ``mixed(teams)``: cooperative within, competitive between.
    shaping : Shaping or sequence of Shaping
        What is added to rewards while learning.
    episodes, steps : int, optional
        Each run ends after so many; at least one of them or a stop rule is needed.
    runs : int
        Teams trained from scratch, each from its own draws.
    seed : int, or sequence of int [R], optional
        0 to 2**64 - 1. Default: one from the system's entropy, which is then this experiment's, so that it can be
        repeated. A sequence has one seed per run: each run is then the first (``first_run``) of its own seed.
    stop : Rule or sequence of Rule
        Further stop rules: a run ends with the first that holds.
    record_every : int
        Episodes per entry of ``returns``, whose mean it is; 0: nothing is recorded.
    first_run : int
        Number of the first run; a run's draws depend on its number, so that runs 10 to 19 can be
        trained apart from runs 0 to 9.
    central : Encoder, optional
        Of the game's whole state, for learners that look at it while they learn (and not while they act). Default:
        what the agents see, where all see the same; else states of whole numbers, or what all agents see together where
        that is a number for each, are numbered as they are first seen.
    teams : sequence of sequence of int, optional
        Who plays with whom, such as ``[[0, 1], [2, 3]]``: learners that share something in a team share it so.
        Default: the teams of the reward structure, or of the game.

    See Also
    --------
    train : Takes it, or makes one of its arguments.

    Examples
    --------
    >>> import marlfast as mf
    >>> experiment = mf.Experiment(mf.games.StagHunt(), mf.IQL(0.1), episodes=500, runs=10, seed=0)
    >>> mf.train(experiment).returns.shape
    (10, 500, 2)
    """

    game: Game
    learner: Learner
    encoder: Encoder | None = None
    rewards: Structure | None = None
    shaping: tuple = ()
    episodes: int | None = None
    steps: int | None = None
    runs: int = 1
    seed: int | tuple | None = None
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
        set_["game"] = set_["encoder"].observed(set_["game"])
        if not set_["game"].ends:
            set_["learner"] = in_endless(set_["learner"])
        set_["rewards"] = self._structure(set_["teams"])
        for name, kind, base in (("shaping", "shaping", Shaping), ("stop", "stop rule", Rule)):
            value = getattr(self, name)
            many = () if value is None else (value,) if isinstance(value, (base, str, dict)) else value
            try:
                set_[name] = tuple(require(kind, v, f"{name}[{k}]") for k, v in enumerate(many))
            except TypeError as error:
                raise TypeError(f"{name}: expected {kind}s, got {shown(value)}") \
                    if "iterable" in str(error) else error from None
        for name in ("episodes", "steps"):
            value = getattr(self, name)
            set_[name] = None if value is None else integer(name, value, 1, 2**62)
        set_["runs"] = integer("runs", self.runs, 1, MAX_RUNS)
        object.__setattr__(self, "seed_drawn", self.seed is None)
        set_["seed"] = seeds.fresh() if self.seed is None else self._seeds(set_["runs"])
        set_["record_every"] = integer("record_every", self.record_every, 0)
        set_["first_run"] = integer("first_run", self.first_run, 0, 2**32 - set_["runs"])
        for name, value in set_.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self):
        """Refuse parts that do not fit together, before anything is allocated."""
        if self.episodes is None and self.steps is None and not self.stop:
            raise ValueError("episodes: nothing says when to stop; give episodes=, steps= or stop=")
        known = self.resolved
        known.check_first()
        if known.limits.steps == known.limits.stable == UNLIMITED and not self.game.ends:
            raise ValueError(f"horizon: game {self.game.name!r} never ends an episode, and only episodes were to stop "
                             "it; give the game a horizon, or give steps=")
        self.encoder.check(self.game)
        self._check_teams()
        self._check_central()
        self.rewards.check(self.game)
        for part in self.shaping:
            part.check(self.game, self.encoder)
            if getattr(part, "discount", 0.0) is None and len(known.discounts) > 1:
                raise ValueError("shaping: learners or runs differ in their discount; give PotentialBased its "
                                 "discount=")
        for name, count in self.learner.runs_given().items():
            if count != self.runs:
                raise ValueError(f"learner.{name}: expected one value per run, {self.runs}, got {count}; "
                                 "give as many values as runs")
        self._check_moves()
        for _, one, _ in known.parts:
            if known.active > 1 and not one.sparse:
                raise ValueError(f"encoder: {self.encoder.name!r} gives {known.active} active rows, learner "
                                 f"{one.name!r} takes one; give a Grid, or take a learner that adds up what its rows "
                                 "say, such as iql, sarsa, hysteretic_q, vdn, qmix, reinforce or mappo")
        self.learner.check(known.context, known.rows)
        known.check_memory()

    def _check_moves(self):
        """Refuse what does not take games that say who is there, who acts or what is legal."""
        game = self.game
        if not game.participation:
            return
        for _, one, _ in self.resolved.parts:
            if not one.moves:
                game.refuse_moves(f"learner {one.name!r}", "take one that does, such as iql, expected_sarsa or "
                                  "hysteretic_q")
        if self.rewards.name == "difference":
            game.refuse_moves("rewards 'difference'", "take another structure")
        if self.shaping:
            game.refuse_moves(f"shaping {self.shaping[0].name!r}", "leave shaping out")

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
        looks = self.resolved.looks_central
        if self.central is not None:
            if not looks:
                raise ValueError("central: no learner here looks at the whole state (qmix, maa2c, coma and mappo do); "
                                 "leave central out")
            self.central.check(self.resolved.encoders()["central"][1])
        elif looks and self.game.views > 1 and self.resolved.central is None:
            raise ValueError(f"central: learner {looks[0]!r} looks at the whole state while it learns, and each agent "
                             f"of game {self.game.name!r} sees something else; give central=marlfast.Rounding(0), or a "
                             f"Grid over its {Whole(self.game).size} numbers")

    @cached_property
    def resolved(self):
        """All that follows from these definitions, worked out once: :class:`marlfast.resolved.Resolved`."""
        return Resolved(self)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "resolved"}

    def of_run(self, run):
        """Make the experiment of one run alone, with the parameters that it had.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        Experiment
            With one run.
        """
        several = isinstance(self.seed, tuple)
        seed, number = (self.seed[run], self.first_run) if several else (self.seed, self.first_run + run)
        return self.replace(learner=self.learner.of_run(run), seed=seed, runs=1, first_run=number)

    def to_dict(self):
        """Give it as plain values, as in an experiment file.

        Returns
        -------
        dict of str to object
            What :meth:`from_dict` takes.
        """
        values = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in LISTS:
                value = [part.to_dict() for part in value]
            elif field.name in PARTS:
                value = None if value is None or isinstance(value, Numbered) else value.to_dict()
            if isinstance(value, tuple):
                value = [list(one) if isinstance(one, tuple) else one for one in value]
            if value is not None and not (isinstance(value, list) and not value):
                values[field.name] = value
        return values

    @classmethod
    def from_dict(cls, values):
        """Make an experiment of plain values; unknown keys are refused.

        Parameters
        ----------
        values : dict of str to object
            As :meth:`to_dict` gives them.

        Returns
        -------
        Experiment
            An equal one.
        """
        if not isinstance(values, dict):
            raise TypeError(f"experiment: expected a table, got {shown(values)}")
        known = {field.name for field in fields(cls)}
        arguments = {}
        for key, value in values.items():
            if key not in known:
                raise unknown("key of the experiment", key, known)
            if key in LISTS:
                if not isinstance(value, (list, tuple)):
                    value = [value]
                arguments[key] = tuple(from_dict(PARTS[key], v, f"{key}[{k}]") for k, v in enumerate(value))
            else:
                arguments[key] = from_dict(PARTS[key], value, key) if key in PARTS else value
        for key in ("game", "learner"):
            if key not in arguments:
                raise ValueError(f"{key}: the experiment does not name one")
        return cls(**arguments)

    def options(self):
        """List every option by its place, such as ``{"game.agents": 4, "shaping.0.weight": 0.2}``.

        A part that no file can hold, such as a function, is told as text.

        Returns
        -------
        dict of str to object
            Plain values.
        """
        try:
            values = self.to_dict()
        except TypeError:
            values = {field.name: repr(getattr(self, field.name)) if field.name in PARTS else getattr(self, field.name)
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
        """Make a copy with other values.

        Parameters
        ----------
        **changes
            Fields and their new values.

        Returns
        -------
        Experiment
            Checked like any other.
        """
        made = replace(self, **changes)
        if "seed" not in changes:
            object.__setattr__(made, "seed_drawn", self.seed_drawn)
        return made

    def _seeds(self, runs):
        if not isinstance(self.seed, (list, tuple, np.ndarray)):
            return integer("seed", self.seed, 0, 2**64 - 1)
        each = tuple(integer(f"seed[{r}]", one, 0, 2**64 - 1) for r, one in enumerate(self.seed))
        if len(each) != runs:
            raise ValueError(f"seed: expected one value per run, {runs}, got {len(each)}")
        return each

    def seed_text(self):
        """Say the seed in words, which stay short however many there are.

        Returns
        -------
        str
            Such as ``"0"``.
        """
        return f"{len(self.seed)} seeds" if isinstance(self.seed, tuple) else f"seed {self.seed}"
