"""The download of an upload's results to a local folder: predictions, report, reason and receipt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target


def fetch_results(target: Target, progress: Progress, folder: Path) -> list[Path]:
    """Download all objects of an upload in the results bucket to `folder`/<landing key>/; return the paths."""
    s3, place = target.client("s3"), local_folder(folder, progress.key)
    paths = []
    for key, name in _names_by_key(s3, target.results, progress).items():
        if key in _list_keys(s3, target.results, key):
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(target.results, key, str(path))
            paths.append(path)
    return paths


def _names_by_key(s3: S3Client, bucket: str, progress: Progress) -> dict[str, str]:
    """Return the local name of each object that an upload may have in the results bucket."""
    upload_id = progress.upload_id
    names = {
        keys.report(upload_id): "report.json",
        keys.reason(upload_id): "reason.json",
        keys.receipt(upload_id): "receipt.json",
        keys.page(upload_id): "report.html",
    }
    multiqc = keys.multiqc_prefix(upload_id)
    names |= {key: "multiqc/" + key.removeprefix(multiqc) for key in _list_keys(s3, bucket, multiqc)}
    for attempt in progress.attempts:
        prefix = keys.upload_results(attempt.analysis, upload_id)
        names |= {key: key.removeprefix(prefix) for key in _list_keys(s3, bucket, prefix)}
    return names


def local_folder(folder: Path, key: str) -> Path:
    """Return the folder for a landing key. Keys are untrusted: parts that would lead out of `folder` are left out."""
    parts = [part for part in key.split("/") if part not in ("", ".", "..")]
    return folder.joinpath(*parts)


def read_json(files: list[Path], name: str) -> dict[str, Any]:
    """Return the content of the JSON file with this name among the files; {} if there is none."""
    path = next((path for path in files if path.name == name), None)
    content: dict[str, Any] = json.loads(path.read_text()) if path else {}
    return content


def _list_keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]
