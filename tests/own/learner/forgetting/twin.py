import numpy as np

from marlfast.reference.q_learning import QLearning, find_greedy


class ForgettingQ(QLearning):
    def __init__(self, fade, **common):
        super().__init__(**common)
        self.fade = fade

    def _write(self, run, row, table, n_actions, action, value, old, r, changed):
        # One entry for each agent that learns in this step: its run, row and table; its action and the new value.
        here = (run, row, table)
        values = self.q[here]
        own = np.arange(values.shape[1]) < n_actions[:, None]
        values = np.where(own, values - self.fade * values, values)
        values[np.arange(len(run)), action] = value
        greedy = np.zeros(len(run), np.int32)
        find_greedy(np.ascontiguousarray(values), n_actions, greedy)
        changed[r[greedy != self.greedy[here]]] = True
        self.q[here], self.greedy[here] = values, greedy
        self.visits[here] += 1
