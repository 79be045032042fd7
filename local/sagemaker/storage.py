"""S3 locations as requests write them, and the meaning of S3's errors for a job."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws.errors import code_of

from local.sagemaker.errors import NotSupportedLocallyError

ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
DENIED = frozenset({"403", "AccessDenied", "Forbidden"})


@dataclass(frozen=True)
class Location:
    """A bucket and a key or prefix in it."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, url: str) -> Location:
        """Return the location of an s3:// URL.

        Raise NotSupportedLocallyError for any other URL; AWS accepts https:// as well.
        """
        if not url.startswith("s3://"):
            raise NotSupportedLocallyError(f"the location {url!r}, which does not begin with s3://,")
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def explain(error: BotoCoreError | ClientError, role: str, action: str, location: Location) -> str:
    """Return the failure reason of a job for an error of S3."""
    code = code_of(error) if isinstance(error, ClientError) else ""
    if code in DENIED:
        return f'access denied: the role "{role}" needs "{action}" on {location}'
    if code in ABSENT:
        return f"{location} does not exist"
    return f"{location}: {error}"
