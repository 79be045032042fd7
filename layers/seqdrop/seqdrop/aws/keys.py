"""Every key of the work, results and archive buckets: one function a layout, so that none is spelled twice.

Landing keys are the lab's own and are not here. Functions take texts and numbers, and change nothing of them but the
digests, which they shorten. A key that ends in a slash is a prefix. What is stored under a layout outlives a deploy, so
a layout may only be added to: tests/unit/aws/test_keys.py holds each to its letters.

Digests are SHA-256 in hexadecimal. An attempt key is `Attempt.key`, a job name that of its ledger record.
"""

from __future__ import annotations

import posixpath

# The first part of each key, by bucket. template.yaml grants and expires by these.
WORK = ("shards/", "examinations/", "names/", "training/", "jobs/", "checkpoints/")
RESULTS = ("reports/", "reasons/", "receipts/", "results/", "models/", "processing/", "training/")
JOBS = "jobs/"
"""SageMaker writes a training job's output below this prefix and the job's name."""
REQUEST = "request.json"
"""What a processing job is to examine: a file of its input channel `request`."""

# -- work bucket: everything expires after 14 days --


def shard_name(attempt_key: str, number: int) -> str:
    """`<attempt key>-00000.jsonl`: unique over all jobs, so that an output is known by its base name alone."""
    return f"{attempt_key}-{number:05d}.jsonl"


def shard(upload_id: str, masks: str, attempt_key: str, number: int) -> str:
    """`shards/<upload id>/<attempt key>-00000.jsonl`: work items, numbered from 0.

    With the upload id of a BED in `masks`, which says what to fill: `shards/<upload id>/<masks>/<attempt key>-….jsonl`.
    """
    return "shards/" + posixpath.join(upload_id, masks, shard_name(attempt_key, number))


def examination(upload_id: str) -> str:
    """`examinations/<upload id>.json`: what the pass over an upload found."""
    return f"examinations/{upload_id}.json"


def read_names(upload_id: str) -> str:
    """`names/<upload id>`: the digest of a mate's read names."""
    return f"names/{upload_id}"


def prepared(digest: str) -> str:
    """`training/<32 digits>/prepared.json`: what is in a training's files; the digest is of files and settings."""
    return f"training/{digest[:32]}/prepared.json"


def prepared_data(digest: str) -> str:
    """`training/<32 digits>/data/`: the splits of a training's files."""
    return f"training/{digest[:32]}/data/"


def split(data: str, name: str) -> str:
    """`training/<32 digits>/data/train.jsonl`: one split. `data` is `prepared_data`, as an `Order` keeps it."""
    return f"{data}{name}.jsonl"


def job_manifest(name: str) -> str:
    """`jobs/<job name>/input.manifest`: which shards a transform job reads."""
    return f"jobs/{name}/input.manifest"


def job_request(name: str) -> str:
    """`jobs/<job name>/request.json`: what a processing job is to examine."""
    return f"jobs/{name}/{REQUEST}"


def job_output(name: str) -> str:
    """`jobs/<job name>/output/`: where SageMaker writes what a transform job predicts."""
    return f"jobs/{name}/output/"


def trained_archive(name: str) -> str:
    """`jobs/<job name>/output/model.tar.gz`: the model of a training job. SageMaker gives it this place."""
    return f"jobs/{name}/output/model.tar.gz"


def trained_output(name: str) -> str:
    """`jobs/<job name>/output/output.tar.gz`: what else a training job leaves. SageMaker gives it this place."""
    return f"jobs/{name}/output/output.tar.gz"


def checkpoints(name: str) -> str:
    """`checkpoints/<job name>/`: of a training job; a later job may go on from them."""
    return f"checkpoints/{name}/"


# -- results bucket: what a lab reads --


def report(upload_id: str) -> str:
    """`reports/<upload id>.json`: what was found in an upload, for programs."""
    return f"reports/{upload_id}.json"


def page(upload_id: str) -> str:
    """`reports/<upload id>.html`: the same for a person."""
    return f"reports/{upload_id}.html"


def multiqc_prefix(upload_id: str) -> str:
    """`reports/<upload id>/`: the same for MultiQC."""
    return f"reports/{upload_id}/"


def multiqc(upload_id: str, name: str) -> str:
    """`reports/<upload id>/seqdrop_gc_mqc.json`: one of MultiQC's files."""
    return f"reports/{upload_id}/{name}"


def reason(upload_id: str) -> str:
    """`reasons/<upload id>.json`: why an upload was rejected, or a training made no model."""
    return f"reasons/{upload_id}.json"


def receipt(upload_id: str) -> str:
    """`receipts/<upload id>.json`: the proof of an archived copy."""
    return f"receipts/{upload_id}.json"


def upload_results(analysis: str, upload_id: str) -> str:
    """`results/<analysis>/<upload id>/`: results of all attempts."""
    return f"results/{analysis}/{upload_id}/"


def result(analysis: str, upload_id: str, number: int, name: str) -> str:
    """`results/<analysis>/<upload id>/summary.json`: one file of the first attempt.

    Of a later one (`number` above 1): `results/<analysis>/<upload id>/attempt-2/summary.json`.
    """
    return upload_results(analysis, upload_id) + (f"attempt-{number}/{name}" if number > 1 else name)


def training_result(upload_id: str, name: str) -> str:
    """`results/training/<upload id of job.toml>/plan.json`: of the last attempt, whichever that is."""
    return f"results/training/{upload_id}/{name}"


def model_pointer(model: str) -> str:
    """`models/<model>/current.json`: which archive of a model is in use."""
    return f"models/{model}/current.json"


def pushed_archive(model: str, digest: str) -> str:
    """`models/<model>/<16 digits>.tar.gz`: an archive that a lab pushed."""
    return f"models/{model}/{digest[:16]}.tar.gz"


def pushed_weights(model: str, digest: str) -> str:
    """`models/<model>/<16 digits>/model.tar.gz`: pre-trained weights that a lab pushed."""
    return f"models/{model}/{digest[:16]}/model.tar.gz"


def registered_archive(model: str, version: str) -> str:
    """`models/<model>/<version>/model.tar.gz`: a model that was trained here."""
    return f"models/{model}/{version}/model.tar.gz"


def model_card(model: str, version: str) -> str:
    """`models/<model>/<version>/card.json`: how a model was trained, and how good it is."""
    return f"models/{model}/{version}/card.json"


PROCESSING_POINTER = "processing/current.json"
"""Which code processing jobs run."""


def processing_code(digest: str) -> str:
    """`processing/<16 digits>/`: what a processing job runs. The digest is of the files below it."""
    return f"processing/{digest[:16]}/"


def program_pointer(program: str) -> str:
    """`training/<program>/current.json`: which code training jobs of a program run."""
    return f"training/{program}/current.json"


def program_code(program: str, digest: str) -> str:
    """`training/<program>/<16 digits>/`: what a training job runs. The digest is of the archive below it."""
    return f"training/{program}/{digest[:16]}/"


def code_file(code: str, name: str) -> str:
    """`processing/<16 digits>/entry.py`: one file. `code` is as `processing_code` or `program_code` has it."""
    return f"{code}{name}"


# -- archive bucket --


def archived(key: str, upload_id: str) -> str:
    """`<folder of the landing key>/<upload id>/<file name>`: two versions of one landing key never meet."""
    folder, name = posixpath.split(key)
    return posixpath.join(folder, upload_id, name)
