"""JSON Schema of TOML files, made of the dataclasses that validate them. Editors complete and check a file by it.

Draft 7, which taplo (Even Better TOML) reads. It completes keys from `properties`, and not where there is an `allOf`:
so an entry of analyses.toml lists the keys of all kinds, and a chain of if/then/else narrows them to those of one kind.
Rules across fields are not in a schema: `seqdrop config check` knows them too.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from seqdrop.config.analyses import Analysis, Validation
from seqdrop.config.entries import JOB, NAME, RESERVED, SEVERITY, TASK, own_keys
from seqdrop.config.fields import Table
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import DNA, TRAINING, Kind, Kinds
from seqdrop.reads.codes import CODES, ERROR, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DRAFT = "http://json-schema.org/draft-07/schema#"


def analyses_schema(kinds: Kinds) -> dict:
    """Return the schema of analyses.toml."""
    names = {"pattern": f"^{NAME.pattern}$", "not": {"const": RESERVED}}
    analyses = {
        "type": "object",
        "description": "A table for each prefix of the landing bucket: [analyses.NAME].",
        "minProperties": 1,
        "propertyNames": names,
        "additionalProperties": _entry(kinds),
    }
    properties = {"validation": table_schema(Validation), "analyses": analyses}
    about = "What each prefix of the landing bucket means. Packaged with the functions: a change is a deploy."
    return document("analyses.toml of Seqdrop", closed(properties, ["analyses"], about))


def document(title: str, schema: dict) -> dict:
    """Return a schema as a file of its own."""
    return {"$schema": DRAFT, "title": title, **schema}


def table_schema(cls: type[Table]) -> dict:
    """Return the schema of a table, and of the tables below it that are fields of the dataclass."""
    hints = get_type_hints(cls)
    below = {one.name: hints[one.name] for one in fields(cls) if isinstance(hints[one.name], type)}
    below = {name: table_schema(hint) for name, hint in below.items() if issubclass(hint, Table)}
    required = _required(cls) + [name for name, schema in below.items() if "required" in schema]
    return closed(properties(cls) | below, required, _text(inspect.getdoc(cls) or ""))


def properties(cls: type[Table]) -> dict[str, dict]:
    """Return the schema of each setting of a table: its rule, its default, and the text under the field."""
    texts, found = _texts(cls), {}
    for one in fields(cls):
        if rule := cls.rules().get(one.name):
            text = {"description": texts[one.name]} if one.name in texts else {}
            default = {} if one.default in (MISSING, None) else {"default": one.default}
            found[one.name] = text | rule.schema() | default
    return found


def closed(properties: Mapping[str, dict], required: Iterable[str] = (), description: str = "") -> dict:
    """Return the schema of a table that has no keys but these."""
    text = {"description": description} if description else {}
    needed = {"required": list(required)} if required else {}
    return {"type": "object", **text, "properties": dict(properties), **needed, "additionalProperties": False}


def _required(cls: type[Table]) -> list[str]:
    return [one.name for one in fields(cls) if one.name in cls.rules() and one.default is MISSING]


def _texts(cls: type) -> dict[str, str]:
    """Return the text under each field of a dataclass and of those that it derives from."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base is Table or not is_dataclass(base):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                texts[field.target.id] = _text(below.value.value)
    return texts


def _text(text: str) -> str:
    return " ".join(text.split())


def _entry(kinds: Kinds) -> dict:
    """Return the schema of [analyses.NAME]."""
    parts = {JOB: table_schema(JobSettings), SEVERITY: _severity()}
    common = properties(Analysis) | parts
    own: dict[str, dict] = {TASK: _task(kinds)}
    for kind in kinds.values():
        for key, schema in _own(kind).items():
            own[key] = _either(own[key], schema) if key in own else schema
    entry = closed(common | own, _required(Analysis), _text(inspect.getdoc(Analysis) or ""))
    return entry | _chain(kinds, {key for key, schema in own.items() if "anyOf" in schema})


def _task(kinds: Kinds) -> dict:
    """Return the schema of `task`, with what each kind is in the words of its class."""
    with_model = [kind for kind in kinds.values() if kind.settings]
    texts = [f"{kind.task} ({kind.alphabet}): {_text(inspect.getdoc(kind) or '')}" for kind in with_model]
    tasks = list(dict.fromkeys(kind.task for kind in with_model))
    defaults = " and ".join(f"{kind.task} ({kind.alphabet})" for kind in with_model if kind.is_default)
    return {"description": f"{' '.join(texts)} Default: {defaults}.", "type": "string", "enum": tasks}


def _own(kind: Kind) -> dict[str, dict]:
    """Return the settings of a kind, without its task."""
    return properties(kind.settings) if kind.settings else {}


def _either(one: dict, other: dict) -> dict:
    """Return the schema of a key that means different things in different kinds."""
    choices = [*one.get("anyOf", [one])]
    if other not in choices:
        choices.append(other)
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _chain(kinds: Kinds, narrowed: set[str]) -> dict:
    """Return if/then/else that narrows an entry to its kind, in the order in which `entries.kind_of` decides.

    `narrowed` are keys of which the schema before says what they are in any of several kinds.
    """
    chain: dict[str, Any] = {"properties": {TASK: False}}  # no kind has this task with this alphabet
    for kind in sorted(kinds.values(), key=_rank, reverse=True):
        own = _own(kind)
        meant = {key: own[key] for key in own if key in narrowed}
        others = dict.fromkeys(sorted(own_keys(kinds.values()) - own_keys([kind])), False)
        formats = {"items": {"enum": list(kind.formats)}}
        required = {"required": _required(kind.settings)} if kind.settings else {}
        then = {"properties": {**meant, "formats": formats, **others}, **required}
        chain = {"if": _condition(kind, kinds), "then": then, "else": chain}
    return chain


def _rank(kind: Kind) -> int:
    return 2 if kind.settings else int(TRAINING not in kind.formats)


def _condition(kind: Kind, kinds: Kinds) -> dict:
    """Return the schema of the entries that are of this kind, given that they are of none before it."""
    if kind.settings is None and TRAINING in kind.formats:
        return {"properties": {"formats": {"contains": {"const": TRAINING}}}}
    if kind.settings is None:
        return {"not": {"anyOf": [{"required": [key]} for key in sorted(own_keys(kinds.values()))]}}
    needed = ([] if kind.is_default else [TASK]) + ([] if kind.alphabet == DNA else ["alphabet"])
    required = {"required": needed} if needed else {}
    return {"properties": {"alphabet": {"const": kind.alphabet}, TASK: {"const": kind.task}}, **required}


def _severity() -> dict:
    found = {}
    for code in CODES.values():
        allowed = {"const": ERROR} if code.fixed else {"enum": list(SEVERITIES)}
        found[code.name] = {"description": code.advice, **allowed, "default": code.severity}
    return closed(found, (), "Severity of codes (docs/formats.md), where other than the default.")
