"""Fixtures of the tests of stages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from seqdrop.stages import notifications

from tests.support.services import direct_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

    from tests.support.aws.sagemaker import SageMaker


class Reports:
    """Writes an upload's reports as `write` does, but renders them once.

    The same examination and `mate` give the same objects, whatever else the ledger holds about the upload by then.
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
    """Return the account's SageMaker: its jobs, and their accidents."""
    return cloud.sagemaker


@pytest.fixture
def direct(cloud) -> Services:
    """Return services of the same account without botocore, for tests that make many thousand calls."""
    return direct_services(cloud)


@pytest.fixture(scope="session")
def reports() -> Reports:
    return Reports(notifications.write_reports)


@pytest.fixture(scope="module")
def reports_once(reports) -> Iterator[None]:
    """Render no report twice: explorers of orders write the same few reports thousands of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notifications, "write_reports", reports)
        yield
