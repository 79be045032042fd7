"""The plan of an attempt, which is the analysis that its work items were cut for, and functions that read plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.analyses import TRAINING, Analysis
from seqdrop.kinds.registry import KINDS, from_json, packaged, parse
from seqdrop.work.selection import describe_selection

if TYPE_CHECKING:
    from seqdrop.config.kind import Kind
    from seqdrop.ledger.records import Attempt
    from seqdrop.report.schema import SelectionEntry
    from seqdrop.work.examination import Examination

__all__ = ["KINDS", "attempts_of", "from_json", "kind_of", "packaged", "parse", "plan_of", "selection_of"]


def plan_of(attempt: Attempt) -> Analysis:
    """Return the analysis that an attempt's work items were cut for. The attempt must not be that of a training."""
    return from_json(attempt.plan)


def kind_of(attempt: Attempt) -> Kind:
    """Return the kind of an attempt, even if its analysis has changed or no longer exists."""
    return KINDS["train"] if attempt.analysis == TRAINING else plan_of(attempt).kind


def attempts_of(examination: Examination, key: str) -> list[Attempt]:
    """Return a list of the attempt at an upload with this landing key; an empty list if it needs none.

    It uses the shards that the examination wrote, if its analysis has a model.
    """
    analysis = from_json(examination.plan)
    needs_one = analysis.has_attempts and examination.is_of_reads and analysis.kind.takes(key)
    return [examination.attempt(analysis.name)] if needs_one else []


def selection_of(examination: Examination) -> SelectionEntry:
    """Return the report's entry about the records that the model sees; empty if it sees none."""
    analysis = from_json(examination.plan)
    if examination.rejection or not analysis.has_model:
        return {}
    return {
        "selection": describe_selection(
            analysis, examination.report["records"], examination.taken, examination.distinct
        )
    }
