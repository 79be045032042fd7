"""The Iceberg table of a feature group: its creation, its columns, its rows. Only the offline store's thread uses it.

pyiceberg and pyarrow take more than a second to import, so nothing imports this module before a group has a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform, TruncateTransform
from pyiceberg.types import BooleanType, DoubleType, IcebergType, LongType, NestedField, StringType, TimestampType

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from pyiceberg.table import Table

    from local.sagemaker.features.files import S3Files
    from local.sagemaker.features.records import FeatureGroup

TYPES = {"String": StringType, "Integral": LongType, "Fractional": DoubleType}
OWN_COLUMNS = {"write_time": TimestampType, "api_invocation_time": TimestampType, "is_deleted": BooleanType}
DATE_CHARACTERS = 10  # of an event time: yyyy-MM-dd


class Tables(GlueCatalog):
    """Glue as a catalogue of Iceberg tables, with access to S3 of our own."""

    def __init__(self, glue: BaseClient, files: S3Files) -> None:
        super().__init__("glue", client=glue)
        self._files = files

    def _load_file_io(self, properties: object = None, location: str | None = None) -> S3Files:  # noqa: ARG002
        return self._files

    def _is_s3tables_database(self, database_name: str) -> bool:  # noqa: ARG002
        """Return False, without the request that finds it out: the role of a group may not read databases."""
        return False


def create_table(tables: Tables, group: FeatureGroup) -> None:
    """Create the table of a group, partitioned by the date of the event time, unless it exists."""
    tables.create_namespace_if_not_exists(group.table[0])
    if not tables.table_exists(group.table):
        schema = Schema(*(NestedField(n, name, kind()) for n, (name, kind) in enumerate(_columns(group).items(), 1)))
        spec = _partitions(group, schema)
        tables.create_table(group.table, schema=schema, location=group.location, partition_spec=spec)


def add_columns(table: Table, group: FeatureGroup) -> None:
    """Add the columns of features that the table lacks."""
    present = {field.name for field in table.schema().fields}
    missing = {name: kind for name, kind in _columns(group).items() if name not in present}
    if missing:
        with table.update_schema() as update:
            for name, kind in missing.items():
                update.add_column(name, kind())


def append(table: Table, rows: list[dict]) -> None:
    """Append rows in one commit."""
    table.append(pyarrow.Table.from_pylist(rows, schema=table.schema().as_arrow()))


def _columns(group: FeatureGroup) -> dict[str, type[IcebergType]]:
    return {name: TYPES[kind] for name, kind in group.types.items()} | OWN_COLUMNS


def _partitions(group: FeatureGroup, schema: Schema) -> PartitionSpec:
    clock = schema.find_field(group.clock)
    is_text = isinstance(clock.field_type, StringType)
    transform = TruncateTransform(DATE_CHARACTERS) if is_text else IdentityTransform()
    return PartitionSpec(PartitionField(clock.field_id, 1000, transform, f"{group.clock}_trunc"))
