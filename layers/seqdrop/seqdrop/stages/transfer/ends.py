"""Process executions that have ended: what a successful one brought is complete, and the lab is notified of others.

The order is: the listing of what was copied, which saves the next copy; the time until which files are complete;
messages that have the runs judged; then the execution counts as processed. After a crash all of it is done again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seqdrop.aws.datasync import ENDED, SUCCESS, execution_id, list_executions
from seqdrop.errors import RetryableError
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import iso, minutes_ago, now
from seqdrop.stages.transfer.arrived import judge_runs
from seqdrop.stages.transfer.listings import commit_listing
from seqdrop.stages.transfer.mails import mail_failure

if TYPE_CHECKING:
    from seqdrop.aws.datasync import ExecutionDescription
    from seqdrop.ledger.transfer_record import TransferRecord
    from seqdrop.runtime.services import Services

MAILING = 5  # minutes that a mail takes at most


def process_ends(services: Services) -> int:
    """Process the executions that have ended since the last look, in the order of their ends; return their number."""
    record, task = services.ledger.transfer(), services.settings.transfer_task
    if record.task != task:
        record = replace(record, task=task, processed=[])
    listed = list_executions(services.datasync, task)
    ended = [each["TaskExecutionArn"] for each in listed if each["Status"] in ENDED]
    fresh = [arn for arn in ended if execution_id(arn) not in record.processed]
    executions = [services.datasync.describe_task_execution(TaskExecutionArn=arn) for arn in fresh]
    known = {execution_id(arn) for arn in ended}
    record = replace(record, processed=[name for name in record.processed if name in known])
    for execution in sorted(executions, key=find_end):
        record = _process(services, record, execution)
    return len(executions)


def _process(services: Services, record: TransferRecord, execution: ExecutionDescription) -> TransferRecord:
    name = execution_id(execution["TaskExecutionArn"])
    if is_complete(execution):
        commit_listing(services, execution)
        end = iso(find_end(execution))
        if end > record.complete_at or record.failure:
            record = save(
                services, replace(record, complete_at=max(end, record.complete_at), failure="", mailing_at="")
            )
        judge_runs(services)
    else:
        record = report_failure(services, record, *_explain(execution), execution)
    logger().info("transfer ended", extra={"execution": name, "state": execution["Status"]})
    return save(services, replace(record, processed=[*record.processed, name]))


def report_failure(
    services: Services,
    record: TransferRecord,
    code: str,
    reason: str,
    execution: ExecutionDescription | None = None,
) -> TransferRecord:
    """Notify the lab of a failure, unless the last one had the same code; return the record, which is not saved.

    The time is noted before the mail is sent, so that no other invocation sends it as well. After a crash, the mail is
    sent again MAILING minutes later. Raise RetryableError while another invocation sends it.
    """
    if record.failure == code and not record.mailing_at:
        return record
    if record.mailing_at > minutes_ago(MAILING):
        raise RetryableError("another invocation sends the mail about a transfer")
    record = save(services, replace(record, failure=code, mailing_at=now()))
    mail_failure(services, reason, execution)
    return replace(record, mailing_at="")


def save(services: Services, record: TransferRecord) -> TransferRecord:
    """Write the record, and return it as it is then. Raise RetryableError if another invocation wrote it."""
    if not services.ledger.save(record):
        raise RetryableError("another invocation processes the ends of the same executions")
    return replace(record, revision=record.revision + 1)


def is_complete(execution: ExecutionDescription) -> bool:
    """Return True if an execution brought all that it had to: it succeeded, and no file failed."""
    return execution["Status"] == SUCCESS and not any(execution.get("FilesFailed", {}).values())


def find_end(execution: ExecutionDescription) -> datetime:
    """Return when an execution ended; without an end, when it was started, which is earlier."""
    time = execution.get("EndTime") or execution.get("StartTime")
    return time.astimezone(UTC) if time else datetime.fromtimestamp(0, UTC)


def _explain(execution: ExecutionDescription) -> tuple[str, str]:
    """Return the code and the reason of a failure."""
    result = execution.get("Result", {})
    failed = sum(execution.get("FilesFailed", {}).values())
    files = f" {failed:,} files failed." if failed else ""
    return result.get("ErrorCode") or "FilesFailed", (result.get("ErrorDetail") or "DataSync gave no reason.") + files
