"""A check of the reconciler: it finds and repairs one kind of lost work."""

from collections.abc import Callable, Mapping

from seqdrop.runtime.services import Services

# Returns a count, or several by the names of their metrics.
Check = Callable[[Services], float | Mapping[str, float]]
