"""Files in which an instrument says whether its run, or its analysis, succeeded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.runs.files import RunFileError
from seqdrop.runs.xml_text import parse_xml

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CHARACTERS = 200
FAILURES = ("fail", "error", "abort", "stop", "cancel", "timedout")


@dataclass(frozen=True)
class RunOutcome:
    """What an outcome file says. `text` is for people; it is cut at 200 characters.

    `is_pending` is True if the file is there but says that the work goes on.
    """

    is_failed: bool
    text: str = ""
    is_pending: bool = False


def read_outcome(form: str, body: bytes, name: str) -> RunOutcome:
    """Return what an outcome file says. Raise RunFileError if it cannot be read or has another form.

    `form` is that of the table (`seqdrop.runs.instruments.FORMS`); `name` is that of the file, for the error.
    """
    return READERS[form](body, name)


def read_completion_status(body: bytes, name: str) -> RunOutcome:
    """Read RunCompletionStatus.xml of Illumina, in either of its languages.

    NextSeq 500 and 550 write CompletionStatus (`CompletedAsPlanned`) and ErrorDescription (`None` if all is well); RTA3
    and later write RunStatus (`RunCompleted`) and RunError. Source: real files, and runcompletionstatus.go of
    gmc-norr/cleve.
    """
    root = parse_xml(body, name)
    texts = {str(element.tag).lower(): " ".join((element.text or "").split()) for element in root}
    status = texts.get("completionstatus") or texts.get("runstatus")
    if not status:
        raise RunFileError(name, "it has neither CompletionStatus nor RunStatus")
    if status.lower() in ("completedasplanned", "runcompleted"):
        return RunOutcome(False, status)
    details = texts.get("errordescription") or texts.get("runerror") or ""
    return RunOutcome(True, shorten(f"{status}: {details}" if details.lower() not in ("", "none") else status))


def read_run_uploaded(body: bytes, name: str) -> RunOutcome:
    """Read RunUploaded.json of Element, which is there when a run failed, too.

    Its `outcome` is `OutcomeCompleted` or, for example, `OutcomeFailed`. Source: real files, and NPG's
    Monitor/Elembio/RunFolder.pm.
    """
    outcome = _read_text(body, name, "outcome")
    return RunOutcome(outcome.lower() != "outcomecompleted", shorten(outcome))


def read_error_summary(body: bytes, name: str) -> RunOutcome:
    """Read Data/Error_Summary.json of DRAGEN on board: `result` is `error` if the analysis failed.

    Source: docs/appendices.md of miso-lims/runscanner. No real file was at hand, so only `result` is relied on, and the
    text is the first member whose name contains `error` or `message`.
    """
    result = _read_text(body, name, "result")
    if result.lower() != "error":
        return RunOutcome(False, shorten(result))
    document = json.loads(body)
    texts = [str(value) for key, value in document.items() if any(word in key.lower() for word in ("error", "message"))]
    return RunOutcome(True, shorten(f"{result}: {texts[0]}" if texts else result))


def read_analysis_results(body: bytes, name: str) -> RunOutcome:
    """Read analysisResults.json of MiSeq i100: AnalysisStatus is `Succeeded`, a failure, or says that it still runs.

    Source: a real file, which says Succeeded; other values are judged by the words in them.
    """
    status = _read_text(body, name, "AnalysisStatus")
    is_failed = any(word in status.lower() for word in FAILURES)
    return RunOutcome(is_failed, shorten(status), not is_failed and status.lower() != "succeeded")


def make_printable(text: str) -> str:
    """Return a text with names or words of an instrument on one line, without control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def shorten(text: str) -> str:
    """Return a text as `make_printable` does, cut at 200 characters."""
    line = make_printable(text)
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def _read_text(body: bytes, name: str, key: str) -> str:
    """Return the text of a key of a JSON object, compared without case."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RunFileError(name, f"it is not JSON that can be read ({error})") from error
    members = {str(member).lower(): value for member, value in document.items()} if isinstance(document, dict) else {}
    value = members.get(key.lower())
    if not isinstance(value, str) or not value.strip():
        raise RunFileError(name, f"it has no {key}")
    return value.strip()


READERS: dict[str, Callable[[bytes, str], RunOutcome]] = {
    "RunCompletionStatus": read_completion_status,
    "RunUploaded": read_run_uploaded,
    "Error_Summary": read_error_summary,
    "analysisResults": read_analysis_results,
}
