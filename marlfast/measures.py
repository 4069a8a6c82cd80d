"""What users of a game look at, beside its return: profit gains and prices, cooperation, steps to a capture.

A game says which (``Game.measures``): a tuple of the names below, or a dictionary from names to functions of a result
that give one number a run. ``result.measures()``, ``result.table()``, comparisons, reports and the command line show
them.
"""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import among, flag, shown, unknown


@dataclass(frozen=True, eq=False)
class Measure:
    """One number for each run, and what it means.

    Attributes
    ----------
    name : str
        Such as ``"profit_gain"``.
    label : str
        What it is, in words, for tables and axes.
    values : float64 [R]
        NaN of a run that is in no mean, and where there is no such number.

    See Also
    --------
    measures : Makes them.
    """

    name: str
    label: str
    values: np.ndarray

    @property
    def mean(self):
        """Mean over the runs that have it; NaN where none does."""
        there = self.values[~np.isnan(self.values)]
        return float(there.mean()) if len(there) else float("nan")

    def __repr__(self):
        return f"Measure({self.name} {self.mean:.5g}, {int((~np.isnan(self.values)).sum())} of {len(self.values)} runs)"


def measures(result):
    """What users of its game look at, of each run.

    Parameters
    ----------
    result : Result
        What was learned; it is judged by what the agents play (see :func:`marlfast.analysis.strategies`).

    Returns
    -------
    dict of str to Measure
        By name, in the order in which the game says them. Those that cannot be worked out (of learners that exact
        analysis cannot take, say) are left out.

    See Also
    --------
    marlfast.compare : Puts them beside each other for several results.
    marlfast.analysis : The functions behind them.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.measures import measures
    >>> run = mf.train(mf.games.PrisonersDilemma(), mf.IQL(), episodes=500, runs=4, seed=0)
    >>> measures(run)
    {'cooperation_rate': Measure(cooperation_rate 0, 4 of 4 runs)}
    """
    found, shared = {}, _Shared(result)
    for name, rule, label in _asked(result.experiment.game):
        try:
            values = np.asarray(rule(shared if rule in _OURS else result), np.float64)
        except (ValueError, MemoryError):
            if rule not in _OURS:
                raise
            continue                            # exact analysis says what it cannot take
        if values.shape != result.steps.shape:
            raise ValueError(f"measures: {name}: expected one number a run, shape {result.steps.shape}, got "
                             f"{values.shape}")
        found[name] = Measure(name, label, np.where(result.left_out, np.nan, values))
    return found


def columns(result):
    """Give what users of its game look at as columns, for ``measure=`` of a sweep.

    Parameters
    ----------
    result : Result
        Of some runs.

    Returns
    -------
    dict of str to float64 [R]
        All that the game says; NaN where there is no such number.

    See Also
    --------
    marlfast.sweep : Takes it by default where no episode ends.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.measures import columns
    >>> columns(mf.train(mf.games.PrisonersDilemma(), mf.IQL(), episodes=500, runs=2, seed=0))
    {'cooperation_rate': array([0., 0.])}
    """
    found = measures(result)
    none = np.full(len(result.steps), np.nan)
    return {name: found[name].values if name in found else none for name in known(result.experiment.game)}


def returns_of(result, each=False):
    """Scores of each run by what its returns are called in tables, with a label: those that say something.

    Parameters
    ----------
    result : Result
        With recorded episodes, or without: all is NaN then.
    each : bool
        Also those of single agents, and of the team, where their mean is not 0 whatever was learned.

    Returns
    -------
    dict of str to (str, float64 [R])
        ``"team_return"``; or ``"return_0"`` and so on of each side (:attr:`marlfast.Result.sides`).

    See Also
    --------
    marlfast.statistics.scores : The numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.measures import returns_of
    >>> run = mf.train(mf.games.MatchingPennies(), mf.IQL(), episodes=100, runs=2, seed=0)
    >>> list(returns_of(run))
    ['return_0', 'return_1']
    """
    from marlfast.statistics import scores

    found = {}
    for name, who in result.sides.items():
        key = "team_return" if name == "team" else f"return_{who[0]}" if len(who) == 1 else name.replace(" ", "_")
        found[key] = f"{name} return, last tenth of the episodes", scores(result, agents=who)
    if flag("each", each):
        agents = range(result.experiment.game.agents)
        if "return_0" not in found:
            found.setdefault("team_return", ("team return, last tenth of the episodes", scores(result, agents=agents)))
        for i in agents:
            label = f"agent {i} return, last tenth of the episodes"
            found.setdefault(f"return_{i}", (label, scores(result, agents=[i])))
    return found


def column_of(table, swept=None):
    """Name the column of a sweep's table by which its runs are judged.

    Parameters
    ----------
    table : dict of str to ndarray
        Of a sweep.
    swept : sequence of str, optional
        Its parameters. Where they are known, all other numbers that a game or a user measured count, too.

    Returns
    -------
    str
        ``"team_return"``; ``"return_0"`` where what agents earn adds up to 0; where no run has a return, as no episode
        ended, the first measure of a game's that some run has.

    See Also
    --------
    columns : Puts measures into a sweep.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast.measures import column_of
    >>> column_of({"team_return": np.array([np.nan]), "failed": np.array([False]), "price": np.array([1.5])})
    'price'
    """
    from marlfast.statistics import counted

    first = "return_0" if adds_up_to_zero(table) else "team_return"
    more = [] if swept is None else [
        name for name in table if name not in _COLUMNS and name not in swept and not name.startswith("return_")
        and np.asarray(table[name]).dtype.kind in "bif"]
    return next((name for name in (first, *RULES, *more) if name in table and
                 not np.isnan(counted(table, name)).all()), "team_return")


def label_of(column):
    """Say in words what a column of a table holds.

    Parameters
    ----------
    column : str
        Its name.

    Returns
    -------
    str
        The label of a measure; else its name without underscores.

    See Also
    --------
    known : Those of a game.

    Examples
    --------
    >>> from marlfast.measures import label_of
    >>> label_of("price"), label_of("return_1"), label_of("team_return")
    ('mean price in the long run', 'return of agent 1', 'team return')
    """
    if column in RULES:
        return RULES[column][1]
    head, _, last = column.rpartition("_")
    return f"return of agent {last}" if head == "return" and last.isdigit() else column.replace("_", " ")


def adds_up_to_zero(table):
    """Whether what the agents of a sweep earn adds up to 0 in each run, so that their mean says nothing.

    Parameters
    ----------
    table : dict of str to ndarray
        Of a sweep, with the column ``team_return`` and those of agents.

    Returns
    -------
    bool
        False where the table has no columns of agents.

    See Also
    --------
    column_of : Takes an agent's return then.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast.measures import adds_up_to_zero
    >>> adds_up_to_zero({"team_return": np.zeros(2), "return_0": np.array([1.0, -1.0])})
    True
    """
    from marlfast.statistics import counted

    if not {"team_return", "return_0"} <= set(table):
        return False
    mean, first = (np.nan_to_num(counted(table, name)) for name in ("team_return", "return_0"))
    greatest = np.abs(first).max(initial=0.0)
    return bool(greatest > 0.0 and np.abs(mean).max() <= 1e-9 * greatest)


def known(game):
    """Names and labels of what users of a game look at: {name: label}.

    Parameters
    ----------
    game : Game
        What is played.

    Returns
    -------
    dict of str to str
        In the order in which the game says them.

    See Also
    --------
    measures : The numbers.

    Examples
    --------
    >>> from marlfast import games
    >>> from marlfast.measures import known
    >>> list(known(games.StagHunt()))
    ['cooperation_rate', 'optimum']
    """
    return {name: label for name, _, label in _asked(game)}


def _asked(game):
    given = game.measures
    if isinstance(given, dict):
        for name, rule in given.items():
            if not isinstance(name, str) or not name.isidentifier() or not callable(rule):
                raise TypeError(f"game {game.name!r}: measures: expected functions by their names, got {shown(given)}")
            if name in _COLUMNS or name.startswith("return_"):
                raise ValueError(f"game {game.name!r}: measures: {name!r} is a column of every table; choose another "
                                 "name")
        return [(name, rule, name.replace("_", " ")) for name, rule in given.items()]
    for name in given:
        if not among(name, RULES):
            raise unknown("measure", name, RULES)
    return [(name, *RULES[name]) for name in given]


#: What every table has anyway.
_COLUMNS = frozenset({"point", "run", "seed", "steps", "episodes", "stop_reason", "failed", "team_return"})


class _Shared:
    """A result, and what several measures need of it, worked out once."""

    def __init__(self, result):
        self.result, self.game, self._kept = result, result.experiment.game, {}

    def once(self, name, make):
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def strategies(self):
        from marlfast import analysis

        return self.once("strategies", lambda: analysis.strategies(self.game, self.result))

    def model(self):
        """The game's, made once: analysis would make it again for each question."""
        return self.strategies().model

    def long_run(self):
        from marlfast import analysis

        return self.once("long_run", lambda: analysis.long_run(self.model(), self.strategies()))

    def cycles(self):
        from marlfast import analysis

        return self.once("cycles", lambda: analysis.limit_cycles(self.model(), self.strategies()))

    def nash_test(self):
        from marlfast import analysis

        return self.once("nash_test", lambda: analysis.nash_test(self.model(), self.strategies(), self.discount()))

    def discount(self):
        """The one discount of all agents and runs."""
        discounts = [part.discount for _, part, _ in self.result.experiment.resolved.parts]
        if any(map(np.ndim, discounts)) or len(set(discounts)) > 1:
            raise ValueError("discount: agents or runs have discounts of their own")
        return discounts[0]

    def deviations(self):
        """What follows when each agent in turn deviates for a period to its best reply of the moment: [R] by name."""
        return self.once("deviations", self._deviations)

    def _deviations(self):
        from marlfast.analysis import deviation
        from marlfast.analysis.values import chunks

        s, discount, agents = self.strategies(), self.discount(), self.game.agents
        found = {name: np.full((s.runs, agents), np.nan) for name in ("gain", "response", "back")}
        for some in chunks(s, s.model.size * max(s.model.actions)):
            part = s.some(some)
            for i in range(agents):
                away = deviation(s.model, part, i, length=PERIODS, numbers=getattr(self.game, "prices", None))
                found["gain"][some, i] = _share_gained(part, i, discount)
                others = np.delete(away.actions[:, 1] - away.before_actions, i, axis=1)
                found["response"][some, i] = others.mean(axis=1) if agents > 1 else np.nan
                found["back"][some, i] = away.back
        return {name: array.mean(axis=1) for name, array in found.items()}


def _share_gained(s, agent, discount):
    """What deviating once to the static best reply adds to the discounted rewards of the path, relative to them: [R].

    ``Q(state, static best reply) / V(state) - 1``, over the states of the limit cycle alike.
    """
    from marlfast.analysis import action_values, state_values
    from marlfast.analysis.cycles import occupied
    from marlfast.analysis.deviation import STATIC, _departing

    played = state_values(s.model, s, discount)[:, :, agent]
    static = _departing(s, agent, STATIC, None)[:, :, None]
    away = np.take_along_axis(action_values(s.model, s, discount, agent), static, axis=2)[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = np.where(played != 0.0, (away - played) / np.abs(played), np.nan)
    share = occupied(s, None)
    return np.where(share > 0.0, share * gained, 0.0).sum(axis=1)


def _profit_gain(s):
    return np.asarray(s.game.profit_gain(s.long_run().rewards)).mean(axis=1)


def _profit(s):
    return s.long_run().rewards.mean(axis=1)


def _price(s):
    if hasattr(s.game, "market_prices"):            # by state and joint action
        return _in_the_long_run(s, s.game.market_prices)
    end, prices = s.long_run(), s.game.prices
    digits = np.stack(np.unravel_index(np.arange(end.joint.shape[1]), prices.shape[1:] * len(prices)), axis=1)
    paid = np.stack([prices[i][digits[:, i]] for i in range(len(prices))], axis=1).mean(axis=1)
    return end.joint @ paid


def _in_the_long_run(s, numbers):
    """Mean of numbers that follow from a state and a joint action, float64 [S, J], in the long run."""
    given, occupancy = s.strategies(), s.long_run().occupancy
    return np.array([(occupancy[r][:, None] * given.joint(r) * numbers).sum() for r in range(given.runs)])


def _of_joint(name):
    """Mean of what a property of the game says of each joint action, in the long run."""
    return lambda s: s.long_run().joint @ np.ravel(getattr(s.game, name))


def _cycle_length(s):
    return s.cycles().length.astype(np.float64)


def _nash_on_path(s):
    return s.nash_test().on_path.astype(np.float64)


def _nash_off_path(s):
    return s.nash_test().share_off_path.mean(axis=1)


def _of_deviations(name):
    return lambda s: s.deviations()[name]


def _cooperation_rate(s):
    from marlfast import analysis

    if hasattr(s.game, "matrices"):
        return analysis.cooperation_rate(s.game, s.strategies(), s.game.cooperate).mean(axis=1)
    # Of games for many agents, whose joint actions cannot be listed: what each plays in the only row there is.
    if s.game.observations != 1 or s.game.features != 1:
        raise ValueError("cooperation_rate: agents see more than one thing")
    from marlfast.policy import plays_of

    runs, rows = len(s.result.steps), np.zeros((1, s.game.agents), np.int64)
    found = np.zeros(runs)
    for p in plays_of(s.result):
        if p.memories > 1:
            raise ValueError("cooperation_rate: what an agent remembers has no row")
        for r in range(runs):
            chances = p.chances(r, rows)[0, 0].reshape(p.counts)
            for k in range(len(p.agents)):
                found[r] += np.take(chances, s.game.cooperate, axis=k).sum()
    return found / s.game.agents


def _optimum(s):
    from marlfast import analysis

    # Of policies that stay a little mixed, as those by temperatures, what they do most.
    greedy = analysis.strategies(s.game, s.result, kind="greedy")
    if hasattr(s.game, "greatest_return"):
        total, best = analysis.expected_return(s.game, greedy).returns.sum(axis=1), s.game.greatest_return
    else:
        total, best = analysis.long_run(s.game, greedy).rewards.sum(axis=1), s.game.expected.sum(axis=-1).max()
    return (total >= best - 1e-9 * max(1.0, abs(best))).astype(np.float64)


def _exploitability(s):
    from marlfast import analysis, solvers

    game, result = s.game, s.result
    if game.participation:          # turns: by the tree of all histories
        tree = solvers.tree(game)
        policies = [result.policy(r) for r in range(len(result.steps))]
        return np.array([tree.exploitability(tree.of_rows([policy.table(i) for i in range(game.agents)]))
                         for policy in policies])
    return analysis.exploitability(game, s.strategies(), s.discount()).exploitability


def _last(numbers):
    """Mean of each run's last tenth of recorded episodes: float64 [R]. ``numbers`` float64 [R, entries], NaN: none."""
    found = np.full(len(numbers), np.nan)
    for r, own in enumerate(numbers):
        own = own[~np.isnan(own)]
        if len(own):
            found[r] = own[-max(1, round(0.1 * len(own))):].mean()
    return found


def _steps(s):
    lengths = s.result.lengths
    return _last(np.where(lengths < 0, np.nan, lengths)) / max(1, s.result.experiment.record_every)


def _ended(sign):
    """Share of episodes that ended well (1), badly (-1) or even (0) for agent 0."""
    def share(s):
        if s.result.experiment.record_every != 1:
            raise ValueError("wins: an entry of the record is the mean of several episodes")
        first = s.result.returns[:, :, 0]
        return _last(np.where(np.isnan(first), np.nan, np.sign(first) == sign))
    return share


def _total(s):
    return _last(s.result.returns.sum(axis=2))


def _food(s):
    if not s.game.normalize_reward or s.game.penalty:
        raise ValueError("food_collected: rewards are not shares of the food")
    return _total(s)


def _deliveries(s):
    return _total(s) / (s.game.agents if s.game.pay == "global" else 1)


def _order(s):
    if s.game.horizon and (s.result.arrays["episode_steps"] == 0).any():
        raise ValueError("order_parameter: the last state is the start of an episode that was not played")
    return np.asarray(s.game.order(s.result.arrays["state"]), np.float64)


def _collected(rewards, owner):
    """Whether the coin's owner collected it, and how many others did, by what they were paid: [R] twice."""
    paid = rewards[np.arange(len(owner)), owner]
    others = (rewards > 0.0).sum(axis=1) - (paid > 0.0)
    return (paid + 2.0 * others > 0.5).astype(np.int64), others         # 1 for the coin, less 2 for each of the others


def _own_coins(s):
    from marlfast.env import Env
    from marlfast.policy import Player, plays_of, rows_of

    runs = len(s.result.steps)
    player = Player(plays_of(s.result), s.game.agents, runs, 0, one=False)
    env = Env(s.game, runs=runs, seed=0, purpose="evaluation")
    observation, own, taken = env.reset(), np.zeros(runs), np.zeros(runs)
    player.reset(np.ones(runs, bool))
    for _ in range(STEPS):
        owner = env.state[:, -1].astype(np.int64)
        observation, rewards, terminated, truncated = env.step(player.act(rows_of(s.result, observation)))
        player.observe(rewards)
        by_owner, others = _collected(rewards, owner)
        own, taken = own + by_owner, taken + by_owner + others
        ended = terminated | truncated
        if ended.any():
            observation = env.reset(ended)
            player.reset(ended)
    with np.errstate(invalid="ignore"):
        return own / taken


#: Periods in which play is watched after a deviation; steps for which policies are played where nothing is exact.
PERIODS, STEPS = 15, 150

#: What can be asked for by name: {name: (function, label)}.
RULES = {
    "profit_gain": (_profit_gain, "profit gain (0: one-shot equilibrium, 1: joint maximum)"),
    "price": (_price, "mean price in the long run"),
    "profit": (_profit, "mean profit of a firm in a period"),
    "consumer_surplus": (_of_joint("consumer_surplus"), "consumer surplus in a period"),
    "revenue": (_of_joint("revenue"), "mean payment of the winner"),
    "cycle_length": (_cycle_length, "length of the limit cycle in steps"),
    "nash_on_path": (_nash_on_path, "share of runs whose strategies are best replies on the path"),
    "nash_off_path": (_nash_off_path, "share of states off the path with best replies"),
    "deviation_gain": (_of_deviations("gain"), "gain from a deviation (share of discounted profits)"),
    "deviation_response": (_of_deviations("response"), "change of the others' prices after a deviation"),
    "deviation_back": (_of_deviations("back"), f"share of deviations after which prices are back in {PERIODS} periods"),
    "cooperation_rate": (_cooperation_rate, "share of actions that cooperate, in the long run"),
    "own_coins": (_own_coins, f"share of coins collected by their owners, in {STEPS} steps"),
    "optimum": (_optimum, "share of runs at the greatest sum of rewards"),
    "exploitability": (_exploitability, "exploitability (what an agent could gain alone, mean over agents)"),
    "wins": (_ended(1), "share of episodes that agent 0 wins, over the last tenth"),
    "losses": (_ended(-1), "share of episodes that agent 0 loses, over the last tenth"),
    "draws": (_ended(0), "share of episodes without a winner, over the last tenth"),
    "order_parameter": (_order, "order parameter (0: as many up as down, 1: all alike) at the end"),
    "capture_time": (_steps, "steps to a capture, over the last tenth of the episodes"),
    "episode_length": (_steps, "steps of an episode, over the last tenth"),
    "food_collected": (_food, "share of the food that is collected, over the last tenth of the episodes"),
    "deliveries": (_deliveries, "deliveries in an episode, over the last tenth"),
}
_OURS = {rule for rule, _ in RULES.values()}
