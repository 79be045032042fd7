"""A model on this machine as the source of predictions, by the handler of its archive."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.models.archives import ModelArchive
from seqdrop.models.calibration import read_calibration
from seqdrop.work.items import pack_shards

from seqdrop_cli.deploy.archive import unpack
from seqdrop_cli.deploy.model_package import digest_of
from seqdrop_cli.handler import Handler
from seqdrop_cli.prediction import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis

    from seqdrop_cli.prediction import Predictor

BATCH = 64_000  # bytes of work items in a request: some hundred windows, enough for full batches of the model


@dataclass(frozen=True)
class LocalModel:
    """A model: its path, and the bytes of its model.tar.gz."""

    path: Path
    body: bytes
    job = LOCAL

    @property
    def archive(self) -> ModelArchive:
        """The archive; its name and its key are those of the path."""
        calibration = read_calibration(self.body)
        text = calibration.as_json() if calibration else ""
        return ModelArchive(self.path.name, str(self.path), digest_of(self.body), calibration=text)

    @contextmanager
    def open(self, analysis: Analysis) -> Iterator[Predictor]:
        """Yield the predictor, whose process holds the model until the block ends. Raise HandlerError."""
        with unpack(self.body) as folder, Handler(folder, analysis.kind.environment(analysis)) as handler:

            def predict(items: Iterable[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
                for body, _ in pack_shards(items, BATCH):
                    request = body.rstrip(b"\n")
                    yield request, handler.ask(request)

            yield predict
