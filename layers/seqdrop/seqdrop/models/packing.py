"""Archives whose bytes follow from their members alone, so that the SHA-256 of an archive names its content.

The same members give the same bytes whatever the day, the user, the permissions of the files or the order in which they
are given. Compression is zlib's: another version of it may compress the same content to other bytes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping

Content = bytes | Path
FAST = 1  # level of compression: weights and wheels hardly shrink, whatever the level
MODE = 0o644
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can hold


class TarGz(ExitStack):
    """A .tar.gz that is written member by member to an open file, in the caller's order; a context manager.

    Memory does not grow with the number of members nor with the size of files.
    """

    def __init__(self, target: BinaryIO, level: int = FAST) -> None:
        super().__init__()
        packed = self.enter_context(gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=level, mtime=0))
        tar = tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (the stack closes it)
        self._tar = self.enter_context(tar)

    def add(self, name: str, content: Content) -> None:
        """Append a regular file. Raise ValueError for a name that would be unpacked outside of the target folder."""
        info = tarfile.TarInfo(check_name(name))  # its owner is nobody and its time 0
        info.mode = MODE
        with open_content(content) as stream:
            info.size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            self._tar.addfile(info, stream)
        self._tar.members.clear()  # tarfile remembers each


def write_tar_gz(target: BinaryIO, members: Mapping[str, Content], level: int = FAST) -> None:
    """Write a .tar.gz of members by name, each given as bytes or as the path of a file, to an open file."""
    with TarGz(target, level) as archive:
        for name in sorted(members):
            archive.add(name, members[name])


def make_tar_gz(members: Mapping[str, Content], level: int = FAST) -> bytes:
    """Return the bytes of a .tar.gz; see `write_tar_gz`."""
    buffer = io.BytesIO()
    write_tar_gz(buffer, members, level)
    return buffer.getvalue()


def make_zip(members: Mapping[str, Content], level: int = FAST) -> bytes:
    """Return the bytes of a .zip of members by name, each given as bytes or as the path of a file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(check_name(name), EPOCH)
            entry.create_system, entry.external_attr = 3, MODE << 16  # 3: the mode is that of Unix
            content = members[name]
            body = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(entry, body, zipfile.ZIP_DEFLATED, level)
    return buffer.getvalue()


def open_content(content: Content) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def check_name(name: str) -> str:
    """Return a member's name. Raise ValueError unless it is a plain relative path, with "/" between its parts."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of an archive's member: it must be a path within the archive")
    return name
