"""A world in which uploads reach their final states, for tests of files that are sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.stages.archive.archive import archive
from seqdrop.stages.duplicates import AGAIN

from tests.unit.stages.world import PausingWorld

if TYPE_CHECKING:
    from seqdrop.uploads import UploadVersion

ON_PURPOSE = {"Metadata": {AGAIN: "1"}}


class FinishingWorld(PausingWorld):
    """A world that carries uploads to their final states: each attempt succeeds, and archiving follows at once."""

    @property
    def copies(self) -> list[str]:
        """The ids of the uploads that were copied, once for each copy."""
        bucket = self.account.s3.buckets["archive"]
        return [key.split("/")[-2] for key, versions in bucket.keys.items() for item in versions if not item.marker]

    @property
    def attempts(self) -> int:
        items = self.account.table.items.values()
        return sum(item.get("kind") == {"S": "attempt"} for item in items)

    def predict(self, version: UploadVersion) -> None:
        """Let each PLANNED attempt of an upload succeed."""
        for attempt in self.ledger.attempts(version.id):
            if attempt.state == "PLANNED":
                self.ledger.move(attempt, "SUBMITTED", job="job")
                self.ledger.move(
                    self.ledger.require_attempt(attempt.key),
                    "TRAINED" if attempt.analysis == "training" else "PREDICTED",
                )

    def process(self, key: str, body: bytes, **more) -> UploadVersion:
        """Drop a file and carry it to its final state."""
        version = self.take(key, body, **more)
        self.finish(version)
        return version

    def finish(self, *versions: UploadVersion) -> None:
        for version in versions:
            self.predict(version)
        for version in versions:
            archive(self.services, version.id)
        self.deliver()

    def is_landed(self, version: UploadVersion) -> bool:
        return self.account.s3.buckets["landing"].version(version.key, version.version_id) is not None
