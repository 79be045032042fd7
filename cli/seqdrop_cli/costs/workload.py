"""The work that dropped files cause: bytes, windows and jobs, in units that the bill multiplies with prices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seqdrop.aws import multipart, ranged_stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHUNK = 8 << 20  # bytes in one part of an upload by the AWS CLI or boto3
CALLS_AROUND_PARTS = 2  # the calls that start and complete an upload in parts
DAYS_PER_MONTH = 30
PER_UPLOAD = (
    "s3_calls",
    "ledger_calls",
    "ledger_writes",
    "sqs_calls",
    "invocations",
    "log_kb",
    "validate_seconds",
    "archive_seconds",
)  # names of the rates that each upload causes


@dataclass(frozen=True)
class Rates:
    """Speeds and counts that are the same for all files. docs/cost.md says where each comes from."""

    s3_calls: float = 21.19
    """Per upload, beside the parts: counted by benchmarks/orchestration.py for 96 uploads, as are the next three."""
    ledger_calls: float = 22.0
    ledger_writes: float = 10.16
    sqs_calls: float = 2.24
    invocations: float = 3
    """Per upload: validate, archive, and a share of the functions that handle batches; rounded up."""
    read_mb_per_second: float = 10.0
    """Speed of a Lambda according to analyses.toml: half of the 20 MB/s of gzip that one core reads."""
    job_mb_per_second: float = 20.0
    """Speed of a processing job, which has a whole core for a file."""
    start_minutes: float = 5.0
    """Assumed: minutes until a job's machine has started and loaded its image, and that they are billed."""
    finish_minutes: float = 6.0
    """Minutes in which finish handles 10 million windows: four to six, according to template.yaml."""
    copy_seconds_per_gb: float = 60.0
    """Assumed: seconds that archive waits for the copy of 1 GB and its checksum."""
    item_kb: int = 2
    """Assumed: size of a ledger item. A write and its index entry are each billed in whole kilobytes."""
    log_kb: float = 20.0
    """Assumed: log text for each upload, over all functions."""
    landing_days: float = 1.0
    work_days: float = 14.0
    validate_seconds: float = 0.0
    """Per upload, beside the time for its bytes. It matters for small files only; 0 for others, as is the next."""
    archive_seconds: float = 0.0

    def mixed(self, other: Rates, share: float) -> Rates:
        """Return the means per upload if this `share` of the uploads has the counts of `other`."""
        means = {name: (1 - share) * getattr(self, name) + share * getattr(other, name) for name in PER_UPLOAD}
        return replace(self, **{name: round(mean, 4) for name, mean in means.items()})


CALL_SECONDS = 0.02
"""Assumed: the time of a call of a function to S3, DynamoDB or SQS."""
# A file that is only hashed, as runs have many: counted by benchmarks/runs.py for 1,000 files, beside its upload, the
# GET that reads it and its COPY. Its other calls to S3 are two PUTs, three HEADs and a DELETE, which cost as much as
# 2.3 PUT. The seconds are those of its calls: 8.2 in validate, 15 in archive.
KEPT = Rates(
    s3_calls=2.3,
    ledger_calls=15.1,
    ledger_writes=5.01,
    sqs_calls=0.11,
    invocations=2,
    log_kb=2.0,
    validate_seconds=8.2 * CALL_SECONDS,
    archive_seconds=15 * CALL_SECONDS,
)


@dataclass(frozen=True)
class Machines:
    """Machine time of SageMaker jobs: hours of work, the number of jobs that start, and US dollars for an hour."""

    hours: float = 0.0
    jobs: int = 0
    usd_per_hour: float = 0.0

    def billed_hours(self, rates: Rates) -> float:
        """Return the hours including the start of each job."""
        return self.hours + self.jobs * rates.start_minutes / 60

    def usd(self, rates: Rates) -> float:
        """Return the price of the billed hours in US dollars."""
        return self.billed_hours(rates) * self.usd_per_hour


@dataclass(frozen=True)
class Workload:
    """All files of a drop. `sizes` are the bytes of each file; `windows` is the number of predictions."""

    sizes: tuple[int, ...]
    windows: int = 0
    result_bytes: int = 0
    """Bytes of predictions in the results bucket."""
    transforms: Machines = Machines()
    examinations: Machines = Machines()
    """Processing jobs that examine files too large for a Lambda."""
    by_lambda: int = 0
    """Bytes that a Lambda examines; the rest is examined by processing jobs."""
    training_usd: float = 0.0
    kept: int = 0
    """Number of the files that are only hashed."""
    by_class: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Bytes of each file by its storage class in the archive; without any, all are in Deep Archive."""

    def rates_of(self, rates: Rates) -> Rates:
        """Return rates with the means of these files and those that are only hashed."""
        return rates.mixed(KEPT, self.kept / len(self.sizes)) if self.kept else rates

    @property
    def gigabytes(self) -> float:
        """Size of all files in 1e9 bytes."""
        return sum(self.sizes) / 1e9

    @property
    def puts(self) -> int:
        """Number of requests that upload the files."""
        return sum(count_upload_requests(size) for size in self.sizes)

    @property
    def gets(self) -> int:
        """Number of requests that read the files once."""
        return sum(-(-size // ranged_stream.PART) or 1 for size in self.sizes)


def count_upload_requests(size: int) -> int:
    """Return the number of requests by which the AWS CLI or boto3 uploads a file of `size` bytes."""
    return 1 if size < CHUNK else -(-size // CHUNK) + CALLS_AROUND_PARTS


def count_copy_requests(size: int) -> int:
    """Return the number of requests by which archive copies an object of `size` bytes."""
    return len(list(multipart.part_ranges(size))) + CALLS_AROUND_PARTS if multipart.needs_multipart(size) else 1
