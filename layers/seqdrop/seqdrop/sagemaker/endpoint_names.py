"""Names of endpoints and of their configurations.

An endpoint keeps its name for as long as it exists: it is derived from the stack and the analysis. A configuration
cannot be changed, so its name has a digest of what it says, and a repeated request names the same configuration.
"""

from __future__ import annotations

import hashlib
import re

# SageMaker's pattern of the names of endpoints, configurations and models.
PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
LONGEST = 63
DIGITS = 12  # of the digest in the name of a configuration
VARIANT = "current"
"""Name of the only production variant of each endpoint; scaling targets and metrics name it."""


def endpoint_name(stack: str, analysis: str) -> str:
    """Return `<stack>-<analysis>`, the name of the real-time endpoint of an analysis."""
    return _shortened(f"{stack}-{analysis}", LONGEST)


def async_endpoint_name(stack: str, analysis: str) -> str:
    """Return `<stack>-<analysis>-async`, the name of the asynchronous endpoint of an analysis."""
    return _shortened(f"{stack}-{analysis}-async", LONGEST)


def configuration_name(endpoint: str, content: str) -> str:
    """Return the name of the configuration of `endpoint` with this content: JSON with the model and all settings."""
    return configuration_prefix(endpoint) + hashlib.sha256(content.encode()).hexdigest()[:DIGITS]


def configuration_prefix(endpoint: str) -> str:
    """Return the part of the names of an endpoint's configurations that comes before the digest."""
    return _shortened(endpoint, LONGEST - DIGITS - 1) + "-"


def is_configuration_of(endpoint: str, name: str) -> bool:
    """Return True if `name` is the name of a configuration of `endpoint`, not of one whose name begins alike."""
    prefix, digest = name[:-DIGITS], name[-DIGITS:]
    return prefix == configuration_prefix(endpoint) and re.fullmatch(r"[0-9a-f]+", digest) is not None


def _shortened(name: str, longest: int) -> str:
    """Return a name of at most `longest` characters; a digest of the whole name replaces what does not fit."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
