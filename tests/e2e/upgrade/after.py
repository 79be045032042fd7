"""The work of a lab after it has deployed this version over an earlier one, and the final state of every upload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.models.code_bundles import push_code
from seqdrop.runtime.services import now

from local.deploy import install
from tests.e2e.upgrade import files, jobs, trees
from tests.e2e.upgrade.lab import FUNCTIONS, NAME, PARAMETERS, STATES, Lab
from tests.e2e.upgrade.situation import (
    ARCHIVED,
    ENDED,
    PLANNED,
    PREDICTED,
    QUEUED,
    TRAINED,
    WAITING,
    Situation,
    drop_training,
)

if TYPE_CHECKING:
    from pathlib import Path

SETS = ("held", "no job", "half", "untrained", "split")
ENDS: dict[str, STATES] = {
    **ENDED,
    "unlucky": ("ARCHIVED", "FAILED", "PREDICTED"),
    "proteins": ("ARCHIVED", "PREDICTED", "PREDICTED"),  # by the model before the upgrade, and by the one after it
    "lone r1": PREDICTED,
    "lone r2": PREDICTED,
    "raw r2": ARCHIVED,
    "bare fasta": PREDICTED,
    "late bed": ARCHIVED,
    "lone bed": ARCHIVED,
    "late fasta": PREDICTED,
    "run 1 a": PREDICTED,
    "run 1 b": PREDICTED,
    "marker": ARCHIVED,
    "manifest": ARCHIVED,
    "run 2 a": PREDICTED,
    "run 2 b": PREDICTED,
    "finished": PREDICTED,
    "held contigs": PREDICTED,
    "held proteins": PREDICTED,
    **{f"queued {number}": PREDICTED for number in QUEUED},
    "refused": PREDICTED,
    "no room": PREDICTED,
    "held large": ARCHIVED,
    "early large": ARCHIVED,
    "unarchived": ARCHIVED,
    "unstarted": PREDICTED,
    "unread": ARCHIVED,
    "lost archive": ARCHIVED,
    "lost read": ARCHIVED,
    "split r1": PREDICTED,
    "split r2": PREDICTED,
    "split fasta": PREDICTED,
    "split bed": ARCHIVED,
    "split a": PREDICTED,
    "split marker": ARCHIVED,
} | {f"{name} {file}": TRAINED if file == "job.toml" else ARCHIVED for name in SETS for file in files.training()}
"""The final states of all uploads, dropped before or after the upgrade."""

SAME = {
    "lone r1": "r1",
    "lone r2": "r2",
    "bare fasta": "fasta",
    "late fasta": "fasta",
    "run 1 a": "run 0 a",
    "run 1 b": "run 0 a",
    "run 2 a": "run 0 a",
    "run 2 b": "run 0 a",
    "finished": "r1",
    **{f"queued {number}": "r1" for number in QUEUED},
    "unstarted": "r1",
    "held contigs": "contigs",
    "held proteins": "proteins",
    "refused": "gaps",
    "no room": "embed",
    "unlucky": "contigs",
    "split r1": "r1",
    "split r2": "r2",
    "split fasta": "fasta",
    "split a": "run 0 a",
}
"""Uploads whose predictions must equal those of an upload that ended before the upgrade."""


# Run with the code of the earlier version: its function handles messages, as one that was invoked before the deploy.
HANDLE = """
import json, sys
sys.path.insert(0, "functions/validate")
import app
response = app.handler({"Records": json.loads(sys.argv[1])}, None)
assert response == {"batchItemFailures": []}, response
"""


def upgrade(situation: Situation, tree: Path) -> bytes:
    """Deploy a checkout over the lab's stack, and return its code of processing jobs."""
    lab = situation.lab
    stack, code = install(lab.aws, tree=tree, name=NAME, **PARAMETERS)
    assert stack == lab.stack, "the upgrade has replaced a bucket, the ledger or the topic"
    lab.tree = tree
    return code


def finish_work(situation: Situation, earlier: Path, code: bytes) -> None:
    """Resume paused queues and jobs, drop missing files (some before this version's job code is pushed), and replay."""
    lab = situation.lab
    lab.resume("validate")
    _split_between_the_versions(lab, earlier)
    _drop_what_was_missing(lab)
    for stage in FUNCTIONS:
        lab.resume(stage)
    for job in situation.paused_jobs:
        job.resume()
    _start_jobs_of_the_earlier_code(lab)
    push_code(lab.s3, lab.stack.results, code, now())  # `seqdrop processing push`, which fetches wheels for AWS's image
    lab.seqdrop("training", "push")
    bodies = files.training()
    drop_training(lab, "half", {name: bodies[name] for name in ("sampled.fasta", "mask.fasta")})
    assert "1 of 1 were replayed" in lab.seqdrop("replay", lab.uploads["unlucky"].id, "--yes")
    lab.reach(ENDS | {"proteins": ENDED["proteins"]}, meanwhile=lab.reconcile)
    assert "1 of 1 were replayed" in lab.seqdrop("replay", lab.uploads["proteins"].id, "--yes")
    lab.reach({"proteins": ENDS["proteins"]}, meanwhile=lab.reconcile)


def _split_between_the_versions(lab: Lab, earlier: Path) -> None:
    """Have both versions read files that belong together.

    This version reads some; then a function of the earlier version reads the others. The deploy does not end a running
    function: on AWS it may run for 15 more minutes.
    """
    *data, (job, body) = files.training().items()
    lab.drop("split r1", "reads/split/pair_R1.fastq", files.mate(1))
    lab.drop("split fasta", "masked/split/a.fa", files.bare())
    lab.drop("split a", "gated/run 3/a.fastq", files.single())
    drop_training(lab, "split", dict(data))
    waiting = ("split r1", "split fasta", *(f"split {name}" for name, _ in data))
    lab.reach({**dict.fromkeys(waiting, WAITING), "split a": PLANNED, "unread": ("VALIDATED",)})
    lab.pause("validate")
    late = [
        lab.drop("split r2", "reads/split/pair_R2.fastq", files.mate(2)),
        lab.drop("split bed", "masked/split/a.bed", files.masks()),
        lab.drop("split marker", "gated/run 3/CopyComplete.txt", b""),
        lab.drop(f"split {job}", f"training/split/{job}", body),
    ]
    messages = lab.take("ValidateQueue", *(version.key for version in late))
    records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
    trees.run(earlier, lab.aws.environment() | lab.variables(), "-c", HANDLE, json.dumps(records))


def _drop_what_was_missing(lab: Lab) -> None:
    read = files.single()
    lab.drop("lone r2", "reads/after/pair_R2.fastq", files.mate(2))
    lab.drop("raw r2", "raw/before/pair_R2.fastq", files.mate(2))
    lab.drop("late bed", "masked/after/a.bed", files.masks())
    lab.drop("late fasta", "masked/after/b.fa", files.bare())
    lab.drop("marker", "gated/run 1/CopyComplete.txt", b"")
    lab.drop("run 2 b", "gated/run 2/deep/b.fastq", read)


def _start_jobs_of_the_earlier_code(lab: Lab) -> None:
    """Start jobs between the deploy and the pushes after it: they run the code of the earlier version."""
    drop_training(lab, "no job", {"job.toml": files.training()["job.toml"]})
    lab.drop("early large", "raw/after/early.fastq", files.large())
    jobs.wait_for_examination(lab, "early large")
    jobs.wait_for_job(lab, "no job job.toml")
