"""Unpacking of archives, such as model.tar.gz for /opt/ml/model."""

import tarfile
from pathlib import Path


class BadArchiveError(Exception):
    """The archive is not a gzipped tar file, or contains an entry that must not be unpacked."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive into a new folder.

    Raise BadArchiveError for names and links that lead outside of the folder, and for devices.
    """
    target.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as content:
            # The "data" filter refuses absolute names, "..", links to the outside, and special files.
            content.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise BadArchiveError(f"{archive.name} cannot be unpacked: {error}") from error
