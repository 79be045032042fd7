"""Archives whose bytes depend only on their members, so that the SHA-256 of an archive identifies its content.

The same members give the same bytes, whatever the date, the user, the permissions and the order of the files.
Compression is zlib's: another version of zlib may compress the same content to other bytes.
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
FAST = 1  # level of compression: weights and wheels hardly shrink at any level
MODE = 0o644
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


class TarGz(ExitStack):
    """A .tar.gz that is written member by member to an open file, in the caller's order; a context manager.

    Memory grows neither with the number of members nor with the size of files.
    """

    def __init__(self, target: BinaryIO, level: int = FAST) -> None:
        super().__init__()
        packed = self.enter_context(gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=level, mtime=0))
        tar = tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (the stack closes it)
        self._tar = self.enter_context(tar)

    def add(self, name: str, content: Content) -> None:
        """Append a regular file. Raise ValueError unless `name` is a path within the archive (`check_name`)."""
        info = tarfile.TarInfo(check_name(name))  # without an owner, and with time 0
        info.mode = MODE
        with open_content(content) as stream:
            info.size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            self._tar.addfile(info, stream)
        self._tar.getmembers().clear()  # tarfile keeps a list of members, which would grow


def write_tar_gz(target: BinaryIO, members: Mapping[str, Content], level: int = FAST) -> None:
    """Write a .tar.gz to an open file. `members` are bytes or paths of files, by member name."""
    with TarGz(target, level) as archive:
        for name in sorted(members):
            archive.add(name, members[name])


def make_tar_gz(members: Mapping[str, Content], level: int = FAST) -> bytes:
    """Return the bytes of a .tar.gz; see `write_tar_gz`."""
    buffer = io.BytesIO()
    write_tar_gz(buffer, members, level)
    return buffer.getvalue()


def make_zip(members: Mapping[str, Content], level: int = FAST) -> bytes:
    """Return the bytes of a .zip. `members` are bytes or paths of files, by member name."""
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
    """Return a stream of the content of a member."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def check_name(name: str) -> str:
    """Return a member's name. Raise ValueError unless it is a plain relative path, with "/" between its parts."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of an archive's member: it must be a path within the archive")
    return name
