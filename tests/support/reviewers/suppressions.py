"""Suppressions in template.yaml and in the code: the finding, the reviewer, and why.

In the template they are `Metadata: {reviewer: {skip: [{id, comment}]}}` of the resource; checkov reads that
form itself. In the code they are `# nosec ID # reason`, as bandit reads them.
"""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Finding = tuple[str, str]  # rule, and resource or file:line
COPIES_METADATA = "AWS::Lambda::EventInvokeConfig"  # SAM gives it the metadata of its function
SHORTEST_REASON = 8  # characters; "loopback" says it all
NOSEC = re.compile(r"#\s*nosec\b:?\s*((?:B\d{3}[, ]*)*)(?:[#:]\s*)?(.*)")


def find_skips(template: dict[str, Any], reviewer: str) -> dict[Finding, str]:
    """Return the reason for each suppressed (rule, resource) of a reviewer."""
    return {
        (entry["id"], name): entry["comment"]
        for name, body in template["Resources"].items()
        if body["Type"] != COPIES_METADATA
        for entry in body.get("Metadata", {}).get(reviewer, {}).get("skip", [])
    }


def without_skips(template: dict[str, Any], reviewer: str) -> dict[str, Any]:
    """Return the template without the metadata of a reviewer, so that it reports what is suppressed as well."""
    resources = {}
    for name, body in template["Resources"].items():
        kept = {key: value for key, value in body.get("Metadata", {}).items() if key != reviewer}
        resources[name] = body | {"Metadata": kept}
    top = {key: value for key, value in template.get("Metadata", {}).items() if key != reviewer}
    return template | {"Resources": resources, "Metadata": top}


def find_nosec(files: Iterable[Path], root: Path) -> dict[tuple[str, str, int], str]:
    """Return the reason for each suppressed (rule, file, line) of bandit."""
    reasons = {}
    for path in files:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            if token.type == tokenize.COMMENT and (match := NOSEC.search(token.string)):
                for rule in re.findall(r"B\d{3}", match[1]) or ["every rule"]:
                    reasons[rule, str(path.relative_to(root)), token.start[0]] = match[2]
    return reasons
