"""Every command in the documentation exists: `seqdrop` with its options, `make` with its targets."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.catalog import build_parser

from tests.unit.docs.pages import REPOSITORY, SPAN, find_commands, list_pages, read, strip_fences

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [page for page in list_pages() if page.name != "CHANGELOG.md"]
# A code span in a sentence, such as `seqdrop models push`, names a command without its arguments.
IN_A_SENTENCE = re.compile(r"^seqdrop ([a-z][a-z-]+)(?: (push|show|use|weights|check|schema))?\b")


def find_seqdrop_commands(page: Path) -> list[list[str]]:
    """Return the arguments of each `seqdrop` command in a page's `sh` fences."""
    parts = [part.strip() for command in find_commands(read(page)) for part in re.split(r"&&|\|", command)]
    return [shlex.split(re.sub(r"\s>.*$", "", part))[1:] for part in parts if part.startswith("seqdrop ")]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_seqdrop_command_parses(page, capsys):
    for arguments in find_seqdrop_commands(page):
        try:
            build_parser(arguments).parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{page}: seqdrop {shlex.join(arguments)}: {capsys.readouterr().err}")


def test_many_commands_were_parsed():
    assert sum(len(find_seqdrop_commands(page)) for page in PAGES) > 30


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_seqdrop_command_in_a_sentence_exists(page):
    helped = build_parser([]).format_help()
    for span in SPAN.findall(strip_fences(read(page))):
        if command := IN_A_SENTENCE.match(span):
            assert re.search(rf"^ +{command[1]}\b", helped, re.MULTILINE), f"{page} names `{span}`"


def test_the_page_of_commands_lists_every_command():
    table = re.findall(r"^\| `seqdrop ([a-z-]+)` \|", read(REPOSITORY / "docs/commands.md"), re.MULTILINE)
    assert set(table) == set(re.findall(r"^    ([a-z][a-z-]+)\b", build_parser([]).format_help(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_exists(page):
    targets = set(re.findall(r"^([a-z][\w-]*):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    names = [command.split() for command in find_commands(read(page))] + [
        span.split() for span in SPAN.findall(strip_fences(read(page)))
    ]
    for words in names:
        if words[0] == "make" and len(words) > 1 and "=" not in words[1]:
            assert words[1] in targets, f"{page} names make {words[1]}"
