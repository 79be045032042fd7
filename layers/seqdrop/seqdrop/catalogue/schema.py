"""The tables of the catalogue: the columns of their Parquet files, and which of them may name a person.

stacks/catalogue.yaml declares the same columns to Glue, and the LF-Tags of the sensitive ones to Lake Formation; tests
compare. Columns may be added, at the end, and never renamed: files of earlier versions lack what is new.
"""

from __future__ import annotations

from seqdrop.results.tables import Column

UPLOADS, PREDICTIONS, CALLS, SAMPLES = "uploads", "predictions", "calls", "samples"

# Which upload a row is about. Projects, runs and samples have the names that the lab gave them.
_SUBJECT = (
    Column("upload", "text"),
    Column("project", "text"),
    Column("run", "text"),
    Column("sample", "text"),
    Column("analysis", "text"),
)
_ATTEMPT = (
    Column("attempt", "whole"),
    Column("model", "text"),
    Column("model_sha256", "text"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    UPLOADS: (
        *_SUBJECT,
        Column("key", "text"),  # in the landing bucket
        Column("format", "text"),
        Column("state", "text"),
        Column("reason_code", "text"),
        Column("reason", "text"),
        Column("reason_record", "whole"),
        Column("reason_line", "whole"),
        Column("repeats", "text"),  # the archived upload of the same bytes
        Column("platform", "text"),
        Column("instrument", "text"),
        Column("sequenced", "text"),  # the day in the name of the run's folder, 2026-02-01
        Column("received", "text"),  # times are ISO 8601, in UTC
        Column("bytes", "whole"),
        Column("reads", "whole"),
        Column("bases", "whole"),
        Column("mean_length", "number"),
        Column("mean_quality", "number"),
        Column("q30_fraction", "number"),
        Column("gc_fraction", "number"),
        Column("archived", "text"),
        Column("storage_class", "text"),
        Column("archive_usd_month", "number"),
        Column("restore_usd", "number"),  # in the cheapest tier
        Column("restore_hours", "whole"),
        Column("free_to_delete_from", "text"),
        Column("deleted", "text"),
    ),
    PREDICTIONS: (
        *_SUBJECT,
        *_ATTEMPT,
        Column("state", "text"),
        Column("reason", "text"),
        Column("job", "text"),
        Column("version", "text"),  # of Seqdrop
        Column("windows", "whole"),
        Column("calls", "whole"),
        Column("usd", "number"),
        Column("results", "text"),  # prefix in the results bucket
    ),
    CALLS: (
        *_SUBJECT,
        *_ATTEMPT,
        Column("record", "text"),
        Column("start", "whole"),  # 0-based, half-open, on the forward strand
        Column("end", "whole"),
        Column("strand", "text"),
        Column("label", "text"),
        Column("probability", "number"),
        Column("calibrated", "number"),
    ),
    SAMPLES: (
        Column("run", "text"),
        Column("analysis", "text"),
        Column("project", "text"),
        Column("sample", "text"),
        Column("status", "text"),
        Column("missing", "text"),
        Column("lanes", "text"),
        Column("files", "whole"),
        Column("bytes", "whole"),
        Column("run_state", "text"),
    ),
}
PARTITION = "month"
SENSITIVE = frozenset({"run", "sample", "key", "reason"})
"""Columns of any table that may hold the name of a patient: a lab chose names of files and folders."""
ACCEPTED = ("VALIDATED", "ARCHIVED")
"""The states of uploads that an analyst sees."""
