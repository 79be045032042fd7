"""A job's checkpoints: downloaded from S3 before it starts, and uploaded while it writes them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from local.sagemaker.inputs import NoInputError, list_inputs
from local.sagemaker.job_errors import JobFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.sagemaker.transfer import Transfer

INTERVAL = 1.0  # seconds between two checks of the folder while the job runs


class Checkpoints:
    """The checkpoint folder of a job; nothing is transferred for a job without a CheckpointConfig."""

    def __init__(self, config: Mapping[str, str] | None, folder: Path, transfer: Transfer) -> None:
        self._uri, self._folder, self._transfer = config["S3Uri"] if config else None, folder, transfer
        self._sent: dict[Path, tuple[int, int]] = {}
        self._ended, self._thread = threading.Event(), threading.Thread(target=self._follow, daemon=True)

    def download(self) -> None:
        """Download the checkpoints of an earlier run, if there are any, and start to upload changes of the folder."""
        self._folder.mkdir(parents=True)
        if self._uri is None:
            return
        source = {"S3DataType": "S3Prefix", "S3Uri": self._uri}
        with contextlib.suppress(NoInputError):  # also raised if the role may not list; a later upload reports that
            for item in list_inputs(self._transfer.s3, source, self._transfer.role, self._transfer.region):
                self._transfer.download(item.location, self._folder / item.relative, self._folder)
        self._sent = self._files()
        self._thread.start()

    def finish(self) -> None:
        """Upload the last changes. Raise JobFailedError if the role may not write them."""
        self._ended.set()
        if self._uri is not None and self._thread.ident:
            self._thread.join()
            self._send()

    def _follow(self) -> None:
        while not self._ended.wait(INTERVAL):
            # `finish` reports failures that persist. Files may appear and disappear during a check.
            with contextlib.suppress(JobFailedError, OSError):
                self._send()

    def _send(self) -> None:
        for path, version in self._files().items():
            if self._sent.get(path) != version:
                self._transfer.upload(path, self._uri, str(path.relative_to(self._folder)))
                self._sent[path] = version

    def _files(self) -> dict[Path, tuple[int, int]]:
        versions = {}
        for path in sorted(self._folder.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    status = path.stat()
                    versions[path] = (status.st_mtime_ns, status.st_size)
        return versions
