"""Read the Markdown pages of the repository: their links, anchors, code fences, code spans and commands."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")


def list_pages() -> list[Path]:
    """Return every Markdown page of the repository, tracked or new, relative to its root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.splitlines() if (REPOSITORY / name).is_file()]


def read(page: Path) -> str:
    """Return the text of a page, whose path is relative to the root of the repository."""
    return (REPOSITORY / page).read_text(encoding="utf-8")


def strip_fences(text: str) -> str:
    """Return the text without its code fences."""
    return FENCE.sub("", text)


def find_fences(text: str, language: str) -> list[str]:
    """Return the content of each code fence with this language; "" selects fences without a language."""
    return [body for name, body in FENCE.findall(text) if name == language]


def find_links(text: str) -> Iterator[tuple[str, str]]:
    """Yield (path, anchor) of each relative link; the path "" is the page itself, the anchor "" its top."""
    for target in LINK.findall(SPAN.sub("", strip_fences(text))):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def find_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub generates for the headings of a page."""
    names: set[str] = set()
    for heading in HEADING.findall(strip_fences(text)):
        plain = LINK.sub(lambda link: link[0].partition("[")[2].partition("]")[0], heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = next(n for n in range(100) if (name if n == 0 else f"{name}-{n}") not in names)
        names.add(name if number == 0 else f"{name}-{number}")
    return names


def find_commands(text: str) -> Iterator[str]:
    """Yield each command line of the `sh` fences, with continued lines joined and comments removed."""
    for block in find_fences(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.sub(r"(^|\s)#.*$", "", line).strip()
            if command:
                yield command
