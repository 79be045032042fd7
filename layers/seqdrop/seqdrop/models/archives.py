"""Models: archives in the models bucket, a pointer to the current one, and SageMaker's Model.

`models/<model>/current.json` points to the archive in use and keeps the previous ones. To change a model, a lab uploads
an archive and moves the pointer (`seqdrop models push`); no deploy is needed. The SageMaker Model is created when a job
first needs it. Its name has a digest of its whole request, so a name never means two models.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypedDict

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.calibration import read_calibration
from seqdrop.models.pins import checksum_of, is_intact, pin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.type_defs import (
        ContainerDefinitionTypeDef,
        CreateModelInputTypeDef,
        S3ModelDataSourceTypeDef,
    )

    from seqdrop.config.settings import Settings
    from seqdrop.models.pointers import Target

# Largest response of the container to one request, in bytes; the container's own default is 6.5 MB.
MAX_RESPONSE = str(64 * 1024 * 1024)
GPU = re.compile(r"ml\.[gp]\d")  # families with NVIDIA GPUs: g4dn, g5, p3, p4d, …
POSITIVE = 1  # the class whose probability the model code reports
UNNAMED = re.compile(r"LABEL_\d+")  # transformers' name for a class without a name


@dataclass(frozen=True)
class ModelArchive:
    """The current archive of a model: key in the models bucket and SHA-256 in hexadecimal.

    `labels` are the names of its classes, class 0 first; empty if the archive does not name them.
    """

    model: str
    key: str
    digest: str
    labels: tuple[str, ...] = ()
    calibration: str = ""
    """Its calibration (`Calibration.as_json`); "" if the archive has none."""
    etag: str = ""
    """ETag of the object in S3, which requests of jobs name; "" if it is not known."""

    def pinned(self, s3: S3Client, bucket: str) -> ModelArchive:
        """Return the archive with the ETag of its object, after a check of its SHA-256 (`pins.pin`)."""
        return replace(self, etag=pin(s3, bucket, self.key, self.digest, self.etag))

    def check_label(self, label: str) -> None:
        """Raise JobRefusedError unless `label` is the archive's own name of its positive class.

        An archive without names of classes is refused as well, for example if its pointer was written before labels
        were recorded: a label must never be a guess.
        """
        if len(self.labels) <= POSITIVE:
            raise JobRefusedError(
                f"the archive of model {self.model!r} does not name its classes, so no window may be called {label!r}: "
                f"run `seqdrop models push {self.model} FOLDER --labels NEGATIVE POSITIVE`, then `seqdrop replay` the "
                "upload"
            )
        if self.labels[POSITIVE] != label:
            raise JobRefusedError(
                f"the positive class of model {self.model!r} is {self.labels[POSITIVE]!r}, but analyses.toml calls it "
                f"{label!r}: correct `label` there and deploy, or push the intended model; then `seqdrop replay` the "
                "upload"
            )


def current_archive(s3: S3Client, bucket: str, model: str) -> ModelArchive:
    """Return the archive that the model's pointer names.

    Raise JobRefusedError, which says how to upload a model, if there is none.
    """
    pointer = pointers.read(s3, bucket, keys.model_pointer(model))
    if pointer is None:
        raise JobRefusedError(
            f"there is no model {model!r} yet: run `seqdrop models push {model} ARCHIVE`, then `seqdrop replay` the "
            "upload"
        )
    return archive_of(model, pointer["current"])


def archive_of(model: str, target: Target) -> ModelArchive:
    """Return the archive that the target of a model's pointer describes."""
    labels, calibration = tuple(target.get("labels", ())), target.get("calibration", "")
    return ModelArchive(model, target["key"], target["digest"], labels, calibration, target.get("etag", ""))


def model_request(
    settings: Settings, archive: ModelArchive, max_payload_mb: int, environment: Mapping[str, str] | None = None
) -> CreateModelInputTypeDef:
    """Return the CreateModel request for an archive, with the model's name.

    `environment` are the variables that inference.py reads, for an endpoint; a transform job sets them itself. The
    archive brings its own code. In isolation that code has neither a network nor credentials; SageMaker itself
    downloads the archive and transfers payloads.
    """
    container: ContainerDefinitionTypeDef = {
        "Image": settings.transform_image,
        "ModelDataSource": {"S3DataSource": _source(settings, archive)},
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "MMS_MAX_REQUEST_SIZE": str((max_payload_mb + 1) * 1024 * 1024),
            "MMS_MAX_RESPONSE_SIZE": MAX_RESPONSE,
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": "15",  # minutes
            **_worker_settings(settings.instance_type),
            **(environment or {}),
        },
    }
    request: CreateModelInputTypeDef = {
        "ModelName": "",
        "ExecutionRoleArn": settings.execution_role,
        "PrimaryContainer": container,
        "EnableNetworkIsolation": True,
    }
    if settings.network:
        request["VpcConfig"] = settings.network
    described = {name: value for name, value in request.items() if name != "ModelName"}
    request["ModelName"] = model_name(archive.model, json.dumps(described, sort_keys=True))
    return request


def _source(settings: Settings, archive: ModelArchive) -> S3ModelDataSourceTypeDef:
    """Return the address of a model.tar.gz. SageMaker downloads the object only if it has this ETag."""
    source: S3ModelDataSourceTypeDef = {
        "S3Uri": f"s3://{settings.models}/{archive.key}",
        "S3DataType": "S3Object",
        "CompressionType": "Gzip",
    }
    if archive.etag:
        source["ETag"] = archive.etag
    return source


def _worker_settings(instance_type: str) -> dict[str, str]:
    """Return the variables that set the container's workers: one worker on all cores, or one per GPU.

    By default, multi-model-server (1.1.11) starts a worker for each GPU, which is right. Without GPUs it starts one for
    each vCPU (ConfigManager.getDefaultWorkers). It sets OMP_NUM_THREADS=1 in each (model_service_worker.py). A
    transform job sends one request at a time to an instance (MaxConcurrentTransforms), so one worker would compute on
    one core, and the others would only take memory for their models. A single worker would still use one core, so
    SEQDROP_THREADS makes model_code/common set the number of threads again.
    """
    if GPU.match(instance_type):
        return {}
    return {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SEQDROP_THREADS": "all"}


def push_archive(s3: S3Client, bucket: str, model: str, body: bytes, now: str, by: str = "") -> ModelArchive:
    """Upload an archive (the bytes of a model.tar.gz) and make it the model's current one.

    A repeated push of the same archive changes nothing, unless the object was replaced. The pointer keeps the previous
    archives, newest first, and who pushed this one (`by`). Raise ValueError if the bytes are no archive.
    """
    archive = _describe(model, body)
    pointer, target = pointers.read(s3, bucket, keys.model_pointer(model)), _target(archive)
    if pointer and target.items() <= pointer["current"].items() and is_intact(s3, bucket, archive.key, archive.digest):
        return archive
    s3.put_object(Bucket=bucket, Key=archive.key, Body=body, ChecksumSHA256=checksum_of(archive.digest))
    current: Target = {**target, **archive_figures(body), "since": now, "by": by}
    pointers.point(s3, bucket, keys.model_pointer(model), current)
    return archive


def _describe(model: str, body: bytes) -> ModelArchive:
    digest, calibration = hashlib.sha256(body).hexdigest(), read_calibration(body)
    text = calibration.as_json() if calibration else ""
    return ModelArchive(model, keys.pushed_archive(model, digest), digest, archive_labels(body), text)


def _target(archive: ModelArchive) -> Target:
    """Return the part of a pointer's target that describes an archive. It is the same only for the same archive."""
    labels = list(archive.labels)
    return {"key": archive.key, "digest": archive.digest, "labels": labels, "calibration": archive.calibration}


def archive_labels(body: bytes) -> tuple[str, ...]:
    """Return the class names in a model.tar.gz. Raise ValueError if it is not an archive with a config.json."""
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            return class_names(_read_json(archive, "config.json"))
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"this is not a model.tar.gz with a config.json ({error})") from error


class Figures(TypedDict, total=False):
    """The task and the figure on the test split, from a trained model's card."""

    task: str
    figure: float | None


def archive_figures(body: bytes) -> Figures:
    """Return the task and the test figure from card.json, which archives of trained models have; otherwise {}."""
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        if "card.json" not in archive.getnames():
            return {}
        card = _read_json(archive, "card.json")
    return {"task": card.get("task", ""), "figure": card.get("metrics", {}).get("test_q3")}


def _read_json(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    """Return a JSON member. Raise KeyError if there is no such file, ValueError if it is not a JSON object."""
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(f"{name} is not a file")
    content = json.loads(member.read())
    if not isinstance(content, dict):
        raise ValueError(f"{name} is not a JSON object")
    return content


def class_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a config.json's classes, class 0 first; empty if any class has no name of its own."""
    if states := (config.get("seqdrop") or {}).get("classes"):  # a protein model has one letter per class
        return tuple(states)
    names = {int(index): str(label) for index, label in (config.get("id2label") or {}).items()}
    if sorted(names) != list(range(len(names))) or any(UNNAMED.fullmatch(name) for name in names.values()):
        return ()
    return tuple(names[index] for index in range(len(names)))


def model_name(model: str, request: str) -> str:
    """Return `seqdrop-<model>-<16 digits>`, with a digest of the whole request, so that a name never means two models.

    A digest of the archive would not be enough: two stacks in one account may use the same archive with other roles.
    """
    return f"seqdrop-{model}-{hashlib.sha256(request.encode()).hexdigest()[:16]}"
