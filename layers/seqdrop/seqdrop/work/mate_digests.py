"""Digests of read names in the work bucket, and their comparison for a pair. Needs the reads layer.

If the name of an upload says that it is mate 1 or 2, the pass that examines it also writes a digest of its read names,
so that the pair can be checked without reading either file again. Digests expire after 14 days, like all objects of the
work bucket. If the file is archived by then, the pair is no longer checked, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.companions.mates import parse
from seqdrop.reads.codes import ERROR, IGNORE, WARNING
from seqdrop.reads.findings import fault
from seqdrop.reads.name_digests import NameDigest, compare
from seqdrop.reads.name_samples import from_text, to_text

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.errors import Fault
    from seqdrop.reads.check import Reading
    from seqdrop.reads.findings import Policy

SAMPLE = "name-sample"  # the name of the metadata that has NameDigest.sample; objects of earlier versions lack it


@dataclass(frozen=True)
class Check:
    """The result of comparing two mates.

    `faults` contains only errors. `note` is the text of the warnings, or the reason if the mates were not `checked`.
    """

    checked: bool
    faults: tuple[Fault, ...] = ()
    note: str = ""


def check(first: NameDigest | None, second: NameDigest | None, sure: bool, policy: Policy) -> Check:
    """Compare mate 1 with mate 2; None is a digest that does not exist any longer.

    `sure` is False if their file names may also be those of two samples (`MateName.sure`).
    """
    if first is None or second is None:
        return Check(False, note="not checked: the read names of one file have expired (they are stored for 14 days)")
    note = "" if sure else _explain_two_samples(first, second)
    if note:
        return Check(False, note=f"not checked: {note}, so they are two samples")
    findings = [fault for fault in compare(first, second) if policy.severity(fault.code) != IGNORE]
    faults = tuple(fault for fault in findings if policy.severity(fault.code) == ERROR)
    return Check(True, faults, "; ".join(fault.message for fault in findings if fault not in faults))


def check_empty(first: int, second: int, policy: Policy) -> Check | None:
    """Return the comparison of two mates with these numbers of reads if one has none, and therefore no digest."""
    if first and second:
        return None
    severity = IGNORE if first == second else policy.severity("mates_unequal_counts")
    finding = fault("mates_unequal_counts", f"the first file has {first} reads, the second {second}")
    return Check(True, (finding,) if severity == ERROR else (), finding.message if severity == WARNING else "")


def _explain_two_samples(first: NameDigest, second: NameDigest) -> str:
    """Return why two files, such as sample_1 and sample_2, have the single-end reads of two samples; "" if not.

    Either the read names of both say the same mate, or they do not say the mates, and no read is in both files. One
    file that was dropped as both mates is not two samples. If the reads say mate 1 and mate 2, the files are a pair,
    even if no read is in both.
    """
    if first.sha256 == second.sha256 or np.array_equal(first.chunks, second.chunks):
        return ""
    if first.said_mate == second.said_mate != 0:
        return "the read names in both files say the same mate"
    say_mates = first.said_mate and second.said_mate
    if not say_mates and first.sample and second.sample and not first.sample & second.sample:
        return "no read is in both files"
    return ""


def save(s3: S3Client, work: str, upload_id: str, key: str, reading: Reading) -> None:
    """Write the digest of a valid FASTQ file if its key is that of a mate."""
    name = parse(key)
    if name and name.is_mate and reading.format == "fastq":
        digest = reading.read_names
        metadata = {SAMPLE: to_text(digest.sample or frozenset())}
        s3.put_object(Bucket=work, Key=keys.read_names(upload_id), Body=digest.to_bytes(), Metadata=metadata)


def load(s3: S3Client, work: str, upload_id: str) -> NameDigest | None:
    """Return the digest of an upload; None if the upload is not a mate, or if the digest has expired."""
    try:
        response = s3.get_object(Bucket=work, Key=keys.read_names(upload_id))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    digest = NameDigest.from_bytes(response["Body"].read())
    return replace(digest, sample=from_text(response.get("Metadata", {}).get(SAMPLE, "")))
