"""A bundle is a tar that every reader of tar reads, and whose bytes follow from its files; damage is found."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.runs.bundle_index import read_index
from seqdrop.runs.bundles import BundleError, FileChangedError, check, extract, measure, write_bundle
from seqdrop.runs.files import RunFile

from tests.support.examples import share
from tests.unit.runs.packing import NOON, MemoryFolder, folders

PLAIN = {"b.txt": b"second", "Logs/a.log": b"", "InterOp/q.bin": bytes(range(256)) * 2, "c": b"x" * 513}
LONG = f"Data/{'Intensities/' * 12}Übersicht.xml"


def pack(folder: MemoryFolder) -> tuple[bytes, object]:
    stream = io.BytesIO()
    index = write_bundle(folder.files, folder, stream)
    return stream.getvalue(), index


def ranges_of(tar: bytes):
    return lambda offset, size: tar[offset : offset + size]


@settings(max_examples=share(60))
@given(folders())
def test_each_file_comes_back_from_the_bundle(folder):
    tar, index = pack(folder)

    again = read_index(index.body, index.name)
    assert again == index
    assert {entry.name: extract(again, entry.name, ranges_of(tar)) for entry in again.entries} == folder.contents
    assert {entry.name: entry.modified for entry in again.entries} == folder.times
    check(again, io.BytesIO(tar))
    assert measure(index) == len(tar)


@settings(max_examples=share(60))
@given(folders())
def test_python_lists_the_same_files_and_the_index_last(folder):
    tar, index = pack(folder)

    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        *members, last = archive.getmembers()
        assert last.name == index.name
        assert archive.extractfile(last).read() == index.body
    assert [(m.name, m.size, m.offset_data) for m in members] == [(e.name, e.size, e.offset) for e in index.entries]
    seconds = [(entry.modified - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) for entry in index.entries]
    assert [m.mtime for m in members] == seconds
    assert {(m.uid, m.gid, m.uname, m.gname, m.mode, m.type) for m in members} == {
        (0, 0, "", "", 0o644, tarfile.REGTYPE)
    }


@pytest.mark.parametrize("program", ["tar", "bsdtar"])
def test_programs_extract_the_same_files(program, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"no {program} on this machine")
    folder = MemoryFolder(PLAIN | {LONG: b"long name"})
    tar, index = pack(folder)
    (tmp_path / index.tar).write_bytes(tar)

    listed = subprocess.run([program, "-tf", index.tar], cwd=tmp_path, check=True, capture_output=True, text=True,
                            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})  # fmt: skip
    subprocess.run([program, "-xf", index.tar], cwd=tmp_path, check=True, env={"LC_ALL": "C.UTF-8"})

    assert listed.stderr == ""
    names = listed.stdout.replace("\\303\\234", "Ü").splitlines()
    assert names == [*sorted(folder.contents), index.name]
    assert {name: (tmp_path / name).read_bytes() for name in folder.contents} == folder.contents
    assert {(tmp_path / name).stat().st_mtime for name in folder.contents} == {NOON.timestamp()}
    assert (tmp_path / index.name).read_bytes() == index.body


def test_checksums_are_those_of_the_files():
    _, index = pack(MemoryFolder(PLAIN))

    expected = {name: (f"{zlib.crc32(body):08x}", hashlib.sha256(body).hexdigest()) for name, body in PLAIN.items()}
    assert {entry.name: (entry.crc32, entry.sha256) for entry in index.entries} == expected
    assert index.by_name["Logs/a.log"].crc32 == "00000000"  # as Illumina's manifests have it for an empty file


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(order):
    folder = MemoryFolder(PLAIN)
    shuffled = folder.files
    order.shuffle(shuffled)
    stream = io.BytesIO()

    write_bundle(shuffled, folder, stream)

    assert stream.getvalue() == pack(folder)[0]


def test_the_bytes_stay_those_of_the_first_version():
    # A bundle that was half uploaded by an earlier version must go on.
    tar, index = pack(MemoryFolder(PLAIN | {LONG: b"long name"}))
    assert index.tar == "seqdrop-bundle-c6e3ad472309b970.tar"
    assert hashlib.sha256(tar).hexdigest() == "31f0109677dda8df517a3a4b285bf8df1ad9031aab191a9f8fa32e6ee405d1fc"


def test_another_time_or_size_is_another_bundle():
    names = {
        pack(MemoryFolder(PLAIN))[1].tar,
        pack(MemoryFolder(PLAIN | {"c": b"x"}))[1].tar,
        pack(MemoryFolder(PLAIN, {"c": NOON + timedelta(microseconds=1)}))[1].tar,
    }
    assert len(names) == 3


def grow(folder):
    folder.contents["c"] += b"more"


def shrink(folder):
    folder.contents["c"] = b""


def touch(folder):
    folder.times["c"] += timedelta(seconds=1)


def delete(folder):
    del folder.contents["c"]


@pytest.mark.parametrize("change", [grow, shrink, touch, delete])
@pytest.mark.parametrize("trigger", ["b.txt", "c"])
def test_a_file_that_changes_while_it_is_packed_is_named_and_the_rest_can_be_packed(change, trigger):
    folder = MemoryFolder(PLAIN)
    files = folder.files
    folder.on_open = lambda name: change(folder) if name == trigger else None

    with pytest.raises(FileChangedError, match=r"^c changed while it was packed") as changed:
        write_bundle(files, folder, io.BytesIO())

    folder.on_open = lambda name: None
    stream = io.BytesIO()
    index = write_bundle([file for file in files if file.name != changed.value.name], folder, stream)
    assert sorted(index.by_name) == ["InterOp/q.bin", "Logs/a.log", "b.txt"]
    check(index, io.BytesIO(stream.getvalue()))


def test_a_file_that_grows_during_its_last_read_is_found():
    folder = MemoryFolder(PLAIN)
    files = folder.files
    folder.open = lambda name: io.BytesIO(folder.contents[name] + b"!" * (name == "c"))

    with pytest.raises(FileChangedError, match="^c "):
        write_bundle(files, folder, io.BytesIO())


@settings(max_examples=share(150))
@given(st.data())
def test_any_changed_byte_is_found(data):
    tar, index = pack(MemoryFolder(PLAIN))
    place = data.draw(st.integers(0, len(tar) - 1))
    damaged = bytearray(tar)
    damaged[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(BundleError, match=r"seqdrop-bundle-\w+\.tar, byte \d+: .*(restore|upload)"):
        check(index, io.BytesIO(bytes(damaged)))


@given(st.data())
def test_a_cut_or_longer_tar_is_found(data):
    tar, index = pack(MemoryFolder(PLAIN))
    cut = tar[: data.draw(st.integers(0, len(tar) - 1))]

    for wrong in (cut, tar + b"\0"):
        with pytest.raises(BundleError):
            check(index, io.BytesIO(wrong))


def test_extract_refuses_damage_and_absent_files():
    tar, index = pack(MemoryFolder(PLAIN))
    damaged = tar.replace(b"second", b"Second")

    assert extract(index, "b.txt", ranges_of(tar)) == b"second"
    with pytest.raises(BundleError, match=f"byte {index.by_name['b.txt'].offset}: the bytes of a file differ"):
        extract(index, "b.txt", ranges_of(damaged))
    with pytest.raises(BundleError):
        extract(index, "b.txt", lambda offset, size: b"sec")
    with pytest.raises(FileNotFoundError):
        extract(index, "d.txt", ranges_of(tar))


def test_an_empty_file_needs_no_request():
    _, index = pack(MemoryFolder(PLAIN))
    assert extract(index, "Logs/a.log", lambda offset, size: pytest.fail("S3 refuses an empty range")) == b""


@pytest.mark.parametrize(
    "names", [[], ["a", "a"], ["../a"], ["/a"], ["a\\b"], ["a\nb"], ["a\tb"], ["C:a"], ["x/\udcff"]]
)
def test_files_that_no_bundle_can_have_are_refused_before_anything_is_written(names):
    folder = MemoryFolder(dict.fromkeys(names, b""))
    stream = io.BytesIO()
    with pytest.raises(BundleError):
        write_bundle([RunFile(name, 0, NOON) for name in names], folder, stream)
    assert stream.getvalue() == b""


def test_memory_does_not_grow_with_the_size_of_a_file():
    chunks = []

    class Counted(io.RawIOBase):
        def __init__(self):
            self.left = 5 << 20

        def read(self, size=-1):
            assert 0 < size <= 1 << 20
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

    folder = MemoryFolder({"large": b""})
    folder.look = lambda name: RunFile(name, 5 << 20, NOON)
    folder.open = lambda name: Counted()
    stream = io.BytesIO()
    stream.write = lambda chunk: chunks.append(len(chunk))

    write_bundle(folder.files, folder, stream)

    assert max(chunks) == 1 << 20
