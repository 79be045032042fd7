"""An account that knows when each run folder was complete, and records a violation if a file advances before that."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from seqdrop.uploads import upload_id

from tests.faults.runs import folders as f
from tests.faults.runs import rules
from tests.faults.world import World

if TYPE_CHECKING:
    from tests.faults.evidence import Drop
    from tests.support.aws.account import Call
    from tests.support.aws.buckets import Bucket, Version

ROOTS = {f.ROOTS[area].format(number): area for area in f.AREAS for number in range(f.FOLDERS)}


class RunsWorld(World):
    """The account of the family `runs`.

    `complete` maps each run folder to the folders in it that were complete at some moment at which a function could
    notice it: when files land, when the landing bucket is listed, and when a file advances. `before` maps each upload
    to the folders of its run that were complete when it landed.
    """

    def __init__(self):
        self.complete: dict[str, set[str]] = defaultdict(set)
        self.before: dict[str, frozenset[str]] = {}
        self._keys: dict[str, str] = {}  # of each version in the landing bucket, by upload id
        super().__init__()

    def note_complete(self) -> None:
        """Note which folders are complete now."""
        landing = self.s3.buckets[self.name("landing")]
        for root in {root for root in ROOTS for key in landing.keys if key.startswith(root)}:
            there = rules.present(landing, root)
            self.complete[root] |= rules.find_complete(ROOTS[root], there, self.clock.now, self.complete[root])

    def note_drop(self, drop: Drop) -> None:
        """Note what was complete when a file was dropped, and what is complete now."""
        identity = upload_id(self.name("landing"), drop.key, drop.version_id)
        self.before[identity] = frozenset(self.complete[root_of(drop.key)])
        self.note_complete()

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        if bucket.name == self.name("landing"):
            self._keys[upload_id(bucket.name, version.key, version.id)] = version.key
        super()._on_create(bucket, version)

    def call(self, call: Call) -> dict:
        known = set(self.sagemaker.jobs)
        if call.name == "s3.CopyObject" and call.request["Bucket"] == self.name("archive"):
            self._check_gate(call.request["Key"].rsplit("/", 2)[-2], "is archived")
        if call.name == "s3.ListObjectVersions":
            self.note_complete()
        try:
            return super().call(call)
        finally:
            for name in self.sagemaker.jobs.keys() - known:
                for uploaded in {uri.split("/")[4] for uri in self.sagemaker.jobs[name].shards}:
                    self._check_gate(uploaded, f"is in job {name}")

    def _check_gate(self, uploaded: str, what: str) -> None:
        self.note_complete()
        key = self._keys[uploaded]
        if not self._is_released(key):
            self.wrong.append(f"{key} {what}, and its run is not complete")

    def _is_released(self, key: str) -> bool:
        root = root_of(key)
        return not self.complete[root].isdisjoint(rules.releasing(key.removeprefix(root)))


def root_of(key: str) -> str:
    """Return the run folder of a key, with its slash."""
    return next(root for root in ROOTS if key.startswith(root))
