"""docs/archive.md states what the code has: the classes and their terms."""

from __future__ import annotations

from pathlib import Path

from seqdrop.archive.storage_classes import CLASSES, DEEP_ARCHIVE, StorageClass

PAGE = (Path(__file__).parents[3] / "docs/archive.md").read_text()


def describe(it: StorageClass) -> str:
    """Return the row of a class in the page."""
    name = f"`{it.name}` (default)" if it.name == DEEP_ARCHIVE else f"`{it.name}`"
    overhead = (it.overhead + it.overhead_standard) // 1024
    billed = f"{overhead} KB" if overhead else f"billed as {it.minimum_bytes // 1024} KB at least"
    tiers = ", ".join(f"{tier} {terms.hours_at_most} h" for tier, terms in it.tiers.items())
    price = f"{it.usd_per_gb_month * 1000:.2f}"
    return f"| {name} | {it.minimum_days} | {billed} | {tiers or 'read at once'} | {price} |"


def test_the_page_has_a_row_for_each_storage_class():
    table = PAGE.split("<!-- classes -->")[1].split("\n\n")[0]
    assert table.strip().splitlines()[2:] == [describe(it) for it in CLASSES.values()]
