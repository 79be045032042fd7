"""The files of a drop that are archived already: they need not be uploaded again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied
from seqdrop.errors import InvalidFileError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.records import Upload
from seqdrop.stages.assemble.policies import policy_of

if TYPE_CHECKING:
    from seqdrop.ledger.table import Ledger

    from seqdrop_cli.landing import Drop


def select_archived(ledger: Ledger, bucket: str, drops: list[Drop]) -> dict[Drop, str]:
    """Return the drops whose files are archived already, each with the id of the upload that has the copy.

    Key, size and SHA-256 must be equal. Of files that belong together, such as those of a training set, either all are
    returned or none, because a changed file is processed with the others. The result is empty if these AWS credentials
    may not read the ledger: the pipeline then recognises the files itself.
    """
    try:
        archived = {drop: upload_id for drop in drops if (upload_id := _find_archived(ledger, bucket, drop))}
    except ClientError as error:
        if is_denied(error):
            return {}
        raise
    incomplete = {_name_set(bucket, drop) for drop in drops if drop not in archived} - {""}
    return {drop: upload_id for drop, upload_id in archived.items() if _name_set(bucket, drop) not in incomplete}


def _find_archived(ledger: Ledger, bucket: str, drop: Drop) -> str:
    """Return the id of the ARCHIVED upload that has the file of a drop; "" if there is none."""
    with drop.path.open("rb") as body:
        sha256 = hashlib.file_digest(body, "sha256").hexdigest()
    file = ledger.archived_file(ArchivedFile.of_file(bucket, drop.key, drop.path.stat().st_size, sha256))
    upload = ledger.find_upload(file.upload) if file.upload else None
    return upload.id if upload and upload.state == "ARCHIVED" else ""


def _name_set(bucket: str, drop: Drop) -> str:
    """Return the name of the set to which a file belongs; "" if it belongs to none."""
    upload = Upload("RECEIVED", bucket=bucket, key=drop.key)
    policy = policy_of(packaged(), upload)
    try:
        return f"{policy.name} {policy.place(packaged(), upload)[0]}" if policy else ""
    except InvalidFileError:
        return ""
