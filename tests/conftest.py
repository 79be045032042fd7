"""What every test may need: where things are, and the real data if it is there."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Two workers on two cores: PyTorch's threads that spin while they wait would take the cores from each other. Read when
# PyTorch is loaded, here and in the processes that tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says something of the machine, not of the code.
settings.register_profile("seqdrop", deadline=None)
settings.load_profile("seqdrop")


def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Let `--dist loadgroup` mean the groups of tests/support/scheduling.py."""
    if config.getvalue("dist") == "loadgroup":
        from tests.support.scheduling import Together

        return Together(config, log)
    return None


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout; a test that needs it skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout: this test runs on real public data")
    return SHARED_DATA


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C in this process. A shell without job control starts what it runs with SIGINT ignored: not here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)
