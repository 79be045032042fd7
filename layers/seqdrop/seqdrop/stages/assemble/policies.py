"""The list of all policies. No other module names the sorts of files that belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqdrop.stages.assemble.masks import MASKS
from seqdrop.stages.assemble.mates import MATES
from seqdrop.stages.assemble.runs import RUNS
from seqdrop.stages.assemble.training_sets import TRAINING_SETS

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.policy import Policy

POLICIES: tuple[Policy[Any], ...] = (RUNS, TRAINING_SETS, MASKS, MATES)  # the first that claims a file decides on it


def policy_of(analyses: Analyses, upload: Upload) -> Policy[Any] | None:
    """Return the policy of the set to which an upload belongs; None if it belongs to no set."""
    return next((policy for policy in POLICIES if policy.claims(analyses, upload)), None)


def notify_landed(services: Services, upload: Upload) -> None:
    """Notify each policy of an upload that landed; the upload need not belong to one of its sets."""
    for policy in POLICIES:
        policy.notify_landed(services, upload)
