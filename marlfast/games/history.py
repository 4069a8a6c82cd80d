"""Games whose agents see their last observations."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import flag, integer
from marlfast.games.base import Game
from marlfast.registry import option, require

MAX_REMEMBERED = 1024
_SAME = ("agents", "action_counts", "horizon", "teams", "setting", "reward_bounds", "action_names", "measures",
         "participation", "discounting", "cuts", "start_cuts", "ends_are_limits", "name")


@dataclass(frozen=True, repr=False, eq=False)
class WithHistory(Game):
    """A game whose agents see the last k of what they would see, and, where asked for, their own last k actions.

    This is what :class:`marlfast.History` makes of a game; ``experiment.game.env()`` steps it by hand. In all but
    what is observed it is ``game``: it has its name, and a file holds ``game`` alone.

    Dynamics
        Those of ``game``; its state is that of ``game``, the last k observations and, where asked for, the last k
        actions.
    Observation
        The last k observations side by side, the newest first; after each of them, where asked for, the agent's own
        action that came before it, -1 where it had none. When an episode begins, all k are the first.
    Action
        Those of ``game``.
    Reward
        Those of ``game``.
    Start
        That of ``game``.
    End
        That of ``game``.

    Parameters
    ----------
    game : Game
        What is played.
    k : int
        How many observations, the present one included: 1 to 1,024.
    actions : bool
        Whether agents remember what they did. Each then sees something of its own.
    at_horizon : {"terminated", "truncated"}, optional
        That of ``game``.

    See Also
    --------
    marlfast.History : The encoder.
    WithRound : Agents see which round it is.

    References
    ----------
    A. K. McCallum, "Reinforcement learning with selective perception and hidden state", PhD thesis, University of
    Rochester (1996), chapter 3.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.WithHistory(mf.games.Pursuit(), 2)
    >>> game.features, game.env(seed=0).reset()[0, 0].tolist()
    (2, [81.0, 81.0])
    """

    game: Game = option(kind="game")
    k: int = 2
    actions: bool = False

    def __post_init__(self):
        game = require("game", self.game, "game")
        if isinstance(game, WithHistory):
            raise ValueError("game: its agents remember what they saw already; give one history of a greater k")
        self._set(game=game, k=integer("k", self.k, 1, MAX_REMEMBERED), actions=flag("actions", self.actions),
                  at_horizon=game.at_horizon)
        self._set(**{name: getattr(game, name) for name in _SAME})

    @property
    def without_history(self):
        """The game whose agents remember nothing."""
        return self.game

    @property
    def views(self):
        """N, where agents remember what they did; else those of ``game``."""
        return self.agents if self.actions else self.game.views

    @property
    def features(self):
        """D, those of ``game`` and an action, k times."""
        return self.k * (self.game.features + self.actions)

    @property
    def integer_state(self):
        """Whether states and observations of ``game`` are whole numbers."""
        return self.game.integer_state and self.game.observations is not None

    @property
    def bounds(self):
        """Those of ``game``, k times."""
        given = self.game.bounds
        if given is None and self.game.observations is not None:
            given = [0.0], [self.game.observations - 1.0]
        if given is None:
            return None
        low, high = (np.asarray(bound, np.float64) for bound in given)
        if self.actions:
            low, high = np.append(low, -1.0), np.append(high, self.max_actions - 1.0)
        return np.tile(low, self.k), np.tile(high, self.k)

    @property
    def ends(self):
        """Whether an episode of ``game`` can end."""
        return self.game.ends

    def neighbours(self):
        return self.game.neighbours()

    def interface(self):
        return self.game.interface()

    def _own(self, state):
        return state[:self.game.kernel("numpy").state_size]

    def board(self, state):
        return self.game.board(self._own(state))

    def render(self, state):
        return self.game.render(self._own(state))

    def kernel(self, backend="cython"):
        return kernels(backend, "history").History(self.game.kernel(backend), self.k, self.actions)

    def to_dict(self):
        return self.game.to_dict()
