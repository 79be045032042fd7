"""Transform jobs: the model's own code runs on every object, and every failure is reported."""

import datetime
import gzip
import io
import json
import re
import tarfile

import pytest
from botocore.config import Config

from local.embedded import EmbeddedAws, JobLimits
from local.testing import (
    EventLog,
    ModelBench,
    allow,
    assume_role,
    expect_error,
    make_model_archive,
    make_role,
    unique_name,
    wait_for,
    wait_for_transform_job,
)

pytest_plugins = ["local.fixtures"]

# A small model: it converts lines to upper case, and performs some commands.
CODE = """
import json, os, sys, time

def model_fn(model_dir):
    with open(os.path.join(model_dir, "suffix")) as file:
        return file.read()

def input_fn(data, content_type):
    return bytes(data).decode().splitlines()

def predict_fn(lines, suffix):
    print("received", len(lines), "lines")
    return [respond(line) + suffix for line in lines]

def respond(line):
    word, _, rest = line.partition(" ")
    if word == "boom":
        raise ValueError("the line says boom")
    if word == "die":
        os._exit(3)
    if word == "sleep":
        time.sleep(float(rest))
    if word == "env":
        return json.dumps(dict(os.environ))
    if word == "long":
        return "x" * int(rest)
    if word == "import":
        try:
            __import__(rest)
        except ImportError:
            return "absent"
    return line.upper()

def output_fn(lines, accept):
    return f"{accept} {len(lines)}: " + ",".join(lines)
"""


@pytest.fixture
def bench(aws) -> ModelBench:
    return ModelBench(aws, CODE)


def read_outputs(bench: ModelBench) -> dict[str, str]:
    return {key: content.decode() for key, content in bench.outputs().items()}


class TestData:
    """The payloads that the model receives, and the outputs made of its responses."""

    def test_every_object_below_the_prefix_has_its_output(self, bench):
        for key in ("in/a.txt", "in/sub/b c+%.txt", "in/ü.txt", "other/a.txt"):
            bench.put(key, b"one\ntwo\n")
        assert bench.run("in/")["TransformJobStatus"] == "Completed"
        assert read_outputs(bench) == dict.fromkeys(
            ("a.txt.out", "sub/b c+%.txt.out", "ü.txt.out"), "application/json 2: ONE!,TWO!"
        )

    def test_a_manifest_names_the_objects_and_their_outputs(self, bench):
        for key in ("data/x/a", "data/b", "data/c"):
            bench.put(key, b"one\n")
        names = [{"prefix": f"s3://{bench.bucket}/data/"}, "x/a", "b"]
        bench.put("jobs/manifest.json", json.dumps(names).encode())
        job = bench.run("jobs/manifest.json", S3DataType="ManifestFile")
        assert job["TransformJobStatus"] == "Completed"
        assert set(read_outputs(bench)) == {"x/a.out", "b.out"}

    @pytest.mark.parametrize(
        ("strategy", "split", "joined"),
        [
            ("MultiRecord", "Line", "application/json 3: ONE!,TWO!,THREE!"),
            ("SingleRecord", "Line", "application/json 1: ONE!application/json 1: TWO!application/json 1: THREE!"),
            ("MultiRecord", "None", "application/json 3: ONE!,TWO!,THREE!"),
        ],
    )
    def test_records_are_sent_singly_or_in_batches(self, bench, strategy, split, joined):
        bench.put("in/a", b"one\ntwo\nthree")
        bench.run("in/", BatchStrategy=strategy, TransformInput={"SplitType": split})
        assert read_outputs(bench) == {"a.out": joined}

    def test_batches_stay_within_the_payload_limit(self, bench):
        bench.put("in/a", (b"x" * 700_000 + b"\n") * 4)
        job = bench.run("in/", MaxPayloadInMB=1, TransformOutput={"AssembleWith": "Line", "Accept": "text/plain"})
        assert job["TransformJobStatus"] == "Completed"
        assert [line.partition(":")[0] for line in read_outputs(bench)["a.out"].split("\n")] == ["text/plain 1"] * 4 + [
            ""
        ]

    def test_assembling_with_lines_ends_each_response_with_a_newline(self, bench):
        bench.put("in/a", b"one\ntwo\n")
        bench.run("in/", BatchStrategy="SingleRecord", TransformOutput={"AssembleWith": "Line", "Accept": "text/csv"})
        assert read_outputs(bench) == {"a.out": "text/csv 1: ONE!\ntext/csv 1: TWO!\n"}
        head = bench.s3.head_object(Bucket=bench.bucket, Key="out/a.out")
        assert head["ContentType"] == "text/csv"

    def test_all_members_of_a_gzip_object_are_read_and_its_name_is_kept(self, bench):
        bench.put("in/a.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n"))
        bench.run("in/", TransformInput={"CompressionType": "Gzip"})
        assert read_outputs(bench) == {"a.gz.out": "application/json 2: ONE!,TWO!"}

    def test_folder_markers_are_not_inputs(self, bench):
        bench.put("in/", b"")
        bench.put("in/sub/", b"")
        bench.put("in/sub/a", b"one\n")
        assert bench.run("in/")["TransformJobStatus"] == "Completed"
        assert set(read_outputs(bench)) == {"sub/a.out"}

    def test_a_large_payload_and_a_large_response_pass_if_the_model_allows_them(self, bench):
        bench.put("in/a", b"one " + b"x" * 9_000_000 + b"\n")
        bench.put("in/b", b"long 9000000\n")
        limits = {"MMS_MAX_RESPONSE_SIZE": "20000000", "MMS_MAX_REQUEST_SIZE": "20000000"}
        assert bench.run("in/", MaxPayloadInMB=20, Environment=limits)["TransformJobStatus"] == "Completed"
        assert {key: len(text) > 9_000_000 for key, text in read_outputs(bench).items()} == {
            "a.out": True,
            "b.out": True,
        }


class TestContainer:
    """The environment, files and modules of the model's code."""

    def environment(self, bench: ModelBench, **changes) -> dict:
        bench.put("in/a", b"env\n")
        bench.run("in/", **changes)
        return json.loads(read_outputs(bench)["a.out"].removeprefix("application/json 1: ").removesuffix("!"))

    def test_the_environment_of_the_job_overrides_that_of_the_model(self, bench):
        bench.model = bench.create_model(Environment={"FROM_MODEL": "1", "BOTH": "model"})
        variables = self.environment(
            bench, Environment={"FROM_JOB": "2", "BOTH": "job"}, MaxPayloadInMB=3, BatchStrategy="SingleRecord"
        )
        assert (variables["FROM_MODEL"], variables["FROM_JOB"], variables["BOTH"]) == ("1", "2", "job")
        assert variables["SAGEMAKER_BATCH"] == "true"
        assert variables["SAGEMAKER_BATCH_STRATEGY"] == "SINGLE_RECORD"
        assert variables["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "3"
        assert variables["SM_MODEL_DIR"].endswith("/opt/ml/model")

    def test_the_environment_has_no_variables_of_the_server(self, bench):
        assert not [name for name in self.environment(bench) if re.match("AWS_|MINISTACK|PYTHONPATH|AUTH", name)]

    @pytest.mark.parametrize("module", ["local", "seqdrop"])
    def test_the_checkout_is_not_on_the_module_path(self, bench, module):
        bench.put("in/a", f"import {module}\n".encode())
        bench.run("in/")
        assert read_outputs(bench) == {"a.out": "application/json 1: absent!"}

    def test_transform_fn_alone_suffices_and_gets_the_context(self, bench):
        code = """
def model_fn(model_dir, context):
    return context.system_properties["model_dir"] == model_dir
def transform_fn(model, data, content_type, accept):
    return f"{model} {type(data).__name__} {content_type} {accept}".encode()
"""
        bench.data = bench.put("model.tar.gz", make_model_archive({"code/inference.py": code}))
        bench.put("in/a", b"one")
        bench.run("in/", TransformInput={"ContentType": "text/csv"}, TransformOutput={"Accept": "*/*"})
        assert read_outputs(bench) == {"a.out": "True str text/csv application/json"}

    def test_the_entry_point_may_have_another_name_and_import_modules_beside_it(self, bench):
        code = {
            "code/main.py": "from helper import model_fn, predict_fn",
            "code/helper.py": "def model_fn(d): return 2\ndef predict_fn(d, m): return d * m\n",
        }
        bench.data = bench.put("model.tar.gz", make_model_archive(code))
        bench.put("in/a", b"[1]")
        bench.run(
            "in/",
            Environment={"SAGEMAKER_PROGRAM": "main.py"},
            TransformInput={"ContentType": "application/json", "SplitType": "None"},
        )
        assert read_outputs(bench) == {"a.out": "[1, 1]"}

    def test_its_log_is_kept_and_goes_to_cloudwatch(self, aws, bench):
        bench.put("in/a", b"one\nboom\n")
        name = bench.run("in/")["TransformJobName"]
        assert "ValueError: the line says boom" in (aws.workdir / "jobs" / name / "container.log").read_text()
        logs, group = aws.client("logs"), "/aws/sagemaker/TransformJobs"
        (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        assert "received 2 lines" in [event["message"] for event in events]


class TestFailures:
    """A bad object fails the job, and the outputs of the others are kept."""

    def fail(self, bench: ModelBench, source: str = "in/", **changes) -> str:
        job = bench.run(source, **changes)
        assert job["TransformJobStatus"] == "Failed"
        assert job["TransformEndTime"] >= job["CreationTime"]
        return job["FailureReason"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"boom\n", "the model returned 400: ValueError: the line says boom"),
            (b"die\n", r"the container died \(exit status 3\)"),
            (b"sleep 30\n", "no response in 1 s"),
            (b"", "the object is empty, and nothing was sent"),
            (b"x" * 1_100_000, r"a record is larger than MaxPayloadInMB \(1 MB\)"),
            (b"long 7000000\n", "a response of .* bytes is over the model server's limit of 6553500; set MMS_MAX"),
        ],
    )
    def test_an_object_that_fails_is_named_and_the_others_are_transformed(self, bench, content, message):
        for key, body in {"in/a": b"one\n", "in/b": content, "in/c": b"three\n"}.items():
            bench.put(key, body)
        reason = self.fail(bench, MaxPayloadInMB=1, ModelClientConfig={"InvocationsTimeoutInSeconds": 1})
        assert re.match(f"ClientError: s3://{bench.bucket}/in/b: {message}", reason)
        assert read_outputs(bench) == {"a.out": "application/json 1: ONE!", "c.out": "application/json 1: THREE!"}

    def test_no_part_of_a_failed_object_is_written(self, bench):
        bench.put("in/a", b"one\nboom\n")
        self.fail(bench, BatchStrategy="SingleRecord")
        assert read_outputs(bench) == {}

    def test_several_failures_are_counted(self, bench):
        for key in "abc":
            bench.put(f"in/{key}", b"boom\n")
        assert "(2 more objects failed). See job logs" in self.fail(bench)

    def test_a_long_reason_is_truncated_to_the_limit_of_the_service(self, bench):
        bench.put("in/a", b"one\n")
        code = "def model_fn(d): return d\ndef transform_fn(*arguments): raise ValueError('x' * 5000)\n"
        bench.data = bench.put("model.tar.gz", make_model_archive({"code/inference.py": code}))
        assert len(self.fail(bench)) == 1024

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            (
                {"code/inference.py": "def model_fn(d): raise OSError('no weights')\ndef predict_fn(d, m): pass\n"},
                "the model failed to load: OSError: no weights",
            ),
            ({"code/inference.py": "import absent_module\n"}, "the model failed to load: ModuleNotFoundError"),
            ({"code/inference.py": "import os\nos._exit(1)\n"}, "the model failed to load: the container died"),
            ({"weights": ""}, "the model failed to load: ModuleNotFoundError: No module named 'inference'"),
            ({"code/inference.py": "def model_fn(d): pass\n"}, "neither transform_fn nor predict_fn"),
            (
                {"code/inference.py": "def model_fn(d): pass\ndef predict_fn(d, m): pass\ndef transform_fn(): pass\n"},
                "transform_fn cannot be used together with predict_fn",
            ),
            ({"code/inference.py": "", "code/requirements.txt": "absent"}, "requirements.txt is not supported"),
        ],
    )
    def test_an_unusable_model_fails_the_job(self, bench, files, message):
        bench.put("in/a", b"one\n")
        bench.put("model.tar.gz", make_model_archive(files))
        assert message in self.fail(bench)

    def test_an_archive_with_a_path_outside_of_its_folder_fails_the_job(self, bench):
        """The archive is written with tarfile, because Seqdrop's own writer refuses such a name."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as tar:
            tar.addfile(tarfile.TarInfo("../evil"))
        bench.put("in/a", b"one\n")
        bench.put("model.tar.gz", content.getvalue())
        assert "cannot be unpacked" in self.fail(bench)

    def test_a_prefix_without_objects_fails_the_job(self, bench):
        assert f'No S3 objects found under S3 URL "s3://{bench.bucket}/empty/"' in self.fail(bench, "empty/")

    @pytest.mark.parametrize("manifest", [b"no JSON", b"[]", b'{"prefix": "s3://a/"}', b'["a"]'])
    def test_an_invalid_manifest_fails_the_job(self, bench, manifest):
        bench.put("manifest", manifest)
        assert "is no manifest" in self.fail(bench, "manifest", S3DataType="ManifestFile")

    def test_an_absent_object_in_a_manifest_fails_alone(self, bench):
        bench.put("a", b"one\n")
        bench.put("manifest", json.dumps([{"prefix": f"s3://{bench.bucket}/"}, "absent", "a"]).encode())
        assert "/absent: " in self.fail(bench, "manifest", S3DataType="ManifestFile")
        assert set(read_outputs(bench)) == {"a.out"}

    def test_data_that_is_not_gzip_fails_its_object(self, bench):
        bench.put("in/a", b"plain\n")
        assert "the object is not gzip" in self.fail(bench, TransformInput={"CompressionType": "Gzip"})


class TestExecutionRole:
    """The job reads and writes with the permissions of the model's role only."""

    def role(self, bench: ModelBench, *statements: dict) -> str:
        model_data = allow("s3:GetObject", f"arn:aws:s3:::{bench.bucket}/model.tar.gz")
        return make_role(bench.aws, model_data, *statements)

    def reading(self, bench: ModelBench) -> list[dict]:
        return [
            allow("s3:ListBucket", f"arn:aws:s3:::{bench.bucket}"),
            allow("s3:GetObject", f"arn:aws:s3:::{bench.bucket}/in/*"),
        ]

    def writing(self, bench: ModelBench) -> dict:
        return allow("s3:PutObject", f"arn:aws:s3:::{bench.bucket}/out/*")

    def reason(self, bench: ModelBench, *statements: dict) -> str | None:
        bench.put("in/a", b"one\n")
        bench.model = bench.create_model(ExecutionRoleArn=self.role(bench, *statements))
        return bench.run("in/").get("FailureReason")

    def test_these_permissions_are_enough(self, bench):
        assert self.reason(bench, *self.reading(bench), self.writing(bench)) is None
        assert set(read_outputs(bench)) == {"a.out"}

    @pytest.mark.parametrize(("missing", "action"), [(0, "s3:ListBucket"), (1, "s3:GetObject")])
    def test_a_role_that_may_not_read_fails_the_job(self, bench, missing, action):
        statements = [statement for number, statement in enumerate(self.reading(bench)) if number != missing]
        reason = self.reason(bench, *statements, self.writing(bench))
        assert "access denied" in reason
        assert f'needs "{action}" on s3://{bench.bucket}/in/' in reason

    def test_a_role_that_may_not_write_fails_the_job(self, bench):
        assert f'needs "s3:PutObject" on s3://{bench.bucket}/out/a.out' in self.reason(bench, *self.reading(bench))

    def test_a_role_that_may_not_use_the_buckets_key_fails_the_job(self, aws, bench):
        kms = aws.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        bench.s3.put_bucket_encryption(Bucket=bench.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        statements = [*self.reading(bench), self.writing(bench)]
        assert "access denied" in self.reason(bench, *statements)
        assert "access denied" in self.reason(bench, *statements, allow("kms:Decrypt", key))
        assert self.reason(bench, *statements, allow(["kms:Decrypt", "kms:GenerateDataKey"], key)) is None


class TestRequests:
    """Requests that CreateTransformJob refuses."""

    def test_names_are_unique_for_ever(self, bench):
        bench.put("in/a", b"one\n")
        name = bench.run("in/")["TransformJobName"]
        for duplicate in (name, name.upper()):
            with pytest.raises(bench.sagemaker.exceptions.ResourceInUse, match="already exists") as error:
                bench.start("in/", TransformJobName=duplicate)
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400

    def test_the_model_must_exist(self, bench):
        with expect_error("ValidationException", 'Could not find model "arn:aws:sagemaker'):
            bench.start("in/", ModelName="absent")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"TransformJobName": "a_b"}, "transformJobName"),
            ({"MaxPayloadInMB": 101}, "MaxPayloadInMB"),
            ({"MaxPayloadInMB": 51, "MaxConcurrentTransforms": 2}, r"MaxConcurrentTransforms \* MaxPayloadInMB"),
            ({"MaxConcurrentTransforms": 17}, r"MaxConcurrentTransforms \* MaxPayloadInMB"),
            ({"Environment": {f"N{number}": "" for number in range(17)}}, "less than or equal to 16"),
            ({"TransformResources": {"InstanceType": "ml.none", "InstanceCount": 1}}, "enum value set"),
            ({"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 0}}, "instanceCount"),
            ({"DataProcessing": {"JoinSource": "Input"}}, "DataProcessing .* not supported"),
            ({"DataProcessing": {"OutputFilter": "$"}}, "DataProcessing .* not supported"),
            ({"TransformInput": {"SplitType": "TFRecord"}}, "SplitType TFRecord is not supported"),
            ({"S3DataType": "AugmentedManifestFile"}, "AugmentedManifestFile is not supported"),
            ({"DataCaptureConfig": {"DestinationS3Uri": "s3://a/b"}}, "DataCaptureConfig is not supported"),
            ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag"),
        ],
    )
    def test_requests_that_break_a_rule(self, aws, bench, change, message):
        lenient = aws.client("sagemaker", config=Config(parameter_validation=False))
        with expect_error("ValidationException", message):
            lenient.create_transform_job(**bench.request("in/", **change))

    def test_the_largest_payload_passes(self, bench):
        bench.put("in/a", b"one\n")
        assert bench.run("in/", MaxPayloadInMB=100)["TransformJobStatus"] == "Completed"

    def test_the_caller_needs_the_action_on_the_job(self, aws, bench):
        resource = f"arn:aws:sagemaker:{aws.region}:{aws.account}:transform-job/allowed-*"
        role = make_role(aws, allow(["sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob"], resource))
        client = assume_role(aws, role).client("sagemaker")
        bench.put("in/a", b"one\n")
        client.create_transform_job(**bench.request("in/", TransformJobName=unique_name("ALLOWED")))
        with expect_error("AccessDeniedException", "sagemaker:CreateTransformJob on resource"):
            client.create_transform_job(**bench.request("in/"))
        with expect_error("AccessDeniedException"):
            client.list_transform_jobs()
        tagged = bench.request("in/", TransformJobName=unique_name("allowed"), Tags=[{"Key": "a", "Value": "b"}])
        with expect_error("AccessDeniedException", "sagemaker:AddTags"):
            client.create_transform_job(**tagged)

    def test_jobs_beyond_the_accounts_quota_are_refused(self, tmp_path):
        with EmbeddedAws(tmp_path, limits=JobLimits(transform=1)) as aws:
            bench = ModelBench(aws, CODE)
            bench.put("in/a", b"sleep 20\n")
            first = bench.start("in/")
            with pytest.raises(bench.sagemaker.exceptions.ResourceLimitExceeded, match="account-level service limit"):
                bench.start("in/")
            bench.sagemaker.stop_transform_job(TransformJobName=first)
            wait_for_transform_job(aws, first)
            bench.put("in/a", b"one\n")
            assert bench.run("in/")["TransformJobStatus"] == "Completed"


class TestStates:
    """The states of a job in the API and in the events."""

    def test_a_job_is_described_in_full(self, aws, bench):
        bench.put("in/a", b"one\n")
        request = bench.request(
            "in/",
            MaxConcurrentTransforms=2,
            MaxPayloadInMB=3,
            BatchStrategy="SingleRecord",
            Environment={"A": "1"},
            Tags=[{"Key": "project", "Value": "seqdrop"}],
            ModelClientConfig={"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1},
        )
        response = bench.sagemaker.create_transform_job(**request)
        job = wait_for_transform_job(aws, request["TransformJobName"])
        tags = request.pop("Tags")
        assert response["TransformJobArn"] == job["TransformJobArn"]
        assert job["TransformJobArn"].endswith(f":transform-job/{request['TransformJobName']}")
        request["TransformInput"]["CompressionType"], request["TransformOutput"]["AssembleWith"] = "None", "None"
        assert {key: job[key] for key in request} == request
        assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
        assert "FailureReason" not in job
        assert bench.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"] == tags

    def test_jobs_are_listed_by_state_and_time(self, bench):
        bench.put("in/a", b"one\n")
        bench.put("bad/a", b"boom\n")
        stem = unique_name("list")
        for number, source in enumerate(["in/", "bad/"]):
            bench.run(source, TransformJobName=f"{stem}-{number}")

        def list_jobs(**filters) -> list[str]:
            summaries = bench.sagemaker.list_transform_jobs(NameContains=stem, **filters)["TransformJobSummaries"]
            return [summary["TransformJobName"][-1] for summary in summaries]

        future = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        assert list_jobs() == ["1", "0"]
        assert list_jobs(StatusEquals="Failed") == ["1"]
        assert list_jobs(SortBy="Status", SortOrder="Ascending") == ["0", "1"]
        assert list_jobs(CreationTimeAfter=future) == []
        assert list_jobs(LastModifiedTimeBefore=future, SortOrder="Ascending") == ["0", "1"]

    @pytest.mark.parametrize("operation", ["describe_transform_job", "stop_transform_job"])
    def test_an_unknown_job_is_a_validation_error(self, aws, operation):
        with expect_error("ValidationException", "Could not find requested job with name: absent"):
            getattr(aws.client("sagemaker"), operation)(TransformJobName="absent")

    def test_a_running_job_is_stopped_and_its_container_ends(self, aws, bench):
        bench.put("in/a", b"one\n")
        bench.put("in/b", b"sleep 60\n")
        before = aws.processes()
        name = bench.start("in/")
        wait_for(lambda: read_outputs(bench))
        assert aws.processes() - before
        bench.sagemaker.stop_transform_job(TransformJobName=name)
        job = wait_for_transform_job(aws, name)
        assert job["TransformJobStatus"] == "Stopped"
        assert "FailureReason" not in job
        assert set(read_outputs(bench)) == {"a.out"}
        wait_for(lambda: not aws.processes() - before)
        with expect_error("ValidationException", "job is in status Stopped"):
            bench.sagemaker.stop_transform_job(TransformJobName=name)

    def test_two_jobs_run_at_a_time_and_the_others_wait_in_progress(self, aws, bench):
        bench.put("in/a", b"sleep 60\n")
        names = [bench.start("in/") for _ in range(3)]

        def have_started() -> list[bool]:
            jobs = [bench.sagemaker.describe_transform_job(TransformJobName=name) for name in names]
            assert {job["TransformJobStatus"] for job in jobs} == {"InProgress"}
            return ["TransformStartTime" in job for job in jobs]

        wait_for(lambda: have_started() == [True, True, False])
        for name in reversed(names):
            bench.sagemaker.stop_transform_job(TransformJobName=name)
        assert {wait_for_transform_job(aws, name)["TransformJobStatus"] for name in names} == {"Stopped"}
        assert "TransformStartTime" not in bench.sagemaker.describe_transform_job(TransformJobName=names[2])

    def test_a_job_outlives_its_model(self, bench):
        bench.put("in/a", b"sleep 1\n")
        name = bench.start("in/")
        bench.sagemaker.delete_model(ModelName=bench.model)
        assert wait_for_transform_job(bench.aws, name)["TransformJobStatus"] == "Completed"

    @pytest.mark.parametrize(
        ("content", "states"),
        [
            (b"one\n", ["InProgress", "Completed"]),
            (b"boom\n", ["InProgress", "Failed"]),
            (b"sleep 60\n", ["InProgress", "Stopping", "Stopped"]),
        ],
    )
    def test_each_state_change_is_an_event_in_order(self, aws, bench, content, states):
        name = unique_name("events")
        log = EventLog(aws, {"source": ["aws.sagemaker"], "detail": {"TransformJobName": [name]}})
        bench.put("in/a", content)
        bench.start("in/", TransformJobName=name)
        if states[-1] == "Stopped":
            bench.sagemaker.stop_transform_job(TransformJobName=name)
        assert [event["detail"]["TransformJobStatus"] for event in log.first(len(states))] == states

    def test_an_event_describes_the_job_as_in_aws(self, aws, bench):
        name = unique_name("Event")
        log = EventLog(aws, {"source": ["aws.sagemaker"], "detail": {"TransformJobName": [name]}})
        bench.put("in/a", b"boom\n")
        job = bench.run(
            "in/",
            TransformJobName=name,
            MaxConcurrentTransforms=1,
            MaxPayloadInMB=2,
            BatchStrategy="MultiRecord",
            Environment={"A": "1"},
            Tags=[{"Key": "a", "Value": "b"}],
        )
        event = log.first(2)[1]
        assert event["detail-type"] == "SageMaker Transform Job State Change"
        assert event["resources"] == [job["TransformJobArn"]]
        assert (event["account"], event["region"], event["version"]) == (aws.account, aws.region, "0")
        detail = event["detail"]
        for key in (
            "TransformJobName",
            "TransformJobArn",
            "FailureReason",
            "ModelName",
            "MaxConcurrentTransforms",
            "MaxPayloadInMB",
            "BatchStrategy",
            "Environment",
            "TransformInput",
            "TransformOutput",
            "TransformResources",
        ):
            assert detail[key] == job[key]
        for key in ("CreationTime", "TransformStartTime", "TransformEndTime"):
            assert detail[key] == int(job[key].timestamp() * 1000)
        assert detail["Tags"] == {"a": "b"}
