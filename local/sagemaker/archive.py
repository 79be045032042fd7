"""Model archives: model.tar.gz unpacked as the container sees it under /opt/ml/model."""

import tarfile
from pathlib import Path


class BadArchiveError(Exception):
    """The model data is no gzipped tar, or holds what must not be unpacked."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack into a new folder; BadArchiveError for names and links that lead out of it, and for devices."""
    target.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as content:
            # The "data" filter refuses absolute names, "..", links to the outside and special files.
            content.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise BadArchiveError(f"model.tar.gz cannot be unpacked: {error}") from error
