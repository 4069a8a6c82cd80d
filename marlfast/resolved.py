"""An experiment resolved: all that follows from its definitions, worked out once, before anything is allocated.

Sessions, evaluation, teams stepped by hand, files and sweeps read it; none works it out again. What changes as training
goes on is not here: rows that there is room for, above all, are the arrays' (see :meth:`Resolved.rooms`).
"""
import math
from functools import cached_property
from typing import NamedTuple

import numpy as np

from marlfast.declarations.moves import moved_shapes
from marlfast.encoders import Whole, central_encoder
from marlfast.learners.base import LearnerContext
from marlfast.memory import Shape, check_memory, total
from marlfast.stop import UNLIMITED

RECORDED = ("returns", "shaped_returns", "lengths", "agent_lengths")       # arrays with an entry an episode
REMEDY = "take fewer runs, agents, actions or table rows"


class Limits(NamedTuple):
    """What ends a run: the most steps, episodes and steps without a change; and a mean return over a window."""

    steps: int
    episodes: int
    stable: int
    min_return: float
    window: int


def part_of(arrays, name):
    """The arrays of one part, such as ``"encoder"``, under their own names."""
    return {key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"{name}.")}


class Resolved:
    """What follows from the definitions of an experiment.

    Each fact is worked out when it is first asked for, and kept: checking an experiment asks for most of them, so
    that what does not fit is refused in the order in which a reader would look.

    Parameters
    ----------
    experiment : Experiment

    Attributes
    ----------
    game : Game
    runs : int
    """

    def __init__(self, experiment):
        self.experiment, self.game, self.runs = experiment, experiment.game, experiment.runs

    # -- how long, and by which draws ---------------------------------------------------------------

    @cached_property
    def limits(self):
        """What ends a run: :class:`Limits`."""
        e = self.experiment
        most = {"steps": e.steps or UNLIMITED, "episodes": e.episodes or UNLIMITED, "greedy_stable": UNLIMITED}
        min_return, window = math.inf, 0
        for rule in e.stop:
            if rule.name == "return_reached":
                if window:
                    raise ValueError("stop: expected at most one ReturnReached, got two")
                min_return, window = rule.value, rule.window
            else:
                most[rule.name] = min(most[rule.name], rule.n)
        return Limits(most["steps"], most["episodes"], most["greedy_stable"], min_return, window)

    @cached_property
    def stable_after(self):
        """Steps of each run that do not count as steps without a change: int64 [R], read-only."""
        after = np.zeros(self.runs, np.int64)
        for rule in self.experiment.stop:
            if rule.name == "greedy_stable":
                after = np.maximum(after, rule.uncounted(self.experiment.learner))
        return _kept(after)

    @cached_property
    def seeds(self):
        """Seed of every run: uint64 [R], read-only."""
        return _kept(np.array(np.broadcast_to(np.array(self.experiment.seed, np.uint64), self.runs)))

    @cached_property
    def run_numbers(self):
        """Numbers of the runs under their seeds: int64 [R], read-only."""
        first = self.experiment.first_run
        if isinstance(self.experiment.seed, tuple):
            return _kept(np.full(self.runs, first, np.int64))
        return _kept(np.arange(first, first + self.runs, dtype=np.int64))

    @cached_property
    def draws(self):
        """K, exploration draws per agent and step."""
        return self.experiment.learner.draws()

    @cached_property
    def discounts(self):
        """All discounts that the learners learn with: a set of floats."""
        return self.experiment.learner.discounts()

    @cached_property
    def discount(self):
        """The one that shaping goes by; it refuses learners that differ in it."""
        return min(self.discounts, default=0.0)

    # -- what is encoded ----------------------------------------------------------------------------

    @cached_property
    def looks_central(self):
        """Names of the learners that look at the whole state while they learn: list of str."""
        return [one.name for _, one, _ in self.experiment.learner.parts(self._agents) if one.central]

    @cached_property
    def central(self):
        """(encoder of the whole state, what it is shown), given or made; None: nobody needs one of its own."""
        e = self.experiment
        if e.central is not None:
            return e.central, Whole(e.game)
        return central_encoder(e.game) if self.looks_central and e.game.views > 1 else None

    @cached_property
    def _encoders(self):
        own = {"encoder": (self.experiment.encoder, self.game)}
        return own, own if self.central is None else own | {"central": self.central}

    def encoders(self, learning=True):
        """What is encoded, and by whom: {"encoder": (encoder, game)} and, if it is another, "central".

        Parameters
        ----------
        learning : bool
            False: nothing is learned, so that nobody looks at the whole state; here as in ``active_rows`` and
            ``rooms``.
        """
        return self._encoders[bool(learning)]

    @cached_property
    def whole(self):
        """Name of the encoder whose rows the whole state is in."""
        return "encoder" if self.central is None else "central"

    @cached_property
    def active(self):
        """k, rows that what an agent sees is in."""
        return self.experiment.encoder.active(self.game)

    @cached_property
    def central_active(self):
        """C, rows that a state is in; 0: nobody looks at it."""
        encoder, game = self._encoders[True][self.whole]
        return encoder.active(game) if self.looks_central else 0

    def active_rows(self, learning=True):
        """W, rows of a run: the active ones of each agent, then those of the whole state."""
        return self.game.agents * self.active + (self.central_active if learning else 0)

    @cached_property
    def rows(self):
        """Rows of the table of what an agent sees; None: it grows."""
        encoder = self.experiment.encoder
        return None if encoder.grows else encoder.rows(self.game)

    def bound(self, tables, runs, backend, learning=True, game=None):
        """The kernels of the encoders over their arrays (``tables``, by name): a dict; that of "central" takes states.

        Parameters
        ----------
        tables : dict of str to dict of str to ndarray
        runs : int
        backend : {"cython", "numpy"}
        game : kernel, optional
            Of the game. Default: another one.
        """
        kernels = {name: encoder.bind(source, runs, tables[name], backend)
                   for name, (encoder, source) in self.encoders(learning).items()}
        if "central" in kernels:
            kernels["central"] = self.central[1].bound(kernels["central"], backend, game)
        return kernels

    def rooms(self, arrays, learning=True):
        """Rows that the arrays of each encoder have room for, by its name."""
        return {name: encoder.room(source, part_of(arrays, name))
                for name, (encoder, source) in self.encoders(learning).items()
                if not encoder.grows or f"{name}.keys" in arrays}

    def used(self, arrays):
        """Rows in use, at most, of each encoder, and keys of those that grow, from which their rows follow."""
        encoders = self.encoders()
        return {name: int(encoder.used(source, part_of(arrays, name)).max()) if encoder.grows else encoder.rows(source)
                for name, (encoder, source) in encoders.items()} | {
            f"{name}.keys": int(arrays[f"{name}.used"].max()) for name, (encoder, _) in encoders.items()
            if encoder.grows}

    # -- who learns ---------------------------------------------------------------------------------

    @cached_property
    def _agents(self):
        e = self.experiment
        return LearnerContext(e.game, e.rewards, e.runs, None, self.active, given_teams=e.teams, seeds=self.seeds,
                              run_numbers=self.run_numbers)

    @cached_property
    def context(self):
        """What learners need to know: all agents of the game, in all runs, with the rows that fresh arrays have."""
        if not self.looks_central:
            return self._agents
        encoder, game = self._encoders[True][self.whole]
        return self._agents.with_room(encoder.room(game, encoder.shapes(game, 1)), self.central_active)

    def context_in(self, room):
        """The same with the rows of the whole state that there is room for (of ``rooms``)."""
        return self.context.with_room(room[self.whole], self.central_active) if self.looks_central else self.context

    @cached_property
    def parts(self):
        """(prefix of its arrays, learner, its context) of every learner, a list."""
        return self.experiment.learner.parts(self.context)

    @cached_property
    def lanes(self):
        """Agents of a row, padded, where the compiled loop may have their tables side by side; else 0."""
        e = self.experiment
        return e.learner.lanes(self.context) if e.encoder.one_row else 0

    def part(self, agent):
        """(prefix of its arrays, learner, its context) of the learner that controls an agent."""
        return next(part for part in self.parts if agent in part[2].agent_ids)

    # -- who is there, who acts, what is legal --------------------------------------------------------

    @cached_property
    def moves(self):
        """What the loop takes of a game that says so, beside arrays: a dict, empty where it says nothing."""
        game = self.game
        if not game.participation:
            return {}
        discounts = np.zeros((self.runs, game.agents))
        for _, one, context in self.parts:
            discounts[:, list(context.agent_ids)] = np.reshape(getattr(one, "discount", 0.0), (-1, 1))
        return {"action_counts": np.ascontiguousarray(game.action_counts, np.int32), "discounts": discounts,
                "by_move": game.discounting == "move"}

    # -- arrays ---------------------------------------------------------------------------------------

    def shapes(self, state_size, learning=True, runs=None):
        """Shapes and dtypes of the arrays of a session, which none of them has to be made for: {name: Shape}.

        Parameters
        ----------
        state_size : int
            S, numbers in a state of the game: its kernel's.
        learning : bool
        runs : int, optional
            Default: those of the experiment.
        """
        game, window, runs = self.game, self.limits.window, self.runs if runs is None else runs
        numbers, sums = Shape((runs,), "int64"), Shape((runs, game.agents))
        shapes = {
            "state": Shape((runs, state_size)), "observation": Shape((runs, game.views, game.features)),
            "rows": Shape((runs, self.active_rows(learning)), "int32"), "steps": numbers, "episodes": numbers,
            "episode_steps": numbers, "episode_return": sums, "episode_shaped": sums,
            "returns": Shape((runs, 0, game.agents)), "shaped_returns": Shape((runs, 0, game.agents)),
            "lengths": Shape((runs, 0), "int64"), "stable": numbers, "recent": Shape((runs, window)),
            "recent_sum": Shape((runs,)), "reason": Shape((runs,), "int32"), "run_numbers": numbers, "fault": numbers}
        if game.participation:
            shapes |= {name: Shape(shape, dtype) for name, (dtype, shape) in moved_shapes(
                R=runs, N=game.agents, A=game.max_actions, V=game.views, D=game.features, k=self.active, E=0).items()}
        for part, (encoder, source) in self.encoders(learning).items():
            shapes |= {f"{part}.{name}": one for name, one in encoder.shapes(source, runs).items()}
        room = self.rooms(shapes, learning)
        context = self.context_in(room) if learning else self.context
        return shapes | {f"learner.{name}": one
                         for name, one in self.experiment.learner.shapes(context, room["encoder"]).items()}

    def check_first(self):
        """Refuse numbers of runs, agents and features with which nothing else need be looked at."""
        game, runs = self.game, self.runs
        check_memory(f"runs: {runs:,} of {game.agents:,} agents, who see {game.views * game.features:,} numbers,",
                     runs * (80 + 36 * game.agents + 8 * game.views * game.features), REMEDY)

    def check_memory(self, state_size=0, learning=True):
        """Refuse an experiment whose arrays need more memory than there is, before any of them is made."""
        check_memory(f"runs: the arrays of {self.runs:,} {'run' if self.runs == 1 else 'runs'}",
                     total(self.shapes(state_size, learning)), REMEDY)

    @cached_property
    def by_row(self):
        """Arrays whose second axis is the row of a table, and whose rows these are: {name: an encoder, or its keys}."""
        learner = self.experiment.learner
        return {f"{name}.keys": f"{name}.keys" for name, (encoder, _) in self.encoders().items() if encoder.grows} | {
            f"learner.{name}": "encoder" for name in learner.by_row} | {
            f"learner.{name}": self.whole for name in learner.by_central}

    @cached_property
    def derived(self):
        """Arrays that follow from others: a set of names."""
        learner = self.experiment.learner.derived
        if "legal" in self.game.participation:      # which legal action is greedy does not follow from the values
            learner = [name for name in learner if not name.endswith("greedy")]
        return {f"learner.{name}" for name in learner} | {f"{name}.table" for name in self.encoders()}


def _kept(array):
    """An array that many read, and nobody may write to."""
    array.flags.writeable = False
    return array
