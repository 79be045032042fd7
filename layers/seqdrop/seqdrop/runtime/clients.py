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
    """botocore's reader of service descriptions, without the lists of all services and of all their endpoints.

    botocore makes the first, from 400 folders, for each kind of description, to name the services in the error about an
    unknown one. That takes 30 ms of CPU time. Here an unknown service is a DataNotFoundError.

    The second, endpoints.json, is 1.2 MB and takes 30 ms as well. botocore finds the address of a call by the rules of
    its service; of this file it needs the partition of a region and a signature's version only.
    """

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return a description and its path. That of all endpoints is made from the short one of partitions."""
        if name != "endpoints":
            return super().load_data_with_path(name)
        described, path = super().load_data_with_path("partitions")
        return {"version": 3, "partitions": [_without_services(each) for each in described["partitions"]]}, path

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return a list that contains each name."""
        return AnyService()


SIGNED_AS_S3 = {"signatureVersions": ["s3v4"]}
# botocore still looks for the one address that S3 once had for all regions.
S3 = {
    "endpoints": {"aws-global": {"credentialScope": {"region": "us-east-1"}, "hostname": "s3.amazonaws.com"}},
    "isRegionalized": True,
    "partitionEndpoint": "aws-global",
    "defaults": SIGNED_AS_S3,
}


def _without_services(partition: dict[str, Any]) -> dict[str, Any]:
    """Return a partition of partitions.json as endpoints.json describes one whose services have no exceptions."""
    outputs = partition["outputs"]
    variants = [
        {"hostname": f"{{service}}{fips}.{{region}}.{{dnsSuffix}}", "dnsSuffix": suffix, "tags": tags}
        for fips, suffix, tags in (
            ("-fips", outputs["dnsSuffix"], ["fips"]),
            ("", outputs["dualStackDnsSuffix"], ["dualstack"]),
            ("-fips", outputs["dualStackDnsSuffix"], ["dualstack", "fips"]),
        )
    ]
    return {
        "partition": partition["id"],
        "partitionName": outputs["name"],
        "dnsSuffix": outputs["dnsSuffix"],
        "regionRegex": partition["regionRegex"],
        "regions": partition["regions"],
        "defaults": {
            "hostname": "{service}.{region}.{dnsSuffix}",
            "protocols": ["https"],
            "signatureVersions": ["v4"],
            "variants": variants,
        },
        "services": {"s3": S3, "s3-control": {"endpoints": {}, "defaults": SIGNED_AS_S3}},
    }


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
