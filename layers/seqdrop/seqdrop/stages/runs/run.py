"""Judge a run: let its complete folders advance, and move its record.

Each step may be repeated. The order is: note the folders to open (`opening`); compare the files of each with the
checksum lists, and report it; note all as complete; enqueue their files; then move the record. After a crash the
message is delivered again. The markers of a complete folder may have left the landing bucket by then, so the note
counts, and not the verdict. A folder that is noted as complete is not reported again, because its files may have left
as well.

The note of `opening` fails if another invocation wrote the record after it was read here, and thus before the landing
bucket was listed: that invocation may have let files advance, and the listing may lack them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.errors import RecordNotFoundError, RetryableError
from seqdrop.ledger.records import apply_facts, apply_move
from seqdrop.runtime.log import logger
from seqdrop.runtime.messages import make_run_message
from seqdrop.runtime.services import Services, iso, minutes_ago, now
from seqdrop.stages.runs import notices
from seqdrop.stages.runs.checksums import compare_lists
from seqdrop.stages.runs.index import write_index
from seqdrop.stages.runs.judgement import Judgement, judge_survey
from seqdrop.stages.runs.opening import enqueue_all
from seqdrop.stages.runs.report import publish_state, read_report, summarize, write_part, write_state
from seqdrop.stages.runs.survey import Survey, take_survey

if TYPE_CHECKING:
    from seqdrop.ledger.records import Fact
    from seqdrop.ledger.run_record import Run

LONGEST_DELAY = 900  # seconds for which SQS can hold a message back
REPORTING = 5  # minutes that the mail of an archived run takes at most
PAUSE = 15  # seconds, after another invocation wrote the record


class RunChangedError(RetryableError):
    """Another invocation wrote the record of a run after it was read here."""


def advance_run(services: Services, run_id: str) -> None:
    """Judge the run with this id, and do what follows.

    If another invocation writes the record meanwhile, the run is judged again when that is probably done. A run whose
    prefix has no gate any more is left as it is.
    """
    run = services.ledger.find_run(run_id)
    if run is None:
        raise RecordNotFoundError("run", run_id)
    if services.analyses.run_folder(run.key_of("file")) != run.folder:
        return
    try:
        _advance(services, run)
    except RunChangedError:
        services.send(services.settings.validate_queue, make_run_message(run.id), PAUSE)


def _advance(services: Services, run: Run) -> None:
    was_complete = run.state == "COMPLETE"  # before the listing: stages/runs/arrival.py relies on it
    survey = take_survey(services, run)
    judgement = judge_survey(survey)
    survey = survey.divide(judgement.parts)
    if judgement.is_new_revision and run.state in ("COMPLETE", "ARCHIVED"):
        run = _move(services, run, "COPYING", number=run.number + 1)
    if judgement.ready:
        opened = _open(services, survey, _note(services, run, opening=list(judgement.ready)), judgement)
        if opened is None:
            return services.send(services.settings.validate_queue, make_run_message(run.id))
        run = opened
    run = _record(services, run, judgement)
    if mailed := notices.send(services, survey, run, judgement):
        run = _note(services, run, **mailed)
    if was_complete and run.state == "COMPLETE" and not any(entry.is_open for entry in survey.entries):
        run = _finish(services, survey, run)
    publish_state(survey, run)
    return _look_again(services, run, judgement)


def _open(services: Services, survey: Survey, run: Run, judgement: Judgement) -> Run | None:
    """Compare complete folders with the checksum lists, report them, and let their files advance; return the record.

    All are compared before any file advances, because a list of one may name files of another. Return None if more
    files must be read again for that than one invocation reads. The run is then judged again at once, which continues
    where this ended.
    """
    fresh = [folder for folder in judgement.ready if folder not in run.complete]
    for folder in fresh:
        comparison = compare_lists(survey, folder)
        if comparison.unread:
            return None
        write_part(survey, folder, judgement, comparison)
    if fresh:
        run = _note(services, run, complete=[*run.complete, *fresh])
    for folder in judgement.ready:
        enqueue_all(services, survey.below(folder))
    return run


def _record(services: Services, run: Run, judgement: Judgement) -> Run:
    """Write a judgement to the record of its run, and return the record."""
    facts: dict[str, Fact] = {
        "cause": judgement.cause,
        "instrument": judgement.verdict.instrument or run.instrument,
        "instrument_name": judgement.verdict.name or run.instrument_name,
    }
    if judgement.ready:
        facts |= {**summarize(read_report(services, run)), "opening": []}
    if judgement.state != run.state:
        return _move(services, run, judgement.state, **facts)
    if all(getattr(run, name) == value for name, value in facts.items()):
        return run
    return _note(services, run, **facts)


def _finish(services: Services, survey: Survey, run: Run) -> Run:
    """Report a run whose files have all left the landing bucket or were rejected, and move it to ARCHIVED.

    The time is noted before the mail is sent, so that no other invocation sends it as well. After a crash, the mail is
    sent again REPORTING minutes later.
    """
    if run.reported_at > minutes_ago(REPORTING):
        return run
    run = _note(services, run, reported_at=now())
    rejected = [entry for entry in survey.latest.values() if entry.upload and entry.upload.state == "REJECTED"]
    archived = replace(apply_move(run, "ARCHIVED", now(), {}), rejected=len(rejected))
    notices.mail_archived(services, archived, write_state(survey, archived))
    logger().info("run archived", extra={"run": run.id, "files": run.files, "rejected": len(rejected)})
    run = _move(services, run, "ARCHIVED", rejected=len(rejected), due_at="", reported_at="")
    write_index(services, run)
    return run


def _look_again(services: Services, run: Run, judgement: Judgement) -> None:
    """Send the message of the time at which the run must be judged again, if SQS can delay it for as long; note it.

    The reconciler sends the message of a later time, and that of a message which was lost. If an earlier look is due
    whose message is on its way, that is enough. A time further away is only the reconciler's (reconcile/due_runs.py).
    """
    due_at = iso(judgement.due_at) if run.state != "ARCHIVED" else ""
    latest = min(due_at, iso(clock.utc_now() + timedelta(seconds=LONGEST_DELAY)))
    if run.due_at == due_at or now() < run.due_at <= latest:
        return
    if due_at:
        delay = max(1, (judgement.due_at - clock.utc_now()) // timedelta(seconds=1) + 1)
        if delay <= LONGEST_DELAY:
            services.send(services.settings.validate_queue, make_run_message(run.id), delay)
    _note(services, run, due_at=due_at)


def _move(services: Services, run: Run, state: str, **facts: Fact) -> Run:
    """Move a run and return its record. Raise RunChangedError if another invocation wrote it."""
    if not services.ledger.move(run, state, **facts):
        raise RunChangedError(run.id)
    return apply_move(run, state, now(), facts)


def _note(services: Services, run: Run, **facts: Fact) -> Run:
    if not services.ledger.note(run, **facts):
        raise RunChangedError(run.id)
    return apply_facts(run, facts)
