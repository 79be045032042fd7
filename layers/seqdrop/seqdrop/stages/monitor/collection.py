"""Collect the subjects of a monitoring job: what was predicted since the last one, and the truth that has come."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.config.analysis import ModelSettings
from seqdrop.ledger.moves import ATTEMPT
from seqdrop.models import pointers
from seqdrop.monitoring.truth import UnreadableTruthError, suffix_of, upload_of
from seqdrop.runtime.services import iso
from seqdrop.sagemaker.endpoint_names import VARIANT, endpoint_name
from seqdrop.stages.monitor.brief import BATCH, REQUESTS, AttemptBrief, MonitoringBrief, SubjectBrief, TruthBrief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt
    from seqdrop.models.pointers import Target
    from seqdrop.runtime.services import Services

MOST_ATTEMPTS = 1000  # of an analysis in one job: the newest ones


@dataclass
class Findings:
    """What happened in a time: attempts by their analysis, truth files by the analysis that they are about."""

    attempts: dict[str, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    truths: dict[str, list[TruthBrief]] = field(default_factory=lambda: defaultdict(list))
    unusable: list[str] = field(default_factory=list)


def collect(services: Services, since: str, until: str) -> MonitoringBrief:
    """Return the request of a job for everything between two times; it may have no subjects."""
    findings = Findings()
    for attempt in services.ledger.in_state(ATTEMPT, "PREDICTED", until, since):
        findings.attempts[attempt.analysis].append(attempt)
    _add_truths(services, findings, since, until)
    subjects = [
        subject
        for analysis in services.analyses.by_name.values()
        if analysis.settings
        for subject in _subjects(services, analysis, findings, since, until)
    ]
    settings = services.settings
    return {
        "work": settings.work,
        "results": settings.results,
        "models": settings.models,
        "landing": settings.landing,
        "date": until[:19].replace(":", "-") + "Z",
        "since": since,
        "until": until,
        "subjects": subjects,
        "unusable": findings.unusable,
    }


def _add_truths(services: Services, findings: Findings, since: str, until: str) -> None:
    """Add the truth files that came in this time, and those of uploads that were predicted in it."""
    predicted = {attempt.upload_id for attempts in findings.attempts.values() for attempt in attempts}
    listing = services.s3.get_paginator("list_object_versions")
    pages = listing.paginate(Bucket=services.settings.landing, Prefix=keys.TRUTH)
    for entry in (entry for page in pages for entry in page.get("Versions", [])):
        modified = iso(entry["LastModified"])
        is_new = modified > since
        if modified > until or not entry["IsLatest"] or entry["Key"].endswith("/"):
            continue
        try:
            upload_id = upload_of(entry["Key"])
            suffix_of(entry["Key"])
        except UnreadableTruthError as error:
            if is_new:
                findings.unusable.append(f"a file under {keys.TRUTH}: {error}")
            continue
        if is_new or upload_id in predicted:
            _add_truth(services, findings, entry, upload_id)


def _add_truth(services: Services, findings: Findings, entry: ObjectVersionTypeDef, upload_id: str) -> None:
    """Add a truth file, if its upload has predictions; if it gets them later, its file is found again."""
    attempts = [each for each in services.ledger.attempts(upload_id) if each.state == "PREDICTED"]
    analysis = services.analyses.by_name.get(attempts[-1].analysis) if attempts else None
    if not analysis or not analysis.settings:
        findings.unusable.append(f"truth of upload {upload_id}: the upload has no predictions (yet)")
        return
    truth: TruthBrief = {
        "key": entry["Key"],
        "version_id": entry["VersionId"],
        "upload": upload_id,
        "table": _table(analysis, attempts[-1]),
    }
    findings.truths[analysis.name].append(truth)


def _table(analysis: Analysis, attempt: Attempt) -> str:
    """Return the key of the JSON Lines file of an attempt's results."""
    return keys.result(attempt.analysis, attempt.upload_id, attempt.number, f"{analysis.kind.table}.jsonl")


def _subjects(
    services: Services, analysis: Analysis, findings: Findings, since: str, until: str
) -> Iterator[SubjectBrief]:
    """Yield the batch predictions and the captured requests of an analysis, if it had any, or its truth."""
    attempts, truths = findings.attempts[analysis.name][-MOST_ATTEMPTS:], findings.truths[analysis.name]
    model = analysis.settings_as(ModelSettings).model
    target = pointers.load(services.s3, services.settings.models, keys.model_pointer(model)).current
    digests = {job: _digest(services, job) for job in {attempt.job for attempt in attempts}}
    digest = digests[attempts[-1].job] if attempts else target["digest"] if target else ""
    if attempts or truths:
        current = [_attempt(analysis, each) for each in attempts if digests[each.job] == digest]
        left_out = len(attempts) - len(current)
        subject = _subject(analysis, BATCH, digest, target)
        yield {**subject, "attempts": current, "truths": truths, "left_out": left_out}
    captured = _captured(services, analysis, since, until)
    if captured and target:
        yield {**_subject(analysis, REQUESTS, target["digest"], target), "captured": captured}


def _subject(analysis: Analysis, stream: str, digest: str, target: Target | None) -> SubjectBrief:
    """Return a subject without data. The model's training data are its baseline if the model is still current."""
    settings = analysis.settings_as(ModelSettings)
    model, parameters = settings.model, analysis.kind.parameters(settings)
    is_current = target is not None and target["digest"] == digest
    version = target.get("version", "") if target and is_current else ""
    return {
        "analysis": analysis.name,
        "stream": stream,
        "alphabet": analysis.alphabet,
        "model": model,
        "digest": digest,
        "figure": target.get("figure") if target and is_current else None,
        "label": str(parameters.get("label", "")),
        "threshold": _number(parameters.get("threshold")),
        "baselines": [keys.model_baseline(model, version)] if version else [],
        "attempts": [],
        "captured": [],
        "truths": [],
        "left_out": 0,
    }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _digest(services: Services, name: str) -> str:
    """Return the digest of the model archive that a job used; "" if the job's record has expired."""
    job = services.ledger.find_job(name)
    return job.model_digest if job else ""


def _attempt(analysis: Analysis, attempt: Attempt) -> AttemptBrief:
    return {
        "upload": attempt.upload_id,
        "masks": attempt.masks,
        "shards_key": attempt.shards_key,
        "shards": attempt.shards,
        "items": attempt.items,
        "windows": attempt.windows,
        "table": _table(analysis, attempt),
    }


def _captured(services: Services, analysis: Analysis, since: str, until: str) -> list[str]:
    """Return the prefixes of the whole hours between two times in which the endpoint captured requests."""
    endpoint = keys.captured(endpoint_name(services.settings.stack, analysis.name))
    prefixes = [f"{endpoint}{VARIANT}/{hour:%Y/%m/%d/%H}/" for hour in hours(since, until)]
    return [prefix for prefix in prefixes if _has_objects(services, prefix)]


def hours(since: str, until: str) -> Iterator[datetime]:
    """Yield the hours that begin in [since, until), so that each hour belongs to one of two successive times.

    The hour of `until` may still be written to.
    """
    first, last = (datetime.fromisoformat(time).astimezone(UTC) - timedelta(hours=1) for time in (since, until))
    hour = first.replace(minute=0, second=0, microsecond=0)
    if hour < first:
        hour += timedelta(hours=1)
    while hour < last:
        yield hour
        hour += timedelta(hours=1)


def _has_objects(services: Services, prefix: str) -> bool:
    listing: dict[str, Any] = {"Bucket": services.settings.work, "Prefix": prefix, "MaxKeys": 1}
    return bool(services.s3.list_objects_v2(**listing).get("Contents"))
