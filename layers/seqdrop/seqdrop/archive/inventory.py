"""Inventories of S3: their manifest, and the object versions in their Parquet and CSV files.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html describes the layout. An inventory
is a list of every version of a bucket, made once a day or a week. Its files are sorted by key only within themselves,
and it may lack writes and deletions shortly before it was made.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_plus

from seqdrop.errors import SeqdropError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from arro3.core import RecordBatch

VERSION = "2016-11-30"
PARQUET, CSV = "Parquet", "CSV"
BATCH_ROWS = 65_536
PARQUET_COLUMN = re.compile(r"(?:required|optional)\s+\w+\s+(\w+)")
# Names in a CSV inventory, and those of the same columns in Parquet.
CSV_NAMES = {
    "Key": "key",
    "VersionId": "version_id",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "ETag": "e_tag",
    "StorageClass": "storage_class",
}
# The columns of `Entry` in their order, with the value of a row that has none: a marker has no size, an unversioned
# bucket no version.
PARQUET_DEFAULTS = {
    "key": "",
    "version_id": "",
    "is_latest": True,
    "is_delete_marker": False,
    "size": 0,
    "last_modified_date": 0,
    "storage_class": "",
    "e_tag": "",
}
REQUIRED = ("key", "size", "last_modified_date", "storage_class")


class InventoryError(SeqdropError):
    """An inventory that cannot be used. Permanent: only another configuration of the inventory helps."""


class InventoryFile(NamedTuple):
    """One file of an inventory: its key in the destination bucket, its bytes, and their MD5 (hexadecimal)."""

    key: str
    size: int
    md5: str


@dataclass(frozen=True)
class Manifest:
    """The content of a manifest.json. `created` is the time at which S3 began the inventory, in ms since 1970."""

    bucket: str  # whose objects it lists
    created: int
    format: str
    columns: tuple[str, ...]  # of its files, in their order, by their names in Parquet; other columns keep their own
    files: tuple[InventoryFile, ...]


class Entry(NamedTuple):
    """One object version, or one delete marker. `modified` is in ms since 1970; a marker has neither size nor class."""

    key: str
    version_id: str  # "" if the bucket has no versions
    is_latest: bool
    is_delete_marker: bool
    size: int
    modified: int
    storage_class: str
    etag: str


def parse_manifest(content: bytes) -> Manifest:
    """Return a manifest. Raise InventoryError if it has another form, or lacks a column that Seqdrop needs."""
    try:
        document = json.loads(content)
        manifest = Manifest(
            bucket=document["sourceBucket"],
            created=int(document["creationTimestamp"]),
            format=document["fileFormat"],
            columns=_read_columns(document["fileFormat"], document["fileSchema"]),
            files=tuple(InventoryFile(file["key"], file["size"], file["MD5checksum"]) for file in document["files"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InventoryError(f"not the manifest of an inventory of S3: {error!r}") from error
    if document.get("version") != VERSION or manifest.format not in (PARQUET, CSV):
        raise InventoryError(f"an inventory of version {document.get('version')} in {manifest.format} is not supported")
    if absent := [name for name in REQUIRED if name not in manifest.columns]:
        raise InventoryError(f"the inventory lacks the columns {', '.join(absent)}; add them to its configuration")
    return manifest


def _read_columns(file_format: str, schema: str) -> tuple[str, ...]:
    if file_format == CSV:
        return tuple(CSV_NAMES.get(name.strip(), name.strip()) for name in schema.split(","))
    return tuple(PARQUET_COLUMN.findall(schema))


def read_entries(path: Path, manifest: Manifest) -> Iterator[Entry]:
    """Yield the entries of one file of an inventory. Memory is that of one row group of a Parquet file."""
    if manifest.format == CSV:
        return _read_csv(path, manifest.columns)
    return _read_parquet(path, manifest.columns)


def _read_parquet(path: Path, columns: tuple[str, ...]) -> Iterator[Entry]:
    from arro3.core import RecordBatchReader
    from arro3.io import read_parquet

    for batch in RecordBatchReader.from_arrow(read_parquet(str(path), batch_size=BATCH_ROWS)):
        values = [_read_column(batch, name, default, columns) for name, default in PARQUET_DEFAULTS.items()]
        yield from map(Entry._make, zip(*values, strict=True))


def _read_column(batch: RecordBatch, name: str, default: object, columns: tuple[str, ...]) -> list[object]:
    """Return the values of a column; `default` for the whole of an absent column, and for each absent value."""
    from arro3.core import DataType

    if name not in columns:
        return [default] * batch.num_rows
    column = batch.column(name)
    if name == "last_modified_date":
        column = column.cast(DataType.timestamp("ms")).cast(DataType.int64())
    return [default if value is None else value for value in column.to_pylist()]


def _read_csv(path: Path, columns: tuple[str, ...]) -> Iterator[Entry]:
    with gzip.open(path, "rt", newline="") as text:
        for row in csv.reader(text):
            value = dict(zip(columns, row, strict=True))
            yield Entry(
                key=unquote_plus(value["key"]),
                version_id=value.get("version_id", ""),
                is_latest=value.get("is_latest", "true") == "true",
                is_delete_marker=value.get("is_delete_marker", "false") == "true",
                size=int(value["size"] or 0),
                modified=to_milliseconds(value["last_modified_date"]),
                storage_class=value["storage_class"],
                etag=value.get("e_tag", ""),
            )


def to_milliseconds(moment: str) -> int:
    """Return a time in ISO 8601 with its zone as milliseconds since 1970."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
