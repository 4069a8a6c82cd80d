"""Who is there, who acts and what is legal, in NumPy: the twin of ``marlfast/core/moves.pxi``."""
from typing import NamedTuple

import numpy as np

from marlfast.declarations.moves import moved_shapes
from marlfast.reference.kernels import BAD_STATE, ILLEGAL, NO_LEGAL, fine
from marlfast.reference.tabular import greatest_from

NOBODY = -1     # in place of a status


class Moves(NamedTuple):
    """What learners are told of some runs, as of ``Moves`` in ``core/operations.pxd``; axes [n, N] or [n, N, A].

    To act takes the first two.
    """

    acts: np.ndarray
    legal: np.ndarray
    next_acts: np.ndarray = None
    next_legal: np.ndarray = None
    learns: np.ndarray = None
    over: np.ndarray = None
    rows: np.ndarray = None             # [n, N, k]
    actions: np.ndarray = None
    moved_legal: np.ndarray = None
    rewards: np.ndarray = None
    ahead: np.ndarray = None

    def of(self, which):
        """The same of some of the runs."""
        return Moves(*(None if array is None else array[which] for array in self))


class Legal:
    """Values of legal actions, one after the other, as if there were no others: twin of ``gather``.

    Attributes
    ----------
    q : float64 [n, A]
        Of which the first ``count`` [n] are.
    places : int64 [n, A]
        Which actions they are.
    start, best : int64 [n]
        Where the search for the greedy one of them begins, and that one.
    """

    def __init__(self, q, legal, count, known, incumbent):
        n_actions = q.shape[1]
        legal = legal[:, :n_actions] & (np.arange(n_actions) < count)
        self.places = np.argsort(~legal, axis=1, kind="stable")
        self.q = np.take_along_axis(q, self.places, axis=1)
        self.count = legal.sum(axis=1)
        before = (legal & (np.arange(n_actions) < known[:, None])).sum(axis=1)
        self.start = np.where(before < self.count, before, 0) if incumbent else np.zeros(len(q), np.int64)
        self.best = greatest_from(self.q, self.count, self.start)

    def of(self, which):
        """The same of some of them."""
        part = object.__new__(Legal)
        for name in ("q", "places", "count", "start", "best"):
            setattr(part, name, getattr(self, name)[which])
        return part

    def place_of(self, action):
        """Which of the legal actions some are [n]; -1: not legal."""
        same = (self.places == action[:, None]) & (np.arange(self.q.shape[1]) < self.count[:, None])
        return np.where(same.any(axis=1), same.argmax(axis=1), -1)


class Participants:
    """What the loop keeps of a game that says who is there, who acts or what is legal, as it was declared."""

    def __init__(self, a):
        for name in (*moved_shapes(**dict.fromkeys("RNAVDkE", 0)), "discounts", "by_move", "game", "fault"):
            setattr(self, name, getattr(a, name))
        self.counts, self.max_actions, self.views = a.action_counts, a.A, a.V

    def ask(self, runs, state):
        """Who is there, who acts and what they may do, in states that are not over, and statuses, or NOBODY."""
        n, n_agents = len(runs), self.present.shape[1]
        present, acts = np.ones((n, n_agents), bool), np.ones((n, n_agents), bool)
        legal, status = np.ones((n, n_agents, self.max_actions), bool), fine(n)
        if self.game.stage_present is not None:
            status = self.game.stage_present(runs, state, present)
            status = np.where((status == 0) & ~present.any(axis=1), NOBODY, status)
        for what, array in (("to_act", acts), ("legal", legal)):
            stage = getattr(self.game, f"stage_{what}")
            if stage is not None:
                good = np.flatnonzero(status == 0)
                part = array[good]
                status[good] = stage(runs[good], state[good], part)
                array[good] = part
        acts &= present
        legal &= acts[:, :, None] & (np.arange(self.max_actions) < self.counts[:, None])
        stuck = acts & ~legal.any(axis=2)
        none = (status == 0) & stuck.any(axis=1)
        self.fault[runs[none]] = stuck.argmax(axis=1)[none]
        return present, acts, legal, np.where(none, NO_LEGAL, status)

    def see(self, runs, observation, acts=None):
        """Those who act next look; the others keep to what they saw when they last were to act."""
        if acts is None or self.views == 1:
            self.last_obs[runs] = observation
        else:
            self.last_obs[runs] = np.where(acts[:, :, None], observation, self.last_obs[runs])

    def begin(self, runs, state, observation):
        """Who is there when episodes begin; nobody waits."""
        present, acts, legal, status = self.ask(runs, state)
        self.present[runs], self.acts[runs], self.legal[runs] = present, acts, legal
        self.waits[runs] = False
        self.see(runs, observation)
        return np.where(status == NOBODY, BAD_STATE, status)

    def record(self, runs, entry):
        """For how many steps of episodes that are over each agent was there; ``entry`` None: not recorded."""
        if entry is not None:
            self.agent_lengths[runs, entry] += self.agent_steps[runs]
        self.agent_steps[runs] = 0

    def act(self, learners, runs, rows, explore, actions):
        """Those who are to act do; what they choose must be legal."""
        moves, status = Moves(self.acts[runs], self.legal[runs]), fine(len(runs))
        actions[:] = -1
        for learner in learners:
            good = np.flatnonzero(status == 0)
            part = actions[good]
            status[good] = learner.stage_act_some(runs[good], rows[good, :learner.active_rows], explore[good],
                                                  moves.of(good), part)
            actions[good] = part
        inside = (actions >= 0) & (actions < self.max_actions)
        chosen = np.take_along_axis(moves.legal, np.where(inside, actions, 0)[:, :, None], axis=2)[:, :, 0] & inside
        bad = moves.acts & ~chosen
        wrong = (status == 0) & bad.any(axis=1)
        self.fault[runs[wrong]] = bad.argmax(axis=1)[wrong]
        actions[~moves.acts] = -1
        return np.where(wrong, ILLEGAL, status)

    def end(self, loop, runs, state, over):
        """Whether a step ends episodes, and how; who is there after it, who acts, what they may do; statuses."""
        n = len(runs)
        terminated, truncated, status = np.zeros(n, bool), np.zeros(n, bool), np.full(n, NOBODY, np.int32)
        present, acts = np.zeros((2, n, self.present.shape[1]), bool)
        legal = np.zeros((n, *self.legal.shape[1:]), bool)
        go = np.flatnonzero(~over | loop.ends_are_limits)
        present[go], acts[go], legal[go], status[go] = self.ask(runs[go], state[go])
        goes = (status == 0) & ~over
        at_horizon = goes & (loop.episode_steps[runs] == loop.horizon)
        truncated[(status == 0) & over] = True
        terminated[at_horizon], truncated[at_horizon] = loop.horizon_ends, not loop.horizon_ends
        left = np.flatnonzero(goes & ~at_horizon)
        if self.game.stage_truncated is not None:
            cut = np.zeros(len(left), bool)
            status[left] = self.game.stage_truncated(runs[left], state[left], cut)
            truncated[left] = cut
        nobody = status == NOBODY
        terminated[nobody] = True
        present[nobody], acts[nobody], legal[nobody] = False, False, False
        return terminated, truncated, (present, acts, legal), np.where(nobody, 0, status)

    def earn(self, runs, rows, actions, rewards):
        """Who has acted begins a transition; who waits adds to its own."""
        acts = self.acts[runs]
        waits = self.waits[runs] & ~acts
        r, i = np.nonzero(acts)
        at = runs[r], i
        self.waits[at], self.moved_actions[at] = True, actions[r, i]
        self.moved_rows[at] = rows.reshape(len(runs), *self.moved_rows.shape[1:])[r, i]
        self.moved_legal[at], self.moved_rewards[at], self.moved_ahead[at] = self.legal[at], rewards[r, i], 1.0
        r, i = np.nonzero(waits)
        at = runs[r], i
        if not self.by_move:
            self.moved_ahead[at] *= self.discounts[at]
        with np.errstate(over="ignore", invalid="ignore"):
            self.moved_rewards[at] += self.moved_ahead[at] * rewards[r, i]

    def moves(self, runs, terminated, after):
        """What learners are told of a step, of which ``after`` says who is there then, who acts, what is legal."""
        present, acts, legal = after
        over = terminated[:, None] | ~present
        return Moves(self.acts[runs], self.legal[runs], acts, legal, self.waits[runs] & (over | acts), over,
                     self.moved_rows[runs], self.moved_actions[runs], self.moved_legal[runs], self.moved_rewards[runs],
                     self.moved_ahead[runs])

    def go_on(self, runs, after, learns):
        """Take who is there, who acts and what is legal from now on; whose transition is complete waits no more."""
        self.present[runs], self.acts[runs], self.legal[runs] = after
        self.waits[runs] &= ~learns


def bind(a):
    """The :class:`Participants` of a loop; None where all act and may do anything."""
    if not a.game.participation:
        return None
    for k, learner in enumerate(a.learners):
        if not learner.moves:
            raise ValueError(f"learners[{k}]: made for games in which all agents act and may do anything")
    return Participants(a)
