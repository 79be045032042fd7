"""keep: files are validated, reported and archived, without a model (`raw/`)."""

from __future__ import annotations

from seqdrop.config.kind import Kind


class Keep(Kind):
    """Most of what a sequencer makes."""

    name = "keep"
