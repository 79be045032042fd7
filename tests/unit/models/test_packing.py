"""Archives depend only on their members: the same bytes each time, and tarfile and zipfile read the members again."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.models.packing import TarGz, make_tar_gz, make_zip, write_tar_gz

part = st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
names = st.lists(part.filter(lambda text: text not in (".", "..")), min_size=1, max_size=4).map("/".join)
archives = st.dictionaries(names, st.binary(max_size=300), max_size=6)
makers = pytest.mark.parametrize("make", [make_tar_gz, make_zip])


def entries(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


@given(archives)
def test_a_tar_has_its_members_and_no_data_about_its_author(members):
    body = make_tar_gz(members)
    assert entries(body) == members
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        about = {(info.mtime, info.mode, info.uid, info.gid, info.uname, info.gname, info.type) for info in tar}
        assert about <= {(0, 0o644, 0, 0, "", "", tarfile.REGTYPE)}
        assert tar.getnames() == sorted(members)
    assert body[3:8] == bytes(5), "neither a file's name nor a time in the header of gzip"


@given(archives)
def test_a_zip_has_its_members(members):
    with zipfile.ZipFile(io.BytesIO(make_zip(members))) as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == members
        assert {(info.date_time, info.external_attr, info.create_system) for info in archive.infolist()} <= {
            ((1980, 1, 1, 0, 0, 0), 0o644 << 16, 3)
        }
        assert archive.namelist() == sorted(members)


@makers
@given(members=archives, data=st.data())
def test_order_times_modes_and_type_of_content_have_no_effect(make, members, data):
    shuffled = dict(data.draw(st.permutations(list(members.items()))))
    assert make(shuffled) == make(members)
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, (name, content) in enumerate(shuffled.items()):
            paths[name] = Path(folder) / str(number)
            paths[name].write_bytes(content)
            paths[name].chmod(data.draw(st.sampled_from([0o400, 0o644, 0o755])))
            os.utime(paths[name], (number, data.draw(st.integers(0, 2**31))))
        assert make(paths) == make(members)


@given(archives.filter(bool), st.data())
def test_other_members_give_other_bytes(members, data):
    name = data.draw(st.sampled_from(sorted(members)))
    assert make_tar_gz(members | {name: members[name] + b"x"}) != make_tar_gz(members)
    assert make_zip(members | {name: members[name] + b"x"}) != make_zip(members)


def test_the_name_of_the_target_is_not_in_the_archive(tmp_path):
    for name in ("one.tar.gz", "another.tar.gz"):
        with (tmp_path / name).open("wb") as target:
            write_tar_gz(target, {"a": b"1"})
    assert (
        (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "another.tar.gz").read_bytes() == make_tar_gz({"a": b"1"})
    )


def test_links_are_followed(tmp_path):
    """A snapshot of the Hugging Face hub is a folder of links to its blobs."""
    (tmp_path / "blob").write_bytes(b"weights")
    (tmp_path / "model.safetensors").symlink_to("blob")
    assert entries(make_tar_gz({"model.safetensors": tmp_path / "model.safetensors"})) == {
        "model.safetensors": b"weights"
    }


def test_members_may_be_added_one_by_one_in_any_order():
    buffer = io.BytesIO()
    with TarGz(buffer) as archive:
        for name in ("b", "a"):
            archive.add(name, name.encode())
    assert list(entries(buffer.getvalue()).items()) == [("b", b"b"), ("a", b"a")]


@makers
@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../out", "a/../../out", "a//b", "a/", "./a", "a\\b", "a\0b"])
def test_a_name_outside_of_the_archive_or_with_two_forms_is_refused(make, name):
    with pytest.raises(ValueError, match="cannot be the name of an archive's member"):
        make({name: b""})
