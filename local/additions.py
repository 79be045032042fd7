"""What we add to ministack, installed into its module before it serves the first request."""

from pathlib import Path
from types import ModuleType


def install(app: ModuleType, workdir: Path, server) -> None:
    """Register our services and patches with ministack's gateway module."""
