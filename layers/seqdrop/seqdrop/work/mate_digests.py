"""Digests of read names in the work bucket, and what two of them say of a pair. Needs the reads layer.

One is written in the pass that examines an upload whose name says mate 1 or 2, so that a pair is checked without a
second look at either file. Like all work they expire after 14 days; then a pair whose other file is archived cannot
be checked any more, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.companions.mates import parse
from seqdrop.reads.codes import ERROR, IGNORE
from seqdrop.reads.name_digests import NameDigest, compare

if TYPE_CHECKING:
    from seqdrop.errors import Fault
    from seqdrop.reads.check import Reading
    from seqdrop.reads.findings import Policy


@dataclass(frozen=True)
class Check:
    """What came of comparing two mates. `faults` are errors; `note` says why it was not checked, or a warning."""

    checked: bool
    faults: tuple[Fault, ...] = ()
    note: str = ""


def check(first: NameDigest | None, second: NameDigest | None, sure: bool, policy: Policy) -> Check:
    """Compare mate 1 with mate 2. `sure` is whether their file names leave no doubt that they are mates."""
    if first is None or second is None:
        return Check(False, note="not checked: the names of one of the two are not kept any more")
    if not sure and _two_samples(first, second):
        return Check(False, note="not checked: both files say they are the same mate, so they are two samples")
    found = [one for one in compare(first, second) if policy.severity(one.code) != IGNORE]
    faults = tuple(one for one in found if policy.severity(one.code) == ERROR)
    return Check(True, faults, "; ".join(one.message for one in found if one not in faults))


def _two_samples(first: NameDigest, second: NameDigest) -> bool:
    """Single-end reads as `sample_1` and `sample_2`. The same file dropped as both is none of that."""
    differ = first.sha256 != second.sha256 and not np.array_equal(first.chunks, second.chunks)
    return differ and first.mate == second.mate != 0


def save(s3, work: str, upload_id: str, key: str, reading: Reading) -> None:
    """Keep the names of a sound file if its key says that a mate may be compared with it."""
    name = parse(key)
    if name and name.is_mate and reading.format == "fastq":
        s3.put_object(Bucket=work, Key=keys.read_names(upload_id), Body=reading.read_names.to_bytes())


def load(s3, work: str, upload_id: str) -> NameDigest | None:
    """None if there is none, or none any more."""
    try:
        body = s3.get_object(Bucket=work, Key=keys.read_names(upload_id))["Body"].read()
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return NameDigest.from_bytes(body)
