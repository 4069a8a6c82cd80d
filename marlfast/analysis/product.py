"""The states of a game together with what agents remember: a model whose strategies remember nothing more."""
import numpy as np

from marlfast.analysis.explore import MAX_CELLS
from marlfast.analysis.model import made

MAX_LINKS = 2 * 10**7      # outcomes of a product, of all runs together


def product(model, plays, rows, runs, last=None, max_states=100_000):
    """A game's model, its states split by what agents remember.

    Only what can be met is kept: from the game's start with what agents remember at the start of an episode, and from
    the states in ``last``, whatever anybody does.

    Parameters
    ----------
    model : Model
    plays : list of Plays
        Of all agents.
    rows : callable
        ``run -> int64 [S, N * k]``: active rows of every agent in every state of the model.
    runs : int
    last : int64 [R], optional
        States in which the runs are now; what is remembered now is asked for.
    max_states : int

    Returns
    -------
    model : Model
        Its ``place`` says of each state which of the game's it is, ``memory`` what is remembered there.
    weights : float64 [R, K] or None
        Probabilities of its outcomes in every run, where they differ from run to run.
    start : float64 [R, S] or None
        Where the game begins in every run, where that differs.
    last : int64 [R] or None
    """
    return _Product(model, plays, rows, runs, max_states).made(last, rows)


class _Product:
    """Numbers of states, and what can come of them, while they are found."""

    def __init__(self, model, plays, rows, runs, max_states):
        self.model, self.runs, self.most = model, runs, max_states
        self.parts = [p for p in plays if p.memories > 1]
        self.differ = any(p.by_run for p in self.parts)
        self.tried = range(runs) if self.differ else range(1)
        self.rows = [rows(r) for r in self.tried]
        self.sizes = (model.size, *(p.memories for p in self.parts))
        if np.prod([float(n) for n in self.sizes]) > 2.0**62:
            raise ValueError(f"strategies: {model.size:,} states with memories of "
                             f"{', '.join(f'{p.memories:,}' for p in self.parts)} are more than can be analysed; "
                             "use marlfast.evaluate, or analysis.sampled_exploitability")
        self.outcomes = _outcomes(model, any(p.by_reward for p in self.parts))
        self.number, self.states = {}, []

    def numbers(self, keys):
        """Numbers of states by their keys, new ones among them."""
        found, place = np.unique(keys, return_inverse=True)
        for key in found.tolist():
            if key not in self.number:
                if len(self.states) >= self.most:
                    raise ValueError(f"strategies: together with what agents remember, game {self.model.game.name!r} "
                                     f"has more than {self.most:,} states; use marlfast.evaluate, or "
                                     "analysis.sampled_exploitability")
                self.number[key] = len(self.states)
                self.states.append(key)
        return np.array([self.number[key] for key in found.tolist()], np.int64)[place.ravel()]

    def begins(self, states):
        """(keys, chances [R or 1, n]) of all that is remembered where an episode begins in ``states``."""
        chances = [[p.begin(r, self.rows[k][states]) for p in self.parts] for k, r in enumerate(self.tried)]
        return self._spread(states, chances)

    def _spread(self, states, chances):
        """(keys, weights [R or 1, n], which of ``states``) of every combination of what may be remembered."""
        weights = np.ones((len(chances), len(states), 1))
        for q in range(len(self.parts)):
            own = np.stack([of_run[q] for of_run in chances])
            weights = (weights[:, :, :, None] * own[:, :, None, :]).reshape(*weights.shape[:2], -1)
        at, combination = np.nonzero((weights > 0.0).any(axis=0))
        keys = np.ravel_multi_index((states[at], *np.unravel_index(combination, self.sizes[1:])), self.sizes)
        return keys, weights[:, at, combination], at

    def made(self, last, rows):
        m = self.model
        begin = np.flatnonzero(m.start)
        keys, chances, at = self.begins(begin)
        starts = self.numbers(keys)
        kept = [k for k, p in enumerate(self.parts) if not p.forgets]
        for k in kept:          # later episodes may begin with anything that outlasts an earlier one
            memory = np.unravel_index(keys, self.sizes)
            keys = np.concatenate([np.ravel_multi_index((*memory[:1 + k], np.full(len(keys), value), *memory[2 + k:]),
                                                        self.sizes) for value in range(self.parts[k].memories)])
        self.numbers(keys)
        now = None
        if last is not None:
            memory = [np.array([p.now(r, rows(r)[last[r]:last[r] + 1]) for r in range(self.runs)]) for p in self.parts]
            now = self.numbers(np.ravel_multi_index((last, *memory), self.sizes))
        lists = self._explored()
        size = len(self.states)
        base, *memory = np.unravel_index(np.array(self.states), self.sizes)
        cells, successors, weights, paid = lists
        start = np.zeros((len(self.tried), size))
        np.add.at(start, (slice(None), starts), m.start[begin][at] * chances)
        order = np.argsort(cells * size + successors, kind="stable")
        cells, successors, weights, paid = cells[order], successors[order], weights[:, order], paid[order]
        known = made(m.game, m.actions, cells, successors, weights.mean(axis=0), paid, m.expected[base],
                     m.terminal[base], start.mean(axis=0), m.obs[base], m.rows, m.states[base],
                     observation=None if m.observation is None else m.observation[base], place=base.astype(np.int32),
                     memory=np.stack(memory, axis=1).astype(np.int32), split=m, kept=tuple(kept))
        if not self.differ:
            return known, None, None, now
        return known, self._weights(known, cells, successors, weights), start, now

    def _weights(self, known, cells, successors, weights):
        """Probabilities of the model's outcomes in every run, whose list is shorter where several came to the same."""
        size = len(self.states)
        keys, ours = cells * size + successors, known.cells * size + known.successors
        table = np.zeros((self.runs, len(ours)))
        for r in range(self.runs):
            sums = np.zeros(len(ours))
            np.add.at(sums, np.searchsorted(ours, keys), weights[r])
            table[r] = sums
        terminal = np.repeat(known.terminal, known.joint)[known.cells]
        table[:, terminal] = known.probabilities[terminal]
        return table

    def _explored(self):
        """What comes of every joint action in every state that can be met: cells, successors, chances, rewards."""
        m, done, found, links = self.model, 0, [], 0
        first, successors, probabilities, paid = self.outcomes
        while done < len(self.states):
            if len(self.states) * m.joint > MAX_CELLS or links > MAX_LINKS:
                raise ValueError(f"strategies: together with what agents remember, game {m.game.name!r} has at least "
                                 f"{len(self.states):,} states with {m.joint:,} joint actions, more than can be "
                                 "analysed; use marlfast.evaluate, or analysis.sampled_exploitability")
            numbers = np.arange(done, min(len(self.states), done + 2048))
            base, *memory = np.unravel_index(np.array(self.states)[numbers], self.sizes)
            done = int(numbers[-1]) + 1
            count = first[(base + 1) * m.joint] - first[base * m.joint]
            at = np.repeat(np.arange(len(base)), count)
            k = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count) + first[base * m.joint][at]
            joint = np.searchsorted(first, k, side="right") - 1 - base[at] * m.joint
            successor, over = successors[k].astype(np.int64), m.terminal[base[at]]
            chances = [[np.eye(p.memories)[memory[q][at]] if over.all() else np.where(
                over[:, None], np.eye(p.memories)[memory[q][at]],
                p.moves(r, memory[q][at], m.digits[joint], paid[k], self.rows[n][successor]))
                for q, p in enumerate(self.parts)] for n, r in enumerate(self.tried)]
            keys, weights, which = self._spread(successor, chances)
            found.append((numbers[at[which]] * m.joint + joint[which], self.numbers(keys),
                          weights * probabilities[k[which]], paid[k[which]]))
            links += len(keys)
        cells, successor, weights, earned = zip(*found, strict=True)
        return np.concatenate(cells), np.concatenate(successor), np.concatenate(weights, axis=1), np.concatenate(earned)


def _outcomes(m, by_reward):
    """(first [S * J + 1], successors, probabilities, rewards [K, N]) of a model; by rewards too, where they matter."""
    varied = m.varied if by_reward else None
    if varied is None:
        paid = m.expected.reshape(-1, m.agents)[m.cells] if m.paid is None else m.paid
        return m.first, m.successors, m.probabilities, paid
    if varied is False:
        raise ValueError(f"strategies: game {m.game.name!r} pays differently by chance for the same outcome, and an "
                         "agent remembers what it was paid; use marlfast.evaluate, or analysis.sampled_exploitability")
    chances, rewards = varied               # of a game in normal form: [J or 1, K], [J, K, N]
    count = rewards.shape[1]
    chances = np.broadcast_to(chances, rewards.shape[:2])
    first = np.arange(m.size * m.joint + 1) * count
    return (first, np.repeat(m.successors, count), np.tile(chances.ravel(), m.size),
            np.tile(rewards.reshape(-1, m.agents), (m.size, 1)))
