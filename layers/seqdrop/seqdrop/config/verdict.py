"""The table [analyses.NAME.verdict] of analyses.toml: by which figures the samples of a run are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.fields import Maybe, Number, Table, setting
from seqdrop.runs.verdicts import UNDETERMINED, Limit

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABASES = Maybe(Number(0, 1e9, above=True, as_float=True))
READS = Maybe(Number(0, 1e12, above=True, as_float=True))
LENGTH = Maybe(Number(0, 1e8, above=True, as_float=True))
SHARE = Maybe(Number(0, 1, as_float=True))
LEAST = {"yield": "yield_mb", "reads": "reads", "q30": "q30", "length": "length"}
MOST = {"n": "n", "duplicates": "duplicates", "undetermined": UNDETERMINED}


@dataclass(frozen=True)
class VerdictSettings(Table):
    """Thresholds of the verdict on each sample of a run.

    A figure beyond `…_warn` is a warning, beyond `…_fail` the sample fails. Without a table, only missing, empty and
    rejected files count (docs/run-page.md).
    """

    table = "verdict"

    planned_mb: float | None = setting(None, MEGABASES)
    """Megabases (1e6 bases) that a sample is planned to get. The page of a run shows the yield against it. Absent: it
    shows the yield against an even share of the run."""
    yield_warn: float | None = setting(None, MEGABASES)
    """Least bases of a sample, all reads together, in megabases; fewer are a warning."""
    yield_fail: float | None = setting(None, MEGABASES)
    """Least bases of a sample in megabases; with fewer it fails."""
    reads_warn: float | None = setting(None, READS)
    """Least reads of a sample; a pair counts once. Fewer are a warning."""
    reads_fail: float | None = setting(None, READS)
    """Least reads of a sample; with fewer it fails."""
    q30_warn: float | None = setting(None, SHARE)
    """Least share of bases with a score of 30 or more; less is a warning."""
    q30_fail: float | None = setting(None, SHARE)
    """Least share of bases with a score of 30 or more; with less the sample fails."""
    length_warn: float | None = setting(None, LENGTH)
    """Least mean length of the reads of a sample, in bases; less is a warning."""
    length_fail: float | None = setting(None, LENGTH)
    """Least mean length of the reads of a sample; with less it fails."""
    n_warn: float | None = setting(None, SHARE)
    """Largest share of N among the bases of a sample; more is a warning."""
    n_fail: float | None = setting(None, SHARE)
    """Largest share of N; with more the sample fails."""
    duplicates_warn: float | None = setting(None, SHARE)
    """Largest share of duplicates among the reads of a sample; more is a warning."""
    duplicates_fail: float | None = setting(None, SHARE)
    """Largest share of duplicates; with more the sample fails."""
    undetermined_warn: float | None = setting(None, SHARE)
    """Largest share of Undetermined in the bytes of all reads of a run; more is a warning."""
    undetermined_fail: float | None = setting(None, SHARE)
    """Largest share of Undetermined; with more the run has the verdict "fail"."""

    def conflicts(self) -> Iterator[str]:
        """Yield each figure whose `…_fail` would be reached before its `…_warn`."""
        for name in (*LEAST, *MOST):
            warn, fail = getattr(self, f"{name}_warn"), getattr(self, f"{name}_fail")
            if warn is None or fail is None or (fail <= warn if name in LEAST else fail >= warn):
                continue
            order = "at most" if name in LEAST else "at least"
            yield f"{name}_fail is {fail:g}; it must be {order} {name}_warn ({warn:g}), or no sample gets a warning"

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits that are set."""
        every = [Limit(figure, *self._pair(name), is_least=True) for name, figure in LEAST.items()]
        every += [Limit(figure, *self._pair(name), is_least=False) for name, figure in MOST.items()]
        return tuple(limit for limit in every if limit.warn is not None or limit.fail is not None)

    def _pair(self, name: str) -> tuple[float | None, float | None]:
        return getattr(self, f"{name}_warn"), getattr(self, f"{name}_fail")
