"""Hypothesis has no deadline here: the duration of examples is not what these tests check."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
