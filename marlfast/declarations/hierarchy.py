"""Arguments of ``hierarchy``."""
import numpy as np

from marlfast.declarations.base import LATE, Array, Kernel, Number, Part


def _levels(n):
    if n.members.active != 1 or n.members.central != 0:
        raise ValueError("members: expected a learner of one row of each agent")


def _rows(n):
    if n.n_rows * n.goals > 2**31 - 1:
        raise ValueError(f"n_rows, goals: expected at most 2**31 - 1 rows in all, got {n.n_rows} * {n.goals}")
    return {"G": n.goals, "outer_rows": n.n_rows}


def _teams(n):
    if not 1 <= n.teams <= n.C:
        raise ValueError(f"gathered: expected 1 to {n.C} teams, got {n.teams}")


def _members(n):
    sizes = np.bincount(n.member_of[n.agent_ids], minlength=n.teams).astype(np.float64)
    if sizes.min() < 1.0:
        raise ValueError("member_of: expected a controlled agent in every team")
    if n.offset + n.coordinator.draws > n.members.draws:
        raise ValueError(f"offset: expected room for {n.coordinator.draws} of {n.members.draws} draws, got {n.offset}")
    return {"sizes": sizes}


def _places(name, axis, below, text):
    return Array(name, "int32", axis, text, values=(0, f"{below}-1", "at least one number from {low} to {high}"))


HIERARCHY = Kernel(
    "Hierarchy",
    Part("members", "Learner", "over tables with G rows for each of ``n_rows``", gives={"R": "runs", "N": "agents"}),
    _levels,
    Part("coordinator", "QLearning", "of the choosers, as agents with G actions. It takes ``power`` for its discount",
         gives={"C": "agents"}),
    Number("n_rows", "of the table without goals", low=1),
    Number("goals", "G", low=1),
    Number("goal_every", "k, steps between goals", low=1),
    _rows,
    Array("gathered", "float64", "R teams", "the teams' discounted rewards since goals were set", written=True),
    _teams,
    _places("agent_ids", "L", "N", "the agents that ``members`` controls"),
    _places("chooser_of", "N", "C", "who sets an agent's goal"),
    _places("member_of", "N", "teams", "an agent's team"),
    _places("head", "C", "N", "whose row a chooser looks at"),
    _places("team_of", "C", "teams", "a chooser's team; as many choosers as teams, or more"),
    Number("offset", "of the draws of an agent, where the coordinator's begin", low=0),
    _members,
    Array("goal", "int32", "R C", "goals", written=True),
    Array("since", "int32", "R C", "the rows when they were set", written=True),
    Array("last", "int32", "R C", "the rows now", written=True),
    Array("clock", "int64", "R", "steps since goals were set; 0: they are to be set", written=True),
    Array("power", "float64", "R", "discount ** clock", written=True),
    Array("late", "int32", "R", LATE, written=True),
    Array("goal_reward", "float64", "G outer_rows", "added to the reward of a member with that goal whose successor is "
          "in that row", optional=True))

KERNELS = HIERARCHY,
