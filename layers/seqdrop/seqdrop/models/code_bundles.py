"""What training jobs run: a sourcedir.tar.gz for each folder of model_code/ that has a train.py, in the results bucket.

`training/<program>/current.json` points to the archive in use (`seqdrop training push`), as models have their pointers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from seqdrop.errors import JobRefused
from seqdrop.models import pointers

SOURCE, TRAINING_ENTRY = "sourcedir.tar.gz", "train.py"
PROGRAMS = ("protein", "dnabert")


@dataclass(frozen=True)
class Program:
    """A prefix of the results bucket that holds the archive alone, and the archive's SHA-256."""

    prefix: str
    digest: str


def program_of(model: str) -> str:
    """Which folder of model_code/ trains a model."""
    return "dnabert" if model == "dnabert" else "protein"


def current_program(s3, bucket: str, program: str) -> Program:
    """Follow the pointer. Raises JobRefused that says what to do if there is none."""
    pointer = pointers.read(s3, bucket, _pointer(program))
    if pointer is None:
        raise JobRefused(
            "the code of training jobs is not there yet: run `seqdrop training push`, then drop job.toml again"
        )
    return Program(pointer["current"]["prefix"], pointer["current"]["digest"])


def push_program(s3, bucket: str, program: str, archive: bytes, now: str) -> Program:
    """Upload an archive and make it the current one. Pushing the same again changes nothing."""
    digest = hashlib.sha256(archive).hexdigest()
    found = Program(f"training/{program}/{digest[:16]}/", digest)
    pointer = pointers.read(s3, bucket, _pointer(program))
    if pointers.is_current(pointer, digest):
        return found
    s3.put_object(Bucket=bucket, Key=found.prefix + SOURCE, Body=archive)
    pointers.move(s3, bucket, _pointer(program), pointer, {"prefix": found.prefix, "digest": digest, "since": now})
    return found


def _pointer(program: str) -> str:
    return f"training/{program}/current.json"
