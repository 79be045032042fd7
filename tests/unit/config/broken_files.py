"""The files of tests/unit/config/broken, and the tables of docs/configuration.md with the messages about them.

`python -m tests.unit.config.broken_files` rewrites those tables. The first line of each file says what is wrong with
it; the lines that a message is about have the comment `# wrong`.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jsonschema import Draft7Validator
from seqdrop.config.analyses import FILE
from seqdrop.config.documents import ConfigFileError, FileFault
from seqdrop.kinds.registry import parse
from seqdrop.training import jobfile

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER, PAGE = Path(__file__).parent / "broken", REPOSITORY / "docs/configuration.md"
READERS = {"analyses": (FILE, parse), "job": (jobfile.JOB, jobfile.read)}
MARK = re.compile(r"\s*# wrong.*")


@dataclass(frozen=True)
class Broken:
    """A file that is refused."""

    form: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def title(self) -> str:
        return self.text.splitlines()[0].removeprefix("# ")

    @property
    def marked(self) -> dict[int, str]:
        """The wrong lines by number, without the comment."""
        lines = enumerate(self.text.splitlines(), start=1)
        return {number: MARK.sub("", line) for number, line in lines if MARK.search(line)}

    @property
    def faults(self) -> list[FileFault]:
        """The faults that the pipeline reports."""
        try:
            READERS[self.form][1](self.text)
        except ConfigFileError as error:
            return error.faults
        return []

    @property
    def is_refused_by_editors(self) -> bool:
        """Whether an editor shows an error: its JSON Schema refuses the file, or it is not TOML."""
        schema = json.loads((REPOSITORY / f"docs/schemas/{self.form}.schema.json").read_text())
        try:
            return not Draft7Validator(schema).is_valid(tomllib.loads(self.text))
        except tomllib.TOMLDecodeError:
            return True


def broken_files(form: str) -> list[Broken]:
    return [Broken(form, path) for path in sorted((FOLDER / form).glob("*.toml"))]


def table(form: str) -> str:
    """Return the table of the files of one form, as on the page."""
    rows = [f"| | lines of `{READERS[form][0]}` | message | editor |", "|---|---|---|---|"]
    for broken in broken_files(form):
        lines = "<br>".join(f"{number}: `{line}`" if line else f"{number}" for number, line in broken.marked.items())
        messages = "<br>".join(f"{fault.line}: `{fault.message}`" for fault in broken.faults)
        rows.append(f"| {broken.title} | {lines} | {messages} | {'yes' if broken.is_refused_by_editors else 'no'} |")
    return "\n".join(rows)


def page(text: str) -> str:
    """Return the text of the page with correct tables."""
    for form in READERS:
        start, end = f"<!-- {form}: python -m tests.unit.config.broken_files -->\n", "\n<!-- end -->"
        before, rest = text.split(start)
        text = before + start + table(form) + end + rest.split(end, 1)[1]
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
