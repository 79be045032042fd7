"""Deliberate bugs in the assembly of files that belong together, and in a person's commands.

They are planted outside stages/assemble, so that a change there does not affect them: in the ledger and the services,
in the parsers of names and files, in prepared data, and in other stages. Only the rule that a training uses no file of
an earlier one is broken where it stands.
"""

from __future__ import annotations

from dataclasses import replace

from seqdrop.aws import s3 as aws_s3
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.companions.manifest import Manifest
from seqdrop.config.analyses import Analyses
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.earlier_sets import TRAINING
from seqdrop.ledger.records import TRAIN
from seqdrop.ledger.table import Ledger
from seqdrop.models.promotion import Verdict
from seqdrop.runtime.services import Services
from seqdrop.sagemaker import client
from seqdrop.stages import recorded_request, routing
from seqdrop.stages.archive import archive, receipts
from seqdrop.stages.assemble import training_sets
from seqdrop.stages.finish import candidates
from seqdrop.stages.finish import training as finish_training
from seqdrop.stages.operator import replay
from seqdrop.training.data.store import Store
from seqdrop.training.jobfile import JOB
from seqdrop.uploads import UploadVersion

from tests.faults.planting import Bug, Change, make_registry, skip_check, write_unconditionally

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


# -- the ledger, which moves the members of every set --


@_bug("files that belong together are moved one after the other")
def _moved_apart() -> list[Change]:
    def move_together(self, steps, new=(), shared=None) -> bool:
        writes = [*map(self._step, steps), *map(self._put, new), *([self._put_shared(shared)] if shared else [])]
        results = [self._transact([write]) for write in writes]
        return all(results)

    return [(Ledger, "move_together", move_together)]


@_bug("a move of files together does not depend on the revision of their set")
def _revision_ignored() -> list[Change]:
    return [(Ledger, "_put_shared", write_unconditionally(Ledger._put_shared))]


@_bug("versions have no order")
def _without_order() -> list[Change]:
    return [(UploadVersion, "order", property(lambda self: ""))]


@_bug("a deleted file counts as present")
def _never_gone() -> list[Change]:
    return [(aws_s3, "exists", lambda *_: True)]


# -- masks --


@_bug("the intervals of a BED are taken as 1-based", quick=True)
def _one_based() -> list[Change]:
    def spans(self, record):
        for start, end in original(self, record):
            yield start - 1, end

    original = BedMasks.spans
    return [(BedMasks, "spans", spans)]


@_bug("a BED that does not fit its FASTA is not reported")
def _misfit_passes() -> list[Change]:
    return [(BedMasks, "check", lambda self: None)]


# -- runs --


@_bug("no file waits for its run", quick=True)
def _no_gate() -> list[Change]:
    return [(Analyses, "gated_folders", lambda self, key: [])]


@_bug("a marker opens its own folder only")
def _only_nearest() -> list[Change]:
    original = Analyses.gated_folders
    return [(Analyses, "gated_folders", lambda self, key: original(self, key)[:1])]


@_bug("the sizes in a manifest are ignored")
def _any_size() -> list[Change]:
    return [(Manifest, "missing", lambda self, sizes: [name for name in self.files if name not in sizes])]


@_bug("one of the files that a manifest lists is enough")
def _one_is_enough() -> list[Change]:
    def missing(self, sizes: dict[str, int]) -> list[str]:
        names = original(self, sizes)
        return names if len(names) == len(self.files) else []

    original = Manifest.missing
    return [(Manifest, "missing", missing)]


# -- trainings --


@_bug("the data prepared from other versions of the files is used")
def _prepared_of_others() -> list[Change]:
    def init(self, s3, work, job, files) -> None:
        original(self, s3, work, job, files)
        self._key, self.data = f"training/{job.data.format}/prepared.json", f"training/{job.data.format}/data/"

    original = Store.__init__
    return [(Store, "__init__", init)]


@_bug("a data file of an earlier training counts as new")
def _used_is_new() -> list[Change]:
    def find_new(view, name: str):
        return view.member(name) if name != JOB else original(view, name)

    original = training_sets._find_new
    return [(training_sets, "_find_new", find_new)]


@_bug("the card names the newest files of the folder")
def _newest_on_card() -> list[Change]:
    def list_files(services, attempt, order):
        head = services.ledger.require_upload(attempt.upload_id)
        members = services.ledger.file_set(TRAINING, f"{head.bucket}/training/{order.training}").members
        return original(services, attempt, replace(order, files={name: members[name] for name in order.files}))

    original = finish_training._list_files
    return [(finish_training, "_list_files", list_files)]


@_bug("a job.toml that names an earlier training gets the files of the last one")
def _last_is_reused() -> list[Change]:
    def collect_reused(view, head, job):
        last = view.file_set.text("attempt").partition("-")[0]
        return original(view, head, replace(job, reuse=last or job.reuse))

    original = training_sets.collect_reused
    return [(training_sets, "collect_reused", collect_reused)]


@_bug("the gate lets every model through")
def _no_judge() -> list[Change]:
    return [(candidates, "judge", lambda *_: Verdict(True, "it is a model"))]


@_bug("the status in the event is taken for the status of the training")
def _event_trusted() -> list[Change]:
    def describe(sagemaker, task: str, name: str) -> client.Description:
        description = original(sagemaker, task, name)
        return replace(description, end=description.end or "DONE")

    original = finish_training.describe
    return [(finish_training, "describe", describe)]


@_bug("a training job that exists already counts as refused")
def _in_use_is_refused() -> list[Change]:
    def adopt(sagemaker, task: str, request: dict) -> bool:
        if task == TRAIN:
            raise JobRefusedError("there is a job of this name")
        return original(sagemaker, task, request)

    original = client.adopt
    return [(module, "adopt", adopt) for module in (client, recorded_request)]


@_bug("the files of a training that failed are archived", quick=True)
def _failed_is_done() -> list[Change]:
    return [(routing, "DONE", routing.DONE | {"FAILED"})]


# -- a person's commands --


@_bug("a training that has its model is trained again")
def _trained_again() -> list[Change]:
    def train_again(services, upload, last):
        return original(services, upload, replace(last, state="FAILED"))

    original = replay._train_again
    return [(replay, "_train_again", train_again)]


@_bug("the receipt of a released file does not mention the release")
def _release_omitted() -> list[Change]:
    return [(receipts, "_explain_release", lambda upload: "")]


@_bug("a released file is not archived")
def _released_in_vain() -> list[Change]:
    def may_be_archived(upload, deciding):
        return original(replace(upload, released_at=""), deciding)

    original = routing.may_be_archived
    return [(module, "may_be_archived", may_be_archived) for module in (routing, archive)]


# -- mails to the lab, and the reconciler --


@_bug("each mail is sent twice")
def _mailed_twice() -> list[Change]:
    def notify(self, subject: str, message: str) -> None:
        original(self, subject, message)
        original(self, subject, message)

    original = Services.notify
    return [(Services, "notify", notify)]


@_bug("there is no mail about files that wait", quick=True)
def _waiting_not_mailed() -> list[Change]:
    def notify(self, subject: str, message: str) -> None:
        if "waits for" not in subject:
            original(self, subject, message)

    original = Services.notify
    return [(Services, "notify", notify)]


for _name in ("waiting", "validated", "started_jobs", "runs_told"):
    _bug(f"the reconciler does not check {_name}")(skip_check(_name))
