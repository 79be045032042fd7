"""boto3's clients, made when they are first used, from the descriptions of only their own services."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.loaders import Loader

if TYPE_CHECKING:
    from collections.abc import Callable


class Deferred:
    """An object with the attributes of the one that `make` returns, which is called once, at the first of them.

    To make a client, botocore reads the description of its service, which takes 5 to 60 ms of CPU time; most
    invocations use two clients of five.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._object: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any type
        """Return an attribute of the object."""
        if self._object is None:
            with LOCK:
                if self._object is None:
                    self._object = self._make()
        return getattr(self._object, name)


LOCK = RLock()  # one for all: boto3's default session may not make two clients at the same time


class QuickLoader(Loader):
    """botocore's reader of service descriptions, without the list of all services.

    botocore makes that list, from 400 folders, for each kind of description, to name the services in the error about an
    unknown one. That takes 30 ms of CPU time. Here an unknown service is a DataNotFoundError.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return a list that contains each name."""
        return AnyService()


class AnyService(list[str]):
    """A list that contains each name."""

    def __contains__(self, name: object) -> bool:
        """Return True."""
        return True


def use_quick_loader() -> None:
    """Let boto3's default session read descriptions quickly, unless there is a default session already."""
    if boto3.DEFAULT_SESSION is None:
        core = botocore.session.get_session()
        core.register_component("data_loader", QuickLoader())
        boto3.setup_default_session(botocore_session=core)
