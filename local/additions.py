"""The additions to ministack, installed into its modules before it serves the first request."""

from types import ModuleType

from local import sagemaker_process
from local.calls import Remote
from local.patches import (
    bucket_properties,
    lambda_layers,
    lambda_queues,
    queue_permissions,
    s3_checksums,
    s3_copies,
    s3_encryption,
    s3_events,
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
    s3_permissions,
    bucket_properties,
    table_properties,
    lambda_layers,
    lambda_queues,
    queue_permissions,
)


def install(app: ModuleType, sagemaker: Remote) -> None:
    """Register the embedded SageMaker with ministack's gateway module, and apply the patches."""
    sagemaker_process.install(app, sagemaker)
    for patch in PATCHES:
        patch.apply()
