"""The resource types of Lake Formation that ministack lacks: locations, LF-Tags, their associations, filters, grants.

A declaration is checked against what it names (databases, tables, columns, tags, roles, buckets), and kept. Nothing is
enforced: Athena's answers do not depend on grants here. tests/support/grants.py says what the grants mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ministack.services import glue, iam, s3
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
PRINCIPAL = "lakeformation.amazonaws.com"
PERMISSIONS = {"ALL", "SELECT", "ALTER", "DROP", "DELETE", "INSERT", "DESCRIBE", "CREATE_TABLE", "DATA_LOCATION_ACCESS"}


@dataclass
class Governance:
    """What was declared: LF-Tags with their values, and other declarations by their id."""

    tags: dict[str, list[str]] = field(default_factory=dict)
    filters: dict[str, Properties] = field(default_factory=dict)
    others: dict[str, Properties] = field(default_factory=dict)


def install(governance: Governance | None = None) -> Governance:
    """Register the resource types with ministack's CloudFormation; return what will be declared."""
    kept = governance or Governance()
    checks = {
        "AWS::LakeFormation::Resource": (_check_location, kept.others, lambda props: props["ResourceArn"]),
        "AWS::LakeFormation::TagAssociation": (_check_association, kept.others, None),
        "AWS::LakeFormation::DataCellsFilter": (_check_filter, kept.filters, filter_id),
        "AWS::LakeFormation::PrincipalPermissions": (_check_grant, kept.others, None),
    }
    for kind, (check, store, name) in checks.items():
        provisioners._RESOURCE_HANDLERS[kind] = _handlers(kept, check, store, name)
    provisioners._RESOURCE_HANDLERS["AWS::LakeFormation::Tag"] = _tag_handlers(kept)
    return kept


def _handlers(kept: Governance, check: Any, store: dict[str, Properties], name: Any) -> dict[str, Any]:  # noqa: ANN401
    def create(logical_id: str, props: Properties, stack: str) -> tuple[str, Properties]:
        check(kept, props)
        physical_id = name(props) if name else f"{stack}-{logical_id}"
        store[physical_id] = props
        return physical_id, {}

    def update(physical_id: str, _old: Properties, new: Properties, stack: str, logical_id: str) -> tuple:
        created = create(logical_id, new, stack)
        if created[0] != physical_id:
            store.pop(physical_id, None)
        return created

    def delete(physical_id: str, _props: Properties) -> None:
        store.pop(physical_id, None)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def _tag_handlers(kept: Governance) -> dict[str, Any]:
    def create(_logical_id: str, props: Properties, _stack: str) -> tuple[str, Properties]:
        if props["TagKey"] in kept.tags:
            raise ValueError(f"Tag key already exists: {props['TagKey']}")
        kept.tags[props["TagKey"]] = props["TagValues"]
        return props["TagKey"], {}

    def update(physical_id: str, _old: Properties, new: Properties, stack: str) -> tuple[str, Properties]:
        kept.tags.pop(physical_id, None)
        return create("", new, stack)

    def delete(physical_id: str, _props: Properties) -> None:
        kept.tags.pop(physical_id, None)

    return {"create": create, "update": update, "delete": delete}


def filter_id(props: Properties) -> str:
    """Return the id of a data cells filter."""
    return "|".join(props[name] for name in ("TableCatalogId", "DatabaseName", "TableName", "Name"))


def _check_location(_kept: Governance, props: Properties) -> None:
    bucket = props["ResourceArn"].rpartition(":")[2].partition("/")[0]
    if bucket not in s3._buckets:
        raise ValueError(f"Location not found: {props['ResourceArn']}")
    if not props.get("UseServiceLinkedRole"):
        role = _role(props["RoleArn"])
        if PRINCIPAL not in str(role["AssumeRolePolicyDocument"]):
            raise ValueError(f"{PRINCIPAL} cannot assume {props['RoleArn']}")


def _check_association(kept: Governance, props: Properties) -> None:
    resource = props["Resource"]
    if database := resource.get("Database"):
        _database(database["Name"])
    else:
        table = resource.get("Table") or resource["TableWithColumns"]
        _check_columns(_table(table["DatabaseName"], table["Name"]), table.get("ColumnNames", []))
    for tag in props["LFTags"]:
        _check_tag(kept, tag)


def _check_filter(_kept: Governance, props: Properties) -> None:
    columns = props.get("ColumnNames"), (props.get("ColumnWildcard") or {}).get("ExcludedColumnNames")
    if (props.get("ColumnNames") is None) == (props.get("ColumnWildcard") is None):
        raise ValueError("a data cells filter has either ColumnNames or ColumnWildcard")
    _check_columns(_table(props["DatabaseName"], props["TableName"]), next(filter(None, columns), []))


def _check_grant(kept: Governance, props: Properties) -> None:
    _role(props["Principal"]["DataLakePrincipalIdentifier"])
    if unknown := set(props["Permissions"]) - PERMISSIONS:
        raise ValueError(f"unknown permissions: {sorted(unknown)}")
    resource = props["Resource"]
    for tag in resource.get("LFTagPolicy", {}).get("Expression", []):
        _check_tag(kept, tag)
    cells = resource.get("DataCellsFilter")
    if cells and filter_id(cells) not in kept.filters:
        raise ValueError(f"Data cells filter not found: {cells['Name']}")


def _check_tag(kept: Governance, tag: Properties) -> None:
    if not set(tag["TagValues"]) <= set(kept.tags.get(tag["TagKey"], [])):
        raise ValueError(f"Tag key or value not found: {tag['TagKey']}={tag['TagValues']}")


def _check_columns(table: Properties, names: list[str]) -> None:
    known = {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
    if unknown := set(names) - known:
        raise ValueError(f"Column not found in {table['Name']}: {sorted(unknown)}")


def _database(name: str) -> Properties:
    if name not in glue._databases:
        raise ValueError(f"Database not found: {name}")
    database: Properties = glue._databases[name]
    return database


def _table(database: str, name: str) -> Properties:
    key = f"{database}/{name}"
    if key not in glue._tables:
        raise ValueError(f"Table not found: {key}")
    table: Properties = glue._tables[key]
    return table


def _role(arn: str) -> Properties:
    name = arn.rpartition("/")[2]
    if name not in iam._roles:
        raise ValueError(f"Principal not found: {arn}")
    role: Properties = iam._roles[name]
    return role
