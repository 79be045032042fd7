"""A checkpoint that tests may use or change, handler processes that start at once, and a command line."""

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
    """Run a command line in this process; its output is no terminal."""

    def run(*words: object) -> Outcome:
        status = main([str(word) for word in words])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def use_target(monkeypatch) -> Callable[[object], None]:
    """Make every command talk to a target."""

    def use(target: object) -> None:
        monkeypatch.setattr("seqdrop_cli.target.find_target", lambda _: target)

    return use


@pytest.fixture(scope="session")
def seed(repository) -> Path:
    return repository / "model_code/dnabert/seeds/promoter-70"


@pytest.fixture
def folder(seed, tmp_path) -> Path:
    """The folder of a seed that may be changed."""
    return Path(shutil.copytree(seed, tmp_path / "checkpoint"))


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    process = Zygote(os.environ | {"HF_HUB_OFFLINE": "1"}, options=("-I",))
    yield process
    process.close()


@pytest.fixture
def cold() -> None:
    """Start the process of the handler from nothing, as for users."""


@pytest.fixture(autouse=True)
def warm_handlers(request, monkeypatch, zygote) -> None:
    """Fork handlers, except in a test that asks for `cold`."""
    if "cold" not in request.fixturenames:
        monkeypatch.setattr("seqdrop_cli.handler.subprocess", warm_subprocess(zygote))
