"""Deliberate bugs in what makes files belong together, and in a person's commands.

They are made where a change of stages/assemble does not reach: in the ledger and the services, in what names and
contents mean, in prepared data, and at the ends of stages. None names a module of stages/assemble.
"""

from __future__ import annotations

from dataclasses import replace

from seqdrop.aws import s3 as aws_s3
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.companions.manifest import Manifest
from seqdrop.config.analyses import Analyses
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.records import TRAIN
from seqdrop.ledger.table import Ledger
from seqdrop.models.promotion import Verdict
from seqdrop.runtime.services import Services
from seqdrop.sagemaker import client
from seqdrop.stages import routing
from seqdrop.stages.archive import archive, receipts
from seqdrop.stages.finish import training as end_of_training
from seqdrop.stages.operator import replay
from seqdrop.training.data.store import Store
from seqdrop.uploads import UploadVersion

from tests.faults.planting import Bug, Change, blind, registry, unconditional

BUGS: list[Bug] = []
_bug = registry(BUGS)


# -- the ledger, as every set of files is moved by it --


@_bug("files that belong together are moved one after the other")
def _moved_apart() -> list[Change]:
    def move_together(self, steps, new=(), pair=None) -> bool:
        writes = [self._step(step) for step in steps]
        writes += [*map(self._put, new), *([self._put_shared(pair)] if pair else [])]
        done = [self._transact([write]) for write in writes]
        return all(done)

    return [(Ledger, "move_together", move_together)]


@_bug("a move of files together does not ask whether the set is as it was read")
def _set_unseen() -> list[Change]:
    return [(Ledger, "_put_shared", unconditional(Ledger._put_shared))]


@_bug("a version does not tell whether it is newer than another")
def _without_order() -> list[Change]:
    return [(UploadVersion, "order", property(lambda self: ""))]


@_bug("a file that was deleted counts as there")
def _never_gone() -> list[Change]:
    return [(aws_s3, "exists", lambda *_: True)]


# -- masks --


@_bug("the stretches of a BED are taken as from 1", quick=True)
def _one_based() -> list[Change]:
    def spans(self, record):
        for start, end in known(self, record):
            yield start - 1, end

    known = BedMasks.spans
    return [(BedMasks, "spans", spans)]


@_bug("a BED that does not fit its FASTA is passed over")
def _misfit_passes() -> list[Change]:
    return [(BedMasks, "check", lambda self: None)]


# -- runs --


@_bug("no file waits for its run", quick=True)
def _no_gate() -> list[Change]:
    return [(Analyses, "gated_folders", lambda self, key: [])]


@_bug("a marker opens its own folder only")
def _only_nearest() -> list[Change]:
    known = Analyses.gated_folders
    return [(Analyses, "gated_folders", lambda self, key: known(self, key)[:1])]


@_bug("the sizes in a manifest are not looked at")
def _any_size() -> list[Change]:
    return [(Manifest, "missing", lambda self, found: [name for name in self.files if name not in found])]


@_bug("a manifest is content with one of its files")
def _one_is_enough() -> list[Change]:
    def missing(self, found: dict[str, int]) -> list[str]:
        lacking = known(self, found)
        return lacking if len(lacking) == len(self.files) else []

    known = Manifest.missing
    return [(Manifest, "missing", missing)]


# -- trainings --


@_bug("what was prepared of other versions of the data is trained on")
def _prepared_of_others() -> list[Change]:
    def made(self, s3, work, job, files) -> None:
        known(self, s3, work, job, files)
        self._key, self.data = f"training/{job.data.format}/prepared.json", f"training/{job.data.format}/data/"

    known = Store.__init__
    return [(Store, "__init__", made)]


@_bug("the gate lets every model through")
def _no_judge() -> list[Change]:
    return [(end_of_training, "judge", lambda *_: Verdict(True, "it is a model"))]


@_bug("the event's word is taken for the status of a training")
def _event_trusted() -> list[Change]:
    def describe(sagemaker, task: str, name: str) -> client.Description:
        found = known(sagemaker, task, name)
        return replace(found, end=found.end or "DONE")

    known = end_of_training.describe
    return [(end_of_training, "describe", describe)]


@_bug("a training job that is there already counts as refused")
def _in_use_is_refused() -> list[Change]:
    def adopt(sagemaker, task: str, request: dict) -> bool:
        if task == TRAIN:
            raise JobRefusedError("there is a job of this name")
        return known(sagemaker, task, request)

    known = client._adopt
    return [(client, "_adopt", adopt)]


@_bug("the files of a training that failed are archived", quick=True)
def _failed_is_done() -> list[Change]:
    return [(routing, "DONE", routing.DONE | {"FAILED"})]


# -- a person's commands --


@_bug("a training that has its model is trained again")
def _trained_again() -> list[Change]:
    known = replay._trained_again
    return [(replay, "_trained_again", lambda made, one, last: known(made, one, replace(last, state="FAILED")))]


@_bug("the receipt of a released file does not say so")
def _released_untold() -> list[Change]:
    return [(receipts, "_released", lambda upload: {})]


@_bug("a released file is not archived")
def _released_in_vain() -> list[Change]:
    known = routing.may_be_archived
    return [
        (module, "may_be_archived", lambda one, deciding: known(replace(one, released_at=""), deciding))
        for module in (routing, archive)
    ]


# -- what a lab is told, and the reconciler --


@_bug("each mail is sent twice")
def _told_twice() -> list[Change]:
    def notify(self, subject: str, message: str) -> None:
        known(self, subject, message)
        known(self, subject, message)

    known = Services.notify
    return [(Services, "notify", notify)]


@_bug("nobody is told of what waits", quick=True)
def _waits_untold() -> list[Change]:
    def notify(self, subject: str, message: str) -> None:
        if "waits for" not in subject:
            known(self, subject, message)

    known = Services.notify
    return [(Services, "notify", notify)]


for _name in ("waiting", "validated", "started_jobs", "runs_told"):
    _bug(f"the reconciler does not look at {_name}")(blind(_name))
