"""An implementation of AWS that is compared with another: its response to each call, without generated names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

# The fields of a response that functions or tests read.
READ = {
    *("Body", "ContentLength", "ContentType", "ETag", "Metadata", "StorageClass", "ChecksumSHA256", "CopyObjectResult"),
    "CopyPartResult",
    *("Contents", "Key", "KeyCount", "IsTruncated", "Size", "Versions", "VersionId", "IsLatest", "DeleteMarkers"),
    *("Item", "Items", "Count", "S", "N", "DeleteMarker", "CancellationReasons", "Code"),
    *("TransformJobStatus", "TrainingJobStatus", "ProcessingJobStatus", "SecondaryStatus"),
    *("Messages", "Attributes", "ApproximateReceiveCount", "Successful", "Failed", "Id"),
    *(f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")),
}
NAMES = ("VersionId", "VersionIdMarker", "NextVersionIdMarker")  # each service generates its own


@dataclass
class Side:
    """An implementation. `responses` has its responses, with version ids replaced by the order of their appearance."""

    clients: Callable
    versioned: str
    plain: str
    table: str
    responses: list = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def call(self, service: str, operation: str, **request) -> dict:
        """Make a call and record the response or the error. Return the response; empty if the call was refused."""
        try:
            response = getattr(self.clients(service), operation)(**request)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            reasons = self._select(error.response.get("CancellationReasons", []))
            known = "already existing" in error.response["Error"]["Message"]  # the only difference from other refusals
            self.responses.append((operation, error.response["Error"]["Code"], status, known, reasons))
            return {}
        if "Body" in response:
            response["Body"] = response["Body"].read()
        self.responses.append((operation, self._select(response)))
        return response

    def differences(self, other: Side) -> list[tuple]:
        """Return (own response, other response) for each pair that differs."""
        return [pair for pair in zip(self.responses, other.responses, strict=True) if pair[0] != pair[1]]

    def _select(self, response):
        if isinstance(response, dict):
            return {
                name: self._rename_ids(name, part) for name, part in response.items() if name in READ or name.islower()
            }
        return [self._select(part) for part in response] if isinstance(response, list) else response

    def _rename_ids(self, name: str, value):
        if name in NAMES and isinstance(value, str):
            return self.ids.setdefault(value, f"version {len(self.ids) + 1}")
        return self._select(value)
