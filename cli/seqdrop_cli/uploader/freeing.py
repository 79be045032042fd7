"""Frees the disk of an instrument: a file is deleted only if a receipt proves that the archive has the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.aws.errors import is_denied, is_missing
from seqdrop.uploads import upload_id

from seqdrop_cli.uploader.records import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop_cli.target import Target
    from seqdrop_cli.uploader.records import Item
    from seqdrop_cli.uploader.state import UploadState

NOT_SENT, NO_RECEIPT, OTHER_BYTES = "not sent as it is now", "no receipt yet", "the receipt is of other bytes"
LINK, DENIED, REST_OF_RUN = "a link", "these credentials may not read receipts", "its run is not archived as a whole"


@dataclass
class Freeable:
    """The files that may be deleted, and the number of those that stay, by reason."""

    files: list[tuple[str, Identity]] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """Bytes of the files that may be deleted."""
        return sum(identity.size for _, identity in self.files)


@dataclass
class Freeing:
    """Compares local files with the receipts in the results bucket of a stack."""

    target: Target
    state: UploadState

    def __post_init__(self) -> None:
        self._s3, self._ledger = self.target.client("s3"), self.target.ledger()

    def find(self, items: Iterable[Item]) -> Freeable:
        """Return which files may be deleted. Each of them is read again; of a run, either all files or none may be."""
        freeable, groups = Freeable(), dict[str, list[tuple[str, Identity]]]()
        incomplete: set[str] = set()
        for item in items:
            reason, identity = self._judge(item)
            if reason or identity is None:
                freeable.kept[reason] += 1
                incomplete.add(item.group)
            else:
                groups.setdefault(item.group, []).append((item.path, identity))
        for group, files in groups.items():
            if group and group in incomplete:
                freeable.kept[REST_OF_RUN] += len(files)
            else:
                freeable.files += files
        return freeable

    def _judge(self, item: Item) -> tuple[str, Identity | None]:
        """Return why a file stays, or "" and its identity if it may be deleted."""
        path = Path(item.path)
        try:
            if path.is_symlink():
                return LINK, None
            identity = Identity.of(item.path, path.stat())
        except OSError:
            return NOT_SENT, None
        sent = self.state.find(self.target.landing, item.key, identity)
        if sent is None:
            return NOT_SENT, None
        upload = self._ledger.find_upload(upload_id(self.target.landing, item.key, sent.version))
        if upload and upload.state == "DUPLICATE":
            upload = self._ledger.find_upload(upload.duplicate_of)
        if upload is None or upload.state != "ARCHIVED":
            return f"the upload is {upload.state if upload else 'not in the ledger'}", None
        receipt, reason = self._read_receipt(upload.id)
        if receipt is None:
            return reason, None
        landing = receipt["landing"]
        expected = (upload.bucket, item.key, upload.version_id, identity.size, _hash(path))
        names = ("bucket", "key", "version_id", "size", "sha256")
        return ("", identity) if tuple(landing.get(name) for name in names) == expected else (OTHER_BYTES, None)

    def _read_receipt(self, upload: str) -> tuple[dict[str, Any] | None, str]:
        try:
            body = self._s3.get_object(Bucket=self.target.results, Key=keys.receipt(upload))["Body"].read()
        except ClientError as error:
            if is_missing(error) or is_denied(error):
                return None, NO_RECEIPT if is_missing(error) else DENIED
            raise
        receipt: dict[str, Any] = json.loads(body)
        return receipt, ""


def _hash(path: Path) -> str:
    with path.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


def free(freeable: Freeable) -> tuple[int, int]:
    """Delete the files that have not changed since they were compared; return their number and their bytes."""
    count = size = 0
    for path, identity in freeable.files:
        if Identity.of(path, Path(path).stat()) == identity:
            Path(path).unlink()
            count, size = count + 1, size + identity.size
    return count, size
