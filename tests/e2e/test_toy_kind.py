"""One module and one container script add a kind of analysis (GC content) to a copy of the tree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from seqdrop.models.archives import push_archive
from seqdrop_cli.watch import watch

from local.deploy import deploy
from local.testing import make_model_archive
from tests.e2e.conftest import PATIENCE, drop_file, make_target

pytestmark = pytest.mark.long  # deploys its own stack

TOY = Path(__file__).parent / "toy_kind"
ANALYSIS = """
[analyses.gc]
prefix = "gc/"
formats = ["fasta"]
max_gb = 1.0
task = "gc"
model = "gc"
k = 6
window = 10
stride = 5
strands = "+"
max_n_fraction = 1.0
"""
FASTA = b">a first\nGGGGGCCCCCAAAAATTTTT\n>b\nACGTACGTAC\n"
ROWS = [("a", 0, 10, 1.0), ("a", 5, 15, 0.5), ("a", 10, 20, 0.0), ("b", 0, 10, 0.5)]


@pytest.fixture(scope="module")
def toy(aws, repository, tmp_path_factory):
    """A stack deployed from a copy of the tree with the new kind, and its model pushed."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, tree / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, tree)
    analyses = (repository / "analyses.toml").read_text() + ANALYSIS
    (tree / "layers/seqdrop/seqdrop/analyses.toml").write_text(analyses)
    add_kind(tree / "layers/seqdrop/seqdrop/kinds")
    stack, s3 = deploy(aws, tree=tree, name="toy"), aws.client("s3")
    model = make_model_archive({"config.json": "{}", "code/inference.py": (TOY / "inference.py").read_text()})
    push_archive(s3, stack.models, "gc", model, "2026-01-01T00:00:00.000Z")
    return stack


def add_kind(kinds: Path) -> None:
    """Add the module of the kind, and register it: an import and an entry."""
    shutil.copy(TOY / "gc.py", kinds / "gc.py")
    registry = kinds / "registry.py"
    text = registry.read_text().replace("KINDS = Kinds(", "KINDS = Kinds(Gc(), ")
    registry.write_text(
        text.replace("from seqdrop.kinds.keep", "from seqdrop.kinds.gc import Gc\nfrom seqdrop.kinds.keep")
    )


def test_a_dropped_fasta_becomes_a_table_of_the_new_kind(aws, toy):
    s3, target = aws.client("s3"), make_target(aws, toy)
    version = drop_file(s3, toy.landing, "gc/sample.fa", FASTA)
    (upload,) = watch(target.ledger(), [version], Console(quiet=True), PATIENCE)
    assert upload.state == "ARCHIVED", upload.detail
    prefix = f"results/gc/{version.id}/"
    body = s3.get_object(Bucket=toy.results, Key=prefix + "gc.jsonl")["Body"].read()
    rows = [json.loads(line) for line in body.splitlines()]
    assert [(row["record"], row["start"], row["end"], row["gc"]) for row in rows] == ROWS
    summary = json.loads(s3.get_object(Bucket=toy.results, Key=prefix + "summary.json")["Body"].read())
    assert summary["counts"] == {"windows": 4, "scored": 4, "not_scored": {}, "errors": {}}
    assert summary["files"] == ["gc.jsonl", "gc.parquet"]
    assert summary["parameters"]["task"] == "gc"
