"""DynamoDB's condition expressions, as the ledger uses them: comparisons, functions, AND, OR, NOT, parentheses."""

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
    """Return True if an item (in the service's types; None if there is no item) matches the expression."""
    return _parse(expression)(item or {}, names, values)


def to_python(typed: dict):
    """Return a typed value as a Python value that can be compared."""
    ((kind, value),) = typed.items()
    if kind == "N":
        return Decimal(value)
    if kind == "L":
        return [to_python(element) for element in value]
    if kind == "M":
        return {name: to_python(element) for name, element in value.items()}
    return frozenset(value) if kind in ("SS", "NS") else value


@cache
def _parse(expression: str) -> Test:
    tokens = TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s", "", expression), f"cannot read {expression!r}"
    test, left = _any(tokens)
    assert not left, f"cannot read {expression!r} from {left[0]!r}"
    return test


def _any(tokens: list[str]) -> tuple[Test, list[str]]:
    return _join(tokens, "OR", _all, any)


def _all(tokens: list[str]) -> tuple[Test, list[str]]:
    return _join(tokens, "AND", _not, all)


def _join(tokens: list[str], word: str, part: Callable, join: Callable) -> tuple[Test, list[str]]:
    first, tokens = part(tokens)
    parts = [first]
    while tokens and tokens[0].upper() == word:
        test, tokens = part(tokens[1:])
        parts.append(test)
    return lambda *args: join(test(*args) for test in parts), tokens


def _not(tokens: list[str]) -> tuple[Test, list[str]]:
    if tokens[0].upper() == "NOT":
        test, tokens = _not(tokens[1:])
        return lambda *args: not test(*args), tokens
    if tokens[0] == "(":
        test, tokens = _any(tokens[1:])
        return test, tokens[1:]
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
        left_value, right_value = (_operand(token, item, names, values) for token in (left, rest[0]))
        return None not in (left_value, right_value) and compare(left_value, right_value)

    return test, rest[1:]


def _function(tokens: list[str]) -> tuple[Test, list[str]]:
    name, close = tokens[0], tokens.index(")")
    arguments, tokens = [token for token in tokens[2:close] if token != ","], tokens[close + 1 :]

    def test(item: dict, names: dict, values: dict) -> bool:
        operands = [_operand(token, item, names, values) for token in arguments]
        if name == "attribute_exists":
            return operands[0] is not None
        if name == "attribute_not_exists":
            return operands[0] is None
        if name == "begins_with":
            return operands[0] is not None and operands[0].startswith(operands[1])
        assert name == "contains", f"no function {name}"
        return operands[0] is not None and operands[1] in operands[0]

    return test, tokens


def _operand(token: str, item: dict, names: dict, values: dict):
    """Return the value of a placeholder or of an attribute; None if the item does not have it."""
    if token.startswith(":"):
        return to_python(values[token])
    value = {"M": item}
    for name in token.split("."):
        value = value.get("M", {}).get(names.get(name, name)) if value else None
    return to_python(value) if value else None
