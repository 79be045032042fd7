"""The files of an upload in the results bucket: predictions, report, reason and receipt; and their download.

A local folder belongs to one upload: it has the file `upload.json`, which names it. A second version of a file gets a
folder of its own, whose name has the time when it landed, so nothing is overwritten and nothing is mixed.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target

PARALLEL = 8  # requests at the same time
OWNER = "upload.json"  # in a folder: the upload whose results it has
REPORT = "report.json"


@dataclass(frozen=True)
class ResultFile:
    """An object of the results bucket. `name` is its path in the folder of its upload."""

    name: str
    key: str
    size: int
    written: datetime


def list_results(s3: S3Client, bucket: str, progress: Progress) -> list[ResultFile]:
    """Return all objects of an upload in the results bucket; those of its original if it repeats another upload."""
    files = []
    for prefix, place in _list_prefixes(progress):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                name = place + item["Key"].removeprefix(prefix)
                files.append(ResultFile(name, item["Key"], item["Size"], item["LastModified"]))
    return files


def _list_prefixes(progress: Progress) -> Iterator[tuple[str, str]]:
    """Yield prefixes of the results bucket with what precedes the rest of a key in its local name."""
    upload = progress.upload
    upload_id = progress.upload_id
    owner = upload.duplicate_of if upload and progress.state == "DUPLICATE" else upload_id
    yield f"{keys.report(upload_id).removesuffix('json')}", "report."
    yield keys.multiqc_prefix(upload_id), "multiqc/"
    yield f"{keys.reason(upload_id).removesuffix('json')}", "reason."
    yield f"{keys.receipt(owner).removesuffix('json')}", "receipt."
    analyses = {attempt.analysis for attempt in progress.attempts}
    if upload and owner != upload_id:
        analyses = {upload.analysis}
    for analysis in sorted(analyses):
        yield keys.upload_results(analysis, owner), ""


def list_all(target: Target, uploads: Sequence[Progress]) -> list[list[ResultFile]]:
    """Return the files of several uploads, in their order."""
    s3 = target.client("s3")
    with ThreadPoolExecutor(PARALLEL) as threads:
        return list(threads.map(lambda upload: list_results(s3, target.results, upload), uploads))


# -- download --


def fetch_results(target: Target, progress: Progress, folder: Path) -> list[Path]:
    """Download all objects of an upload in the results bucket to its folder below `folder`; return the paths."""
    return [path for paths in fetch_all(target, [progress], folder) for path in paths]


def fetch_all(target: Target, uploads: Sequence[Progress], folder: Path, only: str = "*") -> list[list[Path]]:
    """Download the objects of several uploads whose name fits the pattern `only`; return the paths for each upload.

    A file that was downloaded before, and has not changed since, is kept.
    """
    s3 = target.client("s3")
    places = choose_folders(uploads, folder)
    chosen = [
        [file for file in files if fnmatchcase(file.name.rpartition("/")[2], only)]
        for files in list_all(target, uploads)
    ]
    tasks = []
    for upload, place, files in zip(uploads, places, chosen, strict=True):
        if files:
            _write_owner(upload, place)
        tasks += [(file, place / file.name) for file in files]
    with ThreadPoolExecutor(PARALLEL) as threads:
        list(threads.map(lambda task: _download(s3, target.results, *task), tasks))
    return [[place / file.name for file in files] for place, files in zip(places, chosen, strict=True)]


def _download(s3: S3Client, bucket: str, file: ResultFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        status = path.stat()
        if status.st_size == file.size and status.st_mtime >= file.written.timestamp():
            return
    part = path.with_name(f".{path.name}.seqdrop-part")
    s3.download_file(bucket, file.key, str(part))
    part.replace(path)


def choose_folders(uploads: Sequence[Progress], folder: Path) -> list[Path]:
    """Return a folder for each upload: that of its landing key, with the time if the key has several versions.

    A folder that has the results of another upload is not used.
    """
    versions = Counter(upload.key for upload in uploads)
    places: list[Path] = []
    for upload in uploads:
        plain = local_folder(folder, upload.key)
        landed = upload.upload.created_at[:19].replace(":", "-") if upload.upload else ""
        dated = plain.with_name(f"{plain.name}@{landed}Z")
        with_id = plain.with_name(f"{dated.name}-{upload.upload_id}")
        candidates = [plain, dated, with_id] if versions[upload.key] == 1 else [dated, with_id]
        places.append(next((place for place in candidates if _is_free(place, upload, places)), with_id))
    return places


def _is_free(place: Path, upload: Progress, taken: Sequence[Path]) -> bool:
    owner = _read_owner(place)
    return place not in taken and owner in ("", upload.upload_id)


def _read_owner(place: Path) -> str:
    """Return the id of the upload whose results a folder has; "" if it has none. Earlier versions wrote no OWNER."""
    for name in (OWNER, REPORT):
        try:
            return str(json.loads((place / name).read_text()).get("upload", ""))
        except (OSError, ValueError, AttributeError):
            continue
    return ""


def _write_owner(progress: Progress, place: Path) -> None:
    from seqdrop_cli.status_view import as_json

    place.mkdir(parents=True, exist_ok=True)
    (place / OWNER).write_text(json.dumps(as_json(progress), indent=2, ensure_ascii=False) + "\n")


def local_folder(folder: Path, key: str) -> Path:
    """Return the folder for a landing key. Keys are untrusted: parts that would lead out of `folder` are left out."""
    parts = [part for part in key.split("/") if part not in ("", ".", "..")]
    return folder.joinpath(*parts)


def read_json(files: list[Path], name: str) -> dict[str, Any]:
    """Return the content of the JSON file with this name among the files; {} if there is none."""
    path = next((path for path in files if path.name == name), None)
    content: dict[str, Any] = json.loads(path.read_text()) if path else {}
    return content
