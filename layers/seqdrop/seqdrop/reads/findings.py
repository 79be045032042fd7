"""Collect the faults of a file: the first ones with their locations, and the number of all by code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.codes import CODES, ERROR, IGNORE, WARNING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Unpack

FIRST = 20  # faults of each severity that a report lists


class Location(TypedDict, total=False):
    """The location of a fault. Keys that do not apply are absent; `errors.Fault` describes them."""

    name: str | None
    record: int | None
    line: int | None
    byte: int | None


class Policy:
    """The severity of each code: that in `severity` (the table of an analysis) or else the default of codes.py."""

    def __init__(self, severity: Mapping[str, str] | None = None) -> None:
        self._own = dict(severity or {})

    def severity(self, code: str) -> str:
        """Return ERROR, WARNING or IGNORE."""
        return self._own.get(code) or CODES[code].severity


class Findings:
    """The faults of a file. All are counted; the `first` errors and warnings are also listed with their locations."""

    def __init__(self, policy: Policy, first: int = FIRST) -> None:
        self.policy = policy
        self._first = first
        self._kept: dict[str, list[Fault]] = {ERROR: [], WARNING: []}
        self.counts: Counter[str] = Counter()
        self.errors_so_far = 0

    def add(self, fault: Fault) -> None:
        """Add a fault, unless the policy ignores its code."""
        severity = self.policy.severity(fault.code)
        if severity == IGNORE:
            return
        self.counts[fault.code] += 1
        self.errors_so_far += severity == ERROR
        kept = self._kept[severity]
        # The limit is for each code, because faults that are detected late may be early in file order.
        if sum(other.code == fault.code for other in kept) < self._first:
            kept.append(fault)

    def count(self, code: str, more: int) -> None:
        """Count `more` faults of a code, without their locations."""
        if more and self.policy.severity(code) != IGNORE:
            self.counts[code] += more
            self.errors_so_far += more * (self.policy.severity(code) == ERROR)

    def is_full(self, code: str) -> bool:
        """Return True if no further fault of this code will be listed."""
        severity = self.policy.severity(code)
        return severity == IGNORE or self.counts[code] >= self._first

    def replace_faults(self, change: Callable[[Fault], Fault]) -> None:
        """Replace each fault that is listed by `change(fault)`."""
        self._kept = {severity: [change(fault) for fault in kept] for severity, kept in self._kept.items()}

    def merge(self, codes: Collection[str], make: Callable[[Fault], Fault]) -> None:
        """Replace all faults of these codes, which must have the same severity, by `make(the first of them)`."""
        total = sum(self.counts[code] for code in codes)
        if not total:
            return
        for severity, kept in self._kept.items():
            merged = sorted((fault for fault in kept if fault.code in codes), key=_order)
            if merged:
                self._kept[severity] = [fault for fault in kept if fault.code not in codes]
                first = make(merged[0])
        for code in codes:
            self.errors_so_far -= self.counts.pop(code, 0) * (self.policy.severity(code) == ERROR)
        self.add(first)

    @property
    def valid(self) -> bool:
        """Whether there is no error."""
        return not self._kept[ERROR]

    @property
    def errors(self) -> list[Fault]:
        """The first errors in file order.

        Damaged compression comes first because it causes other errors; faults of the file as a whole come last.
        """
        return self._sorted(ERROR)

    @property
    def warnings(self) -> list[Fault]:
        """The first warnings in file order."""
        return self._sorted(WARNING)

    def _sorted(self, severity: str) -> list[Fault]:
        return sorted(self._kept[severity], key=_order)[: self._first]

    def raise_errors(self) -> None:
        """Raise InvalidFileError with all errors if there are any."""
        if not self.valid:
            raise InvalidFileError(self.errors[0], self.errors, dict(self.counts))


def _order(fault: Fault) -> tuple[bool, bool, int, int]:
    causes_others = fault.code.startswith(("gzip_", "bgzf_", "bam_"))
    return (not causes_others, fault.record is None, fault.byte if fault.byte is not None else -1, fault.line or 0)


def fault(code: str, message: str, **location: Unpack[Location]) -> Fault:
    """Return a Fault with this location and the advice of its code."""
    return Fault(code, message, CODES[code].advice, **location)
