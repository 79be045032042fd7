"""Another attempt at uploads that have had one: after a failure, or by another model. A person asks for it.

It goes by the earlier attempt's work items while they last; a file that still lies in the landing bucket is read again.
What may be done is decided on the upload as it was read, and each replay writes the upload on the condition that it
still is so. So two replays at once make one attempt, and none is made beside one that is under way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.companions.training_sets import place_of
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

# Why nothing can be replayed of an upload that stands here, whatever its attempts.
STANDS = {
    "RECEIVED": "it is being read; what comes next, comes by itself",
    "WAITING": "it waits for what belongs to it; `seqdrop status` says for what",
    "REJECTED": "it was rejected ({reason}), and the same bytes would be again; drop it again, mended, "
    "or as it is if a changed analyses.toml takes it now",
    "WITHDRAWN": "its object was deleted ({reason}); drop it again",
}


class RefusedError(SeqdropError):
    """An upload cannot be replayed; the message says why, and what to do instead."""


@dataclass(frozen=True)
class Replay:
    """What would be done with an upload: `attempt` is its next one, or it is read again for one of that `number`.

    Neither, if it is `refused`. `summary` describes it. `file_set` is written along with a training's attempt.
    """

    upload: Upload
    summary: str
    number: int = 0
    attempt: Attempt | None = None
    file_set: FileSet | None = None
    refused: bool = False


def plan_replay(services: Services, upload: Upload, again: bool = False) -> Replay:
    """What a replay of the upload would do. `again`: also what the same model has predicted already. Writes nothing."""
    try:
        return _plan_replay(services, upload, again)
    except (RefusedError, JobRefusedError) as error:
        return Replay(upload, str(error), refused=True)


def replay(services: Services, found: Replay) -> bool:
    """Do what was plan_replay; False if the upload has moved on since.

    A message that is lost after the write is made good by the reconciler.
    """
    upload, ledger = found.upload, services.ledger
    if found.attempt:
        noted = Step(upload, upload.state, {"released_at": "", "expires_at": 0})
        if not ledger.move_together([noted], [found.attempt], found.file_set):
            return False
        enqueue_next(services, ledger.find_upload(upload.id))
    else:
        if not ledger.move(upload, "RECEIVED", read_for=found.number):
            return False
        services.send(services.settings.validate_queue, make_landed_message(upload.version))
    return True


def _plan_replay(services: Services, upload: Upload, again: bool) -> Replay:
    attempts = services.ledger.attempts(upload.id)
    _check_standing(upload, attempts)
    if kind_of(attempts[-1]).job == TRAIN:
        return _trained_again(services, upload, attempts[-1])
    analysis = services.analyses.for_key(upload.key)
    of_it = [one for one in attempts if analysis and analysis.has_model and one.analysis == analysis.name]
    if not of_it:
        was, now = attempts[-1].analysis, analysis.name if analysis and analysis.has_model else "no model"
        raise RefusedError(f"it came for the analysis {was}, and its prefix means {now} now; drop it again")
    last = of_it[-1]
    _check_model(services, last, analysis, again)
    return _repeated(services, upload, last, analysis) or _read_again(services, upload, last, analysis)


def _check_standing(upload: Upload, attempts: list[Attempt]) -> None:
    """Raises RefusedError for an upload that has no attempt of its own at its end, or is about to be archived."""
    if upload.state in STANDS:
        raise RefusedError(STANDS[upload.state].format(reason=upload.reason))
    if of_others := upload.training or upload.masks_of:
        raise RefusedError(f"it belongs to upload {of_others.partition('-')[0]}; replay that one")
    if not attempts:
        raise RefusedError("there is no model for it")
    for one in attempts:
        if one.state not in ENDS[ATTEMPT]:
            raise RefusedError(f"attempt {one.number} is under way ({one.state})")
    last = {one.analysis: one for one in attempts}
    if upload.state == "VALIDATED" and may_be_archived(upload, list(last.values())):
        raise RefusedError("it is about to be archived; replay it once it is ARCHIVED")


def _check_model(services: Services, last: Attempt, analysis: Analysis, again: bool) -> None:
    """Raises RefusedError if the same would come of it as before, and JobRefusedError if no job could be made."""
    archive = current_archive(services.s3, services.settings.results, analysis.model)
    analysis.kind.check_archive(archive, analysis)
    if again or last.state != "PREDICTED" or plan_of(last) != analysis:
        return
    job = services.ledger.find_job(last.job)
    if job and job.model_digest == archive.digest:
        raise RefusedError("the current model has predicted it, with the same settings; --again does it all the same")


def _repeated(services: Services, upload: Upload, last: Attempt, analysis: Analysis) -> Replay | None:
    """The next attempt, by the work items of the last one; None if they serve no more."""
    if _why_cut_anew(services, last, analysis):
        return None
    attempt = replace(last.next_attempt(), plan=analysis.as_json())
    return Replay(upload, f"attempt {attempt.number}, by the present model", attempt.number, attempt)


def _read_again(services: Services, upload: Upload, last: Attempt, analysis: Analysis) -> Replay:
    why = _why_cut_anew(services, last, analysis)
    if upload.state == "ARCHIVED":
        raise RefusedError(
            f"{why}, and its raw data is in Deep Archive: restore {upload.archive_key} "
            f"({keys.receipt(upload.id)} says what that takes), then drop it again"
        )
    policy = policy_of(services.analyses, upload)
    if policy and policy.drop_again:
        raise RefusedError(f"{why}; {policy.drop_again}")
    number = last.number + 1
    return Replay(upload, f"read again, as {why}; then attempt {number}, by the present model", number)


def _why_cut_anew(services: Services, last: Attempt, analysis: Analysis) -> str:
    """Why the work items of an attempt serve no more; empty if they do."""
    if not have_equal_items(plan_of(last), analysis):
        return "analyses.toml now cuts other work items from it"
    return "" if is_fresh(services.s3, services.settings.work, shard_key(last, 0)) else "its work items have expired"


def _trained_again(services: Services, upload: Upload, last: Attempt) -> Replay:
    """The next attempt at a training that failed; it goes on from the last checkpoint if nothing has changed."""
    order = Order.from_json(last.plan)
    prefix = services.analyses.for_key(upload.key).prefix
    file_set = services.ledger.file_set(TRAINING_SETS, place_of(upload.bucket, upload.key, prefix).set_name)
    if last.state != "FAILED":
        raise RefusedError("it has trained its model; drop job.toml again to train anew")
    if file_set.fact("attempt") != last.key:
        raise RefusedError("a newer job.toml of its folder took its place")
    if not is_fresh(services.s3, services.settings.work, keys.split(order.data, "train")):
        raise RefusedError("what was prepared of its data has expired; drop job.toml again")
    attempt = replace(last.next_attempt(), plan=replace(order, previous=last.key).as_json(), cut_as="")
    summary = f"attempt {attempt.number}, from the last checkpoint if its data, code and settings are the same"
    return Replay(upload, summary, attempt.number, attempt, file_set.with_facts(attempt=attempt.key))
