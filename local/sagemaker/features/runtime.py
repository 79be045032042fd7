"""The operations of Feature Store's runtime: records are written, read and deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.sagemaker import shapes
from local.sagemaker.access import SERVICE
from local.sagemaker.errors import AccessDeniedError, ServiceError
from local.sagemaker.features import rest, rules
from local.sagemaker.features.control import key_arn, require
from local.sagemaker.features.errors import KeyDeniedError, RecordDeniedError, RecordError, RecordNotFoundError
from local.sagemaker.features.records import FeatureGroup

if TYPE_CHECKING:
    from local.sagemaker.access import Caller
    from local.sagemaker.features.offline import OfflineStore
    from local.sagemaker.features.online import OnlineStore
    from local.sagemaker.features.rest import Request, Response
    from local.sagemaker.registry import Registry

ONLINE, OFFLINE = "OnlineStore", "OfflineStore"
STORES = (ONLINE, OFFLINE)


class Records:
    """The operations on records."""

    def __init__(self, registry: Registry, online: OnlineStore, offline: OfflineStore) -> None:
        self._registry, self._online, self._offline = registry, online, offline
        self._operations = {
            "PutRecord": self._put,
            "GetRecord": self._get,
            "DeleteRecord": self._delete,
            "BatchGetRecord": self._get_batch,
        }

    def respond(self, request: Request, caller: Caller) -> Response:
        """Return status, headers and body of the response to a request of a caller."""
        try:
            operation, parameters = rest.read_request(request)
            if operation not in self._operations:
                raise RecordError(f"The embedded Feature Store has no operation {operation}")
            shapes.check(operation, parameters, rest.SERVICE)
            return rest.write_response(self._operations[operation](caller, parameters))
        except AccessDeniedError as error:
            return rest.write_error(RecordDeniedError(error.message))
        except ServiceError as error:
            return rest.write_error(RecordError(error.message))
        except RecordError as error:
            return rest.write_error(error)

    def _put(self, caller: Caller, request: dict) -> dict:
        group = self._admit(caller, "PutRecord", request["FeatureGroupName"])
        values = rules.read_record(request["Record"], group.identifier, group.clock, group.types)
        seconds = rules.read_event_time(values[group.clock], group.types[group.clock])
        expires = _expiry(group, request.get("TtlDuration"), seconds)
        stores = _stores(group, request)
        if ONLINE in stores:
            record = {"values": values, "seconds": seconds, "deleted": False, "expires": expires}
            self._online.put(group, values[group.identifier], record)
        if OFFLINE in stores:
            self._offline.add(group, values)
        return {}

    def _get(self, caller: Caller, request: dict) -> dict:
        group = self._admit(caller, "GetRecord", request["FeatureGroupName"], RecordNotFoundError)
        _check_online(group)
        _check_features(group, request.get("FeatureNames"))
        return self._read(group, request["RecordIdentifierValueAsString"], request, request.get("FeatureNames"))

    def _get_batch(self, caller: Caller, request: dict) -> dict:
        records, errors = [], []
        for part in request["Identifiers"]:
            name = part["FeatureGroupName"]
            for identifier in part["RecordIdentifiersValueAsString"]:
                entry = {"FeatureGroupName": name, "RecordIdentifierValueAsString": identifier}
                try:
                    group = self._admit(caller, "BatchGetRecord", name)
                    _check_online(group)
                    _check_features(group, part.get("FeatureNames"))
                except (RecordError, ServiceError) as error:
                    if isinstance(error, AccessDeniedError | RecordDeniedError):
                        raise
                    errors.append(entry | {"ErrorCode": error.code, "ErrorMessage": error.message})
                    continue
                if found_record := self._read(group, identifier, request, part.get("FeatureNames")):
                    records.append(entry | found_record)
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    def _delete(self, caller: Caller, request: dict) -> dict:
        group = self._admit(caller, "DeleteRecord", request["FeatureGroupName"])
        identifier, clock = request["RecordIdentifierValueAsString"], request["EventTime"]
        seconds = rules.read_event_time(clock, group.types[group.clock])
        rules.to_value(identifier, group.types[group.identifier], group.identifier)
        stores = _stores(group, request)
        if ONLINE in stores:
            self._delete_online(group, identifier, seconds, request.get("DeletionMode") == "HardDelete")
        if OFFLINE in stores:
            self._offline.add(group, {group.identifier: identifier, group.clock: clock}, is_deleted=True)
        return {}

    def _delete_online(self, group: FeatureGroup, identifier: str, seconds: float, is_hard: bool) -> None:
        if not is_hard:
            marker = {"values": {}, "seconds": seconds, "deleted": True, "expires": None}
            self._online.put(group, identifier, marker)
        elif not self._online.remove(group, identifier, seconds):
            raise RecordError("EventTime is not later than that of the record, so it was not deleted.")

    def _read(self, group: FeatureGroup, identifier: str, request: dict, names: list[str] | None) -> dict:
        record = self._online.get(group, identifier)
        if record is None:
            return {}
        wanted = names or list(group.types)
        values = [
            {"FeatureName": name, "ValueAsString": record["values"][name]}
            for name in wanted
            if name in record["values"]
        ]
        if request.get("ExpirationTimeResponse") != "Enabled" or record["expires"] is None:
            return {"Record": values}
        moment = datetime.fromtimestamp(record["expires"], UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"Record": values, "ExpiresAt": moment}

    def _admit(
        self, caller: Caller, operation: str, name: str, missing: type[RecordError] = RecordError
    ) -> FeatureGroup:
        """Return a group that takes requests of the caller; raise an error if there is none."""
        plain = name.rpartition("/")[2]
        group = self._registry.find(caller, FeatureGroup, plain)
        caller.require(
            f"{SERVICE}:{operation}", caller.make_arn("feature-group", plain), {}, group.tags if group else {}
        )
        if group is None or group.status != "Created":
            raise missing(f"FeatureGroup {name} is not found, or not in the status Created.")
        if group.online_key:
            try:
                require(caller, "kms:Decrypt", key_arn(caller, group.online_key))
            except AccessDeniedError as error:
                raise KeyDeniedError(error.message) from error
        return group


def _stores(group: FeatureGroup, request: dict) -> tuple[str, ...]:
    """Return the stores that a request is for: all that the group has, unless it names some."""
    present = {ONLINE: group.has_online_store, OFFLINE: group.has_offline_store}
    wanted = request.get("TargetStores")
    if wanted is None:
        return tuple(store for store in STORES if present[store])
    if absent := [store for store in wanted if not present[store]]:
        raise RecordError(f"The feature group {group.name} has no {absent[0]}.")
    return tuple(wanted)


def _expiry(group: FeatureGroup, ttl: dict | None, seconds: float) -> float | None:
    """Return when a record expires: the time to live counts from the event time."""
    duration = ttl or group.request.get("OnlineStoreConfig", {}).get("TtlDuration")
    return seconds + duration["Value"] * rules.SECONDS[duration["Unit"]] if duration else None


def _check_online(group: FeatureGroup) -> None:
    if not group.has_online_store:
        raise RecordError(f"The feature group {group.name} has no online store.")


def _check_features(group: FeatureGroup, names: list[str] | None) -> None:
    if unknown := sorted(set(names or []) - group.types.keys()):
        raise RecordError(f"The feature group {group.name} has no features {unknown}.")
