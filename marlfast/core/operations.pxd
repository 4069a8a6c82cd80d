# cython: language_level=3
"""The C structs through which games, encoders, rewards and learners meet the loop.

Each function works on a *range of runs*: ``first`` is the number of the first
run of the range (for parameters that differ from run to run), ``count`` how many
runs follow. Every array pointer points at the entry of run ``first``; the next
run's entry lies one row further. Functions return a status (0: fine) and never
touch Python. Shapes below leave out the leading axis of runs.

N agents, S state variables, V views (1: all agents see the same; N: each its
own), D features per view, K exploration draws per agent. A table row is *active*
where an observation is in it: one for a table, several for tiles. So k rows of
each agent, and after them, for learners that look at the whole state while they
learn, those of the central encoder: W = N * k + C rows in all.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

cdef enum Status:
    FINE = 0
    BAD_OBSERVATION = 1     # not finite, or outside what the encoder can number
    BAD_REWARD = 2          # not finite
    BAD_ACTION = 3          # outside the agent's actions
    BAD_DRAW = 4            # outside [0, 1)
    BAD_ROW = 5             # outside the table
    BAD_VALUE = 6           # a learned value stopped being finite
    TABLE_FULL = 7          # no room for a new row
    NO_DRAWS = 8            # supplied draws are used up
    BAD_STATE = 9           # not a state of the game
    OWN_ERROR = 10          # the step of a user's own game failed
    NO_LEGAL = 11           # an agent who is to act has no legal action
    ILLEGAL = 12            # an action that is not legal

ctypedef struct Draws:
    const double *uniforms      # in [0, 1)
    int64_t uniform_stride      # from one run's record to the next run's
    const double *normals
    int64_t normal_stride

ctypedef struct GameOperations:
    void *context
    # One step: reads and writes state [S], reads actions [N], writes rewards [N] and terminated. The action of an
    # agent who does not act is -1.
    int (*step)(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
                const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil
    # A new episode: writes state [S].
    int (*start)(void *context, int64_t first, int64_t count, double *state,
                 const Draws *draws) noexcept nogil
    # What the agents see: reads state, writes observation [V, D]. NULL: the state, as it is.
    int (*observe)(void *context, int64_t first, int64_t count, const double *state,
                   double *observation) noexcept nogil
    # The team's total reward of the step just made, had agent i not been there, for each i:
    # writes without [N]. NULL where a game cannot say.
    int (*counterfactual)(void *context, int64_t first, int64_t count, const double *state,
                          const int32_t *actions, const double *rewards, double *counterfactual) noexcept nogil
    # What a state says of the agents. Each NULL where a game never says so: all are in it, all act in each step,
    # all actions are allowed. Who is in the game: writes present [N], 0 or 1.
    int (*present)(void *context, int64_t first, int64_t count, const double *state, uint8_t *present) noexcept nogil
    # Who acts in the next step: writes to_act [N], 0 or 1; of those who are not there it does not matter.
    int (*to_act)(void *context, int64_t first, int64_t count, const double *state, uint8_t *to_act) noexcept nogil
    # What they may do: writes legal [N, A], 0 or 1; of those who do not act it does not matter, nor beyond an
    # agent's own actions. Whoever acts has at least one. A is the greatest number of actions (Game.max_actions).
    int (*legal)(void *context, int64_t first, int64_t count, const double *state, uint8_t *legal) noexcept nogil
    # Whether a limit of the game's own, not the horizon, cuts the episode off there: writes truncated, 0 or 1.
    int (*truncated)(void *context, int64_t first, int64_t count, const double *state,
                     uint8_t *truncated) noexcept nogil
    # Chooses a fused loop with this game's leaves in it (fused.pxd: Choose); NULL: all call the functions above.
    void *fused
    # 1: best called for many runs at once. Where such a call fails it has changed nothing, and each of its
    # runs may be called again, alone. 0: one run after the other.
    int lockstep


cdef inline int show(const GameOperations *game, int64_t first, int64_t count, const double *state, int64_t size,
                     double *observation) noexcept nogil:
    """Observe a range of runs; ``size`` is V * D."""
    if game.observe != NULL:
        return game.observe(game.context, first, count, state, observation)
    memcpy(observation, state, count * size * sizeof(double))
    return 0


# Encoders and rewards whose leaves the fused loop has inlined: what the context is. 0: called by the pointers.
cdef enum EncoderKind:
    GRID_ENCODER = 1            # encoders.pxd: Grid
    DISCRETE_ENCODER = 2        # encoders.pxd: Grid, of numbers

cdef enum RewardKind:
    DISTINCT_ACTIONS = 1        # rewards.pxd: Distinct

ctypedef struct EncoderOperations:
    void *context
    # Active rows of an observation: reads observation [V, D], writes rows [N, k].
    int (*encode)(void *context, int64_t first, int64_t count, const double *observation,
                  int32_t *rows) noexcept nogil
    const int64_t *used         # [R] rows in use of an encoder that grows; NULL: all rows exist
    int64_t n_rows              # rows there is room for
    int64_t views               # most rows that one call may add to a run
    int kind                    # an EncoderKind, or 0

ctypedef struct Transition:
    const int32_t *rows         # [W] before the step
    const int32_t *actions      # [N]
    const double *raw           # [N] the game's rewards
    double *rewards             # [N] what the agents learn from
    const int32_t *next_rows    # [W] of the true successor
    const double *state         # [S] of the true successor
    const double *observation   # [V, D] of the true successor
    const uint8_t *terminated
    const uint8_t *truncated
    int64_t *distinct           # how many different actions, once a component has counted them; -1 before

# Of one run in a game that says who is there, who acts or what is legal. To act takes the first three.
ctypedef struct Moves:
    int64_t max_actions         # A
    const uint8_t *acts         # [N] who acts in the step
    const uint8_t *legal        # [N, A] what they may do
    const uint8_t *next_acts    # [N] who acts after it
    const uint8_t *next_legal   # [N, A]
    # Beside the step's own transition that of each agent: from its move to its next one, or to where nothing follows.
    const uint8_t *learns       # [N] whose is complete
    const uint8_t *over         # [N] nothing follows: the agent has left, or the game is over
    const int32_t *rows         # [N, k] where it moved; the successor's are those of the step
    const int32_t *actions      # [N] its move
    const uint8_t *moved_legal  # [N, A] what it might have done
    const double *rewards       # [N] what it has earned since, discounted
    const double *ahead         # [N] what the discount of what follows is multiplied by

ctypedef struct RewardOperations:
    void *context
    # After a start: reads rows [W] and observation only. NULL: nothing to remember.
    int (*begin)(void *context, int64_t first, int64_t count, const int32_t *rows,
                 const double *observation) noexcept nogil
    # The structure writes transition.rewards; each shaping component adds to it.
    int (*apply)(void *context, int64_t first, int64_t count, const Transition *transition) noexcept nogil
    int plain                   # 1: a structure that passes the game's rewards on as they are
    int kind                    # a RewardKind, or 0

ctypedef struct LearnerOperations:
    void *context
    # Reads rows [W], of those its agents' own, and draws [N, K]; writes actions [N] of the agents it controls.
    int (*act)(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
               int64_t stride, int32_t *actions) noexcept nogil
    # Learns from a transition; sets changed to 1 where a greedy action changed in a visited row.
    # NULL: the learner is frozen.
    int (*update)(void *context, int64_t first, int64_t count, const Transition *transition,
                  uint8_t *changed) noexcept nogil
    # Moves the schedules on; ended[run] != 0 where an episode is over. NULL: they never change.
    void (*tick)(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil
    # The first two of one run, where a game says who is there, who acts or what is legal. Actions of those who do not
    # act stay as they are. NULL: it does not take such games (or, of the second: it is frozen).
    int (*act_some)(void *context, int64_t run, const int32_t *rows, const double *draws, const Moves *moves,
                    int32_t *actions) noexcept nogil
    int (*update_some)(void *context, int64_t run, const Transition *transition, const Moves *moves,
                       uint8_t *changed) noexcept nogil
