"""The runs of landing keys: the folders that may be the run of a file, and the files that mark a run as complete."""

from __future__ import annotations

import posixpath
import shlex
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

# Instruments of Illumina and Oxford Nanopore, or their copy services, write these files when a run is complete.
MARKERS = (
    "CopyComplete.txt",
    "RTAComplete.txt",
    "RunCompletionStatus.xml",
    "SequenceComplete.txt",
    "final_summary*.txt",
)
MANIFEST = "seqdrop-manifest.json"  # an uploader's list of the files of a run


def is_marker(key: str, markers: Collection[str] = MARKERS) -> bool:
    """Return True if a key is that of a manifest or, by its file name, of one of these markers."""
    name = posixpath.basename(key)
    return name == MANIFEST or any(fnmatchcase(name, marker) for marker in markers)


def is_manifest(key: str) -> bool:
    """Return True if a key is that of a manifest, by its file name."""
    return posixpath.basename(key) == MANIFEST


def folders(key: str, prefix: str) -> list[str]:
    """Return the folders of a key below the prefix, the innermost first, each as a key that ends in a slash.

    Any of them may be the run of the file. The list is empty for a key that does not start with the prefix.
    """
    if not key.startswith(prefix):
        return []
    *names, _ = key.removeprefix(prefix).split("/")
    return [prefix + "/".join(names[:count]) + "/" for count in range(len(names), 0, -1)]


def run_of(key: str, prefix: str) -> str:
    """Return the outermost folder of a key below the prefix, which identifies its run; "" if there is none.

    The folder of the run may be deeper, but the outermost one is sufficient to share resources fairly among runs.
    """
    return next(reversed(folders(key, prefix)), "")


def marker_command(bucket: str, folder: str, marker: str = MARKERS[0]) -> str:
    """Return the shell command that writes an empty marker to a folder, which declares the run complete."""
    return f"aws s3api put-object --bucket {bucket} --key {shlex.quote(folder + marker)}"
