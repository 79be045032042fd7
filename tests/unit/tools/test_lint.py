"""Each check of `make lint` fails on a planted violation, and the settings that it reads are those of this checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from local.embedded import REPOSITORY

HEAD = '"""Count reads."""\n\nfrom __future__ import annotations\n'
SOUND = (
    HEAD
    + '''
from pathlib import Path


def count_reads(path: Path) -> int:
    """Return the number of reads of a FASTQ file."""
    return Path(path).read_bytes().count(b"\\n") // 4
'''
)
# Rule → code that breaks it.
PLANTED = {
    "D103": "\n\ndef count_reads() -> int:\n    return 1\n",
    "D401": '\n\ndef count_reads() -> int:\n    """Returns the number of reads."""\n    return 1\n',
    "D205": '\n\ndef count_reads() -> int:\n    """Return the number\n    of reads.\n    """\n    return 1\n',
    "ANN001": '\n\ndef count_reads(path) -> int:\n    """Return the number of reads."""\n    return len(path)\n',
    "ANN201": '\n\ndef count_reads():\n    """Return the number of reads."""\n    return 1\n',
    "RET505": '\n\ndef pick(a: int) -> int:\n    """Return a size."""\n    if a:\n        return 1\n'
    "    else:\n        return 2\n",
    "TC003": '\nfrom pathlib import Path\n\n\ndef pick(a: Path) -> str:\n    """Return a name."""\n    return a.name\n',
    "ARG001": '\n\ndef count_reads(path: str) -> int:\n    """Return the number of reads."""\n    return 1\n',
    "BLE001": "\n\ntry:\n    import seqdrop\nexcept Exception:\n    seqdrop = None\n",
    "N801": '\n\nclass read_counter:\n    """A counter."""\n',
    "N818": '\n\nclass Stuck(Exception):\n    """Nothing moves."""\n',
    "PTH123": '\n\nwith open("reads.fastq") as stream:\n    stream.read()\n',
    "S301": '\nimport pickle\n\nREADS = pickle.loads(b"")\n',
    "PLR0913": '\n\ndef f(a: int, b: int, c: int, d: int, e: int, g: int, h: int) -> int:\n    """Return a sum."""\n'
    "    return a + b + c + d + e + g + h\n",
}

# Line → error that mypy reports of it.
MYPY = {
    "def count_reads(path): return 1": "no-untyped-def",
    "def show(report: dict) -> None: ...": "type-arg",
    "def size(text: str | None) -> int: return len(text.strip())": "union-attr",
}


# `make lint` checks template.yaml itself, which takes long.
PLANTED_TABLE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Ledger:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_AS_YOU_LIKE
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
"""


def run(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment in the checkout with `text` as standard input."""
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=REPOSITORY, input=text, capture_output=True, text=True, check=False)


def ruff(text: str, name: str = "layers/seqdrop/seqdrop/planted.py") -> str:
    """Return what ruff prints of a file of this text and name, with the checkout's settings."""
    return run("ruff", "check", "--output-format=concise", "--stdin-filename", name, "-", text=text).stdout


def test_ruff_accepts_sound_code():
    assert "All checks passed!" in ruff(SOUND)


@pytest.mark.parametrize("rule", PLANTED)
@pytest.mark.parametrize(
    "name", ["layers/seqdrop/seqdrop/planted.py", "cli/seqdrop_cli/planted.py", "local/planted.py"]
)
def test_ruff_finds_each_planted_violation(rule, name):
    assert f" {rule} " in ruff(HEAD + PLANTED[rule], name)


def test_docstrings_and_annotations_are_not_asked_of_tests():
    printed = ruff(HEAD + "\n\ndef test_x(tmp_path):\n    assert tmp_path\n", "tests/unit/test_planted.py")
    assert "All checks passed!" in printed


def test_the_formatter_finds_a_planted_violation():
    assert (
        run("ruff", "format", "--check", "--stdin-filename", "cli/planted.py", "-", text="x = {  }\n").returncode == 1
    )


def test_mypy_is_strict(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text("\n".join(MYPY))
    printed = run("mypy", "--cache-dir", str(tmp_path), str(planted)).stdout
    for number, error in enumerate(MYPY.values(), 1):
        assert re.search(rf"planted.py:{number}: error: .*\[{error}\]", printed), printed


def test_mypy_reads_the_package_the_functions_and_the_command():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert settings["files"] == ["layers/seqdrop/seqdrop", "functions", "cli/seqdrop_cli"]


def test_cfn_lint_finds_a_planted_violation(tmp_path):
    planted = tmp_path / "template.yaml"
    planted.write_text(PLANTED_TABLE)
    command = [Path(sys.executable).parent / "cfn-lint", planted, "-a", "cfn_lint_serverless.rules"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode != 0
    assert "PAY_AS_YOU_LIKE" in checked.stdout


def test_make_lint_runs_every_check():
    recipe = (REPOSITORY / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    for words in (
        "ruff check",
        "ruff format --check",
        "mypy",
        "lint-imports",
        "tools.vocabulary",
        "cfn-lint",
        "sam validate",
    ):
        assert words in recipe
