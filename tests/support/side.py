"""One AWS among several that are to respond alike: what it said to each call, without the names that it makes up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

# What the functions, or the tests, read of a response.
READ = {
    *("Body", "ContentLength", "ContentType", "ETag", "Metadata", "StorageClass", "ChecksumSHA256", "CopyObjectResult"),
    *("Contents", "Key", "KeyCount", "IsTruncated", "Size", "Versions", "VersionId", "IsLatest", "DeleteMarkers"),
    *("Item", "Items", "Count", "S", "N", "DeleteMarker", "CancellationReasons", "Code"),
    *("TransformJobStatus", "TrainingJobStatus", "ProcessingJobStatus", "SecondaryStatus"),
    *("Messages", "Attributes", "ApproximateReceiveCount", "Successful", "Failed", "Id"),
    *(f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")),
}
NAMES = ("VersionId", "VersionIdMarker", "NextVersionIdMarker")  # each service makes up its own


@dataclass
class Side:
    """`said` is what its services responded, with version ids named by the order in which they came."""

    clients: Callable
    versioned: str
    plain: str
    table: str
    said: list = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, service: str, operation: str, **request) -> dict:
        """Make a call and note what came of it. Return that, or nothing if it was refused."""
        try:
            response = getattr(self.clients(service), operation)(**request)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            reasons = self._plain(error.response.get("CancellationReasons", []))
            known = "already existing" in error.response["Error"]["Message"]  # all that tells it from other refusals
            self.said.append((operation, error.response["Error"]["Code"], status, known, reasons))
            return {}
        if "Body" in response:
            response["Body"] = response["Body"].read()
        self.said.append((operation, self._plain(response)))
        return response

    def differences(self, other: Side) -> list[tuple]:
        """Return (this one's response, the other's) wherever the two are not the same."""
        return [pair for pair in zip(self.said, other.said, strict=True) if pair[0] != pair[1]]

    def _plain(self, response):
        if isinstance(response, dict):
            return {name: self._named(name, part) for name, part in response.items() if name in READ or name.islower()}
        return [self._plain(part) for part in response] if isinstance(response, list) else response

    def _named(self, name: str, value):
        if name in NAMES and isinstance(value, str):
            return self.ids.setdefault(value, f"version {len(self.ids) + 1}")
        return self._plain(value)
