"""The plan, the files and the outcome of an upload as lines for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqdrop_cli.console import format_size, is_terminal, say
from seqdrop_cli.uploader.events import FINISHED, Event, Outcome
from seqdrop_cli.uploader.uploader import ARCHIVED, SENT, THERE

if TYPE_CHECKING:
    from collections import Counter

    from seqdrop_cli.uploader.listing import LeftOut
    from seqdrop_cli.uploader.plan import Plan
    from seqdrop_cli.uploader.progress_line import ProgressLine
    from seqdrop_cli.uploader.records import Item

SHOWN_FAILURES = 20
FEW = 50  # files whose lines are printed on a terminal


@dataclass
class Summary:
    """The number of files and bytes of a plan, in total and by destination: `raw/`, or `runs/<run folder>/`."""

    files: int = 0
    size: int = 0
    by_place: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> Summary:
        """Return the summary of a plan, whose folders are read once."""
        summary = cls()
        for unit in plan.units():
            for item in unit:
                summary.add(item)
        return summary

    def add(self, item: Item) -> None:
        """Count a file."""
        place = item.group or item.key.partition("/")[0] + "/"
        files, size = self.by_place.get(place, (0, 0))
        self.by_place[place] = (files + 1, size + item.size)
        self.files, self.size = self.files + 1, self.size + item.size

    def facts(self) -> dict[str, Any]:
        """Return the facts of the event `planned`."""
        places = {place: {"files": files, "bytes": size} for place, (files, size) in self.by_place.items()}
        return {"files": self.files, "bytes": self.size, "places": places}


def describe_plan(summary: Summary, notes: Counter[str]) -> list[str]:
    """Return a line for each destination, and one for each reason why files go elsewhere than was asked."""
    lines = [
        f"{place}  {count_files(files)}, {format_size(size)}"
        for place, (files, size) in sorted(summary.by_place.items())
    ]
    return lines + [f"{count_files(count)}: {reason}" for reason, count in notes.items()]


def describe_left_out(left_out: LeftOut) -> list[str]:
    """Return a line for each reason why files are left out."""
    return [
        f"{count} left out: {reason} (for example {left_out.examples[reason]})"
        for reason, count in left_out.counts.items()
    ]


def describe_outcome(outcome: Outcome, seconds: float) -> list[str]:
    """Return what was sent, what was not, and what to do about it."""
    total = outcome.sent + sum(outcome.skipped.values()) + sum(outcome.unsent.values()) + outcome.failed
    lines = [f"{count_files(outcome.sent)} sent, {format_size(outcome.sent_bytes)} in {seconds:.0f} s"]
    if archived := outcome.skipped[ARCHIVED]:
        lines.append(
            f"{archived} of {total} files are archived already and are not uploaded again; use --again for that"
        )
    lines += [
        f"{outcome.skipped[reason]} of {total} files were {reason}"
        for reason in (SENT, THERE)
        if outcome.skipped[reason]
    ]
    lines += [f"{count_files(count)} left for later: {reason}" for reason, count in outcome.unsent.items()]
    lines += [f"{printable(key)}: {reason}" for key, reason in outcome.failures[:SHOWN_FAILURES]]
    if outcome.failed:
        lines.append(f"{count_files(outcome.failed)} failed; the same command sends what is missing")
    return lines


def printable(name: str) -> str:
    """Return a name that every terminal can print, even if it is no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


@dataclass
class Lines:
    """Prints upload id and address of each file that is sent, and shows the progress of all on a terminal.

    If the output is a terminal, the lines of more than FEW files would only scroll by, so they are left out.
    """

    bucket: str
    files: int
    progress: ProgressLine | None = None

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.kind == FINISHED and (self.files <= FEW or not is_terminal()):
            self.close()
            say(f"{event.facts['upload']}  s3://{self.bucket}/{event.facts['key']}")
        if self.progress:
            self.progress(event)

    def close(self) -> None:
        """Remove the progress from the terminal."""
        if self.progress:
            self.progress.clear()


def count_files(files: int) -> str:
    """Return a number of files in words."""
    return "1 file" if files == 1 else f"{files:,} files"
