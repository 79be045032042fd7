"""Unpacking of model archives, and the entries that it refuses."""

import io
import tarfile

import pytest

from local.sagemaker.archive import BadArchiveError, unpack


def pack(tmp_path, *entries: tuple[tarfile.TarInfo, bytes]):
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def symlink(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


def test_files_and_folders_are_unpacked(tmp_path):
    unpack(pack(tmp_path, (tarfile.TarInfo("code/inference.py"), b"x = 1\n")), tmp_path / "model")
    assert (tmp_path / "model/code/inference.py").read_bytes() == b"x = 1\n"


@pytest.mark.parametrize(
    "entry",
    [
        tarfile.TarInfo("../evil"),
        tarfile.TarInfo("a/../../evil"),
        symlink("out", "/etc/passwd"),
        symlink("out", "../../evil"),
    ],
)
def test_no_entry_is_written_outside_of_the_folder(tmp_path, entry):
    with pytest.raises(BadArchiveError):
        unpack(pack(tmp_path, (entry, b"")), tmp_path / "deep/model")
    assert not (tmp_path / "evil").exists()


def test_an_absolute_name_is_unpacked_below_the_folder(tmp_path):
    unpack(pack(tmp_path, (tarfile.TarInfo("/etc/evil"), b"")), tmp_path / "model")
    assert (tmp_path / "model/etc/evil").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_not_an_archive_is_refused(tmp_path, content):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BadArchiveError, match="cannot be unpacked"):
        unpack(path, tmp_path / "model")
