"""What the landing bucket has of a run: its object versions, and their uploads in the ledger.

A survey of n files costs n / 1,000 listings and n / 100 reads of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws.errors import is_missing
from seqdrop.ledger.moves import ENDS, UPLOAD
from seqdrop.runs.bundle_listing import list_bundled, merge
from seqdrop.runs.files import RunFile, RunFileError
from seqdrop.runs.names import analysis_folder
from seqdrop.stages.runs.transfer_end import read_transfer
from seqdrop.uploads import upload_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef

    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.run_record import Run
    from seqdrop.runs.bundle_listing import BundledFile
    from seqdrop.runtime.services import Services
    from seqdrop.stages.runs.transfer_end import Transfer

MOST_BYTES = 64_000_000  # of a file that is read to judge a run: a checksum list of some 500,000 files
BATCH = 100  # records that DynamoDB returns in one call


@dataclass(frozen=True)
class Entry:
    """An object version below the folder of a run. `name` is its path below the folder; `upload` is its record."""

    name: str
    size: int
    modified: datetime
    version_id: str
    is_latest: bool
    upload: Upload | None

    @property
    def file(self) -> RunFile:
        """The file, as rules of completion see it."""
        return RunFile(self.name, self.size, self.modified)

    @property
    def is_pending(self) -> bool:
        """Whether its bytes have not been read and accepted or rejected yet."""
        return self.upload is None or self.upload.state == "RECEIVED"

    @property
    def is_open(self) -> bool:
        """Whether its upload may still move, or has no record yet."""
        return self.upload is None or self.upload.state not in ENDS[UPLOAD]


@dataclass(frozen=True)
class Survey:
    """All object versions of a run that were in the landing bucket at the time `taken_at`, or came soon after it.

    `parts` are the folders that are complete by themselves, such as flow cells; they are known when the run is judged.
    `transfer` says what of the run a transfer has brought completely; None if none brings it.
    """

    services: Services
    run: Run
    entries: Sequence[Entry]
    taken_at: datetime
    parts: tuple[str, ...] = ()
    transfer: Transfer | None = None

    def divide(self, parts: Iterable[str]) -> Survey:
        """Return the survey of a run that has these parts; "" is left out. What this one has read is not read again."""
        divided = replace(self, parts=tuple(f"{part}/" for part in parts if part))
        vars(divided).update({name: content for name, content in vars(self).items() if name != "parts"})
        return divided

    @cached_property
    def latest(self) -> dict[str, Entry]:
        """The current version of each file, by name. Folder markers of consoles are no files."""
        return {entry.name: entry for entry in self.entries if entry.is_latest and not entry.name.endswith("/")}

    @cached_property
    def files(self) -> list[RunFile]:
        """The files of the run: those inside bundles, and not the bundles themselves."""
        return merge(self._objects, self.bundled)

    @property
    def bundled(self) -> dict[str, BundledFile]:
        """The files inside the bundles of the run, by their path below its folder."""
        return self._bundles[0]

    @property
    def problems(self) -> list[str]:
        """Sentences about indexes of bundles that cannot be read."""
        return self._bundles[1]

    @cached_property
    def _bundles(self) -> tuple[dict[str, BundledFile], list[str]]:
        return list_bundled(self._objects, self.read)

    @cached_property
    def _objects(self) -> list[RunFile]:
        return [entry.file for entry in self.latest.values()]

    def is_missing(self, name: str) -> bool:
        """Return True if a file is not in the landing bucket, and did not leave it with a complete folder."""
        return name not in self.latest and name not in self.bundled and not self.has_advanced(name)

    def has_advanced(self, name: str) -> bool:
        """Return True if a file is not in the landing bucket, and its folder was complete before."""
        is_there = name in self.latest or name in self.bundled
        return not is_there and self.run.releases(self.run.key_of(name))

    def files_below(self, folder: str) -> list[RunFile]:
        """Return the files that the completion of a folder releases."""
        return [file for file in self.files if self.is_released(file.name, folder)]

    def below(self, folder: str) -> Iterator[Entry]:
        """Yield the versions that the completion of a folder releases; "" is the run itself.

        They are those below the folder, but the files of a part or of an on-board analysis are not those of the run.
        """
        return (entry for entry in self.entries if self.is_released(entry.name, folder))

    def is_released(self, name: str, folder: str) -> bool:
        """Return True if the completion of a folder releases a file, by its name; "" is the folder of the run."""
        if folder:
            return name.startswith(f"{folder}/")
        return not analysis_folder(name) and not name.startswith(self.parts)

    def read(self, name: str) -> bytes:
        """Return the content of a small file of the run.

        Raise FileNotFoundError if it is not in the landing bucket, and RunFileError if it is too large to be read.
        """
        entry = self.latest.get(name)
        if entry is None:
            raise FileNotFoundError(name)
        if entry.size > MOST_BYTES:
            raise RunFileError(name, f"it has {entry.size:,} bytes; files of this name have at most {MOST_BYTES:,}")
        try:
            key = self.run.key_of(name)
            response = self.services.s3.get_object(Bucket=self.run.bucket, Key=key, VersionId=entry.version_id)
        except ClientError as error:
            if is_missing(error):
                raise FileNotFoundError(name) from error
            raise
        return response["Body"].read()


def take_survey(services: Services, run: Run) -> Survey:
    """List the folder of a run, and read the records of what is there.

    The time is that before the listing. A grace time that ends meanwhile counts next time, with the files that came.
    """
    entries: list[Entry] = []
    taken_at = clock.utc_now()
    transfer = read_transfer(services, run)  # before the listing, which then has all that the transfer brought
    paginator = services.s3.get_paginator("list_object_versions")
    for page in paginator.paginate(Bucket=run.bucket, Prefix=run.folder):
        versions = page.get("Versions", [])
        for start in range(0, len(versions), BATCH):
            entries += _read_entries(services, run, versions[start : start + BATCH])
    return Survey(services, run, entries, taken_at, transfer=transfer)


def _read_entries(services: Services, run: Run, versions: Sequence[ObjectVersionTypeDef]) -> Iterator[Entry]:
    ids = [upload_id(run.bucket, version["Key"], version["VersionId"]) for version in versions]
    uploads = services.ledger.load_uploads(ids)
    for version, identity in zip(versions, ids, strict=True):
        name = version["Key"].removeprefix(run.folder)
        yield Entry(
            name,
            version["Size"],
            version["LastModified"],
            version["VersionId"],
            version["IsLatest"],
            uploads.get(identity),
        )
