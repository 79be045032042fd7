"""The findings of a monitoring job as metrics and as a mail. The reports themselves were written by the job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.runtime.log import logger
from seqdrop.runtime.metrics import publish
from seqdrop.stages.monitor.brief import PAGE, REPORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.runtime.services import Services
    from seqdrop.stages.monitor.brief import MonitoringBrief

Report = dict[str, Any]


def report_findings(services: Services, brief: MonitoringBrief) -> None:
    """Publish the counts of a job's findings, and mail what needs a person."""
    reports = [_load(services, brief, entry["analysis"], entry["stream"]) for entry in brief["subjects"]]
    counts = count_findings(reports)
    publish(services.settings.stack, "monitor", counts)
    unusable = sorted({reason for report in reports for reason in report["unusable"]} | {*brief["unusable"]})
    alarming = [report for report in reports if report["drifted"] or report["dropped"]]
    if alarming or unusable:
        _mail(services, alarming, unusable)
    logger().info("monitoring reported", extra=counts)


def count_findings(reports: Sequence[Report]) -> dict[str, int]:
    """Return the counts that become metrics, including zeros: an alarm ends when they are 0 again."""
    return {
        "drifted_features": sum(len(report["drifted"]) for report in reports),
        "quality_drops": sum(len(report["dropped"]) for report in reports),
        "monitored_analyses": len(reports),
    }


def mail_failure(services: Services, name: str, reason: str) -> None:
    """Notify the lab that a monitoring job failed or could not be started."""
    services.notify(
        "Seqdrop could not monitor its predictions",
        f"The monitoring job {name} did not run to its end.\n\nCause: {reason}\n\n"
        "Predictions and files are not affected. The next job, within a day, looks at the same time again.\n",
    )
    logger().error("monitoring failed", extra={"job": name, "reason": reason})


def _load(services: Services, brief: MonitoringBrief, analysis: str, stream: str) -> Report:
    key = keys.monitoring_report(analysis, stream, brief["date"], REPORT)
    report: Report = json.loads(services.s3.get_object(Bucket=services.settings.results, Key=key)["Body"].read())
    return report


def _mail(services: Services, alarming: Sequence[Report], unusable: Sequence[str]) -> None:
    text = "\n".join(_describe(services, report) for report in alarming)
    if unusable:
        text += "These truth files were not used:\n" + "".join(f"  {reason}\n" for reason in unusable)
    text += "docs/monitoring.md says what findings mean and what to do.\n"
    if names := ", ".join(sorted({report["analysis"] for report in alarming})):
        services.notify(f"Seqdrop: monitoring has findings in {names}", text)
    else:
        services.notify("Seqdrop: a truth file cannot be used", text)


def _describe(services: Services, report: Report) -> str:
    """Return the findings of one report, and the command that fetches its page."""
    page = keys.monitoring_report(report["analysis"], report["stream"], report["date"], PAGE)
    lines = [
        f"  {entry['title']}: distance {entry['distance']:g}, limit {entry['limit']:g}"
        for entry in report["comparisons"]
        if entry["has_drifted"]
    ]
    lines += [
        f"  upload {entry['upload']}: {entry['metric'].upper()} {entry['figure']:g} on {entry['labels']} labels"
        for entry in report["quality"]
        if entry["dropped"]
    ]
    head = (
        f"{report['analysis']} ({report['stream']}), {report['since']} to {report['until']}, model {report['model']}:"
    )
    where = f"s3://{services.settings.results}/{page}"
    return "\n".join([head, *lines, f"The whole report:\n  aws s3 cp {where} .\n"])
