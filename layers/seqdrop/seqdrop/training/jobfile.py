"""job.toml as validated, frozen objects: what is trained, on what, on which machines, and when the model counts."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seqdrop.config.documents import ConfigFileError, decode, load, locate
from seqdrop.config.fields import Choice, Flag, Number, Table, Text, Whole, setting
from seqdrop.config.problems import WRONG, SettingsError, collect, unknown_keys
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.training.distribution.distribution import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = "job.toml"
MOST_BYTES = 100_000
PROTEINS, DNABERT = ("prott5", "protbert", "cnn"), "dnabert"
WITH_WEIGHTS = ("prott5", "protbert")
RATES = {"cnn": 2e-3, "protbert": 5e-4, "prott5": 5e-4, "dnabert": 6e-4}
FLIP, TABLES = "flip", ("csv", "parquet")
SPLITS = ("train", "validation", "test")
FILE = Text(
    r"(?!/)(?!.*(^|/)\.\.?(/|$))(?!job\.toml$).{0,200}", "a name below the folder of job.toml, other than its own"
)
WEIGHTS = Text(r"([a-zA-Z0-9](-*[a-zA-Z0-9_]){0,35})?", "1 to 36 letters, digits, underscores and hyphens")
TRAINED = Text(r"([a-zA-Z0-9](-*[a-zA-Z0-9]){0,35})?", "1 to 36 letters, digits and hyphens")
ADVICE = "Mend job.toml (docs/training.md has every setting) and drop it again; the data files wait for it."


@dataclass(frozen=True)
class Data(Table):
    """Where the records are: FLIP's files, one file with a split of its own, or a file for each split. Names of files
    are relative to the folder of job.toml."""

    table = "data"

    format: str = setting(MISSING, Choice("flip", "three_line", "csv", "parquet"))
    """How the files are written; docs/training.md describes each format."""
    sequences: str = setting("", FILE)
    """flip: FASTA file of the sequences."""
    labels: str = setting("", FILE)
    """flip: FASTA file of the labels, whose headers say SET and VALIDATION."""
    mask: str = setting("", FILE)
    """flip: FASTA file of 0 and 1, where 0 is a residue that does not count. Optional."""
    file: str = setting("", FILE)
    """Other formats: one file with all records, each of which says its split."""
    train: str = setting("", FILE)
    """Other formats, without `file`: the records to train on."""
    validation: str = setting("", FILE)
    """Other formats, without `file`: the records by which the best epoch is chosen."""
    test: str = setting("", FILE)
    """Other formats, without `file`: the records on which the gate judges the model."""

    def conflicts(self) -> Iterator[str]:
        if self.format == FLIP:
            wrong = self._not_both(("sequences", "labels"), ("file", *SPLITS))
        elif self.file:
            wrong = self._not_both(("file",), ("sequences", "labels", "mask", *SPLITS))
        else:
            wrong = self._not_both(SPLITS, ("sequences", "labels", "mask"))
        yield from wrong or self._twice()

    @property
    def files(self) -> list[str]:
        """The names of all files, in the order of the settings."""
        return list(self._named().values())

    def _named(self) -> dict[str, str]:
        names = ("sequences", "labels", "mask", "file", "train", "validation", "test")
        return {name: file for name in names if (file := getattr(self, name))}

    def _twice(self) -> list[str]:
        first: dict[str, str] = {}
        wrong = []
        for name, file in self._named().items():
            if file in first:
                wrong.append(f'{name} is "{file}", and so is {self.table}.{first[file]}; each needs a file of its own')
            first.setdefault(file, name)
        return wrong

    def _not_both(self, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> list[str]:
        lacking = [f"{name} is missing: {self._need}" for name in wanted if not getattr(self, name)]
        extra = [f"{name} is not for this: {self._need}" for name in unwanted if getattr(self, name)]
        return lacking + extra

    @property
    def _need(self) -> str:
        if self.format == FLIP:
            return 'format "flip" has sequences and labels, and mask if there is one'
        return f'format "{self.format}" has file, or else train, validation and test'


@dataclass(frozen=True)
class Train(Table):
    """How the model is trained: arguments of the training script."""

    table = "train"

    epochs: int = setting(10, Whole(1, 1000))
    """Passes over the training records, at most."""
    learning_rate: float = setting(0.0, Number(0, 1))
    """Peak learning rate; 0: the model's usual one."""
    tokens_per_batch: int = setting(6000, Whole(64, 1_000_000))
    """Tokens (residues) of one forward pass, padding included."""
    accumulate: int = setting(1, Whole(1, 1024))
    """Forward passes to a step of the optimizer."""
    max_length: int = setting(1024, Whole(16, 16_384))
    """Residues of a record that the model sees; longer records are cut."""
    seed: int = setting(1, Whole(0, 2**31 - 1))
    """Starts all random draws."""
    patience: int = setting(3, Whole(0, 1000))
    """Epochs without a better validation after which the training ends; 0: it never ends early."""
    head: str = setting("linear", Choice("linear", "cnn"))
    """Layers above the encoder."""
    freeze_encoder: bool = setting(False, Flag())
    """true: only the head is trained."""


@dataclass(frozen=True)
class Instance(Table):
    """The machine that the training runs on."""

    table = "instance"

    type: str = setting("", Text(r"(ml\.[a-z0-9-]+\.[a-z0-9]+)?", 'an instance type such as "ml.g5.xlarge", or ""'))
    """Instance type; "": the cheapest that fits."""
    spot: bool = setting(True, Flag())
    """true: spot instances; the training goes on from its last checkpoint when one is taken away."""
    max_hours: float = setting(12.0, Number(0.1, 120))
    """Hours after which the job is stopped."""


@dataclass(frozen=True)
class Gate(Table):
    """What the model must reach on the test records to become the current one."""

    table = "gate"

    min_q3: float = setting(0.70, Number(0, 1))
    """Least share of residues that are right in three states, of a protein model."""
    min_mcc: float = setting(0.50, Number(-1, 1))
    """Least Matthews correlation coefficient, of dnabert."""
    any_test: bool = setting(False, Flag())
    """true: compare with the current model even if that was tested on other records."""


@dataclass(frozen=True)
class JobFile(Table):
    """All of job.toml."""

    model: str = setting(MISSING, Choice(*PROTEINS, DNABERT))
    """What is trained: a protein encoder (prott5, protbert), a small network that starts from nothing (cnn), or
    dnabert."""
    task: str = setting("", Choice("", "ss3", "ss8", "promoter"))
    """ss3 or ss8 (three or eight states of secondary structure); of dnabert, promoter. "": ss3, or promoter."""
    weights: str = setting("", WEIGHTS)
    """Pre-trained model that prott5 and protbert go on from, as `seqdrop training weights` named it."""
    name: str = setting("", TRAINED)
    """Name of the trained model in models/. "": structure, which proteins/ uses; of dnabert, the folder's name."""
    budget_usd: float = setting(50.0, Number(0, 1_000_000))
    """US dollars; a plan that would cost more is refused before any money is spent."""
    data: Data = None
    train: Train = field(default_factory=Train)
    instance: Instance = field(default_factory=Instance)
    gate: Gate = field(default_factory=Gate)
    distribution: dict = field(default_factory=dict)
    """As it was written; seqdrop.training.distribution.distribution reads it."""

    def conflicts(self) -> Iterator[str]:
        if self.model in WITH_WEIGHTS and not self.weights:
            yield f'weights is missing: model "{self.model}" goes on from a pre-trained model in models/'
        if self.model == "cnn" and self.weights:
            yield 'weights is not for model "cnn": it starts from nothing'
        if self.model == DNABERT and self.task not in ("", "promoter"):
            yield f'task is "{self.task}"; for model "{self.model}" it must be "promoter"'
        if self.model != DNABERT and self.task == "promoter":
            yield f'task is "{self.task}"; for model "{self.model}" it must be one of "ss3", "ss8"'
        if self.model == DNABERT and self.data.format not in TABLES:
            yield f'data.format is "{self.data.format}"; for model "dnabert" it must be one of "csv", "parquet"'

    @property
    def target(self) -> str:
        """The task, also where job.toml leaves it to the model."""
        return self.task or ("promoter" if self.model == DNABERT else "ss3")

    @property
    def learning_rate(self) -> float:
        return self.train.learning_rate or RATES[self.model]

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict) -> JobFile:
        """Return what `as_dict` was made of, perhaps by an earlier version: no rule is applied again."""
        parts = {key: TABLES_OF_JOB[key].restore(**value) for key, value in content.items() if key in TABLES_OF_JOB}
        return cls.restore(**{**content, **parts})


TABLES_OF_JOB: dict[str, type[Table]] = {"data": Data, "train": Train, "instance": Instance, "gate": Gate}


def parse(body: bytes) -> JobFile:
    """Read job.toml. Raise InvalidFileError with a fault for each thing that is wrong with it."""
    try:
        return read(decode(body.removeprefix(b"\xef\xbb\xbf"), JOB))
    except ConfigFileError as error:
        faults = [
            Fault("bad_job", f"{one.message} (line {one.line})", ADVICE, JOB, line=one.line) for one in error.faults
        ]
        raise InvalidFileError(faults[0], faults, {"bad_job": len(faults)}) from error


def read(text: str, name: str = JOB) -> JobFile:
    """Read the text of a job.toml, which messages call `name`. Raise ConfigFileError with everything that is wrong."""
    document = load(text, name)
    try:
        return _read(document)
    except SettingsError as error:
        raise ConfigFileError(name, locate(error.problems, text)) from error


def _read(document: dict) -> JobFile:
    problems, misspelt = unknown_keys(document, (), (*JobFile.rules(), *TABLES_OF_JOB, "distribution"))
    parts: dict[str, Any] = dict.fromkeys(misspelt & TABLES_OF_JOB.keys(), WRONG)
    for name in TABLES_OF_JOB.keys() - parts.keys():
        parts[name] = collect(problems, TABLES_OF_JOB[name].read, document.get(name, {}))
    distribution = document.get("distribution", {})
    problems += Distribution.find_table_problems(distribution)
    top = {key: value for key, value in document.items() if key in JobFile.rules()}
    job = collect(problems, JobFile.read, top, misspelt=misspelt, **parts, distribution=distribution)
    if problems:
        raise SettingsError(problems)
    return job
