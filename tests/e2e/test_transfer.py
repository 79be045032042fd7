"""Runs that DataSync brings: opened when their transfer has ended, archived once, copied once."""

from __future__ import annotations

import json

import pytest
from seqdrop.ledger.run_record import run_id

from local.deploy import Stack, install
from local.run_samples import NOVASEQ_X, write_novaseq_run
from local.testing import make_bucket, order_datasync, unique_name, wait_for
from tests.e2e.conftest import make_target, subscribe

pytestmark = pytest.mark.long  # deploys its own stack

STACK = "moving"
ORDERS = {"lost_events": False, "failure": "", "failing_files": [], "is_held": False, "offline_agents": []}
PATIENCE = 180  # seconds


class Lab:
    """A stack whose transfer copies from a bucket of the lab."""

    def __init__(self, aws, stack: Stack, source: str) -> None:
        self.aws, self.stack, self.source = aws, stack, source
        self.s3, self.sqs, self.sync = aws.client("s3"), aws.client("sqs"), aws.client("datasync")
        self.target = make_target(aws, stack)
        self.ledger = self.target.ledger()

    def write(self, run: str, files: dict[str, bytes]) -> None:
        for name, body in files.items():
            self.s3.put_object(Bucket=self.source, Key=f"seq/{run}/{name}", Body=body)

    def order(self, **message) -> None:
        self.sqs.send_message(
            QueueUrl=self.stack.transferqueue, MessageBody=json.dumps({"transfer": "start"} | message)
        )

    def executions(self) -> list[dict]:
        listed = self.sync.list_task_executions(TaskArn=self.stack.transfertask)["TaskExecutions"]
        arns = [each["TaskExecutionArn"] for each in listed]
        return [self.sync.describe_task_execution(TaskExecutionArn=arn) for arn in arns]

    def transfer(self, **message) -> dict:
        """Order an execution, and return it when it has ended."""
        count = len(self.executions())
        self.order(**message)

        def probe() -> dict | None:
            executions = self.executions()
            is_over = len(executions) > count and executions[-1]["Status"] in ("SUCCESS", "ERROR")
            return executions[-1] if is_over else None

        return wait_for(probe, timeout=PATIENCE)

    def run(self, name: str):
        return self.ledger.find_run(run_id(self.stack.landing, f"runs/{name}/"))

    def wait_until_archived(self, name: str):
        wait_for(lambda: (run := self.run(name)) and run.state == "ARCHIVED", timeout=PATIENCE)
        return self.run(name)

    def archived(self, name: str) -> list[str]:
        """Return the names of the files of a run that the archive has, once for each copy."""
        items = self.s3.list_object_versions(Bucket=self.stack.archive, Prefix=f"runs/{name}/").get("Versions", [])
        return sorted(item["Key"].rpartition("/")[2] for item in items)

    def landed(self, name: str) -> list[str]:
        items = self.s3.list_objects_v2(Bucket=self.stack.landing, Prefix=f"runs/{name}/").get("Contents", [])
        return [item["Key"].removeprefix(f"runs/{name}/") for item in items]

    def wait_until_processed(self, execution: dict) -> None:
        name = execution["TaskExecutionArn"].rpartition("/")[2]
        wait_for(lambda: name in self.ledger.transfer().processed, timeout=PATIENCE)


@pytest.fixture(scope="module")
def lab(aws) -> Lab:
    source = make_bucket(aws)
    stack, _ = install(
        aws,
        name=STACK,
        Transfer="true",
        TransferBucket=source,
        TransferFolder="seq/",
        TransferQuietMinutes=0,
    )
    return Lab(aws, stack, source)


@pytest.fixture(scope="module")
def mails(aws, lab):
    return subscribe(aws, lab.stack.topic, "mails-of-moving")


@pytest.fixture(autouse=True)
def no_orders(aws):
    order_datasync(aws, **ORDERS)


@pytest.fixture(scope="module")
def novaseq(lab, mails, tmp_path_factory) -> dict[str, bytes]:
    folder = write_novaseq_run(tmp_path_factory.mktemp("novaseq"))
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    lab.write(NOVASEQ_X, files)
    return files


def test_a_run_is_opened_when_its_transfer_has_ended_and_archived_once(lab, novaseq, mails):
    order_datasync(lab.aws, is_held=True)
    lab.order()
    wait_for(lambda: [each for each in lab.executions() if each["Status"] == "TRANSFERRING"], timeout=PATIENCE)
    lab.order()  # a message more while it runs
    order_datasync(lab.aws, is_held=False)
    run = lab.wait_until_archived(NOVASEQ_X)
    (execution,) = lab.executions()
    assert (execution["Status"], execution["FilesTransferred"]) == ("SUCCESS", len(novaseq))
    assert run.number == 1
    assert run.instrument_name == "Illumina NovaSeq X"
    assert not lab.landed(NOVASEQ_X)
    large = [name for name in lab.archived(NOVASEQ_X) if not name.endswith((".tar", ".json"))]
    assert len(large) == len(set(large))
    assert mails.wait_for(f"runs/{NOVASEQ_X}/")["Subject"] == f"Seqdrop archived the run {NOVASEQ_X}"[:100]


def test_the_next_execution_copies_nothing_and_a_new_file_only_that(lab, novaseq):
    before, count = lab.archived(NOVASEQ_X), len(lab.executions())
    run = lab.wait_until_archived(NOVASEQ_X)
    lab.wait_until_processed(lab.executions()[-1])
    lab.order()
    lab.order(transfer="look")
    wait_until_empty(lab)
    assert len(lab.executions()) == count  # there is nothing to copy, so none is started
    lab.write(NOVASEQ_X, {"Logs/late.log": b"late\n"})
    execution = lab.transfer()
    assert (execution["Status"], execution["FilesTransferred"]) == ("SUCCESS", 1)
    wait_for(lambda: not lab.landed(NOVASEQ_X), timeout=PATIENCE)
    assert lab.run(NOVASEQ_X).number == run.number
    assert len(lab.archived(NOVASEQ_X)) == len(before) + 1


def test_what_is_copied_again_on_purpose_is_recognised(lab, novaseq):
    before = lab.archived(NOVASEQ_X)
    execution = lab.transfer(all=True)
    assert execution["FilesTransferred"] == len(novaseq) + 1
    wait_for(lambda: not lab.landed(NOVASEQ_X), timeout=PATIENCE)
    assert lab.archived(NOVASEQ_X) == before
    assert (lab.run(NOVASEQ_X).state, lab.run(NOVASEQ_X).number) == ("ARCHIVED", 1)


def test_a_lost_event_is_made_up_for(lab):
    """A folder that no rule knows is complete when its transfer has ended, without a marker."""
    name = unique_name("run")
    lab.write(name, {"a.txt": b"one\n", "b/c.txt": b"two\n", "x.tmp": b""})
    order_datasync(lab.aws, lost_events=True)
    execution = lab.transfer()
    assert (execution["Status"], execution["FilesTransferred"]) == ("SUCCESS", 2)
    wait_for(lambda: (run := lab.run(name)) and run.state, timeout=PATIENCE)
    assert lab.run(name).state in ("SEQUENCING", "COPYING")
    order_datasync(lab.aws, lost_events=False)
    lab.order(transfer="look")  # as the hourly schedule does
    run = lab.wait_until_archived(name)
    assert run.number == 1


def test_an_execution_that_fails_opens_nothing_and_the_lab_is_notified_once(lab, mails):
    name = unique_name("run")
    lab.write(name, {"a.txt": b"three\n", "b.txt": b"four\n"})
    order_datasync(lab.aws, failing_files=[f"{name}/b.txt"])
    for _ in range(2):
        execution = lab.transfer()
        assert execution["Status"] == "ERROR"
        lab.wait_until_processed(execution)
    assert mails.wait_for("DataSync could not copy all runs")["Subject"] == "Seqdrop: the transfer of runs failed"
    assert sum("DataSync could not copy" in each["Message"] for each in mails.all()) == 1
    assert lab.landed(name) == ["a.txt"]
    assert wait_for(lambda: lab.run(name), timeout=PATIENCE).state in ("SEQUENCING", "COPYING")
    reports = lab.s3.list_objects_v2(Bucket=lab.stack.results, Prefix="transfers/reports/Detailed-Reports/")
    assert reports["KeyCount"] >= 2
    order_datasync(lab.aws, failing_files=[])
    assert lab.transfer()["Status"] == "SUCCESS"
    lab.wait_until_archived(name)
    assert not lab.landed(name)


def test_agents_copy_from_shares_and_archived_runs_are_not_copied_again(aws, tmp_path):
    sync, secrets = aws.client("datasync"), aws.client("secretsmanager")
    agent = sync.create_agent(ActivationKey="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", AgentName="lab")["AgentArn"]
    secret = secrets.create_secret(Name=unique_name("share"), SecretString="secret")["ARN"]
    share = {"TransferServer": "nas.lab", "TransferFolder": "/runs", "TransferAgents": agent, "Transfer": "true"}
    share |= {"TransferQuietMinutes": "0"}
    stack, _ = install(aws, name="moving-share", TransferFrom="NFS", **share)
    (tmp_path / "run1/data").mkdir(parents=True)
    (tmp_path / "run1/data/a.txt").write_bytes(b"five\n")
    (tmp_path / "run1/notes.txt").write_bytes(b"six\n")
    order_datasync(aws, shares={"nfs://nas.lab/runs/": str(tmp_path)})
    lab = Lab(aws, stack, "")
    assert lab.transfer()["FilesTransferred"] == 2
    lab.wait_until_archived("run1")
    before = lab.archived("run1")
    (tmp_path / "run1/more").mkdir()
    (tmp_path / "run1/more/b.txt").write_bytes(b"seven\n")
    execution = lab.transfer()
    assert "/run1/data" in execution["Excludes"][0]["Value"] or execution["FilesTransferred"] <= 3
    wait_for(lambda: not lab.landed("run1"), timeout=PATIENCE)
    assert lab.run("run1").number == 1
    assert len(lab.archived("run1")) == len(before) + 1
    order_datasync(aws, offline_agents=[agent])
    lab.order()
    wait_for(lambda: lab.ledger.transfer().failure == "Unavailable", timeout=PATIENCE)
    order_datasync(aws, offline_agents=[])
    smb = {"TransferUser": "lab", "TransferSecret": secret}
    stack, _ = install(aws, name="moving-share", TransferFrom="SMB", **share, **smb)
    source = sync.describe_task(TaskArn=stack.transfertask)["SourceLocationArn"]
    assert sync.describe_location_smb(LocationArn=source)["User"] == "lab"


def wait_until_empty(lab: Lab) -> None:
    """Wait until the queue of transfer has no message."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty() -> bool:
        url = lab.stack.transferqueue
        counts = lab.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(counts[name]) for name in names)

    wait_for(is_empty, timeout=PATIENCE)
