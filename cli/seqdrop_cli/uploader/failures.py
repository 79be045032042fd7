"""Failures of the transfer as sentences for people."""

from __future__ import annotations

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied
from seqdrop.errors import SeqdropError

from seqdrop_cli.errors import describe

POLICY = (
    "; ask an administrator for the stack's UploaderPolicy (docs/who-may-drop.md); it allows uploads under the "
    "prefixes in the stack's parameter UploaderPrefixes"
)


class UploadFailedError(SeqdropError):
    """S3 did not accept a file."""


def explain(error: Exception) -> str:
    """Return why a file could not be sent, and what to do."""
    sentence = describe(error) or str(error) or type(error).__name__
    if isinstance(error, ClientError) and is_denied(error):
        return f"{sentence}{POLICY}"
    return sentence
