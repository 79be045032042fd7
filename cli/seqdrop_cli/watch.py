"""The progress of uploads until they are final: a live table on a terminal, elsewhere a line for each change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from seqdrop.companions.runs import marker_command

from seqdrop_cli.errors import CommandError
from seqdrop_cli.following import Following, ReadingPace
from seqdrop_cli.progress import Progress, at_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from seqdrop.ledger.table import Ledger
    from seqdrop.uploads import UploadVersion

SHOWN = 10  # uploads that a message names
STATES_OF_JOBS = {"SUBMITTED", "EXAMINING"}  # a job may run for hours without a change of state


class StalledError(CommandError):
    """No upload has changed its state for too long; the message names those that are not final."""


def watch(
    ledger: Ledger,
    versions: list[UploadVersion],
    console: Console,
    patience: float = 900,
    show: Callable[[list[Progress]], None] | None = None,
) -> list[Progress]:
    """Show progress until every upload is final or waits for a file that was not dropped; return the last progress.

    Raise StalledError when no state has changed for `patience` seconds, unless a job is running. `show`, if it is
    passed, is called with the uploads whose state has changed, instead of a table or lines.
    """
    reports = _follow(ledger, versions, patience)
    if show:
        return _call_with_changes(reports, show)
    return _show_table(reports, console) if console.is_terminal else _print_lines(reports, console)


def _follow(ledger: Ledger, versions: list[UploadVersion], patience: float) -> Iterator[list[Progress]]:
    last_states: list[str] = []
    changed_at = time.monotonic()
    following, pace = Following(ledger, versions), ReadingPace()
    while True:
        uploads = following.read()
        yield uploads
        states = [upload.state for upload in uploads]
        if following.is_done:
            return
        # Uploads are read one after another, so a waiting upload may have been read before another became final, which
        # could have released it. Only a second, equal reading of all shows that all are at rest.
        if states == last_states and at_rest(uploads) and [it.state for it in following.read_all()] == states:
            return
        has_changed = states != last_states
        if has_changed or STATES_OF_JOBS & set(states):
            last_states, changed_at = states, time.monotonic()
        if time.monotonic() - changed_at > patience:
            raise StalledError(_describe_stall(uploads, patience))
        time.sleep(pace.find_pause(has_changed))


def _describe_stall(uploads: list[Progress], patience: float) -> str:
    open_uploads = [f"{upload.key} ({upload.state})" for upload in uploads if not upload.is_final]
    more = f" and {len(open_uploads) - SHOWN} more" if len(open_uploads) > SHOWN else ""
    named = f"{', '.join(open_uploads[:SHOWN])}{more}"
    return f"nothing has changed for {patience:.0f} s: {named}; `seqdrop status` shows the later states"


def explain_waiting(uploads: list[Progress]) -> list[str]:
    """Return a sentence for each upload that waits for files: which files, and what to do."""
    return [_explain(upload) for upload in uploads if upload.waits_for]


def _explain(progress: Progress) -> str:
    if progress.is_gated and progress.upload:
        command = marker_command(progress.upload.bucket, progress.waits_for)
        return f"{progress.key} is valid and waits for the marker of its run. If the run is complete: {command}"
    if not progress.awaited:
        return f"{progress.key} no longer waits for other files; the pipeline continues with it within the hour."
    hint = progress.awaited.hints[-1]
    awaited = progress.awaited.detail
    return f"{progress.key} waits for {awaited}. The pipeline continues with it once that has arrived. {hint}"


def _show_table(reports: Iterator[list[Progress]], console: Console) -> list[Progress]:
    from rich.live import Live

    from seqdrop_cli.upload_overview import show_uploads

    started = time.monotonic()
    uploads: list[Progress] = []
    # Drawing takes milliseconds, so it is done once for each reading, whose pauses limit the CPU time of both.
    with Live(console=console, auto_refresh=False, transient=False) as live:
        for uploads in reports:
            live.update(show_uploads(uploads, time.monotonic() - started, console.height), refresh=True)
    return uploads


def _print_lines(reports: Iterator[list[Progress]], console: Console) -> list[Progress]:
    started = time.monotonic()
    states: dict[str, str] = {}
    uploads: list[Progress] = []
    for uploads in reports:
        for upload in uploads:
            if states.get(upload.upload_id) != upload.state:
                states[upload.upload_id] = upload.state
                line = _line(upload, time.monotonic() - started)
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    return uploads


def _call_with_changes(reports: Iterator[list[Progress]], show: Callable[[list[Progress]], None]) -> list[Progress]:
    states: dict[str, str] = {}
    uploads: list[Progress] = []
    for uploads in reports:
        show([upload for upload in uploads if states.get(upload.upload_id) != upload.state])
        states = {upload.upload_id: upload.state for upload in uploads}
    return uploads


def _line(progress: Progress, seconds: float) -> str:
    detail = f"  ({progress.detail})" if progress.detail else ""
    return f"{seconds:6.1f} s  {progress.state:<10} {progress.key}{detail}"
