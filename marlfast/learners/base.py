"""What every learner has, and how several learners make one team."""
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, shown, unknown
from marlfast.exploration import EpsilonGreedy
from marlfast.learners.plays import asked
from marlfast.memory import Shape
from marlfast.registry import Definition, option, require
from marlfast.renamed import argument, attribute, parts

# Numbers of the streams of first greedy actions and of initial values, among the 16 that the tables of an agent have.
FIRST_GREEDY, INITIAL = 5, 6


@dataclass(frozen=True)
class LearnerContext:
    """Which agents of which game a learner controls, in how many runs.

    Parameters
    ----------
    game : Game
    structure : Structure
        Of the rewards; it may say who plays with whom.
    runs : int
    agent_ids : tuple of int, optional
        Numbers of the agents, in order. Default: all.
    active : int
        k, rows that what an agent sees is in: 1 with a table, more with tiles.
    central : int
        Rows of the whole state that there is room for; 0 where no learner looks at it.
    central_active : int
        C, rows that a state is in.
    given_teams : tuple of tuple of int, optional
        Who plays with whom, where the experiment says so.
    seeds : uint64 [R], optional
        Of the runs: what is drawn where tables begin depends on it. Default: 0.
    run_numbers : int64 [R], optional
        Of the runs under their seeds. Default: 0, 1, ...
    lanes : int
        Agents of a row, padded, whose tables are to stand side by side, as :meth:`Learner.lanes` said; else 0.
    """

    game: object
    structure: object
    runs: int = 1
    agent_ids: tuple = None
    active: int = 1
    central: int = 0
    central_active: int = 1
    given_teams: tuple = None
    seeds: object = None
    run_numbers: object = None
    lanes: int = 0
    _known: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self):
        if self.agent_ids is None:
            object.__setattr__(self, "agent_ids", tuple(range(self.game.agents)))

    def once(self, what, make):
        """What ``make()`` gives, which is called the first time that it is asked for.

        Parameters
        ----------
        what : hashable
            What it is called.
        make : callable
            It may depend on all that is here but the rows of the whole state, which grow.
        """
        if what not in self._known:
            self._known[what] = make()
        return self._known[what]

    def with_room(self, central, central_active):
        """The same where there is room for so many rows of the whole state, which is in so many of them."""
        if (central, central_active) == (self.central, self.central_active):
            return self
        other = replace(self, central=central, central_active=central_active)
        object.__setattr__(other, "_known", self._known)
        return other

    def with_lanes(self, lanes):
        """The same where tables are to stand side by side."""
        other = replace(self, lanes=lanes)
        object.__setattr__(other, "_known", self._known)
        return other

    def of_agents(self, agents):
        """The same for a learner that controls some of the agents: a tuple of int."""
        own = self.once(("of_agents", agents), lambda: replace(self, agent_ids=agents))
        return own.with_room(self.central, self.central_active)

    @property
    def agents(self):
        """N, of the whole game."""
        return self.game.agents

    @property
    def action_counts(self):
        """Actions of every agent of the game: int32 [N], read-only."""
        return self.once("action_counts", lambda: _kept(self.game.action_counts))

    @property
    def max_actions(self):
        """The greatest number of actions of any agent that is controlled."""
        return self.once("max_actions", lambda: int(self.action_counts[self.ids()].max()))

    @property
    def moves(self):
        """Whether the game says who is there, who acts or what is legal."""
        return bool(self.game.participation)

    @cached_property
    def teams(self):
        """Teams of the experiment, of its reward structure or of the game, or None."""
        return self.given_teams or self.structure.teams or self.game.teams

    def shares(self, agents, first, count, backend):
        """Uniforms by which tied actions are told apart in rows that are new: float64 [R, count, len(agents)].

        They depend on the seed and number of the run, on the row, and on the agent: the first one that uses a table.

        Parameters
        ----------
        agents : sequence of int
        first, count : int
            First row, and how many.
        backend : {"cython", "numpy"}
        """
        return self._filled(FIRST_GREEDY, agents, [1] * len(agents), first, count, False, backend)[..., 0]

    def choices(self, agents, counts, first, out, backend):
        """One of so many actions of each agent, by the same uniforms, for rows from ``first`` on.

        Parameters
        ----------
        agents, counts : sequence of int
        first : int
            First row.
        out : int32 [R, rows, len(agents)]
            Written.
        backend : {"cython", "numpy"}
        """
        streams = FIRST_GREEDY + 16 * (np.asarray(agents, np.int64) + 1)
        seeds, numbers = self._numbers()
        kernels(backend, "draws").fill_choices(seeds, streams, numbers, first, np.asarray(counts, np.int64), out)

    def drawn(self, agents, widths, first, count, normals, backend):
        """Draws of which initial values are made: float64 [R, count, len(agents), most of ``widths``].

        They depend on the seed and number of the run, on the row, on the agent (the first one that uses a table) and on
        the action.

        Parameters
        ----------
        agents, widths : sequence of int
            And how many there are in a row of each; 0 stands beyond.
        first, count : int
            First row, and how many.
        normals : bool
            Standard normals in place of uniforms in [0, 1).
        backend : {"cython", "numpy"}
        """
        return self._filled(INITIAL, agents, widths, first, count, normals, backend)

    def _numbers(self):
        """Seeds and numbers of the runs: uint64 [R], int64 [R]."""
        return (np.zeros(self.runs, np.uint64) if self.seeds is None else np.ascontiguousarray(self.seeds),
                np.arange(self.runs, dtype=np.int64) if self.run_numbers is None else
                np.ascontiguousarray(self.run_numbers))

    def _filled(self, stream, agents, widths, first, count, normals, backend):
        fill = kernels(backend, "draws").fill
        seeds, numbers = self._numbers()
        found = np.zeros((self.runs, count, len(agents), max(widths)))
        for seed in np.unique(seeds).tolist():
            runs = np.flatnonzero(seeds == seed)
            for k, (agent, count_of) in enumerate(zip(agents, widths, strict=True)):
                block = np.empty((len(runs), count * count_of))
                fill(seed, stream + 16 * (agent + 1), numbers[runs], np.full(len(runs), first * count_of, np.int64),
                     block,
                     normals)
                found[runs, :, k, :count_of] = block.reshape(len(runs), count, count_of)
        return found

    def ids(self):
        """Numbers of the agents that are controlled: int32 [L], read-only."""
        return self.once("ids", lambda: _kept(np.array(self.agent_ids, np.int32)))

    def tables(self, share):
        """Which table each agent uses, where they share so: int32 [N], read-only; see ``table_of_agent``."""
        return self.once(("tables", share), lambda: _kept(table_of_agent(share, self)))


argument(LearnerContext, "leads", "agent_ids")
LearnerContext.most_actions = attribute("most_actions", "max_actions")
LearnerContext.lead, LearnerContext.leading = attribute("lead", "ids"), attribute("leading", "of_agents")
__getattr__ = parts(__name__, Seats="LearnerContext")


def _kept(array):
    """An array that many read, and nobody may write to."""
    array = np.asarray(array).view()
    array.flags.writeable = False
    return array


def check_shared(table, context):
    """Refuse agents who share a table (int32 [N]) but have different numbers of actions."""
    ids = context.ids()
    counts, table = context.action_counts[ids], table[ids]
    least, most = np.full(int(table.max()) + 1, 2**31 - 1), np.zeros(int(table.max()) + 1, np.int64)
    np.minimum.at(least, table, counts)
    np.maximum.at(most, table, counts)
    odd = np.flatnonzero(least < most)
    if len(odd):
        same = table == odd[0]
        raise ValueError(f"share: agents {ids[same].tolist()} share a table but have different numbers of actions, "
                         f"{counts[same].tolist()}")


def check_common(name, context, mean=False):
    """Refuse agents who do not all learn from the same reward, for a learner who trusts that they do.

    They do where the reward structure gives all of them the same, or where all earn the same (the game's setting is
    "cooperative") and the structure takes equal shares of it for each. A learner who takes the ``mean`` of their
    rewards minds only that one wins what the other loses.
    """
    ids, setting = context.agent_ids, context.game.setting
    if len(ids) < 2 or context.structure.same(ids) or mean and setting != "competitive":
        return
    why = "their rewards differ"
    if setting == "cooperative":
        why = f"rewards={context.structure.name}() gives them different rewards"
        if context.structure.alike(context.game, ids):
            return
    elif setting == "competitive":
        why = "one wins what the other loses"
    raise ValueError(f"{name}: trusts that its agents want the same, but {why} in game {context.game.name!r}; train "
                     "with rewards=marlfast.rewards.cooperative() (a team stepped by hand: with all in one of its "
                     "teams), or with a learner that does not mind: iql, hysteretic_q, sarsa, wolf_phc, jal")


class Learner(Definition):
    """Base of learners.

    ``allocate`` makes the arrays that change, ``bind`` the kernels over them, ``grow`` larger arrays
    with the same content. All that they need to know of the game is in ``context``.

    Attributes
    ----------
    kernels : str or pair of str
        Module of its kernels, such as ``"q_learning"``; or, in a package of one's own, the dotted names of the
        compiled module and of its NumPy twin.
    derived : tuple of str
        Arrays that follow from the others and are not saved.
    by_row : tuple of str
        Arrays whose second axis is the table row.
    by_central : tuple of str
        Arrays whose second axis is the row of the whole state.
    schedules : dict of str to Schedule
        What changes by itself, by the name of its arrays; made once, with the definition.
    central : bool
        Whether it looks at the whole state while it learns.
    sparse : bool
        Whether it learns where an observation is in several rows.
    added : tuple of str
        Arrays that files of older versions do not have, and that are then zeros.
    remedies : tuple of str
        What may help where a learned value grows without bound.
    moves : bool
        Whether it takes games that say who is there, who acts or what is legal (:attr:`Game.participation`).
    by_kernel : tuple of str
        Which of what it plays (:data:`marlfast.learners.plays.KINDS`) its kernels can play.

    See Also
    --------
    marlfast.learners.tabular.Tabular : What learners of action values derive from.

    Examples
    --------
    >>> from marlfast import learners
    >>> learners.IQL().draws(), learners.IQL().central, learners.QMIX().central
    (1, False, True)
    """

    kind = "learner"
    kernels = None
    derived = ()
    by_row = ()
    by_central = ()
    added = ()
    schedules = {}
    central = False
    sparse = False
    moves = False
    remedies = ("smaller learning rates", "discounts", "rewards")
    by_kernel = ("policy", "behaviour", "greedy")

    def check(self, context, rows=None):
        """Refuse a game or reward structure that this learner does not fit.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        rows : int, optional
            Rows of the table; None: it grows.
        """

    def allocate(self, context, rows):
        """Make fresh arrays.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        rows : int
            Rows of the table of what an agent sees.

        Returns
        -------
        dict of str to ndarray
            By name; the first axis is the run.
        """
        raise NotImplementedError

    def shapes(self, context, rows):
        """Say what ``allocate`` makes, without making it.

        What an experiment or a file asks for is refused by them before any of it is paid. A learner that makes arrays
        of its own in ``allocate`` and does not say so here has them made once to be looked at.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        rows : int
            Rows of the table of what an agent sees.

        Returns
        -------
        dict of str to marlfast.memory.Shape
            By name.
        """
        return {name: Shape(array.shape, array.dtype.name) for name, array in self.allocate(context, rows).items()}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "allocate" in cls.__dict__ and "shapes" not in cls.__dict__:
            cls.shapes = Learner.shapes

    def grow(self, context, arrays, rows, backend):
        """Make the same arrays with more room.

        Parameters
        ----------
        context : LearnerContext
            It also says for how many rows of the whole state there is room.
        arrays : dict of str to ndarray
            Those there are.
        rows : int
            Rows of the table, from now on.
        backend : {"cython", "numpy"}
            Which kernels fill what is new.

        Returns
        -------
        dict of str to ndarray
            With the same content, and fresh rows after it.
        """
        raise NotImplementedError

    def lanes(self, context):
        """Say whether the compiled loop may have agents' tables side by side (``fused_lanes.h``).

        The arrays look the same from outside.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        int
            Agents of a row, padded; 0: it may not.
        """
        return 0

    def derive(self, context, arrays, backend):
        """Make the derived arrays from the others.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            They are added to it.
        backend : {"cython", "numpy"}
            Which kernels do it.
        """

    def bounds(self):
        """Say between which values arrays that are schedules may lie.

        Returns
        -------
        dict of str to (float, float)
            Least and greatest value, by the name of the schedule.
        """
        return {name: value.bounds() for name, value in self.schedules.items()}

    def _schedule_shapes(self, runs):
        """Shapes of the arrays of its schedules."""
        return {f"{name}.{k}": Shape((runs,), dtype) for name in self.schedules
                for k, dtype in (("value", "float64"), ("ticks", "int64"))}

    def _fresh_schedules(self, runs):
        """The arrays of its schedules."""
        return {f"{name}.{k}": array for name, value in self.schedules.items()
                for k, array in value.allocate(runs).items()}

    def _bound_schedules(self, arrays, backend):
        """The kernels of its schedules over these arrays, by name."""
        return {name: value.bind({k: arrays[f"{name}.{k}"] for k in ("value", "ticks")}, backend)
                for name, value in self.schedules.items()}

    def draws(self):
        """Say how many exploration draws an agent takes in a step.

        Returns
        -------
        int
            K.
        """
        raise NotImplementedError

    def discounts(self):
        """Say what it discounts by.

        Returns
        -------
        set of float
            All discounts that it learns with, of all runs.
        """
        raise NotImplementedError

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        """Make the kernels over these arrays.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            Which they read and write.
        backend : {"cython", "numpy"}
            Which kernels.
        draws : int, optional
            Draws per agent in the whole team, if more than this learner's own.
        learning : bool
            False: it is frozen.
        exploration : Exploration, optional
            In place of the learner's own, with arrays of its own; for evaluation.

        Returns
        -------
        list
            Kernels, in the order in which they act and learn.
        """
        raise NotImplementedError

    def parts(self, context):
        """List the learners that this one is made of.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        list of (str, Learner, LearnerContext)
            Of each the prefix of its arrays, itself, and what it is told.
        """
        return [("", self, context)]

    def exploring(self, how):
        """Say how its kernels explore where they play ``how`` and learn nothing.

        Parameters
        ----------
        how : {"policy", "behaviour", "greedy"}, Exploration or None
            What is played.

        Returns
        -------
        Exploration or None
            None: its own way.
        """
        if how == "greedy":
            return EpsilonGreedy(0.0, ties="incumbent")
        if how == "policy":
            return self.still()
        return None if isinstance(how, str) else how

    def still(self):
        """Give the exploration with which it plays its policy, so that it does not explore.

        Returns
        -------
        Exploration or None
            None: its own way of acting.
        """
        explore = getattr(self, "explore", None)
        if not isinstance(explore, EpsilonGreedy):
            return None
        return EpsilonGreedy(0.0, ties="incumbent" if explore.keeps else explore.ties, draws=explore.draws)

    def plays(self, context, arrays, kind="policy"):
        """Say what the agents it controls play, by the rows that they see: the one place that says so.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            Its own, of all runs.
        kind : {"policy", "behaviour", "greedy", "average"}
            What they play when they do not explore (of Boltzmann's exploration: at its last temperature); as they
            explore now; the likeliest actions alone; or on average over training, which some learners keep.

        Returns
        -------
        list of marlfast.learners.plays.Plays
            Together of all agents that are controlled, each once.
        """
        return asked(self, context, arrays, kind)

    def actions(self, context, arrays, rows):
        """Give the greedy actions of the agents it controls, in its first run.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            Its own, of all runs.
        rows : int64 [N * k]
            Active rows of every agent; -1: an observation that was never seen.

        Returns
        -------
        int32 [L]
            One of each agent that it controls.
        """
        raise NotImplementedError

    def team(self, game, runs=1, seed=None, encoder=None, backend="cython", teams=None, central=None):
        """Make learners of one team to step by hand: see :class:`marlfast.Team`.

        Parameters
        ----------
        game : Game
            What is played, or another with its facts.
        runs : int
            R.
        seed : int, optional
            Of all draws. Default: from the system's entropy.
        encoder : Encoder, optional
            Of observations.
        backend : {"cython", "numpy"}
            Which kernels.
        teams : sequence of sequence of int, optional
            Who plays with whom.
        central : Encoder, optional
            Of the whole state.

        Returns
        -------
        Team
            That acts and learns when it is told to.
        """
        from marlfast.team import Team

        return Team(self, game, runs=runs, seed=seed, encoder=encoder, backend=backend, teams=teams, central=central)


@dataclass(frozen=True, repr=False, eq=False)
class Each(Learner):
    """Several learners in one team, each controlling agents of its own.

    Parameters
    ----------
    learners : sequence of Learner
        Who learn side by side.
    agent_ids : sequence of sequence of int, optional
        The agents of each learner; together every agent once. Default: learner i controls agent i.

    See Also
    --------
    marlfast.train : Makes one of a list.

    Notes
    -----
    ``marlfast.train(game, [a, b])`` makes one of a list: its entries are learners, or pairs of a learner and the
    agents it controls. Learners learn in the order of the list.

    Examples
    --------
    >>> import marlfast as mf
    >>> team = mf.learners.Each([mf.IQL(), mf.learners.TitForTat()])
    >>> run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=10), team, episodes=10, seed=0)
    >>> sorted(run.tables(agent=1))
    ['memory']
    """

    name = "each"
    also = ("several", "mixed")
    learners: tuple = option(kind="learner", many=True)
    agent_ids: tuple | None = None

    def __post_init__(self):
        if not isinstance(self.learners, (list, tuple)):
            raise TypeError(f"learners: expected a list of learners, got {shown(self.learners)}")
        learners = tuple(require("learner", one, f"learners[{k}]") for k, one in enumerate(self.learners))
        if not learners:
            raise ValueError("learners: expected at least one, got none")
        for k, one in enumerate(learners):
            if isinstance(one, Each):
                raise ValueError(f"learners[{k}]: is itself made of several learners; list them all here")
        agent_ids = self.agent_ids
        if agent_ids is not None:
            if not isinstance(agent_ids, (list, tuple)) or not all(isinstance(one, (list, tuple, range))
                                                                   for one in agent_ids):
                raise TypeError(f"agent_ids: expected a list of agents for each learner, got {shown(agent_ids)}")
            agent_ids = tuple(tuple(sorted(integer(f"agent_ids[{k}]", agent, 0) for agent in agents))
                              for k, agents in enumerate(agent_ids))
            if len(agent_ids) != len(learners) or not all(agent_ids):
                raise ValueError(f"agent_ids: expected at least one agent for each of {len(learners)} learners, "
                                 f"got {shown(self.agent_ids)}")
            named = sorted(agent for agents in agent_ids for agent in agents)
            if named != list(range(len(named))):
                raise ValueError(f"agent_ids: expected every agent from 0 on exactly once, got {shown(self.agent_ids)}")
        self._set(learners=learners, agent_ids=agent_ids)

    @classmethod
    def of(cls, given):
        """Make one of a list of learners, or of pairs of a learner and its agents.

        Parameters
        ----------
        given : sequence of Learner, or of (Learner, sequence of int)
            As :func:`marlfast.train` takes it.

        Returns
        -------
        Each
            Of these learners.
        """
        given = list(given)
        pairs = [isinstance(one, (list, tuple)) for one in given]
        if any(pairs) and not all(pairs):
            raise ValueError("learners: expected learners, or pairs of a learner and its agents, not both in one list")
        if not any(pairs):
            return cls(tuple(given))
        for k, one in enumerate(given):
            if len(one) != 2:
                raise ValueError(f"learners[{k}]: expected a pair of a learner and its agents, got {shown(one)}")
        agents = [(one[1],) if isinstance(one[1], int) else tuple(one[1]) for one in given]
        return cls(tuple(one[0] for one in given), tuple(agents))

    def parts(self, context):
        agent_ids = self.agent_ids or tuple((k,) for k in range(len(self.learners)))
        return [(f"{k}.", one, context.of_agents(agents))
                for k, (one, agents) in enumerate(zip(self.learners, agent_ids, strict=True))]

    @property
    def derived(self):
        return tuple(f"{k}.{name}" for k, one in enumerate(self.learners) for name in one.derived)

    @property
    def by_row(self):
        return tuple(f"{k}.{name}" for k, one in enumerate(self.learners) for name in one.by_row)

    @property
    def by_central(self):
        return tuple(f"{k}.{name}" for k, one in enumerate(self.learners) for name in one.by_central)

    @property
    def added(self):
        return tuple(f"{k}.{name}" for k, one in enumerate(self.learners) for name in one.added)

    def check(self, context, rows=None):
        agents = sum(map(len, self.agent_ids)) if self.agent_ids else len(self.learners)
        if agents != context.agents:
            raise ValueError(f"learners: game {context.game.name!r} has {context.agents} agents, the learners control "
                             f"{agents}; give one learner for each agent, or pairs (learner, agents)")
        for prefix, one, own in self.parts(context):
            try:
                one.check(own, rows)
            except ValueError as error:
                raise ValueError(f"learners[{prefix[:-1]}]: {error}") from None

    def allocate(self, context, rows):
        return {prefix + name: array for prefix, one, own in self.parts(context)
                for name, array in one.allocate(own, rows).items()}

    def shapes(self, context, rows):
        return {prefix + name: shape for prefix, one, own in self.parts(context)
                for name, shape in one.shapes(own, rows).items()}

    def grow(self, context, arrays, rows, backend):
        return {prefix + name: array for prefix, one, own in self.parts(context)
                for name, array in one.grow(own, _of(arrays, prefix), rows, backend).items()}

    def derive(self, context, arrays, backend):
        for prefix, one, own in self.parts(context):
            part = _of(arrays, prefix)
            one.derive(own, part, backend)
            arrays |= {prefix + name: array for name, array in part.items()}

    def bounds(self):
        return {f"{k}.{name}": bounds for k, one in enumerate(self.learners) for name, bounds in one.bounds().items()}

    def draws(self):
        return max(one.draws() for one in self.learners)

    def discounts(self):
        return set().union(*(one.discounts() for one in self.learners))

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        draws = max(draws or 0, self.draws())
        return [kernel for prefix, one, own in self.parts(context)
                for kernel in one.bind(own, _of(arrays, prefix), backend, draws, learning, one.exploring(exploration))]

    def exploring(self, how):
        return how              # each of its learners says for itself

    def plays(self, context, arrays, kind="policy"):
        return [one for prefix, learner, own in self.parts(context)
                for one in learner.plays(own, _of(arrays, prefix), kind)]

    def actions(self, context, arrays, rows):
        chosen = np.zeros(context.agents, np.int32)
        for prefix, one, own in self.parts(context):
            chosen[list(own.agent_ids)] = one.actions(own, _of(arrays, prefix), rows)
        return chosen


def _of(arrays, prefix):
    """The arrays of one learner, under their own names."""
    return {name[len(prefix):]: array for name, array in arrays.items() if name.startswith(prefix)}


def learner(given):
    """A learner, from one or from a list of several."""
    if isinstance(given, (list, tuple)):
        return Each.of(given)
    return require("learner", given, "learner")


SHARES = ("none", "all", "team")


def as_share(share):
    """``share`` as it is kept: a word, or a tuple with the table of each agent."""
    if isinstance(share, str):
        if share not in SHARES:
            raise unknown("share", share, SHARES)
        return share
    try:
        share = tuple(share)
    except TypeError:
        raise TypeError(f"share: expected 'none', 'all', 'team' or a table for each agent, got "
                        f"{shown(share)}") from None
    return tuple(integer(f"share[{i}]", table, 0) for i, table in enumerate(share))


argument(Each, "leads", "agent_ids")


def table_of_agent(share, context):
    """Which table each agent uses: int32 [N]; 0 for agents that are not controlled.

    Parameters
    ----------
    share : {"none", "all", "team"} or sequence of int [L]
        A table each, one for all, one per team, or the table of each agent that is controlled.
    context : LearnerContext
    """
    ids, table = list(context.agent_ids), np.zeros(context.agents, np.int32)
    if isinstance(share, str):
        if share == "none":
            table[ids] = np.arange(len(ids))
        elif share == "team":
            if context.teams is None:
                raise ValueError("share: 'team' needs teams; give teams=[[0, 1], [2, 3]] or the like")
            own = set(ids)
            present = [members for members in ([agent for agent in team if agent in own] for team in context.teams)
                       if members]
            for k, members in enumerate(present):
                table[members] = k
        elif share != "all":
            raise unknown("share", share, SHARES)
        return table
    numbers = [integer(f"share[{i}]", t, 0) for i, t in enumerate(share)]
    if len(numbers) != len(ids):
        raise ValueError(f"share: expected a table for each of {len(ids)} agents, got {len(numbers)}")
    if set(numbers) != set(range(max(numbers) + 1)):
        raise ValueError(f"share: expected tables numbered 0, 1, ... without gaps, got {numbers}")
    table[ids] = numbers
    return table
