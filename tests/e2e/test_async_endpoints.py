"""mode = "async": a small upload is predicted by the asynchronous endpoint, with the files that a job would write."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from seqdrop.aws import keys
from seqdrop.ledger.records import ASYNC, TRANSFORM
from seqdrop.sagemaker.endpoint_names import VARIANT
from seqdrop.sagemaker.endpoints import describe_endpoint
from seqdrop.sagemaker.requests.scaling import dimension
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, drop_file, make_target
from tests.e2e.test_endpoints import copy_tree, wait_for_service, wait_until

if TYPE_CHECKING:
    from seqdrop.uploads import UploadVersion

pytestmark = pytest.mark.long  # deploys its own stack

NAME = "quick-contigs-async"
PREFIX = 'prefix = "contigs/"\n'


@pytest.fixture(scope="module")
def quick(aws, repository, tmp_path_factory):
    tree = copy_tree(repository, tmp_path_factory.mktemp("tree"), "")
    analyses = tree / "layers/seqdrop/seqdrop/analyses.toml"
    text = analyses.read_text()
    assert text.count(PREFIX) == 1
    analyses.write_text(text.replace(PREFIX, PREFIX + 'mode = "async"\n'))
    stack = deploy(aws, tree=tree, name="quick", Endpoints="true", BatchingWindow=1, StaleMinutes=0)
    wait_for_service(aws, NAME)
    return stack


@pytest.fixture(scope="module")
def genome() -> bytes:
    generator = random.Random(8)
    return "".join(f">chr{n}\n{''.join(generator.choices('ACGT', k=20_000 + n))}\n" for n in (1, 2)).encode()


class Upload:
    """An archived upload, its job, and its result files by name."""

    def __init__(self, aws, stack, version: UploadVersion):
        self.s3, self.stack, target = aws.client("s3"), stack, make_target(aws, stack)
        (progress,) = watch(target.ledger(), [version], Console(quiet=True), PATIENCE)
        assert progress.state == "ARCHIVED", progress.detail
        self.id, self.key = progress.upload_id, version.key
        self.attempts = target.ledger().attempts(self.id)
        self.job = target.ledger().require_job(self.attempts[-1].job)
        prefix = keys.result("contigs", self.id, self.attempts[-1].number, "")
        listed = self.s3.list_objects_v2(Bucket=stack.results, Prefix=prefix)["Contents"]
        self.files = {item["Key"].removeprefix(prefix): self.read(stack.results, item["Key"]) for item in listed}

    def read(self, bucket: str, key: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    @property
    def computed(self) -> dict:
        return json.loads(self.files["summary.json"])["computed"]

    def neutral(self, name: str) -> bytes:
        """Return a file without the names of the upload, its job and its attempt, the way, and what it cost."""
        body = self.files[name]
        if name == "summary.json":
            body = json.dumps(json.loads(body) | {"computed": None}).encode()
        for text in (self.job.name, self.id, self.key, self.version):
            body = body.replace(text.encode(), b"")
        return re.sub(rb"(attempt\W{1,3})\d+", rb"\1", body)

    @property
    def version(self) -> str:
        """Return the version id of the landing object, which the provenance has."""
        return json.loads(self.files["summary.json"])["upload"]["version_id"]


def drop(aws, stack, name: str, body: bytes) -> UploadVersion:
    return drop_file(aws.client("s3"), stack.landing, f"contigs/{name}.fasta", body)


@pytest.fixture(scope="module")
def first(aws, quick, genome) -> Upload:
    """An upload that the endpoint has predicted."""
    return Upload(aws, quick, drop(aws, quick, "first", genome))


def delete_endpoint(aws) -> None:
    created = aws.client("sagemaker").describe_endpoint(EndpointName=NAME)["CreationTime"]
    aws.client("sagemaker").delete_endpoint(EndpointName=NAME)

    def is_gone() -> bool:  # serve may have made it again already
        endpoints = aws.client("sagemaker").list_endpoints(NameContains=NAME)["Endpoints"]
        return all(endpoint["CreationTime"] > created for endpoint in endpoints)

    wait_until(is_gone)


def test_a_small_upload_has_the_files_of_a_transform_job(aws, quick, genome, first):
    assert (first.job.task, first.job.state, len(first.attempts)) == (ASYNC, "DONE", 1)
    assert (first.computed["way"], first.computed["name"]) == ("asynchronous endpoint", NAME)
    delete_endpoint(aws)
    second = Upload(aws, quick, drop(aws, quick, "second", genome))
    assert (second.job.task, second.job.state, len(second.attempts)) == (TRANSFORM, "DONE", 1)
    assert (second.computed["way"], second.computed["name"]) == ("transform job", second.job.name)
    assert second.computed["usd"] > 0
    assert first.files.keys() > {"predictions.jsonl", "predictions.parquet", "track.plus.bw"}
    check_files(first, second)


def check_files(first: Upload, second: Upload) -> None:
    """Check that both have the same files, but for ids."""
    assert first.files.keys() == second.files.keys()
    for name in first.files:
        if not name.endswith(".parquet"):  # its metadata is compressed with the ids; the rows are in predictions.jsonl
            assert first.neutral(name) == second.neutral(name), name


def test_an_upload_whose_endpoint_is_deleted_under_way_has_the_files_of_a_transform_job(aws, quick, genome, first):
    wait_for_service(aws, NAME)  # serve has made it again
    remove_instances(aws)
    version, ledger = drop(aws, quick, "third", genome), make_target(aws, quick).ledger()

    def is_under_way() -> bool:
        attempts = ledger.attempts(version.id)
        return bool(attempts) and attempts[-1].state == "SUBMITTED"

    wait_until(is_under_way)
    job = ledger.require_job(ledger.attempts(version.id)[-1].job)
    assert (job.task, job.state) == (ASYNC, "STARTED")
    delete_endpoint(aws)

    def is_returned() -> bool:
        reconcile(aws)
        return ledger.require_job(job.name).state == "FAILED"

    wait_until(is_returned)
    third = Upload(aws, quick, version)
    assert [attempt.state for attempt in third.attempts] == ["FAILED", "PREDICTED"]
    assert (third.job.task, third.job.state, third.computed["way"]) == (TRANSFORM, "DONE", "transform job")
    check_files(first, third)


def remove_instances(aws) -> None:
    """Have the endpoint keep requests that no instance predicts."""
    aws.client("application-autoscaling").deregister_scalable_target(**dimension(NAME))
    change = {"VariantName": VARIANT, "DesiredInstanceCount": 0}
    sagemaker = aws.client("sagemaker")
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=[change])

    def has_none() -> bool:
        state = describe_endpoint(sagemaker, NAME)
        return state is not None and (state.status, state.instances) == ("InService", 0)

    wait_until(has_none)


def reconcile(aws) -> None:
    functions = aws.client("lambda").list_functions()["Functions"]
    name = next(each["FunctionName"] for each in functions if "quick-ReconcileFunction-" in each["FunctionName"])
    aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")
