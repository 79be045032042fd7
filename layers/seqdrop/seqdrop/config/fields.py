"""Settings of a TOML table as fields of a frozen dataclass, each with its rule.

A message names the table and key, the value and what is allowed: `train.epochs is 0; it must be a whole number from 1
to 1,000`.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, field, fields
from difflib import get_close_matches
from typing import Any

from seqdrop.errors import ConfigurationError


class WrongSettings(ConfigurationError, ValueError):
    """What is wrong with a table: all of it, a sentence each."""

    def __init__(self, messages: list[str]):
        super().__init__("; ".join(messages))
        self.messages = messages


class Choice:
    """One of some words."""

    def __init__(self, *words: str):
        self._words = words
        self.wanted = "one of " + ", ".join(f'"{word}"' for word in words)

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and value in self._words


class Whole:
    """A whole number within bounds."""

    def __init__(self, least: int, most: int):
        self._least, self._most = least, most
        self.wanted = f"a whole number from {least:,} to {most:,}"

    def holds(self, value: Any) -> bool:
        return type(value) is int and self._least <= value <= self._most


class Number:
    """A number within bounds."""

    def __init__(self, least: float, most: float):
        self._least, self._most = least, most
        self.wanted = f"a number from {least:,.10g} to {most:,.10g}"

    def holds(self, value: Any) -> bool:
        return type(value) in (int, float) and self._least <= value <= self._most


class Flag:
    """true or false."""

    wanted = "true or false"

    def holds(self, value: Any) -> bool:
        return isinstance(value, bool)


class Text:
    """A text of a pattern; `meaning` says what the pattern is for."""

    def __init__(self, pattern: str, meaning: str):
        self._pattern, self.wanted = re.compile(pattern), meaning

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and self._pattern.fullmatch(value) is not None


class Maybe:
    """What another rule allows, or nothing: a key that may be absent."""

    def __init__(self, rule: Any):
        self.rule, self.wanted = rule, rule.wanted

    def holds(self, value: Any) -> bool:
        return value is None or self.rule.holds(value)


def setting(default: Any, rule: Any) -> Any:
    """A field of a `Table`. MISSING as default: it has to be given."""
    return field(default=default, metadata={"rule": rule})


class Table:
    """Base of the frozen dataclasses: `table` is the name of the TOML table, "" for the top."""

    table = ""

    def __post_init__(self) -> None:
        wrong = [self.broken(one, getattr(self, one.name)) for one in fields(self) if "rule" in one.metadata]
        if found := [message for message in wrong if message] or self.conflicts():
            raise WrongSettings(found)

    def conflicts(self) -> list[str]:
        """What is wrong between settings that are each allowed."""
        return []

    @classmethod
    def at(cls, key: str) -> str:
        return f"{cls.table}.{key}" if cls.table else key

    @classmethod
    def read(cls, given: Any, **others: Any):
        """From a TOML table; `others` are fields that come from elsewhere. Raises WrongSettings."""
        if not isinstance(given, dict):
            raise WrongSettings([f"{cls.table} is no table; write [{cls.table}]"])
        known = {one.name: one for one in fields(cls) if "rule" in one.metadata}
        wrong = [cls._unknown(key, list(known)) for key in given if key not in known]
        wrong += [
            f"{cls.at(name)} is missing; it must be {one.metadata['rule'].wanted}"
            for name, one in known.items()
            if one.default is MISSING and name not in given
        ]
        if wrong:
            broken = (cls.broken(known[key], value) for key, value in given.items() if key in known)
            raise WrongSettings(wrong + [message for message in broken if message])
        return cls(**given, **others)

    @classmethod
    def _unknown(cls, key: str, known: list[str]) -> str:
        near = get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        return f"{cls.at(key)} is no setting; {hint}"

    @classmethod
    def broken(cls, one: Field, value: Any) -> str:
        """What is wrong with a value for a field; "" if nothing is."""
        rule = one.metadata["rule"]
        return "" if rule.holds(value) else f"{cls.at(one.name)} is {_shown(value)}; it must be {rule.wanted}"


def _shown(value: Any) -> str:
    """As TOML writes it, and not much of it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value[:80]}"' if isinstance(value, str) else str(value)[:80]
