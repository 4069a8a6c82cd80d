"""Golden playthroughs: what each game's first two examples do when they are played with fixed draws, as text.

``tests/golden/NAME-k.txt`` holds that text; ``tests/test_golden.py`` plays again and compares. Where a change of
the rules is meant, write them anew and read the difference:

    python tests/playthrough.py
"""
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FOLDER = HERE / "golden"
STEPS = 12


def numbers(values):
    """Numbers in a line, in a form that is the same everywhere; at most 24 of them."""
    flat = np.asarray(values).ravel().tolist()
    shown = " ".join(f"{float(v):.10g}" for v in flat[:24])
    return shown + (f" ... ({len(flat)})" if len(flat) > 24 else "")


def playthrough(game):
    """A game's facts, and two runs of some steps: states, actions, rewards, what is seen, ends."""
    kernel = game.kernel()
    low_high = "any" if game.reward_bounds is None else numbers(game.reward_bounds)
    lines = [repr(game) if len(repr(game)) < 500 else repr(game)[:497] + "...", "",
             f"agents {game.agents}; actions {numbers(game.action_counts)}; setting {game.setting}",
             f"state {kernel.state_size}; views {kernel.views}; features {kernel.features}; "
             f"observations {game.observations}",
             f"draws of a step {kernel.step_uniforms} uniform {kernel.step_normals} normal; "
             f"of a start {kernel.start_uniforms} uniform {kernel.start_normals} normal",
             f"horizon {game.horizon}; ends {game.ends}; rewards {low_high}"]
    env = game.env(runs=2, seed=2026)
    # Actions by a rule that any version of any library computes alike.
    turn = 12345
    observation = env.reset()
    for step in range(STEPS):
        actions = np.zeros((2, game.agents), np.int32)
        for r in range(2):
            for i, count in enumerate(np.asarray(game.action_counts).tolist()):
                turn = (1103515245 * turn + 12345) % 2**31
                actions[r, i] = (turn >> 8) % count
                if game.participation and env.to_act[r, i]:
                    legal = np.flatnonzero(env.legal[r, i])
                    actions[r, i] = legal[(turn >> 8) % len(legal)]
        lines += ["", f"step {step}"]
        if step < 4:
            text = env.render(0)
            lines += ["  | " + line for line in text.splitlines()[:24]]
        for r in range(2):
            lines += [f"  run {r}: state {numbers(env.state[r])}", f"         seen {numbers(observation[r])}",
                      f"         actions {numbers(actions[r])}"]
        observation, rewards, terminated, truncated = env.step(actions)
        for r in range(2):
            end = " terminated" if terminated[r] else " truncated" if truncated[r] else ""
            lines += [f"  run {r}: rewards {numbers(rewards[r])}{end}"]
        ended = terminated | truncated
        if ended.any():
            observation = env.reset(ended)
    return "\n".join(lines) + "\n"


def cases(examples):
    """(name, game) of each game's first two examples; of those whose rules are in the package, not functions."""
    return [(f"{name}-{k}", game) for name, games in examples.items() for k, game in enumerate(games[:2])
            if not callable(getattr(game, "step", None))]


def main():
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    from conftest import GAME_EXAMPLES, TURN_EXAMPLES

    FOLDER.mkdir(exist_ok=True)
    wanted = {}
    for name, game in cases(GAME_EXAMPLES | TURN_EXAMPLES):
        wanted[f"{name}.txt"] = playthrough(game)
    for path in FOLDER.glob("*.txt"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(wanted)} playthroughs written to {FOLDER.name}/")


if __name__ == "__main__":
    main()
