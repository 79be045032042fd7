"""The means with which endpoints run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.endpoints.metrics import Metrics
    from local.sagemaker.roles import Roles
    from local.warm import Zygote


@dataclass(frozen=True)
class Platform:
    """What every endpoint uses.

    `folder` has the files of the containers, which are forked from `zygote` if there is one. `minute` is the length in
    seconds of a minute of waiting: of an update, a cooldown, or a request in a queue.
    """

    folder: Path
    roles: Roles
    metrics: Metrics
    zygote: Zygote | None
    minute: float

    def scale(self, seconds: float) -> float:
        """Return the real seconds of a time to wait."""
        return seconds * self.minute / 60
