"""Rules of the service that its model does not have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.datasync.errors import InvalidRequestError

if TYPE_CHECKING:
    from local.datasync.records import Location

BAD_PREFIX = re.compile(r"^/|//|/\.\.?(/|$)")
SCHEDULE = re.compile(r"rate\((?P<number>\d+) (?P<unit>minute|hour|day)s?\)|cron\(.+\)")


def check_prefix(subdirectory: str) -> None:
    """Raise InvalidRequestError for a prefix that DataSync cannot transfer."""
    if BAD_PREFIX.search(subdirectory.rstrip("/")):
        raise InvalidRequestError("The subdirectory must not begin with / or contain //, /./ or /../.")


def check_task(request: dict, source: Location, target: Location) -> None:
    """Raise InvalidRequestError for settings that the service refuses together, or that the embedded AWS lacks."""
    mode, options = request.get("TaskMode", "BASIC"), request.get("Options", {})
    if target.kind != "S3":
        raise InvalidRequestError("The embedded DataSync copies into buckets only.")
    if mode == "ENHANCED" and source.kind != "S3":
        raise InvalidRequestError("Task mode ENHANCED requires locations of Amazon S3.")
    check_options(mode, options, request.get("ManifestConfig"))
    schedule = request.get("Schedule", {}).get("ScheduleExpression", "")
    if schedule:
        _check_schedule(schedule)


def check_options(mode: str, options: dict, manifest: dict | None) -> None:
    """Raise InvalidRequestError for options that exclude each other."""
    if mode == "ENHANCED" and options.get("VerifyMode") == "POINT_IN_TIME_CONSISTENT":
        raise InvalidRequestError("VerifyMode POINT_IN_TIME_CONSISTENT is not supported with task mode ENHANCED.")
    if mode == "ENHANCED" and options.get("BytesPerSecond", -1) != -1:
        raise InvalidRequestError("BytesPerSecond is not supported with task mode ENHANCED.")
    if options.get("TransferMode") == "ALL" and options.get("PreserveDeletedFiles") == "REMOVE":
        raise InvalidRequestError("TransferMode ALL cannot be combined with PreserveDeletedFiles REMOVE.")
    if manifest and "Source" not in manifest:
        raise InvalidRequestError("A manifest requires an IAM role with which DataSync reads it.")
    if manifest and options.get("PreserveDeletedFiles") == "REMOVE":
        raise InvalidRequestError("A manifest cannot be combined with PreserveDeletedFiles REMOVE.")


def _check_schedule(expression: str) -> None:
    match = SCHEDULE.fullmatch(expression)
    if match is None:
        raise InvalidRequestError(f"The schedule expression {expression} is not valid.")
    if match["unit"] == "minute" and int(match["number"]) < 60:
        raise InvalidRequestError("The shortest interval of a schedule is one hour.")
