"""What every game declares."""
from dataclasses import dataclass, field

import numpy as np

from marlfast.errors import choice, integer, shown
from marlfast.registry import HINTS, Definition
from marlfast.renamed import attribute

ENDS = ("terminated", "truncated")
MAX_NAMED = 10_000          # states that get names of their own
_SAYS = {"present": "agents come and go", "to_act": "agents take turns", "legal": "some actions are not legal",
         "truncated": "limits vary"}


@dataclass(frozen=True, repr=False, eq=False)
class Game(Definition):
    """Base of games: a frozen definition that declares its facts and makes its kernel.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is. ``"terminated"``: the game ends there, and nothing is worth anything after it.
        ``"truncated"``: a limit put on a game that would go on, so that learners count on what would have followed.
        Default: a game of a single round ends, more rounds are a limit, because agents do not see which is the last.

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
        Steps after which an episode is over, see ``at_horizon``; 0: never.
    teams : list of list of int, or None
        Who plays with whom, where the game says so.
    integer_state : bool
        Whether its state is made of whole numbers, so that rounding tells all states apart.
    setting : {"cooperative", "competitive", "mixed"}
        All agents always earn the same; two agents whose rewards add up to 0; anything else.
    bounds : (float64 [D], float64 [D]) or None
        Least and greatest value of each number in an observation; None: any real number.
    reward_bounds : (float, float) or None
        Between which every reward lies; None: any real number.
    action_names : sequence of str, or one for each agent, or None
        What actions are called, in pictures and texts, such as ``("cooperate", "defect")``. None: by their numbers.
    state_names : sequence of str, or None
        What observations are called that are numbers: one name for each.
    measures : tuple of str, or dict of str to callable
        What its users look at beside the return, by name (:mod:`marlfast.measures` has those there are), or functions
        of a result that give one number a run.
    participation : tuple of str
        Which of these its kernel says of a state: who is in the game ("present"), who acts in the next step
        ("to_act"), which actions they may take ("legal"), whether a limit other than the horizon cuts the episode off
        ("truncated"). Empty: all are there, all act, all actions are allowed.
    discounting : {"step", "move"}
        Of a game that says who acts: whether learners discount in each step, or from one of an agent's moves to its
        next once.
    cuts, start_cuts : int, sequence of float, sequence of those, or None
        Where the uniforms of a step and of a start make a difference, see :func:`marlfast.analysis.model`; None: the
        game does not say.
    ends_are_limits : bool
        Whether an end by the game's own rules is truncated, so that learners count on what would have followed: some
        published programs treat it like any other step.

    See Also
    --------
    marlfast.games.MatrixGame : A game of one's own by its payoffs.
    marlfast.games.MarkovGame : By its transitions.
    marlfast.games.CompiledGame : By functions.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.Soccer()
    >>> game.agents, game.action_counts.tolist(), game.observations, game.setting
    (2, [5, 5], 760, 'competitive')
    """

    kind = "game"
    views = 1
    observations = None
    integer_state = False
    horizon = 0
    teams = None
    setting = "mixed"
    bounds = None
    reward_bounds = None
    action_names = None
    state_names = None
    measures = ()
    participation = ()
    discounting = "step"
    cuts = start_cuts = None
    ends_are_limits = False
    at_horizon: str | None = field(default=None, kw_only=True)

    def __post_init__(self):
        self._set(**self.checked_horizon())

    def checked_horizon(self, horizon=None):
        """Check ``horizon`` and ``at_horizon``; for ``__post_init__``.

        Parameters
        ----------
        horizon : int, optional
            Default: the field of this name.

        Returns
        -------
        dict of str to object
            Both, as they are kept.
        """
        horizon = integer("horizon", self.horizon if horizon is None else horizon, 0)
        if self.at_horizon is not None:
            choice("at_horizon", self.at_horizon, ENDS)
            if not horizon:
                raise ValueError(f"at_horizon: {self.at_horizon!r} says what the horizon of a game is, and game "
                                 f"{self.name!r} has none; give a horizon, or leave at_horizon out")
        return {"horizon": horizon, "at_horizon": self.at_horizon}

    @property
    def ends_at_horizon(self):
        """Whether an episode is terminated at the horizon, and not only truncated."""
        return self.horizon > 0 and (self.at_horizon or ("terminated" if self.horizon == 1 else "truncated")) == ENDS[0]

    def names_of_actions(self, agent=0):
        """Say what an agent's actions are called.

        Parameters
        ----------
        agent : int
            Whose.

        Returns
        -------
        list of str
            Those of ``action_names``, else the actions' numbers.
        """
        count, given = int(self.action_counts[agent]), self.action_names
        if given is None:
            return [str(k) for k in range(count)]
        return [str(name) for name in (given if isinstance(given[0], str) else given[agent])[:count]]

    def names_of_observations(self):
        """Say what observations are called.

        Returns
        -------
        list of str, or None
            Those of ``state_names``, or names that the game makes itself. None: they have no names.
        """
        return None if self.state_names is None else [str(name) for name in self.state_names]

    def neighbours(self):
        """Say who is next to whom, where the game knows.

        Nobody is its own neighbour; who stands twice in a list counts twice.

        Returns
        -------
        int [N, n], or N lists, or None
            The neighbours of each agent.
        """
        return None

    def interface(self):
        """Say how it is spoken of outside.

        Returns
        -------
        dict of str to object
            Names of the ``agents``, and numbers of their ``first_actions`` and ``first_observations``, which are lists
            or None (all 0).
        """
        return {"agents": [f"agent_{i}" for i in range(self.agents)], "first_actions": None, "first_observations": None}

    def observed_by(self, agent, given):
        """Make numbers of what an agent observes outside.

        Parameters
        ----------
        agent : int
            Its number.
        given : object
            As it comes there; of a dictionary with an ``"action_mask"`` the ``"observation"``.

        Returns
        -------
        float64 [D]
            As the game has it.
        """
        given = given["observation"] if isinstance(given, dict) and "observation" in given else given
        try:
            obs = np.asarray(given, np.float64).ravel()
        except (TypeError, ValueError, OverflowError):
            obs = np.empty(0)
        if obs.size != self.features:
            raise ValueError(f"observation: expected {self.features} numbers of agent {agent}, got {shown(given)}")
        return obs

    def chosen_by(self, agent, action):
        """Say how an agent's action is called outside.

        Parameters
        ----------
        agent : int
            Its number.
        action : int
            From 0.

        Returns
        -------
        object
            As it is taken there.
        """
        return action

    def board(self, state):
        """Say what stands where.

        Parameters
        ----------
        state : float64 [S]
            Of one run.

        Returns
        -------
        marlfast.games.board.Board or None
            None for games that are not on squares.
        """
        return None

    def render(self, state):
        """Write one state as text.

        Parameters
        ----------
        state : float64 [S]
            Of one run, such as ``env.state[0]``.

        Returns
        -------
        str
            The board, or the state's numbers.
        """
        board = self.board(state)
        if board is not None:
            return board.text()
        return "state " + " ".join(f"{x:.6g}" for x in state)

    def kernel(self, backend="cython"):
        """Make the compiled game, or its NumPy twin: ``step``, ``start`` and ``observe`` on arrays.

        Parameters
        ----------
        backend : {"cython", "numpy"}
            Which.

        Returns
        -------
        object
            A kernel, which the loop calls.
        """
        raise NotImplementedError

    @property
    def ends(self):
        """Whether an episode can end at all; a game that never terminates needs a horizon."""
        return True

    def refuse_moves(self, who, remedy, of=("present", "to_act", "legal", "truncated")):
        """Refuse this game where it says what somebody does not take.

        Parameters
        ----------
        who : str
            What does not take it.
        remedy : str
            What to do.
        of : sequence of str
            Which of :attr:`participation` it does not take.
        """
        says = [_SAYS[name] for name in self.participation if name in of]
        if says:
            raise ValueError(f"game: in game {self.name!r} {' and '.join(says)}, which {who} does not take; {remedy}")

    @property
    def max_actions(self):
        """A, the greatest number of actions of any agent."""
        return int(np.max(self.action_counts))

    most_actions = attribute("most_actions", "max_actions")

    def with_history(self, k, actions=False):
        """Make the game whose agents see the last of what they saw in this one.

        Parameters
        ----------
        k : int
            How many observations, the present one included.
        actions : bool
            Whether they see their own last actions, too.

        Returns
        -------
        marlfast.games.WithHistory
            What :class:`marlfast.History` has a learner trained on.
        """
        from marlfast.games.history import WithHistory

        return WithHistory(self, k, actions)

    def env(self, runs=1, seed=None, backend="cython", copy=True):
        """Make the game an environment to step by hand.

        Parameters
        ----------
        runs : int
            R.
        seed : int, optional
            Of all draws. Default: from the system's entropy.
        backend : {"cython", "numpy"}
            Which kernels.
        copy : bool
            Whether what is returned is new with each call, see :class:`marlfast.Env`.

        Returns
        -------
        marlfast.Env
            Not reset yet.
        """
        from marlfast.env import Env

        return Env(self, runs=runs, seed=seed, backend=backend, copy=copy)


def way_in(value):
    """Say which call takes what was given in place of a game: docs/which_way.md has all of them."""
    name = value.__name__ if isinstance(value, type) else f"lambda: {type(value).__name__}(...)"
    if hasattr(value, "num_envs") and hasattr(value, "single_action_space"):
        return "give marlfast.games.GymnasiumGame what makes a single one of its environments, and train with runs="
    if hasattr(value, "possible_agents"):
        return f"give marlfast.games.PettingZooGame({name}) what makes it"
    if hasattr(value, "action_space") and hasattr(value, "step"):
        return f"give marlfast.games.GymnasiumGame({name}) what makes it"
    if hasattr(value, "new_initial_state"):
        return "marlfast.games.OpenSpielGame takes its name"
    if hasattr(value, "reset") and hasattr(value, "step"):
        return ("a class of your own with reset and step becomes one by "
                f"marlfast.games.from_python({name}, actions=...); the page 'Which way in?' has all ways")
    if isinstance(value, (list, tuple, np.ndarray)):
        return "payoffs become one by marlfast.games.MatrixGame"
    return ("a class with reset and step becomes one by marlfast.games.from_python, an environment by PettingZooGame, "
            "GymnasiumGame or tabulate; marlfast.games lists those there are, and the page 'Which way in?' all ways")


HINTS["game"] = way_in


def checked_names(game):
    """A game's ``action_names`` as a tuple of names, or of one for each agent; refused where they are too few."""
    given, counts = game.action_names, [int(n) for n in game.action_counts]
    if given is None:
        return None
    if isinstance(given, str) or not np.iterable(given) or not len(given):
        raise TypeError("action_names: expected a name for each action, or such a list for each agent, got "
                        f"{shown(given)}")
    if all(isinstance(name, str) for name in given):
        _enough("action_names", given, max(counts))
        return tuple(given)
    if len(given) != game.agents or not all(np.iterable(own) and not isinstance(own, str) for own in given):
        raise ValueError(f"action_names: expected names, or a list of names for each of {game.agents} agents, got "
                         f"{shown(given)}")
    for i, own in enumerate(given):
        _enough(f"action_names[{i}]", own, counts[i])
    return tuple(tuple(own) for own in given)


def checked_state_names(given, count):
    """Names of ``count`` states as a tuple."""
    if given is None:
        return None
    if isinstance(given, str) or not np.iterable(given):
        raise TypeError(f"state_names: expected a name for each state, got {shown(given)}")
    _enough("state_names", given, count)
    return tuple(given)


def _enough(where, names, count):
    if len(names) != count or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{where}: expected {count} names, got {shown(names)}")
