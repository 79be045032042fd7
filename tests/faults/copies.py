"""Files that are copied to the archive in parts, over several invocations; half of them stay for `keep_days`.

The sizes of parts and of the largest single copy are patched, so that a file of 200 bytes has seven parts, and an
invocation has the time for four of them.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import strategies as st
from seqdrop.aws import continued_copy, multipart
from seqdrop.ledger.records import upload_keys
from seqdrop.runtime.services import iso
from seqdrop.uploads import upload_id

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.evidence import Drop
from tests.faults.invariants import Check
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.aws.account import Call

PART = 30  # bytes
KEPT = "kept/"
ANALYSES = (
    '[analyses.raw]\nprefix = "raw/"\nformats = ["fastq"]\nmax_gb = 1\n'
    f'[analyses.kept]\nprefix = "{KEPT}"\nformats = ["fastq"]\nmax_gb = 1\nkeep_days = 2\n'
)
OPERATIONS = (
    "GetItem",
    "TransactWriteItems",
    "HeadObject",
    "PutObject",
    "DeleteObject",
    "SendMessage",
    "CreateMultipartUpload",
    *["UploadPartCopy"] * 4,
    *["ListParts", "ListMultipartUploads", "CompleteMultipartUpload"] * 2,
)


def schedules() -> st.SearchStrategy[s.Schedule]:
    """Return a strategy for schedules of one to three files."""
    number = st.integers(0, 3)
    drops = st.tuples(st.integers(0, 6), st.just(s.DROPS + files.RAW), number)
    later = st.tuples(st.integers(0, 20), st.sampled_from((s.DELETE, s.COVER, s.RECONCILE, s.WAIT)), number)
    acts = st.builds(
        lambda *parts: tuple(act for part in parts for act in part),
        st.lists(drops, min_size=1, max_size=3),
        st.lists(later, max_size=4),
    )
    return s.with_trouble(acts, OPERATIONS, ("breaks",), most_endings=0)


def drop(world: World, kind: str, slot: int, number: int) -> Drop:
    """Put the file of this number into the landing bucket; those of odd slots are kept."""
    body, key = files.reads(kind, slot, number), f"{KEPT if slot % 2 else 'raw/'}{slot} +é.fastq"
    version = world.s3.put(world.name("landing"), key, body)
    return Drop(kind, key, version.id, body, number, slot)


@contextlib.contextmanager
def small_parts() -> Iterator[None]:
    """Copy in tiny parts, one at a time, because only one thread of a schedule may run."""
    with (
        mock.patch.object(multipart, "WHOLE", 100),
        mock.patch.object(multipart, "PART", PART),
        mock.patch.object(continued_copy, "PARALLEL_PARTS", 1),
    ):
        yield


class CopiesWorld(World):
    """The account of this family. It records parts that are copied although a listing showed them as finished."""

    def __init__(self):
        super().__init__()
        self.listed: set[tuple[str, int]] = set()  # (multipart upload, part)

    def call(self, call: Call) -> dict:
        if call.operation == "UploadPartCopy":
            part = call.request["UploadId"], call.request["PartNumber"]
            if part in self.listed:
                self.wrong.append(f"part {part[1]} of {call.request['Key']} was copied again")
        response = super().call(call)
        if call.operation == "ListParts":
            self.listed |= {(call.request["UploadId"], part["PartNumber"]) for part in response["Parts"]}
        return response

    def _check_delete(self, request: dict) -> None:
        super()._check_delete(request)
        if request["Bucket"] == self.name("landing") and request["Key"].startswith(KEPT):
            keys = upload_keys(upload_id(request["Bucket"], request["Key"], request["VersionId"]))
            item = self.table.items[keys["pk"], keys["sk"]]
            until = item.get("kept_until", {}).get("S", "")
            if item["state"]["S"] != "ARCHIVED" or until > iso(self.clock.now):
                self.wrong.append(f"{request['Key']} was removed before its time, in {item['state']['S']}")


class CopiesCheck(Check):
    """The invariants of raw files, with the receipts of copies in parts."""

    def _receipt(self, drop, upload) -> Iterator[str]:
        receipt, digest = self.json(f"receipts/{upload['id']}.json"), hashlib.sha256(drop.body).hexdigest()
        if receipt is None:
            yield "it has no receipt"
            return
        if receipt["landing"]["sha256"] != digest or receipt["landing"]["part_size"] != PART:
            yield "its receipt has another checksum or size of parts"
        if not receipt["archive"]["sha256_of_parts"].endswith(f"-{-(-len(drop.body) // PART)}"):
            yield "its receipt has another number of parts"
        if ("kept_until" in receipt["landing"]) != drop.key.startswith(KEPT):
            yield "its receipt does not say whether its landing version is kept"
