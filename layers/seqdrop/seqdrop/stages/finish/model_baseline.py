"""Keep the monitoring baseline of a training's data beside the model that was trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from seqdrop.models.registry import Version
    from seqdrop.runtime.services import Services


def keep_baseline(services: Services, data: str, version: Version) -> None:
    """Copy the baseline of the prepared data below `data` to its model's version. A repeated call changes nothing.

    Data that an earlier version of Seqdrop prepared have no baseline: then monitoring uses the first results instead.
    """
    try:
        body = services.s3.get_object(Bucket=services.settings.work, Key=keys.training_baseline(data))["Body"].read()
    except ClientError as error:
        if is_missing(error):
            return
        raise
    services.put_bytes(services.settings.models, keys.model_baseline(version.model, version.version), body)
