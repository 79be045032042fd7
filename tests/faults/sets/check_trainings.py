"""The expected outcome of a job.toml and its data, and the input of its job, from the files dropped in a folder."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.sets import trainings
from tests.faults.sets.trainings import DATA_FAULTS, DEAR, GOOD, GOOD_JOBS, JOBS, KINDS, MODEL, NAMED
from tests.support.aws.sagemaker import DIES_LATE, TRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

__all__ = ["KINDS", "check_advanced", "check_all", "check_rejected", "check_waiting", "failed_rightly"]
LIVE = ("WAITING", "VALIDATED", "ARCHIVED")


def check_all(evidence: Evidence) -> Iterator[str]:
    waiting = Counter(drop.key for drop in evidence.drops if drop.kind in KINDS and evidence.state(drop) == "WAITING")
    for key, count in waiting.items():
        if count > 1:
            yield f"{count} versions of {key} wait"
    heads = [drop for drop in evidence.drops if drop.kind in GOOD_JOBS]
    for head in heads:
        for attempt in evidence.attempts[evidence.id_of(head)]:
            for fault in _check_attempt(evidence, head, attempt):
                yield f"{head.kind} {head.key} ({head.version_id}), attempt {attempt['number']}: {fault}"
    yield from _check_jobs(evidence)
    yield from _check_pointer(evidence, heads)


def check_waiting(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that a job.toml waits only if a file that it names is missing. Any data file may wait."""
    if drop.kind in JOBS and all(_is_present(evidence, drop.folder + name) for name in NAMED[drop.kind]):
        yield "it waits, and all files that it names are there"


def _is_present(evidence: Evidence, key: str) -> bool:
    """Return True if a version of the key is a member of the set.

    That is certain if a version waits, or if versions exist and none was rejected or withdrawn.
    """
    states = {evidence.state(drop) for drop in evidence.drops if drop.key == key}
    return "WAITING" in states or (bool(states) and states <= set(LIVE))


def check_rejected(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    code = upload.get("reason")
    if code == "data_archived" and drop.kind in GOOD_JOBS:
        named = {drop.folder + name for name in NAMED[drop.kind]}
        if not any(drop.key in named and evidence.state(drop) == "ARCHIVED" for drop in evidence.drops):
            yield "it was rejected because its data was archived, which is wrong"
    elif code in DATA_FAULTS.values():
        yield from _check_together(evidence, drop, code)
    else:
        yield f"a good file was rejected: {code}"


def _check_together(evidence: Evidence, drop: Drop, code: str) -> Iterator[str]:
    """Check that the file was rejected together with a job.toml and a bad file that this job.toml names."""
    beside = [other for other in evidence.drops if other.folder == drop.folder and evidence.reason(other) == code]
    heads = [other for other in beside if other.kind in GOOD_JOBS and (other is drop or drop.name in NAMED[other.kind])]
    named = {name for head in heads for name in NAMED[head.kind]}
    if not any(DATA_FAULTS.get(drop.kind) == code and drop.name in named for drop in beside):
        yield f"it was rejected as {code}, with no set that has such a file"


def check_advanced(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """Check that the file advanced with a job.toml of its folder that names it.

    A job.toml whose training failed may advance with a later job.toml.
    """
    if drop.kind in trainings.BAD_DATA or drop.kind == trainings.NOTE:
        yield "it advanced, and no training can use it"
    history = evidence.history(upload)
    if not history:
        yield "it advanced without a training"
        return
    head = next(drop for drop in evidence.drops if evidence.id_of(drop) == history[-1]["upload_id"])
    files = json.loads(history[0]["plan"])["files"]
    if head.folder != drop.folder or head.kind not in GOOD_JOBS:
        yield f"it advanced with {head.key}"
    if drop.kind not in JOBS and files.get(drop.name) != upload["id"]:
        yield "it advanced with a training that does not use it"


def _check_attempt(evidence: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    """Check the attempt of a job.toml.

    The attempt and its job use one version of each file that job.toml names; the model is registered, or the lab was
    notified of the failure.
    """
    files = json.loads(attempt["plan"])["files"]
    drops = {
        name: next(drop for drop in evidence.drops if evidence.id_of(drop) == file) for name, file in files.items()
    }
    if {drop.key for drop in drops.values()} != {head.folder + name for name in NAMED[head.kind]}:
        yield f"it uses {sorted(drop.key for drop in drops.values())}"
        return
    report = evidence.json(f"reports/{evidence.id_of(head)}.json")
    reported = report["data"]["files"] if report else {}
    # The slower of two invocations may write the report last.
    if set(reported) != set(files) or (reported != files and not evidence.disturbed):
        yield "its report names other files"
    for drop in drops.values():
        if evidence.state(drop) not in ("VALIDATED", "ARCHIVED", "WITHDRAWN"):
            yield f"it uses {drop.key} ({drop.version_id}), which is {evidence.state(drop)}"
    if attempt["state"] not in ("TRAINED", "FAILED"):
        if evidence.state(head) != "WITHDRAWN":
            yield f"it ends in {attempt['state']}"
        return
    job = evidence.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job and evidence.world.fed[job.name] != trainings.rows(head.kind, drops):
        yield "its job has other data"
    yield from (
        _check_model(evidence, head, attempt) if attempt["state"] == "TRAINED" else _check_mail(evidence, head, attempt)
    )


def _check_model(evidence: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    job = evidence.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job is None or job.status != "Completed" or job.ending == DIES_LATE:
        yield "it has a model, and no job trained it"
        return
    archive, summary = (
        trainings.model_archive(job.name),
        evidence.json(f"results/training/{evidence.id_of(head)}/summary.json"),
    )
    keys = [key for key in evidence.results.keys if key.startswith(f"models/{MODEL}/") and key.endswith("card.json")]
    cards = {key: evidence.json(key) for key in keys}
    mine = [key for key, card in cards.items() if card["job"] == job.name]
    if len(mine) != 1:
        yield f"its model is registered {len(mine)} times"
        return
    card, model = (
        cards[mine[0]],
        evidence.world.s3.read(evidence.results.name, mine[0].replace("card.json", "model.tar.gz")),
    )
    if model != archive or card["digest"] != hashlib.sha256(archive).hexdigest():
        yield "another model is registered for it"
    if card["data"]["uploads"] != {"job.toml": evidence.id_of(head), **json.loads(attempt["plan"])["files"]}:
        yield "its card names other data"
    if summary is None or summary["card"]["job"] not in _jobs_of(evidence, head):
        yield "its summary names another job"
    if not any(head.key in text and summary["version"] in text for _, text in evidence.world.mails):
        yield "there was no mail about its model"


def _jobs_of(evidence: Evidence, head: Drop) -> set[str]:
    return {attempt.get("job", "") for attempt in evidence.attempts[evidence.id_of(head)]}


def _check_mail(evidence: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    if evidence.state(head) == "WITHDRAWN" and not attempt.get("job"):
        return
    if not any(head.key in text and "no model from" in subject for subject, text in evidence.world.mails):
        yield "it failed, and there was no mail"


def failed_rightly(evidence: Evidence, head: Drop, attempt: dict) -> bool:
    """Return True if the training is too expensive, or its job failed, was stopped, or left no model."""
    job = evidence.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job is None:
        return head.kind == DEAR
    return job.status in ("Failed", "Stopped") or job.ending == DIES_LATE


def _check_jobs(evidence: Evidence) -> Iterator[str]:
    """Check that each training job is named by exactly one attempt."""
    named = Counter(
        attempt["job"] for attempts in evidence.attempts.values() for attempt in attempts if attempt.get("job")
    )
    for job in evidence.world.sagemaker.jobs.values():
        if job.kind == TRAINING and named[job.name] != 1:
            yield f"{job.name} trains for {named[job.name]} attempts"


def _check_pointer(evidence: Evidence, heads: list[Drop]) -> Iterator[str]:
    """Check that the current model has passed its gate, and that there is a current model if any model has passed."""
    trained = [
        attempt
        for head in heads
        for attempt in evidence.attempts[evidence.id_of(head)]
        if attempt["state"] == "TRAINED"
    ]
    jobs = [
        evidence.world.sagemaker.jobs[item["job"]]
        for item in trained
        if item.get("job") in evidence.world.sagemaker.jobs
    ]
    good = [job for job in jobs if evidence.world.figure_of(job) == GOOD]
    pointer = evidence.json(f"models/{MODEL}/current.json")
    if bool(good) != bool(pointer):
        yield f"{len(good)} models passed their gates, and {'one' if pointer else 'none'} is current"
    elif pointer:
        card = evidence.json(pointer["current"]["key"].replace("model.tar.gz", "card.json"))
        if card is None or card["job"] not in {job.name for job in good}:
            yield f"the current model is {pointer['current']['key']}, which did not pass"
