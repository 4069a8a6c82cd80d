"""What becomes of firms, or other players of a repeated game, whose strategies no longer change.

A strategy says for every remembered history what each player does, so that play is a path through histories that ends
in a cycle. All is done for all runs at once.
"""
import numpy as np


def successors(game, greedy):
    """The history that follows each one.

    Parameters
    ----------
    game : NormalForm
        With full histories only: ``start="uniform"``, or no memory.
    greedy : int [R, S, N]
        What each player does in each of the S histories.

    Returns
    -------
    int64 [R, S]
    """
    return after(game, np.arange(greedy.shape[1]), game.joint(greedy))


def after(game, histories, joint):
    """The history after another one and a joint action: the oldest round is forgotten."""
    size = game.observations
    return (histories * _joints(game) + joint) % size if size > 1 else np.zeros_like(joint)


def cycles(following, state):
    """The cycle that play ends in.

    Parameters
    ----------
    following : int64 [R, S]
        See :func:`successors`.
    state : int64 [R]
        Where it begins.

    Returns
    -------
    path : int64 [R, L]
        The cycle, again and again, of the run with the longest.
    lengths : int64 [R]
    """
    run, state = np.arange(len(following)), np.array(state)
    for _ in range(following.shape[1]):         # then it cannot but go round
        state = following[run, state]
    path, lengths = [state], np.zeros(len(run), np.int64)
    while not lengths.all():
        path.append(following[run, path[-1]])
        lengths[(lengths == 0) & (path[-1] == state)] = len(path) - 1
    return np.stack(path[:-1], axis=1), lengths


def mean_over_cycle(values, lengths):
    """Mean over the first ``lengths[r]`` entries: float64 [R, ...] from float64 [R, L, ...]."""
    means = np.zeros(values[:, 0].shape)
    for k in range(values.shape[1]):
        means += np.where((k < lengths).reshape(-1, *[1] * (values.ndim - 2)), values[:, k], 0.0)
    return means / lengths.reshape(-1, *[1] * (values.ndim - 2))


def values(game, greedy, following, agent, discount):
    """What a player earns from each history on, discounted, if all play as they do: float64 [R, S].

    Sums of 1, 2, 4, ... rounds, until what is left out cannot be seen.
    """
    total, weight = _payoffs(game)[game.joint(greedy), agent], discount
    run = np.arange(len(total))[:, None]
    while weight > 1e-18:
        total = total + weight * total[run, following]
        following, weight = following[run, following], weight * weight
    return total


def worth(game, greedy, value, states, agent, discount):
    """What each action of one player is worth in some histories, if all play as they do from the next round on.

    Parameters
    ----------
    greedy : int [R, S, N]
    value : float64 [R, S]
        Of ``agent``: see :func:`values`.
    states : int64 [R, L]
    agent : int
    discount : float

    Returns
    -------
    float64 [R, L, A]
    """
    run = np.arange(len(greedy))[:, None]
    actions = np.repeat(greedy[run, states][:, :, None], game.action_counts[agent], axis=2)
    actions[..., agent] = np.arange(game.action_counts[agent])
    joint = game.joint(actions)
    following = after(game, states[:, :, None], joint)
    return _payoffs(game)[joint, agent] + discount * value[run[:, :, None], following]


def equilibrium_on_path(game, greedy, path, discounts, tolerance=1e-9):
    """In which runs no player gains by another action in any history of the cycle: bool [R].

    Parameters
    ----------
    greedy : int [R, S, N]
    path : int64 [R, L]
        See :func:`cycles`.
    discounts : sequence of float [N]
    tolerance : float
        Gains of at most so much of the value are none: sums are rounded.
    """
    following, run = successors(game, greedy), np.arange(len(greedy))[:, None]
    best = np.ones(len(greedy), bool)
    for agent in range(game.agents):
        value = values(game, greedy, following, agent, discounts[agent])
        of_actions = worth(game, greedy, value, path, agent, discounts[agent])
        chosen = np.take_along_axis(of_actions, greedy[run, path][..., agent, None], axis=2)[..., 0]
        most = of_actions.max(axis=2)
        best &= (chosen >= most - tolerance * np.abs(most)).all(axis=1)
    return best


def _joints(game):
    return int(np.prod(game.action_counts, dtype=np.int64))


def _payoffs(game):
    """Expected payoffs of every joint action: float64 [J, N]."""
    return game.expected.reshape(-1, game.agents)
