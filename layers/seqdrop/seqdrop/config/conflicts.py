"""Rules across fields, applied to a table in which single settings may be wrong.

A rule that reads a wrong setting must report nothing: its message would only be a consequence of the wrong setting. But
a wrong setting must not hide the findings of other rules. Therefore rules get an instance in which reading a wrong
setting raises an exception, which ends only the rule that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

from seqdrop.config.problems import Path, Problem, format_path

T = TypeVar("T")
Rules = Callable[[Any], Iterable[str]]
"""A function from an instance to messages about what is wrong with it. A message starts with the name of the setting
it is about, or of a setting in a table below (`job.max_members`)."""


class _SettingError(Exception):
    """A rule read a setting that is wrong."""


def find_conflicts(
    cls: type[object], values: Mapping[str, object], wrong: Collection[str], path: Path, rules: Iterable[Rules]
) -> list[Problem]:
    """Return the problems that rules find in a dataclass `cls` with these values.

    The settings named in `wrong` cannot be read. A rule that reads one of them ends there; its earlier messages count.
    """
    known = {name: value for name, value in values.items() if name not in wrong}
    subject = fill(_hide(cls, frozenset(wrong)) if wrong else cls, known)
    return [problem for rule in rules for problem in _apply(rule, subject, path)]


def fill(cls: type[T], values: Mapping[str, object]) -> T:
    """Return an instance of a dataclass with these values and defaults, without calling __init__."""
    instance = object.__new__(cls)
    for field in fields(cls):  # type: ignore[arg-type]  # every class here is a dataclass; typeshed's type is private
        value = values[field.name] if field.name in values else default_of(field)
        if value is not MISSING:
            object.__setattr__(instance, field.name, value)
    return instance


def default_of(field: Field[Any]) -> object:
    """Return the default of a field; MISSING if it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _apply(rules: Rules, subject: object, path: Path) -> Iterator[Problem]:
    try:
        for message in rules(subject):
            keys = message.split(" ", 1)[0].split(".")
            yield Problem((*path, *keys), format_path(path) + "." * bool(path) + message)
    except _SettingError:
        return


def _hide(cls: type[T], names: frozenset[str]) -> type[T]:
    """Return a subclass whose instances raise _SettingError when one of these attributes is read."""

    def read_attribute(self: object, name: str) -> object:
        if name in names:
            raise _SettingError(name)
        return object.__getattribute__(self, name)

    return type(cls.__name__, (cls,), {"__getattribute__": read_attribute})
