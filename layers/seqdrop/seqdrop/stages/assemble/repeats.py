"""Members that are sent again: a decision moves those whose files are archived already on to their removal.

If each member of a set has attempts of its own (mates, markers), each is compared alone. Otherwise all members that
advance must repeat uploads that advanced together: if one file is new, the set is new, and all of it is processed.

A member that waits for others does not know whether one of them has changed. It stays in the landing bucket for
PATIENCE_HOURS, so that a changed file can still be processed with it, and is then a duplicate as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqdrop.ledger.moves import UNDECIDED
from seqdrop.ledger.records import Fact, Step, Upload
from seqdrop.runtime.services import Services, minutes_ago
from seqdrop.stages.assemble.decision import Decision
from seqdrop.stages.duplicates import find_twin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seqdrop.stages.assemble.policy import Policy
    from seqdrop.stages.assemble.view import View

PATIENCE_HOURS = 7 * 24
LINKS = ("training", "masks_of")  # fields that name an attempt, which a duplicate does not wait for


def end_repeats(view: View[Any], policy: Policy[Any], decision: Decision) -> Decision:
    """Return a decision in which members that repeat archived uploads advance as duplicates, without attempts."""
    steps = [step for step in decision.steps if step.to == "VALIDATED" and step.record.state in UNDECIDED]
    if not steps:
        return _end_waiting(view, policy, decision)
    if any("duplicate_of" in step.facts for step in steps):
        return decision
    twins = find_twins(view.services, steps)
    if policy.each_alone or _repeats_all(view.services, policy, steps, twins):
        return _with_duplicates(decision, twins, together=not policy.each_alone)
    return decision


def find_twins(services: Services, steps: Iterable[Step[Upload]]) -> dict[str, Upload]:
    """Return the archived uploads that the uploads of these steps repeat, by the ids of the latter."""
    twins = {step.record.id: find_twin(services, step.record, str(step.facts.get("sha256", ""))) for step in steps}
    return {upload_id: twin for upload_id, twin in twins.items() if twin}


def repeat(step: Step[Upload], twins: Mapping[str, Upload], *, together: bool = True) -> Step[Upload]:
    """Return a step to VALIDATED as that of a duplicate. `together` says that all of `twins` are one set."""
    upload_id, twin = step.record.id, twins[step.record.id]
    facts: dict[str, Fact] = {name: value for name, value in step.facts.items() if name not in LINKS}
    facts["duplicate_of"], facts["mate"] = twin.id, step.facts.get("mate") or twin.mate
    facts["duplicates_with"] = [other for other in twins if other != upload_id] if together else []
    return replace(step, facts=facts)


def _repeats_all(
    services: Services, policy: Policy[Any], steps: list[Step[Upload]], twins: Mapping[str, Upload]
) -> bool:
    return len(twins) == len(steps) and policy.belong_together(services, list(twins.values()))


def _with_duplicates(decision: Decision, twins: Mapping[str, Upload], *, together: bool) -> Decision:
    if not twins:
        return decision
    steps = [repeat(step, twins, together=together) if step.record.id in twins else step for step in decision.steps]
    attempts = [attempt for attempt in decision.attempts if attempt.upload_id not in twins]
    return replace(decision, steps=steps, attempts=attempts, enqueue=None)


def _end_waiting(view: View[Any], policy: Policy[Any], decision: Decision) -> Decision:
    """Return the decision that an upload which waited for PATIENCE_HOURS is a duplicate, if it repeats another."""
    upload, hours = view.upload, policy.hours(view.analysis)
    if upload.state != "WAITING" or not hours or any(step.record.id == upload.id for step in decision.steps):
        return decision
    if upload.waiting_since > minutes_ago(60 * PATIENCE_HOURS):
        return decision
    twin = find_twin(view.services, upload)
    return Decision([repeat(Step(upload, "VALIDATED"), {upload.id: twin})]) if twin else decision
