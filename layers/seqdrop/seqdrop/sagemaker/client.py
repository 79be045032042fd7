"""Asking SageMaker for a job that is on record: what each answer means."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError

from seqdrop.errors import JobRefused

# The account has no room or the call came too fast: the job stays PLANNED and is tried again later.
LATER = {"ResourceLimitExceeded", "ThrottlingException", "Throttling", "TooManyRequestsException"}


def send(create: Callable, request: dict, is_ours: Callable[[], bool]) -> bool:
    """Send the request. False: there is no room now. Raises JobRefused if it will never be taken.

    `is_ours` is asked when there is a job of this name: whether it does what the request asks for.
    """
    try:
        create(**request)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "ResourceInUse":
            return is_ours()
        if code in LATER:
            return False
        if code == "ValidationException":
            raise JobRefused(f"SageMaker refused the job: {message}") from error
        raise
    return True


def covers(seen, wanted) -> bool:
    """Whether all that is wanted is there; the service fills in defaults beside it."""
    if isinstance(wanted, dict):
        return isinstance(seen, dict) and all(covers(seen.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(seen, list) and len(seen) == len(wanted) and all(map(covers, seen, wanted))
    return seen == wanted
