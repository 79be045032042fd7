"""The estimate of a drop: what each analysis gets, and the workload of all files together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import TRAIN, TRANSFORM
from seqdrop.training.jobfile import JOB
from seqdrop.work.hashing import is_hashed_by_lambda

from seqdrop_cli.costs.sampling import Content, sample_file
from seqdrop_cli.costs.trainings import TrainingEstimate, estimate_training
from seqdrop_cli.costs.workload import Machines, Rates, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from seqdrop.config.analyses import Analyses, Analysis

    from seqdrop_cli.landing import Drop


@dataclass(frozen=True)
class Machine:
    """The instance of transform jobs: its price in US dollars for an hour, and the speed of a model on it.

    `windows_per_second` are predictions; None for the speed that analyses.toml has for each analysis.
    """

    usd_per_hour: float
    windows_per_second: float | None = None

    def hours(self, part: Part) -> float | None:
        """Return the hours of work on the predictions of an analysis; None if the speed of its model is not known."""
        known = part.analysis.job.windows_per_second if part.analysis else 0.0
        rate = self.windows_per_second or known
        if not part.windows:
            return 0.0
        return part.windows / rate / 3600 if rate else None


@dataclass
class Part:
    """The files of one analysis, or those under no prefix of analyses.toml (`analysis` is None)."""

    analysis: Analysis | None
    sizes: list[int] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    trainings: list[TrainingEstimate] = field(default_factory=list)
    faulty: list[tuple[Path, str]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)  # sizes of the files that a Lambda only hashes, of those in `sizes`
    in_jobs: list[int] = field(default_factory=list)  # sizes of the files that a processing job reads

    def add(self, key: str, size: int) -> None:
        """Count a file that lands under a key; `size` is in bytes."""
        self.sizes.append(size)
        if self.analysis is not None and is_hashed_by_lambda(self.analysis, key, size):
            self.kept.append(size)
        elif packaged().needs_job(size):
            self.in_jobs.append(size)

    @property
    def storage_class(self) -> str:
        """The storage class of the archived copies."""
        return self.analysis.storage_class if self.analysis else DEEP_ARCHIVE

    @property
    def windows(self) -> int:
        """Number of predictions."""
        return sum(content.windows for content in self.contents)

    @property
    def is_exact(self) -> bool:
        """Whether every file was read to its end."""
        return all(content.is_exact for content in self.contents)

    @property
    def jobs(self) -> int:
        """Number of transform jobs; one more than would be enough, because files do not arrive at the same moment."""
        if self.analysis is None or not self.windows:
            return 0
        scored = sum(1 for content in self.contents if content.windows)
        return min(scored, -(-scored // self.analysis.job.max_members) + 1)

    @property
    def result_bytes(self) -> int:
        """Bytes of predictions."""
        return self.windows * self.analysis.kind.result_bytes if self.analysis else 0


def estimate_parts(
    drops: Iterable[Drop], progress: Callable[[Path], None], analyses: Analyses | None = None
) -> list[Part]:
    """Return the files of each analysis, largest part first. `progress` is called with each file before it is read."""
    analyses, parts = analyses or packaged(), dict[str, Part]()
    for drop in drops:
        analysis = analyses.for_key(drop.key)
        part = parts.setdefault(analysis.name if analysis else "", Part(analysis))
        progress(drop.path)
        part.add(drop.key, drop.path.stat().st_size)
        if analysis is not None and not analyses.is_marker(drop.key):
            _look_at(part, analysis, drop.path)
    return sorted(parts.values(), key=lambda part: -sum(part.sizes))


def _look_at(part: Part, analysis: Analysis, path: Path) -> None:
    if analysis.kind.job == TRAIN:
        if path.name == JOB:
            part.trainings.append(estimate_training(path))
        return
    if analysis.kind.job != TRANSFORM:
        return
    content = sample_file(path, analysis)
    if content.fault:
        part.faulty.append((path, content.fault))
    else:
        part.contents.append(content)


def total_workload(parts: list[Part], machine: Machine, processing_usd_per_hour: float, rates: Rates) -> Workload:
    """Return the workload of all parts together."""
    sizes = [size for part in parts for size in part.sizes]
    large = [size for part in parts for size in part.in_jobs]
    hours = sum(machine.hours(part) or 0.0 for part in parts)
    return Workload(
        sizes=tuple(sizes),
        windows=sum(part.windows for part in parts),
        result_bytes=sum(part.result_bytes for part in parts),
        transforms=Machines(hours, sum(part.jobs for part in parts), machine.usd_per_hour),
        examinations=Machines(sum(large) / 1e6 / rates.job_mb_per_second / 3600, len(large), processing_usd_per_hour),
        by_lambda=sum(sizes) - sum(large),
        kept=sum(len(part.kept) for part in parts),
        by_class=_group_by_class(parts),
        training_usd=sum(training.usd for part in parts for training in part.trainings),
    )


def _group_by_class(parts: list[Part]) -> dict[str, list[int]]:
    sizes: dict[str, list[int]] = {}
    for part in parts:
        sizes.setdefault(part.storage_class, []).extend(part.sizes)
    return sizes
