"""The commands on trainings put code and weights where jobs look for them, in the models bucket."""

import io
import os
import tarfile
from types import SimpleNamespace

import pytest
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.archives import current_archive
from seqdrop.models.code_bundles import current_program
from seqdrop_cli.deploy.model_code import MODEL_CODE
from seqdrop_cli.deploy.training_code import pack_program

from tests.support.aws.direct import Client


@pytest.fixture
def run(services, cloud, use_target, seqdrop):
    """Return a function that runs a command line with the buckets in memory; it returns exit status and error."""
    clients = {"s3": services.s3, "sts": Client(cloud, "sts")}
    use_target(SimpleNamespace(models="models", client=clients.__getitem__))

    def call(*words) -> tuple[int, str]:
        outcome = seqdrop(*words)
        return outcome.status, outcome.err

    return call


def members(services, key: str) -> list[str]:
    body = services.s3.get_object(Bucket="models", Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return archive.getnames()


def test_the_scripts_of_the_checkout_are_pushed(run, services):
    with pytest.raises(JobRefusedError, match="seqdrop training push"):
        current_program(services.s3, "models", "protein")
    assert run("training", "push") == (0, "")
    names = members(services, current_program(services.s3, "models", "protein").prefix + "sourcedir.tar.gz")
    assert {"train.py", "networks.py"} <= set(names)
    assert "train.py" in members(
        services, current_program(services.s3, "models", "dnabert").prefix + "sourcedir.tar.gz"
    )


def test_the_same_scripts_give_the_same_archive(tmp_path):
    assert pack_program(MODEL_CODE / "protein") == pack_program(MODEL_CODE / "protein")
    with pytest.raises(ValueError, match="has no training script; check --code"):
        pack_program(tmp_path)


def test_weights_are_uploaded_under_the_name_that_the_script_looks_for(run, services, tmp_path):
    status, error = run("training", "weights", "prot_bert_bfd", tmp_path)
    assert (status, "not a folder of pre-trained weights" in error) == (2, True)
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        (tmp_path / name).write_text("{}")
    (tmp_path / ".cache").mkdir()
    assert run("training", "weights", "prot_bert_bfd", tmp_path) == (0, "")
    archive = current_archive(services.s3, "models", "prot_bert_bfd")
    assert archive.key.endswith("/model.tar.gz")
    assert members(services, archive.key) == ["config.json", "model.safetensors", "vocab.txt"]


def test_the_same_weights_give_the_same_archive_whatever_the_times_of_the_files(run, services, tmp_path):
    """A copy that changed times and modes is not a new model."""
    (tmp_path / "config.json").write_text("{}")
    pushed = []
    for moment, mode in ((1, 0o600), (2_000_000_000, 0o644)):
        os.utime(tmp_path / "config.json", (moment, moment))
        (tmp_path / "config.json").chmod(mode)
        assert run("training", "weights", "tiny", tmp_path) == (0, "")
        pushed.append(current_archive(services.s3, "models", "tiny"))
    assert pushed[0] == pushed[1]
    assert pointers.read(services.s3, "models", "models/tiny/current.json")["history"] == []
