"""Iceberg tables of the embedded AWS, read by pyiceberg itself: an independent reader of what was written."""

from local.embedded import EmbeddedAws

ROOT = "test"  # key and secret of the account's root


def read_rows(aws: EmbeddedAws, table: tuple[str, str]) -> list[dict]:
    """Return all rows of a table that Glue knows."""
    from pyiceberg.catalog.glue import GlueCatalog

    settings = {"access-key-id": ROOT, "secret-access-key": ROOT, "endpoint": aws.endpoint, "region": aws.region}
    properties = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in settings.items()}
    return GlueCatalog("glue", **properties).load_table(table).scan().to_arrow().to_pylist()
