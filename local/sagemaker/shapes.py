"""Validation of requests with botocore's model of the service, including upper bounds and patterns.

botocore's own client checks only types and required members, and sends a request that AWS refuses for its length or
its pattern. The model that botocore contains has these bounds.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import botocore.session

from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import ServiceModel, Shape

    Value = str | dict | list | bool | int | float

PYTHON_TYPES = {
    "string": str,
    "structure": dict,
    "map": dict,
    "list": list,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
    "blob": bytes,
}
# Python's `re` has no Unicode categories; inside a character class these are close equivalents. Those of ASCII stand
# outside a class, and Java writes characters beyond 65,535 as pairs. The order matters.
JAVA_CATEGORIES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Zs}": " \xa0\u1680\u2000-\u200a\u202f\u205f\u3000",
    r"\p{Z}": r"\s",
    r"[\p{Print}]": "[ -~]",
    r"\p{Print}": "[ -~]",
    r"\p{M}": "\u0300-\u036f",
    r"\p{S}": r"$+<=>^`|~\u00a2-\u00b4\u2000-\u2bff",
    r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}\u00a1-\u00bf",
    r"\p{ASCII}*": "[\x00-\x7f]*",
    r"\z": r"\Z",
    r"\uD800\uDC00-\uDBFF\uDFFF": "\U00010000-\U0010ffff",
}


@functools.cache
def load_service_model(service: str = "sagemaker") -> ServiceModel:
    """Return botocore's model of a service."""
    return botocore.session.Session().get_service_model(service)


def check(operation: str, parameters: dict, service: str = "sagemaker") -> None:
    """Raise ValidationError with all problems of a request, in the wording of AWS."""
    problems = list(_structure(load_service_model(service).operation_model(operation).input_shape, parameters, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ValidationError(count + "; ".join(problems))


def _structure(shape: Shape, value: dict, where: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _violation("null", _join(where, name), "Member must not be null", quote=False)
    for name, member in value.items():
        if name not in shape.members:
            yield f"Unknown member '{_join(where, name)}'"
        elif member is not None:
            yield from _any(shape.members[name], member, _join(where, name))


def _any(shape: Shape, value: object, where: str) -> Iterator[str]:
    if shape.metadata.get("document"):  # any JSON
        return
    expected = PYTHON_TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        yield f"Value at '{where}' is of the wrong type: {shape.type_name} expected"
        return
    yield from _bounds(shape, value, where)
    if shape.type_name == "structure":
        yield from _structure(shape, value, where)
    elif shape.type_name == "list":
        for number, member in enumerate(value, start=1):
            yield from _any(shape.member, member, f"{where}.{number}.member")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from _any(shape.key, key, f"{where}.{key}.key")
            yield from _any(shape.value, member, f"{where}.{key}.value")


def _bounds(shape: Shape, value: Value, where: str) -> Iterator[str]:
    rules = shape.metadata
    size = value if isinstance(value, (int, float)) else len(value)
    noun = "value" if isinstance(value, (int, float)) else "length"
    if "min" in rules and size < rules["min"]:
        yield _violation(value, where, f"Member must have {noun} greater than or equal to {rules['min']}")
    if "max" in rules and size > rules["max"]:
        yield _violation(value, where, f"Member must have {noun} less than or equal to {rules['max']}")
    elif "pattern" in rules and not _pattern(rules["pattern"]).fullmatch(value):
        yield _violation(value, where, f"Member must satisfy regular expression pattern: {rules['pattern']}")
    if "enum" in rules and value not in rules["enum"]:
        yield _violation(value, where, f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]")


@functools.cache
def _pattern(java: str) -> re.Pattern[str]:
    for category, equivalent in JAVA_CATEGORIES.items():
        java = java.replace(category, equivalent)
    return re.compile(java)


def _violation(value: object, where: str, constraint: str, quote: bool = True) -> str:
    text = f"'{value}'" if quote else value
    return f"Value {text} at '{where}' failed to satisfy constraint: {constraint}"


def _join(where: str, name: str) -> str:
    """Return the path of a member; AWS's messages write its first letter in lower case."""
    member = name[:1].lower() + name[1:]
    return f"{where}.{member}" if where else member
