"""Read a secret from Secrets Manager; boto3-stubs for it are not among the requirements of the functions."""

from __future__ import annotations

from typing import Any, Protocol


class SecretsClient(Protocol):
    """The client `secretsmanager`."""

    def get_secret_value(self, **request: object) -> dict[str, Any]:
        """Return the value of a secret."""


def read_secret(client: SecretsClient, arn: str) -> str:
    """Return the text of a secret."""
    return str(client.get_secret_value(SecretId=arn)["SecretString"])
