"""mode = "async": a small upload is predicted by the asynchronous endpoint, with the files that a job would write."""

from __future__ import annotations

import json
import random

import pytest
from rich.console import Console
from seqdrop.aws import keys
from seqdrop.ledger.records import ASYNC, TRANSFORM
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, drop_file, make_target
from tests.e2e.test_endpoints import copy_tree, wait_for_service, wait_until

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
    stack = deploy(aws, tree=tree, name="quick", Endpoints="true", BatchingWindow=1)
    wait_for_service(aws, NAME)
    return stack


@pytest.fixture(scope="module")
def genome() -> bytes:
    generator = random.Random(8)
    return "".join(f">chr{n}\n{''.join(generator.choices('ACGT', k=20_000 + n))}\n" for n in (1, 2)).encode()


class Upload:
    """An archived upload, its job, and its result files by name."""

    def __init__(self, aws, stack, name: str, body: bytes):
        self.s3, self.stack, target = aws.client("s3"), stack, make_target(aws, stack)
        (progress,) = watch(
            target.ledger(), [drop_file(self.s3, stack.landing, name, body)], Console(quiet=True), PATIENCE
        )
        assert progress.state == "ARCHIVED", progress.detail
        self.id, self.key = progress.upload_id, name
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
        """Return a file without the names of the upload and of its job, and without the way and what it cost."""
        body = self.files[name]
        if name == "summary.json":
            body = json.dumps(json.loads(body) | {"computed": None}).encode()
        for text in (self.job.name, self.id, self.key, self.version):
            body = body.replace(text.encode(), b"")
        return body

    @property
    def version(self) -> str:
        """Return the version id of the landing object, which the provenance has."""
        return json.loads(self.files["summary.json"])["upload"]["version_id"]


def test_a_small_upload_has_the_files_of_a_transform_job(aws, quick, genome):
    first = Upload(aws, quick, "contigs/first.fasta", genome)
    assert (first.job.task, first.job.state, len(first.attempts)) == (ASYNC, "DONE", 1)
    assert (first.computed["way"], first.computed["name"]) == ("asynchronous endpoint", NAME)
    aws.client("sagemaker").delete_endpoint(EndpointName=NAME)
    wait_until(lambda: not aws.client("sagemaker").list_endpoints(NameContains=NAME)["Endpoints"])
    second = Upload(aws, quick, "contigs/second.fasta", genome)
    assert (second.job.task, second.job.state, len(second.attempts)) == (TRANSFORM, "DONE", 1)
    assert (second.computed["way"], second.computed["name"]) == ("transform job", second.job.name)
    assert second.computed["usd"] > 0
    assert first.files.keys() == second.files.keys() > {"predictions.jsonl", "predictions.parquet", "track.plus.bw"}
    for name in first.files:
        if not name.endswith(".parquet"):  # its metadata is compressed with the ids; the rows are in predictions.jsonl
            assert first.neutral(name) == second.neutral(name), name
