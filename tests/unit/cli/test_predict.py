"""`seqdrop predict`: the handler's predictions in the files of a job, also after Ctrl-C."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
from pathlib import Path

import pytest
from seqdrop_cli import prediction
from seqdrop_cli.catalog import build_parser
from seqdrop_cli.commands.predict import Options
from seqdrop_cli.deploy.archive import pack_model
from seqdrop_cli.deploy.checkpoint import read_checkpoint
from seqdrop_cli.handler import Handler, HandlerError
from seqdrop_cli.interrupts import catch_interrupts
from seqdrop_cli.local_model import LocalModel
from seqdrop_cli.main import main
from seqdrop_cli.prediction_settings import dna_analysis

from tests.unit.cli.folders import change_config, with_language_head


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the handler's process; the models are tiny


@pytest.fixture(scope="session")
def golden(repository) -> dict:
    """Sequences of 70 bases, and the predictions of the seed for both strands of each."""
    return json.loads((repository / "tests/unit/model_code/dnabert/golden/seeds.json").read_text())["promoter-70"]


def fasta(path: Path, *sequences: str) -> Path:
    path.write_text("".join(f">s{number}\n{sequence}\n" for number, sequence in enumerate(sequences)))
    return path


def rows(out: Path, name: str = "predictions") -> list[dict]:
    return [json.loads(line) for line in (out / f"{name}.jsonl").read_text().splitlines()]


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def test_a_fasta_is_predicted_as_in_the_pipeline(cold, golden, seed, tmp_path, capsys):
    file, out = fasta(tmp_path / "a.fa", *golden["sequences"], "ACGT"), tmp_path / "out"
    options = ("--model", str(seed), "--window", "70", "--strands", "+-", "--threshold", "0.5", "-o", str(out))
    assert main(["predict", str(file), *options]) == 0
    *scored, short, _ = rows(out)
    assert [row["probability"] for row in scored] == pytest.approx(golden["answers"], abs=1e-4)
    assert [row["strand"] for row in scored] == ["+", "-"] * len(golden["sequences"])
    assert all(row["call"] == (row["probability"] >= 0.5) for row in scored)
    assert short["not_scored"] == "shorter_than_window"
    calls = [line.split("\t") for line in (out / "calls.bed").read_text().splitlines() if not line.startswith("#")]
    assert len(calls) == sum(row["call"] for row in scored)
    assert {fields[3] for fields in calls} == {"core_promoter"}
    assert (out / "predictions.parquet").is_file()
    content = summary(out)
    assert (content["complete"], content["upload"]["records"]) == (True, len(scored) // 2 + 1)
    assert content["parameters"]["task"] == "promoter"
    assert content["counts"]["windows"] == len(scored) + 2
    output = capsys.readouterr().out
    assert "windows/s" in output
    assert "RNA" not in output


def test_a_compressed_fastq_is_predicted_by_an_archive_with_an_analysis(golden, seed, tmp_path):
    archive, file, out = tmp_path / "m.tar.gz", tmp_path / "a.fastq.gz", tmp_path / "out"
    archive.write_bytes(pack_model(seed))
    reads = "".join(
        f"@r{number}\n{sequence}\n+\n{'I' * len(sequence)}\n" for number, sequence in enumerate(golden["sequences"])
    )
    file.write_bytes(gzip.compress(reads.encode()))
    assert main(["predict", str(file), "--model", str(archive), "--analysis", "reads", "-o", str(out)]) == 0
    assert [row["probability"] for row in rows(out)] == pytest.approx(golden["answers"][::2], abs=1e-4)
    assert not (out / "calls.bed").exists()  # reads have no place on a genome
    assert summary(out)["parameters"]["label"] == "core promoter"


def test_masked_intervals_are_filled(folder, tmp_path):
    file, out = fasta(tmp_path / "a.fa", "ACGTTGCATGCATNNACGTTGCATCCAACCTGA", "ACGT" * 10), tmp_path / "out"
    options = ("--model", str(with_language_head(folder)), "--task", "masked", "--window", "30", "-o", str(out))
    assert main(["predict", str(file), *options]) == 0
    assert [(row["record"], row["start"], row["end"], row["rank"]) for row in rows(out, "fills")] == [
        ("s0", 13, 15, rank) for rank in range(1, 6)
    ]
    assert summary(out)["counts"]["windows"] == 1
    assert (out / "fills.parquet").is_file()


def test_the_intervals_of_a_bed_are_filled(folder, tmp_path, capsys):
    file, out, bed = fasta(tmp_path / "a.fa", "ACGT" * 10, "ACGTNNACGT" * 4), tmp_path / "out", tmp_path / "m.bed"
    bed.write_text("# mine\ns1\t8\t10\ns0\t20\t23\n")
    words = (file, "--model", with_language_head(folder), "--task", "masked", "--window", 30, "--masks", bed)
    words = ["predict", *map(str, words), "--max-n-fraction", "0.5", "-o", str(out)]
    assert main(words) == 0
    first = [(row["record"], row["start"], row["end"]) for row in rows(out, "fills") if row["rank"] == 1]
    assert first == [("s0", 20, 23), ("s1", 8, 10)]
    content = summary(out)
    assert content["counts"]["windows"] == 2
    assert content["masks"]["sha256"] == hashlib.sha256(bed.read_bytes()).hexdigest()
    assert (content["masks"]["key"], content["masks"]["stretches"]) == ("m.bed", 2)
    bed.write_text("s0\t38\t41\ns7\t1\t2\n")
    assert main([*words[:-1], str(tmp_path / "none")]) == 1
    output = capsys.readouterr().out
    assert "line 1: bed_beyond_end" in output
    assert "line 2: bed_no_record" in output
    assert not (tmp_path / "none").exists()


# ---------------------------------------------------------------- RNA


def spelled_as_rna(text: str) -> str:
    return text.translate(str.maketrans("Tt", "Uu"))


@pytest.mark.parametrize("spell", [spelled_as_rna, lambda text: spelled_as_rna(text.lower())])
def test_rna_has_the_predictions_of_dna_on_both_strands(golden, seed, tmp_path, capsys, spell):
    sequences = [spell(text) for text in golden["sequences"]]
    sequences[0] = golden["sequences"][0].replace("T", "U", 3)  # both spellings in one record
    options = ("--model", str(seed), "--window", "70", "--strands", "+-", "-o", str(tmp_path / "out"))
    assert main(["predict", str(fasta(tmp_path / "a.fa", *sequences)), *options]) == 0
    assert [row["probability"] for row in rows(tmp_path / "out")] == pytest.approx(golden["answers"], abs=1e-4)
    assert "the file contains RNA; U was read as T" in capsys.readouterr().out


def test_rna_has_the_embeddings_of_dna(seed, tmp_path):
    text = "ACGTTGCATCCAACCTGA" * 4
    file, out = fasta(tmp_path / "a.fa", text, spelled_as_rna(text)), tmp_path / "out"
    assert main(["predict", str(file), "--model", str(seed), "--task", "embed", "--window", "70", "-o", str(out)]) == 0
    dna, rna = ([row["embedding"] for row in rows(out, "embeddings") if row["record"] == name] for name in ("s0", "s1"))
    assert dna == rna
    assert len(dna) == 2


def test_each_record_is_filled_in_its_own_alphabet(folder, tmp_path):
    dna = "ACGTTGCATGCATNNACGTTGCATCCAACCTGA"
    records = [dna, spelled_as_rna(dna), spelled_as_rna(dna).lower(), dna.replace("T", "U", 2)]
    file, out = fasta(tmp_path / "a.fa", *records), tmp_path / "out"
    options = ("--model", str(with_language_head(folder)), "--task", "masked", "--window", "30", "-o", str(out))
    assert main(["predict", str(file), *options]) == 0
    fills = {f"s{n}": [row for row in rows(out, "fills") if row["record"] == f"s{n}"] for n in range(4)}
    bases = {name: [row["bases"] for row in candidates] for name, candidates in fills.items()}
    assert len({tuple(row["probability"] for row in candidates) for candidates in fills.values()}) == 1
    assert bases["s0"] == bases["s3"] == [text.replace("U", "T") for text in bases["s1"]]
    assert bases["s1"] == bases["s2"] == [spelled_as_rna(text) for text in bases["s0"]]


# ---------------------------------------------------------------- Ctrl-C


def make_plan(words, seed: Path, out: Path) -> prediction.Plan:
    arguments = vars(build_parser(["predict"]).parse_args(["predict", "x", "--model", str(seed), *words]))
    arguments.pop("call")
    analysis = dna_analysis(Options(**arguments), read_checkpoint(seed))
    return prediction.Plan(LocalModel(seed, pack_model(seed)), analysis, out)


def test_the_predictions_so_far_are_written_after_ctrl_c(cold, seed, tmp_path):
    file, out = fasta(tmp_path / "a.fa", *["ACGTTGCA" * 9] * 2000), tmp_path / "out"
    plan = make_plan(("--window", "70"), seed, out)
    facts, batches = prediction.examine(file, plan.analysis), []
    observer = prediction.Observer(lambda tally: batches.append(tally.items), lambda: bool(batches))
    tally, _ = prediction.predict(facts, plan, observer)
    assert len(batches) == 1
    assert 0 < batches[0] == tally.items < facts.items == 2000
    written = rows(out)
    assert [row["record"] for row in written] == [f"s{n // 2}" for n in range(len(written))]
    assert len(written) == tally.windows == summary(out)["counts"]["windows"] == 2 * tally.items
    assert summary(out)["complete"] is False


def test_the_first_ctrl_c_is_noted_and_the_second_ends_the_command(ctrl_c, capsys):
    before = signal.getsignal(signal.SIGINT)
    with catch_interrupts() as is_interrupted:
        assert not is_interrupted()
        ctrl_c()
        assert is_interrupted()
        assert "press Ctrl-C again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    assert signal.getsignal(signal.SIGINT) is before


# ---------------------------------------------------------------- refusals


def refusal(capsys, *arguments) -> str:
    assert main(["predict", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_unsuitable_options_are_refused_before_the_model_predicts(folder, tmp_path, capsys):
    file = fasta(tmp_path / "a.fa", "ACGT" * 30)
    ask = (file, "--model", folder)
    assert "--analysis NAME" in refusal(capsys, *ask)
    assert "up to 70 bases, not of 71" in refusal(capsys, *ask, "--window", 71)
    models = "contigs, embed, masked, proteins, reads"
    assert f"must be an analysis with a model: {models}" in refusal(capsys, *ask, "--analysis", "raw")
    both = refusal(capsys, *ask, "--analysis", "reads", "--task", "masked")
    assert "--task masked contradicts --analysis reads, whose task is promoter" in both
    assert "stride is 71; it must be 1 to window (70)" in refusal(capsys, *ask, "--window", 70, "--stride", 71)
    assert "--masks is for models that fill intervals" in refusal(capsys, *ask, "--window", 70, "--masks", file)
    assert "no trained head for --task masked" in refusal(capsys, *ask, "--window", 70, "--task", "masked")
    change_config(folder, id2label={"0": "other", "1": "enhancer"}, label2id=None)
    error = refusal(capsys, *ask, "--analysis", "reads")
    assert "positive class is 'enhancer', but the analysis calls it 'core promoter'" in error
    change_config(folder, id2label=None)
    assert "does not name its classes" in refusal(capsys, *ask, "--analysis", "reads")


def test_a_broken_file_has_no_predictions(seed, tmp_path, capsys):
    file, out = tmp_path / "a.fastq", tmp_path / "out"
    file.write_text("@r1\nACGT\n+\nIII\n@r2\nACGT\n+\nIIII\n")
    assert main(["predict", str(file), "--model", str(seed), "--window", "70", "-o", str(out)]) == 1
    assert "length_mismatch" in capsys.readouterr().out
    assert not out.exists()


def test_results_are_not_overwritten(seed, tmp_path, capsys):
    file = fasta(tmp_path / "a.fa", "ACGT" * 30)
    (tmp_path / "predictions.jsonl").write_text("mine")
    assert "already contains results" in refusal(capsys, file, "--model", seed, "--window", 70, "-o", tmp_path)
    assert (tmp_path / "predictions.jsonl").read_text() == "mine"


# ---------------------------------------------------------------- handlers that fail


@pytest.fixture
def handler(tmp_path):
    def make(code: str) -> Handler:
        (tmp_path / "code").mkdir()
        (tmp_path / "code/inference.py").write_text(code)
        return Handler(tmp_path, {})

    return make


SOUND = "def model_fn(d): return 1\ndef input_fn(b, t): return b.decode()\ndef output_fn(p, a): return p\n"


def test_output_that_a_handler_prints_is_not_a_prediction(handler):
    code = SOUND + "def predict_fn(d, m):\n    print('noise', flush=True)\n    return d.upper()\n"
    with handler(code) as process:
        assert process.ask(b"a\nb") == [b"A", b"B"]


def test_an_exception_is_reported_and_the_handler_continues(handler):
    with handler(SOUND + "def predict_fn(d, m):\n    return str(1 / int(d))\n") as process:
        with pytest.raises(HandlerError, match="did not respond: ZeroDivisionError"):
            process.ask(b"0")
        assert process.ask(b"1") == [b"1.0"]


def test_the_log_of_a_handler_that_dies_is_quoted(handler):
    code = SOUND + "import os, sys\ndef predict_fn(d, m):\n    print('oh no', file=sys.stderr)\n    os._exit(3)\n"
    with handler(code) as process, pytest.raises(HandlerError, match=r"died \(status 3\)\noh no"):
        process.ask(b"a")


def test_a_handler_sees_neither_the_checkout_nor_foreign_settings(handler, monkeypatch):
    monkeypatch.setenv("SEQDROP_TASK", "masked")
    monkeypatch.setenv("PYTHONPATH", str(Path(prediction.__file__).parents[1]))
    code = (
        "import importlib.util, os\n"
        + SOUND
        + (
            "def predict_fn(d, m):\n"
            "    return f\"{os.environ.get('SEQDROP_TASK')} {importlib.util.find_spec('seqdrop_cli')}\"\n"
        )
    )
    with handler(code) as process:
        assert process.ask(b"a") == [b"None None"]
