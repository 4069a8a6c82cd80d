"""Learners: update rules with their tables. One file per family."""
from marlfast.learners.base import Each, Learner
from marlfast.learners.iql import IQL

__all__ = ["IQL", "Each", "Learner"]
