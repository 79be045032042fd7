"""The request for a processing job, checked with SageMaker's own model and with bounds that botocore lacks."""

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import boto3
import botocore.session
import pytest
from botocore.validate import ParamValidator
from seqdrop.errors import JobRefusedError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Upload
from seqdrop.models.code_bundles import Code, current_code, push_code
from seqdrop.sagemaker.limits import check_processing
from seqdrop.sagemaker.names import PATTERN, examination_name
from seqdrop.sagemaker.requests.processing import LONGEST, brief, processing_request
from seqdrop.stages.start_processing import container
from seqdrop.uploads import UploadVersion

VERSION = UploadVersion("landing", "reads/" + "ü" * 500, "v1", 3_000_000_000, "etag", "0A")
NAME = examination_name(VERSION.id, 1)
ROLE = "arn:aws:iam::123456789012:role/processing"
NETWORK = {"job_subnets": "subnet-1,subnet-2", "job_security_groups": "sg-1"}


@pytest.fixture
def build(services):
    def build_request(size: int = VERSION.size, **settings: str) -> dict:
        own = {"processing_role": ROLE, "processing_instance_type": "ml.m5.xlarge", **settings}
        settings = replace(services.settings, **own)
        upload = Upload.from_version(replace(VERSION, size=size), "reads")
        return processing_request(settings, NAME, upload, Code("processing/ab/", "ab"), "eu-west-1")

    return build_request


def test_the_request_has_exactly_these_members(build):
    def channel(name, uri):
        kinds = {"S3DataType": "S3Prefix", "S3InputMode": "File", "S3DataDistributionType": "FullyReplicated"}
        location = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3CompressionType": "None"}
        return {"InputName": name, "S3Input": {**location, **kinds}}

    assert build() == {
        "ProcessingJobName": f"seqdrop-examine-{VERSION.id}-1",
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "processing_image",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/entry.py"],
        },
        "Environment": {"AWS_DEFAULT_REGION": "eu-west-1", "PYTHONUNBUFFERED": "1"},
        "ProcessingInputs": [
            channel("code", "s3://models/processing/ab/"),
            channel("request", f"s3://work/jobs/{NAME}/request.json"),
        ],
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.xlarge",
                "InstanceCount": 1,
                "VolumeSizeInGB": 20,
                "VolumeKmsKeyId": "key",
            }
        },
        "NetworkConfig": {},
        "StoppingCondition": {"MaxRuntimeInSeconds": 5100},
        "Tags": [
            {"Key": "seqdrop:analysis", "Value": "reads"},
            {"Key": "seqdrop:upload", "Value": VERSION.id},
        ],
    }


def test_the_request_matches_the_description_of_the_service(build):
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateProcessingJob").input_shape
    assert ParamValidator().validate(build(), shape).generate_report() == ""


def test_the_request_is_within_the_bounds_of_the_service(build):
    from local.sagemaker.shapes import check

    check("CreateProcessingJob", build())
    check("CreateProcessingJob", build(**NETWORK))


def test_the_job_runs_in_the_subnets_of_the_stack(build):
    assert build(**NETWORK)["NetworkConfig"] == {
        "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    }


def test_a_network_without_a_security_group_is_refused(build):
    with pytest.raises(JobRefusedError, match="1 to 5 security groups"):
        build(job_subnets="subnet-1")


def test_the_time_limit_grows_with_the_file_up_to_the_limit_of_accounts(build):
    times = [build(size)["StoppingCondition"]["MaxRuntimeInSeconds"] for size in (1, 10**11, 10**15)]
    assert times == [3600, 53600, LONGEST]


def test_job_names_are_valid_and_unique():
    assert PATTERN.fullmatch(NAME)
    assert len({examination_name(VERSION.id, 1), examination_name(VERSION.id, 2), examination_name("A" * 26, 1)}) == 3


def test_the_key_is_not_in_the_environment(build):
    """A value in the environment has at most 256 characters, but a key may have 1024 bytes."""
    assert VERSION.key not in json.dumps(build(), ensure_ascii=False)
    content = json.loads(json.dumps(brief("work", VERSION, "{}", 1)))
    assert UploadVersion(**content["version"]) == VERSION


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ProcessingJobName": "-x"}, "name"),
        ({"ProcessingJobName": "x" * 64}, "name"),
        ({"Environment": {"x": "y" * 257}}, "256 characters"),
        ({"Environment": {str(n): "x" for n in range(101)}}, "100 entries"),
        ({"AppSpecification": {"ImageUri": "x" * 256}}, "255"),
        ({"AppSpecification": {"ImageUri": "x", "ContainerEntrypoint": ["x" * 257]}}, "entry point"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 777_601}}, "777600"),
        ({"Tags": [{}] * 51}, "50 tags"),
        ({"ProcessingInputs": [{"S3Input": {"S3Uri": "s3://" + "x" * 1024, "LocalPath": "/"}}]}, "1024"),
        ({"ProcessingInputs": [{"S3Input": {"S3Uri": "s3://", "LocalPath": "/"}}] * 11}, "10 inputs"),
    ],
)
def test_bounds_that_botocore_does_not_check(build, change, message):
    with pytest.raises(JobRefusedError, match=message):
        check_processing(build() | change)


def test_the_pointer_follows_the_last_push(cloud):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    with pytest.raises(JobRefusedError, match="seqdrop processing push"):
        current_code(s3, "models")
    first = push_code(s3, "models", b"one", "t1")
    assert push_code(s3, "models", b"one", "t2") == first
    second = push_code(s3, "models", b"two", "t3")
    assert current_code(s3, "models") == second != first
    assert s3.get_object(Bucket="models", Key=first.prefix + "packages.zip")["Body"].read() == b"one"
    objects = s3.list_objects_v2(Bucket="models", Prefix=second.prefix)["Contents"]
    assert [item["Key"].removeprefix(second.prefix) for item in objects] == ["entry.py", "packages.zip"]
    history = json.loads(s3.get_object(Bucket="models", Key="processing/current.json")["Body"].read())["history"]
    assert [entry["since"] for entry in history] == ["t1"]


class TestContainer:
    FASTQ = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"

    @pytest.fixture
    def inputs(self, services, tmp_path):
        """Return the input folder of a job that examines a file with a single record."""
        response = services.s3.put_object(Bucket="landing", Key="raw/a.fastq", Body=self.FASTQ)
        version = UploadVersion(
            "landing", "raw/a.fastq", response["VersionId"], len(self.FASTQ), response["ETag"].strip('"')
        )
        folder = tmp_path / "opt/ml/processing/input"
        (folder / "request").mkdir(parents=True)
        (tmp_path / "opt/ml/output").mkdir()
        request = brief("work", version, packaged().by_name["raw"].as_json(), 1)
        (folder / "request/request.json").write_text(json.dumps(request))
        return folder

    def test_it_examines_the_file_of_its_request(self, services, inputs, capsys):
        container.run(inputs)
        (item,) = services.s3.list_objects_v2(Bucket="work")["Contents"]
        report = json.loads(services.s3.get_object(Bucket="work", Key=item["Key"])["Body"].read())["report"]
        assert (report["valid"], report["records"], report["size"]) == (True, 1, len(self.FASTQ))
        assert (inputs.parents[1] / "output/message").read_text() == "valid"
        output = capsys.readouterr().out
        assert "1 records, 0 of 0 MB (100%" in output
        assert "ACGT" not in output

    def test_a_deleted_file_is_not_a_failure(self, services, inputs):
        version = json.loads((inputs / "request/request.json").read_text())["version"]
        services.s3.delete_object(Bucket="landing", Key=version["key"], VersionId=version["version_id"])
        container.run(inputs)
        assert "Contents" not in services.s3.list_objects_v2(Bucket="work")
        assert "deleted" in (inputs.parents[1] / "output/message").read_text()

    def test_its_progress_is_printed(self):
        printer = container.ProgressPrinter(VERSION)
        reading = SimpleNamespace(number=1_234_567, digest=SimpleNamespace(size=1_500_000_000))
        printer.begin(reading)
        printer.end()
        line = printer.format_line(reading, 100)
        assert line == f"{VERSION.id}: 1,234,567 records, 1,500 of 3,000 MB (50%, 15.0 MB/s)"

    def test_the_entry_point_puts_the_packages_first(self, repository, tmp_path):
        """Before that, the entry point imports only the standard library. It leaves no files behind."""
        fake = "import numpy\ndef run(inputs): print(inputs, numpy.__file__, __file__)\n"
        code = tmp_path / "input/code"
        code.mkdir(parents=True)
        with zipfile.ZipFile(code / "packages.zip", "w") as archive:
            packages = ("seqdrop/stages/__init__.py", "seqdrop/stages/start_processing/__init__.py")
            for name in ("seqdrop/__init__.py", *packages, "numpy.py"):
                archive.writestr(name, "")
            archive.writestr("seqdrop/stages/start_processing/container.py", fake)
        entry = repository / "layers/seqdrop/seqdrop/stages/start_processing/entry.py"
        (code / "entry.py").write_bytes(entry.read_bytes())
        process = subprocess.run([sys.executable, code / "entry.py"], capture_output=True, text=True, check=True)
        inputs, numpy, seqdrop = process.stdout.split()
        assert inputs == str(tmp_path / "input")
        assert seqdrop.removesuffix("/seqdrop/stages/start_processing/container.py") == numpy.removesuffix("/numpy.py")
        assert not list(tmp_path.rglob("numpy.py"))


def test_the_same_packages_give_the_same_archive(tmp_path):
    from seqdrop_cli.deploy.processing_code import pack

    for name, text in {"a/b.py": "1", "a/__pycache__/b.pyc": "2", "c.so": "3"}.items():
        path = tmp_path / "one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "two").mkdir()
    (tmp_path / "two/d.toml").symlink_to(tmp_path / "one/c.so")
    body = pack([tmp_path / "one", tmp_path / "two"])
    assert pack([tmp_path / "one", tmp_path / "two"]) == body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == ["a/b.py", "c.so", "d.toml"]
        assert archive.read("d.toml") == b"3"


@pytest.mark.parametrize(("python", "numpy"), [("3.11", "numpy==2.2.6"), ("3.12", "numpy==2.4.6")])
def test_the_wheels_are_those_for_the_python_of_the_image(repository, python, numpy):
    """pip would evaluate the markers for the Python that runs pip, so Seqdrop evaluates them for the image's."""
    from seqdrop_cli.deploy.processing_code import select_requirements

    requirements = select_requirements(repository / "layers/reads/requirements.txt", python)
    assert numpy in requirements
    assert [line.partition("==")[0] for line in requirements] == ["isal", "numpy", "pysam", "cffi"]
