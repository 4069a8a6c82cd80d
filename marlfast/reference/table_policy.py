"""What a team plays, looked up in tables, in NumPy: the twin of ``src/_table_policy.pyx``."""
import numpy as np

from marlfast.reference.kernels import check, check_status


class TablePolicy:
    """Actions of a team by tables: nothing is learned, and nothing is remembered.

    Parameters
    ----------
    encoder : Encoder
        Of one view for one agent; its rows are those of the tables.
    views : int
        V: 1, where all agents see the same, or N.
    group : int32 [N]
        Who draws with whom, 0 to G - 1.
    first : int32 [G]
        The first agent of each group, whose row is the group's.
    stride, count : int64 [N]
        An agent's action is ``choice // stride % count``, of its group's choice.
    choices : int32 [rows, G], optional
        Of each group in each row; where ``sums`` is not given.
    sums : float64 [rows, G, J], optional
        Probabilities of a group's choices, added up; infinite from the last possible one on.
    """

    def __init__(self, encoder, views, group, first, stride, count, choices=None, sums=None):
        check(group, "group", "int32", (-1,), False)
        n, n_rows = len(group), encoder.rows
        if encoder.agents != 1 or encoder.active != 1 or encoder.used is not None:
            raise ValueError("encoder: expected one of a single agent, with one row for what it sees, that does not "
                             "grow")
        check(first, "first", "int32", (-1,), False)
        groups = len(first)
        check(stride, "stride", "int64", (n,), False)
        check(count, "count", "int64", (n,), False)
        if n < 1 or views not in (1, n):
            raise ValueError(f"views: expected 1, or {n} agents' own, got {views}")
        if groups < 1 or group.min() < 0 or group.max() >= groups or first.min() < 0 or first.max() >= n:
            raise ValueError(f"group, first: expected groups 0 to {groups - 1} of agents 0 to {n - 1}")
        if stride.min() < 1 or count.min() < 1:
            raise ValueError("stride, count: expected at least 1")
        if (choices is None) == (sums is None):
            raise ValueError("choices, sums: expected one of them")
        if choices is not None:
            check(choices, "choices", "int32", (n_rows, groups), False)
            if choices.min() < 0:
                raise ValueError(f"choices: expected at least 0, got {choices.min()}")
        elif check(sums, "sums", "float64", (n_rows, groups, -1), False).shape[2] < 1:
            raise ValueError("sums: expected at least one choice, got none")
        self.encoder, self.agents, self.views, self.features = encoder, n, views, encoder.features
        self.groups, self.group, self.first, self.stride, self.count = groups, group, first, stride, count
        self.choices, self.sums = choices, sums

    def _encoded(self, observation):
        """Rows int32 [n] of observations [n, D]."""
        rows = np.zeros((len(observation), 1), np.int32)
        check_status(self.encoder.stage_encode(np.arange(len(rows)), observation[:, None], rows), "observation")
        return rows[:, 0]

    def _chosen(self, rows, g, uniforms):
        """The choices of a group in some rows."""
        if self.choices is not None:
            return self.choices[rows, g]
        return (uniforms[:, g, None] >= self.sums[rows, g, :-1]).sum(axis=1)

    def act(self, observation, uniforms, actions):
        """Actions int32 [B, N] (written) of all agents in B copies; see the compiled twin."""
        check(observation, "observation", "float64", (-1, self.views, self.features), False)
        n = len(observation)
        if self.sums is not None:
            check(uniforms, "uniforms", "float64", (n, self.groups), False)
        check(actions, "actions", "int32", (n, self.agents), True)
        rows = self._encoded(observation.reshape(n * self.views, -1)).reshape(n, self.views) if n else \
            np.zeros((0, self.views), np.int32)
        for i, g in enumerate(self.group):
            choice = self._chosen(rows[:, self.first[g] if self.views > 1 else 0], g, uniforms)
            actions[:, i] = choice // self.stride[i] % self.count[i]

    def rows(self, observation, rows):
        """Rows int32 [B, V] (written) of observations float64 [B, V, D]."""
        check(observation, "observation", "float64", (-1, self.views, self.features), False)
        check(rows, "rows", "int32", (len(observation), self.views), True)
        if len(observation):
            rows[:] = self._encoded(observation.reshape(-1, self.features)).reshape(rows.shape)
