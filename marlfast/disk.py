"""Files that are whole or not there: written under another name, flushed, and then moved into place."""
import contextlib
import errno
import os
import stat

from marlfast import errors


def write_atomically(path, write):
    """Call ``write(file)`` on a new binary file that then takes the place of ``path``, all or nothing."""
    path = _target(path)
    handle, temporary = _beside(path)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(error.errno, f"cannot write {path}: {error.strerror or error}; "
                                       "what stood there before is untouched") from None
        raise


def _target(path):
    """The path, if what stands there may be replaced: a file, or nothing. A device would be lost, as root."""
    path = errors.path(path)
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return path
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or a socket"
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL,
                      f"cannot write {path}: {what} stands there; name a file")
    return path


def _beside(path):
    """A new file beside a path's: its handle and name."""
    import tempfile

    try:
        return tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, f"cannot write in {path.parent}: {error.strerror}") from None


def clear_way(path):
    """Refuse a path beside which nothing can be written, and remove what a killed process was writing for it."""
    import glob  # slow to import, like the others below: only those pay who write or read

    path = _target(path)
    handle, temporary = _beside(path)
    os.close(handle)
    os.unlink(temporary)
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        part.unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
