"""The state of SageMaker that survives when its process is killed: a JSON file for each record, written atomically."""

from __future__ import annotations

import contextlib
import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Store:
    """Records by key, as files of a folder. Callers must not write the same record at the same time.

    Files are not synced to the disk. The end of a process loses nothing that it has written; a crash of the machine
    ends the rest of the embedded AWS as well.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: tuple[str, ...], record: dict) -> None:
        """Write a record, and replace an earlier one; a reader sees one of the two."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(record))
        draft.replace(path)

    def remove(self, key: tuple[str, ...]) -> None:
        """Remove a record, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            self._path(key).unlink()

    def get(self, key: tuple[str, ...]) -> dict | None:
        """Return a record; None if there is none."""
        try:
            return json.loads(self._path(key).read_text())
        except FileNotFoundError:
            return None

    def remove_below(self, scope: tuple[str, ...]) -> None:
        """Remove all records whose keys begin with `scope`, if there are any."""
        shutil.rmtree(self._folder.joinpath(*scope), ignore_errors=True)

    def all(self) -> Iterator[dict]:
        """Yield all records, in no particular order."""
        for path in self._folder.rglob("*.json"):
            yield json.loads(path.read_text())

    def below(self, scope: tuple[str, ...]) -> Iterator[dict]:
        """Yield the records whose keys begin with `scope`, in no particular order."""
        for path in self._folder.joinpath(*scope).rglob("*.json"):
            yield json.loads(path.read_text())

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder.joinpath(*key[:-1], f"{key[-1]}.json")
