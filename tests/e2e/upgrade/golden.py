"""Store what the deployed version has written, for tests that do not deploy.

    python -m tests.e2e.upgrade.golden

writes tests/contract/golden/stored_by_157adf1.json: items of the ledger and JSON objects of the buckets as that version
wrote them in the situation of the upgrade test. Of several that are alike the first is stored.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local.embedded import REPOSITORY, EmbeddedAws, JobLimits
from tests.e2e.upgrade import situation, trees
from tests.e2e.upgrade.lab import QUOTA, Lab

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

GOLDEN = REPOSITORY / f"tests/contract/golden/stored_by_{trees.DEPLOYED}.json"
SETS = {"PAIR", "SET", "RUN"}
# Objects that a later version or a lab reads, as patterns of keys by the bucket's name in the stack.
READ_AGAIN = {
    "work": r"examinations/[A-Z2-7]{26}\.json|training/.*/prepared\.json|jobs/.*/request\.json",
    "results": r"receipts/.*\.json|models/.*\.json|processing/current\.json|training/.*/current\.json",
}


def main() -> None:
    """Create the situation and write the file."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = trees.deployed_tree(REPOSITORY, Path(scratch) / "deployed")
        with EmbeddedAws(Path(scratch) / "aws", warm=True, limits=JobLimits(transform=QUOTA)) as aws:
            lab = situation.create(aws, tree).lab
            lab.reconcile()  # which stores its position
            lines = {"items": [*map(_line, items(lab))]}
            lines["objects"] = [f"{_line(key)}: {_line(content)}" for key, content in objects(lab)]
    items_text, objects_text = (",\n".join(lines[name]) for name in ("items", "objects"))
    GOLDEN.write_text(f'{{"items": [\n{items_text}\n],\n"objects": {{\n{objects_text}\n}}}}\n')


def items(lab: Lab) -> Iterator[dict]:
    """Yield the items that add a state, an analysis or a field to those before them, and all sets of files."""
    table = lab.aws.session().resource("dynamodb").Table(lab.stack.table)
    records = sorted(table.scan()["Items"], key=lambda item: (item["pk"], item["sk"]))
    yield from _unlike(records, _traits)


def objects(lab: Lab) -> Iterator[tuple[str, dict]]:
    """Yield BUCKET/KEY and content of JSON objects that differ in kind from those before them."""
    contents = []
    for bucket, pattern in READ_AGAIN.items():
        name = getattr(lab.stack, bucket)
        keys = (key for key in lab.objects(name) if re.fullmatch(pattern, key))
        contents += [(f"{bucket}/{key}", json.loads(lab.read(name, key))) for key in keys]
    yield from _unlike(
        contents,
        lambda content: {
            (_place(content[0]), *sorted(content[1])),
            (_place(content[0]), content[1].get("rejection") is None),
        },
    )


def _traits(item: dict) -> set[tuple]:
    """Return the traits of an item: an item is stored if it is the first with one of them."""
    record = item["sk"].split("#")[0]
    kind = (record, item.get("task", ""))
    own = {item["pk"]} if record in SETS else set()
    of_one = {(*kind, name, str(item.get(name))) for name in ("state", "analysis", "format", "reason")}
    return own | of_one | {(*kind, name) for name in item}


def _place(key: str) -> str:
    """Return a key without the ids of uploads, jobs and versions."""
    return re.sub(r"[^/]*(?:[A-Z2-7]{26}|-1)[^/]*(?=/|\.json)", "…", key)


def _unlike(candidates: Iterable, traits) -> Iterator:
    known: set = set()
    for candidate in candidates:
        if not traits(candidate) <= known:
            known |= traits(candidate)
            yield candidate


def _line(value) -> str:
    return json.dumps(value, sort_keys=True, default=_number)


def _number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


if __name__ == "__main__":
    main()
