"""What agents see, as arrays in Gymnasium's spaces; and pictures. Both adapters are made from this."""
import numpy as np

from marlfast.errors import choice, extra
from marlfast.games.base import Game

KINDS = ("index", "one_hot", "vector")
DTYPES = ("float32", "float64")


class Views:
    """Observations of one kind.

    Parameters
    ----------
    game : Game
    kind : {"index", "one_hot", "vector"}, optional
        A numbered observation as its number (``Discrete``) or as a unit vector (``Box``), or the game's own
        numbers (``Box``). Default: ``"index"`` where observations are numbered, else ``"vector"``.
    dtype : {"float32", "float64"}
        Of vectors.
    """

    def __init__(self, game, kind=None, dtype="float32"):
        self.spaces = extra("gymnasium.spaces", "gymnasium", "a view of a game in another library's shape")
        self.kind = choice("observations", kind or ("vector" if game.observations is None else "index"), KINDS)
        if game.observations is None and self.kind != "vector":
            raise ValueError(f"observations: game {game.name!r} has {game.features} real numbers, which are not "
                             f"numbered; expected 'vector', got {self.kind!r}")
        try:
            self.dtype = np.dtype(choice("dtype", np.dtype(dtype).name, DTYPES))
        except TypeError:
            raise ValueError(f"dtype: expected one of {', '.join(map(repr, DTYPES))}, got {dtype!r}") from None
        self.count, self.features = game.observations, game.features
        self.bounds = game.bounds
        if self.bounds is None and self.count is not None:
            self.bounds = [0.0], [self.count - 1.0]

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "spaces"}

    def __setstate__(self, state):
        self.__dict__.update(state, spaces=extra("gymnasium.spaces", "gymnasium", "a view of a game in another shape"))

    def space(self, together=1):
        """A new space of ``together`` views, one after the other."""
        if self.kind == "index":
            return self.spaces.Discrete(self.count) if together == 1 else self.spaces.MultiDiscrete(
                [self.count] * together)
        if self.kind == "one_hot":
            return self.spaces.Box(0.0, 1.0, (together * self.count,), self.dtype)
        low, high = (np.full(self.features, -np.inf), np.full(self.features, np.inf)) \
            if self.bounds is None else self.bounds
        # Rounding to a narrower type keeps the order, so what lay between the bounds still does.
        return self.spaces.Box(*(np.tile(np.asarray(bound, self.dtype), together) for bound in (low, high)),
                               dtype=self.dtype)

    def of(self, observation):
        """float64 [..., D] -> int64 [...] (index), or [..., observations or D] of ``dtype``: always a new array."""
        if self.kind == "vector":
            return observation.astype(self.dtype)
        numbers = observation[..., 0].astype(np.int64)
        if self.kind == "index":
            return numbers
        out = np.zeros((*numbers.shape, self.count), self.dtype)
        np.put_along_axis(out, numbers[..., None], 1.0, axis=-1)
        return out

    def unbounded(self, size):
        """A space of any ``size`` numbers."""
        return self.spaces.Box(-np.inf, np.inf, (size,), self.dtype)


def render_modes(game):
    """Text for every game; a picture for games on squares."""
    shown = getattr(game, "without_history", game)
    return ["ansi"] if type(shown).board is Game.board else ["ansi", "rgb_array"]


def check_render_mode(game, mode):
    """``mode``, if the game can be shown so; None: not at all."""
    if mode is not None and mode not in render_modes(game):
        raise ValueError(f"render_mode: game {game.name!r} has {', '.join(map(repr, render_modes(game)))}; "
                         f"got {mode!r}")
    return mode


def rendered(game, state, mode):
    """One state (float64 [S]) as text, or as a picture uint8 [height, width, 3]; None without a mode."""
    if mode is None:
        extra("gymnasium.logger", "gymnasium", "a warning").warn(
            "render: there is no render_mode; give render_mode='ansi' when the environment is made")
        return None
    if mode == "ansi":
        return game.render(state)
    from marlfast.plotting import frame

    figure = frame(game, state).figure
    canvas = extra("matplotlib.backends.backend_agg", "plot", "a picture").FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()
