"""Policy hill climbing in NumPy: the twin of ``src/_phc.pyx``, vectorised over runs and tables."""
import numpy as np

from marlfast.declarations.phc import POLICY_HILL_CLIMBING
from marlfast.reference.kernels import BAD_DRAW, BAD_ROW
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import first_fault, sample


def worth(policy, q, n_actions):
    """What policies [n, A] earn by action values [n, A]. Twin of ``worth``."""
    total = np.zeros(len(policy))
    with np.errstate(over="ignore", invalid="ignore"):
        for a in range(policy.shape[1]):
            total = np.where(a < n_actions, total + policy[:, a] * q[:, a], total)
    return total


def climb(policy, n_actions, best, step):
    """The policies [n, A] after moving probability to the actions ``best``. Twin of ``climb``."""
    share, rest = step / np.maximum(n_actions - 1, 1), np.zeros(len(policy))
    policy = policy.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for a in range(policy.shape[1]):
            other, old = (a < n_actions) & (a != best), policy[:, a]
            policy[:, a] = np.where(other, old - np.where(old < share, old, share), old)
            rest = np.where(other, rest + policy[:, a], rest)
        rest = 1.0 - rest
    policy[np.arange(len(policy)), best] = np.where(rest > 0.0, rest, 0.0)
    return policy


@POLICY_HILL_CLIMBING.document
class PolicyHillClimbing(QLearning):
    """Policy hill climbing (Bowling and Veloso 2002): Q-learning, and a mixed policy that climbs the action values.

    An agent takes an action drawn from its policy, or (exploring) any. After each update of its action values, the
    policy moves probability to the greedy action: every other action gives ``rate / (actions - 1)``, or what it has.
    With ``average`` it wins or learns fast: the rate is ``win`` where the policy is worth more than the average
    policy by the action values, else ``lose``; without, it is ``lose``.
    """

    def stage_act(self, runs, rows, draws, actions):
        agent_ids, n_actions = self.agent_ids, self.n_actions[self.agent_ids]
        rows, draws = rows[:, agent_ids], draws[:, agent_ids]
        chance = self._chance(runs)
        explores, u = chance.explores(draws), draws[:, :, 1 if self.several else 0]
        sound, inside = (u >= 0.0) & (u < 1.0), (rows >= 0) & (rows < self.q.shape[1])
        # By several draws the second says which action, whether it explores or not.
        share = np.where(sound, u if self.several else chance.tie_share(draws), 0.0)
        policy = self.policy[runs[:, None], np.where(inside, rows, 0), self.table_of[agent_ids]]
        actions[:, agent_ids] = np.where(explores, chance.random_choices(draws, n_actions),
                                         sample(policy, n_actions, share))
        return first_fault(np.where(sound, np.where(explores | inside, 0, BAD_ROW), BAD_DRAW))

    def _write(self, run, row, table, n_actions, action, value, old, r, changed):
        """Those who learned then climb; they have different tables, so that they do not see each other."""
        super()._write(run, row, table, n_actions, action, value, old, r, changed)
        at = run, row, table
        policy, rate = self.policy[at], self.lose.value[run]
        if self.average is not None:
            average, q = self.average[at], self.q[at]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):     # a caller's may be anything
                mean = average + (policy - average) / self.visits[at][:, None]
            average = np.where(np.arange(average.shape[1]) < n_actions[:, None], mean, average)
            self.average[at] = average
            rate = np.where(worth(policy, q, n_actions) > worth(average, q, n_actions), self.win.value[run], rate)
        self.policy[at] = climb(policy, n_actions, self.greedy[at].astype(np.int64), rate)

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        self.lose.stage_tick(runs, ended)
        if self.win is not self.lose:
            self.win.stage_tick(runs, ended)
