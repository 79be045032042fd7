"""Replay: another attempt at an upload, after a failure or with another model, which a person requests.

It uses the work items of the earlier attempt until they expire; after that, a file that is still in the landing bucket
is read again. A plan is carried out only if the upload has not changed since it was read. Therefore two simultaneous
replays make one attempt, and no attempt is made while another is in progress.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.companions.training_sets import place_of, reuse_line
from seqdrop.errors import JobRefusedError, SeqdropError
from seqdrop.kinds.plans import kind_of, plan_of
from seqdrop.ledger.earlier_sets import TRAINING as TRAINING_SETS
from seqdrop.ledger.moves import ATTEMPT, ENDS
from seqdrop.ledger.records import TRAIN, Attempt, Step, Upload
from seqdrop.models.archives import current_archive
from seqdrop.runtime.events import make_landed_message
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.routing import enqueue_next, may_be_archived
from seqdrop.training.request import Order
from seqdrop.work.examination import is_fresh
from seqdrop.work.items import shard_key
from seqdrop.work.reuse import have_equal_items

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.runtime.services import Services

# Why an upload in one of these states cannot be replayed, whatever its attempts are.
REFUSED_STATES = {
    "RECEIVED": "it is being read, and advances without your help; if a mail said that Seqdrop could not examine it, "
    "drop it again",
    "WAITING": "it waits for files that belong to it; `seqdrop status` names them",
    "REJECTED": "it was rejected ({reason}), and the same bytes would be rejected again; correct it and drop it again, "
    "or drop it as it is if a changed analyses.toml accepts it now",
    "DUPLICATE": "it has the bytes of upload {duplicate_of}, which is archived; replay that one",
    "WITHDRAWN": "its object was deleted ({reason}); drop it again",
}


class RefusedError(SeqdropError):
    """An upload cannot be replayed. The message says why, and what to do instead."""


@dataclass(frozen=True)
class Replay:
    """The plan of a replay, in one of three forms.

    `attempt` is the next attempt, which uses existing work items. If it is None, the upload is read again for the
    attempt of this `number`. If `refused` is True, there is no replay. `summary` describes the plan, or the reason of
    the refusal. `file_set` is written along with the attempt of a training.
    """

    upload: Upload
    summary: str
    number: int = 0
    attempt: Attempt | None = None
    file_set: FileSet | None = None
    refused: bool = False


def plan_replay(services: Services, upload: Upload, again: bool = False) -> Replay:
    """Return the plan of a replay. Write nothing.

    Without `again` an upload is refused if the current model has predicted it with the same settings.
    """
    try:
        return _plan_replay(services, upload, again)
    except (RefusedError, JobRefusedError) as error:
        return Replay(upload, str(error), refused=True)


def replay(services: Services, plan: Replay) -> bool:
    """Carry out a plan; return False if the upload has changed since the plan was made.

    If the message that follows the write is lost, the reconciler sends it again.
    """
    upload, ledger = plan.upload, services.ledger
    if plan.attempt:
        cleared = Step(upload, upload.state, {"released_at": "", "expires_at": 0})
        if not ledger.move_together([cleared], [plan.attempt], plan.file_set):
            return False
        enqueue_next(services, ledger.require_upload(upload.id))
    else:
        if not ledger.move(upload, "RECEIVED", read_for=plan.number):
            return False
        services.send(services.settings.validate_queue, make_landed_message(upload.version))
    return True


def _plan_replay(services: Services, upload: Upload, again: bool) -> Replay:
    attempts = services.ledger.attempts(upload.id)
    _check_state(upload, attempts)
    if kind_of(attempts[-1]).job == TRAIN:
        return _train_again(services, upload, attempts[-1])
    analysis = services.analyses.for_key(upload.key)
    if analysis is None or not analysis.has_attempts:
        raise _other_analysis(attempts[-1], "no model")
    same = [attempt for attempt in attempts if attempt.analysis == analysis.name]
    if not same:
        raise _other_analysis(attempts[-1], analysis.name)
    last = same[-1]
    if analysis.workflow:
        return _run_again(upload, last, analysis)
    _check_model(services, last, analysis, again)
    return _repeat(services, upload, last, analysis) or _read_again(services, upload, last, analysis)


def _other_analysis(last: Attempt, present: str) -> RefusedError:
    return RefusedError(
        f"it was dropped for the analysis {last.analysis}, and its prefix now means {present}; drop it again"
    )


def _check_state(upload: Upload, attempts: list[Attempt]) -> None:
    """Raise RefusedError if an upload has no finished attempt of its own, or is about to be archived."""
    if upload.state in REFUSED_STATES:
        raise RefusedError(REFUSED_STATES[upload.state].format(reason=upload.reason, duplicate_of=upload.duplicate_of))
    if of_others := upload.training or upload.masks_of:
        raise RefusedError(f"it belongs to upload {of_others.partition('-')[0]}; replay that one")
    if not attempts:
        raise RefusedError("there is no model for it")
    for attempt in attempts:
        if attempt.state not in ENDS[ATTEMPT]:
            raise RefusedError(f"attempt {attempt.number} is in progress ({attempt.state})")
    last = {attempt.analysis: attempt for attempt in attempts}
    if upload.state == "VALIDATED" and may_be_archived(upload, list(last.values())):
        raise RefusedError("it is about to be archived; replay it when it is ARCHIVED")


def _check_model(services: Services, last: Attempt, analysis: Analysis, again: bool) -> None:
    """Raise RefusedError if a replay would give the same results, and JobRefusedError if the model cannot be used."""
    archive = current_archive(services.s3, services.settings.models, analysis.model)
    analysis.kind.check_archive(archive, analysis)
    if again or last.state != "PREDICTED" or plan_of(last) != analysis:
        return
    job = services.ledger.find_job(last.job)
    if job and job.model_digest == archive.digest:
        raise RefusedError("the current model has predicted it with the same settings; use --again to repeat it")


def _repeat(services: Services, upload: Upload, last: Attempt, analysis: Analysis) -> Replay | None:
    """Plan the next attempt with the work items of the last attempt; return None if those cannot be used any more."""
    if _explain_unusable(services, last, analysis):
        return None
    attempt = replace(last.next_attempt(), plan=analysis.as_json())
    return Replay(upload, f"attempt {attempt.number}, with the current model", attempt.number, attempt)


def _run_again(upload: Upload, last: Attempt, analysis: Analysis) -> Replay:
    """Plan the next run of a workflow. Raise RefusedError if the file has left the landing bucket."""
    if upload.state == "ARCHIVED" and not upload.kept_until:
        raise RefusedError("its workflow reads the file, which is archived; restore it and drop it again")
    attempt = replace(last.next_attempt(), plan=analysis.as_json(), cut_as="")
    return Replay(upload, f"attempt {attempt.number}, with the workflow of analyses.toml", attempt.number, attempt)


def _read_again(services: Services, upload: Upload, last: Attempt, analysis: Analysis) -> Replay:
    """Plan to read the upload again for its next attempt. Raise RefusedError if that is not possible."""
    why = _explain_unusable(services, last, analysis)
    if upload.state == "ARCHIVED":
        raise RefusedError(
            f"{why}, and its raw data is in Deep Archive: restore {upload.archive_key} "
            f"({keys.receipt(upload.id)} names time and price), then drop it again"
        )
    policy = policy_of(services.analyses, upload)
    if policy and policy.drop_again:
        raise RefusedError(f"{why}; {policy.drop_again}")
    number = last.number + 1
    return Replay(upload, f"read again, as {why}; then attempt {number}, with the current model", number)


def _explain_unusable(services: Services, last: Attempt, analysis: Analysis) -> str:
    """Return why the work items of an attempt cannot be used any more; empty if they can."""
    if not have_equal_items(plan_of(last), analysis):
        return "analyses.toml now makes other work items from it"
    return "" if is_fresh(services.s3, services.settings.work, shard_key(last, 0)) else "its work items have expired"


def _train_again(services: Services, upload: Upload, last: Attempt) -> Replay:
    """Plan the next attempt at a training that failed. Raise RefusedError if that is not possible.

    The training continues from the last checkpoint if its data, code and settings are the same.
    """
    order = Order.from_json(last.plan)
    analysis = services.analyses.for_key(upload.key)
    if analysis is None:
        raise RefusedError(
            "analyses.toml has no analysis for its prefix now; drop the whole folder under one that it has"
        )
    file_set = services.ledger.file_set(TRAINING_SETS, place_of(upload.bucket, upload.key, analysis.prefix).set_name)
    if last.state != "FAILED":
        raise RefusedError(
            f"it has trained its model; to train anew, drop job.toml with the line {reuse_line(upload.id)}"
        )
    if file_set.fact("attempt") != last.key:
        raise RefusedError("a newer job.toml of its folder replaced it")
    if not is_fresh(services.s3, services.settings.work, keys.split(order.data, "train")):
        raise RefusedError(f"the data prepared for it has expired; drop job.toml with the line {reuse_line(upload.id)}")
    attempt = replace(last.next_attempt(), plan=replace(order, previous=last.key).as_json(), cut_as="")
    summary = f"attempt {attempt.number}, from the last checkpoint if its data, code and settings are the same"
    return Replay(upload, summary, attempt.number, attempt, file_set.with_facts(attempt=attempt.key))
