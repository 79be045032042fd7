"""train: the files of a data set with its job.toml, each set in its own folder, from which a model is trained.

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
    """A training starts when job.toml and all files that it names are there."""

    name = "train"
    formats = (TRAINING,)
    job = TRAIN
    companions = "training"
    takes_markers = False

    def conflicts(self, analysis: AnalysisSettings) -> Iterator[str]:
        """Yield what is wrong between settings: a training waits for its job.toml, not for a run."""
        if analysis.gate:
            yield "gate is not for a training, which waits for its job.toml"
