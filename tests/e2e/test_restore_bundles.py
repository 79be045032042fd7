"""A run whose small files the archive has bundled comes back bit for bit, and a sample of it without the bundle."""

from __future__ import annotations

import json
import random

import pytest

from local.testing import wait_for
from tests.e2e.test_restore import command, wait_until_restored  # noqa: F401 # a fixture

RUN = "bundled-run"
FOLDER = f"runs/{RUN}/"
SOURCE = random.Random(18)
LOGS = {f"{FOLDER}Logs/cycle-{number:02}.log": SOURCE.randbytes(500 + number) for number in range(20)}
SAMPLES = {
    f"{FOLDER}{name}.fasta": f">{name}\n".encode() + b"ACGTTGCATGCCGATC" * (40 + 8 * number) + b"\n"
    for number, name in enumerate(("S1", "S2"))
}
MARKER = f"{FOLDER}seqdrop-complete.txt"


@pytest.fixture(scope="module")
def archived(pipeline) -> dict[str, object]:
    """The uploads of a run that was dropped file by file, by landing key."""
    files = {**LOGS, **SAMPLES, MARKER: b""}
    versions = [pipeline.put(key, body) for key, body in files.items()]
    ledger = pipeline.target.ledger()

    def find() -> dict[str, object] | None:
        uploads = [ledger.find_upload(version.id) for version in versions]
        is_done = all(upload and upload.state == "ARCHIVED" for upload in uploads)
        return {upload.key: upload for upload in uploads} if is_done else None

    return wait_for(find, timeout=150, pause=0.5)


def is_asked(pipeline, upload) -> bool:
    return "Restore" in pipeline.s3.head_object(Bucket=pipeline.stack.archive, Key=upload.archive_key)


@pytest.mark.long
def test_a_bundled_run_comes_back_and_is_processed(pipeline, command, archived, tmp_path):  # noqa: F811
    tars = {archived[key].archive_key for key in LOGS}
    assert len(tars) == 1
    assert next(iter(tars)).endswith(".tar")
    assert not tars & {archived[key].archive_key for key in SAMPLES}

    asked = json.loads(command("restore", f"{FOLDER}S1.fasta", "--yes", "--json"))
    assert asked["objects"] == 1
    assert wait_until_restored(command, asked["restore"])["state"] == "RESTORED"
    assert [is_asked(pipeline, archived[key]) for key in (*SAMPLES, next(iter(LOGS)))] == [True, False, False]

    again = json.loads(command("restore", RUN, "--run", "contigs", "--yes", "--json"))
    assert (again["objects"], again["readable"]) == (2, 1)  # the tar and S2; S1 is restored already
    request = wait_until_restored(command, again["restore"])
    assert (request["state"], request["failures"]) == ("RESTORED", [])

    command("fetch", "--raw", RUN, "--into", tmp_path / "home")
    files = {**LOGS, **SAMPLES, MARKER: b""}
    assert {key: (tmp_path / "home" / key).read_bytes() for key in files} == files

    wait_for(lambda: has_results(pipeline, archived), timeout=90, pause=0.5)


def has_results(pipeline, archived) -> bool:
    """Return True if each sample was processed again, ended as DUPLICATE of its original, and has results."""
    repeats = [
        upload
        for upload in pipeline.target.ledger().in_state("upload", "DUPLICATE")
        if upload.duplicate_of in {archived[key].id for key in SAMPLES}
    ]
    names = [f"results/contigs/{upload.id}/summary.json" for upload in repeats]
    counts = [pipeline.s3.list_objects_v2(Bucket=pipeline.stack.results, Prefix=name)["KeyCount"] for name in names]
    return len(repeats) == len(SAMPLES) and all(counts)
