"""train.py from end to end: every profile learns, processes agree, an interrupted run goes on as if nothing was.

A 32-protein data set is the same in all splits: what is judged is that the model knows what it was taught.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tarfile
from typing import TYPE_CHECKING

import networks
import pytest

from tests.unit.model_code.protein import data, published
from tests.unit.model_code.protein.running import Run

if TYPE_CHECKING:
    from pathlib import Path

LEARNT = 0.95


@pytest.fixture
def run(tmp_path, overfit_data, checkpoints):
    """A run to be started: its model, how many processes, what it is told beside QUICK."""

    def make(model: str, processes: int = 1, name: str = "run", **told) -> Run:
        weights = checkpoints.get(model)
        return Run(tmp_path / name, overfit_data, weights, processes, {"model": model, **told})

    return make


def accuracy(folder: Path, found: Path) -> float:
    """Of a model folder as inference loads it, on the residues of a file that are scored."""
    proteins = [json.loads(line) for line in found.read_text().splitlines()]
    model = networks.load(folder)
    called = model.probabilities([protein["sequence"] for protein in proteins])
    right = scored = 0
    for protein, one in zip(proteins, called, strict=True):
        pairs = zip(protein["labels"], one.argmax(1), strict=True)
        marks = [model.classes[number] == label for label, number in pairs if label != "-"]
        right, scored = right + sum(marks), scored + len(marks)
    return right / scored


def test_two_sharded_processes_learn_and_leave_a_folder_to_serve(run, overfit_data):
    found = run("prott5", 2, profile="fsdp", activation_checkpointing=True).done()
    (test,) = found.figures("test")
    assert test["q3"] >= LEARNT
    assert accuracy(found.model_dir, overfit_data / "test.jsonl") == pytest.approx(test["q3"], abs=1e-4)
    assert sorted(found.figures("progress")[0]) == ["epoch", "loss", "step", "tokens_per_second"]
    assert len(found.figures("validation")) == 6
    assert {"alphabet.py", "networks.py"} <= {path.name for path in (found.model_dir / "code").iterdir()}
    card = json.loads((found.model_dir / "card.json").read_text())
    assert (card["model"], card["task"], card["distribution"]["processes"]) == ("prott5", "ss3", 2)
    assert card["metrics"]["test_q3"] == pytest.approx(test["q3"], abs=1e-4)
    assert card["data"]["train"]["proteins"] == 32


def test_a_failure_is_told_where_sagemaker_looks(protein_train, tmp_path, monkeypatch):
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    with pytest.raises(ValueError, match="the data channel lacks"):
        protein_train.main(f"--data {tmp_path} --model-dir {tmp_path / 'model'}".split())
    text = (tmp_path / "failure").read_text()
    assert text == "ValueError: the data channel lacks train.jsonl, validation.jsonl, test.jsonl"
    with pytest.raises(ValueError, match="unrecognized"):
        protein_train.main(["--data", str(tmp_path), "--model-dir", str(tmp_path), "--speed", "9"])
    assert (tmp_path / "failure").read_text() == text  # the first failure is the cause of the others
    assert "RANK" not in os.environ


def test_help_teaches(protein_train, capsys):
    with pytest.raises(SystemExit):
        protein_train.main(["--help"])
    text = capsys.readouterr().out
    assert "torchrun --nproc_per_node 8 train.py" in text
    assert "--activation_checkpointing" in text


PROFILES = [
    ("prott5", 1, {"profile": "single"}),
    ("protbert", 2, {"profile": "ddp"}),
    ("protbert", 2, {"profile": "fsdp", "epochs": 8}),
    ("prott5", 2, {"profile": "fsdp", "precision": "bf16"}),
    ("protbert", 2, {"profile": "fsdp_offload", "activation_checkpointing": True, "activation_offloading": True}),
    ("prott5", 2, {"profile": "lora", "learning_rate": 2e-2, "epochs": 12, "lora_rank": 16, "precision": "bf16"}),
    ("protbert", 2, {"profile": "lora", "learning_rate": 2e-2, "epochs": 30, "lora_rank": 16}),
    ("prott5", 1, {"head": "cnn", "freeze_encoder": True, "epochs": 25}),
    ("protbert", 2, {"head": "cnn", "freeze_encoder": True, "epochs": 25, "profile": "ddp"}),
    ("cnn", 2, {"profile": "fsdp", "learning_rate": 3e-3, "epochs": 12}),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "processes", "told"),
    PROFILES,
    ids=lambda one: "-".join(map(str, one.values())) if isinstance(one, dict) else str(one),
)
def test_every_profile_learns(run, overfit_data, model, processes, told):
    found = run(model, processes, **told).done()
    assert found.figures("test")[0]["q3"] >= LEARNT
    assert accuracy(found.model_dir, overfit_data / "test.jsonl") >= LEARNT


@pytest.mark.long
@pytest.mark.parametrize("model", ["prott5", "protbert"])
def test_one_process_and_two_agree(run, model):
    """Two processes see in a step what one sees in two batches: the same losses, step by step."""
    alone = run(model, 1, "alone", accumulate=2).done()
    for profile in ("ddp", "fsdp"):
        spread = run(model, 2, profile, profile=profile).done()
        assert spread.losses() == pytest.approx(alone.losses(), rel=1e-3)
        assert spread.figures("test")[0] == pytest.approx(alone.figures("test")[0], abs=5e-3)


@pytest.mark.long
@pytest.mark.parametrize(("processes", "profile"), [(1, "single"), (2, "fsdp"), (2, "lora")])
def test_an_interrupted_run_goes_on_as_if_nothing_was(tmp_path, overfit_data, processes, profile):
    """With dropout, so that the random numbers must go on too."""
    weights = published.write(tmp_path / "t5", "prot_t5_xl_uniref50", published.SMALL_T5 | {"dropout_rate": 0.1})
    told = {"model": "prott5", "profile": profile, "epochs": 20}
    whole, cut = (Run(tmp_path / name, overfit_data, weights, processes, told) for name in ("whole", "cut"))
    expected = whole.done().losses()
    before, judged = cut.interrupted().losses(), cut.validations()
    assert cut.status == (143 if processes == 1 else 1)
    assert not (cut.model_dir / "model.safetensors").exists()
    assert not (cut.folder / "failure").exists()
    after = cut.done()
    last = int(after.figures("resume")[0]["step"])
    assert last == max(before) < min(after.losses())
    assert before | after.losses() == pytest.approx(expected, rel=1e-3)
    assert judged | after.validations() == pytest.approx(whole.validations(), abs=5e-3)
    assert after.figures("test")[0] == pytest.approx(whole.figures("test")[0], abs=5e-3)


@pytest.mark.long
def test_a_torn_checkpoint_or_one_of_another_run_is_not_gone_on_from(run):
    first = run("cnn", epochs=3).done()
    states = sorted((first.folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    assert len(states) == 2  # older ones are gone
    with (states[-1] / "scheduler.pt").open("ab") as handle:
        handle.write(b"torn")
    again = run("cnn", epochs=3).done()
    assert again.figures("resume")[0]["step"] == int(states[0].name[11:])
    assert again.losses().items() <= first.losses().items()
    assert run("cnn", epochs=3, seed=2).done().figures("resume") == []


@pytest.mark.long
def test_hosts_that_share_no_disk(run):
    """Two processes that each call themselves the first of a host, with a checkpoints folder each."""
    alone = run("prott5", 1, "alone", accumulate=2).done()
    hosts = [run("prott5", 1, f"host{number}", profile="fsdp") for number in range(2)]
    together(hosts)
    assert hosts[0].losses() == pytest.approx(alone.losses(), rel=1e-3)
    assert hosts[0].figures("test")[0] == pytest.approx(alone.figures("test")[0], abs=5e-3)
    assert hosts[1].lines == []
    assert [(host.model_dir / "model.safetensors").exists() for host in hosts] == [True, False]
    # Started anew after the last checkpoint was torn, with what SageMaker brings back: the files of both, on each.
    states = sorted((hosts[0].folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    (states[-1] / "state.pt").write_bytes(b"torn")
    shutil.copytree(states[0].parent, hosts[1].folder / "checkpoints", dirs_exist_ok=True)
    together(hosts)
    assert hosts[0].figures("resume") == [{"step": int(states[0].name[11:])}]
    expected = {step: loss for step, loss in alone.losses().items() if step > int(states[0].name[11:])}
    assert hosts[0].losses() == pytest.approx(expected, rel=1e-3)


def together(hosts: list[Run]) -> None:
    """Run them to their end, as torchrun on each of two hosts would start them."""
    network = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "localhost"}
    network["MASTER_PORT"] = str(free_port())
    started = [host.started(RANK=str(number), **network) for number, host in enumerate(hosts)]
    for host, process in zip(hosts, started, strict=True):
        with process:
            host.lines = process.stdout.read().splitlines()
        assert process.returncode == 0, host.errors()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@pytest.mark.long
def test_patience_ends_it_and_the_best_epoch_is_kept(run):
    """A rate that ruins what was learnt: the first epochs stay the best."""
    found = run("cnn", epochs=40, patience=2, learning_rate=0.5).done()
    seen = [one["q3"] for one in found.figures("validation")]
    best = seen.index(max(seen))
    assert len(seen) == best + 3 < 40
    assert json.loads((found.model_dir / "card.json").read_text())["metrics"]["validation_q3"] == pytest.approx(
        max(seen), abs=1e-4
    )


@pytest.mark.long
def test_eight_classes_and_proteins_longer_than_the_model_sees(tmp_path):
    proteins = data.proteins(32, longest=90)
    for protein in proteins:
        protein["labels"] = re.sub("HHH", "HGH", protein["labels"])
    folder = data.write(tmp_path / "data", proteins, same=True)
    told = {"model": "cnn", "task": "ss8", "max_length": 30, "epochs": 20, "learning_rate": 3e-3}
    found = Run(tmp_path / "run", folder, told=told).done()
    (test,) = found.figures("test")
    assert LEARNT <= test["q8"] <= test["q3"]
    model = networks.load(found.model_dir)
    assert (model.classes, model.longest) == ("GHIBESTC", 30)
    card = json.loads((found.model_dir / "card.json").read_text())
    assert card["metrics"]["test_residues_G"] == card["data"]["test"]["classes"]["G"] > 0


@pytest.mark.long
def test_weights_come_as_an_archive_too(run, tmp_path, checkpoints):
    channel = tmp_path / "channel"
    channel.mkdir()
    with tarfile.open(channel / "model.tar.gz", "w:gz") as tar:
        tar.add(checkpoints["protbert"], "prot_bert_bfd")
    found = run("protbert", 2, profile="ddp", epochs=1)
    found.start_from = channel
    found.done()
    assert (found.model_dir / "vocab.txt").read_text().split() == published.BERT_TOKENS
