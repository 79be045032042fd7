"""The request object of a monitoring job: its subjects, each an analysis and one source of its predictions."""

from __future__ import annotations

from typing import TypedDict

BATCH, REQUESTS = "batch", "requests"
REPORT, PAGE = "report.json", "report.html"
"""Names of the files of a subject's report."""


class AttemptBrief(TypedDict):
    """One attempt with predictions: what names its shards in the work bucket, and its table in the results bucket."""

    upload: str
    masks: str
    shards_key: str
    shards: int
    items: int
    windows: int
    table: str


class TruthBrief(TypedDict):
    """A truth file in the landing bucket, and the table of the predictions that it is about."""

    key: str
    version_id: str
    upload: str
    table: str


class SubjectBrief(TypedDict):
    """What a job assesses together. `baselines` are keys of the models bucket; the first that exists is used.

    `captured` are prefixes of the work bucket. `label` and `threshold` are those of the analysis, "" and None if it
    calls nothing. `left_out` is the number of attempts of other models in the same time.
    """

    analysis: str
    stream: str
    alphabet: str
    model: str
    digest: str
    figure: float | None
    label: str
    threshold: float | None
    baselines: list[str]
    attempts: list[AttemptBrief]
    captured: list[str]
    truths: list[TruthBrief]
    left_out: int


class MonitoringBrief(TypedDict):
    """Content of a monitoring job's request object. `date` names the folders of its reports."""

    work: str
    results: str
    models: str
    landing: str
    date: str
    since: str
    until: str
    subjects: list[SubjectBrief]
    unusable: list[str]
