"""A packaged protein model, served over HTTP by SageMaker's own toolkit and multi-model-server (transformers 4.57)."""

from __future__ import annotations

import json
import random
import sys

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.reads.records import Record
from seqdrop.results.proteins import ProteinCounts, read_outputs, read_structure
from seqdrop.work.items import protein_items
from seqdrop_cli.deploy.archive import pack_model, unpack
from seqdrop_cli.handler import Handler

from tests.contract.test_inference_toolkit import environment
from tests.contract.toolkit import find_python, start_server

pytestmark = pytest.mark.long
PROTEINS = packaged().by_name["proteins"]


@pytest.fixture(scope="module", params=["cnn", "protbert", "prott5"])
def archive(request, repository, tmp_path_factory) -> bytes:
    sys.path.insert(0, str(repository / "model_code" / "protein"))
    from tests.unit.model_code.protein.folders import tiny_folder

    return pack_model(tiny_folder(tmp_path_factory.mktemp("model"), request.param))


def items() -> list[bytes]:
    chance = random.Random(7)
    sequences = ["".join(chance.choices("ACDEFGHIKLMNPQRSTVWYXUacd", k=length)) for length in (1, 40, 3_000, 50)]
    records = [Record(number, f"p{number}", sequence.encode()) for number, sequence in enumerate(sequences, start=1)]
    return list(protein_items("upload", records))


def ask_handler(archive: bytes, body: bytes) -> list[bytes]:
    """Return the response lines of the handler without a server, with this environment's transformers."""
    settings = {name: value for name, value in environment(PROTEINS).items() if name.startswith("SEQDROP_")}
    with unpack(archive) as folder, Handler(folder, settings) as handler:
        return handler.ask(body)


def test_the_server_responds_like_the_handler(repository, archive, tmp_path):
    body = b"".join(items())
    server = start_server(find_python(repository), tmp_path, archive, environment(PROTEINS))
    try:
        response = server.invoke(body + b"{\n")
        assert response.status == 200, response.body
        *lines, bad = response.lines
        assert json.loads(bad)["error"]["code"] == "not_json"
        pairs = [
            list(read_outputs(response_lines, items(), read_structure, ProteinCounts()))
            for response_lines in (lines, ask_handler(archive, body.rstrip(b"\n")))
        ]
        for served, local in zip(*pairs, strict=True):
            assert (served.record, served.sequence) == (local.record, local.sequence)
            assert abs(served.units - local.units).max() <= 2
        assert server.invoke(b"MKV", "text/csv").status == 400
    finally:
        server.close()
