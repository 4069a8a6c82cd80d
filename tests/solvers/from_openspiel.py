"""A game of OpenSpiel's as a Tree, history by history: what its own functions say, in our arrays."""
import numpy as np

from marlfast.solvers import Tree


def tree_of(game):
    """The tree, and {information state string: number of the set}."""
    players = game.num_players()
    layer = [(game.new_initial_state(), -1, -1, 1.0, (-1,) * players)]
    names = ("player", "parent", "count", "info", "slot", "chance", "returns")
    nodes = {name: [] for name in names}
    known, owner, begin, last, actions = {}, [], [0], [], []
    found = 0
    while layer:
        following = []
        for state, parent, slot, chance, own in layer:
            number, found = found, found + 1
            info, returns, children = -1, [0.0] * players, []
            if state.is_terminal():
                player, returns = -2, state.returns()
            elif state.is_chance_node():
                player = -1
                children = [(state.child(a), number, -1, p, own) for a, p in state.chance_outcomes()]
            else:
                player = state.current_player()
                legal, key = state.legal_actions(), state.information_state_string()
                if key not in known:
                    known[key] = len(owner)
                    owner.append(player)
                    begin.append(begin[-1] + len(legal))
                    last.append(own[player])
                    actions += legal
                info = known[key]
                for k, a in enumerate(legal):
                    mine = begin[info] + k
                    children.append((state.child(a), number, mine, 1.0,
                                     tuple(mine if i == player else e for i, e in enumerate(own))))
            for name, value in zip(names, (player, parent, len(children), info, slot, chance, returns), strict=True):
                nodes[name].append(value)
            following += children
        layer = following
    count = np.array(nodes["count"])
    ints = {name: np.array(nodes[name], np.int32) for name in ("player", "parent", "count", "info", "slot")}
    made = Tree(game.get_type().short_name, players, first=(1 + np.cumsum(count) - count).astype(np.int32),
                chance=np.array(nodes["chance"], np.float64), returns=np.array(nodes["returns"], np.float64),
                owner=np.array(owner, np.int32), begin=np.array(begin, np.int32), last=np.array(last, np.int32),
                actions=np.array(actions, np.int32), **ints)
    return made, known
