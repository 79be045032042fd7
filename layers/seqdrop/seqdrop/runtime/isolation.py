"""Isolation: an element that fails does not affect its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Outcomes(Generic[T, R]):
    """What a function returned for the elements that it could handle, and the elements for which it raised."""

    results: list[R] = field(default_factory=list)
    failed: list[T] = field(default_factory=list)


def try_each(
    elements: Iterable[T], handle: Callable[[T], R], name: Callable[[T], Mapping[str, object]]
) -> Outcomes[T, R]:
    """Call `handle` with each element. An error is logged with the fields that `name` returns for the element.

    Names of files may not be among these fields.
    """
    outcomes, log = Outcomes[T, R](), logger()
    for element in elements:
        try:
            outcomes.results.append(handle(element))
        except Exception:
            log.exception("not handled", extra=dict(name(element)))
            outcomes.failed.append(element)
    return outcomes
