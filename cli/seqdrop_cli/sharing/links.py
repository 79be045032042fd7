"""Presigned addresses of objects: every person who has one may read the object until it expires, without AWS account.

S3 accepts them for at most seven days. An address that was signed with temporary credentials ends with these, whatever
it asks for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.config import Config
from seqdrop import clock

from seqdrop_cli.errors import CREDENTIALS, CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.target import Target

SHOWN = (".html",)
SOON = timedelta(minutes=5)  # credentials that end earlier are of no use
# S3 refuses the older signature, which boto3 still chooses for some regions, for objects that KMS encrypts.
SIGNING = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
EMBEDDED_SIGNING = Config(signature_version="s3v4", s3={"addressing_style": "path"})
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"  # set beside AWS_SESSION_TOKEN by tools that export credentials


@dataclass(frozen=True)
class Validity:
    """Until when links work. `limit` says why that is earlier than what was asked for; "" if it is not.

    `is_exact` is False if temporary credentials do not say when they end.
    """

    since: datetime
    until: datetime
    limit: str = ""
    is_exact: bool = True

    @property
    def seconds(self) -> int:
        """For how long."""
        return int((self.until - self.since).total_seconds())


def find_validity(target: Target, days: int) -> Validity:
    """Return until when links that are made now will work. Raise CommandError without usable credentials."""
    since = clock.utc_now()
    validity = Validity(since, since + timedelta(days=days))
    credentials = target.session.get_credentials()
    if credentials is None:
        raise CommandError(f"no AWS credentials were found; {CREDENTIALS}")
    if not credentials.get_frozen_credentials().token:
        return validity
    end = _find_end(credentials)
    if end is None:
        limit = "your AWS credentials are temporary and do not say when they end: the links end with them"
        return replace(validity, limit=limit, is_exact=False)
    if end - since < SOON:
        raise CommandError(f"your AWS credentials end at {format_time(end)}; log in again, and repeat the command")
    if end >= validity.until:
        return validity
    return replace(validity, until=end, limit="your AWS credentials are temporary, and the links end with them")


def _find_end(credentials: object) -> datetime | None:
    """Return when temporary credentials end; None if that is not known."""
    end = getattr(credentials, "_expiry_time", None)  # botocore has no other way to ask
    if isinstance(end, datetime):
        return end
    text = os.environ.get(EXPIRATION, "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def format_time(moment: datetime) -> str:
    """Return a time for people, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def signing_client(target: Target) -> S3Client:
    """Return the client that makes links."""
    config = EMBEDDED_SIGNING if target.endpoint else SIGNING
    client: S3Client = target.session.client("s3", endpoint_url=target.endpoint, config=config)
    return client


def sign(s3: S3Client, place: dict[str, str], seconds: int, name: str) -> str:
    """Return a link to an object, which a browser saves under a name; pages are shown."""
    kind = "inline" if name.endswith(SHOWN) else "attachment"
    parameters = {**place, "ResponseContentDisposition": f"{kind}; filename*=UTF-8''{quote(name, safe='')}"}
    return s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
