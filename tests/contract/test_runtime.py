"""What `sam build` makes runs as it will in Lambda: under AWS's runtime client and the Runtime Interface Emulator
that aws-sam-cli carries, with the built function and its layers alone; nothing of .venv is in reach but boto3,
which Lambda brings."""

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

# What the managed Python runtimes bring, and the runtime client itself with what it needs.
BROUGHT = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py")
OTHERS = ("BaseLayer", "SeqdropLayer")
HEAVY = (*OTHERS, "ReadsLayer", "TablesLayer")
LAYERS = {"ValidateFunction": HEAVY, "FinishFunction": HEAVY}
FUNCTIONS = (
    "ValidateFunction",
    "StartTransformFunction",
    "StartTrainingFunction",
    "FinishFunction",
    "ArchiveFunction",
    "ReconcileFunction",
)


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """The output of `sam build` for this machine's Python."""
    folder = tmp_path_factory.mktemp("build")
    build_tree(folder, dict(os.environ))
    return folder


@pytest.fixture(scope="module")
def emulator(tmp_path_factory) -> Path:
    """The Runtime Interface Emulator of aws-sam-cli, made executable."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    samcli = Path(importlib.util.find_spec("samcli").origin).parent
    found = samcli / f"local/rapid/aws-lambda-rie-{machine}"
    if not found.is_file():
        pytest.skip(f"aws-sam-cli carries no Runtime Interface Emulator for {platform.machine()}")
    copy = tmp_path_factory.mktemp("rie") / "rie"
    shutil.copy(found, copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="module")
def brought(tmp_path_factory) -> Path:
    """A folder with what the runtime brings, and nothing else of .venv."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in (*BROUGHT, *CLIENT):
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue  # simplejson and the like come and go with the client's version
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    for compiled in Path(importlib.util.find_spec("awslambdaric").origin).parent.parent.glob("runtime_client*.so"):
        (folder / compiled.name).symlink_to(compiled)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(function: str, build: Path, emulator: Path, brought: Path) -> Iterator[str]:
    """The URL at which a built function takes invocations."""
    layers = [build / layer / "python" for layer in LAYERS.get(function, OTHERS)]
    api, port = free_port(), free_port()
    names = {f"SEQDROP_{name.upper()}": "1" for name in Settings.__dataclass_fields__}
    environment = {
        "PYTHONPATH": ":".join(map(str, [build / function, *layers, brought])),
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
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except ConnectionError:
            time.sleep(0.05)  # the emulator is not listening yet, and tells nobody when it is
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.05)
    raise AssertionError("the emulator does not answer")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_starts_with_its_layers_alone(function, build, emulator, brought, repository):
    """A message of no known shape goes through every import, and comes back as failed.

    What is missing in a layer would be Runtime.ImportModuleError.
    """
    event = json.loads((repository / "events/archive.json").read_text())
    event["Records"][0] |= {"messageId": "unknown", "body": "{}"}
    with running(function, build, emulator, brought) as url:
        answer = invoke(url, event)
    if function == "ReconcileFunction":  # each of its looks asks AWS, and none is there
        assert answer.get("errorType") == "RetryableError", answer
    else:
        assert answer == {"batchItemFailures": [{"itemIdentifier": "unknown"}]}


def test_validate_answers_as_lambda_expects(build, emulator, brought, repository):
    event = json.loads((repository / "events/validate-eventbridge.json").read_text())
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["object"] |= {"key": "raw/a folder/", "size": 0}
    event["Records"][0]["body"] = json.dumps(body)
    unknown = {**event["Records"][0], "messageId": "unknown", "body": "{}"}
    with running("ValidateFunction", build, emulator, brought) as url:
        answer = invoke(url, {"Records": [event["Records"][0], unknown]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "unknown"}]}


WRITES = """
import json
from seqdrop.kinds.plans import packaged
from seqdrop.results.writer import Predictions, result_files
window = {"start": 0, "end": 300, "strand": "+", "probability": 0.99}
line = json.dumps({"id": "u:1:0", "record": "c", "windows": [window]}).encode()
made_by = {"model": {"name": "m", "sha256": "0"}}
with result_files(Predictions(packaged().by_name["contigs"], [line], made_by)) as results:
    print(*results.names)
"""


def test_finish_writes_its_tables_with_its_layers_alone(build, brought):
    """They are loaded only when there is something to write."""
    layers = [build / layer / "python" for layer in LAYERS["FinishFunction"]]
    environment = {"PYTHONPATH": ":".join(map(str, [*layers, brought])), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", "-c", WRITES], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    wanted = ["predictions.jsonl", "predictions.parquet", "calls.bed", "calls.gff3"]
    wanted += ["track.plus.bedgraph", "track.plus.bw", "track.minus.bedgraph"]
    assert done.stdout.split() == sorted(wanted)


READ = """
import io, json, sys
from seqdrop.errors import InvalidFileError
from seqdrop.reads import kernel
from seqdrop.reads.check import Reading
kernel.lib = kernel.lib if sys.argv[1] == "kernel" else None
sound = b"".join(b"@r%d\\nACGTN\\n+\\nIIF#I\\n" % number for number in range(5000))
answers = [kernel.lib is not None]
for body in (sound, sound + b"@r7\\nAC-T\\n+\\nIIII\\n"):
    reading = Reading(io.BytesIO(body), ["fastq"])
    try:
        reading.run()
    except InvalidFileError:
        pass
    answers.append(reading.report())
print(json.dumps(answers))
"""


def test_the_layers_answer_the_same_with_and_without_the_kernel(build, brought):
    if kernel.lib is None:
        pytest.skip("the C kernel is not built here (`make kernel`)")
    layers = [str(build / layer / "python") for layer in LAYERS["ValidateFunction"]]
    environment = {"PYTHONPATH": ":".join([*layers, str(brought)]), "PATH": os.environ["PATH"]}
    with_it, without = (
        json.loads(
            subprocess.run(
                [sys.executable, "-S", "-c", READ, which], env=environment, check=True, capture_output=True, text=True
            ).stdout
        )
        for which in ("kernel", "numpy")
    )
    assert (with_it[0], without[0]) == (True, False)
    assert with_it[1:] == without[1:]
    assert [one["valid"] for one in with_it[1:]] == [True, False]


def test_layers_stay_below_lambdas_limit(build):
    """250 MB unzipped for a function and its layers; three fifths of it are our own bound."""
    for function, layers in LAYERS.items():
        sizes = [file.stat().st_size for layer in layers for file in (build / layer).rglob("*") if file.is_file()]
        assert sum(sizes) < 150_000_000, function


def test_what_is_built_is_pinned_as_tested(build):
    """The layers hold the versions that .venv ran with; where glibc is old, of some the one that fits it."""
    for layer in ("BaseLayer", "ReadsLayer", "TablesLayer"):
        for info in (build / layer / "python").glob("*.dist-info"):
            name, version = info.name.removesuffix(".dist-info").split("-")
            if name.lower() in ("numpy", "pybigwig") and sys.version_info < (3, 12):
                continue
            assert importlib.metadata.version(name) == version, layer
