"""train.py from end to end: every profile learns, processes agree, and an interrupted run resumes exactly.

The data set of 32 proteins is the same in all splits, so the tests show that the model fits its training data.
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

LEARNED = 0.95


@pytest.fixture
def run(tmp_path, overfit_data, checkpoints):
    """Return a run that is not started yet: its model, the number of processes, and settings in addition to QUICK."""

    def make(model: str, processes: int = 1, name: str = "run", **settings) -> Run:
        weights = checkpoints.get(model)
        return Run(tmp_path / name, overfit_data, weights, processes, {"model": model, **settings})

    return make


def accuracy(folder: Path, records: Path) -> float:
    """Return the accuracy of a model folder, as inference loads it, on the scored residues of a file."""
    proteins = [json.loads(line) for line in records.read_text().splitlines()]
    model = networks.load(folder)
    predictions = model.probabilities([protein["sequence"] for protein in proteins])
    correct = scored = 0
    for protein, rows in zip(proteins, predictions, strict=True):
        pairs = zip(protein["labels"], rows.argmax(1), strict=True)
        results = [model.classes[number] == label for label, number in pairs if label != "-"]
        correct, scored = correct + sum(results), scored + len(results)
    return correct / scored


@pytest.mark.long
def test_two_sharded_processes_learn_and_write_a_folder_that_can_be_served(run, overfit_data):
    training = run("prott5", 2, profile="fsdp", activation_checkpointing=True).complete()
    (test,) = training.figures("test")
    assert test["q3"] >= LEARNED
    assert accuracy(training.model_dir, overfit_data / "test.jsonl") == pytest.approx(test["q3"], abs=1e-4)
    assert sorted(training.figures("progress")[0]) == ["epoch", "loss", "step", "tokens_per_second"]
    assert len(training.figures("validation")) == 6
    assert {"alphabet.py", "networks.py"} <= {path.name for path in (training.model_dir / "code").iterdir()}
    card = json.loads((training.model_dir / "card.json").read_text())
    assert (card["model"], card["task"], card["distribution"]["processes"]) == ("prott5", "ss3", 2)
    assert card["metrics"]["test_q3"] == pytest.approx(test["q3"], abs=1e-4)
    assert card["data"]["train"]["proteins"] == 32


def test_a_failure_is_written_where_sagemaker_reads_it(protein_train, tmp_path, monkeypatch):
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    with pytest.raises(ValueError, match="the data channel lacks"):
        protein_train.main(f"--data {tmp_path} --model-dir {tmp_path / 'model'}".split())
    text = (tmp_path / "failure").read_text()
    assert text == "ValueError: the data channel lacks train.jsonl, validation.jsonl, test.jsonl"
    with pytest.raises(ValueError, match="unrecognized"):
        protein_train.main(["--data", str(tmp_path), "--model-dir", str(tmp_path), "--speed", "9"])
    assert (tmp_path / "failure").read_text() == text  # the first failure is the cause of the others
    assert "RANK" not in os.environ


def test_help_shows_an_example_and_the_arguments(protein_train, capsys):
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
    ("model", "processes", "settings"),
    PROFILES,
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_every_profile_learns(run, overfit_data, model, processes, settings):
    training = run(model, processes, **settings).complete()
    assert training.figures("test")[0]["q3"] >= LEARNED
    assert accuracy(training.model_dir, overfit_data / "test.jsonl") >= LEARNED


@pytest.mark.long
@pytest.mark.parametrize("model", ["prott5", "protbert"])
def test_one_process_and_two_agree(run, model):
    """Two processes see in a step the two batches that one process accumulates: the losses of all steps are equal."""
    alone = run(model, 1, "alone", accumulate=2).complete()
    for profile in ("ddp", "fsdp"):
        spread = run(model, 2, profile, profile=profile).complete()
        assert spread.losses() == pytest.approx(alone.losses(), rel=1e-3)
        assert spread.figures("test")[0] == pytest.approx(alone.figures("test")[0], abs=5e-3)


@pytest.mark.long
@pytest.mark.parametrize(("processes", "profile"), [(1, "single"), (2, "fsdp"), (2, "lora")])
def test_an_interrupted_run_resumes_exactly(tmp_path, overfit_data, processes, profile):
    """With dropout, so that the state of the random numbers must be restored as well."""
    weights = published.write(tmp_path / "t5", "prot_t5_xl_uniref50", published.SMALL_T5 | {"dropout_rate": 0.1})
    settings = {"model": "prott5", "profile": profile, "epochs": 20}
    whole, cut = (Run(tmp_path / name, overfit_data, weights, processes, settings) for name in ("whole", "cut"))
    expected = whole.complete().losses()
    before, validations = cut.interrupt().losses(), cut.validations()
    assert cut.status == (143 if processes == 1 else 1)
    assert not (cut.model_dir / "model.safetensors").exists()
    assert not (cut.folder / "failure").exists()
    after = cut.complete()
    last = int(after.figures("resume")[0]["step"])
    assert last == max(before) < min(after.losses())
    assert before | after.losses() == pytest.approx(expected, rel=1e-3)
    assert validations | after.validations() == pytest.approx(whole.validations(), abs=5e-3)
    assert after.figures("test")[0] == pytest.approx(whole.figures("test")[0], abs=5e-3)


@pytest.mark.long
def test_a_truncated_checkpoint_or_one_of_another_run_is_not_resumed(run):
    first = run("cnn", epochs=3).complete()
    states = sorted((first.folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    assert len(states) == 2  # older ones are removed
    with (states[-1] / "scheduler.pt").open("ab") as handle:
        handle.write(b"torn")
    again = run("cnn", epochs=3).complete()
    assert again.figures("resume")[0]["step"] == int(states[0].name[11:])
    assert again.losses().items() <= first.losses().items()
    assert run("cnn", epochs=3, seed=2).complete().figures("resume") == []


@pytest.mark.long
def test_hosts_without_a_shared_disk_agree_and_resume(run):
    """Two processes, each the first of its host, with a checkpoints folder each."""
    alone = run("prott5", 1, "alone", accumulate=2).complete()
    hosts = [run("prott5", 1, f"host{number}", profile="fsdp") for number in range(2)]
    together(hosts)
    assert hosts[0].losses() == pytest.approx(alone.losses(), rel=1e-3)
    assert hosts[0].figures("test")[0] == pytest.approx(alone.figures("test")[0], abs=5e-3)
    assert hosts[1].lines == []
    assert [(host.model_dir / "model.safetensors").exists() for host in hosts] == [True, False]
    # Restart after the last checkpoint was truncated. SageMaker restores the files of both hosts to each host.
    states = sorted((hosts[0].folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    (states[-1] / "state.pt").write_bytes(b"torn")
    shutil.copytree(states[0].parent, hosts[1].folder / "checkpoints", dirs_exist_ok=True)
    together(hosts)
    assert hosts[0].figures("resume") == [{"step": int(states[0].name[11:])}]
    expected = {step: loss for step, loss in alone.losses().items() if step > int(states[0].name[11:])}
    assert hosts[0].losses() == pytest.approx(expected, rel=1e-3)


def together(hosts: list[Run]) -> None:
    """Run the trainings to their end, as torchrun would start them on each of two hosts."""
    network = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "localhost"}
    network["MASTER_PORT"] = str(free_port())
    processes = [host.start(RANK=str(number), **network) for number, host in enumerate(hosts)]
    for host, process in zip(hosts, processes, strict=True):
        with process:
            host.lines = process.stdout.read().splitlines()
        assert process.returncode == 0, host.errors()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


@pytest.mark.long
def test_patience_stops_the_training_and_the_best_epoch_is_kept(run):
    """With a learning rate that is too high the first epochs remain the best."""
    training = run("cnn", epochs=40, patience=2, learning_rate=0.5).complete()
    values = [line["q3"] for line in training.figures("validation")]
    best = values.index(max(values))
    assert len(values) == best + 3 < 40
    assert json.loads((training.model_dir / "card.json").read_text())["metrics"]["validation_q3"] == pytest.approx(
        max(values), abs=1e-4
    )


@pytest.mark.long
def test_eight_classes_and_proteins_longer_than_the_window(tmp_path):
    proteins = data.proteins(32, longest=90)
    for protein in proteins:
        protein["labels"] = re.sub("HHH", "HGH", protein["labels"])
    folder = data.write(tmp_path / "data", proteins, same=True)
    settings = {"model": "cnn", "task": "ss8", "max_length": 30, "epochs": 20, "learning_rate": 3e-3}
    training = Run(tmp_path / "run", folder, settings=settings).complete()
    (test,) = training.figures("test")
    assert LEARNED <= test["q8"] <= test["q3"]
    model = networks.load(training.model_dir)
    assert (model.classes, model.longest) == ("GHIBESTC", 30)
    card = json.loads((training.model_dir / "card.json").read_text())
    assert card["metrics"]["test_residues_G"] == card["data"]["test"]["classes"]["G"] > 0


@pytest.mark.long
def test_weights_may_be_an_archive(run, tmp_path, checkpoints):
    channel = tmp_path / "channel"
    channel.mkdir()
    with tarfile.open(channel / "model.tar.gz", "w:gz") as tar:
        tar.add(checkpoints["protbert"], "prot_bert_bfd")
    training = run("protbert", 2, profile="ddp", epochs=1)
    training.start_from = channel
    training.complete()
    assert (training.model_dir / "vocab.txt").read_text().split() == published.BERT_TOKENS


@pytest.mark.long
def test_a_folder_that_transformers_5_saved_is_trained_and_loads(run, tmp_path, checkpoints):
    """It has tokenizer.json and no vocab.txt."""
    transformers = pytest.importorskip("transformers", minversion="5")
    saved = tmp_path / "saved"
    transformers.BertForMaskedLM.from_pretrained(checkpoints["protbert"]).save_pretrained(saved)
    transformers.BertTokenizer.from_pretrained(checkpoints["protbert"], do_lower_case=False).save_pretrained(saved)
    assert not (saved / "vocab.txt").exists()
    training = run("protbert", epochs=1)
    training.start_from = saved
    training.complete()
    assert (training.model_dir / "vocab.txt").read_text().split() == published.BERT_TOKENS
    assert networks.load(training.model_dir).description.alphabet.residues["L"] == 5
