"""`seqdrop predict`: the handler's own answers, in the files that a job has; and what Ctrl-C leaves."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
from pathlib import Path

import pytest
from seqdrop_cli import prediction as local
from seqdrop_cli.deploy.archive import pack_model
from seqdrop_cli.handler import Handler, HandlerError
from seqdrop_cli.interrupts import interrupts
from seqdrop_cli.main import main

from tests.unit.cli.folders import change_config, with_language_head


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the handler's process; the models are tiny


@pytest.fixture(scope="session")
def golden(repository) -> dict:
    """Sequences of 70 bases, and what the seed says of both strands of each."""
    return json.loads((repository / "tests/unit/model_code/dnabert/golden/seeds.json").read_text())["promoter-70"]


def fasta(path: Path, *sequences: str) -> Path:
    path.write_text("".join(f">s{number}\n{one}\n" for number, one in enumerate(sequences)))
    return path


def rows(out: Path, name: str = "predictions") -> list[dict]:
    return [json.loads(line) for line in (out / f"{name}.jsonl").read_text().splitlines()]


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def test_a_fasta_is_predicted_as_in_the_pipeline(cold, golden, seed, tmp_path, capsys):
    file, out = fasta(tmp_path / "a.fa", *golden["sequences"], "ACGT"), tmp_path / "out"
    asked = ("--model", str(seed), "--window", "70", "--strands", "+-", "--threshold", "0.5", "-o", str(out))
    assert main(["predict", str(file), *asked]) == 0
    *scored, short, _ = rows(out)
    assert [row["probability"] for row in scored] == pytest.approx(golden["answers"], abs=1e-4)
    assert [row["strand"] for row in scored] == ["+", "-"] * len(golden["sequences"])
    assert all(row["call"] == (row["probability"] >= 0.5) for row in scored)
    assert short["not_scored"] == "shorter_than_window"
    called = [line.split("\t") for line in (out / "calls.bed").read_text().splitlines() if not line.startswith("#")]
    assert len(called) == sum(row["call"] for row in scored)
    assert {fields[3] for fields in called} == {"core_promoter"}
    assert (out / "predictions.parquet").is_file()
    found = summary(out)
    assert (found["complete"], found["upload"]["records"]) == (True, len(scored) // 2 + 1)
    assert found["parameters"]["task"] == "promoter"
    assert found["counts"]["windows"] == len(scored) + 2
    assert "windows/s" in capsys.readouterr().out


def test_a_compressed_fastq_by_an_archive_and_an_analysis(golden, seed, tmp_path):
    archive, file, out = tmp_path / "m.tar.gz", tmp_path / "a.fastq.gz", tmp_path / "out"
    archive.write_bytes(pack_model(seed))
    reads = "".join(f"@r{number}\n{one}\n+\n{'I' * len(one)}\n" for number, one in enumerate(golden["sequences"]))
    file.write_bytes(gzip.compress(reads.encode()))
    assert main(["predict", str(file), "--model", str(archive), "--analysis", "reads", "-o", str(out)]) == 0
    assert [row["probability"] for row in rows(out)] == pytest.approx(golden["answers"][::2], abs=1e-4)
    assert not (out / "calls.bed").exists()  # reads are no places on a genome
    assert summary(out)["parameters"]["label"] == "core promoter"


def test_masked_stretches_are_filled(folder, tmp_path):
    file, out = fasta(tmp_path / "a.fa", "ACGTTGCATGCATNNACGTTGCATCCAACCTGA", "ACGT" * 10), tmp_path / "out"
    asked = ("--model", str(with_language_head(folder)), "--task", "masked", "--window", "30", "-o", str(out))
    assert main(["predict", str(file), *asked]) == 0
    found = rows(out, "fills")
    assert [(one["record"], one["start"], one["end"], one["rank"]) for one in found] == [
        ("s0", 13, 15, rank) for rank in range(1, 6)
    ]
    assert summary(out)["counts"]["windows"] == 1
    assert (out / "fills.parquet").is_file()


def test_the_stretches_of_a_bed_are_filled(folder, tmp_path, capsys):
    file, out, bed = fasta(tmp_path / "a.fa", "ACGT" * 10, "ACGTNNACGT" * 4), tmp_path / "out", tmp_path / "m.bed"
    bed.write_text("# mine\ns1\t8\t10\ns0\t20\t23\n")
    asked = (file, "--model", with_language_head(folder), "--task", "masked", "--window", 30, "--masks", bed)
    asked = ["predict", *map(str, asked), "--max-n-fraction", "0.5", "-o", str(out)]
    assert main(asked) == 0
    first = [(one["record"], one["start"], one["end"]) for one in rows(out, "fills") if one["rank"] == 1]
    assert first == [("s0", 20, 23), ("s1", 8, 10)]
    told = summary(out)
    assert told["counts"]["windows"] == 2
    assert told["masks"]["sha256"] == hashlib.sha256(bed.read_bytes()).hexdigest()
    assert (told["masks"]["key"], told["masks"]["stretches"]) == ("m.bed", 2)
    bed.write_text("s0\t38\t41\ns7\t1\t2\n")
    assert main([*asked[:-1], str(tmp_path / "none")]) == 1
    said = capsys.readouterr().out
    assert "line 1: bed_beyond_end" in said
    assert "line 2: bed_no_record" in said
    assert not (tmp_path / "none").exists()


# ---------------------------------------------------------------- Ctrl-C


def plan_of(options, seed: Path, out: Path):
    from seqdrop_cli.deploy.checkpoint import read_checkpoint
    from seqdrop_cli.main import parser
    from seqdrop_cli.prediction_settings import analysis_of

    found = parser().parse_args(["predict", "x", "--model", str(seed), *options])
    return local.Plan(seed, pack_model(seed), analysis_of(found, read_checkpoint(seed)), out)


def test_after_ctrl_c_what_was_answered_is_written(cold, seed, tmp_path):
    file, out = fasta(tmp_path / "a.fa", *["ACGTTGCA" * 9] * 2000), tmp_path / "out"
    plan = plan_of(("--window", "70"), seed, out)
    found, asked = local.examine(file, plan.analysis), []
    tally, _ = local.predict(found, plan, stopped=lambda: bool(asked), shown=lambda tally: asked.append(tally.items))
    assert len(asked) == 1
    assert 0 < asked[0] == tally.items < found.items == 2000
    written = rows(out)
    assert [row["record"] for row in written] == [f"s{n // 2}" for n in range(len(written))]
    assert len(written) == tally.windows == summary(out)["counts"]["windows"] == 2 * tally.items
    assert summary(out)["complete"] is False


def test_the_first_ctrl_c_is_noted_and_the_second_one_ends(ctrl_c, capsys):
    before = signal.getsignal(signal.SIGINT)
    with interrupts() as stopped:
        assert not stopped()
        ctrl_c()
        assert stopped()
        assert "Ctrl-C again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    assert signal.getsignal(signal.SIGINT) is before


# ---------------------------------------------------------------- refusals


def refusal(capsys, *arguments) -> str:
    assert main(["predict", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_what_does_not_fit_is_refused_before_the_model_is_asked(folder, tmp_path, capsys):
    file = fasta(tmp_path / "a.fa", "ACGT" * 30)
    ask = (file, "--model", folder)
    assert "--analysis NAME" in refusal(capsys, *ask)
    assert "up to 70 bases, not of 71" in refusal(capsys, *ask, "--window", 71)
    models = "contigs, embed, masked, proteins, reads"
    assert f"must be one with a model: {models}" in refusal(capsys, *ask, "--analysis", "raw")
    assert "stride is 71; it must be 1 to window (70)" in refusal(capsys, *ask, "--window", 70, "--stride", 71)
    assert "--masks says what to fill" in refusal(capsys, *ask, "--window", 70, "--masks", file)
    assert "no trained head for --task masked" in refusal(capsys, *ask, "--window", 70, "--task", "masked")
    change_config(folder, id2label={"0": "other", "1": "enhancer"}, label2id=None)
    said = refusal(capsys, *ask, "--analysis", "reads")
    assert "positive class is 'enhancer', but the analysis calls it 'core promoter'" in said
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
    assert "holds results already" in refusal(capsys, file, "--model", seed, "--window", 70, "-o", tmp_path)
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


def test_what_a_handler_prints_is_no_answer(handler):
    code = SOUND + "def predict_fn(d, m):\n    print('noise', flush=True)\n    return d.upper()\n"
    with handler(code) as found:
        assert found.ask(b"a\nb") == [b"A", b"B"]


def test_an_exception_is_told_and_the_handler_goes_on(handler):
    with handler(SOUND + "def predict_fn(d, m):\n    return str(1 / int(d))\n") as found:
        with pytest.raises(HandlerError, match="did not answer: ZeroDivisionError"):
            found.ask(b"0")
        assert found.ask(b"1") == [b"1.0"]


def test_a_handler_that_dies_is_told_with_its_last_words(handler):
    code = SOUND + "import os, sys\ndef predict_fn(d, m):\n    print('oh no', file=sys.stderr)\n    os._exit(3)\n"
    with handler(code) as found, pytest.raises(HandlerError, match=r"died \(status 3\)\noh no"):
        found.ask(b"a")


def test_a_handler_sees_neither_the_checkout_nor_foreign_settings(handler, monkeypatch):
    monkeypatch.setenv("SEQDROP_TASK", "masked")
    monkeypatch.setenv("PYTHONPATH", str(Path(local.__file__).parents[1]))
    code = (
        "import importlib.util, os\n"
        + SOUND
        + (
            "def predict_fn(d, m):\n"
            "    return f\"{os.environ.get('SEQDROP_TASK')} {importlib.util.find_spec('seqdrop_cli')}\"\n"
        )
    )
    with handler(code) as found:
        assert found.ask(b"a") == [b"None None"]
