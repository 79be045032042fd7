"""The files of a command line with their keys in the landing bucket, as `seqdrop upload` would send them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.uploads import UploadVersion

from seqdrop_cli.uploader.failures import UploadFailedError, explain
from seqdrop_cli.uploader.landing_bucket import LandingBucket
from seqdrop_cli.uploader.pacing import Pace
from seqdrop_cli.uploader.parts import PartSender
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.records import Identity, Item
from seqdrop_cli.uploader.sending import Sender
from seqdrop_cli.uploader.state import UploadState

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True)
class Drop:
    """One file and the key under which it will land."""

    path: Path
    key: str

    @classmethod
    def of(cls, item: Item) -> Drop:
        """Return the drop of an item of a plan."""
        return cls(Path(item.path), item.key)


def plan_drops(paths: list[Path], prefix: str | None = None, to: str | None = None) -> list[Drop]:
    """Return the files at the paths with their keys, in the order in which `seqdrop upload` sends them.

    `prefix` and `to` are its options. Raise FileNotFoundError if a path does not exist, and ValueError or CommandError
    if analyses.toml lacks the prefix or the analysis.
    """
    return list_drops(Plan(paths, Placement.of(to, prefix)))


def list_drops(plan: Plan) -> list[Drop]:
    """Return the files of a plan in its order. The files that it leaves out are known afterwards."""
    return [Drop.of(item) for unit in plan.units() for item in unit]


def upload_file(s3: S3Client, bucket: str, drop: Drop) -> UploadVersion:
    """Upload one file, and return the object version: a new one, or that of the same bytes under the same key.

    Nothing is recorded on this machine. Raise UploadFailedError if S3 does not accept the file.
    """
    with TemporaryDirectory() as folder, closing(UploadState(Path(folder) / "uploads.sqlite3")) as state:
        landing = LandingBucket(s3, bucket, Pace())
        parts = PartSender(landing, state, 4, lambda *_: None)
        status = drop.path.stat()
        item, identity = Item(str(drop.path), drop.key, status.st_size), Identity.of(str(drop.path), status)
        try:
            sent = Sender(landing, state, parts).send(item, identity, state.claim(bucket, drop.key, identity))
        except ClientError as error:
            raise UploadFailedError(f"{drop.path} could not be uploaded: {explain(error)}") from error
        finally:
            parts.close()
    return UploadVersion(bucket, drop.key, sent.version, status.st_size, sent.etag)
