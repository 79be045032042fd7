"""A job's checkpoints: brought from S3 before it starts, and sent there as they are written."""

import contextlib
import threading
from pathlib import Path

from local.sagemaker.ends import JobFailedError
from local.sagemaker.inputs import NoInputError, input_objects
from local.sagemaker.transfer import Transfer

EVERY = 1.0  # seconds between two looks at the folder, while the job runs


class Checkpoints:
    """The folder of one job; nothing happens for a job that asked for none."""

    def __init__(self, config: dict | None, folder: Path, transfer: Transfer):
        self._uri, self._folder, self._transfer = config["S3Uri"] if config else None, folder, transfer
        self._sent: dict[Path, tuple[int, int]] = {}
        self._ended, self._thread = threading.Event(), threading.Thread(target=self._follow, daemon=True)

    def bring(self) -> None:
        """What an earlier run left; none is no error."""
        self._folder.mkdir(parents=True)
        if self._uri is None:
            return
        source = {"S3DataType": "S3Prefix", "S3Uri": self._uri}
        with contextlib.suppress(NoInputError):  # also of a role that may not list, which sending will tell
            for item in input_objects(self._transfer.s3, source, self._transfer.role, self._transfer.region):
                self._transfer.download(item.location, self._folder / item.relative, self._folder)
        self._sent = self._files()
        self._thread.start()

    def end(self) -> None:
        """Send what was written last. Raises JobFailedError where the role may not write."""
        self._ended.set()
        if self._uri is not None and self._thread.ident:
            self._thread.join()
            self._send()

    def _follow(self) -> None:
        while not self._ended.wait(EVERY):
            with contextlib.suppress(
                JobFailedError, OSError
            ):  # told at the end; files come and go while they are looked at
                self._send()

    def _send(self) -> None:
        for path, seen in self._files().items():
            if self._sent.get(path) != seen:
                self._transfer.upload(path, self._uri, str(path.relative_to(self._folder)))
                self._sent[path] = seen

    def _files(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in sorted(self._folder.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    about = path.stat()
                    found[path] = (about.st_mtime_ns, about.st_size)
        return found
