"""Models: an archive in the results bucket, a pointer that says which is current, and SageMaker's Model.

`models/<model>/current.json` points to the archive in use and keeps its history, so a lab changes a model by
uploading an archive and moving the pointer (`seqdrop models push`); no deploy is needed. The SageMaker Model is
made when a job first needs it and is named by a digest of its whole request, so it can never mean two things.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from seqdrop.calibration import of_archive
from seqdrop.errors import JobRefused
from seqdrop.jobs.names import model_name
from seqdrop.settings import Settings

# The container answers at most this many bytes to one request; its own default is 6.5 MB.
MAX_RESPONSE = str(64 * 1024 * 1024)


@dataclass(frozen=True)
class ModelArchive:
    """The archive that is current for a model: key in the results bucket and SHA-256 in hexadecimal."""

    model: str
    key: str
    digest: str
    calibration: str = ""
    """What its probabilities are worth (`Calibration.as_json`); "" if the archive does not say."""


def pointer_key(model: str) -> str:
    return f"models/{model}/current.json"


def current_archive(s3, bucket: str, model: str) -> ModelArchive:
    """Follow the pointer. Raises JobRefused that says how to upload a model if there is none."""
    pointer = _pointer(s3, bucket, model)
    if pointer is None:
        raise JobRefused(
            f"there is no model {model!r} yet: run `seqdrop models push {model} ARCHIVE`, then drop the file again"
        )
    found = pointer["current"]
    return ModelArchive(model, found["key"], found["digest"], found.get("calibration", ""))


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
            },
        },
    }
    return {"ModelName": model_name(archive.model, json.dumps(request, sort_keys=True)), **request}


def ensure_model(sagemaker, request: dict) -> None:
    """Make a SageMaker Model unless it is there. Raises JobRefused if it cannot be made."""
    try:
        sagemaker.create_model(**request)
    except ClientError as error:
        if "already existing" not in error.response["Error"]["Message"]:
            raise _refusal(error) from error


def _refusal(error: ClientError) -> Exception:
    """ValidationException is for ever; anything else (throttling, 5xx) is left as it is, to be tried again."""
    if error.response["Error"]["Code"] == "ValidationException":
        return JobRefused(f"SageMaker refused the model: {error.response['Error']['Message']}")
    return error


def push_archive(s3, bucket: str, model: str, body: bytes, now: str) -> ModelArchive:
    """Upload an archive (the bytes of a model.tar.gz) and make it the model's current one.

    Pushing the same archive again changes nothing. The pointer keeps what was current before, newest first.
    """
    digest, scores = hashlib.sha256(body).hexdigest(), of_archive(body)
    key, calibration = f"models/{model}/{digest[:16]}.tar.gz", scores.as_json() if scores else ""
    archive = ModelArchive(model, key, digest, calibration)
    pointer = _pointer(s3, bucket, model)
    if pointer and pointer["current"]["digest"] == digest:
        return archive
    s3.put_object(Bucket=bucket, Key=archive.key, Body=body)
    history = [pointer["current"], *pointer["history"]] if pointer else []
    current = {"key": archive.key, "digest": digest, "since": now, "calibration": calibration}
    content = {"current": current, "history": history}
    s3.put_object(Bucket=bucket, Key=pointer_key(model), Body=json.dumps(content, indent=2).encode())
    return archive


def _pointer(s3, bucket: str, model: str) -> dict | None:
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=pointer_key(model))["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
