"""The code of a processing job: it examines a file as a Lambda does, and prints its progress to the job's log."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

import seqdrop
from seqdrop.aws import keys
from seqdrop.errors import ObjectGoneError, UnreadableObjectError
from seqdrop.kinds.plans import from_json
from seqdrop.uploads import UploadVersion
from seqdrop.work.examine import ExaminationRequest, examine

if TYPE_CHECKING:
    from seqdrop.work.hashing import Progress

INTERVAL = 60  # seconds between two lines of the log
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})


def run(inputs: Path) -> None:
    """Examine the upload that request.json names, or monitor its subjects. `inputs` is the folder of the job's inputs.

    If the object was deleted or cannot be read, the job still succeeds: validate then finds that out, and withdraws or
    rejects the upload.
    """
    brief = json.loads((inputs / "request" / keys.REQUEST).read_text())
    if "subjects" in brief:  # the same code monitors
        from seqdrop.stages.monitor import container

        return container.run(brief, boto3.client("s3", config=PATIENT))
    version, analysis = UploadVersion(**brief["version"]), from_json(brief["plan"])
    print(f"{version.id}: {version.size / 1e6:,.0f} MB, with {Path(seqdrop.__file__).parent}", flush=True)
    progress = ProgressPrinter(version)
    try:
        s3 = boto3.client("s3", config=PATIENT)
        request = ExaminationRequest(version, analysis, number=brief["number"])
        examination = examine(s3, brief["work"], request, progress.begin)
        result = examination.rejection["code"] if examination.rejection else "valid"
    except (ObjectGoneError, UnreadableObjectError) as error:
        result = str(error)
    finally:
        progress.end()
    print(f"{version.id}: {result}", flush=True)
    message = inputs.parents[1] / "output" / "message"  # DescribeProcessingJob returns its content as ExitMessage
    if message.parent.is_dir():
        message.write_text(result)
    return None


class ProgressPrinter:
    """Prints the progress of a reading from a separate thread. It prints only counts, never content of the file."""

    def __init__(self, version: UploadVersion, interval: float = INTERVAL) -> None:
        self._version, self._interval = version, interval
        self._ended, self._started = threading.Event(), time.monotonic()
        self._reading: Progress | None = None
        self._thread = threading.Thread(target=self._print_lines, daemon=True)

    def begin(self, reading: Progress) -> None:
        """Start to print the progress of a reading."""
        self._reading = reading
        self._thread.start()

    def end(self) -> None:
        """Print a last line and stop."""
        self._ended.set()
        if self._reading:
            self._thread.join()
            self._print_line(self._reading)

    def format_line(self, reading: Progress, seconds: float) -> str:
        """Return a line with the bytes and records that were read in this number of seconds."""
        done, size = reading.digest.size, self._version.size
        rate = done / 1e6 / max(seconds, 0.001)
        share = f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB ({done / max(size, 1):.0%}, {rate:,.1f} MB/s)"
        return f"{self._version.id}: {reading.number:,} records, {share}"

    def _print_line(self, reading: Progress) -> None:
        print(self.format_line(reading, time.monotonic() - self._started), flush=True)

    def _print_lines(self) -> None:
        while self._reading and not self._ended.wait(self._interval):
            self._print_line(self._reading)
