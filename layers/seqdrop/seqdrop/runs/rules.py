"""The completion rule of one part of a run: the run itself, a flow cell, a cell, a lane, or an on-board analysis."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from seqdrop.runs.files import RunFileError
from seqdrop.runs.listing import join
from seqdrop.runs.names import OVERRIDE
from seqdrop.runs.outcomes import RunOutcome, read_outcome, shorten
from seqdrop.runs.recognition import read_content

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from seqdrop.runs.files import ReadFile, RunFile
    from seqdrop.runs.instruments import Alternative, Outcome
    from seqdrop.runs.listing import Listing

State = Literal["SEQUENCING", "COPYING", "COMPLETE", "FAILED"]
Kind = Literal["run", "flow cell", "cell", "lane", "analysis"]
OVERRIDDEN = f"A person has marked it as complete ({OVERRIDE})."
FIRST_RECHECK, LAST_RECHECK = timedelta(minutes=15), timedelta(hours=24)


@dataclass(frozen=True)
class Look:
    """What a verdict is based on: the files, the time, the number of reads, and a grace time instead of the table's."""

    listing: Listing
    read: ReadFile
    now: datetime
    reads: int | None = None
    grace: timedelta | None = None

    @property
    def recheck_at(self) -> datetime:
        """When to look for listed files again: they are not notable, so their arrival alone causes no new verdict.

        The longer no file came, the later: a quarter of that time, at least 15 minutes and at most a day.
        """
        pause = (self.now - (self.listing.latest or self.now)) / 4
        return self.now + min(max(pause, FIRST_RECHECK), LAST_RECHECK)


@dataclass(frozen=True)
class Part:
    """A part of a run that becomes complete by itself. `folders` are all folders at or below its own."""

    folder: str
    kind: Kind
    folders: Collection[str]


@dataclass
class Assessment:
    """The state of a part, with a sentence for people.

    `is_open` says that its files may advance; `missing` is what is awaited, as paths below the run folder; `due_at` is
    when to look again.
    """

    state: State
    reason: str
    is_open: bool = False
    missing: Sequence[str] = ()
    due_at: datetime | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass
class Progress:
    """How far a part is: `complete_at` is when it is or will be complete, and None while something is missing.

    `due_at` is when to look again although something is missing. `warning` is that of the rule, if it has one.
    """

    complete_at: datetime | None
    missing: list[str]
    warning: str = ""
    due_at: datetime | None = None

    def await_also(self, names: list[str], look: Look) -> None:
        """Wait for files that a list names, too."""
        if names:
            self.complete_at = None
            self.missing = names
            self.due_at = look.recheck_at


def is_overridden(part: Part, look: Look) -> bool:
    """Return True if a person put the marker of Seqdrop into the part's folder."""
    return look.listing.get(join(part.folder, OVERRIDE)) is not None


def check_markers(rules: Sequence[Alternative], part: Part, look: Look, grace: timedelta) -> Progress:
    """Return the progress by the rule that is fulfilled first; by the first rule while none has all its markers."""
    progresses = [_check_rule(rule, part, look, look.grace if look.grace is not None else grace) for rule in rules]
    ready = sorted((at, index) for index, progress in enumerate(progresses) if (at := progress.complete_at))
    for at, index in ready:
        if at <= look.now or not progresses[index].warning:
            return progresses[index]
    progress = progresses[0]
    progress.due_at = ready[0][0] if ready else None  # when a rule is fulfilled that does without some markers
    return progress


def _check_rule(rule: Alternative, part: Part, look: Look, grace: timedelta) -> Progress:
    markers: list[RunFile] = []
    needs_reads = look.reads is None and any("{n}" in marker for marker in rule.markers)
    missing = ["RunInfo.xml"] if needs_reads else []  # it says how many reads there are, and so how many markers
    for pattern in _expand(rule.markers, look.reads or 0):
        present = look.listing.find(part.folder, pattern)
        markers += present
        if not present:
            missing.append(join(part.folder, pattern.replace("|", " or ")))
    if missing or not markers:
        return Progress(None, missing)
    newest = max(file.modified for file in markers)
    if not rule.quiet_hours:
        return Progress(newest + grace, [])
    newest = max(newest, look.listing.newest(part.folders) or newest)
    return Progress(newest + timedelta(hours=rule.quiet_hours), [], rule.warning)


def _expand(markers: Sequence[str], reads: int) -> list[str]:
    """Return the markers, with one for each read where the table says `{n}`."""
    numbers = range(1, reads + 1)
    return [
        marker.replace("{n}", str(number)) for marker in markers for number in (numbers if "{n}" in marker else (0,))
    ]


def check_outcome(outcome: Outcome | None, part: Part, look: Look, warnings: list[str]) -> RunOutcome | None:
    """Return what the outcome file of a part says; None if there is none. One that cannot be read becomes a warning."""
    file = look.listing.get(join(part.folder, outcome.file)) if outcome else None
    body = read_content(file.name, look.read) if file else None
    if outcome is None or file is None or body is None:
        return None
    try:
        return read_outcome(outcome.form, body, file.name)
    except RunFileError as error:
        warnings.append(str(error))
        return None


def fail(outcome: Outcome, result: RunOutcome, part: Part, grace: timedelta, look: Look) -> Assessment:
    """Return the state of a part that failed. Its files may advance too, a grace time after the outcome file."""
    path = join(part.folder, outcome.file)
    file = look.listing.get(path)
    at = (file.modified if file else look.now) + (look.grace if look.grace is not None else grace)
    is_open = at <= look.now
    return Assessment("FAILED", f"{path} says: {result.text}.", is_open, due_at=None if is_open else at)


def conclude(progress: Progress, has_ended: bool, look: Look) -> Assessment:
    """Return the state that follows from the markers, and the reason."""
    at = progress.complete_at
    if at is not None and at <= look.now:
        return Assessment("COMPLETE", "All its markers are there.", is_open=True)
    if at is not None:
        return Assessment(
            "COPYING", f"All its markers are there; late files may come until {format_time(at)}.", due_at=at
        )
    state: State = "COPYING" if has_ended else "SEQUENCING"
    start = "Sequencing has ended; still awaited" if has_ended else "It is sequencing; awaited"
    reason = f"{start}: {describe(progress.missing)}."
    return Assessment(state, reason, missing=progress.missing, due_at=progress.due_at)


def open_up(assessment: Assessment, reason: str) -> Assessment:
    """Return the assessment of a part that is complete for another reason than its markers. FAILED stays FAILED."""
    if assessment.state == "FAILED":
        return replace(assessment, is_open=True, due_at=None)
    return replace(assessment, state="COMPLETE", reason=reason, is_open=True, missing=(), due_at=None)


def describe(names: Sequence[str]) -> str:
    """Return up to three names for a sentence, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(shorten(name) for name in names[:3]) + more


def format_time(time: datetime) -> str:
    """Return a time for people, in UTC and to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
