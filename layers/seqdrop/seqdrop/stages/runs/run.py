"""Judge a run: let its complete folders advance, and move its record.

Each step may be repeated. The order is: report a folder, open its gate, enqueue its files, move the record. After a
crash the message is delivered again, and a folder whose gate is open is not reported again, because its files may have
left the landing bucket by then.
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
from seqdrop.runtime.services import Services, iso, now
from seqdrop.stages.runs import notices
from seqdrop.stages.runs.judgement import Judgement, judge_survey
from seqdrop.stages.runs.opening import enqueue_all, find_gate, open_gate
from seqdrop.stages.runs.report import write_part, write_state
from seqdrop.stages.runs.survey import Survey, take_survey

if TYPE_CHECKING:
    from seqdrop.ledger.records import Fact
    from seqdrop.ledger.run_record import Run

LONGEST_DELAY = 900  # seconds for which SQS can hold a message back


def advance_run(services: Services, run_id: str) -> None:
    """Judge the run with this id, and do what follows. A run whose prefix has no gate any more is left as it is."""
    run = services.ledger.find_run(run_id)
    if run is None:
        raise RecordNotFoundError("run", run_id)
    if services.analyses.run_folder(f"{run.folder}file") != run.folder:
        return
    survey = take_survey(services, run)
    judgement = judge_survey(survey)
    if judgement.is_new_revision and run.state in ("COMPLETE", "ARCHIVED"):
        run = _move(services, run, "COPYING", number=run.number + 1)
    for folder in judgement.ready:
        _open(services, survey, folder, judgement)
    run = _record(services, run, judgement)
    run = notices.send(services, survey, run, judgement)
    if run.state == "COMPLETE" and not any(entry.is_open for entry in survey.entries):
        run = _finish(services, survey, run)
    _look_again(services, run, judgement)


def _open(services: Services, survey: Survey, folder: str, judgement: Judgement) -> None:
    """Report a complete folder, open its gate and enqueue its files."""
    if not find_gate(services, survey.run, folder).fact("opened_at"):
        write_part(services, survey, folder, judgement)
        open_gate(services, survey.run, folder)
    enqueue_all(services, survey.below(folder))


def _record(services: Services, run: Run, judgement: Judgement) -> Run:
    """Write a judgement to the record of its run, and return the record."""
    complete = [*run.complete, *judgement.ready]
    facts: dict[str, Fact] = {
        "complete": complete,
        "cause": judgement.cause,
        "instrument": judgement.verdict.instrument or run.instrument,
        "instrument_name": judgement.verdict.name or run.instrument_name,
    }
    if judgement.state != run.state:
        return _move(services, run, judgement.state, **facts)
    if all(getattr(run, name) == value for name, value in facts.items()):
        return run
    return _note(services, run, **facts)


def _finish(services: Services, survey: Survey, run: Run) -> Run:
    """Report a run whose files have all left the landing bucket or were rejected, and move it to ARCHIVED."""
    rejected = [entry for entry in survey.latest.values() if entry.upload and entry.upload.state == "REJECTED"]
    archived = replace(apply_move(run, "ARCHIVED", now(), {}), rejected=len(rejected))
    notices.mail_archived(services, archived, write_state(services, survey, archived))
    logger().info("run archived", extra={"run": run.id, "files": run.files, "rejected": len(rejected)})
    return _move(services, run, "ARCHIVED", rejected=len(rejected), due_at="")


def _look_again(services: Services, run: Run, judgement: Judgement) -> None:
    """Note when the run must be judged again, and send the message of that time if SQS can delay it for as long.

    The reconciler sends the message of a later time, and that of a message which was lost. If an earlier look is due,
    its message is enough.
    """
    due_at = iso(judgement.due_at) if judgement.due_at and run.state != "ARCHIVED" else ""
    if run.due_at == due_at or (due_at and now() < run.due_at <= due_at):
        return
    _note(services, run, due_at=due_at)
    if judgement.due_at and due_at:
        delay = (judgement.due_at - clock.utc_now()) // timedelta(seconds=1) + 1
        if delay <= LONGEST_DELAY:
            services.send(services.settings.validate_queue, make_run_message(run.id), max(delay, 1))


def _move(services: Services, run: Run, state: str, **facts: Fact) -> Run:
    """Move a run and return its record. Raise RetryableError if another invocation changed it."""
    if not services.ledger.move(run, state, **facts):
        raise RetryableError(f"another invocation changed the run {run.id}")
    return apply_move(run, state, now(), facts)


def _note(services: Services, run: Run, **facts: Fact) -> Run:
    if not services.ledger.note(run, **facts):
        raise RetryableError(f"another invocation changed the run {run.id}")
    return apply_facts(run, facts)
