"""One entry of analyses.toml, [analyses.NAME], from its table to an `Analysis`.

An entry holds the settings of every analysis and, beside them, those of its kind. Which kind that is, `kind_of` tells
from the entry; nothing else here depends on which kinds there are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import DNA, TRAINING, Kind, Kinds
from seqdrop.config.problems import (
    WRONG,
    Path,
    Problem,
    SettingsError,
    collect,
    dotted,
    nearest,
    quoted,
    shown,
    unknown_keys,
)
from seqdrop.reads.codes import CODES, ERROR, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seqdrop.config.fields import Table

# Part of every job name, which SageMaker limits to 63 characters.
NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
RESERVED = "examine"  # names of processing jobs have it where names of other jobs have an analysis
TASK, JOB, SEVERITY = "task", "job", "severity"


def kind_of(entry: Mapping[str, Any], kinds: Kinds) -> Kind | None:
    """Return the kind of an entry; None if it names a task or an alphabet that no kind has."""
    formats = entry.get("formats")
    if isinstance(formats, list) and TRAINING in formats:
        return kinds.without_model(formats)
    if not own_keys(kinds.values()) & entry.keys():
        return kinds.without_model(())
    alphabet, task = entry.get("alphabet", DNA), entry.get(TASK)
    return kinds.with_task(task, alphabet) if _are_words(task, alphabet) else None


def _are_words(*values: Any) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def own_keys(kinds: Iterable[Kind]) -> set[str]:
    """Return the keys that these kinds have besides those of every analysis."""
    return {key for kind in kinds if kind.settings for key in (TASK, *kind.settings.rules())}


def read_entry(name: str, entry: Any, kinds: Kinds, made: type[Table]) -> Any:
    """Return an entry as an instance of `made`, whose settings are those of every analysis.

    Raise SettingsError with everything that is wrong.
    """
    path, problems = ("analyses", name), list(_name_problems(name))
    if not isinstance(entry, dict):
        raise SettingsError([*problems, *made.find_problems(entry, path)])
    kind = kind_of(entry, kinds)
    unknown, misspelt = _unknown(entry, path, kinds, kind, made)
    problems += [*unknown, *_task_problems(entry, path, kinds)]
    parts = {
        "name": name,
        "kind": kind or WRONG,
        "settings": collect(problems, _settings, entry, path, kind, misspelt),
        JOB: collect(problems, JobSettings.read, entry.get(JOB, {}), (*path, JOB)),
        SEVERITY: collect(problems, read_severity, entry.get(SEVERITY, {}), (*path, SEVERITY)),
    }
    common = {key: value for key, value in entry.items() if key in made.rules()}
    rules = (kind.conflicts, lambda analysis: _format_conflicts(analysis.formats, kind)) if kind else ()
    found = collect(problems, made.read, common, path, misspelt=misspelt, rules=rules, **parts)
    if problems:
        raise SettingsError(problems)
    return found


def read_severity(given: Any, path: Path) -> dict[str, str]:
    """Return [analyses.NAME.severity]: code → severity. Raise SettingsError with everything that is wrong."""
    if not isinstance(given, dict):
        raise SettingsError(
            [Problem(path, f"{dotted(path)} is {shown(given)}; it must be a table: write [{dotted(path)}]")]
        )
    wrong = {code: text for code, value in given.items() if (text := _severity_fault(code, value))}
    if wrong:
        raise SettingsError([Problem((*path, code), f"{dotted((*path, code))} {text}") for code, text in wrong.items()])
    return dict(given)


def describe(*kinds: Kind) -> str:
    """Return how messages call a kind, or several of one alphabet."""
    first = kinds[0]
    if first.settings is None:
        return f'formats = ["{TRAINING}"]' if TRAINING in first.formats else "an analysis without a model"
    tasks = " or ".join(f'"{kind.task}"' for kind in kinds)
    return f"task {tasks}" + ("" if first.alphabet == DNA else f' of alphabet "{first.alphabet}"')


def _settings(entry: dict, path: Path, kind: Kind | None, misspelt: set[str]) -> Table | None:
    if kind is None or kind.settings is None:
        return None
    own = {key: value for key, value in entry.items() if key in kind.settings.rules()}
    return kind.settings.read(own, path, misspelt=misspelt)


def _unknown(
    entry: dict, path: Path, kinds: Kinds, kind: Kind | None, made: type[Table]
) -> tuple[list[Problem], set[str]]:
    """Return problems for keys that this kind of entry has not, and the settings that misspelt ones stand for."""
    every = own_keys(kinds.values())
    here = every if kind is None else own_keys([kind])
    if entry.keys() <= {*made.rules(), *here, JOB, SEVERITY}:
        return [], set()
    elsewhere = {key: f"is for {_owners(key, kinds)}, not for {describe(kind)}" for key in every - here}
    return unknown_keys(entry, path, [*made.rules(), *sorted(here), JOB, SEVERITY], elsewhere)


def _owners(key: str, kinds: Kinds) -> str:
    owners: dict[str, list[Kind]] = {}
    for kind in kinds.values():
        if key in own_keys([kind]):
            owners.setdefault(kind.alphabet, []).append(kind)
    if sum(map(len, owners.values())) == sum(kind.settings is not None for kind in kinds.values()):
        return "an analysis with a model"
    return ", or for ".join(describe(*same) for same in owners.values())


def _task_problems(entry: dict, path: Path, kinds: Kinds) -> Iterator[Problem]:
    alphabet, at = entry.get("alphabet", DNA), (*path, TASK)
    tasks = [kind.task for kind in kinds.values() if kind.settings and kind.alphabet == alphabet]
    if TASK in entry and tasks and entry[TASK] not in tasks:
        of = "" if alphabet == DNA else f', of alphabet "{alphabet}"'
        yield Problem(at, f"{dotted(at)} is {shown(entry[TASK])}; it must be one of {quoted(tasks)}{of}")


def _format_conflicts(formats: Iterable[str], kind: Kind) -> Iterator[str]:
    for word in formats:
        if word not in kind.formats:
            yield f'formats has "{word}"; {describe(kind)} takes {quoted(kind.formats)}'


def _name_problems(name: str) -> Iterator[Problem]:
    path = ("analyses", name)
    if not NAME.fullmatch(name):
        wanted = "it must be 1 to 12 lower-case letters and digits, a letter first"
        yield Problem(path, f"{dotted(path)} is no name of an analysis; {wanted}")
    if name == RESERVED:
        yield Problem(
            path, f"{dotted(path)} is taken: names of jobs that examine large files have it; take another name"
        )


def _severity_fault(code: str, value: Any) -> str:
    if code not in CODES:
        near = nearest(code, CODES)
        hint = f"did you mean {near[0]}?" if near else "docs/formats.md lists them"
        return f"is no code of a fault; {hint}"
    if CODES[code].fixed and value != ERROR:
        return f'is {shown(value)}; it must be "{ERROR}": such a file cannot be trusted'
    if value not in SEVERITIES:
        return f"is {shown(value)}; it must be one of {quoted(SEVERITIES)}"
    return ""
