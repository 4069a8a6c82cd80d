"""Q-learning's kernel, for others to derive from: they replace `operations.update` and keep the rest.

`QLearning._take` sets everything up from arguments that were checked (see `marlfast/declarations`), and `__init__` checks
them first; a derived class calls one of them, and then puts its own functions into `operations`.
What it knows stands in the `Context` of `marlfast/core/tabular.pxd`, with the leaves that work on it.
"""
from marlfast.core._kernels cimport Learner
from marlfast.core.schedules cimport ScheduleData
from marlfast.core.tabular cimport Context


cdef class QLearning(Learner):
    cdef Context context
    cdef bint wide                      # 8 to 16 actions, and a processor with wide registers
    cdef ScheduleData *second           # the rate of a rule that has two, or NULL
    cdef bint learns_by_cells           # whether `operations.update` is what the fused loop does
    cdef object _take(self, object a)
    cdef object _packed(self, object table_of, object actions, object agent_ids)
