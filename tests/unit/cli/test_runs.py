"""Runs: where their markers are dropped, and what is shown for a file that waits for its marker."""

import io

import pytest
from rich.console import Console
from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli import progress as module
from seqdrop_cli.landing import plan_drops
from seqdrop_cli.progress import read_progress
from seqdrop_cli.watch import explain_waiting, watch

from tests.unit.stages.marked_runs import gated

KEY = "reads/run 7/L1/a.fastq"


@pytest.fixture
def upload(ledger, monkeypatch) -> Upload:
    """A valid file under a gated prefix."""
    monkeypatch.setattr(module, "packaged", lambda: gated("reads"))
    version = UploadVersion("landing", KEY, "v", 7, "e")
    ledger.create(Upload.from_version(version, "reads", "reads/"))
    ledger.move(ledger.find_upload(version.id), "VALIDATED", Attempt("PLANNED", upload_id=version.id, analysis="reads"))
    return ledger.find_upload(version.id)


def test_watching_ends_at_a_file_that_waits_for_its_run_and_says_why(ledger, upload):
    console = Console(file=io.StringIO(), width=200)
    (progress,) = watch(ledger, [upload.version], console, patience=60)
    assert (progress.state, progress.is_final, progress.steps) == ("WAITING", False, ("done", "waiting", "waiting"))
    assert "for the marker of its run, in reads/run 7/" in console.file.getvalue()
    (sentence,) = explain_waiting([progress])
    assert "aws s3api put-object --bucket landing --key 'reads/run 7/CopyComplete.txt'" in sentence


def test_a_file_of_an_open_run_does_not_wait(ledger, upload):
    ledger.save(FileSet("runs", "landing/reads/run 7/", facts={"opened_at": "2026"}))
    progress = read_progress(ledger, upload.id, KEY, 7)
    assert (progress.state, progress.is_gated, progress.waits_for) == ("PLANNED", False, "")


def test_a_manifest_waits_for_the_files_that_it_lists(ledger, upload):
    version = UploadVersion("landing", "reads/run 7/seqdrop-manifest.json", "v", 7, "e")
    ledger.create(Upload.from_version(version, "reads", "reads/"))
    ledger.move(ledger.find_upload(version.id), "WAITING")
    progress = read_progress(ledger, version.id, version.key, 7)
    assert (progress.waits_for, progress.detail) == ("reads/run 7/", "for files that it lists")
    assert "waits for files that it lists" in explain_waiting([progress])[0]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run7"
    for name, body in (
        ("CopyComplete.txt", ""),
        ("L1/a.fastq", "@r\nA\n+\nI\n"),
        ("L1/b.fa", ">r\nA\n"),
        ("L2/RTAComplete.txt", ""),
        ("L2/c.fastq", "@r\nA\n+\nI\n"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(body)
    return folder


def test_markers_are_dropped_last_under_each_prefix_of_their_files_those_of_inner_folders_first(run):
    assert [drop.key for drop in plan_drops([run], to="auto")] == [
        "reads/run7/L1/a.fastq",
        "contigs/run7/L1/b.fa",
        "reads/run7/L2/c.fastq",
        "reads/run7/L2/RTAComplete.txt",
        "contigs/run7/CopyComplete.txt",
        "reads/run7/CopyComplete.txt",
    ]


@pytest.mark.parametrize("prefix", ["raw", None])
def test_a_marker_is_dropped_last_under_the_prefix_of_its_files(run, prefix):
    keys = [drop.key for drop in plan_drops([run], prefix)]
    assert keys[-2:] == ["raw/run7/L2/RTAComplete.txt", "raw/run7/CopyComplete.txt"]
    assert len(keys) == 5


def test_a_folder_with_markers_only_is_raw_data(tmp_path):
    (tmp_path / "run7").mkdir()
    (tmp_path / "run7" / "CopyComplete.txt").write_text("")
    assert [drop.key for drop in plan_drops([tmp_path / "run7"])] == ["raw/run7/CopyComplete.txt"]
