"""Where the files go that belong to no run: by the analysis that was asked for, and by what each file is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from seqdrop.companions.runs import is_marker
from seqdrop.config.kind import PROTEIN
from seqdrop.kinds.plans import packaged
from seqdrop.training.jobfile import JOB

from seqdrop_cli.errors import CommandError
from seqdrop_cli.uploader.contents import Content, look

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop.config.analyses import Analyses, Analysis

RAW, AUTOMATIC = "raw/", "auto"
EVERYTHING = frozenset({"any", "training"})  # formats of analyses that take files of all sorts


@dataclass(frozen=True)
class Place:
    """The prefix for a file, or "" with the reason why it is left out. `note` says why it is not where it was asked."""

    prefix: str
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Placement:
    """The choice of prefixes. `prefix` is that which was asked for; "" if each file goes to raw/.

    `automatic` chooses the first analysis with a model for the format of each file.
    """

    analyses: Analyses
    prefix: str = ""
    automatic: bool = False

    @classmethod
    def of(cls, to: str | None = None, prefix: str | None = None, analyses: Analyses | None = None) -> Placement:
        """Return the placement for the options `--to` and `--prefix`. Raise CommandError or ValueError if unknown."""
        analyses = analyses or packaged()
        if to == AUTOMATIC:
            return cls(analyses, automatic=True)
        if to is not None:
            if to.strip("/") not in analyses.by_name:
                raise CommandError(f"there is no analysis {to}; analyses.toml has {', '.join(analyses.by_name)}")
            return cls(analyses, analyses.by_name[to.strip("/")].prefix)
        if prefix is None:
            return cls(analyses)
        prefix = prefix.strip("/") + "/"
        if analyses.for_key(prefix) is None:
            raise ValueError(f"analyses.toml has no prefix {prefix}; it has {', '.join(analyses.prefixes)}")
        return cls(analyses, prefix)

    def place(self, path: Path) -> Place:
        """Return where a file goes. Markers and job.toml are placed with the files beside them, not here."""
        analysis = self.analyses.for_key(self.prefix) if self.prefix else None
        if analysis is not None and takes_everything(analysis):
            return Place(self.prefix)
        if analysis is not None and is_mask(analysis, path.name):
            return Place(self.prefix)
        content = look(path)
        if self.automatic:
            analysis = self._first_with_model(content)
        if analysis is None or not analysis.has_model:
            return self._place_without_model(content, self.prefix or RAW)
        return self._place_for_model(content, analysis)

    def _place_without_model(self, content: Content, prefix: str) -> Place:
        if content.format is None:
            return Place("", "it is no FASTQ, FASTA or BAM file, and in no run folder")
        if content.alphabet == PROTEIN:
            return Place("", f"it has proteins, and {prefix} is for DNA; `--to proteins` predicts their structure")
        return Place(prefix)

    def _place_for_model(self, content: Content, analysis: Analysis) -> Place:
        """Return the prefix of an analysis with a model for the files that its model is for, else raw/."""
        prefix = self.prefix or analysis.prefix
        if content.format is None or (content.alphabet == PROTEIN and analysis.alphabet != PROTEIN):
            return self._place_without_model(content, prefix)
        if content.why:
            return Place(RAW, note=f"{content.why} are not for a model")
        if content.format not in analysis.formats:
            return Place(RAW, note=f"{prefix} takes no {content.format.upper()}")
        return Place(prefix)

    def _first_with_model(self, content: Content) -> Analysis | None:
        analyses = (analysis for analysis in self.analyses.by_name.values() if analysis.has_model)
        fitting = (it for it in analyses if content.format in it.formats and it.alphabet == content.alphabet)
        return next(fitting, None)


def is_mask(analysis: Analysis, name: str) -> bool:
    """Return True for a BED under a prefix where it belongs to the FASTA beside it."""
    return analysis.kind.companions == "masks" and name.lower().endswith((".bed", ".bed.gz"))


def takes_everything(analysis: Analysis) -> bool:
    """Return True if files of all sorts belong under the prefix of an analysis."""
    return bool(EVERYTHING & set(analysis.formats))


def is_companion(name: str) -> bool:
    """Return True for markers, manifests and job.toml, which go where the files beside them go."""
    return is_marker(name) or PurePosixPath(name).name == JOB
