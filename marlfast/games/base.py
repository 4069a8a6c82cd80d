"""What every game declares."""
import numpy as np

from marlfast.registry import Definition


class Game(Definition):
    """Base of games: a frozen definition that declares its facts and makes its kernel.

    Attributes
    ----------
    agents : int
        N, how many agents play.
    action_counts : int32 [N]
        Actions of each agent; they are numbered from 0.
    features : int
        D, numbers in one observation.
    views : int
        1: all agents see the same; N: each has its own.
    observations : int or None
        Where an observation is a single whole number: how many there are. None: D reals.
    horizon : int
        Steps after which an episode is truncated; 0: never.
    teams : list of list of int, or None
        Who plays with whom, where the game says so.
    setting : {"cooperative", "competitive", "mixed"}
        All agents always earn the same; two agents whose rewards add up to 0; anything else.
    bounds : (float64 [D], float64 [D]) or None
        Least and greatest value of each number in an observation; None: any real number.
    reward_bounds : (float, float) or None
        Between which every reward lies; None: any real number.
    """

    kind = "game"
    views = 1
    observations = None
    horizon = 0
    teams = None
    setting = "mixed"
    bounds = None
    reward_bounds = None

    def neighbours(self):
        """Who is next to whom, where the game says so: the neighbours of each agent, int [N, n] or N lists; else None.

        Nobody is its own neighbour; who stands twice in a list counts twice.
        """
        return None

    def board(self, state):
        """What stands where: a :class:`marlfast.games.board.Board`; None for games that are not on squares.

        Parameters
        ----------
        state : float64 [S]
            Of one run.
        """
        return None

    def render(self, state):
        """One state as text.

        Parameters
        ----------
        state : float64 [S]
            Of one run, such as ``env.state[0]``.
        """
        board = self.board(state)
        if board is not None:
            return board.text()
        return "state " + " ".join(f"{x:.6g}" for x in state)

    def kernel(self, backend="cython"):
        """The compiled game, or its NumPy twin: ``step``, ``start`` and ``observe`` on arrays."""
        raise NotImplementedError

    @property
    def ends(self):
        """Whether an episode can end at all; a game that never terminates needs a horizon."""
        return True

    @property
    def most_actions(self):
        """A, the greatest number of actions of any agent."""
        return int(np.max(self.action_counts))

    def env(self, runs=1, seed=0, backend="cython", copy=True):
        """The game as an environment to step by hand: see :class:`marlfast.Env`."""
        from marlfast.env import Env

        return Env(self, runs=runs, seed=seed, backend=backend, copy=copy)
