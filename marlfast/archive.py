"""Archives of arrays (``.npz``), read with care: what they hold is known from headers before any of it is unpacked.

Whoever made a file may have meant harm, and disks have faults. A path must be that of a regular file, so that nothing
waits for a pipe or reads a device without end; members must be arrays of plain numbers, stored as marlfast and
:func:`numpy.savez` store them; and what a header says must be what is there. So no file makes more memory be taken
than it is long itself.
"""
import contextlib
import errno
import math
import os
import re
import stat
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from marlfast import errors
from marlfast.errors import FileError, shown
from marlfast.limits import MAX_MEMBERS, MAX_TEXT
from marlfast.memory import check_memory

NUMBERS = "biuf"            # bool, whole and real numbers
HEADER = 4096               # bytes within which a header ends
# As every NumPy writes it: no text of a file is evaluated, as NumPy itself would.
AS_WRITTEN = re.compile(rb"\{'descr': '([^']{2,16})', 'fortran_order': (True|False), "
                        rb"'shape': \((|\d{1,19},|\d{1,19}(?:, \d{1,19}){1,31})\), \} *\n")


class Header(NamedTuple):
    """What the header of an array says, and where its numbers begin in the member."""

    dtype: np.dtype
    shape: tuple
    begin: int
    by_columns: bool


def open_regular(path):
    """A file open for reading bytes, whose path is that of a regular file.

    Raises
    ------
    FileError
        It is a pipe, a device or the like.
    OSError
        It cannot be opened, or is a folder; the message names it.
    """
    path = errors.path(path)
    try:
        # Without waiting: opening a pipe that nobody writes to would not come back.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
                         | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", str(path))
        if not stat.S_ISREG(mode):
            raise FileError(f"{path}: expected a file, got a pipe, a device or a socket")
        return os.fdopen(handle, "rb")
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(handle)
        raise


def read_regular(path, most=MAX_TEXT):
    """All bytes of a regular file, which may be at most so many."""
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size
        if length > most:
            raise FileError(f"{path}: is {length:,} bytes long; at most {most:,} are read")
        content = file.read(most + 1)
    if len(content) > most:
        raise FileError(f"{path}: grows while it is read")
    return content


def directory(archive):
    """A checksum of the names, sizes and checksums of all that is in a ZipFile."""
    return zlib.crc32(repr([(info.filename, info.file_size, info.CRC) for info in archive.infolist()]).encode())


class Archive:
    """An archive of arrays, open for reading; a context manager.

    Parameters
    ----------
    path : str or path-like
    what : str
        What it should be, for messages: ``"a marlfast result"``.
    damaged : dict, optional
        Where to put what is wrong with members, {name: FileError}. Default: it is raised.
    kinds : str
        NumPy's letters of the kinds of arrays that may be there.

    Attributes
    ----------
    headers : dict of str to Header
        Of every array, by its name.
    """

    def __init__(self, path, what="a marlfast result", damaged=None, kinds=NUMBERS):
        self.path, self.what, self.damaged, self.kinds = errors.path(path), what, damaged, kinds
        self._file = open_regular(self.path)
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self):
        if self._file.read(2) != b"PK":
            raise self.refused("it is no .npz archive")
        self._file.seek(0)
        with self._reading():
            self._zip = zipfile.ZipFile(self._file)
            members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise self.refused(f"it has {len(members):,} members; at most {MAX_MEMBERS:,} are read")
        length = os.fstat(self._file.fileno()).st_size
        # Members that overlap could each be as long as the file.
        if sum(member.file_size for member in members) > length:
            compressed = next((m for m in members if m.compress_type != zipfile.ZIP_STORED), None)
            raise self.refused(f"its member {shown(compressed.filename)} is compressed, which marlfast never does; "
                               "write it again with numpy.savez" if compressed else "its members overlap")
        self._members, self.headers = {}, {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise self.refused(f"it has two members {shown(name)}")
            self._members[name] = member
            try:
                self.headers[name] = self._header(name, member)
            except FileError as error:
                if self.damaged is None:
                    raise
                self.damaged[name] = error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the file."""
        self._zip.close()
        self._file.close()

    def refused(self, why):
        """A FileError that says why it is not what it should be."""
        return FileError(f"{self.path}: not {self.what} ({why})")

    @contextlib.contextmanager
    def _reading(self, name=None):
        """Turn whatever NumPy, zipfile and their parsers make of a hostile file into an error that names it."""
        member = f"its member {shown(name)}" if name is not None else "it"
        try:
            yield
        except FileError:
            raise
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):         # of the disk, and not a place that no file has
                raise
            raise self.refused(f"{member} is damaged ({type(error).__name__})") from None
        except MemoryError:
            raise
        except Exception as error:
            raise self.refused(f"{member} is damaged or of another kind ({type(error).__name__})") from None

    def _header(self, name, member):
        with self._reading(name), self._zip.open(member) as file:
            if member.flag_bits & 1:
                raise self.refused(f"its member {shown(name)} is encrypted")
            # No more than the header: at the end of a member zipfile compares its checksum.
            start = file.read(12)
            if start[:6] != b"\x93NUMPY":
                raise self.refused(f"its member {shown(name)} is no array")
            if start[6:8] not in (b"\1\0", b"\2\0"):
                raise self.refused(f"its member {shown(name)} is an array of a later format")
            one = start[6] == 1
            ends = 10 + int.from_bytes(start[8:10], "little") if one else 12 + int.from_bytes(start[8:12], "little")
            text = start[10 if one else 12:] + file.read(min(max(ends - 12, 0), HEADER))
            said = AS_WRITTEN.fullmatch(text)
            if said is None or len(text) + (10 if one else 12) != ends:
                raise self.refused(f"its array {shown(name)} has a header that NumPy does not write")
            dtype, by_columns = np.dtype(said[1].decode()), said[2] == b"True"
            shape = tuple(map(int, filter(None, said[3].replace(b" ", b"").split(b","))))
        if dtype.hasobject:
            raise self.refused(f"its array {shown(name)} holds Python objects, which are never loaded")
        if dtype.kind not in self.kinds or dtype.subdtype is not None:
            raise self.refused(f"its array {shown(name)} holds {shown(str(dtype))}, not numbers")
        if math.prod(shape) * dtype.itemsize + ends != member.file_size:
            raise self.refused(f"its array {shown(name)} is {dtype.name} {shown(shape)}, and its member holds "
                               f"{member.file_size - ends:,} bytes")
        return Header(dtype, shape, ends, by_columns)

    def read(self, name):
        """One array, in this machine's byte order; its checksum in the archive is compared."""
        header, member = self.headers[name], self._members[name]
        order = "F" if header.by_columns else "C"
        check_memory(f"{self.path}: the numbers of its array {shown(name)}",
                     math.prod(header.shape) * header.dtype.itemsize, "read it where there is more")
        with self._reading(name), self._zip.open(member) as file:
            array = np.empty(header.shape, header.dtype, order)
            file.read(header.begin)
            into = memoryview(array.reshape(-1, order=order).view(np.uint8)) if array.nbytes else memoryview(b"")
            at = 0
            while at < len(into):
                count = file.readinto(into[at:at + 2**24])
                if not count:
                    raise EOFError
                at += count
            file.read(1)        # past the end, where zipfile compares the checksum
        array = np.ascontiguousarray(array)
        return array if header.dtype.isnative else array.astype(header.dtype.newbyteorder("="))

    def checksum(self):
        """A checksum of the names, sizes and checksums of all that is in it."""
        return directory(self._zip)

    def text(self, name):
        """An array of bytes as text; at most ``MAX_TEXT`` bytes."""
        header = self.headers[name]
        if header.dtype != np.uint8 or len(header.shape) != 1 or header.shape[0] > MAX_TEXT:
            raise self.refused(f"its {name} is of another kind")
        try:
            return self.read(name).tobytes().decode()
        except UnicodeDecodeError:
            raise self.refused(f"its {name} cannot be read") from None
