"""Models: an archive in the results bucket, a pointer that says which is current, and SageMaker's Model.

`models/<model>/current.json` points to the archive in use and keeps its history, so a lab changes a model by
uploading an archive and moving the pointer (`seqdrop models push`); no deploy is needed. The SageMaker Model is
made when a job first needs it and is named by a digest of its whole request, so it can never mean two things.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.calibration import of_archive

if TYPE_CHECKING:
    from seqdrop.config.settings import Settings

# The container answers at most this many bytes to one request; its own default is 6.5 MB.
MAX_RESPONSE = str(64 * 1024 * 1024)
GPU = re.compile(r"ml\.[gp]\d")  # families with NVIDIA GPUs: g4dn, g5, p3, p4d, …
POSITIVE = 1  # the class whose probability the model code reports
UNNAMED = re.compile(r"LABEL_\d+")  # what transformers calls a class of which nobody said what it is


@dataclass(frozen=True)
class ModelArchive:
    """The archive that is current for a model: key in the results bucket and SHA-256 in hexadecimal.

    `labels` are the names of its classes, class 0 first; none where the archive does not name them.
    """

    model: str
    key: str
    digest: str
    labels: tuple[str, ...] = ()
    calibration: str = ""
    """What its probabilities are worth (`Calibration.as_json`); "" if the archive does not say."""

    def check_label(self, label: str) -> None:
        """Raises JobRefusedError unless `label` is the archive's own name for its positive class.

        A pointer from before labels were recorded names none: what the model does not say is not said for it.
        """
        if len(self.labels) <= POSITIVE:
            raise JobRefusedError(
                f"the archive of model {self.model!r} does not name its classes, so no window may be called {label!r}: "
                f"run `seqdrop models push {self.model} FOLDER --labels NEGATIVE POSITIVE`, then `seqdrop replay` it"
            )
        if self.labels[POSITIVE] != label:
            raise JobRefusedError(
                f"the positive class of model {self.model!r} is {self.labels[POSITIVE]!r}, but analyses.toml calls it "
                f"{label!r}: correct `label` there and deploy, or push the model that is meant; then replay it"
            )


def current_archive(s3, bucket: str, model: str) -> ModelArchive:
    """Follow the pointer. Raises JobRefusedError that says how to upload a model if there is none."""
    pointer = pointers.read(s3, bucket, keys.model_pointer(model))
    if pointer is None:
        raise JobRefusedError(
            f"there is no model {model!r} yet: run `seqdrop models push {model} ARCHIVE`, then `seqdrop replay` it"
        )
    found = pointer["current"]
    labels, calibration = tuple(found.get("labels", ())), found.get("calibration", "")
    return ModelArchive(model, found["key"], found["digest"], labels, calibration)


def model_request(settings: Settings, archive: ModelArchive, max_payload_mb: int) -> dict:
    """The CreateModel request for an archive, its name included."""
    request = {
        "ExecutionRoleArn": settings.execution_role,
        "PrimaryContainer": {
            "Image": settings.transform_image,
            "ModelDataUrl": f"s3://{settings.results}/{archive.key}",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "MMS_MAX_REQUEST_SIZE": str((max_payload_mb + 1) * 1024 * 1024),
                "MMS_MAX_RESPONSE_SIZE": MAX_RESPONSE,
                "SAGEMAKER_MODEL_SERVER_TIMEOUT": "15",  # minutes
                **_workers(settings.instance_type),
            },
        },
    }
    return {"ModelName": model_name(archive.model, json.dumps(request, sort_keys=True)), **request}


def _workers(instance_type: str) -> dict[str, str]:
    """How the container spreads over an instance: one worker on all cores, or one a GPU.

    Left alone, multi-model-server (1.1.11) starts a worker for each GPU, which is right, or where there is none for
    each vCPU (ConfigManager.getDefaultWorkers), and it sets OMP_NUM_THREADS=1 in each (model_service_worker.py). A
    transform job sends an instance one request at a time (MaxConcurrentTransforms), so one core would work, and
    every other would hold a model of its own and wait. With one worker alone it would still be one core: hence
    SEQDROP_THREADS, by which model_code/common takes the threads back.
    """
    if GPU.match(instance_type):
        return {}
    return {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SEQDROP_THREADS": "all"}


def push_archive(s3, bucket: str, model: str, body: bytes, now: str) -> ModelArchive:
    """Upload an archive (the bytes of a model.tar.gz) and make it the model's current one.

    Pushing the same archive again changes nothing. The pointer keeps what was current before, newest first.
    Raises ValueError for bytes that are no archive.
    """
    archive = _described(model, body)
    pointer, about = pointers.read(s3, bucket, keys.model_pointer(model)), _about(archive)
    if pointer and about.items() <= pointer["current"].items():
        return archive
    s3.put_object(Bucket=bucket, Key=archive.key, Body=body)
    pointers.move(s3, bucket, keys.model_pointer(model), pointer, {**about, **archive_figures(body), "since": now})
    return archive


def _described(model: str, body: bytes) -> ModelArchive:
    digest, scores = hashlib.sha256(body).hexdigest(), of_archive(body)
    key, calibration = keys.pushed_archive(model, digest), scores.as_json() if scores else ""
    return ModelArchive(model, key, digest, archive_labels(body), calibration)


def _about(archive: ModelArchive) -> dict:
    """What the pointer tells of it, and what a change of makes it another."""
    labels = list(archive.labels)
    return {"key": archive.key, "digest": archive.digest, "labels": labels, "calibration": archive.calibration}


def archive_labels(body: bytes) -> tuple[str, ...]:
    """The class names in a model.tar.gz. Raises ValueError for bytes that are none, or have no config.json."""
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            return class_names(json.loads(archive.extractfile("config.json").read()))
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"this is no model.tar.gz with a config.json ({error})") from error


def archive_figures(body: bytes) -> dict:
    """The task and the test figure that an archive's own card.json tells, as trained models have one; else nothing."""
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        if "card.json" not in archive.getnames():
            return {}
        card = json.loads(archive.extractfile("card.json").read())
    return {"task": card.get("task", ""), "figure": card.get("metrics", {}).get("test_q3")}


def class_names(config: dict) -> tuple[str, ...]:
    """The names of a config.json's classes, class 0 first; none where any class has no name of its own."""
    if states := (config.get("seqdrop") or {}).get("classes"):  # of a protein model: a letter a class
        return tuple(states)
    named = {int(index): str(label) for index, label in (config.get("id2label") or {}).items()}
    if sorted(named) != list(range(len(named))) or any(UNNAMED.fullmatch(label) for label in named.values()):
        return ()
    return tuple(named[index] for index in range(len(named)))


def model_name(model: str, request: str) -> str:
    """`seqdrop-<model>-<16 digits>`: a digest of the whole request, so that a name never means two models.

    The archive alone would not do: two stacks of one account may use the same archive with roles of their own.
    """
    return f"seqdrop-{model}-{hashlib.sha256(request.encode()).hexdigest()[:16]}"
