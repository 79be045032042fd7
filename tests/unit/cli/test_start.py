"""The start of the command: the packages that it imports, and the completion of words in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.catalog import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

SLOW = ("boto3", "botocore", "rich", "numpy", "pyarrow", "pysam")
PROGRAM = """
import sys
from seqdrop_cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted(name for name in {slow} if name in sys.modules), file=sys.stderr)
"""


def slow_imports(*words: str, **environment: str) -> list[str]:
    """Run a command line in its own process; return the slow packages that it imports."""
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(slow=SLOW), *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stderr.split()


@pytest.mark.parametrize("words", [(), ("status",), ("drop",), ("replay",), ("models", "push"), ("predict",)])
def test_help_imports_nothing_slow(words):
    assert slow_imports(*words, "--help") == []


# argcomplete ends the process with os._exit, so the program replaces that to report its imports.
COMPLETION = """
import os, sys
def leave(status):
    print(*sorted(name for name in {slow} if name in sys.modules), file=sys.stderr, flush=True)
    known(status)
known, os._exit = os._exit, leave
from seqdrop_cli.main import main
main()
"""


def complete(line: str, folder: Path) -> tuple[set[str], list[str]]:
    """Return the completions of a line, with the cursor after it, and the slow imports.

    The variables are those that a shell sets. argcomplete writes the completions to the file that one of them names.
    """
    output = folder / "completions"
    environment = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(output),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    command = [sys.executable, "-c", COMPLETION.format(slow=SLOW)]
    process = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return {word.strip() for word in output.read_text().splitlines()}, process.stderr.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seqdrop ", set(COMMANDS)),
        ("seqdrop re", {"replay", "release", "redrive"}),
        ("seqdrop models ", {"push", "show", "list", "history", "promote", "rollback", "use"}),
        ("seqdrop drop --", {"--watch", "--prefix", "--stack", "--region"}),
        ("seqdrop predict x --task ", {"promoter", "masked", "embed", "structure"}),
        ("seqdrop completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_commands_verbs_options_and_choices_are_completed_without_slow_imports(tmp_path, line, words):
    completions, imports = complete(line, tmp_path)
    assert words <= completions
    assert imports == []


@pytest.mark.parametrize(
    ("shell", "line"), [("bash", "complete "), ("zsh", "compdef "), ("fish", "complete --command seqdrop")]
)
def test_the_code_for_each_shell_is_printed(seqdrop, shell, line):
    outcome = seqdrop("completion", shell)
    assert outcome.status == 0
    assert line in outcome.out


def test_bash_accepts_the_code(seqdrop):
    code = seqdrop("completion", "bash").out
    process = subprocess.run(
        ["bash", "-c", f"{code}\ncomplete -p seqdrop"], capture_output=True, text=True, check=False
    )
    assert "_python_argcomplete seqdrop" in process.stdout
