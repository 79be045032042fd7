"""The proof that the archive has the bytes of a file that was sent: its upload is ARCHIVED, and has a receipt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.aws.errors import is_denied, is_missing
from seqdrop.uploads import upload_id

from seqdrop_cli.uploader.run_bundles import keys_of

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

    from seqdrop_cli.target import Target
    from seqdrop_cli.uploader.bundling import BundleSpool
    from seqdrop_cli.uploader.records import Identity, Item, Sent
    from seqdrop_cli.uploader.state import UploadState

NOT_SENT, NO_RECEIPT, OTHER_BYTES = "not sent as it is now", "no receipt yet", "the receipt is of other bytes"
DENIED = "these credentials may not read receipts"


class UnprovenError(Exception):
    """The archive is not proven to have the bytes of a file; the message is the reason, for people."""


@dataclass
class Proofs:
    """Looks up the receipts of files. A file in a bundle has that of the bundle, which is read once.

    `spool` has the bundles of the run; None if its small files were sent as objects.
    """

    target: Target
    state: UploadState
    spool: BundleSpool | None = None
    _bundles: dict[str, str] = field(default_factory=dict)  # key of a tar → why it is not proven; "" if it is

    def __post_init__(self) -> None:
        self._s3, self._ledger = self.target.client("s3"), self.target.ledger()

    def find_sha256(self, item: Item, identity: Identity) -> str:
        """Return the SHA-256 of the bytes that the archive has of a file. Raise UnprovenError."""
        if sent := self.state.find(self.target.landing, item.key, identity):
            return self._prove(item.key, sent, identity.size)
        place = self.spool.find(item.key.removeprefix(item.group)) if self.spool and item.group else None
        if place is None or place[1].size != identity.size:
            raise UnprovenError(NOT_SENT)
        self._prove_bundle(keys_of(item.group, place[0])[0])
        return place[1].sha256

    def _prove_bundle(self, key: str) -> None:
        if key not in self._bundles:
            sent = self.state.find_sent(self.target.landing, key)
            try:
                if sent is None:
                    raise UnprovenError(NOT_SENT)
                if self._prove(key, sent, None) != sent.sha256:
                    raise UnprovenError(OTHER_BYTES)
                self._bundles[key] = ""
            except UnprovenError as error:
                self._bundles[key] = str(error)
        if reason := self._bundles[key]:
            raise UnprovenError(reason)

    def _prove(self, key: str, sent: Sent, size: int | None) -> str:
        """Return the SHA-256 in the receipt of an object version. Raise UnprovenError unless the receipt is of it."""
        upload = self._ledger.find_upload(upload_id(self.target.landing, key, sent.version))
        if upload and upload.state == "DUPLICATE":
            upload = self._ledger.find_upload(upload.duplicate_of)
        if upload is None or upload.state != "ARCHIVED":
            raise UnprovenError(f"the upload is {upload.state if upload else 'not in the ledger'}")
        landing = self._read_landing(upload)
        expected = (upload.bucket, key, upload.version_id, landing.get("size") if size is None else size)
        if tuple(landing.get(name) for name in ("bucket", "key", "version_id", "size")) != expected:
            raise UnprovenError(OTHER_BYTES)
        return str(landing.get("sha256"))

    def _read_landing(self, upload: Upload) -> dict[str, Any]:
        """Return what the receipt of an upload says of the landing object."""
        try:
            body = self._s3.get_object(Bucket=self.target.results, Key=keys.receipt(upload.id))["Body"].read()
        except ClientError as error:
            if is_missing(error) or is_denied(error):
                raise UnprovenError(NO_RECEIPT if is_missing(error) else DENIED) from error
            raise
        landing: dict[str, Any] = json.loads(body)["landing"]
        return landing
