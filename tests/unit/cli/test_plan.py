"""`seqdrop plan`: a plan shows the translation of each field; a job that cannot run is refused, with advice."""

import json
import random

import pytest
from seqdrop_cli.main import main

JOB = """\
model = "protbert"
weights = "prot_bert_bfd"
budget_usd = 50.0
[data]
format = "three_line"
train = "train.txt"
validation = "validation.txt"
test = "test.txt"
[train]
max_length = 512
[instance]
spot = false
type = "ml.g5.12xlarge"
"""
CHAPTER = """
[distribution.smdistributed.modelparallel]
enabled = true
parameters = { partitions = 2, microbatches = 4, pipeline = "interleaved", tensor_parallel_degree = 2, ddp = true }
[distribution.mpi]
enabled = true
processes_per_host = 4
"""


@pytest.fixture
def job(tmp_path):
    def write(more: str = "", text: str = JOB):
        path = tmp_path / "job.toml"
        path.write_text(text + more)
        return str(path)

    return write


def run(capsys, *words: str) -> tuple[int, str]:
    status = main(["plan", *words])
    output = capsys.readouterr()
    return status, output.out + output.err


def test_the_plan_translates_a_dict_of_the_sdk(job, capsys):
    status, text = run(capsys, job(CHAPTER), "--residues", "2500000")
    assert status == 0
    assert "ProtBERT-BFD on ml.g5.12xlarge (4 × A10G), profile fsdp, activation checkpointing, 4 passes" in text
    for part in ("parameters", "optimizer", "gathered blocks", "framework", "in all", "of 22.5 GiB", "20 bytes"):
        assert part in text
    assert "2,500,000 residues × 10 epochs" in text
    assert "$7.09 an hour on demand in us-east-1 as of" in text
    assert 'pipeline = "interleaved"  →  nothing: there is no pipeline' in text
    assert "microbatches = 4  →  accumulate = 4" in text


def test_with_sagemakers_library_the_dict_is_not_changed(job, capsys):
    status, text = run(capsys, job(CHAPTER), "--residues", "2500000", "--smp-image")
    assert status == 0
    assert "partitions = 2  →  the same: the image has the library" in text


def test_residues_are_counted_in_the_files_beside_job_toml(job, capsys, tmp_path):
    chance = random.Random(1)
    for name, count in (("train", 30), ("validation", 4), ("test", 4)):
        lines = []
        for number in range(count):
            residues = "".join(chance.choices("ACDEFGHIKLMNPQRSTVWY", k=100))
            lines += [f">{name}{number}", residues, "".join(chance.choices("HEC", k=100))]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    status, text = run(capsys, job('[distribution]\nprofile = "fsdp"\n'))
    assert status == 0
    assert "3,000 residues × 10 epochs" in text
    (tmp_path / "train.txt").write_text(">one\nMKV\nHH\n")
    status, text = run(capsys, job('[distribution]\nprofile = "fsdp"\n'))
    assert (status, "3 residues, 2 labels" in text) == (1, True)


def test_without_data_the_number_of_residues_is_required(job, capsys):
    status, text = run(capsys, job())
    assert status == 2
    assert "train.txt does not exist; put it beside job.toml, or give the number of residues of the training" in text


def test_json_is_the_whole_plan(job, capsys):
    status, text = run(capsys, job(CHAPTER), "--residues", "2500000", "--json")
    plan = json.loads(text)
    assert (status, plan["refused"], plan["fits"], plan["processes"]) == (0, False, True, 4)
    assert plan["total_bytes"] == sum(plan["bytes"].values())
    assert {entry["field"].rpartition(".")[2] for entry in plan["fates"]} >= {"partitions", "pipeline", "enabled"}


def test_a_job_that_does_not_fit_is_refused_with_what_would_fit(job, capsys):
    toml = JOB.replace("protbert", "prott5") + '[distribution]\nprofile = "ddp"\n'
    status, text = run(capsys, job(text=toml), "--residues", "2500000")
    assert status == 1
    assert "each GPU (A10G) needs 59.8 GiB and has 22.5 GiB" in text
    assert "profile = 'fsdp' with activation_checkpointing ($" in text
    status, text = run(capsys, job(text=toml), "--residues", "2500000", "--json")
    assert (status, json.loads(text)["refused"], len(json.loads(text)["advice"])) == (1, True, 3)


def test_impossible_distributions_are_refused(job, capsys):
    status, text = run(capsys, job('[distribution]\nprofile = "single"\nhosts = 2\n'), "--residues", "9")
    assert (status, "profile single is one process on one host" in text) == (1, True)


def test_another_instance_and_another_price(job, capsys):
    more = '[distribution]\nprofile = "ddp"\n'
    status, text = run(capsys, job(more), "--residues", "2500000", "--instance", "ml.g6e.12xlarge", "--price", "10")
    assert status == 0
    assert "on ml.g6e.12xlarge (4 × L40S)" in text
    assert "$10.00 an hour" in text
    status, text = run(capsys, job(more), "--residues", "2500000", "--any")
    assert (status, "profile ddp" in text) == (0, True)
    assert run(capsys, job(more), "--residues", "2500000", "--any", "--price", "10")[0] == 2


def test_a_broken_job_toml_is_refused_with_all_its_errors(job, capsys):
    status, text = run(capsys, job("epochs = 3\n"), "--residues", "9")
    assert (status, "epochs" in text) == (1, True)
