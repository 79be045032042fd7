"""What a processing job runs: this package and the wheels it needs, in the results bucket.

`processing/current.json` points to the prefix in use (`seqdrop processing push`), as models have their pointers.
A prefix holds the entry point and one archive, and is named by a digest of both.

What training jobs run: a sourcedir.tar.gz for each folder of model_code/ that has a train.py, in the results bucket.

`training/<program>/current.json` points to the archive in use (`seqdrop training push`), as models have their pointers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers

PROCESSING_ENTRY, PACKAGES = "entry.py", "packages.zip"


@dataclass(frozen=True)
class Code:
    """A prefix of the results bucket, and the SHA-256 of what lies below it."""

    prefix: str
    digest: str


def current_code(s3, bucket: str) -> Code:
    """Follow the pointer. Raises JobRefusedError that says what to do if there is none."""
    pointer = pointers.read(s3, bucket, keys.PROCESSING_POINTER)
    if pointer is None:
        raise JobRefusedError("the code of processing jobs is not there yet: run `seqdrop processing push`")
    return Code(pointer["current"]["prefix"], pointer["current"]["digest"])


def push_code(s3, bucket: str, packages: bytes, now: str) -> Code:
    """Upload the archive of packages (a zip of what belongs on the module path) and make it the current code.

    Pushing the same again changes nothing.
    """
    entry = files("seqdrop.stages.start_processing").joinpath(PROCESSING_ENTRY).read_bytes()
    digest = hashlib.sha256(entry + packages).hexdigest()
    code = Code(keys.processing_code(digest), digest)
    pointer = pointers.read(s3, bucket, keys.PROCESSING_POINTER)
    if pointers.is_current(pointer, digest):
        return code
    for name, body in ((PROCESSING_ENTRY, entry), (PACKAGES, packages)):
        s3.put_object(Bucket=bucket, Key=keys.code_file(code.prefix, name), Body=body)
    pointers.move(s3, bucket, keys.PROCESSING_POINTER, pointer, {"prefix": code.prefix, "digest": digest, "since": now})
    return code


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
    """Follow the pointer. Raises JobRefusedError that says what to do if there is none."""
    pointer = pointers.read(s3, bucket, keys.program_pointer(program))
    if pointer is None:
        raise JobRefusedError(
            "the code of training jobs is not there yet: run `seqdrop training push`, then drop job.toml again"
        )
    return Program(pointer["current"]["prefix"], pointer["current"]["digest"])


def push_program(s3, bucket: str, program: str, archive: bytes, now: str) -> Program:
    """Upload an archive and make it the current one. Pushing the same again changes nothing."""
    digest = hashlib.sha256(archive).hexdigest()
    found = Program(keys.program_code(program, digest), digest)
    pointer = pointers.read(s3, bucket, keys.program_pointer(program))
    if pointers.is_current(pointer, digest):
        return found
    s3.put_object(Bucket=bucket, Key=keys.code_file(found.prefix, SOURCE), Body=archive)
    pointers.move(
        s3, bucket, keys.program_pointer(program), pointer, {"prefix": found.prefix, "digest": digest, "since": now}
    )
    return found
