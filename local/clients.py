"""boto3 sessions that speak to the embedded AWS and know nothing of the user's own configuration."""

import functools
import os

import boto3
import botocore.session
from botocore.loaders import Loader

ROOT_KEY = "test"  # ministack knows this key, with itself as the secret, as the account's root
NO_FILES = {
    "profile": (None, [], None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class EmbeddedSession(boto3.Session):
    """A session whose clients have the server's endpoint, as root or with AssumeRole's `Credentials`."""

    def __init__(self, endpoint: str, region: str, credentials: dict | None = None):
        keys = credentials or {"AccessKeyId": ROOT_KEY, "SecretAccessKey": ROOT_KEY}
        core = botocore.session.Session(session_vars=NO_FILES)
        core.register_component("data_loader", _shared_loader())
        super().__init__(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"), region, botocore_session=core
        )
        self._endpoint = endpoint

    def client(self, service_name, *arguments, **options):
        """As boto3's, aimed at the embedded server unless told otherwise."""
        options.setdefault("endpoint_url", self._endpoint)
        return super().client(service_name, *arguments, **options)

    def resource(self, service_name, *arguments, **options):
        """As boto3's, aimed at the embedded server unless told otherwise."""
        options.setdefault("endpoint_url", self._endpoint)
        return super().resource(service_name, *arguments, **options)


@functools.cache
def _shared_loader() -> Loader:
    """One reader of botocore's service descriptions for all sessions: reading one takes up to half a second."""
    return Loader()
