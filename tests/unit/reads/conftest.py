"""Examples take the time they take: how long is not what these tests are about."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
