"""Games of two players who take turns: what their twins share."""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_STATE, Game, fine


class _TurnGame(Game):
    """A game of two players, one of whom moves.

    Derived classes have ``_read(state) -> (what was read, which are states)`` and ``_turn(what was read)``, int64 [n]:
    whose turn it is, -1 where the game is over.
    """

    def _moved(self, here, sound, actions, count):
        """(statuses, whose turn it is, what it does): statuses say where the state or the action is none."""
        status = fine(len(actions))
        turn = np.where(sound, self._turn(here), -1)
        action = np.take_along_axis(actions, np.maximum(turn, 0)[:, None], axis=1)[:, 0].astype(np.int64)
        status[(action < 0) | (action >= count)] = BAD_ACTION
        status[turn < 0] = BAD_STATE
        return status, turn, action

    def stage_to_act(self, runs, state, to_act):
        here, sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        to_act[sound] = (self._turn(here)[:, None] == np.arange(2))[sound]
        return status
