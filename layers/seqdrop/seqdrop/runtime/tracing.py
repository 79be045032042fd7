"""Spans of the current invocation in AWS X-Ray, if the stack parameter Tracing is on.

The X-Ray library is imported only then: a function without traces does not pay for it. A span has ids as annotations,
by which X-Ray can search, and never names of files, sequence data or the text of an error. For the same reason the
calls to AWS are not traced one by one: X-Ray's library would record the keys of objects.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from aws_lambda_powertools import Tracer

VARIABLE = "SEQDROP_TRACING"  # "true": the stack parameter Tracing
SERVICE = "seqdrop"


def is_on() -> bool:
    """Return True if this function has traces."""
    return os.environ.get(VARIABLE) == "true"


def span(name: str, **annotations: str | int) -> AbstractContextManager[None]:
    """Return a context whose time is a span of the trace. The annotations are ids, or counts; empty ones are left out.

    If its block raises, the span is marked as a fault, with the type of the exception as the annotation `error`. The
    exception passes unchanged. Without traces, the context does nothing.
    """
    return _record(name, annotations) if is_on() else nullcontext()


@contextmanager
def _record(name: str, annotations: dict[str, str | int]) -> Iterator[None]:
    raised: BaseException | None = None
    with _tracer().provider.in_subsegment(name=name) as entered:
        segment: Any = entered  # of X-Ray's library; the type that Powertools declares has fewer methods
        for key, value in annotations.items():
            if value:
                segment.put_annotation(key=key, value=value)
        try:
            yield
        except BaseException as error:  # noqa: BLE001 # it is raised below, where X-Ray does not see its text
            raised = error
            segment.put_annotation(key="error", value=type(error).__name__)
            segment.add_fault_flag()
    if raised is not None:
        raise raised


@cache
def _tracer() -> Tracer:
    """Return the tracer of this process. It patches no library."""
    from aws_lambda_powertools import Tracer

    return Tracer(service=SERVICE, auto_patch=False, disabled=False)
