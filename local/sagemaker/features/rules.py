"""The rules of Feature Store that botocore's model lacks: definitions, values, event times."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from local.sagemaker.errors import NotSupportedLocallyError, ValidationError

RESERVED = frozenset({"is_deleted", "write_time", "api_invocation_time"})
MAX_FEATURES = 2500
MAX_RECORD_BYTES = 350 * 1024
EVENT_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z")
INTEGRAL = re.compile(r"[+-]?\d{1,19}")
LONG = range(-(2**63), 2**63)
SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}


def check_group(request: dict) -> None:
    """Raise an error for a CreateFeatureGroup request that the service refuses, or that is not supported here."""
    check_definitions(request["FeatureDefinitions"], [])
    types = {each["FeatureName"]: each["FeatureType"] for each in request["FeatureDefinitions"]}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[member] not in types:
            raise ValidationError(f"{member} {request[member]} is not among the FeatureDefinitions.")
    if types[request["EventTimeFeatureName"]] == "Integral":
        raise ValidationError("The event time must have the type String or Fractional.")
    online, offline = request.get("OnlineStoreConfig", {}), request.get("OfflineStoreConfig")
    if not online.get("EnableOnlineStore") and offline is None:
        raise ValidationError("At least one of OnlineStoreConfig and OfflineStoreConfig must be specified.")
    _check_online(online)
    if offline is not None:
        _check_offline(request, offline)
    if request.get("ThroughputConfig", {}).get("ThroughputMode") == "Provisioned":
        raise NotSupportedLocallyError("provisioned throughput")


def check_definitions(added: list[dict], present: list[dict]) -> None:
    """Raise an error for definitions that cannot be added to those that are present."""
    names = [each["FeatureName"] for each in [*present, *added]]
    if reserved := sorted(RESERVED & {name.lower() for name in names}):
        raise ValidationError(f"The feature names {reserved} are reserved.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValidationError(f"Duplicate feature names: {repeated}.")
    if len(names) > MAX_FEATURES:
        raise ValidationError(f"A feature group can have at most {MAX_FEATURES} features.")
    if any("CollectionType" in each for each in added):
        raise NotSupportedLocallyError("a feature that is a collection")


def check_ttl(ttl: dict | None) -> None:
    """Raise ValidationError for a TtlDuration with only one of its members."""
    if ttl and ("Unit" in ttl) != ("Value" in ttl):
        raise ValidationError("TtlDuration needs both Unit and Value.")


def read_event_time(text: str, kind: str) -> float:
    """Return an event time in seconds since 1970; raise ValidationError if it has not the format of its type."""
    if kind == "Fractional":
        return _read_number(text, "the event time")
    if not EVENT_TIME.fullmatch(text):
        raise ValidationError(
            f"Failed to parse event time {text}: yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ is expected."
        )
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError as error:
        raise ValidationError(f"Failed to parse event time {text}: {error}") from error


def read_record(values: list[dict], identifier: str, clock: str, types: dict[str, str]) -> dict[str, str]:
    """Return the values of a record by feature; raise ValidationError if it does not fit the group's features."""
    if any("ValueAsStringList" in each or "ValueAsString" not in each for each in values):
        raise ValidationError("Each FeatureValue of a feature that is no collection needs ValueAsString.")
    record = {each["FeatureName"]: each["ValueAsString"] for each in values}
    if len(record) != len(values):
        raise ValidationError("A feature has several values in the record.")
    if unknown := sorted(record.keys() - types.keys()):
        raise ValidationError(f"Validation Error: the feature names {unknown} are not in the feature group.")
    for name in (identifier, clock):
        if not record.get(name):
            raise ValidationError(f"Validation Error: the record needs a value of {name}.")
    for name, text in record.items():
        to_value(text, types[name], name)
    if sum(len(name) + len(text.encode()) for name, text in record.items()) > MAX_RECORD_BYTES:
        raise ValidationError(f"The record is larger than {MAX_RECORD_BYTES // 1024} KB.")
    return record


def to_value(text: str, kind: str, name: str) -> str | int | float:
    """Return a value as the offline store has it; raise ValidationError if it is none of its feature's type."""
    if kind == "Integral":
        if not INTEGRAL.fullmatch(text) or int(text) not in LONG:
            raise ValidationError(f"Validation Error: the value of {name} is not a 64-bit integer.")
        return int(text)
    return _read_number(text, name) if kind == "Fractional" else text


def _read_number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValidationError(f"Validation Error: the value of {name} is not a number.")
    return number


def _check_online(online: dict) -> None:
    check_ttl(online.get("TtlDuration"))
    if online.get("StorageType", "Standard") != "Standard":
        raise NotSupportedLocallyError(f"an online store of the type {online['StorageType']}")


def _check_offline(request: dict, offline: dict) -> None:
    if "RoleArn" not in request:
        raise ValidationError("RoleArn must be specified for an offline store.")
    if offline.get("DisableGlueTableCreation"):
        raise ValidationError("The table format Iceberg needs DisableGlueTableCreation to be False.")
    if offline.get("TableFormat", "Default") != "Iceberg":
        raise NotSupportedLocallyError("an offline store whose TableFormat is not Iceberg")
    if not offline["S3StorageConfig"]["S3Uri"].startswith("s3://"):
        raise NotSupportedLocallyError("an S3Uri that does not begin with s3://")
