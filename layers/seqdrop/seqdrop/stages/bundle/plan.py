"""The plan of a bundle: which object versions are packed, in which order, and the index that they will have.

It is written to the work bucket before the first byte is packed. With it, any invocation makes the same tar under the
same key: the index follows from the checksums that validation recorded, and the tar follows from the index.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from isal import isal_zlib

from seqdrop.aws import keys
from seqdrop.aws.crc32 import combine_crc32
from seqdrop.aws.errors import is_missing
from seqdrop.runs.bundle_index import INDEX_SUFFIX, Index, blocks, read_index
from seqdrop.runs.bundle_layout import Part, divide
from seqdrop.runs.bundles import make_header, make_tail, measure
from seqdrop.uploads import ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.runtime.services import Services


@dataclass(frozen=True)
class Plan:
    """A bundle that is to be made.

    `folder` is the landing folder of the bundle, which ends in a slash; names of the index are below it. `uploads` and
    `versions` are the upload and version ids of the files, in the order of the index.
    """

    run: str
    bucket: str
    folder: str
    storage_class: str
    uploads: tuple[str, ...]
    versions: tuple[str, ...]
    index: Index

    @cached_property
    def id(self) -> str:
        """The first 26 characters of the base32 SHA-256 of the upload ids: other object versions, another bundle."""
        return name_plan(self.uploads)

    @property
    def key(self) -> str:
        """The key of the tar in the archive bucket."""
        return keys.archived(self.folder + self.index.tar, self.id)

    @cached_property
    def size(self) -> int:
        """The size of the tar in bytes."""
        return measure(self.index)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts in which the tar is sent."""
        return tuple(divide(self.index))

    def key_of(self, place: int) -> str:
        """Return the landing key of a file, by its place in the index."""
        return self.folder + self.index.entries[place].name

    def compute_crc32(self) -> int:
        """Return the CRC-32 of the tar as it follows from those of its files. It takes a second for 10,000 files."""
        crc32 = 0
        for entry in self.index.entries:
            crc32 = isal_zlib.crc32(make_header(entry.name, entry.size, entry.modified), crc32)
            crc32 = combine_crc32(crc32, int(entry.crc32, 16), entry.size)
            crc32 = isal_zlib.crc32(bytes(blocks(entry.size) - entry.size), crc32)
        return isal_zlib.crc32(make_tail(self.index), crc32)

    def body(self) -> bytes:
        """Return the plan as it is stored."""
        content = {
            "run": self.run,
            "bucket": self.bucket,
            "folder": self.folder,
            "storage_class": self.storage_class,
            "uploads": self.uploads,
            "versions": self.versions,
            "tar": self.index.tar,
            "index": self.index.body.decode(),
        }
        return json.dumps(content).encode()


def name_plan(uploads: Iterable[str]) -> str:
    """Return the id of the bundle of these uploads."""
    digest = hashlib.sha256("\0".join(sorted(uploads)).encode()).digest()
    return base64.b32encode(digest).decode()[:ID_LENGTH]


def write_plan(services: Services, plan: Plan) -> None:
    """Write a plan to the work bucket. The same files have the same plan, so it replaces nothing but itself."""
    services.s3.put_object(Bucket=services.settings.work, Key=keys.bundle_plan(plan.id), Body=plan.body())


def read_plan(services: Services, plan_id: str) -> Plan | None:
    """Return a plan; None if it expired, 14 days after it was written."""
    try:
        response = services.s3.get_object(Bucket=services.settings.work, Key=keys.bundle_plan(plan_id))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    content = json.loads(response["Body"].read())
    return Plan(
        content["run"],
        content["bucket"],
        content["folder"],
        content["storage_class"],
        tuple(content["uploads"]),
        tuple(content["versions"]),
        read_index(content["index"].encode(), content["tar"] + INDEX_SUFFIX),
    )
