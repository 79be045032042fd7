"""An account whose S3 restores objects, and records a violation if a file lands again more than once for a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.stages.duplicates import RESTORED
from seqdrop.uploads import upload_id

from tests.faults import bus
from tests.faults.world import World

if TYPE_CHECKING:
    from tests.support.aws.buckets import Bucket, Version


class RestoreWorld(World):
    """The account of the family `restore`. `landed` are copies of functions: id of the original → versions."""

    def __init__(self):
        self.landed: dict[str, list[Version]] = {}
        super().__init__()
        self.s3._on_restore = self._on_restore

    def _on_restore(self, bucket: Bucket, version: Version, is_there: bool) -> None:
        now = self.clock.seconds
        for kind, at in (("Completed", version.restore.ready), ("Expired", version.restore.gone)):
            if kind == "Completed" and is_there:
                continue  # the copy only stays longer
            for queue in bus.queues_of(event := bus.object_restored(bucket, version, kind)):
                self._post(queue, bus.as_text(event), at - now, may_be_lost=True)

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        original = version.about.get("Metadata", {}).get(RESTORED, "")
        if bucket.name == self.name("landing") and self._by_function and original:
            self.landed.setdefault(original, []).append(version)
            self._by_function = False
            try:
                super()._on_create(bucket, version)
            finally:
                self._by_function = True
            return
        super()._on_create(bucket, version)

    def id_of(self, version: Version) -> str:
        """Return the upload id of a version of the landing bucket."""
        return upload_id(self.name("landing"), version.key, version.id)
