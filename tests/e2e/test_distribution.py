"""A dropped job.toml with a [distribution] trains a small T5 encoder with two processes; its model then predicts.

The instance has no GPUs: the plan is that of the true ProtT5 on processors, and the embedded SageMaker starts as many
processes as the job asks for. What they train is a T5 of the same architecture, two layers of width 32.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass

import pytest
from seqdrop_cli.deploy.pretrained_weights import push_weights

from local.deploy import push_seed
from local.proteins import Protein, encode_data_set, encode_fasta, make_proteins
from tests.unit.results.proteins import read_three_line

WEIGHTS, MODEL, LEAST = "tiny_t5", "structure", 0.8
JOB = f"""
model = "prott5"
weights = "{WEIGHTS}"
name = "{MODEL}"  # what proteins/ uses
[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"
[train]
epochs = 2
tokens_per_batch = 200
max_length = 128
learning_rate = 1e-2
[instance]
type = "ml.m5.4xlarge"
spot = false
[gate]
min_q3 = {LEAST}
any_test = true  # the seed was tested on other proteins
"""
# What the chapter gives its estimator as `distribution`, for a host of two processes.
CHAPTER = """
[distribution.smdistributed.modelparallel]
enabled = true
[distribution.smdistributed.modelparallel.parameters]
partitions = 2
microbatches = 4
pipeline = "interleaved"
optimize = "speed"
placement_strategy = "spread"
tensor_parallel_degree = 1
ddp = true
[distribution.mpi]
enabled = true
processes_per_host = 2
custom_mpi_options = ""
"""
FSDP = """
[distribution]
profile = "fsdp"
processes_per_host = 2
"""
# Of each case: the table, and what its fields become where the image has no library of SageMaker's.
CASES = {
    "chapter": (
        CHAPTER,
        {
            "partitions": "fsdp",
            "microbatches": "accumulate = 4",
            "pipeline": "nothing",
            "optimize": "nothing",
            "placement_strategy": "nothing",
            "tensor_parallel_degree": "nothing",
            "ddp": "fsdp",
            "(not given)": "activation_checkpointing = true",
            "mpi.enabled": "torchrun",
            "mpi.custom_mpi_options": "nothing",
            "mpi.processes_per_host": "processes_per_host = 2",
        },
    ),
    "fsdp": (FSDP, {}),
}


@dataclass(frozen=True)
class Trained:
    """A training that has ended well: the upload of its job.toml, its job, and the model that is current now."""

    fates: dict[str, str]
    accumulate: int
    upload_id: str
    job: dict
    pointer: dict
    card: dict


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def made_up() -> list[Protein]:
    return make_proteins(random.Random(7))


@pytest.fixture(scope="module")
def weights(s3, stack, tmp_path_factory) -> str:
    """A T5 as it is published, small and with random weights, pushed as `seqdrop training weights` does."""
    from tests.unit.model_code.protein import published

    name = "prot_t5_xl_half_uniref50-enc"
    folder = published.write(tmp_path_factory.mktemp("weights"), name, published.SMALL_T5)
    return push_weights(s3, stack.results, WEIGHTS, folder, "2026-01-01T00:00:00Z")


@pytest.fixture(scope="module", params=["chapter", pytest.param("fsdp", marks=pytest.mark.long)])
def trained(request, aws, s3, stack, put, end, made_up, weights):
    """The seed is current before and afterwards: other tests expect its answers."""
    table, fates = CASES[request.param]
    push_seed(s3, stack.results, MODEL)
    drops = encode_data_set(made_up, JOB + table)
    ended = end(*[put(f"training/{request.param}/{name}", body) for name, body in drops.items()])
    assert [(one.state, one.detail) for one in ended] == [("ARCHIVED", "")] * 4
    upload_id = {one.key.rsplit("/", 1)[1]: one.upload_id for one in ended}["job.toml"]
    job = aws.client("sagemaker").describe_training_job(TrainingJobName=f"seqdrop-training-{upload_id}-1")
    pointer = read_json(s3, stack.results, f"models/{MODEL}/current.json")["current"]
    card = read_json(s3, stack.results, pointer["key"].replace("model.tar.gz", "card.json"))
    yield Trained(fates, 4 if fates else 1, upload_id, job, pointer, card)
    push_seed(s3, stack.results, MODEL)


def test_the_plan_says_what_became_of_each_field(trained, s3, stack):
    plan = read_json(s3, stack.results, f"results/training/{trained.upload_id}/plan.json")
    prefix = "smdistributed.modelparallel.parameters."
    assert {one["field"].removeprefix(prefix): one["becomes"] for one in plan["fates"]} == trained.fates
    assert (plan["distribution"]["profile"], plan["processes"], plan["fits"]) == ("fsdp", 2, True)


def test_two_processes_trained_and_each_kept_its_part(trained, s3, stack):
    told = trained.job["HyperParameters"]
    assert told["sagemaker_torch_distributed_enabled"] == "true"
    assert {"mp_parameters", "sagemaker_mpi_enabled"}.isdisjoint(told), "for a library that the image does not have"
    assert trained.card["distribution"] == {
        "profile": "fsdp",
        "activation_checkpointing": True,
        "activation_offloading": False,
        "accumulate": trained.accumulate,
        "tokens_per_batch": 200,
        "processes": 2,
    }
    prefix = trained.job["CheckpointConfig"]["S3Uri"].removeprefix(f"s3://{stack.work}/")
    kept = s3.list_objects_v2(Bucket=stack.work, Prefix=f"{prefix}checkpoint-")["Contents"]
    parts = {one["Key"].rsplit("/", 1)[1] for one in kept if one["Key"].endswith(".distcp")}
    assert parts == {"__0_0.distcp", "__1_0.distcp"}


def test_it_went_on_from_the_weights_and_passed_its_gate(trained, s3, stack, weights):
    """A model that always says the commonest class would fail the gate by far."""
    assert (trained.card["model"], trained.card["job_toml"]["weights"]) == ("prott5", WEIGHTS)
    channels = {
        one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in trained.job["InputDataConfig"]
    }
    assert channels["model"] == f"s3://{stack.results}/{weights}"
    classes = trained.card["data"]["counts"]["test"]["classes"]
    assert max(classes.values()) / sum(classes.values()) < LEAST - 0.2
    assert trained.card["figure"] == trained.pointer["figure"] >= LEAST
    assert trained.pointer["digest"] == trained.card["digest"]
    summary = read_json(s3, stack.results, f"results/training/{trained.upload_id}/summary.json")
    assert (summary["current"], summary["version"]) == (True, trained.pointer["version"])


def test_the_model_predicts_a_dropped_fasta(trained, put, end, s3, stack):
    unseen = make_proteins(random.Random(11), {"unseen": 20})
    (one,) = end(put(f"proteins/{trained.upload_id}.fasta", encode_fasta(unseen)))
    assert one.state == "ARCHIVED", one.detail
    prefix = f"results/proteins/{one.upload_id}/"
    text = s3.get_object(Bucket=stack.results, Key=f"{prefix}structure.fasta")["Body"].read().decode()
    found = {name: states for name, _, states in read_three_line(text)}
    assert found.keys() == {protein.name for protein in unseen}
    pairs = Counter(pair for protein in unseen for pair in zip(protein.labels, found[protein.name], strict=True))
    assert sum(count for (true, called), count in pairs.items() if true == called) / pairs.total() >= LEAST
    assert read_json(s3, stack.results, f"{prefix}summary.json")["model"]["sha256"] == trained.pointer["digest"]
