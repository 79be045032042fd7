"""The output of `sam build`, run as in Lambda.

AWS's runtime client and the Runtime Interface Emulator of aws-sam-cli run each built function with only its layers. Of
.venv only boto3 and its dependencies are importable, which Lambda provides.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from seqdrop.config.settings import Settings
from seqdrop.reads import kernel

from local.deploy import build as build_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

# The packages of the managed Python runtimes, and the runtime client with its dependencies.
PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py")
OTHERS = ("BaseLayer", "SeqdropLayer")
HEAVY = (*OTHERS, "ReadsLayer", "TablesLayer")
LAYERS = {"ValidateFunction": HEAVY, "FinishFunction": HEAVY, "InventoryFunction": HEAVY}
FUNCTIONS = (
    "ValidateFunction",
    "StartTransformFunction",
    "StartTrainingFunction",
    "FinishFunction",
    "ArchiveFunction",
    "InventoryFunction",
    "ReconcileFunction",
)


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """Return the output folder of `sam build` for this machine's Python."""
    folder = tmp_path_factory.mktemp("build")
    build_tree(folder, dict(os.environ))
    return folder


@pytest.fixture(scope="module")
def emulator(tmp_path_factory) -> Path:
    """Return an executable copy of the Runtime Interface Emulator of aws-sam-cli."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    samcli = Path(importlib.util.find_spec("samcli").origin).parent
    program = samcli / f"local/rapid/aws-lambda-rie-{machine}"
    if not program.is_file():
        pytest.skip(f"aws-sam-cli has no Runtime Interface Emulator for {platform.machine()}")
    copy = tmp_path_factory.mktemp("rie") / "rie"
    shutil.copy(program, copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="module")
def provided(tmp_path_factory) -> Path:
    """Return a folder with the packages that the runtime provides, and no others of .venv."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in (*PROVIDED, *CLIENT):
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue  # some dependencies exist only for some versions of the client
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    for compiled in Path(importlib.util.find_spec("awslambdaric").origin).parent.parent.glob("runtime_client*.so"):
        (folder / compiled.name).symlink_to(compiled)
    return folder


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def run(function: str, build: Path, emulator: Path, provided: Path) -> Iterator[str]:
    """Run a built function, and yield the URL for its invocations."""
    layers = [build / layer / "python" for layer in LAYERS.get(function, OTHERS)]
    api, port = find_free_port(), find_free_port()
    names = {f"SEQDROP_{name.upper()}": "1" for name in Settings.__dataclass_fields__}
    environment = {
        "PYTHONPATH": ":".join(map(str, [build / function, *layers, provided])),
        "PATH": os.environ["PATH"],
        "_HANDLER": "app.handler",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "20",
        **names,
        "SEQDROP_VALIDATE_QUEUE": "http://127.0.0.1:9/1/validate",
        "SEQDROP_ARCHIVE_QUEUE": "http://127.0.0.1:9/1/archive",
    }
    command = [str(emulator), "--runtime-api-address", f"127.0.0.1:{api}"]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += [sys.executable, "-S", "-m", "awslambdaric", "app.handler"]
    process = subprocess.Popen(
        command, env=environment, cwd=build / function, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    finally:
        process.terminate()
        process.wait(10)


def invoke(url: str, event: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(event).encode())
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.loads(response.read())
        except ConnectionError:
            time.sleep(0.05)  # the emulator is not listening yet, and does not announce when it is
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.05)
    raise AssertionError("the emulator does not respond")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_starts_with_only_its_layers(function, build, emulator, provided, repository):
    """A message of an unknown form passes every import and is returned as failed.

    A module that a layer lacks would be a Runtime.ImportModuleError.
    """
    event = json.loads((repository / "events/archive.json").read_text())
    event["Records"][0] |= {"messageId": "unknown", "body": "{}"}
    with run(function, build, emulator, provided) as url:
        response = invoke(url, event)
    if function == "ReconcileFunction":  # each of its checks calls AWS, which is unreachable
        assert response.get("errorType") == "RetryableError", response
    else:
        assert response == {"batchItemFailures": [{"itemIdentifier": "unknown"}]}


def test_validate_returns_the_response_that_lambda_expects(build, emulator, provided, repository):
    event = json.loads((repository / "events/validate-eventbridge.json").read_text())
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["object"] |= {"key": "raw/a folder/", "size": 0}
    event["Records"][0]["body"] = json.dumps(body)
    unknown = {**event["Records"][0], "messageId": "unknown", "body": "{}"}
    with run("ValidateFunction", build, emulator, provided) as url:
        response = invoke(url, {"Records": [event["Records"][0], unknown]})
    assert response == {"batchItemFailures": [{"itemIdentifier": "unknown"}]}


WRITES = """
import json
from seqdrop.kinds.plans import packaged
from seqdrop.results.writer import Predictions, result_files
window = {"start": 0, "end": 300, "strand": "+", "probability": 0.99}
line = json.dumps({"id": "u:1:0", "record": "c", "windows": [window]}).encode()
source = {"model": {"name": "m", "sha256": "0"}}
with result_files(Predictions(packaged().by_name["contigs"], [line], source)) as results:
    print(*results.names)
"""


def test_finish_writes_its_tables_with_only_its_layers(build, provided):
    """The libraries of the tables are imported only when a table is written."""
    layers = [build / layer / "python" for layer in LAYERS["FinishFunction"]]
    environment = {"PYTHONPATH": ":".join(map(str, [*layers, provided])), "PATH": os.environ["PATH"]}
    process = subprocess.run(
        [sys.executable, "-S", "-c", WRITES], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    names = ["predictions.jsonl", "predictions.parquet", "calls.bed", "calls.gff3"]
    names += ["track.plus.bedgraph", "track.plus.bw", "track.minus.bedgraph"]
    assert process.stdout.split() == sorted(names)


READ = """
import io, json, sys
from seqdrop.errors import InvalidFileError
from seqdrop.reads import kernel
from seqdrop.reads.check import Reading
kernel.lib = kernel.lib if sys.argv[1] == "kernel" else None
sound = b"".join(b"@r%d\\nACGTN\\n+\\nIIF#I\\n" % number for number in range(5000))
outputs = [kernel.lib is not None]
for body in (sound, sound + b"@r7\\nAC-T\\n+\\nIIII\\n"):
    reading = Reading(io.BytesIO(body), ["fastq"])
    try:
        reading.run()
    except InvalidFileError:
        pass
    outputs.append(reading.report())
print(json.dumps(outputs))
"""


def test_the_layers_give_the_same_reports_with_and_without_the_kernel(build, provided):
    if kernel.lib is None:
        pytest.skip("the C kernel is not built; `make kernel` builds it")
    layers = [str(build / layer / "python") for layer in LAYERS["ValidateFunction"]]
    environment = {"PYTHONPATH": ":".join([*layers, str(provided)]), "PATH": os.environ["PATH"]}
    with_kernel, without_kernel = (
        json.loads(
            subprocess.run(
                [sys.executable, "-S", "-c", READ, mode], env=environment, check=True, capture_output=True, text=True
            ).stdout
        )
        for mode in ("kernel", "numpy")
    )
    assert (with_kernel[0], without_kernel[0]) == (True, False)
    assert with_kernel[1:] == without_kernel[1:]
    assert [report["valid"] for report in with_kernel[1:]] == [True, False]


def test_layers_stay_below_lambdas_limit(build):
    """Lambda allows 250 MB unzipped for a function and its layers; the project's own bound is three fifths of that."""
    for function, layers in LAYERS.items():
        sizes = [
            file.stat().st_size
            for layer in (*layers, "TracingLayer")
            for file in (build / layer).rglob("*")
            if file.is_file()
        ]
        assert sum(sizes) < 150_000_000, function


def test_the_layers_have_the_tested_versions(build):
    """The layers have the versions of .venv; for an old glibc, numpy has another version."""
    for layer in ("BaseLayer", "ReadsLayer", "TablesLayer", "TracingLayer"):
        for info in (build / layer / "python").glob("*.dist-info"):
            name, version = info.name.removesuffix(".dist-info").split("-")
            if name.lower() == "numpy" and sys.version_info < (3, 12):
                continue
            assert importlib.metadata.version(name) == version, layer


TRACES = """
import os, sys
os.environ.update(SEQDROP_TRACING="true", LAMBDA_TASK_ROOT="/var/task", _X_AMZN_TRACE_ID=sys.argv[1])
from seqdrop.runtime.tracing import span
from aws_xray_sdk.core import xray_recorder
xray_recorder._emitter = type("Emitter", (), {"send_entity": lambda self, it: print(it.name, it.annotations)})()
with span("archive", upload_id="A"):
    pass
"""


def test_a_function_traces_with_only_the_layers(build, provided):
    """X-Ray's library requires botocore, and takes that of the runtime."""
    layers = [build / layer / "python" for layer in (*OTHERS, "TracingLayer")]
    assert not (layers[-1] / "botocore").exists()
    environment = {"PYTHONPATH": ":".join(map(str, [*layers, provided])), "PATH": os.environ["PATH"]}
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    process = subprocess.run(
        [sys.executable, "-S", "-c", TRACES, header], env=environment, capture_output=True, text=True, check=False
    )
    assert (process.stdout, process.returncode) == ("archive {'upload_id': 'A'}\n", 0), process.stderr
