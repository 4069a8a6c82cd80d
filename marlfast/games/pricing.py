"""Pricing: firms set prices again and again, and consumers choose among them by a logit model."""
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real, shown
from marlfast.games.matrix import MAX_AGENTS, NormalForm, per_agent, room


@dataclass(frozen=True, repr=False, eq=False)
class LogitBertrand(NormalForm):
    """Firms set prices at once; consumers buy from one of them, or nothing, by a logit model.

    Dynamics
        Periods. Firm i sells ``q_i = exp((a_i - p_i) / mu) / (sum_j exp((a_j - p_j) / mu) + exp(a_0 / mu))``. The state
        is the prices of the last ``memory`` periods.
    Observation
        The number of these prices, the same for all firms: see :class:`~marlfast.games.matrix.NormalForm`. With two
        firms of 15 prices and memory 1 it is ``15 * p0 + p1``.
    Action
        The number of a price: the lowest is 0. A firm's prices go in equal steps from ``xi`` times the distance between
        its Nash and its monopoly price below the one to as much above the other.
    Reward
        Profit ``(p_i - c_i) * q_i``.
    Start
        Any history of prices, equally likely: see ``start``.
    End
        Truncated after ``horizon`` periods; by default never.

    Parameters
    ----------
    agents : int
        How many firms: n.
    actions : int
        How many prices each has: m, at least 2.
    quality, cost : float or sequence of float [n]
        How good the goods are, and what they cost to make: a_i and c_i.
    outside : float or sequence of float
        How good it is to buy nothing: a_0. Several values: demand is stochastic, one of them is drawn each period.
    probabilities : sequence of float, optional
        Of the values of ``outside``. Default: equally likely.
    differentiation : float
        How little consumers mind prices: mu, greater than 0.
    margin : float
        How far prices go beyond Nash and monopoly: xi, at least 0.
    nash, monopoly : float or sequence of float [n], optional
        Prices to take in place of those that are computed: each firm's best reply to the others', and those that
        give the greatest sum of profits, both expected ones where demand is stochastic.
    decimals : int
        Computed prices are rounded to so many decimals, 0 to 15. With 5 the prices are those of the original program,
        into which they were typed; with 15 they are as computed.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    Attributes
    ----------
    nash_prices, monopoly_prices : tuple of float [n]
        Best replies to each other, and those with the greatest sum of profits.

    See Also
    --------
    SequentialPricing : Firms that set prices in turns.
    marlfast.reproduce.Calvano2020 : What learners charge.
    marlfast.analysis.profit_gain : How much of the way to collusion.

    Notes
    -----
    With a common mark-up M the joint profit's derivative by every price vanishes where ``M = mu / q_0``, q_0 the share
    that buys nothing; a firm's own where ``p_i - c_i = mu / (1 - q_i)``.

    References
    ----------
    E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020), section II; stochastic demand: their section on robustness.

    Examples
    --------
    >>> from marlfast.games.pricing import LogitBertrand
    >>> game = LogitBertrand()
    >>> game.nash_prices, game.monopoly_prices, game.observations
    ((1.47293, 1.47293), (1.92498, 1.92498), 225)
    """

    name = "logit_bertrand"
    also = ("pricing", "bertrand", "oligopoly")
    measures = ("profit_gain", "price", "profit", "consumer_surplus", "cycle_length", "nash_on_path", "nash_off_path",
                "deviation_gain", "deviation_response", "deviation_back")
    agents: int = 2
    actions: int = 15
    quality: Any = 2.0
    cost: Any = 1.0
    outside: Any = 0.0
    probabilities: Any = None
    differentiation: float = 0.25
    margin: float = 0.1
    nash: Any = None
    monopoly: Any = None
    decimals: int = 5
    memory: int = field(default=1, kw_only=True)
    start: Any = field(default="uniform", kw_only=True)
    horizon: int = field(default=0, kw_only=True)

    def __post_init__(self):
        agents = integer("agents", self.agents, 1, MAX_AGENTS)
        self._set(agents=agents, actions=integer("actions", self.actions, 2, 2**31 - 1),
                  differentiation=real("differentiation", self.differentiation),
                  margin=real("margin", self.margin, 0.0), decimals=integer("decimals", self.decimals, 0, 15))
        outside, chances = _outside(self.outside, self.probabilities)
        room((self.actions,) * agents, len(outside))
        if self.differentiation <= 0.0:
            raise ValueError(f"differentiation: expected greater than 0, got {self.differentiation}")
        for name in ("quality", "cost", "nash", "monopoly"):
            value = getattr(self, name)
            if value is not None or name in ("quality", "cost"):
                many = per_agent(name, value, agents, real)
                self._set(**{name: many if np.iterable(value) else many[0], f"_{name}": many})
        self._set(outside=outside if np.iterable(self.outside) else outside[0],
                  probabilities=None if self.probabilities is None else chances)
        market = _Market(self._quality, self._cost, outside, chances, self.differentiation)
        self._set(_market=market)
        self._set_prices(market)
        super().__post_init__()

    def _set_prices(self, market):
        found = {}
        for name, solve in (("nash", market.nash), ("monopoly", market.monopoly)):
            found[name] = getattr(self, f"_{name}") if getattr(self, name) is not None else solve()
        distances = [m - n for n, m in zip(found["nash"], found["monopoly"], strict=True)]
        for i, distance in enumerate(distances):
            if not distance > 1e-12 * abs(found["nash"][i]):        # a firm alone has its monopoly price already
                raise ValueError(f"monopoly: expected a price above the Nash price, {found['nash'][i]}, for firm {i}, "
                                 f"got {found['monopoly'][i]}; give nash and monopoly")
        for name in found:
            if getattr(self, name) is None:
                if 10.0**-self.decimals > min(distances) / 1000.0:
                    raise ValueError(f"decimals: {self.decimals} are too few for prices that lie {min(distances):.3g} "
                                     "apart; give more (at most 15)")
                found[name] = tuple(round(p, self.decimals) for p in found[name])
        self._set(nash_prices=found["nash"], monopoly_prices=found["monopoly"])

    @property
    def prices(self):
        """Prices of each firm, from the lowest: float64 [n, m]."""
        prices = np.zeros((self.agents, self.actions))
        for i, (nash, monopoly) in enumerate(zip(self.nash_prices, self.monopoly_prices, strict=True)):
            beyond = self.margin * (monopoly - nash)
            lowest, highest = nash - beyond, monopoly + beyond
            prices[i] = lowest + np.arange(self.actions) * ((highest - lowest) / (self.actions - 1))
        return prices

    @property
    def profits(self):
        """Expected profits by the firms' prices: float64 [m, ..., m, n]."""
        return self.expected

    @property
    def consumer_surplus(self):
        """What consumers gain by the firms' prices, on average per consumer: float64 [m, ..., m].

        ``mu * log(sum_j exp((a_j - p_j) / mu) + exp(a_0 / mu))``, the expected utility of the good that each likes best
        in the logit model, in units of money (K. A. Small and H. S. Rosen, "Applied welfare economics with discrete
        choice models", Econometrica 49, 1981). Its zero is arbitrary; differences between prices have a meaning.
        """
        prices, n = self.prices, self.agents
        axes = [prices[i].reshape((1,) * i + (-1,) + (1,) * (n - 1 - i)) for i in range(n)]
        return self._market.surplus(axes)

    @property
    def nash_profits(self):
        """Expected profit of each firm at ``nash_prices``: float64 [n]."""
        return self._market.profits_at(self.nash_prices)

    @property
    def monopoly_profits(self):
        """Expected profit of each firm at ``monopoly_prices``: float64 [n]."""
        return self._market.profits_at(self.monopoly_prices)

    def profit_gain(self, profits):
        """Put profits on a scale on which the Nash profits are 0 and the monopoly profits 1.

        Parameters
        ----------
        profits : float64 [..., n]
            Of each firm.

        Returns
        -------
        float64 [..., n]
            On that scale.
        """
        nash, monopoly = self.nash_profits, self.monopoly_profits
        return (np.asarray(profits, np.float64) - nash) / (monopoly - nash)

    def matrices(self):
        prices, n = self.prices, self.agents
        axes = [prices[i].reshape((1,) * i + (-1,) + (1,) * (n - 1 - i)) for i in range(n)]
        by_outcome = [self._market.profits(axes, k) for k in range(len(self._market.outside))]
        return [np.stack([profits[i] for profits in by_outcome], axis=-1) if len(by_outcome) > 1 else by_outcome[0][i]
                for i in range(n)]

    def chances(self):
        return self._market.chances if len(self._market.outside) > 1 else None

    def names_of_actions(self, agent=0):
        return [f"{price:.4g}" for price in self.prices[agent]]

    def render(self, state):
        if not self.memory:
            return super().render(state)
        rounds, prices = self.history(state[0])[-20:], self.prices
        return "\n".join("prices " + " ".join(f"{prices[i, a]:.5g}" for i, a in enumerate(joint[:12]))
                         + (" ..." if len(joint) > 12 else "") for joint in rounds) or "no period yet"


def _outside(outside, probabilities):
    """Values of the outside good and their probabilities, as tuples."""
    if isinstance(outside, str) or not np.iterable(outside):
        values = (real("outside", outside),)
    else:
        values = tuple(real(f"outside[{k}]", v) for k, v in enumerate(outside))
    if not values:
        raise ValueError("outside: expected at least one value, got none")
    if probabilities is None:
        return values, (1.0 / len(values),) * len(values)
    if isinstance(probabilities, str) or not np.iterable(probabilities):
        raise TypeError(f"probabilities: expected one for each value of outside, got {shown(probabilities)}")
    chances = tuple(real(f"probabilities[{k}]", p, 0.0, 1.0) for k, p in enumerate(probabilities))
    if len(chances) != len(values) or abs(math.fsum(chances) - 1.0) > 1e-8:
        raise ValueError(f"probabilities: expected {len(values)} that sum to 1, one for each value of outside, "
                         f"got {shown(chances)}")
    return values, chances


@dataclass(frozen=True)
class _Market:
    """A logit market: who sells how much, and at what prices no firm, or all together, could gain by another."""

    quality: tuple
    cost: tuple
    outside: tuple
    chances: tuple
    mu: float

    def profits(self, prices, k):
        """Profits [n] where the outside good has its value k.

        ``prices`` may be arrays that broadcast against each other. The exponential is the kernels' own: the same bits
        with any C library.
        """
        exp = kernels("numpy", "draws").exp_values
        worth = [(a - p) / self.mu for a, p in zip(self.quality, prices, strict=True)]
        none = self.outside[k] / self.mu
        most = none
        for u in worth:
            most = np.maximum(most, u)
        weights = [exp(np.asarray(u - most, np.float64)) for u in worth]
        total = weights[0]
        for w in weights[1:]:
            total = total + w
        total = total + exp(np.asarray(none - most, np.float64))        # last: two equal firms then earn the same
        return [(p - c) * (w / total) for p, c, w in zip(prices, self.cost, weights, strict=True)]

    def surplus(self, prices):
        """Expected consumer surplus; ``prices`` may be arrays that broadcast against each other."""
        worth = [(a - p) / self.mu for a, p in zip(self.quality, prices, strict=True)]
        found = 0.0
        for none, chance in zip(self.outside, self.chances, strict=True):
            total = none / self.mu
            for u in worth:
                total = np.logaddexp(total, u)
            found = found + chance * self.mu * total
        return found

    def profits_at(self, prices):
        """Expected profits at given prices: float64 [n]."""
        expected = np.zeros(len(self.cost))
        for k, chance in enumerate(self.chances):
            expected = expected + chance * np.array([float(p) for p in self.profits(prices, k)])
        return expected

    def nash(self):
        """Prices that are best replies to each other.

        Best replies are found in turn. A firm's rises by at most a quarter of what the others' rise together (by
        ``q_i * q_j`` for each), so this converges; the limit stops what rounding would keep going round.
        """
        prices = [c + self.mu for c in self.cost]
        for _ in range(200):
            before = list(prices)
            for i in range(len(prices)):
                prices[i] = self._best_reply(i, prices)
            if prices == before:
                break
        return tuple(prices)

    def _best_reply(self, i, prices):
        worth = [(a - p) / self.mu for a, p in zip(self.quality, prices, strict=True)]
        others = [_log_sum([none / self.mu, *worth[:i], *worth[i + 1:]]) for none in self.outside]
        best = (self.quality[i] - self.cost[i]) / self.mu - 1.0

        def slope(x):       # of the expected profit, over mu; x is the mark-up less its least, over mu
            total = 0.0
            for chance, other in zip(self.chances, others, strict=True):
                share = _share(best - x - other)
                total += chance * share * (1.0 - (1.0 + x) * (1.0 - share))
            return total

        return self.cost[i] + self.mu * (1.0 + _root(slope, max(best - other for other in others)))

    def monopoly(self):
        """Prices with the greatest sum of profits: the same mark-up for all."""
        together = _log_sum([(a - c) / self.mu for a, c in zip(self.quality, self.cost, strict=True)]) - 1.0

        def slope(x):
            total = 0.0
            for chance, none in zip(self.chances, self.outside, strict=True):
                share = _share(together - x - none / self.mu)       # of all firms together
                total += chance * share * (1.0 - (1.0 + x) * (1.0 - share))
            return total

        most = max(together - none / self.mu for none in self.outside)
        markup = self.mu * (1.0 + _root(slope, most))
        return tuple(c + markup for c in self.cost)


def _share(difference):
    """exp(d) / (1 + exp(d))."""
    if difference >= 0.0:
        return 1.0 / (1.0 + math.exp(-difference))
    odds = math.exp(difference)
    return odds / (1.0 + odds)


def _log_sum(values):
    most = max(values)
    return most + math.log(math.fsum(math.exp(v - most) for v in values))


def _root(slope, most):
    """Where a slope that is positive at 0 turns negative, by bisection.

    With the outside good (or rival) of weight 1 and own weight exp(most - x), it does where ``x = exp(most - x)``,
    which lies below the greater of 1 and ``most``.
    """
    low, high = 0.0, max(1.0, most)
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return middle
        if slope(middle) > 0.0:
            low = middle
        else:
            high = middle
