"""Requests held against botocore's model of the service, upper bounds and patterns included.

botocore's own client checks types and required members only, so a request that AWS refuses for its
length or its pattern leaves it unharmed; the model it carries knows the bounds.
"""

import functools
import re
from collections.abc import Iterator

import botocore.session
from botocore.model import ServiceModel, Shape

from local.sagemaker.errors import ValidationError

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
}
# Python's `re` has no Unicode categories; inside a character class these come close.
JAVA_CATEGORIES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}


@functools.cache
def service_model() -> ServiceModel:
    """botocore's model of SageMaker."""
    return botocore.session.Session().get_service_model("sagemaker")


def check(operation: str, parameters: dict) -> None:
    """Raise ValidationError, worded as AWS words it, naming all that is wrong with a request."""
    problems = list(_structure(service_model().operation_model(operation).input_shape, parameters, ""))
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


def _any(shape: Shape, value, where: str) -> Iterator[str]:
    wanted = PYTHON_TYPES[shape.type_name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
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


def _bounds(shape: Shape, value, where: str) -> Iterator[str]:
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
def _pattern(java: str) -> re.Pattern:
    for category, equivalent in JAVA_CATEGORIES.items():
        java = java.replace(category, equivalent)
    return re.compile(java)


def _violation(value, where: str, constraint: str, quote: bool = True) -> str:
    shown = f"'{value}'" if quote else value
    return f"Value {shown} at '{where}' failed to satisfy constraint: {constraint}"


def _join(where: str, name: str) -> str:
    """AWS names members in its messages with a small first letter."""
    small = name[:1].lower() + name[1:]
    return f"{where}.{small}" if where else small
