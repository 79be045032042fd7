"""A run: its inputs are imported with its role, its program is executed, and its outputs are written to S3.

There is no engine of WDL, Nextflow or CWL, and no container. A definition that shall run here has, beside the engine's
own files, `run_locally.py`: it is called in the folder of the definition with the paths of a JSON file and of a folder.
The file has the `parameters`, and in `files` the path of each object that they name; also of those that a CSV among
them names. What the program writes to the folder are the outputs. Its exit status is that of the run.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.omics.errors import RunFailedError
from local.omics.records import now
from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3.client import S3Client

    from local.omics.behaviour import Behaviour
    from local.omics.records import Run
    from local.sagemaker.roles import Roles

PROGRAM = "run_locally.py"
POLL, LONGEST = 0.1, 600  # seconds
URI = re.compile(r"s3://\S.*")


class Runner:
    """Executes runs, each in a thread of its own. `announce` is called after each change of a run's status."""

    def __init__(self, roles: Roles, behaviour: Behaviour, announce: Callable[[Run], None]) -> None:
        self._roles, self._behaviour, self._announce = roles, behaviour, announce

    def start(self, run: Run) -> None:
        """Begin a run."""
        threading.Thread(target=self._execute, args=(run,), name=f"omics-{run.id}", daemon=True).start()

    def _move(self, run: Run, status: str, cause: str | None = None, message: str | None = None) -> bool:
        has_moved = run.move(status, cause, message)
        if has_moved:
            self._announce(run)
        return has_moved

    def _execute(self, run: Run) -> None:
        self._announce(run)
        try:
            with tempfile.TemporaryDirectory(prefix="omics-") as folder:
                self._move(run, "STARTING")
                self._work(run, Path(folder))
            self._move(run, "COMPLETED")
        except RunFailedError as error:
            self._move(run, "FAILED", error.cause, error.message[:500])
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must end
            self._move(run, "FAILED", "SERVICE_ERROR", repr(error)[:500])
        if run.cancelled.is_set():
            self._move(run, "CANCELLED")

    def _work(self, run: Run, folder: Path) -> None:
        keys = self._roles.credentials(run.request["roleArn"], f"omics-{run.id}")
        s3 = self._roles.client("s3", keys, run.region)
        imported = self._import(s3, run, folder / "inputs")
        self._move(run, "RUNNING")
        run.task = {"taskId": "1", "name": "main", "status": "RUNNING", "creationTime": now(), "startTime": now()}
        while self._behaviour.hold and not run.cancelled.wait(POLL):
            pass
        if failure := self._behaviour.next_failure():
            cause, _, message = failure.partition(": ")
            raise RunFailedError(cause, message)
        out = folder / "out"
        out.mkdir()
        try:
            log = self._call_program(run, folder, imported, out)
        finally:
            run.task |= {"status": "COMPLETED", "stopTime": now()}
        (folder / "run.log").write_bytes(log)
        _upload(s3, run, folder / "run.log", "logs/run.log")
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            _upload(s3, run, path, f"out/{path.relative_to(out)}")

    def _import(self, s3: S3Client, run: Run, folder: Path) -> dict[str, str]:
        """Download the objects that the parameters name; return URI → path."""
        folder.mkdir()
        paths: dict[str, str] = {}
        for uri in dict.fromkeys(_find_uris(run.request.get("parameters", {}))):
            paths[uri], etag = _download(s3, run, uri, folder / f"{len(paths):04d}")
            run.digests[uri] = f"etag:{etag}"
        sheets = [Path(path) for uri, path in paths.items() if uri.endswith(".csv")]
        named = {uri for sheet in sheets for uri in _find_cells(sheet.read_text())}
        for uri in sorted(named - paths.keys()):
            paths[uri], _ = _download(s3, run, uri, folder / f"{len(paths):04d}")
        return paths

    def _call_program(self, run: Run, folder: Path, files: dict[str, str], out: Path) -> bytes:
        """Run the program and return its log. Raise RunFailedError if it fails or cannot be run."""
        if run.workflow is None:
            raise RunFailedError("WORKFLOW_RUN_FAILED", "the embedded AWS has no code of READY2RUN workflows")
        definition = folder / "definition"
        with zipfile.ZipFile(io.BytesIO(run.workflow.definition)) as archive:
            archive.extractall(definition)
        if not (definition / PROGRAM).is_file():
            raise RunFailedError("WORKFLOW_RUN_FAILED", f"the embedded AWS runs only definitions with {PROGRAM}")
        inputs = folder / "inputs.json"
        inputs.write_text(json.dumps({"parameters": run.request.get("parameters", {}), "files": files}))
        process = subprocess.Popen(
            [sys.executable, PROGRAM, str(inputs), str(out)],
            cwd=definition,
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        log = _await(process, run)
        if run.cancelled.is_set():
            raise RunFailedError("CANCELLED", "cancelled")
        if process.returncode:
            lines = log.decode(errors="replace").strip().splitlines() or [f"exit status {process.returncode}"]
            raise RunFailedError("WORKFLOW_RUN_FAILED", lines[-1])
        return log


def _await(process: subprocess.Popen[bytes], run: Run) -> bytes:
    waited = 0.0
    while True:
        try:
            return process.communicate(timeout=POLL)[0]
        except subprocess.TimeoutExpired:
            waited += POLL
            if run.cancelled.is_set() or waited > LONGEST:
                process.kill()
                process.communicate()
                raise RunFailedError("RUN_TIMED_OUT_ERROR", "the run took too long") from None


def _find_uris(value: object) -> Iterator[str]:
    if isinstance(value, str) and URI.fullmatch(value):
        yield value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from _find_uris(member)


def _find_cells(text: str) -> Iterator[str]:
    yield from (cell for row in csv.reader(io.StringIO(text)) for cell in row if URI.fullmatch(cell))


def _download(s3: S3Client, run: Run, uri: str, folder: Path) -> tuple[str, str]:
    location = Location.parse(uri)
    folder.mkdir()
    path = folder / location.key.rsplit("/", 1)[-1]
    try:
        response = s3.get_object(Bucket=location.bucket, Key=location.key)
        path.write_bytes(response["Body"].read())
    except (BotoCoreError, ClientError) as error:
        cause = explain(error, run.request["roleArn"], "s3:GetObject", location)
        raise RunFailedError("IMPORT_FAILED", cause) from error
    return str(path), response["ETag"].strip('"')


def _upload(s3: S3Client, run: Run, path: Path, name: str) -> None:
    location = Location.parse(f"{run.output_uri}/{name}")
    try:
        s3.put_object(Bucket=location.bucket, Key=location.key, Body=path.read_bytes())
    except (BotoCoreError, ClientError) as error:
        cause = explain(error, run.request["roleArn"], "s3:PutObject", location)
        raise RunFailedError("EXPORT_FAILED", cause) from error
