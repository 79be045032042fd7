"""The expected outcome of a job.toml and its data, and the input of its job, from the files dropped in a folder.

A set is a revision: no model is trained on anything but the files that its card names, and a file that one training
used is not used by another, unless its job.toml names the first.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.sets import trainings
from tests.faults.sets.trainings import DATA_FAULTS, DEAR, GOOD, GOOD_JOBS, KINDS, MODEL, REUSE, named, reused
from tests.support.aws.sagemaker import DIES_LATE, TRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

__all__ = ["KINDS", "check_advanced", "check_all", "check_rejected", "check_waiting", "failed_rightly"]


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
    yield from _check_revisions(evidence, heads)
    yield from _check_jobs(evidence)
    yield from _check_pointer(evidence, heads)


def check_waiting(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that a job.toml waits only if a file that it names is not new, or a newer job.toml is there.

    Any data file may wait.
    """
    if drop.kind not in GOOD_JOBS or not _is_current(evidence, drop):
        return
    if drop.kind == REUSE:
        yield "it waits, and names the training whose files it uses"
    elif all(_is_new(evidence, drop.folder + name) for name in named(drop)):
        yield "it waits, and all files that it names are there and new"


def _is_current(evidence: Evidence, drop: Drop) -> bool:
    current = evidence.landing.current(drop.key)
    return current is not None and current.id == drop.version_id


def _is_new(evidence: Evidence, key: str) -> bool:
    """Return True if the current version of the key waits: no training has used it."""
    drops = [drop for drop in evidence.drops if drop.key == key and _is_current(evidence, drop)]
    return any(evidence.state(drop) == "WAITING" for drop in drops)


def _check_revisions(evidence: Evidence, heads: list[Drop]) -> Iterator[str]:
    """Check that each data file is used for one job.toml only, and for others only if they name a training."""
    first: dict[str, Drop] = {}
    for head in heads:
        for attempt in evidence.attempts[evidence.id_of(head)]:
            files = json.loads(attempt["plan"])["files"]
            if reuse := reused(head):
                sources = [json.loads(item["plan"])["files"] for item in evidence.attempts[reuse]]
                if files not in sources:
                    yield f"{head.key} ({head.version_id}) does not use the files of the training that it names"
                continue
            for name, file in files.items():
                if first.setdefault(file, head) is not head:
                    yield f"{head.key} ({head.version_id}) uses {name} of an earlier training, and does not name it"


def check_rejected(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    code = upload.get("reason")
    if code == "data_archived" and drop.kind == REUSE:
        keys = {drop.folder + name for name in named(drop)}
        states = {evidence.state(other) for other in evidence.drops if other.key in keys}
        if not states & {"ARCHIVED", "WITHDRAWN"}:
            yield "it was rejected because its data was archived, which is wrong"
    elif code == "bad_job" and drop.kind == REUSE:
        if not _contradicts(evidence, drop, upload):
            yield "it was rejected, and names a training whose files it may use"
    elif code in DATA_FAULTS.values():
        yield from _check_together(evidence, drop, code)
    else:
        yield f"a good file was rejected: {code}"


def _contradicts(evidence: Evidence, drop: Drop, upload: dict) -> bool:
    """Return True if a job.toml with `reuse` named no training yet, or the folder had another version of its files."""
    attempts = evidence.attempts[reused(drop)]
    if not attempts or attempts[0]["created_at"] >= upload["timeline"]["REJECTED"]:
        return True
    used = set(json.loads(attempts[0]["plan"])["files"].values())
    keys = {drop.folder + name for name in named(drop)}
    return any(other.key in keys and evidence.id_of(other) not in used for other in evidence.drops)


def _check_together(evidence: Evidence, drop: Drop, code: str) -> Iterator[str]:
    """Check that the file was rejected together with a job.toml and a bad file that this job.toml names."""
    beside = [other for other in evidence.drops if other.folder == drop.folder and evidence.reason(other) == code]
    heads = [other for other in beside if other.kind in GOOD_JOBS and (other is drop or drop.name in named(other))]
    names = {name for head in heads for name in named(head)}
    if not any(DATA_FAULTS.get(drop.kind) == code and drop.name in names for drop in beside):
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
    if drop.kind not in trainings.JOBS and files.get(drop.name) != upload["id"]:
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
    if {drop.key for drop in drops.values()} != {head.folder + name for name in named(head)}:
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
    if job and evidence.world.fed[job.name] != trainings.rows(head, drops):
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
    keys = [key for key in evidence.models.keys if key.startswith(f"models/{MODEL}/") and key.endswith("card.json")]
    cards = {key: evidence.model_json(key) for key in keys}
    mine = [key for key, card in cards.items() if card["job"] == job.name]
    if len(mine) != 1:
        yield f"its model is registered {len(mine)} times"
        return
    card, model = (
        cards[mine[0]],
        evidence.world.s3.read(evidence.models.name, mine[0].replace("card.json", "model.tar.gz")),
    )
    if model != archive or card["digest"] != hashlib.sha256(archive).hexdigest():
        yield "another model is registered for it"
    yield from _check_card(evidence, head, card["data"], evidence.world.fed[job.name])
    if summary is None or summary["card"]["job"] not in _jobs_of(evidence, head):
        yield "its summary names another job"
    if not any(head.key in text and summary["version"] in text for _, text in evidence.world.mails):
        yield "there was no mail about its model"


def _check_card(evidence: Evidence, head: Drop, data: dict, fed: dict) -> Iterator[str]:
    """Check that the model was trained on the revision that its card names, by upload id and by SHA-256."""
    by_id = {evidence.id_of(drop): drop for drop in evidence.drops}
    uploads = {name: by_id[file] for name, file in data["uploads"].items() if file in by_id}
    files = {name: drop for name, drop in uploads.items() if name != "job.toml"}
    if uploads.get("job.toml") is not head or set(files) != set(named(head)):
        yield f"its card names {sorted(data['uploads'])}"
    elif fed != trainings.rows(head, files):
        yield "it was trained on other data than its card names"
    if data["sha256"] != {name: hashlib.sha256(drop.body).hexdigest() for name, drop in uploads.items()}:
        yield "its card names other digests"
    if data["reuse"] != reused(head):
        yield f"its card says that it reuses {data['reuse']}"


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
    pointer = evidence.model_json(f"models/{MODEL}/current.json")
    if bool(good) != bool(pointer):
        yield f"{len(good)} models passed their gates, and {'one' if pointer else 'none'} is current"
    elif pointer:
        card = evidence.model_json(pointer["current"]["key"].replace("model.tar.gz", "card.json"))
        if card is None or card["job"] not in {job.name for job in good}:
            yield f"the current model is {pointer['current']['key']}, which did not pass"
