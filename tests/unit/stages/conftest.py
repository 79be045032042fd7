"""Fixtures of the tests of stages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from seqdrop.results import reports as written

from tests.support.services import direct_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

    from tests.support.aws.sagemaker import SageMaker


class Reports:
    """Writes an upload's reports as `write` does, but renders each report only once.

    Reports depend only on the object version, the examination and `mate`, so equal arguments give equal objects.
    """

    def __init__(self, write: Callable):
        self._write = write
        self._puts: dict[str, list[dict]] = {}  # requests to S3, in order

    def __call__(self, s3, bucket: str, upload: Upload, *more) -> None:
        key = repr((bucket, upload.version, *more))
        if key not in self._puts:
            puts: list[dict] = []
            self._write(SimpleNamespace(put_object=lambda **request: puts.append(request)), bucket, upload, *more)
            self._puts[key] = puts
        for request in self._puts[key]:
            s3.put_object(**request)


@pytest.fixture
def sagemaker(cloud) -> SageMaker:
    """Return the SageMaker of the account in memory."""
    return cloud.sagemaker


@pytest.fixture
def direct(cloud) -> Services:
    """Return services of the same account without botocore, for tests that make many thousand calls."""
    return direct_services(cloud)


@pytest.fixture(scope="session")
def reports() -> Reports:
    return Reports(written.write_reports)


@pytest.fixture(scope="module")
def reports_once(reports) -> Iterator[None]:
    """Render no report twice: tests of many orders write the same few reports thousands of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(written, "write_reports", reports)
        yield
