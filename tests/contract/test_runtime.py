"""The output of `sam build`, run as in Lambda.

AWS's runtime client and the Runtime Interface Emulator of aws-sam-cli run each built function with only its layers
and its memory limit. Of .venv only boto3 and its dependencies are importable, which Lambda provides. Here AWS is
unreachable; `tests/e2e/test_shipped.py` runs the functions against the deployed stack.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from seqdrop.config.settings import Settings
from seqdrop.reads import kernel

from local.deploy import build as build_tree
from tests.support.aws import template
from tests.support.built import BuiltFunction, measure_size, read_build
from tests.support.emulator import running

pytest_plugins = ["tests.support.emulator_fixtures"]

NAMES = sorted(template.resources_of_type("AWS::Serverless::Function"))
UNCHECKED_HASH = 0b01  # the flags of bytecode that is not compared with its source (PEP 552)


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """Return the output folder of `sam build` for this machine's Python."""
    folder = tmp_path_factory.mktemp("build")
    build_tree(folder, dict(os.environ))
    return folder


@pytest.fixture(scope="module")
def functions(build) -> dict[str, BuiltFunction]:
    return read_build(build)


def make_environment() -> dict[str, str]:
    """Return settings of no stack, and an endpoint that refuses connections."""
    return {
        **{f"SEQDROP_{name.upper()}": "1" for name in Settings.__dataclass_fields__},
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
        "SEQDROP_VALIDATE_QUEUE": "http://127.0.0.1:9/1/validate",
        "SEQDROP_ARCHIVE_QUEUE": "http://127.0.0.1:9/1/archive",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_function_starts_with_only_its_layers(name, functions, runtime, repository):
    """A message of an unknown form passes every import and is returned as failed.

    A module that a layer lacks would be a Runtime.ImportModuleError.
    """
    event = json.loads((repository / "events/archive.json").read_text())
    event["Records"][0] |= {"messageId": "unknown", "body": "{}"}
    with running(functions[name], runtime, make_environment()) as function:
        response = function.invoke(event)
    if name == "ReconcileFunction":  # each of its checks calls AWS, which is unreachable
        assert response.get("errorType") == "RetryableError", response
    else:
        assert response == {"batchItemFailures": [{"itemIdentifier": "unknown"}]}


def test_validate_returns_the_response_that_lambda_expects(functions, runtime, repository):
    event = json.loads((repository / "events/validate-eventbridge.json").read_text())
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["object"] |= {"key": "raw/a folder/", "size": 0}
    event["Records"][0]["body"] = json.dumps(body)
    unknown = {**event["Records"][0], "messageId": "unknown", "body": "{}"}
    with running(functions["ValidateFunction"], runtime, make_environment()) as function:
        response = function.invoke({"Records": [event["Records"][0], unknown]})
    assert response == {"batchItemFailures": [{"itemIdentifier": "unknown"}]}


WRITES = """
import json
from seqdrop.kinds.plans import packaged
from seqdrop.results.writer import Predictions, result_files
window = {"start": 0, "end": 300, "strand": "+", "probability": 0.99}
line = json.dumps({"id": "u:1:0", "record": "c", "windows": [window]}).encode()
source = {"model": {"name": "m", "sha256": "0"}, "upload": {"id": "u"}}
with result_files(Predictions(packaged().by_name["contigs"], [line], source)) as results:
    print(*results.names)
"""


def test_finish_writes_its_tables_with_only_its_layers(functions, runtime):
    """The libraries of the tables are imported only when a table is written."""
    environment = {"PYTHONPATH": runtime.path_of(functions["FinishFunction"]), "PATH": os.environ["PATH"]}
    process = subprocess.run(
        [sys.executable, "-S", "-c", WRITES], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    names = ["predictions.jsonl", "predictions.parquet", "calls.bed", "calls.gff3"]
    names += ["track.plus.bedgraph", "track.plus.bw", "track.minus.bedgraph"]
    names += ["genome.chrom.sizes", "hub.txt", "igv_session.xml"]
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


def test_the_layers_give_the_same_reports_with_and_without_the_kernel(functions, runtime):
    if kernel.lib is None:
        pytest.skip("the C kernel is not built; `make kernel` builds it")
    environment = {"PYTHONPATH": runtime.path_of(functions["ValidateFunction"]), "PATH": os.environ["PATH"]}
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


def test_layers_stay_below_lambdas_limit(build, functions):
    """Lambda allows 250 MB unzipped for a function and its layers; the project's own bound is three fifths of that."""
    for name, function in functions.items():
        assert sum(map(measure_size, [*function.path, build / "TracingLayer"])) < 150_000_000, name


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


def test_a_function_traces_with_only_the_layers(build, functions, runtime):
    """X-Ray's library requires botocore, and takes that of the runtime."""
    layer = build / "TracingLayer/python"
    assert not (layer / "botocore").exists()
    path = f"{layer}:{runtime.path_of(functions['ArchiveFunction'])}"
    environment = {"PYTHONPATH": path, "PATH": os.environ["PATH"]}
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    process = subprocess.run(
        [sys.executable, "-S", "-c", TRACES, header], env=environment, capture_output=True, text=True, check=False
    )
    assert (process.stdout, process.returncode) == ("archive {'upload_id': 'A'}\n", 0), process.stderr


def test_layers_of_python_carry_bytecode_that_is_used_as_it_is(functions):
    """Layers are read-only: without bytecode, each cold start compiles what it imports.

    sam keeps no times of files, so bytecode that is compared with them would never be used.
    """
    for layer in (layer for layer in functions["ArchiveFunction"].path if layer.name == "python"):
        sources = [path for path in layer.rglob("*.py") if "bin" not in path.parts]
        assert len(sources) > 40, layer
        for source in sources:
            flags = Path(cache_from_source(str(source))).read_bytes()[4:8]
            assert int.from_bytes(flags, "little") == UNCHECKED_HASH, source


def test_a_cold_start_compiles_nothing_of_these_layers(functions, runtime):
    """`python -v` reports where code comes from: a .pyc in quotes, or the source that was compiled."""
    environment = {"PYTHONPATH": runtime.path_of(functions["ArchiveFunction"]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-S", "-v", "-c", "import app"]
    folder = functions["ArchiveFunction"].folder
    process = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    origins = re.findall(r"# code object from (.*Layer/python/.*)", process.stderr)
    assert [origin for origin in origins if not origin.endswith(".pyc'")] == []
    assert any("seqdrop/runtime/__pycache__/services" in origin for origin in origins)
