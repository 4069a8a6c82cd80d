"""Experiment files: TOML in and out, as far as an experiment's dictionary needs it.

The standard library reads TOML (from Python 3.11 on) but does not write it. The writer knows tables, arrays
of tables, strings, whole numbers, real numbers, booleans and nested lists; what it writes, the reader gives
back equal, real numbers to the last bit. A value of None is left out: TOML has no word for it.
"""
import importlib
import json
import re

from marlfast.archive import read_regular
from marlfast.disk import write_atomically
from marlfast.errors import FileError, extra, shown

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MAX_WIDTH = 100


def _reader():
    """The module that reads TOML."""
    try:
        return importlib.import_module("tomllib")
    except ImportError:
        return extra("tomli", "toml", "reading TOML before Python 3.11")


def loads(text, where="TOML"):
    """Plain values of TOML text.

    Parameters
    ----------
    text : str
    where : str
        What to call it in errors.

    Returns
    -------
    dict

    Raises
    ------
    FileError
        It is not TOML; the message says in which line.
    """
    reader = _reader()
    try:
        return reader.loads(text)
    except reader.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        at = f"line {line[1]}: " if line else "at its end: " if "end of document" in place else ""
        raise FileError(f"{where}: {at}not TOML ({what})") from None
    except ValueError:                      # Python reads no whole number of more than 4,300 digits
        raise FileError(f"{where}: not TOML that can be read (a number has too many digits)") from None
    except RecursionError:
        raise FileError(f"{where}: not TOML that can be read (nested too deeply)") from None


def read(path):
    """Plain values of a TOML file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict

    Raises
    ------
    FileError
        It is not TOML; the message says in which line.
    OSError
        It cannot be read at all.
    """
    content = read_regular(path)
    try:
        text = content.decode("utf-8-sig")      # editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(f"{path}: line {line}: not text in UTF-8, so not a TOML file") from None
    return loads(text, path)


def dumps(values):
    """Plain values as TOML text.

    Parameters
    ----------
    values : dict
        Strings, whole and real numbers, booleans, dictionaries and lists; None in a dictionary is left out.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        TOML cannot hold it; the message says where it stands.

    Examples
    --------
    >>> print(dumps({"episodes": 10, "game": {"name": "drift"}}), end="")
    episodes = 10
    <BLANKLINE>
    [game]
    name = "drift"
    """
    lines = []
    _write_table(lines, "", values, "")
    return "\n".join(lines) + "\n"


def write(path, values, comment=""):
    """Write plain values to a TOML file, all or nothing.

    Parameters
    ----------
    path : str or path-like
    values : dict
    comment : str
        Lines for the top of the file.
    """
    text = "".join(f"# {line}\n" for line in comment.splitlines()) + dumps(values)
    write_atomically(path, lambda file: file.write(text.encode()))


def inline(value, where="value"):
    """One value as TOML, on one line.

    Parameters
    ----------
    value : bool, int, float, str, list or dict
    where : str
        What to call it in errors.

    Returns
    -------
    str
    """
    if hasattr(value, "tolist"):              # NumPy's numbers and arrays
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)          # the shortest text that reads back as the same bits
    if isinstance(value, str):
        return _string(value, where)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(v, f"{where}[{k}]") for k, v in enumerate(value)) + "]"
    if isinstance(value, dict):
        pairs = [f"{_key(k, where)} = {inline(v, _join(where, k))}" for k, v in value.items() if v is not None]
        return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
    raise TypeError(f"{where}: a {type(value).__name__} cannot be written to a TOML file")


def _write_table(lines, header, table, where):
    """Plain pairs first: what follows a table's header belongs to that table."""
    tables = {}
    for key, value in table.items():
        if value is None:
            continue
        if isinstance(value, dict) or _is_array_of_tables(value):
            tables[key] = value
        else:
            lines.append(f"{_key(key, where)} = {_spread(value, _join(where, key))}")
    for key, value in tables.items():
        name = f"{header}.{_key(key, where)}" if header else _key(key, where)
        many = not isinstance(value, dict)
        for k, part in enumerate(value if many else [value]):
            if lines:
                lines.append("")
            lines.append(f"[[{name}]]" if many else f"[{name}]")
            _write_table(lines, name, part, f"{_join(where, key)}[{k}]" if many else _join(where, key))


def _is_array_of_tables(value):
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(v, dict) for v in value)


def _spread(value, where):
    """A value on one line, or a long list of lists with a line for each."""
    text = inline(value, where)
    if len(text) <= _MAX_WIDTH or not isinstance(value, (list, tuple)):
        return text
    if not all(isinstance(v, (list, tuple)) for v in value):
        return text
    return "[\n" + "".join(f"  {inline(v, where)},\n" for v in value) + "]"


def _string(value, where):
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}: the string {value!r} is not valid Unicode; TOML cannot hold it") from None
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key, where):
    if not isinstance(key, str):
        raise TypeError(f"{where or 'experiment'}: expected keys that are strings, got {shown(key)}")
    return key if _BARE_KEY.fullmatch(key) else _string(key, where)


def _join(where, key):
    return f"{where}.{key}" if where else str(key)
