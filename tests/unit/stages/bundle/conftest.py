"""A run with small files, in a world in memory."""

from __future__ import annotations

import pytest

from local.run_samples import write_novaseq_run
from tests.unit.stages.bundle.world import MARKERS, BundleWorld, small_files
from tests.unit.stages.runs.conftest import read_folder


@pytest.fixture(scope="session")
def novaseq(tmp_path_factory) -> dict[str, bytes]:
    return read_folder(write_novaseq_run(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="session")
def run_files(novaseq) -> dict[str, bytes]:
    """What completes a run, and 20 small files."""
    return small_files(20) | {name: novaseq[name] for name in MARKERS}


@pytest.fixture
def world(monkeypatch) -> BundleWorld:
    return BundleWorld(monkeypatch)
