"""Arguments of ``loop``."""
from marlfast.declarations.base import Array, Flag, Kernel, Mapped, Number, Part, Parts, Word, check
from marlfast.declarations.moves import MOVES

MAX_PARTS = 64                  # reward components, and learners
STREAMS = ("explore", "step_uniforms", "step_normals", "start_uniforms", "start_normals")
UNLIMITED = "at least {low}"

GAME = Part("game", "Game", gives={"N": "agents", "S": "state_size", "V": "views", "D": "features"}, runs=False)
STATE = Array("state", "float64", "R S", "states", written=True, filled="run")
OBSERVATION = Array("observation", "float64", "R V D", "what is observed of them", written=True)
RUN_NUMBERS = Array("run_numbers", "int64", "R", "what the draws of a run depend on",
                    values=(0, 2**32 - 1, "{low} to {high}"))
SEEDS = Array("seeds", "uint64", "R", "of each run")
PURPOSE = Number("purpose", "0 training, 1 evaluation: which family of streams is read", low=0)
HORIZON = (Number("horizon", "steps after which an episode is over; 0: never", low=0),
           Flag("horizon_ends", "whether it is then terminated (the game ends there) or truncated"))
LIMITS = Flag("ends_are_limits", "whether ends by the game's own rules are truncated, too, so that learners count on "
              "what would have followed", default=False)


def counted(name, text):
    """Numbers of runs that only rise."""
    return Array(name, "int64", "R", text, written=True, values=(0, None, "at least {low}"))


def _encoders(n):
    game = n.game.agents, n.game.views, n.game.features
    if (n.encoder.agents, n.encoder.views, n.encoder.features) != game:
        raise ValueError("encoder: made for other agents or observations than the game's")
    if n.central is n.encoder and n.encoder.views != 1:
        raise ValueError("central: expected an encoder of its own, as each agent sees something else")
    if n.central is not None and n.central is not n.encoder and (
            n.central.agents, n.central.views, n.central.features) != (1, 1, n.game.state_size):
        raise ValueError("central: made for another state than the game's")
    own = n.N * n.encoder.active
    return {"own": own, "active_rows": own + (0 if n.central is None else n.central.active)}


def _rewards(n):
    for p, reward in enumerate(n.rewards):
        if (reward.agents, reward.state_size, reward.views, reward.features) != (n.N, n.S, n.V, n.D):
            raise ValueError(f"rewards[{p}]: made for another game")


def _learners(n):
    central = 0 if n.central is None else n.central.active
    for p, learner in enumerate(n.learners):
        if (learner.agents, learner.draws) != (n.N, n.learners[0].draws):
            raise ValueError(f"learners[{p}]: made for another number of agents or draws")
        if learner.active != n.encoder.active:
            raise ValueError(f"learners[{p}]: made for {learner.active} active rows, the encoder gives "
                             f"{n.encoder.active}")
        if learner.central and learner.central != central:
            raise ValueError(f"learners[{p}]: made for {learner.central} rows of the whole state, there are {central}")


def _supplied(n):
    """Draws in a step, or a start, of each stream, and those that come from outside."""
    n_draws = (n.N * n.learners[0].draws, n.game.step_uniforms, n.game.step_normals, n.game.start_uniforms,
               n.game.start_normals)
    unknown = set(n.supplied) - set(STREAMS)
    if unknown:
        raise ValueError(f"supplied: unknown streams {sorted(unknown)}; expected some of {STREAMS}")
    found = {}
    for k, name in enumerate(STREAMS):
        if name in n.supplied:
            array, first = n.supplied[name]
            array = array.reshape(array.shape[0], array.shape[1], -1)
            found[k] = (check(array, name, "float64", (n.R, -1, n_draws[k]), False),
                        check(first, f"{name} (first)", "int64", (n.R,), False))
    return {"n_draws": n_draws, "streams": found}


LOOP = Kernel(
    "Loop",
    GAME,
    STATE,
    Part("encoder", "Encoder"),
    Part("central", "Encoder", "of the whole state, as one view of one agent, for learners who look at it while they "
         "learn; or ``encoder`` itself, where all agents see the same: the rows of that are then the state's. None: no "
         "learner does", optional=True),
    _encoders,
    Parts("rewards", "Reward", "the structure first, then the shaping components", most=MAX_PARTS),
    _rewards,
    Parts("learners", "Learner", "each agent is controlled by exactly one", most=MAX_PARTS),
    _learners,
    OBSERVATION,
    Array("rows", "int32", "R active_rows", "active table rows of each agent, then those of the whole state",
          written=True),
    counted("steps", "steps done"),
    counted("episodes", "episodes done"),
    counted("episode_steps", "steps of the episode under way"),
    Array("episode_return", "float64", "R N", "rewards of the episode under way", written=True),
    Array("episode_shaped", "float64", "R N", "what was learned from in it", written=True),
    Array("returns", "float64", "R E N", "an entry is the mean of ``record_every`` episodes", written=True),
    Array("shaped_returns", "float64", "R E N", written=True),
    Array("lengths", "int64", "R E", "steps; of ``record_every`` episodes together", written=True),
    Array("stable", "int64", "R", "steps since a greedy action last changed, the step of the change counted",
          written=True),
    Array("recent", "float64", "R window", "team returns of the last episodes", written=True),
    Array("recent_sum", "float64", "R", written=True),
    Array("reason", "int32", "R", "why a run stopped (64 + status: it failed); 0: it has not", written=True),
    Array("fault", "int64", "R", "agent that a status is about, or -1", written=True),
    RUN_NUMBERS,
    *HORIZON,
    Number("record_every", "episodes per entry of ``returns``; 0: nothing is recorded", low=0),
    Number("max_steps", "a run stops when it has done that many"),
    Number("max_episodes", "likewise"),
    Number("max_stable", "likewise, without a change of a greedy action"),
    Array("stable_after", "int64", "R", "steps of each run that do not count as steps without a change"),
    Number("min_return", "stop when the mean team return of the last ``window`` episodes is at least this "
           "(``window > 0``)", real=True),
    SEEDS,
    PURPOSE,
    Mapped("supplied", "NDArray[np.float64], NDArray[np.int64]", "draws from outside, in place of a stream: "
           "``explore`` [R, n, N, K], ``step_uniforms``, ``step_normals``, ``start_uniforms``, ``start_normals`` "
           "[R, n, n_draws], each with the number of the first step (or episode) it holds for each run, int64 [R]"),
    Word("loop", "default: the fused one where it fits (``fused.h``), else the staged one. The numbers are the same",
         choices=("fused", "staged")),
    LIMITS, *MOVES, _supplied,
    family="", attributes=("runs: int", "staged: str | None"),
    methods=("begin(self, lo: int, hi: int) -> int",
             "advance(self, lo: int, hi: int, target: NDArray[np.int64]) -> int"))

HAS_LANES = Kernel("has_lanes", family=None, returns="bool")

ARRAYS = tuple(name for name, one in LOOP.arguments.items() if isinstance(one, Array)
               if name not in ("stable_after", "seeds", "action_counts", "discounts"))

KERNELS = LOOP, HAS_LANES
