"""Updates of nested stacks: a resource that has not changed stays, and one that was updated keeps its attributes.

ministack updates every resource of a nested stack, also those without a change, and forgets the attributes that the
update does not return. A resource whose type it cannot update is then made again, and a reference to an ARN fails.
"""

from __future__ import annotations

from ministack.services.cloudformation import _stacks, provisioners


def apply() -> None:
    """Compare the properties before an update, and add the earlier attributes to what it returns."""
    update = provisioners._update_resource

    def update_what_changed(
        resource_type: str,
        physical_id: str,
        old: dict,
        new: dict,
        stack: str,
        logical_id: str,
        *more: object,
        **named: object,
    ) -> tuple[str, dict]:
        earlier = (_stacks.get(stack) or {}).get("_resources", {}).get(logical_id, {}).get("Attributes") or {}
        if old == new and "_parent_stack_name" in (_stacks.get(stack) or {}):
            return physical_id, earlier
        updated_id, attributes = update(resource_type, physical_id, old, new, stack, logical_id, *more, **named)
        return updated_id, (earlier if updated_id == physical_id else {}) | (attributes or {})

    provisioners._update_resource = update_what_changed
