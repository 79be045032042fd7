"""An account that records a violation if a file is copied twice, or deleted while its copy is not the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.stages.duplicates import AGAIN
from seqdrop.uploads import upload_id

from tests.faults.world import World

if TYPE_CHECKING:
    from tests.support.aws.account import Call
    from tests.support.aws.buckets import Bucket, Version


class ResentWorld(World):
    """The account of the family `resent`."""

    def __init__(self):
        self._landed: dict[str, Version] = {}  # by upload id
        super().__init__()

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        if bucket.name == self.name("landing"):
            self._landed[upload_id(bucket.name, version.key, version.id)] = version
        super()._on_create(bucket, version)

    def call(self, call: Call) -> dict:
        if call.name == "s3.CopyObject" and call.request["Bucket"] == self.name("archive"):
            self._check_copy(call.request["Key"])
        return super().call(call)

    def _check_copy(self, key: str) -> None:
        """Record a violation if the file has a copy, and was not sent again on purpose."""
        version = self._landed[_owner(key)]
        if AGAIN in version.about.get("Metadata", {}):
            return
        if others := [copy for copy in self._copies(version) if copy.key != key]:
            self.wrong.append(f"{version.key} is copied, and has the copy {others[0].key}")

    def _check_delete(self, request: dict) -> None:
        super()._check_delete(request)
        if request["Bucket"] != self.name("landing") or "VersionId" not in request:
            return
        version = self.s3.buckets[request["Bucket"]].version(request["Key"], request["VersionId"])
        if version and not self._copies(version):
            self.wrong.append(f"{version.key} ({version.id}) was deleted, and no current copy of it has its bytes")

    def _copies(self, version: Version) -> list[Version]:
        """Return the copies of a file in the archive that no delete marker hides."""
        archive = self.s3.buckets[self.name("archive")]
        current = [copy for key in archive.keys if (copy := archive.current(key))]
        return [
            copy
            for copy in current
            if (copy.body, copy.storage, self._landed[_owner(copy.key)].key)
            == (version.body, "DEEP_ARCHIVE", version.key)
        ]


def _owner(archive_key: str) -> str:
    """Return the id of the upload whose copy has this key."""
    return archive_key.rsplit("/", 2)[-2]
