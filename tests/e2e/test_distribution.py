"""A job.toml with a [distribution] trains a small T5 encoder with two processes; the model then predicts.

The instance has no GPUs: the plan is made for the real ProtT5 on CPUs, and the embedded SageMaker starts the processes
that the job requests. They train a T5 of the same architecture with two layers of width 32.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass

import pytest
from seqdrop.models.registry import Version, make_current
from seqdrop_cli.deploy.pretrained_weights import push_weights

from local.deploy import push_seed
from local.proteins import Protein, encode_data_set, encode_fasta, make_proteins
from tests.unit.results.proteins import read_three_line

pytestmark = pytest.mark.long  # a training for each; the demo trains with FSDP in make test

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
"""
# The `distribution` of the chapter's estimator, for a host of two processes.
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
# For each case: the table, and the translations of its fields for an image without SageMaker's library.
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
    """A successful training: the upload of its job.toml, its job, and the current model."""

    translations: dict[str, str]
    accumulate: int
    upload_id: str
    job: dict
    pointer: dict
    card: dict


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def protein_set() -> list[Protein]:
    return make_proteins(random.Random(7))


@pytest.fixture(scope="module")
def weights(s3, stack, tmp_path_factory) -> str:
    """A small T5 in the published layout with random weights, pushed as `seqdrop training weights` does."""
    from tests.unit.model_code.protein import published

    name = "prot_t5_xl_half_uniref50-enc"
    folder = published.write(tmp_path_factory.mktemp("weights"), name, published.SMALL_T5)
    return push_weights(s3, stack.models, WEIGHTS, folder, "2026-01-01T00:00:00Z")


@pytest.fixture(scope="module", params=["chapter", "fsdp"])
def trained(request, pipeline, protein_set, weights):
    """A training. The seed is the current model before and afterwards, because other tests expect its predictions."""
    table, translations = CASES[request.param]
    aws, s3, stack = pipeline.aws, pipeline.s3, pipeline.stack
    push_seed(s3, stack.models, MODEL)
    drops = encode_data_set(protein_set, JOB + table)
    uploads = pipeline.wait_for_end(
        *[pipeline.put(f"training/{request.param}/{name}", body) for name, body in drops.items()]
    )
    assert [(upload.state, upload.detail) for upload in uploads] == [("ARCHIVED", "")] * 4
    upload_id = {upload.key.rsplit("/", 1)[1]: upload.upload_id for upload in uploads}["job.toml"]
    summary = read_json(s3, stack.results, f"results/training/{upload_id}/summary.json")
    make_current(s3, stack.models, Version(MODEL, summary["version"]), "2026-01-01T00:00:00Z", "a person")
    job = aws.client("sagemaker").describe_training_job(TrainingJobName=f"seqdrop-training-{upload_id}-1")
    pointer = read_json(s3, stack.models, f"models/{MODEL}/current.json")["current"]
    card = read_json(s3, stack.models, pointer["key"].replace("model.tar.gz", "card.json"))
    yield Trained(translations, 4 if translations else 1, upload_id, job, pointer, card)
    push_seed(s3, stack.models, MODEL)


def test_the_plan_has_the_translation_of_each_field(trained, s3, stack):
    plan = read_json(s3, stack.results, f"results/training/{trained.upload_id}/plan.json")
    prefix = "smdistributed.modelparallel.parameters."
    assert {field["field"].removeprefix(prefix): field["becomes"] for field in plan["fates"]} == trained.translations
    assert (plan["distribution"]["profile"], plan["processes"], plan["fits"]) == ("fsdp", 2, True)


def test_two_processes_trained_and_each_wrote_its_part(trained, s3, stack):
    hyperparameters = trained.job["HyperParameters"]
    assert hyperparameters["sagemaker_torch_distributed_enabled"] == "true"
    assert {"mp_parameters", "sagemaker_mpi_enabled"}.isdisjoint(hyperparameters), (
        "these are for a library that the image does not have"
    )
    assert trained.card["distribution"] == {
        "profile": "fsdp",
        "activation_checkpointing": True,
        "activation_offloading": False,
        "accumulate": trained.accumulate,
        "tokens_per_batch": 200,
        "processes": 2,
    }
    prefix = trained.job["CheckpointConfig"]["S3Uri"].removeprefix(f"s3://{stack.work}/")
    objects = s3.list_objects_v2(Bucket=stack.work, Prefix=f"{prefix}checkpoint-")["Contents"]
    parts = {entry["Key"].rsplit("/", 1)[1] for entry in objects if entry["Key"].endswith(".distcp")}
    assert parts == {"__0_0.distcp", "__1_0.distcp"}


def test_it_started_from_the_weights_and_is_better_than_the_bar(trained, s3, stack, weights):
    """A model that always predicts the most frequent class would be clearly below it."""
    assert (trained.card["model"], trained.card["job_toml"]["weights"]) == ("prott5", WEIGHTS)
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in trained.job["InputDataConfig"]
    }
    assert channels["model"] == f"s3://{stack.models}/{weights}"
    classes = trained.card["data"]["counts"]["test"]["classes"]
    assert max(classes.values()) / sum(classes.values()) < LEAST - 0.2
    assert trained.card["figure"] == trained.pointer["figure"] >= LEAST
    assert trained.pointer["digest"] == trained.card["digest"]
    summary = read_json(s3, stack.results, f"results/training/{trained.upload_id}/summary.json")
    assert (summary["current"], summary["version"]) == (False, trained.pointer["version"])
    assert "not measured on the same test split" in summary["why"], "the seed was tested on other proteins"


def test_the_model_predicts_a_dropped_fasta(trained, put, wait_for_end, s3, stack):
    unseen = make_proteins(random.Random(11), {"unseen": 20})
    (upload,) = wait_for_end(put(f"proteins/{trained.upload_id}.fasta", encode_fasta(unseen)))
    assert upload.state == "ARCHIVED", upload.detail
    prefix = f"results/proteins/{upload.upload_id}/"
    text = s3.get_object(Bucket=stack.results, Key=f"{prefix}structure.fasta")["Body"].read().decode()
    predictions = {name: states for name, _, states in read_three_line(text)}
    assert predictions.keys() == {protein.name for protein in unseen}
    pairs = Counter(pair for protein in unseen for pair in zip(protein.labels, predictions[protein.name], strict=True))
    assert sum(count for (label, call), count in pairs.items() if label == call) / pairs.total() >= LEAST
    assert read_json(s3, stack.results, f"{prefix}summary.json")["model"]["sha256"] == trained.pointer["digest"]
