"""Records of feature groups, made of the stored facts about an upload. The same facts give the same values."""

from __future__ import annotations

import math
import posixpath
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seqdrop.features.definitions import EVENT_TIME, GROUPS, PROMOTER, PROTEIN, READ_QC
from seqdrop.results.reports import sample_name
from seqdrop.runs.read_names import parse_read_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqdrop.catalogue.facts import Document, UploadFacts
    from seqdrop.features.definitions import Feature, Group
    from seqdrop.ledger.records import Upload

Values = dict[str, str]
"""The values of a record by feature, as Feature Store takes them: texts. A feature without a value is absent."""

PROTEINS = "protein"


def make_records(facts: UploadFacts) -> Iterator[tuple[Group, Values]]:
    """Yield each group for which there are facts, with the values of all its features but the event time."""
    documents = {"upload": _describe(facts.upload), "report": facts.report, "summary": _last_summary(facts)}
    for group in GROUPS:
        if _belongs(group, documents):
            values = {feature.name: _read(feature, documents) for feature in group.features if feature.source}
            yield group, {name: value for name, value in values.items() if value is not None}


def first_event_time(upload: Upload) -> str:
    """Return the event time of the first version of an upload's records: when the upload was recorded, in seconds."""
    return _format(datetime.fromisoformat(upload.created_at))


def next_event_time(event_time: str) -> str:
    """Return the event time of the version that replaces a record: a second later."""
    return _format(datetime.fromisoformat(event_time) + timedelta(seconds=1))


def same_values(values: Values, stored: Mapping[str, str]) -> bool:
    """Return True if a stored record has these values, whatever its event time is."""
    return values == {name: value for name, value in stored.items() if name != EVENT_TIME}


def sample_of(key: str) -> str:
    """Return the sample of a file: as sequencers name files with reads, or else the file name without its suffixes."""
    name = parse_read_name(key)
    return (name.sample if name else "") or sample_name(key)


def _describe(upload: Upload) -> Document:
    return {
        "id": upload.id,
        "key": upload.key,
        "analysis": upload.analysis,
        "run": posixpath.basename(upload.run.rstrip("/")),
        "sample": sample_of(upload.key),
    }


def _last_summary(facts: UploadFacts) -> Document | None:
    attempts = sorted(facts.attempts, key=lambda attempt: attempt.number)
    summaries = [facts.summaries[attempt.key] for attempt in attempts if attempt.key in facts.summaries]
    return summaries[-1] if summaries else None


def _belongs(group: Group, documents: Mapping[str, Any]) -> bool:
    """Return whether an upload has a record in a group: by its alphabet, or by the figures of its summary."""
    report, summary = documents["report"], documents["summary"]
    if group == READ_QC:
        qc = report["qc"] if report else {}
        return bool(qc.get("records")) and qc.get("alphabet") != PROTEINS
    if not summary:
        return False
    return {PROMOTER: "calls" in summary, PROTEIN: "proteins" in summary.get("counts", {})}[group]


def _read(feature: Feature, documents: Mapping[str, Any]) -> str | None:
    value: Any = documents
    for name in feature.source.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return _to_text(feature, value)


def _to_text(feature: Feature, value: object) -> str | None:
    """Return a value as text; None for no value. Of several names, such as lanes, all are in one text."""
    if isinstance(value, list):
        value = ",".join(sorted(map(str, value)))
    if value is None or value == "":
        return None
    if feature.type == "String":
        return str(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return str(int(value)) if feature.type == "Integral" else repr(float(value))


def _format(moment: datetime) -> str:
    """Return a time as Feature Store demands it: the second, and Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
