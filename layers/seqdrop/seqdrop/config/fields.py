r'''Tables of a TOML file as frozen dataclasses whose fields carry their rules.

    @dataclass(frozen=True)
    class Train(Table):
        table = "train"

        epochs: int = setting(10, Whole(1, 1000))
        """Passes over the training records, at most."""

A problem names the table, the key, the value and what is allowed: `train.epochs is 0; it must be a whole number from 1
to 1,000`. `documents` adds the line of the file; `schema` makes JSON Schema of the same rules, with the text under each
field as its description.
'''

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from seqdrop.config.conflicts import Rules, default_of, fill, find_conflicts
from seqdrop.config.problems import WRONG, Path, Problem, SettingsError, format_path, format_value, unknown_keys
from seqdrop.config.rules import Choice, Choices, Flag, Maybe, Number, Rule, Text, Texts, Whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["Choice", "Choices", "Flag", "Maybe", "Number", "Rule", "Table", "Text", "Texts", "Whole", "setting"]

FieldValue = Any
"""The type of `setting` for a type checker: any, so that it suits every field, as dataclasses.field does."""
_RULES: dict[type, dict[str, Rule]] = {}  # cache of Table.rules


def setting(default: object, rule: Rule, *, compare: bool = True) -> FieldValue:
    """Return a field of a `Table`. The setting is required if the default is MISSING.

    With `compare` False, tables that differ only in this setting are equal, and stored plans do not contain it.
    """
    return field(default=default, metadata={"rule": rule}, compare=compare)


@dataclass(frozen=True)
class Table:
    """Base of the dataclasses that are read from a table of a TOML file.

    Fields that `setting` defines are keys of the TOML table; the value of any other field comes from elsewhere. The
    constructor checks all rules and raises SettingsError.
    """

    table = ""
    """Name of the TOML table, "" for the top. If one class serves several tables, `read` gets the path."""

    def __post_init__(self) -> None:
        settings = {name: getattr(self, name) for name in self.rules()}
        others = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in settings}
        if problems := self.find_problems(settings, self.place(), **others):
            raise SettingsError(problems)

    def conflicts(self) -> Iterable[str]:
        """Yield conflicts between settings that are each allowed. A message starts with the key that it is about.

        Reading a wrong setting ends the generator; its earlier messages count.
        """
        return ()

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """Return the rule of each key of the table, by name."""
        if cls not in _RULES:
            _RULES[cls] = {each.name: each.metadata["rule"] for each in fields(cls) if "rule" in each.metadata}
        return _RULES[cls]

    @classmethod
    def has_default(cls, name: str) -> bool:
        """Return True if a table may lack a setting."""
        return default_of(cls.__dataclass_fields__[name]) is not MISSING

    @classmethod
    def place(cls) -> Path:
        """Return the default path of the table."""
        return tuple(cls.table.split(".")) if cls.table else ()

    @classmethod
    def read(
        cls, table: object, path: Path | None = None, *, misspelt: Collection[str] = (), rules: Iterable[Rules] = (),
        **others: object,
    ) -> Self:  # fmt: skip
        """Return a table of a TOML document as an instance; `others` are fields whose values come from elsewhere.

        `misspelt` are settings whose misspelt keys the caller has reported; they are not reported as missing. `rules`
        are further rules across fields. Raise SettingsError with everything that is wrong; its list of problems is
        empty if there are only misspelt keys, which were reported before.
        """
        path = cls.place() if path is None else path
        problems = cls.find_problems(table, path, misspelt, rules, (), **others)
        if problems or not isinstance(table, dict) or cls.rules().keys() & set(misspelt) - table.keys():
            raise SettingsError(problems)
        return fill(cls, _stored_settings(cls, table) | others)

    @classmethod
    def restore(cls, **values: object) -> Self:
        """Return an instance with values that this or an earlier version stored. No rule is applied.

        Raise TypeError for names that are not fields, and for fields that have neither a value nor a default.
        """
        by_name = {each.name: each for each in fields(cls)}
        if unknown := sorted(values.keys() - by_name):
            raise TypeError(f"{cls.__name__} has no {', '.join(unknown)}")
        missing = [name for name, each in by_name.items() if name not in values and default_of(each) is MISSING]
        if missing:
            raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
        return fill(cls, values)

    @classmethod
    def find_problems(
        cls, table: object, path: Path, misspelt: Collection[str] = (), rules: Iterable[Rules] = (),
        hidden: Collection[str] = (), **others: object,
    ) -> list[Problem]:  # fmt: skip
        """Return everything that is wrong with a table of a TOML document; the arguments are those of `read`.

        `hidden` are settings whose value is not known yet; no rule across fields may read them.
        """
        if not isinstance(table, dict):
            name = format_path(path)
            return [Problem(path, f"{name} is {format_value(table)}; it must be a table: write [{name}]")]
        problems, meant = unknown_keys(table, path, cls.rules())
        skipped = {name for name in (*misspelt, *meant) if name not in table}
        broken = _find_broken(cls, table, skipped)
        problems += [Problem((*path, name), f"{format_path((*path, name))} {text}") for name, text in broken.items()]
        wrong = {*broken, *skipped, *hidden, *(name for name, value in others.items() if value is WRONG)}
        values = _stored_settings(cls, table, wrong) | others
        return problems + find_conflicts(cls, values, wrong, path, (cls.conflicts, *rules))


def _find_broken(cls: type[Table], table: Mapping[str, object], skipped: Collection[str]) -> dict[str, str]:
    """Return the problems of single settings, by name."""
    broken = {}
    for name, rule in cls.rules().items():
        if name in table:
            if not rule.holds(table[name]):
                broken[name] = f"is {format_value(table[name])}; it must be {rule.wanted}"
        elif name not in skipped and not cls.has_default(name):
            broken[name] = f"is missing; it must be {rule.wanted}"
    return broken


def _stored_settings(cls: type[Table], table: Mapping[str, object], wrong: Collection[str] = ()) -> dict[str, object]:
    """Return the settings of a table in the form in which they are stored, without those that are wrong."""
    rules = cls.rules()
    return {name: rules[name].keep(value) for name, value in table.items() if name in rules and name not in wrong}
