"""The work of a lab after it has deployed this version over an earlier one, and the final state of every upload."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger.run_record import run_id
from seqdrop.models.code_bundles import push_code
from seqdrop.runtime.services import now

from local.deploy import install
from local.testing import wait_for
from tests.e2e.upgrade import files, jobs, trees
from tests.e2e.upgrade.lab import FUNCTIONS, NAME, PARAMETERS, PATIENCE, STATES, Lab
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

OPENED = range(4)  # runs that open wholly; one more has markers in its lanes only
SETS = ("paused", "no job", "half", "untrained", "split")
ENDS: dict[str, STATES] = {
    **ENDED,
    "unlucky": ("ARCHIVED", "FAILED", "PREDICTED"),
    "proteins": ("ARCHIVED", "PREDICTED", "PREDICTED"),  # by the model before the upgrade, and by the model after it
    "lone r1": PREDICTED,
    "lone r2": PREDICTED,
    "raw r2": ARCHIVED,
    "bare fasta": PREDICTED,
    "late bed": ARCHIVED,
    "lone bed": ARCHIVED,
    "late fasta": PREDICTED,
    "run 1 a": PREDICTED,
    "run 1 b": PREDICTED,
    "run 1 c": PREDICTED,
    "run 0 late": PREDICTED,
    "lane 1 late": PREDICTED,
    "lane 2 a": PREDICTED,
    "lane 2 b": PREDICTED,
    "lane 2 marker": ARCHIVED,
    "marker": ARCHIVED,
    "manifest": ARCHIVED,
    "run 2 a": PREDICTED,
    "run 2 b": PREDICTED,
    "finished": PREDICTED,
    "paused contigs": PREDICTED,
    "paused proteins": PREDICTED,
    **{f"queued {number}": PREDICTED for number in QUEUED},
    "refused": PREDICTED,
    "no slot": PREDICTED,
    "paused large": ARCHIVED,
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
} | {
    f"{name} {file}": TRAINED if file == "job.toml" else ARCHIVED
    for name in SETS
    for file in files.make_training_files()
}
"""The final states of all uploads, dropped before or after the upgrade."""

SAME = {
    "lone r1": "r1",
    "lone r2": "r2",
    "bare fasta": "fasta",
    "late fasta": "fasta",
    "run 1 a": "run 0 a",
    "run 1 b": "run 0 a",
    "run 1 c": "run 0 a",
    "run 0 late": "run 0 a",
    "lane 1 late": "run 0 a",
    "lane 2 a": "run 0 a",
    "lane 2 b": "run 0 a",
    "run 2 a": "run 0 a",
    "run 2 b": "run 0 a",
    "finished": "r1",
    **{f"queued {number}": "r1" for number in QUEUED},
    "unstarted": "r1",
    "paused contigs": "contigs",
    "paused proteins": "proteins",
    "refused": "gaps",
    "no slot": "embed",
    "unlucky": "contigs",
    "split r1": "r1",
    "split r2": "r2",
    "split fasta": "fasta",
    "split a": "run 0 a",
}
"""Uploads whose predictions must equal those of an upload that ended before the upgrade."""


# A program for the code of the earlier version, so it uses the names of that commit. It passes messages to a function
# of that version, as if the function had been invoked before the deploy.
HANDLE = """
import json, sys
sys.path.insert(0, "functions/validate")
import app
response = app.handler({"Records": json.loads(sys.argv[1])}, None)
assert response == {"batchItemFailures": []}, response
"""


def upgrade(situation: Situation, tree: Path) -> bytes:
    """Deploy a checkout over the lab's stack, and return its code bundle for processing jobs."""
    lab = situation.lab
    situation.variables = lab.read_variables()
    stack, code = install(lab.aws, tree=tree, name=NAME, **PARAMETERS)
    earlier = replace(stack, models="", key="", uploaderpolicy="", dashboardname="")  # outputs that are new
    assert earlier == lab.stack, "the upgrade must not replace a bucket, the ledger or the topic"
    assert lab.list_objects(stack.models) == {}
    lab.tree, lab.stack = tree, stack
    return code


def finish_work(situation: Situation, earlier: Path, code: bytes) -> None:
    """Finish the lab's work with this version.

    Resume the paused queues and jobs, drop the missing files (some before the code of this version's jobs is pushed),
    and replay two uploads.
    """
    lab = situation.lab
    lab.resume("validate")
    _split_sets_between_versions(situation, earlier)
    _drop_missing_files(lab)
    for stage in FUNCTIONS:
        lab.resume(stage)
    for job in situation.paused_jobs:
        job.resume()
    lab.reconcile()  # copies models and code to their new bucket; until now, jobs that need them have waited
    _complete_runs(lab)
    _start_jobs_with_earlier_code(lab)
    # In place of `seqdrop processing push`, which downloads wheels for the image on AWS.
    push_code(lab.s3, lab.stack.models, code, now())
    lab.seqdrop("training", "push")
    bodies = files.make_training_files()
    drop_training(lab, "half", {name: bodies[name] for name in ("sampled.fasta", "mask.fasta")})
    assert "1 of 1 were replayed" in lab.seqdrop("replay", lab.uploads["unlucky"].id, "--yes")
    lab.reach(ENDS | {"proteins": ENDED["proteins"]}, meanwhile=lab.reconcile)
    _promote(lab)
    assert "1 of 1 were replayed" in lab.seqdrop("replay", lab.uploads["proteins"].id, "--yes")
    lab.reach({"proteins": ENDS["proteins"]}, meanwhile=lab.reconcile)
    _wait_for_runs(lab)


def _wait_for_runs(lab: Lab) -> None:
    """Wait until the runs that opened are archived: each is judged again some time after its last file was archived."""
    for number in OPENED:
        identity = run_id(lab.stack.landing, f"gated/run {number}/")
        wait_for(lambda identity=identity: lab.ledger.find_run(identity).state == "ARCHIVED", PATIENCE)


def _promote(lab: Lab) -> None:
    """Make the model of the paused training the current one, as a person does: this version only registers it."""
    summary = lab.read_json(f"results/training/{lab.uploads['paused job.toml'].id}/summary.json")
    assert (summary["current"], summary["passed"]) == (False, True), summary["why"]
    lab.seqdrop("models", "promote", summary["model"], summary["version"], "--yes")


def _split_sets_between_versions(situation: Situation, earlier: Path) -> None:
    """Let this version read some files of each set, and then a function of the earlier version the others.

    This happens on AWS, because a deploy does not end running functions, which may run for 15 more minutes.
    """
    lab = situation.lab
    *data, (job, body) = files.make_training_files().items()
    lab.drop("split r1", "reads/split/pair_R1.fastq", files.make_mate(1))
    lab.drop("split fasta", "masked/split/a.fa", files.make_unmasked_contigs())
    lab.drop("split a", "gated/run 3/a.fastq", files.make_single_reads())
    drop_training(lab, "split", dict(data))
    waiting = ("split r1", "split fasta", *(f"split {name}" for name, _ in data))
    lab.reach({**dict.fromkeys(waiting, WAITING), "split a": PLANNED, "unread": ("VALIDATED",)})
    lab.pause("validate")
    late = [
        lab.drop("split r2", "reads/split/pair_R2.fastq", files.make_mate(2)),
        lab.drop("split bed", "masked/split/a.bed", files.make_bed()),
        lab.drop("split marker", "gated/run 3/CopyComplete.txt", b""),
        lab.drop(f"split {job}", f"training/split/{job}", body),
    ]
    messages = lab.take("ValidateQueue", *(version.key for version in late))
    records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
    trees.run(earlier, lab.aws.environment() | situation.variables, "-c", HANDLE, json.dumps(records))


def _drop_missing_files(lab: Lab) -> None:
    read = files.make_single_reads()
    lab.drop("lone r2", "reads/after/pair_R2.fastq", files.make_mate(2))
    lab.drop("raw r2", "raw/before/pair_R2.fastq", files.make_mate(2))
    lab.drop("late bed", "masked/after/a.bed", files.make_bed())
    lab.drop("late fasta", "masked/after/b.fa", files.make_unmasked_contigs())
    lab.drop("run 1 c", "gated/run 1/L2/c.fastq", read)
    lab.drop("marker", "gated/run 1/CopyComplete.txt", b"")
    lab.drop("run 2 b", "gated/run 2/deep/b.fastq", read)


def _complete_runs(lab: Lab) -> None:
    """Drop late files of runs that the earlier version opened, wholly or in part, and the marker of the other part.

    No marker is dropped again: a run, or a folder of it, that was open stays open. Where only a part is open, a file of
    the other part creates the record of the run.
    """
    read = files.make_single_reads()
    lab.drop("lane 2 b", "gated/run 4/L2/b.fastq", read)
    lab.reach({"lane 2 b": PLANNED})
    lab.drop("run 0 late", "gated/run 0/late.fastq", read)
    lab.drop("lane 1 late", "gated/run 4/L1/late.fastq", read)
    for name, complete in (("run 0", [""]), ("run 4", ["L1"])):
        wait_for(lambda name=name, complete=complete: _find_complete(lab, f"gated/{name}/") == complete, PATIENCE)
    lab.reach({"lane 2 a": PLANNED, "lane 2 b": PLANNED})
    lab.drop("lane 2 marker", "gated/run 4/L2/CopyComplete.txt", b"")


def _find_complete(lab: Lab, folder: str) -> list[str]:
    """Return the folders of a run that are complete, as its record lists them; none without a record."""
    run = lab.ledger.find_run(run_id(lab.stack.landing, folder))
    return run.complete if run else []


def _start_jobs_with_earlier_code(lab: Lab) -> None:
    """Start jobs between the deploy and the pushes after it: they run the code of the earlier version."""
    drop_training(lab, "no job", {"job.toml": files.make_training_files()["job.toml"]})
    lab.drop("early large", "raw/after/early.fastq", files.make_large_reads())
    jobs.wait_for_examination(lab, "early large")
    jobs.wait_for_job(lab, "no job job.toml")
