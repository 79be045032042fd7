"""Helpers for tests of HealthOmics: workflows that the embedded AWS can run, and changes of its behaviour."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.embedded import EmbeddedAws

MAIN = "version 1.0\nworkflow count { input { Array[File] files } }\n"
# Counts the bytes of each file that it gets, writes one output, and fails for a file that says so.
COUNT = """
import json, pathlib, sys
inputs, out = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
sizes = {uri: len(pathlib.Path(path).read_bytes()) for uri, path in inputs["files"].items()}
if any(b"FAIL" in pathlib.Path(path).read_bytes() for path in inputs["files"].values()):
    sys.exit("the aligner found no read")
(out / "counts.json").write_text(json.dumps({"sizes": sizes, "parameters": inputs["parameters"]}))
"""


def make_definition(files: Mapping[str, str]) -> bytes:
    """Return the zip of a workflow's definition."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return body.getvalue()


def create_workflow(aws: EmbeddedAws, program: str = COUNT) -> str:
    """Create a workflow that runs a program here, and return its id."""
    definition = make_definition({"main.wdl": MAIN, "run_locally.py": program})
    response: dict[str, str] = aws.client("omics").create_workflow(name="count", engine="WDL", definitionZip=definition)
    return response["id"]


def change_behaviour(aws: EmbeddedAws, **changes: object) -> None:
    """Change fields of local.omics.behaviour.Behaviour."""
    body = json.dumps(changes).encode()
    request = urllib.request.Request(f"{aws.endpoint}/_seqdrop/omics", data=body, method="POST")  # noqa: S310 # loopback
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()
