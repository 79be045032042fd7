"""Fixtures of all tests: the repository, and the real data if it is present."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# With two workers on two cores, PyTorch threads that spin while they wait would slow each other down. PyTorch reads
# this when it is loaded, here and in the processes that tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the number of examples before any test module is imported."""
    load_profile(is_quick="not long" in config.getoption("markexpr"))


def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Use the groups of tests/support/scheduling.py for `--dist loadgroup`."""
    if config.getvalue("dist") == "loadgroup":
        from tests.support.scheduling import StackScheduling

        return StackScheduling(config, log)
    return None


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout; a test that needs it is skipped if it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout: this test runs on real public data")
    return SHARED_DATA


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Return a function that sends SIGINT to this process.

    A shell without job control starts processes with SIGINT ignored, so the handler is set here.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)
