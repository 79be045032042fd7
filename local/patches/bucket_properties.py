"""CloudFormation's bucket encryption, lifecycle, inventories and Object Lock, which ministack drops silently.

The S3 API's own operations set them. So a value that S3 refuses fails the stack, and S3 returns the properties as if a
client had set them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.session
from botocore.serialize import create_serializer
from ministack.services import s3
from ministack.services.cloudformation import provisioners

from local.patches import s3_inventories

if TYPE_CHECKING:
    from collections.abc import Callable

ENCRYPTION, LIFECYCLE = "BucketEncryption", "LifecycleConfiguration"
INVENTORIES, LOCK = "InventoryConfigurations", "ObjectLockConfiguration"


def apply() -> None:
    """Apply these properties wherever ministack applies those that it knows."""
    apply_known = provisioners._s3_apply_configurations

    def apply_all_configurations(name: str, props: dict, old_props: dict | None = None) -> None:
        apply_known(name, props, old_props)
        _reconcile(name, ENCRYPTION, props, old_props, _put_encryption, s3._delete_bucket_encryption)
        _reconcile(name, LIFECYCLE, props, old_props, _put_lifecycle, s3._delete_bucket_lifecycle)
        _reconcile(name, INVENTORIES, props, old_props, _put_inventories, s3_inventories.remove_configurations)
        _reconcile(name, LOCK, props, old_props, _put_lock, _refuse_to_unlock)

    provisioners._s3_apply_configurations = apply_all_configurations


def _reconcile(
    name: str,
    prop: str,
    props: dict,
    old_props: dict | None,
    put: Callable[[str, dict], tuple],
    delete: Callable[[str], object],
) -> None:
    if prop in props:
        status, _, body = put(name, props[prop])
        if status >= 400:
            raise ValueError(f"{prop} of {name} was refused: {body!r}")
    elif old_props and prop in old_props:
        delete(name)


def _put_inventories(name: str, value: list[dict]) -> tuple:
    s3_inventories.remove_configurations(name)
    for item in value:
        body = _encode_xml("PutBucketInventoryConfiguration", name, convert_inventory(item))
        response = s3_inventories.put_configuration(name, item["Id"], body)
        if response[0] >= 400:
            return response
    return 204, {}, b""


def convert_inventory(item: dict) -> dict:
    """Return CloudFormation's configuration of an inventory as members of the request of the S3 API."""
    names = {"BucketArn": "Bucket", "BucketAccountId": "AccountId"}
    configuration = {
        "Id": item["Id"],
        "IsEnabled": str(item["Enabled"]).lower() == "true",
        "IncludedObjectVersions": item["IncludedObjectVersions"],
        "Schedule": {"Frequency": item["ScheduleFrequency"]},
        "OptionalFields": item.get("OptionalFields", []),
        "Destination": {"S3BucketDestination": _rename(item["Destination"], names)},
    }
    filters = {"Filter": {"Prefix": item["Prefix"]}} if item.get("Prefix") else {}
    return {"Id": item["Id"], "InventoryConfiguration": configuration | filters}


def _put_encryption(name: str, value: dict) -> tuple:
    rules = [
        _rename(rule, {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"})
        for rule in value.get("ServerSideEncryptionConfiguration", [])
    ]
    request = {"ServerSideEncryptionConfiguration": {"Rules": rules}}
    return s3._put_bucket_encryption(name, _encode_xml("PutBucketEncryption", name, request))


def _put_lock(name: str, value: dict) -> tuple:
    request = {"ObjectLockConfiguration": value}
    return s3._put_object_lock_configuration(name, _encode_xml("PutObjectLockConfiguration", name, request))


def _refuse_to_unlock(name: str) -> None:
    raise ValueError(f"Object Lock of {name} cannot be disabled")


def _put_lifecycle(name: str, value: dict) -> tuple:
    rules = [convert_lifecycle_rule(rule) for rule in value.get("Rules", [])]
    request = {"LifecycleConfiguration": {"Rules": rules}}
    return s3._put_bucket_lifecycle(name, _encode_xml("PutBucketLifecycleConfiguration", name, request))


def convert_lifecycle_rule(rule: dict) -> dict:
    """Return a CloudFormation rule in the form of the S3 API, which nests some of the rule's properties."""
    converted = {
        "ID": rule.get("Id"),
        "Status": rule["Status"],
        "Filter": _make_filter(rule),
        "Expiration": _pick(
            rule,
            {
                "ExpirationInDays": "Days",
                "ExpirationDate": "Date",
                "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
            },
        ),
        "Transitions": [
            _rename(transition, {"TransitionInDays": "Days", "TransitionDate": "Date"})
            for transition in _list_transitions(rule, "Transition")
        ],
        "NoncurrentVersionTransitions": [
            _rename(transition, {"TransitionInDays": "NoncurrentDays"})
            for transition in _list_transitions(rule, "NoncurrentVersionTransition")
        ],
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration")
        or _pick(rule, {"NoncurrentVersionExpirationInDays": "NoncurrentDays"}),
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }
    return {key: value for key, value in converted.items() if value or key == "Filter"}


def _make_filter(rule: dict) -> dict:
    """Return the filter: a single condition as it is, several under And, none as the empty prefix (every object)."""
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters", [])]
    conditions = {
        name: rule[name] for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule
    }
    if len(conditions) + len(tags) > 1:
        return {"And": conditions | ({"Tags": tags} if tags else {})}
    return conditions or ({"Tag": tags[0]} if tags else {"Prefix": ""})


def _list_transitions(rule: dict, name: str) -> list[dict]:
    """Return the transitions of both forms of the property: the older one is a single transition, the newer a list."""
    return [*rule.get(f"{name}s", []), *([rule[name]] if name in rule else [])]


def _rename(value: dict, names: dict[str, str]) -> dict:
    return {names.get(key, key): item for key, item in value.items()}


def _pick(rule: dict, names: dict[str, str]) -> dict:
    return {there: rule[here] for here, there in names.items() if here in rule}


def _encode_xml(operation: str, bucket: str, request: dict) -> bytes:
    """Return the request body that botocore would send."""
    model = botocore.session.Session().get_service_model("s3").operation_model(operation)
    return create_serializer("rest-xml").serialize_to_request({"Bucket": bucket, **request}, model)["body"]
