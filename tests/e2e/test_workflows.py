"""A stack with Workflows: runs of HealthOmics that complete, fail, are throttled and whose ends are not reported."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console
from seqdrop_cli.watch import watch

from local.deploy import install
from local.omics_testing import change_behaviour, create_workflow
from local.testing import EventLog, wait_for
from tests.e2e.conftest import PATIENCE, drop_file, make_target, subscribe

pytestmark = pytest.mark.long  # deploys its own stack
NAME = "workflows"
ANALYSES = """
[analyses.pairs]
prefix = "pairs/"
formats = ["fastq"]
max_gb = 1
mates = "wait"
[analyses.pairs.workflow]
id = "WORKFLOW"
per = "sample"
parameters = {{ input = "{{samplesheet}}", reads = "{{files}}", sample = "{{sample}}" }}

[analyses.single]
prefix = "single/"
formats = ["fastq"]
max_gb = 1
[analyses.single.workflow]
id = "WORKFLOW"
per = "file"
parameters = {{ reads = "{{files}}" }}

[analyses.sheets]
prefix = "sheets/"
formats = ["fastq"]
max_gb = 1
mates = "wait"
keep_days = 1
[analyses.sheets.workflow]
id = "samplesheet"
columns = {{ sample = "{{sample}}", fastq_1 = "{{read1}}", fastq_2 = "{{read2}}", strandedness = "auto" }}

[analyses.wruns]
prefix = "wruns/"
formats = ["any"]
max_gb = 1
gate = "run"
[analyses.wruns.workflow]
id = "WORKFLOW"
per = "run"
parameters = {{ input = "{{samplesheet}}" }}
"""


@pytest.fixture(scope="module")
def lab(aws, repository, tmp_path_factory):
    """The stack, whose analyses name a workflow of HealthOmics, and functions to use it."""
    workflow, tree = create_workflow(aws), tmp_path_factory.mktemp("tree")
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, tree / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, tree)
    if (repository / "stacks").is_dir():
        shutil.copytree(repository / "stacks", tree / "stacks")
    text = (repository / "analyses.toml").read_text() + ANALYSES.format().replace("WORKFLOW", workflow)
    (tree / "layers/seqdrop/seqdrop/analyses.toml").write_text(text)
    stack, _ = install(aws, tree=tree, name=NAME, Workflows="true", WorkflowsStartSeconds=1, StaleMinutes=0)
    change_behaviour(aws, interval=1)
    s3, ledger = aws.client("s3"), make_target(aws, stack).ledger()
    resources = aws.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
    return SimpleNamespace(
        aws=aws,
        stack=stack,
        s3=s3,
        ledger=ledger,
        workflow=workflow,
        omics=aws.client("omics"),
        names={each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
        mails=subscribe(aws, stack.topic, "mails-of-workflows"),
        put=lambda key, body: drop_file(s3, stack.landing, key, body),
        wait_for_end=lambda *versions: watch(ledger, list(versions), Console(quiet=True), PATIENCE),
    )


def fastq(*names: str, mate: int = 1) -> bytes:
    """Return reads of these names; those of second mates have other bases."""
    bases = "ACGTACGT" if mate == 1 else "TTGCAAGT"
    return "".join(f"@{name}\n{bases}\n+\nIIIIIIII\n" for name in names).encode()


def read_json(lab, key: str) -> dict:
    return json.loads(lab.s3.get_object(Bucket=lab.stack.results, Key=key)["Body"].read())


def read_uri(lab, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return lab.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def reconcile(lab) -> None:
    response = lab.aws.client("lambda").invoke(FunctionName=lab.names["ReconcileFunction"], Payload=b"{}")
    assert "FunctionError" not in response, response["Payload"].read()


def test_a_pair_gets_one_run_and_is_archived_when_it_has_ended(lab):
    mates = [lab.put(f"pairs/S1_S1_L001_R{number}_001.fastq", fastq("alpha", "beta", mate=number)) for number in (1, 2)]
    ends = lab.wait_for_end(*mates)
    assert [end.upload.state for end in ends] == ["ARCHIVED", "ARCHIVED"]
    summaries = [read_json(lab, f"results/pairs/{mate.id}/summary.json") for mate in mates]
    (job,) = {summary["job"] for summary in summaries}
    (listed,) = lab.omics.list_runs(name=job)["items"]
    run = lab.omics.get_run(id=listed["id"])
    uris = [f"s3://{lab.stack.landing}/{mate.key}" for mate in mates]
    assert run["parameters"]["reads"] == uris
    assert run["parameters"]["sample"] == "S1"
    assert run["tags"]["seqdrop:analysis"] == "pairs"
    assert (run["storageType"], run["retentionMode"]) == ("DYNAMIC", "REMOVE")
    sheet = read_uri(lab, run["parameters"]["input"]).decode()
    assert sheet.splitlines() == ["sample,fastq_1,fastq_2", f"S1,{uris[0]},{uris[1]}"]
    for summary in summaries:
        assert summary["samples"] == ["S1"]
        assert summary["workflow"]["digest"] == run["digest"]
        outputs = {output["uri"].removeprefix(run["runOutputUri"]): output for output in summary["outputs"]["first"]}
        assert outputs.keys() == {"/out/counts.json", "/logs/run.log"}
        counts = json.loads(read_uri(lab, outputs["/out/counts.json"]["uri"]))
        assert {uri: counts["sizes"][uri] for uri in uris} == dict.fromkeys(uris, mates[0].size)
    assert (
        read_json(lab, summaries[0]["outputs"]["list"].removeprefix(f"s3://{lab.stack.results}/"))["run"] == run["id"]
    )


def test_a_run_that_fails_is_mailed_and_can_be_replayed(lab):
    version = lab.put("single/bad.fastq", fastq("FAIL"))
    (end,) = lab.wait_for_end(version)
    assert end.upload.state == "VALIDATED"
    (attempt,) = lab.ledger.attempts(version.id)
    assert (attempt.state, attempt.reason) == ("FAILED", "WORKFLOW_RUN_FAILED: the aligner found no read")
    assert f"seqdrop replay {version.id} --yes" in lab.mails.wait_for("the aligner found no read")["Message"]
    lab.s3.head_object(Bucket=lab.stack.landing, Key=version.key)


def test_throttled_and_refused_starts_are_tried_again(lab):
    change_behaviour(lab.aws, refusals=["ThrottlingException", "ThrottlingException", "InternalServerException"])
    versions = [lab.put(f"single/t{number}.fastq", fastq(f"t{number}")) for number in range(6)]
    ends = lab.wait_for_end(*versions)
    assert {end.upload.state for end in ends} == {"ARCHIVED"}
    for version in versions:
        job = read_json(lab, f"results/single/{version.id}/summary.json")["job"]
        assert len(lab.omics.list_runs(name=job)["items"]) == 1


@pytest.mark.parametrize("mishap", ["lost", "twice", "late"])
def test_an_end_that_is_reported_otherwise_is_found(lab, mishap):
    change_behaviour(lab.aws, mishaps=[mishap])
    version = lab.put(f"single/{mishap}.fastq", fastq(mishap))
    if mishap == "lost":

        def job() -> object:
            attempts = lab.ledger.attempts(version.id)
            record = lab.ledger.find_job(attempts[0].job) if attempts and attempts[0].job else None
            return record if record and record.run_id else None

        run = wait_for(job, timeout=60).run_id
        wait_for(lambda: lab.omics.get_run(id=run)["status"] == "COMPLETED", timeout=60)
        reconcile(lab)
    (end,) = lab.wait_for_end(version)
    assert end.upload.state == "ARCHIVED", end.detail


def test_a_run_that_a_person_cancels_is_mailed(lab):
    change_behaviour(lab.aws, hold=True)
    version = lab.put("single/cancelled.fastq", fastq("cancelled"))

    def find_run() -> str:
        attempts = lab.ledger.attempts(version.id)
        record = lab.ledger.find_job(attempts[0].job) if attempts and attempts[0].job else None
        return record.run_id if record else ""

    run = wait_for(find_run, timeout=60)
    lab.s3.head_object(Bucket=lab.stack.landing, Key=version.key)  # it stays while the run reads it
    lab.omics.cancel_run(id=run)
    change_behaviour(lab.aws, hold=False)
    lab.wait_for_end(version)
    (attempt,) = lab.ledger.attempts(version.id)
    assert lab.ledger.find_job(attempt.job).state == "STOPPED"
    lab.mails.wait_for("a person cancelled its run")


def test_a_sample_sheet_is_written_and_announced(lab):
    log = EventLog(lab.aws, {"source": ["seqdrop"]})
    mates = [lab.put(f"sheets/my sample_R{number}.fastq", fastq("gamma", mate=number)) for number in (1, 2)]
    ends = lab.wait_for_end(*mates)
    assert {end.upload.state for end in ends} == {"ARCHIVED"}
    (event,) = log.first(1)
    assert event["detail-type"] == "Seqdrop Samplesheet Ready v1"
    detail = event["detail"]
    assert (detail["analysis"], detail["samples"], detail["files"]) == ("sheets", 1, 2)
    uris = [f"s3://{lab.stack.landing}/{mate.key}" for mate in mates]
    rows = read_uri(lab, detail["samplesheet"]).decode().splitlines()
    assert rows == ["sample,fastq_1,fastq_2,strandedness", f"my_sample,{uris[0]},{uris[1]},auto"]
    for uri in uris:
        read_uri(lab, uri)  # kept for a day


def test_a_whole_run_gets_one_run_of_the_workflow_without_undetermined_reads(lab):
    folder = "wruns/20260101_X/"
    names = [
        f"S{sample}_S{sample}_L00{lane}_R{read}_001.fastq" for sample in (1, 2) for lane in (1, 2) for read in (1, 2)
    ]
    files = [
        lab.put(folder + name, fastq(f"read{number // 2}", mate=1 + number % 2)) for number, name in enumerate(names)
    ]
    others = [lab.put(folder + "Undetermined_S0_L001_R1_001.fastq", fastq("u")), lab.put(folder + "notes.txt", b"x")]
    others.append(lab.put(folder + "seqdrop-complete.txt", b"ok"))
    ends = lab.wait_for_end(*files, *others)
    assert {end.upload.state for end in ends} == {"ARCHIVED"}
    report = read_json(lab, "runs/wruns/20260101_X/run.json")
    (entry,) = report["workflows"]
    assert (entry["state"], entry["samples"]) == ("DONE", ["S1", "S2"])
    sheet = (
        lab.s3.get_object(
            Bucket=lab.stack.results, Key=f"runs/wruns/20260101_X/workflow/{entry['job']}/samplesheet.csv"
        )["Body"]
        .read()
        .decode()
    )
    assert [line.split(",")[0] for line in sheet.splitlines()] == ["sample", "S1", "S1", "S2", "S2"]
    assert "Undetermined" not in sheet
