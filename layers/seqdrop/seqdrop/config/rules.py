"""Rules for single values of a TOML file: what a setting may be, in words and as JSON Schema.

A rule has `wanted`, which completes "it must be …", and three methods: `holds` checks a value as `tomllib` returns it,
`keep` returns it as the dataclass stores it, and `schema` is the same rule as JSON Schema (draft 7).
"""

from __future__ import annotations

import re


class Rule:
    """Base of all rules."""

    wanted = ""

    def holds(self, value: object) -> bool:
        """Return True if a setting may have this value."""
        raise NotImplementedError

    def keep(self, value: object) -> object:
        """Return an allowed value in the form in which it is stored."""
        return value

    def schema(self) -> dict[str, object]:
        """Return the rule as JSON Schema."""
        raise NotImplementedError


class Choice(Rule):
    """One of several words. `note` is added to the message about any other value.

    With `or_empty`, an empty text means the same as no setting at all.
    """

    def __init__(self, *words: str, or_empty: bool = False, note: str = "") -> None:
        self._words = (*words, "") if or_empty else words
        quoted = ", ".join(f'"{word}"' for word in words)
        self.wanted = (quoted if len(words) == 1 else f"one of {quoted}") + (", or left out" if or_empty else "")
        self.wanted += f" ({note})" if note else ""

    def holds(self, value: object) -> bool:
        """Return True for one of the words."""
        return isinstance(value, str) and value in self._words

    def schema(self) -> dict[str, object]:
        """Return the schema of a text out of a list."""
        return {"type": "string", "enum": list(self._words)}


class Choices(Rule):
    """A list of one or more words; stored as a tuple."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.wanted = "a list of one or more of " + ", ".join(f'"{word}"' for word in words)

    def holds(self, value: object) -> bool:
        """Return True for a list of allowed words that is not empty."""
        if not isinstance(value, list | tuple) or not value:
            return False
        return all(isinstance(word, str) and word in self._words for word in value)

    def keep(self, value: object) -> object:
        """Return the list as a tuple."""
        return tuple(value) if isinstance(value, list) else value

    def schema(self) -> dict[str, object]:
        """Return the schema of a list of words."""
        return {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(self._words)}}


class Whole(Rule):
    """A whole number within bounds; without an upper bound if `most` is None."""

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most
        self.wanted = f"a whole number from {least:,}" + ("" if most is None else f" to {most:,}")

    def holds(self, value: object) -> bool:
        """Return True for a whole number within the bounds; True and False are no numbers."""
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self._least <= value and (self._most is None or value <= self._most)

    def schema(self) -> dict[str, object]:
        """Return the schema of an integer within the bounds."""
        upper: dict[str, object] = {} if self._most is None else {"maximum": self._most}
        return {"type": "integer", "minimum": self._least} | upper


class Number(Rule):
    """A number within bounds. `above` excludes the lower bound itself, `below` the upper bound.

    With `as_float`, a whole number is stored as a float.
    """

    def __init__(
        self, least: float, most: float, *, above: bool = False, below: bool = False, as_float: bool = False
    ) -> None:
        self._least, self._most, self._above, self._below, self._as_float = least, most, above, below, as_float
        low, high = f"{least:,.10g}", f"{most:,.10g}"
        if above or below:
            start, end = "above" if above else "from", "and below" if below else "and at most"
            self.wanted = f"a number {start} {low} {end} {high}"
        else:
            self.wanted = f"a number from {low} to {high}"

    def holds(self, value: object) -> bool:
        """Return True for a number within the bounds; True and False are no numbers."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self._least <= value <= self._most:
            return False
        return not (self._above and value == self._least) and not (self._below and value == self._most)

    def keep(self, value: object) -> object:
        """Return the number, as a float if the rule says so."""
        return float(value) if self._as_float and isinstance(value, int) else value

    def schema(self) -> dict[str, object]:
        """Return the schema of a number within the bounds."""
        low = "exclusiveMinimum" if self._above else "minimum"
        return {"type": "number", low: self._least, "exclusiveMaximum" if self._below else "maximum": self._most}


class Flag(Rule):
    """true or false."""

    wanted = "true or false"

    def holds(self, value: object) -> bool:
        """Return True for true and false."""
        return isinstance(value, bool)

    def schema(self) -> dict[str, object]:
        """Return the schema of a boolean."""
        return {"type": "boolean"}


class Text(Rule):
    """A text that matches a pattern as a whole; `meaning` says in words what the pattern allows.

    The pattern must mean the same to Python and to ECMAScript, which JSON Schema refers to.
    """

    def __init__(self, pattern: str, meaning: str) -> None:
        self._pattern, self.wanted = pattern, meaning

    def holds(self, value: object) -> bool:
        """Return True for a text that matches."""
        return isinstance(value, str) and re.fullmatch(self._pattern, value) is not None

    def schema(self) -> dict[str, object]:
        """Return the schema of a text with a pattern."""
        return {"type": "string", "pattern": f"^(?:{self._pattern})$"}


class Texts(Rule):
    """A list of one or more texts, each as a rule allows; stored as a tuple."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self.wanted = f"a list of one or more {text.wanted}"

    def holds(self, value: object) -> bool:
        """Return True for a list of allowed texts that is not empty."""
        return isinstance(value, list | tuple) and bool(value) and all(map(self._text.holds, value))

    def keep(self, value: object) -> object:
        """Return the list as a tuple."""
        return tuple(value) if isinstance(value, list) else value

    def schema(self) -> dict[str, object]:
        """Return the schema of a list of texts."""
        return {"type": "array", "minItems": 1, "items": self._text.schema()}


class Values(Rule):
    """A table whose keys a lab chooses, with values of JSON; with `texts`, only texts. TOML's dates are not allowed."""

    def __init__(self, *, texts: bool = False) -> None:
        self._texts = texts
        self.wanted = "a table of texts" if texts else "a table of texts, numbers, true or false, lists and tables"

    def holds(self, value: object) -> bool:
        """Return True for a table of allowed values."""
        if not isinstance(value, dict) or (self._texts and not value):
            return False
        return all(isinstance(member, str) if self._texts else _is_json(member) for member in value.values())

    def schema(self) -> dict[str, object]:
        """Return the schema of a table with any keys."""
        if self._texts:
            return {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
        return {"type": "object"}


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return isinstance(value, str | int | float | bool)


class Maybe(Rule):
    """A value that another rule allows, or None for an absent setting. TOML has no null, so no file can say None."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.wanted = rule, rule.wanted

    def holds(self, value: object) -> bool:
        """Return True for None and for a value that the other rule allows."""
        return value is None or self.rule.holds(value)

    def keep(self, value: object) -> object:
        """Return None, or the value as the other rule keeps it."""
        return None if value is None else self.rule.keep(value)

    def schema(self) -> dict[str, object]:
        """Return the schema of the other rule."""
        return self.rule.schema()
