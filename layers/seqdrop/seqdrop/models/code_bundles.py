"""The code of jobs, in the models bucket.

Processing jobs run this package and the wheels that it needs. `processing/current.json` points to the prefix in use;
`seqdrop processing push` moves it. Below a prefix are the entry point and one archive; its name is a digest of both.

Training jobs run a sourcedir.tar.gz, one for each folder of model_code/ that has a train.py.
`training/<program>/current.json` points to the archive in use; `seqdrop training push` moves it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.pins import checksum_of, is_intact, pin

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.models.pointers import Target

PROCESSING_ENTRY, PACKAGES = "entry.py", "packages.zip"
SOURCE, TRAINING_ENTRY = "sourcedir.tar.gz", "train.py"
PROGRAMS = ("protein", "dnabert")


@dataclass(frozen=True)
class Code:
    """The code of processing jobs: a prefix of the models bucket, and the SHA-256 of the two files below it."""

    prefix: str
    digest: str


def current_code(s3: S3Client, bucket: str) -> Code:
    """Return the code that the pointer names. Raise JobRefusedError, which says what to do, if there is none."""
    pointer = pointers.read(s3, bucket, keys.PROCESSING_POINTER)
    if pointer is None:
        raise JobRefusedError("the code of processing jobs has not been uploaded: run `seqdrop processing push`")
    return Code(pointer["current"]["prefix"], pointer["current"]["digest"])


def push_code(s3: S3Client, bucket: str, packages: bytes, now: str) -> Code:
    """Upload the archive of packages (a zip with the content of the module path) and make it the current code.

    A repeated push of the same archive changes nothing.
    """
    entry = files("seqdrop.stages.start_processing").joinpath(PROCESSING_ENTRY).read_bytes()
    digest = hashlib.sha256(entry + packages).hexdigest()
    code = Code(keys.processing_code(digest), digest)
    pointer = pointers.read(s3, bucket, keys.PROCESSING_POINTER)
    bodies = {
        keys.code_file(code.prefix, name): body for name, body in ((PROCESSING_ENTRY, entry), (PACKAGES, packages))
    }
    digests = {key: hashlib.sha256(body).hexdigest() for key, body in bodies.items()}
    is_whole = all(is_intact(s3, bucket, key, own) for key, own in digests.items())
    if is_whole and pointers.is_current(pointer, digest):
        return code
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumSHA256=checksum_of(digests[key]))
    current: Target = {"prefix": code.prefix, "digest": digest, "since": now}
    pointers.point(s3, bucket, keys.PROCESSING_POINTER, current)
    return code


@dataclass(frozen=True)
class Program:
    """The code of training jobs: a prefix of the models bucket that holds only the archive, and its SHA-256."""

    prefix: str
    digest: str

    def check(self, s3: S3Client, bucket: str) -> None:
        """Raise JobRefusedError unless the archive has the SHA-256 of its pointer (`pins.pin`)."""
        pin(s3, bucket, keys.code_file(self.prefix, SOURCE), self.digest)


def program_of(model: str) -> str:
    """Return the name of the folder of model_code/ whose train.py trains this model of job.toml."""
    return "dnabert" if model == "dnabert" else "protein"


def current_program(s3: S3Client, bucket: str, program: str) -> Program:
    """Return the program that the pointer names. Raise JobRefusedError, which says what to do, if there is none."""
    pointer = pointers.read(s3, bucket, keys.program_pointer(program))
    if pointer is None:
        raise JobRefusedError(
            "the code of training jobs has not been uploaded: run `seqdrop training push`, then replay the training"
        )
    return Program(pointer["current"]["prefix"], pointer["current"]["digest"])


def push_program(s3: S3Client, bucket: str, name: str, archive: bytes, now: str) -> Program:
    """Upload an archive and make it the current one. A repeated push of the same archive changes nothing."""
    digest = hashlib.sha256(archive).hexdigest()
    program = Program(keys.program_code(name, digest), digest)
    pointer = pointers.read(s3, bucket, keys.program_pointer(name))
    key = keys.code_file(program.prefix, SOURCE)
    if pointers.is_current(pointer, digest) and is_intact(s3, bucket, key, digest):
        return program
    s3.put_object(Bucket=bucket, Key=key, Body=archive, ChecksumSHA256=checksum_of(digest))
    current: Target = {"prefix": program.prefix, "digest": digest, "since": now}
    pointers.point(s3, bucket, keys.program_pointer(name), current)
    return program
