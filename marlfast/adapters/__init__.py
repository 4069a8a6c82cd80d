"""Games of marlfast in the shapes that other libraries expect. Each module here needs its library.

``marlfast.adapters.pettingzoo``: ``parallel_env`` and ``env`` (agent by agent).
``marlfast.adapters.gymnasium``: ``vector_env`` (many runs at once) and ``env`` (one).

The other way, PettingZoo's environments as games: :class:`marlfast.games.pettingzoo.PettingZooGame`.

``marlfast.adapters.trackers``: training shown live, or kept, by TensorBoard, Weights & Biases or MLflow.
"""
