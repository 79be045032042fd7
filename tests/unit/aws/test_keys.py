"""The layouts of the buckets, character by character: each release must find the objects of earlier releases."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.aws import keys

UPLOAD, BED = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "BCDEFGHIJKLMNOPQRSTUVWXYZ2"
ATTEMPT = f"{UPLOAD}-reads-1"
JOB = f"seqdrop-reads-{UPLOAD}-1"
DIGEST = "0123456789abcdef" * 4
HALF = "0123456789abcdef" * 2

WORK = {
    keys.CAPTURED: "captured/",
    keys.captured("seqdrop-reads"): "captured/seqdrop-reads/",
    keys.restore_manifest("r20261201-1a2b3c"): "restores/r20261201-1a2b3c/manifest.csv",
    keys.restore_manifest_parts("r20261201-1a2b3c"): "restores/r20261201-1a2b3c/part-",
    keys.restore_manifest_part("r20261201-1a2b3c", 500): "restores/r20261201-1a2b3c/part-000000500.csv",
    keys.restore_reports("r20261201-1a2b3c"): "restores/r20261201-1a2b3c/report",
    keys.restore_report("r20261201-1a2b3c", "0a1b"): "restores/r20261201-1a2b3c/report/job-0a1b/manifest.json",
    keys.shard(
        UPLOAD, "", ATTEMPT, 0
    ): "shards/ABCDEFGHIJKLMNOPQRSTUVWXYZ/ABCDEFGHIJKLMNOPQRSTUVWXYZ-reads-1-00000.jsonl",
    keys.shard(UPLOAD, BED, "a-masked-2", 123_456): (
        "shards/ABCDEFGHIJKLMNOPQRSTUVWXYZ/BCDEFGHIJKLMNOPQRSTUVWXYZ2/a-masked-2-123456.jsonl"
    ),
    keys.examination(UPLOAD): "examinations/ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
    keys.read_names(UPLOAD): "names/ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    keys.prepared(DIGEST): "training/0123456789abcdef0123456789abcdef/prepared.json",
    keys.prepared_data(DIGEST): "training/0123456789abcdef0123456789abcdef/data/",
    keys.training_baseline(keys.prepared_data(DIGEST)): ("training/0123456789abcdef0123456789abcdef/baseline.json"),
    keys.split(keys.prepared_data(DIGEST), "test"): "training/0123456789abcdef0123456789abcdef/data/test.jsonl",
    keys.transfers("task-0123"): "transfers/task-0123/",
    keys.transfer_manifest("task-0123", "0a1b"): "transfers/task-0123/0a1b/manifest.csv",
    keys.transfer_listing("transfers/task-0123/0a1b/manifest.csv"): "transfers/task-0123/0a1b/listing.json.gz",
    keys.bundle_plan(UPLOAD): "bundles/ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
    keys.JOBS: "jobs/",
    keys.job_manifest(JOB): "jobs/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/input.manifest",
    keys.job_request(JOB): "jobs/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/request.json",
    keys.job_output(JOB): "jobs/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/output/",
    keys.RECENT_EVENTS: "events/recent.json",
    keys.ASYNC_OUTPUTS: "async/outputs/",
    keys.ANSWERS: "answers/",
    keys.ASYNC_FAILURES: "async/failures/",
    keys.async_output(JOB, 7): "async/outputs/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/00007.out",
    keys.trained_archive(JOB): "jobs/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/output/model.tar.gz",
    keys.trained_output(JOB): "jobs/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/output/output.tar.gz",
    keys.inventory_portions(HALF): "inventory/0123456789abcdef0123456789abcdef/",
    keys.inventory_portion(HALF, 7, "end"): "inventory/0123456789abcdef0123456789abcdef/00007_end",
    keys.checkpoints(JOB): "checkpoints/seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWXYZ-1/",
}
RESULTS = {
    keys.bundle_left_out("runs/a/ABCDEFGHIJKLMNOPQRSTUVWXYZ/seqdrop-bundle-0123456789abcdef.tar"): (
        "bundles/runs/a/ABCDEFGHIJKLMNOPQRSTUVWXYZ/seqdrop-bundle-0123456789abcdef.tar.left-out.json"
    ),
    keys.bundle_index("runs/a/ABCDEFGHIJKLMNOPQRSTUVWXYZ/seqdrop-bundle-0123456789abcdef.tar"): (
        "bundles/runs/a/ABCDEFGHIJKLMNOPQRSTUVWXYZ/seqdrop-bundle-0123456789abcdef.tar.index.tsv"
    ),
    keys.restore_plan("r20261201-1a2b3c"): "restores/r20261201-1a2b3c/files.jsonl",
    keys.monitoring("reads", "batch"): "monitoring/reads/batch/",
    keys.transferred("task-0123"): "transfers/task-0123/transferred.json.gz",
    keys.catalogue_table("uploads"): "catalogue/uploads/",
    keys.gene_list("liver.bed"): "catalogue/genes/liver.bed",
    keys.catalogue_rows("calls", "2026-02", "ID"): "catalogue/calls/month=2026-02/ID.parquet",
    keys.monitoring_report("reads", "batch", "2026-11-30T04-17Z", "report.html"): (
        "monitoring/reads/batch/2026-11-30T04-17Z/report.html"
    ),
    keys.monitoring_history("reads", "requests"): "monitoring/reads/requests/history.json",
    keys.own_baseline("reads", "batch"): "monitoring/reads/batch/baseline.json",
    keys.first_baseline("reads", "batch", DIGEST): "monitoring/reads/batch/first-0123456789abcdef.json",
    keys.restored("/project 1/", "run7/a.fa"): "restored/project 1/run7/a.fa",
    keys.report(UPLOAD): "reports/ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
    keys.page(UPLOAD): "reports/ABCDEFGHIJKLMNOPQRSTUVWXYZ.html",
    keys.multiqc_prefix(UPLOAD): "reports/ABCDEFGHIJKLMNOPQRSTUVWXYZ/",
    keys.multiqc(UPLOAD, "seqdrop_gc_mqc.json"): "reports/ABCDEFGHIJKLMNOPQRSTUVWXYZ/seqdrop_gc_mqc.json",
    keys.reason(UPLOAD): "reasons/ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
    keys.receipt(UPLOAD): "receipts/ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
    keys.RECEIPTS: "receipts/",
    keys.MANIFESTS: "receipts/manifests/",
    keys.SIGNED_HEAD: "receipts/manifests/head.json",
    keys.manifest("2026-02-01"): "receipts/manifests/2026-02-01.json",
    keys.manifest("2026-02-01", 2): "receipts/manifests/2026-02-01_0002.json",
    keys.TOMBSTONES: "tombstones/",
    keys.tombstone(UPLOAD): "tombstones/ABCDEFGHIJKLMNOPQRSTUVWXYZ.json",
    keys.upload_results("reads", UPLOAD): "results/reads/ABCDEFGHIJKLMNOPQRSTUVWXYZ/",
    keys.result("reads", UPLOAD, 1, "summary.json"): "results/reads/ABCDEFGHIJKLMNOPQRSTUVWXYZ/summary.json",
    keys.result("reads", UPLOAD, 12, "calls.bed"): "results/reads/ABCDEFGHIJKLMNOPQRSTUVWXYZ/attempt-12/calls.bed",
    keys.INVENTORIES: "inventory/lists/",
    keys.inventory_report("2026-11-30T01-00Z", "inventory-report.json"): (
        "inventory/reports/2026-11-30T01-00Z/inventory-report.json"
    ),
    keys.INDEX: "index/",
    keys.index_entry("reads/run 7/S1.fastq", "2026-02-01T14:30:05.123Z", UPLOAD): (
        "index/reads/run 7/S1.fastq/2026-02-01T14-30-05Z--ABCDEFGHIJKLMNOPQRSTUVWXYZ.json"
    ),
    keys.SHARES: "shares/",
    keys.share("s20261201-1a2b3c", "share.json"): "shares/s20261201-1a2b3c/share.json",
    keys.training_result(UPLOAD, "plan.json"): "results/training/ABCDEFGHIJKLMNOPQRSTUVWXYZ/plan.json",
    keys.workflow_of_upload("rnaseq", UPLOAD, "seqdrop-x"): f"results/rnaseq/{UPLOAD}/workflow/seqdrop-x/",
    keys.workflow_of_run("rnaseq", "run7", "seqdrop-rnaseq-x-1"): "runs/rnaseq/run7/workflow/seqdrop-rnaseq-x-1/",
    keys.run_result("runs", "20260105_LH00999_0012_A22ABCDLT4", "run.json"): (
        "runs/runs/20260105_LH00999_0012_A22ABCDLT4/run.json"
    ),
}
MODELS = {
    keys.model_pointer("promoter"): "models/promoter/current.json",
    keys.model_prefix("promoter"): "models/promoter/",
    keys.pushed_archive("promoter", DIGEST): "models/promoter/0123456789abcdef.tar.gz",
    keys.pushed_weights("prot-t5", DIGEST): "models/prot-t5/0123456789abcdef/model.tar.gz",
    keys.registered_archive("structure", "2026-01-31-helix-abcdefgh-1"): (
        "models/structure/2026-01-31-helix-abcdefgh-1/model.tar.gz"
    ),
    keys.model_card("structure", "2026-01-31-helix-abcdefgh-1"): (
        "models/structure/2026-01-31-helix-abcdefgh-1/card.json"
    ),
    keys.model_baseline("structure", "2026-01-31-helix-abcdefgh-1"): (
        "models/structure/2026-01-31-helix-abcdefgh-1/baseline.json"
    ),
    keys.PROCESSING_POINTER: "processing/current.json",
    keys.processing_code(DIGEST): "processing/0123456789abcdef/",
    keys.code_file(keys.processing_code(DIGEST), "entry.py"): "processing/0123456789abcdef/entry.py",
    keys.program_pointer("protein"): "training/protein/current.json",
    keys.program_code("protein", DIGEST): "training/protein/0123456789abcdef/",
    keys.code_file(keys.program_code("protein", DIGEST), "sourcedir.tar.gz"): (
        "training/protein/0123456789abcdef/sourcedir.tar.gz"
    ),
}
ARCHIVE = {
    keys.archived("reads/run 7/a_R1.fastq.gz", UPLOAD): "reads/run 7/ABCDEFGHIJKLMNOPQRSTUVWXYZ/a_R1.fastq.gz",
    keys.archived("a.fa", UPLOAD): "ABCDEFGHIJKLMNOPQRSTUVWXYZ/a.fa",
}


@pytest.mark.parametrize(("key", "golden"), (WORK | RESULTS | MODELS | ARCHIVE).items())
def test_a_layout_has_not_changed(key, golden):
    assert key == golden


def test_all_layouts_differ():
    for table in (WORK, RESULTS, MODELS, ARCHIVE):
        assert len(set(table.values())) == len(table)


def test_every_layout_is_in_the_table():
    """A new function of `keys` needs a line in the tables above."""
    text = inspect.getsource(inspect.getmodule(test_every_layout_is_in_the_table))
    functions = [name for name, value in vars(keys).items() if inspect.isfunction(value)]
    assert [name for name in functions if f"keys.{name}(" not in text and name != "shard_name"] == []


def test_every_key_is_below_a_declared_prefix():
    assert {key.split("/")[0] + "/" for key in WORK} == set(keys.WORK)
    assert {key.split("/")[0] + "/" for key in RESULTS} == {*keys.RESULTS, *keys.BY_COMMANDS}
    assert {key.split("/")[0] + "/" for key in MODELS} == set(keys.MODELS)


def test_every_docstring_begins_with_an_example():
    for name, value in vars(keys).items():
        if inspect.isfunction(value):
            assert re.match(r"Return `[^`]+`", value.__doc__), name


@pytest.mark.parametrize(
    ("bucket", "declared"),
    [("WorkBucket", keys.WORK), ("ResultsBucket", keys.RESULTS), ("ModelsBucket", keys.MODELS)],
)
def test_the_template_grants_these_prefixes_and_no_others(repository, bucket, declared):
    text = (repository / "template.yaml").read_text()
    granted = set(re.findall(rf"\$\{{{bucket}\.Arn\}}/([\w-]+/)", text))
    for stack in (repository / "stacks").glob("*.yaml"):
        granted |= set(re.findall(rf":s3:::\$\{{{bucket}\}}/([\w-]+/)", stack.read_text()))
    # Until version 0.2, models and code were in the results bucket, from which they are copied after an upgrade.
    assert granted == {*declared, *(keys.MODELS if bucket == "ResultsBucket" else ())}


@given(st.text(min_size=1))
def test_versions_of_a_landing_key_have_different_archive_keys(key):
    """The upload id is a folder in the key, which is otherwise unchanged except for doubled slashes."""
    assert keys.archived(key, UPLOAD) != keys.archived(key, BED)
    if "//" not in key:
        assert keys.archived(key, UPLOAD).replace(f"{UPLOAD}/", "", 1) == key
