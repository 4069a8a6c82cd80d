"""What all results of the analysis have in common."""


class Summarised:
    """Base of results: shown by their summary, as their arrays would fill the screen."""

    def summary(self):
        """A line of text."""
        raise NotImplementedError

    def __repr__(self):
        kind = getattr(self, "kind", "policy")
        return f"{type(self).__name__}({self.summary()}{'' if kind == 'policy' else f'; kind={kind!r}'})"
