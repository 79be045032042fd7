"""The head of the chain of receipts, kept outside the results bucket: mailed, or signed with a key of KMS.

Without it, nothing would show that the last manifests were removed. A mail is sent when there is a new manifest, so at
most once a day. With a signing key there are no mails: each day a statement is signed that names the last manifest and
the time, also if nothing is new, because an old statement could otherwise be put back.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.archive.manifest import signed_message
from seqdrop.aws import keys
from seqdrop.aws.signing import ALGORITHM, sign
from seqdrop.errors import ConfigurationError
from seqdrop.runtime.services import Services, now
from seqdrop.stages.reconcile.manifests import CHAIN, find_head

if TYPE_CHECKING:
    from seqdrop.archive.manifest import Link, Statement
    from seqdrop.ledger.coordination import Position

SIGNED = "signed head"  # name of the position in the ledger: when which manifest was signed last


def publish_head(services: Services) -> dict[str, int]:
    """Mail the head of the chain if it is new, or sign it if it is new or was not signed today.

    A crash may repeat the mail, but never leaves it out. Return no count, because each is a metric that costs money.
    """
    position = services.ledger.position(CHAIN)
    head = find_head(position)
    if head is None:
        return {}
    if services.settings.signing_key:
        _sign(services, head)
    elif position.place.get("unmailed"):
        _mail(services, position, head)
    return {}


def name_head(head: Link) -> str:
    """Return a head as `seqdrop verify-receipts --head` takes it: the manifest's name, a colon, its SHA-256."""
    return f"{head['key'].removeprefix(keys.MANIFESTS).removesuffix('.json')}:{head['sha256']}"


def _mail(services: Services, position: Position, head: Link) -> None:
    services.notify(
        f"Seqdrop: manifest {head['manifest']} of the receipts",
        f"The receipts of newly archived files are listed in manifest {head['manifest']}:\n"
        f"  s3://{services.settings.results}/{head['key']}\n"
        f"Its SHA-256 is:\n  {head['sha256']}\n\n"
        "Keep this mail. It proves all manifests and receipts up to this one. To verify them:\n"
        f"  seqdrop verify-receipts --head {name_head(head)}\n",
    )
    place = {name: value for name, value in position.place.items() if name != "unmailed"}
    services.ledger.save(replace(position, place=place))


def _sign(services: Services, head: Link) -> None:
    time = now()
    position = services.ledger.position(SIGNED)
    if position.place == {"sha256": head["sha256"], "date": time[:10]}:
        return
    if services.kms is None:
        raise ConfigurationError("SignReceipts is true, and this function has no client of KMS")
    key, message = services.settings.signing_key, signed_message(head, time)
    statement: Statement = {
        "head": head,
        "as_of": time,
        "key": key,
        "algorithm": ALGORITHM,
        "message": message,
        "signature": base64.b64encode(sign(services.kms, key, message)).decode(),
    }
    services.put_json(services.settings.results, keys.SIGNED_HEAD, statement)
    services.ledger.save(replace(position, place={"sha256": head["sha256"], "date": time[:10]}))
