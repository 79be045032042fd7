"""Counts that must stay at nothing: what one module alone may know is spelled nowhere else in the tree.

Each convention is a function from a module's syntax tree to the lines that break it. A planted offender proves that it
sees what it is for, and a planted innocent that it lets the rest be.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from seqdrop.aws import keys
from seqdrop.kinds.plans import KINDS

if TYPE_CHECKING:
    from pathlib import Path

Convention = Callable[[ast.Module], Iterator[ast.AST]]
CODE = ["layers", "cli", "functions", "local"]


def offenders(root: Path, folders: list[str], allowed: str, convention: Convention) -> list[str]:
    """Return `path:line` of all that breaks a convention below the folders, but for paths with `allowed` in them."""
    return [
        f"{path.relative_to(root)}:{node.lineno}"
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
        if allowed not in path.relative_to(root).as_posix()
        for node in convention(ast.parse(path.read_text()))
    ]


# -- error codes: aws/errors.py alone looks into an error --


def error_codes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield uses of `….response["Error"]` and of `….response.get("Error")`, whatever is taken of it."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="response"), slice=ast.Constant(value="Error")):
                yield node
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="response"), attr="get"),
                args=[ast.Constant(value="Error"), *_],
            ):
                yield node


BREAKS_ERROR_CODES = [
    'if error.response["Error"]["Code"] in GONE: pass',
    'message = refused.response["Error"]["Message"]',
    'code = self.error.response.get("Error", {}).get("Code")',
    'answer = error.response["Error"]',
]
KEEPS_ERROR_CODES = [
    "if is_missing(error): pass",
    'reasons = error.response.get("CancellationReasons", [])',
    'status = error.response["ResponseMetadata"]["HTTPStatusCode"]',
    'answer["Error"]["Code"]',
]


def test_error_codes_are_looked_at_in_aws_alone(repository):
    assert offenders(repository, CODE, "seqdrop/aws/", error_codes) == []


# -- keys: aws/keys.py alone makes them --

PREFIXES = "|".join(sorted(prefix.removesuffix("/") for prefix in {*keys.WORK, *keys.RESULTS}))
# A text that begins as a key does.
BEGINS = re.compile(rf"^/?(?:{PREFIXES})/\S*$")
# In an f-string: a prefix whose next part is put in, at its start, in the midst of a sentence or of a URL.
PUT_IN = re.compile(rf"(?:^/?|(?<=[\s(\"'`])|s3://[^/\s]+/)(?:{PREFIXES})/\S*$")
# The last part of a key, as it may be put behind a prefix that a variable holds: a file, or a folder of our layouts.
FOLDERS = "attempt-|output/|data/"
ENDING = re.compile(rf"^(?:{FOLDERS})?[\w-]+\.(?:jsonl?|html|tar\.gz|manifest|zip)$|^(?:{FOLDERS})")
S3_ARGUMENTS = {"Key", "Prefix"}


def made_keys(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield texts that begin as keys of our buckets do, and keys that are put together from parts.

    Docstrings are left out. A name of a file is no key unless it is put behind something.
    """
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    free = parts | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in free and BEGINS.match(text):
                yield node
            case ast.JoinedStr() if _is_key(node.values):
                yield node
            case ast.BinOp(op=ast.Add(), right=ast.Constant(value=str(text))) if ENDING.match(text):
                yield node
            case ast.keyword(arg=name, value=ast.JoinedStr() | ast.BinOp()) if name in S3_ARGUMENTS:
                yield node.value


def _is_key(parts: list[ast.expr]) -> bool:
    """Return True if a part is put in behind one of our prefixes, or a key's last part stands behind what is put in."""
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    followed = [text for text, after in pairwise(texts) if after is None and text is not None]
    if any(PUT_IN.search(text) for text in followed):
        return True
    return len(texts) > 1 and texts[0] is None and texts[1] is not None and bool(ENDING.match(texts[1]))


BREAKS_KEYS = [
    'key = f"reports/{upload.id}.json"',
    'key = f"{kind}/{one}/" + "summary.json"',
    'key = "models/promoter/current.json"',
    'key = "jobs/" + name',
    'key = "".join(["shards/", name])',
    'where = f"s3://{settings.work}/checkpoints/{name}/"',
    'where = f"s3://{bucket}/results/{analysis}/{upload}/"',
    'text = f"see s3://{bucket}/reasons/{upload.id}.json"',
    'text = f"(receipts/{upload.id}.json says more)"',
    'key = f"{version.prefix}card.json"',
    'key = f"{prefix}output/"',
    'key = f"{prefix}attempt-{number}/"',
    'key = prefix + "attempt-2/summary.json"',
    "s3.put_object(Bucket=bucket, Key=code.prefix + name)",
    's3.head_object(Bucket=bucket, Key=f"{folder}{name}")',
    's3.list_objects_v2(Bucket=bucket, Prefix=f"{analysis}/{upload}")',
    'URL = f"examinations/{upload_id}.json".encode()',
]
KEEPS_KEYS = [
    "s3.put_object(Bucket=bucket, Key=keys.report(upload.id))",
    'where = f"s3://{settings.work}/{keys.checkpoints(name)}"',
    "s3.put_object(Bucket=bucket, Key=upload.key)",
    '"""`reports/<upload id>.json`: as aws/keys.py says."""',
    'text = "Write reports/ and reasons/ again"',
    'text = f"a training\'s files lie under {prefix}NAME/"',
    'path = folder / "config.json"',
    'path = folder / f"{sample}.html"',
    'path = Path("local/models/x.json")',
    'ARN = f"arn:aws:iam::{account}:role/training"',
    'CODE = f"/opt/ml/processing/input/{name}"',
    'LOG = f"/aws/sagemaker/{kind}Jobs"',
    'CONTENT = "application/jsonlines"',
]


def test_keys_are_made_in_aws_keys_alone(repository):
    assert offenders(repository, ["layers", "cli"], "seqdrop/aws/keys", made_keys) == []


# -- kinds of analysis: kinds/ alone knows which there are --

KIND_NAMES = {name for kind in KINDS.values() for name in (kind.name, kind.task) if name} - {"train"}
KIND_CLASSES = {cls.__name__ for kind in KINDS.values() for cls in type(kind).__mro__[:-2]}


def kind_branches(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield comparisons with a kind's name, tables by such names, look-ups of one, and tests for a class of kinds."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare() if any(map(_names_kind, [node.left, *node.comparators])):
                yield node
            case ast.Dict() if sum(map(_names_kind, node.keys)) > 1:
                yield node
            case ast.Subscript(slice=index) if _names_kind(index):
                yield node
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, tested]) if _is_kind_class(tested):
                yield node
            case ast.MatchValue(value=value) if _names_kind(value):
                yield value


def _names_kind(node: ast.AST | None) -> bool:
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return any(map(_names_kind, node.elts))
    return isinstance(node, ast.Constant) and node.value in KIND_NAMES


def _is_kind_class(node: ast.AST) -> bool:
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return bool(names & KIND_CLASSES)


BREAKS_KINDS = [
    'if analysis.kind.name == "masked": pass',
    'if task in ("structure", "embed"): pass',
    'write = {"promoter": one, "embed": other}[task]',
    "if isinstance(kind, Promoter): pass",
    'kind = KINDS["protein_embed"]',
]
KEEPS_KINDS = [
    "analysis.kind.write(folder, predictions)",
    'TYPES = {"promoter": "promoter"}',
    'text = "masked"',
    "if isinstance(one, Failure): pass",
    'if split == "train": pass',
]


def test_no_module_outside_kinds_asks_which_kind_it_has(repository):
    """The tasks of a training (ss3, ss8, promoter) are job.toml's, and no kinds of analysis."""
    found = offenders(repository, ["layers", "cli", "functions"], "seqdrop/kinds/", kind_branches)
    assert [one for one in found if "/training/" not in one] == []


# -- each convention sees what it is for --

PLANTED = [
    pytest.param(error_codes, BREAKS_ERROR_CODES, KEEPS_ERROR_CODES, id="error codes"),
    pytest.param(made_keys, BREAKS_KEYS, KEEPS_KEYS, id="keys"),
    pytest.param(kind_branches, BREAKS_KINDS, KEEPS_KINDS, id="kinds"),
]


@pytest.mark.parametrize(("convention", "breaks", "keeps"), PLANTED)
def test_a_planted_offender_is_found_in_its_line_and_an_innocent_is_not(tmp_path, convention, breaks, keeps):
    room = tmp_path / "layers/seqdrop/seqdrop/stages"
    room.mkdir(parents=True)
    (room / "planted.py").write_text("\n".join([*keeps, *breaks]) + "\n")
    (room / "innocent.py").write_text("\n".join(keeps) + "\n")
    lines = [int(one.partition(":")[2]) for one in offenders(tmp_path, CODE, "seqdrop/aws/", convention)]
    assert sorted(set(lines)) == list(range(len(keeps) + 1, len(keeps) + len(breaks) + 1))


@pytest.mark.parametrize(("convention", "breaks", "keeps"), PLANTED)
def test_the_module_that_may_is_left_out(tmp_path, convention, breaks, keeps):
    room = tmp_path / "layers/seqdrop/seqdrop/aws"
    room.mkdir(parents=True)
    (room / "keys.py").write_text("\n".join(breaks) + "\n")
    assert offenders(tmp_path, CODE, "seqdrop/aws/", convention) == []
