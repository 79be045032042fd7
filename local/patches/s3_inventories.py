"""Inventory configurations of buckets, which ministack lacks: they are stored, checked and returned.

No inventory is made by itself: `local.inventory.write_inventory` makes one at once, by the stored configuration.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

from botocore.parsers import create_parser
from defusedxml.ElementTree import ParseError, fromstring
from ministack.services import s3

from local.sagemaker import shapes
from local.sagemaker.errors import ValidationError

PUT = "PutBucketInventoryConfiguration"
_configurations: dict[tuple[str, str], bytes] = {}  # by bucket and id


def apply() -> None:
    """Serve `?inventory` of a bucket."""
    dispatch = s3._dispatch

    def dispatch_inventory(method: str, bucket: str, key: str, headers: dict, body: bytes, query: dict) -> tuple:
        if "inventory" not in query or key or not bucket:
            return dispatch(method, bucket, key, headers, body, query)
        if bucket not in s3._buckets:
            return s3._no_such_bucket(bucket)
        name = s3._qp(query, "id") or ""
        if method == "PUT":
            return put_configuration(bucket, name, body)
        if method == "DELETE":
            _configurations.pop((bucket, name), None)
            return 204, {}, b""
        return _get(bucket, name)

    s3._dispatch = dispatch_inventory


def put_configuration(bucket: str, name: str, body: bytes) -> tuple:
    """Store a configuration, or return the error of a request that breaks a rule of botocore's model."""
    try:
        shape = shapes.load_service_model("s3").operation_model(PUT).input_shape.members["InventoryConfiguration"]
        configuration = create_parser("rest-xml")._parse_shape(shape, fromstring(body))
        shapes.check(PUT, {"Bucket": bucket, "Id": name, "InventoryConfiguration": configuration}, "s3")
    except (ParseError, ValidationError) as error:
        return s3._error("MalformedXML", str(error), 400, f"/{bucket}")
    if configuration["Id"] != name:
        return s3._error("InvalidArgument", "The id of the request differs from that of its body", 400, f"/{bucket}")
    _configurations[bucket, name] = body
    return 204, {}, b""


def remove_configurations(bucket: str) -> None:
    """Remove all configurations of a bucket."""
    for key in [key for key in _configurations if key[0] == bucket]:
        del _configurations[key]


def _get(bucket: str, name: str) -> tuple:
    headers = {"Content-Type": "application/xml"}
    if name:
        body = _configurations.get((bucket, name))
        if body is None:
            missing = "The specified configuration does not exist."
            return s3._error("NoSuchConfiguration", missing, 404, f"/{bucket}")
        return 200, headers, body
    root = Element("ListInventoryConfigurationsResult")
    for (owner, _), body in sorted(_configurations.items()):
        if owner == bucket:
            entry = fromstring(body)
            root.append(entry)
    truncated = Element("IsTruncated")
    truncated.text = "false"
    root.append(truncated)
    return 200, headers, tostring(root)
