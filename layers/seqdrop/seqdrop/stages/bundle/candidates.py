"""The files of a run that wait for a bundle: object versions of the landing bucket whose records may be bundled."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.runs.files import RunFile
from seqdrop.stages.bundle.eligibility import may_be_bundled
from seqdrop.uploads import upload_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef

    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services

T = TypeVar("T")
MOST = 40_000  # files that are planned at once: about 30 MB of memory, and four full bundles
BATCH = 100  # records that DynamoDB returns in one call


class Candidate(NamedTuple):
    """An upload that may be bundled, without what its bundle does not need. `name` is its path below the run."""

    name: str
    upload: str
    version: str
    size: int
    modified: datetime
    crc32: str
    sha256: str

    @property
    def file(self) -> RunFile:
        """The file, as the policy of bundles sees it."""
        return RunFile(self.name, self.size, self.modified)

    def archived_file(self, run: Run) -> ArchivedFile:
        """Return the empty record of the file in the archive."""
        return ArchivedFile.of_file(run.bucket, run.key_of(self.name), self.size, self.sha256)


def in_batches(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield slices of at most `size` elements."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def find_candidates(services: Services, run: Run, taken: Collection[str]) -> tuple[list[Candidate], list[Candidate]]:
    """Return at most MOST files of a run that may be bundled, and those that may not because a newer version is.

    A file that a delete marker hides is left out: the archive stage withdraws it. `taken` are the ids of uploads that
    have a bundle. The files are sorted by key.
    """
    newest, older = list[Candidate](), list[Candidate]()
    for candidate, is_latest in islice(_list_candidates(services, run, taken), MOST):
        (newest if is_latest else older).append(candidate)
    return newest, older


def _list_candidates(services: Services, run: Run, taken: Collection[str]) -> Iterator[tuple[Candidate, bool]]:
    paginator = services.s3.get_paginator("list_object_versions")
    hidden = ""  # the key below a delete marker; its versions may be on the next page
    for page in paginator.paginate(Bucket=run.bucket, Prefix=run.folder):
        markers = {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker["IsLatest"]} | {hidden}
        versions = page.get("Versions", [])
        for batch in in_batches(versions, BATCH):
            yield from _read_batch(services, run, [row for row in batch if row["Key"] not in markers], taken)
        hidden = max(markers)


def _read_batch(
    services: Services, run: Run, versions: Sequence[ObjectVersionTypeDef], taken: Collection[str]
) -> Iterator[tuple[Candidate, bool]]:
    ids = [upload_id(run.bucket, version["Key"], version["VersionId"]) for version in versions]
    uploads = services.ledger.load_uploads([identity for identity in ids if identity not in taken])
    for version, identity in zip(versions, ids, strict=True):
        upload = uploads.get(identity)
        if upload is None or not may_be_bundled(services.analyses, upload) or not run.releases(upload.key):
            continue
        name = upload.key.removeprefix(run.folder)
        row = Candidate(
            name, identity, upload.version_id, upload.size, version["LastModified"], upload.crc32, upload.sha256
        )
        yield row, version["IsLatest"]
