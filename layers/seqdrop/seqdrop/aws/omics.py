"""Runs of AWS HealthOmics: start, find and describe.

StartRun's `requestId` is an idempotency token: the same token with the same request returns the same run, and with
another request a ConflictException. botocore makes a random token if none is passed, so one is always passed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_unknown_resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# Of a run that has ended → the state of its job in the ledger.
ENDS: Final = {"COMPLETED": "DONE", "FAILED": "FAILED", "CANCELLED": "STOPPED", "DELETED": "FAILED"}
DELETED: Final = "its run was deleted in HealthOmics before its end was recorded"
CANCELLED: Final = "a person cancelled its run in HealthOmics"
PAGE: Final = 100


class OmicsClient(Protocol):
    """The operations of the client `omics` that are used; boto3-stubs for it are not among the requirements."""

    def start_run(self, **request: object) -> dict[str, Any]:
        """Start a run."""

    def get_run(self, **request: object) -> dict[str, Any]:
        """Describe a run."""

    def list_runs(self, **request: object) -> dict[str, Any]:
        """List runs."""


def make_client() -> OmicsClient:
    """Return a client that sends each request once: a throttled start gets another time instead (stages/workflow).

    botocore puts "workflows-" before the host of the service. It must not do so before the host of another endpoint,
    such as that of a test.
    """
    client: OmicsClient = boto3.client("omics", config=Config(retries={"total_max_attempts": 1}))
    if not _is_of_aws(client):
        config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)
        client = boto3.client("omics", config=config)
    return client


def _is_of_aws(client: Any) -> bool:  # noqa: ANN401 - botocore's clients have no type here
    return ".amazonaws.com" in str(client.meta.endpoint_url)


@dataclass(frozen=True)
class OmicsRun:
    """A run of a workflow as HealthOmics describes it. `end` is the ledger's state of its job, None while it runs."""

    id: str
    name: str
    status: str
    message: str
    cause: str
    output_uri: str
    digests: dict[str, str]
    response: Mapping[str, Any]

    @property
    def end(self) -> str | None:
        """State of the ledger for its job; None while it runs."""
        return ENDS.get(self.status)

    @property
    def reason(self) -> str:
        """Why it ended without outputs, for people."""
        if self.status == "CANCELLED":
            return CANCELLED
        if self.status == "DELETED":
            return DELETED
        return ": ".join(filter(None, (self.cause, self.message))) or f"its run ended as {self.status}"

    def time(self, name: str) -> datetime | None:
        """Return `startTime` or `stopTime`; None if the description lacks it."""
        value: datetime | None = self.response.get(name)
        return value

    @classmethod
    def of(cls, response: Mapping[str, Any]) -> OmicsRun:
        """Return the run of a response of GetRun."""
        return cls(
            id=response.get("id", ""),
            name=response.get("name", ""),
            status=response.get("status", ""),
            message=response.get("statusMessage", ""),
            cause=response.get("failureReason", ""),
            output_uri=response.get("runOutputUri", ""),
            digests=response.get("resourceDigests") or {},
            response=response,
        )


def describe_run(omics: OmicsClient, run_id: str) -> OmicsRun:
    """Return a run; one with the status DELETED if HealthOmics does not know it any more."""
    try:
        return OmicsRun.of(omics.get_run(id=run_id))
    except ClientError as error:
        if is_unknown_resource(error):
            return OmicsRun.of({"id": run_id, "status": "DELETED"})
        raise


def find_run_named(omics: OmicsClient, name: str) -> str:
    """Return the id of the first run of this name; "" if HealthOmics lists none.

    A name need not be unique in HealthOmics; those of jobs are.
    """
    request: dict[str, object] = {"name": name, "maxResults": PAGE}
    while True:
        response = omics.list_runs(**request)
        for item in response.get("items", []):
            if item.get("name") == name:
                return str(item["id"])
        if not response.get("nextToken"):
            return ""
        request["startingToken"] = response["nextToken"]
