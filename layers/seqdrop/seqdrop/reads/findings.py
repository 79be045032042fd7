"""What is wrong with a file: the first faults exactly, the rest counted by code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.codes import CODES, ERROR, IGNORE, WARNING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST = 20


class Policy:
    """How severe each code is: the defaults of codes.py, with an analysis's own table over them."""

    def __init__(self, severity: Mapping[str, str] | None = None):
        self._own = dict(severity or {})

    def severity(self, code: str) -> str:
        return self._own.get(code) or CODES[code].severity


class Findings:
    """Collects faults. `first` of each severity are kept whole; all are counted."""

    def __init__(self, policy: Policy, first: int = FIRST):
        self.policy = policy
        self._first = first
        self._kept: dict[str, list[Fault]] = {ERROR: [], WARNING: []}
        self.counts: Counter[str] = Counter()
        self.errors_so_far = 0

    def add(self, fault: Fault) -> None:
        severity = self.policy.severity(fault.code)
        if severity == IGNORE:
            return
        self.counts[fault.code] += 1
        self.errors_so_far += severity == ERROR
        kept = self._kept[severity]
        # So many of each code: those that are found at the end of the file may stand before others.
        if sum(one.code == fault.code for one in kept) < self._first:
            kept.append(fault)

    def count(self, code: str, more: int) -> None:
        """Count faults that are not described any more."""
        if more and self.policy.severity(code) != IGNORE:
            self.counts[code] += more
            self.errors_so_far += more * (self.policy.severity(code) == ERROR)

    def full(self, code: str) -> bool:
        """Whether a further fault of this code would only be counted."""
        severity = self.policy.severity(code)
        return severity == IGNORE or self.counts[code] >= self._first

    def change(self, to: Callable[[Fault], Fault]) -> None:
        """Replace each fault that was kept by what `to` makes of it."""
        self._kept = {severity: [to(one) for one in kept] for severity, kept in self._kept.items()}

    @property
    def valid(self) -> bool:
        return not self._kept[ERROR]

    @property
    def errors(self) -> list[Fault]:
        """The first errors in the order of the file. Damaged compression comes first: it causes others; what is said of
        the file as a whole comes last."""
        return self._sorted(ERROR)

    @property
    def warnings(self) -> list[Fault]:
        return self._sorted(WARNING)

    def _sorted(self, severity: str) -> list[Fault]:
        return sorted(self._kept[severity], key=_order)[: self._first]

    def raise_errors(self) -> None:
        """Raises InvalidFileError with all of it if there is any error."""
        if not self.valid:
            raise InvalidFileError(self.errors[0], self.errors, dict(self.counts))


def _order(fault: Fault) -> tuple:
    causes_others = fault.code.startswith(("gzip_", "bgzf_", "bam_"))
    return (not causes_others, fault.record is None, fault.byte if fault.byte is not None else -1, fault.line or 0)


def fault(code: str, message: str, **place) -> Fault:
    """A Fault with the advice of its code. `place` is name, record, line, byte."""
    return Fault(code, message, CODES[code].advice, **place)
