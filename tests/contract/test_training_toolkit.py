"""train.py of the protein models, started by SageMaker's own training toolkit, in one process and in two.

`make training-toolkit` makes the environment, which has transformers 4.57, the older of the two major versions that the
model code supports.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.deploy.training_code import pack_program

from tests.contract.training_toolkit import Job, find_python
from tests.unit.model_code.protein import data, published

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long
HYPERPARAMETERS = {
    "epochs": "6",
    "tokens_per_batch": "300",
    "learning_rate": "0.01",
    "patience": "0",
    "max_length": "60",
}
DISTRIBUTED = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": '"ml.g5.12xlarge"'}


@pytest.fixture(scope="module")
def job(repository, tmp_path_factory):
    """Return a function that makes a job from a name, a number of GPUs and hyperparameters."""
    python = find_python(repository)
    root = tmp_path_factory.mktemp("training")
    channels = {"data": data.write(root / "data", data.proteins(32), same=True)}
    channels["model"] = published.write(root / "model", "prot_t5_xl_uniref50", published.SMALL_T5, files=2)

    def make_job(name: str, gpus: int = 0, **changes: str) -> Job:
        code = pack_program(repository / "model_code/protein")
        return Job(python, root / name, code, channels, HYPERPARAMETERS | {"model": "prott5", **changes}, gpus)

    return make_job


def read_losses(job: Job) -> list[float]:
    words = [dict(word.split("=") for word in line.split()[1:]) for line in job.lines("progress")]
    return [float(fields["loss"]) for fields in words]


def read_metrics(folder: Path) -> dict:
    return json.loads((folder / "card.json").read_text())["metrics"]


def test_one_process_and_two_leave_a_model_and_its_card(job, monkeypatch, repository):
    alone = job("alone", profile="single", accumulate="2", freeze_encoder="false").run()
    both = job("both", 2, profile="fsdp", activation_checkpointing="true", **DISTRIBUTED).run()
    for result in (alone, both):
        assert result.status == 0, result.log
        assert read_metrics(result.ml / "model")["test_q3"] >= 0.95
        assert read_metrics(result.ml / "model") == read_metrics(result.ml / "output/data")
        assert (result.ml / "model/code/networks.py").exists()
        assert (result.ml / "model/code/common/json_lines.py").exists()
        assert not (result.ml / "output/failure").exists()
    assert "torchrun --nnodes 1 --nproc_per_node 2" in both.log
    assert "Invoking TorchDistributed" in both.log
    assert read_losses(both) == pytest.approx(read_losses(alone), rel=2e-2, abs=2e-4)
    monkeypatch.syspath_prepend(str(repository / "model_code/protein"))
    import networks  # the version of transformers here reads the folder that version 4 wrote

    model = networks.load(both.ml / "model")
    assert model.probabilities(["MKTAYIAK"])[0].shape == (8, 3)
    assert "networks" in sys.modules


def test_a_failure_is_reported(job):
    result = job("failing", learning_rate="fast").run()
    assert result.status != 0
    text = (result.ml / "output/failure").read_text()
    assert "invalid float value: 'fast'" in text
