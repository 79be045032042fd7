"""Fixtures: checkpoints to read or change, handler processes that start quickly, and the command line."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.main import main

from local.warm import Zygote
from tests.support.warm_handler import warm_subprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Outcome:
    """The exit status of a command, and its two outputs."""

    status: int
    out: str
    err: str


@pytest.fixture
def seqdrop(capsys) -> Callable[..., Outcome]:
    """Return a function that runs a command line in this process; its output is no terminal."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()  # what the test has logged
        status = main([str(word) for word in words])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(autouse=True)
def state_of_uploads(monkeypatch, tmp_path) -> Path:
    """The default state file of the uploader, which is new in each test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg/seqdrop/uploads.sqlite3"


@pytest.fixture
def use_target(monkeypatch) -> Callable[[object], None]:
    """Return a function that makes every command use a target."""

    def use(target: object) -> None:
        monkeypatch.setattr("seqdrop_cli.target.find_target", lambda _: target)

    return use


@pytest.fixture(scope="session")
def seed(repository) -> Path:
    return repository / "model_code/dnabert/seeds/promoter-70"


@pytest.fixture
def folder(seed, tmp_path) -> Path:
    """A copy of the seed's folder, which a test may change."""
    return Path(shutil.copytree(seed, tmp_path / "checkpoint"))


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    process = Zygote(os.environ | {"HF_HUB_OFFLINE": "1"}, options=("-I",))
    yield process
    process.close()


@pytest.fixture
def cold() -> None:
    """Request newly started handler processes, as users have them (see `warm_handlers`)."""


@pytest.fixture(autouse=True)
def warm_handlers(request, monkeypatch, zygote) -> None:
    """Fork handlers from a warm process, except in a test that requests `cold`."""
    if "cold" not in request.fixturenames:
        monkeypatch.setattr("seqdrop_cli.handler.subprocess", warm_subprocess(zygote))
