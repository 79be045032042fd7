"""Conditions of resources, which ministack's change sets do not evaluate.

A parameter that turns a condition off removes resources, although no property has changed. ministack compares
properties only, finds no change, and so `sam deploy` leaves the resources alone.
"""

from __future__ import annotations

from ministack.services.cloudformation import changesets


def apply() -> None:
    """Compare only the resources whose conditions are true, with the earlier parameters and with the new ones."""
    resolve = changesets._resolve_props_for_diff

    def resolve_existing(template: dict, params: dict, stack_name: str, stack_id: str) -> dict:
        resolved = resolve(template, params, stack_name, stack_id)
        conditions = changesets._evaluate_conditions(template, params) if template else {}
        resources = resolved.get("Resources", {}).items()
        exist = {name: body for name, body in resources if conditions.get(body.get("Condition"), True)}
        return resolved | {"Resources": exist}

    changesets._resolve_props_for_diff = resolve_existing
