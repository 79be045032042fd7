"""omics: a workflow runs on accepted files, in AWS HealthOmics or started by a lab's own launcher.

The stage `workflow` starts it, and `config.workflow.Workflow` has its settings. Nothing is cut into work items: a
workflow reads the files themselves, which stay in the landing bucket until it has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.analysis import CHECK
from seqdrop.config.kind import ANY, READ_FORMATS, Kind
from seqdrop.config.workflow import RUN, SAMPLE
from seqdrop.ledger.records import WORKFLOW
from seqdrop.runs.read_names import is_index_read, is_undetermined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analysis import AnalysisSettings


class Omics(Kind):
    """Validation, report and archive, and in between a run of a workflow for each file, sample or run."""

    name = "omics"
    formats = (*READ_FORMATS, ANY)
    job = WORKFLOW
    runs_workflow = True

    def takes(self, key: str) -> bool:
        """Return False for index reads and the reads of no sample, which workflows do not get."""
        return not (is_index_read(key) or is_undetermined(key))

    def conflicts(self, analysis: AnalysisSettings) -> Iterator[str]:
        """Yield conflicts between settings: what a workflow gets must be known, and there, when it starts."""
        workflow = analysis.workflow
        if workflow is None:
            return
        if workflow.per == RUN and not analysis.has_runs:
            yield f'workflow.per is "{RUN}", which needs gate = "{RUN}" and no markers: then Seqdrop knows the samples'
        if workflow.per == SAMPLE and not analysis.gate and analysis.mates == CHECK:
            yield f'mates is "{CHECK}", so a sample may start without its mate; use "wait", or "single" without mates'
        if analysis.gate and not analysis.has_runs:
            yield "markers is not for an analysis with a workflow: the rules of instruments name the samples of a run"
        if workflow.is_samplesheet and not analysis.keep_days:
            yield "keep_days is 0; your launcher reads the files later, so at least 1 is needed"
