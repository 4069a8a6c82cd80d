"""Games: multi-agent environments (Markov games). One file per game or family.

A file is imported when one of its games is first asked for: there are many, and a program plays few.
"""
from marlfast.games.base import Game  # noqa: F401
from marlfast.registry import on_demand

# What each file gives.
_GIVES = {
    "allocation": "TaskAllocation",
    "auctions": "SealedBidAuction",
    "classic": "BattleOfTheSexes Chicken Climbing CoordinationGame MatchingPennies "
               "Penalty PrisonersDilemma Qtran RockPaperScissors Shapley StagHunt",
    "coins": "CoinGame",
    "connect_four": "ConnectFour",
    "commons": "Cleanup Harvest",
    "congestion": "Braess CongestionGame ElFarol Pigou PublicGoods",
    "drift": "Drift",
    "foraging": "LevelForaging",
    "gymnasium": "GymnasiumGame",
    "history": "WithHistory",
    "ising": "Ising",
    "kuhn": "KuhnPoker",
    "leduc": "LeducPoker",
    "liars_dice": "LiarsDice",
    "markov": "MarkovGame Tabular",
    "matrix": "MatrixGame NormalForm",
    "nim": "Nim",
    "outcomes": "Outcomes",
    "openspiel": "OpenSpielGame",
    "own": "CompiledGame NumPyGame",
    "particles": "SimpleReference SimpleSpread SimpleTag SpeakerListener",
    "pettingzoo": "PettingZooGame",
    "plain": "PythonGame from_python",
    "pricing": "LogitBertrand",
    "pursuit": "Pursuit",
    "pushing": "BoxPushing",
    "rounds": "WithRound",
    "sequential": "SequentialPricing",
    "soccer": "Soccer",
    "tabulation": "Tabulated tabulate",
    "tic_tac_toe": "TicTacToe",
    "two_step": "TwoStep",
    "warehouse": "Warehouse",
}

__all__, __getattr__, __dir__ = on_demand(__name__, _GIVES, ["Game"])
