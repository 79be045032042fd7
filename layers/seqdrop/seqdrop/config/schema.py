"""JSON Schema of TOML files, made from the dataclasses that validate them. With it, editors complete and check a file.

The draft is 7, which taplo (the editor extension Even Better TOML) reads. taplo completes keys from `properties`, but
not inside an `allOf`. Therefore an entry of analyses.toml lists the keys of all kinds, and a chain of if/then/else
narrows them to those of one kind. A schema has no rules across fields; `seqdrop config check` applies those as well.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from seqdrop.config.analyses import Analysis, Validation
from seqdrop.config.endpoint import Endpoint
from seqdrop.config.entries import (
    ENDPOINT,
    JOB,
    NAME,
    PROMOTION,
    RESERVED,
    SEVERITY,
    TASK,
    VERDICT,
    WORKFLOW,
    own_keys,
)
from seqdrop.config.fields import Table
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import DNA, TRAINING, Kind, Kinds
from seqdrop.config.promotion import Promotion
from seqdrop.config.verdict import VerdictSettings
from seqdrop.config.workflow import Workflow
from seqdrop.reads.codes import CODES, ERROR, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Schema = dict[str, Any]
"""JSON Schema as JSON."""
DRAFT = "http://json-schema.org/draft-07/schema#"


def analyses_schema(kinds: Kinds) -> Schema:
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
    about = "What each prefix of the landing bucket means. Packaged with the functions: a change needs a deploy."
    return document("analyses.toml of Seqdrop", closed_schema(properties, ["analyses"], about))


def document(title: str, schema: Schema) -> Schema:
    """Return the content of a schema file: the schema with its draft and title."""
    return {"$schema": DRAFT, "title": title, **schema}


def table_schema(cls: type[Table]) -> Schema:
    """Return the schema of a table, and of the tables below it that are fields of the dataclass."""
    hints = get_type_hints(cls)
    below = {each.name: hints[each.name] for each in fields(cls) if isinstance(hints[each.name], type)}
    schemas = {name: table_schema(hint) for name, hint in below.items() if issubclass(hint, Table)}
    required = _required(cls) + [name for name, schema in schemas.items() if "required" in schema]
    return closed_schema(properties(cls) | schemas, required, _join_lines(inspect.getdoc(cls) or ""))


def properties(cls: type[Table]) -> dict[str, Schema]:
    """Return the schema of each setting of a table: its rule, its default, and the text under the field."""
    texts, schemas = _texts(cls), {}
    for each in fields(cls):
        if rule := cls.rules().get(each.name):
            text = {"description": texts[each.name]} if each.name in texts else {}
            default = {} if each.default in (MISSING, None) else {"default": each.default}
            schemas[each.name] = text | rule.schema() | default
    return schemas


def closed_schema(properties: Mapping[str, Schema], required: Iterable[str] = (), description: str = "") -> Schema:
    """Return the schema of a table that may have only these keys."""
    text = {"description": description} if description else {}
    needed = {"required": list(required)} if required else {}
    return {"type": "object", **text, "properties": dict(properties), **needed, "additionalProperties": False}


def _required(cls: type[Table]) -> list[str]:
    return [each.name for each in fields(cls) if each.name in cls.rules() and not cls.has_default(each.name)]


def _texts(cls: type) -> dict[str, str]:
    """Return the text under each field of a dataclass and of its base classes."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base is not Table and is_dataclass(base):
            texts |= dict(_texts_of_class(base))
    return texts


def _texts_of_class(cls: type) -> Iterator[tuple[str, str]]:
    """Yield the name of each field of a class, without its base classes, and the string that follows it."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    if not isinstance(tree, ast.ClassDef):
        return
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield field.target.id, _join_lines(below.value.value)


def _join_lines(text: str) -> str:
    return " ".join(text.split())


def _entry(kinds: Kinds) -> Schema:
    """Return the schema of [analyses.NAME]."""
    parts = {
        JOB: table_schema(JobSettings),
        PROMOTION: table_schema(Promotion),
        ENDPOINT: table_schema(Endpoint),
        VERDICT: table_schema(VerdictSettings),
        SEVERITY: _severity(),
        WORKFLOW: table_schema(Workflow),
    }
    common = properties(Analysis) | parts
    own: dict[str, Schema] = {TASK: _task(kinds)}
    for kind in kinds.values():
        for key, schema in _own(kind).items():
            own[key] = _either(own[key], schema) if key in own else schema
    entry = closed_schema(common | own, _required(Analysis), _join_lines(inspect.getdoc(Analysis) or ""))
    return entry | _chain(kinds, {key for key, schema in own.items() if "anyOf" in schema})


def _task(kinds: Kinds) -> Schema:
    """Return the schema of `task`, with a description of each kind from its class's docstring."""
    with_model = [kind for kind in kinds.values() if kind.settings]
    texts = [f"{kind.task} ({kind.alphabet}): {_join_lines(inspect.getdoc(kind) or '')}" for kind in with_model]
    tasks = list(dict.fromkeys(kind.task for kind in with_model))
    defaults = " and ".join(f"{kind.task} ({kind.alphabet})" for kind in with_model if kind.is_default)
    return {"description": f"{' '.join(texts)} Default: {defaults}.", "type": "string", "enum": tasks}


def _own(kind: Kind) -> dict[str, Schema]:
    """Return the settings of a kind, without its task."""
    return properties(kind.settings) if kind.settings else {}


def _either(first: Schema, second: Schema) -> Schema:
    """Return the schema of a key that means different things in different kinds."""
    choices = [*first.get("anyOf", [first])]
    if second not in choices:
        choices.append(second)
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _chain(kinds: Kinds, narrowed: set[str]) -> Schema:
    """Return if/then/else that narrows an entry to its kind, in the order in which `entries.kind_of` decides.

    `narrowed` are the keys for which several kinds have different schemas.
    """
    chain: Schema = {"properties": {TASK: False}}  # no kind has this task with this alphabet
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
    if kind.runs_workflow:
        return -1
    return 2 if kind.settings else int(TRAINING not in kind.formats)


def _condition(kind: Kind, kinds: Kinds) -> Schema:
    """Return the schema of the entries of this kind, given that they are of no kind before it in the chain."""
    if kind.runs_workflow:
        return {"required": [WORKFLOW]}
    if kind.settings is None and TRAINING in kind.formats:
        return {"properties": {"formats": {"contains": {"const": TRAINING}}}}
    if kind.settings is None:
        return {"not": {"anyOf": [{"required": [key]} for key in sorted(own_keys(kinds.values()))]}}
    needed = ([] if kind.is_default else [TASK]) + ([] if kind.alphabet == DNA else ["alphabet"])
    required = {"required": needed} if needed else {}
    return {"properties": {"alphabet": {"const": kind.alphabet}, TASK: {"const": kind.task}}, **required}


def _severity() -> Schema:
    schemas = {}
    for code in CODES.values():
        allowed: Schema = {"const": ERROR} if code.fixed else {"enum": list(SEVERITIES)}
        schemas[code.name] = {"description": code.advice, **allowed, "default": code.severity}
    return closed_schema(schemas, (), "Severity of codes (docs/formats.md), where it differs from the default.")
