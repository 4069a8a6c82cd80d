"""Boards: what a game on squares looks like in one state, as data.

A game says once what stands where; its text (:meth:`Board.text`) and its picture
(:func:`marlfast.plotting.frame`) are both made from that.
"""
from dataclasses import dataclass

#: What a mark can be; a picture gives each kind its colour.
KINDS = ("agent", "rival", "target", "object", "goal", "wall")


@dataclass(frozen=True)
class Mark:
    """Something on a board.

    Parameters
    ----------
    row, column : int
        From 0, row 0 at the top.
    text : str
        One to three letters.
    kind : str
        One of ``KINDS``.
    """

    row: int
    column: int
    text: str
    kind: str = "agent"


@dataclass(frozen=True)
class Board:
    """A board with marks.

    Parameters
    ----------
    height, width : int
    marks : tuple of Mark
        Several may share a square; they are shown in this order.
    caption : str
        One line below.
    """

    height: int
    width: int
    marks: tuple
    caption: str = ""

    def text(self):
        """The board as lines of text: a dot is an empty square; marks that share one are joined by ``+``."""
        squares = [["." for _ in range(self.width)] for _ in range(self.height)]
        for mark in self.marks:
            here = squares[mark.row][mark.column]
            squares[mark.row][mark.column] = mark.text if here == "." else f"{here}+{mark.text}"
        wide = max(len(square) for line in squares for square in line)
        lines = [" ".join(square.ljust(wide) for square in line).rstrip() for line in squares]
        return "\n".join(lines + [self.caption] if self.caption else lines)
