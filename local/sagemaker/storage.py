"""S3 locations as requests write them, and what S3's refusals mean to a job."""

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
    def parse(cls, url: str) -> "Location":
        """The location an s3:// URL names; https:// ones, which AWS takes too, are refused."""
        if not url.startswith("s3://"):
            raise NotSupportedLocallyError(f"the location {url!r}: other than s3://")
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def refusal(error: BotoCoreError | ClientError, role: str, action: str, location: Location) -> str:
    """What to tell the owner of a job when S3 would not serve it."""
    code = code_of(error) if isinstance(error, ClientError) else ""
    if code in DENIED:
        return f'access denied: the role "{role}" needs "{action}" on {location}'
    if code in ABSENT:
        return f"{location} does not exist"
    return f"{location}: {error}"
