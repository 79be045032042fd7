"""Write the rows of an upload or a run: one Parquet file for each table, replaced only by what was read later.

A file's version is read before the facts, and the file is written only if it still has that version. So of two
invocations at the same time, the one that read older facts writes nothing, and derives its rows again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict, is_missing
from seqdrop.catalogue.schema import TABLES
from seqdrop.errors import RetryableError
from seqdrop.results.tables import write_table
from seqdrop.results.writer import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.catalogue.upload_rows import Row
    from seqdrop.runtime.services import PutCondition, Services

DIGEST = "rows"  # the user metadata with the digest of what a file was made from


class ReplacedError(RetryableError):
    """Another invocation wrote the rows after the facts were read: derive them again."""


@dataclass(frozen=True)
class RowsFile:
    """The file of a table with the rows of one upload or run, as it was when this object was made.

    `etag` is "" if there was none; `digest` is that of its rows.
    """

    table: str
    key: str
    etag: str = ""
    digest: str = ""

    @classmethod
    def find(cls, services: Services, table: str, month: str, name: str) -> RowsFile:
        """Return the file as it is now. Call this before the facts are read."""
        key = keys.catalogue_rows(table, month, name)
        try:
            head = services.s3.head_object(Bucket=services.settings.results, Key=key)
        except ClientError as error:
            if is_missing(error):
                return cls(table, key)
            raise
        return cls(table, key, head["ETag"], head["Metadata"].get(DIGEST, ""))

    def replace(self, services: Services, rows: Iterable[Row]) -> None:
        """Write the rows, unless the file has them; a file without rows replaces one with rows.

        Raise ReplacedError if the file has changed since `find`.
        """
        with _draft(self.table, rows) as draft:
            if draft.digest == self.digest or not (draft.count or self.etag):
                return
            condition: PutCondition = {"IfMatch": self.etag} if self.etag else {"IfNoneMatch": "*"}
            try:
                services.s3.put_object(
                    Bucket=services.settings.results,
                    Key=self.key,
                    Body=draft.path.read_bytes(),
                    ContentType=TYPES[".parquet"],
                    Metadata={DIGEST: draft.digest},
                    **condition,
                )
            except ClientError as error:
                if is_conflict(error) or is_missing(error):
                    raise ReplacedError(f"rows of {self.table} were written meanwhile") from error
                raise


@dataclass(frozen=True)
class _Draft:
    path: Path
    digest: str
    count: int


@contextmanager
def _draft(table: str, rows: Iterable[Row]) -> Iterator[_Draft]:
    """Write rows to a Parquet file in a folder that is deleted afterwards; memory does not grow with their number."""
    columns = TABLES[table]
    digest, count = hashlib.sha256(repr(columns).encode()), 0
    with TemporaryDirectory(prefix="seqdrop-") as folder:
        lines, path = Path(folder) / "rows.jsonl", Path(folder) / "rows.parquet"
        with lines.open("wb") as file:
            for row in rows:
                line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
                digest.update(line)
                file.write(line)
                count += 1
        write_table(lines, columns, None, path)
        yield _Draft(path, digest.hexdigest(), count)
