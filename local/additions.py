"""What we add to ministack, installed into its module before it serves the first request."""

from pathlib import Path
from types import ModuleType

from local.patches import (
    bucket_properties,
    lambda_layers,
    s3_checksums,
    s3_copies,
    s3_encryption,
    s3_events,
    s3_multipart,
    s3_permissions,
    s3_ranges,
    s3_restores,
    table_properties,
    transport,
)
from local.sagemaker import service

PATCHES = (
    transport,
    s3_events,
    s3_encryption,
    s3_checksums,
    s3_copies,
    s3_multipart,
    s3_ranges,
    s3_restores,
    s3_permissions,
    bucket_properties,
    table_properties,
    lambda_layers,
)


def install(app: ModuleType, workdir: Path, endpoint: str, limits: dict[str, int | None]) -> None:
    """Register our services and patches with ministack's gateway module; called from its event loop."""
    service.install(app, workdir, endpoint, limits)
    for patch in PATCHES:
        patch.apply()
