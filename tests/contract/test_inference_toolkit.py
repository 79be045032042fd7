"""A packaged model archive, served over HTTP by SageMaker's own toolkit and multi-model-server, as in the container.

The environment is taken from the requests that start_transform sends. `make mms` installs the toolkit.
"""

from __future__ import annotations

import importlib.util
import io
import json
import random
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from seqdrop.config.settings import Settings
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt
from seqdrop.models.archives import ModelArchive, model_request
from seqdrop.reads.records import Record
from seqdrop.sagemaker.requests.transform import transform_request
from seqdrop.work.items import work_items
from seqdrop_cli.deploy.archive import pack_model, unpack
from seqdrop_cli.handler import Handler

from tests.contract.toolkit import Response, Server, find_python, start_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis

pytestmark = pytest.mark.long
CONTIGS = packaged().by_name["contigs"]
SEEDS = "model_code/dnabert/seeds"


def environment(analysis: Analysis, **more: str) -> dict[str, str]:
    """Return the container's environment as in SageMaker: the model's variables, overridden by the job's."""
    names = {name: name for name in Settings.__dataclass_fields__}
    settings = replace(Settings(**names), instance_count=1, instance_type="ml.m5.xlarge")
    model = model_request(settings, ModelArchive("m", "k", "d"), analysis.job.max_payload_mb)
    job = transform_request(settings, analysis, "job", "m", [Attempt("PLANNED", upload_id="u", shards=1)])
    return model["PrimaryContainer"]["Environment"] | job["Environment"] | more


@pytest.fixture(scope="module")
def python(repository) -> Path:
    return find_python(repository)


@pytest.fixture(scope="module")
def serve(python, tmp_path_factory):
    """Return a function that starts servers; those that are still open are closed at the end."""
    open_servers: list[Server] = []

    def start(archive: bytes, **settings: str) -> Server:
        root = tmp_path_factory.mktemp("container")
        open_servers.append(start_server(python, root, archive, environment(CONTIGS, **settings)))
        return open_servers[-1]

    yield start
    for server in open_servers:
        server.close()


@pytest.fixture(scope="module")
def seed(repository) -> bytes:
    return pack_model(repository / SEEDS / "promoter-300")


@pytest.fixture(scope="module")
def server(serve, seed) -> Server:
    return serve(seed)


@pytest.fixture(scope="module")
def language(repository, tmp_path_factory) -> bytes:
    """Return a masked language model with random weights, and with the seed's shape and vocabulary."""
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("language")
    config = BertConfig.from_pretrained(repository / SEEDS / "promoter-300", initializer_range=0.3)
    BertForMaskedLM(config).save_pretrained(folder)
    (folder / "vocab.txt").write_bytes((repository / SEEDS / "promoter-300/vocab.txt").read_bytes())
    return pack_model(folder, task="masked")


def items() -> bytes:
    """Return work items as validate writes them, for long and short records, lower case and runs of N."""
    chance = random.Random(7)
    bases = ["".join(chance.choices("ACGTacgt", k=length)) for length in (5000, 300, 451, 299, 0, 20_000)]
    bases[0] = bases[0][:700] + "NNNN" + bases[0][704:]
    bases[2] = bases[2][:300] + "N" * 100 + bases[2][400:]
    records = [Record(number, f"r{number}", sequence.encode()) for number, sequence in enumerate(bases, start=1)]
    counted = ((record, 1) for record in records)
    return b"".join(work_items("upload", counted, CONTIGS.settings, CONTIGS.job.windows_per_item))


def ask_handler(archive: bytes, body: bytes, **settings: str) -> list[dict]:
    """Return the predictions of the handler without a server."""
    variables = {name: value for name, value in environment(CONTIGS, **settings).items() if name.startswith("SEQDROP_")}
    with unpack(archive) as folder, Handler(folder, variables) as handler:
        return [json.loads(line) for line in handler.ask(body.rstrip(b"\n"))]


def read_predictions(response: Response) -> list[dict]:
    assert response.status == 200, response.body
    return [json.loads(line) for line in response.lines]


def numbers(content) -> Iterator[float]:
    """Yield all fractions in a prediction, in order."""
    for value in content.values() if isinstance(content, dict) else content:
        if isinstance(value, dict | list):
            yield from numbers(value)
        elif isinstance(value, float):
            yield value


def without_numbers(content):
    if isinstance(content, dict):
        return {name: without_numbers(value) for name, value in content.items()}
    if isinstance(content, list):
        return [without_numbers(value) for value in content]
    return None if isinstance(content, float) else content


def assert_same(actual: list[dict], expected: list[dict], tolerance: float = 1e-5) -> None:
    """Assert that predictions are equal; fractions may differ as between two versions of transformers."""
    assert without_numbers(actual) == without_numbers(expected)
    assert list(numbers(actual)) == pytest.approx(list(numbers(expected)), abs=tolerance)


# ---------------------------------------------------------------- predictions


def test_many_records_in_one_request(server, seed):
    predictions = read_predictions(server.invoke(items()))
    assert_same(predictions, ask_handler(seed, items()))
    assert len(predictions) == items().count(b"\n")
    assert sum(1 for _ in numbers(predictions)) > 300


def test_a_bad_line_gives_an_error_line(server):
    good = items().split(b"\n")[1]
    predictions = read_predictions(server.invoke(b"\n".join([good, b"{", b"\xff", b'{"id": "x"}', b"", good])))
    codes = [prediction.get("error", {}).get("code") for prediction in predictions]
    assert codes == [None, "not_json", "not_utf8", "not_a_work_item", "not_json", None]
    assert predictions[3]["id"] == "x"
    assert predictions[0] == predictions[5]


def test_a_line_may_fill_a_payload_and_a_longer_one_is_refused(server):
    line = json.dumps({"id": "a", "record": "r", "start": 0, "sequence": "N" * (CONTIGS.job.max_payload_mb * 10**6)})
    (prediction,) = read_predictions(server.invoke(line.encode()))
    assert len(prediction["windows"]) == 2 * (1 + -(-(10**6 - 300) // 150))
    assert server.invoke(line.encode() * 3).status == 413
    assert len(read_predictions(server.invoke(items()))) == items().count(b"\n")  # the server continues


def test_a_response_may_exceed_the_default_limit_of_the_server(server):
    """The response has 8 MB; without MMS_MAX_RESPONSE_SIZE multi-model-server cuts it off at 6.5 MB."""
    response = server.invoke(b"{}\n" * 80_000)
    assert len(response.body) > 8_000_000
    assert len(read_predictions(response)) == 80_000


def test_requests_of_the_older_format_with_spaced_kmers(server):
    (prediction,) = read_predictions(
        server.invoke(b'{"inputs": "CTAATC TAATCT"}', "application/json", "application/json")
    )[0]
    assert prediction["label"] in ("not promoter", "promoter")
    response = server.invoke(b"CTAATC", "text/csv")
    assert response.status == 400
    assert b"is not served" in response.body


def test_a_plain_request_to_a_protein_model(serve, repository):
    archive = pack_model(repository / "model_code/protein/seeds/cnn-ss3")
    server = serve(archive, SEQDROP_TASK="structure", SEQDROP_WINDOW="")
    response = server.invoke(b'{"inputs": ["MKVLATGGSW", "M K V", "?"]}', "application/json", "application/json")
    assert response.status == 200, response.body
    first, second, bad = json.loads(response.body)
    assert [len(first["labels"]), len(second["scores"])] == [10, 3]
    assert bad["error"]["code"] == "not_a_work_item"
    server.close()


@pytest.mark.parametrize("task", ["masked", "embed"])
def test_other_tasks(serve, language, task):
    server = serve(language, SEQDROP_TASK=task)
    body = b"\n".join(items().split(b"\n")[:2])
    predictions = read_predictions(server.invoke(body))
    assert_same(predictions, ask_handler(language, body, SEQDROP_TASK=task), tolerance=1e-3)
    entry = predictions[0]["masks" if task == "masked" else "windows"][0]
    assert len(entry["candidates" if task == "masked" else "embedding"]) == (5 if task == "masked" else 128)
    server.close()


# ---------------------------------------------------------------- workers, and their failures


PROBE = """
import os
import torch
import inference
from inference import model_fn, predict_fn, output_fn

def input_fn(body, kind):
    if bytes(body) == b"die":
        os._exit(1)
    if bytes(body) == b"count":
        raise ValueError(f"OMP_NUM_THREADS {os.environ['OMP_NUM_THREADS']}, threads {torch.get_num_threads()}")
    return inference.input_fn(body, kind)
"""


@pytest.fixture
def cores(repository) -> int:
    """Return the number of cores as model_code counts them."""
    spec = importlib.util.spec_from_file_location("processors", repository / "model_code/common/processors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.count_cores()


def with_files(archive: bytes, changes: dict[str, bytes | None]) -> bytes:
    """Return the archive with files replaced or added; a file with None is left out."""
    buffer = io.BytesIO()
    with unpack(archive) as folder, tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in changes.items():
            (folder / name).unlink(missing_ok=True) if body is None else (folder / name).write_bytes(body)
        tar.add(folder, ".")
    return buffer.getvalue()


def test_a_single_worker_has_all_cores_and_restarts_after_its_death(serve, seed, cores):
    server = serve(with_files(seed, {"code/probe.py": PROBE.encode()}), SAGEMAKER_PROGRAM="probe.py")
    response = server.invoke(b"count")
    assert f"OMP_NUM_THREADS 1, threads {cores}" in response.body.decode()
    assert len(json.loads(server.ask("GET", "/models/model").body)["workers"]) == 1
    assert server.invoke(b"die").status == 500
    assert "windows" in read_predictions(server.invoke(items().split(b"\n")[1]))[0]
    server.close()


def test_a_broken_model_fails_every_request_with_the_reason(serve, seed):
    """Only /ping succeeds: multi-model-server is healthy even if the model failed to load."""
    server = serve(with_files(seed, {"model.safetensors": None}))
    for _ in range(2):
        response = server.invoke(items())
        assert response.status == 400
        assert b"model.safetensors" in response.body
        assert server.ping().status == 200
    assert server.interfaces() == ["lo"]  # it binds all addresses, but only its own network has them
    assert len(server.processes()) >= 2
    server.close()
    assert not server.processes()
