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


def of_all(seen: Evidence) -> Iterator[str]:
    waiting = Counter(one.key for one in seen.drops if one.kind in KINDS and seen.state(one) == "WAITING")
    for key, count in waiting.items():
        if count > 1:
            yield f"{count} versions of {key} wait"
    heads = [one for one in seen.drops if one.kind in GOOD_JOBS]
    for head in heads:
        for attempt in seen.attempts[seen.id_of(head)]:
            for fault in _of_attempt(seen, head, attempt):
                yield f"{head.kind} {head.key} ({head.version_id}), attempt {attempt['number']}: {fault}"
    yield from _of_jobs(seen)
    yield from _of_pointer(seen, heads)


def waits(seen: Evidence, drop: Drop) -> Iterator[str]:
    """A job.toml waits only if a file that it names is not there; any data file may."""
    if drop.kind in JOBS and all(_is_there(seen, drop.folder + name) for name in NAMED[drop.kind]):
        yield "it waits, and all that it names is there"


def _is_there(seen: Evidence, key: str) -> bool:
    """Whether some version waits; or none was rejected or withdrawn, so that the newest counts."""
    states = {seen.state(one) for one in seen.drops if one.key == key}
    return "WAITING" in states or (bool(states) and states <= set(LIVE))


def rejected(seen: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    code = upload.get("reason")
    if code == "data_archived" and drop.kind in GOOD_JOBS:
        named = {drop.folder + name for name in NAMED[drop.kind]}
        if not any(one.key in named and seen.state(one) == "ARCHIVED" for one in seen.drops):
            yield "its data were archived, and none was"
    elif code in DATA_FAULTS.values():
        yield from _rejected_together(seen, drop, code)
    else:
        yield f"a good file was rejected: {code}"


def _rejected_together(seen: Evidence, drop: Drop, code: str) -> Iterator[str]:
    """With a job.toml, and with a bad file that it names."""
    beside = [one for one in seen.drops if one.folder == drop.folder and seen.reason(one) == code]
    heads = [one for one in beside if one.kind in GOOD_JOBS and (one is drop or drop.name in NAMED[one.kind])]
    named = {name for head in heads for name in NAMED[head.kind]}
    if not any(DATA_FAULTS.get(one.kind) == code and one.name in named for one in beside):
        yield f"it was rejected as {code}, with no set that has such a file"


def settled(seen: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """It went on with a job.toml of its folder that names it; a job.toml that failed, with a later one."""
    if drop.kind in trainings.BAD_DATA or drop.kind == trainings.NOTE:
        yield "it went on, and no training can be made of it"
    history = seen.history(upload)
    if not history:
        yield "it went on without a training"
        return
    head = next(one for one in seen.drops if seen.id_of(one) == history[-1]["upload_id"])
    files = json.loads(history[0]["plan"])["files"]
    if head.folder != drop.folder or head.kind not in GOOD_JOBS:
        yield f"it went on with {head.key}"
    if drop.kind not in JOBS and files.get(drop.name) != upload["id"]:
        yield "it went on with a training that does not have it"


def _of_attempt(seen: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    """One set of versions of what it names; its job was given what they say; its model is where it should be."""
    files = json.loads(attempt["plan"])["files"]
    drops = {name: next(one for one in seen.drops if seen.id_of(one) == file) for name, file in files.items()}
    if {one.key for one in drops.values()} != {head.folder + name for name in NAMED[head.kind]}:
        yield f"it is about {sorted(one.key for one in drops.values())}"
        return
    report = seen.json(f"reports/{seen.id_of(head)}.json")
    told = report["data"]["files"] if report else {}
    if set(told) != set(files) or (told != files and not seen.disturbed):  # the slower of two may have the last word
        yield "its report tells of other files"
    for one in drops.values():
        if seen.state(one) not in ("VALIDATED", "ARCHIVED", "WITHDRAWN"):
            yield f"it is about {one.key} ({one.version_id}), which is in {seen.state(one)}"
    if attempt["state"] not in ("TRAINED", "FAILED"):
        if seen.state(head) != "WITHDRAWN":
            yield f"it ends in {attempt['state']}"
        return
    job = seen.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job and seen.world.fed[job.name] != trainings.rows(head.kind, drops):
        yield "its job was given other data"
    yield from _registered(seen, head, attempt) if attempt["state"] == "TRAINED" else _told_why(seen, head, attempt)


def _registered(seen: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    job = seen.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job is None or job.status != "Completed" or job.ending == DIES_LATE:
        yield "it has a model, and no job made one"
        return
    archive, summary = trainings.model_archive(job.name), seen.json(f"results/training/{seen.id_of(head)}/summary.json")
    keys = [key for key in seen.results.keys if key.startswith(f"models/{MODEL}/") and key.endswith("card.json")]
    cards = {key: seen.json(key) for key in keys}
    mine = [key for key, card in cards.items() if card["job"] == job.name]
    if len(mine) != 1:
        yield f"its model is registered {len(mine)} times"
        return
    card, model = cards[mine[0]], seen.world.s3.read(seen.results.name, mine[0].replace("card.json", "model.tar.gz"))
    if model != archive or card["digest"] != hashlib.sha256(archive).hexdigest():
        yield "another model is registered for it"
    if card["data"]["uploads"] != {"job.toml": seen.id_of(head), **json.loads(attempt["plan"])["files"]}:
        yield "its card tells of other data"
    if summary is None or summary["card"]["job"] not in _jobs_of(seen, head):
        yield "its summary tells of another job"
    if not any(head.key in text and summary["version"] in text for _, text in seen.world.mails):
        yield "nobody was told of its model"


def _jobs_of(seen: Evidence, head: Drop) -> set[str]:
    return {one.get("job", "") for one in seen.attempts[seen.id_of(head)]}


def _told_why(seen: Evidence, head: Drop, attempt: dict) -> Iterator[str]:
    if seen.state(head) == "WITHDRAWN" and not attempt.get("job"):
        return
    if not any(head.key in text and "no model from" in subject for subject, text in seen.world.mails):
        yield "it failed, and nobody was told"


def failed_rightly(seen: Evidence, head: Drop, attempt: dict) -> bool:
    """Whether its plan was refused, or its job failed, was stopped, or left no model."""
    job = seen.world.sagemaker.jobs.get(attempt.get("job", ""))
    if job is None:
        return head.kind == DEAR
    return job.status in ("Failed", "Stopped") or job.ending == DIES_LATE


def _of_jobs(seen: Evidence) -> Iterator[str]:
    """Each training job is for one attempt, which names it."""
    named = Counter(one["job"] for attempts in seen.attempts.values() for one in attempts if one.get("job"))
    for job in seen.world.sagemaker.jobs.values():
        if job.kind == TRAINING and named[job.name] != 1:
            yield f"{job.name} trains for {named[job.name]} attempts"


def _of_pointer(seen: Evidence, heads: list[Drop]) -> Iterator[str]:
    """The current model is a registered one that passed its gate; there is one as soon as one has."""
    trained = [one for head in heads for one in seen.attempts[seen.id_of(head)] if one["state"] == "TRAINED"]
    jobs = [seen.world.sagemaker.jobs[one["job"]] for one in trained if one.get("job") in seen.world.sagemaker.jobs]
    good = [job for job in jobs if seen.world.figure_of(job) == GOOD]
    pointer = seen.json(f"models/{MODEL}/current.json")
    if bool(good) != bool(pointer):
        yield f"{len(good)} models passed their gates, and {'one' if pointer else 'none'} is current"
    elif pointer:
        card = seen.json(pointer["current"]["key"].replace("model.tar.gz", "card.json"))
        if card is None or card["job"] not in {job.name for job in good}:
            yield f"the current model is {pointer['current']['key']}, which did not pass"
