"""Files are gated until their run is complete, on a stack whose analyses.toml has gates."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, drop_file, make_target

pytestmark = pytest.mark.long  # deploys its own stack; unit tests cover every order of files and markers

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"


@pytest.fixture(scope="module")
def gated(aws, repository, tmp_path_factory):
    """A stack deployed from a copy of the tree whose reads/ and raw/ have the gate."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, tree / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, tree)
    text = (repository / "analyses.toml").read_text()
    for prefix in ('prefix = "reads/"\n', 'prefix = "raw/"\n'):
        assert text.count(prefix) == 1
        text = text.replace(prefix, prefix + 'gate = "run"\n')
    (tree / "layers/seqdrop/seqdrop/analyses.toml").write_text(text)
    stack, s3 = deploy(aws, tree=tree, name="gated"), aws.client("s3")
    ledger = make_target(aws, stack).ledger()
    return SimpleNamespace(
        ledger=ledger,
        put=lambda key, body: drop_file(s3, stack.landing, key, body),
        wait_for_end=lambda *versions: [
            upload.state for upload in watch(ledger, list(versions), Console(quiet=True), PATIENCE)
        ],
    )


def wait_until_valid(gated, *versions) -> None:
    """Wait until each file is validated. The gate is not a state, so their attempts are PLANNED."""
    from local.testing import wait_for

    wait_for(
        lambda: all((upload := gated.ledger.find_upload(v.id)) and upload.state == "VALIDATED" for v in versions),
        timeout=60,
    )


def test_files_advance_when_their_run_is_complete(gated):
    files = [gated.put(key, FASTQ) for key in ("reads/run 7+/L1/a.fastq", "raw/run 7+/b.fastq")]
    wait_until_valid(gated, *files)
    markers = [gated.put(f"{prefix}/run 7+/CopyComplete.txt", b"") for prefix in ("reads", "raw")]
    assert gated.wait_for_end(*markers, *files) == ["ARCHIVED"] * 4
    timelines = {upload.id: gated.ledger.find_upload(upload.id).timeline for upload in (*files, *markers)}
    for file, marker in zip(files, markers, strict=True):
        assert timelines[file.id]["VALIDATED"] < timelines[marker.id]["RECEIVED"] < timelines[file.id]["ARCHIVED"]


def test_files_after_the_marker_advance_and_a_manifest_counts_them(gated):
    marker = gated.put("raw/run8/final_summary_FAX1_ab.txt", b"done\n")
    assert gated.wait_for_end(marker, gated.put("raw/run8/a.fastq", FASTQ)) == ["ARCHIVED", "ARCHIVED"]
    entries = [{"name": "a.fastq", "size": len(FASTQ)}, {"name": "deep/b.fastq"}]
    listed = gated.put("raw/run9/seqdrop-manifest.json", json.dumps({"files": entries}).encode())
    first = gated.put("raw/run9/a.fastq", FASTQ)
    wait_until_valid(gated, first)
    assert gated.ledger.find_upload(first.id).state == "VALIDATED"
    assert gated.wait_for_end(listed, first, gated.put("raw/run9/deep/b.fastq", FASTQ)) == ["ARCHIVED"] * 3
