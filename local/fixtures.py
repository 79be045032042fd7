"""The pytest fixture of the embedded AWS: `pytest_plugins = ["local.fixtures"]` in a test module."""

from collections.abc import Iterator

import pytest

from local.embedded import EmbeddedAws


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """Start an embedded AWS on a free port, which the whole test run shares."""
    with EmbeddedAws(tmp_path_factory.mktemp("aws")).shorten_waits(minute=1) as server:
        yield server
