"""The keys of all buckets but the landing bucket. Each layout is defined once, by the function that returns it.

The lab chooses the landing keys, so they are not defined here. Functions use their arguments unchanged, except for
digests, which some of them shorten. A key that ends in a slash is a prefix. Stored objects outlive a deploy, so layouts
may be added but not changed; tests/unit/aws/test_keys.py checks each of them.

Digests are SHA-256 in hexadecimal. An attempt key is the `Attempt.key` of the attempt that wrote the
shards. A job name is that of the job's ledger record.
"""

from __future__ import annotations

import posixpath
import re

# The first part of each key, by bucket. Permissions and expiry rules in template.yaml use these prefixes.
WORK = (
    *("shards/", "examinations/", "names/", "training/", "jobs/", "checkpoints/"),
    *("inventory/", "bundles/", "restores/", "captured/"),
    *("async/", "answers/", "transfers/", "events/"),
)
RESULTS = (
    *("reports/", "reasons/", "receipts/", "tombstones/", "results/", "runs/"),
    *("inventory/", "bundles/", "restores/", "restored/", "monitoring/"),
    *("catalogue/", "transfers/"),
    "index/",
)
BY_COMMANDS = ("shares/",)  # of the results bucket, with the credentials of the person who calls the command
MODELS = ("models/", "processing/", "training/")
JOBS = "jobs/"
"""The prefix below which SageMaker writes the output of a training job, in a folder with the name of the job."""
REQUEST = "request.json"
"""The file in the input channel `request` of a processing job. It names the upload to examine."""

# -- work bucket: every object expires after 14 days --


def shard_name(attempt_key: str, number: int) -> str:
    """Return `<attempt key>-00000.jsonl`, unique over all jobs: the base name of an output identifies its shard."""
    return f"{attempt_key}-{number:05d}.jsonl"


def shard(upload_id: str, masks: str, attempt_key: str, number: int) -> str:
    """Return `shards/<upload id>/<attempt key>-00000.jsonl`, the key of work items; shards are numbered from 0.

    If `masks` is the upload id of a BED that names the bases to fill, the key is
    `shards/<upload id>/<masks>/<attempt key>-….jsonl`.
    """
    return "shards/" + posixpath.join(upload_id, masks, shard_name(attempt_key, number))


def examination(upload_id: str) -> str:
    """Return `examinations/<upload id>.json`, the key of the result of the pass over an upload."""
    return f"examinations/{upload_id}.json"


def read_names(upload_id: str) -> str:
    """Return `names/<upload id>`, the key of the digest of a mate's read names."""
    return f"names/{upload_id}"


def prepared(digest: str) -> str:
    """Return `training/<32 digits>/prepared.json`, the key of the summary of prepared data.

    The digest is that of the files and settings of the training.
    """
    return f"training/{digest[:32]}/prepared.json"


def prepared_data(digest: str) -> str:
    """Return `training/<32 digits>/data/`, the prefix of the splits of a training."""
    return f"training/{digest[:32]}/data/"


def split(data: str, name: str) -> str:
    """Return `training/<32 digits>/data/train.jsonl`, the key of one split.

    `data` is a prefix that `prepared_data` returned; the attempt's `Order` stores it.
    """
    return f"{data}{name}.jsonl"


def training_baseline(data: str) -> str:
    """Return `training/<32 digits>/baseline.json`, the key of the monitoring baseline of a training's data.

    `data` is a prefix that `prepared_data` returned. The key is not below it: a training job reads all objects there.
    """
    return data.removesuffix("data/") + "baseline.json"


def job_manifest(name: str) -> str:
    """Return `jobs/<job name>/input.manifest`, the key of the list of shards that a transform job reads."""
    return f"jobs/{name}/input.manifest"


def job_request(name: str) -> str:
    """Return `jobs/<job name>/request.json`, the key of the request that a processing job works on."""
    return f"jobs/{name}/{REQUEST}"


def job_output(name: str) -> str:
    """Return `jobs/<job name>/output/`, the prefix below which SageMaker writes the predictions of a transform job."""
    return f"jobs/{name}/output/"


ASYNC_OUTPUTS = "async/outputs/"
"""The prefix below which asynchronous endpoints write predictions: the S3OutputPath of their configuration."""


ASYNC_FAILURES = "async/failures/"
"""The prefix below which asynchronous endpoints write why a request failed: the S3FailurePath."""


def async_output(name: str, number: int) -> str:
    """Return `async/outputs/<job name>/00000.out`, the key of the predictions of a request of an asynchronous job.

    `number` is that of the shard. A request names the job and the file: SageMaker allows 32 characters and one dot.
    """
    return f"{ASYNC_OUTPUTS}{name}/{number:05d}.out"


def trained_archive(name: str) -> str:
    """Return `jobs/<job name>/output/model.tar.gz`, the key that SageMaker gives to the model of a training job."""
    return f"jobs/{name}/output/model.tar.gz"


def trained_output(name: str) -> str:
    """Return `jobs/<job name>/output/output.tar.gz`, the key that SageMaker gives to other output of a training job."""
    return f"jobs/{name}/output/output.tar.gz"


def checkpoints(name: str) -> str:
    """Return `checkpoints/<job name>/`, the prefix of checkpoints; a later training job may continue from them."""
    return f"checkpoints/{name}/"


def inventory_portions(inventory: str) -> str:
    """Return `inventory/<32 digits>/`, the prefix of what the ledger said when an inventory was compared with it."""
    return f"inventory/{inventory}/"


def inventory_portion(inventory: str, number: int, after: str) -> str:
    """Return `inventory/<32 digits>/00000_<time>`, the key of one portion; the next one begins after that time."""
    return f"{inventory_portions(inventory)}{number:05d}_{after}"


ANSWERS = "answers/"
"""The prefix below which Athena writes the answers to questions about the catalogue."""


CAPTURED = "captured/"
"""The prefix below which endpoints capture requests and responses."""


def captured(endpoint: str) -> str:
    """Return `captured/<endpoint>/`, the prefix of what an endpoint captured.

    Below it, SageMaker makes folders of the variant, the year, the month, the day and the hour.
    """
    return f"{CAPTURED}{endpoint}/"


def transfers(task: str) -> str:
    """Return `transfers/<task>/`, the prefix of what is noted about the executions of a DataSync task."""
    return f"transfers/{task}/"


def transfer_manifest(task: str, plan: str) -> str:
    """Return `transfers/<task>/<plan>/manifest.csv`, the key of the list of files that an execution copies.

    `task` is the id of the DataSync task, and `plan` begins the SHA-256 of the list.
    """
    return f"{transfers(task)}{plan}/manifest.csv"


def transfer_listing(manifest: str) -> str:
    """Return `transfers/<task>/<plan>/listing.json.gz`: what of the source was copied once that execution succeeded."""
    return manifest.removesuffix("manifest.csv") + "listing.json.gz"


RECENT_EVENTS = "events/recent.json"
"""The key of the list of events that were sent lately (stages/reconcile/publishing.py)."""


def bundle_plan(plan: str) -> str:
    """Return `bundles/<id of the bundle>.json`, the key of the plan of a bundle that is being made."""
    return f"bundles/{plan}.json"


def restore_manifest(request_id: str) -> str:
    """Return `restores/<request id>/manifest.csv`, the key of the list of objects of a job of S3 Batch Operations."""
    return f"restores/{request_id}/manifest.csv"


def restore_manifest_parts(request_id: str) -> str:
    """Return `restores/<request id>/part-`, the prefix of the parts from which the manifest is joined."""
    return f"restores/{request_id}/part-"


def restore_manifest_part(request_id: str, position: int) -> str:
    """Return `restores/<request id>/part-000000500.csv`, the key of a part of the manifest.

    The position is that of its first object.
    """
    return f"restores/{request_id}/part-{position:09d}.csv"


def restore_reports(request_id: str) -> str:
    """Return `restores/<request id>/report`, the prefix that S3 Batch Operations gets for the report of the job."""
    return f"restores/{request_id}/report"


def restore_report(request_id: str, job: str) -> str:
    """Return `restores/<request id>/report/job-<job>/manifest.json`, the key that S3 gives to the report's contents."""
    return f"restores/{request_id}/report/job-{job}/manifest.json"


# -- results bucket: for the lab --


def report(upload_id: str) -> str:
    """Return `reports/<upload id>.json`, the key of the report on an upload for programs."""
    return f"reports/{upload_id}.json"


def page(upload_id: str) -> str:
    """Return `reports/<upload id>.html`, the key of the report for people."""
    return f"reports/{upload_id}.html"


def multiqc_prefix(upload_id: str) -> str:
    """Return `reports/<upload id>/`, the prefix of the report for MultiQC."""
    return f"reports/{upload_id}/"


def multiqc(upload_id: str, name: str) -> str:
    """Return `reports/<upload id>/seqdrop_gc_mqc.json`, the key of one file for MultiQC."""
    return f"reports/{upload_id}/{name}"


def reason(upload_id: str) -> str:
    """Return `reasons/<upload id>.json`, the key of the reason why an upload was rejected or a training failed."""
    return f"reasons/{upload_id}.json"


def receipt(upload_id: str) -> str:
    """Return `receipts/<upload id>.json`, the key of the proof of an archived copy."""
    return f"receipts/{upload_id}.json"


RECEIPTS = "receipts/"
"""The prefix of receipts, and of the manifests that list them."""


MANIFESTS = "receipts/manifests/"
"""The prefix of the manifests. Their keys sort in the order of the chain."""


SIGNED_HEAD = "receipts/manifests/head.json"
"""The key of the signed statement which manifest is the last one."""


def manifest(date: str, number: int = 1) -> str:
    """Return `receipts/manifests/2026-02-01.json`, the key of the manifest of a day.

    For a further manifest of the day (`number` above 1) it is `receipts/manifests/2026-02-01_0002.json`.
    """
    return f"{MANIFESTS}{date}{f'_{number:04d}' if number > 1 else ''}.json"


TOMBSTONES = "tombstones/"
"""The prefix of the records of what was deleted from the archive."""


def tombstone(upload_id: str) -> str:
    """Return `tombstones/<upload id>.json`, the key of the record that an archived copy was deleted on request."""
    return f"tombstones/{upload_id}.json"


def upload_results(analysis: str, upload_id: str) -> str:
    """Return `results/<analysis>/<upload id>/`, the prefix of the results of all attempts."""
    return f"results/{analysis}/{upload_id}/"


def result(analysis: str, upload_id: str, number: int, name: str) -> str:
    """Return `results/<analysis>/<upload id>/summary.json`, the key of one file of the first attempt.

    For a later attempt (`number` above 1) it is `results/<analysis>/<upload id>/attempt-2/summary.json`.
    """
    return upload_results(analysis, upload_id) + (f"attempt-{number}/{name}" if number > 1 else name)


def training_result(upload_id: str, name: str) -> str:
    """Return `results/training/<upload id of job.toml>/plan.json`, the key of one file of the last attempt."""
    return f"results/training/{upload_id}/{name}"


def run_result(analysis: str, folder: str, name: str) -> str:
    """Return `runs/<analysis>/<run folder>/run.json`, the key of one file about a run.

    `folder` is the name of the run's folder. Names are run.json, run.html, samples.tsv, and copies of
    the sample sheet and of the instrument's description of the run.
    """
    return f"runs/{analysis}/{folder}/{name}"


RUNS_INDEX = "runs/index.html"
"""The key of the page that lists all runs."""
INDEX = "index/"
"""The prefix of the index of file names. Below it, folders are those of the landing bucket."""


def index_entry(key: str, landed: str, upload_id: str) -> str:
    """Return `index/<landing key>/<time>--<upload id>.json`, the key of the entry of one upload in the index of names.

    `landed` is the time when it landed, as in the ledger. Entries of one file name sort in the order of these times.
    """
    return f"{INDEX}{key}/{landed[:19].replace(':', '-')}Z--{upload_id}.json"


SHARES = "shares/"
"""The prefix of the records of what was shared."""


def share(share_id: str, name: str) -> str:
    """Return `shares/<share id>/share.json`, the key of one file about what was shared."""
    return f"{SHARES}{share_id}/{name}"


TRUTH = "truth/"
"""The prefix of the landing bucket for ground truth: the name of each file begins with an upload id."""


def workflow_of_upload(analysis: str, upload_id: str, job: str) -> str:
    """Return `results/<analysis>/<upload id>/workflow/<job>/`, where a workflow on a file or a sample writes.

    The id is that of the first upload of the sample.
    """
    return f"{upload_results(analysis, upload_id)}workflow/{job}/"


def workflow_of_run(analysis: str, folder: str, job: str) -> str:
    """Return `runs/<analysis>/<run folder>/workflow/<job>/`, where a workflow on a whole run writes."""
    return run_result(analysis, folder, f"workflow/{job}/")


SAMPLESHEET = "samplesheet.csv"
"""The name of a workflow's sample sheet, in its folder."""


WORKFLOW_OUTPUTS = "outputs.json"
"""The name of the list of a workflow's outputs, in its folder."""


def monitoring(analysis: str, stream: str) -> str:
    """Return `monitoring/<analysis>/<stream>/`; the stream is `batch` or `requests` (of an endpoint)."""
    return f"monitoring/{analysis}/{stream}/"


def monitoring_report(analysis: str, stream: str, date: str, name: str) -> str:
    """Return `monitoring/<analysis>/<stream>/<date>/report.html`, the key of one file of a monitoring report."""
    return f"{monitoring(analysis, stream)}{date}/{name}"


def monitoring_history(analysis: str, stream: str) -> str:
    """Return `monitoring/<analysis>/<stream>/history.json`, the key of the figures of all reports."""
    return f"{monitoring(analysis, stream)}history.json"


def own_baseline(analysis: str, stream: str) -> str:
    """Return `monitoring/<analysis>/<stream>/baseline.json`, the key of the baseline that the lab chose."""
    return f"{monitoring(analysis, stream)}baseline.json"


def first_baseline(analysis: str, stream: str, digest: str) -> str:
    """Return `monitoring/<analysis>/<stream>/first-<16 digits>.json`, the key of the baseline of first results.

    The digest is that of the model's archive.
    """
    return f"{monitoring(analysis, stream)}first-{digest[:16]}.json"


UPLOAD_FACTS = re.compile(
    r"(?:(?:reports|reasons|receipts|tombstones)/(?P<id>[A-Z2-7]{26})\.json"
    r"|results/[^/]+/(?P<predicted>[A-Z2-7]{26})/(?:attempt-\d+/)?summary\.json)"
)
"""The keys of the objects that say something about an upload; its id is `id` or `predicted`."""


FACTS = ("reports/", "reasons/", "receipts/", "tombstones/", "runs/")
"""The prefixes below which there is an object for each upload, and for each run, that something is known of."""


RUN_REPORT = re.compile(r"runs/.+/run\.json")
"""The keys of the reports on runs."""


def catalogue_table(table: str) -> str:
    """Return `catalogue/<table>/`, the prefix of a table of the catalogue."""
    return f"catalogue/{table}/"


def catalogue_rows(table: str, month: str, name: str) -> str:
    """Return `catalogue/<table>/month=2026-02/<name>.parquet`, the key of the rows of an upload or a run.

    The name is the upload id or the id of the run, and the month that of its record in the ledger.
    """
    return f"{catalogue_table(table)}month={month}/{name}.parquet"


def transferred(task: str) -> str:
    """Return `transfers/<task>/transferred.json.gz`, the key of the list of the source's files that were copied."""
    return f"{transfers(task)}transferred.json.gz"


def gene_list(name: str) -> str:
    """Return `catalogue/genes/liver.bed`, the key of a gene list of the lab."""
    return f"{catalogue_table('genes')}{name}"


INVENTORIES = "inventory/lists/"
"""The prefix below which S3 writes the inventories of the archive bucket."""


def inventory_report(date: str, name: str) -> str:
    """Return `inventory/reports/<date>/inventory-report.json`, the key of one file of the report on an inventory."""
    return f"inventory/reports/{date}/{name}"


def bundle_index(archive_key: str) -> str:
    """Return `bundles/<archive key of the tar>.index.tsv`, the key of the index of a bundle of the archive."""
    return f"bundles/{archive_key}.index.tsv"


def bundle_left_out(archive_key: str) -> str:
    """Return `bundles/<archive key of the tar>.left-out.json`: the key of the list of its files without receipts."""
    return f"bundles/{archive_key}.left-out.json"


def restore_plan(request_id: str) -> str:
    """Return `restores/<request id>/files.jsonl`, the key of the list of files that a person asked to restore."""
    return f"restores/{request_id}/files.jsonl"


def restored(prefix: str, path: str) -> str:
    """Return `restored/<prefix>/<path>`, the key of a copy that is kept.

    The path is the landing key without the prefix of its analysis, such as `run7/S1.fastq.gz`.
    """
    return f"restored/{prefix.strip('/')}/{path}"


# -- models bucket: models and the code of jobs --


def model_pointer(model: str) -> str:
    """Return `models/<model>/current.json`, the key of the pointer to the archive in use."""
    return f"models/{model}/current.json"


def model_prefix(model: str) -> str:
    """Return `models/<model>/`, the prefix of a model's archives, cards and pointer."""
    return f"models/{model}/"


def pushed_archive(model: str, digest: str) -> str:
    """Return `models/<model>/<16 digits>.tar.gz`, the key of an archive that a lab pushed."""
    return f"models/{model}/{digest[:16]}.tar.gz"


def pushed_weights(model: str, digest: str) -> str:
    """Return `models/<model>/<16 digits>/model.tar.gz`, the key of pre-trained weights that a lab pushed."""
    return f"models/{model}/{digest[:16]}/model.tar.gz"


def registered_archive(model: str, version: str) -> str:
    """Return `models/<model>/<version>/model.tar.gz`, the key of a model that was trained here."""
    return f"models/{model}/{version}/model.tar.gz"


def model_card(model: str, version: str) -> str:
    """Return `models/<model>/<version>/card.json`, the key of the card: how a model was trained and its metrics."""
    return f"models/{model}/{version}/card.json"


def model_baseline(model: str, version: str) -> str:
    """Return `models/<model>/<version>/baseline.json`, the key of the baseline of the data that trained a model."""
    return f"models/{model}/{version}/baseline.json"


PROCESSING_POINTER = "processing/current.json"
"""The key of the pointer to the code of processing jobs."""


def processing_code(digest: str) -> str:
    """Return `processing/<16 digits>/`, the prefix of the code of a processing job; the digest is that of its files."""
    return f"processing/{digest[:16]}/"


def program_pointer(program: str) -> str:
    """Return `training/<program>/current.json`, the key of the pointer to the code of a program's training jobs."""
    return f"training/{program}/current.json"


def program_code(program: str, digest: str) -> str:
    """Return `training/<program>/<16 digits>/`, the prefix of a training job's code; the digest is of its archive."""
    return f"training/{program}/{digest[:16]}/"


def code_file(code: str, name: str) -> str:
    """Return `processing/<16 digits>/entry.py`, the key of one file.

    `code` is a prefix that `processing_code` or `program_code` returned.
    """
    return f"{code}{name}"


# -- archive bucket --


def archived(key: str, upload_id: str) -> str:
    """Return `<folder of the landing key>/<upload id>/<file name>`, which differs for two versions of a landing key."""
    folder, name = posixpath.split(key)
    return posixpath.join(folder, upload_id, name)
