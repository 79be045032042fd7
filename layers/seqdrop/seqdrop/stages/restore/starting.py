"""Ask S3 to restore one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from seqdrop.aws.errors import code_of, is_restore_busy, is_restore_refused, is_restoring
from seqdrop.stages.restore.objects import mark_failed

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import TierType

    from seqdrop.archive.restore_plan import PlannedObject
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.runtime.services import Services


class BusyError(Exception):
    """S3 accepts no more restores at the moment."""


def start_restore(services: Services, request: RestoreRequest, item: PlannedObject) -> None:
    """Ask S3 for an object. Record why if S3 never restores it; raise BusyError if it does not now.

    202 says that the restore begins, and 200 that the copy that is there stays longer.
    """
    try:
        services.s3.restore_object(
            **item.version,
            RestoreRequest={
                "Days": request.lasting_days,
                "GlacierJobParameters": {"Tier": cast("TierType", request.tier)},
            },
        )
    except ClientError as error:
        if is_restoring(error):
            return
        if is_restore_busy(error):
            raise BusyError from error
        if not is_restore_refused(error):
            raise
        mark_failed(services, item, f"S3 refuses to restore it ({code_of(error)})")
