"""Every kind that there is, and analyses read with them: analyses.toml as deployed, and the plan of an attempt."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from seqdrop.config.analyses import TRAINING, Analyses, Analysis
from seqdrop.config.analyses import parse as parse_analyses
from seqdrop.config.kind import Kind, Kinds
from seqdrop.kinds.embed import Embed
from seqdrop.kinds.keep import Keep
from seqdrop.kinds.masked import Masked
from seqdrop.kinds.promoter import Promoter
from seqdrop.kinds.protein_embed import ProteinEmbed
from seqdrop.kinds.structure import Structure
from seqdrop.kinds.train import Train
from seqdrop.ledger.records import Attempt
from seqdrop.work.examination import Examination
from seqdrop.work.selection import selected

KINDS = Kinds(Promoter(), Masked(), Embed(), Structure(), ProteinEmbed(), Keep(), Train())


def parse(text: str) -> Analyses:
    """Read analyses.toml. Raises ConfigurationError that names the analysis and the field."""
    return parse_analyses(text, KINDS)


@cache
def packaged() -> Analyses:
    """Return the analyses of the analyses.toml that was deployed with this code."""
    return parse(files("seqdrop").joinpath("analyses.toml").read_text())


def from_json(plan: str) -> Analysis:
    """Return the analysis that `Analysis.as_json` wrote."""
    return Analysis.from_json(plan, KINDS)


def plan_of(attempt: Attempt) -> Analysis:
    """Return the analysis that an attempt's work items were cut for. Not for attempts of trainings."""
    return from_json(attempt.plan)


def kind_of(attempt: Attempt) -> Kind:
    """Return the kind of an attempt, also if its analysis has changed or is gone since."""
    return KINDS["train"] if attempt.analysis == TRAINING else plan_of(attempt).kind


def attempts_of(examination: Examination) -> list[Attempt]:
    """Return the attempt whose shards were written in the pass; none of an analysis without a model."""
    analysis = from_json(examination.plan)
    return [examination.attempt(analysis.name)] if analysis.has_model else []


def selection_of(examination: Examination) -> dict:
    """Return what of the file goes to the model, as the report tells it; empty if nothing does."""
    analysis = from_json(examination.plan)
    if examination.rejection or not analysis.has_model:
        return {}
    return {"selection": selected(analysis, examination.report["records"], examination.taken, examination.distinct)}
