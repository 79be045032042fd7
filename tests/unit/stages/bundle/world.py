"""A world of runs whose small files are bundled by the archive."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from seqdrop.archive.location import locate
from seqdrop.aws import keys
from seqdrop.runs.bundle_index import INDEX_SUFFIX, read_index
from seqdrop.runs.bundles import check

from tests.unit.stages.runs.world import RunWorld

if TYPE_CHECKING:
    from seqdrop.runs.bundle_index import Index

MARKERS = ("RunInfo.xml", "RTAComplete.txt", "RunCompletionStatus.xml", "SampleSheet.csv", "CopyComplete.txt")


def small_files(count: int, size: int = 600) -> dict[str, bytes]:
    """Return files of a run whose bytes differ; one is empty."""
    sizes = [0, *((size + 37 * number) for number in range(1, count))]
    return {f"Data/L{number % 2}/s_{number:04d}.bci": _fill(number, sizes[number]) for number in range(count)}


def _fill(number: int, size: int) -> bytes:
    return (f"{number:08d}".encode() * (size // 8 + 1))[:size]


class BundleWorld(RunWorld):
    """Buckets, ledger and queues; the archive bucket's tars can be compared with what was dropped."""

    @property
    def tars(self) -> list[str]:
        bucket = self.account.s3.buckets["archive"]
        return [key for key in bucket.keys if key.endswith(".tar") and bucket.current(key)]

    @property
    def landed(self) -> list[str]:
        return list(self.account.s3.buckets["landing"].keys)

    @property
    def copies(self) -> list[str]:
        """The archive keys of all versions."""
        return [key for key, versions in self.account.s3.buckets["archive"].keys.items() for _ in versions]

    def index(self, tar: str) -> Index:
        """Return the index of a tar in the results bucket, after comparing the whole tar with it."""
        body = self.account.s3.read("results", keys.bundle_index(tar))
        index = read_index(body, tar.rsplit("/", 1)[-1] + INDEX_SUFFIX)
        check(index, io.BytesIO(self.account.s3.read("archive", tar)))
        return index

    def fetch(self, name: str) -> bytes:
        """Return the archived bytes of a file, from where its receipt says that they are."""
        place = locate(self.receipt(name))
        body = self.account.s3.buckets[place.bucket].version(place.key, place.version_id).body
        return body[place.offset : place.offset + place.size]

    def check_archived(self, files: dict[str, bytes]) -> None:
        """Check that each file is archived once, comes back as it was, and has left the landing bucket."""
        for name, body in files.items():
            upload, receipt = self.upload(name), self.receipt(name)
            assert (upload.state, upload.archive_key) == ("ARCHIVED", receipt["archive"]["key"]), name
            assert self.fetch(name) == body, name
        assert not set(self.landed) & {self.dropped[name].key for name in files}
        for tar in self.tars:
            self.index(tar)
