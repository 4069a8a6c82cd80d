"""Environments that are not ours train unchanged, by one call each: ``pytest -m slow``."""
import functools
import warnings

import pytest

import marlfast as mf

pytestmark = pytest.mark.slow
ROUNDED = mf.Rounding(1)


def gymnasium(name, **options):
    return mf.games.GymnasiumGame(functools.partial(pytest.importorskip("gymnasium").make, name), **options)


def pettingzoo(module, how="parallel_env", **options):
    return mf.games.PettingZooGame(getattr(pytest.importorskip(module), how), **options)


ENVIRONMENTS = {
    "frozen lake": lambda: (gymnasium("FrozenLake-v1"), None),
    "taxi, with its masks": lambda: (gymnasium("Taxi-v4"), None),
    "cliff walking": lambda: (gymnasium("CliffWalking-v1"), None),
    "blackjack": lambda: (gymnasium("Blackjack-v1"), mf.Rounding(0)),
    "cart pole": lambda: (gymnasium("CartPole-v1"), ROUNDED),
    "foraging": lambda: (gymnasium("lbforaging:Foraging-5x5-2p-1f-v3"), mf.Rounding(0)),
    "warehouse": lambda: (gymnasium("rware:rware-tiny-2ag-v2"), mf.Rounding(0)),
    "rock, paper, scissors": lambda: (pettingzoo("pettingzoo.classic.rps_v2"), None),
    "tic-tac-toe": lambda: (pettingzoo("pettingzoo.classic.tictactoe_v3", "env"), mf.Rounding(0)),
    "connect four": lambda: (pettingzoo("pettingzoo.classic.connect_four_v3", "env"), mf.Rounding(0)),
    "leduc": lambda: (pettingzoo("pettingzoo.classic.leduc_holdem_v4", "env"), mf.Rounding(0)),
    "spread": lambda: (pettingzoo("mpe2.simple_spread_v3"), mf.Rounding(0)),
    "speaker and listener": lambda: (pettingzoo("mpe2.simple_speaker_listener_v4"), mf.Rounding(0)),
    "kuhn poker of OpenSpiel": lambda: (pytest.importorskip("pyspiel") and mf.games.OpenSpielGame("kuhn_poker"),
                                        mf.Rounding(0)),
}
#: These need packages beside the library's own.
NEED = {"leduc": "rlcard", "foraging": "lbforaging", "warehouse": "rware"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_that_is_not_ours_trains_unchanged(name, backend):
    pytest.importorskip(NEED.get(name, "numpy"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")             # theirs
        game, encoder = ENVIRONMENTS[name]()
        one, other = (mf.train(game, mf.IQL(0.2), encoder=encoder, steps=400, runs=2, seed=0, backend=which)
                      for which in (backend, "cython"))
    assert one.steps.tolist() == [400, 400] and one.q.tobytes() == other.q.tobytes()


def test_momaland_with_a_scalarisation():
    """Rewards of several objectives become one number by weights."""
    momaland = pytest.importorskip("momaland.envs.item_gathering.moitem_gathering_v0")
    wrappers = pytest.importorskip("momaland.utils.parallel_wrappers")

    def make():
        env = momaland.parallel_env()
        size = env.unwrapped.reward_space(env.possible_agents[0]).shape[0]
        return functools.reduce(lambda e, agent: wrappers.LinearizeReward(e, {agent: [1.0 / size] * size}),
                                env.possible_agents, env)

    game = mf.games.PettingZooGame(make, leaves=True)
    assert mf.train(game, mf.IQL(), encoder=mf.Rounding(0), steps=100, seed=0).steps.tolist() == [100]
