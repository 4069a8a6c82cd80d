"""What all results of the analysis have in common."""


class Summarised:
    """Base of results: shown by their summary, as their arrays would fill the screen.

    Attributes
    ----------
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished (``Result.left_out``);
        arrays have them as they stand. None: all are in.
    """

    left_out = None

    def kept(self, array):
        """Keep the entries that are in means.

        Parameters
        ----------
        array : ndarray [R, ...]
            An entry of each run.

        Returns
        -------
        ndarray [K, ...]
            Those of the K runs that are not left out.
        """
        return array if self.left_out is None else array[~self.left_out]

    def of_runs(self, runs):
        """Say in words how many runs are in means.

        Parameters
        ----------
        runs : int
            How many there are.

        Returns
        -------
        str
            Such as ``"9 of 10 runs"``.
        """
        return f"{runs} runs" if self.left_out is None else f"{runs - self.left_out.sum()} of {runs} runs"

    def summary(self):
        """Say what was found in one line.

        Returns
        -------
        str
            What ``print`` shows, without the name of the class.
        """
        raise NotImplementedError

    def __repr__(self):
        kind = getattr(self, "kind", "policy")
        return f"{type(self).__name__}({self.summary()}{'' if kind == 'policy' else f'; kind={kind!r}'})"
