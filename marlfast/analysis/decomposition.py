"""What teams that decompose their value have learned of their joint actions."""
import numpy as np

from marlfast.errors import integer
from marlfast.resolved import part_of


def joint_values(result, observation, state=None, agent=0, run=0):
    """The value that a team has learned for every joint action of its members, such as ``Qtot`` of VDN and QMIX.

    Parameters
    ----------
    result : Result
        Of a training with VDN or QMIX.
    observation : float64 [V, D], or fewer axes where there is one view or feature
        What the agents see.
    state : float64 [S], optional
        The game's whole state; needed where its rows are not those of what the agents see (``central``).
    agent : int
        The team is that of this agent.
    run : int
        Which of its runs.

    Returns
    -------
    float64
        One axis for each member, in agent order, as long as its number of actions. Exactly what the learner computes; a
        row that was never seen counts as it began.

    See Also
    --------
    marlfast.learners.VDN : Values of a team as a sum.
    marlfast.learners.QMIX : Values of a team by a monotonic network.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> from marlfast.learners import VDN
    >>> game = mf.games.MatrixGame([[4.0, 1.0], [3.0, 0.0]])
    >>> run = mf.train(game, VDN(explore=mf.EpsilonGreedy(1.0), discount=0.0), steps=2000, seed=0)
    >>> (analysis.joint_values(run, 0).round(6) + 0.0).tolist()
    [[4.0, 1.0], [3.0, 0.0]]
    """
    e = result.experiment
    agent, run = integer("agent", agent, 0, e.game.agents - 1), integer("run", run, 0, len(result.steps) - 1)
    prefix, learner, context = e.resolved.part(agent)
    if not hasattr(learner, "joint_values"):
        raise ValueError(f"result: learner {learner.name!r} of agent {agent} has no joint values made of utilities; "
                         "vdn and qmix have")
    own = {name: array[run:run + 1] for name, array in result.arrays.items()}
    obs = np.array(observation, np.float64)
    if obs.size != e.game.views * e.game.features:
        raise ValueError(f"observation: expected shape {(e.game.views, e.game.features)}, got {obs.shape}")
    rows = e.encoder.find(e.game, part_of(own, "encoder"), obs.reshape(e.game.views, e.game.features))
    states = rows[:e.resolved.active]
    if learner.central and e.resolved.central is not None:
        encoder, whole = e.resolved.central
        if state is None or np.size(state) != whole.size:
            raise ValueError(f"state: expected the {whole.size} numbers of the game's whole state, as "
                             f"{learner.name!r} looks at it, got {state}")
        states = encoder.find(whole, part_of(own, "central"), whole.obs(np.array(state, np.float64)))
    arrays = part_of(own, "learner")
    if prefix:
        arrays = part_of(arrays, prefix[:-1])
    team = next(m for m, members in enumerate(learner.teams(context)) if agent in members)
    return learner.joint_values(context, arrays, rows, states, team=team)
