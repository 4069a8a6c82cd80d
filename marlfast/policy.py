"""Policies: what a team plays, without learning any more."""
import numpy as np

from marlfast.errors import flag, integer, sequence, shown, unknown
from marlfast.learners.plays import Chosen, check_kind, one_kind
from marlfast.resolved import part_of
from marlfast.table_policy import AgentPolicy, TablePolicy, as_batch, tabled


class Policy:
    """What one team has learned, as it plays: each agent's action from its own observation.

    Where what it plays is mixed, every call draws; where agents remember something (tit for tat), the first call goes
    on from where training stood, each other one from the one before, until :meth:`reset` begins an episode. An
    observation that was never seen in training is judged by the initial values.

    Parameters
    ----------
    experiment : Experiment
        Of one run.
    arrays : dict of str to ndarray
        ``encoder.*`` and ``learner.*``; the first axis, of length 1, is the run.
    kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
        Which of what the learners play: see :meth:`marlfast.learners.Learner.plays`.
    seed : int
        Of its draws.

    Attributes
    ----------
    experiment, arrays, kind, seed
        As given.

    See Also
    --------
    marlfast.Result.policy : Makes it.
    marlfast.evaluate : Plays many episodes.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Climbing(), mf.IQL(0.2), episodes=500, seed=0)
    >>> policy = run.policy()
    >>> policy(0).tolist()
    [2, 2]
    >>> [chances.tolist() for chances in policy.probabilities(0)]
    [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, experiment, arrays, kind="policy", seed=0):
        self.experiment, self.arrays = experiment, arrays
        self.kind = check_kind(kind) if isinstance(kind, str) else tuple(
            check_kind(one) for one in sequence("kind", kind, "a word, or one for each agent"))
        self._player = self._alone = self._greedy = None
        self.seed = integer("seed", seed, 0, 2**64 - 1)

    @classmethod
    def of_result(cls, result, run, kind="policy", seed=0):
        """Take the policy of one run: what :meth:`Result.policy` does.

        Parameters
        ----------
        result : Result
            Of a training.
        run : int
            0 to R - 1.
        kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
            Which of what the learners play.
        seed : int
            Of its draws.

        Returns
        -------
        Policy
            Of this run's team.
        """
        n_runs = len(result.steps)
        run = integer("run", run, 0, n_runs - 1)
        arrays = {name: array[run:run + 1].copy() for name, array in result.arrays.items()
                  if name.startswith(("encoder.", "learner."))}
        return cls(result.experiment.of_run(run), arrays, kind, seed)

    def __repr__(self):
        e = self.experiment
        return f"Policy({e.learner.name} in {e.game.name}{'' if self.kind == 'policy' else f', kind={self.kind!r}'})"

    @property
    def alone(self):
        """The same as tables (:class:`TablePolicy`), made when first asked for; or a text that says why there are none.

        What it plays is looked up there: ``arrays`` that are changed afterwards are not looked at again.
        """
        if self._alone is None and "legal" in self.experiment.game.participation:
            self._alone = f"in game {self.experiment.game.name!r} some actions are not legal, which tables do not know"
        if self._alone is None:
            self._alone = tabled(self, plays_of(self, self.kind))
        return self._alone

    def standalone(self):
        """The same policy without the game, the learner and all else that it comes from.

        Returns
        -------
        TablePolicy
            Its draws are those of this policy: the two share a generator.

        Raises
        ------
        ValueError
            What is done does not follow from a row alone: agents remember something, or are in several rows.
        """
        if isinstance(self.alone, str):
            raise ValueError(f"policy: cannot be written as tables: {self.alone}; save the result instead")
        return self.alone

    def save(self, path):
        """Write to one ``.npz`` file that is read without the game: see :meth:`TablePolicy.save`.

        Parameters
        ----------
        path : str or path-like
            Where to.
        """
        self.standalone().save(path)

    @staticmethod
    def load(path, seed=0, backend="cython"):
        """Read a policy that :meth:`save` wrote: see :meth:`TablePolicy.load`.

        Parameters
        ----------
        path : str or path-like
            Of the file.
        seed : int
            Of its draws.
        backend : {"cython", "numpy"}
            Which kernels look up.

        Returns
        -------
        TablePolicy
            It needs neither the game nor the learner.
        """
        return TablePolicy.load(path, seed, backend)

    def export(self, path, name=None):
        """Write as a C header or as JSON, for use without marlfast: see :meth:`TablePolicy.export`.

        Parameters
        ----------
        path : str or path-like
            A name that ends with ``.h`` or ``.json``.
        name : str, optional
            Of a header: what the names in it begin with. Default: that of the file.
        """
        self.standalone().export(path, name)

    def __call__(self, observation, legal=None):
        """Actions of all agents.

        Parameters
        ----------
        observation : float64 [V, D], or [B, V, D] of B copies of the team; or dict
            [D] where all agents see the same, a number where that is a single one. A dictionary has what each agent
            observes by its name, as an environment gave it; those that are not in it are not asked.
        legal : bool [N, A], or [B, N, A], optional; or dict
            What each agent may do, such as ``env.legal[0]``; needed in games where some actions are not legal. Of those
            who may do nothing, as they do not act, the action means nothing. With a dictionary of observations, a mask
            for each name; not needed where observations are dictionaries that have an ``"action_mask"``.

        Returns
        -------
        int32 [N], or [B, N]; or dict of str to int
            One for each agent.
        """
        alone = self.alone
        if isinstance(observation, dict) and "legal" in self.experiment.game.participation:
            return self._by_name(observation, legal)
        legal = self._legal(legal)
        if not isinstance(alone, str):
            return alone(observation)
        if isinstance(observation, dict):
            raise ValueError(f"observation: expected an array, since {alone}")
        game = self.experiment.game
        one, observation = (game.views, game.features), np.array(observation, np.float64)
        if observation.ndim == 3 and observation.shape[1:] == one:
            return self._several(observation, legal)
        if observation.size != one[0] * one[1]:
            raise self._misshapen(observation)
        if legal is not None and legal.ndim != 2:
            raise ValueError(f"legal: expected shape {legal.shape[1:]} with a single observation, got {legal.shape}")
        rows = self._rows(observation.reshape(one))[None]
        return self._play().act(rows, legal=legal if legal is None else legal[None])[0]

    def _by_name(self, observation, legal):
        """{name: action}, where some actions are not legal, both in the environment's own numbers."""
        game, actions = self.experiment.game, {}
        facts, played = game.interface(), self._play()
        for name, given in observation.items():
            if str(name) not in facts["agents"]:
                raise unknown("agent", name, facts["agents"])
            i = facts["agents"].index(str(name))
            mask = given.get("action_mask") if isinstance(given, dict) else None
            if mask is None and isinstance(legal, dict):
                mask = legal.get(name)
            if mask is None:
                raise ValueError(f"legal: expected what agent {name!r} may do, legal={{{name!r}: mask}}, since in game "
                                 f"{game.name!r} some actions are not legal")
            mask, count = np.asarray(mask).ravel(), int(game.action_counts[i])
            if mask.shape != (count,) or not mask.any():
                raise ValueError(f"legal: expected a mask of {count} entries for agent {name!r}, at least one not 0, "
                                 f"got {shown(mask)}")
            may = np.zeros((1, game.agents, game.max_actions), bool)
            may[0, :, 0], may[0, i] = True, False
            may[0, i, :count] = mask != 0
            rows = self._own_rows(game.observed_by(i, given), i)
            actions[name] = game.chosen_by(i, int(played.act(rows[None], [i], may)[0, i]))
        return actions

    def _legal(self, legal):
        """What each agent may do, checked; None in games where that is anything."""
        game = self.experiment.game
        if "legal" not in game.participation:
            if legal is not None:
                raise ValueError(f"legal: all actions of game {game.name!r} are legal at all times; leave legal out")
            return None
        wanted = game.agents, game.max_actions
        if legal is None:
            raise ValueError(f"legal: expected what each agent may do, bool {wanted}, since in game {game.name!r} some "
                             "actions are not legal; env.legal says so")
        legal = np.asarray(legal)
        if legal.dtype != bool or legal.shape[-2:] != wanted or legal.ndim > 3:
            raise ValueError(f"legal: expected bool of shape {wanted}, or {('B', *wanted)} of B copies, got "
                             f"{legal.dtype} {legal.shape}")
        return legal

    def _several(self, observation, legal=None):
        """Actions of several copies, who remember nothing."""
        player = self._play()
        if any(p.memories > 1 for p in player.plays):
            raise ValueError(f"observation: expected a single one, shape {observation.shape[1:]}, since {self.alone}; "
                             "several copies would each have to remember something of their own")
        copies = Player(player.plays, player.agents, len(observation), 0)
        copies.random = player.random
        if legal is not None and (legal.ndim != 3 or len(legal) != len(observation)):
            raise ValueError(f"legal: expected one for each of {len(observation)} copies, got {legal.shape}")
        return copies.act(np.array([self._rows(one) for one in observation]), legal=legal)

    def _misshapen(self, observation):
        one = (self.experiment.game.views, self.experiment.game.features)
        return ValueError(f"observation: expected shape {one}, or {('B', *one)} for B copies, got {observation.shape}")

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        """Actions in the way that Stable-Baselines3's ``model.predict`` gives them.

        Parameters
        ----------
        observation : array [V * D] or [V, D], or of B copies [B, V * D] or [B, V, D]; or dict
            Where all agents see the same, [B, D] are B copies.
        state : optional
            Handed back as it came.
        episode_start : bool or bool [1], optional
            Whether an episode begins, for agents who remember something: :meth:`reset`.
        deterministic : bool
            True: as of ``kind="greedy"``.

        Returns
        -------
        actions : int32 [N] or [B, N]; or dict
            One for each agent.
        state
            As it was given.
        """
        if flag("deterministic", deterministic):
            if self._greedy is None:
                self._greedy = Policy(self.experiment, self.arrays, "greedy", self.seed)
            return self._greedy.predict(observation, state, episode_start)
        if not isinstance(self.alone, str):
            return self.alone.predict(observation, state)
        if episode_start is not None and np.any(episode_start):
            self.reset()
        game = self.experiment.game
        array, single = as_batch(np.array(observation, np.float64), game.views, game.features, self._misshapen)
        return (self(array[0]) if single else self(array)), state

    def probabilities(self, observation):
        """Give the probabilities of every agent's actions, by what it remembers now.

        Nothing is drawn, nothing moves on.

        Parameters
        ----------
        observation : float64 [V, D], or [D] where all agents see the same
            As the game gives it.

        Returns
        -------
        list of N float64 [A_i]
            Each agent's own, of those that draw together, too.
        """
        game, observation = self.experiment.game, np.array(observation, np.float64)
        game.refuse_moves("probabilities", "call the policy with legal=", ("legal",))
        if observation.size != game.views * game.features:
            raise ValueError(f"observation: expected shape {(game.views, game.features)}, got {observation.shape}")
        return self._play().chances(self._rows(observation.reshape(game.views, game.features))[None])

    def reset(self, seed=None):
        """Begin an episode: what is remembered of the one before is forgotten.

        Parameters
        ----------
        seed : int, optional
            Draw afresh from this seed.
        """
        if seed is not None:
            self.seed, self._player = integer("seed", seed, 0, 2**64 - 1), None
        if self._greedy is not None:
            self._greedy.reset()
        if self._alone is None or isinstance(self._alone, str):
            self._play().reset(np.ones(1, bool))
        else:
            self._alone.reset(seed)

    def observe(self, rewards, actions=None):
        """Say what came of the last call, for agents who remember rewards or others' actions.

        Parameters
        ----------
        rewards : float64 [N]
            What each agent was paid.
        actions : int [N], optional
            What was done. Default: what the last call said.
        """
        if self._alone is not None and not isinstance(self._alone, str):
            return                          # it remembers nothing
        if self._greedy is not None:
            self._greedy.observe(rewards, actions)
        given = None if actions is None else np.asarray(actions)[None]
        self._play().observe(np.asarray(rewards, np.float64)[None], given)

    def agent(self, agent):
        """Give the policy of one agent of the team.

        Parameters
        ----------
        agent : int or str
            Its number, 0 to N - 1, or its name.

        Returns
        -------
        AgentPolicy
            Takes what this agent observes.
        """
        if isinstance(agent, str):
            names = self.experiment.game.interface()["agents"]
            if agent not in names:
                raise unknown("agent", agent, names)
            agent = names.index(agent)
        return AgentPolicy(self, integer("agent", agent, 0, self.experiment.game.agents - 1))

    def table(self, agent, kind=None):
        """List the probabilities of one agent's actions in each row of its table.

        Parameters
        ----------
        agent : int
            0 to N - 1.
        kind : str, optional
            Default: that of the policy.

        Returns
        -------
        float64 [rows, A]
            Its own, where it draws together with others.
        """
        e, kind = self.experiment, self.kind if kind is None else kind
        agent = integer("agent", agent, 0, e.game.agents - 1)
        one = next(p for p in plays_of(self, kind) if agent in p.agents)
        name = e.resolved.part(agent)[1].name
        if one.memories > 1:
            raise ValueError(f"agent: {agent} ({name}) remembers something, so that its action does not follow from a "
                             f"row; let {name!r} itself play, as one of learners=[...]")
        active = e.encoder.active(e.game)
        if active > 1:
            raise ValueError(f"agent: encoder {e.encoder.name!r} puts an observation into several rows, so that a row "
                             "alone has no probabilities; call the policy")
        used = e.encoder.used(e.game, {"used": self.arrays["encoder.used"]}).max() if e.encoder.grows else (
            e.encoder.rows(e.game))
        rows = np.tile(np.arange(int(used))[:, None], (1, e.game.agents))
        p = one.chances(0, rows)[:, 0].reshape(len(rows), *one.counts)
        return p.sum(axis=tuple(1 + k for k, i in enumerate(one.agents) if i != agent))

    def __getstate__(self):
        # Plays are made again; what a player remembers, and where its draws are, go with it.
        player = self._player
        kept = None if player is None else (player.memory, player.acted, player.rewards, player.random)
        return self.__dict__ | {"_player": None, "_kept": kept}

    def __setstate__(self, state):
        kept = state.pop("_kept", None)
        self.__dict__.update(state)
        if kept is not None:
            player = self._play()
            player.memory, player.acted, player.rewards, player.random = kept

    def _play(self):
        if self._player is None:
            self._player = Player(plays_of(self, self.kind), self.experiment.game.agents, 1, self.seed)
        return self._player

    def _one(self, observation, agent):
        """The action of one agent, who observes [D], where it is not looked up in a table."""
        game = self.experiment.game
        game.refuse_moves("the policy of one agent", "ask the whole team's with legal=", ("legal",))
        if observation.size != game.features or observation.ndim > 1:
            raise ValueError(f"observation: expected what agent {agent} observes, shape {(game.features,)}, "
                             f"got {observation.shape}")
        return int(self._play().act(self._own_rows(observation, agent)[None], [agent])[0, agent])

    def _own_rows(self, observation, agent):
        """Active rows of all agents, of which one observes [D]."""
        # In the others' places stands what it sees itself; where they see something else, nobody knows what they see.
        game = self.experiment.game
        rows = self._rows(np.tile(observation, (game.views, 1)))
        if game.views > 1:
            own = rows.reshape(game.agents, -1)[agent].copy()
            rows[:] = -1
            rows.reshape(game.agents, -1)[agent] = own
        return rows

    def _rows(self, observation):
        """Active rows of each agent, -1 where its observation [V, D] was never seen; nothing is added."""
        e = self.experiment
        return e.encoder.find(e.game, part_of(self.arrays, "encoder"), observation)


GOES_ON, BEGINS = -2, -1        # what is remembered is what training left, or an episode begins


class Player:
    """Agents who act as :class:`Plays` say, in R runs at once: they draw, and remember what they have to.

    Parameters
    ----------
    plays : list of Plays
        Of all agents, in runs 0 to R - 1; of one run alone (R = 1) for several copies of it.
    agents : int
        N.
    copies : int
        R.
    seed : int
    one : bool
        Whether all copies are of run 0.
    """

    def __init__(self, plays, agents, copies, seed, one=True):
        self.plays, self.agents, self.copies, self.one = plays, agents, copies, one
        self.random = np.random.default_rng(seed)
        self.memory = [np.full(copies, GOES_ON) for _ in plays]
        self.acted = np.zeros((copies, agents), np.int32)
        self.rewards = np.zeros((copies, agents))

    def reset(self, where):
        """Begin an episode in some copies: bool [R]."""
        for p, memory in zip(self.plays, self.memory, strict=True):
            if p.forgets:
                memory[where] = BEGINS

    def observe(self, rewards, actions=None):
        """What came of the actions: rewards [R, N], and the actions themselves where they were not those drawn."""
        self.rewards[:] = rewards
        if actions is not None:
            self.acted[:] = actions

    def act(self, rows, only=None, legal=None):
        """Actions int32 [R, N] of agents in rows int64 [R, W]; ``only`` some of them are asked.

        ``legal`` bool [R, N, A]: what they may do; None: anything.
        """
        actions = np.zeros((self.copies, self.agents), np.int32)
        for p, memory in zip(self.plays, self.memory, strict=True):
            if only is None or set(only) & set(p.agents):
                self._act(p, memory, rows, actions, legal)
        self.acted[:] = actions
        return actions.copy()

    def chances(self, rows):
        """Probabilities of each agent's actions in the first copy, by what is remembered: a list of N float64 [A_i]."""
        found = [None] * self.agents
        for p, memory in zip(self.plays, self.memory, strict=True):
            remembered = 0
            if p.memories > 1 and memory[0] < 0:
                remembered = p.now(0, rows) if memory[0] == GOES_ON else int(p.begin(0, rows)[0].argmax())
            elif p.memories > 1:
                remembered = int(p.moves(0, memory[:1], self.acted[:1], self.rewards[:1], rows)[0].argmax())
            own = p.chances(0, rows)[0, remembered].reshape(p.counts)
            for k, i in enumerate(p.agents):
                found[i] = own.sum(axis=tuple(q for q in range(len(p.agents)) if q != k))
        return found

    def _act(self, p, memory, rows, actions, legal):
        for run in range(1) if self.one else range(self.copies):
            at = np.arange(self.copies) if self.one else np.array([run])
            if p.memories > 1:
                self._remember(p, memory, run, at, rows)
            chances = p.chances(run, rows[at]) if legal is None else p.chances(run, rows[at], legal[at])
            chances = chances[np.arange(len(at)), memory[at] if p.memories > 1 else 0]
            chosen = self._drawn(chances)
            actions[np.ix_(at, p.agents)] = np.stack(np.unravel_index(chosen, p.counts), axis=1)

    def _remember(self, p, memory, run, at, rows):
        """What is remembered now: at the start of an episode, or after what was done."""
        first, later, on = at[memory[at] == BEGINS], at[memory[at] >= 0], at[memory[at] == GOES_ON]
        for copy in on:
            memory[copy] = p.now(run, rows[copy:copy + 1])
        if len(later):
            memory[later] = self._drawn(p.moves(run, memory[later], self.acted[later], self.rewards[later],
                                                rows[later]))
        if len(first):
            memory[first] = self._drawn(p.begin(run, rows[first]))

    def _drawn(self, chances):
        """One of each row of probabilities [n, J]; nothing is drawn where all are certain."""
        if (chances.max(axis=1) == 1.0).all():
            return chances.argmax(axis=1)
        u = self.random.random(len(chances))
        sums = np.cumsum(chances, axis=1)
        last = chances.shape[1] - 1 - (chances[:, ::-1] > 0.0).argmax(axis=1)
        return np.minimum((u[:, None] >= sums).sum(axis=1), last)


class Together:
    """Agents of several policies in one team.

    Parameters
    ----------
    parts : list of (Policy, sequence of int)
        Whose agents these are.
    seed : int
    """

    def __init__(self, parts, seed=0):
        self.parts = []
        for k, (policy, agents) in enumerate(parts):
            plays = [Chosen(p, agents) for p in plays_of(policy, policy.kind) if set(p.agents) & set(agents)]
            player = Player(plays, policy.experiment.game.agents, 1, [seed, k])
            self.parts.append((policy, list(agents), player))

    def __call__(self, observation):
        """Actions int32 [N] of all agents, who observe float64 [V, D]."""
        actions = np.zeros(self.parts[0][2].agents, np.int32)
        for policy, agents, player in self.parts:
            actions[agents] = player.act(policy._rows(observation)[None])[0, agents]
        for *_, player in self.parts:
            player.acted[:] = actions
        return actions

    def reset(self):
        for *_, player in self.parts:
            player.reset(np.ones(1, bool))

    def observe(self, rewards, actions=None):
        for *_, player in self.parts:
            player.observe(rewards[None])


def rows_of(given, observation):
    """Active rows int64 [R, N * k] of the agents of every run, whose observations are float64 [R, V, D].

    Nothing is added; -1: it was never seen. A Policy stands for any number of runs.
    """
    e, n_runs = given.experiment, len(observation)
    if not e.encoder.grows:
        rows = np.zeros((n_runs, e.game.agents * e.encoder.active(e.game)), np.int32)
        e.encoder.bind(e.game, n_runs, {}, "numpy").encode(np.ascontiguousarray(observation), rows)
        return rows.astype(np.int64)
    tables, one = part_of(given.arrays, "encoder"), isinstance(given, Policy)
    return np.stack([
        e.encoder.find(e.game, {name: array[r:r + 1] if not one else array for name, array in tables.items()},
                       observation[r]) for r in range(n_runs)])


def plays_of(given, kind="policy"):
    """What all agents of a Result (in all its runs) or of a Policy play: a list of Plays.

    Parameters
    ----------
    given : Result or Policy
    kind : str, or one for each agent

    Returns
    -------
    list of marlfast.learners.plays.Plays
    """
    e, found = given.experiment, []
    if not isinstance(kind, str) and len(kind) != e.game.agents:
        raise ValueError(f"kind: expected one, or one for each of {e.game.agents} agents, got {shown(kind)}")
    for prefix, one, context in e.resolved.parts:
        start = f"learner.{prefix}"
        arrays = {name[len(start):]: array for name, array in given.arrays.items() if name.startswith(start)}
        for each in dict.fromkeys([kind] if isinstance(kind, str) else [kind[i] for i in context.agent_ids]):
            plays = one.plays(context, arrays, check_kind(each))
            found += [p for p in plays if one_kind(kind, p.agents) == each]
    return found


class RandomPolicy:
    """A team that takes every action as likely, whatever is observed.

    See Also
    --------
    Policy : A team that has learned.
    marlfast.evaluate : Plays many episodes.

    Examples
    --------
    >>> import marlfast as mf
    >>> found = mf.evaluate(mf.games.Climbing(), mf.RandomPolicy(), episodes=1000, seed=0)
    >>> found.returns.shape
    (1, 1000, 2)
    """
