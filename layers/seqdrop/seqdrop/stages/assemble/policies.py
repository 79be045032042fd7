"""All policies; the only place that knows which sorts of files belong together."""

from __future__ import annotations

from seqdrop.config.analyses import Analyses
from seqdrop.ledger.records import Upload
from seqdrop.stages.assemble.masks import MASKS
from seqdrop.stages.assemble.mates import MATES
from seqdrop.stages.assemble.policy import Policy

POLICIES: tuple[Policy, ...] = (MASKS, MATES)


def policy_of(analyses: Analyses, upload: Upload) -> Policy | None:
    """Return the policy of the set that an upload is a member of; None if it stands alone."""
    return next((policy for policy in POLICIES if policy.claims(analyses, upload)), None)
