"""CloudFormation's bucket encryption and lifecycle, which ministack drops without a word.

They go in through the S3 API's own operations, so that what S3 refuses fails the stack, and what it
answers later is what a client's own call would have made it answer.
"""

import botocore.session
from botocore.serialize import create_serializer
from ministack.services import s3
from ministack.services.cloudformation import provisioners

ENCRYPTION, LIFECYCLE = "BucketEncryption", "LifecycleConfiguration"


def apply() -> None:
    """Apply both properties wherever ministack applies the ones it knows."""
    known = provisioners._s3_apply_configurations

    def all_configurations(name, props, old_props=None):
        known(name, props, old_props)
        _reconcile(name, ENCRYPTION, props, old_props, _put_encryption, s3._delete_bucket_encryption)
        _reconcile(name, LIFECYCLE, props, old_props, _put_lifecycle, s3._delete_bucket_lifecycle)

    provisioners._s3_apply_configurations = all_configurations


def _reconcile(name: str, prop: str, props: dict, old_props: dict | None, put, delete) -> None:
    if prop in props:
        status, _, body = put(name, props[prop])
        if status >= 400:
            raise ValueError(f"{prop} of {name} is refused: {body!r}")
    elif old_props and prop in old_props:
        delete(name)


def _put_encryption(name: str, value: dict) -> tuple:
    rules = [
        _renamed(rule, {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"})
        for rule in value.get("ServerSideEncryptionConfiguration", [])
    ]
    request = {"ServerSideEncryptionConfiguration": {"Rules": rules}}
    return s3._put_bucket_encryption(name, _xml("PutBucketEncryption", name, request))


def _put_lifecycle(name: str, value: dict) -> tuple:
    rules = [lifecycle_rule(rule) for rule in value.get("Rules", [])]
    request = {"LifecycleConfiguration": {"Rules": rules}}
    return s3._put_bucket_lifecycle(name, _xml("PutBucketLifecycleConfiguration", name, request))


def lifecycle_rule(rule: dict) -> dict:
    """A rule in the S3 API's words; CloudFormation spreads over a rule what the API nests."""
    made = {
        "ID": rule.get("Id"),
        "Status": rule["Status"],
        "Filter": _filter(rule),
        "Expiration": _given(
            rule,
            {
                "ExpirationInDays": "Days",
                "ExpirationDate": "Date",
                "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
            },
        ),
        "Transitions": [
            _renamed(move, {"TransitionInDays": "Days", "TransitionDate": "Date"})
            for move in _several(rule, "Transition")
        ],
        "NoncurrentVersionTransitions": [
            _renamed(move, {"TransitionInDays": "NoncurrentDays"})
            for move in _several(rule, "NoncurrentVersionTransition")
        ],
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration")
        or _given(rule, {"NoncurrentVersionExpirationInDays": "NoncurrentDays"}),
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }
    return {key: value for key, value in made.items() if value or key == "Filter"}


def _filter(rule: dict) -> dict:
    """One condition stands alone, several go under And; none is the empty prefix, so every object."""
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters", [])]
    conditions = {
        name: rule[name] for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule
    }
    if len(conditions) + len(tags) > 1:
        return {"And": conditions | ({"Tags": tags} if tags else {})}
    return conditions or ({"Tag": tags[0]} if tags else {"Prefix": ""})


def _several(rule: dict, name: str) -> list[dict]:
    """The older form of a property holds one transition, the newer a list."""
    return [*rule.get(f"{name}s", []), *([rule[name]] if name in rule else [])]


def _renamed(value: dict, names: dict[str, str]) -> dict:
    return {names.get(key, key): item for key, item in value.items()}


def _given(rule: dict, names: dict[str, str]) -> dict:
    return {there: rule[here] for here, there in names.items() if here in rule}


def _xml(operation: str, bucket: str, request: dict) -> bytes:
    """The body that botocore would send."""
    model = botocore.session.Session().get_service_model("s3").operation_model(operation)
    return create_serializer("rest-xml").serialize_to_request({"Bucket": bucket, **request}, model)["body"]
