"""How many examples Hypothesis tries: a share of them in `make test`, all in `make test-all`."""

from __future__ import annotations

from hypothesis import settings

ALL = 100  # examples of a test that names no number, as in Hypothesis
QUICK = 40  # the same in `make test`


def load_profile(is_quick: bool) -> None:
    """Set the number of examples for tests without one. There is no deadline: time depends on the machine as well."""
    settings.register_profile("seqdrop", deadline=None, max_examples=QUICK if is_quick else ALL)
    settings.load_profile("seqdrop")


def share(count: int) -> int:
    """Return the number of examples to try, for a test that tries `count` of them in `make test-all`."""
    return -(-count * settings().max_examples // ALL)
