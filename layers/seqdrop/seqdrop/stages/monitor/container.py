"""The code of a monitoring job: it assesses each subject of its request and writes their reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.monitoring.page import render_page
from seqdrop.stages.monitor.assessment import assess
from seqdrop.stages.monitor.brief import PAGE, REPORT
from seqdrop.stages.monitor.reading import Reader

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.stages.monitor.assessment import Assessment
    from seqdrop.stages.monitor.brief import MonitoringBrief, SubjectBrief


def run(brief: MonitoringBrief, s3: S3Client) -> None:
    """Assess all subjects. It prints counts only, never content of files.

    An error of one subject ends the job with a failure, after the others have their reports.
    """
    reader, errors = Reader(s3, brief), []
    for subject in brief["subjects"]:
        name = f"{subject['analysis']} ({subject['stream']})"
        try:
            assessment = assess(reader, brief, subject)
        except ValueError as error:  # a baseline of another version: its message says what to do
            errors.append(f"{name}: {error}")
            continue
        _write(s3, brief["results"], subject, assessment)
        print(f"{name}: {assessment.report['observations']}, drifted: {assessment.report['drifted']}", flush=True)
    if errors:
        raise SystemExit("\n".join(errors))


def _write(s3: S3Client, bucket: str, subject: SubjectBrief, assessment: Assessment) -> None:
    """Write all objects of an assessment. The report comes last: if it is there, everything is."""
    place, report = (subject["analysis"], subject["stream"]), assessment.report
    if assessment.first:
        _put(s3, bucket, keys.first_baseline(*place, subject["digest"]), assessment.first.as_dict())
    _put(s3, bucket, keys.monitoring_history(*place), assessment.history)
    html = render_page(report, assessment.history).encode()
    page = keys.monitoring_report(*place, report["date"], PAGE)
    s3.put_object(Bucket=bucket, Key=page, Body=html, ContentType="text/html; charset=utf-8")
    _put(s3, bucket, keys.monitoring_report(*place, report["date"], REPORT), report)


def _put(s3: S3Client, bucket: str, key: str, content: object) -> None:
    body = json.dumps(content, ensure_ascii=False).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
