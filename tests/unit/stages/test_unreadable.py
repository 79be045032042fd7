"""Uploads whose bytes S3 does not return end with a reason. A key of the deployment that fails is another matter."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws.readability import check_readable
from seqdrop.errors import ArchiveRefusedError, RetryableError
from seqdrop.kinds.plans import packaged
from seqdrop.models.code_bundles import push_code
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.validate.validate import validate
from seqdrop.training.jobfile import JOB
from seqdrop.uploads import UploadVersion

from tests.support.aws.errors import RefusedError
from tests.unit.aws.test_readability import CASES
from tests.unit.stages.assemble.test_training_sets import BODIES
from tests.unit.stages.marked_runs import World as GatedWorld
from tests.unit.stages.test_validate_and_reconcile import FASTQ
from tests.unit.stages.world import World

FASTA = b">c1\nACGTACGT\n"
BED = b"c1\t2\t4\n"


@pytest.fixture
def drop(services):
    def put(key: str, body: bytes = FASTQ, **properties) -> UploadVersion:
        put = services.s3.put_object(Bucket="landing", Key=key, Body=body, **properties)
        return UploadVersion("landing", key, put["VersionId"], len(body), put["ETag"].strip('"'))

    return put


def state(services, version) -> tuple[str, str]:
    upload = services.ledger.find_upload(version.id)
    return upload.state, upload.reason


def read_reason(services, version) -> dict:
    return json.loads(services.s3.get_object(Bucket="results", Key=f"reasons/{version.id}.json")["Body"].read())


def mails(sent) -> list[dict]:
    return [mail for queue, mail in sent if queue == "topic"]


@pytest.mark.parametrize(("code", "properties"), CASES)
@pytest.mark.parametrize(
    "key", ["raw/a.fastq", "reads/S1_R1_001.fastq", "masked/a.fa", "masked/a.bed", "training/x/job.toml"]
)
def test_a_file_that_cannot_be_read_is_rejected_with_a_reason_and_advice(services, drop, sent, code, properties, key):
    version = drop(key, **properties)
    validate(services, version)
    assert state(services, version) == ("REJECTED", code)
    reason = read_reason(services, version)
    assert (reason["code"], reason["retryable"]) == (code, False)
    assert reason["advice"]
    (mail,) = mails(sent)
    assert f"Reason: {code}: " in mail["Message"]
    assert ".html" not in mail["Message"]


@pytest.mark.parametrize(("code", "properties"), CASES)
def test_no_job_is_started_for_a_large_file_that_it_could_not_read(services, drop, cloud, code, properties):
    push_code(services.s3, "results", b"packages", "now")
    services = replace(services, analyses=replace(packaged(), lambda_gb=1e-9))
    version = drop("reads/S1_R1_001.fastq", **properties)
    validate(services, version)
    assert state(services, version) == ("REJECTED", code)
    assert not cloud.sagemaker.jobs


def test_a_key_of_the_deployment_that_cannot_be_used_is_no_fault_of_the_file(services, drop, cloud, sent):
    version = drop("raw/a.fastq", ServerSideEncryption="aws:kms", SSEKMSKeyId=services.settings.key)
    cloud.s3.usable_keys = set()
    with pytest.raises(RetryableError, match="own key"):
        validate(services, version)
    assert state(services, version) == ("RECEIVED", "")
    cloud.s3.usable_keys = {services.settings.key}
    validate(services, version)
    assert state(services, version)[0] == "VALIDATED"
    assert not mails(sent)


def test_a_permission_that_the_role_lacks_is_no_fault_of_the_file(services, drop, cloud, monkeypatch):
    version = drop("raw/a.fastq")

    def refuse(request: dict, headers: dict) -> dict:
        raise RefusedError("AccessDenied", "no", 403)

    monkeypatch.setattr(cloud.s3, "get_object", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        validate(services, version)
    assert state(services, version) == ("RECEIVED", "")


CHANGES = [
    ("archived_class", {"storage": "GLACIER"}),
    ("archived_class", {"storage": "INTELLIGENT_TIERING", "tier": "DEEP_ARCHIVE_ACCESS"}),
    ("other_kms_key", {"kms_key": "arn:aws:kms:us-east-1:111122223333:key/other"}),
]


class TestArchive:
    """A version that was read may become unreadable: a lifecycle rule moves it, or a person changes its key."""

    @pytest.mark.parametrize(("code", "change"), CHANGES)
    def test_a_file_that_became_unreadable_is_rejected_and_stays(self, services, drop, cloud, sent, code, change):
        version = drop("raw/a.fastq")
        validate(services, version)
        cloud.s3.change("landing", version.key, version.version_id, **change)
        archive(services, version.id)
        assert state(services, version) == ("REJECTED", code)
        assert read_reason(services, version)["code"] == code
        assert len(mails(sent)) == 1
        assert cloud.s3.buckets["landing"].version(version.key, version.version_id)
        assert not cloud.s3.buckets["archive"].keys
        archive(services, version.id)  # a second message changes nothing
        assert len(mails(sent)) == 1

    def test_a_key_of_the_deployment_that_cannot_be_used_leaves_the_upload_as_it_is(self, services, drop, cloud):
        version = drop("raw/a.fastq", ServerSideEncryption="aws:kms", SSEKMSKeyId=services.settings.key)
        validate(services, version)
        cloud.s3.usable_keys = set()
        with pytest.raises(RetryableError):
            archive(services, version.id)
        assert state(services, version)[0] == "VALIDATED"
        cloud.s3.usable_keys = {services.settings.key}
        archive(services, version.id)
        assert state(services, version)[0] == "ARCHIVED"

    def test_a_refusal_to_write_the_copy_is_no_fault_of_the_file(self, services, drop, cloud, monkeypatch):
        version = drop("raw/a.fastq")
        validate(services, version)

        def refuse(request: dict, headers: dict) -> dict:
            raise RefusedError("AccessDenied", "not authorized to perform s3:PutObject", 403)

        monkeypatch.setattr(cloud.s3, "copy_object", refuse)
        with pytest.raises(ArchiveRefusedError, match="may not write to the archive bucket"):
            archive(services, version.id)
        check_readable(services.s3, version)
        assert state(services, version)[0] == "VALIDATED"


class TestCompanions:
    """A file that waits may become unreadable before the file that it waits for arrives."""

    def test_a_bed_that_became_unreadable_is_rejected_and_its_fasta_waits_for_another(self):
        world = World()
        bed = world.take("masked/a.bed", BED)
        world.account.s3.change("landing", bed.key, bed.version_id, storage="DEEP_ARCHIVE")
        fasta = world.take("masked/a.fa", FASTA)
        assert world.states(bed, fasta) == ["REJECTED", "WAITING"]
        assert world.upload(bed).reason == "archived_class"
        again = world.take("masked/a.bed", BED)
        assert world.states(again, fasta) == ["VALIDATED", "VALIDATED"]

    def test_of_a_training_set_the_file_that_became_unreadable_is_rejected(self):
        world = World()
        data = {name: body for name, body in BODIES.items() if name != JOB}
        versions = {name: world.take(f"training/x/{name}", body) for name, body in data.items()}
        cold = versions["sequences.fasta"]
        world.account.s3.change("landing", cold.key, cold.version_id, storage="GLACIER")
        head = world.take(f"training/x/{JOB}", BODIES[JOB])
        assert world.states(head, *versions.values()) == [
            "WAITING", *("REJECTED" if version == cold else "WAITING" for version in versions.values())
        ]  # fmt: skip
        world.take(cold.key, data["sequences.fasta"])
        assert world.states(head) == ["VALIDATED"]

    def test_a_training_that_reuses_a_file_that_became_unreadable_is_rejected(self):
        world = World()
        versions = {name: world.take(f"training/x/{name}", body) for name, body in BODIES.items()}
        (attempt,) = world.ledger.attempts(versions[JOB].id)
        world.ledger.move(attempt, "FAILED", reason="")
        world.expire()  # the prepared data as well, so that the files are read again
        data = versions["sequences.fasta"]
        world.account.s3.change("landing", data.key, data.version_id, storage="GLACIER")
        again = world.take(f"training/x/{JOB}", f'reuse = "{versions[JOB].id}"\n'.encode() + BODIES[JOB])
        assert world.states(again, data) == ["REJECTED", "VALIDATED"]
        assert data.id in world.read_json("reasons", again)["message"]

    @pytest.mark.parametrize("which", ["fa", "bed"])
    def test_a_file_of_an_incomplete_run_whose_work_items_cannot_be_written_again_fails(self, which):
        world = GatedWorld("masked")
        bed = world.take("masked/run7/x.bed", BED)
        fasta = world.take("masked/run7/x.fa", FASTA)
        cold = {"bed": bed, "fa": fasta}[which]
        world.account.s3.change("landing", cold.key, cold.version_id, storage="GLACIER")
        world.expire()
        validate(world.services, fasta)
        assert [attempt.state for attempt in world.ledger.attempts(fasta.id)] == ["FAILED"]
        assert "archive storage class" in world.mails[-1]["Message"]
