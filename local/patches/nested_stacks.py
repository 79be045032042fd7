"""Attributes of unchanged resources of a nested stack, which ministack forgets when the nested stack is updated.

`Fn::GetAtt` of such a resource then fails: "Requested attribute Arn does not exist in schema".
"""

from __future__ import annotations

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners


def apply() -> None:
    """Give the update of a resource of a nested stack its attributes, as that of other stacks has them."""
    update = provisioners._update_resource

    def update_with_attributes(
        resource_type: str,
        physical_id: str,
        old_props: dict,
        new_props: dict,
        stack_name: str,
        *names: object,
        **attributes: object,
    ) -> tuple:
        if len(names) == 1 and not attributes:  # only the logical id, as nested stacks call it
            stored = cloudformation._stacks[stack_name]["_resources"].get(names[0], {})
            attributes = {"old_attrs": stored.get("Attributes")}
        return update(resource_type, physical_id, old_props, new_props, stack_name, *names, **attributes)

    provisioners._update_resource = update_with_attributes
