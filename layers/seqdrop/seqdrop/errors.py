"""The error tree. Every error says whether trying again can help, and what a person should do."""

from __future__ import annotations

from dataclasses import asdict, dataclass


class SeqdropError(Exception):
    """Base of all errors that Seqdrop raises on purpose."""

    retryable = False


class RetryableError(SeqdropError):
    """The same call may succeed later: a throttle, a service hiccup, a record that is not there yet."""

    retryable = True


class ConfigurationError(SeqdropError):
    """The deployment or analyses.toml is wrong; only a person can mend it."""


class ObjectGoneError(SeqdropError):
    """The object version is no longer in the bucket."""


class RecordNotFoundError(RetryableError):
    """The ledger has no record of this name; one that a message names may be written in a moment."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"the ledger has no {kind} {name}")


class JobRefusedError(SeqdropError):
    """SageMaker (or our own rules, before asking it) will never accept this request."""


class DistributionRefusedError(SeqdropError, ValueError):
    """A training job cannot be spread as it was asked; the message says why, and what could be asked instead."""


class PlanRefusedError(SeqdropError):
    """A training job would not fit its GPUs, or would cost more than it may. Permanent: only another job.toml helps.

    `advice` are changes that would do, the cheapest first; the message ends with them.
    """

    def __init__(self, reason: str, advice: tuple[str, ...] = ()):
        super().__init__(reason + (f". What would do: {'; '.join(advice)}" if advice else ""))
        self.reason, self.advice = reason, advice


class ArchiveMismatchError(SeqdropError):
    """The copy's checksum is not that of the validated bytes. The landing object must stay."""


@dataclass(frozen=True)
class Fault:
    """Where and why a file is invalid, as written to `reasons/<upload id>.json`.

    `record` counts from 1; `line` counts from 1 and `byte` is the 0-based offset of that line, both in the
    decompressed stream; of damaged compression, `byte` is the offset in the compressed file. None where the
    notion does not apply (an empty file has no line).
    No message holds sequence or quality text. `name` is what stands in the header's place, which in a file
    with lost lines may be something else.
    """

    code: str
    message: str
    advice: str
    name: str | None = None
    record: int | None = None
    line: int | None = None
    byte: int | None = None

    def as_dict(self) -> dict:
        return asdict(self)

    def as_entry(self) -> dict:
        """As reports list it: `record` is the record's name, `number` counts records from 1."""
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
    """A dropped file that must be rejected. Permanent: the same bytes will always be rejected.

    `fault` is the first error; `errors` are the first ones, `counts` the number of faults by code, warnings included.
    """

    def __init__(self, fault: Fault, errors: list[Fault] | None = None, counts: dict[str, int] | None = None):
        super().__init__(f"{fault.code}: {fault.message}")
        self.fault = fault
        self.errors = errors or [fault]
        self.counts = counts or {fault.code: 1}
