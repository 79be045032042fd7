"""Tables of a TOML file as frozen dataclasses whose fields carry their rules.

    @dataclass(frozen=True)
    class Train(Table):
        table = "train"

        epochs: int = setting(10, Whole(1, 1000))
        \"""Passes over the training records, at most.\"""

A problem names the table, the key, the value and what is allowed: `train.epochs is 0; it must be a whole number from 1
to 1,000`. `documents` adds the line of the file; `schema` makes JSON Schema of the same rules, with the text under each
field as its description.
"""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from seqdrop.config.conflicts import Rules, default, filled, find_conflicts
from seqdrop.config.problems import WRONG, Path, Problem, SettingsError, dotted, shown, unknown_keys
from seqdrop.config.rules import Choice, Choices, Flag, Maybe, Number, Rule, Text, Whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["Choice", "Choices", "Flag", "Maybe", "Number", "Rule", "Table", "Text", "Whole", "setting"]


def setting(default: Any, rule: Rule) -> Any:
    """Return a field of a `Table`. MISSING as the default: it has to be given."""
    return field(default=default, metadata={"rule": rule})


class Table:
    """Base of the frozen dataclasses. Fields made by `setting` are keys of the TOML table; any other field comes from
    elsewhere. An instance that is made directly is checked, too, and raises SettingsError."""

    table = ""
    """Name of the TOML table, "" for the top. `read` takes another place where one class serves several tables."""

    def __post_init__(self) -> None:
        settings = {name: getattr(self, name) for name in self.rules()}
        others = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in settings}
        if problems := self.find_problems(settings, self.place(), **others):
            raise SettingsError(problems)

    def conflicts(self) -> Iterable[str]:
        """Yield what is wrong between settings that are each allowed. A message starts with the key that it is about.

        A setting that is wrong itself cannot be looked at: the rules up to there count, the others are left out.
        """
        return ()

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """Return the names of the table's keys, with their rules."""
        return _settings(cls)

    @classmethod
    def place(cls) -> Path:
        """Return where the table is, unless `read` is told otherwise."""
        return tuple(cls.table.split(".")) if cls.table else ()

    @classmethod
    def read(
        cls, table: Any, path: Path | None = None, *, misspelt: Collection[str] = (), rules: Iterable[Rules] = (),
        **others: Any,
    ) -> Self:  # fmt: skip
        """Return a table of a TOML document as an instance; `others` are fields that come from elsewhere.

        `misspelt` are settings that an unknown key, which was reported before, stands for: they are not reported as
        missing. `rules` are more rules across fields. Raise SettingsError with everything that is wrong, which is
        nothing new if only a key is misspelt.
        """
        path = cls.place() if path is None else path
        problems = cls.find_problems(table, path, misspelt, rules, **others)
        if problems or cls.rules().keys() & set(misspelt) - table.keys():
            raise SettingsError(problems)
        return filled(cls, _given(cls, table) | others)

    @classmethod
    def restore(cls, **values: Any) -> Self:
        """Return an instance without applying any rule: of values that were checked when they were stored, perhaps by
        an earlier version. Raise TypeError for names that are no fields, and for fields without a value."""
        names = {one.name: one for one in fields(cls)}
        if unknown := sorted(values.keys() - names):
            raise TypeError(f"{cls.__name__} has no {', '.join(unknown)}")
        if lacking := [name for name, one in names.items() if name not in values and default(one) is MISSING]:
            raise TypeError(f"{cls.__name__} needs {', '.join(lacking)}")
        return filled(cls, values)

    @classmethod
    def find_problems(
        cls, table: Any, path: Path, misspelt: Collection[str] = (), rules: Iterable[Rules] = (),
        hidden: Collection[str] = (), **others: Any,
    ) -> list[Problem]:  # fmt: skip
        """Return everything that is wrong with a table of a TOML document; the arguments are those of `read`.

        `hidden` are settings whose value is not known yet, so that no rule across fields may look at them.
        """
        if not isinstance(table, dict):
            return [Problem(path, f"{dotted(path)} is {shown(table)}; it must be a table: write [{dotted(path)}]")]
        problems, meant = unknown_keys(table, path, cls.rules())
        skipped = {name for name in (*misspelt, *meant) if name not in table}
        broken = _broken(cls, table, skipped)
        problems += [Problem((*path, name), f"{dotted((*path, name))} {text}") for name, text in broken.items()]
        wrong = {*broken, *skipped, *hidden, *(name for name, value in others.items() if value is WRONG)}
        return problems + find_conflicts(cls, _given(cls, table, wrong) | others, wrong, path, (cls.conflicts, *rules))


def _broken(cls: type[Table], table: Mapping[str, Any], skipped: Collection[str]) -> dict[str, str]:
    """Return what is wrong with single settings, by name."""
    broken = {}
    for name, rule in cls.rules().items():
        if name in table:
            if not rule.holds(table[name]):
                broken[name] = f"is {shown(table[name])}; it must be {rule.wanted}"
        elif name not in skipped and not hasattr(cls, name):  # a default is an attribute of the class
            broken[name] = f"is missing; it must be {rule.wanted}"
    return broken


def _given(cls: type[Table], table: Mapping[str, Any], wrong: Collection[str] = ()) -> dict[str, Any]:
    """Return the settings of a table in the form in which they are stored, without those that are wrong."""
    rules = cls.rules()
    return {name: rules[name].keep(value) for name, value in table.items() if name in rules and name not in wrong}


@cache
def _settings(cls: type[Table]) -> dict[str, Rule]:
    return {one.name: one.metadata["rule"] for one in fields(cls) if "rule" in one.metadata}
