"""Sequencer runs by their keys: the folders that may be a file's run, and the files that mark a run as complete."""

from __future__ import annotations

import posixpath
import shlex
from fnmatch import fnmatchcase

# The instrument, or its copy service, writes these when a run is complete: Illumina's, and Oxford Nanopore's.
MARKERS = (
    "CopyComplete.txt",
    "RTAComplete.txt",
    "RunCompletionStatus.xml",
    "SequenceComplete.txt",
    "final_summary*.txt",
)
MANIFEST = "seqdrop-manifest.json"  # an uploader's list of the files of a run


def is_marker(key: str) -> bool:
    """Return True if the file name of a key is that of a marker or of a manifest."""
    name = posixpath.basename(key)
    return name == MANIFEST or any(fnmatchcase(name, marker) for marker in MARKERS)


def is_manifest(key: str) -> bool:
    """Return True if the file name of a key is that of a manifest."""
    return posixpath.basename(key) == MANIFEST


def folders(key: str, prefix: str) -> list[str]:
    """Return the folders of a key below the prefix, the nearest first, each with its slash.

    Any of them may be the run of the file. The list is empty for a key that does not start with the prefix.
    """
    if not key.startswith(prefix):
        return []
    *names, _ = key.removeprefix(prefix).split("/")
    return [prefix + "/".join(names[:count]) + "/" for count in range(len(names), 0, -1)]


def run_of(key: str, prefix: str) -> str:
    """Return the folder that identifies a key's run: the first one below the prefix; "" directly under the prefix.

    The actual folder of the run may be deeper; to share resources fairly among runs the first one is sufficient.
    """
    return next(reversed(folders(key, prefix)), "")


def marker_command(bucket: str, folder: str) -> str:
    """Return the shell command that drops an empty marker in a folder."""
    return f"aws s3api put-object --bucket {bucket} --key {shlex.quote(folder + MARKERS[0])}"
