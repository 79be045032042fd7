"""Store the data that the deployed version has written, for tests that do not deploy.

    python -m tests.e2e.upgrade.golden

writes tests/contract/golden/stored_by_157adf1.json: items of the ledger and JSON objects of the buckets as that version
wrote them in the situation of the upgrade test. Of similar items and objects, only the first is stored.
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
        tree = trees.extract_deployed_tree(REPOSITORY, Path(scratch) / "deployed")
        with EmbeddedAws(Path(scratch) / "aws", warm=True, limits=JobLimits(transform=QUOTA)) as aws:
            lab = situation.create(aws, tree).lab
            lab.reconcile()  # the reconciler stores its position
            lines = {"items": [*map(_encode, find_items(lab))]}
            lines["objects"] = [f"{_encode(key)}: {_encode(content)}" for key, content in find_objects(lab)]
    items_text, objects_text = (",\n".join(lines[name]) for name in ("items", "objects"))
    GOLDEN.write_text(f'{{"items": [\n{items_text}\n],\n"objects": {{\n{objects_text}\n}}}}\n')


def find_items(lab: Lab) -> Iterator[dict]:
    """Yield each item with a state, an analysis or a field that no previous item has, and all sets of files."""
    table = lab.aws.session().resource("dynamodb").Table(lab.stack.table)
    records = sorted(table.scan()["Items"], key=lambda item: (item["pk"], item["sk"]))
    yield from _drop_alike(records, _list_traits)


def find_objects(lab: Lab) -> Iterator[tuple[str, dict]]:
    """Yield BUCKET/KEY and content of each JSON object with a trait that no previous object has."""
    contents = []
    for bucket, pattern in READ_AGAIN.items():
        name = getattr(lab.stack, bucket)
        keys = (key for key in lab.list_objects(name) if re.fullmatch(pattern, key))
        contents += [(f"{bucket}/{key}", json.loads(lab.read(name, key))) for key in keys]
    yield from _drop_alike(contents, _list_object_traits)


def _list_object_traits(pair: tuple[str, dict]) -> set[tuple]:
    """Return the traits of a key and its content: its fields, and whether it has a rejection."""
    key, content = pair
    kind = _mask_ids(key)
    return {(kind, *sorted(content)), (kind, content.get("rejection") is None)}


def _list_traits(item: dict) -> set[tuple]:
    """Return the traits of an item: its set, its states and its fields."""
    record = item["sk"].split("#")[0]
    kind = (record, item.get("task", ""))
    own = {item["pk"]} if record in SETS else set()
    values = {(*kind, name, str(item.get(name))) for name in ("state", "analysis", "format", "reason")}
    return own | values | {(*kind, name) for name in item}


def _mask_ids(key: str) -> str:
    """Return a key without the ids of uploads, jobs and versions."""
    return re.sub(r"[^/]*(?:[A-Z2-7]{26}|-1)[^/]*(?=/|\.json)", "…", key)


def _drop_alike(candidates: Iterable, list_traits) -> Iterator:
    """Yield each candidate that has a trait that no previous one has."""
    known: set = set()
    for candidate in candidates:
        traits = list_traits(candidate)
        if not traits <= known:
            known |= traits
            yield candidate


def _encode(value) -> str:
    return json.dumps(value, sort_keys=True, default=_convert_decimal)


def _convert_decimal(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


if __name__ == "__main__":
    main()
