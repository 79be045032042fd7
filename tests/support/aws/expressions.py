"""DynamoDB's condition expressions, as far as the ledger uses them: comparisons, functions, AND, OR, NOT, brackets."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache

TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w[\w.]*)")
COMPARISONS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Test = Callable[[dict, dict, dict], bool]


def matches(expression: str, item: dict | None, names: dict, values: dict) -> bool:
    """Whether an item (typed as the service has it; None: there is none) fulfils the expression."""
    return _parsed(expression)(item or {}, names, values)


def to_python(typed: dict):
    """A typed value as something that can be compared."""
    ((kind, value),) = typed.items()
    if kind == "N":
        return Decimal(value)
    if kind == "L":
        return [to_python(one) for one in value]
    if kind == "M":
        return {name: to_python(one) for name, one in value.items()}
    return frozenset(value) if kind in ("SS", "NS") else value


@cache
def _parsed(expression: str) -> Test:
    tokens = TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s", "", expression), f"cannot read {expression!r}"
    test, left = _any(tokens)
    assert not left, f"cannot read {expression!r} from {left[0]!r}"
    return test


def _any(tokens: list[str]) -> tuple[Test, list[str]]:
    return _joined(tokens, "OR", _all, any)


def _all(tokens: list[str]) -> tuple[Test, list[str]]:
    return _joined(tokens, "AND", _not, all)


def _joined(tokens: list[str], word: str, part: Callable, join: Callable) -> tuple[Test, list[str]]:
    first, tokens = part(tokens)
    parts = [first]
    while tokens and tokens[0].upper() == word:
        one, tokens = part(tokens[1:])
        parts.append(one)
    return lambda *given: join(one(*given) for one in parts), tokens


def _not(tokens: list[str]) -> tuple[Test, list[str]]:
    if tokens[0].upper() == "NOT":
        one, tokens = _not(tokens[1:])
        return lambda *given: not one(*given), tokens
    if tokens[0] == "(":
        one, tokens = _any(tokens[1:])
        return one, tokens[1:]
    return _function(tokens) if tokens[1] == "(" else _comparison(tokens)


def _comparison(tokens: list[str]) -> tuple[Test, list[str]]:
    left, sign, *rest = tokens
    if sign.upper() == "BETWEEN":
        low, _, high = rest[:3]
        between = lambda item, names, values: (  # noqa: E731
            _operand(left, item, names, values) is not None
            and _operand(low, item, names, values)
            <= _operand(left, item, names, values)
            <= _operand(high, item, names, values)
        )
        return between, rest[3:]
    compare = COMPARISONS[sign]

    def test(item: dict, names: dict, values: dict) -> bool:
        one, other = (_operand(token, item, names, values) for token in (left, rest[0]))
        return None not in (one, other) and compare(one, other)

    return test, rest[1:]


def _function(tokens: list[str]) -> tuple[Test, list[str]]:
    name, close = tokens[0], tokens.index(")")
    arguments, tokens = [token for token in tokens[2:close] if token != ","], tokens[close + 1 :]

    def test(item: dict, names: dict, values: dict) -> bool:
        found = [_operand(token, item, names, values) for token in arguments]
        if name == "attribute_exists":
            return found[0] is not None
        if name == "attribute_not_exists":
            return found[0] is None
        if name == "begins_with":
            return found[0] is not None and found[0].startswith(found[1])
        assert name == "contains", f"no function {name}"
        return found[0] is not None and found[1] in found[0]

    return test, tokens


def _operand(token: str, item: dict, names: dict, values: dict):
    """A value, or what an attribute is; None if the item has none."""
    if token.startswith(":"):
        return to_python(values[token])
    found = {"M": item}
    for name in token.split("."):
        found = found.get("M", {}).get(names.get(name, name)) if found else None
    return to_python(found) if found else None
