"""The header of a BAM: whether it names reference sequences. Format: SAM specification, section 4.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.errors import InvalidFileError
from seqdrop.reads.digest import Digest
from seqdrop.reads.formats import BAM
from seqdrop.reads.source import open_stream
from seqdrop.reads.suffix import format_of_reads

if TYPE_CHECKING:
    from _typeshed import SupportsRead
    from mypy_boto3_s3.client import S3Client

    from seqdrop.reads.source import PlainText
    from seqdrop.uploads import UploadVersion

LONGEST_TEXT = 1 << 24  # bytes; a longer text can only be a list of reference sequences


def is_aligned(s3: S3Client, version: UploadVersion) -> bool:
    """Return True if a file has the suffix of BAM and is a BAM with reference sequences, so that it is not checked.

    Only the header is read. Raise ObjectGoneError if the object was deleted.
    """
    if format_of_reads(version.key) != "bam":
        return False
    with RangedObject(s3, version, parts=2) as body:
        return has_references(body)


def has_references(raw: SupportsRead[bytes]) -> bool:
    """Return True if a stream is a BAM whose header has reference sequences, to which its reads may be aligned.

    Without them no read can be mapped. Return False also for a file that is damaged, or no BAM.
    """
    try:
        stream = open_stream(Digest(raw))
        start = _read(stream, len(BAM) + 4)
        if not start.startswith(BAM) or len(start) < len(BAM) + 4:
            return False
        length = int.from_bytes(start[len(BAM) :], "little", signed=True)
        if length > LONGEST_TEXT:
            return True
        rest = _read(stream, max(length, 0) + 4)
        is_whole = len(rest) == length + 4
        return is_whole and int.from_bytes(rest[length:], "little", signed=True) > 0
    except InvalidFileError:
        return False  # the check of its records reports what is wrong


def _read(stream: PlainText, size: int) -> bytes:
    """Return `size` bytes, or fewer at the end of the stream."""
    block, count = memoryview(bytearray(size)), 0
    while count < size and (more := stream.readinto(block[count:])):
        count += more
    return bytes(block[:count])
