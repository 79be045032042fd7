"""Table properties that ministack's CloudFormation drops: time to live, recovery, encryption."""

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

TABLE = "AWS::DynamoDB::Table"


def apply() -> None:
    """Apply the properties after a table was made or changed."""
    handlers = provisioners._RESOURCE_HANDLERS[TABLE]
    create, update = handlers["create"], handlers["update"]

    def create_with_properties(logical_id, props, stack_name):
        made = create(logical_id, props, stack_name)
        _apply(made[0], {}, props)
        return made

    def update_with_properties(physical_id, old_props, new_props, stack_name, *more, **named):
        changed = update(physical_id, old_props, new_props, stack_name, *more, **named)
        _apply(changed[0], old_props, new_props)
        return changed

    handlers["create"], handlers["update"] = create_with_properties, update_with_properties


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


def _call(operation, table: str, name: str, value: dict) -> None:
    status, _, body = operation({"TableName": table, name: value})
    if status >= 400:
        raise ValueError(f"{name} of {table} is refused: {body!r}")
