"""A landing bucket and a ledger in memory, for tests of runs. At each call another job may continue, or a job crash."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.companions.runs import MARKERS
from seqdrop.kinds import plans

from tests.unit.stages import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.uploads import UploadVersion

    from tests.unit.stages.mates import Turns

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"

# Calls that read or change state shared with other jobs.
SHARED = {"find_upload", "require_upload", "file_set", "save", "move", "move_together", "get_paginator", "landing"}


class Hooked:
    """A proxy of `target`. It calls `hook` with the method's name before each call, and with "" after it."""

    def __init__(self, target, hook: Callable[[str], None]):
        self._target, self._hook = target, hook

    def __getattr__(self, name: str):
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def call(*args, **kwargs):
            self._hook(name)
            result = attribute(*args, **kwargs)
            self._hook("")
            return result

        return call


def gated(*names: str) -> Analyses:
    """Return the packaged analyses; those of these names have the gate, which any marker opens."""
    packaged = plans.packaged()
    changed = {name: replace(packaged.by_name[name], gate="run", markers=MARKERS) for name in names}
    return without_bundles(replace(packaged, by_name=packaged.by_name | changed))


def without_bundles(analyses: Analyses) -> Analyses:
    """Return analyses in which each file is archived by itself. tests/unit/stages/bundle has those with bundles."""
    changed = {name: replace(analysis, bundle_below=0.0) for name, analysis in analyses.by_name.items()}
    return replace(analyses, by_name=changed)


class World(world.World):
    """A world that calls `hook` around every call to the ledger, to S3 and to a queue, as Hooked does."""

    def __init__(self, *names: str):
        super().__init__()
        self.hook: Callable[[str], None] = lambda name: None
        plain, hook = self.services, lambda name: self.hook(name)
        hooked = {name: Hooked(getattr(plain, name), hook) for name in ("ledger", "s3", "sqs")}
        self.services = replace(plain, analyses=gated(*names), **hooked)

    def take(self, key: str, body: bytes = FASTQ) -> UploadVersion:
        return super().take(key, body)

    def run(self, folder: str) -> FileSet:
        """Return the set of the run of a folder in the landing bucket."""
        return self.ledger.file_set("runs", f"landing/{folder}")

    @property
    def advanced_ids(self) -> set[str]:
        """The ids of uploads that were sent to the stage after validation."""
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
