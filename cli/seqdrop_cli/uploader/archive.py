"""The files that the archive has already, by the ledger: they need not be sent again."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied
from seqdrop.ledger.archived_files import ArchivedFile

from seqdrop_cli.uploader.records import Item, Sent

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger

    from seqdrop_cli.uploader.pacing import Pace

LARGE = 8 << 20  # bytes
# A question costs a request and a read of the file. If the archive lacks this number of files of a folder in a row, the
# others are new as well, or the rest of an upload that was interrupted: they are sent without a question.
MOST_MISSES, MOST_LARGE_MISSES = 16, 1


@dataclass
class Doubt:
    """The questions about the small or the large files of a folder: how many in a row found nothing, and may do so."""

    most: int
    misses: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Archive:
    """The archived files of a landing bucket. It is empty if the credentials may not read the ledger.

    The pipeline recognises a repeated file itself, so a file that is not looked for costs bandwidth and nothing else.
    Each file that is looked for is read once. Threads may share an object.
    """

    ledger: Ledger
    bucket: str
    pace: Pace
    is_readable: bool = True
    _small: defaultdict[str, Doubt] = field(default_factory=lambda: defaultdict(lambda: Doubt(MOST_MISSES)))
    _large: defaultdict[str, Doubt] = field(default_factory=lambda: defaultdict(lambda: Doubt(MOST_LARGE_MISSES)))
    _lock: threading.Lock = field(default_factory=threading.Lock)  # a boto3 resource is not safe among threads

    def find(self, item: Item) -> Sent | None:
        """Return the object version of a file with this key, size and SHA-256 that is ARCHIVED; None without one.

        None as well, without a look, after too many files of the run or folder that were not archived.
        """
        with self._lock:
            doubts = self._large if item.size > LARGE else self._small
            doubt = doubts[item.group or item.key.rpartition("/")[0]]
        with doubt.lock:
            if not self.is_readable or doubt.misses >= doubt.most:
                return None
            sent = self._look_for(item)
            doubt.misses = 0 if sent else doubt.misses + 1
        return sent

    def _look_for(self, item: Item) -> Sent | None:
        with Path(item.path).open("rb") as body:
            sha256 = hashlib.file_digest(body, "sha256").hexdigest()
            size = body.tell()
        upload = self._find_upload(ArchivedFile.of_file(self.bucket, item.key, size, sha256))
        return Sent(upload.version_id, upload.etag, "", sha256, was_there=True) if upload else None

    def _find_upload(self, file: ArchivedFile) -> Upload | None:
        try:
            with self._lock:
                known = self.pace.insist(lambda: self.ledger.archived_file(file))
                upload = self.pace.insist(lambda: self.ledger.find_upload(known.upload)) if known.upload else None
        except ClientError as error:
            if not is_denied(error):
                raise
            self.is_readable = False
            return None
        return upload if upload and upload.state == "ARCHIVED" else None
