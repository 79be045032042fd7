"""The packaged archive, served by SageMaker's own toolkit and multi-model-server over HTTP, as in the container.

Its environment is that of the requests that start_transform sends. `make mms` makes what these tests need.
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

from tests.contract.toolkit import Answer, Server, python_of, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis

pytestmark = pytest.mark.long
CONTIGS = packaged().by_name["contigs"]
SEEDS = "model_code/dnabert/seeds"


def environment(analysis: Analysis, **more: str) -> dict[str, str]:
    """As SageMaker gives it to the container: the model's, then the job's."""
    names = {name: name for name in Settings.__dataclass_fields__}
    settings = replace(Settings(**names), instance_count=1, instance_type="ml.m5.xlarge")
    model = model_request(settings, ModelArchive("m", "k", "d"), analysis.job.max_payload_mb)
    job = transform_request(settings, analysis, "job", "m", [Attempt("PLANNED", upload_id="u", shards=1)])
    return model["PrimaryContainer"]["Environment"] | job["Environment"] | more


@pytest.fixture(scope="module")
def python(repository) -> Path:
    return python_of(repository)


@pytest.fixture(scope="module")
def serve(python, tmp_path_factory):
    """Starts servers, and ends those that are left."""
    open_servers: list[Server] = []

    def start(archive: bytes, **settings: str) -> Server:
        root = tmp_path_factory.mktemp("container")
        open_servers.append(started(python, root, archive, environment(CONTIGS, **settings)))
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
    """A masked language model of random weights, with the seed's shape and vocabulary."""
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("language")
    config = BertConfig.from_pretrained(repository / SEEDS / "promoter-300", initializer_range=0.3)
    BertForMaskedLM(config).save_pretrained(folder)
    (folder / "vocab.txt").write_bytes((repository / SEEDS / "promoter-300/vocab.txt").read_bytes())
    return pack_model(folder, task="masked")


def items() -> bytes:
    """Work items as validate cuts them: long and short records, lower case, runs of N."""
    chance = random.Random(7)
    bases = ["".join(chance.choices("ACGTacgt", k=length)) for length in (5000, 300, 451, 299, 0, 20_000)]
    bases[0] = bases[0][:700] + "NNNN" + bases[0][704:]
    bases[2] = bases[2][:300] + "N" * 100 + bases[2][400:]
    records = [Record(number, f"r{number}", one.encode()) for number, one in enumerate(bases, start=1)]
    return b"".join(
        work_items("upload", ((record, 1) for record in records), CONTIGS.settings, CONTIGS.job.windows_per_item)
    )


def ours(archive: bytes, body: bytes, **settings: str) -> list[dict]:
    """What the handler says without any server."""
    named = {name: value for name, value in environment(CONTIGS, **settings).items() if name.startswith("SEQDROP_")}
    with unpack(archive) as folder, Handler(folder, named) as handler:
        return [json.loads(line) for line in handler.ask(body.rstrip(b"\n"))]


def theirs(answer: Answer) -> list[dict]:
    assert answer.status == 200, answer.body
    return [json.loads(line) for line in answer.lines]


def numbers(found) -> Iterator[float]:
    """All fractions in an answer, in order."""
    for value in found.values() if isinstance(found, dict) else found:
        if isinstance(value, dict | list):
            yield from numbers(value)
        elif isinstance(value, float):
            yield value


def without_numbers(found):
    if isinstance(found, dict):
        return {name: without_numbers(value) for name, value in found.items()}
    if isinstance(found, list):
        return [without_numbers(value) for value in found]
    return None if isinstance(found, float) else found


def assert_same(found: list[dict], expected: list[dict], tolerance: float = 1e-5) -> None:
    """The same answers in the same order; fractions may differ as two versions of transformers do."""
    assert without_numbers(found) == without_numbers(expected)
    assert list(numbers(found)) == pytest.approx(list(numbers(expected)), abs=tolerance)


# ---------------------------------------------------------------- answers


def test_many_records_in_one_request(server, seed):
    found = theirs(server.invoke(items()))
    assert_same(found, ours(seed, items()))
    assert len(found) == items().count(b"\n")
    assert sum(1 for _ in numbers(found)) > 300


def test_a_bad_line_is_answered_by_an_error_line(server):
    good = items().split(b"\n")[1]
    answers = theirs(server.invoke(b"\n".join([good, b"{", b"\xff", b'{"id": "x"}', b"", good])))
    codes = [one.get("error", {}).get("code") for one in answers]
    assert codes == [None, "not_json", "not_utf8", "not_a_work_item", "not_json", None]
    assert answers[3]["id"] == "x"
    assert answers[0] == answers[5]


def test_a_line_of_a_whole_payload_is_answered_and_a_longer_one_refused(server):
    line = json.dumps({"id": "a", "record": "r", "start": 0, "sequence": "N" * (CONTIGS.job.max_payload_mb * 10**6)})
    (answer,) = theirs(server.invoke(line.encode()))
    assert len(answer["windows"]) == 2 * (1 + -(-(10**6 - 300) // 150))
    assert server.invoke(line.encode() * 3).status == 413
    assert len(theirs(server.invoke(items()))) == items().count(b"\n")  # it serves on


def test_a_response_over_the_servers_own_limit(server):
    """8 MB: multi-model-server cuts off at 6.5 MB where MMS_MAX_RESPONSE_SIZE does not say otherwise."""
    answer = server.invoke(b"{}\n" * 80_000)
    assert len(answer.body) > 8_000_000
    assert len(theirs(answer)) == 80_000


def test_spaced_kmers_as_in_the_older_way_to_ask(server):
    (found,) = theirs(server.invoke(b'{"inputs": "CTAATC TAATCT"}', "application/json", "application/json"))[0]
    assert found["label"] in ("not promoter", "promoter")
    refused = server.invoke(b"CTAATC", "text/csv")
    assert refused.status == 400
    assert b"is not served" in refused.body


@pytest.mark.parametrize("task", ["masked", "embed"])
def test_other_tasks(serve, language, task):
    server = serve(language, SEQDROP_TASK=task)
    body = b"\n".join(items().split(b"\n")[:2])
    found = theirs(server.invoke(body))
    assert_same(found, ours(language, body, SEQDROP_TASK=task), tolerance=1e-3)
    place = found[0]["masks" if task == "masked" else "windows"][0]
    assert len(place["candidates" if task == "masked" else "embedding"]) == (5 if task == "masked" else 128)
    server.close()


# ---------------------------------------------------------------- workers, and what breaks them


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
    """As model_code counts them."""
    spec = importlib.util.spec_from_file_location("processors", repository / "model_code/common/processors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.cores()


def with_files(archive: bytes, changes: dict[str, bytes | None]) -> bytes:
    """The archive with files added, or left out."""
    held = io.BytesIO()
    with unpack(archive) as folder, tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, body in changes.items():
            (folder / name).unlink(missing_ok=True) if body is None else (folder / name).write_bytes(body)
        tar.add(folder, ".")
    return held.getvalue()


def test_one_worker_has_all_cores_and_comes_back_after_death(serve, seed, cores):
    server = serve(with_files(seed, {"code/probe.py": PROBE.encode()}), SAGEMAKER_PROGRAM="probe.py")
    counted = server.invoke(b"count")
    assert f"OMP_NUM_THREADS 1, threads {cores}" in counted.body.decode()
    assert len(json.loads(server.ask("GET", "/models/model").body)["workers"]) == 1
    assert server.invoke(b"die").status == 500
    assert "windows" in theirs(server.invoke(items().split(b"\n")[1]))[0]
    server.close()


def test_a_broken_model_fails_every_request_and_says_why(serve, seed):
    """Loudly, but for /ping: multi-model-server calls itself healthy whatever becomes of the model."""
    server = serve(with_files(seed, {"model.safetensors": None}))
    for _ in range(2):
        answer = server.invoke(items())
        assert answer.status == 400
        assert b"model.safetensors" in answer.body
        assert server.ping().status == 200
    assert server.interfaces() == ["lo"]  # though it binds all addresses, nobody else can reach it
    assert len(server.processes()) >= 2
    server.close()
    assert not server.processes()
