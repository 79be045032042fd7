"""The table of instruments: how each is recognised, and the files that say that its run is complete.

The data is `instruments.toml`, beside this module; `instruments_page` shows it in docs/instruments.md.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, get_origin, get_type_hints

from seqdrop.errors import ConfigurationError

GRACE_MINUTES = 10
CONTENTS = ("", "transfer list", "final summary", "cycles")
FORMS = ("RunCompletionStatus", "RunUploaded", "Error_Summary", "analysisResults")
KINDS: dict[object, str] = {str: "text", int: "whole number", bool: "true or false", tuple: "list"}
UNITS = ("run", "flow cell", "cell", "lane")


@dataclass(frozen=True)
class Outcome:
    """A file that says whether a run succeeded, and the form of its content (a function of `outcomes`)."""

    file: str
    form: str

    def __post_init__(self) -> None:
        _require(self.form in FORMS, f"the form of {self.file} is none of {', '.join(FORMS)}")


@dataclass(frozen=True)
class Alternative:
    """Other markers that complete a run as well.

    `quiet_hours` is the time without a new file that must follow, and `warning` is the text for people then. With
    `versions`, it is valid only for runs whose RunParametersVersion is one of them ("" if the file names none).
    """

    markers: tuple[str, ...]
    quiet_hours: int = 0
    warning: str = ""
    versions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(bool(self.markers), "an alternative has no markers")
        _require(bool(self.quiet_hours) == bool(self.warning), "quiet_hours and warning belong together")


@dataclass(frozen=True)
class Analysis:
    """A layout of `Analysis/<n>`: its markers, the list of its files, and its outcome."""

    id: str
    name: str
    markers: tuple[str, ...]
    source: str
    manifest: str = ""
    outcome: Outcome | None = None
    grace_minutes: int = GRACE_MINUTES
    unsure: bool = False

    def __post_init__(self) -> None:
        _require(bool(self.markers and self.source), f"analysis {self.id} needs markers and a source")
        _require(self.grace_minutes >= 0, f"analysis {self.id}: grace_minutes is negative")


@dataclass(frozen=True)
class Row:
    """A family of instruments. The comments of instruments.toml say what patterns mean.

    It is recognised by `applications` (patterns of the texts of RunParameters.xml), `serials` (regular expressions of
    the instrument's id), `folders` (of the run folder's name) or `files` (patterns of paths). `unit` is what becomes
    complete by itself: the run, or the folders below it that match `unit_folders` or contain one of `unit_contents`.
    Each of the `end` files says that sequencing has ended. `tests` are names of folders that never become a run.
    """

    id: str
    name: str
    end: tuple[str, ...]
    markers: tuple[str, ...]
    silence_hours: int
    source: str
    applications: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unit: str = "run"
    unit_folders: tuple[str, ...] = ()
    unit_contents: tuple[str, ...] = ()
    content: str = ""
    outcome: Outcome | None = None
    alternative: tuple[Alternative, ...] = ()
    analyses: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    grace_minutes: int = GRACE_MINUTES
    unsure: bool = False

    def __post_init__(self) -> None:
        known_by = self.applications + self.serials + self.folders + self.files
        _require(bool(known_by), f"{self.id}: nothing says how it is recognised")
        _require(bool(self.markers and self.end and self.source), f"{self.id}: end, markers or source is empty")
        _require(self.silence_hours > 0 and self.grace_minutes >= 0, f"{self.id}: a time is negative")
        _require(self.unit in UNITS and self.content in CONTENTS, f"{self.id}: the unit or the content is unknown")
        _require((self.unit == "run") != bool(self.unit_folders), f"{self.id}: unit and unit_folders belong together")
        for pattern in self.serials + self.folders + self.unit_folders:
            re.compile(pattern)

    def rules(self, version: str | None) -> list[Alternative]:
        """Return the rules for a RunParametersVersion: one that names it first, then the row's markers, then others."""
        exact = [rule for rule in self.alternative if version in rule.versions]
        return [*exact, Alternative(self.markers), *(rule for rule in self.alternative if not rule.versions)]


@dataclass(frozen=True)
class Table:
    """All rows, and the layouts of on-board analyses."""

    instruments: tuple[Row, ...]
    analyses: tuple[Analysis, ...]

    def __post_init__(self) -> None:
        ids = [row.id for row in self.instruments]
        _require(len(set(ids)) == len(ids), "two instruments have the same id")
        known = {layout.id for layout in self.analyses}
        for row in self.instruments:
            _require(known.issuperset(row.analyses), f"{row.id} names an analysis that is not in the table")

    def layouts(self, row: Row | None) -> list[Analysis]:
        """Return the layouts that an analysis folder of this instrument may have; all, if the row names none."""
        names = row.analyses if row and row.analyses else tuple(layout.id for layout in self.analyses)
        return [layout for name in names for layout in self.analyses if layout.id == name]


@cache
def load_table() -> Table:
    """Return the table of this version, checked. Raise ConfigurationError if a row is wrong; the message names it."""
    return parse_table(files("seqdrop.runs").joinpath("instruments.toml").read_text(encoding="utf-8"))


def parse_table(text: str) -> Table:
    """Return the table that a TOML text holds. Raise ConfigurationError if it is wrong; the message names the row."""
    try:
        document = tomllib.loads(text)
        _require(set(document) == {"instrument", "analysis"}, "it has other tables than instrument and analysis")
        rows = tuple(_build(Row, entry) for entry in document["instrument"])
        return Table(rows, tuple(_build(Analysis, entry) for entry in document["analysis"]))
    except (tomllib.TOMLDecodeError, re.error) as error:
        raise ConfigurationError(f"instruments.toml: {error}") from error


def _build(kind: type[Any], entry: dict[str, Any]) -> Any:  # noqa: ANN401 - an instance of `kind`
    """Return a dataclass with the values of a TOML table; lists become tuples, and tables dataclasses."""
    name = entry.get("id", kind.__name__)
    hints = get_type_hints(kind)
    unknown = set(entry) - set(hints)
    _require(not unknown, f"{name} has the unknown setting {', '.join(sorted(unknown))}")
    missing = [f.name for f in fields(kind) if f.default is MISSING and f.name not in entry]
    _require(not missing, f"{name} lacks {', '.join(missing)}")
    values = {key: _convert(key, value) for key, value in entry.items()}
    for key, value in values.items():
        kinds = (hints[key], get_origin(hints[key]))  # tuple[str, ...] and tuple
        expected = next((plain for plain in KINDS if plain in kinds), Outcome)
        _require(type(value) is expected, f"{name}: {key} must be of type {KINDS.get(expected, 'table')}")
    return kind(**values)


def _convert(key: str, value: object) -> object:
    if key == "outcome" and isinstance(value, dict):
        return _build(Outcome, value)
    if key == "alternative" and isinstance(value, list):
        return tuple(_build(Alternative, entry if isinstance(entry, dict) else {}) for entry in value)
    if isinstance(value, list):
        _require(all(isinstance(entry, str) for entry in value), f"{key} must be a list of texts")
        return tuple(value)
    return " ".join(value.split()) if key == "source" and isinstance(value, str) else value


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigurationError(f"instruments.toml: {message}")
