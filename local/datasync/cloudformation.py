"""CloudFormation's types of DataSync, which ministack lacks: locations in S3 and on shares, and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.datasync.service import DataSync

TYPES = {
    "AWS::DataSync::LocationS3": ("CreateLocationS3", "DeleteLocation", "LocationArn"),
    "AWS::DataSync::LocationNFS": ("CreateLocationNfs", "DeleteLocation", "LocationArn"),
    "AWS::DataSync::LocationSMB": ("CreateLocationSmb", "DeleteLocation", "LocationArn"),
    "AWS::DataSync::Task": ("CreateTask", "DeleteTask", "TaskArn"),
}
NUMBERS = ("BytesPerSecond",)
REPLACING = ("SourceLocationArn", "DestinationLocationArn", "TaskMode")
UPDATABLE = ("Options", "Excludes", "Includes", "Schedule", "Name", "CloudWatchLogGroupArn", "ManifestConfig")
EMPTY: dict[str, object] = {"Excludes": [], "Includes": []}  # what removes a setting


def install(service: DataSync) -> None:
    """Register the types with ministack's CloudFormation."""
    from ministack.services.cloudformation import provisioners

    for name, (create, delete, member) in TYPES.items():
        handler = Handler(service, create, delete, member)
        provisioners._RESOURCE_HANDLERS[name] = {"create": handler.create, "delete": handler.delete}
    provisioners._RESOURCE_HANDLERS["AWS::DataSync::Task"]["update"] = handler.update_task


class Handler:
    """Creates and deletes the resources of a type by the operations of the service."""

    def __init__(self, service: DataSync, create: str, delete: str, member: str) -> None:
        self._service, self._create, self._delete, self._member = service, create, delete, member

    def create(self, _logical_id: str, props: dict, _stack: str) -> tuple[str, dict[str, str]]:
        """Create a resource; return its physical id, which is its ARN, and its attributes."""
        arn = self._perform(self._create, _convert(props))[self._member]
        return arn, {self._member: arn, "Arn": arn}

    def delete(self, physical_id: str, _props: dict) -> None:
        """Delete a resource; one that is gone already is no error."""
        from local.datasync.errors import InvalidRequestError

        try:
            self._perform(self._delete, {self._member: physical_id})
        except InvalidRequestError as error:
            if "not found" not in error.message:
                raise

    def update_task(self, physical_id: str, old: dict, new: dict, stack: str) -> tuple[str, dict[str, str]]:
        """Update a task, or create another one if the change needs that; return its id and attributes."""
        if any(old.get(name) != new.get(name) for name in REPLACING):
            created = self.create("", new, stack)
            self.delete(physical_id, old)
            return created
        values = _convert(new)
        changes = {name: values[name] for name in (*UPDATABLE, "TaskReportConfig") if name in values}
        self._perform("UpdateTask", {"TaskArn": physical_id} | EMPTY | changes)
        return physical_id, {"TaskArn": physical_id, "Arn": physical_id}

    def _perform(self, operation: str, request: dict) -> dict:
        from ministack.core.responses import get_account_id, get_region

        return self._service.perform(operation, request, ("", get_account_id(), get_region()))


def _convert(value: object, name: str = "") -> object:
    """Return properties as the API has them: CloudFormation writes numbers as text."""
    if isinstance(value, dict):
        return {key: _convert(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_convert(member) for member in value]
    return int(value) if name in NUMBERS else value
