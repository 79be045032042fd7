"""A checkpoint that every test of models may use or change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def seed(repository) -> Path:
    return repository / "model_code/dnabert/seeds/promoter-70"


@pytest.fixture
def folder(seed, tmp_path) -> Path:
    """A seed's folder that may be changed."""
    return Path(shutil.copytree(seed, tmp_path / "checkpoint"))
