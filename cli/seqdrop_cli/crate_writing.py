"""Collect the lineage of a run from the ledger and the results bucket, and write it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.stages.archive.receipts import read_receipt

from seqdrop_cli.lineage import METADATA, Crate, name_result
from seqdrop_cli.results import local_folder
from seqdrop_cli.selectors import Selector, select_uploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from seqdrop.ledger.records import Attempt, Upload

    from seqdrop_cli.target import Target


def write_crate(target: Target, folder: str, place: Path, license_url: str = "") -> Path | None:
    """Write the crate of the uploads below a folder, by key; return its path, or None if there are none."""
    ledger, s3 = target.ledger(), target.client("s3")
    uploads = sorted(
        select_uploads(ledger, Selector(folder=folder)), key=lambda upload: (upload.key, upload.created_at)
    )
    if not uploads:
        return None
    crate = Crate(folder, max(upload.moved_at for upload in uploads), license_url)
    for upload in uploads:
        raw = crate.add_raw(upload, read_receipt(s3, target.results, upload.id))
        for attempt in ledger.attempts(upload.id):
            if attempt.state == "PREDICTED":
                files = dict(_list_results(s3, target.results, attempt))
                summary = _read_json(s3, target.results, _key(attempt, "summary.json"))
                named = [(_name(target.results, key, upload, attempt, place), size) for key, size in files.items()]
                crate.add_prediction(attempt, raw, summary, named)
    place.mkdir(parents=True, exist_ok=True)
    path = place / METADATA
    path.write_text(json.dumps(crate.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _key(attempt: Attempt, name: str) -> str:
    return keys.result(attempt.analysis, attempt.upload_id, attempt.number, name)


def _list_results(s3: S3Client, bucket: str, attempt: Attempt) -> Iterator[tuple[str, int]]:
    """Yield the key and the size of each result of an attempt, without those of later attempts."""
    prefix = _key(attempt, "")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if "/" not in item["Key"].removeprefix(prefix):
                yield item["Key"], item["Size"]


def _name(bucket: str, key: str, upload: Upload, attempt: Attempt, place: Path) -> str:
    name = key.removeprefix(keys.upload_results(attempt.analysis, upload.id))
    path = local_folder(place, upload.key) / name
    return name_result(bucket, key, path.relative_to(place).parts if path.is_file() else ())


def _read_json(s3: S3Client, bucket: str, key: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if is_missing(error):
            return {}
        raise
    return content
