"""Matrix games that have names."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import choice, integer, real
from marlfast.games.matrix import MAX_AGENTS, NormalForm, room


def _symmetric(row):
    """Payoffs of two players who are in the same position: the second's array is the first's, transposed."""
    row = np.array(row, np.float64)
    return row, row.T


def _opposed(row):
    """Payoffs of two players of whom one wins what the other loses."""
    row = np.array(row, np.float64)
    return row, 0.0 - row


@dataclass(frozen=True, repr=False, eq=False)
class Climbing(NormalForm):
    """Two agents with a common payoff: the best joint action stands beside the worst.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0, 1, 2 (a, b, c).
    Reward
        The same for both: 11, -30, 0 / -30, 7, 6 / 0, 0, 5 (rows: agent 0's action). Partially stochastic: (b, b) pays
        14 or 0, equally likely. Fully stochastic, each equally likely: 10/12, 5/-65, 8/-8 / 5/-65, 14/0, 12/0 /
        8/-8, 12/0, 10/0; the means are those of the game without chance, but for (c, b), whose mean is 6.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    chance : {"none", "partial", "full"}
        How many joint actions pay by chance.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    Penalty : Two best joint actions.
    marlfast.reproduce.Matignon2012 : How learners fare in it.

    References
    ----------
    C. Claus and C. Boutilier, "The dynamics of reinforcement learning in cooperative multiagent systems",
    AAAI 1998; the stochastic ones: S. Kapetanakis and D. Kudenko, "Reinforcement learning of coordination in
    cooperative multi-agent systems", AAAI 2002. Others quote their fully stochastic game with 5/-5 at (c, a) and
    (c, b); here it is symmetric.

    Examples
    --------
    >>> from marlfast import games
    >>> games.Climbing().expected[:, :, 0].tolist()
    [[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]]
    """

    name = "climbing"
    measures = ("optimum",)
    action_names = ("a", "b", "c")
    chance: str = "none"

    def __post_init__(self):
        choice("chance", self.chance, ("none", "partial", "full"))
        super().__post_init__()

    def matrices(self):
        sure = [[11, -30, 0], [-30, 7, 6], [0, 0, 5]]
        if self.chance == "none":
            return [sure]
        if self.chance == "partial":
            pairs = np.repeat(np.array(sure, np.float64)[:, :, None], 2, axis=2)
            pairs[1, 1] = 14, 0
            return [pairs]
        return [[[[10, 12], [5, -65], [8, -8]], [[5, -65], [14, 0], [12, 0]], [[8, -8], [12, 0], [10, 0]]]]

    def chances(self):
        return None if self.chance == "none" else (0.5, 0.5)


@dataclass(frozen=True, repr=False, eq=False)
class Penalty(NormalForm):
    """Two agents with a common payoff: two best joint actions, and a penalty for taking one of each.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0, 1, 2 (a, b, c).
    Reward
        The same for both: 10, 0, k / 0, 2, 0 / k, 0, 10 (rows: agent 0's action).
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    k : float
        At most 0.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    Climbing : One best joint action, beside the worst.

    References
    ----------
    C. Claus and C. Boutilier, "The dynamics of reinforcement learning in cooperative multiagent systems",
    AAAI 1998.

    Examples
    --------
    >>> from marlfast import games
    >>> games.Penalty(k=-30.0).expected[:, :, 0].tolist()
    [[10.0, 0.0, -30.0], [0.0, 2.0, 0.0], [-30.0, 0.0, 10.0]]
    """

    name = "penalty"
    measures = ("optimum",)
    action_names = ("a", "b", "c")
    k: float = -100.0

    def __post_init__(self):
        self._set(k=real("k", self.k, None, 0.0))
        super().__post_init__()

    def matrices(self):
        return [[[10, 0, self.k], [0, 2, 0], [self.k, 0, 10]]]


@dataclass(frozen=True, repr=False, eq=False)
class PrisonersDilemma(NormalForm):
    """Two agents: each is better off defecting whatever the other does, and both would be if neither did.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0: cooperate, 1: defect.
    Reward
        Both cooperate: ``reward`` each; both defect: ``punishment`` each; one of them defects: ``temptation`` to it,
        ``sucker`` to the other.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    reward, sucker, temptation, punishment : float
        R, S, T, P with T > R > P > S.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    StagHunt : Where cooperation is an equilibrium.
    PublicGoods : Of more than two agents.

    References
    ----------
    R. Axelrod, "The evolution of cooperation" (1984), for the numbers; the game is M. Flood's and
    M. Dresher's (RAND Corporation, 1950).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.PrisonersDilemma(memory=1, horizon=10)
    >>> game.pure_equilibria(), game.observations
    ([(1, 1)], 5)
    """

    name = "prisoners_dilemma"
    also = ("pd", "ipd", "dilemma")
    measures = ("cooperation_rate",)
    cooperate = 0
    action_names = ("cooperate", "defect")
    reward: float = 3.0
    sucker: float = 0.0
    temptation: float = 5.0
    punishment: float = 1.0

    def __post_init__(self):
        for name in ("reward", "sucker", "temptation", "punishment"):
            self._set(**{name: real(name, getattr(self, name))})
        if not self.temptation > self.reward > self.punishment > self.sucker:
            raise ValueError("temptation, reward, punishment, sucker: expected each greater than the next, got "
                             f"{self.temptation}, {self.reward}, {self.punishment}, {self.sucker}; other payoffs "
                             "make another game: use MatrixGame")
        super().__post_init__()

    def matrices(self):
        return _symmetric([[self.reward, self.sucker], [self.temptation, self.punishment]])


@dataclass(frozen=True, repr=False, eq=False)
class StagHunt(NormalForm):
    """Two agents: hunting together pays most, hunting alone nothing, and a hare is certain.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0: stag, 1: hare.
    Reward
        Own action and the other's: stag, stag 2; stag, hare 0; hare, anything 1.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    PrisonersDilemma : Where cooperation is no equilibrium.

    References
    ----------
    B. Skyrms, "The stag hunt and the evolution of social structure" (2004), after Rousseau (1755).

    Examples
    --------
    >>> from marlfast import games
    >>> games.StagHunt().pure_equilibria()
    [(0, 0), (1, 1)]
    """

    name = "stag_hunt"
    measures = ("cooperation_rate", "optimum")
    cooperate = 0
    action_names = ("stag", "hare")

    def matrices(self):
        return _symmetric([[2, 0], [1, 1]])


@dataclass(frozen=True, repr=False, eq=False)
class Chicken(NormalForm):
    """Two agents drive at each other: who swerves loses, and if neither does it is worst for both.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0: dare, 1: swerve.
    Reward
        Own action and the other's: dare, dare 0; dare, swerve 4; swerve, dare 1; swerve, swerve 3.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    BattleOfTheSexes : Where both want to do the same.

    References
    ----------
    A. Rapoport and A. M. Chammah, "The game of chicken", American Behavioral Scientist 10 (1966).

    Examples
    --------
    >>> from marlfast import games
    >>> games.Chicken().pure_equilibria()
    [(0, 1), (1, 0)]
    """

    name = "chicken"
    also = ("hawk_dove", "snowdrift")
    measures = ("cooperation_rate",)
    cooperate = 0
    action_names = ("dare", "swerve")

    def matrices(self):
        return _symmetric([[0, 4], [1, 3]])


@dataclass(frozen=True, repr=False, eq=False)
class BattleOfTheSexes(NormalForm):
    """Two agents want to meet, each at another place.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0: the place that agent 0 prefers, 1: the one that agent 1 prefers.
    Reward
        3 to an agent that meets the other where it prefers, 2 elsewhere; 0 to both where they do not meet.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    Chicken : Where each wants what the other does not.

    References
    ----------
    R. D. Luce and H. Raiffa, "Games and decisions" (1957), section 5.3.

    Examples
    --------
    >>> from marlfast import games
    >>> games.BattleOfTheSexes().expected.tolist()
    [[[3.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [2.0, 3.0]]]
    """

    name = "battle_of_the_sexes"
    also = ("bach_or_stravinsky", "bos")
    measures = ("optimum",)

    def matrices(self):
        return [[3, 0], [0, 2]], [[2, 0], [0, 3]]


@dataclass(frozen=True, repr=False, eq=False)
class MatchingPennies(NormalForm):
    """Two agents: one wins if their coins show the same, the other if they do not.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0: heads, 1: tails.
    Reward
        Agent 0: 1 if both show the same, else -1. Agent 1: the opposite.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    RockPaperScissors : With three actions.

    References
    ----------
    J. von Neumann and O. Morgenstern, "Theory of games and economic behavior" (1944).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.MatchingPennies()
    >>> game.setting, game.pure_equilibria()
    ('competitive', [])
    """

    name = "matching_pennies"
    measures = ("exploitability",)
    action_names = ("heads", "tails")

    def matrices(self):
        return _opposed([[1, -1], [-1, 1]])


@dataclass(frozen=True, repr=False, eq=False)
class RockPaperScissors(NormalForm):
    """Two agents: paper beats rock, scissors beat paper, rock beats scissors.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0: rock, 1: paper, 2: scissors.
    Reward
        1 to who beats the other, who gets -1; 0 to both if they show the same.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    MatchingPennies : With two actions.
    Shapley : A cycle in which nobody loses.

    References
    ----------
    J. von Neumann and O. Morgenstern, "Theory of games and economic behavior" (1944).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.RockPaperScissors()
    >>> game.action_names, game.expected[:, :, 0].tolist()
    (('rock', 'paper', 'scissors'), [[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    """

    name = "rock_paper_scissors"
    also = ("rps",)
    measures = ("exploitability",)
    action_names = ("rock", "paper", "scissors")

    def matrices(self):
        return _opposed([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])


@dataclass(frozen=True, repr=False, eq=False)
class Shapley(NormalForm):
    """Two agents who chase each other round a circle: fictitious play does not converge here.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0, 1, 2.
    Reward
        Agent 0: 0, 0, 1 / 1, 0, 0 / 0, 1, 0; agent 1: 0, 1, 0 / 0, 0, 1 / 1, 0, 0 (rows: agent 0's action).
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    RockPaperScissors : What one wins, the other loses.
    marlfast.learners.FictitiousPlay : Goes round in it for ever.

    References
    ----------
    L. S. Shapley, "Some topics in two-person games", Advances in game theory (1964).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.Shapley()
    >>> game.setting, game.pure_equilibria()
    ('mixed', [])
    """

    name = "shapley"
    measures = ("exploitability",)

    def matrices(self):
        return [[0, 0, 1], [1, 0, 0], [0, 1, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


@dataclass(frozen=True, repr=False, eq=False)
class Qtran(NormalForm):
    """Two agents with a common payoff that is not a monotonic mixture of their own values.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0, 1, 2 (A, B, C).
    Reward
        The same for both: 8, -12, -12 / -12, 0, 0 / -12, 0, 0 (rows: agent 0's action).
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    TwoStep : What a sum cannot say, but a monotonic network can.
    marlfast.learners.QMIX : Cannot say this one.

    References
    ----------
    K. Son, D. Kim, W. J. Kang, D. E. Hostallero and Y. Yi, "QTRAN: learning to factorize with transformation
    for cooperative multi-agent reinforcement learning", ICML 2019, table 1.

    Examples
    --------
    >>> from marlfast import games
    >>> games.Qtran().expected[:, :, 0].tolist()
    [[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]]
    """

    name = "qtran"
    measures = ("optimum",)
    action_names = ("A", "B", "C")

    def matrices(self):
        return [[[8, -12, -12], [-12, 0, 0], [-12, 0, 0]]]


@dataclass(frozen=True, repr=False, eq=False)
class CoordinationGame(NormalForm):
    """Agents with a common payoff: all of them must choose the same, and any choice is as good.

    Dynamics
        Rounds; what is remembered of them says :class:`~marlfast.games.matrix.NormalForm`.
    Observation
        The number of the last ``memory`` joint actions; 0 without memory.
    Action
        0 to ``actions - 1``.
    Reward
        1 to everyone if all chose the same, else 0.
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` rounds.

    Parameters
    ----------
    agents, actions : int
        At least 1 each; the payoffs of all ``actions ** agents`` joint actions are held in memory.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    BattleOfTheSexes : Where not all choices are as good to all.

    References
    ----------
    D. K. Lewis, "Convention" (1969).

    Examples
    --------
    >>> from marlfast import games
    >>> games.CoordinationGame(agents=3, actions=2).pure_equilibria()
    [(0, 0, 0), (1, 1, 1)]
    """

    name = "coordination"
    measures = ("optimum",)
    agents: int = 2
    actions: int = 2

    def __post_init__(self):
        self._set(agents=integer("agents", self.agents, 1, MAX_AGENTS),
                  actions=integer("actions", self.actions, 1, 2**31 - 1))
        super().__post_init__()

    def matrices(self):
        room((self.actions,) * self.agents)
        payoffs = np.zeros((self.actions,) * self.agents)
        payoffs[(np.arange(self.actions),) * self.agents] = 1.0
        return [payoffs]
