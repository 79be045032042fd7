"""Bucket policies that refuse plain HTTP (`aws:SecureTransport`) must not stop the embedded AWS.

It listens on loopback only, where nothing between client and server could listen in; so its requests count as
secure. The template keeps its TLS-only policies, and a test shows that they are evaluated.
"""

from ministack.core import iam_evaluator

KEY = "aws:securetransport"


def apply() -> None:
    """Answer "true" for the condition key; every other key is resolved as before."""
    resolve = iam_evaluator._resolve_condition_key

    def secure(key: str, ctx):
        return "true" if key.lower() == KEY else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = secure
