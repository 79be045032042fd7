"""The offline store: a thread that makes the tables of feature groups, adds columns to them, and appends rows.

Rows wait on disk until they are in the table. A kill between the two appends them again, as the service may.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.clients import EmbeddedSession
from local.sagemaker.features.records import FeatureGroup
from local.sagemaker.features.rules import to_value
from local.sagemaker.storage import Location

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from local.sagemaker.features.iceberg import Tables
    from local.sagemaker.features.online import OnlineStore
    from local.sagemaker.registry import Registry
    from local.sagemaker.roles import Roles
    from local.sagemaker.store import Store

logger = logging.getLogger("local.sagemaker")
RETRY_SECONDS = 1.0


class OfflineStore:
    """What is asynchronous in Feature Store: it advances one group after the other to the state that was requested."""

    def __init__(self, registry: Registry, rows: Store, online: OnlineStore, roles: Roles) -> None:
        self._registry, self._rows, self._online, self._roles = registry, rows, online, roles
        self._due: queue.SimpleQueue[FeatureGroup] = queue.SimpleQueue()
        self._postponed: set[str] = set()  # groups that a timer wakes

    def resume(self) -> None:
        """Start the thread, with the groups that an earlier process left."""
        for group in self._registry.list_everywhere(FeatureGroup):
            self.wake(group)
        threading.Thread(target=self._run, name="offline-store", daemon=True).start()

    def wake(self, group: FeatureGroup) -> None:
        """Let the thread look at a group."""
        self._due.put(group)

    def add(self, group: FeatureGroup, values: dict[str, str], is_deleted: bool = False) -> None:
        """Add a row, which is on disk when this returns."""
        number = time.time_ns()
        row = {"number": number, "values": values, "is_deleted": is_deleted}
        self._rows.put((*_scope(group), f"{number:020d}"), row)
        self.wake(group)

    def _run(self) -> None:
        while True:
            group = self._due.get()
            try:
                self._advance(group)
            except Exception as error:
                logger.exception("feature group %s", group.name)
                self._fail(group, f"{type(error).__name__}: {error}")

    def _fail(self, group: FeatureGroup, reason: str) -> None:
        """Record why a group cannot be advanced. Rows, and a deletion, are tried again."""
        with self._registry.lock:
            if group.status == "Creating":
                group.status, group.failure = "CreateFailed", reason[:1024]
            elif group.update == "InProgress":
                group.update, group.update_failure = "Failed", reason[:1024]
            else:
                group.blocked = reason
                self._postpone(group)
            self._save(group)

    def _postpone(self, group: FeatureGroup) -> None:
        if group.instance not in self._postponed:
            self._postponed.add(group.instance)
            timer = threading.Timer(RETRY_SECONDS, self._resume, [group])
            timer.daemon = True
            timer.start()

    def _resume(self, group: FeatureGroup) -> None:
        self._postponed.discard(group.instance)
        self.wake(group)

    def _advance(self, group: FeatureGroup) -> None:
        if group.status == "CreateFailed":
            return
        if group.has_offline_store:
            self._write(group)
        if group.status == "Deleting":
            self._online.clear(group)
            self._registry.remove(group)
            return
        if group.status == "Creating" or group.update == "InProgress" or group.blocked:
            with self._registry.lock:
                group.update = "Successful" if group.update == "InProgress" else group.update
                group.status, group.blocked = "Created", ""
                self._save(group)

    def _save(self, group: FeatureGroup) -> None:
        if self._registry.find_by_arn(group, group.arn) is group:
            self._registry.save(group)

    def _write(self, group: FeatureGroup) -> None:
        """Bring the table up to date. Rows that arrive meanwhile wake the thread again."""
        pending = sorted(self._rows.below(_scope(group)), key=lambda row: row["number"])
        if group.status == "Creating":
            self._create(group)
        if pending or group.update == "InProgress":
            self._update(group, pending)

    def _create(self, group: FeatureGroup) -> None:
        """Create the table: the caller of CreateFeatureGroup may use Glue, and the group's role may write the files."""
        from local.sagemaker.features import iceberg

        place = Location.parse(group.location)
        with contextlib.closing(self._client(group, "s3")) as s3:
            s3.get_bucket_acl(Bucket=place.bucket)
        with contextlib.closing(EmbeddedSession(self._roles.endpoint, group.region).client("glue")) as glue:
            iceberg.create_table(self._open(group, glue), group)

    def _update(self, group: FeatureGroup, pending: list[dict]) -> None:
        from local.sagemaker.features import iceberg

        with contextlib.closing(self._client(group, "glue")) as glue:
            table = self._open(group, glue).load_table(group.table)
            iceberg.add_columns(table, group)
            if pending:
                now = datetime.now(UTC).replace(tzinfo=None)
                iceberg.append(table, [_make_row(group, row, now) for row in pending])
        for row in pending:
            self._rows.remove((*_scope(group), f"{row['number']:020d}"))

    def _open(self, group: FeatureGroup, glue: BaseClient) -> Tables:
        from local.sagemaker.features.files import S3Files
        from local.sagemaker.features.iceberg import Tables

        return Tables(glue, S3Files(self._client(group, "s3"), group.offline_key))

    def _client(self, group: FeatureGroup, service: str) -> BaseClient:
        keys = self._roles.credentials(group.request["RoleArn"], "FeatureStore")
        return self._roles.client(service, keys, group.region)


def _scope(group: FeatureGroup) -> tuple[str, str, str]:
    return group.account, group.region, group.instance


def _make_row(group: FeatureGroup, row: dict, now: datetime) -> dict:
    """Return a row of the table: values in the types of their features, and the columns that the service adds."""
    types = group.types
    values = {name: to_value(text, types[name], name) for name, text in row["values"].items()}
    called = datetime.fromtimestamp(row["number"] / 1e9, UTC).replace(tzinfo=None)
    return values | {"write_time": now, "api_invocation_time": called, "is_deleted": row["is_deleted"]}
