# cython: language_level=3
"""What the loop keeps of a game that says who is there, who acts or what is legal: see ``moves.pxi``."""
from libc.stdint cimport int32_t, int64_t, uint8_t


cdef struct Participants:       # of a session whose game says so
    int64_t max_actions         # A; 0: the game never says
    bint by_move                # nothing is discounted between an agent's moves
    const int32_t *counts       # [N] actions of each agent
    const double *discounts     # [R, N]
    uint8_t *present            # [R, N]
    uint8_t *acts               # [R, N] who acts next: present, and to act
    uint8_t *legal              # [R, N, A] of those who act; none of the others, none beyond an agent's own actions
    double *last_obs            # [R, V, D] what each agent saw when it last was to act
    uint8_t *waits              # [R, N] whose transition is open: of its last move follow
    int32_t *moved_rows         # [R, N, k]
    int32_t *moved_actions      # [R, N]
    uint8_t *moved_legal        # [R, N, A]
    double *moved_rewards       # [R, N]
    double *moved_ahead         # [R, N]
    int64_t *agent_steps        # [R, N] of the episode under way, in which the agent was there
    int64_t *agent_lengths      # [R, capacity, N]


cdef struct Step:               # what comes after a step, and whose transitions are complete
    uint8_t *present            # [N]
    uint8_t *acts               # [N]
    uint8_t *legal              # [N, A]
    uint8_t *learns             # [N]
    uint8_t *over               # [N]
