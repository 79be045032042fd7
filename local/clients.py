"""boto3 sessions for the embedded AWS that do not read the user's own configuration."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from local.account_hosts import resolve_account_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.resources.base import ServiceResource
    from botocore.client import BaseClient

ROOT_KEY = "test"  # ministack accepts this key, with the same text as the secret, as the account's root
NO_FILES = {
    "profile": (None, [], None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class EmbeddedSession(boto3.Session):
    """A session whose clients use the server's endpoint, as root or with the `Credentials` of AssumeRole."""

    def __init__(self, endpoint: str, region: str, credentials: Mapping[str, str] | None = None) -> None:
        keys = credentials or {"AccessKeyId": ROOT_KEY, "SecretAccessKey": ROOT_KEY}
        core = botocore.session.Session(session_vars=NO_FILES)
        core.register_component("data_loader", _shared_loader())
        super().__init__(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"), region, botocore_session=core
        )
        self._endpoint = endpoint

    def client(self, service_name: str, *arguments: object, **options: object) -> BaseClient:
        """Return a client as boto3 does, for the embedded server unless `endpoint_url` names another one."""
        options.setdefault("endpoint_url", self._endpoint)
        if service_name == "s3control":
            resolve_account_hosts()  # this process, and only if it calls the one service that needs it
        if service_name == "omics":  # botocore puts a prefix before the host, which loopback does not have
            own = Config(inject_host_prefix=False)
            options["config"] = options["config"].merge(own) if "config" in options else own
        return super().client(service_name, *arguments, **options)

    def resource(self, service_name: str, *arguments: object, **options: object) -> ServiceResource:
        """Return a resource as boto3 does, for the embedded server unless `endpoint_url` names another one."""
        options.setdefault("endpoint_url", self._endpoint)
        return super().resource(service_name, *arguments, **options)


@functools.cache
def _shared_loader() -> Loader:
    """Return one reader of botocore's service descriptions for all sessions: each description takes up to 0.5 s."""
    return Loader()
