"""Names of jobs and models. SageMaker keeps a job name for ever, so each is made from what it is for."""

from __future__ import annotations

import hashlib
import re

from seqdrop.ledger.records import EXAMINE, Attempt

PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def job_name(members: list[Attempt]) -> str:
    """`seqdrop-<analysis>-<first upload id>-<attempt>`, and a digest of all members where there are more.

    The same members give the same name in any order.
    """
    first, *others = sorted(members, key=lambda member: member.key)
    name = f"seqdrop-{first.analysis}-{first.upload_id}-{first.number}"
    if not others:
        return name
    digest = hashlib.sha256("\n".join(m.key for m in [first, *others]).encode()).hexdigest()[:8]
    return f"{name}-and{len(others)}-{digest}"


def examination_name(upload_id: str, number: int) -> str:
    """`seqdrop-examine-<upload id>-<attempt>`; no analysis is called so."""
    return f"seqdrop-{EXAMINE}-{upload_id}-{number}"
