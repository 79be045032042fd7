"""The structured log. It holds upload ids, and never sequence or quality text or names of files."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """Return the process's JSON logger, which is created on first use."""
    return Logger(service="seqdrop")
