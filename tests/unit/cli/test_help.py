"""Every help page has examples that can be parsed, and options that name their defaults, and fits its terminal."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest
from seqdrop_cli.catalog import COMMANDS, Group, build_parser, command_paths
from seqdrop_cli.main import main

PAGES = [(), *((name,) for name, entry in COMMANDS.items() if isinstance(entry, Group)), *command_paths()]
EVERY_WORD = {word for path in PAGES for word in path}
SEPARATORS = {"|", ";", "&&", ">"}


def read_page(capsys, path: tuple[str, ...]) -> str:
    with pytest.raises(SystemExit) as exit_info:
        main([*path, "--help"])
    assert exit_info.value.code == 0
    return capsys.readouterr().out


def example_commands(page: str) -> list[list[str]]:
    """Return the arguments of `seqdrop` in each example of a page, without pipes, redirections and comments."""
    lines = re.findall(r"^  (\S.*)$", page.partition("\nexamples:\n")[2], re.MULTILINE)
    return [_own_words(line) for line in lines]


def _own_words(line: str) -> list[str]:
    inner = re.search(r"\$\((.+?)\)", line)  # eval "$(seqdrop completion bash)"
    lexer = shlex.shlex(inner[1] if inner else line, posix=True, punctuation_chars="|;&>")
    lexer.whitespace_split = True
    words = list(lexer)
    start = words.index("seqdrop")
    end = next((place for place, word in enumerate(words) if word in SEPARATORS and place > start), len(words))
    return words[start + 1 : end]


@pytest.mark.parametrize("path", PAGES, ids=" ".join)
def test_each_page_has_examples_that_parse(capsys, path):
    commands = example_commands(read_page(capsys, path))
    assert commands, "no example"
    for words in commands:
        assert tuple(words[: len(path)]) == path
        parsed = vars(build_parser(words).parse_args(words))
        assert parsed.pop("call")


@pytest.mark.parametrize("path", PAGES, ids=" ".join)
def test_each_example_has_a_purpose(capsys, path):
    lines = re.findall(r"^  (\S.*)$", read_page(capsys, path).partition("\nexamples:\n")[2], re.MULTILINE)
    assert all(re.search(r"\S +# \S", line) for line in lines)


@pytest.mark.parametrize("path", command_paths(), ids=" ".join)
def test_each_optional_value_names_its_default_and_each_argument_has_a_text(path):
    parser = _parser_of(path)
    one_of_a_group = {
        action for group in parser._mutually_exclusive_groups if group.required for action in group._group_actions
    }
    for action in parser._actions:
        assert action.help, action.dest
        if action.nargs != 0 and not action.required and action.nargs != "*" and action not in one_of_a_group:
            assert "default" in action.help, f"{path}: {action.dest}"


def _parser_of(path: tuple[str, ...]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = build_parser(EVERY_WORD)
    for word in path:
        (subparsers,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        parser = subparsers.choices[word]
    return parser


@pytest.mark.parametrize("path", PAGES, ids=" ".join)
def test_text_fits_a_narrow_terminal(capsys, monkeypatch, path):
    """Only indented lines, such as examples, may be longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", "80")
    page = read_page(capsys, path)
    assert [line for line in page.splitlines() if len(line) > 80 and not line.startswith(" ")] == []


def test_the_first_page_says_how_to_switch_completion_on(capsys):
    page = read_page(capsys, ())
    for shell in ("bash", "zsh", "fish"):
        assert f"seqdrop completion {shell}" in page
