"""Sequencer runs, as keys tell of them: the folders that may be a file's run, and what marks a run as complete."""

from __future__ import annotations

import posixpath
import shlex
from fnmatch import fnmatchcase

# Written by the instrument (or its copy service) when a run is complete: Illumina's, and Oxford Nanopore's.
MARKERS = (
    "CopyComplete.txt",
    "RTAComplete.txt",
    "RunCompletionStatus.xml",
    "SequenceComplete.txt",
    "final_summary*.txt",
)
MANIFEST = "seqdrop-manifest.json"  # an uploader's list of what belongs to the run


def is_marker(key: str) -> bool:
    """Whether a key's name is that of a marker, or of a manifest."""
    name = posixpath.basename(key)
    return name == MANIFEST or any(fnmatchcase(name, marker) for marker in MARKERS)


def is_manifest(key: str) -> bool:
    return posixpath.basename(key) == MANIFEST


def folders(key: str, prefix: str) -> list[str]:
    """The folders below the prefix that a key lies in, nearest first, each with its slash. Any may be its run's."""
    if not key.startswith(prefix):
        return []
    *names, _ = key.removeprefix(prefix).split("/")
    return [prefix + "/".join(names[:count]) + "/" for count in range(len(names), 0, -1)]


def run_of(key: str, prefix: str) -> str:
    """The folder that stands for a key's run: the first below the prefix; "" directly under the prefix.

    The run's own folder may lie deeper; for sharing things out fairly this one answer will do.
    """
    return next(reversed(folders(key, prefix)), "")


def marker_command(bucket: str, folder: str) -> str:
    """The command that drops an empty marker in a folder."""
    return f"aws s3api put-object --bucket {bucket} --key {shlex.quote(folder + MARKERS[0])}"
