"""The work of an execution, with the permissions of the locations' roles and nothing else.

The phases follow each other, also in ENHANCED mode, where the service does them at the same time.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import logging
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.datasync.errors import TransferError
from local.datasync.filters import is_included
from local.datasync.places import File, Prefix, Share
from local.datasync.records import Location
from local.datasync.reports import Journal, write_report
from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.datasync.controls import Controls
    from local.datasync.places import Source
    from local.datasync.records import Execution, Store, Task
    from local.sagemaker.roles import Roles

logger = logging.getLogger("local.datasync")
STARTED = 1.0  # seconds that a launch takes at least: files of an execution are younger than the end of the one before


@dataclass(frozen=True)
class Planned:
    """A file to copy. `version` is that of the manifest; "" for the current one."""

    file: File
    version: str = ""


class Runner:
    """Runs the executions of each task one after the other, in a thread of the task."""

    def __init__(self, store: Store, roles: Roles, controls: Controls, announce: Callable[[Execution], None]) -> None:
        self._store, self._roles, self._controls, self._announce = store, roles, controls, announce
        self._busy: set[str] = set()

    def start(self, task: Task) -> None:
        """Run the executions of a task that have not ended; return at once."""
        with self._store.lock:
            if task.arn in self._busy:
                return
            self._busy.add(task.arn)
        threading.Thread(target=self._run_all, args=(task,), name="datasync", daemon=True).start()

    def _run_all(self, task: Task) -> None:
        while True:
            with self._store.lock:
                if not task.open_executions:
                    self._busy.discard(task.arn)
                    return
                execution = task.open_executions[0]
            self._run(execution)

    def _run(self, execution: Execution) -> None:
        journal, error = Journal(), None
        try:
            Transfer(self, execution, journal).run()
        except TransferError as problem:
            error = problem
        except (BotoCoreError, ClientError, OSError) as problem:
            error = TransferError("TransferFailed", str(problem))
        except Exception as problem:
            logger.exception("execution %s", execution.name)
            error = TransferError("InternalError", repr(problem))
        self._end(execution, journal, error)

    def _end(self, execution: Execution, journal: Journal, error: TransferError | None) -> None:
        if error is None and sum(execution.failed.values()):
            error = TransferError("PartialTransfer", "Some files were not transferred; the task report names them.")
        execution.ended = time.time()
        execution.result = {"TotalDuration": int((execution.ended - execution.created) * 1000)}
        if error is not None:
            execution.result |= {"ErrorCode": error.code, "ErrorDetail": error.detail}
        if execution.setting("TaskReportConfig"):
            self._report(execution, journal)
        self.move(execution, "ERROR" if error else "SUCCESS")

    def _report(self, execution: Execution, journal: Journal) -> None:
        role = execution.setting("TaskReportConfig")["Destination"]["S3"]["BucketAccessRoleArn"]
        try:
            write_report(self.client(role, execution), execution, journal)
            execution.report = {"Status": "SUCCESS"}
        except (TransferError, BotoCoreError, ClientError) as problem:
            execution.report = {"Status": "ERROR", "ErrorCode": "ReportFailed", "ErrorDetail": str(problem)}

    def move(self, execution: Execution, state: str) -> None:
        """Set the state of an execution and announce it. Raise TransferError if it was cancelled meanwhile."""
        if execution.cancelled.is_set() and state not in ("SUCCESS", "ERROR"):
            raise TransferError("Cancelled", "The task execution was cancelled.")
        with self._store.lock:
            execution.state = state
        self._announce(execution)

    def client(self, role: str, execution: Execution) -> object:
        """Return a client of S3 with the keys of a role. Raise TransferError if DataSync may not assume it."""
        try:
            self._roles.check_trust(role)
        except ValidationError as problem:
            raise TransferError("AssumeRoleFailed", problem.message) from problem
        return self._roles.client("s3", self._roles.credentials(role, execution.name), execution.region)

    def find_location(self, end: str, execution: Execution) -> Location:
        """Return the location of an execution's source or destination, by the name of the task's member."""
        return self._store.find(Location, execution.task.request[end], (execution.account, execution.region))

    def open(self, end: str, execution: Execution) -> Source:
        """Return the place of an execution's source or destination."""
        location = self.find_location(end, execution)
        if location.kind == "S3":
            role = location.request["S3Config"]["BucketAccessRoleArn"]
            bucket = location.request["S3BucketArn"].rpartition(":")[2]
            prefix = location.request.get("Subdirectory", "").strip("/")
            return Prefix(self.client(role, execution), bucket, f"{prefix}/" if prefix else "")
        folder = self._controls.shares.get(location.uri)
        if folder is None or not Path(folder).is_dir():
            raise TransferError("MountFailed", f"The agent could not mount {location.uri}.")
        return Share(Path(folder))

    @property
    def controls(self) -> Controls:
        """What tests have ordered."""
        return self._controls


class Transfer:
    """The phases of one execution."""

    def __init__(self, runner: Runner, execution: Execution, journal: Journal) -> None:
        self._runner, self._execution, self._journal = runner, execution, journal
        self._hashes: dict[str, str] = {}

    def run(self) -> None:
        """Copy what differs, and verify it. Raise TransferError if the execution cannot continue."""
        execution, controls = self._execution, self._runner.controls
        execution.launched = time.time()
        self._runner.move(execution, "LAUNCHING")
        execution.cancelled.wait(STARTED)
        if failure := controls.take_failure():
            raise TransferError("TransferFailed", failure)
        source = self._runner.open("SourceLocationArn", execution)
        target = self._runner.open("DestinationLocationArn", execution)
        self._runner.move(execution, "PREPARING")
        planned = [each for each in self._plan(source) if self._differs(each, target)]
        self._estimate(planned)
        self._runner.move(execution, "TRANSFERRING")
        controls.wait_while_held(execution.cancelled)
        copied = [each for each in planned if self._copy(each, source, target)]
        self._delete_others(source, target)
        if execution.options["VerifyMode"] != "NONE":
            self._runner.move(execution, "VERIFYING")
            for each in copied:
                self._verify(each, target)

    def _plan(self, source: Source) -> Iterator[Planned]:
        """Yield the files that the manifest names, or that the filters let pass."""
        includes, excludes = self._execution.setting("Includes"), self._execution.setting("Excludes")
        names = self._read_manifest()
        missing = set(names or ())
        for file in source.list():
            if names is not None and file.path not in names:
                continue
            missing.discard(file.path)
            self._execution.count("FilesListed")
            if is_included(f"/{file.path}", includes, excludes):
                yield Planned(file, names[file.path] if names else "")
        for path in sorted(missing):
            self._fail("Prepare", File(path, 0, 0), "The file of the manifest was not found in the source.")

    def _read_manifest(self) -> dict[str, str] | None:
        """Return the version ids by path; None without a manifest."""
        config = self._execution.setting("ManifestConfig")
        if not config:
            return None
        target = config["Source"]["S3"]
        bucket = target["S3BucketArn"].rpartition(":")[2]
        s3 = self._runner.client(target["BucketAccessRoleArn"], self._execution)
        body, _ = Prefix(s3, bucket, "").open(target["ManifestObjectPath"], target.get("ManifestObjectVersionId", ""))
        rows = [row for row in csv.reader(io.TextIOWrapper(io.BytesIO(body.read()), "utf-8")) if row]
        if not rows:
            raise TransferError("ManifestEmpty", "The manifest lists no files.")
        return {row[0]: row[1] if len(row) > 1 else "" for row in rows}

    def _differs(self, planned: Planned, target: Prefix) -> bool:
        """Return True if a file must be copied: it is not at the destination, or differs, or all are to be copied."""
        options = self._execution.options
        there = None if options["TransferMode"] == "ALL" else target.find(planned.file.path)
        if there is None:
            return True
        is_same = there.size == planned.file.size and there.modified >= int(planned.file.modified)
        if is_same or options["OverwriteMode"] == "NEVER":
            self._execution.count("FilesSkipped")
            self._journal.note("Skipped", planned.file.path, planned.file.size)
            return False
        return True

    def _estimate(self, planned: list[Planned]) -> None:
        self._execution.count("FilesPrepared", len(planned))
        self._execution.count("EstimatedFilesToTransfer", len(planned))
        self._execution.count("EstimatedBytesToTransfer", sum(each.file.size for each in planned))

    def _copy(self, planned: Planned, source: Source, target: Prefix) -> bool:
        """Copy a file; return False if that failed, which does not end the execution."""
        file = planned.file
        if self._execution.cancelled.is_set():
            raise TransferError("Cancelled", "The task execution was cancelled.")
        try:
            self._runner.controls.check_file(file.path)
            with tempfile.TemporaryFile() as body:
                digest, metadata = self._read(planned, source, body)
                target.write(file.path, body, metadata, self._storage_class())
        except (OSError, BotoCoreError, ClientError) as problem:
            self._fail("Transfer", file, str(problem))
            return False
        self._hashes[file.path] = digest
        for name, number in (("FilesTransferred", 1), ("BytesTransferred", file.size), ("BytesWritten", file.size)):
            self._execution.count(name, number)
        self._journal.note("Transferred", file.path, file.size)
        return True

    def _read(self, planned: Planned, source: Source, body: io.IOBase) -> tuple[str, dict[str, str]]:
        content, metadata = source.open(planned.file.path, planned.version)
        digest, limit = hashlib.sha256(), self._execution.options["BytesPerSecond"]
        for block in iter(lambda: content.read(1 << 20), b""):
            digest.update(block)
            body.write(block)
            if limit > 0:
                self._execution.cancelled.wait(len(block) / limit)
        content.close()
        body.seek(0)
        return digest.hexdigest(), metadata

    def _storage_class(self) -> str:
        location = self._runner.find_location("DestinationLocationArn", self._execution)
        return location.request.get("S3StorageClass", "STANDARD")

    def _verify(self, planned: Planned, target: Prefix) -> None:
        """Compare the bytes at the destination with those that were read."""
        file = planned.file
        try:
            body, _ = target.open(file.path)
            digest = hashlib.sha256()
            for block in iter(lambda: body.read(1 << 20), b""):
                digest.update(block)
        except (BotoCoreError, ClientError) as problem:
            self._fail("Verify", file, str(problem))
            return
        if digest.hexdigest() != self._hashes[file.path]:
            self._fail("Verify", file, "The checksums of source and destination differ.")
            return
        self._execution.count("FilesVerified")
        self._journal.note("Verified", file.path, file.size)

    def _delete_others(self, source: Source, target: Prefix) -> None:
        if self._execution.options["PreserveDeletedFiles"] != "REMOVE":
            return
        names = {file.path for file in source.list()}
        for file in itertools.filterfalse(lambda file: file.path in names, list(target.list())):
            target.delete(file.path)
            self._execution.count("FilesDeleted")
            self._journal.note("Deleted", file.path, file.size)

    def _fail(self, phase: str, file: File, reason: str) -> None:
        self._execution.count_failure(phase)
        name = {"Verify": "Verified"}.get(phase, "Transferred")
        self._journal.note(name, file.path, file.size, reason)
