"""A checkpoint that every test of models may use or change, and handler processes that start at once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.warm import Zygote
from tests.support.warm_handler import warm_subprocess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def seed(repository) -> Path:
    return repository / "model_code/dnabert/seeds/promoter-70"


@pytest.fixture
def folder(seed, tmp_path) -> Path:
    """A seed's folder that may be changed."""
    return Path(shutil.copytree(seed, tmp_path / "checkpoint"))


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    made = Zygote(os.environ | {"HF_HUB_OFFLINE": "1"}, options=("-I",))
    yield made
    made.close()


@pytest.fixture
def cold() -> None:
    """The handler's process is started from nothing, as users have it."""


@pytest.fixture(autouse=True)
def warm_handlers(request, monkeypatch, zygote) -> None:
    """Handlers are forked, but in a test that asks for `cold`."""
    if "cold" not in request.fixturenames:
        monkeypatch.setattr("seqdrop_cli.handler.subprocess", warm_subprocess(zygote))
