"""Bounds that SageMaker enforces and botocore does not. Checked before a request is sent.

Source: the API reference of CreateTransformJob and CreateModel (lengths, patterns and ranges given there).
"""

from __future__ import annotations

from seqdrop.errors import JobRefused
from seqdrop.jobs.names import PATTERN


def check_transform(request: dict) -> dict:
    """The request itself, or JobRefused that lists every broken bound."""
    payload, concurrent = request["MaxPayloadInMB"], request["MaxConcurrentTransforms"]
    environment = request.get("Environment", {})
    resources = request["TransformResources"]
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    rules = {
        "the job name does not fit SageMaker's pattern": PATTERN.fullmatch(request["TransformJobName"]),
        "MaxPayloadInMB must be 0 to 100": 0 <= payload <= 100,
        "MaxPayloadInMB × MaxConcurrentTransforms must be 100 at the most": payload * concurrent <= 100,
        "Environment may have 16 entries": len(environment) <= 16,
        "an Environment name or value is over 10240 characters": all(
            len(text) <= 10240 for pair in environment.items() for text in pair
        ),
        "InstanceCount must be 1 to 100": 1 <= resources["InstanceCount"] <= 100,
        "an S3Prefix must end in a slash": source["S3DataType"] != "S3Prefix" or source["S3Uri"].endswith("/"),
        "50 tags at the most": len(request.get("Tags", [])) <= 50,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise JobRefused("; ".join(broken))
    return request
