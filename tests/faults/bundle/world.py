"""An account that records a violation if an original is deleted whose bytes no complete bundle and receipt have."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.uploads import upload_id

from tests.faults.world import World

if TYPE_CHECKING:
    from tests.support.aws.account import Call

FULL = 1000


class BundleWorld(World):
    """The account of the family `bundle`. It records parts that an invocation sends though it saw that S3 has them."""

    def __init__(self):
        super().__init__()
        self.s3.least_part = FULL
        self._listed: set[tuple[int, str, int]] = set()  # (thread of the invocation, multipart upload, part)

    def call(self, call: Call) -> dict:
        request, thread = call.request, threading.get_ident()
        if call.name == "s3.UploadPart" and (thread, request["UploadId"], request["PartNumber"]) in self._listed:
            self.wrong.append(f"part {request['PartNumber']} of {request['Key']} was sent again")
        response = super().call(call)
        if call.name == "s3.ListParts":
            numbers = [part["PartNumber"] for part in response.get("Parts", [])]
            self._listed |= {(thread, request["UploadId"], number) for number in numbers}
        return response

    def _check_delete(self, request: dict) -> None:
        if request["Bucket"] != self.name("landing"):
            self.wrong.append(f"a function deleted {request['Key']} of {request['Bucket']}")
            return
        if "VersionId" not in request:
            self.wrong.append(f"a function put a delete marker over {request['Key']}")
            return
        version = self.s3.buckets[request["Bucket"]].version(request["Key"], request["VersionId"])
        if version and not self._has_copy(request, version.body):
            self.wrong.append(f"{version.key} was deleted, and no receipt has a copy of it")

    def _has_copy(self, request: dict, body: bytes) -> bool:
        """Return True if a receipt of the version, or of one with the same key and bytes, leads to these bytes."""
        landing = {"bucket": request["Bucket"], "key": request["Key"]}
        identity = upload_id(landing["bucket"], landing["key"], request["VersionId"])
        receipts = self.s3.buckets[self.name("results")].keys
        own = keys.receipt(identity)
        names = [own] if own in receipts else [key for key in receipts if key.startswith(keys.RECEIPTS)]
        contents = [json.loads(receipts[key][-1].body) for key in names if not key.startswith(keys.MANIFESTS)]
        return any(
            read_copy(self, content) == body
            for content in contents
            if (content["landing"]["bucket"], content["landing"]["key"]) == (landing["bucket"], landing["key"])
        )


def read_copy(world: World, receipt: dict) -> bytes | None:
    """Return the bytes to which a receipt leads in Deep Archive; None if they are not there."""
    copy = receipt["archive"]
    version = world.s3.buckets[copy["bucket"]].version(copy["key"], copy["version_id"])
    if version is None or version.storage != "DEEP_ARCHIVE":
        return None
    offset = copy["bundle"]["offset"] if "bundle" in copy else 0
    return version.body[offset : offset + copy["size"]]
