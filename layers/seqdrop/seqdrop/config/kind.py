"""The interface of a kind of analysis. `seqdrop.kinds` has one module for each kind.

No other module asks which kind an analysis has: it calls a method of `Analysis.kind`. The base class is a kind without
a model. Instances have no state; everything that a lab can set is in the settings. A kind with a model also has the
methods of `results.writer.ResultKind`, which turn predictions into files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from seqdrop.config.analysis import (
    ALPHABETS,
    ANY,
    DNA,
    PROTEIN,
    READ_FORMATS,
    TRAINING,
    AnalysisSettings,
    ModelSettings,
)

if TYPE_CHECKING:
    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.errors import Fault
    from seqdrop.reads.records import Record

__all__ = [
    "ALPHABETS",
    "ANY",
    "DNA",
    "PROTEIN",
    "READ_FORMATS",
    "TRAINING",
    "AnalysisSettings",
    "Kind",
    "Kinds",
    "LocalModel",
    "LocalOptions",
    "ModelSettings",
    "Sampling",
    "Trial",
]


@dataclass(frozen=True)
class Sampling:
    """Which records of a file the model sees: all by default."""

    max_reads: int | None = None
    seed: int = 0
    collapse: bool = False


@dataclass(frozen=True)
class Trial:
    """Made-up work items on which a new model archive is tried before it is used."""

    environment: dict[str, str]
    items: list[bytes]
    about: str
    """The items in words, such as "8 made-up sequences of 300 bases"."""
    fault: Callable[[list[bytes]], str]
    """A function from the model's output lines to what is wrong with them; "" if they are sound."""


@dataclass(frozen=True)
class LocalOptions:
    """Options of `seqdrop predict` that replace settings; None where an option is absent."""

    window: int | None = None
    stride: int | None = None
    strands: str | None = None
    threshold: float | None = None
    max_n_fraction: float | None = None


@dataclass(frozen=True)
class LocalModel:
    """A model on disk, for `seqdrop predict`: the k of its vocabulary (0: none), and the names of its classes."""

    k: int = 0
    labels: tuple[str, ...] = ()


class LabelledArchive(Protocol):
    """The part of a model archive (models.archives.ModelArchive) that a kind checks."""

    def check_label(self, label: str) -> None:
        """Raise JobRefusedError unless `label` is the archive's own name of its positive class."""


class Kind:
    """A kind of analysis; this one validates and archives files, and has no model."""

    name: ClassVar[str] = ""
    """Its name in the registry, in docs and in messages."""
    task: ClassVar[str] = ""
    """Its name in analyses.toml (`task`); with `alphabet` it is unique among kinds with a model."""
    alphabet: ClassVar[str] = DNA
    settings: ClassVar[type[ModelSettings] | None] = None
    """Class of the settings that an analysis of this kind has besides those of every analysis; None without a model."""
    is_default: ClassVar[bool] = False
    """Whether this is the kind of an analysis that has a model but no `task`."""
    formats: ClassVar[tuple[str, ...]] = READ_FORMATS
    """Formats that its files may have."""
    job: ClassVar[str] = ""
    """Task of the SageMaker job that its attempts get (`ledger.records.Job.task`); "" if they get none."""
    companions: ClassVar[str] = ""
    """Name of the policy in stages/assemble that makes its files wait for each other; "" if a file waits at most for
    its mate."""
    takes_masks: ClassVar[bool] = False
    """Whether a BED may say which bases of its records are masked."""
    takes_markers: ClassVar[bool] = True
    """Whether a file with the name of a run's marker or manifest is treated as one."""
    runs_workflow: ClassVar[bool] = False
    """Whether a workflow runs on its files: this is the kind of an entry with the table `workflow`."""
    reads_large_files_itself: ClassVar[bool] = False
    """Whether a Lambda reads its files even if they are large: the result depends on companions, which may change."""

    # -- settings --

    def conflicts(self, _analysis: AnalysisSettings) -> Iterable[str]:
        """Yield conflicts between settings that are each allowed; a message starts with the key it is about."""
        return ()

    def parameters(self, settings: ModelSettings) -> dict[str, object]:
        """Return the settings as JSON, for provenance and for the plan that is stored with an attempt."""
        return {**asdict(settings), "task": self.task}

    # Names of settings that its work items do not depend on. Every other setting is assumed to change them.
    no_effect_on_items: ClassVar[frozenset[str]] = frozenset({"model"})

    # -- attempts --

    def takes(self, _key: str) -> bool:
        """Return True if an accepted file of reads with this landing key gets an attempt."""
        return True

    # -- work items --

    may_have_no_items: ClassVar[bool] = False
    """Whether a valid file without a single work item is accepted, because a companion may still add some."""

    def sampling(self, _settings: ModelSettings | None) -> Sampling:
        """Return which records the model sees."""
        return Sampling()

    def counter(self, analysis: AnalysisSettings, masks: BedMasks | None = None) -> Callable[[Record], int]:
        """Return a function from a record to the number of predictions that the model makes for it."""
        raise NotImplementedError

    def too_many(self, analysis: AnalysisSettings) -> Fault:
        """Return the fault of a file with more predictions than `job.max_windows`."""
        raise NotImplementedError

    def items(
        self,
        upload_id: str,
        counted: Iterable[tuple[Record, int]],
        analysis: AnalysisSettings,
        masks: BedMasks | None = None,
    ) -> Iterator[bytes]:
        """Yield work items, a JSON line each.

        `counted` are pairs of a record and the number of identical records that it represents (1 without `collapse`).
        `masks` are the intervals of the BED that belongs to the file, if there is one.
        """
        raise NotImplementedError

    # -- the model --

    head: ClassVar[str] = ""
    """Name of a tensor that only checkpoints with this kind's trained head have; "" to accept every checkpoint."""
    names_classes: ClassVar[bool] = False
    """Whether the model needs at least two classes, and names for them."""

    def environment(self, analysis: AnalysisSettings) -> dict[str, str]:
        """Return the environment variables that inference.py reads."""
        raise NotImplementedError

    def check_archive(self, archive: LabelledArchive, analysis: AnalysisSettings) -> None:
        """Raise JobRefusedError if the model archive does not suit this analysis."""

    def trial(self, longest: int) -> Trial:
        """Return the trial of a new archive; `longest` is the longest input of its model, in bases or residues."""
        raise NotImplementedError

    # -- results --

    result_bytes: ClassVar[int] = 124
    """Approximate bytes of results for each prediction, all files together; from 6,000 windows of the kind promoter."""
    table: ClassVar[str] = ""
    """Base name of its JSON Lines file of results."""
    unit: ClassVar[str] = "windows"
    """Word for what the progress of predictions counts."""
    reads_items_for_results: ClassVar[bool] = False
    """Whether results hold sequences, so that work items are read beside the predictions."""

    def count_predictions(self, _line: bytes) -> int:
        """Return the number of `unit` in an output line."""
        return 1

    # -- seqdrop predict --

    def local_settings(self, options: LocalOptions, model: LocalModel) -> ModelSettings:
        """Return settings made of command-line options, for a model that was read from disk.

        Raise ConfigurationError for options that are missing or do not suit this kind.
        """
        raise NotImplementedError

    def local_format(self, settings: ModelSettings, _format: str) -> ModelSettings:
        """Return the settings of `local_settings`, adapted to the format of the file ("fasta", "fastq" or "bam")."""
        return settings


class Kinds(Mapping[str, Kind]):
    """The kinds that a deployment has, by name."""

    def __init__(self, *kinds: Kind) -> None:
        self._by_name = {kind.name: kind for kind in kinds}
        if len(self._by_name) != len(kinds):
            raise ValueError("two kinds have the same name")

    def __getitem__(self, name: str) -> Kind:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def of_alphabet(self, alphabet: str) -> dict[str, Kind]:
        """Return the kinds with a model for records of an alphabet, by task."""
        return {kind.task: kind for kind in self.values() if kind.settings and kind.alphabet == alphabet}

    def without_model(self, formats: Iterable[str]) -> Kind:
        """Return the kind of an analysis without a model. The formats decide whether it is the kind of trainings."""
        trains = TRAINING in formats
        kinds = (kind for kind in self.values() if kind.settings is None and not kind.runs_workflow)
        return next(kind for kind in kinds if (TRAINING in kind.formats) == trains)

    def with_workflow(self) -> Kind | None:
        """Return the kind of an analysis with a workflow; None if there is none."""
        return next((kind for kind in self.values() if kind.runs_workflow), None)

    def with_task(self, task: str | None, alphabet: str) -> Kind | None:
        """Return the kind with this task and alphabet, or the alphabet's default kind if `task` is None.

        Return None if there is no such kind.
        """
        kinds = self.of_alphabet(alphabet)
        if task is None:
            return next((kind for kind in kinds.values() if kind.is_default), None)
        return kinds.get(task)
