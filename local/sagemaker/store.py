"""What SageMaker must still know after it was killed: a JSON file for each record, written whole or not at all."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path


class Store:
    """Records by key, as files of a folder. Of two that write one record at a time, the caller takes care.

    Nothing is synced to the disk: the end of a process loses nothing that was written, and that of the machine
    takes all else of the embedded AWS along.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def put(self, key: tuple[str, ...], record: dict) -> None:
        """Write a record in place of an earlier one; a reader sees one of the two."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(record))
        draft.replace(path)

    def remove(self, key: tuple[str, ...]) -> None:
        """Forget a record, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            self._path(key).unlink()

    def all(self) -> Iterator[dict]:
        """Every record, in no order."""
        for path in self._folder.rglob("*.json"):
            yield json.loads(path.read_text())

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder.joinpath(*key[:-1], f"{key[-1]}.json")
