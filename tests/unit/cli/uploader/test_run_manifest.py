"""The manifest of a run: sent last, once, and only if the run is complete and all its files are in S3."""

from __future__ import annotations

import hashlib
import json
import zlib

import pytest

from tests.unit.cli.uploader.scripted_s3 import refusal


def key_of(run) -> str:
    return f"runs/{run.name}/seqdrop-manifest.json"


def read_manifest(s3, run) -> dict[str, dict]:
    (version,) = s3.versions[key_of(run)]
    return {entry["name"]: entry for entry in json.loads(version["body"])["files"]}


def paths_of(run) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_it_lists_each_file_with_its_checksums(stack, s3, run, seqdrop):
    outcome = seqdrop("upload", run, "--no-bundles")
    assert "seqdrop-manifest.json was sent last" in outcome.err
    entries = read_manifest(s3, run)
    assert set(entries) == set(paths_of(run))
    for name, body in paths_of(run).items():
        listed = {"name": name, "size": len(body), "crc32": f"{zlib.crc32(body):08x}"}
        assert entries[name] == listed | {"sha256": hashlib.sha256(body).hexdigest()}


def test_it_lists_the_files_inside_bundles(stack, s3, run, seqdrop):
    for number in range(20):
        (run / "Data" / f"{number}.log").write_bytes(b"%d" % number)
    seqdrop("upload", run)
    assert any(key.endswith(".tar") for key in s3.versions)
    assert read_manifest(s3, run)["Data/3.log"] == {"name": "Data/3.log", "size": 1}
    assert set(read_manifest(s3, run)) == set(paths_of(run))


def test_it_is_not_sent_twice(stack, s3, run, seqdrop):
    seqdrop("upload", run)
    outcome = seqdrop("upload", run)
    assert "seqdrop-manifest.json" not in outcome.err
    assert len(s3.versions[key_of(run)]) == 1


@pytest.mark.parametrize("missing", ["CopyComplete.txt", "RTAComplete.txt"])
def test_a_run_that_still_grows_has_none(stack, s3, run, seqdrop, missing):
    (run / missing).unlink()
    assert seqdrop("upload", run).status == 0
    assert key_of(run) not in s3.versions
    (run / missing).touch()
    assert seqdrop("upload", run).status == 0
    assert set(read_manifest(s3, run)) == set(paths_of(run))


def test_a_run_with_a_file_that_failed_has_none(stack, s3, run, seqdrop):
    def refuse(operation, arguments):
        if arguments.get("Key", "").endswith("L001.cbcl"):
            raise refusal(operation, "KeyTooLongError")

    s3.before = refuse
    assert seqdrop("upload", run).status == 1
    assert key_of(run) not in s3.versions


def test_a_folder_of_an_unknown_instrument_has_one_because_a_person_sends_it_as_a_run(stack, s3, tmp_path, seqdrop):
    folder = tmp_path / "my run"
    folder.mkdir()
    (folder / "notes.txt").write_text("text")
    assert seqdrop("upload", folder, "--run").status == 0
    assert set(read_manifest(s3, folder)) == {"notes.txt"}
