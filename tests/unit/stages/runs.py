"""What tests of runs share: a landing bucket and a ledger in memory, in which others may go on, or all break off, at
every call."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.kinds import plans

from tests.unit.stages import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.uploads import UploadVersion

    from tests.unit.stages.mates import Turns

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"

# Calls that see or change what others see or change.
SHARED = {"find_upload", "require_upload", "file_set", "save", "move", "move_together", "get_paginator", "landing"}


class Hooked:
    """Calls `hook` before each call to what it stands for, with the call's name, and after it, with ""."""

    def __init__(self, target, hook: Callable[[str], None]):
        self._target, self._hook = target, hook

    def __getattr__(self, name: str):
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args, **kwargs):
            self._hook(name)
            answer = found(*args, **kwargs)
            self._hook("")
            return answer

        return call


def gated(*names: str) -> Analyses:
    """The packaged analyses, some of them with the gate."""
    packaged = plans.packaged()
    changed = {name: replace(packaged.by_name[name], gate="run") for name in names}
    return replace(packaged, by_name=packaged.by_name | changed)


class World(world.World):
    """`hook` is called around every call to the ledger, to S3 and to a queue, as Hooked says."""

    def __init__(self, *names: str):
        super().__init__()
        self.hook: Callable[[str], None] = lambda name: None
        plain, hook = self.services, lambda name: self.hook(name)
        hooked = {name: Hooked(getattr(plain, name), hook) for name in ("ledger", "s3", "sqs")}
        self.services = replace(plain, analyses=gated(*names), **hooked)

    def take(self, key: str, body: bytes = FASTQ) -> UploadVersion:
        return super().take(key, body)

    def run(self, folder: str) -> FileSet:
        """What is known of a folder of the landing bucket as a run's."""
        return self.ledger.file_set("runs", f"landing/{folder}")

    @property
    def gone_on(self) -> set[str]:
        """Ids of uploads that were sent to what comes after validation."""
        bodies = [body for queue, body in self.sent if queue in ("transform_queue", "archive_queue")]
        return {body.get("upload") or body["attempt"].split("-")[0] for body in bodies}

    @contextmanager
    def pausing(self, turns: Turns) -> Iterator[None]:
        self.hook = lambda name: turns.pause() if name in SHARED else None
        yield
        self.hook = lambda name: None


def manifest(*files: tuple[str, int | None]) -> bytes:
    entries = [{"name": name} if size is None else {"name": name, "size": size} for name, size in files]
    return json.dumps({"files": entries}).encode()
