"""Store what this version writes for runs, for tests of later versions: `python -m tests.unit.stages.runs.golden`.

It writes tests/contract/golden/stored_runs.json: a record of a run in each state, the records of its files (one of each
set of fields), and an examination with the metadata of its object. Run it only with the first version that stores
something new, and keep the earlier file if a field is renamed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.run_samples import write_novaseq_run
from tests.support.aws.direct import _untyped
from tests.unit.stages.runs.conftest import read_folder
from tests.unit.stages.runs.world import RunWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parents[3] / "contract/golden/stored_runs.json"
LISTED = "Logs/listed.log"
READS = b"@r1\nACGT\n+\nIIII\n"
END = ("RTAComplete.txt", "CopyComplete.txt")


class Unarchived(RunWorld):
    """A world in which no message of archive is delivered."""

    def handle(self, message) -> None:
        if message.queue != "archive_queue":
            super().handle(message)


def play(world: RunWorld, files: dict[str, bytes]) -> RunWorld:
    """Let files of a run land, and wait until nothing more happens."""
    world.drop_all(files)
    world.wait(60)
    return world


def make_worlds(patch: pytest.MonkeyPatch, scratch: Path) -> Iterator[RunWorld]:
    """Yield a world for each state of a run."""
    whole = read_folder(write_novaseq_run(scratch / "whole"))
    broken = read_folder(write_novaseq_run(scratch / "broken", error="Flow cell leak"))
    body = b"a line\n"
    listed = {LISTED: body, "md5sum.txt": f"{hashlib.md5(body).hexdigest()}  {LISTED}\n".encode()}
    growing = {name: body for name, body in whole.items() if name not in END}
    yield play(RunWorld(patch), {"RunInfo.xml": whole["RunInfo.xml"], "Data/a.fastq": READS})
    yield play(RunWorld(patch), {**growing, END[0]: b""})
    yield play(Unarchived(patch), {**whole, **listed})
    yield play(RunWorld(patch), broken)
    yield play(RunWorld(patch), {**whole, **listed})


def find_new(world: RunWorld, stored: set[tuple]) -> Iterator[dict]:
    """Yield the records of runs and uploads with a state or a set of fields that was not found before."""
    for typed in world.account.table.items.values():
        item = _untyped(typed)
        filled = sorted(name for name, value in item.items() if value)
        traits = (item.get("kind"), item.get("state"), *filled)
        if item.get("kind") in ("run", "upload") and traits not in stored:
            stored.add(traits)
            yield item


def find_examinations(world: RunWorld) -> Iterator[dict]:
    """Yield each stored examination: its key, the text of its body and its metadata."""
    for key in sorted(world.account.s3.buckets["work"].keys):
        version = world.account.s3.buckets["work"].current(key)
        if key.startswith("examinations/"):
            yield {"key": key, "body": version.body.decode(), "metadata": version.about.get("Metadata", {})}


def main() -> None:
    """Play a run in each state, and write the file."""
    items, examinations, stored = [], [], set()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as scratch:
        for folder in ("whole", "broken"):
            (Path(scratch) / folder).mkdir()
        for world in make_worlds(patch, Path(scratch)):
            items += find_new(world, stored)
            examinations += find_examinations(world)
    content = {"items": items, "examinations": examinations[:1]}
    GOLDEN.write_text(json.dumps(content, indent=1, sort_keys=True, default=int) + "\n")


if __name__ == "__main__":
    main()
