"""Names of jobs. SageMaker keeps a job's name for ever, so each name is derived from the work of the job."""

from __future__ import annotations

import hashlib
import re

from seqdrop.ledger.records import EXAMINE, Attempt

# SageMaker's pattern of a job name, which has at most 63 characters.
PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def job_name(members: list[Attempt]) -> str:
    """Return `seqdrop-<analysis>-<first upload id>-<attempt>`, with a digest of all members if there are several.

    The same members in any order give the same name.
    """
    first, *others = sorted(members, key=lambda member: member.key)
    name = f"seqdrop-{first.analysis}-{first.upload_id}-{first.number}"
    if not others:
        return name
    digest = hashlib.sha256("\n".join(member.key for member in [first, *others]).encode()).hexdigest()[:8]
    return f"{name}-and{len(others)}-{digest}"


def examination_name(upload_id: str, number: int) -> str:
    """Return `seqdrop-examine-<upload id>-<attempt>`; no analysis has the name "examine"."""
    return f"seqdrop-{EXAMINE}-{upload_id}-{number}"
