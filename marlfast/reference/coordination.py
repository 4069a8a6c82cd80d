"""Lenient learning and recursive FMQ in NumPy: the twin of ``src/_coordination.pyx``, vectorised over runs, tables."""
import numpy as np

from marlfast.declarations.coordination import LENIENT, RECURSIVE_FMQ
from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_ROW
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import first_fault


def _mean_temperature(temperature, n_actions):
    """Mean of the first ``n_actions`` values: temperature [n, L, A]."""
    total = np.zeros(temperature.shape[:2])
    for a in range(temperature.shape[2]):
        total = np.where(a < n_actions, total + temperature[:, :, a], total)
    return total / n_actions


def _most(values, n_actions):
    """The greatest of the first ``n_actions`` values [n, L, A], the first value where it is not a number."""
    n, n_ids, max_actions = values.shape
    top = values[:, :, 0]
    for a in range(1, max_actions):
        top = np.where((a < n_actions) & (values[:, :, a] > top), values[:, :, a], top)
    return top


@LENIENT.document
class Lenient(QLearning):
    """Lenient learning, LMRL2 (Wei and Luke 2016).

    Every action of every row has a temperature. An agent acts by Boltzmann's rule at ``boldness`` times their mean, or
    greedily (ties at random) where the mean is below ``min_temperature``. A target below the old value is learned from
    with probability ``1 - exp(-1 / (lenience * temperature))`` only. Then the temperature becomes ``decay`` times
    itself, of which a part, ``diffusion``, is first replaced by the mean temperature of the successor, if the game
    goes on.
    """

    def stage_act(self, runs, rows, draws, actions):
        agent_ids, n_actions, r = self.agent_ids, self.n_actions[self.agent_ids], runs[:, None]
        rows, u, coin = rows[:, agent_ids], draws[:, agent_ids, 0], draws[:, agent_ids, 1]
        sound = (u >= 0.0) & (u < 1.0) & (coin >= 0.0) & (coin < 1.0)
        inside = (rows >= 0) & (rows < self.q.shape[1])
        at = r, np.where(inside, rows, 0), self.table_of[agent_ids]
        greedy, q = self.greedy[at].astype(np.int64), self.q[at]
        known = (greedy >= 0) & (greedy < n_actions)
        greedy, u = np.where(known, greedy, 0), np.where(sound, u, 0.0)
        temperature = _mean_temperature(self.temperature[at], n_actions)
        cold = (temperature < self.min_temperature[r]) | ~(temperature > 0.0)
        with np.errstate(invalid="ignore", over="ignore"):
            warm = self._boltzmann(q, greedy, n_actions, np.where(cold, 1.0, self.boldness[r] * temperature), u)
        actions[:, agent_ids] = np.where(cold, self._random_greatest(q, greedy, n_actions, u), warm)
        good = sound & inside & known
        # Agents act in order: those from a run's first fault on do not.
        good = np.logical_and.accumulate(good, axis=1)
        self.coins[r, agent_ids] = np.where(good, coin, self.coins[r, agent_ids])
        return first_fault(np.where(sound, np.where(inside, np.where(known, 0, BAD_ACTION), BAD_ROW), BAD_DRAW))

    def _update_wave(self, wave, status, runs, rows, actions, rewards, next_rows, terminated, changed):
        row, next_row, action, here, best, fault = self._look(wave, runs, rows, actions, next_rows, terminated)
        n_actions, tables, over, r = self.n_actions[wave], self.table_of[wave], terminated[:, None], runs[:, None]
        old, heat = self.q[r, row, tables, action], self.temperature[r, row, tables, action]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ahead = self.discount[r] * self.q[r, next_row, tables, best]
            target = np.where(over, rewards, rewards + ahead)
            value = old + self.rate.value[r] * (target - old)
            believes = self.coins[r, wave] < 1.0 - exp_values(-1.0 / (self.lenience[r] * heat))
            value = np.where((target < old) & ~believes, old, value)
            later = _mean_temperature(self.temperature[r, next_row, tables], n_actions)
            heat = np.where(over, heat, (1.0 - self.diffusion[r]) * heat + self.diffusion[r] * later)
            heat = self.decay[r] * heat
        learns, status = self._sound(status, fault, value)
        n, j = np.nonzero(learns)
        self.temperature[runs[n], row[n, j], tables[j], action[n, j]] = heat[n, j]
        self._write(runs[n], row[n, j], tables[j], n_actions[j], action[n, j], value[n, j], old[n, j], n, changed)
        return status


@RECURSIVE_FMQ.document
class RecursiveFMQ(QLearning):
    """Recursive frequency maximum Q (Matignon, Laurent and Le Fort-Piat 2008).

    Each action has a mean value, its greatest value so far, and how often it brings that one; ``q`` holds the
    evaluations ``(1 - frequency) * mean + frequency * greatest``, by which an agent acts as in Q-learning.
    """

    def _update_wave(self, wave, status, runs, rows, actions, rewards, next_rows, terminated, changed):
        row, next_row, action, here, best, fault = self._look(wave, runs, rows, actions, next_rows, terminated)
        n_actions, tables, r = self.n_actions[wave], self.table_of[wave], runs[:, None]
        at, discount, rate = (r, row, tables, action), self.discount[r], self.second.value[r]
        mean, greatest, frequency = self.mean[at], self.greatest[at], self.frequency[at]
        last = terminated[:, None] | (discount == 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            target, top = (np.where(last, rewards, rewards + discount * _most(values[r, next_row, tables], n_actions))
                           for values in (self.mean, self.greatest))
            mean = mean + self.rate.value[r] * (target - mean)
            frequency = np.where(top > greatest, 1.0, np.where(
                top == greatest, frequency + rate * (1.0 - frequency), frequency - rate * frequency))
            greatest = np.where(top > greatest, top, greatest)
            value = (1.0 - frequency) * mean + frequency * greatest
        learns, status = self._sound(status, fault, value)
        n, j = np.nonzero(learns)
        for array, new in ((self.mean, mean), (self.greatest, greatest), (self.frequency, frequency)):
            array[runs[n], row[n, j], tables[j], action[n, j]] = new[n, j]
        old = self.q[at]
        self._write(runs[n], row[n, j], tables[j], n_actions[j], action[n, j], value[n, j], old[n, j], n, changed)
        return status

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        self.second.stage_tick(runs, ended)
