"""Table properties that ministack's CloudFormation drops: time to live, recovery, encryption, deletion protection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "AWS::DynamoDB::Table"


def apply() -> None:
    """Apply the properties after a table has been created or changed, and keep a protected table."""
    handlers = provisioners._RESOURCE_HANDLERS[TABLE]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_with_properties(logical_id: str, props: dict, stack_name: str) -> tuple:
        result = create(logical_id, props, stack_name)
        _apply(result[0], {}, props)
        return result

    def update_with_properties(
        physical_id: str, old_props: dict, new_props: dict, stack_name: str, *arguments: object
    ) -> tuple:
        result = update(physical_id, old_props, new_props, stack_name, *arguments)
        _apply(result[0], old_props, new_props)
        return result

    def delete_unless_protected(physical_id: str, *arguments: object) -> object:
        if (dynamodb._tables.get(physical_id) or {}).get("DeletionProtectionEnabled"):
            raise ValueError(f"{physical_id} is protected against deletion")
        return delete(physical_id, *arguments)

    handlers["create"], handlers["update"] = create_with_properties, update_with_properties
    handlers["delete"] = delete_unless_protected


def _apply(table: str, old: dict, new: dict) -> None:
    _time_to_live(table, old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification"))
    recovery = new.get("PointInTimeRecoverySpecification")
    if recovery:
        _call(dynamodb._update_continuous_backups, table, "PointInTimeRecoverySpecification", recovery)
    encryption = new.get("SSESpecification")
    if encryption and not old:
        specification = {
            "Enabled": encryption.get("SSEEnabled", True),
            **{key: value for key, value in encryption.items() if key != "SSEEnabled"},
        }
        _call(dynamodb._update_table, table, "SSESpecification", specification)


def _time_to_live(table: str, old: dict | None, new: dict | None) -> None:
    if new:
        _call(dynamodb._update_ttl, table, "TimeToLiveSpecification", new)
    elif old:
        _call(dynamodb._update_ttl, table, "TimeToLiveSpecification", {**old, "Enabled": False})


def _call(operation: Callable[[dict], tuple], table: str, name: str, value: dict) -> None:
    status, _, body = operation({"TableName": table, name: value})
    if status >= 400:
        raise ValueError(f"{name} of {table} was refused: {body!r}")
