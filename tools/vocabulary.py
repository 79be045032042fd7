"""Check that names and prose use the project's vocabulary: `python -m tools.vocabulary [PATH …]`.

A phrase is matched in prose: docstrings, comments, text in string literals, names of functions with underscores read
as spaces, Markdown outside code, and comments of TOML, YAML, C and make. A single word has good uses in prose ("room"
in a sentence about memory), so it is matched only as a whole name that is bound: a variable, a parameter, a function.
A name that is part of a stored format, such as an attribute in the ledger, stays as it is: its line says `# stored
name`. The table is that of CONTRIBUTING.md. Prints `path:line: finding` and exits with status 1 if there is any.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SELF = ("tools/vocabulary.py", "tests/unit/tools/test_vocabulary.py")
STORED = "# stored name"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Row:
    """A row of the glossary: phrases (regular expressions) and names to avoid, and what to write instead."""

    instead: str
    phrases: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


GLOSSARY = (
    Row(
        "returns, receives, is notified, is reported",
        (r"(?:is|are|be|been|being|was|were) told\b", r"told of\b", r"tell(?:s|ing)? (?:him|her|them|it|people) of\b"),
        ("answers", "answered", "told", "tell", "tells"),
    ),
    Row(
        "enqueue, route, re-send",
        (r"hand(?:s|ed|ing)? on\b", r"(?:send|sends|sent|sending) on its (?:road|way)\b", r"on its road\b"),
        ("hand_on", "road", "pushes"),
    ),
    Row("import results", (r"(?:bring|brings|brought|bringing)(?: \w+){0,3} home\b",), ("bring_home", "bring")),
    Row(
        "is in state, final state",
        (r"(?<!-)\bstands? (?:still )?in\b(?! for)", r"at (?:its|their) ends?\b"),
        ("standing",),
    ),
    Row("monitor, has no handler", (r"look(?:s|ed|ing)? after\b",), ("look_after",)),
    Row(
        "slot, free job slots, gated, resolve, advance",
        (r"mov(?:e|es|ed|ing) on\b", r"settl(?:e|es|ed|ing) (?:it|them|what|which|whether)\b"),
        ("seat", "seats", "room", "rooms", "held", "settle", "settled", "move_on"),
    ),
    Row(
        "interval, bases, residues, translations",
        (r"stretch(?:es)? of (?:bases|residues|sequence|letters|the record|a record|N|Ns)\b",),
        ("stretch", "stretches", "letters", "fate", "fates"),
    ),
    Row("the noun: upload, report, plan, rows", (), ("one", "found", "told", "made", "held", "given", "said", "seen")),
    Row(
        "a direct sentence",
        (
            r"so many\b",
            r"at the (?:most|least)\b",
            r"of (?:which|whom)\b",
            r"whoever\b",
            r"nobody\b",
            r"(?:that|who|which) (?:is|are) there already\b",
            r"as (?:it|they) (?:is|are) told\b",
        ),
    ),
)
# First words of a docstring that describes where it should instruct.
NO_VERB = re.compile(
    r"(?:What|Whether|Who|Whose|Which|How|Where|When|The|An?|Of|That|Those|These|One|All|Each|Every|It|If)\b"
)
PHRASES = [(re.compile(rf"\b{phrase}", re.IGNORECASE), row.instead) for row in GLOSSARY for phrase in row.phrases]
NAMES = {name: row.instead for row in reversed(GLOSSARY) for name in row.names}


@dataclass(frozen=True, order=True)
class Finding:
    """Words at a 1-based line, and what to write instead."""

    line: int
    words: str
    instead: str


def main(paths: list[str]) -> int:
    """Print the findings of the given paths, or of every tracked file; return 1 if there are any."""
    count = 0
    for path in _tracked(paths):
        for finding in check(path, Path(path).read_text(encoding="utf-8")):
            print(f"{path}:{finding.line}: {finding.words!r}: write {finding.instead}")
            count += 1
    return 1 if count else 0


def check(path: str, text: str) -> list[Finding]:
    """Return the findings of a file's text, in order of lines; the suffix of `path` says how it is read."""
    if path.endswith(".py"):
        tree = ast.parse(text)
        findings = [*_bound(tree, text), *_docstrings(tree, path), *_phrases(_python_prose(tree, text))]
    else:
        findings = list(_phrases(_other_prose(path, text)))
    return sorted(set(findings))


def _tracked(paths: list[str]) -> Iterator[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *paths],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    known = (".py", ".md", ".toml", ".yaml", ".c", ".h", "Makefile")
    yield from (path for path in listed if path.endswith(known) and path not in SELF and not Path(path).is_symlink())


def _bound(tree: ast.Module, text: str) -> Iterator[Finding]:
    lines = text.splitlines()
    for node in ast.walk(tree):
        name = _name(node)
        instead = NAMES.get(name.strip("_")) if name else None
        if name and instead and STORED not in lines[node.lineno - 1]:  # type: ignore[attr-defined]
            yield Finding(node.lineno, name, f"{instead} (as a name)")  # type: ignore[attr-defined]


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, FUNCTIONS) else None


def _docstrings(tree: ast.Module, path: str) -> Iterator[Finding]:
    """Yield docstrings of functions that begin without a verb; properties and tests describe, so they may."""
    for node in ast.walk(tree):
        if not isinstance(node, FUNCTIONS) or path.startswith("tests/") or _is_property(node):
            continue
        first = NO_VERB.match(ast.get_docstring(node) or "")
        if first:
            yield Finding(node.lineno, f"{first.group()} …", 'a docstring that begins with a verb, as in "Return …"')


def _is_property(node: ast.AST) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)  # type: ignore[attr-defined]


def _python_prose(tree: ast.Module, text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
        elif isinstance(node, FUNCTIONS):
            yield node.lineno, node.name.replace("_", " ")


def _other_prose(path: str, text: str) -> Iterator[tuple[int, str]]:
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if path.endswith(".md"):
            fenced ^= line.lstrip().startswith("```")
            yield number, "" if fenced else re.sub(r"`[^`]*`", "`…`", line)
        elif path.endswith((".yaml", ".c", ".h")) or "#" in line:
            yield number, line if path.endswith((".yaml", ".c", ".h")) else line[line.index("#") :]


def _phrases(prose: Iterable[tuple[int, str]]) -> Iterator[Finding]:
    for first, text in prose:
        joined = re.sub(r"[ \t]*\n[ \t#]*", "\n", text)
        for pattern, instead in PHRASES:
            for match in pattern.finditer(joined.replace("\n", " ")):
                yield Finding(first + joined.count("\n", 0, match.start()), match.group(), instead)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
