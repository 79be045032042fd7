"""Names such as `000000000000.127.0.0.1`, which boto3 asks for when it calls S3 Control at an endpoint of loopback.

botocore puts the account id before the host of every endpoint of S3 Control, and no setting turns that off. On AWS this
is a name of the service. On loopback no resolver knows it, so a process that uses the embedded AWS resolves it itself.
The workers of Lambda functions receive the text of this file, so it imports the standard library only.
"""

import re
import socket

ACCOUNT_HOST = re.compile(r"\d{12}\.(127\.0\.0\.1|localhost)")


def resolve_account_hosts() -> None:
    """Make this process resolve such a name to the host behind the account id; further calls do nothing."""
    resolve = socket.getaddrinfo
    if getattr(resolve, "knows_account_hosts", False):
        return

    def resolve_host(host: object, *arguments: object, **options: object) -> list:
        match = ACCOUNT_HOST.fullmatch(host) if isinstance(host, str) else None
        return resolve(match[1] if match else host, *arguments, **options)

    resolve_host.knows_account_hosts = True
    socket.getaddrinfo = resolve_host
