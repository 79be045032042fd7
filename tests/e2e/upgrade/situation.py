"""A lab at work with the deployed version: its uploads are final, wait for files, run in jobs, or are in queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.deploy import install
from tests.e2e.upgrade import files, jobs, trees
from tests.e2e.upgrade.lab import NAME, PARAMETERS, QUOTA, STATES, Lab

if TYPE_CHECKING:
    from pathlib import Path

    from local.embedded import EmbeddedAws
    from tests.e2e.upgrade.jobs import PausedJob

# A program for the code of the deployed version, so it uses the names of that commit. It makes the pushes after a first
# deploy, and pushes a model that cannot be loaded.
PUSH = """
import sys
from pathlib import Path
from local import deploy
from local.embedded import EmbeddedAws
from local.testing import archive
from seqdrop.jobs.models import push_archive
from seqdrop.services import now
aws = EmbeddedAws.attach(Path(sys.argv[1]))
stack = deploy.Stack.of(aws, sys.argv[2])
deploy.push_layers(aws, stack, Path(sys.argv[3]))
deploy.push_programs(aws, stack)
deploy.push_seeds(aws, stack)
config = (deploy.SEEDS["promoter-300"] / "config.json").read_text()
push_archive(aws.client("s3"), stack.results, "promoter-300", archive({"config.json": config}), now())
"""

ARCHIVED, PREDICTED = ("ARCHIVED",), ("ARCHIVED", "PREDICTED")
PLANNED, SUBMITTED = ("VALIDATED", "PLANNED"), ("VALIDATED", "SUBMITTED")
WAITING, TRAINED = ("WAITING",), ("ARCHIVED", "TRAINED")

QUEUED = range(QUOTA - 2)  # uploads whose jobs SageMaker runs after the paused ones have ended

ENDED: dict[str, STATES] = {
    "r1": PREDICTED,
    "r2": PREDICTED,
    "broken": ("REJECTED",),
    "raw r1": ARCHIVED,
    "large": ARCHIVED,
    "bed": ARCHIVED,
    "fasta": PREDICTED,
    "gaps": PREDICTED,
    "contigs": PREDICTED,
    "embed": PREDICTED,
    "proteins": PREDICTED,
    "run 0 a": PREDICTED,
    "run 0 marker": ARCHIVED,
    "lane 1 a": PREDICTED,
    "lane 1 marker": ARCHIVED,
    "trained sequences.fasta": ARCHIVED,
    "trained sampled.fasta": ARCHIVED,
    "trained mask.fasta": ARCHIVED,
    "trained job.toml": TRAINED,
}
STALLED: dict[str, STATES] = {
    "unlucky": ("VALIDATED", "FAILED"),
    "lone r1": WAITING,
    "bare fasta": WAITING,
    "lone bed": WAITING,
    "run 1 a": PLANNED,
    "run 1 b": PLANNED,
    "lane 2 a": PLANNED,
    "manifest": WAITING,
    "run 2 a": PLANNED,
    "no job sequences.fasta": WAITING,
    "no job sampled.fasta": WAITING,
    "no job mask.fasta": WAITING,
    "half job.toml": WAITING,
    "half sequences.fasta": WAITING,
}
RUNNING: dict[str, STATES] = {
    "finished": SUBMITTED,
    "paused contigs": SUBMITTED,
    "paused proteins": SUBMITTED,
    **{f"queued {number}": SUBMITTED for number in QUEUED},
    "refused": SUBMITTED,
    "no slot": ("VALIDATED", "WAITING"),
    "paused sequences.fasta": ("VALIDATED",),
    "paused sampled.fasta": ("VALIDATED",),
    "paused mask.fasta": ("VALIDATED",),
    "paused job.toml": SUBMITTED,
    "paused large": ("RECEIVED",),
}
IN_QUEUES: dict[str, STATES] = {
    "unarchived": ("VALIDATED",),
    "unstarted": PLANNED,
    "untrained sequences.fasta": ("VALIDATED",),
    "untrained sampled.fasta": ("VALIDATED",),
    "untrained mask.fasta": ("VALIDATED",),
    "untrained job.toml": PLANNED,
    "unread": ("",),
    "lost archive": ("VALIDATED",),
    "lost read": ("",),
}
"""The four tables above have the states of each upload before the upgrade, when nothing more happens by itself."""


@dataclass
class Situation:
    """A lab, its paused jobs, and the environment that the functions of the earlier version had."""

    lab: Lab
    paused_jobs: list[PausedJob] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def create(aws: EmbeddedAws, tree: Path) -> Situation:
    """Deploy a checkout of the earlier version, and drop files until uploads have the states of the tables above."""
    stack, _ = install(aws, tree=tree, name=NAME, **PARAMETERS)
    trees.run(tree, aws.environment(), "-c", PUSH, str(aws.workdir), NAME, str(aws.workdir / f"sam-build-{NAME}"))
    situation = Situation(Lab(aws, stack, tree))
    for step in (_create_ended, _create_waiting, _create_running, _create_queued):
        step(situation)
    situation.lab.reach(ENDED | STALLED | RUNNING | IN_QUEUES)
    return situation


def drop_training(lab: Lab, name: str, bodies: dict[str, bytes]) -> None:
    """Drop files of a training into its own folder. Their names in `lab.uploads` are "TRAINING FILE"."""
    for file, body in bodies.items():
        lab.drop(f"{name} {file}", f"training/{name.replace(' ', '-')}/{file}", body)


def _create_ended(situation: Situation) -> None:
    """Create final uploads, one of them failed, and models whose current version is not the first."""
    lab = situation.lab
    drop_training(lab, "trained", files.make_training_files(files.STRUCTURE))
    lab.drop("unlucky", "contigs/before/unlucky.fasta", files.make_contigs())
    lab.drop("r1", "reads/before/pair_R1.fastq", files.make_mate(1))
    lab.drop("r2", "reads/before/pair_R2.fastq", files.make_mate(2))
    lab.drop("broken", "reads/before/broken.fastq", files.make_broken_reads())
    lab.drop("raw r1", "raw/before/pair_R1.fastq", files.make_mate(1))
    lab.drop("large", "raw/before/large.fastq", files.make_large_reads())
    lab.drop("bed", "masked/before/a.bed", files.make_bed())
    lab.drop("fasta", "masked/before/a.fa", files.make_unmasked_contigs())
    lab.drop("gaps", "masked/before/gaps.fa", files.make_gapped_contigs())
    failed = {"unlucky": STALLED["unlucky"]}
    lab.reach(failed | {"trained job.toml": TRAINED}, meanwhile=lab.reconcile)
    lab.seqdrop("models", "push", "promoter-300", str(lab.tree / "model_code/dnabert/seeds/promoter-300"))
    lab.drop("contigs", "contigs/before/a.fasta", files.make_contigs())
    lab.drop("embed", "embed/before/a.fasta", files.make_contigs())
    lab.drop("proteins", "proteins/before/a.fasta", files.make_protein_fasta())
    lab.drop("run 0 a", "gated/run 0/a.fastq", files.make_single_reads())
    lab.drop("run 0 marker", "gated/run 0/CopyComplete.txt", b"")
    lab.drop("lane 1 a", "gated/run 4/L1/a.fastq", files.make_single_reads())
    lab.drop("lane 1 marker", "gated/run 4/L1/CopyComplete.txt", b"")
    lab.reach(ENDED, meanwhile=lab.reconcile)


def _create_waiting(situation: Situation) -> None:
    """Create uploads that wait for others."""
    lab, read = situation.lab, files.make_single_reads()
    lab.drop("lone r1", "reads/after/pair_R1.fastq", files.make_mate(1))
    lab.drop("bare fasta", "masked/after/a.fa", files.make_unmasked_contigs())
    lab.drop("lone bed", "masked/after/b.bed", files.make_bed())
    lab.drop("run 1 a", "gated/run 1/L1/a.fastq", read)
    lab.drop("run 1 b", "gated/run 1/L2/b.fastq", read)
    lab.drop("lane 2 a", "gated/run 4/L2/a.fastq", read)
    manifest = files.make_manifest(**{"a.fastq": len(read), "deep/b.fastq": len(read)})
    lab.drop("manifest", "gated/run 2/seqdrop-manifest.json", manifest)
    lab.drop("run 2 a", "gated/run 2/a.fastq", read)
    bodies = files.make_training_files()
    drop_training(lab, "no job", {name: body for name, body in bodies.items() if name != "job.toml"})
    drop_training(lab, "half", {name: bodies[name] for name in ("job.toml", "sequences.fasta")})
    lab.reach(STALLED)


def _create_running(situation: Situation) -> None:
    """Create running jobs, a job whose end was not announced, a refused job, and an upload without a slot."""
    lab, paused = situation.lab, situation.paused_jobs
    lab.pause("finish")
    lab.drop("finished", "reads/after/finished.fastq", files.make_single_reads())
    name = jobs.wait_for_job(lab, "finished")
    jobs.wait_for_completion(lab.aws, "Transform", name)
    for upload, key, body in (
        ("paused contigs", "contigs/after/a.fasta", files.make_contigs()),
        ("paused proteins", "proteins/after/a.fasta", files.make_protein_fasta()),
    ):
        lab.drop(upload, key, body)
        paused.append(jobs.pause_job(lab.aws, "Transform", jobs.wait_for_job(lab, upload)))
    for number in QUEUED:
        lab.drop(f"queued {number}", f"reads/after/queued{number}.fastq", files.make_single_reads())
        jobs.wait_for_job(lab, f"queued {number}")
    lab.drop("refused", "masked/after/gaps.fa", files.make_gapped_contigs())
    lab.reach({"refused": SUBMITTED})
    lab.drop("no slot", "embed/after/a.fasta", files.make_contigs())
    drop_training(lab, "paused", files.make_training_files(files.STRUCTURE, longest=257))
    paused.append(jobs.pause_job(lab.aws, "Training", jobs.wait_for_job(lab, "paused job.toml")))
    lab.drop("paused large", "raw/after/large.fastq", files.make_large_reads())
    paused.append(jobs.pause_job(lab.aws, "Processing", jobs.wait_for_examination(lab, "paused large")))
    lab.reach(RUNNING)


def _create_queued(situation: Situation) -> None:
    """Create one unreceived message in each queue, and two messages whose functions died during the deploy."""
    lab = situation.lab
    for stage in ("archive", "transform", "training"):
        lab.pause(stage)
    lab.drop("lost archive", "raw/after/lost archive.fastq", files.make_single_reads())
    lab.reach({"lost archive": IN_QUEUES["lost archive"]})
    lab.take("ArchiveQueue", lab.uploads["lost archive"].id)
    lab.drop("unarchived", "raw/after/unarchived.fastq", files.make_single_reads())
    lab.drop("unstarted", "reads/after/unstarted.fastq", files.make_single_reads())
    drop_training(lab, "untrained", files.make_training_files())
    lab.reach({name: states for name, states in IN_QUEUES.items() if states != ("",)})
    lab.pause("validate")
    lab.drop("lost read", "raw/after/lost read.fastq", files.make_single_reads())
    lab.take("ValidateQueue", lab.uploads["lost read"].key)
    lab.drop("unread", "raw/after/unread.fastq", files.make_single_reads())
