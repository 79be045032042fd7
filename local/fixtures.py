"""pytest's way to the embedded AWS: `pytest_plugins = ["local.fixtures"]` in a test module."""

from collections.abc import Iterator

import pytest

from local.embedded import EmbeddedAws


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An embedded AWS on a free port, one for the whole test run."""
    with EmbeddedAws(tmp_path_factory.mktemp("aws")) as running:
        yield running
