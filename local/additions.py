"""What we add to ministack, installed into its module before it serves the first request."""

from pathlib import Path
from types import ModuleType

from local.patches import copy_checksum, transport
from local.sagemaker import service


def install(app: ModuleType, workdir: Path, endpoint: str, transform_limit: int | None) -> None:
    """Register our services and patches with ministack's gateway module; called from its event loop."""
    service.install(app, workdir, endpoint, transform_limit)
    transport.apply()
    copy_checksum.apply()
