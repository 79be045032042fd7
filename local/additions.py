"""The additions to ministack, installed into its modules before it serves the first request."""

from types import ModuleType

from local import controls, sagemaker_process
from local.account import Account
from local.batch import gateway
from local.calls import Remote
from local.datasync import gateway as datasync
from local.lakeformation import resources as lakeformation
from local.omics import gateway as omics
from local.patches import (
    alarm_evaluation,
    alarm_expressions,
    alarm_permissions,
    athena_queries,
    bucket_properties,
    change_sets,
    event_permissions,
    event_resources,
    lambda_hosts,
    lambda_layers,
    lambda_queues,
    nested_updates,
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
from local.sagemaker.features import resource_type

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
    change_sets,
    table_properties,
    event_resources,
    lambda_hosts,
    lambda_layers,
    lambda_queues,
    nested_updates,
    queue_permissions,
    alarm_expressions,
    alarm_evaluation,
    alarm_permissions,
    athena_queries,
    event_permissions,
)


def install(app: ModuleType, sagemaker: Remote, account: Account, endpoint: str) -> None:
    """Register SageMaker, S3 Batch Operations, DataSync, HealthOmics and types of CloudFormation; apply the patches."""
    sagemaker_process.install(app, sagemaker)
    gateway.install(app, account, endpoint)
    datasync.install(app, account, endpoint)
    controls.install(app)
    lakeformation.install()
    resource_type.install(sagemaker)
    omics.install(app, account, endpoint)
    for patch in PATCHES:
        patch.apply()
