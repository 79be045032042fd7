"""Files of a run that are only hashed: which they are, and the pass over one. Needs neither numpy nor pysam.

An analysis with formats = ["any"] keeps every file, and so does one with gate = "run" in the folder of a run. Files
with the suffix of FASTQ, FASTA of nucleotides or BAM are read and checked (`work.examine`), except a BAM of aligned
reads, and files that are too large to be checked. All others are hashed as they are, whatever they contain, also if
they have no bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from seqdrop.aws.multipart import PartDigests, needs_multipart
from seqdrop.aws.ranged_stream import PART, RangedObject
from seqdrop.companions.runs import run_of
from seqdrop.reads.digest import Digest
from seqdrop.reads.suffix import format_of_reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3.client import S3Client

    from seqdrop.config.analysis import AnalysisSettings
    from seqdrop.reads.checksums import Checksums
    from seqdrop.uploads import UploadVersion

OTHER = "other"  # the format of a file that was only hashed
# To check a FASTQ takes up to 36 bytes of memory for each read: 12 of an ml.m5.xlarge's 16 GB for 15 GB of gzip.
MOST_CHECKED = 15_000_000_000
# A Lambda hashes this in its 15 minutes at 22 MB/s, and S3 gives it several times as much: larger files take a job. So
# the limit is above `lambda_gb`, which is for files that are checked.
MOST_IN_LAMBDA = 20_000_000_000


class Progress(Protocol):
    """What a caller can see of a pass while it goes on; `reads.check.Reading` has it as well."""

    @property
    def digest(self) -> Digest:
        """The stream of the raw bytes, which counts them."""

    @property
    def number(self) -> int:
        """The number of records read so far."""


class Hashed(NamedTuple):
    """The result of a pass over a file that is only hashed.

    `sha256_of_parts` is the composite SHA-256, "" unless the file is copied in parts. `has_labels` says whether the
    object has user metadata or tags (aws/labels.py).
    """

    checksums: Checksums
    sha256_of_parts: str
    has_labels: bool


class HashingPass:
    """The pass over a file that is only hashed. After `run`, `digest` has its size and checksums."""

    number = 0

    def __init__(self, body: RangedObject, version: UploadVersion, *, md5: bool = False) -> None:
        self._parts = PartDigests(body, version.size) if needs_multipart(version.size) else None
        self.digest = Digest(self._parts or body, md5=md5)

    def run(self) -> None:
        """Read the file to its end."""
        self.digest.drain()

    @property
    def sha256_of_parts(self) -> str:
        """The composite SHA-256 of a file that is copied in parts; "" for any other."""
        return self._parts.sha256 if self._parts else ""


def is_hashed_only(analysis: AnalysisSettings, key: str, size: int) -> bool:
    """Return True if a file is only hashed, by its name and its size in bytes.

    A file with the suffix of BAM may turn out to be one as well when it is opened (`bam_header.is_aligned`).
    """
    form = format_of_reads(key)
    if analysis.keeps_any:
        return form is None or size > MOST_CHECKED
    return is_kept_whole(analysis, key) and form not in analysis.formats


def is_kept_whole(analysis: AnalysisSettings, key: str) -> bool:
    """Return True if every file is accepted at this place: in a run, or wherever the analysis accepts any file."""
    return analysis.keeps_any or (analysis.has_runs and run_of(key, analysis.prefix) != "")


def is_hashed_by_lambda(analysis: AnalysisSettings, key: str, size: int) -> bool:
    """Return True if a file is only hashed, by its name and size, and a Lambda has the time to do it."""
    return size <= MOST_IN_LAMBDA and is_hashed_only(analysis, key, size)


def is_one_request(size: int) -> bool:
    """Return True if a file of this size in bytes is read by one request, so quickly that it needs no lease."""
    return size <= PART


def hash_object(
    s3: S3Client, version: UploadVersion, *, md5: bool = False, on_start: Callable[[Progress], None] = lambda _: None
) -> Hashed:
    """Return what one pass over an object version finds out.

    The bytes are read once, in ranges. Raise ObjectGoneError if it was deleted, and UnreadableObjectError if S3 does
    not return its bytes.
    """
    with RangedObject(s3, version) as body:
        hashing = HashingPass(body, version, md5=md5)
        on_start(hashing)
        hashing.run()
        return Hashed(hashing.digest.checksums, hashing.sha256_of_parts, body.has_labels)
