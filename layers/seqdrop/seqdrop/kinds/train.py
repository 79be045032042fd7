"""train: files of a data set with its job.toml, each set in a folder of its own, from which a model is trained.

What job.toml may say is in seqdrop.training.jobfile; the plan of an attempt is a seqdrop.training.request.Order.
"""

from __future__ import annotations

from seqdrop.config.analyses import TRAINING, Analysis
from seqdrop.config.kind import Kind
from seqdrop.ledger.records import TRAIN


class Train(Kind):
    """A training starts when job.toml and all files that it names are there."""

    name = "train"
    formats = (TRAINING,)
    job = TRAIN
    companions = "training"
    takes_markers = False

    def conflicts(self, analysis: Analysis) -> list[str]:
        wrong = []
        if analysis.name != TRAINING:
            wrong.append(f'formats = ["{TRAINING}"] is for the analysis {TRAINING}, which has no model here')
        if analysis.gate:
            wrong.append("a training waits for its job.toml: it takes no gate")
        return wrong
