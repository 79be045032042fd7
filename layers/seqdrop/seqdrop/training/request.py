"""The stored plan of a training attempt: the content of job.toml, the uploads, and the place of the prepared data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from seqdrop.training.data.prepare import Prepared
from seqdrop.training.jobfile import DNABERT, JobFile

STRUCTURE = "structure"  # the name in analyses.toml of the model that proteins/ uses


@dataclass(frozen=True)
class Order:
    """The plan of a training attempt.

    `files` are the names of the data files → their upload ids; `data` is a prefix of the work bucket. `previous` is
    the key of the previous attempt in the same folder, whose checkpoints this one may continue from.
    """

    training: str
    job: JobFile
    files: dict[str, str]
    data: str
    prepared: Prepared
    previous: str = ""

    @property
    def model(self) -> str:
        """Name of the trained model in models/: by default the model of proteins/, or for dnabert the folder's name."""
        return self.job.name or (self.training if self.job.model == DNABERT else STRUCTURE)

    def as_json(self) -> str:
        """Return the text that is stored with the attempt."""
        return json.dumps({**asdict(self), "job": self.job.as_dict()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Return the order of a text that `as_json`, in this or an earlier version, returned."""
        content = json.loads(text)
        content["job"], content["prepared"] = JobFile.from_dict(content["job"]), Prepared(**content["prepared"])
        return cls(**content)
