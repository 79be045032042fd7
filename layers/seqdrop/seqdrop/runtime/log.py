"""The structured log. Sequence and quality text never goes in; upload ids always do."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """One JSON logger per process, made when first used."""
    return Logger(service="seqdrop")
