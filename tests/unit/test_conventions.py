"""Conventions of the code: knowledge that belongs to one module is not repeated elsewhere in the tree.

Each convention is a function that yields the nodes of a module's syntax tree that break it. Tests with planted code
show that it finds violations, and nothing else.
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


def find_violations(root: Path, folders: list[str], allowed: str, convention: Convention) -> list[str]:
    """Return `path:line` of each violation of a convention in the folders, except in paths that contain `allowed`."""
    return [
        f"{path.relative_to(root)}:{node.lineno}"
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
        if allowed not in path.relative_to(root).as_posix()
        for node in convention(ast.parse(path.read_text()))
    ]


# -- error codes: only aws/errors.py inspects an error --


def error_codes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield each use of `….response["Error"]` and of `….response.get("Error")`."""
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


def test_only_aws_inspects_error_codes(repository):
    assert find_violations(repository, CODE, "seqdrop/aws/", error_codes) == []


# -- keys: only aws/keys.py makes them --

PREFIXES = "|".join(sorted(prefix.removesuffix("/") for prefix in {*keys.WORK, *keys.RESULTS, *keys.MODELS}))
# A text that begins like a key.
BEGINS = re.compile(rf"^/?(?:{PREFIXES})/\S*$")
# In an f-string: a prefix before a replacement field, at the start, within a sentence or within a URL.
PUT_IN = re.compile(rf"(?:^/?|(?<=[\s(\"'`])|s3://[^/\s]+/)(?:{PREFIXES})/\S*$")
# The last part of a key after a prefix in a variable: a file, or a folder in a bucket.
FOLDERS = "attempt-|output/|data/"
ENDING = re.compile(rf"^(?:{FOLDERS})?[\w-]+\.(?:jsonl?|html|tar\.gz|manifest|zip)$|^(?:{FOLDERS})")
S3_ARGUMENTS = {"Key", "Prefix"}


def made_keys(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield texts that begin like keys of the buckets, and keys that are composed of parts.

    Docstrings are ignored. The name of a file is a key only if it follows another part.
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
    """Return True if a field follows a prefix of the buckets, or the last part of a key follows a field."""
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


def test_only_aws_keys_makes_keys(repository):
    assert find_violations(repository, ["layers", "cli"], "seqdrop/aws/keys", made_keys) == []


# -- kinds of analysis: only kinds/ names them --

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


def test_no_module_outside_kinds_branches_on_a_kind(repository):
    """The tasks of a training (ss3, ss8, promoter) belong to job.toml, and are not kinds of analysis."""
    places = find_violations(repository, ["layers", "cli", "functions"], "seqdrop/kinds/", kind_branches)
    assert [place for place in places if "/training/" not in place] == []


# -- each convention finds its violations --

PLANTED = [
    pytest.param(error_codes, BREAKS_ERROR_CODES, KEEPS_ERROR_CODES, id="error codes"),
    pytest.param(made_keys, BREAKS_KEYS, KEEPS_KEYS, id="keys"),
    pytest.param(kind_branches, BREAKS_KINDS, KEEPS_KINDS, id="kinds"),
]


@pytest.mark.parametrize(("convention", "breaks", "keeps"), PLANTED)
def test_planted_violations_are_found_by_line_and_nothing_else(tmp_path, convention, breaks, keeps):
    folder = tmp_path / "layers/seqdrop/seqdrop/stages"
    folder.mkdir(parents=True)
    (folder / "planted.py").write_text("\n".join([*keeps, *breaks]) + "\n")
    (folder / "innocent.py").write_text("\n".join(keeps) + "\n")
    lines = [int(place.partition(":")[2]) for place in find_violations(tmp_path, CODE, "seqdrop/aws/", convention)]
    assert sorted(set(lines)) == list(range(len(keeps) + 1, len(keeps) + len(breaks) + 1))


@pytest.mark.parametrize(("convention", "breaks", "keeps"), PLANTED)
def test_the_allowed_module_is_ignored(tmp_path, convention, breaks, keeps):
    folder = tmp_path / "layers/seqdrop/seqdrop/aws"
    folder.mkdir(parents=True)
    (folder / "keys.py").write_text("\n".join(breaks) + "\n")
    assert find_violations(tmp_path, CODE, "seqdrop/aws/", convention) == []
