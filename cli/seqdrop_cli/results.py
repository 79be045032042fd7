"""Bringing an upload's results home: predictions, report, reason and receipt into a local folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.aws import keys

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target


def fetch_results(target: Target, one: Progress, folder: Path) -> list[Path]:
    """Download all that the results bucket holds on an upload, under folder/<landing key>/. Answers the files."""
    s3, place = target.client("s3"), place_of(folder, one.key)
    wanted = {
        keys.report(one.upload_id): "report.json",
        keys.reason(one.upload_id): "reason.json",
        keys.receipt(one.upload_id): "receipt.json",
        keys.page(one.upload_id): "report.html",
    }
    multiqc = keys.multiqc_prefix(one.upload_id)
    wanted |= {key: "multiqc/" + key.removeprefix(multiqc) for key in _keys(s3, target.results, multiqc)}
    for attempt in one.attempts:
        prefix = keys.upload_results(attempt.analysis, one.upload_id)
        wanted |= {key: key.removeprefix(prefix) for key in _keys(s3, target.results, prefix)}
    found = []
    for key, name in wanted.items():
        if key in _keys(s3, target.results, key):
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(target.results, key, str(path))
            found.append(path)
    return found


def place_of(folder: Path, key: str) -> Path:
    """The folder of a landing key. A key is what anyone dropped: parts that lead out of `folder` are left out."""
    parts = [part for part in key.split("/") if part not in ("", ".", "..")]
    return folder.joinpath(*parts)


def read_json(files: list[Path], name: str) -> dict:
    """The JSON file of that name among those fetched; empty if there is none."""
    return next((json.loads(path.read_text()) for path in files if path.name == name), {})


def _keys(s3, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]
