"""Rules across fields, applied to tables of which some settings are wrong themselves.

A rule that looks at a setting that is wrong tells nothing; it must not hide what other rules find, and must not report
what is only a consequence. So it is applied to an instance in which a look at such a setting ends the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from seqdrop.config.problems import Path, Problem, dotted

Rules = Callable[[Any], Iterable[str]]
"""From an instance to messages of what is wrong with it; each starts with the name of the setting it is about, or of
one of a table below (`job.max_members`)."""


class _SettingError(Exception):
    """A rule looked at a setting that is wrong itself."""


def find_conflicts(
    cls: type, values: Mapping[str, Any], wrong: Collection[str], path: Path, rules: Iterable[Rules]
) -> list[Problem]:
    """Return what rules find in a dataclass `cls` with these values, of which those named in `wrong` are not to be
    had. Of each function, what it yields before it looks at one of those counts."""
    known = {name: value for name, value in values.items() if name not in wrong}
    subject = filled(_hiding(cls, frozenset(wrong)) if wrong else cls, known)
    return [problem for rule in rules for problem in _applied(rule, subject, path)]


def filled(cls: type, values: Mapping[str, Any]) -> Any:
    """Return an instance of a dataclass with these values and defaults, without calling __init__."""
    made = object.__new__(cls)
    for one in fields(cls):
        value = values[one.name] if one.name in values else default(one)
        if value is not MISSING:
            object.__setattr__(made, one.name, value)
    return made


def default(one: Field) -> Any:
    """Return the default of a field; MISSING if it has none."""
    return one.default if one.default_factory is MISSING else one.default_factory()


def _applied(rules: Rules, subject: Any, path: Path) -> Iterator[Problem]:
    try:
        for message in rules(subject):
            keys = message.split(" ", 1)[0].split(".")
            yield Problem((*path, *keys), dotted(path) + "." * bool(path) + message)
    except _SettingError:
        return


def _hiding(cls: type, names: frozenset[str]) -> type:
    """Return a class whose instances raise _SettingError where one of these attributes is looked at."""

    def look(self: Any, name: str) -> Any:
        if name in names:
            raise _SettingError(name)
        return object.__getattribute__(self, name)

    return type(cls.__name__, (cls,), {"__getattribute__": look})
