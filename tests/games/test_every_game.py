"""What holds for every registered game: its facts, its ends, its bounds, and what it looks like."""
import dataclasses
import inspect

import numpy as np
import pytest

from marlfast import registry
from marlfast.games import CompiledGame, NumPyGame
from marlfast.games.board import KINDS

SECTIONS = ("Dynamics", "Observation", "Action", "Reward", "Start", "End")


@pytest.fixture
def played(game_example):
    """(states, observations, actions, rewards, terminated, truncated, begun) of 4 runs, 60 steps, random actions."""
    env = game_example.env(runs=4, seed=9)
    generator = np.random.default_rng(3)
    observation, begun, steps = env.reset(), np.ones(4, bool), []
    for _ in range(60):
        actions = (generator.random((4, game_example.agents)) * game_example.action_counts).astype(np.int32)
        before = env.state.copy()
        next_obs, rewards, terminated, truncated = env.step(actions)
        steps.append((before, observation, actions, rewards, terminated, truncated, begun, env.state.copy(), next_obs))
        begun = terminated | truncated
        observation = env.reset(begun) if begun.any() else next_obs
    return [np.array(part) for part in zip(*steps, strict=True)]


def test_facts_are_sound(game_example):
    game, kernel = game_example, game_example.kernel()
    assert game.agents >= 1 and game.views in (1, game.agents)
    counts = np.asarray(game.action_counts)
    assert counts.dtype == np.int32 and counts.shape == (game.agents,) and (counts >= 1).all()
    assert (kernel.agents, kernel.views, kernel.features) == (game.agents, game.views, game.features)
    assert game.setting in ("cooperative", "competitive", "mixed")
    assert game.setting != "competitive" or game.agents == 2
    if game.observations is not None:
        assert game.features == 1 and game.observations >= 1
    if game.bounds is not None:
        low, high = game.bounds
        assert np.shape(low) == np.shape(high) == (game.features,) and (np.asarray(low) <= np.asarray(high)).all()
    if game.teams is not None:
        assert sorted(agent for team in game.teams for agent in team) == list(range(game.agents))


def test_observations_and_rewards_keep_their_bounds(game_example, played):
    _, observed, _, rewards, *_, next_obs = played
    obs = np.concatenate([observed, next_obs])
    assert np.isfinite(obs).all() and np.isfinite(rewards).all()
    if game_example.observations is not None:
        assert (obs == np.floor(obs)).all() and obs.min() >= 0 and obs.max() < game_example.observations
    if game_example.bounds is not None:
        low, high = game_example.bounds
        assert (obs >= low).all() and (obs <= high).all()
    if game_example.reward_bounds is not None:
        low, high = game_example.reward_bounds
        assert rewards.min() >= low - 1e-9 and rewards.max() <= high + 1e-9


def test_rewards_are_of_the_declared_setting(game_example, played):
    rewards = played[3]
    if game_example.setting == "cooperative":
        assert (rewards == rewards[..., :1]).all()
    elif game_example.setting == "competitive":
        assert np.abs(rewards.sum(axis=-1)).max() < 1e-9


def test_episodes_end_when_the_game_says(game_example, played):
    *_, terminated, truncated, begun, _, _ = played
    assert not (terminated & truncated).any()
    steps = np.zeros(4, int)
    for ended, cut, first in zip(terminated, truncated, begun, strict=True):
        steps = np.where(first, 1, steps + 1)
        assert (cut == (~ended & (steps == game_example.horizon))).all()
    if not game_example.ends:
        assert not terminated.any() and not truncated.any()


def test_every_state_can_be_rendered(game_example, played):
    for state in played[0][:12, 0]:
        text = game_example.render(state)
        assert text.strip() and all(len(line) <= 200 for line in text.splitlines())
        board = game_example.board(state)
        if board is not None:
            assert all(mark.kind in KINDS and 0 <= mark.row < board.height and 0 <= mark.column < board.width
                       and 1 <= len(mark.text) <= 3 for mark in board.marks)


def test_the_docstring_has_every_section(game_example):
    text = inspect.getdoc(type(game_example))       # from Python 3.13 on, docstrings are not indented
    for section in (*SECTIONS, "Parameters"):
        assert f"\n{section}\n" in text, section
    assert "\nReferences\n" in text or isinstance(game_example, (CompiledGame, NumPyGame))


def test_a_game_survives_being_written_as_plain_values(game_example):
    cls = type(game_example)
    values = game_example.to_dict()
    if registry.functions_of(values):
        pytest.skip("of functions a file has only the names")
    again = cls(**{k: v for k, v in values.items() if k != "name"}) if not any(
        f.metadata.get("kind") for f in dataclasses.fields(cls)) else game_example
    assert again == game_example
