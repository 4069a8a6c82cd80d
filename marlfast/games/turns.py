"""What games of two players who move in turn have in common."""
from marlfast.games.base import Game


class TurnGame(Game):
    """Base of games in which two move in turn, and what one wins the other loses: win 1, lose -1, draw 0.

    All see the state alike, as one number. A game says otherwise where it is otherwise.
    """

    agents = 2
    views = features = 1
    setting = "competitive"
    integer_state = True
    participation = ("to_act", "legal")
    reward_bounds = (-1.0, 1.0)
