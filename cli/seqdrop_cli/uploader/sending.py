"""The transfer of one file: whole if it is small, else in parts that are not sent twice.

A file that changes while it is read is never completed in S3. Each request has a checksum that S3 verifies, and the
first write of a file is conditional, so that a repetition after an interruption makes no second version.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from seqdrop.aws.crc32 import encode_crc32

from seqdrop_cli.uploader.digest import Digest
from seqdrop_cli.uploader.landing_bucket import GoneError, LandingBucket, Stored, TakenError
from seqdrop_cli.uploader.parts import MAX_BYTES, PartSender, choose_part_size
from seqdrop_cli.uploader.records import Claim, Identity, Item, Part, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seqdrop_cli.uploader.state import UploadState

WHOLE_BYTES = 8 << 20  # the largest file that is sent in one request
FRESH_STARTS = 3  # of a multipart upload that S3 loses meanwhile


class ChangedError(Exception):
    """A file changed while it was read; what was sent of it is deleted, and it is sent again later."""


class TooLargeError(Exception):
    """A file has more bytes than 10,000 parts that fit the memory."""


@dataclass
class Sender:
    """Sends files to a bucket and records in the state what S3 has. Threads may share an object."""

    landing: LandingBucket
    state: UploadState
    part_sender: PartSender

    def send(self, item: Item, identity: Identity, claim: Claim) -> Sent:
        """Send a file that this process has claimed, and record it.

        Raise ChangedError, TooLargeError, StoppedError, OSError, or an error of S3; the file may then be sent later.
        """
        if identity.size > MAX_BYTES:
            raise TooLargeError(f"it is larger than {MAX_BYTES >> 30} GiB, the most that can be sent")
        if claim.abandoned:
            self.landing.abort(item.key, claim.abandoned)
        with Path(item.path).open("rb", buffering=0) as file:
            if identity.size <= WHOLE_BYTES:
                sent = self._send_whole(file, item, identity)
            else:
                sent = self._send_large(file, item, identity, claim)
        self.state.finish(self.landing.bucket, item.key, sent)
        return sent

    def _send_whole(self, file: IO[bytes], item: Item, identity: Identity) -> Sent:
        with self.part_sender.budget.take(identity.size):
            body, digest = read_block(file, identity.size + 1), Digest()
            _require_unchanged(file, identity, len(body))
            digest.add(body)
            stored, was_there = self._write(
                lambda if_absent: self.landing.put(item.key, body, digest, if_absent=if_absent),
                item,
                len(body),
                digest.crc32,
            )
        if not was_there:
            self.part_sender.report(item, len(body))
        return _describe(stored, digest, was_there)

    def _write(self, write: Callable[[bool], Stored], item: Item, size: int, crc32: str) -> tuple[Stored, bool]:
        """Write an object unless the key has one with the same bytes; return it, and whether it was there.

        If the credentials may not read, an object under the key is taken for another one, and a new version is written.
        The pipeline recognises it if the bytes are the same.
        """
        if not self.landing.again:
            try:
                return write(True), False
            except TakenError:
                stored = self.landing.find(item.key)
                if stored and (stored.size, stored.crc32) == (size, crc32):
                    return stored, True
        return write(False), False

    def _send_large(self, file: IO[bytes], item: Item, identity: Identity, claim: Claim) -> Sent:
        for _ in range(FRESH_STARTS):
            multipart, part_size, known = self._resume(item, identity, claim)
            try:
                return self._send_parts(file, item, identity, (multipart, part_size, known))
            except ChangedError:
                self.landing.abort(item.key, multipart)
                self.state.forget(self.landing.bucket, item.key)
                raise
            except GoneError:
                claim = Claim()
        raise ChangedError("S3 ends its upload again and again; is another program sending the same file?")

    def _resume(self, item: Item, identity: Identity, claim: Claim) -> tuple[str, int, Mapping[int, Part]]:
        """Return the multipart upload to continue, the size of its parts, and those that S3 has."""
        if claim.multipart:
            try:
                parts = self.landing.parts(item.key, claim.multipart)
            except GoneError:  # it may have been completed, which S3 confirms if asked again
                parts = None
            return claim.multipart, claim.part_size, claim.parts if parts is None else parts
        part_size = choose_part_size(identity.size)
        multipart, lost = self._find_lost(item, part_size, claim)
        multipart = multipart or self.landing.begin(item.key)
        self.state.begin_parts(self.landing.bucket, item.key, multipart, part_size)
        return multipart, part_size, lost

    def _find_lost(self, item: Item, part_size: int, claim: Claim) -> tuple[str, Mapping[int, Part]]:
        """Return an unfinished upload of the same key that may be continued: its record in the state file is lost.

        Its parts must have the size that ours would have. One without parts is ours if an earlier process of this
        machine began to send the file.
        """
        try:
            multipart = self.landing.find_multipart(item.key)
            parts = self.landing.parts(item.key, multipart) if multipart else None
        except GoneError:
            return "", {}
        if not parts:
            return (multipart, {}) if claim.is_retry and parts is not None else ("", {})
        return (multipart, parts) if 1 in parts and parts[1].size == part_size else ("", {})

    def _send_parts(
        self, file: IO[bytes], item: Item, identity: Identity, upload: tuple[str, int, Mapping[int, Part]]
    ) -> Sent:
        multipart, part_size, known = upload
        digest, parts, count = Digest(), self.part_sender.open(item, multipart), 0
        file.seek(0)
        with parts:
            for number in range(1, -(-identity.size // part_size) + 1):
                parts.wait_for_memory(part_size)
                block = read_block(file, part_size)
                count += len(block)
                crc32 = encode_crc32(digest.add(block))
                parts.add(number, block, crc32, known.get(number))
        _require_unchanged(file, identity, count + len(file.read(1)))
        whole = digest.crc32
        stored, was_there = self._write(
            lambda if_absent: self.landing.complete(item.key, multipart, parts.in_order(), whole, if_absent=if_absent),
            item,
            count,
            whole,
        )
        if was_there:
            self.landing.abort(item.key, multipart)
        return _describe(stored, digest, was_there)


def _describe(stored: Stored, digest: Digest, was_there: bool) -> Sent:
    return Sent(stored.version, stored.etag, digest.crc32, digest.sha256, was_there)


def read_block(file: IO[bytes], count: int) -> bytes:
    """Return the next `count` bytes, or fewer at the end of the file. An unbuffered file may return fewer at a time."""
    block = file.read(count)
    while len(block) < count and (more := file.read(count - len(block))):
        block += more
    return block


def _require_unchanged(file: IO[bytes], identity: Identity, count: int) -> None:
    """Raise ChangedError unless the open file and its path are those that were claimed, and `count` is their size."""
    statuses = (os.fstat(file.fileno()), Path(identity.path).stat())
    if count != identity.size or any(Identity.of(identity.path, status) != identity for status in statuses):
        raise ChangedError("it changed while it was read")
