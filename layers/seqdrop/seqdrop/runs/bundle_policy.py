"""Which files of a run are bundled, and with which others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.reads.suffix import BY_SUFFIX, PACKED
from seqdrop.runs.bundle_index import explain_name, is_bundle, is_index
from seqdrop.runs.files import RunFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

# A file below this size is one PUT. Its storage for the 180 days that are billed costs at most 0.00005 dollars, a third
# of the calls for an object of its own (docs/bundles.md has the sum).
SMALL = 8 << 20
# About ten parts of a multipart upload; little to pack again if a file changes meanwhile, little to restore for a file.
FULL_BYTES = 128 << 20
FULL_FILES = 10_000  # an index of about 2 MB
LEAST_FILES = 16  # a bundle is two objects itself, and a few files are easier to read without one
SIGNALS = {"cram", "ora", "pod5", "fast5"}  # sequences, or their raw signal, in formats that are not validated
ANALYSIS = re.compile(r"(?:.*/)?Analysis/[0-9]+(?=/)", re.IGNORECASE)


@dataclass(frozen=True)
class Bundle:
    """Files that are packed together. `folder` is below the run ("" is the run itself); the files' names are below it.

    A bundle that is not `is_full` may still grow while the run does.
    """

    folder: str
    files: tuple[RunFile, ...]
    is_full: bool

    @property
    def run_files(self) -> list[RunFile]:
        """The files with their names below the run."""
        return [RunFile(join(self.folder, file.name), file.size, file.modified) for file in self.files]

    @property
    def is_too_few(self) -> bool:
        """True if a bundle would spare few objects."""
        return len(self.files) < LEAST_FILES


@dataclass(frozen=True)
class Selection:
    """The files of a run by how they are sent: `objects` each by itself, with names below the run."""

    objects: tuple[RunFile, ...]
    bundles: tuple[Bundle, ...]


def select(
    files: Iterable[RunFile], stays: Callable[[str], bool], units: Collection[str] = (), below: int | None = None
) -> Selection:
    """Return which of the files are bundled: small files that are no sequences, and for which `stays` is False.

    `stays(name)` is True for files that the rules of completion or people read by themselves: markers, RunInfo.xml,
    sheets, checksum lists, InterOp. `units` are the folders of the run that are completed by themselves, such as flow
    cells; a bundle has files of one unit, and lies in its folder, so that it advances with it. Each Analysis/<n> is a
    unit. Files of `below` bytes or more are not small; None is SMALL. The result depends on the files only, not on
    their order.
    """
    objects, groups = [], dict[str, list[RunFile]]()
    for file in sorted(files, key=lambda file: file.name):
        if is_small(file, below) and not stays(file.name):
            groups.setdefault(unit_of(file.name, units), []).append(file)
        else:
            objects.append(file)
    bundles = [bundle for unit, group in sorted(groups.items()) for bundle in _cut(unit, group)]
    for bundle in bundles:
        objects += bundle.run_files if bundle.is_too_few else ()
    return Selection(tuple(objects), tuple(bundle for bundle in bundles if not bundle.is_too_few))


def is_small(file: RunFile, below: int | None = None) -> bool:
    """Return True for a file that a bundle may have: small, no sequences, and a name that any system can extract."""
    largest = SMALL if below is None else below
    return file.size < largest and not is_sequence(file.name) and explain_name(file.name) is None


def is_sequence(name: str) -> bool:
    """Return True for a name of sequences or raw signal: FASTQ, FASTA, BAM, CRAM, ORA, POD5, FAST5, also packed."""
    suffixes = name.rsplit("/", 1)[-1].lower().split(".")[1:]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and (suffixes[-1] in BY_SUFFIX or suffixes[-1] in SIGNALS)


def unit_of(name: str, units: Collection[str]) -> str:
    """Return the innermost unit that a file lies in; "" is the run itself."""
    analysis = ANALYSIS.match(name)
    parents = name.split("/")[:-1]
    folders = ("/".join(parents[:depth]) for depth in range(len(parents), 0, -1))
    inner = analysis.group() if analysis else ""
    return next((folder for folder in folders if folder == inner or folder in units), "")


def join(folder: str, name: str) -> str:
    """Return the path below the run of a name below one of its folders."""
    return f"{folder}/{name}" if folder else name


def is_packed(name: str) -> bool:
    """Return True for the name or path of a bundle or of its index."""
    return is_bundle(name) or is_index(name)


def _cut(unit: str, files: list[RunFile]) -> Iterator[Bundle]:
    """Yield the bundles of a unit: in the order of the names, each with at most FULL_FILES files and FULL_BYTES."""
    prefix = len(unit) + 1 if unit else 0
    pending: list[RunFile] = []
    size = 0
    for file in files:
        if len(pending) == FULL_FILES or (pending and size + file.size > FULL_BYTES):
            yield Bundle(unit, tuple(pending), is_full=True)
            pending, size = [], 0
        pending.append(RunFile(file.name[prefix:], file.size, file.modified))
        size += file.size
    yield Bundle(unit, tuple(pending), is_full=len(pending) == FULL_FILES)
