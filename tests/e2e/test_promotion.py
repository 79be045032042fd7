"""A lab that trusts all who drop a training: a model that passes its gate becomes current without a person."""

from __future__ import annotations

import random
import shutil

import pytest
from rich.console import Console
from seqdrop_cli.watch import watch

from local.deploy import deploy
from local.proteins import encode_data_set, make_proteins
from tests.e2e.conftest import PATIENCE, drop_file, make_target
from tests.e2e.test_training import JOB, POINTER, read_json

pytestmark = pytest.mark.long  # deploys its own stack

CAUTIOUS = "[analyses.proteins.promotion]\npromotes = false "
TRUSTING = "[analyses.proteins.promotion]\nany_test = true\npromotes = true "


@pytest.fixture(scope="module")
def trusting(aws, repository, tmp_path_factory):
    """A stack with TrainingPromotes, from a copy of the tree whose analyses.toml promotes."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, tree / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, tree)
    text = (repository / "analyses.toml").read_text()
    assert CAUTIOUS in text
    (tree / "layers/seqdrop/seqdrop/analyses.toml").write_text(text.replace(CAUTIOUS, TRUSTING))
    return deploy(aws, tree=tree, name="trusting", TrainingPromotes="true")


def test_a_model_that_passes_the_gate_becomes_the_current_one(aws, trusting):
    s3, target = aws.client("s3"), make_target(aws, trusting)
    seed = read_json(s3, trusting.models, POINTER)
    drops = encode_data_set(make_proteins(random.Random(5)), JOB)
    versions = [drop_file(s3, trusting.landing, f"training/demo/{name}", body) for name, body in drops.items()]
    uploads = watch(target.ledger(), versions, Console(quiet=True), PATIENCE)
    assert [(upload.state, upload.detail) for upload in uploads] == [("ARCHIVED", "")] * 4
    head = next(upload for upload in uploads if upload.key.endswith("job.toml"))
    summary = read_json(s3, trusting.results, f"results/training/{head.upload_id}/summary.json")
    assert (summary["current"], summary["passed"], summary["promote"]) == (True, True, ""), summary["why"]
    pointer = read_json(s3, trusting.models, POINTER)
    assert (pointer["current"]["version"], pointer["current"]["by"]) == (summary["version"], "gate")
    assert pointer["history"] == [seed["current"], *seed["history"]]
