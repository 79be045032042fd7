"""Files that belong together, such as mates or a training set: they are sent by one thread, or not at all."""

from __future__ import annotations

from seqdrop.errors import InvalidFileError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Upload
from seqdrop.stages.assemble.policies import policy_of


def name_set(key: str) -> str:
    """Return the name of the set to which the file of a landing key belongs; "" if it belongs to none."""
    upload = Upload("RECEIVED", key=key)
    policy = policy_of(packaged(), upload)
    try:
        return f"{policy.name} {policy.place(packaged(), upload)[0]}" if policy else ""
    except InvalidFileError:
        return ""
