"""The report of an execution: a summary, and with OutputType STANDARD lists of what was copied, verified and skipped.

The names of the objects and of the members are close to those of the service's guide, which does not document all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from local.datasync.records import Execution

LISTS = ("Transferred", "Verified", "Skipped", "Deleted")


@dataclass
class Journal:
    """What happened to each file, by list: entries with its path, a status and a reason if it failed."""

    lists: dict[str, list[dict]] = field(default_factory=lambda: {name: [] for name in LISTS})

    def note(self, name: str, path: str, size: int, error: str = "") -> None:
        """Add a file to a list."""
        entry = {"RelativePath": f"/{path}", "Size": size, "Status": "FAILED" if error else "SUCCESS"}
        self.lists[name].append(entry | ({"ErrorDetail": error} if error else {}))


def write_report(s3: BaseClient, execution: Execution, journal: Journal) -> None:
    """Write the report that an execution's settings ask for."""
    config = execution.setting("TaskReportConfig")
    target = config["Destination"]["S3"]
    bucket = target["S3BucketArn"].rpartition(":")[2]
    prefix = f"{target['Subdirectory'].strip('/')}/" if target.get("Subdirectory") else ""
    task = execution.task.arn.rpartition("/")[2]

    def put(key: str, content: dict) -> None:
        s3.put_object(
            Bucket=bucket, Key=prefix + key, Body=json.dumps(content).encode(), ContentType="application/json"
        )

    if config.get("OutputType") == "STANDARD":
        for name in LISTS:
            if entries := _select(config, name, journal.lists[name]):
                key = f"Detailed-Reports/{task}/{execution.name}/{execution.name}.files-{name.lower()}-v1-00001.json"
                put(key, {"TaskExecutionId": execution.name, name: entries})
    put(f"Summary-Reports/{task}/{execution.name}/{execution.name}.summary-v1.json", _summarise(execution))


def _select(config: dict, name: str, entries: list[dict]) -> list[dict]:
    level = config.get("Overrides", {}).get(name, {}).get("ReportLevel") or config.get("ReportLevel", "ERRORS_ONLY")
    return [entry for entry in entries if level == "SUCCESSES_AND_ERRORS" or entry["Status"] == "FAILED"]


def _summarise(execution: Execution) -> dict:
    request = execution.task.request
    return {
        "TaskExecutionId": execution.name,
        "AccountId": execution.account,
        "SourceLocation": request["SourceLocationArn"],
        "DestinationLocation": request["DestinationLocationArn"],
        "StartTime": execution.created,
        "Counts": execution.counts,
        "FilesFailed": execution.failed,
        "Options": execution.options,
        "Result": execution.result,
    }
