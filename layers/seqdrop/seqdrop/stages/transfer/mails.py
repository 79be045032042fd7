"""The mail about a transfer that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.aws.datasync import ExecutionDescription
    from seqdrop.runtime.services import Services


def mail_failure(services: Services, reason: str, execution: ExecutionDescription | None) -> None:
    """Report why an execution failed, or could not start, and what to do."""
    details = ""
    if execution is not None:
        arn = execution["TaskExecutionArn"]
        details = (
            f"It copied {execution.get('FilesTransferred', 0):,} files. The task report names those that failed:\n"
            f"  aws s3 ls --recursive s3://{services.settings.results}/transfers/reports/\n"
            f"  aws datasync describe-task-execution --task-execution-arn {arn}\n\n"
        )
    check = "the agent and the share" if not services.settings.transfer_source else "the role and the source bucket"
    services.notify(
        "Seqdrop: the transfer of runs failed",
        f"DataSync could not copy all runs into the landing bucket: {reason}\n\n{details}"
        "No run was completed by it: files that arrived wait until an execution succeeds. Nothing is lost.\n\n"
        f"What to do: check {check} (docs/transfer.md). The next scheduled execution tries again, and you get no other "
        "mail of the same failure before one succeeds. To try again now:\n"
        "  seqdrop transfer start\n",
    )
