"""train: a model is trained from a data set, which is a folder with job.toml and the files that it names.

seqdrop.training.jobfile defines job.toml; the plan of an attempt is a seqdrop.training.request.Order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.kind import TRAINING, Kind
from seqdrop.ledger.records import TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analysis import AnalysisSettings


class Train(Kind):
    """Trainings. One starts when job.toml and all files that it names have arrived."""

    name = "train"
    formats = (TRAINING,)
    job = TRAIN
    companions = "training"
    takes_markers = False

    def conflicts(self, analysis: AnalysisSettings) -> Iterator[str]:
        """Yield conflicts between settings: a training waits for its job.toml, not for a run."""
        if analysis.gate:
            yield "gate is not for a training, which waits for its job.toml; leave gate out"
