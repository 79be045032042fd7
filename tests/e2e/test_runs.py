"""Files that wait for their run, on a stack whose analyses.toml says so."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, dropped, target_of

pytestmark = pytest.mark.long  # a stack of its own; every order of files and markers is tried by unit tests

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
    ledger = target_of(aws, stack).ledger()
    return SimpleNamespace(
        ledger=ledger,
        put=lambda key, body: dropped(s3, stack.landing, key, body),
        end=lambda *versions: [one.state for one in watch(ledger, list(versions), Console(quiet=True), PATIENCE)],
    )


def until_valid(gated, *versions) -> None:
    """Wait until each file is validated; the gate is no state, so to the command (of another stack) it is PLANNED."""
    from local.testing import wait_for

    wait_for(
        lambda: all((one := gated.ledger.find_upload(v.id)) and one.state == "VALIDATED" for v in versions), timeout=60
    )


def test_files_go_on_when_their_run_is_complete(gated):
    files = [gated.put(key, FASTQ) for key in ("reads/run 7+/L1/a.fastq", "raw/run 7+/b.fastq")]
    until_valid(gated, *files)
    markers = [gated.put(f"{prefix}/run 7+/CopyComplete.txt", b"") for prefix in ("reads", "raw")]
    assert gated.end(*markers, *files) == ["ARCHIVED"] * 4
    landed = {one.id: gated.ledger.find_upload(one.id).timeline for one in (*files, *markers)}
    for file, marker in zip(files, markers, strict=True):
        assert landed[file.id]["VALIDATED"] < landed[marker.id]["RECEIVED"] < landed[file.id]["ARCHIVED"]


def test_files_after_the_marker_go_on_and_a_manifest_counts_them(gated):
    marker = gated.put("raw/run8/final_summary_FAX1_ab.txt", b"done\n")
    assert gated.end(marker, gated.put("raw/run8/a.fastq", FASTQ)) == ["ARCHIVED", "ARCHIVED"]
    entries = [{"name": "a.fastq", "size": len(FASTQ)}, {"name": "deep/b.fastq"}]
    listed = gated.put("raw/run9/seqdrop-manifest.json", json.dumps({"files": entries}).encode())
    first = gated.put("raw/run9/a.fastq", FASTQ)
    until_valid(gated, first)
    assert gated.ledger.find_upload(first.id).state == "VALIDATED"
    assert gated.end(listed, first, gated.put("raw/run9/deep/b.fastq", FASTQ)) == ["ARCHIVED"] * 3
