"""Expected errors as lines for people: each says what went wrong, and what to do next."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.exceptions import BotoCoreError, ClientError

START = "start it with `make demo KEEP=1`"
CREDENTIALS = "set AWS_PROFILE to a profile of ~/.aws/config, or run `aws configure`"


class CommandError(Exception):
    """A command cannot be carried out; the message is a sentence that says what to do."""


class UsageError(CommandError):
    """A command line cannot be parsed, or lacks a condition."""


class StackNotFoundError(CommandError):
    """There is no stack that the command could use."""


def describe(error: Exception) -> str | None:
    """Return the line that reports an expected error; None for any other exception, which is a bug."""
    if isinstance(error, OSError):
        return _describe_os_error(error)
    if "botocore" in sys.modules:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            return _describe_client_error(error)
        if isinstance(error, BotoCoreError):
            return _describe_boto_error(error)
    return str(error) if isinstance(error, CommandError | ValueError) or _is_seqdrop_error(error) else None


def _is_seqdrop_error(error: Exception) -> bool:
    from seqdrop.errors import SeqdropError

    return isinstance(error, SeqdropError)


# -- files --

_FILE_SENTENCES: dict[int, str] = {
    errno.ENOENT: "{path} does not exist; check the path",
    errno.EISDIR: "{path} is a folder; name a file in it",
    errno.ENOTDIR: "{path} is not a folder, or lies below a file; check the path",
    errno.EACCES: "{path} may not be opened; `ls -ld` shows who may read or write it",
    errno.EPERM: "{path} may not be changed; `ls -ld` shows who may",
    errno.EEXIST: "{path} exists already; name another path",
    errno.ENOSPC: "the disk is full; free some space and repeat the command",
    errno.EROFS: "{path} is on a read-only file system; name another path",
}


def _describe_os_error(error: OSError) -> str:
    sentence = _FILE_SENTENCES.get(error.errno or 0)
    if sentence is None or error.filename is None:
        return error.strerror or str(error)
    return sentence.format(path=error.filename)


# -- AWS --


def _describe_client_error(error: ClientError) -> str:
    from seqdrop.aws.errors import code_of, is_denied, is_expired, is_unknown_key, message_of

    code, message = code_of(error), message_of(error)
    if is_expired(error):
        return f"the AWS credentials have expired ({code}); log in again, for example with `aws sso login`"
    if is_unknown_key(error):
        return f"AWS does not accept the credentials ({code}); {CREDENTIALS}"
    if is_denied(error):
        return f"AWS denies {error.operation_name} ({code}: {message}); ask for that permission, or set AWS_PROFILE"
    return f"AWS refused {error.operation_name} ({code}): {message}"


def _describe_boto_error(error: BotoCoreError) -> str:
    sentence = _BOTO_SENTENCES.get(type(error).__name__)
    return sentence(error) if sentence else " ".join(str(error).split())


def _unreachable(error: BotoCoreError) -> str:
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    if url.startswith(("http://127.", "http://localhost")):
        return f"the embedded AWS at {url} does not respond; {START}"
    return f"{url} cannot be reached; check the network and the region (--region)"


def _no_region(_: BotoCoreError) -> str:
    return "no AWS region is set; name it with --region, or set AWS_DEFAULT_REGION or AWS_PROFILE"


_BOTO_SENTENCES: dict[str, Callable[[BotoCoreError], str]] = {
    "NoRegionError": _no_region,
    "NoCredentialsError": lambda _: f"no AWS credentials were found; {CREDENTIALS}",
    "PartialCredentialsError": lambda error: f"the AWS credentials are incomplete ({error}); {CREDENTIALS}",
    "ProfileNotFound": lambda error: f"{error}; `aws configure list-profiles` lists the profiles for AWS_PROFILE",
    "InvalidRegionError": lambda error: f"{str(error).rstrip('.')}; name a region such as us-east-1 with --region",
    "UnauthorizedSSOTokenError": lambda _: "the AWS login has expired; run `aws sso login`",
    "SSOTokenLoadError": lambda _: "there is no AWS login; run `aws sso login`",
    "TokenRetrievalError": lambda _: "the AWS login has expired; run `aws sso login`",
    "EndpointConnectionError": _unreachable,
    "ConnectTimeoutError": _unreachable,
    "ReadTimeoutError": _unreachable,
    "ConnectionClosedError": _unreachable,
}
