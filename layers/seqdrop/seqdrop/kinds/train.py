"""train: files of a data set with its job.toml, each set in a folder of its own, from which a model is trained.

What job.toml may say is in seqdrop.training.jobfile; the plan of an attempt is a seqdrop.training.request.Order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.kind import TRAINING, Kind
from seqdrop.ledger.records import TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis


class Train(Kind):
    """A training starts when job.toml and all files that it names are there."""

    name = "train"
    formats = (TRAINING,)
    job = TRAIN
    companions = "training"
    takes_markers = False

    def conflicts(self, analysis: Analysis) -> Iterator[str]:
        if analysis.gate:
            yield "gate is not for a training: it waits for its job.toml"
