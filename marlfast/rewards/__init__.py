"""Rewards: structure (who gets whose reward) and shaping (what is added)."""
from marlfast.rewards.shaping import Distance, Diversity, PotentialBased, Redundancy, Shaping
from marlfast.rewards.structure import Structure, competitive, cooperative, difference, individual, matrix, mixed

__all__ = ["Distance", "Diversity", "PotentialBased", "Redundancy", "Shaping", "Structure", "competitive",
           "cooperative", "difference", "individual", "matrix", "mixed"]
