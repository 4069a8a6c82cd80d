"""One episode, kept step by step: to be read as text or watched as a picture that moves."""
from dataclasses import dataclass

import numpy as np

from marlfast.env import Env
from marlfast.errors import integer, shown
from marlfast.policy import Policy
from marlfast.registry import require
from marlfast.renamed import takes
from marlfast.result import Result

__all__ = ["Replay", "replay"]


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """An episode of T steps.

    Attributes
    ----------
    game : Game
        That was played.
    states : float64 [T + 1, S]
        Before the first step, and after each.
    actions : int32 [T, N]
        What every agent did.
    rewards : float64 [T, N]
        What every agent was paid.
    end : {"terminated", "truncated", "max_steps"}
        The game was over; its time limit was reached; or as many steps were kept as asked for.

    See Also
    --------
    replay : Makes it.
    """

    game: object
    states: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    end: str

    def __repr__(self):
        return f"Replay({self.game.name}, {len(self.actions)} steps, {self.end})"

    def captions(self):
        """Write a line for every state: how it came about.

        Returns
        -------
        list of str [T + 1]
            In order.
        """
        lines, called = ["start"], [self.game.names_of_actions(i) for i in range(self.game.agents)]
        for k, (actions, rewards) in enumerate(zip(self.actions, self.rewards, strict=True)):
            earned = " ".join(f"{r:.4g}" for r in rewards)
            taken = " ".join(names[a] for names, a in zip(called, actions, strict=True))
            lines.append(f"step {k + 1}: actions {taken}, rewards {earned}")
        if self.end != "max_steps":
            lines[-1] += f" ({self.end})"
        return lines

    def text(self):
        """Write the whole episode as text.

        Returns
        -------
        str
            A caption and the state, step by step.
        """
        return "\n\n".join(f"{caption}\n{self.game.render(state)}" for caption, state
                           in zip(self.captions(), self.states, strict=True)) + "\n"

    def gif(self, path, seconds=0.5):
        """Write a GIF, with a picture for every state. Needs ``marlfast[plot]``.

        Parameters
        ----------
        path : str or path-like
            The file; one that is there is replaced.
        seconds : float
            That a picture stays.
        """
        from marlfast.plotting import animate

        animate(self, path, seconds)


@takes(most_steps="max_steps")
def replay(game, policy, run=0, seed=0, episode=0, max_steps=1000, backend="cython", kind="policy"):
    """Play one episode and keep it.

    Parameters
    ----------
    game : Game
        What is played.
    policy : Policy, Result, "random", or callable
        Of learners what they play, as :func:`marlfast.evaluate` does; where that is mixed, with draws of the policy's
        own. A callable is given float64 [V, D] and returns an action for each agent.
    run : int
        Of a Result: whose policy.
    seed : int
        Of the episode's draws, which are those of :func:`marlfast.evaluate`.
    episode : int
        Which of the seed's episodes; those before it are played too.
    max_steps : int
        More are not kept.
    backend : {"cython", "numpy"}
        Which kernels.
    kind : {"policy", "behaviour", "greedy", "average"}
        Of a Result: which of what its learners play, see :meth:`Result.policy`.

    Returns
    -------
    Replay
        States, actions and rewards, step by step.

    See Also
    --------
    marlfast.evaluate : Plays many episodes, for their returns.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.replay(mf.games.PrisonersDilemma(horizon=3), lambda observation: [0, 1])
    Replay(prisoners_dilemma, 3 steps, truncated)
    """
    game = require("game", game, "game")
    episode, max_steps = integer("episode", episode, 0), integer("max_steps", max_steps, 1)
    if isinstance(policy, (Policy, Result)):
        game = policy.experiment.encoder.observed(game)
    if isinstance(policy, Result):
        policy = policy.policy(run, kind=kind, seed=seed)
    elif isinstance(policy, str) and policy == "random":
        policy = _random(game, integer("seed", seed, 0, 2**64 - 1))
    elif not isinstance(policy, Policy) and not callable(policy):
        raise TypeError(f"policy: expected a Policy, a Result, 'random' or a function, got {shown(policy)}")
    env = Env(game, seed=seed, backend=backend, purpose="evaluation")
    observation = env.reset()
    for k in range(episode + 1):
        if hasattr(policy, "reset"):
            policy.reset()
        states, actions, rewards, end = [env.state[0].copy()], [], [], "max_steps"
        while len(actions) < max_steps:
            more = (env.legal[0],) if "legal" in game.participation else ()
            chosen = np.asarray(policy(observation[0], *more))
            observation, earned, terminated, truncated = env.step(chosen[None])
            if hasattr(policy, "observe"):
                policy.observe(earned[0])
            states.append(env.state[0].copy())
            actions.append(chosen.astype(np.int32))
            rewards.append(earned[0])
            if terminated[0] or truncated[0]:
                end = "terminated" if terminated[0] else "truncated"
                break
        if k < episode:
            if end == "max_steps":
                raise ValueError(f"max_steps: episode {k} of seed {seed} is longer than {max_steps} steps; raise it")
            observation = env.reset()
    return Replay(game, np.array(states), np.array(actions), np.array(rewards), end)


def _random(game, seed):
    """A team that plays at random."""
    random = np.random.default_rng(seed)

    def play(observation, legal=None):
        if legal is None:
            return random.integers(0, game.action_counts)
        return np.array([random.choice(np.flatnonzero(own)) if own.any() else 0 for own in legal])

    return play
