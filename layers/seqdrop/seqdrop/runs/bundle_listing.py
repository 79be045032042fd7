"""The files of a run whose small files lie in bundles, as the rules of completion take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.runs.bundle_index import INDEX_SUFFIX, is_bundle, is_index, read_index
from seqdrop.runs.bundle_policy import join
from seqdrop.runs.files import RunFile, RunFileError

if TYPE_CHECKING:
    from collections.abc import Collection

    from seqdrop.runs.files import ReadFile


def expand(files: Collection[RunFile], read: ReadFile) -> tuple[list[RunFile], list[str]]:
    """Return the files of a run with those in its bundles, instead of the bundles; and warnings.

    A bundle counts once both its tar and its index are there: its files arrived with the later of the two. Of several
    versions of a file, the newest counts. An index that cannot be read becomes a warning, and its bundle has no files.
    Raise what `read` raises, except FileNotFoundError: the index was deleted meanwhile.
    """
    plain = {file.name: file for file in files if not is_bundle(file.name) and not is_index(file.name)}
    tars = {file.name: file for file in files if is_bundle(file.name)}
    packed: dict[str, tuple[RunFile, RunFile]] = {}  # by name: as it was written, and as it arrived
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
        for original, file in arrived:
            known = packed.get(file.name)
            if known is None or known[0].modified < original.modified:
                packed[file.name] = (original, file)
    for name, (_, file) in packed.items():
        if name not in plain or plain[name].modified < file.modified:
            plain[name] = file
    return list(plain.values()), warnings


def _list_bundle(tar: RunFile, index: RunFile, read: ReadFile) -> list[tuple[RunFile, RunFile]]:
    try:
        entries = read_index(read(index.name), index.name).entries
    except FileNotFoundError:
        return []
    folder = index.name.rpartition("/")[0]
    at = max(tar.modified, index.modified)
    names = [(entry, join(folder, entry.name)) for entry in entries]
    return [(entry.run_file, RunFile(name, entry.size, at)) for entry, name in names]
