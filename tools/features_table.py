"""Print the tables of features in docs/features.md: `python -m tools.features_table`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.features.definitions import GROUPS

if TYPE_CHECKING:
    from seqdrop.features.definitions import Feature, Group


def render_tables() -> str:
    """Return the features of all groups in Markdown."""
    return "\n".join(_render(group) for group in GROUPS)


def _render(group: Group) -> str:
    rows = "\n".join(_row(feature) for feature in group.features)
    return f"### {group.title}: `<stack>-{group.name}`\n\n| feature | type | from | |\n|---|---|---|---|\n{rows}\n"


def _row(feature: Feature) -> str:
    source = f"`{feature.source}`" if feature.source else ""
    return f"| `{feature.name}` | {feature.type} | {source} | {feature.meaning} |"


if __name__ == "__main__":
    print(render_tables())
