"""Read what `seqdrop verify-receipts` compares: manifests, receipts, tombstones, and the heads kept elsewhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from seqdrop import clock
from seqdrop.archive.chain import Evidence
from seqdrop.archive.manifest import parse_manifest, signed_message
from seqdrop.aws import keys
from seqdrop.aws.signing import is_signed
from seqdrop.stages.archive.receipts import read_stored
from seqdrop.stages.reconcile.manifests import CHAIN, find_head, moved_at

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from seqdrop.archive.manifest import Statement
    from seqdrop.ledger.coordination import Position
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.stages.archive.receipts import StoredObject

    from seqdrop_cli.target import Target

PARALLEL = 16  # requests at the same time
BATCH = 1000  # objects between two calls of the progress
OLDEST_STATEMENT = timedelta(days=2)  # it is signed every day
T = TypeVar("T")
Progress = Callable[[int, int], None]  # objects that were read, of all


@dataclass
class Heads:
    """Heads that were kept elsewhere: SHA-256 by key, hashes without a key, and what is wrong with the signature."""

    by_key: dict[str, str] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add the head of a mail: NAME:SHA-256, or the SHA-256 alone."""
        name, _, digest = text.rpartition(":")
        if name:
            self.by_key[f"{keys.MANIFESTS}{name}.json"] = digest.lower()
        else:
            self.hashes.add(digest.lower())


def read_evidence(target: Target, heads: Heads, since: str, progress: Progress) -> Evidence:
    """Return the evidence of a stack. `since` is a date, or "" for the whole chain.

    The head in the ledger, and the signed one, are added to `heads`.
    """
    s3, ledger = target.client("s3"), target.ledger()
    if target.signing_key:
        _read_statement(target, s3, heads)
    listed, place = _list_all(s3, target.results, ledger)
    if head := find_head(place):
        heads.by_key.setdefault(head["key"], head["sha256"])
    end = max(place.place.get("making", ""), place.place.get("key", ""))
    names = [key for key in listed if key.startswith(keys.MANIFESTS) and key != keys.SIGNED_HEAD]
    first = keys.manifest(since) if since else ""
    manifests = _read(s3, target.results, [key for key in names if key >= first], lambda stored: stored.body, progress)
    mentioned = _list_mentioned(manifests)
    wanted = [key for key in listed if not key.startswith(keys.MANIFESTS) and (not since or key in mentioned)]
    digests = _read(s3, target.results, wanted, lambda stored: stored.sha256, progress)
    pending = _find_pending(ledger, digests.keys() - mentioned, place.place.get("after", ""))
    return Evidence(manifests, digests, heads.by_key, heads.hashes, end, pending, first)


def _list_all(s3: S3Client, bucket: str, ledger: Ledger) -> tuple[list[str], Position]:
    """Return the keys of all receipts, manifests and tombstones, and the head in the ledger at that time."""
    place = ledger.position(CHAIN)
    while True:
        listed = _list_keys(s3, bucket, keys.RECEIPTS) + _list_keys(s3, bucket, keys.TOMBSTONES)
        before, place = place, ledger.position(CHAIN)
        if before.revision == place.revision:  # otherwise a manifest was written meanwhile, at most once a day or so
            return listed, place


def _list_keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _read(
    s3: S3Client, bucket: str, wanted: list[str], convert: Callable[[StoredObject], T], progress: Progress
) -> dict[str, T]:
    """Return what `convert` makes of each object, by key; an object that was deleted is left out."""

    def read(key: str) -> T | None:
        stored = read_stored(s3, bucket, key)
        return convert(stored) if stored else None

    results: dict[str, T] = {}
    with ThreadPoolExecutor(PARALLEL) as threads:
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            bodies = zip(batch, threads.map(read, batch), strict=True)
            results.update({key: value for key, value in bodies if value is not None})
            progress(start + len(batch), len(wanted))
    return results


def _list_mentioned(manifests: dict[str, bytes]) -> set[str]:
    parsed = (parse_manifest(body) for body in manifests.values())
    return {entry["key"] for manifest in parsed if manifest for entry in manifest["entries"]}


def _find_pending(ledger: Ledger, unlisted: set[str], after: str) -> set[str]:
    """Return the keys of objects that the next manifest will list, by the records of their uploads."""
    by_id: dict[str, list[str]] = {}
    for key in sorted(unlisted):
        by_id.setdefault(key.rpartition("/")[2].removesuffix(".json"), []).append(key)
    uploads = ledger.find_uploads(list(by_id))
    return {key for upload in uploads.values() if _is_pending(upload, after) for key in by_id[upload.id]}


def _is_pending(upload: Upload, after: str) -> bool:
    return upload.state == "VALIDATED" or moved_at(upload) > after


def _read_statement(target: Target, s3: S3Client, heads: Heads) -> None:
    """Add the signed head, or what is wrong with it."""
    stored = _read(s3, target.results, [keys.SIGNED_HEAD], lambda stored: stored.body, lambda _done, _all: None)
    if not stored:
        heads.problems.append(f"{keys.SIGNED_HEAD} is missing: it is signed every day")
        return
    try:
        statement: Statement = json.loads(stored[keys.SIGNED_HEAD])
        head, message = statement["head"], statement["message"]
        signature, as_of = base64.b64decode(statement["signature"]), datetime.fromisoformat(statement["as_of"])
        is_own = message == signed_message(head, statement["as_of"])
    except (ValueError, KeyError, TypeError):
        heads.problems.append(f"{keys.SIGNED_HEAD} is altered: it is no statement of a head")
        return
    if not is_own or not is_signed(target.client("kms"), target.signing_key, message, signature):
        heads.problems.append(f"{keys.SIGNED_HEAD} is altered: its signature is not one of {target.signing_key}")
        return
    heads.by_key[head["key"]] = head["sha256"]
    if clock.utc_now() - as_of > OLDEST_STATEMENT:
        heads.problems.append(
            f"{keys.SIGNED_HEAD} is of {statement['as_of']}: an older statement was put back, or the reconciler does "
            "not run"
        )
