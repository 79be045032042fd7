"""The exception classes. Each says whether a retry can help; each message says what a person should do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, TypedDict


class SeqdropError(Exception):
    """The base class of all errors that Seqdrop raises on purpose."""

    retryable = False


class RetryableError(SeqdropError):
    """An error after which the same call may succeed later: a throttle, an outage, a record that is not written yet.

    `wait` is the number of seconds to wait before the next call; 0 if the number of earlier calls decides.
    """

    retryable = True
    wait = 0


class NotMigratedError(RetryableError):
    """A model or code that an earlier version stored, and that the reconciler has not copied to the models bucket yet.

    `wait` is the time in seconds until the message is delivered again: the reconciler runs every five minutes.
    """

    wait = 600


class ConfigurationError(SeqdropError):
    """A wrong deployment or analyses.toml; only a person can correct it."""


class ObjectGoneError(SeqdropError):
    """An object version that is no longer in the bucket."""


class RecordNotFoundError(RetryableError):
    """A record that the ledger does not have. Retryable, because a message may arrive before its record is written."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"the ledger has no {kind} {name}")


class JobRefusedError(SeqdropError):
    """A request that can never succeed: SageMaker refused it, or our own check did so before the call."""


class SpendRefusedError(JobRefusedError):
    """A job that would exceed a ceiling of the stack. A smaller job may not, and the ceiling can be raised."""


class DistributionRefusedError(SeqdropError, ValueError):
    """A training job that cannot be distributed as requested; the message gives the reason and the alternatives."""


class PlanRefusedError(SeqdropError):
    """A training job that does not fit its GPUs or exceeds its cost limit. Permanent: only a changed job.toml helps.

    `advice` lists changes that would make the job acceptable, the cheapest first. They are the end of the message.
    """

    def __init__(self, reason: str, advice: tuple[str, ...] = ()) -> None:
        super().__init__(reason + (f". What would help: {'; '.join(advice)}" if advice else ""))
        self.reason = reason
        self.advice = advice


class ArchiveMismatchError(SeqdropError):
    """An archive copy whose checksum differs from that of the validated bytes. The landing object must stay."""


class ArchiveRefusedError(SeqdropError):
    """A call of the archive that S3 refuses until a person changes something. The landing object stays.

    `retryable` says whether the same call can succeed later without a deploy.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class FaultEntry(TypedDict):
    """One fault in `errors` or `warnings` of a report, or in `errors` of `reasons/<upload id>.json`.

    `record` is the name of the record and `number` its number, counted from 1. `Fault` describes the other keys.
    """

    code: str
    record: str | None
    number: int | None
    line: int | None
    byte: int | None
    message: str
    advice: str


class UploadReference(TypedDict):
    """A reference to another upload in JSON."""

    upload: str
    key: str
    version_id: str


class Rejection(TypedDict):
    """The reason why an upload was rejected, as `reasons/<upload id>.json` and examinations hold it.

    The keys from `code` to `byte` are the fields of the first error (`Fault`). `errors` lists the first errors, and
    `counts` has the number of faults by code. `mate` is the other file, if the two do not fit together.
    """

    code: str
    message: str
    advice: str
    name: str | None
    record: int | None
    line: int | None
    byte: int | None
    errors: list[FaultEntry]
    counts: dict[str, int]
    mate: NotRequired[UploadReference]


@dataclass(frozen=True)
class Fault:
    """A defect of a file, with its location and advice, as written to `reasons/<upload id>.json`.

    `record` counts from 1; `line` counts from 1 and `byte` is the 0-based offset of that line, both in the
    decompressed stream. If the compression is damaged, `byte` is the offset in the compressed file. A location that
    does not apply is None (an empty file has no line).
    No message contains sequence or quality text. `name` is the text at the position of the header; if lines were lost,
    it may be the text of another line.
    """

    code: str
    message: str
    advice: str
    name: str | None = None
    record: int | None = None
    line: int | None = None
    byte: int | None = None

    def as_entry(self) -> FaultEntry:
        """Return the fault as an entry of a report's list of errors or warnings."""
        return {
            "code": self.code,
            "record": self.name,
            "number": self.record,
            "line": self.line,
            "byte": self.byte,
            "message": self.message,
            "advice": self.advice,
        }


class InvalidFileError(SeqdropError):
    """A file that must be rejected. Permanent: the same bytes will always be rejected.

    `fault` is the first error and `errors` lists the first errors. `counts` has the number of faults by code, warnings
    included.
    """

    def __init__(self, fault: Fault, errors: list[Fault] | None = None, counts: dict[str, int] | None = None) -> None:
        super().__init__(f"{fault.code}: {fault.message}")
        self.fault = fault
        self.errors = errors or [fault]
        self.counts = counts or {fault.code: 1}


class UnreadableObjectError(SeqdropError):
    """An object version that exists, but whose bytes S3 does not return. Permanent: only a new version can be read.

    `upload` is the upload id of the version. `key` is the ARN of the KMS key that could not be used; "" if no KMS key
    is the reason. If it is the deployment's own key, the deployment is wrong, and not the object.
    """

    def __init__(self, fault: Fault, upload: str, key: str = "") -> None:
        super().__init__(f"{fault.code}: {fault.message}. {fault.advice}")
        self.fault = fault
        self.upload = upload
        self.key = key
