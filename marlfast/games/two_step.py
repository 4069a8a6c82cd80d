"""The two-step game: one agent's first choice decides which payoffs are played for."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import real
from marlfast.games.markov import MarkovGame, Tabular
from marlfast.games.outcomes import array_of

NAMES = ("1: the first agent chooses a branch", "2A: a safe payoff", "2B: a risky payoff", "over")


@dataclass(frozen=True, repr=False, eq=False)
class TwoStep(Tabular):
    """Two agents; the first one's choice leads to a safe payoff, or to one for which they must agree.

    Dynamics
        In state 0 (written 1 in the source) the first agent's action decides: 0 leads to state 1 (2A), 1 to state 2
        (2B). From both, any joint action leads to state 3, which is the end.
    Observation
        The state's number, 0 to 3, the same for both agents.
    Action
        0 or 1. The second agent's action in state 0 is ignored.
    Reward
        To both agents: 0 in state 0, ``safe`` in state 1, ``risky[a0][a1]`` in state 2.
    Start
        State 0.
    End
        Terminated after two steps.

    Parameters
    ----------
    safe : float
        What branch 2A pays, whatever is done.
    risky : float [2, 2]
        What branch 2B pays.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    marlfast.reproduce.Qmix2018 : How learners fare in it.

    Notes
    -----
    Learners that take the team's value for a sum of the agents' own undervalue the 8 and play for the 7. With discount
    0.99 the value of the start is 0.99 * 8 = 7.92.

    References
    ----------
    T. Rashid et al., "QMIX: monotonic value function factorisation for deep multi-agent reinforcement
    learning", ICML 2018, section 5.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.TwoStep()
    >>> game.observations, game.agents
    (4, 2)
    """

    name = "two_step"
    measures = ("optimum",)
    safe: float = 7.0
    risky: tuple = ((0.0, 1.0), (1.0, 8.0))

    def __post_init__(self):
        risky = array_of("risky", self.risky, 2)
        if risky.shape != (2, 2):
            raise ValueError(f"risky: expected shape (2, 2), got {risky.shape}")
        super().__post_init__()
        self._set(safe=real("safe", self.safe), risky=tuple(map(tuple, risky.tolist())))

    @property
    def greatest_return(self):
        """Of both agents together, in an episode."""
        return 2.0 * max(self.safe, float(np.max(self.risky)))

    def arrays(self):
        successors = np.array([[1, 1, 2, 2], [3] * 4, [3] * 4, [3] * 4])
        rewards = np.zeros((4, 4))
        rewards[1], rewards[2] = self.safe, np.ravel(self.risky)
        return MarkovGame(successors, rewards, (2, 2), terminal=np.arange(4) == 3)

    def render(self, state):
        return f"state {NAMES[int(state[0])]}"
