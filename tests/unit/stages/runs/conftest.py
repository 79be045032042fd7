"""Fixtures of the tests of runs."""

from __future__ import annotations

import pytest

from local.run_samples import write_novaseq_run, write_ont_run
from tests.unit.stages.runs.world import RunWorld


@pytest.fixture
def world(monkeypatch) -> RunWorld:
    return RunWorld(monkeypatch)


def read_folder(folder) -> dict[str, bytes]:
    """Return the files of a folder: markers last, as an uploader sends them."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}


@pytest.fixture(scope="session")
def novaseq(tmp_path_factory) -> dict[str, bytes]:
    return read_folder(write_novaseq_run(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="session")
def failed(tmp_path_factory) -> dict[str, bytes]:
    return read_folder(write_novaseq_run(tmp_path_factory.mktemp("runs"), error="Flow cell leak"))


@pytest.fixture(scope="session")
def ont(tmp_path_factory) -> dict[str, bytes]:
    return read_folder(write_ont_run(tmp_path_factory.mktemp("runs")))
