"""Policies: what a team does, without learning any more."""
import numpy as np

from marlfast.errors import integer


class Policy:
    """The greedy policy of one team: each agent's action from its own observation.

    An observation that was never seen in training gets the initial action values' first greatest.

    Attributes
    ----------
    experiment : Experiment
        Of one run.
    arrays : dict of str to ndarray
        ``encoder.*`` and ``learner.*``; the first axis, of length 1, is the run.
    """

    def __init__(self, experiment, arrays):
        self.experiment, self.arrays = experiment, arrays

    @classmethod
    def of_result(cls, result, run):
        runs = len(result.steps)
        run = integer("run", run, 0, runs - 1)
        arrays = {name: array[run:run + 1].copy() for name, array in result.arrays.items()
                  if name.startswith(("encoder.", "learner."))}
        return cls(result.experiment.of_run(run), arrays)

    def __call__(self, observation):
        """Actions of all agents.

        Parameters
        ----------
        observation : float64 [V, D], or [D] where all agents see the same

        Returns
        -------
        int32 [N]
        """
        e = self.experiment
        game, views = e.game, e.game.views
        observation = np.array(observation, np.float64)
        if observation.size != views * game.features:
            raise ValueError(f"observation: expected shape {(views, game.features)}, got {observation.shape}")
        rows = self._rows(observation.reshape(1, views, game.features))
        tables = {name.partition(".")[2]: array for name, array in self.arrays.items() if name.startswith("learner.")}
        return e.learner.actions(e.seats(), tables, rows)

    def _rows(self, observation):
        """Active rows of each agent, -1 where its observation was never seen; nothing is added."""
        e = self.experiment
        game, encoder = e.game, e.encoder
        rows = np.zeros((1, game.agents * encoder.active(game)), np.int32)
        if not encoder.grows:
            encoder.bind(game, 1, {}, "numpy").encode(observation, rows)
            return rows[0]
        used, keys = int(self.arrays["encoder.used"][0]), self.arrays["encoder.keys"][0]
        wanted = np.rint(observation[0] * 10.0 ** encoder.decimals)
        if not (np.abs(wanted) <= 2.0**51).all():
            raise ValueError("observation: expected finite numbers that can be rounded")
        for v in range(game.views):
            same = (keys[:used] == wanted[v].astype(np.int64)).all(axis=1)
            row = int(same.argmax()) if same.any() else -1
            rows[0, v if game.views == game.agents else slice(None)] = row
        return rows[0]


class RandomPolicy:
    """Every action as likely, whatever is observed."""
