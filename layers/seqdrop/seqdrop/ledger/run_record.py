"""The record of a sequencer run, and of its folder in the landing bucket."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

from seqdrop.ledger.moves import RUN
from seqdrop.ledger.records import Record
from seqdrop.uploads import ID_LENGTH


def run_id(bucket: str, folder: str) -> str:
    """Return the first 26 characters of the base32 SHA-256 of bucket and folder (A-Z, 2-7)."""
    digest = hashlib.sha256(f"{bucket}\0{folder}".encode()).digest()
    return base64.b32encode(digest).decode()[:ID_LENGTH]


@dataclass(frozen=True)
class Run(Record):
    """A run: the first folder below the prefix of an analysis with `gate = "run"`.

    `number` is the revision of the run: it grows when files arrive for it after it was complete, such as a second
    on-board analysis. `files`, `bytes` and the samples are those that the last complete part had. Paths in `complete`
    and `checked` are below the folder.
    """

    id: str = ""
    bucket: str = ""
    folder: str = ""  # key of the folder in the landing bucket; it ends in a slash
    analysis: str = ""
    number: int = 1
    instrument: str = ""  # row of runs/instruments.toml; "" if it is not recognised
    instrument_name: str = ""  # of that row, for people
    flow_cell: str = ""
    complete: list[str] = field(default_factory=list)  # folders whose files advance; "" is the run itself
    opening: list[str] = field(default_factory=list)  # complete folders whose files are not all enqueued yet
    cause: str = ""  # why the run is in its state, for people
    due_at: str = ""  # when it is judged again even if no file arrives; "" if only a file can change the verdict
    silent_at: str = ""  # when the lab was notified that no file arrives any more
    failed_at: str = ""  # when the lab was notified that the instrument reports a failure
    reported_at: str = ""  # when an invocation began to send the mail of the archived run
    checked: str = ""  # SHA-256 of the sample sheet that was checked last
    files: int = 0
    bytes: int = 0
    usd_least: str = ""  # US dollars that the archive of the run costs at least (stages/runs/costs.py)
    samples: int = 0
    missing_samples: int = 0
    samples_passed: int = 0  # samples by verdict (runs/verdicts.py), of the last complete part with samples
    samples_warned: int = 0
    samples_failed: int = 0
    rejected: int = 0

    kind: ClassVar[str] = RUN

    @property
    def keys(self) -> dict[str, str]:
        """The run's primary key."""
        return run_keys(self.id)

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.rstrip("/").rpartition("/")[2]

    def key_of(self, name: str) -> str:
        """Return the landing key of a file, by its path below the folder."""
        return self.folder + name

    def releases(self, key: str) -> bool:
        """Return True if the file with this landing key may advance: one of its folders is complete.

        A part of the run, such as a flow cell, may be added after the run was complete. Its files wait for the part.
        """
        # The rules of instruments take 20 ms to import, and few records are runs.
        from seqdrop.runs.names import gate_folders
        from seqdrop.runs.parts import part_folder

        name = key.removeprefix(self.folder)
        folders = {*gate_folders(name)}
        if part_folder(self.instrument, self.name, name):
            folders.discard("")
        return not folders.isdisjoint(self.complete)

    @classmethod
    def of_folder(cls, bucket: str, folder: str, analysis: str) -> Run:
        """Return the new run of a folder."""
        return cls("SEQUENCING", id=run_id(bucket, folder), bucket=bucket, folder=folder, analysis=analysis)


def run_keys(run: str) -> dict[str, str]:
    """Return the primary key of the run with this id."""
    return {"pk": f"SEQUENCER_RUN#{run}", "sk": "SEQUENCER_RUN"}
