"""One copy of a restored file: where it goes, and how S3 makes it, from a whole object or from a range of a bundle."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys, multipart
from seqdrop.errors import ArchiveMismatchError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.stages.duplicates import RESTORED

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

    from seqdrop.archive.restore_plan import Plan, PlannedFile
    from seqdrop.config.analyses import Analyses, Analysis
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.runtime.services import Services

SMALL = 64 << 20  # bytes of a bundled file that is read and written here; S3 copies ranges only of larger objects
PARALLEL = 10  # parts at the same time: the size of a client's connection pool


@dataclass(frozen=True)
class Copy:
    """A copy of a file that is to be made. `is_landing` says that it is to be processed again."""

    file: PlannedFile
    bucket: str
    key: str
    is_landing: bool
    metadata: dict[str, str] = field(default_factory=dict)


def list_copies(services: Services, request: RestoreRequest, plan: Plan) -> list[Copy]:
    """Return every copy of a request, always in the same order: those that are kept, then those to process again."""
    copies = []
    if request.to:
        copies += [_keep(services, request, file) for file in plan.files]
    if request.run:
        analysis = services.analyses.by_name[request.run]
        copies += [_process(services, analysis, file) for file in select_for(analysis, plan)]
    return copies


def select_for(analysis: Analysis, plan: Plan) -> list[PlannedFile]:
    """Return the files that an analysis processes: those of its formats; in a gated analysis all, for its markers."""
    return [file for file in plan.files if analysis.gate or file.format in analysis.formats]


def path_of(analyses: Analyses, key: str) -> str:
    """Return a landing key without the prefix of its analysis, such as `run7/S1.fastq.gz`."""
    analysis = analyses.for_key(key)
    return key.removeprefix(analysis.prefix) if analysis else key.partition("/")[2] or key


def _keep(services: Services, request: RestoreRequest, file: PlannedFile) -> Copy:
    key = keys.restored(request.to, path_of(services.analyses, file.key))
    return Copy(file, services.settings.results, key, is_landing=False, metadata={RESTORED: file.upload})


def _process(services: Services, analysis: Analysis, file: PlannedFile) -> Copy:
    key = analysis.prefix + path_of(services.analyses, file.key)
    return Copy(file, services.settings.landing, key, is_landing=True, metadata={RESTORED: file.upload})


def claim(services: Services, copy: Copy) -> None:
    """Record that the archive has the file of a landing key, so that it is not archived a second time.

    The record names the original upload. After it was processed, the copy is closed as a duplicate of that upload
    (stages/archive/repeated.py), which compares key, size and SHA-256.
    """
    if not copy.is_landing:
        return
    ledger = services.ledger
    file = ledger.archived_file(ArchivedFile.of_file(copy.bucket, copy.key, copy.file.size, copy.file.sha256))
    original = ledger.find_upload(copy.file.upload)
    if original and not file.upload:
        ledger.save(file.with_upload(original.id, original.expires_at))


def begin(services: Services, copy: Copy) -> str:
    """Create the multipart upload of a copy, and return its id. No object exists before it is completed."""
    created = services.s3.create_multipart_upload(
        Bucket=copy.bucket, Key=copy.key, Metadata=copy.metadata, ChecksumAlgorithm="SHA256"
    )
    return created["UploadId"]


def complete(services: Services, copy: Copy, upload: str) -> None:
    """Copy the parts that are missing, verify them, and make the object.

    Raise ArchiveMismatchError if the bytes differ from the receipt's, and the error of is_unknown_upload if the copy
    was made before.
    """
    parts = _copy_parts(services, copy, upload)
    condition: Any = {"IfNoneMatch": "*"} if copy.is_landing else {}
    services.s3.complete_multipart_upload(
        Bucket=copy.bucket, Key=copy.key, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
    )


def _copy_parts(services: Services, copy: Copy, upload: str) -> list[CompletedPartTypeDef]:
    """Return the parts of a copy. A file of up to 5 GB is one part, whose SHA-256 S3 computes: it is the file's."""
    there = _list_parts(services, copy, upload)
    size = copy.file.size
    ranges = list(multipart.part_ranges(size)) if multipart.needs_multipart(size) else [(1, 0, max(size - 1, 0))]
    missing = [part for part in ranges if part[0] not in there]
    make = _write_part if size == 0 or (copy.file.is_bundled and size <= SMALL) else _copy_part
    if missing:
        with ThreadPoolExecutor(PARALLEL) as threads:
            for part in threads.map(partial(make, services, copy, upload), missing):
                there[part["PartNumber"]] = part
    if len(ranges) == 1:
        _verify(copy, there[1].get("ChecksumSHA256", ""))
    return [there[number] for number, _, _ in ranges]


def _list_parts(services: Services, copy: Copy, upload: str) -> dict[int, CompletedPartTypeDef]:
    pages = services.s3.get_paginator("list_parts").paginate(Bucket=copy.bucket, Key=copy.key, UploadId=upload)
    return {
        part["PartNumber"]: {
            "PartNumber": part["PartNumber"],
            "ETag": part["ETag"],
            "ChecksumSHA256": part["ChecksumSHA256"],
        }
        for page in pages
        for part in page.get("Parts", [])
    }


def _copy_part(services: Services, copy: Copy, upload: str, part: tuple[int, int, int]) -> CompletedPartTypeDef:
    """Have S3 copy the bytes of one part, given as (number from 1, first byte of the file, last byte)."""
    number, first, last = part
    source = copy.file.object
    place: Any = {"Bucket": source.bucket, "Key": source.key}
    if source.version_id:
        place["VersionId"] = source.version_id
    start = copy.file.offset
    whole = not start and number == 1 and last + 1 == source.size
    span: Any = {} if whole else {"CopySourceRange": f"bytes={start + first}-{start + last}"}
    response = services.s3.upload_part_copy(
        Bucket=copy.bucket, Key=copy.key, UploadId=upload, PartNumber=number, CopySource=place, **span
    )
    result = response["CopyPartResult"]
    return {"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]}


def _write_part(services: Services, copy: Copy, upload: str, part: tuple[int, int, int]) -> CompletedPartTypeDef:
    """Read a small file from its bundle, and write it as the only part."""
    span: Any = {"Range": copy.file.range} if copy.file.range else {}
    body = services.s3.get_object(**copy.file.object.version, **span)["Body"].read() if copy.file.size else b""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    _verify(copy, digest)
    response = services.s3.upload_part(
        Bucket=copy.bucket, Key=copy.key, UploadId=upload, PartNumber=part[0], Body=body, ChecksumSHA256=digest
    )
    return {"PartNumber": part[0], "ETag": response["ETag"], "ChecksumSHA256": digest}


def _verify(copy: Copy, digest: str) -> None:
    """Raise ArchiveMismatchError unless a SHA-256 in base64 is that of the receipt."""
    actual = base64.b64decode(digest).hex()
    if copy.file.sha256 and actual != copy.file.sha256:
        raise ArchiveMismatchError(
            f"the bytes of {copy.file.key} in {copy.file.object.key} have the SHA-256 {actual}; its receipt says "
            f"{copy.file.sha256}. The archived copy is damaged, and nothing was written; keep it, and ask for help"
        )
