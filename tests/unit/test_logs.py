"""Logs and texts of errors, which logs repeat, hold ids: no name of a file, and no key of an object.

A name may be a patient's. tests/faults looks for names in what thousands of schedules log; this test reads the code,
so that a log call on a rare path is found as well.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = sorted([*(REPOSITORY / "layers/seqdrop/seqdrop").rglob("*.py"), *(REPOSITORY / "functions").rglob("*.py")])
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
# What a log call may say besides its text: ids, codes, counts, names of jobs and of our own resources.
FIELDS = {
    *("upload_id", "message_id", "run", "restore", "bundle", "job", "attempt", "manifest", "object_number"),
    *("analysis", "code", "end", "error", "reason", "what", "moves", "members", "landing", "waits"),
    *("endpoint", "configuration", "stopped", "status", "request", "requests", "group", "execution", "run_id", "state"),
    *("characters", "messages", "files", "versions", "entries", "objects", "unpackable", "uploads", "rejected"),
}
# Attributes and variables whose text has the name of a file in it, unless they belong to one of OURS.
NAMING = {"key", "archive_key", "name", "path", "folder", "file", "filename", "key_of"}
OURS = {"attempt", "member", "job", "order", "self", "function", "kind", "machine", "analysis"}
OURS |= {"plan", "serving", "state", "record"}  # endpoints
OURS |= {"group"}  # feature groups
# Errors of code that runs where no log is kept (the command line, the build), or whose key is that of a model or of a
# file that Seqdrop names itself.
ELSEWHERE = ("config/", "models/", "training/", "report/", "results/", "kinds/", "companions/", "reads/", "runs/")
NOT_LOGGED = {
    "stages/reconcile/manifests.py",  # the name of a manifest is its day
    "stages/unreadable.py",  # the ARN of a KMS key
    "stages/restore/copies.py",  # caught in copying.py, and mailed
    "stages/assemble/training_reuse.py",  # a rejection: its reason is written and mailed
    "stages/operator/replay.py",  # printed by the command
    "stages/workflow/start.py",  # caught in ending.py: it becomes the reason of the job, and is mailed
}


def is_naming(node: ast.AST) -> bool:
    """Return True if an expression may be the name of a file or the key of its object."""
    if isinstance(node, ast.Attribute):
        return node.attr in NAMING and ast.unparse(node.value).rpartition(".")[2] not in OURS
    return isinstance(node, ast.Name) and node.id in NAMING - {"name"}


def log_calls(tree: ast.AST) -> list[ast.Call]:
    def is_logger(node: ast.AST) -> bool:
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "logger"
        return called or (isinstance(node, ast.Name) and node.id in ("log", "logger"))

    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [call for call in calls if call.func.attr in METHODS and is_logger(call.func.value)]


def find_problems(source: str) -> list[str]:
    """Return what is wrong with the log calls of a module."""
    problems = []
    for call in log_calls(ast.parse(source)):
        line, (text, *others) = call.lineno, call.args
        if others or isinstance(text, (ast.JoinedStr, ast.BinOp)):
            problems.append(f"line {line}: the text of a log call is fixed; what varies is in `extra`")
        extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
        fields = extra.keys if isinstance(extra, ast.Dict) else []
        names = {field.value for field in fields if isinstance(field, ast.Constant)}
        problems += [f"line {line}: {name} is no known field" for name in sorted(names - FIELDS - {"bucket"})]
        problems += [f"line {line}: {ast.unparse(node)}" for node in ast.walk(call) if is_naming(node)]
    return problems


def find_named_errors(source: str) -> list[str]:
    """Return the f-strings of raised errors that may name a file."""
    raises = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise) and node.exc]
    values = [value for node in raises for value in ast.walk(node.exc) if isinstance(value, ast.FormattedValue)]
    return [f"line {it.lineno}: {ast.unparse(it.value)}" for it in values if is_naming(it.value)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_log_calls_name_no_files(path):
    assert find_problems(path.read_text()) == []


def test_errors_of_the_stages_name_no_files():
    package = REPOSITORY / "layers/seqdrop/seqdrop"
    named = set()
    for path in SOURCES:
        place = str(path.relative_to(package)) if path.is_relative_to(package) else str(path.relative_to(REPOSITORY))
        if not place.startswith(ELSEWHERE) and find_named_errors(path.read_text()):
            named.add(place)
    assert named == NOT_LOGGED


@pytest.mark.parametrize(
    "code",
    [
        'logger().info("archived", extra={"upload_id": upload.id, "archive_key": upload.archive_key})',
        'logger().info(f"archived {upload.id}")',
        'log.exception("not handled", extra={"upload_id": version.key})',
        'log.warning("gone: %s", upload.id)',
        'logger().error("gone", extra={"upload_id": key})',
    ],
)
def test_a_call_that_may_name_a_file_is_found(code):
    assert find_problems(code)


def test_an_error_that_may_name_a_file_is_found():
    assert find_named_errors('raise ObjectGoneError(f"{upload.key} is gone")')
    assert find_named_errors('raise RetryableError(f"{attempt.key} is claimed")') == []
