"""What a training attempt remembers: what to train, on which uploads, and where their prepared data lie."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from seqdrop.training.data.prepare import Prepared
from seqdrop.training.jobfile import DNABERT, JobFile

STRUCTURE = "structure"  # as analyses.toml calls the model of proteins/


@dataclass(frozen=True)
class Order:
    """`files` are the names of the data files → their upload ids; `data` is a prefix of the work bucket.

    `previous` is the key of the attempt before it in the same folder, whose checkpoints this one may go on from.
    """

    training: str
    job: JobFile
    files: dict[str, str]
    data: str
    prepared: Prepared
    previous: str = ""

    @property
    def model(self) -> str:
        """The name of the trained model in models/: without another, the one that proteins/ uses, or the folder's."""
        return self.job.name or (self.training if self.job.model == DNABERT else STRUCTURE)

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Order:
        content = json.loads(text)
        content["job"], content["prepared"] = JobFile.from_dict(content["job"]), Prepared(**content["prepared"])
        return cls(**content)
