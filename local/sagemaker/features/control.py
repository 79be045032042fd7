"""The operations on feature groups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from local.sagemaker.errors import AccessDeniedError, NotSupportedLocallyError, ResourceInUseError, ValidationError
from local.sagemaker.features import rules
from local.sagemaker.features.errors import GroupNotFoundError
from local.sagemaker.features.records import FeatureGroup
from local.sagemaker.listing import is_created_between, make_page, select
from local.sagemaker.tags import as_dict

if TYPE_CHECKING:
    from local.sagemaker.access import Caller
    from local.sagemaker.features.offline import OfflineStore
    from local.sagemaker.registry import Registry
    from local.sagemaker.roles import Roles

MAX_NOTES = 25  # parameters of a feature
# What the caller needs besides: on the key of the online store, and on the table of the offline store, which Feature
# Store creates with the caller's permissions.
ON_KEY = ("Encrypt", "Decrypt", "DescribeKey", "CreateGrant", "RetireGrant", "ReEncryptFrom", "ReEncryptTo")
ON_KEY_TOO = ("GenerateDataKey", "ListAliases", "ListGrants", "RevokeGrant")
ON_TABLE = ("CreateTable", "GetTable", "CreateDatabase", "GetDatabase")


class FeatureGroups:
    """The operations on feature groups; `offline` performs what takes time."""

    def __init__(self, registry: Registry, roles: Roles, offline: OfflineStore) -> None:
        self._registry, self._roles, self._offline = registry, roles, offline

    def create(self, caller: Caller, request: dict) -> dict:
        """Create a group, whose status is Creating until its table exists."""
        rules.check_group(request)
        group = _make_group(caller, request)
        self._check_caller(caller, group)
        with self._registry.lock:
            if self._registry.find(caller, FeatureGroup, group.name):
                raise ResourceInUseError(
                    f"Resource Already Exists: FeatureGroup with name {group.name} already exists."
                )
            self._registry.add(group)
        self._offline.wake(group)
        return {"FeatureGroupArn": group.arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """Describe a group, with all of its features on one page."""
        with self._registry.lock:
            return self.find(caller, request["FeatureGroupName"]).describe()

    def update(self, caller: Caller, request: dict) -> dict:
        """Add features, or change the default time to live; LastUpdateStatus is InProgress until the table has them."""
        with self._registry.lock:
            group = self._find_steady(caller, request)
            if sum(name in request for name in ("FeatureAdditions", "OnlineStoreConfig", "ThroughputConfig")) != 1:
                raise ValidationError(
                    "Exactly one of FeatureAdditions, OnlineStoreConfig and ThroughputConfig is needed."
                )
            if "ThroughputConfig" in request:
                raise NotSupportedLocallyError("a change of the throughput")
            if "FeatureAdditions" in request:
                self._add_features(group, request["FeatureAdditions"])
            else:
                _change_ttl(group, request["OnlineStoreConfig"])
            group.update, group.update_failure, group.modified = "InProgress", "", time.time()
            self._registry.save(group)
        self._offline.wake(group)
        return {"FeatureGroupArn": group.arn}

    def delete(self, caller: Caller, request: dict) -> None:
        """Delete a group and its online store; the table, and the files in S3, remain."""
        with self._registry.lock:
            group = self.find(caller, request["FeatureGroupName"])
            if group.status == "Creating":
                raise ValidationError(f"The feature group {group.name} is being created.")
            if group.status == "CreateFailed":
                self._registry.remove(group)
                return
            group.status, group.modified = "Deleting", time.time()
            self._registry.save(group)
        self._offline.wake(group)

    def list(self, caller: Caller, request: dict) -> dict:
        """List the summaries of the groups that match the request."""
        with self._registry.lock:
            groups = [each for each in self._registry.list(caller, FeatureGroup) if _matches(each, request)]
            summaries = [_summary(each) for each in groups]
        return make_page("FeatureGroupSummaries", select(summaries, request, "FeatureGroupName"), request)

    def describe_feature(self, caller: Caller, request: dict) -> dict:
        """Describe a feature."""
        with self._registry.lock:
            group, feature = self._find_feature(caller, request)
            notes = group.notes.get(feature["FeatureName"], {})
            return {
                "FeatureGroupArn": group.arn,
                "FeatureGroupName": group.name,
                "FeatureName": feature["FeatureName"],
                "FeatureType": feature["FeatureType"],
                "CreationTime": feature["added"],
                "LastModifiedTime": notes.get("modified", feature["added"]),
                "Description": notes.get("description", ""),
                "Parameters": [{"Key": key, "Value": value} for key, value in notes.get("parameters", {}).items()],
            }

    def update_feature(self, caller: Caller, request: dict) -> None:
        """Change the description and the parameters of a feature."""
        with self._registry.lock:
            group, feature = self._find_feature(caller, request)
            notes = group.notes.get(feature["FeatureName"], {})
            parameters = dict(notes.get("parameters", {}))
            parameters |= {each["Key"]: each["Value"] for each in request.get("ParameterAdditions", [])}
            for key in request.get("ParameterRemovals", []):
                parameters.pop(key, None)
            if len(parameters) > MAX_NOTES:
                raise ValidationError(f"A feature can have at most {MAX_NOTES} parameters.")
            description = request.get("Description", notes.get("description", ""))
            changed = {"description": description, "parameters": parameters, "modified": time.time()}
            group.notes[feature["FeatureName"]] = changed
            self._registry.save(group)

    def find(self, caller: Caller, name: str) -> FeatureGroup:
        """Return the group with this name or ARN; raise GroupNotFoundError if there is none."""
        group = self._registry.find(caller, FeatureGroup, name.rpartition("/")[2])
        if group is None:
            raise GroupNotFoundError(f"FeatureGroup {name} is not found.")
        return group

    def _check_caller(self, caller: Caller, group: FeatureGroup) -> None:
        if "RoleArn" in group.request:
            caller.require_pass_role(group.request["RoleArn"])
            self._roles.check_trust(group.request["RoleArn"])
        if group.has_online_store and group.online_key:
            for action in (*ON_KEY, *ON_KEY_TOO):
                require(caller, f"kms:{action}", key_arn(caller, group.online_key))
        if group.has_offline_store:
            database, table = group.table
            for action in ON_TABLE:
                suffix = f"table/{database}/{table}" if action.endswith("Table") else f"database/{database}"
                require(caller, f"glue:{action}", f"arn:aws:glue:{caller.region}:{caller.account}:{suffix}")

    def _add_features(self, group: FeatureGroup, additions: list[dict]) -> None:
        rules.check_definitions(additions, group.features)
        group.features.extend(each | {"added": time.time()} for each in additions)

    def _find_steady(self, caller: Caller, request: dict) -> FeatureGroup:
        group = self.find(caller, request["FeatureGroupName"])
        if group.status != "Created" or group.update == "InProgress":
            raise ValidationError(f"The feature group {group.name} cannot be updated while a change is in progress.")
        return group

    def _find_feature(self, caller: Caller, request: dict) -> tuple[FeatureGroup, dict]:
        group = self.find(caller, request["FeatureGroupName"])
        for feature in group.features:
            if feature["FeatureName"] == request["FeatureName"]:
                return group, feature
        raise GroupNotFoundError(f"The feature group {group.name} has no feature {request['FeatureName']}.")


def require(caller: Caller, action: str, resource: str) -> None:
    """Raise AccessDeniedError unless the caller may perform an action of another service through SageMaker."""
    service = action.partition(":")[0]
    who = (caller.access_key, caller.account, caller.region)
    context = {"kms:ViaService": f"sagemaker.{caller.region}.amazonaws.com"} if service == "kms" else {}
    refusal = caller.iam.call("find_refusal", who, action, resource, context, service)
    if refusal is not None:
        raise AccessDeniedError(refusal)


def key_arn(caller: Caller, key: str) -> str:
    """Return the ARN of a key that a request names by id or ARN."""
    return key if key.startswith("arn:") else f"arn:aws:kms:{caller.region}:{caller.account}:key/{key}"


def _make_group(caller: Caller, request: dict) -> FeatureGroup:
    now = time.time()
    return FeatureGroup(
        arn=caller.make_arn("feature-group", request["FeatureGroupName"]),
        request={name: value for name, value in request.items() if name not in ("Tags", "FeatureDefinitions")},
        account=caller.account,
        region=caller.region,
        tags=as_dict(request.get("Tags")),
        features=[each | {"added": now} for each in request["FeatureDefinitions"]],
        created=now,
        modified=now,
    )


def _change_ttl(group: FeatureGroup, config: dict) -> None:
    if not group.has_online_store:
        raise ValidationError(f"The feature group {group.name} has no online store.")
    if config.get("StorageType", "Standard") != "Standard":
        raise ValidationError("The StorageType of a feature group cannot be changed.")
    rules.check_ttl(config.get("TtlDuration"))
    online = {name: value for name, value in group.request["OnlineStoreConfig"].items() if name != "TtlDuration"}
    ttl = {name: value for name, value in (config.get("TtlDuration") or {}).items() if value is not None}
    group.request["OnlineStoreConfig"] = online | ({"TtlDuration": ttl} if ttl else {})


def _matches(group: FeatureGroup, request: dict) -> bool:
    offline = group.describe_offline_status().get("OfflineStoreStatus", {}).get("Status")
    return (
        is_created_between(group, request)
        and request.get("FeatureGroupStatusEquals", group.status) == group.status
        and request.get("OfflineStoreStatusEquals", offline) == offline
    )


def _summary(group: FeatureGroup) -> dict:
    return {
        "FeatureGroupName": group.name,
        "FeatureGroupArn": group.arn,
        "CreationTime": group.created,
        "FeatureGroupStatus": group.status,
        **group.describe_offline_status(),
    }
