"""Close the files of a complete bundle: receipts, then the deletion of the originals, then the moves to ARCHIVED.

It is done for FILES files at a time, and each step may be repeated: a receipt is written again as it was, a deleted
version is deleted again, and only a VALIDATED upload is moved. An upload that is not VALIDATED any more, because it was
withdrawn, is left alone: its bytes are in the tar, as its index says, but it has no receipt there. An object of the
results bucket lists such files, so that the tar is deleted when all others are forgotten (stages/forget). A tar of such
files only is deleted at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.records import Fact, Step
from seqdrop.runtime.services import now
from seqdrop.stages.archive.receipt_writing import write_receipt
from seqdrop.stages.bundle.candidates import BATCH, in_batches
from seqdrop.stages.bundle.left_out import LeftOut, write_left_out
from seqdrop.stages.bundle.packing import PARALLEL
from seqdrop.stages.file_index import index_archived

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.archive.receipt_writing import Proof
    from seqdrop.stages.bundle.plan import Plan
    from seqdrop.stages.bundle.tar_object import Tar

FILES = 1000  # that S3 deletes with one request
MOVES = 50  # each is two of the hundred writes of a transaction: the upload, and the record of its file


@dataclass(frozen=True)
class Closing:
    """The files of a plan whose tar is complete."""

    services: Services
    plan: Plan
    tar: Tar

    def close(self, check_time: Callable[[], None]) -> None:
        """Archive all files. `check_time` is called before each FILES of them, and raises if time is short."""
        self._write_index()
        left_out: list[str] = []
        for batch in in_batches(range(len(self.plan.uploads)), FILES):
            check_time()
            left_out += self._close_files(batch)
        if left_out:
            write_left_out(self.services, self.plan.key, LeftOut(self.tar.version_id, left_out))
        if len(left_out) == len(self.plan.uploads):
            self.services.send(self.services.settings.forget_queue, {"bundle": self.plan.key})

    def _write_index(self) -> None:
        self.services.s3.put_object(
            Bucket=self.services.settings.results,
            Key=keys.bundle_index(self.plan.key),
            Body=self.plan.index.body,
            ContentType="text/tab-separated-values; charset=utf-8",
        )

    def _close_files(self, places: Sequence[int]) -> list[str]:
        """Archive files; return the names of those that are left out, because they ended otherwise."""
        known = self._load([self.plan.uploads[place] for place in places])
        uploads = {identity: upload for identity, upload in known.items() if upload.state == "VALIDATED"}
        rows = [(place, uploads[self.plan.uploads[place]]) for place in places if self.plan.uploads[place] in uploads]
        with ThreadPoolExecutor(PARALLEL) as threads:
            proofs = dict(threads.map(self._write_receipt, rows))
        self._delete([upload for _, upload in rows])
        for batch in in_batches(rows, MOVES):
            self._move([upload for _, upload in batch], proofs)
        return [self.plan.index.entries[place].name for place in places if self._is_left_out(known, place)]

    def _is_left_out(self, known: Mapping[str, Upload], place: int) -> bool:
        """Return True for a file whose upload ended without a copy in this tar. A record may only be gone by age."""
        upload = known.get(self.plan.uploads[place])
        return upload is not None and upload.state != "VALIDATED" and upload.archive_key != self.plan.key

    def _load(self, ids: Sequence[str]) -> dict[str, Upload]:
        uploads: dict[str, Upload] = {}
        for batch in in_batches(ids, BATCH):
            uploads |= self.services.ledger.load_uploads(batch)
        return uploads

    def _write_receipt(self, row: tuple[int, Upload]) -> tuple[str, Proof]:
        """Write the receipt of a file unless it has one; return the id of its upload, and which receipt it has."""
        place, upload = row
        copy = self._describe_copy(place)
        proof = write_receipt(self.services, upload, copy)
        index_archived(self.services, upload, copy)
        return upload.id, proof

    def _describe_copy(self, place: int) -> VerifiedCopy:
        """Return where a file is in the tar."""
        plan, entry = self.plan, self.plan.index.entries[place]
        return {
            "size": entry.size,
            "sha256": entry.sha256,
            "storage_class": plan.storage_class,
            "bucket": self.services.settings.archive,
            "key": plan.key,
            "version_id": self.tar.version_id,
            "bundle": {
                "name": entry.name,
                "offset": entry.offset,
                "size": plan.size,
                "crc32": f"{self.tar.crc32:08x}",
                "index": keys.bundle_index(plan.key),
            },
        }

    def _delete(self, uploads: Sequence[Upload]) -> None:
        """Delete the originals by version id: no delete marker is left, and no other version of a key is touched."""
        if not uploads:
            return
        objects: list[ObjectIdentifierTypeDef] = [
            {"Key": upload.key, "VersionId": upload.version_id} for upload in uploads
        ]
        response = self.services.s3.delete_objects(Bucket=self.plan.bucket, Delete={"Objects": objects, "Quiet": True})
        if errors := response.get("Errors"):
            raise RetryableError(
                f"S3 did not delete {len(errors)} of {len(objects)} originals: {errors[0].get('Code')}"
            )

    def _move(self, uploads: Sequence[Upload], proofs: Mapping[str, Proof]) -> None:
        """Move uploads to ARCHIVED, with the records of their files; one by one if one of them changed."""
        if self._move_together(uploads, proofs):
            return
        for upload in uploads:
            self._move_one(upload.id, proofs)

    def _move_one(self, identity: str, proofs: Mapping[str, Proof]) -> None:
        upload = self.services.ledger.require_upload(identity)
        if upload.state == "VALIDATED" and not self._move_together([upload], proofs):
            raise RetryableError(f"upload {identity} was written by another invocation at the same moment")

    def _move_together(self, uploads: Sequence[Upload], proofs: Mapping[str, Proof]) -> bool:
        ledger = self.services.ledger
        expires_at = ledger.compute_expiry(now())
        files = ledger.archived_files([ArchivedFile.of(upload) for upload in uploads])
        claims = [file.with_upload(upload.id, expires_at) for file, upload in zip(files, uploads, strict=True)]
        facts: dict[str, Fact] = {"archive_key": self.plan.key, "storage_class": self.plan.storage_class}
        steps = [Step(upload, "ARCHIVED", {**facts, **proofs[upload.id].facts}) for upload in uploads]
        return ledger.move_all(steps, claims)
