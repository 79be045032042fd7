"""Requests that count as secure transport, because bucket policies refuse plain HTTP.

The embedded AWS listens on loopback only, where no third party can intercept a request. The template keeps its TLS-only
policies (`aws:SecureTransport`), and a test shows that they are evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.core import iam_evaluator

if TYPE_CHECKING:
    from ministack.core.iam_evaluator import EvalContext

KEY = "aws:securetransport"


def apply() -> None:
    """Resolve the condition key to "true", and every other key as before."""
    resolve = iam_evaluator._resolve_condition_key

    def resolve_secure(key: str, ctx: EvalContext) -> object:
        return "true" if key.lower() == KEY else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_secure
