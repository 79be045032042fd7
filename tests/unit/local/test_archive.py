"""Model archives that must not be unpacked."""

import io
import tarfile

import pytest

from local.sagemaker.archive import BadArchiveError, unpack


def packed(tmp_path, *entries: tuple[tarfile.TarInfo, bytes]):
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


def test_files_and_folders_are_unpacked(tmp_path):
    unpack(packed(tmp_path, (tarfile.TarInfo("code/inference.py"), b"x = 1\n")), tmp_path / "model")
    assert (tmp_path / "model/code/inference.py").read_bytes() == b"x = 1\n"


@pytest.mark.parametrize(
    "entry",
    [
        tarfile.TarInfo("../evil"),
        tarfile.TarInfo("a/../../evil"),
        link("out", "/etc/passwd"),
        link("out", "../../evil"),
    ],
)
def test_nothing_leaves_the_folder(tmp_path, entry):
    with pytest.raises(BadArchiveError):
        unpack(packed(tmp_path, (entry, b"")), tmp_path / "deep/model")
    assert not (tmp_path / "evil").exists()


def test_an_absolute_name_stays_inside(tmp_path):
    unpack(packed(tmp_path, (tarfile.TarInfo("/etc/evil"), b"")), tmp_path / "model")
    assert (tmp_path / "model/etc/evil").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BadArchiveError, match="cannot be unpacked"):
        unpack(path, tmp_path / "model")
