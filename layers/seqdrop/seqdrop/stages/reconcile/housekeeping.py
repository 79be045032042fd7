"""The checks of the reconciler that nothing waits for: one run of each hour makes them.

Uploads that are archived without a receipt, landing versions that were kept long enough, manifests of receipts, the end
of temporary copies of restores, the index of runs, and mails about runs without a marker, deletions and retention.
Their modules are imported only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.stages.archive.archived_uploads import record_files
from seqdrop.stages.archive.kept_landing import resend_due
from seqdrop.stages.archive.receipts import resend_unreceipted
from seqdrop.stages.reconcile.forgotten import notify_of_forgotten
from seqdrop.stages.reconcile.heads import publish_head
from seqdrop.stages.reconcile.manifests import write_manifest
from seqdrop.stages.reconcile.overdue import notify_of_runs
from seqdrop.stages.reconcile.restores import expire_requests
from seqdrop.stages.reconcile.retention import notify_of_expired
from seqdrop.stages.runs.index import refresh_index

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.stages.reconcile.check import Check


def _write_manifest(services: Services) -> dict[str, int]:
    """Write the manifest of the day before. Return no count: each is a metric that costs money for ever."""
    write_manifest(services)
    return {}


def _expire_restores(services: Services) -> dict[str, int]:
    """Have restore look at requests whose temporary copies, which last days, expired. Return no count, as above."""
    expire_requests(services)
    return {}


def _refresh_index(services: Services) -> dict[str, int]:
    """Write the index of runs again after changes. Return no count, as above."""
    refresh_index(services)
    return {}


HOUSEKEEPING: dict[str, Check] = {
    "runs_told": notify_of_runs,
    "unreceipted": resend_unreceipted,
    "recorded_files": record_files,
    "kept_versions": resend_due,
    "manifests": _write_manifest,
    "heads": publish_head,
    "expired": notify_of_expired,
    "forgotten": notify_of_forgotten,
    "expired_restores": _expire_restores,
    "runs_index": _refresh_index,
}
