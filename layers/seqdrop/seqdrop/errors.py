"""The tree of errors. Every error says whether a retry can help and what a person should do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, TypedDict


class SeqdropError(Exception):
    """The base class of all errors that Seqdrop raises on purpose."""

    retryable = False


class RetryableError(SeqdropError):
    """An error after which the same call may succeed later: a throttle, an outage, a record that is not written yet."""

    retryable = True


class ConfigurationError(SeqdropError):
    """A wrong deployment or analyses.toml; only a person can correct it."""


class ObjectGoneError(SeqdropError):
    """An object version that is no longer in the bucket."""


class RecordNotFoundError(RetryableError):
    """A record that the ledger does not have; if a message names it, it may be about to be written."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"the ledger has no {kind} {name}")


class JobRefusedError(SeqdropError):
    """A request that SageMaker, or our own check before calling it, will never accept."""


class DistributionRefusedError(SeqdropError, ValueError):
    """A training job that cannot be distributed as requested; the message gives the reason and the alternatives."""


class PlanRefusedError(SeqdropError):
    """A training job that does not fit its GPUs or exceeds its cost limit. Permanent: only a changed job.toml helps.

    `advice` lists changes that would make the job acceptable, the cheapest first; the message ends with them.
    """

    def __init__(self, reason: str, advice: tuple[str, ...] = ()) -> None:
        super().__init__(reason + (f". What would help: {'; '.join(advice)}" if advice else ""))
        self.reason = reason
        self.advice = advice


class ArchiveMismatchError(SeqdropError):
    """An archive copy whose checksum differs from that of the validated bytes. The landing object must stay."""


class FaultEntry(TypedDict):
    """A fault as a list of a report or of `reasons/<upload id>.json` holds it.

    `record` is the name of the record and `number` its number, counted from 1.
    """

    code: str
    record: str | None
    number: int | None
    line: int | None
    byte: int | None
    message: str
    advice: str


class UploadReference(TypedDict):
    """Another upload, as JSON refers to it."""

    upload: str
    key: str
    version_id: str


class Rejection(TypedDict):
    """The reason why an upload was rejected, as `reasons/<upload id>.json` and examinations hold it.

    The first keys are the fields of the first error (`Fault`). `errors` are the first errors, `counts` the
    number of faults by code. `mate` is the file that the upload does not fit, if that is the reason.
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
    No message holds sequence or quality text. `name` is what was read in the position of the header; in a file with
    lost lines it may be something else.
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

    `fault` is the first error, `errors` are the first errors, and `counts` is the number of faults by code, warnings
    included.
    """

    def __init__(self, fault: Fault, errors: list[Fault] | None = None, counts: dict[str, int] | None = None) -> None:
        super().__init__(f"{fault.code}: {fault.message}")
        self.fault = fault
        self.errors = errors or [fault]
        self.counts = counts or {fault.code: 1}
