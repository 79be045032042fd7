"""train.py of the protein models, started by SageMaker's own training toolkit, in one process and in two.

`make training-toolkit` makes the environment, which has transformers 4.57: the other major version that the model
code must run on.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.deploy.training_code import pack_program

from tests.contract.training_toolkit import Job, python_of
from tests.unit.model_code.protein import data, published

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long
TOLD = {"epochs": "6", "tokens_per_batch": "300", "learning_rate": "0.01", "patience": "0", "max_length": "60"}
SEVERAL = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": '"ml.g5.12xlarge"'}


@pytest.fixture(scope="module")
def job(repository, tmp_path_factory):
    """A job of that model and so many GPUs, told more."""
    python = python_of(repository)
    root = tmp_path_factory.mktemp("training")
    channels = {"data": data.write(root / "data", data.proteins(32), same=True)}
    channels["model"] = published.write(root / "model", "prot_t5_xl_uniref50", published.SMALL_T5, files=2)

    def make(name: str, gpus: int = 0, **told: str) -> Job:
        code = pack_program(repository / "model_code/protein")
        return Job(python, root / name, code, channels, TOLD | {"model": "prott5", **told}, gpus)

    return make


def losses(job: Job) -> list[float]:
    words = [dict(word.split("=") for word in line.split()[1:]) for line in job.lines("progress")]
    return [float(one["loss"]) for one in words]


def figures(folder: Path) -> dict:
    return json.loads((folder / "card.json").read_text())["metrics"]


def test_one_process_and_two_leave_a_model_and_its_card(job, monkeypatch, repository):
    alone = job("alone", profile="single", accumulate="2", freeze_encoder="false").run()
    both = job("both", 2, profile="fsdp", activation_checkpointing="true", **SEVERAL).run()
    for one in (alone, both):
        assert one.status == 0, one.log
        assert figures(one.ml / "model")["test_q3"] >= 0.95
        assert figures(one.ml / "model") == figures(one.ml / "output/data")
        assert (one.ml / "model/code/networks.py").exists()
        assert (one.ml / "model/code/common/json_lines.py").exists()
        assert not (one.ml / "output/failure").exists()
    assert "torchrun --nnodes 1 --nproc_per_node 2" in both.log
    assert "Invoking TorchDistributed" in both.log
    assert losses(both) == pytest.approx(losses(alone), rel=2e-2, abs=2e-4)
    monkeypatch.syspath_prepend(str(repository / "model_code/protein"))
    import networks  # the folder that transformers 4 wrote, read by the version here

    model = networks.load(both.ml / "model")
    assert model.probabilities(["MKTAYIAK"])[0].shape == (8, 3)
    assert "networks" in sys.modules


def test_a_failure_is_told(job):
    found = job("failing", learning_rate="fast").run()
    assert found.status != 0
    text = (found.ml / "output/failure").read_text()
    assert "invalid float value: 'fast'" in text
