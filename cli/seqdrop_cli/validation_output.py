"""The results of `seqdrop validate` on files and pairs, and the lines that it prints on pairs and on all files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seqdrop_cli.console import paint, say
from seqdrop_cli.inputs import find_absent_mate, is_plain

if TYPE_CHECKING:
    from seqdrop.errors import Fault
    from seqdrop.report.schema import Report

    from seqdrop_cli.inputs import Unit
    from seqdrop_cli.sheet_validation import SheetReport

OTHERS = 5  # names of other files that are printed
FITS, DOES_NOT_FIT, NOT_COMPARED = "fits", "does not fit", "not compared"
PLURALS = {FITS: "fit", DOES_NOT_FIT: "do not fit", NOT_COMPARED: "were not compared"}


@dataclass
class Result:
    """The findings on a unit. `pair` is FITS, DOES_NOT_FIT, NOT_COMPARED, or "" for a file without a mate."""

    unit: Unit
    validity: dict[str, bool] = field(default_factory=dict)
    """{file: whether it is valid}, for the files that could be read."""
    unreadable: list[str] = field(default_factory=list)
    pair: str = ""
    report: Report | SheetReport | None = None

    @property
    def is_valid(self) -> bool:
        """True if all files could be read and are valid, and the pair fits."""
        return all(self.validity.values()) and not self.unreadable and self.pair != DOES_NOT_FIT


class Comparison(NamedTuple):
    """The faults of a pair; `reason` says why it was not compared, and is "" if it was."""

    faults: list[Fault]
    reason: str = ""

    @property
    def outcome(self) -> str:
        """FITS, DOES_NOT_FIT or NOT_COMPARED."""
        if self.faults:
            return DOES_NOT_FIT
        return NOT_COMPARED if self.reason else FITS


def print_pair(unit: Unit, reads: int, comparison: Comparison) -> None:
    """Print the result of the comparison of two mates; `reads` is the number of reads of the first."""
    title = " + ".join(Path(name).name for name in unit.names)
    if comparison.reason:
        say(f"{paint('–', 'yellow')} pair {title}: not compared: {comparison.reason}")
    elif comparison.faults:
        say(f"{paint('✘', 'red')} pair {title}: the files do not fit together")
        for fault in comparison.faults:
            print_fault(f"  {paint('error', 'red')}", fault)
    else:
        number = f"{reads:,} {'read' if reads == 1 else 'reads'}"
        say(f"{paint('✔', 'green')} pair {title}: fits, {number} in each, and their names agree")


def print_absent_mate(name: str) -> None:
    """Print a note if the name of a file says that it has a mate, which is not among the files."""
    mate = find_absent_mate(name)
    if mate is not None:
        advice = "name both to check the pair" if is_plain(mate) else "the pair was not checked"
        say(f"  {paint('note', 'yellow')} {Path(mate).name} is its mate by name, but not among these files; {advice}")


def print_summary(results: list[Result], others: list[str]) -> None:
    """Print the numbers of files and pairs by outcome, the names of invalid files, and those of `others`."""
    validity = {name: valid for result in results for name, valid in result.validity.items()}
    unreadable = [name for result in results for name in result.unreadable]
    invalid = [name for name, valid in validity.items() if not valid]
    total = len(validity) + len(unreadable)
    parts = [f"{total - len(invalid) - len(unreadable)} valid"]
    parts += [f"{len(invalid)} invalid"] if invalid else []
    parts += [f"{len(unreadable)} could not be read"] if unreadable else []
    say(f"{total} {'file' if total == 1 else 'files'}: {', '.join(parts)}{_summarize_pairs(results)}")
    for title, names in (("invalid", invalid), ("could not be read", unreadable)):
        if names:
            say(f"  {title}: {', '.join(names)}")
    if others:
        examples = ", ".join(others[:OTHERS]) + (", …" if len(others) > OTHERS else "")
        say(f"  not checked, because the suffix is not that of a sequence file: {len(others)} ({examples})")


def _summarize_pairs(results: list[Result]) -> str:
    """Return a phrase for each outcome of comparisons, such as "; 2 pairs fit; 1 pair does not fit"."""
    counts = Counter(result.pair for result in results if result.pair)
    return "".join(
        f"; 1 pair {pair if pair != NOT_COMPARED else 'was ' + pair}"
        if count == 1
        else f"; {count} pairs {PLURALS[pair]}"
        for pair, count in sorted(counts.items())
    )


def print_fault(mark: str, fault: Fault) -> None:
    """Print a fault, with its location and advice, after `mark`."""
    places = {"record": fault.record, "line": fault.line, "byte": fault.byte}
    where = ", ".join(f"{word} {number:,}" for word, number in places.items() if number is not None)
    say(f"{mark} {fault.code}{f' at {where}' if where else ''}: {fault.message}")
    say(f"    {fault.advice}")
