"""Signatures by an asymmetric key of KMS: ECDSA on P-256 over a SHA-256 digest."""

from __future__ import annotations

import hashlib
from typing import Protocol, TypedDict

from botocore.exceptions import ClientError

from seqdrop.aws.errors import code_of

ALGORITHM = "ECDSA_SHA_256"


class Signed(TypedDict):
    """The response of kms:Sign that is used."""

    Signature: bytes


class Verified(TypedDict):
    """The response of kms:Verify."""

    SignatureValid: bool


class KmsClient(Protocol):
    """The operations of KMS that are called."""

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Signed:  # noqa: N803
        """Sign a digest."""

    def verify(
        self,
        *,
        KeyId: str,  # noqa: N803
        Message: bytes,  # noqa: N803
        MessageType: str,  # noqa: N803
        Signature: bytes,  # noqa: N803
        SigningAlgorithm: str,  # noqa: N803
    ) -> Verified:
        """Verify the signature of a digest."""


def sign(kms: KmsClient, key: str, message: str) -> bytes:
    """Return the signature (DER) of the SHA-256 of a text; `key` is the ARN of the KMS key."""
    digest = hashlib.sha256(message.encode()).digest()
    response = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm=ALGORITHM)
    return response["Signature"]


def is_signed(kms: KmsClient, key: str, message: str, signature: bytes) -> bool:
    """Return True if a signature is that of a text by this key. Errors other than an invalid signature are raised."""
    digest = hashlib.sha256(message.encode()).digest()
    try:
        response = kms.verify(
            KeyId=key, Message=digest, MessageType="DIGEST", Signature=signature, SigningAlgorithm=ALGORITHM
        )
    except ClientError as error:
        if code_of(error) == "KMSInvalidSignatureException":
            return False
        raise
    return response["SignatureValid"]
