"""The operations of Feature Store's runtime that are used; boto3-stubs for it are not among the requirements.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Feature_Store_Runtime.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, Protocol, TypedDict

from seqdrop.aws.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botocore.exceptions import ClientError

NO_GROUP = "ResourceNotFound"


class FeatureValue(TypedDict):
    """A value of a record, as text whatever the feature's type is."""

    FeatureName: str
    ValueAsString: str


class StoredRecord(TypedDict):
    """A response of GetRecord; without a record, it is empty."""

    Record: NotRequired[list[FeatureValue]]


class FeatureStoreClient(Protocol):
    """The runtime of Feature Store."""

    def get_record(self, *, FeatureGroupName: str, RecordIdentifierValueAsString: str) -> StoredRecord:  # noqa: N803
        """Return the record with the latest event time."""

    def put_record(self, *, FeatureGroupName: str, Record: Sequence[FeatureValue]) -> object:  # noqa: N803
        """Replace a record whose event time is earlier; in any case append the record to the offline store."""

    def delete_record(
        self,
        *,
        FeatureGroupName: str,  # noqa: N803
        RecordIdentifierValueAsString: str,  # noqa: N803
        EventTime: str,  # noqa: N803
    ) -> object:
        """Delete a record whose event time is earlier; in any case append a marker to the offline store."""


def read_record(client: FeatureStoreClient, group: str, identifier: str) -> dict[str, str] | None:
    """Return the values of a record by feature; None if there is no record, or it was deleted."""
    response = client.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=identifier)
    if "Record" not in response:
        return None
    return {each["FeatureName"]: each["ValueAsString"] for each in response["Record"]}


def write_record(client: FeatureStoreClient, group: str, values: Mapping[str, str]) -> None:
    """Write a record with the values of all its features."""
    record: list[FeatureValue] = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
    client.put_record(FeatureGroupName=group, Record=record)


def is_missing_group(error: ClientError) -> bool:
    """Return True if there is no such feature group."""
    return code_of(error) == NO_GROUP
