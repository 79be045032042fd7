"""Archived raw data comes back on the deployed template: restored, processed again, kept, and downloaded."""

from __future__ import annotations

import hashlib
import html
import json
import re
import urllib.request
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.main import main

from local.testing import wait_for

if TYPE_CHECKING:
    from pathlib import Path

RUN = "restored-run"
FILES = {
    f"contigs/{RUN}/{name}.fasta": f">{name}\n".encode() + b"ACGTTGCATGCCGATC" * (40 + 8 * number) + b"\n"
    for number, name in enumerate(("restored1", "restored2"))
}


@pytest.fixture(scope="module")
def archived(pipeline):
    versions = [pipeline.put(key, body) for key, body in FILES.items()]
    assert [entry.state for entry in pipeline.wait_for_end(*versions)] == ["ARCHIVED"] * 2
    return versions


@pytest.fixture
def command(target, tmp_path, monkeypatch, capsys):
    """Return a function that runs `seqdrop` in a folder with a stack file, as after `make demo KEEP=1`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    target.save()

    def run(*words: object, status: int = 0) -> str:
        outcome = main([str(word) for word in words])
        output = capsys.readouterr()
        assert outcome == status, output
        return output.out + output.err

    return run


def is_asked(pipeline, version) -> bool:
    upload = pipeline.target.ledger().find_upload(version.id)
    return "Restore" in pipeline.s3.head_object(Bucket=pipeline.stack.archive, Key=upload.archive_key)


def wait_until_restored(command, request_id: str) -> dict:
    def find() -> dict | None:
        (request,) = json.loads(command("restore", "--status", request_id, "--json"))
        return request if request["state"] in ("RESTORED", "FAILED") else None

    return wait_for(find, timeout=60, pause=0.3)


@pytest.mark.long  # test_restore_bundles.py restores and processes as well
def test_a_sample_then_a_run_come_back_and_are_processed_again(pipeline, command, archived, mails, tmp_path):
    first, second = archived
    assert "2 files in 2 objects" in command("restore", RUN, "--dry-run")
    assert "are not restored" in command("fetch", "--raw", RUN, status=2)
    assert f"seqdrop restore {RUN} --days 7" in command("share", RUN, status=2)

    asked = json.loads(command("restore", "restored1", "--yes", "--json"))
    assert asked["objects"] == 1
    request = wait_until_restored(command, asked["restore"])
    assert (request["state"], request["back"], is_asked(pipeline, second)) == ("RESTORED", 1, False)
    assert asked["restore"] in mails.wait_for(f"restore {asked['restore']}")["Subject"]

    again = json.loads(command("restore", RUN, "--run", "contigs", "--to", "kept", "--yes", "--json"))
    assert (again["objects"], again["readable"]) == (1, 1)  # the first is restored already
    request = wait_until_restored(command, again["restore"])
    assert (request["state"], request["failures"]) == ("RESTORED", [])

    assert read_shared(command, tmp_path / "page.html") >= {hashlib.sha256(body).hexdigest() for body in FILES.values()}
    command("fetch", "--raw", RUN, "--into", tmp_path / "home")
    assert {key: (tmp_path / "home" / key).read_bytes() for key in FILES} == FILES
    for key, body in FILES.items():
        kept = f"restored/kept/{key.removeprefix('contigs/')}"
        assert pipeline.s3.get_object(Bucket=pipeline.stack.results, Key=kept)["Body"].read() == body

    repeats = wait_for(lambda: find_repeats(pipeline, archived), timeout=90, pause=0.5)
    for original, repeat in repeats.items():
        results = [read_summary(pipeline, upload_id) for upload_id in (original, repeat)]
        assert results[0]["counts"] == results[1]["counts"]
    landing = pipeline.s3.list_objects_v2(Bucket=pipeline.stack.landing, Prefix=f"contigs/{RUN}/")
    assert landing["KeyCount"] == 0
    assert first.id != second.id


def read_shared(command, page: Path) -> set[str]:
    """Share the run; return the SHA-256 of what each link of the page gives, which the page has as well."""
    assert "links work until" in command("share", RUN, "--days", "1", "--for", "a friend", "--to", page)
    assert "a friend" in command("share", "--list")
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.read_text())]
    digests = {hashlib.sha256(urllib.request.urlopen(link).read()).hexdigest() for link in links}
    assert all(digest in page.read_text() for digest in digests)
    return digests


def find_repeats(pipeline, archived) -> dict[str, str]:
    """Return the id of the upload that was processed again, by that of its original; {} before all have ended."""
    ids = {version.id for version in archived}
    ledger = pipeline.target.ledger()
    repeats = {
        upload.duplicate_of: upload.id
        for upload in ledger.in_state("upload", "DUPLICATE")
        if upload.duplicate_of in ids
    }
    return repeats if len(repeats) == len(ids) else {}


def read_summary(pipeline, upload_id: str) -> dict:
    key = f"results/contigs/{upload_id}/summary.json"
    return json.loads(pipeline.s3.get_object(Bucket=pipeline.stack.results, Key=key)["Body"].read())
