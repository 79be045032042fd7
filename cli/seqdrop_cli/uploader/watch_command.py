"""The watch by a command: it runs until a signal, and prints a line when something happens."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqdrop.clock import utc_now

from seqdrop_cli.console import format_size, say
from seqdrop_cli.uploader.events import SKIPPED, Event, Outcome, write_json
from seqdrop_cli.uploader.heaps import limit_heaps
from seqdrop_cli.uploader.listing import Selection
from seqdrop_cli.uploader.run_bundles import spool_folder
from seqdrop_cli.uploader.state import UploadState
from seqdrop_cli.uploader.state_file import find_state
from seqdrop_cli.uploader.uploader import SENT, Options, Uploader
from seqdrop_cli.uploader.watch_freeing import FREEABLE, FREED, WatchFreeing
from seqdrop_cli.uploader.watching import PROBLEM, RUN, Watcher, WatchSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop_cli.commands.watch import WatchOptions
    from seqdrop_cli.target import Target
    from seqdrop_cli.uploader.run_watch import Work

PLANNED_RUN = "would send"


def run_watch(options: WatchOptions) -> int:
    """Watch until SIGTERM or Ctrl-C, which raise KeyboardInterrupt; with --once return 0, or 1 if something failed."""
    from seqdrop_cli.target import find_target

    target = find_target(options)
    state = UploadState(options.state or find_state(target, os.environ))
    try:
        with stop_on_terminate():
            return _watch(options, target, state)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt("stopped; the same command sends the rest") from interrupt
    finally:
        state.close()


def _watch(options: WatchOptions, target: Target, state: UploadState) -> int:
    limit_heaps()
    report = _printer(options)
    uploader = Uploader(target, state, Options(options.jobs, options.limit), lambda event: take(event))
    send = _describe_only(report) if options.dry_run else uploader.run
    watcher = Watcher(make_settings(options, state, target.landing), send, report, utc_now)

    def take(event: Event) -> None:
        watcher.note(event)
        if options.json and not (event.kind == SKIPPED and event.facts["reason"] == SENT):
            write_json(event)

    freeing = WatchFreeing(watcher, target, state, options.yes) if options.free_after else None
    try:
        while True:
            pause = watcher.step()
            if freeing and not options.dry_run:
                freeing.step()
            if options.once or options.dry_run:
                return int(not watcher.is_complete)
            time.sleep(pause)
    finally:
        watcher.close()
        uploader.close()


def make_settings(options: WatchOptions, state: UploadState, bucket: str) -> WatchSettings:
    """Return the settings of a watch with these options."""
    selection = Selection(tuple(options.include), tuple(options.exclude))
    spools = spool_folder(state.path, bucket)
    return WatchSettings(tuple(options.folders), spools, options.min_age, selection.takes, options.bundles)


@contextmanager
def stop_on_terminate() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, which systemd sends, so that files are released as after Ctrl-C."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _describe_only(report: Callable[[Event], None]) -> Callable[[Work], Outcome]:
    """Return a transfer that reports what it would send, and sends nothing."""

    def describe(work: Work) -> Outcome:
        report(Event(RUN, {"run": work.run.path.name, PLANNED_RUN: work.summary()}))
        return Outcome()

    return describe


def _printer(options: WatchOptions) -> Callable[[Event], None]:
    if options.json:
        return write_json
    return lambda event: say(describe_event(event))


def describe_event(event: Event) -> str:
    """Return the line for an event of a run or a problem, with the time. It has no names of files."""
    facts, now = event.facts, f"{utc_now():%Y-%m-%d %H:%M:%S}"
    if event.kind == PROBLEM:
        return f"{now}  {facts['folder']}: {facts['reason']}"
    for what in (FREED, FREEABLE):
        if what in facts:
            size = format_size(facts[what]["bytes"])
            return f"{now}  {facts['run']}  {what} {facts[what]['files']:,} files, {size}: the archive has them all"
    if PLANNED_RUN in facts:
        counts = ", ".join(f"{count:,} {name}" for name, count in facts[PLANNED_RUN].items())
        return f"{now}  {facts['run']}  would send {counts}"
    return f"{now}  {facts['run']}  {facts['state']}  {'; '.join(_describe_run(facts))}"


def _describe_run(facts: dict[str, Any]) -> list[str]:
    lines = [facts["reason"], *facts["warnings"]]
    if facts["waiting"]:
        lines.append(f"the markers wait: {facts['waiting']}")
    if facts.get("sent"):
        lines.append(f"{facts['sent']:,} objects sent, {format_size(facts['sent_bytes'])}")
    if unsent := facts.get("unsent", 0) + facts.get("failed", 0):
        lines.append(f"{unsent:,} objects were not sent ({facts['why']}); they are tried again")
    return lines
