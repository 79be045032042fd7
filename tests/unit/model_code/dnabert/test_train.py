"""train.py: what it reads, what it refuses, and that inference.py can serve its model folder."""

from __future__ import annotations

import json
import random
import re
import shutil
import tarfile

import hyperparameters
import numpy as np
import pytest
import torch
from common.interruption import INTERRUPTED, Interruption
from examples import IGNORED, Examples, MaskedExamples, collate, hide_bases, hide_spans, read_examples
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tokens import OTHER, SPECIALS, KmerTokens


@pytest.fixture
def tokens(tiny_folder):
    return KmerTokens.from_file(tiny_folder / "vocab.txt")


@pytest.fixture
def data(tmp_path):
    """Two classes that single k-mers separate, in a CSV and in FASTA."""
    generator, folder = random.Random(5), tmp_path / "data"
    folder.mkdir()
    rich, poor = (
        ["".join(generator.choices("ACGT", weights, k=30)) for _ in range(60)]
        for weights in ((1, 4, 4, 1), (4, 1, 1, 4))
    )
    rows = [f"{sequence},{label}" for label, kind in ((1, rich[:40]), (0, poor[:40])) for sequence in kind]
    (folder / "train.csv").write_text("sequence,label\n" + "\n".join(rows) + "\n")
    (folder / "positive.fa").write_text("".join(f">p{i}\n{s[:15]}\n{s[15:]}\n" for i, s in enumerate(rich[40:])))
    (folder / "negative.fa").write_text("".join(f">n{i}\n{s}\n" for i, s in enumerate(poor[40:])))
    (folder / "README").write_text("no data")
    return folder


def test_a_folder_of_csv_and_fasta_is_read(data):
    examples = read_examples(data)
    assert [sum(example.label == label for example in examples) for label in (0, 1)] == [60, 60]
    assert {len(example.sequence) for example in examples} == {30}
    assert examples[0].origin == "negative.fa, n0"


@pytest.mark.parametrize("name", ["a.csv", "positive.fa", "a.jsonl"])
def test_u_in_training_data_is_t(tmp_path, tokens, name):
    def ids_of(sequence: str) -> list[int]:
        texts = {
            "a.csv": f"sequence,label\n{sequence},1\n",
            "positive.fa": f">p\n{sequence}\n",
            "a.jsonl": json.dumps({"id": "p", "sequence": sequence, "label": "1"}) + "\n",
        }
        (tmp_path / name).write_text(texts[name])
        masked = MaskedExamples(tmp_path, tokens, 64, 0.3, fixed=True)
        return Examples(tmp_path, tokens, 64)[0]["ids"].tolist() + masked[0]["label"].tolist()

    assert ids_of("ACGUUGCAuuNGACU") == ids_of("ACGTTGCATTNGACT")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "sequence,label\nACGT,2\n", "a.csv, line 2: expected"),
        ("a.csv", "sequence,label\nACGT\n", "a.csv, line 2: expected"),
        ("a.csv", "sequence,label\n", "no .*csv"),
        ("notes.txt", "ACGT", "no .*csv"),
    ],
)
def test_invalid_data_is_refused_with_its_place(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_examples(tmp_path)


@pytest.mark.parametrize("bases", [2, 65])
def test_a_sequence_that_does_not_fit_is_refused_and_not_truncated(tmp_path, tokens, bases):
    (tmp_path / "a.csv").write_text(f"sequence,label\n{'A' * bases},1\n")
    with pytest.raises(ValueError, match=f"a.csv, line 2: {bases} bases; the model takes 3 to 64"):
        Examples(tmp_path, tokens, 64)


def test_batches_are_padded_and_masked_if_lengths_differ(tokens):
    items = [{"ids": torch.tensor([2, *range(5, 5 + n), 3]), "label": n % 2} for n in (4, 2)]
    batch = collate(items, tokens)
    assert batch["input_ids"][1].tolist() == [2, 5, 6, 3, tokens.pad, tokens.pad]
    assert batch["attention_mask"].sum(1).tolist() == [6, 4]
    assert "attention_mask" not in collate(items[:1], tokens)


def test_hidden_spans_are_k_long_and_do_not_touch_the_frame(tokens):
    torch.manual_seed(0)
    ids, mask = torch.arange(5, 2005), tokens.vocabulary["[MASK]"]
    hidden = hide_spans(ids, tokens, 0.1)
    where = hidden == mask
    assert where.float().mean() == pytest.approx(0.1, abs=0.03)
    runs = "".join("x" if masked else " " for masked in where.tolist()).split()
    assert min(len(run) for run in runs[1:-1]) >= tokens.k
    assert hidden[[0, -1]].tolist() == ids[[0, -1]].tolist()
    assert hidden[~where].tolist() == ids[~where].tolist()


def test_a_model_is_trained_saved_and_served(train, inference, data, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(data))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SEQDROP_CHECKPOINTS", str(tmp_path / "checkpoints"))
    arguments = "--k 3 --layers 1 --hidden 32 --positions 64 --epochs 6 --batch-size 16 --learning-rate 5e-3"
    train.main([*arguments.split(), "--validation", str(data / "train.csv")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("parameters=")
    assert any("loss=" in line and line.startswith("step=") for line in lines)
    figures = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert figures["train_sequences"] == 120
    assert figures["validation"]["eval_auc"] > 0.95
    # Eight steps an epoch: the last two of six epochs are kept.
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["checkpoint-40", "checkpoint-48"]
    vocabulary = (tmp_path / "model" / "vocab.txt").read_text().split()
    assert vocabulary[:7] == [*SPECIALS, "AAA", "AAT"]
    model = inference.model_fn(str(tmp_path / "model"))
    assert model.tokens.k == 3
    assert {"inference.py", "windows.py", "tokens.py"} <= {path.name for path in (tmp_path / "model/code").iterdir()}


class StopAt(Interruption):
    """A SIGTERM that arrives during a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_step_end(self, args, state, control, **more):
        self.signalled = state.global_step == self.step
        super().on_step_end(args, state, control, **more)


@pytest.mark.parametrize(("task", "step"), [("promoter", 11), ("masked", 3), ("promoter", 16)])
def test_an_interrupted_run_resumes_exactly(train, data, tmp_path, capsys, task, step):
    """Eight steps an epoch, with dropout and masks: the weights do not depend on where a run was stopped."""
    arguments = "--k 3 --layers 1 --hidden 16 --positions 64 --epochs 3 --batch-size 16 --learning-rate 5e-3"
    words = [*arguments.split(), "--task", task, "--train", str(data), "--validation", str(data / "train.csv")]
    whole, cut = (
        [*words, "--model-dir", str(tmp_path / name), "--checkpoints", str(tmp_path / name / "checkpoints")]
        for name in ("whole", "cut")
    )
    assert train.main(whole) == 0
    expected = steps_of(capsys.readouterr().out)
    assert train.main(cut, StopAt(step)) == INTERRUPTED == 143
    before = steps_of(capsys.readouterr().out)
    assert not (tmp_path / "cut/model.safetensors").exists()
    assert train.main(cut) == 0
    lines = capsys.readouterr().out
    after = steps_of(lines)
    assert f"resume step={step}\n" in lines
    assert min(after) == step + 1, "no step is repeated"
    assert before | after == pytest.approx(expected, rel=1e-4)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut")]
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name
    figures = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "cut")]
    assert figures[1]["train_loss"] == figures[0]["train_loss"]
    assert figures[1]["validation"]["eval_loss"] == pytest.approx(figures[0]["validation"]["eval_loss"], abs=1e-6)


def steps_of(text: str) -> dict[int, float]:
    """Return the loss of each step in the lines of train.py."""
    reports = re.findall(r"^step=(\d+)/\d+ loss=(\S+)", text, flags=re.MULTILINE)
    return {int(step): float(loss) for step, loss in reports}


def test_a_torn_checkpoint_and_one_of_other_data_are_not_resumed(train, data, tmp_path, capsys):
    words = ["--k", "3", "--layers", "1", "--hidden", "16", "--positions", "64", "--epochs", "2", "--batch-size", "60"]
    words += ["--train", str(data), "--model-dir", str(tmp_path / "m"), "--checkpoints", str(tmp_path / "c")]
    train.main(words)
    (tmp_path / "c/checkpoint-4/optimizer.pt").write_bytes(b"torn")
    capsys.readouterr()
    train.main(words)
    assert "resume step=2\n" in capsys.readouterr().out
    with (data / "train.csv").open("a") as file:
        file.write("ACGTACGTACGT,1\n")
    train.main(words)
    assert "resume" not in capsys.readouterr().out


def test_training_continues_from_a_checkpoint(train, tiny_folder, data, tmp_path):
    train.main(f"--train {data} --model-dir {tmp_path} --start-from {tiny_folder} --epochs 1".split())
    assert (tmp_path / "vocab.txt").read_bytes() == (tiny_folder / "vocab.txt").read_bytes()
    assert json.loads((tmp_path / "config.json").read_text())["hidden_size"] == 16


def test_training_continues_from_a_folder_that_transformers_5_saved(train, tiny_folder, data, tmp_path):
    """It has tokenizer.json and no vocab.txt; DNABERT's own also has `auto_map`, whose code is not needed."""
    saved, model = tmp_path / "saved", tmp_path / "model"
    shutil.copytree(tiny_folder, saved)
    tokens = (saved / "vocab.txt").read_text().split()
    (saved / "vocab.txt").unlink()
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (saved / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordPiece", "vocab": vocabulary}}))
    config = json.loads((saved / "config.json").read_text()) | {"auto_map": {"AutoModel": "dnabert_layer.DNABertModel"}}
    (saved / "config.json").write_text(json.dumps(config))
    model.mkdir()
    train.main(f"--train {data} --model-dir {model} --start-from {saved} --epochs 1".split())
    assert (model / "vocab.txt").read_text().split() == tokens


def test_help_shows_an_example_and_the_file_names(train, capsys):
    with pytest.raises(SystemExit):
        train.parse_arguments(["--help"])
    text = capsys.readouterr().out
    assert "python train.py --train" in text
    assert "positive*.fa" in text


def test_a_checkpoint_is_trained_with_a_lower_learning_rate(train):
    rates = [
        train.parse_arguments(f"--train x --model-dir y {more}".split()).learning_rate
        for more in ("", "--start-from z", "--start-from z --learning-rate 1e-3")
    ]
    assert rates == [6e-4, 2e-5, 1e-3]


def test_arguments_are_read_as_a_training_job_passes_them(train, monkeypatch):
    """Names contain "_" or "-"; a name of a single letter has one hyphen."""
    monkeypatch.setenv("SM_CHANNEL_TRAIN", "/in/train")
    monkeypatch.setenv("SM_MODEL_DIR", "/model")
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", "")
    argv = "-k 4 --batch-size 8 --weight_decay 0 --task masked --seed 3 --precision bf16"
    args = train.parse_arguments(argv.split())
    assert (args.k, args.batch_size, args.weight_decay, args.seed, args.precision) == (4, 8, 0.0, 3, "bf16")
    assert (str(args.train), args.validation, str(args.model_dir)) == ("/in/train", None, "/model")
    assert (args.task, args.hide, args.learning_rate, args.epochs) == ("masked", 0.2, 6e-4, 4)
    assert set(train.HEADS) == set(hyperparameters.TASKS)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--k 7", "invalid choice: 7"),
        ("--task embed", "invalid choice: 'embed'"),
        ("--epochs ten", "invalid int value: 'ten'"),
        ("--speed 9", "unrecognized arguments: --speed 9"),
        ("--batch 9", "unrecognized arguments: --batch 9"),
        ("--model_dir s3://bucket/model", "s3:/bucket/model is in S3"),
    ],
)
def test_invalid_and_unknown_arguments_are_usage_errors(train, capsys, more, message):
    with pytest.raises(SystemExit):
        train.parse_arguments(f"--train x --model-dir y {more}".split())
    assert message in capsys.readouterr().err


def test_a_width_that_is_not_divisible_by_the_heads_is_refused(train):
    with pytest.raises(ValueError, match="3 heads"):
        train.Size(hidden=128, heads=3)


def test_missing_training_data_is_a_usage_error(train, monkeypatch, capsys):
    monkeypatch.delenv("SM_CHANNEL_TRAIN", raising=False)
    with pytest.raises(SystemExit):
        train.parse_arguments([])
    assert "--train and --model-dir are required" in capsys.readouterr().err


def test_kmers_that_share_bases_and_near_positions_start_similar(train, tmp_path):
    arguments = train.parse_arguments(f"--train x --model-dir {tmp_path} --k 3 --hidden 32 --positions 40".split())
    torch.manual_seed(1)  # for a few other seeds, 32 random directions do not preserve which tokens are near
    model, tokens = train.make_model(arguments)
    table = model.bert.embeddings
    kmer = {token: table.word_embeddings.weight[number] for token, number in tokens.vocabulary.items()}
    place = table.position_embeddings.weight
    assert torch.dist(kmer["CGC"], kmer["CGA"]) < torch.dist(kmer["CGC"], kmer["TTA"])
    assert torch.dist(place[10], place[11]) < torch.dist(place[10], place[20])
    assert table.word_embeddings.weight[5:].std().item() == pytest.approx(0.02, rel=0.01)
    assert place.std().item() == pytest.approx(0.02, rel=0.01)
    assert kmer["[PAD]"].abs().sum() == 0


# ---------------------------------------------------------------- a masked language model


def test_only_hidden_bases_are_labels(data, tokens):
    examples = MaskedExamples(data, tokens, 64, share=0.2, fixed=True)
    mask, whole = tokens.vocabulary["[MASK]"], examples.items
    for index in range(len(examples)):
        example, before = examples[index], whole[index]["ids"]
        hidden = example["ids"] == mask
        assert hidden.any()
        assert (example["label"][hidden] == before[hidden]).all()
        assert (example["label"][~hidden] == IGNORED).all()
        assert (example["ids"][~hidden] == before[~hidden]).all()
        assert torch.equal(examples[index]["ids"], example["ids"]), "fixed means the same intervals in each epoch"


@pytest.mark.parametrize("kind", [MaskedExamples, Examples])
def test_each_epoch_has_other_masks_and_a_resumed_epoch_has_the_same(data, tokens, kind):
    first, resumed = kind(data, tokens, 64, 0.2), kind(data, tokens, 64, 0.2)
    masks = []
    for epoch in range(3):
        first.start_epoch(7, epoch)
        masks.append([first[index]["ids"].tolist() for index in range(len(first))])
    resumed.start_epoch(7, 1)
    assert [resumed[index]["ids"].tolist() for index in reversed(range(len(resumed)))] == masks[1][::-1]
    assert masks[0] != masks[1] != masks[2] != masks[0]
    resumed.start_epoch(8, 1)
    assert [resumed[index]["ids"].tolist() for index in range(len(resumed))] != masks[1]


@given(st.integers(1, 200), st.integers(3, 6), st.floats(0.01, 0.5), st.integers(0, 99))
def test_hidden_intervals_have_at_most_k_bases_unless_they_touch(length, k, share, seed):
    codes = np.zeros(length, np.uint8)
    hidden = hide_bases(codes, k, share, np.random.default_rng(seed))
    assert (codes == 0).all()
    assert 1 <= (hidden == OTHER).sum() <= k * max(1, round(share * length / (1.5 * k - 0.5)))


def test_a_trained_language_model_fills_a_training_sequence(train, inference, tmp_path, monkeypatch):
    generator = random.Random(2)
    sequence = "".join(generator.choices("ACGT", k=40))
    rows = [sequence] * 60
    (tmp_path / "train.csv").write_text("sequence,label\n" + "".join(f"{row},0\n" for row in rows))
    shape = ["--k=3", "--layers=1", "--hidden=32", "--positions=48", "--batch-size=10", "--epochs=10"]
    out = tmp_path / "model"
    files = [f"--train={tmp_path / 'train.csv'}", f"--validation={tmp_path / 'train.csv'}"]
    train.main(["--task=masked", *files, f"--model-dir={out}", "--learning-rate=5e-3", *shape])
    assert json.loads((out / "config.json").read_text())["architectures"] == ["BertForMaskedLM"]
    for name, value in {"TASK": "masked", "WINDOW": "40", "STRIDE": "1"}.items():
        monkeypatch.setenv(f"SEQDROP_{name}", value)
    hidden = sequence[:15] + "NNN" + sequence[18:]
    item = {"id": "u:1:0", "record": "r", "start": 0, "sequence": hidden}
    request = inference.input_fn(json.dumps(item), "application/jsonlines")
    prediction = inference.output_fn(inference.predict_fn(request, inference.model_fn(str(out))))
    (entry,) = json.loads(prediction)["masks"]
    assert entry["candidates"][0]["bases"] == sequence[15:18]
    assert entry["candidates"][0]["probability"] > 0.5


def test_json_lines_of_the_pipeline_are_read(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(
        '{"id": "a", "sequence": "ACGTACGT", "label": "1"}\n{"id": "b", "sequence": "ACGT", "label": "0"}\n'
    )
    examples = [(example.sequence, example.label, example.origin) for example in read_examples(tmp_path)]
    assert examples == [("ACGTACGT", 1, "train.jsonl, line 1"), ("ACGT", 0, "train.jsonl, line 2")]
    path.write_text('{"id": "a", "sequence": "ACGT", "label": "2"}\n')
    with pytest.raises(ValueError, match=r"train.jsonl, line 1: expected"):
        read_examples(tmp_path)


def test_a_channel_may_contain_the_archive_of_a_checkpoint(train, tmp_path, tiny_folder):
    with train.open_checkpoint(tiny_folder) as folder:
        assert folder == tiny_folder
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for name in ("config.json", "vocab.txt"):
            archive.add(tiny_folder / name, name)
    with train.open_checkpoint(tmp_path) as folder:
        assert (folder / "vocab.txt").read_bytes() == (tiny_folder / "vocab.txt").read_bytes()
    assert not folder.exists()
