"""Congestion games: what a choice costs depends on how many others make it."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, flag, integer, real, shown
from marlfast.games.base import Game
from marlfast.limits import MAX_AGENTS

SEEN = ("nothing", "loads")


class _Congestion(Game):
    """What congestion games share. A game gives its ``_parts``: costs, strategies, watched, kinds, kind_of_agent."""

    memory = 0
    capacity = 0
    observe = "nothing"

    def _check_common(self, least=1):
        self._set(agents=integer("agents", self.agents, least, MAX_AGENTS), **self.checked_horizon(),
                  observe=choice("observe", self.observe, SEEN))

    @property
    def ends(self):
        return self.horizon > 0

    @property
    def action_counts(self):
        _, _, _, kinds, kind_of_agent = self._parts()
        return np.array([len(kind) for kind in kinds], np.int32)[kind_of_agent]

    @property
    def features(self):
        return len(self._parts()[0]) if self.observe == "loads" else 1

    @property
    def observations(self):
        return None if self.observe == "loads" else 2**self.memory

    @property
    def bounds(self):
        if self.observe != "loads":
            return np.zeros(1), np.full(1, 2.0**self.memory - 1.0)
        most = self._users()[1]
        return np.zeros(len(most)), most.astype(np.float64)

    def _users(self):
        """How many agents must and how many can add to each resource's load, and both for each kind."""
        costs, strategies, _, kinds, kind_of_agent = self._parts()
        uses = np.zeros((len(strategies), len(costs)), bool)
        for s, resources in enumerate(strategies):
            uses[s, list(resources)] = True
        must = np.array([uses[list(kind)].all(axis=0) for kind in kinds])
        can = np.array([uses[list(kind)].any(axis=0) for kind in kinds])
        population = np.bincount(kind_of_agent, minlength=len(kinds))[:, None]
        return (must * population).sum(axis=0), (can * population).sum(axis=0), must, can

    @property
    def reward_bounds(self):
        """Every resource of a strategy at its dearest, or cheapest, load that is possible by itself."""
        costs, strategies, watched, kinds, kind_of_agent = self._parts()
        least, most, must, can = self._users()
        low, high = np.inf, -np.inf
        for k in np.unique(kind_of_agent).tolist():
            for s in kinds[k]:
                dearest = cheapest = 0.0
                for resources, own in ((strategies[s], 1), (watched[s], 0)):
                    for r in resources:
                        some = costs[r, least[r] - must[k, r] + own:most[r] - can[k, r] + own + 1]
                        dearest, cheapest = dearest + some.max(), cheapest + some.min()
                low, high = min(low, -dearest), max(high, -cheapest)
        return float(low), float(high)

    def kernel(self, backend="cython"):
        costs, strategies, watched, kinds, kind_of_agent = self._parts()
        uses = [(*own, *others) for own, others in zip(strategies, watched, strict=True)]
        counted = [flag for own, others in zip(strategies, watched, strict=True)
                   for flag in [True] * len(own) + [False] * len(others)]
        (first_choice, choices), (first_use, used) = _lists(kinds), _lists(uses)
        return kernels(backend, "congestion").Congestion(
            kind_of_agent=np.ascontiguousarray(kind_of_agent, np.int32), first_choice=first_choice, choices=choices,
            first_use=first_use, used=used, counted=np.array(counted, np.bool_), cost=np.ascontiguousarray(costs),
            sees_loads=self.observe == "loads", memory=self.memory, threshold=self.capacity)

    def potential(self, loads):
        """Add up Rosenthal's potential: each resource's costs at loads 1, 2, ... up to its load.

        When one agent changes its choice, the potential changes by as much as what that agent pays; so
        it falls with every improvement, and where it is least nobody can improve.

        Parameters
        ----------
        loads : float64 [resources]
            Such as ``env.state[0]``.

        Returns
        -------
        float
            The potential.

        Raises
        ------
        ValueError
            If somebody pays for a resource without being counted there: then this sum is no potential.
        """
        costs, _, watched, *_ = self._parts()
        if any(watched):
            raise ValueError("potential: expected a game in which all who pay for a resource are counted there")
        sums = np.concatenate([np.zeros((len(costs), 1)), np.cumsum(costs[:, 1:], axis=1)], axis=1)
        return float(sum(sums[r, int(load)] for r, load in enumerate(loads[:len(costs)])))

    def _name(self, r):
        return f"resource {r}"

    def render(self, state):
        costs = self._parts()[0]
        return "\n".join(f"{self._name(r)}: load {int(state[r])}, cost {costs[r, int(state[r])]:.6g}"
                         for r in range(len(costs)))


def _lists(lists):
    """Lists of whole numbers as one array, and where each begins."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int32)
    return starts, np.array([k for one in lists for k in one], np.int32)


def _checked_lists(name, value, below, what, distinct=True):
    """Tuples of whole numbers from 0 to below - 1."""
    if isinstance(value, str) or not np.iterable(value) or any(isinstance(v, str) or not np.iterable(v) for v in value):
        raise TypeError(f"{name}: expected a list of lists of {what}, such as [[0], [1, 2]], got {shown(value)}")
    lists = tuple(tuple(integer(f"{name}[{k}]", v, 0, below - 1) for v in one) for k, one in enumerate(value))
    for k, one in enumerate(lists):
        if distinct and len(set(one)) < len(one):
            raise ValueError(f"{name}[{k}]: expected different {what}, got {list(one)}; take out what comes twice")
    return lists


@dataclass(frozen=True, repr=False, eq=False)
class CongestionGame(_Congestion):
    """A congestion game given as arrays: agents choose sets of resources, whose costs depend on how many use them.

    Dynamics
        Each agent chooses a strategy; a resource's load is how many chose a strategy that uses it.
    Observation
        ``observe="nothing"``: always 0. ``"loads"``: the last loads, ``resources`` whole numbers (0 before the first
        step). The same for every agent.
    Action
        0 to the number of its kind's strategies less 1, in the order of ``kinds``.
    Reward
        Minus the costs, at the loads of this step, of the resources that its strategy uses and then of those that it
        watches, added up in the order given.
    Start
        No loads.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    costs : float64 [resources, N + 1]
        Of each resource at loads 0 to N; N is the number of agents. A negative cost is a gain.
    strategies : sequence of sequence of int
        The resources that each strategy uses; it may use none.
    kinds : sequence of sequence of int, optional
        The strategies of each kind of agent, such as those of one origin and destination. Default: one kind
        that has all of them.
    kind_of_agent : sequence of int [N], optional
        Default: all of kind 0.
    watched : sequence of sequence of int, optional
        Resources whose cost a strategy pays without adding to the load, such as a public good that others pay for.
        Default: none.
    horizon : int
        0: no limit.
    observe : {"nothing", "loads"}
        What agents see.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Braess : One of them.
    ElFarol : One of them, with a memory.

    Notes
    -----
    ``reward_bounds`` takes each resource's load by itself: they are tight where a strategy's resources can be at their
    dearest, and at their cheapest, together.

    References
    ----------
    R. W. Rosenthal, "A class of games possessing pure-strategy Nash equilibria", International Journal of
    Game Theory 2 (1973).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.CongestionGame([[0, 1, 2, 3], [0, 2, 2, 2]], [[0], [1]])
    >>> game.agents, game.potential([1.0, 2.0])
    (3, 5.0)
    """

    name = "congestion"
    also = ("routing",)
    costs: np.ndarray
    strategies: tuple
    kinds: tuple | None = None
    kind_of_agent: tuple | None = None
    watched: tuple | None = None
    horizon: int = 1
    observe: str = "nothing"

    def __post_init__(self):
        try:
            costs = np.array(self.costs, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"costs: expected an array of numbers, got {shown(self.costs)}") from None
        if costs.ndim != 2 or costs.shape[0] < 1 or costs.shape[1] < 2:
            raise ValueError(f"costs: expected shape (resources, agents + 1), at least (1, 2), got {costs.shape}")
        if not np.isfinite(costs).all():
            at = tuple(int(k) for k in np.argwhere(~np.isfinite(costs))[0])
            raise ValueError(f"costs{list(at)}: expected a finite number, got {costs[at]}")
        costs.flags.writeable = False
        agents = costs.shape[1] - 1
        strategies = _checked_lists("strategies", self.strategies, len(costs), "resources")
        if not strategies:
            raise ValueError("strategies: expected at least one, got none")
        watched = [()] * len(strategies) if self.watched is None else self.watched
        watched = _checked_lists("watched", watched, len(costs), "resources")
        if len(watched) != len(strategies):
            raise ValueError(f"watched: expected a list for each of the {len(strategies)} strategies, "
                             f"got {len(watched)}")
        for s, (used, others) in enumerate(zip(strategies, watched, strict=True)):
            if set(used) & set(others):
                raise ValueError(f"watched[{s}]: the strategy uses resource {min(set(used) & set(others))} already; "
                                 "take it out of one of the two")
        kinds = [range(len(strategies))] if self.kinds is None else self.kinds
        kinds = _checked_lists("kinds", kinds, len(strategies), "strategies")
        for k, kind in enumerate(kinds):
            if not kind:
                raise ValueError(f"kinds[{k}]: expected at least one strategy, got none")
        if not kinds:
            raise ValueError("kinds: expected at least one, got none")
        kind_of_agent = (0,) * agents if self.kind_of_agent is None else self.kind_of_agent
        if isinstance(kind_of_agent, str) or not np.iterable(kind_of_agent):
            raise TypeError(f"kind_of_agent: expected the kind of each agent, such as [0, 0, 1], "
                            f"got {shown(kind_of_agent)}")
        kind_of_agent = tuple(integer(f"kind_of_agent[{i}]", k, 0, len(kinds) - 1) for i, k in enumerate(kind_of_agent))
        if len(kind_of_agent) != agents:
            raise ValueError(f"kind_of_agent: expected {agents} kinds (costs has {agents + 1} columns: loads 0 to "
                             f"{agents}), got {len(kind_of_agent)}")
        self._set(costs=costs, strategies=strategies, watched=watched, kinds=kinds, kind_of_agent=kind_of_agent,
                  **self.checked_horizon(), observe=choice("observe", self.observe, SEEN))

    @property
    def agents(self):
        return self.costs.shape[1] - 1

    def _parts(self):
        return (self.costs, self.strategies, self.watched, self.kinds, np.array(self.kind_of_agent))


@dataclass(frozen=True, repr=False, eq=False)
class PublicGoods(_Congestion):
    """The public goods game: what is contributed is multiplied and shared by all, contributors or not.

    Dynamics
        Each agent contributes 1 or nothing.
    Observation
        ``observe="nothing"``: always 0. ``"loads"``: how many contributed in the last step, twice (the pot, and the
        payments into it).
    Action
        0: contribute nothing; 1: contribute.
    Reward
        ``multiplier / agents * (how many contributed)``, less 1 for a contributor. Nobody contributes in the only
        equilibrium, although all would gain if all did.
    Start
        Nothing was contributed.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    agents : int
        At least 2.
    multiplier : float
        More than 1 and less than ``agents``.
    horizon : int
        Rounds of an episode; 0: no limit.
    observe : {"nothing", "loads"}
        What agents see.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    PrisonersDilemma : Two agents.

    Notes
    -----
    Difference rewards keep ``multiplier / agents`` as it is: an agent that is away contributes nothing.

    References
    ----------
    J. O. Ledyard, "Public goods: a survey of experimental research", in Handbook of Experimental Economics
    (1995).

    Examples
    --------
    >>> from marlfast import games
    >>> games.PublicGoods(agents=4, multiplier=2.0).reward_bounds
    (-0.5, 1.5)
    """

    name = "public_goods"
    also = ("public_good_game",)
    measures = ("cooperation_rate",)
    cooperate = 1
    agents: int = 4
    multiplier: float = 2.0
    horizon: int = 1
    observe: str = "nothing"

    def __post_init__(self):
        self._check_common(2)
        self._set(multiplier=real("multiplier", self.multiplier))
        if not 1.0 < self.multiplier < self.agents:
            raise ValueError(f"multiplier: expected more than 1 and less than the number of agents, {self.agents}, "
                             f"got {self.multiplier}")

    def _parts(self):
        pot = 0.0 - self.multiplier / self.agents * np.arange(self.agents + 1.0)
        costs = np.stack([pot, np.ones(self.agents + 1)])
        return costs, ((), (0, 1)), ((0,), ()), ((0, 1),), np.zeros(self.agents, np.int64)

    def _name(self, r):
        return ("pot", "payments")[r]


@dataclass(frozen=True, repr=False, eq=False)
class Pigou(_Congestion):
    """Pigou's two roads: one always takes as long, the other is quick while few take it.

    Dynamics
        Each driver takes a road.
    Observation
        ``observe="nothing"``: always 0. ``"loads"``: how many took each road in the last step.
    Action
        0: the wide road; 1: the narrow road.
    Reward
        Minus the travel time: 1 on the wide road, ``(share of drivers on the narrow road) ** degree`` on the narrow
        one. With ``degree=1`` all but at most one take the narrow road in equilibrium, and travel for about 1; if half
        did, the mean were 3/4.
    Start
        No loads.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    agents : int
        At least 1.
    degree : int
        At least 1; 1 is Pigou's own.
    horizon : int
        Journeys of an episode; 0: no limit.
    observe : {"nothing", "loads"}
        What agents see.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Braess : Four roads, and a fifth that makes it worse.

    References
    ----------
    A. C. Pigou, "The Economics of Welfare" (1920); in this form T. Roughgarden and E. Tardos, "How bad is
    selfish routing?", Journal of the ACM 49 (2002).

    Examples
    --------
    >>> from marlfast import games
    >>> games.Pigou(agents=10).potential([0.0, 10.0])
    5.5
    """

    name = "pigou"
    agents: int = 10
    degree: int = 1
    horizon: int = 1
    observe: str = "nothing"

    def __post_init__(self):
        self._check_common()
        self._set(degree=integer("degree", self.degree, 1, 64))

    def _parts(self):
        share = np.arange(self.agents + 1.0) / self.agents
        time = np.ones(self.agents + 1)
        for _ in range(self.degree):
            time = time * share
        return (np.stack([np.ones(self.agents + 1), time]), ((0,), (1,)), ((), ()), ((0, 1),),
                np.zeros(self.agents, np.int64))

    def _name(self, r):
        return ("wide road", "narrow road")[r]


@dataclass(frozen=True, repr=False, eq=False)
class Braess(_Congestion):
    """Braess's paradox: a new road, free to use, makes every journey longer.

    Two roads out of the start, to A and to B, and from each of these one to the end. Start-A and B-end take
    ``40 * load / agents`` minutes (load / 100 with 4,000 drivers), A-end and start-B always 45, the link from A to B
    none.

    Dynamics
        Each driver takes a route.
    Observation
        ``observe="nothing"``: always 0. ``"loads"``: how many took start-A, A-end, start-B, B-end and the link in
        the last step.
    Action
        0: by A; 1: by B; 2, with the link: by A and then B.
    Reward
        Minus the travel time. In equilibrium without the link the drivers are split evenly and travel for
        20 + 45 = 65 minutes; with it all take it and travel for 40 + 40 = 80.
    Start
        No loads.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    agents : int
        At least 1.
    link : bool
        Whether there is a road from A to B.
    horizon : int
        Journeys of an episode; 0: no limit.
    observe : {"nothing", "loads"}
        What agents see.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Pigou : Two roads.

    References
    ----------
    D. Braess, "Über ein Paradoxon aus der Verkehrsplanung", Unternehmensforschung 12 (1968); the numbers
    are the usual textbook ones, as in D. Easley and J. Kleinberg, "Networks, Crowds, and Markets" (2010), chapter 8.

    Examples
    --------
    >>> from marlfast import games
    >>> games.Braess(link=False).action_counts.max().item(), games.Braess().action_counts.max().item()
    (2, 3)
    """

    name = "braess"
    agents: int = 4000
    link: bool = True
    horizon: int = 1
    observe: str = "nothing"

    def __post_init__(self):
        self._check_common()
        if not isinstance(self.link, (bool, np.bool_)):
            raise TypeError(f"link: expected True or False, got {shown(self.link)}")
        self._set(link=flag("link", self.link))

    @property
    def reward_bounds(self):
        # Whoever takes the link: every other driver is on start-A or B-end too.
        slow, busy = 45.0, 40.0 / self.agents
        least = min(slow + busy, (self.agents + 1) * busy) if self.link else slow + busy
        return -(slow + 40.0), -least

    def _parts(self):
        busy, slow = 40.0 * np.arange(self.agents + 1.0) / self.agents, np.full(self.agents + 1, 45.0)
        costs = np.stack([busy, slow, slow, busy, np.zeros(self.agents + 1)][:4 + self.link])
        strategies = ((0, 1), (2, 3), (0, 4, 3))[:2 + self.link]
        return (costs, strategies, ((),) * len(strategies), (tuple(range(len(strategies))),),
                np.zeros(self.agents, np.int64))

    def _name(self, r):
        return ("start-A", "A-end", "start-B", "B-end", "link A-B")[r]


@dataclass(frozen=True, repr=False, eq=False)
class ElFarol(_Congestion):
    """The El Farol bar: an evening there is good if not too many come.

    Dynamics
        Each week every agent goes or stays at home.
    Observation
        In which of the last ``memory`` weeks the bar was crowded, as a number from 0 to 2**memory - 1, last week's
        bit the lowest; the same for every agent. Without memory always 0.
    Action
        0: stay; 1: go.
    Reward
        ``staying`` at home; at the bar ``uncrowded`` if at most ``capacity`` agents went, else ``crowded``.
    Start
        The bar was never crowded.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    agents : int
        At least 1.
    capacity : int
        0 to ``agents``.
    crowded, uncrowded, staying : float
        Staying is worth less than an uncrowded evening and more than a crowded one in Arthur's story; any numbers do.
    memory : int
        Weeks that are remembered; 0 to 16.
    horizon : int
        Weeks of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    CongestionGame : The general form.

    References
    ----------
    W. B. Arthur, "Inductive reasoning and bounded rationality", American Economic Review 84 (1994): 100
    agents, room for 60. It gives no payoffs, those here are ours; nor do its agents see only whether it was crowded.

    Examples
    --------
    >>> from marlfast import games
    >>> games.ElFarol(memory=3).observations
    8
    """

    name = "el_farol"
    also = ("bar", "minority_game")
    agents: int = 100
    capacity: int = 60
    crowded: float = -1.0
    uncrowded: float = 1.0
    staying: float = 0.0
    memory: int = 3
    horizon: int = 100

    def __post_init__(self):
        self._check_common()
        self._set(capacity=integer("capacity", self.capacity, 0, self.agents),
                  memory=integer("memory", self.memory, 0, 16),
                  **{name: real(name, getattr(self, name)) for name in ("crowded", "uncrowded", "staying")})

    def _parts(self):
        bar = 0.0 - np.where(np.arange(self.agents + 1) <= self.capacity, self.uncrowded, self.crowded)
        costs = np.stack([bar, np.full(self.agents + 1, 0.0 - self.staying)])
        return costs, ((1,), (0,)), ((), ()), ((0, 1),), np.zeros(self.agents, np.int64)

    def _name(self, r):
        return ("bar", "home")[r]

    def render(self, state):
        lines = super().render(state)
        if self.memory:
            lines += f"\ncrowded in the last {self.memory} weeks (latest last): {int(state[2]):0{self.memory}b}"
        return lines
