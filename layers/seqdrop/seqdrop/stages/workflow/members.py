"""What one run of a workflow gets: the files of an upload, of its sample or of its run, and whose attempts it decides.

Files are read by their key, because a workflow of HealthOmics knows no versions. So the current version of each key
must be the upload. Samples of a run are those in its report (run.json), which was written before its files advanced.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.companions import mates
from seqdrop.config.workflow import RUN, SAMPLE
from seqdrop.errors import RetryableError
from seqdrop.ledger.run_record import run_id
from seqdrop.runs.read_names import parse_read_name
from seqdrop.stages.runs.report import read_report
from seqdrop.stages.workflow.samples import Sample, stem_of, tidy
from seqdrop.uploads import upload_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services

BATCH = 100  # records that DynamoDB returns in one call
# States of an upload whose object is in the landing bucket, and whose content was accepted.
USABLE = ("VALIDATED", "ARCHIVED")


class BeingReadError(RetryableError):
    """A file of a sample was not accepted or rejected yet, for example a newer version of it."""


@dataclass(frozen=True)
class Group:
    """The samples of one run of a workflow. `folder` is the name of the sequencer run, "" without one.

    `missing` has a sentence for each sample that is incomplete, by the name of the sample; such samples are not in
    `samples`. `uploads` are those of all samples, also of incomplete ones.
    """

    samples: tuple[Sample, ...]
    missing: dict[str, str]
    uploads: tuple[Upload, ...]
    folder: str = ""
    run: Run | None = None


def find_group(services: Services, attempt: Attempt, analysis: Analysis) -> Group:
    """Return the group of an attempt. Raise BeingReadError while one of its files is being read."""
    upload = services.ledger.require_upload(attempt.upload_id)
    run = _find_run(services, upload)
    names = _name_files(services, upload, analysis, run)
    current = find_current(services, upload.bucket, {key for files in names.values() for key in files})
    samples, missing = [], {}
    for sample, files in names.items():
        if problem := _find_problem(files, current):
            missing[sample] = problem
        else:
            samples.append(Sample.of(sample, [current[key] for key in files]))
    name = run.name if run else ""
    return Group(tuple(samples), missing, tuple({each.id: each for each in current.values()}.values()), name, run)


def find_current(services: Services, bucket: str, files: Iterable[str]) -> dict[str, Upload]:
    """Return the uploads of the current versions of landing keys; keys that are gone or have no record are left out."""
    ids = {key: identity for key in sorted(files) if (identity := _identify(services, bucket, key))}
    uploads: dict[str, Upload] = {}
    wanted = list(ids.values())
    for start in range(0, len(wanted), BATCH):
        uploads |= services.ledger.load_uploads(wanted[start : start + BATCH])
    return {key: uploads[identity] for key, identity in ids.items() if identity in uploads}


def _identify(services: Services, bucket: str, key: str) -> str:
    """Return the upload id of the current version of a key; "" if there is none.

    The listing begins with the newest version, or the delete marker, of the key itself. HeadObject would need the
    permission to read files, which a function that starts runs must not have.
    """
    page = services.s3.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=1)
    for version in page.get("Versions", []):
        if version["Key"] == key and version["IsLatest"]:
            return upload_id(bucket, key, version["VersionId"])
    return ""


def _find_run(services: Services, upload: Upload) -> Run | None:
    folder = services.analyses.run_folder(upload.key)
    return services.ledger.find_run(run_id(upload.bucket, folder)) if folder else None


def _name_files(services: Services, upload: Upload, analysis: Analysis, run: Run | None) -> dict[str, list[str]]:
    """Return the landing keys of the group by the name of their sample, in the order of the run's report."""
    per = analysis.workflow.per if analysis.workflow else ""
    if run is None:
        return _name_pair(services, upload) if per == SAMPLE else {_sample_of(upload.key): [upload.key]}
    every = _read_samples(services, run, upload)
    own = next((sample for sample, files in every.items() if upload.key in files), None)
    if per == RUN:
        return every if own else {**every, _sample_of(upload.key): [upload.key]}
    sample = own or _sample_of(upload.key)
    return {sample: every[own] if own and per == SAMPLE else [upload.key]}


def _name_pair(services: Services, upload: Upload) -> dict[str, list[str]]:
    mate = services.ledger.find_upload(upload.mate) if upload.mate else None
    files = sorted([upload.key, *([mate.key] if mate else [])], key=_order_of)
    return {_sample_of(files[0]): files}


def _order_of(key: str) -> tuple[int, str]:
    name = mates.parse(key)
    return (name.number if name else 0, key)


def _read_samples(services: Services, run: Run, upload: Upload) -> dict[str, list[str]]:
    """Return the files of each sample in the part of the run to which an upload belongs; none if no part has it."""
    for part in read_report(services, run).get("parts", []):
        samples: dict[str, list[str]] = defaultdict(list)
        for row in part.get("samples", []):
            for read, names in row["files"].items():
                if not read.startswith("I"):  # index reads
                    samples[tidy(row["sample_id"])] += [run.key_of(name) for name in names]
        if any(upload.key in files for files in samples.values()):
            return dict(samples)
    return {}


def _sample_of(key: str) -> str:
    parsed = parse_read_name(key)
    if parsed and parsed.sample:
        return tidy(parsed.sample)
    return tidy(stem_of(posixpath.basename(key)))


def _find_problem(files: list[str], current: dict[str, Upload]) -> str:
    """Return why a sample is incomplete; "" if all its files are accepted and in the landing bucket."""
    for key in files:
        upload = current.get(key)
        if upload and upload.state == "RECEIVED":
            raise BeingReadError("a file of the sample is being read; try again when it was")
        if upload is None:
            return f"{key} is not in the landing bucket any more"
        if upload.state not in USABLE:
            return f"{key} was not accepted (it is {upload.state})"
        if upload.state == "VALIDATED" and upload.duplicate_of:
            return f"{key} repeats an archived file, so it is removed from the landing bucket"
    return ""
