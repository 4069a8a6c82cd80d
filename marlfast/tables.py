"""Tables as people hand them on: data frames, CSV, Parquet, Stata and LaTeX."""
import csv
import io
import re

import numpy as np

from marlfast import errors
from marlfast.disk import write_atomically
from marlfast.errors import choice, extra


class Tables:
    """What has a ``table()``, a dict of columns of equal length, and can be written in the formats that people use."""

    def table(self):
        """The numbers as columns.

        Returns
        -------
        dict of str to ndarray
            By name, all of one length.
        """
        raise NotImplementedError

    def dataframe(self, library=None, **which):
        """The table as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars"}, optional
            Default: whichever is installed.
        **which
            What ``table`` takes.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            A row for each row of the table.

        Raises
        ------
        ImportError
            Neither is installed; the message names the extra.
        """
        return dataframe(self.table(**which), library)

    def to_csv(self, path, **which):
        """Write the table to a file of comma-separated values, all or nothing.

        Parameters
        ----------
        path : str or path-like
            The file to write.
        **which
            What ``table`` takes.
        """
        text = csv_text(self.table(**which))
        write_atomically(path, lambda file: file.write(text.encode()))

    def to_parquet(self, path, **which):
        """Write the table to a Parquet file, all or nothing. Needs ``marlfast[parquet]``.

        Parameters
        ----------
        path : str or path-like
            The file to write.
        **which
            What ``table`` takes.
        """
        pyarrow, parquet = (extra(name, "parquet", "a Parquet file") for name in ("pyarrow", "pyarrow.parquet"))
        columns = {name: np.asarray(column) for name, column in self.table(**which).items()}
        made = pyarrow.table({name: column.tolist() if column.dtype.kind in "UO" else column
                              for name, column in columns.items()})
        write_atomically(path, lambda file: parquet.write_table(made, file))

    def to_stata(self, path, **which):
        """Write the table to a Stata file (.dta), all or nothing. Needs ``marlfast[pandas]``.

        Parameters
        ----------
        path : str or path-like
            The file to write.
        **which
            What ``table`` takes.

        Notes
        -----
        Stata's names have at most 32 letters, digits and underscores: ``learner.learning_rate`` becomes
        ``learner_learning_rate``. The label of each variable is its full name, cut after 80 characters.
        """
        extra("pandas", "pandas", "a Stata file")
        frame = dataframe(self.table(**which), "pandas")
        names = dict(zip(frame.columns, stata_names(list(frame.columns)), strict=True))
        for name in frame.columns:
            if frame[name].dtype.kind == "b":
                frame[name] = frame[name].astype(np.int8)           # Stata has no truth values
        content = io.BytesIO()
        frame.rename(columns=names).to_stata(content, write_index=False, version=118, variable_labels={
            new: str(old)[:80] for old, new in names.items()})
        write_atomically(path, lambda file: file.write(content.getvalue()))

    def to_latex(self, path=None, digits=3, **which):
        """The table in LaTeX, with the rules of ``booktabs``; written to a file where a path is given.

        Parameters
        ----------
        path : str or path-like, optional
            The file to write. Default: none.
        digits : int
            Significant digits of numbers that are not whole.
        **which
            What ``table`` takes.

        Returns
        -------
        str
            A ``tabular`` environment.
        """
        text = latex(self.table(**which), digits)
        if path is not None:
            write_atomically(path, lambda file: file.write(text.encode()))
        return text

    def write(self, path, **which):
        """Write the table in the format that the file's name ends in: .csv, .parquet, .dta, .tex or .json.

        Parameters
        ----------
        path : str or path-like
            The file to write.
        **which
            What ``table`` takes.
        """
        path = errors.path(path)
        written = {".csv": self.to_csv, ".parquet": self.to_parquet, ".dta": self.to_stata, ".tex": self.to_latex,
                   ".json": self._to_json}
        written[choice("path: its ending", path.suffix.lower(), tuple(written))](path, **which)

    def _to_json(self, path, **which):
        text = json_text(self.table(**which))
        write_atomically(path, lambda file: file.write(text.encode()))


def dataframe(columns, library=None):
    """Columns as a data frame of pandas or polars. See :meth:`Tables.dataframe`."""
    import importlib

    if library is not None:
        choice("library", library, ("pandas", "polars"))
    for name in ("pandas", "polars") if library is None else (library,):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return module.DataFrame({key: column.tolist() if np.asarray(column).dtype.kind in "U" else column
                                 for key, column in columns.items()})
    raise ImportError(f"a data frame needs {library or 'pandas or polars'}: pip install "
                      f"'marlfast[{library or 'pandas'}]'")


def csv_text(columns):
    """Columns as CSV, under their names."""
    heads = csv_lines([texts(np.array([name])) for name in columns])
    return heads + csv_lines([texts(np.asarray(column)) for column in columns.values()])


def csv_lines(columns):
    """Comma-separated values: real numbers as short as reads back the same, nothing where there is no number."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(zip(*columns, strict=True))
    return out.getvalue()


def texts(array):
    """Cells of a column, none of which a spreadsheet runs."""
    if array.dtype.kind == "U":
        # A spreadsheet takes a word that begins so for a formula, and runs it; after an apostrophe it does not.
        return [f"'{word}" if word[:1] in ("=", "+", "-", "@", "\t", "\r") and word else word
                for word in array.tolist()]
    if array.dtype.kind == "f":
        return ["" if v != v else v for v in array.tolist()]
    return array.tolist()


def json_text(columns):
    """Columns as JSON: a list of objects, one a row; what is not a number is null."""
    import json

    rows = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    return json.dumps([{name: None if isinstance(value, float) and not np.isfinite(value) else value
                        for name, value in zip(columns, row, strict=True)} for row in rows])


def stata_names(names):
    """Names as Stata takes them, each different from the others."""
    found = []
    for name in names:
        plain = re.sub(r"\W", "_", str(name), flags=re.ASCII)
        plain = ("_" + plain if plain[:1].isdigit() else plain)[:32] or "_"
        k = 1
        while plain in found:
            k += 1
            plain = f"{plain[:32 - len(str(k)) - 1]}_{k}"
        found.append(plain)
    return found


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
          ">": r"\textgreater{}", "|": r"\textbar{}", **{c: "\\" + c for c in "&%$#_{}"}}


def latex(columns, digits=3):
    """Columns as a ``tabular`` of LaTeX with the rules of ``booktabs``."""
    digits = errors.integer("digits", digits, 1, 17)
    arrays = [np.asarray(column) for column in columns.values()]

    def cell(value):
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            text = "--" if value != value else f"{value:.{digits}g}"
            if "e" in text:
                head, power = text.split("e")
                return rf"${head} \times 10^{{{int(power)}}}$"
            return f"${text}$" if text.startswith("-") and text != "--" else text
        if isinstance(value, int):
            return f"${value}$" if value < 0 else str(value)
        return "".join(_LATEX.get(c, c) for c in str(value))

    align = "".join("r" if array.dtype.kind in "iuf" else "l" for array in arrays)
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", " & ".join(map(cell, columns)) + r" \\", r"\midrule"]
    lines += [" & ".join(map(cell, row)) + r" \\" for row in zip(*(a.tolist() for a in arrays), strict=True)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])
