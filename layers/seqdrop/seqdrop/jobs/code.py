"""What a processing job runs: this package and the wheels it needs, in the results bucket.

`processing/current.json` points to the prefix in use (`seqdrop processing push`), as models have their pointers.
A prefix holds the entry point and one archive, and is named by a digest of both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from seqdrop.errors import JobRefused
from seqdrop.models import pointers

POINTER = "processing/current.json"
ENTRY, PACKAGES = "entry.py", "packages.zip"


@dataclass(frozen=True)
class Code:
    """A prefix of the results bucket, and the SHA-256 of what lies below it."""

    prefix: str
    digest: str


def current_code(s3, bucket: str) -> Code:
    """Follow the pointer. Raises JobRefused that says what to do if there is none."""
    pointer = pointers.read(s3, bucket, POINTER)
    if pointer is None:
        raise JobRefused("the code of processing jobs is not there yet: run `seqdrop processing push`")
    return Code(pointer["current"]["prefix"], pointer["current"]["digest"])


def push_code(s3, bucket: str, packages: bytes, now: str) -> Code:
    """Upload the archive of packages (a zip of what belongs on the module path) and make it the current code.

    Pushing the same again changes nothing.
    """
    entry = files("seqdrop.work").joinpath(ENTRY).read_bytes()
    digest = hashlib.sha256(entry + packages).hexdigest()
    code = Code(f"processing/{digest[:16]}/", digest)
    pointer = pointers.read(s3, bucket, POINTER)
    if pointers.is_current(pointer, digest):
        return code
    for name, body in ((ENTRY, entry), (PACKAGES, packages)):
        s3.put_object(Bucket=bucket, Key=code.prefix + name, Body=body)
    pointers.move(s3, bucket, POINTER, pointer, {"prefix": code.prefix, "digest": digest, "since": now})
    return code
