"""Games with turns: rules by hand, twins bit for bit, and OpenSpiel's own games (``pip install open_spiel``)."""
import numpy as np
import pytest

from marlfast import games, solvers

GAMES = {
    "kuhn_poker": games.KuhnPoker(), "leduc_poker": games.LeducPoker(), "liars_dice": games.LiarsDice(),
    "liars_dice(dice_sides=3)": games.LiarsDice(sides=3), "tic_tac_toe": games.TicTacToe(), "nim": games.Nim(),
    "nim(pile_sizes=2;3,is_misere=false)": games.Nim((2, 3), misere=False),
    "connect_four": games.ConnectFour(6, 7),
}

TURN_EXAMPLES = [games.KuhnPoker(), games.LeducPoker(), games.LiarsDice(), games.LiarsDice(sides=3), games.TicTacToe(),
            games.Nim(), games.Nim((2, 3), misere=False), games.ConnectFour(), games.ConnectFour(3, 4, connect=3)]


class Table:
    """Many plays of a game by its kernel, step by step."""

    def __init__(self, game, runs, seed, backend="cython"):
        self.game, self.kernel, self.rng = game, game.kernel(backend), np.random.default_rng(seed)
        self.state = np.zeros((runs, self.kernel.state_size))
        self.kernel.start(self.state, self.rng.random((runs, self.kernel.start_uniforms)),
                          np.zeros((runs, self.kernel.start_normals)))

    def asked(self):
        runs = len(self.state)
        acts = np.zeros((runs, 2), bool)
        legal = np.zeros((runs, 2, self.kernel.max_actions), bool)
        obs = np.zeros((runs, self.kernel.views, self.kernel.features))
        self.kernel.to_act(self.state, acts)
        self.kernel.legal(self.state, legal)
        self.kernel.observe(self.state, obs)
        return acts, legal, obs

    def step(self, actions):
        runs = len(self.state)
        rewards, over = np.zeros((runs, 2)), np.zeros(runs, bool)
        self.kernel.step(self.state, actions, self.rng.random((runs, self.kernel.step_uniforms)),
                         np.zeros((runs, 0)), rewards, over)
        return rewards, over


def moves(acts, legal, rng):
    """A legal action of who acts, as likely as any; -1 of the other: int32 [runs, 2]."""
    actions = np.full(acts.shape, -1, np.int32)
    run, who = np.nonzero(acts)
    allowed = legal[run, who]
    pick = (rng.random(len(run)) * allowed.sum(axis=1)).astype(int)
    actions[run, who] = (np.cumsum(allowed, axis=1) > pick[:, None]).argmax(axis=1)
    return actions


@pytest.mark.parametrize("name", GAMES)
def test_twins_agree_bit_for_bit(name):
    game = GAMES[name]
    ours, theirs = (Table(game, 300, 1, backend) for backend in ("cython", "numpy"))
    rng = np.random.default_rng(2)
    for _ in range(60):
        assert ours.state.tobytes() == theirs.state.tobytes()
        one, other = ours.asked(), theirs.asked()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))
        acts, legal, obs = one
        assert (acts.sum(axis=1) == 1).all() and legal[acts].any(axis=1).all()
        if game.observations is not None:
            assert obs.min() >= 0 and obs.max() < game.observations
        (rewards, over), found = ours.step(actions := moves(acts, legal, rng)), theirs.step(actions)
        assert rewards.tobytes() == found[0].tobytes() and over.tobytes() == found[1].tobytes()
        assert (rewards.sum(axis=1) == 0).all() and (rewards[~over] == 0).all()
        finished = ours.asked()
        assert [x.tobytes() for x in finished] == [x.tobytes() for x in theirs.asked()]
        assert not finished[0][over].any()
        for table in (ours, theirs):
            draws = table.rng.random((300, table.kernel.start_uniforms))
            table.kernel.start(fresh := np.zeros_like(table.state), draws, np.zeros((300, 0)))
            table.state[over] = fresh[over]


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_what_is_not_allowed_is_refused(name, backend):
    game = GAMES[name]
    table = Table(game, 1, 3, backend)
    acts, legal, _ = table.asked()
    if not legal[0, 0, :game.max_actions].all():
        wrong = np.array([[legal[0, 0].argmin(), -1]], np.int32)
        with pytest.raises(ValueError, match="not legal"):
            table.step(wrong)
    for action in (-1, game.max_actions):
        with pytest.raises(ValueError, match="outside the agent's actions"):
            table.step(np.array([[action, 0]], np.int32))
    table.state[0, 0] = 0.5
    for call in (table.asked, lambda: table.step(np.array([[0, 0]], np.int32))):
        with pytest.raises(ValueError, match="not one of the game's"):
            call()


def played(game, actions, cards=()):
    """Rewards of a play, and its table."""
    table = Table(game, 1, 0)
    if cards:
        table.state[0, :len(cards)] = cards
    rewards, over = np.zeros((1, 2)), [False]
    for action in actions:
        acts = table.asked()[0]
        rewards, over = table.step(np.where(acts, action, -1).astype(np.int32))
    return rewards[0].tolist(), bool(over[0]), table


@pytest.mark.parametrize("actions, cards, paid", [
    ([0, 0], (2, 1), 1), ([1, 0], (0, 2), 1), ([1, 1], (0, 2), -2), ([0, 1, 0], (2, 0), -1), ([0, 1, 1], (2, 0), 2)])
def test_kuhn_by_hand(actions, cards, paid):
    assert played(games.KuhnPoker(), actions, cards)[:2] == ([paid, -paid], True)


def test_leduc_by_hand():
    game = games.LeducPoker()
    # Raise, raise, fold: the first player has paid 1 + 2.
    assert played(game, [2, 2, 0], (0, 2))[:2] == ([-3, 3], True)
    assert played(game, [2, 0], (0, 2))[:2] == ([1, -1], True)
    _, over, table = played(game, [2, 1], (0, 2))       # raise, call: both have paid 3
    assert not over and table.state[0, 2] in (1, 3, 4, 5) and table.state[0, 3:].tolist() == [1, 0]
    table.state[0, 2] = 1.0                             # the other jack: a pair for the first player
    for action in (2, 2, 1):                            # raise, raise, call: 3 + 8
        acts = table.asked()[0]
        rewards, over = table.step(np.where(acts, action, -1).astype(np.int32))
    assert rewards.tolist() == [[11, -11]] and over
    acts, legal, _ = played(game, [], (0, 2))[2].asked()
    assert legal[0, 0].tolist() == [False, True, True]      # nothing to fold for
    assert played(game, [2, 2], (0, 2))[2].asked()[1][0, 0].tolist() == [True, True, False]


def test_liars_dice_by_hand():
    game = games.LiarsDice(sides=3)
    # Dice 1 and 3 (as good as any): two ones are there, so the call of "2 x 1" loses.
    assert played(game, [3, 6], (0, 2))[:2] == ([1, -1], True)
    assert played(game, [4, 6], (0, 0))[:2] == ([-1, 1], True)
    assert played(game, [], (0, 0))[2].asked()[1][0, 0].tolist() == [True] * 6 + [False]
    assert played(game, [2, 4], (0, 0))[2].asked()[1][0, 0].tolist() == [False] * 5 + [True, True]


def test_boards_by_hand():
    rewards, over, table = played(games.TicTacToe(), [0, 3, 1, 4, 2])
    assert (rewards, over) == ([1, -1], True) and table.asked()[2].tolist() == [[[1 + 3 + 9 + 2 * (27 + 81)]]]
    assert played(games.TicTacToe(), [0, 1, 2, 4, 3, 5, 7, 6, 8])[:2] == ([0, 0], True)
    four = games.ConnectFour(4, 5)
    assert played(four, [0, 1, 0, 1, 0, 1, 0])[:2] == ([1, -1], True)                       # upright
    assert played(four, [0, 0, 1, 1, 2, 2, 3])[:2] == ([1, -1], True)                       # across
    assert played(four, [0, 1, 1, 2, 2, 3, 2, 3, 3, 0, 3])[:2] == ([1, -1], True)           # rising
    assert played(four, [3, 2, 2, 1, 1, 0, 1, 0, 0, 4, 0])[:2] == ([1, -1], True)           # falling
    assert four.render(played(four, [2, 2])[2].state[0]) == ". . . . .\n. . . . .\n. . O . .\n. . X . ."
    assert not played(four, [0, 0, 0, 0])[2].asked()[1][0, 0, 0]


def test_nim_by_hand():
    # Take 1 of pile 1 (action 1), 1 of pile 0, which was the last.
    assert played(games.Nim((1, 1), misere=False), [1, 0])[:2] == ([-1, 1], True)
    assert played(games.Nim((1, 1)), [1, 0])[:2] == ([1, -1], True)
    table = played(games.Nim((1, 2)), [])[2]
    assert table.asked()[1][0, 0].tolist() == [True, True, False, True]


@pytest.mark.parametrize("piles", [(1, 2), (2, 2), (1, 2, 3), (2, 3)])
def test_who_wins_nim_is_known(piles):
    """Bouton's theorem: the first player wins if the exclusive or of the piles is not 0."""
    tree = solvers.tree(games.Nim(piles, misere=False))
    expected = 1.0 if np.bitwise_xor.reduce(piles) else -1.0
    assert solvers.cfr(tree, 300).values[0] == pytest.approx(expected, abs=0.01)


def test_values_of_kuhn_and_leduc():
    assert solvers.cfr(games.KuhnPoker(), 3000).values[0] == pytest.approx(-1 / 18, abs=1e-4)
    leduc = solvers.cfr(games.LeducPoker(), 300)
    assert leduc.nash_conv < 0.01 and leduc.values[0] == pytest.approx(-0.0856, abs=2e-3)


@pytest.mark.parametrize("call, message", [
    (lambda: games.LiarsDice(sides=7), "sides: "), (lambda: games.Nim(()), "piles: expected 1 to 16"),
    (lambda: games.Nim((0, 1)), r"piles\[0\]: "), (lambda: games.Nim((2**20, 2**20)), "positions"),
    (lambda: games.Nim(misere=2), "misere: "), (lambda: games.ConnectFour(7, 7), "at most 53"),
    (lambda: games.ConnectFour(3, 3), "connect: "), (lambda: games.ConnectFour(0, 3), "height: "),
])
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def openspiel_state(game, name, state):
    """OpenSpiel's own game, with chance's moves made as in a state of ours, and how it goes on."""
    pyspiel = pytest.importorskip("pyspiel")
    started = pyspiel.load_game(name).new_initial_state()
    for k in range(2 if started.is_chance_node() else 0):
        started.apply_action(int(state[k]))
    return started


@pytest.mark.parametrize("name", GAMES)
def test_openspiel_plays_the_same(name, episodes=60):
    """Legal actions, whose turn it is and returns, move by move."""
    pytest.importorskip("pyspiel")
    game = GAMES[name]
    table, rng = Table(game, episodes, 5), np.random.default_rng(6)
    theirs = [openspiel_state(game, name, state) for state in table.state]
    alive = np.ones(episodes, bool)
    while alive.any():
        acts, legal, _ = table.asked()
        actions = moves(acts, legal, rng)
        for r in np.flatnonzero(alive):
            who = int(acts[r].argmax())
            assert theirs[r].current_player() == who
            assert np.flatnonzero(legal[r, who]).tolist() == theirs[r].legal_actions()
            theirs[r].apply_action(int(actions[r, who]))
        before = table.state.copy()
        one = Table.__new__(Table)
        one.game, one.kernel, one.rng, one.state = game, table.kernel, table.rng, table.state[alive].copy()
        rewards, over = one.step(actions[alive])
        table.state[alive] = one.state
        for place, r in enumerate(np.flatnonzero(alive)):
            if theirs[r].is_chance_node():
                theirs[r].apply_action(int(one.state[place, 2]))
            assert bool(over[place]) == theirs[r].is_terminal()
            if over[place]:
                assert rewards[place].tolist() == theirs[r].returns()
        alive[np.flatnonzero(alive)[over]] = False
        table.state[~alive] = before[~alive]


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_openspiel_plays_the_same_ten_thousand_times(name):
    test_openspiel_plays_the_same(name, episodes=10_000)
