"""The CloudFormation type AWS::SageMaker::FeatureGroup, in ministack's process.

Source of the rules: the schema of the type, which cfn-lint contains. Its create-only properties include the tags.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from local.clients import ROOT_KEY

if TYPE_CHECKING:
    from local.calls import Remote

TYPE = "AWS::SageMaker::FeatureGroup"
# Properties that an update cannot change: CloudFormation replaces the group, which it cannot do under the same name.
CREATE_ONLY = (
    *("FeatureGroupName", "RecordIdentifierFeatureName", "EventTimeFeatureName", "OfflineStoreConfig"),
    *("RoleArn", "Description", "Tags"),
)
CREATE_ONLY_ONLINE = ("SecurityConfig", "EnableOnlineStore", "StorageType")
WAIT_SECONDS, PAUSE_SECONDS = 120, 0.1


def install(sagemaker: Remote) -> None:
    """Register the type with ministack's CloudFormation, to run in threads: a group's table needs the gateway."""
    from ministack.services.cloudformation import provisioners, stacks

    blocks = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == TYPE or blocks(resource_type)
    groups = Groups(sagemaker)
    provisioners._RESOURCE_HANDLERS[TYPE] = {
        "create": groups.create,
        "update": groups.update,
        "delete": groups.delete,
    }


class Groups:
    """Feature groups as resources of stacks; they are made as the account's root."""

    def __init__(self, sagemaker: Remote) -> None:
        self._sagemaker = sagemaker

    def create(self, _logical_id: str, props: dict, _stack: str) -> tuple[str, dict]:
        """Create a group and wait for it; return its name and attributes."""
        self._call("CreateFeatureGroup", typed(props))
        name = props["FeatureGroupName"]
        group = self._await(name, lambda group: group["FeatureGroupStatus"] != "Creating")
        if group["FeatureGroupStatus"] != "Created":
            raise ValueError(f"{name}: {group.get('FailureReason')}")
        return name, _attributes(group)

    def update(self, name: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
        """Add features, or change the time to live; raise ValueError for any other change but that of the name."""
        if old["FeatureGroupName"] != new["FeatureGroupName"]:
            return self.create("", new, stack)
        old, new = typed(old), typed(new)
        _check_update(name, old, new)
        present = {each["FeatureName"] for each in old["FeatureDefinitions"]}
        if additions := [each for each in new["FeatureDefinitions"] if each["FeatureName"] not in present]:
            self._update(name, {"FeatureAdditions": additions})
        if _ttl(old) != _ttl(new):
            self._update(name, {"OnlineStoreConfig": {"TtlDuration": _ttl(new)}})
        return name, _attributes(self._describe(name))

    def delete(self, name: str, _props: dict) -> None:
        """Delete a group and wait until it is gone; do nothing if there is none."""
        try:
            self._call("DeleteFeatureGroup", {"FeatureGroupName": name})
            self._await(name, lambda _: False)
        except LookupError:
            return

    def _update(self, name: str, change: dict) -> None:
        self._call("UpdateFeatureGroup", {"FeatureGroupName": name, **change})
        status = self._await(name, lambda group: group["LastUpdateStatus"]["Status"] != "InProgress")
        if status["LastUpdateStatus"]["Status"] != "Successful":
            raise ValueError(f"{name}: {status['LastUpdateStatus'].get('FailureReason')}")

    def _await(self, name: str, is_done: object) -> dict:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if is_done(group := self._describe(name)):
                return group
            time.sleep(PAUSE_SECONDS)
        raise ValueError(f"{name} did not stabilize in {WAIT_SECONDS} s")

    def _describe(self, name: str) -> dict:
        return self._call("DescribeFeatureGroup", {"FeatureGroupName": name})

    def _call(self, operation: str, request: dict) -> dict:
        """Return a response; raise LookupError if there is no such group, ValueError for any other refusal."""
        from ministack.core.responses import get_account_id, get_region

        caller = (ROOT_KEY, get_account_id(), get_region())
        status, body = self._sagemaker.call("respond", operation, json.dumps(request).encode(), caller)
        response = json.loads(body or b"{}")
        if status != 200:
            error = LookupError if response["__type"] == "ResourceNotFound" else ValueError
            raise error(response["message"])
        return response


def typed(value: object) -> object:
    """Return properties with booleans and numbers in place of texts, which templates may have for them."""
    if isinstance(value, dict):
        return {name: _scalar(name, typed(each), "Unit" in value) for name, each in value.items()}
    return [typed(each) for each in value] if isinstance(value, list) else value


def _scalar(name: str, value: object, is_duration: bool) -> object:
    if name in ("EnableOnlineStore", "DisableGlueTableCreation") and isinstance(value, str):
        return value.lower() == "true"
    return int(value) if is_duration and name == "Value" and isinstance(value, str) else value


def _check_update(name: str, old: dict, new: dict) -> None:
    changed = [each for each in CREATE_ONLY if old.get(each) != new.get(each)]
    before, after = old.get("OnlineStoreConfig", {}), new.get("OnlineStoreConfig", {})
    changed += [f"OnlineStoreConfig/{each}" for each in CREATE_ONLY_ONLINE if before.get(each) != after.get(each)]
    if changed:
        raise ValueError(
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing: {changed} of "
            f"{name} changed. Rename {name} and update the stack again."
        )
    definitions = {each["FeatureName"]: each for each in new["FeatureDefinitions"]}
    for each in old["FeatureDefinitions"]:
        if definitions.get(each["FeatureName"]) != each:
            raise ValueError(f"Feature {each['FeatureName']} of {name} cannot be removed or changed.")


def _ttl(props: dict) -> dict | None:
    return props.get("OnlineStoreConfig", {}).get("TtlDuration")


def _attributes(group: dict) -> dict:
    return {"FeatureGroupStatus": group["FeatureGroupStatus"], "CreationTime": str(group["CreationTime"])}
