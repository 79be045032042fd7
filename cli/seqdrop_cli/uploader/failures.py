"""Failures of the transfer as sentences for people."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws.errors import code_of, is_denied, is_expired, is_unknown_key
from seqdrop.errors import SeqdropError

from seqdrop_cli.errors import describe
from seqdrop_cli.uploader.pacing import is_transient

LONGEST_KEY = 1024  # bytes, of S3
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


def find_problem(key: str) -> str:
    """Return why S3 takes no object with a key; "" if it does."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    if length > LONGEST_KEY:
        return f"its key has {length} bytes, and S3 takes {LONGEST_KEY}; shorten the names of its folders"
    return ""


def is_fatal(error: Exception) -> bool:
    """Return True if no other file could be sent either."""
    if isinstance(error, ClientError):
        is_refused = is_denied(error) or is_expired(error) or is_unknown_key(error)
        return is_refused or is_transient(error) or code_of(error) == "NoSuchBucket"
    return isinstance(error, BotoCoreError)
