"""An inventory in the results bucket: its manifest, and its files, one at a time on the disk of the function."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.archive.inventory import InventoryError, Manifest, parse_manifest, read_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.archive.inventory import Entry, InventoryFile
    from seqdrop.runtime.services import Services

MANIFEST, CHECKSUM = "manifest.json", "manifest.checksum"
BLOCK = 1 << 20  # bytes


def load_manifest(services: Services, checksum_key: str) -> Manifest:
    """Return the manifest beside a manifest.checksum, which S3 writes last.

    Raise InventoryError if the checksum differs, or if the inventory is not of the archive bucket.
    """
    s3, bucket = services.s3, services.settings.results
    checksum = s3.get_object(Bucket=bucket, Key=checksum_key)["Body"].read().decode().strip()
    content = s3.get_object(Bucket=bucket, Key=manifest_of(checksum_key))["Body"].read()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != checksum:
        raise InventoryError("manifest.json differs from its manifest.checksum")
    manifest = parse_manifest(content)
    if manifest.bucket != services.settings.archive:
        raise InventoryError(f"this is an inventory of the bucket {manifest.bucket}, not of the archive bucket")
    return manifest


def manifest_of(checksum_key: str) -> str:
    """Return the key of the manifest.json beside a manifest.checksum."""
    return checksum_key.removesuffix(CHECKSUM) + MANIFEST


def read_all(services: Services, manifest: Manifest) -> Iterator[Entry]:
    """Yield every entry of an inventory. Raise InventoryError for a file that differs from its checksum."""
    with tempfile.TemporaryDirectory() as folder:
        for file in manifest.files:
            path = Path(folder, "part")
            _download(services, file, path)
            yield from read_entries(path, manifest)


def _download(services: Services, file: InventoryFile, path: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    body = services.s3.get_object(Bucket=services.settings.results, Key=file.key)["Body"]
    with path.open("wb") as target:
        for block in iter(lambda: body.read(BLOCK), b""):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != file.md5:
        raise InventoryError("a file of the inventory differs from its checksum in the manifest")
