"""Write receipts, each once: the chain of manifests lists the SHA-256 of exactly these bytes.

A receipt that a crashed invocation wrote stays if it describes the same copy, because a new one would have another time
in it. A receipt that was lost and is written again has other bytes. Its upload is therefore announced to the reconciler
before, at the position REWRITTEN in the ledger, and the next manifest lists it again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.archive.receipt import VERSION
from seqdrop.archive.terms import free_to_delete_from, price_copy
from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict
from seqdrop.errors import RetryableError
from seqdrop.runtime.services import Services, format_json, now
from seqdrop.stages.archive.lineage import trace_lineage
from seqdrop.stages.archive.receipts import make_receipt, read_stored

if TYPE_CHECKING:
    from seqdrop.archive.receipt import Lineage, Receipt, VerifiedCopy
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import PutCondition

REWRITTEN = "rewritten receipts"  # name of the position in the ledger: upload id → time of the announcement
MOST = 5000  # uploads in it, of 50 bytes: an item of DynamoDB has at most 400 KB


@dataclass(frozen=True)
class Proof:
    """The SHA-256 and the version id of a receipt, as the record of its upload has them."""

    sha256: str
    version_id: str

    @property
    def facts(self) -> dict[str, str]:
        """The fields of the record."""
        return {"receipt_sha256": self.sha256, "receipt_version": self.version_id}


def write_receipt(services: Services, upload: Upload, copy: VerifiedCopy) -> Proof:
    """Write the receipt of a verified copy, unless there is one of the same copy; return which it is.

    Raise RetryableError if another invocation writes it at this moment.
    """
    receipt = make_receipt(upload, copy, now())
    body = format_json(extend_receipt(receipt, trace_lineage(services.ledger, upload)))
    if proof := _put(services, upload, body, {"IfNoneMatch": "*"}):
        return proof
    stored = read_stored(services.s3, services.settings.results, keys.receipt(upload.id))
    if stored and json.loads(stored.body)["archive"] == copy:
        return Proof(stored.sha256, stored.version_id)
    if stored and (proof := _put(services, upload, body, {"IfMatch": stored.etag})):
        return proof  # of an earlier copy, which was deleted
    raise RetryableError(f"another invocation is writing the receipt of upload {upload.id}")


def extend_receipt(receipt: Receipt, lineage: Lineage) -> Receipt:
    """Return a receipt with what version 2 has besides: free deletion date, price of a month, lineage."""
    copy, verified_at = receipt["archive"], receipt["verified_at"]
    return {
        **receipt,
        "receipt_version": VERSION,
        "free_to_delete_from": free_to_delete_from(copy["storage_class"], verified_at).isoformat(),
        "prices": price_copy(copy),
        "lineage": lineage,
    }


def find_receipt(services: Services, upload: Upload) -> tuple[VerifiedCopy, Proof] | None:
    """Return the copy that the receipt of an upload describes, and which receipt it is; None if it has none."""
    stored = read_stored(services.s3, services.settings.results, keys.receipt(upload.id))
    return (json.loads(stored.body)["archive"], Proof(stored.sha256, stored.version_id)) if stored else None


def announce_rewriting(services: Services, upload: Upload) -> None:
    """Announce that the lost receipt of an ARCHIVED upload is written again. Raise RetryableError if it cannot be."""
    position = services.ledger.position(REWRITTEN)
    if len(position.place) >= MOST:
        raise RetryableError(f"{MOST} rewritten receipts wait for the next manifest")
    if not services.ledger.save(replace(position, place={**position.place, upload.id: now()})):
        raise RetryableError("another invocation announced a rewritten receipt at this moment")


def _put(services: Services, upload: Upload, body: bytes, condition: PutCondition) -> Proof | None:
    """Write a receipt under a condition; return None if it does not hold."""
    try:
        version_id = services.put_bytes(services.settings.results, keys.receipt(upload.id), body, **condition)
    except ClientError as error:
        if not is_conflict(error):
            raise
        return None
    return Proof(hashlib.sha256(body).hexdigest(), version_id)
