"""The drift game: a team keeps a drifting quantity small."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real
from marlfast.games.base import Game
from marlfast.limits import MAX_ACTIONS, MAX_AGENTS, MAX_NUMBERS


@dataclass(frozen=True, repr=False, eq=False)
class Drift(Game):
    """A team keeps a drifting quantity small, while each agent is tempted by a bonus.

    Dynamics
        ``state += noise * standard normals``; then ``state[0] += push * (sum of all actions)``.
    Observation
        The state, ``state_size`` reals, the same for every agent.
    Action
        0 to ``actions - 1``.
    Reward
        ``-|state[0]|`` after the move, to everyone; plus ``bonus`` to an agent whose action is below
        ``bonus_below``.
    Start
        Every state variable a standard normal.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    agents, state_size, actions : int
        At least 1 each.
    horizon : int
        Steps of an episode; 0: no limit.
    noise, push, bonus : float
        See the dynamics, and the reward.
    bonus_below : int, optional
        Default ``actions // 2``.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    TaskAllocation : The article's story, as a game.
    marlfast.Rounding : Numbers what is seen.

    References
    ----------
    The environment of "Multi-Agent Reinforcement Learning for Task Optimization: Agents That
    Improve Together" (CallSphere blog, 2026). Its rule for the bonus is cut off in print; ``bonus_below``
    fills it in.

    Examples
    --------
    >>> import marlfast as mf
    >>> env = mf.games.Drift(agents=2).env(seed=0)
    >>> observation = env.reset()
    >>> observation.shape, env.step([[4, 0]])[1].round(2).tolist()
    ((1, 1, 2), [[-0.11, -0.01]])
    """

    name = "drift"
    also = ("article",)
    agents: int = 4
    state_size: int = 2
    actions: int = 5
    horizon: int = 100
    noise: float = 0.1
    push: float = 0.05
    bonus: float = 0.1
    bonus_below: int | None = None

    def __post_init__(self):
        self._set(agents=integer("agents", self.agents, 1, MAX_AGENTS),
                  state_size=integer("state_size", self.state_size, 1, MAX_NUMBERS),
                  actions=integer("actions", self.actions, 1, MAX_ACTIONS),
                  **self.checked_horizon(),
                  noise=real("noise", self.noise), push=real("push", self.push), bonus=real("bonus", self.bonus))
        below = self.actions // 2 if self.bonus_below is None else integer("bonus_below", self.bonus_below, 0)
        self._set(bonus_below=below)

    @property
    def action_counts(self):
        return np.full(self.agents, self.actions, np.int32)

    @property
    def ends(self):
        return self.horizon > 0

    @property
    def features(self):
        return self.state_size

    def kernel(self, backend="cython"):
        return kernels(backend, "drift").Drift(self.agents, self.state_size, self.noise, self.push, self.bonus,
                                               self.bonus_below)
