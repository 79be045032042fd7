"""The canary is followed to its end, and its bytes and key never change."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from seqdrop.uploads import UploadVersion
from seqdrop_cli.doctor import canary


class Clock:
    """Each sleep passes its seconds."""

    def __init__(self):
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def drop(monkeypatch):
    """Return a function that drops the canary; its record has these states, one after another."""
    bodies = []

    def upload(_s3, bucket, item) -> UploadVersion:
        bodies.append((item.key, item.path.read_bytes()))
        return UploadVersion(bucket, item.key, "v", 1, "e")

    def run(*states: str | None):
        records = [state and SimpleNamespace(state=state) for state in states]
        ledger = SimpleNamespace(find_upload=lambda _: records.pop(0) if len(records) > 1 else records[0])
        target = SimpleNamespace(landing="landing", client=lambda _: None, ledger=lambda: ledger)
        monkeypatch.setattr(canary, "time", Clock())
        (finding,) = canary.check_canary(SimpleNamespace(target=target))
        return finding

    monkeypatch.setattr(canary, "upload_file", upload)
    run.bodies = bodies
    return run


@pytest.mark.parametrize("end", ["ARCHIVED", "DUPLICATE"])
def test_a_canary_that_is_archived_or_repeated_is_fine(drop, end):
    finding = drop(None, "RECEIVED", "VALIDATED", end)
    assert (finding.status, f"is {end} after 6 s" in finding.text) == ("ok", True)


@pytest.mark.parametrize("end", ["REJECTED", "WITHDRAWN", "RECEIVED", None])
def test_any_other_end_fails(drop, end):
    finding = drop(end)
    assert finding.status == "failed"
    assert (end or "not in the ledger") in finding.text


def test_the_canary_is_always_the_same_file(drop):
    drop("ARCHIVED")
    drop("DUPLICATE")
    (first, second) = drop.bodies
    assert first == second
    assert first[0] == "raw/seqdrop-doctor/canary.fastq"
    assert hashlib.sha256(first[1]).hexdigest()[:8] == "034a8f33"
