"""Policies as tables that stand alone: without the game, the learner and the training that they come from."""
import math

import numpy as np

from marlfast import errors
from marlfast.backends import at_hand, kernels
from marlfast.encoders import Grid, Numbered, Rounding
from marlfast.errors import FileError, flag, integer, sequence, shown
from marlfast.games.spaces import Space

FORMAT, VERSION = "marlfast policy", 1
MAX_NUMBERS = 2**27        # of a table: more are not made for speed alone


class TablePolicy:
    """What a team plays, in tables: nothing else is needed to play it.

    Made by :meth:`Policy.standalone`, or read from a file by :meth:`load`. Where its agents leave something to chance,
    every call draws.

    Parameters
    ----------
    agents : sequence of str
        Names of the N agents.
    action_counts : sequence of int [N]
        How many actions each agent has.
    encoder : dict
        From what is observed to a row: ``{"name": "numbered", "rows": n}``, observations are row numbers;
        ``{"name": "grid", "low": [D], "high": [D], "bins": [D]}``, as :class:`marlfast.Grid`; or
        ``{"name": "rounding", "decimals": n, "keys": int64 [rows, D]}``: an observation times 10**n and rounded is one
        of the keys, or in one more row, after them all.
    views, features : int
        V (1: all agents see the same; N: each its own) and D.
    choices : int32 [rows, G], optional
        What each group chooses in each row, where nothing is left to chance.
    chances : float64 [rows, G, J], optional
        Else: probabilities of each group's choices.
    groups : sequence of sequence of int, optional
        Agents who draw together. A group's choice is a joint action, in which the first agent's is the most
        significant. Default: each agent for itself.
    first_actions, first_observations : sequence of int [N], optional
        Number of the first action, and of the first observation, of each agent where dictionaries are given
        (:meth:`__call__`). Default: 0.
    spaces : dict of str to list of dict, optional
        What each agent's ``observations`` and ``actions`` are made of where dictionaries are given, if they have
        several parts, as :meth:`marlfast.games.spaces.Space.to_dict` writes them.
    about : dict of str to str, optional
        Where it comes from: the game, the learner, the kind of policy.
    seed : int
        Of its draws.
    backend : {"cython", "numpy"}, optional
        Default: the compiled one, unless nothing else is.

    Attributes
    ----------
    agents, action_counts, encoder, views, features, choices, chances, groups, about
        As given.

    See Also
    --------
    Policy : What a learner plays, with the game and all else that it comes from.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=50), mf.IQL(), episodes=200, seed=0)
    >>> alone = run.policy(0).standalone()
    >>> alone([[[0]], [[3]]]).shape
    (2, 2)
    """

    def __init__(self, agents, action_counts, encoder, views=1, features=1, choices=None, chances=None,
                 groups=None, first_actions=None, first_observations=None, spaces=None, about=None, seed=0,
                 backend=None):
        backend = at_hand() if backend is None else backend
        self.agents = tuple(map(str, agents))
        n = len(self.agents)
        if not n or len(set(self.agents)) < n:
            raise ValueError(f"agents: expected at least one name, each once, got {shown(self.agents)}")
        self.action_counts = _per_agent("action_counts", action_counts, n, 1, 2**31 - 1)
        self.first_actions = _per_agent("first_actions", first_actions, n, -2**31)
        self.first_observations = _per_agent("first_observations", first_observations, n, -2**31)
        self.spaces = None if spaces is None else self._described(spaces)
        self.views, self.features = integer("views", views, 1), integer("features", features, 1)
        if self.views not in (1, n):
            raise ValueError(f"views: expected 1, or {n}, one for each agent, got {views}")
        self.groups = tuple((i,) for i in range(n)) if groups is None else tuple(
            tuple(integer(f"groups[{g}]", i, 0, n - 1) for i in group) for g, group in enumerate(groups))
        if sorted(i for group in self.groups for i in group) != list(range(n)) or not all(self.groups):
            raise ValueError(f"groups: expected every agent, 0 to {n - 1}, in one group, got {shown(groups)}")
        self.encoder, self.backend = dict(encoder), backend
        self.about = {str(key): str(value) for key, value in (about or {}).items()}
        self._bound = self._encoder()
        self._tables(choices, chances)
        self._size = self.views * self.features
        self._kernel = self._bind(self.groups, self.choices, self.chances)
        self._seed, self._greedy = integer("seed", seed, 0, 2**64 - 1), None
        self._random = np.random.default_rng(self._seed)

    def _described(self, spaces):
        if not isinstance(spaces, dict):
            raise TypeError(f"spaces: expected a dictionary of observations and actions, got {shown(spaces)}")
        n = len(self.agents)
        found = {what: [Space.from_dict(one) for one in sequence("spaces", spaces.get(what), f"{what} of agents", n)]
                 for what in ("observations", "actions")}
        if [one.choices for one in found["actions"]] != list(self.action_counts):
            raise ValueError(f"spaces: expected as many actions as action_counts has, {list(self.action_counts)}, got "
                             f"{[one.choices for one in found['actions']]}")
        return found

    # -- what it is made of -------------------------------------------------------------------------

    def _encoder(self):
        """The kernel that finds rows, of one view for one agent; ``encoder`` gets its checked values."""
        module, values = kernels(self.backend, "encoders"), self.encoder
        known = {"numbered": ("rows",), "grid": ("low", "high", "bins"), "rounding": ("decimals", "keys")}
        name = values.get("name")
        if name not in known:
            raise ValueError(f"encoder: expected one of {', '.join(known)}, got {shown(name)}")
        if set(values) != {"name", *known[name]}:
            raise ValueError(f"encoder: expected name, {', '.join(known[name])}, got {', '.join(map(str, values))}")
        if name == "numbered":
            if self.features != 1:
                raise ValueError(f"features: expected 1 where observations are numbered, got {self.features}")
            values["rows"] = integer("encoder: rows", values["rows"], 1, 2**31 - 2)
            return module.Discrete(1, 1, 1, values["rows"])
        if name == "grid":
            grid = Grid(*(tuple(values[key]) for key in known[name]))
            if len(grid.low) != self.features:
                raise ValueError(f"encoder: expected low, high and bins of {self.features} features, got "
                                 f"{len(grid.low)}")
            values.update(low=list(grid.low), high=list(grid.high), bins=list(grid.bins))
            return grid.bind(_OneView(self.features), 1, {}, self.backend)
        values["decimals"] = integer("encoder: decimals", values["decimals"], -15, 15)
        keys = np.ascontiguousarray(values["keys"])
        if keys.dtype.kind not in "iu" or keys.ndim != 2 or keys.shape[1] != self.features:
            raise ValueError(f"encoder: keys: expected whole numbers of shape (rows, {self.features}), got "
                             f"{keys.dtype} {keys.shape}")
        values["keys"] = keys.astype(np.int64)
        return module.Known(1, 1, 1, 10.0 ** values["decimals"], values["keys"])

    def _tables(self, choices, chances):
        if (choices is None) == (chances is None):
            raise ValueError("choices, chances: expected one of them")
        joint = [math.prod(self.action_counts[i] for i in group) for group in self.groups]
        rows, groups = self._bound.rows, len(self.groups)
        self.choices = self.chances = None
        if choices is not None:
            table = np.ascontiguousarray(choices)
            if table.dtype.kind not in "iu" or table.shape != (rows, groups):
                raise ValueError(f"choices: expected whole numbers of shape {(rows, groups)}, got {table.dtype} "
                                 f"{table.shape}")
            if (table < 0).any() or (table >= joint).any():
                raise ValueError("choices: holds numbers that are no actions")
            self.choices = table.astype(np.int32)
            return
        table = np.ascontiguousarray(chances)
        if table.dtype.kind != "f" or table.shape != (rows, groups, max(joint)):
            raise ValueError(f"chances: expected numbers of shape {(rows, groups, max(joint))}, got "
                             f"{table.dtype} {table.shape}")
        table = table.astype(np.float64)
        there = np.arange(max(joint)) < np.array(joint)[:, None]
        if not (table >= 0.0).all() or (table[:, ~there] != 0.0).any() \
                or not (np.abs(table.sum(axis=2) - 1.0) <= 1e-9).all():
            raise ValueError("chances: expected numbers from 0 that add up to 1 in every row and group")
        self.chances = table

    def _bind(self, groups, choices, chances, agents=None, views=None):
        """The kernel of some groups of agents, who are numbered anew."""
        agents = list(range(len(self.agents))) if agents is None else agents
        at = {agent: k for k, agent in enumerate(agents)}
        group, stride = np.zeros(len(agents), np.int32), np.ones(len(agents), np.int64)
        for g, members in enumerate(groups):
            for k, i in enumerate(members):
                if i in at:
                    group[at[i]] = g
                    stride[at[i]] = math.prod(self.action_counts[j] for j in members[k + 1:])
        first = np.array([at.get(members[0], 0) for members in groups], np.int32)
        sums = None if chances is None else _added_up(chances)
        return kernels(self.backend, "table_policy").TablePolicy(
            self._bound, self.views if views is None else views, group, first, stride,
            np.array([self.action_counts[i] for i in agents], np.int64), choices, sums)

    @property
    def mixed(self):
        """Whether anything is left to chance."""
        return self.chances is not None

    def __repr__(self):
        where = f" in {self.about['game']}" if "game" in self.about else ""
        return f"TablePolicy({len(self.agents)} agents, {self._bound.rows} rows{where}{', mixed' * self.mixed})"

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("_bound", "_kernel", "_greedy")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._bound, self._greedy = self._encoder(), None
        self._kernel = self._bind(self.groups, self.choices, self.chances)

    # -- playing ------------------------------------------------------------------------------------

    def __call__(self, observation):
        """Actions of all agents.

        Parameters
        ----------
        observation : float64 [V, D], or [B, V, D] of B copies of the team; or dict
            [D] where all agents see the same, a number where that is a single one. A dictionary has what each agent
            observes by its name, as an environment gave it; those that are not in it are not asked.

        Returns
        -------
        int32 [N], or [B, N]; or dict of str to int
            One for each agent.
        """
        if isinstance(observation, dict):
            return self._by_name(observation)
        array = _numbers(observation)
        if array.size == self._size and array.ndim < 3:
            return self._act(array.reshape(1, self.views, self.features))[0]
        if array.ndim == 3 and array.shape[1:] == (self.views, self.features):
            return self._act(array)
        raise self._misshapen(array)

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        """Actions in the way that Stable-Baselines3's ``model.predict`` gives them.

        Parameters
        ----------
        observation : array [V * D] or [V, D], or of B copies [B, V * D] or [B, V, D]; or dict
            Where all agents see the same, [B, D] are B copies.
        state : optional
            Handed back as it came: nothing is remembered.
        episode_start : bool [B], optional
            Not read.
        deterministic : bool
            True: the likeliest actions, and no draw.

        Returns
        -------
        actions : int32 [N] or [B, N]; or dict
            One for each agent.
        state
            As it was given.
        """
        policy = self.greedy() if flag("deterministic", deterministic) else self
        if isinstance(observation, dict):
            return policy(observation), state
        return policy._predicted(_numbers(observation)), state

    def _predicted(self, array):
        array, single = as_batch(array, self.views, self.features, self._misshapen)
        actions = self._act(array)
        return actions[0] if single else actions

    def greedy(self):
        """The likeliest choices alone, the first of equally likely ones.

        Returns
        -------
        TablePolicy
            It draws nothing.
        """
        if not self.mixed:
            return self
        if self._greedy is None:
            self._greedy = TablePolicy(
                self.agents, self.action_counts, self.encoder, self.views, self.features,
                self.chances.argmax(axis=2).astype(np.int32), None, self.groups, self.first_actions,
                self.first_observations, self._spaces(), self.about | {"kind": "greedy"}, 0, self.backend)
        return self._greedy

    def probabilities(self, observation):
        """Probabilities of every agent's actions; nothing is drawn.

        Parameters
        ----------
        observation : float64 [V, D], or [D] where all agents see the same
            A single one.

        Returns
        -------
        list of N float64 [A_i]
            Each agent's own, of those that draw together, too.
        """
        array = _numbers(observation)
        if array.size != self._size:
            raise self._misshapen(array)
        rows = np.zeros((1, self.views), np.int32)
        self._asked(array, lambda: self._kernel.rows(array.reshape(1, self.views, self.features), rows))
        found = [None] * len(self.agents)
        for g, group in enumerate(self.groups):
            counts, row = [self.action_counts[i] for i in group], rows[0, group[0] if self.views > 1 else 0]
            p = self.chances[row, g, :math.prod(counts)] if self.mixed else \
                np.eye(math.prod(counts))[self.choices[row, g]]
            for k, i in enumerate(group):
                found[i] = p.reshape(counts).sum(axis=tuple(q for q in range(len(group)) if q != k))
        return found

    def reset(self, seed=None):
        """Begin an episode: nothing is remembered, so nothing is forgotten.

        Parameters
        ----------
        seed : int, optional
            Draw afresh from this seed.
        """
        if seed is not None:
            self._seed = integer("seed", seed, 0, 2**64 - 1)
            self._random = np.random.default_rng(self._seed)

    def observe(self, rewards, actions=None):
        """Say what came of the last call, which nobody here has to know.

        Parameters
        ----------
        rewards : float64 [N]
            Not read.
        actions : int [N], optional
            Not read.
        """

    def agent(self, agent):
        """The policy of one agent, from what it observes alone.

        Parameters
        ----------
        agent : int or str
            Its number or name.

        Returns
        -------
        AgentPolicy
            It takes what the agent observes, and gives its action.
        """
        return AgentPolicy(self, self._number(agent))

    def _number(self, agent):
        if isinstance(agent, str):
            if agent not in self.agents:
                raise errors.unknown("agent", agent, self.agents)
            return self.agents.index(agent)
        return integer("agent", agent, 0, len(self.agents) - 1)

    def _act(self, array):
        actions = np.empty((len(array), len(self.agents)), np.int32)
        uniforms = self._random.random((len(array), len(self.groups))) if self.mixed else None
        try:
            self._kernel.act(array, uniforms, actions)
        except ValueError as error:
            raise self._refused(array, error) from None
        return actions

    def _asked(self, array, call):
        try:
            return call()
        except ValueError as error:
            raise self._refused(array, error) from None

    def _kernel_of(self, agent):
        """The kernel of one agent alone."""
        g = next(g for g, group in enumerate(self.groups) if agent in group)
        part = slice(g, g + 1)
        return self._bind([self.groups[g]],
                          None if self.choices is None else np.ascontiguousarray(self.choices[:, part]),
                          None if not self.mixed else np.ascontiguousarray(self.chances[:, part]), [agent], 1)

    def _by_name(self, observation):
        """{name: action}, both in the environment's own numbers."""
        actions = {}
        for name, given in observation.items():
            i = self._number(name) if isinstance(name, str) else self._number(str(name))
            obs = self._observed(i, name, given)
            if self.spaces is not None and obs.size < self.features and self.encoder["name"] != "numbered":
                obs = np.concatenate([obs, np.zeros(self.features - obs.size)])      # as shorter ones are
            action = int(self.agent(i)(obs))
            actions[name] = self.first_actions[i] + action if self.spaces is None else \
                self.spaces["actions"][i].decoded(action)
        return actions

    def _observed(self, i, name, given):
        """What an agent observes as numbers."""
        if self.spaces is None:
            return _numbers(given).ravel() - self.first_observations[i]
        try:
            return self.spaces["observations"][i].flat(given)
        except ValueError as error:
            raise ValueError(f"observation: of agent {name!r}: {error}") from None

    def _spaces(self):
        return None if self.spaces is None else {
            what: [one.to_dict() for one in each] for what, each in self.spaces.items()}

    def _misshapen(self, array):
        one = (self.views, self.features)
        return ValueError(f"observation: expected shape {one}, or {('B', *one)} for B copies, got {array.shape}")

    def _refused(self, array, error):
        """What is wrong with an observation that no row was found for."""
        if self.encoder["name"] == "numbered":
            bad = ~((array >= 0) & (array < self.encoder["rows"]) & (np.floor(array) == array))
            if bad.any():
                return ValueError(f"observation: expected whole numbers from 0 to {self.encoder['rows'] - 1}, got "
                                  f"{array[bad].ravel()[0]}")
        elif not np.isfinite(array).all():
            return ValueError("observation: expected finite numbers, got nan or inf")
        return error

    # -- files --------------------------------------------------------------------------------------

    def _manifest(self):
        from marlfast import __version__

        encoder = {name: value for name, value in self.encoder.items() if name != "keys"}
        return {"format": FORMAT, "version": VERSION, "marlfast": __version__, "about": self.about,
                "agents": list(self.agents), "action_counts": list(self.action_counts), "views": self.views,
                "features": self.features, "encoder": encoder, "groups": [list(group) for group in self.groups],
                "first_actions": list(self.first_actions), "first_observations": list(self.first_observations)} | (
                    {} if self.spaces is None else {"spaces": self._spaces()})

    def _arrays(self):
        arrays = {"choices": self.choices} if self.chances is None else {"chances": self.chances}
        return arrays | ({"keys": self.encoder["keys"]} if "keys" in self.encoder else {})

    def save(self, path):
        """Write to one ``.npz`` file, all or nothing: see :meth:`load`.

        The file has arrays and one text (JSON, as bytes, under ``manifest``): its keys are the parameters of
        :class:`TablePolicy`. The arrays are ``choices`` or ``chances``, and ``keys`` of an encoder that rounds.

        Parameters
        ----------
        path : str or path-like
            Where to.
        """
        import json

        from marlfast.disk import write_atomically

        text = json.dumps(self._manifest(), allow_nan=False)
        write_atomically(path, lambda file: np.savez(file, manifest=np.frombuffer(text.encode(), np.uint8),
                                                     **self._arrays()))

    @classmethod
    def load(cls, path, seed=0, backend="cython"):
        """Read a policy that :meth:`save` wrote. Nothing in a file is ever executed.

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

        Raises
        ------
        FileError
            Not a policy, damaged, or of a newer version.
        """
        from marlfast.archive import Archive
        from marlfast.files import manifest_of

        path = errors.path(path)
        with Archive(path, "a marlfast policy") as archive:
            manifest = manifest_of(archive, FORMAT, VERSION)
            arrays = {name: archive.read(name) for name in archive.headers if name != "manifest"}
        try:
            given = {name: manifest[name] for name in (
                "agents", "action_counts", "views", "features", "encoder", "groups", "first_actions",
                "first_observations", "about")}
            given["spaces"] = manifest.get("spaces")
            if "keys" in arrays:
                given["encoder"] = given["encoder"] | {"keys": arrays.pop("keys")}
            if not set(arrays) <= {"choices", "chances"}:
                raise ValueError(f"holds arrays of another kind ({', '.join(sorted(arrays)[:3])})")
            return cls(**given, **arrays, seed=seed, backend=backend)
        except KeyError as error:
            raise FileError(f"{path}: its manifest is incomplete ({error.args[0]})") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise FileError(f"{path}: not a policy that can be played: {error}") from None

    def export(self, path, name=None):
        """Write the policy for programs without marlfast: by the suffix a C header (``.h``) or JSON (``.json``).

        Parameters
        ----------
        path : str or path-like
            A name that ends with ``.h`` or ``.json``.
        name : str, optional
            Of a header: what the names in it begin with. Default: that of the file.

        Notes
        -----
        A header needs nothing but the C library. It has ``int NAME_action(int agent, const double *observation, double
        u)``: the action of an agent who observes D numbers, -1 where these are no observation; ``u`` in [0, 1) decides
        what is left to chance (agents who draw together are given the same one). JSON has the keys of the manifest of
        :meth:`save`, and the arrays as lists.
        """
        from marlfast.exports import write_header, write_json

        path = errors.path(path)
        writers = {".h": write_header, ".json": write_json}
        if path.suffix not in writers:
            raise ValueError(f"path: expected a name that ends with {' or '.join(writers)}, got {shown(str(path))}; "
                             "an .npz is written by save")
        writers[path.suffix](self, path, name)


class AgentPolicy:
    """The policy of one agent, as it is carried out: from what this agent observes, and nothing else.

    Attributes
    ----------
    policy : Policy or TablePolicy
        Of its team.
    agent : int
    """

    def __init__(self, policy, agent):
        self.policy, self.agent, self._kernel = policy, agent, None

    def __call__(self, observation):
        """The action of the agent.

        Parameters
        ----------
        observation : float64 [D], or [B, D] of B copies
            Its own.

        Returns
        -------
        int, or int32 [B]
        """
        array, tables = _numbers(observation), self.policy
        if not isinstance(tables, TablePolicy):
            tables = self.policy.alone
            if isinstance(tables, str):
                return self.policy._one(array, self.agent)
        features, single = tables.features, array.ndim < 2
        if array.size != features if single else array.ndim > 2 or array.shape[1] != features:
            raise ValueError(f"observation: expected what agent {self.agent} observes, shape {(features,)}, "
                             f"got {array.shape}")
        if self._kernel is None:
            self._kernel = tables._kernel_of(self.agent)
        array = array.reshape(-1, 1, features)
        actions = np.empty((len(array), 1), np.int32)
        uniforms = tables._random.random((len(array), 1)) if tables.mixed else None
        tables._asked(array, lambda: self._kernel.act(array, uniforms, actions))
        return int(actions[0, 0]) if single else actions[:, 0]

    def __getstate__(self):
        return self.__dict__ | {"_kernel": None}


class _OneView:
    """What an encoder needs to know of a game, for one agent with one view."""

    name, agents, views, observations = "policy", 1, 1, None

    def __init__(self, features):
        self.features = features


def tabled(policy, plays):
    """A policy as tables that stand alone.

    Parameters
    ----------
    policy : Policy
    plays : list of Plays
        Of all its agents.

    Returns
    -------
    TablePolicy, or str
        Why there is none.
    """
    e = policy.experiment
    game = e.game
    remembers = [p for p in plays if p.memories > 1]
    if remembers:
        return (f"{_named(e, remembers[0].agents)} remember something, so that what they do does not follow from what "
                "is observed")
    encoder, cells = _look_up(e, policy.arrays)
    if cells is None:
        return (f"encoder {e.encoder.name!r} puts an observation into several rows, so that no row alone says what is "
                "done")
    joint = [p for p in plays if len(p.agents) > 1]
    if joint and (cells != cells[:, :1]).any() or joint and game.views > 1:
        return (f"{_named(e, joint[0].agents)} draw together by what each of them sees, so that no row alone says what "
                "is done")
    if len(cells) * max(len(plays), sum(p.joint for p in plays)) > MAX_NUMBERS:
        return f"its tables would have more than {MAX_NUMBERS:,} numbers"
    plays = sorted(plays, key=lambda p: p.agents)
    choices = [p.actions(cells) for p in plays]
    probabilities = None
    if any(c is None for c in choices):
        probabilities = np.zeros((len(cells), len(plays), max(p.joint for p in plays)))
        for g, p in enumerate(plays):
            for at in range(0, len(cells), 2**16):
                probabilities[at:at + 2**16, g, :p.joint] = p.chances(0, cells[at:at + 2**16])[:, 0]
        certain = (probabilities.max(axis=2) == 1.0).all()
        choices = probabilities.argmax(axis=2).astype(np.int32) if certain else None
        probabilities = None if certain else probabilities
    else:
        choices = np.stack([np.ravel_multi_index(tuple(c[0].T), p.counts) for c, p in zip(choices, plays, strict=True)],
                           axis=1).astype(np.int32)
    kind = policy.kind if isinstance(policy.kind, str) else ", ".join(policy.kind)
    facts = game.interface()
    return TablePolicy(facts["agents"], game.action_counts.tolist(), encoder, game.views, game.features, choices,
                       probabilities, [p.agents for p in plays], facts["first_actions"],
                       facts["first_observations"], facts.get("spaces"),
                       {"game": game.name, "learner": e.learner.name, "kind": kind}, policy.seed)


def _named(e, agents):
    return f"agents {list(agents)} ({e.resolved.part(agents[0])[1].name})"


def _look_up(e, arrays):
    """(facts of an encoder, rows int64 [cells, N * k] of all agents in each of its cells; None: not one row each)."""
    from marlfast.resolved import part_of

    own, inner = part_of(arrays, "encoder"), e.encoder.plain
    if type(inner) not in (Numbered, Grid, Rounding):
        return None, None
    cells = e.encoder.cells(e.game, own)
    if isinstance(inner, Numbered):
        return {"name": "numbered", "rows": e.game.observations}, cells
    if isinstance(inner, Grid):
        low, high, bins = inner._arrays(e.game.features)
        return {"name": "grid", "low": low.tolist(), "high": high.tolist(), "bins": bins.tolist()}, cells
    keys = own["keys"][0, :int(own["used"][0])].copy()
    return {"name": "rounding", "decimals": inner.decimals, "keys": keys}, cells


def as_batch(array, views, features, misshapen):
    """(observations [B, V, D], whether it was a single one), of an array as Stable-Baselines3 has them."""
    one = views * features
    if array.size == one and (array.ndim < 2 or views > 1 and array.shape == (views, features)):
        return array.reshape(1, views, features), True
    if array.ndim > 1 and array.size == len(array) * one and array.shape[1:] in ((one,), (views, features)):
        return array.reshape(-1, views, features), False
    raise misshapen(array)


def _numbers(observation):
    """An observation as a float64 array, C-contiguous."""
    try:
        return np.ascontiguousarray(observation, np.float64) if np.ndim(observation) else np.asarray(
            observation, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"observation: expected numbers, got {shown(observation)}") from None


def _added_up(probabilities):
    """Sums of probabilities along the last axis, infinite from the last positive one on."""
    sums = np.cumsum(probabilities, axis=2)
    last = probabilities.shape[2] - 1 - (probabilities[:, :, ::-1] > 0.0).argmax(axis=2)
    sums[np.arange(probabilities.shape[2]) >= last[:, :, None]] = np.inf
    return sums


def _per_agent(name, values, n, least, most=2**31 - 1):
    if values is None:
        return (0,) * n
    values = tuple(integer(f"{name}[{i}]", value, least, most) for i, value in enumerate(values))
    if len(values) != n:
        raise ValueError(f"{name}: expected one for each of {n} agents, got {len(values)}")
    return values
