"""What runs inside a processing job: the same pass as in a Lambda, and lines in the log that tell how far it is."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import boto3
from botocore.config import Config

import seqdrop
from seqdrop.aws import keys
from seqdrop.errors import ObjectGoneError
from seqdrop.kinds.plans import from_json
from seqdrop.uploads import UploadVersion
from seqdrop.work.examine import ExaminationRequest, examine

EVERY = 60  # seconds between two lines
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})


def run(inputs: Path) -> None:
    """Examine the upload that request.json names. An object that is gone is for validate to find, not a failure."""
    told = json.loads((inputs / "request" / keys.REQUEST).read_text())
    version, analysis = UploadVersion(**told["version"]), from_json(told["plan"])
    print(f"{version.id}: {version.size / 1e6:,.0f} MB, by {Path(seqdrop.__file__).parent}", flush=True)
    teller = ProgressPrinter(version)
    try:
        s3 = boto3.client("s3", config=PATIENT)
        request = ExaminationRequest(version, analysis, number=told["number"])
        found = examine(s3, told["work"], request, teller.begin)
        said = found.rejection["code"] if found.rejection else "valid"
    except ObjectGoneError as error:
        said = str(error)
    finally:
        teller.end()
    print(f"{version.id}: {said}", flush=True)
    message = inputs.parents[1] / "output" / "message"  # what DescribeProcessingJob tells as ExitMessage
    if message.parent.is_dir():
        message.write_text(said)


class ProgressPrinter:
    """Prints how far a reading has come, from a thread of its own: counts, and nothing of what was read."""

    def __init__(self, version: UploadVersion, every: float = EVERY):
        self._version, self._every = version, every
        self._ended, self._started = threading.Event(), time.monotonic()
        self._reading, self._thread = None, threading.Thread(target=self._tell, daemon=True)

    def begin(self, reading) -> None:
        self._reading = reading
        self._thread.start()

    def end(self) -> None:
        """Stop, with a last line."""
        self._ended.set()
        if self._reading:
            self._thread.join()
            print(self.line(time.monotonic() - self._started), flush=True)

    def line(self, seconds: float) -> str:
        done, size = self._reading.digest.size, self._version.size
        rate = done / 1e6 / max(seconds, 0.001)
        share = f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB ({done / max(size, 1):.0%}, {rate:,.1f} MB/s)"
        return f"{self._version.id}: {self._reading.number:,} records, {share}"

    def _tell(self) -> None:
        while not self._ended.wait(self._every):
            print(self.line(time.monotonic() - self._started), flush=True)
