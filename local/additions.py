"""The additions to ministack, installed into its modules before it serves the first request."""

from types import ModuleType

from local import controls, sagemaker_process
from local.account import Account
from local.batch import gateway
from local.calls import Remote
from local.patches import (
    alarm_evaluation,
    alarm_expressions,
    alarm_permissions,
    bucket_properties,
    event_resources,
    lambda_hosts,
    lambda_layers,
    lambda_queues,
    queue_permissions,
    s3_checksums,
    s3_copies,
    s3_encryption,
    s3_events,
    s3_inventories,
    s3_locks,
    s3_multipart,
    s3_permissions,
    s3_ranges,
    s3_restores,
    table_properties,
    transport,
)

PATCHES = (
    transport,
    s3_events,
    s3_encryption,
    s3_checksums,
    s3_copies,
    s3_multipart,
    s3_locks,
    s3_ranges,
    s3_restores,
    s3_inventories,
    s3_permissions,
    bucket_properties,
    table_properties,
    event_resources,
    lambda_hosts,
    lambda_layers,
    lambda_queues,
    queue_permissions,
    alarm_expressions,
    alarm_evaluation,
    alarm_permissions,
)


def install(app: ModuleType, sagemaker: Remote, account: Account, endpoint: str) -> None:
    """Register SageMaker and S3 Batch Operations with ministack's gateway module, and apply the patches."""
    sagemaker_process.install(app, sagemaker)
    gateway.install(app, account, endpoint)
    controls.install(app)
    for patch in PATCHES:
        patch.apply()
