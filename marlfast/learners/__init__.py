"""Learners: update rules with their tables. One file per family."""
from marlfast.learners.base import Learner
from marlfast.learners.iql import IQL

__all__ = ["IQL", "Learner"]
