"""Archives of arrays, read by their headers: what is hostile is refused before it is paid, and in one sentence."""
import io
import json
import os
import struct
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest

import marlfast as mf
from marlfast import files, toml
from marlfast.archive import Archive, read_regular

POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "run.npz"
    mf.train(mf.games.Drift(agents=2), mf.IQL(), encoder=mf.Grid(-1, 1, 3), steps=50, seed=1, runs=2).save(path)
    return path.read_bytes()


@pytest.fixture
def path(content, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    return path


def members(content):
    """{name of the member: bytes}."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {member.filename: archive.read(member) for member in archive.infolist()}


def pack(path, held, compress=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, data in held:
            archive.writestr(name, data)


def header(shape, dtype="<f8", order=False):
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape!r}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n"


def refused(path, *words, error=mf.FileError):
    """Reading it takes no memory to speak of, and gives an error of one line that names the file."""
    tracemalloc.start()
    try:
        with pytest.raises(error) as caught:
            mf.load(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    text = str(caught.value)
    assert str(path) in text and "\n" not in text and len(text) < 400 + len(str(path)), text
    for word in words:
        assert word in text, text


# -- what is no file -----------------------------------------------------------------------------

@POSIX
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (mf.load, toml.read, files.check):
        if read is files.check:
            assert "a pipe" in read(tmp_path / "pipe")[0][1]
            continue
        with pytest.raises(mf.FileError, match="pipe: expected a file, got a pipe, a device or a socket"):
            read(tmp_path / "pipe")


@POSIX
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full"])
def test_a_device_is_neither_read_nor_replaced(device):
    before = os.stat(device).st_ino
    for read in (mf.load, toml.read):
        with pytest.raises(mf.FileError, match=f"{device}: expected a file"):
            read(device)
    with pytest.raises(OSError, match=f"cannot write {device}: a pipe, a device or a socket stands there"):
        files.write_atomically(device, lambda file: None)
    with pytest.raises(OSError, match=f"cannot write {device}"):
        mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), steps=5, checkpoint=device)
    assert os.stat(device).st_ino == before


@POSIX
def test_open_files_are_no_paths():
    """A number would be taken for an open file, which may have an end that never comes."""
    ours, theirs = os.pipe()
    try:
        for value in (ours, True, np.int64(ours), float(ours)):
            for read in (mf.load, toml.read, files.check, lambda path: files.write_atomically(path, print)):
                done = []
                thread = threading.Thread(target=lambda *a: a[0].append(_kind(*a[1:])), args=(done, read, value),
                                          daemon=True)
                thread.start()
                thread.join(20)
                assert done == [TypeError]
    finally:
        os.close(ours)
        os.close(theirs)


def _kind(read, value):
    try:
        read(value)
    except BaseException as error:
        return type(error)


def test_a_text_that_is_too_long(tmp_path):
    (tmp_path / "long.toml").write_bytes(b"#" * 100)
    with pytest.raises(mf.FileError, match="long.toml: is 100 bytes long; at most 99 are read"):
        read_regular(tmp_path / "long.toml", 99)


# -- what is no sound archive ---------------------------------------------------------------------

def test_an_array_is_read_as_it_was_written(path):
    with Archive(path) as archive, np.load(path) as expected:
        assert list(archive.headers) == expected.files
        for name in expected.files:
            np.testing.assert_array_equal(archive.read(name), expected[name], strict=True)


@pytest.mark.parametrize("array", [
    np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype=">i4"), np.float64(2.0), np.zeros((0, 3)),
    np.arange(12.0).reshape(2, 2, 3)[:, :, ::2], np.array([True])], ids=str)
def test_any_layout_is_read(array, tmp_path):
    np.savez(tmp_path / "a.npz", x=array)
    with Archive(tmp_path / "a.npz") as archive:
        np.testing.assert_array_equal(archive.read("x"), array)
        assert archive.read("x").dtype.isnative and archive.read("x").flags.c_contiguous


def test_a_small_file_that_unpacks_into_a_large_one(content, path):
    held = members(content)
    held["learner.q.npy"] = header((2, 9, 2, 25_000_000)) + bytes(2 * 9 * 2 * 1_000_000)
    pack(path, held.items(), zipfile.ZIP_DEFLATED)
    refused(path, "is compressed, which marlfast never does")


def test_an_array_whose_header_says_more_than_there_is(content, path):
    for shape in ((2, 9, 2, 2**40), (2**31, 2**31, 5, 1), (-1, 9, 2, 5), (2, 9, 2, 5.0), (10**30,)):
        held = members(content) | {"learner.q.npy": header(shape) + bytes(1440)}
        pack(path, held.items())
        refused(path, "'learner.q'")


def test_a_manifest_that_asks_for_more_than_the_arrays_have(content, path):
    held = members(content)
    manifest = json.loads(held["manifest.npy"].partition(b"\n")[2])
    for change in ({"bins": 30_000}, {"bins": 2**31}, {"bins": [2000, 2000]}):
        manifest["experiment"]["encoder"].update(change)
        text = json.dumps(manifest).encode()
        pack(path, (held | {"manifest.npy": header((len(text),), "|u1") + text}).items())
        refused(path)
    manifest["experiment"]["encoder"]["bins"] = 3
    for part, change in (("game", {"agents": 10**8}), ("game", {"agents": 10**6}), ("game", {"state_size": 10**9}),
                         ("game", {"actions": 2**31 - 1}), ("learner", {"name": "sarsa", "trace_length": 10**9}),
                         ("learner", {"name": "monte_carlo", "longest": 10**9})):
        changed = json.loads(json.dumps(manifest))
        changed["experiment"][part].update(change)
        text = json.dumps(changed).encode()
        pack(path, (held | {"manifest.npy": header((len(text),), "|u1") + text}).items())
        with pytest.raises(mf.FileError, match="run.npz"):
            mf.load(path)


def test_members_that_are_twice_there_or_no_arrays(content, path):
    held = members(content)
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(path, [*held.items(), ("steps.npy", held["steps.npy"])])
    refused(path, "two members 'steps'")
    for data in (b"", b"hello", b"\x93NUMPY\x03\x00" + bytes(100), b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70000,
                 header((1,), "|O") + bytes(8), header((1,), "<U1") + bytes(4), header((1,), "<M8[s]") + bytes(8),
                 header((1,), "<c16") + bytes(16), header((1,), "V8") + bytes(8)):
        pack(path, (held | {"steps.npy": data}).items())
        refused(path, "'steps'")


def test_more_members_than_are_read(path, monkeypatch):
    monkeypatch.setattr("marlfast.archive.MAX_MEMBERS", 3)
    refused(path, "members; at most 3 are read")


# -- checksums, and the check of a file ------------------------------------------------------------

def test_an_array_of_another_file_is_found_by_its_checksum(content, path, tmp_path):
    """A member that is whole in itself, and fits, but is not the one that was saved."""
    held = members(content)
    held["learner.q.npy"] = held["learner.q.npy"][:-8] + bytes(8)
    pack(path, held.items())
    refused(path, "its array learner.q is not what was saved (its checksum is another)")
    assert files.check(path) == [("learner.q", "its array learner.q is not what was saved (its checksum is another)")]


def test_a_sound_file_is_whole(path):
    assert files.check(path) == []


def test_all_damaged_members_are_named(content, path):
    held = members(content)
    damaged = bytearray(content)
    for name in ("state.npy", "learner.q.npy"):
        at = content.index(held[name])
        damaged[at + len(held[name]) - 1] ^= 0xff
    path.write_bytes(damaged)
    found = files.check(path)
    assert [member for member, _ in found] == ["state", "learner.q"]
    assert all("is damaged" in what for _, what in found)


def test_checked_is_what_cannot_be_read(tmp_path, path, content):
    with pytest.raises(FileNotFoundError, match="none.npz: no such file"):
        files.check(tmp_path / "none.npz")
    path.write_bytes(content[:len(content) // 2])
    (member, what), = files.check(path)
    assert member == "" and what.startswith("not a marlfast result (")
    np.savez(path, x=np.zeros(3))
    assert files.check(path) == [("manifest", "not a marlfast result (it has no manifest)")]


def test_a_policy_is_checked_too(tmp_path):
    run = mf.train(mf.games.Climbing(), mf.IQL(), steps=20, seed=0)
    run.policy(0).save(tmp_path / "policy.npz")
    assert files.check(tmp_path / "policy.npz") == []
