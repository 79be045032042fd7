"""The files of a bundle that have no receipt in it, because they were withdrawn while it was made.

`bundles/<key of the tar>.left-out.json` in the results bucket lists them; a bundle without such files has no such
object. The index cannot say it: it belongs to the tar, and is written before the first receipt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.runtime.services import Services


@dataclass(frozen=True)
class LeftOut:
    """The version of the tar in the archive bucket, and the names of the files that are left out, as in its index."""

    version_id: str | None = None
    names: Sequence[str] = ()


def write_left_out(services: Services, tar: str, left_out: LeftOut) -> None:
    """Write the list of a tar, by its key. An invocation that repeats the work writes the same."""
    content = {"bundle": tar, "version_id": left_out.version_id, "names": list(left_out.names)}
    services.put_json(services.settings.results, keys.bundle_left_out(tar), content)


def read_left_out(services: Services, tar: str) -> LeftOut:
    """Return the list of a tar; an empty one if there is none."""
    try:
        response = services.s3.get_object(Bucket=services.settings.results, Key=keys.bundle_left_out(tar))
    except ClientError as error:
        if is_missing(error):
            return LeftOut()
        raise
    content = json.loads(response["Body"].read())
    return LeftOut(content["version_id"], content["names"])
