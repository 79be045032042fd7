"""Apply the faults of a schedule to calls: which call fails, how, and which invocation continues before it."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.response import StreamingBody

from tests.faults import schedule as s
from tests.faults.lambdas import Crash, Invocation
from tests.support.aws.dynamodb import cancellation
from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from tests.faults.world import World
    from tests.support.aws.account import Call

# The error by which each service throttles.
TOO_MUCH = {
    "s3": ("SlowDown", 503),
    "dynamodb": ("ThrottlingException", 400),
    "sqs": ("RequestThrottled", 400),
    "sns": ("Throttling", 400),
    "sagemaker": ("ThrottlingException", 400),
    "application-autoscaling": ("ThrottlingException", 400),
    "cloudwatch": ("Throttling", 400),
    "sagemaker-runtime": ("ThrottlingException", 400),
    "omics": ("ThrottlingException", 429),
    "events": ("ThrottlingException", 400),
}
CROWD = 3  # invocations that may be paused at the same time in a crowd


class Trouble:
    """The faults of a schedule, call by call."""

    def __init__(self, world: World, schedule: s.Schedule):
        self._world = world
        self._faults, self._turns = s.expand(schedule.faults), s.expand(schedule.turns)
        self._strikes = {(operation, nth): fault for operation, nth, fault in schedule.strikes}
        self._counts: Counter[str] = Counter()
        self._crowd = schedule.crowd
        self._flips: list[str] = []

    def end(self) -> None:
        """Stop all faults."""
        self._faults, self._strikes, self._turns, self._crowd = {}, {}, {}, 0
        self._flips.clear()

    def turn(self, number: int, paused: int) -> int | None:
        """Return the place in the line of the invocation that continues before this call; None if none does."""
        if self._crowd and number % self._crowd == 0:
            return -1 if paused < CROWD else 0  # the last in the line is a new invocation, if a message is visible
        return self._turns.get(number)

    def fault(self, call: Call, number: int, folder: str) -> str | None:
        """Return the fault of a call of a function; None if it succeeds."""
        nth = self._counts[call.operation]
        self._counts[call.operation] += 1
        fault = self._strikes.get((call.operation, nth)) or self._faults.get(number)
        if fault in s.FLIPS:
            self._flips.append(fault)
            fault = None
        return fault or self._next_flip(call, folder)

    def _next_flip(self, call: Call, folder: str) -> str | None:
        """Return the flip that waits for such a call: of the function bundle, which sends a part or reads a file.

        If validation reads another byte, the file cannot be archived, because its checksum then differs from S3's.
        """
        of_landing = call.request.get("Bucket") == self._world.name("landing")
        flip = {"UploadPart": s.SENT_OTHERWISE, "GetObject": s.READ_OTHERWISE if of_landing else ""}.get(call.operation)
        if folder != "bundle" or flip not in self._flips:
            return None
        self._flips.remove(flip)
        return flip

    def disturb(self, call: Call, fault: str, invocation: Invocation) -> dict:
        """Apply a fault to a call. Return the response if there is one despite the fault; otherwise raise the error."""
        if fault in (s.CRASH_BEFORE, s.CRASH_AFTER):
            if fault == s.CRASH_AFTER:
                self._try(call)
            invocation.dead = True
            raise Crash
        if fault in (s.TIMEOUT_BEFORE, s.TIMEOUT_AFTER):
            if fault == s.TIMEOUT_BEFORE:
                raise ConnectTimeoutError(endpoint_url=call.service)
            self._try(call)
            raise ReadTimeoutError(endpoint_url=call.service)
        if fault in s.FLIPS:
            return self._flip(call)
        if fault == s.AGAIN:
            self._try(call)
        elif fault == s.STALE:
            self._world.table.stale = 3
        elif fault == s.CONFLICT and call.operation == "TransactWriteItems":
            raise cancellation([{"Code": "TransactionConflict"}] * len(call.request["TransactItems"]))
        elif fault == s.NO_ROOM and call.operation == "StartRun":
            raise RefusedError("ServiceQuotaExceededException", "The quota of the account is used up", 402)
        elif fault == s.NO_ROOM and call.operation.startswith("Create") and call.operation.endswith("Job"):
            raise RefusedError("ResourceLimitExceeded", "The account-level service limit is reached")
        elif fault == s.BROKEN:
            raise RefusedError("InternalError" if call.service == "s3" else "InternalServerError", "We failed", 500)
        else:
            raise RefusedError(TOO_MUCH[call.service][0], "Rate exceeded", TOO_MUCH[call.service][1])
        try:
            return self._world.call(call)
        finally:
            self._world.table.stale = 0

    def _flip(self, call: Call) -> dict:
        """Make a call with a flipped byte: in the part that it sends, or the file that it reads."""
        if call.operation == "UploadPart":
            return self._world.call(replace(call, request=call.request | {"Body": flip(bytes(call.request["Body"]))}))
        response = self._world.call(call)
        body = flip(response["Body"].read())
        return {**response, "Body": StreamingBody(io.BytesIO(body), len(body))}

    def _try(self, call: Call) -> None:
        with contextlib.suppress(RefusedError):
            self._world.call(call)


def flip(body: bytes) -> bytes:
    """Return bytes with another one in their middle."""
    middle = len(body) // 2
    return body[:middle] + bytes(byte ^ 1 for byte in body[middle : middle + 1]) + body[middle + 1 :]
