"""Deliberate bugs in the handling of runs. The schedules must find them."""

from __future__ import annotations

from dataclasses import replace

from seqdrop.runs import names, parts
from seqdrop.runs.completion import judge
from seqdrop.runtime.services import Services
from seqdrop.stages import notifications, run_checksums
from seqdrop.stages.reconcile import due_runs
from seqdrop.stages.runs import arrival, judgement, run
from seqdrop.stages.runs.judgement import Judgement
from seqdrop.stages.runs.survey import Entry

from tests.faults.planting import Bug, Change, make_registry, skip_check

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


# -- when a run is complete --


@_bug("the grace time is left out", quick=True)
def _no_grace() -> list[Change]:
    def judge_at_once(folder, files, read, now, known):
        return judge(folder, files, read, now, replace(known, grace_minutes=0))

    return [(judgement, "judge", judge_at_once)]


@_bug("a run that failed is archived")
def _failure_ignored() -> list[Change]:
    return [(judgement, "_find_released", lambda survey, verdict: list(verdict.complete))]


@_bug("an on-board analysis is released by the markers of the run", quick=True)
def _analysis_released() -> list[Change]:
    original = names.gate_folders
    return [(names, "gate_folders", lambda name: [*original(name), ""])]


@_bug("a new flow cell is released by the run, which was complete before")
def _part_released() -> list[Change]:
    return [(parts, "part_folder", lambda *_: "")]


@_bug("a folder is opened before all its files are read")
def _unread() -> list[Change]:
    return [(Entry, "is_pending", property(lambda self: False))]


# -- crashes, and two invocations at the same moment --


@_bug("folders are noted as complete after their files are enqueued, and not before")
def _noted_late() -> list[Change]:
    note, open_ = run._note, run._open

    def note_other(services, record, **facts):
        return record if facts.get("opening") else note(services, record, **facts)

    def enqueue_first(services, survey, record, judged):
        for folder in judged.ready:
            run.enqueue_all(services, survey.below(folder))
        return open_(services, survey, record, judged)

    return [(run, "_note", note_other), (run, "_open", enqueue_first)]


@_bug("a folder is reported again after its files have left")
def _reported_again() -> list[Change]:
    open_ = run._open
    return [(run, "_open", lambda services, survey, record, judged: open_(services, survey, _forget(record), judged))]


def _forget(record):
    return replace(record, complete=[])


# -- looks at a time of their own --


@_bug("the time of the next look is noted, but no message is sent")
def _no_message() -> list[Change]:
    def note_only(services, record, judged) -> None:
        run._note(services, record, due_at=run.iso(judged.due_at))

    return [(run, "_look_again", note_only), *skip_check("runs")()]


@_bug("a new part of an archived run is noticed only by its markers")
def _part_not_announced() -> list[Change]:
    return [(arrival, "_is_added", lambda *_: False)]


@_bug("a file that was deleted while it waited is not noticed")
def _deleted_waits() -> list[Change]:
    return [(due_runs, "LONGEST_PAUSE", 10**9)]


@_bug("each look writes another copy of RunInfo.xml")
def _copies() -> list[Change]:
    def find_bytes(services: Services, bucket: str, key: str) -> bytes | None:
        return None if key.endswith("/RunInfo.xml") else original(services, bucket, key)

    original = Services.find_bytes
    return [(Services, "find_bytes", find_bytes)]


# -- what the lab gets --


@_bug("each look at a run begins another revision")
def _reopened() -> list[Change]:
    return [(Judgement, "is_new_revision", property(lambda self: True))]


@_bug("a file that differs from a checksum list is archived")
def _difference_ignored() -> list[Change]:
    return [(run_checksums, "_reject", lambda *_: None)]


@_bug("each rejected file of a run is a mail")
def _mail_each() -> list[Change]:
    return [(notifications, "notifies_each", lambda *_: True)]


@_bug("the mail about a failure is not noted")
def _failure_not_noted() -> list[Change]:
    note = run._note
    return [(run, "_note", lambda services, record, **facts: note(services, record, **(facts | {"failed_at": ""})))]
