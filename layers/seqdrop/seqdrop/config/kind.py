"""What a kind of analysis does, as the rest of the package sees it. `seqdrop.kinds` has one module for each kind.

`Analysis.kind` holds one of them, so no other module asks which kind it has: it calls the method. The base class is a
kind without a model. Instances have no state; whatever an analysis sets is in `Analysis.settings`. `analysis` is a
config.analyses.Analysis throughout, which is not imported here because it imports this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from seqdrop.config.fields import Table
    from seqdrop.errors import Fault
    from seqdrop.reads.records import Record

DNA, PROTEIN = ALPHABETS = ("dna", "protein")
READ_FORMATS, TRAINING = ("fastq", "fasta", "bam"), "training"


@dataclass(frozen=True)
class Sampling:
    """Which records of a file go to the model: all by default."""

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
    """From the model's lines to what is wrong with them; "" if nothing is."""


class Kind:
    """A kind of analysis; this one validates and archives files, and has no model."""

    name: ClassVar[str] = ""
    """Its name in the registry, in docs and in messages."""
    task: ClassVar[str] = ""
    """What analyses.toml calls it (`task`); together with `alphabet` it is unique among kinds with a model."""
    alphabet: ClassVar[str] = DNA
    settings: ClassVar[type[Table] | None] = None
    """The settings that an analysis of this kind has besides those of every analysis; None without a model."""
    is_default: ClassVar[bool] = False
    """Whether an analysis with a model that names no task is of this kind."""
    formats: ClassVar[tuple[str, ...]] = READ_FORMATS
    """What its files may be."""
    job: ClassVar[str] = ""
    """Task of the SageMaker job that its attempts get (`ledger.records.Job.task`); "" if they get none."""
    companions: ClassVar[str] = ""
    """Name of the policy of stages/assemble by which its files wait for each other; "" if each stands alone, except
    for mates."""
    takes_masks: ClassVar[bool] = False
    """Whether a BED may say which bases of its records are masked."""
    takes_markers: ClassVar[bool] = True
    """Whether a file with the name of a run's marker, or of a manifest, is one."""
    reads_large_files_itself: ClassVar[bool] = False
    """Whether a Lambda reads its files whatever their size: what it reads depends on files that may still change."""

    # -- settings --

    def conflicts(self, analysis: Any) -> Iterable[str]:
        """Yield what is wrong between settings that are each allowed; a message starts with the key it is about."""
        return ()

    def parameters(self, settings: Any) -> dict:
        """Return the settings as JSON, for provenance and for the plan that an attempt keeps."""
        return {**asdict(settings), "task": self.task}

    # Names of settings that its work items do not depend on. Any other is taken to change them.
    no_effect_on_items: ClassVar[frozenset[str]] = frozenset({"model"})

    # -- work items --

    may_have_no_items: ClassVar[bool] = False
    """Whether a valid file without a single work item is accepted: a companion may still bring some."""

    def sampling(self, settings: Any) -> Sampling:
        """Return which records go to the model."""
        return Sampling()

    def counter(self, analysis: Any, masks: Any = None) -> Callable[[Record], int]:
        """Return a function from a record to how many predictions the model makes for it."""
        raise NotImplementedError

    def too_many(self, analysis: Any) -> Fault:
        """Return the fault of a file with more predictions than `job.max_windows`."""
        raise NotImplementedError

    def items(
        self, upload_id: str, counted: Iterable[tuple[Record, int]], analysis: Any, masks: Any = None
    ) -> Iterator[bytes]:
        """Yield work items, a JSON line each; a record comes with the number of identical ones it stands for.

        `masks` is a BED's (companions/bed_masks.py) where one belongs to the file.
        """
        raise NotImplementedError

    # -- the model --

    head: ClassVar[str] = ""
    """A tensor that only a checkpoint with this kind's trained head has; "" if it takes any."""
    names_classes: ClassVar[bool] = False
    """Whether the model's classes must have names, and be two at least."""

    def environment(self, analysis: Any) -> dict[str, str]:
        """Return what inference.py reads from its environment."""
        raise NotImplementedError

    def check_archive(self, archive: Any, analysis: Any) -> None:
        """Raise JobRefusedError if the model archive (models.archives.ModelArchive) is not one for this analysis."""

    def trial(self, longest: int) -> Trial:
        """Return how a new archive is tried; `longest` is what its model takes at once, in bases or residues."""
        raise NotImplementedError

    # -- results --

    table: ClassVar[str] = ""
    """Base name of its JSON Lines file of results."""
    unit: ClassVar[str] = "windows"
    """What is counted while predictions are made."""
    reads_items_for_results: ClassVar[bool] = False
    """Whether its results hold what was asked about, so that work items are read beside predictions."""

    def count_predictions(self, line: bytes) -> int:
        """Return how many `unit` a prediction line holds."""
        return 1

    def write(self, folder: Any, predictions: Any) -> Any:
        """Write result files to `folder` (Path) from results.writer.Predictions; return results.writer.Results."""
        raise NotImplementedError

    def summarize(self, predictions: Any, results: Any) -> dict:
        """Return what summary.json says beyond who made the results, counts and files."""
        raise NotImplementedError

    # -- seqdrop predict --

    def local_settings(self, options: Any, model: Any) -> Table:
        """Return settings made of command-line options (`None` where not given) for a model that was read from disk.

        Raise ConfigurationError for options that are missing or do not suit this kind.
        """
        raise NotImplementedError

    def local_format(self, settings: Any, format: str) -> Any:
        """Return settings made by `local_settings`, once the format of the file is known."""
        return settings


class Kinds(Mapping[str, Kind]):
    """The kinds that a deployment has, by name."""

    def __init__(self, *kinds: Kind):
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
        """Return the kind of an analysis that names no model: that of trainings takes their files alone."""
        trains = TRAINING in formats
        return next(kind for kind in self.values() if kind.settings is None and (TRAINING in kind.formats) == trains)

    def with_task(self, task: str | None, alphabet: str) -> Kind | None:
        """Return the kind of an analysis with a model, the default one for None; None if there is none."""
        fitting = self.of_alphabet(alphabet)
        if task is None:
            return next((kind for kind in fitting.values() if kind.is_default), None)
        return fitting.get(task)
