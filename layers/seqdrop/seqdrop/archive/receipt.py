"""The receipt of an archived file, `receipts/<upload id>.json` in the results bucket: the proof of its copy."""

from __future__ import annotations

from typing import NotRequired, TypedDict

# The entry of the list that agrees with a file. `as` says who wrote it; a keyword, hence this form of a TypedDict.
ListedChecksum = TypedDict("ListedChecksum", {"key": str, "algorithm": str, "value": str, "as": str})


class LandingObject(TypedDict):
    """The object that was validated. `sha256_of_parts` and `part_size` (bytes) exist if it was copied in parts.

    `kept_until` is the time until which the landing bucket keeps it (ISO 8601), if it is not removed at once.
    `crc32` and `md5` (hexadecimal) exist if they were computed. `format` is "other" if the file was only hashed.
    """

    bucket: str
    key: str
    version_id: str
    size: int
    etag: str
    format: str
    sha256: str
    crc32: NotRequired[str]
    md5: NotRequired[str]
    sha256_of_parts: NotRequired[str]
    part_size: NotRequired[int]
    kept_until: NotRequired[str]


class RestoreTerms(TypedDict):
    """How long a restore takes, and what it costs per GB (10⁹ bytes) and, in `usd`, for the whole object."""

    hours_at_most: int
    usd_per_gb: float
    usd: NotRequired[float]


Overhead = dict[str, int]
"""Bytes that are billed in addition to the size, by the storage class at whose rate: that of the copy, in lower case
(such as deep_archive), and standard."""


class BundlePlace(TypedDict):
    """The place of a file in a bundle (docs/bundles.md): the file begins at byte `offset` of the tar.

    `size` (bytes) and `crc32` (hexadecimal, as S3 computed it of all bytes) are those of the whole tar, `index` is the
    key of its index in the results bucket, and `name` the file's name in the index. The SHA-256 of each file in the
    index, and the format, determine every byte of the tar; a SHA-256 of the tar exists only if it was computed.
    """

    name: str
    offset: int
    size: int
    crc32: str
    sha256: NotRequired[str]
    index: str


class StoredChecksum(TypedDict):
    """The checksum that S3 stores with a copy, as HeadObject reports it; `value` is base64, with the number of parts.

    `type` is FULL_OBJECT, or COMPOSITE for a copy in parts.
    """

    algorithm: str
    type: str
    value: str


class Retention(TypedDict):
    """The Object Lock of a copy: its mode (GOVERNANCE or COMPLIANCE), and the time until which it lasts (ISO 8601)."""

    mode: str
    until: str


class VerifiedCopy(TypedDict):
    """The copy of an upload, as its receipt describes it.

    A copy that was made in parts has the checksum `sha256_of_parts`, any other has `sha256`. Both are hexadecimal.
    `encryption` is AES256 or aws:kms, and `retention` exists if Object Lock protects the copy. If a copy in parts has
    annotations, `annotations` are their names, or the reason why they were not copied. If the file is in a bundle,
    `bundle` says where; `bucket`, `key` and `version_id` are then those of the bundle's tar, and `size` and `sha256`
    those of the file.
    """

    size: int
    storage_class: str
    sha256: NotRequired[str]
    sha256_of_parts: NotRequired[str]
    bucket: str
    key: str
    version_id: str | None
    s3_checksum: NotRequired[StoredChecksum]
    encryption: NotRequired[str]
    retention: NotRequired[Retention]
    annotations: NotRequired[list[str] | str]
    bundle: NotRequired[BundlePlace]


class Prices(TypedDict):
    """What a copy costs for a month, in US dollars: list prices of a region on a date, without discounts and taxes."""

    as_of: str
    region: str
    source: str
    usd_per_month: float


class AttemptTrace(TypedDict):
    """An attempt at the time of the receipt. `upload` is the upload that it predicts or trains.

    `results` is the prefix of its results in the results bucket, if it has some; `model_archive` and `model_sha256` are
    key and SHA-256 of the model that its job used.
    """

    upload: str
    analysis: str
    number: int
    state: str
    job: NotRequired[str]
    model: NotRequired[str]
    model_archive: NotRequired[str]
    model_sha256: NotRequired[str]
    results: NotRequired[str]


class Lineage(TypedDict):
    """What was made of a file: the key of its report, and the attempts that used it.

    A file that was only hashed (format "other") has no report.
    """

    report: NotRequired[str]
    attempts: list[AttemptTrace]


VERSION = 2  # of a receipt; receipts without a version are those of Seqdrop 0.3 and earlier (version 1)


class Receipt(TypedDict):
    """The content of `receipts/<upload id>.json`. `predictions` exists if a person released the upload without them.

    `checksum_list` exists if a checksum list of the run agrees with the bytes (docs/checksums.md). Version 1 lacks
    `receipt_version`, `free_to_delete_from`, `prices` and `lineage`. receipt.schema.json describes both versions.
    """

    receipt_version: NotRequired[int]
    upload: str
    landing: LandingObject
    archive: VerifiedCopy
    checksum_list: NotRequired[ListedChecksum]
    predictions: NotRequired[str]
    verified_at: str
    billed_at_least_days: int
    billed_overhead_bytes: Overhead
    restore: dict[str, RestoreTerms]
    free_to_delete_from: NotRequired[str]
    prices: NotRequired[Prices]
    lineage: NotRequired[Lineage]
