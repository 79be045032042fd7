"""The files of a run whose small files lie in bundles, as the rules of completion take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.reads.checksums import Checksums
from seqdrop.runs.bundle_index import INDEX_SUFFIX, is_bundle, is_index, read_index
from seqdrop.runs.bundle_policy import join
from seqdrop.runs.files import RunFile, RunFileError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from seqdrop.runs.bundle_index import Entry
    from seqdrop.runs.files import ReadFile


@dataclass(frozen=True)
class BundledFile:
    """A file inside a bundle.

    `file` has its path below the run folder, and the time of its bundle's arrival; `entry` is its line in the index.
    """

    file: RunFile
    entry: Entry

    @property
    def checksums(self) -> Checksums:
        """The checksums that the index has."""
        return Checksums(self.entry.crc32, self.entry.sha256, "")


def list_bundled(files: Collection[RunFile], read: ReadFile) -> tuple[dict[str, BundledFile], list[str]]:
    """Return the files inside the bundles of a run, by their path below the run folder; and warnings.

    A bundle counts once both its tar and its index are there: its files arrived with the later of the two. Of several
    versions of a file, the newest counts. An index that cannot be read becomes a warning, and its bundle has no files.
    Raise what `read` raises, except FileNotFoundError: the index was deleted meanwhile.
    """
    tars = {file.name: file for file in files if is_bundle(file.name)}
    bundled: dict[str, BundledFile] = {}
    warnings = []
    for index in files:
        tar = tars.get(index.name.removesuffix(INDEX_SUFFIX)) if is_index(index.name) else None
        if tar is None:
            continue
        try:
            arrived = _list_bundle(tar, index, read)
        except RunFileError as error:
            warnings.append(str(error))
            continue
        for new in arrived:
            known = bundled.get(new.file.name)
            if known is None or known.entry.modified < new.entry.modified:
                bundled[new.file.name] = new
    return bundled, warnings


def merge(files: Iterable[RunFile], bundled: Mapping[str, BundledFile]) -> list[RunFile]:
    """Return the files of a run: those inside bundles, and not the bundles themselves.

    A file that is an object as well counts once, in the version that arrived later.
    """
    plain = {file.name: file for file in files if not is_bundle(file.name) and not is_index(file.name)}
    for name, inside in bundled.items():
        if name not in plain or plain[name].modified < inside.file.modified:
            plain[name] = inside.file
    return list(plain.values())


def expand(files: Collection[RunFile], read: ReadFile) -> tuple[list[RunFile], list[str]]:
    """Return the files of a run with those in its bundles, instead of the bundles; and warnings (`list_bundled`)."""
    bundled, warnings = list_bundled(files, read)
    return merge(files, bundled), warnings


def _list_bundle(tar: RunFile, index: RunFile, read: ReadFile) -> list[BundledFile]:
    try:
        entries = read_index(read(index.name), index.name).entries
    except FileNotFoundError:
        return []
    folder = index.name.rpartition("/")[0]
    at = max(tar.modified, index.modified)
    return [BundledFile(RunFile(join(folder, entry.name), entry.size, at), entry) for entry in entries]
