"""Ratings: how strong players are, from who beat whom."""
import numpy as np

from marlfast.errors import real


def elo(wins, prior=1.0):
    """Elo ratings that explain best who won how often against whom: the Bradley-Terry model.

    Player i beats player j with probability ``1 / (1 + 10 ** ((rating[j] - rating[i]) / 400))``; the ratings are the
    most likely ones, with mean 1500.

    Parameters
    ----------
    wins : float64 [P, P]
        How often i beat j; a draw counts half for both. The diagonal is not read.
    prior : float
        Greater than 0: games that each player is taken to have drawn against a player of mean strength. It keeps the
        rating of one who always wins finite.

    Returns
    -------
    float64 [P]
        A rating of each player, on Elo's scale.

    See Also
    --------
    expected_score : What ratings predict.
    marlfast.League : Teams of several generations that can be rated so.

    References
    ----------
    Solved by minorization and maximization: D. R. Hunter, "MM algorithms for generalized Bradley-Terry models", Annals
    of Statistics 32 (2004). The scale: A. E. Elo, "The rating of chess players, past and present" (1978).

    Examples
    --------
    >>> from marlfast import analysis
    >>> analysis.elo([[0, 8, 9], [2, 0, 6], [1, 4, 0]]).round().tolist()
    [1692.0, 1444.0, 1364.0]
    """
    try:
        wins = np.array(wins, np.float64)
    except (TypeError, ValueError):
        raise TypeError("wins: expected a square matrix of numbers") from None
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1] or not len(wins):
        raise ValueError(f"wins: expected a square matrix, got shape {wins.shape}")
    if not np.isfinite(wins).all() or (wins < 0.0).any():
        raise ValueError("wins: expected finite numbers of at least 0")
    prior = real("prior", prior, 0.0)
    if prior == 0.0:
        raise ValueError("prior: expected more than 0, got 0.0")
    np.fill_diagonal(wins, 0.0)
    games, won = wins + wins.T, wins.sum(axis=1) + 0.5 * prior
    strength = np.ones(len(wins))
    for _ in range(100_000):
        shares = (games / (strength[:, None] + strength)).sum(axis=1) + prior / (strength + 1.0)
        new = won / shares
        moved = np.abs(np.log(new / strength)).max()
        strength = new
        if moved < 1e-12:
            break
    rating = 400.0 * np.log10(strength)
    return rating - rating.mean() + 1500.0


def expected_score(ratings):
    """Say how often each player is expected to beat each other.

    Parameters
    ----------
    ratings : float64 [P]
        On Elo's scale, see :func:`elo`.

    Returns
    -------
    float64 [P, P]
        Probability that i beats j; a draw counts half.

    See Also
    --------
    elo : Ratings from results.

    Examples
    --------
    >>> from marlfast import analysis
    >>> analysis.expected_score([1500.0, 1900.0]).round(3).tolist()
    [[0.5, 0.091], [0.909, 0.5]]
    """
    ratings = np.asarray(ratings, np.float64)
    return 1.0 / (1.0 + 10.0 ** ((ratings - ratings[:, None]) / 400.0))
