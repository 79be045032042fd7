"""What must become of a job.toml and its data, told from what was dropped in a folder; and what its job was given."""

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

__all__ = ["KINDS", "failed_rightly", "of_all", "rejected", "settled", "waits"]
LIVE = ("WAITING", "VALIDATED", "ARCHIVED")


def of_all(evidence: Evidence) -> Iterator[str]:
    waiting = Counter(drop.key for drop in evidence.drops if drop.kind in KINDS and evidence.state(drop) == "WAITING")
    for key, count in waiting.items():
        if count > 1:
            yield f"{count} versions of {key} wait"
    heads = [drop for drop in evidence.drops if drop.kind in GOOD_JOBS]
    for head in heads:
        for attempt in evidence.attempts[evidence.id_of(head)]:
            for fault in _of_attempt(evidence, head, attempt):
                yield f"{head.kind} {head.key} ({head.version_id}), attempt {attempt['number']}: {fault}"
    yield from _of_jobs(evidence)
    yield from _of_pointer(evidence, heads)


def waits(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """A job.toml waits only if a file that it names is not there; any data file may."""
    if drop.kind in JOBS and all(_is_there(evidence, drop.folder + name) for name in NAMED[drop.kind]):
        yield "it waits, and all that it names is there"


def _is_there(evidence: Evidence, key: str) -> bool:
    """Whether some version waits; or none was rejected or withdrawn, so that the newest counts."""
    states = {evidence.state(drop) for drop in evidence.drops if drop.key == key}
    return "WAITING" in states or (bool(states) and states <= set(LIVE))


def rejected(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    code = upload.get("reason")
    if code == "data_archived" and drop.kind in GOOD_JOBS:
        named = {drop.folder + name for name in NAMED[drop.kind]}
        if not any(drop.key in named and evidence.state(drop) == "ARCHIVED" for drop in evidence.drops):
            yield "its data were archived, and none was"
    elif code in DATA_FAULTS.values():
        yield from _rejected_together(evidence, drop, code)
    else:
        yield f"a good file was rejected: {code}"


def _rejected_together(evidence: Evidence, drop: Drop, code: str) -> Iterator[str]:
    """With a job.toml, and with a bad file that it names."""
    beside = [other for other in evidence.drops if other.folder == drop.folder and evidence.reason(other) == code]
    heads = [other for other in beside if other.kind in GOOD_JOBS and (other is drop or drop.name in NAMED[other.kind])]
    named = {name for head in heads for name in NAMED[head.kind]}
    if not any(DATA_FAULTS.get(drop.kind) == code and drop.name in named for drop in beside):
        yield f"it was rejected as {code}, with no set that has such a file"


def settled(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """It went on with a job.toml of its folder that names it; a job.toml that failed, with a later one."""
    if drop.kind in trainings.BAD_DATA or drop.kind == trainings.NOTE:
        yield "it went on, and no training can be made of it"
    history = evidence.history(upload)
    if not history:
        yield "it went on without a training"
        return
    head = next(drop for drop in evidence.drops if evidence.id_of(drop) == history[-1]["upload_id"])
    files = json.loads(history[0]["plan"])["files"]
    if head.folder != drop.folder or head.kind not in GOOD_JOBS:
        yield f"it went on with {head.key}"
    if drop.kind not in JOBS and files.get(drop.name) != upload["id"]:
        yield "it went on with a training that does not have it"


def _of_attempt(evidence: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    """One set of versions of what it names; its job was given what they say; its model is where it should be."""
    files = json.loads(attempt["plan"])["files"]
    drops = {
        name: next(drop for drop in evidence.drops if evidence.id_of(drop) == file) for name, file in files.items()
    }
    if {drop.key for drop in drops.values()} != {head.folder + name for name in NAMED[head.kind]}:
        yield f"it is about {sorted(drop.key for drop in drops.values())}"
        return
    report = evidence.json(f"reports/{evidence.id_of(head)}.json")
    told = report["data"]["files"] if report else {}
    if set(told) != set(files) or (
        told != files and not evidence.disturbed
    ):  # the slower of two may have the last word
        yield "its report tells of other files"
    for one in drops.values():
        if evidence.state(one) not in ("VALIDATED", "ARCHIVED", "WITHDRAWN"):
            yield f"it is about {one.key} ({one.version_id}), which is in {evidence.state(one)}"
    if attempt["state"] not in ("TRAINED", "FAILED"):
        if evidence.state(head) != "WITHDRAWN":
            yield f"it ends in {attempt['state']}"
        return
    job = evidence.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job and evidence.world.fed[job.name] != trainings.rows(head.kind, drops):
        yield "its job was given other data"
    yield from (
        _registered(evidence, head, attempt) if attempt["state"] == "TRAINED" else _told_why(evidence, head, attempt)
    )


def _registered(evidence: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    job = evidence.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job is None or job.status != "Completed" or job.ending == DIES_LATE:
        yield "it has a model, and no job made one"
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
        yield "its card tells of other data"
    if summary is None or summary["card"]["job"] not in _jobs_of(evidence, head):
        yield "its summary tells of another job"
    if not any(head.key in text and summary["version"] in text for _, text in evidence.world.mails):
        yield "nobody was told of its model"


def _jobs_of(evidence: Evidence, head: Drop) -> set[str]:
    return {attempt.get("job", "") for attempt in evidence.attempts[evidence.id_of(head)]}


def _told_why(evidence: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    if evidence.state(head) == "WITHDRAWN" and not attempt.get("job"):
        return
    if not any(head.key in text and "no model from" in subject for subject, text in evidence.world.mails):
        yield "it failed, and nobody was told"


def failed_rightly(evidence: Evidence, head: Drop, attempt: dict) -> bool:
    """Whether its plan was refused, or its job failed, was stopped, or left no model."""
    job = evidence.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job is None:
        return head.kind == DEAR
    return job.status in ("Failed", "Stopped") or job.ending == DIES_LATE


def _of_jobs(evidence: Evidence) -> Iterator[str]:
    """Each training job is for one attempt, which names it."""
    named = Counter(
        attempt["job"] for attempts in evidence.attempts.values() for attempt in attempts if attempt.get("job")
    )
    for job in evidence.world.sagemaker.jobs.values():
        if job.kind == TRAINING and named[job.name] != 1:
            yield f"{job.name} trains for {named[job.name]} attempts"


def _of_pointer(evidence: Evidence, heads: list[Drop]) -> Iterator[str]:
    """The current model is a registered one that passed its gate; there is one as soon as one has."""
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
