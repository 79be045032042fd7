"""Reading one entry of analyses.toml, the table [analyses.NAME], as an `Analysis`.

An entry has the settings of every analysis and, in the same table, those of its kind. `kind_of` determines the kind
from the entry; nothing else here depends on which kinds exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from seqdrop.config.analysis import DNA, TRAINING, AnalysisSettings, ModelSettings
from seqdrop.config.endpoint import Endpoint
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.problems import (
    WRONG,
    Path,
    Problem,
    SettingsError,
    Wrong,
    collect,
    format_path,
    format_value,
    nearest,
    quote_words,
    unknown_keys,
)
from seqdrop.config.promotion import Promotion
from seqdrop.config.verdict import VerdictSettings
from seqdrop.config.workflow import Workflow
from seqdrop.reads.codes import CODES, ERROR, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seqdrop.config.conflicts import Rules
    from seqdrop.config.kind import Kind, Kinds

Entry = TypeVar("Entry", bound=AnalysisSettings)
# An analysis name is part of every job name, which SageMaker limits to 63 characters.
NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
RESERVED = "examine"  # in names of processing jobs, it stands where other jobs have the name of the analysis
TASK, JOB, SEVERITY, PROMOTION, ENDPOINT = "task", "job", "severity", "promotion", "endpoint"
WORKFLOW = "workflow"
VERDICT = "verdict"


def kind_of(entry: Mapping[str, Any], kinds: Kinds) -> Kind | None:
    """Return the kind of an entry; None if no kind has its task and alphabet."""
    formats = entry.get("formats")
    if WORKFLOW in entry:
        return kinds.with_workflow()
    if isinstance(formats, list) and TRAINING in formats:
        return kinds.without_model(formats)
    if not own_keys(kinds.values()) & entry.keys():
        return kinds.without_model(())
    alphabet, task = entry.get("alphabet", DNA), entry.get(TASK)
    return kinds.with_task(task, alphabet) if _are_words(task, alphabet) else None


def _are_words(*values: object) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def own_keys(kinds: Iterable[Kind]) -> set[str]:
    """Return the keys that these kinds have besides those of every analysis."""
    return {key for kind in kinds if kind.settings for key in (TASK, *kind.settings.rules())}


@dataclass(frozen=True)
class _Target:
    """The path of an entry, all kinds, its own kind, and the dataclass of the settings of every analysis."""

    path: Path
    kinds: Kinds
    kind: Kind | None
    cls: type[AnalysisSettings]


def read_entry(name: str, entry: object, kinds: Kinds, cls: type[Entry]) -> Entry:
    """Return an entry as an instance of `cls`: `Analysis`, which cannot be imported here.

    Raise SettingsError with everything that is wrong.
    """
    path, problems = ("analyses", name), list(_name_problems(name))
    if not isinstance(entry, dict):
        raise SettingsError([*problems, *cls.find_problems(entry, path)])
    kind = kind_of(entry, kinds)
    unknown, misspelt = _unknown(entry, _Target(path, kinds, kind, cls))
    problems += [*unknown, *_task_problems(entry, path, kinds)]
    parts: dict[str, object] = {
        "name": name,
        "kind": kind or WRONG,
        "settings": collect(problems, lambda: _read_settings(entry, path, kind, misspelt)),
        JOB: collect(problems, lambda: JobSettings.read(entry.get(JOB, {}), (*path, JOB))),
        SEVERITY: collect(problems, lambda: read_severity(entry.get(SEVERITY, {}), (*path, SEVERITY))),
        PROMOTION: collect(problems, lambda: Promotion.read(entry.get(PROMOTION, {}), (*path, PROMOTION))),
        ENDPOINT: collect(problems, lambda: _read_endpoint(entry, (*path, ENDPOINT))),
        WORKFLOW: collect(problems, lambda: _read_workflow(entry, (*path, WORKFLOW))),
        VERDICT: collect(problems, lambda: VerdictSettings.read(entry.get(VERDICT, {}), (*path, VERDICT))),
    }
    common = {key: value for key, value in entry.items() if key in cls.rules()}
    rules = _rules_of_kind(kind)
    analysis = collect(problems, lambda: cls.read(common, path, misspelt=misspelt, rules=rules, **parts))
    if problems or isinstance(analysis, Wrong):
        raise SettingsError(problems)
    return analysis


def _read_endpoint(entry: Mapping[str, Any], path: Path) -> Endpoint | None:
    """Return [analyses.NAME.endpoint]; None if the table is absent, because an empty one asks for an endpoint."""
    return Endpoint.read(entry[ENDPOINT], path) if ENDPOINT in entry else None


def _read_workflow(entry: Mapping[str, Any], path: Path) -> Workflow | None:
    """Return [analyses.NAME.workflow]; None if the table is absent."""
    return Workflow.read(entry[WORKFLOW], path) if WORKFLOW in entry else None


def read_severity(table: object, path: Path) -> dict[str, str]:
    """Return [analyses.NAME.severity]: code → severity. Raise SettingsError with everything that is wrong."""
    if not isinstance(table, dict):
        name = format_path(path)
        raise SettingsError([Problem(path, f"{name} is {format_value(table)}; it must be a table: write [{name}]")])
    wrong = {code: text for code, value in table.items() if (text := _severity_fault(code, value))}
    if wrong:
        raise SettingsError(
            [Problem((*path, code), f"{format_path((*path, code))} {text}") for code, text in wrong.items()]
        )
    return dict(table)


def describe(*kinds: Kind) -> str:
    """Return the words for a kind, or for several kinds of one alphabet, in messages."""
    first = kinds[0]
    if first.runs_workflow:
        return "an analysis with a workflow"
    if first.settings is None:
        return f'formats = ["{TRAINING}"]' if TRAINING in first.formats else "an analysis without a model"
    tasks = " or ".join(f'"{kind.task}"' for kind in kinds)
    return f"task {tasks}" + ("" if first.alphabet == DNA else f' of alphabet "{first.alphabet}"')


def _rules_of_kind(kind: Kind | None) -> tuple[Rules, ...]:
    if kind is None:
        return ()

    def conflicts_of_formats(analysis: AnalysisSettings) -> Iterator[str]:
        return _format_conflicts(analysis.formats, kind)

    return (kind.conflicts, conflicts_of_formats)


def _read_settings(entry: dict[str, Any], path: Path, kind: Kind | None, misspelt: set[str]) -> ModelSettings | None:
    if kind is None or kind.settings is None:
        return None
    own = {key: value for key, value in entry.items() if key in kind.settings.rules()}
    return kind.settings.read(own, path, misspelt=misspelt)


def _unknown(entry: dict[str, Any], target: _Target) -> tuple[list[Problem], set[str]]:
    """Return a problem for each unknown key, and the settings that the misspelt ones among these keys stand for."""
    kinds, kind = target.kinds, target.kind
    every = own_keys(kinds.values())
    here = every if kind is None else own_keys([kind])
    known = [*target.cls.rules(), *sorted(here), JOB, SEVERITY, PROMOTION, ENDPOINT, WORKFLOW, VERDICT]
    if entry.keys() <= set(known):
        return [], set()
    elsewhere = {}
    if kind is not None:
        elsewhere = {key: f"is for {_owners(key, kinds)}, not for {describe(kind)}" for key in every - here}
    return unknown_keys(entry, target.path, known, elsewhere)


def _owners(key: str, kinds: Kinds) -> str:
    owners: dict[str, list[Kind]] = {}
    for kind in kinds.values():
        if key in own_keys([kind]):
            owners.setdefault(kind.alphabet, []).append(kind)
    if sum(map(len, owners.values())) == sum(kind.settings is not None for kind in kinds.values()):
        return "an analysis with a model"
    return ", or for ".join(describe(*same) for same in owners.values())


def _task_problems(entry: dict[str, Any], path: Path, kinds: Kinds) -> Iterator[Problem]:
    alphabet, at = entry.get("alphabet", DNA), (*path, TASK)
    tasks = [kind.task for kind in kinds.values() if kind.settings and kind.alphabet == alphabet]
    if TASK in entry and tasks and entry[TASK] not in tasks:
        of = "" if alphabet == DNA else f', for alphabet "{alphabet}"'
        message = f"{format_path(at)} is {format_value(entry[TASK])}; it must be one of {quote_words(tasks)}{of}"
        yield Problem(at, message)


def _format_conflicts(formats: Iterable[str], kind: Kind) -> Iterator[str]:
    for word in formats:
        if word not in kind.formats:
            yield f'formats has "{word}"; {describe(kind)} takes {quote_words(kind.formats)}'


def _name_problems(name: str) -> Iterator[Problem]:
    path = ("analyses", name)
    if not NAME.fullmatch(name):
        rule = "the name must have 1 to 12 lower-case letters and digits, and start with a letter"
        yield Problem(path, f"{format_path(path)} is not a valid name of an analysis; {rule}")
    if name == RESERVED:
        reason = "jobs that examine large files have it in their names; choose another name"
        yield Problem(path, f"{format_path(path)} is a reserved name: {reason}")


def _severity_fault(code: str, value: object) -> str:
    if code not in CODES:
        near = nearest(code, CODES)
        hint = f"did you mean {near[0]}?" if near else "docs/formats.md lists them"
        return f"is not a code of a fault; {hint}"
    if CODES[code].fixed and value != ERROR:
        return f'is {format_value(value)}; it must be "{ERROR}": such a file cannot be trusted'
    if value not in SEVERITIES:
        return f"is {format_value(value)}; it must be one of {quote_words(SEVERITIES)}"
    return ""
