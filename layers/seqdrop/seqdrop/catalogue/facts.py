"""The stored facts about an upload from which rows and features are derived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.archive.receipt import Receipt
    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.report.schema import Report

Document = dict[str, Any]
TRAINING_FAILED = "training_failed"  # the code of a reason that says nothing about the file


@dataclass(frozen=True)
class UploadFacts:
    """What the results bucket and the ledger hold about an upload.

    Of its ledger record, only what never changes may be used (id, key, version, size, analysis, run, created_at): an
    event may be handled before the ledger's move that follows it. `reason` is None if a later report replaces it.
    `summaries` has the summary.json of each attempt with predictions, by `Attempt.key`. `run_report` is the run.json of
    its run; None without one.
    """

    upload: Upload
    attempts: list[Attempt] = field(default_factory=list)
    report: Report | None = None
    reason: Rejection | None = None
    receipt: Receipt | None = None
    tombstone: Mapping[str, Any] | None = None
    summaries: Mapping[str, Document] = field(default_factory=dict)
    run_report: Document | None = None

    @property
    def month(self) -> str:
        """The month in which the upload was recorded, such as 2026-02. It names the partition of its rows."""
        return self.upload.created_at[:7]
