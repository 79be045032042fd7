"""job.toml as validated, frozen objects: what is trained, on what, on which machines, and when the model counts."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, field
from typing import Any

from seqdrop.config.fields import Choice, Flag, Number, Table, Text, Whole, WrongSettings, setting
from seqdrop.errors import Fault, InvalidFile

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
    """Where the records are: FLIP's files, one file with a split of its own, or a file for each split."""

    table = "data"

    format: str = setting(MISSING, Choice("flip", "three_line", "csv", "parquet"))
    sequences: str = setting("", FILE)
    labels: str = setting("", FILE)
    mask: str = setting("", FILE)
    file: str = setting("", FILE)
    train: str = setting("", FILE)
    validation: str = setting("", FILE)
    test: str = setting("", FILE)

    def conflicts(self) -> list[str]:
        if self.format == FLIP:
            wrong = self._not_both(("sequences", "labels"), ("file", *SPLITS))
        elif self.file:
            wrong = self._not_both(("file",), ("sequences", "labels", "mask", *SPLITS))
        else:
            wrong = self._not_both(SPLITS, ("sequences", "labels", "mask"))
        if not wrong and len(set(self.files)) < len(self.files):
            wrong = ["data: one file stands for two"]
        return wrong

    @property
    def files(self) -> list[str]:
        """The names of all files, in the order of the settings."""
        given = (self.sequences, self.labels, self.mask, self.file, self.train, self.validation, self.test)
        return [name for name in given if name]

    def _not_both(self, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> list[str]:
        lacking = [f"data.{one} is missing: {self._need}" for one in wanted if not getattr(self, one)]
        extra = [f"data.{one} is not for this: {self._need}" for one in unwanted if getattr(self, one)]
        return lacking + extra

    @property
    def _need(self) -> str:
        if self.format == FLIP:
            return 'format "flip" has sequences and labels, and mask if there is one'
        return f'format "{self.format}" has file, or else train, validation and test'


@dataclass(frozen=True)
class Train(Table):
    """What train.py is told."""

    table = "train"

    epochs: int = setting(10, Whole(1, 1000))
    learning_rate: float = setting(0.0, Number(0, 1))  # 0: the usual one of the model
    tokens_per_batch: int = setting(6000, Whole(64, 1_000_000))
    accumulate: int = setting(1, Whole(1, 1024))
    max_length: int = setting(1024, Whole(16, 16_384))
    seed: int = setting(1, Whole(0, 2**31 - 1))
    patience: int = setting(3, Whole(0, 1000))
    head: str = setting("linear", Choice("linear", "cnn"))
    freeze_encoder: bool = setting(False, Flag())


@dataclass(frozen=True)
class Instance(Table):
    """On what it runs. `type` "" lets the plan choose."""

    table = "instance"

    type: str = setting("", Text(r"(ml\.[a-z0-9-]+\.[a-z0-9]+)?", 'an instance type such as "ml.g5.xlarge", or ""'))
    spot: bool = setting(True, Flag())
    max_hours: float = setting(12.0, Number(0.1, 120))


@dataclass(frozen=True)
class Gate(Table):
    """What the model must reach to become the current one."""

    table = "gate"

    min_q3: float = setting(0.70, Number(0, 1))
    min_mcc: float = setting(0.50, Number(-1, 1))  # of dnabert, which has no Q3
    any_test: bool = setting(False, Flag())  # hold it to the current model even if that was tested on other records


@dataclass(frozen=True)
class JobFile(Table):
    """All of job.toml. `distribution` is as it was written: seqdrop.training.distribution.distribution reads it."""

    model: str = setting(MISSING, Choice(*PROTEINS, DNABERT))
    task: str = setting("", Choice("", "ss3", "ss8", "promoter"))
    weights: str = setting("", WEIGHTS)
    name: str = setting("", TRAINED)  # of the trained model in models/; "" is Order.model's to say
    budget_usd: float = setting(50.0, Number(0, 1_000_000))
    data: Data = None
    train: Train = field(default_factory=Train)
    instance: Instance = field(default_factory=Instance)
    gate: Gate = field(default_factory=Gate)
    distribution: dict = field(default_factory=dict)

    def conflicts(self) -> list[str]:
        rules = {
            f'weights is missing: model "{self.model}" goes on from a pre-trained model in models/': bool(self.weights)
            or self.model not in WITH_WEIGHTS,
            'weights is not for model "cnn": it starts from nothing': self.model != "cnn" or not self.weights,
            f'task is "{self.task}"; for model "{self.model}" it must be "promoter"': self.model != DNABERT
            or self.task in ("", "promoter"),
            f'task is "{self.task}"; for model "{self.model}" it must be one of "ss3", "ss8"': self.model == DNABERT
            or self.task != "promoter",
            f'data.format is "{self.data.format}"; for model "dnabert" it must be one of "csv", "parquet"': self.model
            != DNABERT
            or self.data.format in TABLES,
        }
        return [message for message, holds in rules.items() if not holds]

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
        tables = {"data": Data, "train": Train, "instance": Instance, "gate": Gate}
        return cls(**{key: tables[key](**value) if key in tables else value for key, value in content.items()})


def parse(body: bytes) -> JobFile:
    """Read job.toml. Raises InvalidFile with a fault for each thing that is wrong with it."""
    try:
        return _read(tomllib.loads(body.decode("utf-8-sig")))
    except WrongSettings as error:
        wrong = error.messages
    except UnicodeDecodeError:
        wrong = ["job.toml is no UTF-8 text"]
    except tomllib.TOMLDecodeError as error:
        wrong = [f"job.toml is no TOML: {error}"]
    faults = [Fault("bad_job", message, ADVICE, name=JOB) for message in wrong]
    raise InvalidFile(faults[0], faults, {"bad_job": len(faults)})


def _read(content: dict) -> JobFile:
    tables = {"data": Data, "train": Train, "instance": Instance, "gate": Gate}
    made: dict[str, Any] = {}
    wrong: list[str] = []
    for name, table in tables.items():
        try:
            made[name] = table.read(content.pop(name, {}))
        except WrongSettings as error:
            wrong += error.messages
    distribution = content.pop("distribution", {})
    if not isinstance(distribution, dict):
        wrong.append("distribution is no table; write [distribution]")
    try:
        # A stand-in where [data] is wrong, so that what is wrong with the top is told at once.
        others = {"data": Data("csv", file="any"), **made, "distribution": distribution}
        found = JobFile.read(content, **others)
    except WrongSettings as error:
        wrong = error.messages + wrong
    if wrong:
        raise WrongSettings(wrong)
    return found
