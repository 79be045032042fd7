"""Gated runs, as a lab drops them: files in folders, markers and manifests; and the condition of a complete run.

Two prefixes have the gate: runs/ has a model and mates, raw/ has neither. The folders below each prefix are exp0/r0/,
exp0/r1/, exp1/r0/ and exp1/r1/.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from seqdrop.companions.runs import MARKERS as PACKAGED_MARKERS

from tests.faults import files

if TYPE_CHECKING:
    from tests.faults.evidence import Drop
    from tests.support.aws.buckets import Bucket

FILE, OTHER, FIRST, SECOND, BAD, POISONED, RAW, TOP = FILES = (
    "run file",
    "other run file",
    "run mate 1",
    "run mate 2",
    "bad run file",
    "poisoned run file",
    "raw run file",
    "file in no run",
)
MARKER, ABOVE, NOWHERE, RAW_MARKER = MARKERS = ("marker", "marker above", "marker of no run", "raw marker")
LISTS, LISTS_PRESENT, LISTS_WRONG, BAD_LIST = MANIFESTS = (
    "manifest",
    "manifest of what is there",
    "manifest with a wrong size",
    "bad manifest",
)
KINDS = (*FILES, *MARKERS, *MANIFESTS)
NAME = "seqdrop-manifest.json"
WITHOUT_MODEL = frozenset({RAW, *MARKERS, *MANIFESTS})
OWN_FAULT = {BAD: "length_mismatch", BAD_LIST: "bad_manifest"}
SOUND_LISTS = frozenset({LISTS, LISTS_PRESENT, LISTS_WRONG})
PREFIXES = ("runs/", "raw/")
GATE = f'gate = "run"\nmarkers = {json.dumps(PACKAGED_MARKERS)}\n'
ANALYSES = (
    f'[analyses.runs]\nprefix = "runs/"\nformats = ["fastq"]\nmax_gb = 1\nmates = "wait"\n{GATE}{files.USE}'
    f'{files.JOB}[analyses.raw]\nprefix = "raw/"\nformats = ["fastq"]\nmax_gb = 1\n{GATE}'
)
_NAMES = {
    FILE: "fa.fastq",
    OTHER: "fb.fastq",
    FIRST: "S_R1_001.fastq",
    SECOND: "S_R2_001.fastq",
    BAD: "bad.fastq",
    POISONED: "poisoned.fastq",
    RAW: "fa.fastq",
    TOP: "top.fastq",
    MARKER: "CopyComplete.txt",
    ABOVE: "CopyComplete.txt",
    NOWHERE: "CopyComplete.txt",
    RAW_MARKER: "RTAComplete.txt",
}


def place(kind: str, slot: int) -> str:
    prefix = "raw/" if kind in (RAW, RAW_MARKER) else "runs/"
    folders = {TOP: "", NOWHERE: "", ABOVE: f"exp{slot // 2}/"}
    return prefix + folders.get(kind, f"exp{slot // 2}/r{slot % 2}/") + _NAMES.get(kind, NAME)


def body(kind: str, slot: int, number: int, landing: Bucket) -> bytes:
    if kind in MARKERS:
        return b"" if number % 2 else b"%d" % number
    if kind in MANIFESTS:
        return _manifest(kind, slot, number, landing)
    return files.reads({BAD: files.BAD, POISONED: files.POISONED}.get(kind, files.READS), slot, number)


def _manifest(kind: str, slot: int, number: int, landing: Bucket) -> bytes:
    """Return a manifest of files that may be dropped later, or (LISTS_PRESENT) of files that are there now."""
    size = len(files.reads(files.READS, slot, number)) + (kind == LISTS_WRONG)
    listed = {_NAMES[FILE]: size, _NAMES[OTHER]: size if number % 3 else None}
    if kind == LISTS_WRONG:
        del listed[_NAMES[OTHER]]
    if kind == LISTS_PRESENT:
        folder = posixpath.dirname(place(kind, slot)) + "/"
        there = {key: landing.current(key) for key in sorted(landing.keys) if key.startswith(folder)}
        named = {key.removeprefix(folder): len(version.body) for key, version in there.items() if version}
        listed = {name: size for name, size in named.items() if name.endswith(".fastq")} or listed
    entries = [{"name": name} | ({} if size is None else {"size": size}) for name, size in listed.items()]
    text = json.dumps({"files": entries, "number": number})
    return (text[:-1] if kind == BAD_LIST else text).encode()


# -- when a run is complete, from the drops of the lab and the objects in the landing bucket --


def folders(key: str) -> list[str]:
    """Return the folders of a key below its prefix, nearest first; none if the prefix has no gate."""
    parents = []
    while (key := posixpath.dirname(key.rstrip("/")) + "/") not in (*PREFIXES, "/"):
        parents.append(key)
    return parents if key in PREFIXES else []


def is_complete(manifest: Drop, landing: Bucket) -> bool:
    """Return True if every file that it lists is in the landing bucket at this moment, with its size."""
    for entry in json.loads(manifest.body)["files"]:
        version = landing.current(manifest.folder + entry["name"])
        if version is None or entry.get("size") not in (None, len(version.body)):
            return False
    return True


def is_gated(key: str) -> bool:
    """Return True if a file with this key waits for a run. Markers never do; a manifest waits for its own files."""
    return bool(folders(key)) and posixpath.basename(key) not in {_NAMES[kind] for kind in MARKERS}
