"""job.toml as validated, frozen objects: the model, its data, its machine, and the gate of its promotion."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from seqdrop.config.documents import ConfigFileError, decode, load, locate
from seqdrop.config.fields import Choice, Flag, Number, Table, Text, Whole, setting
from seqdrop.config.problems import WRONG, SettingsError, Wrong, collect, unknown_keys
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.training.distribution.distribution import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = "job.toml"
MOST_BYTES = 100_000  # a larger job.toml is refused
PROTEINS, DNABERT = ("prott5", "protbert", "cnn"), "dnabert"
WITH_WEIGHTS = ("prott5", "protbert")
# Default peak learning rate of each model.
RATES = {"cnn": 2e-3, "protbert": 5e-4, "prott5": 5e-4, "dnabert": 6e-4}
FLIP, TABLES = "flip", ("csv", "parquet")
SPLITS = ("train", "validation", "test")
FILE = Text(
    r"(?!/)(?!.*(^|/)\.\.?(/|$))(?!job\.toml$).{0,200}",
    "the name of a file in the folder of job.toml, other than job.toml itself",
)
WEIGHTS = Text(r"([a-zA-Z0-9](-*[a-zA-Z0-9_]){0,35})?", "1 to 36 letters, digits, underscores and hyphens")
REUSE = Text(r"([A-Z2-7]{26})?", "the upload id of the job.toml of an earlier training: 26 characters, A-Z and 2-7")
TRAINED = Text(r"([a-zA-Z0-9](-*[a-zA-Z0-9]){0,35})?", "1 to 36 letters, digits and hyphens")
ADVICE = "Correct job.toml (docs/training.md has every setting) and drop it again; the data files wait for it."


@dataclass(frozen=True)
class Data(Table):
    """Files of the data set: FLIP's files, one file whose records name their split, or one file for each split.

    Names are relative to the folder of job.toml.
    """

    table = "data"

    format: str = setting(MISSING, Choice("flip", "three_line", "csv", "parquet"))
    """How the files are written; docs/training.md describes each format."""
    sequences: str = setting("", FILE)
    """flip: FASTA file of the sequences."""
    labels: str = setting("", FILE)
    """flip: FASTA file of the labels. Its headers have SET and VALIDATION."""
    mask: str = setting("", FILE)
    """flip: FASTA file of 0 and 1, where 0 marks a residue that is not scored. Optional."""
    file: str = setting("", FILE)
    """Other formats: one file with all records, where each record names its split."""
    train: str = setting("", FILE)
    """Other formats, without `file`: the records to train on."""
    validation: str = setting("", FILE)
    """Other formats, without `file`: the records on which the best epoch is chosen."""
    test: str = setting("", FILE)
    """Other formats, without `file`: the records on which the gate measures the model."""

    def conflicts(self) -> Iterator[str]:
        """Yield which files are missing, are not for this format, or are named twice."""
        if self.format == FLIP:
            wrong = self._check_names(("sequences", "labels"), ("file", *SPLITS))
        elif self.file:
            wrong = self._check_names(("file",), ("sequences", "labels", "mask", *SPLITS))
        else:
            wrong = self._check_names(SPLITS, ("sequences", "labels", "mask"))
        yield from wrong or self._find_repeated()

    @property
    def files(self) -> list[str]:
        """The names of all files, in the order of the settings."""
        return list(self._file_names().values())

    def _file_names(self) -> dict[str, str]:
        names = ("sequences", "labels", "mask", "file", "train", "validation", "test")
        return {name: file for name in names if (file := getattr(self, name))}

    def _find_repeated(self) -> list[str]:
        first: dict[str, str] = {}
        wrong = []
        for name, file in self._file_names().items():
            if file in first:
                wrong.append(f'{name} is "{file}", and so is {self.table}.{first[file]}; each needs its own file')
            first.setdefault(file, name)
        return wrong

    def _check_names(self, required: tuple[str, ...], excluded: tuple[str, ...]) -> list[str]:
        missing = [f"{name} is missing: {self._needs}" for name in required if not getattr(self, name)]
        extra = [f"{name} is not allowed here: {self._needs}" for name in excluded if getattr(self, name)]
        return missing + extra

    @property
    def _needs(self) -> str:
        if self.format == FLIP:
            return 'format "flip" needs sequences and labels; mask is optional'
        return f'format "{self.format}" needs either file, or train, validation and test'


@dataclass(frozen=True)
class Train(Table):
    """Arguments of the training script."""

    table = "train"

    epochs: int = setting(10, Whole(1, 1000))
    """Largest number of passes over the training records."""
    learning_rate: float = setting(0.0, Number(0, 1))
    """Peak learning rate; 0: the default of the model."""
    tokens_per_batch: int = setting(6000, Whole(64, 1_000_000))
    """Tokens (residues) of one forward pass, padding included."""
    accumulate: int = setting(1, Whole(1, 1024))
    """Forward passes per step of the optimizer."""
    max_length: int = setting(1024, Whole(16, 16_384))
    """Largest number of residues of a record that the model sees; longer records are cut."""
    seed: int = setting(1, Whole(0, 2**31 - 1))
    """Seed of all random draws."""
    patience: int = setting(3, Whole(0, 1000))
    """The training ends after this many epochs without a better validation figure; 0: it does not end early."""
    head: str = setting("linear", Choice("linear", "cnn"))
    """Layers above the encoder."""
    freeze_encoder: bool = setting(False, Flag())
    """true: train only the head."""


@dataclass(frozen=True)
class Instance(Table):
    """The machine that the training runs on."""

    table = "instance"

    type: str = setting("", Text(r"(ml\.[a-z0-9-]+\.[a-z0-9]+)?", 'an instance type such as "ml.g5.xlarge", or ""'))
    """Instance type; "": the cheapest that fits."""
    spot: bool = setting(True, Flag())
    """true: use spot instances; after an interruption the training continues from its last checkpoint."""
    max_hours: float = setting(12.0, Number(0.1, 120))
    """Hours after which the job is stopped."""


@dataclass(frozen=True)
class Gate(Table):
    """Further conditions under which a trained model may become the current one: they only make the lab's stricter.

    The lab's own are in analyses.toml, [analyses.NAME.promotion].
    """

    table = "gate"

    min_q3: float = setting(0.0, Number(0, 1))
    """Protein models: least share of test residues whose state, of three, is correct; without effect below the lab's
    min_q3."""
    min_mcc: float = setting(-1.0, Number(-1, 1))
    """dnabert: least Matthews correlation coefficient on the validation records; without effect below the lab's
    min_mcc."""
    any_test: bool = setting(False, Flag())
    """Without effect: only analyses.toml may allow a comparison with a model that was tested on other records."""


@dataclass(frozen=True, kw_only=True)
class JobFile(Table):
    """A training: its model, data, machine, budget and gate."""

    model: str = setting(MISSING, Choice(*PROTEINS, DNABERT))
    """Model to train: a protein encoder (prott5, protbert), a small network without pre-trained weights (cnn), or
    dnabert."""
    task: str = setting("", Choice("", "ss3", "ss8", "promoter"))
    """ss3 or ss8 (three or eight states of secondary structure); promoter for dnabert. "": ss3, or promoter."""
    weights: str = setting("", WEIGHTS)
    """Pre-trained model from which prott5 and protbert start, by its name in `seqdrop training weights`."""
    name: str = setting("", TRAINED)
    """Name of the trained model in models/. "": structure, which is the model of proteins/; for dnabert, the folder's
    name."""
    reuse: str = setting("", REUSE)
    """Upload id of the job.toml of an earlier training in the same folder, whose data files are used again. "": every
    data file must be new in the folder."""
    budget_usd: float = setting(50.0, Number(0, 1_000_000))
    """Limit in US dollars; a plan that costs more is refused before any money is spent."""
    data: Data
    train: Train = field(default_factory=Train)
    instance: Instance = field(default_factory=Instance)
    gate: Gate = field(default_factory=Gate)
    distribution: dict[str, Any] = field(default_factory=dict)
    """The table as written; seqdrop.training.distribution.distribution reads it."""

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings that are each allowed."""
        if self.model in WITH_WEIGHTS and not self.weights:
            yield (
                f'weights is missing: model "{self.model}" starts from a pre-trained model; write the name of one that '
                "`seqdrop training weights` has uploaded"
            )
        if self.model == "cnn" and self.weights:
            yield 'weights is not for model "cnn", which has no pre-trained weights; leave it out'
        if self.model == DNABERT and self.task not in ("", "promoter"):
            yield f'task is "{self.task}"; for model "{self.model}" it must be "promoter"'
        if self.model != DNABERT and self.task == "promoter":
            yield f'task is "{self.task}"; for model "{self.model}" it must be one of "ss3", "ss8"'
        if self.model == DNABERT and self.data.format not in TABLES:
            yield f'data.format is "{self.data.format}"; for model "dnabert" it must be one of "csv", "parquet"'

    @property
    def target(self) -> str:
        """The task of job.toml, or the default of the model."""
        return self.task or ("promoter" if self.model == DNABERT else "ss3")

    @property
    def learning_rate(self) -> float:
        """The peak learning rate of job.toml, or the default of the model."""
        return self.train.learning_rate or RATES[self.model]

    def as_dict(self) -> dict[str, Any]:
        """Return all settings as JSON; `reuse` only if it is set, because earlier versions do not know it."""
        content = asdict(self)
        if not self.reuse:
            del content["reuse"]
        return content

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> JobFile:
        """Return the object of a dict that `as_dict`, in this or an earlier version, returned. No rule is applied."""
        parts = {key: TABLES_OF_JOB[key].restore(**value) for key, value in content.items() if key in TABLES_OF_JOB}
        return cls.restore(**{**content, **parts})


TABLES_OF_JOB: dict[str, type[Table]] = {"data": Data, "train": Train, "instance": Instance, "gate": Gate}


def parse(body: bytes) -> JobFile:
    """Return the content of job.toml. Raise InvalidFileError with a fault for each error in it."""
    try:
        return read(decode(body.removeprefix(b"\xef\xbb\xbf"), JOB))
    except ConfigFileError as error:
        faults = [
            Fault("bad_job", f"{fault.message} (line {fault.line})", ADVICE, JOB, line=fault.line)
            for fault in error.faults
        ]
        raise InvalidFileError(faults[0], faults, {"bad_job": len(faults)}) from error


def read(text: str, name: str = JOB) -> JobFile:
    """Return the content of a job.toml, which messages call `name`. Raise ConfigFileError with all that is wrong."""
    document = load(text, name)
    try:
        return _read(document)
    except SettingsError as error:
        raise ConfigFileError(name, locate(error.problems, text)) from error


def _read(document: dict[str, Any]) -> JobFile:
    problems, misspelt = unknown_keys(document, (), (*JobFile.rules(), *TABLES_OF_JOB, "distribution"))
    parts: dict[str, object] = dict.fromkeys(misspelt & TABLES_OF_JOB.keys(), WRONG)
    for name in TABLES_OF_JOB.keys() - parts.keys():
        parts[name] = collect(problems, partial(TABLES_OF_JOB[name].read, document.get(name, {})))
    distribution = document.get("distribution", {})
    problems += Distribution.find_table_problems(distribution)
    top = {key: value for key, value in document.items() if key in JobFile.rules()}
    job = collect(
        problems, partial(JobFile.read, top, None, misspelt=misspelt, rules=(), **parts, distribution=distribution)
    )
    if problems or isinstance(job, Wrong):
        raise SettingsError(problems)
    return job
