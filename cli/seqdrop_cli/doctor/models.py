"""Whether models, and the code of jobs, are in the models bucket, with the bytes that their pointers name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import SeqdropError
from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import current_archive
from seqdrop.models.code_bundles import current_code
from seqdrop.models.pins import is_intact

from seqdrop_cli.doctor.finding import FAILED, OK, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.doctor.stack import Stack

MODELS, CODE = "models", "code of jobs"
DIGITS = 12  # of a SHA-256, in a sentence


def check_models(stack: Stack) -> Iterator[Finding]:
    """Yield whether each model that analyses.toml names can be used."""
    names = sorted({analysis.model for analysis in packaged().by_name.values() if analysis.has_model})
    for name in names:
        yield _check_model(stack, name)


def _check_model(stack: Stack, name: str) -> Finding:
    s3, bucket = stack.target.client("s3"), stack.target.models
    advice = f"`seqdrop models push {name} CHECKPOINT`; then `seqdrop replay` predicts uploads that failed without it"
    try:
        archive = current_archive(s3, bucket, name)
    except SeqdropError as error:
        return Finding(MODELS, FAILED, f"{name}: {error}", advice)
    if not is_intact(s3, bucket, archive.key, archive.digest):
        return Finding(MODELS, FAILED, f"{name}: its archive is missing, or differs from its pointer", advice)
    return Finding(MODELS, OK, f"{name}: sha256 {archive.digest[:DIGITS]}…")


def check_code(stack: Stack) -> Iterator[Finding]:
    """Yield whether the code of the jobs that examine large files was pushed."""
    try:
        code = current_code(stack.target.client("s3"), stack.target.models)
    except SeqdropError as error:
        advice = "`seqdrop processing push`; until then, large files wait"
        yield Finding(CODE, WARNING, f"processing: {error}", advice)
        return
    yield Finding(CODE, OK, f"processing: {code.prefix}")
